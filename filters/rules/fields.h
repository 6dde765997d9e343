/* The 'field' condition and the fields that it can name. Neighbours: leaves.c, filters/evaluate.c. */
#ifndef FILTERS_RULES_FIELDS_H
#define FILTERS_RULES_FIELDS_H

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

#endif
