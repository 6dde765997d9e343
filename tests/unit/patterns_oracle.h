/* What PCRE2 says about one pattern and one text, without any of our code: the definition that the index is held to. */
#ifndef TESTS_UNIT_PATTERNS_ORACLE_H
#define TESTS_UNIT_PATTERNS_ORACLE_H

#include "filters/patterns/patterns.h"

struct oracle;
/* NULL: PCRE2 refuses the pattern. */
struct oracle *oracle_new(const struct wd_pattern *pattern);
void oracle_free(struct oracle *oracle);

enum { ORACLE_HITS_MAX = 256 };
struct oracle_hits {
    struct {
        uint32_t start, end;
    } hits[ORACLE_HITS_MAX];
    size_t count;
    bool undecided;
};
/* Whether these are the hits that the pattern asks for: the first, or all that do not overlap. *expected_out has those
 * of PCRE2's JIT; the few times that its interpreter says something else (as 10.42 does of `.*?\K.`), either is right.
 */
bool oracle_agrees(struct oracle *oracle, struct wd_str text, const struct wd_hit *hits, size_t count,
                   struct oracle_hits *expected_out);

#endif
