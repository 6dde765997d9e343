/* The action planner. What always holds: the result depends only on the set of actions asked for, not on their order or
 * number; nothing harsher is planned than what some rule asked for. Neighbours: plan.h, scanner.c. */
#include <string.h>

#include "filters/plan.h"

struct wd_plan_target {
    struct wd_plan_target *next;
    struct wd_str name;
};

static uint32_t bit(int position)
{
    return 1U << position;
}

/* ---- what an action means on this event ---- */

static bool has(struct wd_str id)
{
    return id.data && id.len;
}

/* The place that `scope` names; WD_SCOPE_NONE is the most local one. False where the event has no such place. */
static bool settle_scope(const struct wd_event *event, enum wd_action_kind kind, enum wd_scope *scope)
{
    bool channel = has(event->place.channel_id), community = has(event->place.community_id);
    if (*scope == WD_SCOPE_NONE)
        *scope = channel ? WD_SCOPE_CHANNEL : community ? WD_SCOPE_COMMUNITY : WD_SCOPE_GLOBAL;
    switch (*scope) {
    case WD_SCOPE_CHANNEL:
        return channel;
    case WD_SCOPE_COMMUNITY:
        return community;
    default:
        return kind == WD_ACTION_BAN || kind == WD_ACTION_UNBAN; /* nobody is removed from everywhere */
    }
}

/* What a content action comes to for this type of content; false where to nothing. Only posts have a review queue; a
 * profile cannot be hidden, and rules about texts must not delete accounts: a person looks at it. */
static bool settle_content(const struct wd_event *event, enum wd_action_kind *kind)
{
    if (!has(event->content_id))
        return false;
    switch (event->content_type) {
    case WD_CONTENT_POST:
        return true;
    case WD_CONTENT_MESSAGE:
    case WD_CONTENT_COMMENT:
    case WD_CONTENT_STORY:
        if (*kind == WD_ACTION_DECLINE)
            *kind = WD_ACTION_HIDE;
        return *kind != WD_ACTION_APPROVE;
    case WD_CONTENT_USER:
        if (*kind == WD_ACTION_HIDE || *kind == WD_ACTION_DELETE || *kind == WD_ACTION_DECLINE)
            *kind = WD_ACTION_FLAG;
        return *kind != WD_ACTION_APPROVE;
    default:
        return false;
    }
}

static int compare_names(struct wd_str a, struct wd_str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool add_target(struct wd_plan *plan, struct wd_arena *arena, struct wd_str name)
{
    struct wd_plan_target **at = &plan->targets;
    while (*at && compare_names((*at)->name, name) < 0)
        at = &(*at)->next;
    if (*at && wd_str_equal((*at)->name, name))
        return true;
    struct wd_plan_target *target = wd_arena_alloc(arena, sizeof(*target));
    if (!target)
        return false;
    *target = (struct wd_plan_target){.next = *at, .name = name};
    *at = target;
    return true;
}

bool wd_plan_add(struct wd_plan *plan, struct wd_arena *arena, const struct wd_event *event,
                 const struct wd_action *action)
{
    enum wd_action_kind kind = action->kind;
    enum wd_scope scope = action->scope;
    bool applies = true;
    switch (kind) {
    case WD_ACTION_NOTIFY:
        return add_target(plan, arena, action->notify_target);
    case WD_ACTION_MUTE:
        applies = has(event->author.id) && has(event->place.channel_id);
        if (applies && action->duration_ms > plan->mute_ms)
            plan->mute_ms = action->duration_ms;
        break;
    case WD_ACTION_BAN:
    case WD_ACTION_UNBAN:
    case WD_ACTION_REMOVE:
        applies = has(event->author.id) && settle_scope(event, kind, &scope);
        if (applies)
            plan->scopes[kind] |= bit(scope);
        break;
    case WD_ACTION_REVOKE_SESSIONS:
        applies = has(event->author.id);
        if (applies)
            plan->kinds |= bit(kind);
        break;
    default:
        applies = settle_content(event, &kind);
        if (applies)
            plan->kinds |= bit(kind);
        break;
    }
    plan->inapplicable += !applies;
    return true;
}

/* ---- the strongest per target ---- */

/* At most: one of delete, hide, decline, flag, or approve and unflag; three places each of ban, remove and unban; mute;
 * revoke_sessions. */
enum { FIXED_ACTIONS_MAX = 16 };

struct output {
    struct wd_action *actions;
    size_t count;
};

static void put(struct output *out, enum wd_action_kind kind, enum wd_scope scope, int64_t duration_ms)
{
    out->actions[out->count++] = (struct wd_action){.kind = kind, .scope = scope, .duration_ms = duration_ms};
}

static void put_content(const struct wd_plan *plan, struct output *out)
{
    static const enum wd_action_kind HARSHEST_FIRST[] = {WD_ACTION_DELETE, WD_ACTION_HIDE, WD_ACTION_DECLINE,
                                                         WD_ACTION_FLAG};
    for (int i = 0; i < 4; i++) {
        if (!(plan->kinds & bit(HARSHEST_FIRST[i])))
            continue;
        put(out, HARSHEST_FIRST[i], WD_SCOPE_NONE, 0);
        return;
    }
    if (plan->kinds & bit(WD_ACTION_APPROVE))
        put(out, WD_ACTION_APPROVE, WD_SCOPE_NONE, 0);
    if (plan->kinds & bit(WD_ACTION_UNFLAG))
        put(out, WD_ACTION_UNFLAG, WD_SCOPE_NONE, 0);
}

/* Places of `kind` that are not in `covered`, the widest first. */
static void put_scopes(const struct wd_plan *plan, struct output *out, enum wd_action_kind kind, uint32_t covered)
{
    for (int scope = WD_SCOPE_GLOBAL; scope > WD_SCOPE_NONE; scope--)
        if (plan->scopes[kind] & bit(scope) & ~covered)
            put(out, kind, (enum wd_scope)scope, 0);
}

static void put_author(const struct wd_plan *plan, struct output *out)
{
    const uint32_t everywhere = bit(WD_SCOPE_CHANNEL) | bit(WD_SCOPE_COMMUNITY);
    uint32_t banned = plan->scopes[WD_ACTION_BAN];
    bool globally = banned & bit(WD_SCOPE_GLOBAL);
    put_scopes(plan, out, WD_ACTION_BAN, globally ? everywhere : 0);
    uint32_t out_of = banned | (globally ? everywhere : 0);
    put_scopes(plan, out, WD_ACTION_REMOVE, out_of);
    out_of |= plan->scopes[WD_ACTION_REMOVE];
    if (plan->mute_ms && !(out_of & bit(WD_SCOPE_CHANNEL)))
        put(out, WD_ACTION_MUTE, WD_SCOPE_CHANNEL, plan->mute_ms);
    if (!banned) /* a rule that frees the author does not undo one that bans */
        put_scopes(plan, out, WD_ACTION_UNBAN, 0);
    if (plan->kinds & bit(WD_ACTION_REVOKE_SESSIONS))
        put(out, WD_ACTION_REVOKE_SESSIONS, WD_SCOPE_NONE, 0);
}

bool wd_plan_finish(const struct wd_plan *plan, struct wd_arena *arena, const struct wd_action **actions_out,
                    size_t *count_out)
{
    size_t room = FIXED_ACTIONS_MAX;
    for (const struct wd_plan_target *target = plan->targets; target; target = target->next)
        room++;
    struct output out = {.actions = wd_arena_alloc(arena, room * sizeof(*out.actions))};
    if (!out.actions)
        return false;
    put_content(plan, &out);
    put_author(plan, &out);
    for (const struct wd_plan_target *target = plan->targets; target; target = target->next)
        out.actions[out.count++] = (struct wd_action){.kind = WD_ACTION_NOTIFY, .notify_target = target->name};
    *actions_out = out.actions;
    *count_out = out.count;
    return true;
}
