/* The index for patterns like `[s$5]+h+[i1!]+t+`, with or without `[\W_]*` between: letters that such classes exchange
 * are made one, runs become one letter, and for patterns with separators everything that could be one is left out. What
 * remains of the text is its skeleton; what remains of a pattern is a literal in it. Always holds: a text in which a
 * pattern matches has the pattern's literal in its skeleton. */
#ifndef FILTERS_PATTERNS_SKELETON_H
#define FILTERS_PATTERNS_SKELETON_H

#include "filters/patterns/grams.h"
#include "filters/patterns/syntax.h"
#include "filters/patterns/text.h"
#include "filters/patterns/watch.h"

enum skeleton_kind { SKELETON_TIGHT, SKELETON_SPACED, SKELETON_KINDS };

struct skeleton_literal {
    uint32_t rule, bytes;
    uint16_t len, gram;
};

struct skeleton_offer;
/* The letter of every byte past ASCII in a TIGHT skeleton. From a SPACED one such bytes are left out: no literal has
 * them, and where some stand for a letter only letters that do not belong together come together. */
enum { SKELETON_OTHER = 0x80 };

struct skeleton_index {
    const struct wide *wide;                    /* NULL: portable */
    unsigned char letter[SKELETON_KINDS][256];  /* what a byte becomes; 0: left out; past ASCII all the same */
    bool doubtful[256];                         /* SPACED: a letter of some pattern that separators match, too */
    unsigned char entries[SKELETON_KINDS][128]; /* for wide.h: letter, and the high bit where it is doubtful */
    struct gram_index grams[SKELETON_KINDS];
    struct skeleton_literal *literals;
    unsigned char *bytes;
    size_t count[SKELETON_KINDS];
    /* While it is built. */
    struct skeleton_offer *offers;
    struct gram *pending[SKELETON_KINDS];
    size_t offer_count, offer_capacity, bytes_len, literal_count;
    unsigned char parent[128];
};

/* Offers a pattern; *taken_out says whether its shape fits. Whether it is used is known after skeleton_finish: it is
 * not if its literal would be worse than `literal_cost`. */
enum wd_status skeleton_offer(struct skeleton_index *index, const struct syntax_tree *tree, uint32_t rule,
                              double literal_cost, bool *taken_out) WD_MUST_USE;
typedef void skeleton_refused(void *context, uint32_t rule);
enum wd_status skeleton_finish(struct skeleton_index *index, skeleton_refused *refused, void *context) WD_MUST_USE;
void skeleton_fini(struct skeleton_index *index);
size_t skeleton_bytes(const struct skeleton_index *index);

struct skeleton_scratch {
    unsigned char *bytes; /* the skeleton, with GRAM_PADDING behind */
    bool *doubtful;
    size_t capacity, len;
};
void skeleton_scratch_fini(struct skeleton_scratch *scratch);

typedef void skeleton_found(void *context, uint32_t rule);
struct skeleton_caller {
    skeleton_found *found;
    void *context;
    struct watch *watch; /* nothing more is looked up once it is late */
};
/* Calls `found` for each rule whose literal is in the text's skeleton, more than once perhaps. `positions` has room for
 * GRAM_POSITIONS_MAX. */
enum wd_status skeleton_scan(const struct skeleton_index *index, const struct folded_text *text,
                             struct skeleton_scratch *scratch, uint32_t *positions,
                             const struct skeleton_caller *caller) WD_MUST_USE;

#endif
