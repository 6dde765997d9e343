/* The literals of all patterns, looked up in a folded text at once. Neighbours: literals.c finds them, grams.c probes,
 * scan.c acts on what is found. */
#ifndef FILTERS_PATTERNS_LITERAL_INDEX_H
#define FILTERS_PATTERNS_LITERAL_INDEX_H

#include "filters/patterns/grams.h"
#include "filters/patterns/literals.h"
#include "filters/patterns/text.h"

/* What must hold beside a string, with the string's own end taken into account. */
enum edge_need { NEED_NO_WORD_BEFORE = 1, NEED_WORD_BEFORE = 2, NEED_NO_WORD_AFTER = 4, NEED_WORD_AFTER = 8 };

struct indexed_literal {
    uint32_t rule;
    uint32_t bytes, len; /* the string, in the index's bytes */
    uint32_t piece;      /* where the part that is looked for begins in it */
    uint32_t gram;       /* and the gram in the folded form of that part */
    uint16_t rank;       /* order of preference among the strings of a native rule */
    uint8_t needs;       /* enum edge_need */
    bool spaces : 1;     /* has LITERAL_SPACES */
    bool as_is : 1;      /* to be compared with the original, not with the folded text */
    bool native : 1;
};

struct literal_index {
    const struct wide *wide; /* NULL: portable */
    struct gram_index grams;
    struct indexed_literal *literals;
    char *bytes;
    struct gram *pending; /* while it is built */
    size_t count, capacity, bytes_len, bytes_capacity;
};

/* Adds the clause of a rule. WD_ERR_INVALID: a native string whose edges cannot be judged by the tables; the caller
 * then adds the clause again as not native. */
enum wd_status literal_index_add(struct literal_index *index, const struct frequency *frequency, uint32_t rule,
                                 const struct literal_set *clause, bool native, bool trust_tables) WD_MUST_USE;
enum wd_status literal_index_finish(struct literal_index *index) WD_MUST_USE;
void literal_index_fini(struct literal_index *index);
size_t literal_index_bytes(const struct literal_index *index);

/* False: the literal is not there, with its gram at `at` of the folded text. Quick, and enough for most. */
static inline bool literal_index_may_be(const struct literal_index *index, const struct indexed_literal *literal,
                                        const struct folded_text *text, size_t at)
{
    if (literal->spaces || literal->as_is)
        return true;
    return at >= literal->gram && literal->len <= text->len - (at - literal->gram) &&
           memcmp(text->bytes + at - literal->gram, index->bytes + literal->bytes, literal->len) == 0;
}

/* Is the literal there, with its gram at `at` of the folded text? Then *start_out and *end_out are bytes of the
 * original. */
bool literal_index_verify(const struct literal_index *index, const struct indexed_literal *literal,
                          const struct folded_text *text, size_t at, uint32_t *start_out, uint32_t *end_out);

#endif
