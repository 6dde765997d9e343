/* The `behaviour` sections of all files, and what rules say of strikes. What always holds: scores and ladders of one
 * name mean the same in all files that are loaded together. Neighbours: behaviour.h, behaviour_keys.c (the tables),
 * behaviour_compile.c. */
#include <stdio.h>
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/loader.h"

static const int64_t LONGEST_MS = INT64_C(3660) * 86400000;

uint32_t wd_cell_id(const char *text)
{
    uint64_t hash = 14695981039346656037U;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    return (uint32_t)hash ? (uint32_t)hash : 1;
}

static uint32_t cell_named(const char *kind, const char *name)
{
    char text[200];
    snprintf(text, sizeof(text), "%s %s", kind, name);
    return wd_cell_id(text);
}

/* ---- reading values ---- */

static bool is_fine(const struct wd_node *node, const struct key *element)
{
    struct reporter silent = {.quiet = true};
    return wd_check_node(&silent, node, element); /* else it was reported */
}

/* Times past ten years are slips, and would pass what arithmetic on times can bear. */
static bool duration(struct loader *loader, const struct wd_node *node, int64_t otherwise, int64_t *out_ms)
{
    *out_ms = otherwise;
    if (!node)
        return true;
    (void)wd_node_duration(node, out_ms);
    if (*out_ms <= LONGEST_MS)
        return true;
    wd_report(&loader->reporter, node, WD_ERROR, "bad-value", "'%s' must be at most 3660d, not %s", node->key->text,
              node->text);
    return false;
}

static bool is_enforced(const struct wd_node *map)
{
    const struct wd_node *mode = wd_node_get(map, "mode");
    return !mode || mode->kind != WD_NODE_SCALAR || strcmp(mode->text, "enforce") == 0;
}

static const char *const *load_globs(struct loader *loader, const struct wd_node *list)
{
    const char **globs = wd_loader_alloc(loader, list->count + 1, sizeof(*globs));
    size_t count = 0;
    for (const struct wd_node *node = list->first; node && globs; node = node->next)
        globs[count++] = wd_loader_text(loader, node->text);
    return globs;
}

/* The same values, in whatever order the keys of maps are written. */
static bool same_nodes(const struct wd_node *a, const struct wd_node *b)
{
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == WD_NODE_SCALAR)
        return a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len) == 0;
    const struct wd_node *other = b->first;
    for (const struct wd_node *child = a->first; child; child = child->next) {
        const struct wd_node *match = a->kind == WD_NODE_MAP ? wd_node_get(b, child->key->text) : other;
        if (!match || !same_nodes(child, match))
            return false;
        other = other->next;
    }
    return true;
}

static bool agrees(struct loader *loader, const struct wd_node *node, const struct wd_node *before, const char *what)
{
    if (same_nodes(node, before))
        return true;
    wd_report(&loader->reporter, node->key, WD_ERROR, "duplicate-definition",
              "%s '%s' is defined otherwise in %s, line %d: sets that are loaded together must agree on it", what,
              node->key->text, before->file, before->line);
    return false;
}

/* ---- scores ---- */

static bool load_band(struct loader *loader, const struct wd_node *node, struct wd_band_limits *limits,
                      struct action_list *actions)
{
    limits->at = wd_node_number(wd_node_get(node, "at"), 0);
    limits->leave = wd_node_number(wd_node_get(node, "leave"), 0.75 * limits->at);
    if (limits->leave >= limits->at) {
        wd_report(&loader->reporter, wd_node_get(node, "leave"), WD_ERROR, "bad-value",
                  "'leave' must be below 'at', or the author would be out of the band at once");
        return false;
    }
    return wd_load_action_list(loader, wd_node_get(node, "actions"), &actions->items, &actions->count);
}

static bool load_bands(struct loader *loader, const struct wd_node *list, struct score *score,
                       struct wd_score_cell *cell)
{
    if (!list)
        return true;
    struct wd_band_limits *limits = wd_loader_alloc(loader, list->count, sizeof(*limits));
    struct action_list *actions = wd_loader_alloc(loader, list->count, sizeof(*actions));
    bool fine = limits && actions;
    for (const struct wd_node *node = list->first; node && fine; node = node->next) {
        fine = load_band(loader, node, &limits[cell->band_count], &actions[cell->band_count]);
        bool rises = !cell->band_count || limits[cell->band_count].at > limits[cell->band_count - 1].at;
        if (fine && (!rises || cell->band_count == BANDS_MAX)) {
            wd_report(&loader->reporter, node, WD_ERROR, "bad-value",
                      rises ? "a score has at most 16 bands" : "bands stand in order: each 'at' above the one before");
            fine = false;
        }
        cell->band_count++;
    }
    cell->bands = limits;
    score->band_actions = actions;
    return fine;
}

static bool load_reports(struct loader *loader, const struct wd_node *node, struct reports *reports)
{
    if (!node)
        return true;
    const struct wd_node *events = wd_node_get(node, "events"), *reporter = wd_node_get(node, "reporter");
    reports->globs = load_globs(loader, events);
    reports->glob_count = events->count;
    reports->points = wd_node_number(wd_node_get(node, "points"), 0);
    bool fine = wd_check_globs(loader, events);
    if (!reporter)
        return fine;
    struct field_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    reports->reporter = params;
    return params && wd_find_field(loader, reporter, params) && fine;
}

static bool load_score(struct loader *loader, const struct wd_node *node)
{
    struct behaviour *behaviour = loader->behaviour;
    for (size_t i = 0; i < behaviour->score_count; i++)
        if (strcmp(behaviour->scores[i].name, node->key->text) == 0)
            return agrees(loader, node, behaviour->scores[i].node, "score");
    if (behaviour->score_count == SCORES_MAX) {
        wd_report(&loader->reporter, node->key, WD_ERROR, "too-many-scores", "at most %d scores together", SCORES_MAX);
        return false;
    }
    struct score *score = &behaviour->scores[behaviour->score_count];
    struct wd_score_cell *cell = &behaviour->score_cells[behaviour->score_count++];
    *score =
        (struct score){.name = wd_loader_text(loader, node->key->text), .enforced = is_enforced(node), .node = node};
    *cell = (struct wd_score_cell){.cell = cell_named("score", node->key->text)};
    return is_fine(node, &wd_score_element) &&
           duration(loader, wd_node_get(node, "half_life"), 0, &cell->half_life_ms) &&
           load_bands(loader, wd_node_get(node, "bands"), score, cell) &&
           load_reports(loader, wd_node_get(node, "reports"), &score->reports);
}

/* ---- ladders ---- */

static bool load_step(struct loader *loader, const struct wd_node *node, const struct wd_ladder *ladder,
                      struct wd_ladder_step *step, struct action_list *actions)
{
    const struct wd_node *within = wd_node_get(node, "within");
    step->after = (uint32_t)wd_node_number(wd_node_get(node, "after"), 1);
    if (!duration(loader, within, 0, &step->within_ms))
        return false;
    const char *wrong = NULL;
    if (ladder->step_count == STEPS_MAX)
        wrong = "a ladder has at most 16 steps";
    else if (ladder->step_count && step->after <= (step - 1)->after)
        wrong = "steps stand in order: each 'after' above the one before";
    else if (within && ladder->expire_ms && step->within_ms > ladder->expire_ms)
        wrong = "'within' is longer than 'expire', after which strikes are forgotten";
    if (wrong)
        wd_report(&loader->reporter, node, WD_ERROR, "bad-value", "%s", wrong);
    return !wrong && wd_load_action_list(loader, wd_node_get(node, "actions"), &actions->items, &actions->count);
}

/* Adds a ladder of the section, or one of a rule's own, named after it. */
static bool add_ladder(struct loader *loader, const struct wd_node *node, const char *name, bool is_own)
{
    struct behaviour *behaviour = loader->behaviour;
    const struct wd_node *steps = wd_node_get(node, "steps");
    struct ladder *ladder = &behaviour->ladders[behaviour->ladder_count];
    struct wd_ladder *cell = &behaviour->ladder_cells[behaviour->ladder_count++];
    bool fine = is_own || is_fine(node, &wd_ladder_element);
    size_t count = fine ? steps->count : 0;
    struct wd_ladder_step *limits = wd_loader_alloc(loader, count, sizeof(*limits));
    struct action_list *actions = wd_loader_alloc(loader, count, sizeof(*actions));
    *ladder = (struct ladder){.name = wd_loader_text(loader, name),
                              .step_actions = actions,
                              .enforced = is_enforced(node),
                              .is_own = is_own,
                              .node = node};
    *cell = (struct wd_ladder){.cell = cell_named(is_own ? "ladder of" : "ladder", name), .steps = limits};
    if (!fine || !limits || !actions || !duration(loader, wd_node_get(node, "expire"), 0, &cell->expire_ms))
        return false;
    int64_t longest_ms = 0;
    for (const struct wd_node *step = steps->first; step; step = step->next) {
        if (!load_step(loader, step, cell, &limits[cell->step_count], &actions[cell->step_count]))
            return false;
        int64_t within_ms = limits[cell->step_count++].within_ms;
        longest_ms = within_ms > longest_ms ? within_ms : longest_ms;
    }
    if (!cell->expire_ms)
        cell->expire_ms = longest_ms ? longest_ms : INT64_C(30) * 86400000;
    return true;
}

static bool load_ladder(struct loader *loader, const struct wd_node *node)
{
    const struct behaviour *behaviour = loader->behaviour;
    for (size_t i = 0; i < behaviour->ladder_count; i++)
        if (strcmp(behaviour->ladders[i].name, node->key->text) == 0)
            return agrees(loader, node, behaviour->ladders[i].node, "ladder");
    return add_ladder(loader, node, node->key->text, false);
}

/* ---- trust ---- */

static bool load_level(struct loader *loader, const struct wd_node *node)
{
    struct behaviour *behaviour = loader->behaviour;
    const struct wd_node *name = wd_node_get(node, "name");
    bool is_reserved = strcmp(name->text, "new") == 0 || strcmp(name->text, "default") == 0;
    bool is_known = wd_trust_level_named(loader, name->text) >= 0;
    if (is_reserved || is_known || behaviour->level_count == LEVELS_MAX) {
        wd_report(&loader->reporter, name, WD_ERROR, "bad-value",
                  is_reserved ? "'%s' is the name of no level: who has none of them is 'new'"
                  : is_known  ? "level '%s' stands in this list twice"
                              : "'%s' is one too many: at most 8 levels",
                  name->text);
        return false;
    }
    struct trust_level *level = &behaviour->levels[behaviour->level_count++];
    *level = (struct trust_level){.name = wd_loader_text(loader, name->text),
                                  .min_contents = (uint32_t)wd_node_number(wd_node_get(node, "min_contents"), 0)};
    return duration(loader, wd_node_get(node, "min_age"), 0, &level->min_age_ms) &&
           duration(loader, wd_node_get(node, "clean_for"), 0, &level->clean_for_ms);
}

static bool load_trust(struct loader *loader, const struct wd_node *list)
{
    const struct wd_node *before = loader->trust_node;
    if (before)
        return agrees(loader, list, before, "the list");
    loader->trust_node = list;
    bool fine = true;
    for (const struct wd_node *node = list->first; node && fine; node = node->next)
        fine = is_fine(node, &wd_level_element) && load_level(loader, node);
    return fine;
}

int wd_trust_level_named(const struct loader *loader, const char *name)
{
    const struct behaviour *behaviour = loader->behaviour;
    for (size_t i = 0; i < behaviour->level_count; i++)
        if (strcmp(behaviour->levels[i].name, name) == 0)
            return (int)i;
    return strcmp(name, "new") == 0 ? (int)behaviour->level_count : -1;
}

/* ---- all sections ---- */

static const struct wd_node *first_of(const struct wd_node *node, enum wd_node_kind kind)
{
    return node && node->kind == kind ? node->first : NULL;
}

static size_t count_in(const struct loader *loader, const char *key)
{
    size_t count = 0;
    for (size_t i = 0; i < loader->source_count; i++) {
        const struct wd_node *node = strcmp(key, "rules") == 0
                                         ? wd_node_get(loader->sources[i].root, key)
                                         : wd_node_get(wd_node_get(loader->sources[i].root, "behaviour"), key);
        count += node ? node->count : 0;
    }
    return count;
}

static bool make_room(struct loader *loader)
{
    struct behaviour *behaviour = loader->behaviour = wd_loader_alloc(loader, 1, sizeof(*behaviour));
    if (!behaviour)
        return false;
    size_t ladders = count_in(loader, "ladders") + count_in(loader, "rules");
    behaviour->scores = wd_loader_alloc(loader, SCORES_MAX, sizeof(*behaviour->scores));
    behaviour->score_cells = wd_loader_alloc(loader, SCORES_MAX, sizeof(*behaviour->score_cells));
    behaviour->ladders = wd_loader_alloc(loader, ladders + 1, sizeof(*behaviour->ladders));
    behaviour->ladder_cells = wd_loader_alloc(loader, ladders + 1, sizeof(*behaviour->ladder_cells));
    behaviour->levels = wd_loader_alloc(loader, LEVELS_MAX, sizeof(*behaviour->levels));
    return !loader->out_of_memory;
}

bool wd_load_behaviour(struct loader *loader)
{
    bool fine = make_room(loader);
    for (size_t i = 0; i < loader->source_count && !loader->out_of_memory; i++) {
        const struct wd_node *section = wd_node_get(loader->sources[i].root, "behaviour");
        const struct wd_node *scores = wd_node_get(section, "scores"), *ladders = wd_node_get(section, "ladders"),
                             *trust = wd_node_get(section, "trust");
        for (const struct wd_node *node = first_of(scores, WD_NODE_MAP); node; node = node->next)
            fine = load_score(loader, node) && fine;
        for (const struct wd_node *node = first_of(ladders, WD_NODE_MAP); node; node = node->next)
            fine = load_ladder(loader, node) && fine;
        fine = (!first_of(trust, WD_NODE_LIST) || load_trust(loader, trust)) && fine;
    }
    return fine && !loader->out_of_memory;
}

/* ---- rules ---- */

static bool load_strikes(struct loader *loader, const struct wd_node *node, struct rule *rule)
{
    const struct wd_node *count = node->kind == WD_NODE_MAP ? wd_node_get(node, "count") : node;
    const struct wd_node *named = node->kind == WD_NODE_MAP ? wd_node_get(node, "ladder") : NULL;
    int ladder = wd_find_ladder(loader, named ? named : node, named ? named->text : "default");
    if (ladder < 0)
        return false;
    rule->strikes[rule->strike_count++] =
        (struct rule_strikes){.ladder = (uint32_t)ladder, .count = (uint32_t)wd_node_number(count, 1)};
    return true;
}

int wd_find_ladder(struct loader *loader, const struct wd_node *node, const char *name)
{
    const struct behaviour *behaviour = loader->behaviour;
    const char *names[64] = {NULL};
    for (size_t i = 0, count = 0; i < behaviour->ladder_count; i++) {
        if (behaviour->ladders[i].is_own)
            continue;
        if (strcmp(behaviour->ladders[i].name, name) == 0)
            return (int)i;
        if (count < 63)
            names[count++] = behaviour->ladders[i].name;
    }
    char near[128];
    wd_report(&loader->reporter, node, WD_ERROR, "unknown-ladder",
              "there is no ladder '%.60s'%s: define it under behaviour: ladders:", name,
              wd_suggestion(near, sizeof(near), name, names));
    return -1;
}

int wd_find_score(const struct loader *loader, const char *name)
{
    for (size_t i = 0; i < loader->behaviour->score_count; i++)
        if (strcmp(loader->behaviour->scores[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool wd_load_rule_behaviour(struct loader *loader, const struct wd_node *node, struct rule *rule)
{
    const struct wd_node *strikes = wd_node_get(node, "strikes"), *escalate = wd_node_get(node, "escalate"),
                         *share = wd_node_get(node, "expected_share");
    int *scores = rule->point_count ? wd_loader_alloc(loader, rule->point_count, sizeof(*scores)) : NULL;
    for (size_t i = 0; i < rule->point_count && scores; i++)
        scores[i] = wd_find_score(loader, rule->points[i].score);
    rule->point_scores = scores;
    rule->expected_share = -1;
    if (share)
        (void)wd_node_percent(share, &rule->expected_share);
    bool fine = !strikes || load_strikes(loader, strikes, rule);
    if (!escalate)
        return fine;
    size_t ladder = loader->behaviour->ladder_count;
    rule->strikes[rule->strike_count++] = (struct rule_strikes){.ladder = (uint32_t)ladder, .count = 1};
    return add_ladder(loader, escalate, rule->info.id, true) && fine;
}
