/* The conditions on what was so before the event: score, strikes, trust, first_content; and the answer of all
 * conditions on behaviour. What always holds: without values none of them is true. Neighbours: behaviour_signals.c,
 * behaviour_compile.c, filters/remember.c finds the answers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "filters/evaluate.h"
#include "filters/remember.h"
#include "filters/rules/behaviour.h"
#include "filters/rules/loader.h"

/* ---- score ---- */

static const struct key SCORE_BOUND_KEYS[] = {
    {.name = "lt", .type = KEY_NUMBER, .low = 0, .high = 1e9, .doc = "below"},
    {.name = "le", .type = KEY_NUMBER, .low = 0, .high = 1e9, .doc = "at most"},
    {.name = "gt", .type = KEY_NUMBER, .low = 0, .high = 1e9, .doc = "above"},
    {.name = "ge", .type = KEY_NUMBER, .low = 0, .high = 1e9, .doc = "at least"},
    KEYS_END,
};
static const struct shape SCORE_BOUNDS = {"bounds of a score", "score_bounds", "How many points.", SCORE_BOUND_KEYS,
                                          false};
static const struct key SCORE_BOUNDS_ELEMENT = {
    .name = "", .type = KEY_MAP, .shape = &SCORE_BOUNDS, .doc = "points that the author has"};
static const struct key SCORE_CONDITION_KEYS[] = {
    {.name = "score",
     .type = KEY_NAMED,
     .required = true,
     .element = &SCORE_BOUNDS_ELEMENT,
     .doc = "points of the author before this event, as in {spam: {ge: 40}}"},
    LEAF_NAME_KEY,
    KEYS_END,
};

static bool load_score_bound(struct loader *loader, const struct wd_node *node, struct score_bound *bound)
{
    const struct behaviour *behaviour = loader->behaviour;
    const char *names[SCORES_MAX + 1] = {NULL};
    for (size_t i = 0; i < behaviour->score_count; i++)
        names[i] = behaviour->scores[i].name;
    int score = wd_find_score(loader, node->key->text);
    if (score < 0) {
        char near[128];
        wd_report(&loader->reporter, node->key, WD_ERROR, "unknown-score",
                  "there is no score '%.60s'%s: define it under behaviour: scores:", node->key->text,
                  wd_suggestion(near, sizeof(near), node->key->text, names));
        return false;
    }
    const struct wd_node *lt = wd_node_get(node, "lt"), *le = wd_node_get(node, "le"), *gt = wd_node_get(node, "gt"),
                         *ge = wd_node_get(node, "ge");
    *bound = (struct score_bound){.score = (uint32_t)score,
                                  .low = gt ? wd_node_number(gt, 0) : wd_node_number(ge, -1),
                                  .high = lt ? wd_node_number(lt, 0) : wd_node_number(le, INFINITY),
                                  .low_excluded = gt != NULL,
                                  .high_excluded = lt != NULL};
    if (node->count && !(lt && le) && !(gt && ge) && bound->low <= bound->high)
        return true;
    wd_report(&loader->reporter, node, WD_ERROR, "bad-value",
              "'%s' needs bounds that some score is within, as in {ge: 40}", node->key->text);
    return false;
}

static bool prepare_score(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *scores = wd_node_get(node, "score");
    struct score_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    struct score_bound *bounds = wd_loader_alloc(loader, scores->count + 1, sizeof(*bounds));
    if (!params || !bounds)
        return false;
    bool fine = scores->count > 0;
    if (!fine)
        wd_report(&loader->reporter, scores, WD_ERROR, "missing-key", "'score' needs a score, as in {spam: {ge: 40}}");
    for (const struct wd_node *one = scores->first; one; one = one->next)
        fine = load_score_bound(loader, one, &bounds[params->count++]) && fine;
    params->bounds = bounds;
    leaf->params = params;
    return fine;
}

/* ---- strikes ---- */

#define COUNT_BOUND(word, text)                                                                                        \
    {                                                                                                                  \
        .name = (word), .type = KEY_INTEGER, .low = 0, .high = STRIKES_MAX, .doc = (text)                              \
    }
static const struct key STRIKES_KEYS[] = {
    {.name = "ladder", .type = KEY_IDENTIFIER, .doc = "on which ladder: 'default' where none is named"},
    {.name = "within", .type = KEY_DURATION, .doc = "of so long: as long as they are kept where none is given"},
    COUNT_BOUND("eq", "as many"),
    COUNT_BOUND("lt", "fewer than"),
    COUNT_BOUND("le", "at most"),
    COUNT_BOUND("gt", "more than"),
    COUNT_BOUND("ge", "at least"),
    KEYS_END,
};
static const struct shape STRIKES = {"strikes", "strikes_bounds", "How many strikes.", STRIKES_KEYS, false};
static const struct key STRIKES_CONDITION_KEYS[] = {
    {.name = "strikes",
     .type = KEY_MAP,
     .required = true,
     .shape = &STRIKES,
     .doc = "strikes of the author before this event, as in {within: 24h, ge: 2}"},
    LEAF_NAME_KEY,
    KEYS_END,
};

static const struct wd_bounds *strike_bounds(struct loader *loader, const struct wd_node *node)
{
    struct wd_node *bounds = wd_loader_alloc(loader, 1, sizeof(*bounds)), *last = NULL;
    if (!bounds)
        return NULL;
    *bounds = *node;
    bounds->first = NULL;
    bounds->count = 0;
    for (const struct wd_node *child = node->first; child; child = child->next) {
        struct wd_node *copy = strlen(child->key->text) == 2 ? wd_loader_alloc(loader, 1, sizeof(*copy)) : NULL;
        if (!copy)
            continue;
        *copy = *child;
        copy->next = NULL;
        if (last)
            last->next = copy;
        else
            bounds->first = copy;
        last = copy;
        bounds->count++;
    }
    return wd_load_bounds(loader, bounds);
}

static bool prepare_strikes(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *strikes = wd_node_get(node, "strikes"), *named = wd_node_get(strikes, "ladder"),
                         *within = wd_node_get(strikes, "within");
    struct strikes_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    if (!params)
        return false;
    int ladder = wd_find_ladder(loader, named ? named : strikes, named ? named->text : "default");
    bool fine = ladder >= 0 && (!within || wd_window_length(loader, within, &params->within_ms));
    params->ladder = ladder < 0 ? 0 : (uint32_t)ladder;
    params->bounds = strike_bounds(loader, strikes);
    leaf->params = params;
    return params->bounds && fine;
}

/* ---- trust, first_content ---- */

static const struct key LEVEL_ELEMENT = {.name = "", .type = KEY_IDENTIFIER, .doc = "a level of trust, or new"};
static const struct key LEVEL_ALTERNATIVES[] = {
    {.name = "", .type = KEY_IDENTIFIER, .doc = "a level, or new"},
    {.name = "", .type = KEY_LIST, .element = &LEVEL_ELEMENT, .doc = "a list of levels"},
    ALTERNATIVES_END,
};
static const struct key TRUST_KEYS[] = {
    {.name = "trust",
     .type = KEY_EITHER,
     .required = true,
     .alternatives = LEVEL_ALTERNATIVES,
     .doc = "the author's level of trust is this, or one of these: new is who has none"},
    LEAF_NAME_KEY,
    KEYS_END,
};
static const struct key FIRST_KEYS[] = {
    {.name = "first_content",
     .type = KEY_BOOLEAN,
     .required = true,
     .doc = "new content, and the first that was seen of the author; false: new content, and not the first"},
    LEAF_NAME_KEY,
    KEYS_END,
};

bool wd_report_unknown_level(struct loader *loader, const struct wd_node *node)
{
    const struct behaviour *behaviour = loader->behaviour;
    const char *names[LEVELS_MAX + 2] = {NULL};
    for (size_t i = 0; i < behaviour->level_count; i++)
        names[i] = behaviour->levels[i].name;
    names[behaviour->level_count] = "new";
    char near[128];
    wd_report(&loader->reporter, node, WD_ERROR, "unknown-level",
              "there is no level of trust '%.60s'%s: define it under behaviour: trust:", node->text,
              wd_suggestion(near, sizeof(near), node->text, names));
    return false;
}

static bool prepare_trust(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *trust = wd_node_get(node, "trust");
    struct trust_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    bool is_list = trust->kind == WD_NODE_LIST, fine = params != NULL;
    for (const struct wd_node *name = is_list ? trust->first : trust; name && params;
         name = is_list ? name->next : NULL) {
        int level = wd_trust_level_named(loader, name->text);
        if (level < 0)
            fine = wd_report_unknown_level(loader, name);
        else
            params->levels |= 1U << level;
    }
    leaf->params = params;
    return fine;
}

static bool prepare_first(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    struct first_content_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    leaf->params = params;
    return params && wd_node_bool(wd_node_get(node, "first_content"), &params->yes);
}

/* ---- the kinds ---- */

enum truth wd_evaluate_behaviour(const struct leaf *leaf, struct evaluation *evaluation)
{
    return evaluation->remembering && wd_answer_behaviour(evaluation->remembering, leaf) ? YES : NO;
}

const struct leaf_kind wd_score_leaf =
    BEHAVIOUR_KIND("score", "condition_score", "The author has so many points.", SCORE_CONDITION_KEYS, prepare_score);
const struct leaf_kind wd_strikes_leaf = BEHAVIOUR_KIND(
    "strikes", "condition_strikes", "The author has so many strikes.", STRIKES_CONDITION_KEYS, prepare_strikes);
const struct leaf_kind wd_trust_leaf =
    BEHAVIOUR_KIND("trust", "condition_trust", "How far the author is trusted.", TRUST_KEYS, prepare_trust);
const struct leaf_kind wd_first_content_leaf = BEHAVIOUR_KIND("first_content", "condition_first_content",
                                                              "The author's first content.", FIRST_KEYS, prepare_first);

enum behaviour_leaf wd_behaviour_leaf_of(const struct leaf *leaf)
{
    return leaf->kind == &wd_score_leaf           ? LEAF_SCORE
           : leaf->kind == &wd_strikes_leaf       ? LEAF_STRIKES
           : leaf->kind == &wd_trust_leaf         ? LEAF_TRUST
           : leaf->kind == &wd_first_content_leaf ? LEAF_FIRST_CONTENT
                                                  : LEAF_SIGNAL;
}
