/* PCRE2 syntax to a tree, as far as it is surely understood. Always holds: a tree describes every text that the pattern
 * can match; what a piece of syntax does beyond that is either represented, an OPAQUE node ('anything, even nothing'),
 * or the whole pattern is given up (`understood` is false). Neighbours: literals.c, gates.c read trees. */
#ifndef FILTERS_PATTERNS_SYNTAX_H
#define FILTERS_PATTERNS_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>
#include <warden/str.h>

enum syntax_kind {
    SYNTAX_EMPTY, /* matches nothing, asserts nothing that the index uses: ^ $ \A \B (?i) */
    SYNTAX_CHAR,  /* `character` */
    SYNTAX_CLASS, /* one character of `set` */
    SYNTAX_ANY,   /* . */
    SYNTAX_SEQUENCE,
    SYNTAX_EITHER, /* alternatives, in order */
    SYNTAX_REPEAT, /* the one child, min to max times */
    SYNTAX_GROUP,  /* the one child; `capture` is its number or 0 */
    SYNTAX_LOOK,   /* look-around with one child */
    SYNTAX_EDGE,   /* \b */
    SYNTAX_BACK,   /* back-reference to `capture` */
    SYNTAX_OPAQUE, /* anything */
};

enum { SYNTAX_UNLIMITED = UINT32_MAX };

/* What is known of a class. `source` is the piece of the pattern that means it, so that PCRE2 can be asked. */
struct syntax_class {
    struct wd_str source;
    bool listed; /* the characters of `ranges`, nothing else (case aside), make it up, or, if `negated`, do not */
    bool negated;
    bool is_space;   /* exactly \s */
    bool is_word;    /* exactly \w */
    bool is_nonword; /* within [\W_] */
    uint16_t range_count;
    struct {
        uint32_t first, last;
    } ranges[12];
};

struct syntax_node {
    enum syntax_kind kind;
    bool caseless;
    bool lazy, possessive;     /* REPEAT; possessive GROUP: atomic */
    bool negative, behind;     /* LOOK */
    bool matches_newline;      /* ANY */
    uint32_t character;        /* CHAR */
    uint32_t min, max;         /* REPEAT */
    uint32_t capture;          /* GROUP, BACK */
    struct syntax_class *set;  /* CLASS */
    struct syntax_node *first; /* children */
    struct syntax_node *next;  /* sibling */
};

struct syntax_tree {
    struct syntax_node *root;
    bool understood;
    bool case_switched_off; /* has (?-i) */
    bool moves_start;       /* \K or \G: where a match starts is not where it began to be tried */
    bool rigid; /* has back-references, calls of groups or \G: what is matched may depend on where it began */
};

/* Node memory that is used again for every pattern. */
struct syntax_parser;
struct syntax_parser *syntax_parser_new(void);
void syntax_parser_free(struct syntax_parser *parser);

/* Reads a pattern that PCRE2 has accepted. The tree lives until the next call and points into `pattern`. A pattern that
 * is too large for the parser's memory is not understood. */
struct syntax_tree syntax_parse(struct syntax_parser *parser, struct wd_str pattern, bool caseless);

/* Most characters that `set` can name, case aside, if it is `listed` and not negated; else SIZE_MAX. */
size_t syntax_class_size(const struct syntax_class *set);

#endif
