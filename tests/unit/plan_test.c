/* The planner against what it promises: every subset of the actions, in two orders, on every type of content. */
#include "tests/unit/rules_support.h"

#include "filters/plan.h"

/* Every action that a rule can ask for, once. */
static const struct wd_action ALL[] = {
    {.kind = WD_ACTION_FLAG},
    {.kind = WD_ACTION_UNFLAG},
    {.kind = WD_ACTION_HIDE},
    {.kind = WD_ACTION_DELETE},
    {.kind = WD_ACTION_APPROVE},
    {.kind = WD_ACTION_DECLINE},
    {.kind = WD_ACTION_MUTE, .scope = WD_SCOPE_CHANNEL, .duration_ms = 1000},
    {.kind = WD_ACTION_MUTE, .scope = WD_SCOPE_CHANNEL, .duration_ms = 5000},
    {.kind = WD_ACTION_BAN},
    {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_CHANNEL},
    {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_COMMUNITY},
    {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_GLOBAL},
    {.kind = WD_ACTION_UNBAN, .scope = WD_SCOPE_GLOBAL},
    {.kind = WD_ACTION_REMOVE, .scope = WD_SCOPE_CHANNEL},
    {.kind = WD_ACTION_REMOVE, .scope = WD_SCOPE_COMMUNITY},
    {.kind = WD_ACTION_REVOKE_SESSIONS},
    {.kind = WD_ACTION_NOTIFY, .notify_target = {"ops", 3}},
    {.kind = WD_ACTION_NOTIFY, .notify_target = {"legal", 5}},
};
enum { ALL_COUNT = sizeof(ALL) / sizeof(*ALL) };

static struct wd_event event_of(enum wd_content_type type, const char *channel, const char *community)
{
    return (struct wd_event){.content_type = type,
                             .content_id = wd_str_from("x-1"),
                             .author = {.id = wd_str_from("u-1")},
                             .place = {.channel_id = wd_str_from(channel), .community_id = wd_str_from(community)}};
}

struct planned {
    const struct wd_action *actions;
    size_t count;
};

static struct planned plan_subset(struct wd_arena *arena, const struct wd_event *event, uint32_t subset, bool backwards)
{
    struct wd_plan plan = {0};
    struct planned planned;
    for (int i = 0; i < ALL_COUNT; i++) {
        int at = backwards ? ALL_COUNT - 1 - i : i;
        if (subset & 1U << at)
            assert_true(wd_plan_add(&plan, arena, event, &ALL[at]));
    }
    assert_true(wd_plan_finish(&plan, arena, &planned.actions, &planned.count));
    return planned;
}

static bool has(const struct planned *planned, enum wd_action_kind kind, enum wd_scope scope)
{
    for (size_t i = 0; i < planned->count; i++)
        if (planned->actions[i].kind == kind && (scope == WD_SCOPE_NONE || planned->actions[i].scope == scope))
            return true;
    return false;
}

/* Where an action stands in the stated order. */
static int rank(const struct wd_action *action)
{
    switch (action->kind) {
    case WD_ACTION_BAN:
        return 10 + WD_SCOPE_COUNT - (int)action->scope;
    case WD_ACTION_REMOVE:
        return 20 + WD_SCOPE_COUNT - (int)action->scope;
    case WD_ACTION_MUTE:
        return 30;
    case WD_ACTION_UNBAN:
        return 40 + WD_SCOPE_COUNT - (int)action->scope;
    case WD_ACTION_REVOKE_SESSIONS:
        return 50;
    case WD_ACTION_NOTIFY:
        return 60;
    case WD_ACTION_UNFLAG:
        return 2;
    default:
        return 1;
    }
}

static void check_promises(const struct planned *planned, uint32_t subset)
{
    int content = 0;
    bool globally = has(planned, WD_ACTION_BAN, WD_SCOPE_GLOBAL);
    for (size_t i = 0; i < planned->count; i++) {
        const struct wd_action *action = &planned->actions[i];
        content += action->kind == WD_ACTION_FLAG || action->kind == WD_ACTION_HIDE ||
                   action->kind == WD_ACTION_DELETE || action->kind == WD_ACTION_DECLINE;
        if (i > 0)
            assert_true(rank(&planned->actions[i - 1]) < rank(action) ||
                        (action->kind == WD_ACTION_NOTIFY && planned->actions[i - 1].kind == WD_ACTION_NOTIFY));
    }
    assert_true(content <= 1);
    assert_false(content && has(planned, WD_ACTION_APPROVE, WD_SCOPE_NONE));
    assert_false(content && has(planned, WD_ACTION_UNFLAG, WD_SCOPE_NONE));
    for (int scope = WD_SCOPE_CHANNEL; scope <= WD_SCOPE_COMMUNITY; scope++) {
        bool banned = globally || has(planned, WD_ACTION_BAN, (enum wd_scope)scope);
        assert_false(globally && has(planned, WD_ACTION_BAN, (enum wd_scope)scope));
        assert_false(banned && has(planned, WD_ACTION_REMOVE, (enum wd_scope)scope));
    }
    bool out_of_channel =
        globally || has(planned, WD_ACTION_BAN, WD_SCOPE_CHANNEL) || has(planned, WD_ACTION_REMOVE, WD_SCOPE_CHANNEL);
    assert_false(out_of_channel && has(planned, WD_ACTION_MUTE, WD_SCOPE_NONE));
    assert_false(has(planned, WD_ACTION_BAN, WD_SCOPE_NONE) && has(planned, WD_ACTION_UNBAN, WD_SCOPE_NONE));
    /* nothing is lost without a reason */
    if (subset & 1U << 11)
        assert_true(globally);
    if (subset & 1U << 15)
        assert_true(has(planned, WD_ACTION_REVOKE_SESSIONS, WD_SCOPE_NONE));
    size_t targets = (subset >> 16 & 1) + (subset >> 17 & 1), notified = 0;
    for (size_t i = 0; i < planned->count; i++)
        notified += planned->actions[i].kind == WD_ACTION_NOTIFY;
    assert_int_equal(notified, targets);
}

static void every_subset_keeps_the_promises(void **state)
{
    (void)state;
    struct wd_arena *arena = wd_arena_new(1 << 20);
    struct wd_event event = event_of(WD_CONTENT_POST, "c-1", "g-1");
    for (uint32_t subset = 0; subset < 1U << ALL_COUNT; subset++) {
        wd_arena_reset(arena);
        struct planned forwards = plan_subset(arena, &event, subset, false);
        struct planned backwards = plan_subset(arena, &event, subset, true);
        check_promises(&forwards, subset);
        assert_int_equal(forwards.count, backwards.count);
        for (size_t i = 0; i < forwards.count; i++) {
            assert_int_equal(forwards.actions[i].kind, backwards.actions[i].kind);
            assert_int_equal(forwards.actions[i].scope, backwards.actions[i].scope);
            assert_int_equal(forwards.actions[i].duration_ms, backwards.actions[i].duration_ms);
            assert_true(wd_str_equal(forwards.actions[i].notify_target, backwards.actions[i].notify_target));
        }
    }
    wd_arena_free(arena);
}

static void expect(struct wd_event event, uint32_t subset, const char *wanted)
{
    struct wd_arena *arena = wd_arena_new(1 << 20);
    struct planned planned = plan_subset(arena, &event, subset, false);
    assert_string_equal(written(planned.actions, planned.count), wanted);
    wd_arena_free(arena);
}

static void the_strongest_wins(void **state)
{
    (void)state;
    struct wd_event post = event_of(WD_CONTENT_POST, NULL, "g-1");
    struct wd_event message = event_of(WD_CONTENT_MESSAGE, "c-1", NULL);
    const uint32_t flag = 1U << 0, unflag = 1U << 1, hide = 1U << 2, delete = 1U << 3, approve = 1U << 4,
                   decline = 1U << 5, mutes = 3U << 6, ban = 1U << 8, remove = 3U << 13, notify = 3U << 16;
    expect(post, flag | hide | delete | decline, "delete");
    expect(post, flag | hide | decline, "hide");
    expect(post, flag | decline, "decline");
    expect(post, flag | approve | unflag, "flag");
    expect(post, approve | unflag, "approve unflag");
    expect(message, hide | mutes | notify, "hide mute:channel:5000 notify=legal notify=ops");
    expect(message, mutes | ban | remove, "ban:channel");
    expect(message, mutes | remove, "remove:channel");
    expect(post, ban, "ban:community");
    expect(event_of(WD_CONTENT_POST, NULL, NULL), ban, "ban:global");
    expect(event_of(WD_CONTENT_MESSAGE, "c-1", "g-1"), ban, "ban:channel");
}

static void what_cannot_be_done_here_is_left_out(void **state)
{
    (void)state;
    const uint32_t hide = 1U << 2, delete = 1U << 3, approve = 1U << 4, decline = 1U << 5, mute = 1U << 6,
                   ban_channel = 1U << 9, remove = 3U << 13, sessions = 1U << 15, notify = 1U << 16;
    struct wd_event user = event_of(WD_CONTENT_USER, NULL, NULL);
    expect(user, delete | hide | mute | ban_channel | remove, "flag");
    expect(event_of(WD_CONTENT_MESSAGE, "c-1", NULL), decline, "hide");
    expect(event_of(WD_CONTENT_MESSAGE, "c-1", NULL), approve, "");
    expect(event_of(WD_CONTENT_CHANNEL, "c-1", NULL), delete | mute, "mute:channel:1000");
    expect(event_of(WD_CONTENT_POST, NULL, "g-1"), mute | ban_channel, "");
    struct wd_event nobody = event_of(WD_CONTENT_POST, NULL, "g-1");
    nobody.author.id = (struct wd_str){0};
    expect(nobody, hide | sessions | 1U << 11 | notify, "hide notify=ops");
    struct wd_plan plan = {0};
    struct wd_arena *arena = wd_arena_new(1 << 16);
    assert_true(wd_plan_add(&plan, arena, &user, &ALL[6]));
    assert_true(wd_plan_add(&plan, arena, &user, &ALL[9]));
    assert_int_equal(plan.inapplicable, 2);
    wd_arena_free(arena);
}

static void a_full_arena_is_said(void **state)
{
    (void)state;
    struct wd_arena *arena = wd_arena_new(16);
    struct wd_plan plan = {0};
    struct wd_event event = event_of(WD_CONTENT_POST, NULL, NULL);
    const struct wd_action *actions;
    size_t count;
    assert_false(wd_plan_add(&plan, arena, &event, &ALL[16]));
    assert_false(wd_plan_finish(&plan, arena, &actions, &count));
    wd_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subset_keeps_the_promises),
        cmocka_unit_test(the_strongest_wins),
        cmocka_unit_test(what_cannot_be_done_here_is_left_out),
        cmocka_unit_test(a_full_arena_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
