/* Quotas of actions and the cap on bans (worker/valves.c), over a store in memory: what is counted, what is let
 * through, and what is held with which reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/loose_shard.h"
#include "worker/valves.h"

enum { ACTIONS_MAX = 16 };
static const int64_t MORNING_MS = INT64_C(1767257100000); /* 2026-01-01T08:45:00Z */
static const int64_t MINUTE_MS = 60000, DAY_MS = INT64_C(86400000);

struct fixture {
    struct loose_shard loose;
    struct state_share *share;
    struct wd_ruleset *rules;
    struct wd_arena *arena;
    struct config_pair pairs[4];
    struct valve_request request;
    struct wd_action actions[ACTIONS_MAX];
    struct wd_verdict verdict;
    unsigned answers;
    enum wd_status status;
};

static struct wd_ruleset *no_rules(void)
{
    static const char TEXT[] = "ruleset: {id: t, version: 1.0.0, format: 1}\nrules: []\n";
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    assert_int_equal(wd_ruleset_load_text("t.yaml", TEXT, strlen(TEXT), NULL, &set, findings), WD_OK);
    wd_diagnostics_free(findings);
    return set;
}

static struct fixture *fixture_new(int64_t bans_per_minute)
{
    const struct state_options options = {.kind = STATE_MEMORY, .max_bytes = 1 << 20};
    struct wd_error err = {0};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->rules = no_rules();
    fixture->arena = wd_arena_new(1 << 20);
    fixture->loose.config.worker.event_memory = 1 << 20;
    fixture->loose.config.state.batch = 8;
    fixture->loose.config.valves.bans_per_minute = bans_per_minute;
    fixture->loose.config.valves.per_day.items = fixture->pairs;
    assert_int_equal(state_share_open(&options, &fixture->share, &err), WD_OK);
    loose_shard_init(&fixture->loose, fixture->share, fixture->rules);
    return fixture;
}

static void allow(struct fixture *fixture, const char *name, const char *amount)
{
    struct config_pair *pair = &fixture->pairs[fixture->loose.config.valves.per_day.count++];
    pair->name = (char *)name;
    pair->value = (char *)amount;
}

static void fixture_free(struct fixture *fixture)
{
    loose_shard_fini(&fixture->loose);
    state_share_close(fixture->share);
    wd_arena_free(fixture->arena);
    wd_ruleset_unref(fixture->rules);
    free(fixture);
}

static void on_answer(void *context, enum wd_status status)
{
    struct fixture *fixture = context;
    fixture->answers++;
    fixture->status = status;
}

/* One event's actions, asked for at a time of the wall clock, and applied. */
static void pass(struct fixture *fixture, int64_t wall_ms, const enum wd_action_kind *kinds, size_t count)
{
    static const struct kafka_record RECORD = {.topic = "events"};
    for (size_t i = 0; i < count; i++)
        fixture->actions[i] = (struct wd_action){.kind = kinds[i]};
    fixture->verdict = (struct wd_verdict){.actions = fixture->actions, .action_count = count};
    unsigned before = fixture->answers;
    valve_request_reset(&fixture->request);
    valve_request_add(&fixture->request, &fixture->loose.config, &fixture->verdict);
    valves_ask(&fixture->loose.shard, &fixture->request, wall_ms, on_answer, fixture);
    assert_int_equal(fixture->answers, before + 1);
    assert_int_equal(fixture->status, WD_OK);
    assert_true(valves_apply(&fixture->request, fixture->arena, &fixture->loose.shard, &RECORD, &fixture->verdict));
    assert_int_equal(fixture->verdict.action_count + fixture->verdict.held_count, count);
    valves_give_back(&fixture->loose.shard, &fixture->request);
}

static void pass_some(struct fixture *fixture, int64_t wall_ms, enum wd_action_kind kind, size_t count)
{
    enum wd_action_kind kinds[ACTIONS_MAX];
    for (size_t i = 0; i < count; i++)
        kinds[i] = kind;
    pass(fixture, wall_ms, kinds, count);
}

static void without_any_nothing_is_held(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(0);
    assert_false(valves_are_set(&fixture->loose.config));
    pass_some(fixture, MORNING_MS, WD_ACTION_BAN, 10);
    assert_int_equal(fixture->verdict.action_count, 10);
    fixture_free(fixture);
}

static void a_quota_is_a_day_s(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(0);
    allow(fixture, "hide", "5");
    assert_true(valves_are_set(&fixture->loose.config));
    pass_some(fixture, MORNING_MS, WD_ACTION_HIDE, 3);
    assert_int_equal(fixture->verdict.action_count, 3);
    pass_some(fixture, MORNING_MS + 5 * MINUTE_MS, WD_ACTION_HIDE, 4); /* two are left */
    assert_int_equal(fixture->verdict.action_count, 2);
    assert_int_equal(fixture->verdict.held_count, 2);
    assert_int_equal(fixture->verdict.held[0].reason, WD_HOLD_QUOTA);
    assert_int_equal(fixture->verdict.held[1].action.kind, WD_ACTION_HIDE);
    pass_some(fixture, MORNING_MS + 6 * MINUTE_MS, WD_ACTION_HIDE, 1);
    assert_int_equal(fixture->verdict.action_count, 0);
    pass_some(fixture, MORNING_MS + 6 * MINUTE_MS, WD_ACTION_FLAG, 6); /* others are not its */
    assert_int_equal(fixture->verdict.action_count, 6);
    pass_some(fixture, MORNING_MS + DAY_MS, WD_ACTION_HIDE, 5);
    assert_int_equal(fixture->verdict.action_count, 5);
    assert_int_equal(metrics_get(fixture->loose.shard.metrics, METRIC_ACTIONS_HELD), 3);
    fixture_free(fixture);
}

static void the_total_is_of_all_but_notifications(void **state)
{
    (void)state;
    static const enum wd_action_kind MIXED[] = {WD_ACTION_HIDE, WD_ACTION_NOTIFY, WD_ACTION_MUTE, WD_ACTION_NOTIFY,
                                                WD_ACTION_FLAG};
    struct fixture *fixture = fixture_new(0);
    allow(fixture, "total", "2");
    pass(fixture, MORNING_MS, MIXED, 5);
    assert_int_equal(fixture->verdict.action_count, 4);
    assert_int_equal(fixture->verdict.held_count, 1);
    assert_int_equal(fixture->verdict.held[0].action.kind, WD_ACTION_FLAG); /* the last comes too late */
    fixture_free(fixture);
}

static void bans_are_capped_by_the_minute(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(2);
    assert_true(valves_are_set(&fixture->loose.config));
    pass_some(fixture, MORNING_MS, WD_ACTION_BAN, 3);
    assert_int_equal(fixture->verdict.action_count, 2);
    assert_int_equal(fixture->verdict.held[0].reason, WD_HOLD_BAN_RATE);
    pass_some(fixture, MORNING_MS + MINUTE_MS - 1, WD_ACTION_BAN, 1);
    assert_int_equal(fixture->verdict.action_count, 0);
    pass_some(fixture, MORNING_MS + MINUTE_MS, WD_ACTION_BAN, 2);
    assert_int_equal(fixture->verdict.action_count, 2);
    pass_some(fixture, MORNING_MS, WD_ACTION_MUTE, 9);
    assert_int_equal(fixture->verdict.action_count, 9);
    fixture_free(fixture);
}

/* What one valve holds takes nothing from another. */
static void what_is_held_uses_no_other_quota(void **state)
{
    (void)state;
    static const enum wd_action_kind MIXED[] = {WD_ACTION_BAN, WD_ACTION_BAN, WD_ACTION_HIDE, WD_ACTION_HIDE};
    struct fixture *fixture = fixture_new(0);
    allow(fixture, "ban", "1");
    allow(fixture, "total", "4");
    pass(fixture, MORNING_MS, MIXED, 4);
    assert_int_equal(fixture->verdict.action_count, 3); /* a ban and both others */
    assert_int_equal(fixture->verdict.held_count, 1);
    assert_int_equal(fixture->verdict.held[0].action.kind, WD_ACTION_BAN);
    pass_some(fixture, MORNING_MS, WD_ACTION_BAN, 9);
    assert_int_equal(fixture->verdict.action_count, 0);
    pass_some(fixture, MORNING_MS, WD_ACTION_HIDE, 2); /* of four in all three are done */
    assert_int_equal(fixture->verdict.action_count, 1);
    fixture_free(fixture);
}

/* What people have decided stays in front of what a valve holds. */
static void what_was_held_before_stays(void **state)
{
    (void)state;
    static const struct kafka_record RECORD = {.topic = "events"};
    static const struct wd_held_action BEFORE = {.action = {.kind = WD_ACTION_MUTE}, .reason = WD_HOLD_HUMAN};
    struct fixture *fixture = fixture_new(0);
    allow(fixture, "flag", "0");
    fixture->actions[0] = (struct wd_action){.kind = WD_ACTION_FLAG};
    fixture->verdict =
        (struct wd_verdict){.actions = fixture->actions, .action_count = 1, .held = &BEFORE, .held_count = 1};
    valve_request_reset(&fixture->request);
    valve_request_add(&fixture->request, &fixture->loose.config, &fixture->verdict);
    valves_ask(&fixture->loose.shard, &fixture->request, MORNING_MS, on_answer, fixture);
    assert_true(valves_apply(&fixture->request, fixture->arena, &fixture->loose.shard, &RECORD, &fixture->verdict));
    assert_int_equal(fixture->verdict.action_count, 0);
    assert_int_equal(fixture->verdict.held_count, 2);
    assert_int_equal(fixture->verdict.held[0].reason, WD_HOLD_HUMAN);
    assert_int_equal(fixture->verdict.held[1].reason, WD_HOLD_QUOTA);
    fixture_free(fixture);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    static const struct kafka_record RECORD = {.topic = "events"};
    struct fixture *fixture = fixture_new(1);
    struct wd_arena *small = wd_arena_new(16);
    fixture->actions[0] = (struct wd_action){.kind = WD_ACTION_BAN};
    fixture->verdict = (struct wd_verdict){.actions = fixture->actions, .action_count = 1};
    valve_request_reset(&fixture->request);
    valve_request_add(&fixture->request, &fixture->loose.config, &fixture->verdict);
    valves_ask(&fixture->loose.shard, &fixture->request, MORNING_MS, on_answer, fixture);
    assert_false(valves_apply(&fixture->request, small, &fixture->loose.shard, &RECORD, &fixture->verdict));
    assert_int_equal(fixture->verdict.action_count, 1); /* as it was */
    wd_arena_free(small);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_nothing_is_held),
        cmocka_unit_test(a_quota_is_a_day_s),
        cmocka_unit_test(the_total_is_of_all_but_notifications),
        cmocka_unit_test(bans_are_capped_by_the_minute),
        cmocka_unit_test(what_is_held_uses_no_other_quota),
        cmocka_unit_test(what_was_held_before_stays),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
