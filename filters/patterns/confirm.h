/* Finding the hits of a compiled pattern in a text. Everything that PCRE2 says of a text passes through here, so that
 * limits and windows are the same everywhere. Neighbours: compile.h (what is matched), scan.c (what asks). */
#ifndef FILTERS_PATTERNS_CONFIRM_H
#define FILTERS_PATTERNS_CONFIRM_H

#include "filters/patterns/compile.h"
#include "filters/patterns/patterns.h"

/* Hits of up to this many bytes are found in texts that are matched in windows, too. */
enum { PATTERN_WINDOW_OVERLAP = 1024 };
/* A pattern with `all_hits` reports at most so many hits of one text. */
enum { PATTERN_HITS_MAX = 256 };

/* One thread's side of matching. */
struct pcre_matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    uint32_t match_limit;          /* of an attempt; set before each scan, as are the next two */
    uint32_t quick_limit;          /* of an attempt before the watched program takes over; 0: by the text's length */
    struct wd_scan_timing *timing; /* NULL: no deadline */
    uint32_t attempts, attempts_a_reading; /* since the clock was read; after how many it is read again */
    uint64_t read_ns;
    bool late; /* the deadline has passed */
};
enum wd_status pcre_matcher_init(struct pcre_matcher *matcher) WD_MUST_USE;
void pcre_matcher_fini(struct pcre_matcher *matcher);

struct pattern_hits {
    struct wd_hit *hits;
    size_t count, capacity;
};
enum wd_status pattern_hits_add(struct pattern_hits *list, struct wd_hit hit) WD_MUST_USE;

struct pcre_search {
    struct wd_str text;
    uint32_t pattern;
    uint32_t subject_bytes;
    bool all_hits;
};
/* Adds the hits of `code` in the text, in order of start. An undecided attempt adds one undecided hit, unless a hit
 * was found; so does one that the deadline of the matcher's timing ended. */
enum wd_status pcre_code_search(const struct pcre_code *compiled, struct pcre_matcher *matcher,
                                const struct pcre_search *job, struct pattern_hits *hits) WD_MUST_USE;

#endif
