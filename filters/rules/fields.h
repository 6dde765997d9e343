/* The 'field' condition and the fields that it can name. Neighbours: leaves.c, filters/evaluate.c. */
#ifndef FILTERS_RULES_FIELDS_H
#define FILTERS_RULES_FIELDS_H

#include "filters/rules/expression.h"
#include "filters/rules/leaves.h"

extern const struct leaf_kind wd_field_leaf;

/* The named fields, for the listing: ends with a name of NULL. */
enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_BOOLEAN, FIELD_TEXTS, FIELD_JSON };
struct field {
    const char *name;
    enum field_type type;
    const char *doc;
};
extern const struct field wd_fields[];
const char *wd_field_type_name(enum field_type type);

int64_t wd_distinct_mentions(const struct wd_event *event);

enum field_id {
    FIELD_EVENT,
    FIELD_CONTENT_TYPE,
    FIELD_CONTENT_ID,
    FIELD_PARENT_ID,
    FIELD_DATA_TYPE,
    FIELD_AUTHOR_ID,
    FIELD_AUTHOR_DISPLAY_NAME,
    FIELD_AUTHOR_ROLES,
    FIELD_AUTHOR_AGE_DAYS,
    FIELD_AUTHOR_FLAG_COUNT,
    FIELD_AUTHOR_IS_GLOBAL_BAN,
    FIELD_AUTHOR_IS_KNOWN,
    FIELD_CHANNEL_ID,
    FIELD_COMMUNITY_ID,
    FIELD_TARGET_TYPE,
    FIELD_TARGET_ID,
    FIELD_FLAG_COUNT,
    FIELD_TAGS,
    FIELD_MENTIONS,
    FIELD_MENTION_COUNT,
    FIELD_MENTIONS_CHANNEL,
    FIELD_LINK_COUNT,
    FIELD_ATTACHMENT_COUNT,
    FIELD_ATTACHMENT_TYPES,
    FIELD_IS_DELETED,
    FIELD_IS_EDITED,
    NAMED_FIELD_COUNT,
    FIELD_OBJECT_JSON = NAMED_FIELD_COUNT,
    FIELD_AUTHOR_JSON,
};

enum operator_id { OP_EQ, OP_NE, OP_LT, OP_GT, OP_LE, OP_GE, OP_IN, OP_MATCHES, OP_EXISTS, OPERATOR_COUNT };
struct comparison {
    enum operator_id operator_id;
    struct wd_str text; /* eq, ne */
    double number;      /* lt gt le ge; eq and ne where is_number */
    bool is_number, yes;
    const struct wd_str *texts; /* in: sorted */
    size_t text_count;
    const struct compiled_expression *expression;
};

struct field_params {
    enum field_id id;
    enum field_type type;
    struct wd_str path; /* JSON */
    const struct comparison *comparisons;
    size_t count;
};

struct loader;
/* Finds the field that a node names; reports where there is none. */
bool wd_find_field(struct loader *loader, const struct wd_node *name, struct field_params *params);

/* Order of struct wd_str for qsort and bsearch. */
int wd_compare_bytes(const void *left, const void *right);

/* The values of a field as texts, at most `most` of them. */
size_t wd_field_values(const struct field_params *params, struct evaluation *evaluation, struct wd_str *out,
                       size_t most);
/* False where the event has no number there. */
bool wd_field_number(const struct field_params *params, struct evaluation *evaluation, double *out);

enum truth wd_evaluate_field(const struct leaf *leaf, struct evaluation *evaluation);
/* What the event has in the field that the leaf compares, for people; absent where it has none. */
struct wd_str wd_field_text(const struct leaf *leaf, struct evaluation *evaluation);

#endif
