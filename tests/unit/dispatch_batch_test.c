/* Calls for several authors: who shares one, how long a call waits for company, what an answer for several means for
 * each, units taken out while they wait or while they are under way, and that none of it ever breaks the order of an
 * author's actions. What must hold at any time is checked by dispatch_world.c with every call that is sent. */
#include "tests/unit/dispatch_world.h"

#include <time.h>

static struct dispatch_options with_batches(int64_t wait_ms, size_t max)
{
    struct dispatch_options options = OPTIONS;
    options.batch_wait_ms = wait_ms;
    options.batch_max = max;
    return options;
}

static struct world *batching_world(unsigned seed)
{
    struct dispatch_options options = with_batches(5, 100);
    return world_new(seed, &options);
}

static void expect_flying(const struct world *world, size_t calls, size_t users)
{
    size_t aboard = 0;
    for (size_t i = 0; i < world->flying_count; i++)
        aboard += world->flying[i]->count;
    assert_int_equal(world->flying_count, calls);
    assert_int_equal(aboard, users);
}

static void expect_all_ended(const struct world *world, enum call_state state)
{
    for (size_t i = 0; i < world->unit_count; i++) {
        assert_true(world->ended[i]);
        for (size_t j = 0; j < world->units[i].call_count; j++)
            assert_int_equal(world->units[i].calls[j].state, state);
    }
}

/* ---- who shares ---- */

static void calls_that_differ_in_the_author_alone_share(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    for (int author = 0; author < 8; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    assert_int_equal(run_now(world), 5);
    expect_flying(world, 0, 0);
    world->now_ms = 5;
    run_now(world);
    expect_flying(world, 1, 8);
    settle_all(world, DONE);
    expect_all_ended(world, CALL_SUCCEEDED);
    for (int author = 0; author < 8; author++) {
        assert_int_equal(world->units[author].calls[0].users_in_call, 8);
        assert_int_equal(world->units[author].calls[0].attempts, 1);
    }
    world_free(world);
}

static void other_places_durations_rows_and_notices_do_not(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    add_shared(world, 0, &IN_BODY, 1, 60);
    add_shared(world, 1, &IN_BODY, 2, 60);
    add_shared(world, 2, &IN_BODY, 1, 61);
    add_shared(world, 3, &IN_QUERY, 1, 60);
    add(world, 4, 0, 1, "shared");
    add_shared(world, 5, &IN_BODY, 1, 60)->calls[0].request.entry = 4;
    add_shared(world, 6, &IN_BODY, 1, 60);
    add_shared(world, 7, &IN_QUERY, 1, 60);
    run_now(world);
    expect_flying(world, 1, 1); /* what cannot share waits for nobody */
    world->now_ms = 5;
    run_now(world);
    expect_flying(world, 6, 8);
    settle_all(world, DONE);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

static void nothing_is_put_together_where_it_is_switched_off(void **state)
{
    (void)state;
    const struct dispatch_options cases[] = {with_batches(0, 100), with_batches(5, 1), with_batches(5, 0)};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world *world = world_new(1, &cases[i]);
        for (int author = 0; author < 6; author++)
            add_shared(world, author, &IN_BODY, 1, 60);
        run_now(world);
        expect_flying(world, 6, 6);
        settle_all(world, DONE);
        world_free(world);
    }
}

static void a_full_call_leaves_at_once(void **state)
{
    (void)state;
    struct dispatch_options options = with_batches(1000, 4);
    struct world *world = world_new(1, &options);
    for (int author = 0; author < 10; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    run_now(world);
    expect_flying(world, 2, 8);
    world->now_ms = 1000;
    run_now(world);
    expect_flying(world, 3, 10);
    settle_all(world, DONE);
    assert_int_equal(world->most_users, 4);
    world_free(world);
}

static void the_rows_own_limit_holds(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    for (int author = 0; author < 15; author++)
        add_shared(world, author, &IN_QUERY, 1, 60);
    run_now(world);
    expect_flying(world, 1, 10);
    world->now_ms = 5;
    run_now(world);
    expect_flying(world, 2, 15);
    settle_all(world, DONE);
    world_free(world);
}

/* A path has at most 8,000 bytes: five authors whose ids are of 2,000. */
static void what_does_not_fit_into_a_path_has_a_call_of_its_own(void **state)
{
    (void)state;
    static char paths[5][2100];
    struct world *world = batching_world(1);
    for (int author = 0; author < 5; author++) {
        struct platform_call *request = &add_shared(world, author, &IN_QUERY, 1, 60)->calls[0].request;
        int at = snprintf(paths[author], sizeof(paths[author]), "/users?userIds=");
        memset(paths[author] + at, 'a' + author, 2000);
        request->path = (struct wd_str){paths[author], (size_t)at + 2000};
        request->author = (struct wd_str){paths[author] + at, 2000};
    }
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    expect_flying(world, 2, 5);
    assert_int_equal(world->most_users, 3);
    settle_all(world, DONE);
    world_free(world);
}

/* ---- how long it takes ---- */

static void a_lone_action_waits_no_longer_than_it_may(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    add_shared(world, 0, &IN_BODY, 1, 60);
    assert_int_equal(run_now(world), 5);
    world->now_ms = 3;
    add_shared(world, 1, &IN_BODY, 1, 60); /* company does not prolong the wait */
    assert_int_equal(run_now(world), 2);
    world->now_ms = 4;
    run_now(world);
    expect_flying(world, 0, 0);
    world->now_ms = 5;
    assert_int_equal(run_now(world), -1);
    expect_flying(world, 1, 2);
    settle_all(world, DONE);
    world_free(world);
}

/* Units come at random times, answers are good and quick, and dispatch runs when it has asked to: each unit is sent
 * within the wait after its author is free. */
static void no_action_ever_waits_longer(void **state)
{
    (void)state;
    struct dispatch_options options = with_batches(5, 100);
    options.max_in_flight = 1000;
    struct world *world = world_new(7, &options);
    int64_t free_ms[AUTHORS] = {0}, next_arrival_ms = 0, wake_ms = -1, answer_ms[UNITS_MAX] = {0};
    int64_t added_ms[UNITS_MAX];
    size_t answered = 0;
    while (answered < UNITS_MAX) {
        if (world->unit_count < UNITS_MAX && world->now_ms >= next_arrival_ms) {
            added_ms[world->unit_count] = world->now_ms;
            add_shared(world, rand_r(&world->seed) % AUTHORS, rand_r(&world->seed) % 2 ? &IN_BODY : &IN_QUERY,
                       rand_r(&world->seed) % 3, 60);
            next_arrival_ms = world->now_ms + rand_r(&world->seed) % 4;
            wake_ms = world->now_ms;
        }
        for (size_t i = world->flying_count; i-- > 0;) {
            struct flight *flight = world->flying[i];
            if (flight->sent_ms + answer_ms[number_of(world, TAILQ_FIRST(&flight->units))] > world->now_ms)
                continue;
            struct unit *unit;
            TAILQ_FOREACH(unit, &flight->units, queue_link)
            {
                int number = number_of(world, unit), author = world->author_of[number];
                int64_t ready_ms = added_ms[number] > free_ms[author] ? added_ms[number] : free_ms[author];
                assert_in_range(flight->sent_ms - ready_ms, 0, 5);
                free_ms[author] = world->now_ms;
                answered++;
            }
            settle(world, i, DONE);
            wake_ms = world->now_ms;
        }
        if (wake_ms >= 0 && world->now_ms >= wake_ms) {
            size_t before = world->flying_count;
            int64_t wait = run_now(world);
            wake_ms = wait < 0 ? -1 : world->now_ms + wait;
            for (size_t i = before; i < world->flying_count; i++)
                answer_ms[number_of(world, TAILQ_FIRST(&world->flying[i]->units))] = 1 + rand_r(&world->seed) % 9;
        }
        world->now_ms++;
    }
    assert_true(world->most_users > 1 && world->sent < UNITS_MAX);
    world_free(world);
}

/* ---- order ---- */

static void an_author_is_busy_until_the_shared_call_has_ended(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    struct unit *first = add(world, 0, 0, 2, "alone"); /* content before user */
    share_call(world, first, 1, &IN_BODY, 1, 60);
    add_shared(world, 1, &IN_BODY, 1, 60);
    add(world, 0, 0, 1, "alone");
    add_shared(world, 1, &IN_BODY, 1, 60);
    run_now(world);
    expect_flying(world, 1, 1);
    settle_all(world, DONE);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    expect_flying(world, 1, 2); /* the second of author 0 with the first of author 1 */
    world->now_ms = 100;
    run_now(world);
    expect_flying(world, 1, 2);
    settle_all(world, DONE);
    run_now(world);
    expect_flying(world, 1, 1);
    world->now_ms = 105;
    run_now(world);
    expect_flying(world, 2, 2);
    settle_all(world, DONE);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

/* ---- the window and the gates count calls ---- */

static void a_full_window_takes_company_but_no_new_call(void **state)
{
    (void)state;
    struct dispatch_options options = with_batches(5, 100);
    options.max_in_flight = 2;
    struct world *world = world_new(1, &options);
    add(world, 0, 0, 1, "alone");
    add_shared(world, 1, &IN_BODY, 1, 60);
    run_now(world);
    expect_flying(world, 1, 1);
    add_shared(world, 2, &IN_BODY, 1, 60);
    add_shared(world, 3, &IN_BODY, 2, 60); /* another call: has to wait */
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    expect_flying(world, 2, 3);
    world->now_ms = 50;
    run_now(world);
    expect_flying(world, 2, 3);
    assert_int_equal(dispatch_in_flight(world->dispatch), 2);
    settle_all(world, DONE);
    run_now(world);
    world->now_ms = 55;
    run_now(world);
    expect_flying(world, 1, 1);
    settle_all(world, DONE);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

static void a_client_without_room_is_asked_again(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    world->room = 0;
    for (int author = 0; author < 3; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    run_now(world);
    world->now_ms = 5;
    assert_int_equal(run_now(world), -1); /* no spinning until a call has ended */
    add_shared(world, 3, &IN_BODY, 1, 60);
    world->room = SIZE_MAX;
    run_now(world);
    expect_flying(world, 1, 4);
    settle_all(world, DONE);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

static void a_rate_counts_one_call_and_fills_it_meanwhile(void **state)
{
    (void)state;
    static const struct dispatch_rate RATES[] = {{"shared", 1}};
    struct dispatch_options options = with_batches(5, 100);
    options.burst = 1;
    options.group_rates = RATES;
    options.group_rate_count = 1;
    struct world *world = world_new(1, &options);
    for (int author = 0; author < 12; author++) {
        add_shared(world, author, &IN_BODY, 1, 60);
        run_now(world);
        world->now_ms += 10;
        run_now(world);
        settle_all(world, DONE);
    }
    assert_int_equal(world->sent, 1);
    world->now_ms = 1100;
    run_now(world);
    expect_flying(world, 1, 11); /* they have gathered at the gate */
    settle_all(world, DONE);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

static void a_throttled_call_waits_as_it_is_and_takes_company(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    for (int author = 0; author < 3; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    settle_all(world,
               (struct outcome){.class = OUTCOME_RETRY, .http_status = 429, .retry_after_ms = 3000, .throttled = true});
    assert_int_equal(run_now(world), 3000);
    add_shared(world, 3, &IN_BODY, 1, 60);
    world->now_ms = 2000;
    run_now(world);
    expect_flying(world, 0, 0);
    world->now_ms = 3005;
    run_now(world);
    expect_flying(world, 1, 4);
    settle_all(world, DONE);
    for (int author = 0; author < 3; author++) {
        assert_int_equal(world->units[author].calls[0].attempts, 2);
        assert_int_equal(world->units[author].calls[0].failures, 0);
    }
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

static void a_refused_token_holds_a_shared_call_and_splits_nothing(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    for (int author = 0; author < 4; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    settle_all(world, REFUSED);
    assert_int_equal(world->ours, 1);
    world->now_ms = 1005;
    run_now(world);
    expect_flying(world, 1, 4); /* the probe */
    settle_all(world, DONE);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

/* ---- answers ---- */

static void only_the_guilty_one_is_given_up(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    for (int author = 0; author < 6; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    expect_flying(world, 1, 6);
    settle_all(world, NEVER);
    run_now(world);
    expect_flying(world, 6, 6); /* at once, each alone */
    while (world->flying_count) {
        bool guilty = is_aboard(world, world->flying[world->flying_count - 1], 2);
        settle(world, world->flying_count - 1, guilty ? NEVER : DONE);
    }
    assert_int_equal(run_now(world), -1);
    for (int author = 0; author < 6; author++) {
        const struct call *call = &world->units[author].calls[0];
        assert_true(world->ended[author]);
        assert_int_equal(call->state, author == 2 ? CALL_FAILED : CALL_SUCCEEDED);
        assert_int_equal(call->attempts, 2);
        assert_int_equal(call->failures, 0);
        assert_int_equal(call->users_in_call, 1);
    }
    world_free(world);
}

/* Company that came later goes on together; whoever was refused in company stays alone until his call has ended. */
static void who_was_refused_in_company_shares_no_more(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    add_shared(world, 0, &IN_BODY, 1, 60);
    add_shared(world, 1, &IN_BODY, 1, 60);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    settle_all(world, NEVER);
    add_shared(world, 2, &IN_BODY, 1, 60);
    add_shared(world, 3, &IN_BODY, 1, 60);
    run_now(world);
    expect_flying(world, 2, 2);
    world->now_ms = 10;
    run_now(world);
    expect_flying(world, 3, 4);
    settle_all(world, BROKEN);
    world->now_ms = 5000;
    run_now(world);
    expect_flying(world, 2, 2); /* 0 and 1 again, each alone */
    settle_all(world, DONE);
    world->now_ms = 5005;
    run_now(world);
    settle_all(world, DONE);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

static void an_already_for_several_is_asked_again_of_each(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    for (int author = 0; author < 3; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    settle_all(world, ALREADY);
    run_now(world);
    expect_flying(world, 3, 3);
    settle_all(world, ALREADY);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

static void an_already_for_all_is_enough_where_the_table_says_so(void **state)
{
    (void)state;
    static const struct action_batch sure = {.field = "userIds", .max = 100, .already_for_all = true};
    struct world *world = batching_world(1);
    for (int author = 0; author < 3; author++)
        add_shared(world, author, &sure, 1, 60);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    settle_all(world, ALREADY);
    assert_int_equal(world->sent, 1);
    expect_all_ended(world, CALL_SUCCEEDED);
    world_free(world);
}

static void a_failure_is_tried_again_by_each(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    for (int author = 0; author < 5; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    settle_all(world, (struct outcome){.class = OUTCOME_RETRY, .ambiguous = true, .retry_after_ms = -1});
    for (int turn = 0; turn < 300; turn++) {
        world->now_ms++;
        run_now(world);
        settle_all(world, DONE);
    }
    expect_all_ended(world, CALL_SUCCEEDED);
    for (int author = 0; author < 5; author++) {
        assert_int_equal(world->units[author].calls[0].attempts, 2);
        assert_int_equal(world->units[author].calls[0].failures, 1);
        assert_int_equal(world->units[author].calls[0].ambiguous, 1);
    }
    world_free(world);
}

/* One author's call brings the platform down each time: the others must get through, and he must be given up. */
static void nobody_is_given_up_for_anothers_sake(void **state)
{
    (void)state;
    for (unsigned attempts = 1; attempts <= 5; attempts++) {
        struct dispatch_options options = with_batches(500, 100);
        options.max_attempts = attempts;
        options.gate.min_calls = 100000;
        struct world *world = world_new(attempts, &options);
        for (int author = 0; author < 12; author++)
            add_shared(world, author, &IN_BODY, 1, 60);
        for (int turn = 0; turn < 4000; turn++) {
            world->now_ms += 10;
            run_now(world);
            while (world->flying_count) {
                bool guilty = is_aboard(world, world->flying[world->flying_count - 1], 7);
                settle(world, world->flying_count - 1, guilty ? BROKEN : DONE);
            }
        }
        for (int author = 0; author < 12; author++) {
            assert_true(world->ended[author]);
            assert_int_equal(world->units[author].calls[0].state, author == 7 ? CALL_FAILED : CALL_SUCCEEDED);
        }
        assert_in_range(world->units[7].calls[0].failures, attempts, attempts + 1);
        assert_int_equal(world->units[7].calls[0].users_in_call, 1);
        world_free(world);
    }
}

/* ---- partitions that go away ---- */

static void who_is_dropped_while_waiting_is_left_behind(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    struct unit *units[4];
    for (int author = 0; author < 4; author++)
        units[author] = add_shared(world, author, &IN_BODY, 1, 60);
    struct unit *lonely = add_shared(world, 4, &IN_BODY, 2, 60);
    struct unit *next = add_shared(world, 1, &IN_BODY, 1, 60);
    run_now(world);
    world->dropped[1] = dispatch_drop(world->dispatch, units[1]);
    world->dropped[number_of(world, lonely)] = dispatch_drop(world->dispatch, lonely);
    assert_true(world->dropped[1] && world->dropped[number_of(world, lonely)]);
    run_now(world); /* the author's next unit has its turn, and joins */
    world->now_ms = 5;
    run_now(world);
    expect_flying(world, 1, 4);
    assert_int_equal(next->state, UNIT_IN_FLIGHT);
    settle_all(world, DONE);
    assert_false(world->ended[1]);
    assert_true(world->ended[0] && world->ended[2] && world->ended[3]);
    world_free(world);
}

static void who_is_dropped_from_a_full_call_makes_room(void **state)
{
    (void)state;
    struct dispatch_options options = with_batches(5, 3);
    struct world *world = world_new(1, &options);
    world->room = 0;
    struct unit *first = add_shared(world, 0, &IN_BODY, 1, 60);
    add_shared(world, 1, &IN_BODY, 1, 60);
    add_shared(world, 2, &IN_BODY, 1, 60);
    run_now(world);
    world->dropped[0] = dispatch_drop(world->dispatch, first);
    add_shared(world, 3, &IN_BODY, 1, 60);
    world->room = SIZE_MAX;
    run_now(world);
    expect_flying(world, 1, 3);
    settle_all(world, DONE);
    world_free(world);
}

static void an_orphan_keeps_its_author_busy_and_is_not_tried_again(void **state)
{
    (void)state;
    static const struct outcome THROTTLED = {
        .class = OUTCOME_RETRY, .http_status = 429, .retry_after_ms = 10, .throttled = true};
    const struct outcome *const outcomes[] = {&DONE, &NEVER, &BROKEN, &REFUSED, &ALREADY, &THROTTLED};
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        struct world *world = batching_world(1);
        struct unit *orphan = add_shared(world, 0, &IN_BODY, 1, 60);
        add_shared(world, 1, &IN_BODY, 1, 60);
        add_shared(world, 0, &IN_BODY, 1, 60); /* of a partition that stays */
        run_now(world);
        world->now_ms = 5;
        run_now(world);
        expect_flying(world, 1, 2);
        assert_false(dispatch_drop(world->dispatch, orphan));
        world->now_ms = 50;
        run_now(world);
        expect_flying(world, 1, 2);
        settle_all(world, *outcomes[i]);
        assert_true(world->ended[0]);
        assert_int_equal(orphan->calls[0].attempts, 1);
        for (int turn = 0; turn < 300; turn++) {
            world->now_ms += 20;
            run_now(world);
            settle_all(world, DONE);
        }
        assert_true(world->ended[1] && world->ended[2]);
        assert_int_equal(world->units[1].calls[0].state, CALL_SUCCEEDED);
        assert_int_equal(world->units[2].calls[0].state, CALL_SUCCEEDED);
        world_free(world);
    }
}

static void a_call_of_orphans_alone_leaves_nothing_behind(void **state)
{
    (void)state;
    struct world *world = batching_world(1);
    for (int author = 0; author < 3; author++)
        add_shared(world, author, &IN_BODY, 1, 60);
    run_now(world);
    world->now_ms = 5;
    run_now(world);
    for (int author = 0; author < 3; author++)
        assert_false(dispatch_drop(world->dispatch, &world->units[author]));
    settle_all(world, REFUSED);
    assert_true(world->ended[0] && world->ended[1] && world->ended[2]);
    assert_false(dispatch_is_held(world->dispatch));
    assert_int_equal(dispatch_in_flight(world->dispatch), 0);
    world_free(world);
}

/* ---- everything at once ---- */

static bool is_guilty(int author)
{
    return author % 7 == 3;
}

static bool has_guilty(const struct world *world, const struct flight *flight)
{
    for (int author = 0; author < AUTHORS; author++)
        if (is_guilty(author) && is_aboard(world, flight, author))
            return true;
    return false;
}

static void add_by_dice(struct world *world)
{
    size_t calls = (size_t)(1 + rand_r(&world->seed) % CALLS_MAX), n = world->unit_count++;
    struct unit *unit = &world->units[n];
    world->author_of[n] = rand_r(&world->seed) % AUTHORS;
    world->works[n].partition = &world->partitions[rand_r(&world->seed) % PARTITIONS];
    *unit = (struct unit){.work = &world->works[n],
                          .calls = world->calls[n],
                          .call_count = calls,
                          .author_id = wd_str_from(world->ids[world->author_of[n]])};
    for (size_t i = 0; i < calls; i++) {
        unit->calls[i].request =
            (struct platform_call){.group = rand_r(&world->seed) % 2 ? "a" : "b", .path = wd_str_from("/alone")};
        if (rand_r(&world->seed) % 3)
            share_call(world, unit, i, rand_r(&world->seed) % 2 ? &IN_BODY : &IN_QUERY, rand_r(&world->seed) % 2,
                       60 + rand_r(&world->seed) % 2);
        if (unit->calls[i].request.batch)
            unit->calls[i].request.group = unit->calls[i].request.batch->in_query ? "a" : "b";
    }
    assert_int_equal(dispatch_add(world->dispatch, unit), WD_OK);
}

static void answer_by_dice(struct world *world)
{
    size_t at = (size_t)rand_r(&world->seed) % world->flying_count;
    const struct flight *flight = world->flying[at];
    bool is_shareable = flight_call(flight)->request.batch != NULL;
    settle(world, at, is_shareable && has_guilty(world, flight) ? NEVER : by_dice(world, false));
}

static void expect_justice(const struct world *world, const bool *gone)
{
    for (size_t i = 0; i < world->unit_count; i++) {
        assert_true(world->ended[i] || world->dropped[i]);
        if (gone[i])
            continue;
        for (size_t j = 0; j < world->units[i].call_count; j++) {
            const struct call *call = &world->calls[i][j];
            bool is_refused = call->request.batch && is_guilty(world->author_of[i]);
            assert_int_not_equal(call->state, CALL_PENDING);
            if (is_refused)
                assert_true(call->state == CALL_FAILED && call->outcome.class == OUTCOME_PERMANENT);
            else if (call->state == CALL_FAILED) /* attempts are used up */
                assert_true(call->outcome.class == OUTCOME_RETRY && call->failures >= 4);
            if (call->state == CALL_FAILED)
                assert_int_equal(call->users_in_call, 1);
        }
    }
}

static size_t one_history(unsigned seed)
{
    struct dispatch_options options = with_batches(1 + seed % 40, 2 + seed % 30);
    options.max_in_flight = 1 + seed % 16;
    struct world *world = world_new(seed, &options);
    bool gone[UNITS_MAX] = {0};
    for (int step = 0; step < 12000 || world->flying_count; step++) {
        int dice = rand_r(&world->seed) % 100;
        if (dice < 30 && world->unit_count < UNITS_MAX / 3) {
            add_by_dice(world);
        } else if (dice < 60 && world->flying_count) {
            answer_by_dice(world);
        } else if (dice < 61 && world->unit_count) {
            size_t pick = (size_t)rand_r(&world->seed) % world->unit_count;
            if (!world->ended[pick] && !gone[pick]) {
                gone[pick] = true;
                world->dropped[pick] = dispatch_drop(world->dispatch, &world->units[pick]);
            }
        } else if (dice < 64) {
            world->room = rand_r(&world->seed) % 2 ? SIZE_MAX : (size_t)rand_r(&world->seed) % 8;
        }
        world->now_ms += rand_r(&world->seed) % 20;
        run_now(world);
        if (!world->flying_count && world->unit_count == UNITS_MAX / 3)
            world->now_ms += 500;
    }
    expect_justice(world, gone);
    assert_true(world->widest <= options.max_in_flight);
    assert_int_equal(dispatch_in_flight(world->dispatch), 0);
    size_t saved = world->users_sent - world->sent;
    world_free(world);
    return saved;
}

static void random_histories_keep_every_promise(void **state)
{
    (void)state;
    const char *given = getenv("WARDEN_TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    size_t saved = 0;
    print_message("seed %u (WARDEN_TEST_SEED repeats it)\n", seed);
    for (unsigned i = 0; i < 300; i++)
        saved += one_history(seed + i);
    print_message("%zu calls were saved\n", saved);
    assert_true(saved > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_differ_in_the_author_alone_share),
        cmocka_unit_test(other_places_durations_rows_and_notices_do_not),
        cmocka_unit_test(nothing_is_put_together_where_it_is_switched_off),
        cmocka_unit_test(a_full_call_leaves_at_once),
        cmocka_unit_test(the_rows_own_limit_holds),
        cmocka_unit_test(what_does_not_fit_into_a_path_has_a_call_of_its_own),
        cmocka_unit_test(a_lone_action_waits_no_longer_than_it_may),
        cmocka_unit_test(no_action_ever_waits_longer),
        cmocka_unit_test(an_author_is_busy_until_the_shared_call_has_ended),
        cmocka_unit_test(a_full_window_takes_company_but_no_new_call),
        cmocka_unit_test(a_client_without_room_is_asked_again),
        cmocka_unit_test(a_rate_counts_one_call_and_fills_it_meanwhile),
        cmocka_unit_test(a_throttled_call_waits_as_it_is_and_takes_company),
        cmocka_unit_test(a_refused_token_holds_a_shared_call_and_splits_nothing),
        cmocka_unit_test(only_the_guilty_one_is_given_up),
        cmocka_unit_test(who_was_refused_in_company_shares_no_more),
        cmocka_unit_test(an_already_for_several_is_asked_again_of_each),
        cmocka_unit_test(an_already_for_all_is_enough_where_the_table_says_so),
        cmocka_unit_test(a_failure_is_tried_again_by_each),
        cmocka_unit_test(nobody_is_given_up_for_anothers_sake),
        cmocka_unit_test(who_is_dropped_while_waiting_is_left_behind),
        cmocka_unit_test(who_is_dropped_from_a_full_call_makes_room),
        cmocka_unit_test(an_orphan_keeps_its_author_busy_and_is_not_tried_again),
        cmocka_unit_test(a_call_of_orphans_alone_leaves_nothing_behind),
        cmocka_unit_test(random_histories_keep_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
