/* The conditions that look at an event: one row of a table a kind. To add a kind, add a row to wd_leaf_kinds and its
 * functions. What always holds: a leaf is immutable after it was prepared, and its functions are pure.
 * Neighbours: conditions.c combines leaves by all, any and not; filters/evaluate.c evaluates them. */
#ifndef FILTERS_RULES_LEAVES_H
#define FILTERS_RULES_LEAVES_H

#include <stdint.h>

#include <warden/event.h>

#include "filters/patterns/patterns.h"
#include "filters/rules/schema.h"

enum truth { NO, YES, UNDECIDED };

/* What a leaf reads, and so where it can stand and which views it means when none are named. */
enum leaf_reads {
    READS_EVENT,     /* fields of the event: no `fields`, no `views`; `evaluate` */
    READS_BEHAVIOUR, /* what is remembered: the same; a positive answer makes its rule a candidate, as a hit does */
    READS_PATTERNS,  /* texts, by patterns of the shared index: `views` as the rule says, else plain and folded */
    READS_TEXTS,     /* texts, by `search`: `views` as the leaf or rule says, else plain */
    READS_WRITTEN,   /* texts as they were written, by `search`: no `views` */
};

struct leaf {
    const struct leaf_kind *kind;
    uint32_t index;  /* among the leaves that read texts, or among those that read what is remembered */
    uint32_t rule;   /* index of its rule */
    uint32_t fields; /* bit 1 << enum wd_text_field */
    uint32_t views;  /* bit 1 << enum wd_view_kind */
    bool in_exception;
    const struct wd_pattern *patterns; /* READS_PATTERNS */
    size_t pattern_count;
    const void *params;         /* of the kind */
    uint32_t needs;             /* bits enum wd_feature: a text without one of them has nothing for `search` */
    uint32_t finds_needed;      /* so many different finds make it true; 0 means 1 */
    const struct wd_node *node; /* while loading */
};

struct loader;
struct evaluation;
/* Takes what a search finds. */
struct span_sink;
struct wd_effort;
struct wd_text_facts;
void wd_span_found(struct span_sink *sink, size_t start, size_t end);
/* The same, for kinds with leaf->finds_needed: finds with the same key count once. */
void wd_span_found_as(struct span_sink *sink, size_t start, size_t end, uint64_t key);
/* The byte that the user wrote before and behind a place of the text that is searched; a space past either end. */
char wd_written_before(const struct span_sink *sink, size_t at);
char wd_written_behind(const struct span_sink *sink, size_t at);
/* What the search must count its steps with. */
struct wd_effort *wd_effort_of(struct span_sink *sink);
/* What is known of the text that is searched, for all leaves that search it. */
struct wd_text_facts *wd_facts_of(struct span_sink *sink);

struct leaf_kind {
    struct shape shape; /* the first key is the one that names the kind */
    enum leaf_reads reads;
    uint32_t views; /* the only views that it reads (no key `views`); 0: as `reads` says */
    /* Fills leaf->patterns or leaf->params from a node that passed the shape; reports and returns false otherwise. */
    bool (*prepare)(struct loader *loader, const struct wd_node *node, struct leaf *leaf);
    /* READS_EVENT, READS_BEHAVIOUR */
    enum truth (*evaluate)(const struct leaf *leaf, struct evaluation *evaluation);
    /* READS_TEXTS, READS_WRITTEN: reports every find in one text; `text` is valid UTF-8. The condition is true where
     * there was one that no exception allows. */
    void (*search)(const struct leaf *leaf, struct wd_str text, struct span_sink *sink);
    /* With `search`, or NULL: whether a hyperlink item of the event counts as a find, and as which. One that an
     * exception of the rule takes, too, does not count. */
    bool (*takes_link)(const struct leaf *leaf, const struct wd_link *link, uint64_t *key_out);
};

static inline bool wd_reads_texts(const struct leaf *leaf)
{
    return leaf->kind->reads != READS_EVENT && leaf->kind->reads != READS_BEHAVIOUR;
}

/* Ends with a shape name of NULL. */
extern const struct leaf_kind *const wd_leaf_kinds[];

/* Keys that many kinds share; for the tables of kinds. */
extern const struct key wd_key_fields_list, wd_key_views_list;
#define LEAF_NAME_KEY                                                                                                  \
    {                                                                                                                  \
        .name = "name", .type = KEY_TEXT, .doc = "what this condition is about, for the reader"                        \
    }
#define LEAF_FIELDS_KEY                                                                                                \
    {                                                                                                                  \
        .name = "fields", .type = KEY_LIST, .element = &wd_key_fields_list,                                            \
        .doc = "texts to read, in place of the rule's"                                                                 \
    }
#define LEAF_VIEWS_KEY                                                                                                 \
    {                                                                                                                  \
        .name = "views", .type = KEY_LIST, .element = &wd_key_views_list,                                              \
        .doc = "views to read, in place of the rule's"                                                                 \
    }

/* Bounds of a count, as in {gt: 5, le: 9}: for kinds whose params are such. */
struct wd_bounds {
    int64_t low, high; /* both included */
};
extern const struct shape wd_bounds_shape;
const struct wd_bounds *wd_load_bounds(struct loader *loader, const struct wd_node *node);
bool wd_within(const struct wd_bounds *bounds, int64_t value);

/* all, any, not, macro: ends with a name of NULL. */
extern const struct shape wd_combinations[];

/* For schema.c: a condition of any kind. */
bool wd_check_condition(struct reporter *reporter, const struct wd_node *node);
bool wd_node_percent(const struct wd_node *node, double *share_out);

#endif
