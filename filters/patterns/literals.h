/* Which pieces of folded text must occur wherever a pattern matches. Always holds: a text in which none of the `clause`
 * occurs (with its edges) does not match. Where `native`, the clause is the pattern: it matches exactly where one of
 * the strings occurs, and of those that start at one place the first in order is what PCRE2 would find. */
#ifndef FILTERS_PATTERNS_LITERALS_H
#define FILTERS_PATTERNS_LITERALS_H

#include "filters/patterns/frequency.h"
#include "filters/patterns/syntax.h"

/* Stands for \s+ inside a string; no byte of UTF-8. */
enum { LITERAL_SPACES = 0xFF };
enum { LITERALS_MAX = 64 };

/* What must be true of the character beside a string. */
enum literal_edge {
    EDGE_BOUNDARY = 1, /* \b */
    EDGE_NO_WORD = 2,  /* (?<!\w) (?!\w) */
};

struct literal {
    const char *bytes; /* as written where case matters, folded where not */
    uint32_t len;
    uint8_t before, after; /* enum literal_edge */
    bool folded;           /* has a character whose case does not matter, */
    bool as_is;            /* has one whose case does */
};

struct literal_set {
    struct literal *items;
    uint32_t count;
};

struct literal_result {
    struct literal_set clause; /* count 0: nothing is known */
    double cost;               /* expected occurrences in 100 bytes of text */
    bool native;
};

struct literal_finder;
/* `trust_tables`: what unicode_tables_fit() said. Both may outlive nothing: the finder only borrows. */
struct literal_finder *literal_finder_new(const struct frequency *frequency, bool trust_tables);
void literal_finder_free(struct literal_finder *finder);

/* The part of a string that an index looks for: free of white space runs, rarest of all such parts. */
struct literal_piece {
    uint32_t start, len; /* in the string */
    uint32_t gram;       /* in the piece: where its rarest 4 (or fewer) bytes begin */
};
/* Expected occurrences; a huge number where the string has no piece. */
double literal_piece(const struct frequency *frequency, const struct literal *string, struct literal_piece *best_out);

/* The result lives until the next call. */
struct literal_result literals_find(struct literal_finder *finder, const struct syntax_tree *tree);
/* The same for WD_PATTERN_WORD and WD_PATTERN_CONTAINS texts, which are always native (given trusted tables). */
struct literal_result literals_of_text(struct literal_finder *finder, struct wd_str text, bool word, bool caseless);

#endif
