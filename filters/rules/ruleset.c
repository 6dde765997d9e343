/* What can be asked of a loaded set. Neighbours: load.c makes it. */
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/scanner_internal.h"

size_t wd_ruleset_rule_count(const struct wd_ruleset *set)
{
    return set->rule_count;
}

const struct wd_rule_info *wd_ruleset_rule(const struct wd_ruleset *set, uint32_t rule)
{
    return rule < set->rule_count ? &set->rules[rule].info : NULL;
}

const char *wd_ruleset_digest(const struct wd_ruleset *set)
{
    return set->digest;
}

const char *const *wd_ruleset_notify_targets(const struct wd_ruleset *set)
{
    static const char *const NONE[] = {NULL};
    return set->notify_targets ? (const char *const *)set->notify_targets : NONE;
}

const char *wd_ruleset_user_message(const struct wd_ruleset *set, uint32_t rule, const char *language)
{
    if (rule >= set->rule_count)
        return NULL;
    const struct rule *r = &set->rules[rule];
    const char *english = NULL;
    for (size_t i = 0; i < r->message_count; i++) {
        if (language && strcmp(r->messages[i].language, language) == 0)
            return r->messages[i].text;
        if (strcmp(r->messages[i].language, "en") == 0)
            english = r->messages[i].text;
    }
    return english ? english : r->message_count ? r->messages[0].text : NULL;
}

/* What a moderator has decided: a rule about "post.*" that hides would undo it at once. */
static bool is_decision_of_people(struct wd_str name)
{
    static const char *const ENDS[] = {".didApprove", ".didDecline", ".didUnflag"};
    for (size_t i = 0; i < sizeof(ENDS) / sizeof(*ENDS); i++) {
        size_t len = strlen(ENDS[i]);
        if (name.len > len && memcmp(name.data + name.len - len, ENDS[i], len) == 0)
            return true;
    }
    return false;
}

bool wd_glob_matches(const char *glob, struct wd_str name)
{
    size_t len = strlen(glob);
    if (len > 1 && glob[len - 1] == '*' && is_decision_of_people(name))
        return false;
    if (len && glob[len - 1] == '*')
        return name.len >= len - 1 && memcmp(glob, name.data ? name.data : "", len - 1) == 0;
    return name.len == len && memcmp(glob, name.data ? name.data : "", len) == 0;
}

bool wd_scope_covers(const struct scope *scope, struct wd_str event_name)
{
    for (size_t i = 0; i < scope->glob_count; i++)
        if (wd_glob_matches(scope->globs[i], event_name))
            return true;
    return false;
}

static bool is_remembered(const struct wd_ruleset *set, struct wd_str event_name)
{
    const struct behaviour *behaviour = set->behaviour;
    for (size_t i = 0; i < behaviour->signal_count; i++)
        for (size_t j = 0; j < behaviour->signals[i].glob_count; j++)
            if (wd_glob_matches(behaviour->signals[i].globs[j], event_name))
                return true;
    for (size_t i = 0; i < behaviour->score_count; i++)
        for (size_t j = 0; j < behaviour->scores[i].reports.glob_count; j++)
            if (wd_glob_matches(behaviour->scores[i].reports.globs[j], event_name))
                return true;
    uint32_t traits = wd_event_traits(event_name);
    return traits & TRAITS_OF_PEOPLE || (behaviour->has_reports && traits & TRAIT_PROVES_REPORTS);
}

bool wd_ruleset_wants(const struct wd_ruleset *set, struct wd_str event_name)
{
    if (set->behaviour && is_remembered(set, event_name))
        return true;
    for (size_t i = 0; i < set->scope_count; i++)
        if (set->scopes[i].is_live && wd_scope_covers(&set->scopes[i], event_name))
            return true;
    return false;
}

/* ---- guards ---- */

bool wd_guard_strike(const struct wd_ruleset *set, uint32_t rule, uint64_t now_ns)
{
    enum { COUNT_BITS = 16 };
    const uint64_t minute = now_ns / UINT64_C(60000000000);
    struct guard *guard = &set->guards->rules[rule];
    uint_fast64_t old = atomic_load_explicit(&guard->strikes, memory_order_relaxed), next;
    do {
        next = old >> COUNT_BITS == minute ? old + 1 : minute << COUNT_BITS | 1;
        if ((next & ((1U << COUNT_BITS) - 1)) > WD_RULE_STRIKES)
            return false; /* it is off; others were on their way with it */
    } while (!atomic_compare_exchange_weak_explicit(&guard->strikes, &old, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    if ((next & ((1U << COUNT_BITS) - 1)) < WD_RULE_STRIKES)
        return false;
    if (atomic_exchange_explicit(&guard->is_off, true, memory_order_relaxed))
        return false;
    atomic_fetch_add_explicit(&set->guards->off_count, 1, memory_order_relaxed);
    return true;
}

bool wd_ruleset_is_switched_off(const struct wd_ruleset *set, uint32_t rule)
{
    return rule < set->rule_count && wd_guard_is_off(set, rule);
}

/* ---- what the index made of it ---- */

const char *wd_ruleset_index_class(const struct wd_ruleset *set, uint32_t rule)
{
    bool is_indexed = rule < set->rule_count && set->rules[rule].is_indexed;
    return is_indexed ? wd_index_class_name(set->rules[rule].index_class) : "none";
}

size_t wd_ruleset_memory(const struct wd_ruleset *set)
{
    return sizeof(*set) + wd_arena_used(set->arena) + (set->patterns ? wd_patterns_memory(set->patterns) : 0);
}

/* ---- valves ---- */

bool wd_ruleset_is_shadowed(const struct wd_ruleset *set, uint32_t rule)
{
    return rule < set->rule_count && atomic_load_explicit(&set->guards->rules[rule].is_shadowed, memory_order_relaxed);
}

void wd_ruleset_reset_valves(struct wd_ruleset *set)
{
    for (size_t i = 0; i < set->rule_count; i++)
        atomic_store_explicit(&set->guards->rules[i].is_shadowed, false, memory_order_relaxed);
    atomic_fetch_add_explicit(&set->guards->resets, 1, memory_order_release);
}
