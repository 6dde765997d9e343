/* The table of condition kinds, and the kinds that match patterns or count things of the event.
 * Neighbours: fields.c (the 'field' kind), filters/matchers (native matchers), conditions.c. */
#include <string.h>

#include "filters/evaluate.h"
#include "filters/matchers/kinds.h"
#include "filters/rules/behaviour.h"
#include "filters/rules/fields.h"
#include "filters/rules/loader.h"
#include "filters/rules/utf8.h"

static const char *const CASES[] = {"ignore", "sensitive", NULL};
#define CASE_KEY                                                                                                       \
    {                                                                                                                  \
        .name = "case", .type = KEY_CHOICE, .choices = CASES, .doc = "ignore (default) or sensitive"                   \
    }

static bool is_caseless(const struct wd_node *node)
{
    const struct wd_node *own = wd_node_get(node, "case");
    return !own || strcmp(own->text, "sensitive") != 0;
}

/* ---- regex ---- */

static const struct key REGEX_KEYS[] = {
    {.name = "regex", .type = KEY_TEXT, .required = true, .doc = "a PCRE2 expression, with Unicode classes"},
    CASE_KEY,
    LEAF_FIELDS_KEY,
    LEAF_VIEWS_KEY,
    LEAF_NAME_KEY,
    KEYS_END,
};

static bool prepare_regex(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *text = wd_node_get(node, "regex");
    struct wd_pattern *pattern = wd_loader_alloc(loader, 1, sizeof(*pattern));
    if (!pattern || !wd_check_regex(loader, text, is_caseless(node)))
        return false;
    const char *copy = wd_loader_text(loader, text->text);
    if (!copy)
        return false;
    *pattern = (struct wd_pattern){.kind = WD_PATTERN_REGEX,
                                   .text = {.data = copy, .len = text->text_len},
                                   .caseless = is_caseless(node),
                                   .views = leaf->views};
    leaf->patterns = pattern;
    leaf->pattern_count = 1;
    return true;
}

static const struct leaf_kind REGEX = {
    .shape = {"a 'regex' condition", "condition_regex", "A text matches the expression.", REGEX_KEYS, false},
    .reads = READS_PATTERNS,
    .prepare = prepare_regex,
};

/* ---- words, contains ---- */

static const struct key WORD_ELEMENT = {.name = "", .type = KEY_TEXT, .doc = "a word or phrase"};
static const struct key ENTRIES_ALTERNATIVES[] = {
    {.name = "", .type = KEY_LIST, .element = &WORD_ELEMENT, .doc = "a list of texts, as in [cheap likes]"},
    {.name = "", .type = KEY_IDENTIFIER, .doc = "the name of a list of this file"},
    {.doc = NULL},
};
static const struct key WORDS_KEYS[] = {
    {.name = "words",
     .type = KEY_EITHER,
     .required = true,
     .alternatives = ENTRIES_ALTERNATIVES,
     .doc = "whole words and phrases: a list of them, or the name of a list"},
    CASE_KEY,
    LEAF_FIELDS_KEY,
    LEAF_VIEWS_KEY,
    LEAF_NAME_KEY,
    KEYS_END,
};
static const struct key CONTAINS_KEYS[] = {
    {.name = "contains",
     .type = KEY_EITHER,
     .required = true,
     .alternatives = ENTRIES_ALTERNATIVES,
     .doc = "texts that may stand inside words: a list of them, or the name of a list"},
    CASE_KEY,
    LEAF_FIELDS_KEY,
    LEAF_VIEWS_KEY,
    LEAF_NAME_KEY,
    KEYS_END,
};

static bool add_inline_entries(struct loader *loader, const struct wd_node *list, struct wd_pattern *patterns,
                               struct wd_pattern like)
{
    size_t count = 0;
    for (const struct wd_node *entry = list->first; entry; entry = entry->next) {
        struct wd_str text = {.data = entry->text, .len = entry->text_len};
        if (like.kind == WD_PATTERN_WORD)
            text = wd_trimmed(text);
        if (!text.len) {
            wd_report(&loader->reporter, entry, WD_ERROR, "bad-value", "an entry of only white space matches anything");
            return false;
        }
        like.text = wd_arena_copy(loader->arena, text);
        loader->out_of_memory |= !like.text.data;
        patterns[count++] = like;
    }
    return !loader->out_of_memory;
}

static bool prepare_entries(struct loader *loader, const struct wd_node *node, struct leaf *leaf,
                            enum wd_pattern_kind kind, enum list_kind list_kind)
{
    const struct wd_node *entries = wd_node_get(node, leaf->kind->shape.keys[0].name);
    const struct list *list = NULL;
    if (entries->kind == WD_NODE_SCALAR && !(list = wd_find_list(loader, entries, 1U << list_kind)))
        return false;
    leaf->pattern_count = list ? list->entry_count : entries->count;
    struct wd_pattern *patterns = wd_loader_alloc(loader, leaf->pattern_count + 1, sizeof(*patterns));
    if (!patterns)
        return false;
    struct wd_pattern like = {.kind = kind, .caseless = is_caseless(node), .views = leaf->views};
    leaf->patterns = patterns;
    if (!list)
        return add_inline_entries(loader, entries, patterns, like);
    for (size_t i = 0; i < list->entry_count; i++) {
        like.text = list->entries[i].text;
        patterns[i] = like;
    }
    return true;
}

static bool prepare_words(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    return prepare_entries(loader, node, leaf, WD_PATTERN_WORD, LIST_WORDS);
}

static bool prepare_contains(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    return prepare_entries(loader, node, leaf, WD_PATTERN_CONTAINS, LIST_CONTAINS);
}

static const struct leaf_kind WORDS = {
    .shape = {"a 'words' condition", "condition_words", "A text holds one of the words.", WORDS_KEYS, false},
    .reads = READS_PATTERNS,
    .prepare = prepare_words,
};
static const struct leaf_kind CONTAINS = {
    .shape = {"a 'contains' condition", "condition_contains", "A text holds one of the texts.", CONTAINS_KEYS, false},
    .reads = READS_PATTERNS,
    .prepare = prepare_contains,
};

/* ---- length, mentions: a number within bounds ---- */

static const struct key BOUNDS_KEYS[] = {
    {.name = "eq", .type = KEY_INTEGER, .low = 0, .high = 1e9, .doc = "as many"},
    {.name = "lt", .type = KEY_INTEGER, .low = 0, .high = 1e9, .doc = "fewer than"},
    {.name = "le", .type = KEY_INTEGER, .low = 0, .high = 1e9, .doc = "at most"},
    {.name = "gt", .type = KEY_INTEGER, .low = 0, .high = 1e9, .doc = "more than"},
    {.name = "ge", .type = KEY_INTEGER, .low = 0, .high = 1e9, .doc = "at least"},
    KEYS_END,
};
const struct shape wd_bounds_shape = {"bounds", "bounds", "How many.", BOUNDS_KEYS, false};

static const struct key LENGTH_KEYS[] = {
    {.name = "length",
     .type = KEY_MAP,
     .required = true,
     .shape = &wd_bounds_shape,
     .doc = "characters of a text, as in {gt: 500}"},
    LEAF_FIELDS_KEY,
    LEAF_NAME_KEY,
    KEYS_END,
};
static const struct key MENTIONS_KEYS[] = {
    {.name = "mentions",
     .type = KEY_MAP,
     .required = true,
     .shape = &wd_bounds_shape,
     .doc = "different users that are mentioned, as in {gt: 5}"},
    LEAF_NAME_KEY,
    KEYS_END,
};

const struct wd_bounds *wd_load_bounds(struct loader *loader, const struct wd_node *node)
{
    if (!node->count) {
        wd_report(&loader->reporter, node, WD_ERROR, "missing-key", "'%s' needs a bound, as in {gt: 5}",
                  node->key ? node->key->text : "it");
        return NULL;
    }
    struct wd_bounds *bounds = wd_loader_alloc(loader, 1, sizeof(*bounds));
    if (!bounds)
        return NULL;
    *bounds = (struct wd_bounds){.low = 0, .high = INT64_MAX};
    for (const struct wd_node *bound = node->first; bound; bound = bound->next) {
        int64_t value = 0;
        const char *name = bound->key->text;
        if (!wd_node_int(bound, &value))
            return NULL;
        int64_t low = name[0] == 'g' || name[0] == 'e' ? value + (strcmp(name, "gt") == 0) : bounds->low;
        int64_t high = name[0] == 'l' || strcmp(name, "eq") == 0 ? value - (strcmp(name, "lt") == 0) : bounds->high;
        bounds->low = low > bounds->low ? low : bounds->low;
        bounds->high = high < bounds->high ? high : bounds->high;
    }
    if (bounds->low > bounds->high) {
        wd_report(&loader->reporter, node, WD_ERROR, "bad-value", "no number is within these bounds");
        return NULL;
    }
    return bounds;
}

static bool prepare_bounds(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    leaf->params = wd_load_bounds(loader, wd_node_get(node, leaf->kind->shape.keys[0].name));
    return leaf->params != NULL;
}

bool wd_within(const struct wd_bounds *bounds, int64_t value)
{
    return value >= bounds->low && value <= bounds->high;
}

static int64_t characters(struct wd_str text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

static enum truth evaluate_length(const struct leaf *leaf, struct evaluation *evaluation)
{
    const struct wd_event *event = evaluation->event;
    for (size_t i = 0; i < event->text_count; i++)
        if (leaf->fields & (1U << event->texts[i].field) && wd_within(leaf->params, characters(event->texts[i].text)))
            return YES;
    return NO;
}

static enum truth evaluate_mentions(const struct leaf *leaf, struct evaluation *evaluation)
{
    return wd_within(leaf->params, wd_distinct_mentions(evaluation->event)) ? YES : NO;
}

static const struct leaf_kind LENGTH = {
    .shape = {"a 'length' condition", "condition_length", "A text is so long.", LENGTH_KEYS, false},
    .reads = READS_EVENT,
    .prepare = prepare_bounds,
    .evaluate = evaluate_length,
};
static const struct leaf_kind MENTIONS = {
    .shape = {"a 'mentions' condition", "condition_mentions", "So many users are mentioned.", MENTIONS_KEYS, false},
    .reads = READS_EVENT,
    .prepare = prepare_bounds,
    .evaluate = evaluate_mentions,
};

const struct leaf_kind *const wd_leaf_kinds[] = {
    &REGEX,
    &WORDS,
    &CONTAINS,
    &wd_field_leaf,
    &LENGTH,
    &MENTIONS,
    &wd_domain_leaf,
    &wd_links_leaf,
    &wd_card_leaf,
    &wd_phone_leaf,
    &wd_email_leaf,
    &wd_iban_leaf,
    &wd_wallet_leaf,
    &wd_repeat_leaf,
    &wd_caps_leaf,
    &wd_emoji_leaf,
    &wd_zalgo_leaf,
    &wd_script_leaf,
    &wd_rate_leaf,
    &wd_repeat_of_leaf,
    &wd_coordinated_leaf,
    &wd_score_leaf,
    &wd_strikes_leaf,
    &wd_trust_leaf,
    &wd_first_content_leaf,
    NULL,
};
