/* What the indexes find in a text: occurrences of native strings, and rules that PCRE2 has to confirm. Always holds: a
 * live rule that matches is among them, with the part of the text where it does, unless the watch was late. Neighbours:
 * scan.c, which calls this and confirms. */
#ifndef FILTERS_PATTERNS_CANDIDATES_H
#define FILTERS_PATTERNS_CANDIDATES_H

#include "filters/patterns/set.h"

enum { CANDIDATE_RANK = UINT16_MAX + 1 };

/* Long texts are looked at window by window where the index cannot tell places: then by what a rule looks back to. */
enum scan_pass { PASS_ALL = 0, PASS_NEAR, PASS_FAR };

struct scan {
    const struct wd_patterns *set;
    struct wd_pattern_scratch *scratch;
    const struct wd_scan_request *request;
    const struct literal_index *literals; /* of the rules that the request asks for */
    bool is_long;                         /* PCRE2 sees the text in windows */
    enum scan_pass pass;
    uint64_t where; /* what is found now is in these parts of the text */
    bool no_memory, full;
};

/* Fills scratch->found from scratch->text. */
enum wd_status candidates_find(struct scan *scan) WD_MUST_USE;

/* Whether the text has what the rule's gate asks for; after candidates_find. */
bool candidates_pass_gate(struct scan *scan, uint32_t rule);

#endif
