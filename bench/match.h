/* bench/match: the engines that are compared, and what they are fed. */
#ifndef BENCH_MATCH_H
#define BENCH_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

#ifdef __cplusplus
extern "C" {
#endif

struct match_rule {
    struct wd_str pattern;
    bool caseless;
};

struct match_rules {
    struct match_rule *items;
    size_t count;
    char *file; /* owns the bytes */
};

struct match_texts {
    struct wd_str *items;
    size_t count;
};

/* Lines of id, kind, caseless (0 or 1), pattern, separated by tabs; a first line that begins with "id" is skipped.
 * These end the program with a message where they cannot go on. */
struct match_rules match_rules_read(const char *path);
/* Lines of {"text": "..."}. */
struct match_texts match_texts_read(const char *path);
void match_rules_free(struct match_rules *rules);
void match_texts_free(struct match_texts *texts);

typedef void match_found(void *context, uint32_t rule);

struct match_engine {
    const char *name;
    const char *note; /* what its results are worth */
    /* NULL: it cannot take these rules. */
    void *(*build)(const struct match_rule *rules, size_t count);
    /* Calls `found` (unless NULL) for each rule that matches, in any order; returns how many there were. */
    size_t (*scan)(void *engine, struct wd_str text, match_found *found, void *context);
    void (*free)(void *engine);
};

extern const struct match_engine match_index;
extern const struct match_engine match_avx2;     /* the index on a processor without AVX-512 */
extern const struct match_engine match_portable; /* the index without what only some processors can */
extern const struct match_engine match_pcre2;
#ifdef HAVE_RE2
extern const struct match_engine match_re2;
#endif
#ifdef HAVE_HYPERSCAN
extern const struct match_engine match_hyperscan;
#endif

/* PCRE2 on a single rule, for engines that need it for some: confirmation or what they cannot do. `anchored`: line
 * scans are tried at line starts only, as the index does. */
struct match_single;
struct match_single *match_single_new(const struct match_rule *rules, size_t count, bool anchored);
bool match_single_try(struct match_single *single, size_t rule, struct wd_str text);
void match_single_free(struct match_single *single);

/* match_widen.c */
enum match_widen {
    MATCH_WIDEN_LOOKS = 1,   /* no look-arounds */
    MATCH_WIDEN_BACKS = 2,   /* a back-reference is what its group may be */
    MATCH_WIDEN_CLASSES = 4, /* \w \d \s of ASCII and all past it; \b only where ASCII tells it */
};
/* A pattern, to be freed, that matches wherever `pattern` does. */
char *match_widened(struct wd_str pattern, unsigned how);
/* `(?=.*a)(?=.*b)`: wherever it matches, it also matches at the line's start. */
bool match_is_line_scan(struct wd_str pattern);

#ifdef __cplusplus
}
#endif
#endif
