/* Finds rules that say the same as another, and rules that add nothing to another. Whether one condition follows from
 * another is told from their form: from `words: [a]` follows `words: [a, b]`, from `all: [x, y]` follows x. What always
 * holds: what is reported is so; that everything is found is not claimed. Rules are compared only where a pattern or
 * condition stands in both, so the cost grows with the rules and not with their pairs. Neighbours: lint.c. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/lint.h"
#include "filters/rules/ruletest.h"

enum { COMPARED_MAX = 64, COMPARISONS_MAX = 20000, PAIRS_MAX = 1000000 };

/* ---- whether one condition follows from another ---- */

static bool same_node(const struct wd_node *a, const struct wd_node *b);

static bool same_children(const struct wd_node *a, const struct wd_node *b)
{
    for (const struct wd_node *one = a->first; one; one = one->next) {
        if (!one->key || strcmp(one->key->text, "name") == 0)
            continue;
        const struct wd_node *other = wd_node_get(b, one->key->text);
        if (!other || !same_node(one, other))
            return false;
    }
    return true;
}

/* What is written means the same; the order of keys and a condition's `name` do not matter. */
static bool same_node(const struct wd_node *a, const struct wd_node *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == WD_NODE_SCALAR)
        return a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len) == 0;
    if (a->kind == WD_NODE_MAP)
        return same_children(a, b) && same_children(b, a);
    const struct wd_node *one = a->first, *other = b->first;
    for (; one && other && same_node(one, other); one = one->next)
        other = other->next;
    return !one && !other;
}

/* Where a name may be that of a list, it means the same only in the same file. */
static bool may_name_a_list(const struct leaf *leaf)
{
    const struct wd_node *first = wd_node_get(leaf->node, leaf->kind->shape.keys[0].name);
    const struct wd_node *in = wd_node_get(leaf->node, "in");
    return (first && first->kind == WD_NODE_SCALAR && !in) || (in && in->kind == WD_NODE_SCALAR);
}

static bool covers_pattern(const struct wd_pattern *wide, const struct wd_pattern *narrow)
{
    bool kinds = wide->kind == narrow->kind || (wide->kind == WD_PATTERN_CONTAINS && narrow->kind == WD_PATTERN_WORD);
    if (!kinds || wide->text.len != narrow->text.len || (narrow->caseless && !wide->caseless))
        return false;
    bool any_case = wide->caseless && wide->kind != WD_PATTERN_REGEX;
    return any_case ? strncasecmp(wide->text.data, narrow->text.data, wide->text.len) == 0
                    : memcmp(wide->text.data, narrow->text.data, wide->text.len) == 0;
}

static bool covers_patterns(const struct leaf *wide, const struct leaf *narrow)
{
    if (wide->pattern_count * narrow->pattern_count > PAIRS_MAX && wide->pattern_count != narrow->pattern_count)
        return false;
    for (size_t i = 0; i < narrow->pattern_count; i++) {
        size_t j = i; /* in the same list it stands at the same place */
        bool found = j < wide->pattern_count && covers_pattern(&wide->patterns[j], &narrow->patterns[i]);
        if (!found && wide->pattern_count * narrow->pattern_count > PAIRS_MAX)
            return false;
        for (j = 0; j < wide->pattern_count && !found; j++)
            found = covers_pattern(&wide->patterns[j], &narrow->patterns[i]);
        if (!found)
            return false;
    }
    return true;
}

/* More in the same window is more. Events that count can follow from a rule's scope, which no node shows. */
static bool signal_follows(const struct signal_params *from, const struct signal_params *what)
{
    for (size_t i = 0; i < from->limit_count; i++)
        if (from->limits[i] < what->limits[i])
            return false;
    return from->signal == what->signal;
}

static bool leaf_follows(const struct leaf *from, const struct leaf *what)
{
    if (from->fields & ~what->fields || from->views & ~what->views)
        return false;
    if (from->kind->reads == READS_PATTERNS && what->kind->reads == READS_PATTERNS)
        return covers_patterns(what, from);
    if (from->kind->reads == READS_BEHAVIOUR && wd_behaviour_leaf_of(from) == LEAF_SIGNAL)
        return from->kind == what->kind && signal_follows(from->params, what->params);
    return from->kind == what->kind && same_node(from->node, what->node) &&
           (from->node->file == what->node->file || !may_name_a_list(from));
}

static bool follows(const struct condition *from, const struct condition *what, int *steps)
{
    if (--*steps < 0)
        return false;
    if (from->kind == CONDITION_ANY) {
        for (size_t i = 0; i < from->child_count; i++)
            if (!follows(from->children[i], what, steps))
                return false;
        return true;
    }
    if (what->kind == CONDITION_ALL) {
        for (size_t i = 0; i < what->child_count; i++)
            if (!follows(from, what->children[i], steps))
                return false;
        return true;
    }
    for (size_t i = 0; from->kind == CONDITION_ALL && i < from->child_count; i++)
        if (follows(from->children[i], what, steps))
            return true;
    for (size_t i = 0; what->kind == CONDITION_ANY && i < what->child_count; i++)
        if (follows(from, what->children[i], steps))
            return true;
    if (from->kind == CONDITION_NOT && what->kind == CONDITION_NOT)
        return follows(what->children[0], from->children[0], steps);
    return from->kind == CONDITION_LEAF && what->kind == CONDITION_LEAF && leaf_follows(from->leaf, what->leaf);
}

/* ---- whether one rule follows from another ---- */

static bool covers_glob(const struct scope *scope, const char *glob)
{
    for (size_t i = 0; i < scope->glob_count; i++) {
        if (strcmp(scope->globs[i], glob) == 0 || wd_glob_matches(scope->globs[i], wd_str_from(glob)))
            return true;
    }
    return false;
}

static bool covers_scope(const struct wd_ruleset *set, const struct rule *wide, const struct rule *narrow)
{
    const struct scope *scope = &set->scopes[narrow->scope];
    for (size_t i = 0; i < scope->glob_count; i++)
        if (!covers_glob(&set->scopes[wide->scope], scope->globs[i]))
            return false;
    return !(narrow->stages & ~wide->stages);
}

/* Exceptions reach into conditions: only rules that have none can be compared. */
static bool rule_follows(const struct wd_ruleset *set, const struct rule *from, const struct rule *what)
{
    int steps = COMPARISONS_MAX;
    return !from->exception_count && !what->exception_count && covers_scope(set, what, from) &&
           follows(from->when, what->when, &steps);
}

static bool same_action(const struct wd_action *a, const struct wd_action *b)
{
    return a->kind == b->kind && a->scope == b->scope && a->duration_ms == b->duration_ms &&
           wd_str_equal(a->notify_target, b->notify_target);
}

static bool has_action(const struct rule *rule, const struct wd_action *action)
{
    for (size_t i = 0; i < rule->action_count; i++)
        if (same_action(&rule->actions[i], action))
            return true;
    return false;
}

static bool does_as_much(const struct rule *wide, const struct rule *narrow)
{
    bool modes = wide->info.mode == WD_MODE_ENFORCE ||
                 (wide->info.mode == WD_MODE_SHADOW && narrow->info.mode == WD_MODE_SHADOW);
    if (!modes || narrow->point_count || narrow->strike_count || narrow->message_count || narrow->match_when_undecided)
        return false;
    for (size_t i = 0; i < narrow->action_count; i++)
        if (!has_action(wide, &narrow->actions[i]))
            return false;
    return true;
}

static bool compare(struct loader *loader, const struct rule *rule, const struct rule *other)
{
    const struct wd_ruleset *set = loader->set;
    if (!rule->live || !other->live || !rule_follows(set, rule, other))
        return false;
    bool both_ways = rule_follows(set, other, rule);
    if (both_ways && rule > other)
        wd_diagnose(loader->reporter.findings, WD_WARNING, "duplicate-condition", rule->info.file, rule->info.line, 1,
                    "rule '%s' matches whatever '%s' does (%s, line %d), and nothing else: make one rule of both",
                    rule->info.id, other->info.id, other->info.file, other->info.line);
    else if (!both_ways && does_as_much(other, rule))
        wd_diagnose(loader->reporter.findings, WD_WARNING, "shadowed-rule", rule->info.file, rule->info.line, 1,
                    "whatever rule '%s' matches, '%s' matches, too, and does as much (%s, line %d): it changes nothing",
                    rule->info.id, other->info.id, other->info.file, other->info.line);
    else
        return false;
    return true;
}

/* ---- which rules are worth comparing ---- */

struct mention {
    uint64_t key; /* hash of a pattern or condition */
    uint32_t rule;
};

struct mentions {
    struct mention *items;
    size_t count, room;
    bool out_of_memory;
};

static uint64_t hash_text(uint64_t hash, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)tolower((unsigned char)text[i])) * 1099511628211U;
    return hash;
}

static uint64_t hash_leaf(const struct leaf *leaf)
{
    uint64_t hash = 14695981039346656037U;
    const char *name = leaf->kind->shape.keys[0].name;
    hash = hash_text(hash, name, strlen(name));
    for (const struct wd_node *node = leaf->node->first; node; node = node->next)
        if (node->kind == WD_NODE_SCALAR && strcmp(node->key->text, name) == 0)
            hash = hash_text(hash, node->text, node->text_len);
    return hash;
}

static void mention(struct mentions *mentions, uint64_t key, uint32_t rule)
{
    if (mentions->count == mentions->room) {
        size_t room = mentions->room ? 2 * mentions->room : 1024;
        struct mention *grown = realloc(mentions->items, room * sizeof(*grown));
        if (!grown) {
            mentions->out_of_memory = true;
            return;
        }
        mentions->items = grown;
        mentions->room = room;
    }
    mentions->items[mentions->count++] = (struct mention){.key = key, .rule = rule};
}

/* All keys of a condition, or only one of each leaf. */
static void mention_condition(struct mentions *mentions, const struct condition *condition, uint32_t rule, bool all)
{
    for (size_t i = 0; i < condition->child_count; i++)
        mention_condition(mentions, condition->children[i], rule, all);
    if (condition->kind != CONDITION_LEAF)
        return;
    const struct leaf *leaf = condition->leaf;
    if (leaf->kind->reads != READS_PATTERNS)
        mention(mentions, hash_leaf(leaf), rule);
    for (size_t i = 0; i < leaf->pattern_count && (all || i == 0); i++)
        mention(mentions, hash_text(14695981039346656037U, leaf->patterns[i].text.data, leaf->patterns[i].text.len),
                rule);
}

static int by_key(const void *left, const void *right)
{
    const struct mention *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->rule > b->rule) - (a->rule < b->rule);
}

static const struct mention *first_with(const struct mentions *mentions, uint64_t key)
{
    size_t low = 0, high = mentions->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mentions->items[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return mentions->items + low;
}

static void look_for(struct loader *loader, const struct mentions *all, const struct mentions *own, uint32_t rule)
{
    const struct wd_ruleset *set = loader->set;
    const struct mention *end = all->items + all->count;
    for (size_t i = 0; i < own->count; i++) {
        const struct mention *other = first_with(all, own->items[i].key);
        uint32_t last = UINT32_MAX;
        for (int compared = 0; other < end && other->key == own->items[i].key && compared < COMPARED_MAX; other++) {
            if (other->rule == rule || other->rule == last)
                continue;
            last = other->rule;
            compared++;
            if (compare(loader, &set->rules[rule], &set->rules[last]))
                return;
        }
    }
}

void wd_lint_shadows(struct loader *loader)
{
    const struct wd_ruleset *set = loader->set;
    struct mentions all = {0}, own = {0};
    for (uint32_t i = 0; i < set->rule_count; i++)
        mention_condition(&all, set->rules[i].when, i, true);
    if (all.count)
        qsort(all.items, all.count, sizeof(*all.items), by_key);
    for (uint32_t i = 0; i < set->rule_count && !all.out_of_memory && !own.out_of_memory; i++) {
        own.count = 0;
        mention_condition(&own, set->rules[i].when, i, false);
        look_for(loader, &all, &own, i);
    }
    loader->out_of_memory |= all.out_of_memory || own.out_of_memory;
    free(all.items);
    free(own.items);
}
