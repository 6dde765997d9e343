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
struct compiler {
    pcre2_compile_context *context;
};
enum wd_status compiler_init(struct compiler *compiler, struct wd_error *err) WD_MUST_USE;
void compiler_fini(struct compiler *compiler);

struct compiled {
    pcre2_code *code;
    bool jit;
    bool line_start; /* was rewritten to begin at a line start only */
};

/* Compiles PCRE2 syntax. `line_start` puts `(?m:^)` before it. WD_ERR_INVALID: err->column is the byte offset + 1. */
enum wd_status compiled_init(struct compiled *compiled, struct compiler *compiler, struct wd_str pattern, bool caseless,
                             bool line_start, struct wd_error *err) WD_MUST_USE;
/* Only asks PCRE2 whether the pattern is valid. */
enum wd_status compiled_check(struct compiler *compiler, struct wd_str pattern, bool caseless,
                              struct wd_error *err) WD_MUST_USE;
void compiled_fini(struct compiled *compiled);
size_t compiled_bytes(const struct compiled *compiled);

/* One thread's side of matching. */
struct matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};
enum wd_status matcher_init(struct matcher *matcher) WD_MUST_USE;
void matcher_fini(struct matcher *matcher);

struct hit_list {
    struct wd_hit *hits;
    size_t count, capacity;
};
enum wd_status hit_list_add(struct hit_list *list, struct wd_hit hit) WD_MUST_USE;

struct confirm_job {
    struct wd_str text;
    uint32_t pattern;
    uint32_t subject_bytes;
    bool all_hits;
};
/* Adds the hits of `compiled` in the text, in order of start. An undecided attempt adds one undecided hit, unless a hit
 * was found. */
enum wd_status confirm(const struct compiled *compiled, struct matcher *matcher, const struct confirm_job *job,
                       struct hit_list *hits) WD_MUST_USE;

#endif
