/* From what rules ask for to what is to be done: the union, deduplicated, the strongest per target, in a stated order.
 * Pure. Neighbours: scanner.c feeds it; docs/rule-sets.md states the order for authors. */
#ifndef FILTERS_PLAN_H
#define FILTERS_PLAN_H

#include <warden/arena.h>
#include <warden/event.h>
#include <warden/verdict.h>

/* Asked-for actions as a set, so that the order in which rules ask never matters. */
struct wd_plan {
    uint32_t kinds;                        /* bit 1 << kind: content actions and revoke_sessions */
    uint32_t scopes[WD_ACTION_KIND_COUNT]; /* bit 1 << scope: ban, unban, remove */
    int64_t mute_ms;                       /* the longest; 0: none */
    struct wd_plan_target *targets;        /* to notify, by name */
    uint32_t inapplicable;                 /* asked for, but the event has no such place, content or author */
};

/* Adds an action that a rule asks for on `event`: settles which place is meant, and what a content action means for
 * this type of content. False where the arena's cap is passed. */
bool wd_plan_add(struct wd_plan *plan, struct wd_arena *arena, const struct wd_event *event,
                 const struct wd_action *action);

/* The planned actions: content first, then the author (ban, remove, mute, unban, revoke_sessions), notify last. False
 * where the arena's cap is passed. */
bool wd_plan_finish(const struct wd_plan *plan, struct wd_arena *arena, const struct wd_action **actions_out,
                    size_t *count_out);

#endif
