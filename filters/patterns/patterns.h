/* A set of patterns matched together: a candidate index finds the few that could match a text, PCRE2 (JIT, UTF, UCP)
 * or a literal comparison confirms them. Results are defined by PCRE2 run pattern by pattern: the index may never lose
 * a pair. The set is immutable and shared by threads; a scratch belongs to one thread and fits any set. */
#ifndef FILTERS_PATTERNS_H
#define FILTERS_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>
#include <warden/str.h>
#include <warden/verdict.h>

enum wd_pattern_kind {
    WD_PATTERN_REGEX = 0, /* PCRE2 syntax; UTF and UCP */
    WD_PATTERN_WORD,      /* the text as it is, as a whole word: as (?<!\w)\Qtext\E(?!\w) would match; runs of white
                           * space in it match any run of white space, those at its ends mean nothing */
    WD_PATTERN_CONTAINS,  /* the text as it is, anywhere */
};

struct wd_pattern {
    enum wd_pattern_kind kind;
    struct wd_str text;
    bool caseless;
    bool all_hits;  /* report every non-overlapping hit (up to 256), not only the first; after an empty hit the next
                     * one may start a character later (a rule with exceptions needs them) */
    uint32_t views; /* bit 1 << enum wd_view_kind for each view it is live in */
};

/* What only some processors can, and makes scans faster. */
enum wd_vectors { WD_VECTORS_BEST = 0, WD_VECTORS_AVX2, WD_VECTORS_NONE };

struct wd_patterns_options {
    uint32_t match_limit;    /* PCRE2 match limit per attempt; 0: 30,000 */
    uint32_t quick_limit;    /* the same until a deadline is watched at each step; 0: by the text's length. For tests */
    uint32_t subject_bytes;  /* longer texts are matched in overlapping windows of this size; 0: 4,096 */
    const char *frequencies; /* messages of the kind to be expected, UTF-8, NUL-terminated, any separator: the literals
                              * that are rare in them are looked for. Only speed depends on it. NULL: the shipped
                              * table of how common pairs of letters are. Not kept. */
    enum wd_vectors vectors; /* use at most these; the results are the same */
};

struct wd_patterns;

/* Compiles `count` patterns; they are copied. On a bad pattern: WD_ERR_INVALID, its index in *bad_out, and in `err` the
 * words of PCRE2 with the byte offset + 1 in err->column. */
enum wd_status wd_patterns_new(const struct wd_pattern *patterns, size_t count,
                               const struct wd_patterns_options *options, struct wd_patterns **out, size_t *bad_out,
                               struct wd_error *err) WD_MUST_USE;
void wd_patterns_free(struct wd_patterns *set);

struct wd_hit {
    uint32_t pattern;    /* index as given to wd_patterns_new */
    uint32_t start, end; /* bytes of the text that was scanned */
    bool undecided;      /* the match limit ended it: neither a match nor none; start = end = 0 */
};

struct wd_pattern_scratch;
struct wd_pattern_scratch *wd_pattern_scratch_new(void);
void wd_pattern_scratch_free(struct wd_pattern_scratch *scratch);

/* What a scan may take, by clocks of the caller's. */
struct wd_scan_timing {
    uint64_t (*clock)(void *context); /* nanoseconds, monotonic */
    void *clock_context;
    uint64_t deadline_ns; /* by that clock; UINT64_MAX: none. Past it the scan ends, within a confirmation, too */
    /* The same for the thread's processor time. Where there is one, the time in which a thread had to wait is no reason
     * to end: past the deadline the scan still has `reserve_ns` of processor time, and only past that it ends. NULL:
     * the deadline is all. */
    uint64_t (*processor_clock)(void *context);
    uint64_t reserve_ns;
    uint64_t processor_deadline_ns; /* 0 until the deadline has passed */
    /* A confirmation that took longer is done once more and the shorter time counts, so that a pattern is not held for
     * slow because its thread had to wait. */
    uint64_t suspicious_ns;
    /* Told after each confirmation. NULL: nobody wants to know. */
    void (*took)(void *context, uint32_t pattern, uint64_t ns);
    void *took_context;
};

/* Whether the scan has to end at the time `now_ns`; moves the deadline while some of the reserve is left. */
bool wd_timing_is_late(struct wd_scan_timing *timing, uint64_t now_ns);

/* Which of the set's patterns are live in this call. */
struct wd_scan_request {
    struct wd_str text;   /* valid UTF-8 (validate once, earlier) */
    uint32_t views;       /* patterns that are live in any of these views are wanted */
    const uint64_t *skip; /* bit per pattern: already decided or switched off; NULL: none */
    /* The text differs from one that was scanned before only by simple case folding: caseless patterns would say the
     * same again, so only the others are tried. */
    bool only_case_sensitive;
    bool only_candidates;          /* nothing is confirmed: to measure what finding candidates takes */
    struct wd_scan_timing *timing; /* NULL: nothing is timed, and no scan ends before it is done */
};

struct wd_scan_result {
    const struct wd_hit *hits; /* in the scratch, valid until its next scan; by pattern, then by start */
    size_t hit_count;
    uint32_t candidates; /* patterns that the index let through */
    bool budget_ended;   /* the deadline passed, or there was more than a scan holds; hits are those found until then */
};

enum wd_status wd_patterns_scan(const struct wd_patterns *set, struct wd_pattern_scratch *scratch,
                                const struct wd_scan_request *request, struct wd_scan_result *result_out) WD_MUST_USE;

/* What the index did with a pattern: for lint and `rules bench`. */
enum wd_index_class { WD_INDEX_LITERAL = 0, WD_INDEX_SKELETON, WD_INDEX_CLASS, WD_INDEX_RUN, WD_INDEX_ALWAYS };
enum wd_index_class wd_patterns_index_class(const struct wd_patterns *set, uint32_t pattern);
const char *wd_index_class_name(enum wd_index_class index_class);
/* Bytes of memory that the set takes, index and compiled code together. */
size_t wd_patterns_memory(const struct wd_patterns *set);

#endif
