/* Which answers make which rules candidates, as a hit in a text does. What always holds: a rule that can match only by
 * an answer is reached by one of its triggers. Neighbours: behaviour_compile.c, filters/scanner.c. */
#include <stdlib.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/loader.h"

enum { COST_FREE, COST_SIGNAL, COST_FIRST_CONTENT, COST_SCORE, COST_TRUST };

static int cost_of(const struct condition *condition)
{
    if (condition->kind == CONDITION_LEAF) {
        if (condition->leaf->kind->reads != READS_BEHAVIOUR)
            return COST_FREE;
        static const int COSTS[] = {[LEAF_SIGNAL] = COST_SIGNAL,
                                    [LEAF_SCORE] = COST_SCORE,
                                    [LEAF_STRIKES] = COST_SCORE,
                                    [LEAF_TRUST] = COST_TRUST,
                                    [LEAF_FIRST_CONTENT] = COST_FIRST_CONTENT};
        return COSTS[wd_behaviour_leaf_of(condition->leaf)];
    }
    bool all = condition->kind == CONDITION_ALL;
    int cost = all ? COST_TRUST : COST_FREE;
    for (size_t i = 0; i < condition->child_count; i++) {
        int child = cost_of(condition->children[i]);
        if (all && wd_can_match_without_hits(condition->children[i]))
            continue;
        cost = all ? (child < cost ? child : cost) : (child > cost ? child : cost);
    }
    return cost;
}

/* Of conditions that must all be true one is enough: the one that is seldom true. */
static const struct condition *best_of(const struct condition *all)
{
    const struct condition *best = NULL;
    for (size_t i = 0; i < all->child_count; i++)
        if (!wd_can_match_without_hits(all->children[i]) && (!best || cost_of(all->children[i]) < cost_of(best)))
            best = all->children[i];
    return best;
}

static void mark_triggers(const struct condition *condition, bool *is_trigger)
{
    if (condition->kind == CONDITION_LEAF) {
        if (condition->leaf->kind->reads == READS_BEHAVIOUR)
            is_trigger[condition->leaf->index] = true;
        return;
    }
    const struct condition *best = condition->kind == CONDITION_ALL ? best_of(condition) : NULL;
    for (size_t i = 0; i < condition->child_count; i++)
        if (!best || best == condition->children[i])
            mark_triggers(condition->children[i], is_trigger);
}

static bool list_triggers(struct loader *loader, const bool *is_trigger)
{
    const struct wd_ruleset *set = loader->set;
    struct behaviour *behaviour = loader->behaviour;
    behaviour->scopes = wd_loader_alloc(loader, set->scope_count + 1, sizeof(*behaviour->scopes));
    for (size_t scope = 0; scope < set->scope_count && behaviour->scopes; scope++) {
        uint32_t *list = wd_loader_alloc(loader, behaviour->leaf_count + 1, sizeof(*list));
        struct behaviour_scope *out = &behaviour->scopes[scope];
        for (uint32_t i = 0; i < behaviour->leaf_count && list; i++)
            if (is_trigger[i] && set->rules[behaviour->leaves[i]->rule].scope == scope)
                list[out->trigger_count++] = i;
        out->triggers = list;
    }
    return !loader->out_of_memory;
}

bool wd_find_triggers(struct loader *loader)
{
    const struct wd_ruleset *set = loader->set;
    bool *is_trigger = calloc(loader->behaviour->leaf_count + 1, sizeof(*is_trigger));
    for (size_t i = 0; i < set->rule_count && is_trigger; i++)
        if (set->rules[i].live && !wd_can_match_without_hits(set->rules[i].when))
            mark_triggers(set->rules[i].when, is_trigger);
    loader->out_of_memory |= !is_trigger;
    bool fine = is_trigger && list_triggers(loader, is_trigger);
    free(is_trigger);
    return fine;
}
