/* Sets of strings, their products and what they cost: the arithmetic of literals.c. */
#ifndef FILTERS_PATTERNS_LITERAL_SETS_H
#define FILTERS_PATTERNS_LITERAL_SETS_H

#include "filters/patterns/literals.h"

enum {
    ARENA_BYTES = 4 * 1024 * 1024,
    LITERAL_BYTES_MAX = 32 * 1024,
    SET_MAX = 4096,  /* strings in a set of alternatives; products of two sets make at most LITERALS_MAX */
    REPEATS_MAX = 64 /* times that a repetition is written out */
};

/* The cost of a set that says nothing. */
#define LITERAL_COST_UNKNOWN 1e9

struct literal_finder {
    const struct frequency *frequency;
    bool trust_tables;
    bool full; /* the arena overflowed: nothing found may be used */
    size_t used;
    _Alignas(16) char arena[ARENA_BYTES];
};

/* NULL, and `full` set, where the arena has no room. */
void *literal_arena_take(struct literal_finder *finder, size_t bytes);
/* An empty set with room; `items` is NULL where the arena has none. */
struct literal_set literal_set_new(struct literal_finder *finder, size_t capacity);
/* The set of the empty string, with conditions on what is before and after it. */
struct literal_set literal_set_of_empty(struct literal_finder *finder, uint8_t before, uint8_t after);
/* Whether the set says nothing: it has the empty string, or no string at all. */
bool literal_set_has_empty(const struct literal_set *set);

struct literal_product {
    struct literal_set set;
    bool possible; /* false: too large, or undecidable white space */
    bool faithful;
};

/* Every string of `a` followed by every one of `b`, in the order of PCRE2's preference. */
struct literal_product literal_sets_multiply(struct literal_finder *finder, const struct literal_set *a,
                                             const struct literal_set *b);
/* Expected occurrences of all strings together. */
double literal_set_cost(struct literal_finder *finder, const struct literal_set *set);

#endif
