/* The steps of a scan that look at every byte of a text, many bytes at a time, for processors that can. Always holds:
 * they find what the portable steps beside their callers find; only a filter may find more. Neighbours: wide_avx512.c
 * and wide_avx2.c have the steps; text.c, grams.c, skeleton_scan.c, gates_scan.c use them. */
#ifndef FILTERS_PATTERNS_WIDE_H
#define FILTERS_PATTERNS_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/patterns/patterns.h"

enum { WIDE_BYTES = 64, WIDE_LEVELS_MAX = 6 };

struct wide {
    const char *name;

    /* A filter tells which places of a text may begin one of some hundred short strings: a Bloom filter whose tables
     * fit in registers. `grams` are `count` strings of `width` bytes (2 to 4), little end first, sorted so that equal
     * ones are neighbours. NULL: there are too many for it to tell anything, or no memory; then do without. */
    void *(*filter_new)(const uint32_t *grams, size_t count, uint32_t width);
    /* Writes positions in order, room for `len` + WIDE_BYTES of them; `text` has WIDE_BYTES readable bytes behind it.
     */
    size_t (*filter_probe)(const void *filter, const unsigned char *text, size_t len, uint32_t *positions_out);
    /* The same with a bitmap of 2^bits bits over gram_hash: exactly the places whose bit is set. */
    size_t (*bitmap_probe)(const uint32_t *bitmap, uint32_t bits, uint32_t width, const unsigned char *text, size_t len,
                           uint32_t *positions_out);

    /* Copies bytes, capitals made small, at most up to the first byte past ASCII; returns how many, which can be less
     * than there are. `to` has WIDE_BYTES to spare. */
    size_t (*fold_ascii)(const unsigned char *from, size_t len, unsigned char *to);

    /* Writes the letter of each byte but where it is 0 or the same as the one before; returns how many. It is the low 7
     * bits of its entry, and `other` for all bytes past ASCII; entries with the high bit are marked. `text` has
     * WIDE_BYTES readable bytes behind it, `out` as many to spare. *marked_out: some byte is marked. */
    size_t (*skeleton)(const unsigned char entries[128], unsigned char other, const unsigned char *text, size_t len,
                       unsigned char *out, bool *marked_out);

    /* have_out[n]: the bits that are set in the table's entries of 2^n bytes in a row, for n < levels, up to the first
     * n for which no bit of wanted[n] is among them; behind it 0 or the same. `work` has room for len + 2 * WIDE_BYTES,
     * `levels` is at most WIDE_LEVELS_MAX. */
    void (*runs)(const unsigned char table[256], const unsigned char *text, size_t len, unsigned char *work,
                 size_t levels, const unsigned char *wanted, unsigned char *have_out);

    /* The first period from `from` to `to`, of which `times` as many bytes in a row may equal those one period further
     * on; to + 1: none. `text` has WIDE_BYTES readable bytes behind it. */
    size_t (*next_repeat)(const unsigned char *text, size_t len, size_t from, size_t to, size_t times);
};

/* The steps for this processor, at most those of `most`; NULL: only the portable ones. */
const struct wide *wide_of(enum wd_vectors most);

/* From now on wide_of gives at most those of `most`, whoever asks: for tests and measurements of what other processors
 * get. Not while another thread makes a set. */
void wide_limit(enum wd_vectors most);

#endif
