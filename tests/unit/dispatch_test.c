/* Dispatch against a platform that is played by dice: order per author, one call at a time for each, the window, the
 * gates, attempts, and units taken back in the middle. */
#include "tests/unit/dispatch_world.h"

#include <time.h>

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
        of_second += TAILQ_FIRST(&world->flying[i]->units)->work->partition == &world->partitions[1];
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

/* Partitions that go away take everybody along who waited for the platform to heal: then a newcomer has to find out,
 * and whoever stands behind a busy author cannot. */
static void an_open_gate_where_nobody_waits_lets_newcomers_in(void **state)
{
    (void)state;
    struct world *world = world_new(1, &OPTIONS);
    for (int author = 0; author < 4; author++)
        add(world, author, 0, 1, "a");
    run_now(world);
    settle(world, 0, REFUSED);
    assert_true(dispatch_is_shut(world->dispatch));
    for (int i = 0; i < 4; i++) {
        world->dropped[i] = true;
        dispatch_drop(world->dispatch, &world->units[i]);
    }
    assert_int_equal(world->flying_count, 3); /* their authors stay busy */
    assert_false(dispatch_is_shut(world->dispatch));
    int busy = world->author_of[number_of(world, TAILQ_FIRST(&world->flying[0]->units))];
    add(world, busy, 1, 1, "a");
    run_now(world);
    assert_false(dispatch_is_shut(world->dispatch)); /* he cannot be the probe */
    add(world, 10, 1, 1, "a");
    run_now(world);
    assert_true(dispatch_is_shut(world->dispatch)); /* he can: nobody else is needed */
    world->now_ms = 5000;
    run_now(world);
    assert_int_equal(world->flying_count, 4);
    assert_true(dispatch_is_shut(world->dispatch)); /* the probe is on its way */
    settle(world, 3, DONE);
    assert_int_equal(dispatch_open_gates(world->dispatch), 0);
    settle_all(world, DONE);
    run_now(world);
    settle_all(world, DONE);
    for (int i = 4; i < 6; i++)
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
            settle(world, (size_t)rand_r(&world->seed) % world->flying_count, by_dice(world, true));
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
        cmocka_unit_test(an_open_gate_where_nobody_waits_lets_newcomers_in),
        cmocka_unit_test(a_notification_that_is_refused_stops_no_moderation),
        cmocka_unit_test(retry_after_holds_the_group_for_everybody),
        cmocka_unit_test(an_absurd_retry_after_is_cut),
        cmocka_unit_test(rates_of_our_own_are_kept),
        cmocka_unit_test(webhooks_do_not_count_against_the_platforms_rate),
        cmocka_unit_test(random_histories_keep_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
