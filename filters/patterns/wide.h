/* The steps of a scan that look at every byte of a text, 64 bytes at a time, for processors with AVX-512 (with VBMI2
 * and GFNI). Always holds: they find what the portable steps beside their callers find; only a filter may find more.
 * Nothing here may be called where wide_available() is false. Neighbours: text.c, grams.c, skeleton_scan.c,
 * gates_scan.c. */
#ifndef FILTERS_PATTERNS_WIDE_H
#define FILTERS_PATTERNS_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIDE_BYTES = 64 };

bool wide_available(void);

/* Which places of a text may begin one of some hundred short strings: a Bloom filter whose tables fit in registers. */
struct wide_filter;
/* `grams` are `count` strings of `width` bytes (2 to 4), little end first, sorted so that equal ones are neighbours.
 * NULL: there are too many for it to tell anything, or no memory; then do without. */
struct wide_filter *wide_filter_new(const uint32_t *grams, size_t count, uint32_t width);
void wide_filter_free(struct wide_filter *filter);
/* Writes positions in order, room for `len` of them; `text` has WIDE_BYTES readable bytes behind it. */
size_t wide_filter_probe(const struct wide_filter *filter, const unsigned char *text, size_t len,
                         uint32_t *positions_out);

/* Copies bytes, capitals made small, up to the first byte past ASCII; returns how many. `to` has WIDE_BYTES to spare.
 */
size_t wide_fold_ascii(const unsigned char *from, size_t len, unsigned char *to);

/* Writes letter[byte] for each byte but where it is 0 or the same as the one before; returns how many. `text` has
 * WIDE_BYTES readable bytes behind it, `out` as many to spare. *marked_out: some byte is marked. */
size_t wide_skeleton(const unsigned char letter[256], const bool marks[256], const unsigned char *text, size_t len,
                     unsigned char *out, bool *marked_out);

/* have_out[n]: the bits that are set in the table's entries of 2^n bytes in a row, for n < levels, as long as any bit
 * of wanted[n] is among them. `work` has room for len + 2 * WIDE_BYTES. */
void wide_runs(const unsigned char table[256], const unsigned char *text, size_t len, unsigned char *work,
               size_t levels, const unsigned char *wanted, unsigned char *have_out);

/* Whether 7 bytes in a row may equal those `period` bytes further on. `text` has WIDE_BYTES readable bytes behind it.
 */
bool wide_may_repeat(const unsigned char *text, size_t len, size_t period);

#endif
