/* Features: classes of characters that gates ask for. What a class matches is not worked out here: PCRE2 is asked, for
 * every ASCII character and for every block of others. */
#ifndef FILTERS_PATTERNS_GATE_FEATURES_H
#define FILTERS_PATTERNS_GATE_FEATURES_H

#include "filters/patterns/gates.h"

enum { GATE_SOURCE_MAX = 400, GATE_DEMANDS_MAX = 8, SUBJECT_END = GATE_BLOCKS_END };

/* A class of characters, of which so many in a row are needed. */
struct gate_demand {
    char source[GATE_SOURCE_MAX];
    bool caseless;
    uint32_t run;
};

/* The number of the feature, -1 where none is free or PCRE2 does not take it. */
enum wd_status gate_feature_of(struct gate_index *index, const struct gate_demand *demand,
                               int *feature_out) WD_MUST_USE;
void gate_builder_free(struct gate_builder *builder);
enum wd_status gate_builder_init(struct gate_index *index) WD_MUST_USE;

#endif
