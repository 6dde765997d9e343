/* The tables of the `behaviour` section and of the rule keys that go with it. Neighbours: schema.h says what the rows
 * mean; behaviour_load.c reads what passed. */
#include "filters/rules/behaviour.h"

static const char *const MODES[] = {"shadow", "enforce", NULL};
static const struct key EVENT_ELEMENT = {.name = "", .type = KEY_TEXT, .doc = "an event name, with * for any rest"};
#define MODE_KEY(what)                                                                                                 \
    {                                                                                                                  \
        .name = "mode", .type = KEY_CHOICE, .choices = MODES, .doc = (what)                                            \
    }

/* ---- scores ---- */

static const struct key BAND_KEYS[] = {
    {.name = "at",
     .type = KEY_NUMBER,
     .required = true,
     .low = 0.01,
     .high = 1e9,
     .doc = "the author is in the band from so many points on"},
    {.name = "leave",
     .type = KEY_NUMBER,
     .low = 0,
     .high = 1e9,
     .doc = "and out of it below so many: three quarters of `at` where none are given"},
    {.name = "actions",
     .type = KEY_LIST,
     .required = true,
     .element = &wd_action_element,
     .may_be_empty = true,
     .doc = "on content: for each new one while the band holds; on the author and notify: once, on entering"},
    KEYS_END,
};
static const struct shape BAND = {"a band", "score_band", "What a score leads to.", BAND_KEYS, false};
static const struct key BAND_ELEMENT = {.name = "", .type = KEY_MAP, .shape = &BAND, .doc = "a band"};

static const struct key REPORTS_KEYS[] = {
    {.name = "events",
     .type = KEY_LIST,
     .required = true,
     .element = &EVENT_ELEMENT,
     .doc = "events that report the author or content, as in [message.didFlag, user.didFlag]"},
    {.name = "points",
     .type = KEY_NUMBER,
     .required = true,
     .low = 0,
     .high = 1000,
     .doc = "of a report, times the weight of who reports: 0.1 to 2 by their record"},
    {.name = "reporter",
     .type = KEY_TEXT,
     .doc = "field with the id of who reports, as in json.reporterId: without one every report weighs 1"},
    KEYS_END,
};
static const struct shape REPORTS = {"reports", "score_reports", "Points from what others report.", REPORTS_KEYS,
                                     false};

static const struct key SCORE_KEYS[] = {
    {.name = "half_life",
     .type = KEY_DURATION,
     .required = true,
     .doc = "after so long without points the score is half of what it was"},
    {.name = "bands",
     .type = KEY_LIST,
     .element = &BAND_ELEMENT,
     .doc = "by `at`, rising: the highest that holds acts"},
    {.name = "reports", .type = KEY_MAP, .shape = &REPORTS, .doc = "points from what others report"},
    MODE_KEY("of its bands: enforce (default) or shadow; points are counted in both"),
    KEYS_END,
};
static const struct shape SCORE = {"a score", "score_definition", "Points of an author that decay.", SCORE_KEYS, false};
const struct key wd_score_element = {.name = "", .type = KEY_MAP, .shape = &SCORE, .doc = "a score"};

/* ---- ladders ---- */

static const struct key STEP_KEYS[] = {
    {.name = "after",
     .type = KEY_INTEGER,
     .required = true,
     .low = 1,
     .high = STRIKES_MAX,
     .doc = "the strike with which the step is reached"},
    {.name = "within",
     .type = KEY_DURATION,
     .doc = "counts strikes of so long: as long as they are kept where none is"},
    {.name = "actions",
     .type = KEY_LIST,
     .required = true,
     .element = &wd_action_element,
     .may_be_empty = true,
     .doc = "what to do, once, as in [{mute: 1h}]"},
    KEYS_END,
};
static const struct shape STEP = {"a step of a ladder", "ladder_step", "What so many strikes lead to.", STEP_KEYS,
                                  false};
static const struct key STEP_ELEMENT = {.name = "", .type = KEY_MAP, .shape = &STEP, .doc = "a step"};
#define LADDER_KEYS_ALL                                                                                                \
    {.name = "steps",                                                                                                  \
     .type = KEY_LIST,                                                                                                 \
     .required = true,                                                                                                 \
     .element = &STEP_ELEMENT,                                                                                         \
     .doc = "by `after`, rising: of those that one event reaches the last acts alone"},                                \
        {.name = "expire",                                                                                             \
         .type = KEY_DURATION,                                                                                         \
         .doc = "strikes are forgotten after so long: the longest `within`, or 30d, where none is given"},             \
        MODE_KEY("of its steps: enforce (default) or shadow; strikes are counted in both")

static const struct key LADDER_KEYS[] = {LADDER_KEYS_ALL, KEYS_END};
static const struct shape LADDER = {"a ladder", "ladder", "What an author's strikes lead to.", LADDER_KEYS, false};
const struct key wd_ladder_element = {.name = "", .type = KEY_MAP, .shape = &LADDER, .doc = "a ladder"};

static const char *const BY[] = {"author", NULL};
static const struct key ESCALATE_KEYS[] = {
    LADDER_KEYS_ALL,
    {.name = "by", .type = KEY_CHOICE, .choices = BY, .doc = "whose matches count: author"},
    KEYS_END,
};
const struct shape wd_escalate_shape = {"escalate", "escalate", "A ladder of the rule's own: its matches are strikes.",
                                        ESCALATE_KEYS, false};

static const struct key STRIKES_KEYS[] = {
    {.name = "ladder", .type = KEY_IDENTIFIER, .doc = "on which ladder: 'default' where none is named"},
    {.name = "count", .type = KEY_INTEGER, .low = 1, .high = STRIKES_MAX, .doc = "so many: 1 where none are given"},
    KEYS_END,
};
const struct shape wd_strikes_shape = {"strikes", "strikes", "Strikes for the author.", STRIKES_KEYS, false};

/* ---- trust ---- */

static const struct key LEVEL_KEYS[] = {
    {.name = "name", .type = KEY_IDENTIFIER, .required = true, .doc = "as conditions name it"},
    {.name = "min_age", .type = KEY_DURATION, .doc = "the account is so old, or known for so long"},
    {.name = "clean_for", .type = KEY_DURATION, .doc = "no enforced rule has matched for so long"},
    {.name = "min_contents", .type = KEY_INTEGER, .low = 0, .high = 1e9, .doc = "contents made before"},
    KEYS_END,
};
static const struct shape LEVEL = {"a level of trust", "trust_level", "What an author must have to be trusted so far.",
                                   LEVEL_KEYS, false};
const struct key wd_level_element = {.name = "", .type = KEY_MAP, .shape = &LEVEL, .doc = "a level"};

/* ---- the section ---- */

static const struct key BEHAVIOUR_KEYS[] = {
    {.name = "scores", .type = KEY_NAMED, .element = &wd_score_element, .doc = "points of authors that decay, by name"},
    {.name = "ladders", .type = KEY_NAMED, .element = &wd_ladder_element, .doc = "what strikes lead to, by name"},
    {.name = "trust",
     .type = KEY_LIST,
     .element = &wd_level_element,
     .doc = "levels of trust, the highest first; who has none of them is 'new'"},
    KEYS_END,
};
const struct shape wd_behaviour_shape = {"behaviour", "behaviour", "What is remembered of authors.", BEHAVIOUR_KEYS,
                                         false};
