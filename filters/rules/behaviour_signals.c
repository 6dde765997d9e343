/* The conditions on signals, cells that events feed: rate, repeat_of, coordinated. Neighbours: behaviour_leaves.c has
 * the other conditions on what is remembered, behaviour_compile.c gives them cells, filters/remember.c finds the
 * answers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/loader.h"

static const int64_t WINDOW_MAX_MS = INT64_C(366) * 86400000, SHORTEST_MS = 100;
enum { MIN_LENGTH = 20, DISTINCT_MAX = 4000, DISTANCE_MAX = 3 };

static const struct key EVENT_ELEMENT = {.name = "", .type = KEY_TEXT, .doc = "an event name, with * for any rest"};
static const struct key EVENTS_ALTERNATIVES[] = {
    {.name = "", .type = KEY_TEXT, .doc = "an event name, as in message.didCreate"},
    {.name = "", .type = KEY_LIST, .element = &EVENT_ELEMENT, .doc = "a list of event names"},
    ALTERNATIVES_END,
};
#define OF_KEY                                                                                                         \
    {                                                                                                                  \
        .name = "of", .type = KEY_EITHER, .alternatives = EVENTS_ALTERNATIVES,                                         \
        .doc = "events that count: those of the rule's scope where none are named"                                     \
    }

/* ---- rate ---- */

static const char *const EVENTS_WORD[] = {"events", NULL};
static const struct key COUNT_KEYS[] = {
    {.name = "distinct", .type = KEY_TEXT, .doc = "different mentions, authors, links, places or values of a field"},
    {.name = "sum", .type = KEY_TEXT, .doc = "the sum of a field"},
    KEYS_END,
};
static const struct shape COUNT = {"count", "rate_count", "What a window counts.", COUNT_KEYS, true};
static const struct key COUNT_ALTERNATIVES[] = {
    {.name = "", .type = KEY_CHOICE, .choices = EVENTS_WORD, .doc = "events"},
    {.name = "", .type = KEY_MAP, .shape = &COUNT, .doc = "{distinct: mentions} or {sum: FIELD}"},
    ALTERNATIVES_END,
};
static const struct key LIMIT_ELEMENT = {.name = "", .type = KEY_NUMBER, .low = 0, .high = 1e9, .doc = "a limit"};
static const struct key LIMIT_ALTERNATIVES[] = {
    {.name = "", .type = KEY_NUMBER, .low = 0, .high = 1e9, .doc = "a number"},
    {.name = "", .type = KEY_NAMED, .element = &LIMIT_ELEMENT, .doc = "{new: 4, default: 8}"},
    ALTERNATIVES_END,
};
static const struct key RATE_KEYS[] = {
    OF_KEY,
    {.name = "over", .type = KEY_DURATION, .required = true, .doc = "how long the window is, as in 10s"},
    {.name = "per",
     .type = KEY_TEXT,
     .doc = "author (default), place, author_in_place, host, content, network or a field: each has a window"},
    {.name = "count",
     .type = KEY_EITHER,
     .alternatives = COUNT_ALTERNATIVES,
     .doc = "events (default), {distinct: mentions|authors|links|places|FIELD} or {sum: FIELD}"},
    {.name = "more_than",
     .type = KEY_EITHER,
     .required = true,
     .alternatives = LIMIT_ALTERNATIVES,
     .doc = "true above it; by trust as in {new: 4, default: 8}"},
    KEYS_END,
};
static const struct shape RATE = {"rate", "rate", "A sliding window over event times.", RATE_KEYS, false};
static const struct key RATE_CONDITION_KEYS[] = {
    {.name = "rate",
     .type = KEY_MAP,
     .required = true,
     .shape = &RATE,
     .doc = "more than so many in a sliding window, as in {of: message.didCreate, over: 10s, more_than: 8}"},
    LEAF_NAME_KEY,
    KEYS_END,
};

const char *const wd_subject_names[] = {
    [SUBJECT_AUTHOR] = "author", [SUBJECT_PLACE] = "place",     [SUBJECT_AUTHOR_IN_PLACE] = "author_in_place",
    [SUBJECT_HOST] = "host",     [SUBJECT_CONTENT] = "content", [SUBJECT_NETWORK] = "network",
    [SUBJECT_COUNT] = NULL,
};
static const char *const THINGS[] = {
    [THING_EVENTS] = "events", [THING_MENTIONS] = "mentions", [THING_AUTHORS] = "authors",
    [THING_LINKS] = "links",   [THING_PLACES] = "places",     [THING_FIELD] = NULL,
};

static int index_of(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* A word of a list, else a field. */
static bool word_or_field(struct loader *loader, const struct wd_node *node, const char *const *words, int *word_out,
                          const struct field_params **field_out, const char **name_out)
{
    *word_out = index_of(node->text, words);
    if (*word_out >= 0)
        return true;
    struct field_params *field = wd_loader_alloc(loader, 1, sizeof(*field));
    *field_out = field;
    *name_out = wd_loader_text(loader, node->text);
    char near[128];
    wd_suggestion(near, sizeof(near), node->text, words);
    if (near[0] && !strchr(node->text, '.')) {
        wd_report(&loader->reporter, node, WD_ERROR, "unknown-field", "there is no field '%.60s'%s", node->text, near);
        return false;
    }
    return field && *name_out && wd_find_field(loader, node, field);
}

bool wd_window_length(struct loader *loader, const struct wd_node *node, int64_t *out_ms)
{
    (void)wd_node_duration(node, out_ms);
    if (*out_ms >= SHORTEST_MS && *out_ms <= WINDOW_MAX_MS)
        return true;
    wd_report(&loader->reporter, node, WD_ERROR, "bad-value", "'%s' must be between 100ms and 366d, not %s",
              node->key->text, node->text);
    return false;
}

double wd_node_number(const struct wd_node *node, double otherwise)
{
    int64_t whole;
    double value = otherwise;
    if (wd_node_int(node, &whole))
        return (double)whole;
    return node && wd_node_double(node, &value) ? value : otherwise;
}

static void same_limits(struct loader *loader, struct signal_params *params, double limit)
{
    size_t levels = loader->behaviour->level_count + 1;
    double *limits = wd_loader_alloc(loader, levels, sizeof(*limits));
    for (size_t i = 0; i < levels && limits; i++)
        limits[i] = limit;
    params->limits = limits;
    params->limit_count = levels;
}

static bool limit_of_level(struct loader *loader, const struct wd_node *node, double *limits)
{
    int level = strcmp(node->key->text, "default") == 0 ? -1 : wd_trust_level_named(loader, node->key->text);
    if (level >= 0)
        limits[level] = wd_node_number(node, 0);
    else if (strcmp(node->key->text, "default") != 0)
        return wd_report_unknown_level(loader, node->key);
    return true;
}

static bool load_limits(struct loader *loader, const struct wd_node *node, struct signal_params *params)
{
    const struct wd_node *otherwise = wd_node_get(node, "default");
    same_limits(loader, params, wd_node_number(node->kind == WD_NODE_MAP ? otherwise : node, 0));
    if (!params->limits || node->kind != WD_NODE_MAP)
        return params->limits != NULL;
    if (!otherwise) {
        wd_report(&loader->reporter, node, WD_ERROR, "missing-key",
                  "'more_than' by trust needs 'default', for the levels that it does not name");
        return false;
    }
    bool fine = true;
    for (const struct wd_node *one = node->first; one; one = one->next)
        fine = limit_of_level(loader, one, (double *)params->limits) && fine;
    return fine;
}

static bool load_events(struct loader *loader, const struct wd_node *node, struct signal *signal)
{
    if (!node)
        return true;
    struct wd_node list = {.kind = WD_NODE_LIST, .first = node->kind == WD_NODE_LIST ? node->first : node, .count = 1};
    struct wd_node one = *node;
    if (node->kind == WD_NODE_SCALAR) {
        one.next = NULL;
        list.first = &one;
    } else {
        list.count = node->count;
    }
    const char **globs = wd_loader_alloc(loader, list.count + 1, sizeof(*globs));
    for (const struct wd_node *event = list.first; event && globs; event = event->next)
        globs[signal->glob_count++] = wd_loader_text(loader, event->text);
    signal->globs = globs;
    return globs && wd_check_globs(loader, &list);
}

static bool load_count(struct loader *loader, const struct wd_node *node, struct signal *signal)
{
    signal->window.kind = WD_WINDOW_COUNT;
    if (!node || node->kind == WD_NODE_SCALAR)
        return true;
    const struct wd_node *distinct = wd_node_get(node, "distinct"), *sum = wd_node_get(node, "sum");
    static const char *const NO_WORDS[] = {NULL};
    int thing;
    signal->window.kind = distinct ? WD_WINDOW_DISTINCT : WD_WINDOW_SUM;
    if (!word_or_field(loader, distinct ? distinct : sum, distinct ? THINGS : NO_WORDS, &thing, &signal->field,
                       &signal->field_name))
        return false;
    signal->thing = thing < 0 ? THING_FIELD : (enum thing)thing;
    if (distinct && thing == THING_EVENTS) {
        wd_report(&loader->reporter, distinct, WD_ERROR, "bad-value", "events are counted by 'count: events'");
        return false;
    }
    if (sum && signal->field->type != FIELD_NUMBER && signal->field->type != FIELD_JSON) {
        wd_report(&loader->reporter, sum, WD_ERROR, "wrong-type", "'%.60s' is no number that could be summed up",
                  sum->text);
        return false;
    }
    return true;
}

static bool load_subject(struct loader *loader, const struct wd_node *node, struct signal *signal)
{
    if (!node)
        return true;
    int subject;
    if (!word_or_field(loader, node, wd_subject_names, &subject, &signal->per_field, &signal->per_field_name))
        return false;
    signal->per = subject < 0 ? SUBJECT_FIELD : (enum subject)subject;
    return true;
}

static bool check_distinct(struct loader *loader, const struct wd_node *node, const struct signal_params *params)
{
    for (size_t i = 0; i <= loader->behaviour->level_count; i++) {
        if (params->definition.window.kind != WD_WINDOW_DISTINCT || params->limits[i] <= DISTINCT_MAX)
            continue;
        wd_report(&loader->reporter, node, WD_ERROR, "bad-value", "at most %d different ones can be told apart",
                  DISTINCT_MAX);
        return false;
    }
    return true;
}

static bool prepare_rate(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *rate = wd_node_get(node, "rate"), *more_than = wd_node_get(rate, "more_than");
    struct signal_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    if (!params)
        return false;
    struct signal *signal = &params->definition;
    *signal = (struct signal){.kind = SIGNAL_WINDOW, .per = SUBJECT_AUTHOR};
    leaf->params = params;
    bool fine = wd_window_length(loader, wd_node_get(rate, "over"), &signal->window.over_ms);
    fine = load_events(loader, wd_node_get(rate, "of"), signal) && fine;
    fine = load_subject(loader, wd_node_get(rate, "per"), signal) && fine;
    fine = load_count(loader, wd_node_get(rate, "count"), signal) && fine;
    return load_limits(loader, more_than, params) && check_distinct(loader, more_than, params) && fine;
}

/* ---- repeat_of, coordinated ---- */

#define LIKENESS_KEYS(most)                                                                                            \
    OF_KEY,                                                                                                            \
        {.name = "distance",                                                                                           \
         .type = KEY_INTEGER,                                                                                          \
         .low = 0,                                                                                                     \
         .high = DISTANCE_MAX,                                                                                         \
         .doc = "parts of eight in which texts may differ: " most " where none is given; 0 to 3"},                     \
        {.name = "min_length",                                                                                         \
         .type = KEY_INTEGER,                                                                                          \
         .low = 4,                                                                                                     \
         .high = 10000,                                                                                                \
         .doc = "letters and digits of a text that is compared at all: 20 where none are given"},                      \
    {                                                                                                                  \
        .name = "within", .type = KEY_DURATION, .required = true, .doc = "how long the window is, as in 10m"           \
    }

static const struct key REPEAT_KEYS[] = {
    LIKENESS_KEYS("2"),
    {.name = "more_than",
     .type = KEY_INTEGER,
     .required = true,
     .low = 1,
     .high = 60,
     .doc = "so many contents of the author with nearly this text, this one included"},
    KEYS_END,
};
static const struct shape REPEAT = {"repeat_of", "repeat_of", "Nearly the same text again.", REPEAT_KEYS, false};
static const struct key REPEAT_CONDITION_KEYS[] = {
    {.name = "repeat_of",
     .type = KEY_MAP,
     .required = true,
     .shape = &REPEAT,
     .doc = "the author has written nearly the same before, as in {within: 10m, more_than: 2}"},
    LEAF_NAME_KEY,
    KEYS_END,
};

static const char *const CROWD_SUBJECTS[] = {"network", "place", NULL};
static const struct key CROWD_KEYS[] = {
    LIKENESS_KEYS("3"),
    {.name = "authors",
     .type = KEY_INTEGER,
     .required = true,
     .low = 2,
     .high = 100,
     .doc = "so many different authors of nearly the same text, this one included"},
    {.name = "per", .type = KEY_CHOICE, .choices = CROWD_SUBJECTS, .doc = "anywhere (network, default) or in a place"},
    KEYS_END,
};
static const struct shape CROWD = {"coordinated", "coordinated", "The same text by many.", CROWD_KEYS, false};
static const struct key CROWD_CONDITION_KEYS[] = {
    {.name = "coordinated",
     .type = KEY_MAP,
     .required = true,
     .shape = &CROWD,
     .doc = "many authors write nearly the same, as in {authors: 5, within: 30s}"},
    LEAF_NAME_KEY,
    KEYS_END,
};

static struct signal_params *load_likeness(struct loader *loader, const struct wd_node *node, enum signal_kind kind,
                                           int64_t *within_ms_out)
{
    struct signal_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    if (!params)
        return NULL;
    params->definition = (struct signal){
        .kind = kind, .min_length = (uint32_t)wd_node_number(wd_node_get(node, "min_length"), MIN_LENGTH)};
    bool fine = wd_window_length(loader, wd_node_get(node, "within"), within_ms_out);
    return load_events(loader, wd_node_get(node, "of"), &params->definition) && fine ? params : NULL;
}

static bool prepare_repeat_of(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *repeat = wd_node_get(node, "repeat_of");
    int64_t within_ms = 0;
    struct signal_params *params = load_likeness(loader, repeat, SIGNAL_SIMILAR, &within_ms);
    leaf->params = params;
    if (!params)
        return false;
    params->definition.per = SUBJECT_AUTHOR;
    params->definition.similar = (struct wd_similar){
        .within_ms = within_ms, .distance = (unsigned)wd_node_number(wd_node_get(repeat, "distance"), 2)};
    same_limits(loader, params, wd_node_number(wd_node_get(repeat, "more_than"), 1));
    return params->limits != NULL;
}

static bool prepare_coordinated(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *crowd = wd_node_get(node, "coordinated"), *per = wd_node_get(crowd, "per");
    int64_t within_ms = 0;
    struct signal_params *params = load_likeness(loader, crowd, SIGNAL_CROWD, &within_ms);
    leaf->params = params;
    if (!params)
        return false;
    params->definition.per = per && strcmp(per->text, "place") == 0 ? SUBJECT_PLACE : SUBJECT_NETWORK;
    params->definition.crowd = (struct wd_crowd){
        .within_ms = within_ms, .distance = (unsigned)wd_node_number(wd_node_get(crowd, "distance"), 3)};
    same_limits(loader, params, wd_node_number(wd_node_get(crowd, "authors"), 2) - 1);
    return params->limits != NULL;
}

/* ---- the kinds ---- */

const struct leaf_kind wd_rate_leaf = BEHAVIOUR_KIND("rate", "condition_rate", "Too much in a sliding window of time.",
                                                     RATE_CONDITION_KEYS, prepare_rate);
const struct leaf_kind wd_repeat_of_leaf =
    BEHAVIOUR_KIND("repeat_of", "condition_repeat_of", "The author has written nearly the same before.",
                   REPEAT_CONDITION_KEYS, prepare_repeat_of);
const struct leaf_kind wd_coordinated_leaf =
    BEHAVIOUR_KIND("coordinated", "condition_coordinated", "Many authors write nearly the same.", CROWD_CONDITION_KEYS,
                   prepare_coordinated);
