/* Makes the index of a loaded set: distinct patterns (atoms) with the leaves that use them, compiled together; and for
 * each scope the rules that must be looked at even where no text had a hit. What always holds: a rule that could match
 * is reached either by a hit of one of its atoms or by its scope's list. Neighbours: load.c, filters/scanner.c. */
#include <stdlib.h>
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/loader.h"

struct index {
    struct wd_pattern *patterns; /* distinct, as given to wd_patterns_new */
    size_t count;
    uint32_t *slots; /* hash table of pattern index + 1 */
    size_t slot_mask;
    uint32_t *atom_of_entry; /* for every pattern of every live leaf, in order */
    size_t entries;
};

static bool is_indexed(const struct wd_ruleset *set, const struct leaf *leaf)
{
    return leaf->kind->reads == READS_PATTERNS && set->rules[leaf->rule].live;
}

static uint64_t hash_pattern(const struct wd_pattern *pattern)
{
    uint64_t hash = 14695981039346656037U ^ (uint64_t)pattern->kind << 1 ^ (uint64_t)pattern->caseless;
    for (size_t i = 0; i < pattern->text.len; i++)
        hash = (hash ^ (unsigned char)pattern->text.data[i]) * 1099511628211U;
    return hash ^ hash >> 32;
}

static bool same_pattern(const struct wd_pattern *a, const struct wd_pattern *b)
{
    return a->kind == b->kind && a->caseless == b->caseless && wd_str_equal(a->text, b->text);
}

static uint32_t intern_pattern(struct index *index, const struct wd_pattern *pattern, bool all_hits)
{
    size_t slot = hash_pattern(pattern) & index->slot_mask;
    while (index->slots[slot] && !same_pattern(&index->patterns[index->slots[slot] - 1], pattern))
        slot = (slot + 1) & index->slot_mask;
    if (!index->slots[slot]) {
        index->patterns[index->count] = *pattern;
        index->patterns[index->count].views = 0;
        index->slots[slot] = (uint32_t)++index->count;
    }
    struct wd_pattern *shared = &index->patterns[index->slots[slot] - 1];
    shared->views |= pattern->views;
    shared->all_hits |= all_hits;
    return index->slots[slot] - 1;
}

static bool index_init(struct index *index, const struct wd_ruleset *set)
{
    size_t entries = 0, slots = 64;
    for (size_t i = 0; i < set->leaf_count; i++)
        entries += is_indexed(set, set->leaves[i]) ? set->leaves[i]->pattern_count : 0;
    while (slots < entries * 2)
        slots *= 2;
    *index = (struct index){.patterns = calloc(entries + 1, sizeof(*index->patterns)),
                            .slots = calloc(slots, sizeof(*index->slots)),
                            .slot_mask = slots - 1,
                            .atom_of_entry = calloc(entries + 1, sizeof(*index->atom_of_entry))};
    return entries < UINT32_MAX / 2 && index->patterns && index->slots && index->atom_of_entry;
}

static void index_fini(struct index *index)
{
    free(index->patterns);
    free(index->slots);
    free(index->atom_of_entry);
}

static void intern_patterns(struct index *index, const struct wd_ruleset *set)
{
    for (size_t i = 0; i < set->leaf_count; i++) {
        const struct leaf *leaf = set->leaves[i];
        if (!is_indexed(set, leaf))
            continue;
        bool all_hits = set->rules[leaf->rule].has_allowed_spans;
        for (size_t j = 0; j < leaf->pattern_count; j++)
            index->atom_of_entry[index->entries++] = intern_pattern(index, &leaf->patterns[j], all_hits);
    }
}

/* True for (?-i) and (?^): the expression itself says that case matters somewhere. */
static bool has_inline_case(const struct wd_pattern *pattern)
{
    const char *end = pattern->text.data + pattern->text.len;
    for (const char *at = pattern->text.data; pattern->kind == WD_PATTERN_REGEX && at + 2 < end; at++) {
        if (at[0] != '(' || at[1] != '?')
            continue;
        const char *flag = at + 2;
        while (flag < end && *flag != '-' && *flag != '^' && *flag >= 'a' && *flag <= 'z')
            flag++;
        if (flag < end && (*flag == '-' || *flag == '^'))
            return true;
    }
    return false;
}

/* Lists the leaves of each atom. */
static bool link_uses(struct loader *loader, struct index *index)
{
    struct wd_ruleset *set = loader->set;
    set->atom_count = index->count;
    set->atoms = wd_loader_alloc(loader, index->count + 1, sizeof(*set->atoms));
    set->uses = wd_loader_alloc(loader, index->entries + 1, sizeof(const struct leaf *));
    if (!set->atoms || !set->uses)
        return false;
    for (size_t i = 0; i < index->entries; i++)
        set->atoms[index->atom_of_entry[i]].use_count++;
    uint32_t first = 0;
    for (size_t i = 0; i < index->count; i++) {
        bool inline_case = has_inline_case(&index->patterns[i]);
        set->atoms[i].first_use = first;
        set->atoms[i].case_matters = inline_case || !index->patterns[i].caseless;
        set->has_inline_case |= inline_case;
        first += set->atoms[i].use_count;
        set->atoms[i].use_count = 0;
    }
    size_t entry = 0;
    for (size_t i = 0; i < set->leaf_count; i++) {
        const struct leaf *leaf = set->leaves[i];
        for (size_t j = 0; is_indexed(set, leaf) && j < leaf->pattern_count; j++) {
            struct atom *atom = &set->atoms[index->atom_of_entry[entry++]];
            bool twice = atom->use_count && set->uses[atom->first_use + atom->use_count - 1] == leaf;
            if (!twice) /* a list can hold a word twice */
                set->uses[atom->first_use + atom->use_count++] = leaf;
        }
    }
    return true;
}

/* The place of the first leaf that uses a pattern which the index refused. */
static void report_pattern(struct loader *loader, const struct wd_node *node, const struct wd_error *err)
{
    if (node)
        wd_report(&loader->reporter, node, WD_ERROR, "bad-pattern", "%s", err->text);
    else
        wd_diagnose(loader->reporter.findings, WD_ERROR, "bad-pattern", "", 0, 0, "%s", err->text);
}

/* NULL, too, where none is given. */
static bool read_sample(struct loader *loader, char **sample_out)
{
    struct wd_error err = {0};
    const char *path = loader->options->sample;
    *sample_out = NULL;
    if (!path || !*path)
        return true;
    enum wd_status status = wd_sample_read(path, sample_out, &err);
    loader->out_of_memory |= status == WD_ERR_MEMORY;
    if (status != WD_OK && status != WD_ERR_MEMORY)
        wd_diagnose(loader->reporter.findings, WD_ERROR, "bad-sample", path, 0, 0, "%s", err.text);
    return status == WD_OK;
}

static bool compile_patterns(struct loader *loader, const struct index *index)
{
    struct wd_ruleset *set = loader->set;
    struct wd_error err = {0};
    size_t bad = SIZE_MAX;
    char *sample;
    if (!read_sample(loader, &sample))
        return false;
    struct wd_patterns_options options = {.match_limit = set->match_limit, .frequencies = sample};
    enum wd_status status =
        index->count ? wd_patterns_new(index->patterns, index->count, &options, &set->patterns, &bad, &err) : WD_OK;
    free(sample);
    if (status == WD_OK)
        return true;
    const struct leaf *user = bad < index->count ? set->uses[set->atoms[bad].first_use] : NULL;
    loader->out_of_memory |= status == WD_ERR_MEMORY;
    if (status != WD_ERR_MEMORY)
        report_pattern(loader, user ? user->node : NULL, &err);
    return false;
}

static void note_index_classes(struct wd_ruleset *set)
{
    for (uint32_t atom = 0; atom < set->atom_count; atom++) {
        enum wd_index_class index_class = wd_patterns_index_class(set->patterns, atom);
        for (uint32_t i = 0; i < set->atoms[atom].use_count; i++) {
            struct rule *rule = &set->rules[set->uses[set->atoms[atom].first_use + i]->rule];
            if (!rule->is_indexed || rule->index_class < index_class)
                rule->index_class = index_class;
            rule->is_indexed = true;
        }
    }
}

/* ---- what texts and rules must be looked at ---- */

/* Those past the maximum share the last entry, which then wants no more than any of them. */
static void add_search(struct searches *searches, uint32_t views, uint32_t needs)
{
    size_t i = 0;
    while (i < searches->count && searches->items[i].needs != needs)
        i++;
    if (i == SEARCHES_MAX)
        i--;
    else if (i == searches->count)
        searches->items[searches->count++].needs = needs;
    searches->items[i].needs &= needs;
    searches->items[i].views |= views;
    for (int view = 0; view < WD_VIEW_COUNT; view++)
        searches->asked[view] |= views >> view & 1 ? needs : 0;
}

static void gather_views(struct wd_ruleset *set)
{
    for (size_t i = 0; i < set->leaf_count; i++) {
        const struct leaf *leaf = set->leaves[i];
        uint32_t *views = leaf->kind->reads == READS_PATTERNS ? set->views_by_field : set->searched_by_field;
        for (int field = 0; field < WD_TEXT_FIELD_COUNT && set->rules[leaf->rule].live; field++)
            if (leaf->fields & 1U << field) {
                views[field] |= leaf->views;
                if (leaf->kind->reads != READS_PATTERNS)
                    add_search(&set->searches_by_field[field], leaf->views, leaf->needs);
            }
    }
}

/* What a condition can be where no pattern had a hit and nothing that is remembered is true. */
struct possible {
    bool yes, no;
};

/* True where the rule becomes a candidate when the leaf is true. */
static bool is_hit(const struct leaf *leaf)
{
    return leaf->kind->reads == READS_PATTERNS || leaf->kind->reads == READS_BEHAVIOUR;
}

static struct possible without_hits(const struct condition *condition)
{
    if (condition->kind == CONDITION_LEAF)
        return (struct possible){.yes = !is_hit(condition->leaf), .no = true};
    struct possible first = without_hits(condition->children[0]);
    if (condition->kind == CONDITION_NOT)
        return (struct possible){.yes = first.no, .no = first.yes};
    for (size_t i = 1; i < condition->child_count; i++) {
        struct possible next = without_hits(condition->children[i]);
        bool all = condition->kind == CONDITION_ALL;
        first.yes = all ? first.yes && next.yes : first.yes || next.yes;
        first.no = all ? first.no || next.no : first.no && next.no;
    }
    return first;
}

/* The features that texts must have for a condition to be true where no pattern had a hit; all where it cannot. */
static uint32_t needs_without_hits(const struct condition *condition)
{
    if (condition->kind == CONDITION_LEAF)
        return is_hit(condition->leaf) ? UINT32_MAX : condition->leaf->needs;
    if (condition->kind == CONDITION_NOT)
        return 0;
    uint32_t needs = needs_without_hits(condition->children[0]);
    for (size_t i = 1; i < condition->child_count; i++) {
        uint32_t next = needs_without_hits(condition->children[i]);
        needs = condition->kind == CONDITION_ALL ? needs | next : needs & next;
    }
    return needs;
}

static bool list_rules(struct loader *loader, uint32_t scope, bool (*wanted)(const struct rule *),
                       const uint32_t **list_out, size_t *count_out)
{
    const struct wd_ruleset *set = loader->set;
    size_t count = 0;
    for (size_t i = 0; i < set->rule_count; i++)
        count += set->rules[i].live && set->rules[i].scope == scope && wanted(&set->rules[i]);
    uint32_t *list = wd_loader_alloc(loader, count + 1, sizeof(*list));
    if (!list)
        return false;
    count = 0;
    for (size_t i = 0; i < set->rule_count; i++)
        if (set->rules[i].live && set->rules[i].scope == scope && wanted(&set->rules[i]))
            list[count++] = (uint32_t)i;
    *list_out = list;
    *count_out = count;
    return true;
}

bool wd_can_match_without_hits(const struct condition *condition)
{
    return without_hits(condition).yes;
}

static bool can_match_without_hits(const struct rule *rule)
{
    return wd_can_match_without_hits(rule->when);
}

static bool matches_when_undecided(const struct rule *rule)
{
    return rule->match_when_undecided;
}

static bool finish_scopes(struct loader *loader)
{
    struct wd_ruleset *set = loader->set;
    bool fine = true;
    for (size_t i = 0; i < set->rule_count; i++) {
        set->scopes[set->rules[i].scope].is_live |= set->rules[i].live;
        set->rules[i].needs = needs_without_hits(set->rules[i].when);
    }
    for (size_t i = 0; i < set->scope_count && fine; i++) {
        struct scope *scope = &set->scopes[i];
        fine = list_rules(loader, (uint32_t)i, can_match_without_hits, &scope->always, &scope->always_count) &&
               list_rules(loader, (uint32_t)i, matches_when_undecided, &scope->not_quiet, &scope->not_quiet_count);
    }
    return fine;
}

bool wd_compile_rules(struct loader *loader)
{
    struct wd_ruleset *set = loader->set;
    set->leaf_count = loader->leaf_count;
    set->leaves = wd_loader_alloc(loader, loader->leaf_count + 1, sizeof(const struct leaf *));
    set->guards = wd_loader_alloc(loader, 1, sizeof(*set->guards));
    if (!set->leaves || !set->guards)
        return false;
    set->guards->rules = wd_loader_alloc(loader, set->rule_count + 1, sizeof(*set->guards->rules));
    if (!set->guards->rules)
        return false;
    if (loader->leaf_count)
        memcpy(set->leaves, loader->leaves, loader->leaf_count * sizeof(const struct leaf *));
    struct index index;
    bool fine = index_init(&index, set);
    if (fine)
        intern_patterns(&index, set);
    else
        loader->out_of_memory = true;
    fine = fine && link_uses(loader, &index) && compile_patterns(loader, &index);
    index_fini(&index);
    if (fine) {
        note_index_classes(set);
        gather_views(set);
    }
    return fine && finish_scopes(loader) && wd_compile_behaviour(loader);
}
