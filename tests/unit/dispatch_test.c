/* Dispatch against a platform that is played by dice: order per author, one call at a time for each, the window, the
 * gates, attempts, and units taken back in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/dispatch.h"

enum { UNITS_MAX = 600, AUTHORS = 20, PARTITIONS = 3, CALLS_MAX = 3 };

struct world {
    struct dispatch *dispatch;
    int64_t now_ms;
    unsigned seed;
    struct partition partitions[PARTITIONS];
    struct work works[UNITS_MAX];
    struct unit units[UNITS_MAX];
    struct call calls[UNITS_MAX][CALLS_MAX];
    char ids[AUTHORS][16];
    int author_of[UNITS_MAX];
    size_t unit_count;
    struct unit *flying[UNITS_MAX];
    size_t flying_count, widest, sent;
    int busy[AUTHORS];       /* calls on the way */
    int last_ended[AUTHORS]; /* the unit that ended last: they end in the order in which they were added */
    bool ended[UNITS_MAX], dropped[UNITS_MAX];
    size_t room; /* connections of the client */
    int opened, closed, ours;
};

static int number_of(const struct world *world, const struct unit *unit)
{
    return (int)(unit - world->units);
}

static enum wd_status send_call(void *context, struct unit *unit, struct call *call, struct wd_error *err)
{
    (void)err;
    struct world *world = context;
    int number = number_of(world, unit), author = world->author_of[number];
    if (world->flying_count >= world->room)
        return WD_ERR_UNAVAILABLE;
    assert_ptr_equal(call, &unit->calls[unit->current]);
    assert_int_equal(call->state, CALL_PENDING);
    for (size_t i = 0; i < unit->current; i++)
        assert_int_not_equal(unit->calls[i].state, CALL_PENDING);
    assert_int_equal(world->busy[author]++, 0);
    assert_true(world->last_ended[author] < number);
    for (int earlier = world->last_ended[author] + 1; earlier < number; earlier++)
        assert_true(world->author_of[earlier] != author || world->ended[earlier] || world->dropped[earlier]);
    world->flying[world->flying_count++] = unit;
    if (world->flying_count > world->widest)
        world->widest = world->flying_count;
    world->sent++;
    return WD_OK;
}

static void on_ended(void *context, struct unit *unit)
{
    struct world *world = context;
    int number = number_of(world, unit);
    assert_false(world->ended[number]);
    world->ended[number] = true;
    world->last_ended[world->author_of[number]] = number;
}

static void on_gate(void *context, const char *group, bool open, bool ours, const struct outcome *outcome)
{
    struct world *world = context;
    assert_non_null(group);
    assert_int_equal(open, outcome != NULL);
    world->opened += open;
    world->closed += !open;
    world->ours += ours && open;
}

static const struct dispatch_options OPTIONS = {
    .max_in_flight = 16,
    .max_attempts = 4,
    .backoff = {.base_ms = 100, .max_ms = 2000},
    .gate = {.window_ms = 10000, .failure_ratio = 0.9, .min_calls = 50, .probe_ms = 1000, .ramp_to = 8},
    .seed = 1};

static struct world *world_new(unsigned seed, const struct dispatch_options *options)
{
    struct world *world = calloc(1, sizeof(*world));
    world->seed = seed;
    world->room = SIZE_MAX;
    struct dispatch_port port = {.context = world, .send = send_call, .ended = on_ended, .gate_changed = on_gate};
    world->dispatch = dispatch_new(options, &port, 0);
    for (int i = 0; i < PARTITIONS; i++)
        TAILQ_INIT(&world->partitions[i].lane);
    for (int i = 0; i < AUTHORS; i++) {
        snprintf(world->ids[i], sizeof(world->ids[i]), "user-%d", i);
        world->last_ended[i] = -1;
    }
    return world;
}

static void world_free(struct world *world)
{
    dispatch_free(world->dispatch);
    free(world);
}

static struct unit *add(struct world *world, int author, int partition, size_t calls, const char *group)
{
    size_t n = world->unit_count++;
    world->author_of[n] = author;
    world->works[n].partition = &world->partitions[partition];
    struct unit *unit = &world->units[n];
    *unit = (struct unit){.work = &world->works[n],
                          .calls = world->calls[n],
                          .call_count = calls,
                          .author_id = wd_str_from(world->ids[author])};
    for (size_t i = 0; i < calls; i++)
        unit->calls[i].request.group = group;
    assert_int_equal(dispatch_add(world->dispatch, unit), WD_OK);
    return unit;
}

static void settle(struct world *world, size_t at, struct outcome outcome)
{
    struct unit *unit = world->flying[at];
    world->flying[at] = world->flying[--world->flying_count];
    world->busy[world->author_of[number_of(world, unit)]]--;
    dispatch_settle(world->dispatch, unit, &outcome, world->now_ms);
}

static void settle_all(struct world *world, struct outcome outcome)
{
    while (world->flying_count)
        settle(world, world->flying_count - 1, outcome);
}

static const struct outcome DONE = {.class = OUTCOME_DONE, .http_status = 200, .retry_after_ms = -1};
static const struct outcome BROKEN = {.class = OUTCOME_RETRY, .http_status = 500, .retry_after_ms = -1};
static const struct outcome REFUSED = {.class = OUTCOME_STOP, .http_status = 401, .retry_after_ms = -1};
static const struct outcome NEVER = {.class = OUTCOME_PERMANENT, .http_status = 422, .retry_after_ms = -1};

static void authors_run_side_by_side_and_in_order(void **state)
{
    (void)state;
    struct world *world = world_new(1, &OPTIONS);
    for (int i = 0; i < 3; i++) {
        add(world, 0, 0, 2, "a");
        add(world, 1, 0, 1, "a");
    }
    dispatch_run(world->dispatch, 0);
    assert_int_equal(world->flying_count, 2);
    for (int turn = 0; turn < 6; turn++) {
        settle_all(world, DONE);
        assert_int_equal(dispatch_run(world->dispatch, 0), -1);
    }
    for (size_t i = 0; i < world->unit_count; i++)
        assert_true(world->ended[i]);
    assert_int_equal(world->sent, 9);
    world_free(world);
}

static void the_window_and_the_client_are_not_overrun(void **state)
{
    (void)state;
    struct world *world = world_new(1, &OPTIONS);
    for (int author = 0; author < AUTHORS; author++)
        add(world, author, author % PARTITIONS, 1, "a");
    world->room = 5;
    dispatch_run(world->dispatch, 0);
    assert_int_equal(world->flying_count, 5);
    world->room = SIZE_MAX;
    dispatch_run(world->dispatch, 0);
    assert_int_equal(world->flying_count, 16);
    settle_all(world, DONE);
    dispatch_run(world->dispatch, 0);
    assert_int_equal(world->flying_count, 4);
    settle_all(world, DONE);
    world_free(world);
}

static void partitions_take_turns(void **state)
{
    (void)state;
    struct dispatch_options options = OPTIONS;
    options.max_in_flight = 6;
    struct world *world = world_new(1, &options);
    for (int i = 0; i < 12; i++)
        add(world, i, 0, 1, "a");
    for (int i = 12; i < 15; i++)
        add(world, i, 1, 1, "a");
    dispatch_run(world->dispatch, 0);
    int of_second = 0;
    for (size_t i = 0; i < world->flying_count; i++)
        of_second += world->flying[i]->work->partition == &world->partitions[1];
    assert_int_equal(of_second, 3);
    settle_all(world, DONE);
    world_free(world);
}

static void a_permanent_failure_goes_on_with_the_next_action(void **state)
{
    (void)state;
    struct world *world = world_new(1, &OPTIONS);
    struct unit *unit = add(world, 0, 0, 2, "a");
    dispatch_run(world->dispatch, 0);
    settle_all(world, NEVER);
    dispatch_run(world->dispatch, 0);
    settle_all(world, DONE);
    assert_true(world->ended[0]);
    assert_int_equal(unit->calls[0].state, CALL_FAILED);
    assert_int_equal(unit->calls[1].state, CALL_SUCCEEDED);
    world_free(world);
}

static void attempts_are_used_up_only_while_the_breaker_is_closed(void **state)
{
    (void)state;
    struct world *world = world_new(1, &OPTIONS);
    struct unit *unit = add(world, 0, 0, 1, "a");
    for (int attempt = 0; attempt < 4; attempt++) {
        dispatch_run(world->dispatch, world->now_ms);
        assert_int_equal(world->flying_count, 1);
        settle_all(world, BROKEN);
        world->now_ms += 5000;
    }
    assert_true(world->ended[0]);
    assert_int_equal(unit->calls[0].attempts, 4);
    assert_int_equal(unit->calls[0].state, CALL_FAILED);
    world_free(world);
}

static void an_outage_costs_no_attempts_and_sends_only_probes(void **state)
{
    (void)state;
    struct dispatch_options options = OPTIONS;
    options.gate.min_calls = 10;
    options.max_in_flight = 100;
    struct world *world = world_new(1, &options);
    for (int author = 0; author < AUTHORS; author++)
        add(world, author, 0, 1, "a");
    dispatch_run(world->dispatch, 0);
    settle_all(world, BROKEN);
    assert_int_equal(world->opened, 1);
    size_t before = world->sent;
    for (int second = 0; second < 600; second++) { /* ten minutes of outage */
        world->now_ms += 1000;
        dispatch_run(world->dispatch, world->now_ms);
        assert_true(world->flying_count <= 1);
        settle_all(world, BROKEN);
    }
    assert_true(world->sent - before <= 600);
    for (int turn = 0; turn < 400; turn++) {
        world->now_ms += 100;
        dispatch_run(world->dispatch, world->now_ms);
        settle_all(world, DONE);
    }
    for (int i = 0; i < AUTHORS; i++) {
        assert_true(world->ended[i]);
        assert_int_equal(world->units[i].calls[0].state, CALL_SUCCEEDED);
    }
    assert_int_equal(world->closed, 1);
    world_free(world);
}

static void a_refused_token_stops_everything_and_heals(void **state)
{
    (void)state;
    struct world *world = world_new(1, &OPTIONS);
    for (int author = 0; author < AUTHORS; author++)
        add(world, author, 0, 1, author % 2 ? "a" : "b");
    dispatch_run(world->dispatch, 0);
    settle_all(world, REFUSED);
    assert_int_equal(world->ours, 1);
    int64_t wait = dispatch_run(world->dispatch, 10);
    assert_int_equal(world->flying_count, 0);
    assert_true(wait > 0 && wait <= 1000);
    world->now_ms = 2000;
    dispatch_run(world->dispatch, world->now_ms);
    assert_int_equal(world->flying_count, 1);
    settle_all(world, REFUSED);
    dispatch_probe_platform(world->dispatch, world->now_ms); /* the token was read anew */
    for (int turn = 0; turn < 60; turn++) {
        dispatch_run(world->dispatch, world->now_ms);
        settle_all(world, DONE);
    }
    for (int i = 0; i < AUTHORS; i++)
        assert_true(world->ended[i]);
    world_free(world);
}

static void a_notification_that_is_refused_stops_no_moderation(void **state)
{
    (void)state;
    struct world *world = world_new(1, &OPTIONS);
    struct unit *unit = add(world, 0, 0, 1, "notify");
    unit->calls[0].action.kind = WD_ACTION_NOTIFY;
    dispatch_run(world->dispatch, 0);
    settle_all(world, REFUSED);
    add(world, 1, 0, 1, "a");
    dispatch_run(world->dispatch, 10);
    assert_int_equal(world->flying_count, 1);
    settle_all(world, DONE);
    world_free(world);
}

static void retry_after_holds_the_group_for_everybody(void **state)
{
    (void)state;
    struct world *world = world_new(1, &OPTIONS);
    add(world, 0, 0, 1, "a");
    dispatch_run(world->dispatch, 0);
    add(world, 1, 0, 1, "a");
    add(world, 2, 0, 1, "b");
    settle_all(world,
               (struct outcome){.class = OUTCOME_RETRY, .http_status = 429, .retry_after_ms = 3000, .throttled = true});
    assert_int_equal(dispatch_run(world->dispatch, 0), 3000);
    assert_int_equal(world->flying_count, 1); /* group b goes on */
    settle_all(world, DONE);
    assert_int_equal(dispatch_run(world->dispatch, 2999), 1);
    dispatch_run(world->dispatch, 3000);
    assert_int_equal(world->flying_count, 2);
    assert_int_equal(world->units[0].calls[0].failures, 0);
    settle_all(world, DONE);
    world_free(world);
}

static void an_absurd_retry_after_is_cut(void **state)
{
    (void)state;
    struct dispatch_options options = OPTIONS;
    options.max_hold_ms = 60000;
    struct world *world = world_new(1, &options);
    add(world, 0, 0, 1, "a");
    dispatch_run(world->dispatch, 0);
    settle_all(world, (struct outcome){
                          .class = OUTCOME_RETRY, .http_status = 429, .retry_after_ms = 3600000, .throttled = true});
    assert_int_equal(dispatch_run(world->dispatch, 0), 60000);
    dispatch_run(world->dispatch, 60000);
    assert_int_equal(world->flying_count, 1);
    settle_all(world, DONE);
    world_free(world);
}

/* Lets `seconds` pass in steps of 10 ms; every call is answered at once. Returns the calls sent. */
static size_t sent_within(struct world *world, int seconds)
{
    size_t before = world->sent;
    for (int64_t end_ms = world->now_ms + seconds * 1000; world->now_ms < end_ms; world->now_ms += 10) {
        dispatch_run(world->dispatch, world->now_ms);
        settle_all(world, DONE);
    }
    return world->sent - before;
}

static void rates_of_our_own_are_kept(void **state)
{
    (void)state;
    static const struct dispatch_rate RATES[] = {{"slow", 5}};
    struct dispatch_options options = OPTIONS;
    options.rate_per_second = 20;
    options.burst = 4;
    options.group_rates = RATES;
    options.group_rate_count = 1;
    struct world *world = world_new(1, &options);
    for (int i = 0; i < 200; i++)
        add(world, i % AUTHORS, i % PARTITIONS, 1, "a");
    size_t sent = sent_within(world, 5);
    assert_in_range(sent, 95, 104); /* 20 a second and the burst */
    sent_within(world, 20);         /* the rest, and a pause in which the bucket fills, but not more than full */
    for (int i = 0; i < 60; i++)
        add(world, i % AUTHORS, i % PARTITIONS, 1, "slow");
    sent = sent_within(world, 4);
    assert_in_range(sent, 19, 24);
    int64_t wait = dispatch_run(world->dispatch, world->now_ms);
    assert_in_range(wait, 1, 201); /* it says when it wants to run again, and does not want to spin */
    sent_within(world, 10);
    for (size_t i = 0; i < world->unit_count; i++)
        assert_true(world->ended[i]);
    world_free(world);
}

static void webhooks_do_not_count_against_the_platforms_rate(void **state)
{
    (void)state;
    struct dispatch_options options = OPTIONS;
    options.rate_per_second = 1;
    options.burst = 1;
    struct world *world = world_new(1, &options);
    for (int author = 0; author < 5; author++)
        add(world, author, 0, 1, "notify")->calls[0].action.kind = WD_ACTION_NOTIFY;
    dispatch_run(world->dispatch, 0);
    assert_int_equal(world->flying_count, 5);
    settle_all(world, DONE);
    world_free(world);
}

static struct outcome by_dice(struct world *world)
{
    int dice = rand_r(&world->seed) % 100;
    struct outcome outcome = {.class = OUTCOME_DONE, .http_status = 200, .retry_after_ms = -1};
    if (dice < 20)
        outcome = BROKEN;
    else if (dice < 25)
        outcome = (struct outcome){.class = OUTCOME_RETRY, .ambiguous = true, .retry_after_ms = -1};
    else if (dice < 30)
        outcome = (struct outcome){.class = OUTCOME_RETRY,
                                   .http_status = 429,
                                   .throttled = true,
                                   .retry_after_ms = rand_r(&world->seed) % 2000};
    else if (dice < 32)
        outcome = REFUSED;
    else if (dice < 36)
        outcome = NEVER;
    return outcome;
}

static void one_history(unsigned seed)
{
    struct world *world = world_new(seed, &OPTIONS);
    bool gone[UNITS_MAX] = {0};
    for (int step = 0; step < 40000; step++) {
        int dice = rand_r(&world->seed) % 100;
        if (dice < 20 && world->unit_count < UNITS_MAX) {
            static const char *const GROUPS[] = {"a", "b", "c"};
            add(world, rand_r(&world->seed) % AUTHORS, rand_r(&world->seed) % PARTITIONS,
                (size_t)(1 + rand_r(&world->seed) % CALLS_MAX), GROUPS[rand_r(&world->seed) % 3]);
        } else if (dice < 60 && world->flying_count) {
            settle(world, (size_t)rand_r(&world->seed) % world->flying_count, by_dice(world));
        } else if (dice < 61 && world->unit_count) {
            size_t pick = (size_t)rand_r(&world->seed) % world->unit_count;
            if (!world->ended[pick] && !gone[pick]) {
                gone[pick] = true;
                world->dropped[pick] = dispatch_drop(world->dispatch, &world->units[pick]);
            }
        }
        world->now_ms += rand_r(&world->seed) % 20;
        dispatch_run(world->dispatch, world->now_ms);
        if (world->unit_count == UNITS_MAX && !world->flying_count)
            world->now_ms += 500;
    }
    for (size_t i = 0; i < world->unit_count; i++) {
        assert_true(world->ended[i] || world->dropped[i]);
        if (gone[i])
            continue;
        for (size_t j = 0; j < world->units[i].call_count; j++)
            assert_int_not_equal(world->calls[i][j].state, CALL_PENDING);
    }
    assert_true(world->widest <= 16);
    assert_int_equal(dispatch_in_flight(world->dispatch), 0);
    world_free(world);
}

static void random_histories_keep_every_promise(void **state)
{
    (void)state;
    const char *given = getenv("WARDEN_TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("seed %u (WARDEN_TEST_SEED repeats it)\n", seed);
    for (unsigned i = 0; i < 20; i++)
        one_history(seed + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authors_run_side_by_side_and_in_order),
        cmocka_unit_test(the_window_and_the_client_are_not_overrun),
        cmocka_unit_test(partitions_take_turns),
        cmocka_unit_test(a_permanent_failure_goes_on_with_the_next_action),
        cmocka_unit_test(attempts_are_used_up_only_while_the_breaker_is_closed),
        cmocka_unit_test(an_outage_costs_no_attempts_and_sends_only_probes),
        cmocka_unit_test(a_refused_token_stops_everything_and_heals),
        cmocka_unit_test(a_notification_that_is_refused_stops_no_moderation),
        cmocka_unit_test(retry_after_holds_the_group_for_everybody),
        cmocka_unit_test(an_absurd_retry_after_is_cut),
        cmocka_unit_test(rates_of_our_own_are_kept),
        cmocka_unit_test(webhooks_do_not_count_against_the_platforms_rate),
        cmocka_unit_test(random_histories_keep_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
