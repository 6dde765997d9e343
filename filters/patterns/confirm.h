/* What PCRE2 does here: compiling a pattern, and finding its hits in a text. Everything that PCRE2 says passes through
 * this file, so that options, limits and windows are the same everywhere. Neighbours: patterns.c (the set), scan.c. */
#ifndef FILTERS_PATTERNS_CONFIRM_H
#define FILTERS_PATTERNS_CONFIRM_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "filters/patterns/patterns.h"

/* Hits of up to this many bytes are found in texts that are matched in windows, too. */
enum { PATTERN_WINDOW_OVERLAP = 1024 };
/* A pattern with `all_hits` reports at most so many hits of one text. */
enum { PATTERN_HITS_MAX = 256 };

/* Settings of every compilation; one a set, while it is built. */
struct pcre_compiler {
    pcre2_compile_context *context;
};
enum wd_status pcre_compiler_init(struct pcre_compiler *compiler, struct wd_error *err) WD_MUST_USE;
void pcre_compiler_fini(struct pcre_compiler *compiler);

struct pcre_code {
    pcre2_code *code;
    bool jit;
    bool line_start; /* was rewritten to begin at a line start only */
};

/* Compiles PCRE2 syntax. `line_start` puts `(?m:^)` before it. WD_ERR_INVALID: err->column is the byte offset + 1. */
enum wd_status pcre_code_init(struct pcre_code *compiled, struct pcre_compiler *compiler, struct wd_str pattern,
                              bool caseless, bool line_start, struct wd_error *err) WD_MUST_USE;
/* Only asks PCRE2 whether the pattern is valid. */
enum wd_status pcre_code_check(struct pcre_compiler *compiler, struct wd_str pattern, bool caseless,
                               struct wd_error *err) WD_MUST_USE;
void pcre_code_fini(struct pcre_code *compiled);
size_t pcre_code_bytes(const struct pcre_code *compiled);

/* One thread's side of matching. */
struct pcre_matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    const struct wd_scan_timing *timing;   /* of the scan under way */
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
