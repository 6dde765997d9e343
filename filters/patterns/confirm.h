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

/* Where a hit may be: bit i stands for the i-th of 64 parts of a text of equal length. A hit, or what is before it and
 * looked at, covers the first byte of one of those that are set. */
static inline uint64_t part_of_text(size_t at, size_t len)
{
    return UINT64_C(1) << at / (len / 64 + 1);
}

/* A piece of the text that one call of PCRE2 sees: it may start anywhere from `start` on and sees bytes up to `end`;
 * hits that start at or after `accept_before` belong to the next window, which sees more of what follows them. */
struct pattern_window {
    size_t start, end, accept_before;
};
struct pattern_window pattern_window_first(struct wd_str text, uint32_t subject_bytes);
/* False after the last one. */
bool pattern_window_next(struct wd_str text, uint32_t subject_bytes, struct pattern_window *window);
/* `at`, or where the character begins that it is within. */
size_t pattern_char_boundary(struct wd_str text, size_t at);
/* Rules that look back further than so many bytes from a hit are looked for in the whole of a long text. */
enum { PATTERN_PIECE_BEHIND = 16 };

struct pcre_search {
    struct wd_str text;
    uint64_t where; /* parts of the text; UINT64_MAX: anywhere */
    uint32_t pattern;
    uint32_t subject_bytes;
    bool all_hits;
};
/* Adds the hits of `code` in the text, in order of start. An undecided attempt adds one undecided hit, unless a hit
 * was found; so does one that the deadline of the matcher's timing ended. */
enum wd_status pcre_code_search(const struct pcre_code *compiled, struct pcre_matcher *matcher,
                                const struct pcre_search *job, struct pattern_hits *hits) WD_MUST_USE;

#endif
