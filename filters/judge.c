/* From candidate rules to a verdict: asks each rule's conditions, tells enforced from shadow matches, and plans what
 * they ask for. What always holds: the author's id alone decides on a sample; an exempt author has no planned actions.
 * Neighbours: scanner.c names the candidates, evaluate.c answers conditions, consequences.c says what follows for what
 * is remembered, plan.c merges actions. */
#include <stdlib.h>

#include "filters/judge.h"
#include "filters/plan.h"
#include "filters/remember.h"
#include "filters/scanner_internal.h"

static bool is_exempt(const struct wd_ruleset *set, const struct wd_author *author)
{
    for (size_t i = 0; i < author->role_count; i++)
        for (const char *const *role = set->exempt_roles; *role; role++)
            if (wd_str_is(author->roles[i], *role))
                return true;
    return false;
}

/* The same author is in the sample of every rule with at least that share, on every machine and in every version. */
static bool is_in_sample(double share, struct wd_str author_id)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < author_id.len; i++)
        hash = (hash ^ (unsigned char)author_id.data[i]) * 1099511628211U;
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd); /* FNV alone leaves the upper bits of short ids too much alike */
    hash ^= hash >> 33;
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    hash ^= hash >> 33;
    return (double)(hash >> 11) * 0x1p-53 < share;
}

static bool is_for_one_rule(const struct evaluation *evaluation)
{
    return evaluation->scanner && evaluation->scanner->is_for_one_rule;
}

static bool is_enforced(const struct wd_rule_info *info, const struct wd_event *event)
{
    return info->mode == WD_MODE_ENFORCE ||
           (info->mode == WD_MODE_SAMPLE && is_in_sample(info->sample_share, event->author.id));
}

static int by_index(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* They are few: most often without a call. */
static void sort_candidates(uint32_t *candidates, size_t count)
{
    if (count > 16) {
        qsort(candidates, count, sizeof(*candidates), by_index);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        uint32_t candidate = candidates[i];
        size_t at = i;
        for (; at && candidates[at - 1] > candidate; at--)
            candidates[at] = candidates[at - 1];
        candidates[at] = candidate;
    }
}

static uint64_t tell_time(const struct evaluation *evaluation, uint32_t rule, uint64_t before)
{
    uint64_t now = evaluation->timing->clock(evaluation->timing->clock_context);
    evaluation->rule_took(evaluation->rule_took_context, rule, now - before);
    return now;
}

/* Asks every candidate, in rule order. */
static bool match_rules(struct evaluation *evaluation, uint32_t *candidates, size_t count, struct wd_verdict *verdict)
{
    const struct wd_ruleset *set = evaluation->set;
    if (!count)
        return true;
    struct wd_rule_match *matches = wd_arena_alloc(evaluation->arena, count * sizeof(*matches));
    if (!matches)
        return false;
    sort_candidates(candidates, count);
    uint64_t now = evaluation->rule_took ? evaluation->timing->clock(evaluation->timing->clock_context) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct rule *rule = &set->rules[candidates[i]];
        struct wd_rule_match match = {.rule = candidates[i]};
        enum truth answer = wd_evaluate_rule(evaluation, rule, &match);
        if (evaluation->rule_took)
            now = tell_time(evaluation, candidates[i], now);
        if (answer == NO)
            continue;
        match.undecided = answer == UNDECIDED;
        match.is_match = answer == YES || rule->match_when_undecided;
        match.enforced = is_for_one_rule(evaluation) || is_enforced(&rule->info, evaluation->event);
        match.by_valve =
            match.enforced && match.is_match && evaluation->scanner && wd_valve_holds(evaluation->scanner, match.rule);
        match.enforced &= !match.by_valve;
        matches[verdict->match_count++] = match;
    }
    verdict->matches = matches;
    return !evaluation->out_of_memory;
}

static bool add_actions(struct wd_plan *plan, struct evaluation *evaluation, const struct wd_verdict *verdict,
                        bool enforced)
{
    for (size_t i = 0; i < verdict->match_count; i++) {
        const struct wd_rule_match *match = &verdict->matches[i];
        const struct rule *rule = &evaluation->set->rules[match->rule];
        for (size_t j = 0; j < rule->action_count && match->is_match && match->enforced == enforced; j++)
            if (!wd_plan_add(plan, evaluation->arena, evaluation->event, &rule->actions[j]))
                return false;
    }
    const struct due *due = evaluation->remembering ? evaluation->remembering->due : NULL;
    for (; due; due = due->next)
        if (due->enforced == enforced && !wd_plan_add(plan, evaluation->arena, evaluation->event, due->action))
            return false;
    return true;
}

static bool same_action(const struct wd_action *a, const struct wd_action *b)
{
    return a->kind == b->kind && a->scope == b->scope && a->duration_ms == b->duration_ms &&
           wd_str_equal(a->notify_target, b->notify_target);
}

/* What would be done if shadow rules were enforced, too, less what is done anyway. */
static bool plan_shadow(struct wd_plan *plan, struct evaluation *evaluation, struct wd_verdict *verdict)
{
    const struct wd_action *actions;
    size_t count, kept = 0;
    if (!add_actions(plan, evaluation, verdict, false) || !wd_plan_finish(plan, evaluation->arena, &actions, &count))
        return false;
    struct wd_action *added = wd_arena_alloc(evaluation->arena, count * sizeof(*added) + 1);
    for (size_t i = 0; i < count && added; i++) {
        bool done = false;
        for (size_t j = 0; j < verdict->action_count && !done; j++)
            done = same_action(&verdict->actions[j], &actions[i]);
        if (!done)
            added[kept++] = actions[i];
    }
    verdict->shadow_actions = added;
    verdict->shadow_action_count = kept;
    return added != NULL;
}

/* What people have decided is not undone. */
static bool hold_back(struct evaluation *evaluation, struct wd_verdict *verdict)
{
    size_t held = 0, kept = 0;
    for (size_t i = 0; i < verdict->action_count && evaluation->remembering; i++)
        held += wd_is_held(evaluation->remembering, &verdict->actions[i]);
    if (!held)
        return true;
    struct wd_held_action *back = wd_arena_alloc(evaluation->arena, held * sizeof(*back));
    struct wd_action *actions = wd_arena_alloc(evaluation->arena, verdict->action_count * sizeof(*actions));
    if (!back || !actions)
        return false;
    for (size_t i = 0; i < verdict->action_count; i++) {
        if (wd_is_held(evaluation->remembering, &verdict->actions[i]))
            back[verdict->held_count++] =
                (struct wd_held_action){.action = verdict->actions[i], .reason = WD_HOLD_HUMAN};
        else
            actions[kept++] = verdict->actions[i];
    }
    verdict->held = back;
    verdict->actions = actions;
    verdict->action_count = kept;
    return true;
}

static bool has_due_shadow(const struct evaluation *evaluation)
{
    const struct due *due = evaluation->remembering ? evaluation->remembering->due : NULL;
    while (due && due->enforced)
        due = due->next;
    return due != NULL;
}

static bool plan_actions(struct evaluation *evaluation, struct wd_verdict *verdict)
{
    struct wd_plan plan = {0};
    bool has_shadow = has_due_shadow(evaluation), has_due = evaluation->remembering && evaluation->remembering->due;
    for (size_t i = 0; i < verdict->match_count; i++) {
        const struct wd_rule_match *match = &verdict->matches[i];
        const struct rule *rule = &evaluation->set->rules[match->rule];
        has_shadow |= match->is_match && !match->enforced;
        for (size_t j = 0; j < rule->point_count && match->is_match && match->enforced; j++)
            verdict->score += rule->points[j].points;
    }
    if (verdict->exempt || !(verdict->match_count || has_due))
        return true;
    if (!add_actions(&plan, evaluation, verdict, true) ||
        !wd_plan_finish(&plan, evaluation->arena, &verdict->actions, &verdict->action_count))
        return false;
    verdict->inapplicable = plan.inapplicable;
    return hold_back(evaluation, verdict) && (!has_shadow || plan_shadow(&plan, evaluation, verdict));
}

bool wd_judge(struct evaluation *evaluation, uint32_t *candidates, size_t count, struct wd_verdict *verdict)
{
    verdict->candidates = (uint32_t)count;
    verdict->candidate_rules = candidates;
    if (!match_rules(evaluation, candidates, count, verdict))
        return false;
    verdict->exempt = !is_for_one_rule(evaluation) && is_exempt(evaluation->set, &evaluation->event->author);
    if (evaluation->remembering && !wd_draw_consequences(evaluation->remembering, verdict))
        return false;
    return plan_actions(evaluation, verdict);
}
