/* Conditions on the manner of writing: repeat, caps, emoji, zalgo, script. Neighbours: repeat.c, letters.c, emoji.c. */
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include "filters/matchers/features.h"
#include "filters/matchers/kinds.h"
#include "filters/matchers/matchers.h"
#include "filters/rules/loader.h"

/* The keys of a kind whose parameters are a map. */
#define MAP_KEYS(kind, parameters, text)                                                                               \
    {                                                                                                                  \
        {.name = (kind), .type = KEY_MAP, .required = true, .shape = &(parameters), .doc = (text)}, LEAF_FIELDS_KEY,   \
            LEAF_NAME_KEY, KEYS_END                                                                                    \
    }

static int64_t integer_or(const struct wd_node *map, const char *name, int64_t otherwise)
{
    const struct wd_node *node = wd_node_get(map, name);
    int64_t value = otherwise;
    return node && wd_node_int(node, &value) ? value : otherwise;
}

static double share_or(const struct wd_node *map, const char *name, double otherwise)
{
    const struct wd_node *node = wd_node_get(map, name);
    double share = otherwise;
    return node && wd_node_percent(node, &share) ? share : otherwise;
}

static bool reaches(uint64_t part, uint64_t whole, double share)
{
    return whole > 0 && (double)part >= share * (double)whole;
}

static void pass_on(void *sink, size_t start, size_t end)
{
    wd_span_found(sink, start, end);
}

/* ---- repeat ---- */

static const char *const UNITS[] = {"characters", "words", "lines", "chunks", NULL};
static const struct key REPEAT_PARAMETERS[] = {
    {.name = "of",
     .type = KEY_CHOICE,
     .required = true,
     .choices = UNITS,
     .doc = "characters (aaaa), words (no no no), chunks (any text again and again) or lines (anywhere in the text)"},
    {.name = "at_least", .type = KEY_INTEGER, .required = true, .low = 2, .high = 10000, .doc = "so many times"},
    {.name = "min_length",
     .type = KEY_INTEGER,
     .low = 1,
     .high = 10000,
     .doc = "characters of the word, line or chunk: 1 if not given, 3 for chunks"},
    {.name = "max_length",
     .type = KEY_INTEGER,
     .low = 1,
     .high = 10000,
     .doc = "the same: any if not given, 20 for chunks and at most 100"},
    KEYS_END,
};
static const struct shape REPEAT = {"'repeat'", "repeat", "What comes again and again.", REPEAT_PARAMETERS, false};
static const struct key REPEAT_KEYS[] = {
    {.name = "repeat", .type = KEY_MAP, .required = true, .shape = &REPEAT, .doc = "as in {of: words, at_least: 6}"},
    LEAF_FIELDS_KEY,
    LEAF_VIEWS_KEY,
    LEAF_NAME_KEY,
    KEYS_END,
};

static enum wd_repeat_unit unit_named(const char *name)
{
    int unit = WD_REPEAT_CHARACTERS;
    while (UNITS[unit + 1] && strcmp(UNITS[unit], name) != 0)
        unit++;
    return (enum wd_repeat_unit)unit;
}

static uint32_t needs_of(const struct wd_repeat *repeat)
{
    switch (repeat->unit) {
    case WD_REPEAT_WORDS:
        return repeat->at_least >= 3 ? WD_FEATURE_WORD_THRICE : WD_FEATURE_WORD_TWICE;
    case WD_REPEAT_LINES:
        return WD_FEATURE_LINES;
    case WD_REPEAT_CHARACTERS:
        return repeat->at_least >= 3 ? WD_FEATURE_RUN : 0;
    default:
        return 0;
    }
}

static bool prepare_repeat(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *map = wd_node_get(node, "repeat");
    struct wd_repeat *repeat = wd_loader_alloc(loader, 1, sizeof(*repeat));
    if (!repeat)
        return false;
    repeat->unit = unit_named(wd_node_get(map, "of")->text);
    bool chunks = repeat->unit == WD_REPEAT_CHUNKS;
    repeat->at_least = (uint32_t)integer_or(map, "at_least", 2);
    repeat->min_length = (uint32_t)integer_or(map, "min_length", chunks ? 3 : 1);
    repeat->max_length = (uint32_t)integer_or(map, "max_length", chunks ? 20 : UINT32_MAX);
    leaf->params = repeat;
    leaf->needs = needs_of(repeat);
    const char *wrong = repeat->min_length > repeat->max_length       ? "min_length is above max_length"
                        : chunks && repeat->max_length > WD_CHUNK_MAX ? "a chunk has at most 100 characters"
                                                                      : NULL;
    if (wrong)
        wd_report(&loader->reporter, map, WD_ERROR, "bad-value", "%s", wrong);
    return !wrong;
}

static void search_repeats(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    struct wd_finder finder = {.found = pass_on, .context = sink, .effort = wd_effort_of(sink)};
    wd_find_repeats(text, leaf->params, &finder);
}

const struct leaf_kind wd_repeat_leaf = {
    .shape = {"a 'repeat' condition", "condition_repeat", "A text repeats itself.", REPEAT_KEYS, false},
    .reads = READS_TEXTS,
    .prepare = prepare_repeat,
    .search = search_repeats,
};

/* ---- caps ---- */

struct share_of_letters {
    double share;
    uint64_t letters;
    const int *scripts; /* script */
    size_t script_count;
};

static const struct key CAPS_PARAMETERS[] = {
    {.name = "share", .type = KEY_PERCENT, .doc = "share of letters in capitals: 70% if not given"},
    {.name = "letters", .type = KEY_INTEGER, .low = 1, .high = 100000, .doc = "so many letters with case: 10"},
    KEYS_END,
};
static const struct shape CAPS = {"'caps'", "caps", "Capitals.", CAPS_PARAMETERS, false};
static const struct key CAPS_KEYS[] = MAP_KEYS("caps", CAPS, "as in {share: 70%, letters: 10}");

static struct share_of_letters *prepare_share(struct loader *loader, const struct wd_node *map, struct leaf *leaf,
                                              double share, int64_t letters)
{
    struct share_of_letters *params = wd_loader_alloc(loader, 1, sizeof(*params));
    if (!params)
        return NULL;
    *params = (struct share_of_letters){.share = share_or(map, "share", share),
                                        .letters = (uint64_t)integer_or(map, "letters", letters)};
    leaf->params = params;
    return params;
}

static bool prepare_caps(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct share_of_letters *params = prepare_share(loader, wd_node_get(node, "caps"), leaf, 0.7, 10);
    bool needs_two = params && params->share * (double)params->letters > 1;
    leaf->needs = !needs_two ? 0 : params->share >= 0.5 ? WD_FEATURE_SHOUTING : WD_FEATURE_UPPER;
    return params != NULL;
}

static void search_caps(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    const struct share_of_letters *params = leaf->params;
    struct wd_effort *effort = wd_effort_of(sink);
    struct wd_letter_case count = wd_count_case(text, effort);
    uint64_t letters = count.upper + count.lower;
    if (!effort->ended && letters >= params->letters && count.upper && reaches(count.upper, letters, params->share))
        wd_span_found(sink, 0, text.len);
}

const struct leaf_kind wd_caps_leaf = {
    .shape = {"a 'caps' condition", "condition_caps", "A text is in capitals.", CAPS_KEYS, false},
    .reads = READS_WRITTEN,
    .prepare = prepare_caps,
    .search = search_caps,
};

/* ---- emoji ---- */

struct emoji_bounds {
    uint64_t at_least;
    double share;
};

static const struct key EMOJI_PARAMETERS[] = {
    {.name = "at_least", .type = KEY_INTEGER, .low = 1, .high = 100000, .doc = "so many: 1 if not given"},
    {.name = "share", .type = KEY_PERCENT, .doc = "share of the visible characters: any if not given"},
    KEYS_END,
};
static const struct shape EMOJI = {"'emoji'", "emoji", "Emoji, as people see them.", EMOJI_PARAMETERS, false};
static const struct key EMOJI_KEYS[] = MAP_KEYS("emoji", EMOJI, "as in {at_least: 10, share: 50%}");

static bool prepare_emoji(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *map = wd_node_get(node, "emoji");
    struct emoji_bounds *bounds = wd_loader_alloc(loader, 1, sizeof(*bounds));
    if (!bounds)
        return false;
    *bounds =
        (struct emoji_bounds){.at_least = (uint64_t)integer_or(map, "at_least", 1), .share = share_or(map, "share", 0)};
    leaf->params = bounds;
    leaf->needs = WD_FEATURE_EMOJI;
    return true;
}

static void search_emoji(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    const struct emoji_bounds *bounds = leaf->params;
    struct wd_effort *effort = wd_effort_of(sink);
    struct wd_emoji_count count = wd_count_emoji(text, effort);
    if (!effort->ended && count.emoji && count.emoji >= bounds->at_least &&
        reaches(count.emoji, count.emoji + count.others, bounds->share))
        wd_span_found(sink, count.start, count.end);
}

const struct leaf_kind wd_emoji_leaf = {
    .shape = {"an 'emoji' condition", "condition_emoji", "A text has so many emoji.", EMOJI_KEYS, false},
    .reads = READS_WRITTEN,
    .prepare = prepare_emoji,
    .search = search_emoji,
};

/* ---- zalgo ---- */

static const struct key ZALGO_PARAMETERS[] = {
    {.name = "marks", .type = KEY_INTEGER, .low = 2, .high = 100, .doc = "so many on one character: 4 if not given"},
    KEYS_END,
};
static const struct shape ZALGO = {"'zalgo'", "zalgo", "Heaps of marks.", ZALGO_PARAMETERS, false};
static const struct key ZALGO_KEYS[] = MAP_KEYS("zalgo", ZALGO, "marks that no script puts there, as in {marks: 4}");

static bool prepare_zalgo(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    uint32_t *marks = wd_loader_alloc(loader, 1, sizeof(*marks));
    if (!marks)
        return false;
    *marks = (uint32_t)integer_or(wd_node_get(node, "zalgo"), "marks", 4);
    leaf->params = marks;
    leaf->needs = WD_FEATURE_MARKS;
    return true;
}

static void search_zalgo(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    struct wd_finder finder = {.found = pass_on, .context = sink, .effort = wd_effort_of(sink)};
    wd_find_zalgo(text, *(const uint32_t *)leaf->params, &finder);
}

const struct leaf_kind wd_zalgo_leaf = {
    .shape = {"a 'zalgo' condition", "condition_zalgo", "Characters carry heaps of marks.", ZALGO_KEYS, false},
    .reads = READS_WRITTEN,
    .prepare = prepare_zalgo,
    .search = search_zalgo,
};

/* ---- script ---- */

static const struct key SCRIPT_ELEMENT = {.name = "", .type = KEY_TEXT, .doc = "a script, as in Cyrillic or Cyrl"};
static const struct key SCRIPT_PARAMETERS[] = {
    {.name = "is", .type = KEY_LIST, .required = true, .element = &SCRIPT_ELEMENT, .doc = "names of Unicode scripts"},
    {.name = "share", .type = KEY_PERCENT, .doc = "share of letters that are of these scripts: 50% if not given"},
    {.name = "letters", .type = KEY_INTEGER, .low = 1, .high = 100000, .doc = "so many letters at all: 1 if not given"},
    KEYS_END,
};
static const struct shape SCRIPT = {"'script'", "script", "Scripts, which are not languages.", SCRIPT_PARAMETERS,
                                    false};
static const struct key SCRIPT_KEYS[] = MAP_KEYS("script", SCRIPT, "as in {is: [Cyrillic, Greek], share: 50%}");

static bool load_scripts(struct loader *loader, const struct wd_node *list, struct share_of_letters *params)
{
    int *scripts = wd_loader_alloc(loader, list->count, sizeof(*scripts));
    if (!scripts)
        return false;
    bool fine = true;
    for (const struct wd_node *name = list->first; name; name = name->next) {
        int script = u_getPropertyValueEnum(UCHAR_SCRIPT, name->text);
        scripts[params->script_count++] = script;
        if (script != USCRIPT_INVALID_CODE && script != USCRIPT_COMMON && script != USCRIPT_INHERITED)
            continue;
        wd_report(&loader->reporter, name, WD_ERROR, "bad-value",
                  "'%.60s' is no script: use a name of Unicode, as in Latin, Cyrillic, Arabic, Han, Hangul, Thai",
                  name->text);
        fine = false;
    }
    params->scripts = scripts;
    return fine;
}

static bool prepare_script(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *map = wd_node_get(node, "script");
    struct share_of_letters *params = prepare_share(loader, map, leaf, 0.5, 1);
    if (!params || !load_scripts(loader, wd_node_get(map, "is"), params))
        return false;
    bool latin = false;
    for (size_t i = 0; i < params->script_count; i++)
        latin |= params->scripts[i] == USCRIPT_LATIN;
    leaf->needs = latin ? 0 : WD_FEATURE_NON_ASCII;
    return true;
}

static void search_script(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    const struct share_of_letters *params = leaf->params;
    struct wd_effort *effort = wd_effort_of(sink);
    struct wd_script_share count = wd_count_scripts(text, params->scripts, params->script_count, effort);
    if (!effort->ended && count.letters >= params->letters && count.of_scripts &&
        reaches(count.of_scripts, count.letters, params->share))
        wd_span_found(sink, 0, text.len);
}

const struct leaf_kind wd_script_leaf = {
    .shape = {"a 'script' condition", "condition_script", "A text is written in a script.", SCRIPT_KEYS, false},
    .reads = READS_WRITTEN,
    .prepare = prepare_script,
    .search = search_script,
};
