/* wide.h with AVX2: 32 bytes at a time. Tables are of 16 entries, one for each value of half a byte. */
#include "filters/patterns/wide_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#include "filters/patterns/grams.h"

#define WIDE __attribute__((target("avx2,bmi,popcnt")))

enum { VECTOR_BYTES = 32, TABLE = 16, BASES = 2, HASHES_MAX = 6 };

WIDE static inline __m256i load(const void *at)
{
    return _mm256_loadu_si256(at);
}

WIDE static inline void store(void *at, __m256i v)
{
    _mm256_storeu_si256(at, v);
}

WIDE static inline __m256i load_table(const unsigned char *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

WIDE static inline uint32_t mask_of(__m256i v)
{
    return (uint32_t)_mm256_movemask_epi8(v);
}

static uint32_t first_bits(size_t count)
{
    return (uint32_t)wide_first_bits(count);
}

/* ---- filter ---- */

/* Each of 8 buckets has a share of the grams and a bit in every table. A table is looked up with half of a hash byte; a
 * place may begin a gram of a bucket if the bucket's bit is set in all of them. Two hash bytes are made of the halves
 * of the gram's bytes, the others of the halves of these two. */
struct filter {
    unsigned char tables[HASHES_MAX][2][TABLE];
    unsigned char spread[BASES][WIDE_GRAM_BYTES][2][TABLE];
    unsigned char mix[HASHES_MAX][BASES][2][TABLE];
    uint32_t width, hashes;
};

struct halves {
    __m256i low, high;
};

WIDE static inline struct halves split(__m256i v)
{
    const __m256i low = _mm256_set1_epi8(0x0F);
    return (struct halves){_mm256_and_si256(v, low), _mm256_and_si256(_mm256_srli_epi16(v, 4), low)};
}

WIDE static inline __m256i hashed(const unsigned char tables[2][TABLE], struct halves v)
{
    return _mm256_xor_si256(_mm256_shuffle_epi8(load_table(tables[0]), v.low),
                            _mm256_shuffle_epi8(load_table(tables[1]), v.high));
}

WIDE static inline __m256i buckets_of(const struct filter *filter, uint32_t which, struct halves hash)
{
    return _mm256_and_si256(_mm256_shuffle_epi8(load_table(filter->tables[which][0]), hash.low),
                            _mm256_shuffle_epi8(load_table(filter->tables[which][1]), hash.high));
}

/* Writes the hash bytes of what begins at each of 32 places. */
WIDE static inline void bases_at(const struct filter *filter, const unsigned char *text, struct halves bases[BASES])
{
    __m256i sums[BASES];
    struct halves bytes = split(load(text));
    for (uint32_t b = 0; b < BASES; b++)
        sums[b] = hashed(filter->spread[b][0], bytes);
    for (uint32_t k = 1; k < filter->width; k++) {
        bytes = split(load(text + k));
        for (uint32_t b = 0; b < BASES; b++)
            sums[b] = _mm256_xor_si256(sums[b], hashed(filter->spread[b][k], bytes));
    }
    for (uint32_t b = 0; b < BASES; b++)
        bases[b] = split(sums[b]);
}

WIDE static inline struct halves hash_of(const struct filter *filter, const struct halves bases[BASES], uint32_t which)
{
    if (which < BASES)
        return bases[which];
    return split(_mm256_xor_si256(hashed(filter->mix[which][0], bases[0]), hashed(filter->mix[which][1], bases[1])));
}

WIDE static inline __m256i buckets_at(const struct filter *filter, const unsigned char *text)
{
    struct halves bases[BASES];
    bases_at(filter, text, bases);
    __m256i all = buckets_of(filter, 0, bases[0]);
    for (uint32_t k = 1; k < filter->hashes; k++)
        all = _mm256_and_si256(all, buckets_of(filter, k, hash_of(filter, bases, k)));
    return all;
}

WIDE static size_t filter_probe(const void *memory, const unsigned char *text, size_t len, uint32_t *positions_out)
{
    const struct filter *filter = memory;
    size_t found = 0, end = len >= filter->width ? len - filter->width + 1 : 0;
    for (size_t i = 0; i < end; i += VECTOR_BYTES) {
        __m256i none = _mm256_cmpeq_epi8(buckets_at(filter, text + i), _mm256_setzero_si256());
        uint32_t hits = ~mask_of(none) & first_bits(end - i);
        for (; hits; hits &= hits - 1)
            positions_out[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(hits);
    }
    return found;
}

static bool choose_size(struct filter *filter, size_t grams)
{
    static const double enough = 0.005;
    double density = 1 - exp(-(double)grams / WIDE_BUCKETS / TABLE);
    for (filter->hashes = 1; filter->hashes <= HASHES_MAX; filter->hashes++)
        if (wide_passing(density, 2 * filter->hashes) <= enough)
            return true;
    return false;
}

/* The hashes of a gram are made by what makes those of a text. */
WIDE static void add_gram(struct filter *filter, uint32_t gram, unsigned char bucket)
{
    unsigned char bytes[VECTOR_BYTES + WIDE_GRAM_BYTES] = {0};
    for (uint32_t k = 0; k < WIDE_GRAM_BYTES; k++)
        bytes[k] = (unsigned char)(gram >> 8 * k);
    struct halves bases[BASES];
    bases_at(filter, bytes, bases);
    for (uint32_t k = 0; k < filter->hashes && k < HASHES_MAX; k++) {
        struct halves hash = hash_of(filter, bases, k);
        filter->tables[k][0][_mm256_extract_epi8(hash.low, 0)] |= bucket;
        filter->tables[k][1][_mm256_extract_epi8(hash.high, 0)] |= bucket;
    }
}

static void fill_with_numbers(unsigned char *bytes, size_t count, uint64_t *state)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)wide_next_number(state);
}

static void *filter_new(const uint32_t *grams, size_t count, uint32_t width)
{
    size_t different = wide_count_different(grams, count), seen = 0;
    struct filter sized = {.width = width};
    if (!choose_size(&sized, different))
        return NULL;
    struct filter *filter = malloc(sizeof *filter);
    if (!filter)
        return NULL;
    *filter = sized;
    uint64_t state = 0;
    fill_with_numbers(&filter->spread[0][0][0][0], sizeof filter->spread, &state);
    fill_with_numbers(&filter->mix[0][0][0][0], sizeof filter->mix, &state);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || grams[i] != grams[i - 1])
            add_gram(filter, grams[i], (unsigned char)(1u << (seen++ * WIDE_BUCKETS / different)));
    return filter;
}

/* ---- bitmap ---- */

/* Eight positions at a time: about twice as fast as one by one. */
WIDE size_t wide_bitmap_probe_avx2(const uint32_t *bitmap, uint32_t bits, uint32_t width, const unsigned char *text,
                                   size_t len, uint32_t *positions_out)
{
    const __m256i places = _mm256_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6, 7, 5, 6, 7, 8, 6,
                                            7, 8, 9, 7, 8, 9, 10);
    const __m256i mask = _mm256_set1_epi32(width == 4 ? -1 : (int)((1u << 8 * width) - 1));
    const __m256i factor = _mm256_set1_epi32((int)GRAM_HASH_FACTOR), low5 = _mm256_set1_epi32(31);
    const __m128i shift = _mm_cvtsi32_si128((int)(32 - bits));
    size_t found = 0, end = len >= width ? len - width + 1 : 0;
    for (size_t i = 0; i < end; i += 8) {
        __m256i bytes = load_table(text + i);
        __m256i grams = _mm256_and_si256(_mm256_shuffle_epi8(bytes, places), mask);
        __m256i slots = _mm256_srl_epi32(_mm256_mullo_epi32(grams, factor), shift);
        __m256i words = _mm256_i32gather_epi32((const int *)bitmap, _mm256_srli_epi32(slots, 5), 4);
        /* The bit wanted becomes the sign. */
        __m256i bit = _mm256_sllv_epi32(words, _mm256_sub_epi32(low5, _mm256_and_si256(slots, low5)));
        unsigned hits = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(bit));
        for (; hits; hits &= hits - 1)
            positions_out[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(hits);
    }
    while (found > 0 && positions_out[found - 1] >= end)
        found--;
    return found;
}

/* ---- every byte through a table ---- */

/* table[byte] for bytes below 128, else 0. */
WIDE static inline __m256i look_up_128(const unsigned char *table, __m256i bytes)
{
    const __m256i out_of_table = _mm256_set1_epi8(0x70);
    __m256i sum = _mm256_setzero_si256();
    for (int k = 0; k < 8; k++) {
        /* Bytes with k as their upper half become 0x70 to 0x7F, all others 0x80 and more, for which a shuffle is 0. */
        __m256i index = _mm256_xor_si256(bytes, _mm256_set1_epi8((char)(k << 4)));
        index = _mm256_adds_epu8(index, out_of_table);
        sum = _mm256_or_si256(sum, _mm256_shuffle_epi8(load_table(table + k * TABLE), index));
    }
    return sum;
}

WIDE static inline __m256i look_up_256(const unsigned char *table, __m256i bytes)
{
    __m256i low = look_up_128(table, bytes);
    if (!mask_of(bytes))
        return low;
    return _mm256_or_si256(low, look_up_128(table + 128, _mm256_xor_si256(bytes, _mm256_set1_epi8((char)0x80))));
}

/* Folds 32 bytes; returns which are past ASCII. */
WIDE static inline uint32_t fold_vector(const unsigned char *from, unsigned char *to)
{
    __m256i v = load(from);
    __m256i capital = _mm256_and_si256(_mm256_cmpgt_epi8(v, _mm256_set1_epi8('A' - 1)),
                                       _mm256_cmpgt_epi8(_mm256_set1_epi8('Z' + 1), v));
    store(to, _mm256_or_si256(v, _mm256_and_si256(capital, _mm256_set1_epi8('a' - 'A'))));
    return mask_of(v);
}

WIDE static size_t fold_ascii(const unsigned char *from, size_t len, unsigned char *to)
{
    if (len < VECTOR_BYTES)
        return 0;
    for (size_t i = 0; i < len; i += VECTOR_BYTES) {
        size_t at = len - i < VECTOR_BYTES ? len - VECTOR_BYTES : i; /* the last ones, some of them again */
        uint32_t past_ascii = fold_vector(from + at, to + at);
        if (past_ascii)
            return at + (size_t)__builtin_ctz(past_ascii);
    }
    return len;
}

/* By mask: the places of its bits, one behind the other. */
#define PLACE(m, b) ((uint64_t)((m) >> (b)&1) * (b) << 8 * __builtin_popcount((m) & ((1 << (b)) - 1)))
#define PLACES(m)                                                                                                      \
    PLACE(m, 0) | PLACE(m, 1) | PLACE(m, 2) | PLACE(m, 3) | PLACE(m, 4) | PLACE(m, 5) | PLACE(m, 6) | PLACE(m, 7)
#define PLACES4(m) PLACES(m), PLACES((m) + 1), PLACES((m) + 2), PLACES((m) + 3)
#define PLACES16(m) PLACES4(m), PLACES4((m) + 4), PLACES4((m) + 8), PLACES4((m) + 12)
#define PLACES64(m) PLACES16(m), PLACES16((m) + 16), PLACES16((m) + 32), PLACES16((m) + 48)
static const uint64_t places[256] = {PLACES64(0), PLACES64(64), PLACES64(128), PLACES64(192)};

WIDE static inline __m128i packed(__m128i bytes, unsigned mask)
{
    return _mm_shuffle_epi8(bytes, _mm_cvtsi64_si128((long long)places[mask]));
}

/* Writes those of 8 letters that are kept and not the same as the one before; *last is that one, in its first byte. Up
 * to 8 bytes behind `out` are written over. */
WIDE static inline size_t put_8(__m128i letters, unsigned kept, __m128i *last, unsigned char *out)
{
    const __m128i only_first = _mm_setr_epi8(0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    int count = __builtin_popcount(kept);
    letters = packed(letters, kept);
    __m128i before = _mm_or_si128(_mm_slli_si128(letters, 1), *last);
    unsigned changes = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(letters, before)) & ((1u << count) - 1);
    _mm_storel_epi64((__m128i *)out, packed(letters, changes));
    *last = _mm_shuffle_epi8(before, _mm_or_si128(_mm_cvtsi32_si128(count), only_first));
    return (size_t)__builtin_popcount(changes);
}

WIDE static inline size_t put_32(__m256i letters, uint32_t kept, __m128i *last, unsigned char *out)
{
    __m128i low = _mm256_castsi256_si128(letters), high = _mm256_extracti128_si256(letters, 1);
    size_t made = put_8(low, kept & 0xFF, last, out);
    made += put_8(_mm_srli_si128(low, 8), kept >> 8 & 0xFF, last, out + made);
    made += put_8(high, kept >> 16 & 0xFF, last, out + made);
    return made + put_8(_mm_srli_si128(high, 8), kept >> 24, last, out + made);
}

WIDE static size_t skeleton(const unsigned char entries[128], unsigned char other, const unsigned char *text,
                            size_t len, unsigned char *out, bool *marked_out)
{
    const __m256i others = _mm256_set1_epi8((char)other), zero = _mm256_setzero_si256();
    __m128i last = _mm_setzero_si128();
    uint32_t marked = 0;
    size_t made = 0;
    for (size_t i = 0; i < len; i += VECTOR_BYTES) {
        uint32_t inside = first_bits(len - i);
        __m256i bytes = load(text + i), letters = look_up_128(entries, bytes);
        marked |= mask_of(letters) & inside;
        letters = _mm256_and_si256(letters, _mm256_set1_epi8(0x7F));
        letters = _mm256_or_si256(letters, _mm256_and_si256(_mm256_cmpgt_epi8(zero, bytes), others));
        made += put_32(letters, ~mask_of(_mm256_cmpeq_epi8(letters, zero)) & inside, &last, out + made);
    }
    *marked_out = marked != 0;
    return made;
}

WIDE static unsigned char any_of(__m256i v)
{
    __m128i half = _mm_or_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    uint64_t x = (uint64_t)_mm_cvtsi128_si64(half) | (uint64_t)_mm_extract_epi64(half, 1);
    x |= x >> 32;
    x |= x >> 16;
    return (unsigned char)(x | x >> 8);
}

/* The table's entries of the bytes; zeros follow the last. */
WIDE static unsigned char read_entries(const unsigned char table[256], const unsigned char *text, size_t len,
                                       unsigned char *work)
{
    __m256i all = _mm256_setzero_si256();
    unsigned char rest = 0;
    for (size_t i = 0; i < len && len >= VECTOR_BYTES; i += VECTOR_BYTES) {
        size_t at = len - i < VECTOR_BYTES ? len - VECTOR_BYTES : i; /* the last ones, some of them again */
        __m256i bits = look_up_256(table, load(text + at));
        store(work + at, bits);
        all = _mm256_or_si256(all, bits);
    }
    for (size_t i = 0; i < len && len < VECTOR_BYTES; i++)
        rest |= work[i] = table[text[i]];
    memset(work + len, 0, WIDE_BYTES);
    return any_of(all) | rest;
}

WIDE static void runs(const unsigned char table[256], const unsigned char *text, size_t len, unsigned char *work,
                      size_t levels, const unsigned char *wanted, unsigned char *have_out)
{
    memset(have_out, 0, levels);
    have_out[0] = read_entries(table, text, len, work);
    for (size_t level = 0; level + 1 < levels && (have_out[level] & wanted[level]); level++) {
        __m256i all = _mm256_setzero_si256();
        size_t stride = (size_t)1 << level;
        for (size_t i = 0; i < len; i += VECTOR_BYTES) {
            __m256i both = _mm256_and_si256(load(work + i), load(work + i + stride));
            store(work + i, both);
            all = _mm256_or_si256(all, both);
        }
        have_out[level + 1] = any_of(all);
    }
}

/* Of a run at least half is within one vector. */
WIDE static size_t next_by_period(const unsigned char *text, size_t len, size_t from, size_t to, size_t times)
{
    for (size_t period = from; period <= to; period++) {
        size_t run = period * times, last = run >= 7 ? 2 : run >= 5; /* 4, 3, or 2 in a row */
        uint32_t found = 0;
        for (size_t i = 0; i + period < len; i += VECTOR_BYTES) {
            uint32_t same = mask_of(_mm256_cmpeq_epi8(load(text + i), load(text + i + period)));
            same &= first_bits(len - period - i);
            same &= same >> 1;
            found |= same & same >> last;
        }
        if (found)
            return period;
    }
    return to + 1;
}

WIDE static inline __m256i equals(const unsigned char *here, const unsigned char *there)
{
    return _mm256_cmpeq_epi8(_mm256_set1_epi8((char)*here), load(there));
}

/* Up to 32 periods at once: the shortest run covers a multiple of `step` and the 3 bytes behind it. */
WIDE static size_t next_by_place(const unsigned char *text, size_t len, size_t from, size_t to, size_t step)
{
    __m256i found = _mm256_setzero_si256();
    for (size_t at = 0; at + from + 4 <= len; at += step) {
        const unsigned char *here = text + at, *there = here + from;
        __m256i first = _mm256_and_si256(equals(here, there), equals(here + 1, there + 1));
        __m256i last = _mm256_and_si256(equals(here + 2, there + 2), equals(here + 3, there + 3));
        found = _mm256_or_si256(found, _mm256_and_si256(first, last));
    }
    uint32_t periods = mask_of(found) & first_bits(to - from + 1);
    return periods ? from + (size_t)__builtin_ctz(periods) : to + 1;
}

WIDE static size_t next_repeat(const unsigned char *text, size_t len, size_t from, size_t to, size_t times)
{
    size_t periods = to - from + 1, step = from * times - 3;
    if (from * times > 3 && periods <= VECTOR_BYTES && VECTOR_BYTES / step < periods)
        return next_by_place(text, len, from, to, step);
    return next_by_period(text, len, from, to, times);
}

bool wide_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
}

const struct wide wide_avx2 = {.name = "AVX2",
                               .filter_new = filter_new,
                               .filter_probe = filter_probe,
                               .bitmap_probe = wide_bitmap_probe_avx2,
                               .fold_ascii = fold_ascii,
                               .skeleton = skeleton,
                               .runs = runs,
                               .next_repeat = next_repeat};

#endif
