/* What the variants of wide.h share. */
#ifndef FILTERS_PATTERNS_WIDE_INTERNAL_H
#define FILTERS_PATTERNS_WIDE_INTERNAL_H

#include "filters/patterns/wide.h"

enum { WIDE_BUCKETS = 8, WIDE_GRAM_BYTES = 4 };

bool wide_has_avx512(void);
bool wide_has_avx2(void);
extern const struct wide wide_avx512, wide_avx2;

size_t wide_bitmap_probe_avx2(const uint32_t *bitmap, uint32_t bits, uint32_t width, const unsigned char *text,
                              size_t len, uint32_t *positions_out);

static inline uint64_t wide_first_bits(size_t count)
{
    return count >= 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1;
}

/* Any numbers without a pattern do. */
static inline uint64_t wide_next_number(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* The share of other places that pass where a table's entry has a bucket's bit with this chance. */
static inline double wide_passing(double density, uint32_t lookups)
{
    double passes = WIDE_BUCKETS;
    for (uint32_t k = 0; k < lookups; k++)
        passes *= density;
    return passes;
}

static inline size_t wide_count_different(const uint32_t *grams, size_t count)
{
    size_t different = 0;
    for (size_t i = 0; i < count; i++)
        different += i == 0 || grams[i] != grams[i - 1];
    return different;
}

#endif
