/* Conditions that a text must meet for a pattern without a good literal: characters of a class, runs of them, a piece
 * that is repeated. Always holds: a text that fails a pattern's gate does not match it. */
#ifndef FILTERS_PATTERNS_GATES_H
#define FILTERS_PATTERNS_GATES_H

#include "filters/patterns/syntax.h"
#include "filters/patterns/text.h"
#include "filters/patterns/watch.h"

enum { GATE_FEATURES = 32, GATE_LEVELS = 6 }; /* runs of at least 1, 2, 4, 8, 16, 32 */
enum { GATE_NONE = INT32_MAX };
enum { GATE_BLOCKS_END = 0x20000 }; /* characters from here on may have every feature */

/* A piece of `min` to `max` bytes that comes `times` + 1 times in a row. */
struct gate_repeat {
    uint32_t min, max_characters, times;
};

/* So many times in a row a character of one class followed by one of another, as in (?:[a-z]\s){6,}. */
struct gate_pairs {
    uint32_t first, second; /* a feature each */
    uint32_t times;
};

struct gate {
    uint32_t need[GATE_LEVELS]; /* features, by length of run */
    struct gate_repeat repeat;  /* times 0: none */
    struct gate_pairs pairs;    /* times 0: none */
    uint32_t equal_words;       /* so many equal words in a row; 0: none */
    bool asks_for_features;     /* `need` is not all 0 */
    uint8_t hardest;            /* the longest run that is asked for */
};

struct wide;

struct gate_index {
    const struct wide *wide; /* NULL: portable */
    /* For wide.h, of 8 features each: those of a byte. One past ASCII has what its character may have. */
    unsigned char tables[GATE_FEATURES / 8][256];
    unsigned char wanted[GATE_FEATURES / 8][GATE_LEVELS]; /* those asked for at any level above */
    uint32_t ascii[128];                                  /* features of a character */
    uint32_t leads[256]; /* features that some character has whose UTF-8 begins with the byte */
    uint32_t *blocks;    /* features that some character of a block has, by code point / UNICODE_BLOCK */
    uint32_t kinds[8];   /* features that some character past ASCII with these three lowest unicode flags has */
    struct gate *gates;
    uint32_t used[GATE_LEVELS];       /* features that some gate asks for, by level */
    uint32_t used_later[GATE_LEVELS]; /* and at any level above */
    size_t feature_count, gate_count, gate_capacity;
    struct gate_builder *builder; /* while it is built */
};

/* Reads the gate of a pattern; *gate_out is its number, or GATE_NONE where nothing is known or no feature is free. */
enum wd_status gate_add(struct gate_index *index, const struct syntax_tree *tree, uint32_t *gate_out) WD_MUST_USE;
void gate_finish(struct gate_index *index);
/* Whether the gate asks for a run (and not only for single characters). */
bool gate_asks_for_run(const struct gate *gate);
void gate_index_fini(struct gate_index *index);
size_t gate_index_bytes(const struct gate_index *index);

struct gate_scratch {
    uint32_t *features; /* by character */
    size_t capacity;
    uint32_t have[GATE_LEVELS]; /* features that the text has in runs; before it is `exact`, those that it may have */
    bool exact;
};
void gate_scratch_fini(struct gate_scratch *scratch);
/* Learns what the text may have, after gate_reserve; then gate_passes says whether a gate lets it through, looking
 * closer where it must; true also where the watch was late before it could tell. */
void gate_read_text(const struct gate_index *index, const struct folded_text *text, struct gate_scratch *scratch,
                    struct watch *watch);
enum wd_status gate_reserve(struct gate_scratch *scratch, size_t text_len) WD_MUST_USE;
/* False: it does not let the text through. Quick, and right for most. */
static inline bool gate_may_pass(const struct gate_index *index, uint32_t gate, const struct gate_scratch *scratch)
{
    const struct gate *asked = &index->gates[gate];
    return !(asked->need[asked->hardest] & ~scratch->have[asked->hardest]);
}
bool gate_passes(const struct gate_index *index, uint32_t gate, const struct folded_text *text,
                 struct gate_scratch *scratch, struct watch *watch);

#endif
