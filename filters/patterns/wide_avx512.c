/* wide.h with AVX-512 (VBMI2 and GFNI, too): 64 bytes at a time. */
#include "filters/patterns/wide_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,gfni,bmi,bmi2,popcnt")))

enum { LOOKUPS_MAX = 12, SMALL_LOOKUPS_MAX = 6 };

/* Each of 8 buckets has a share of the grams and a bit in every table. A table is looked up with a hash of its own; a
 * place may begin a gram of a bucket if the bucket's bit is set in all of them. Hashes are linear over bits: two
 * values of 8 bits are made of the gram, and each hash is a mix of these. */
struct filter {
    unsigned char tables[LOOKUPS_MAX][256];
    uint64_t spread[2][WIDE_GRAM_BYTES];
    uint64_t mix[LOOKUPS_MAX][2];
    uint32_t width, lookups;
    bool small; /* 128 entries of each table are used */
};

WIDE static inline __m512i load(const void *at)
{
    return _mm512_loadu_si512(at);
}

WIDE static inline __m512i multiplied(__m512i v, uint64_t matrix)
{
    return _mm512_gf2p8affine_epi64_epi8(v, _mm512_set1_epi64((long long)matrix), 0);
}

WIDE static inline __m512i look_up_128(const unsigned char *table, __m512i index)
{
    return _mm512_permutex2var_epi8(load(table), index, load(table + 64));
}

WIDE static inline __m512i look_up_256(const unsigned char *table, __m512i index)
{
    __m512i low = look_up_128(table, index), high = look_up_128(table + 128, index);
    return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(index), high);
}

WIDE static inline __m512i spread(const struct filter *filter, const unsigned char *text, uint32_t which)
{
    const uint64_t *matrices = filter->spread[which];
    __m512i sum = _mm512_xor_si512(multiplied(load(text), matrices[0]), multiplied(load(text + 1), matrices[1]));
    if (filter->width > 2)
        sum = _mm512_xor_si512(sum, multiplied(load(text + 2), matrices[2]));
    if (filter->width > 3)
        sum = _mm512_xor_si512(sum, multiplied(load(text + 3), matrices[3]));
    return sum;
}

WIDE static inline __m512i hash_of(const struct filter *filter, __m512i a, __m512i b, uint32_t which)
{
    return _mm512_xor_si512(multiplied(a, filter->mix[which][0]), multiplied(b, filter->mix[which][1]));
}

WIDE static inline __m512i buckets_at(const struct filter *filter, const unsigned char *text)
{
    __m512i a = spread(filter, text, 0), b = spread(filter, text, 1), all = _mm512_set1_epi8(-1);
    if (filter->small)
        for (uint32_t k = 0; k < filter->lookups; k++)
            all = _mm512_and_si512(all, look_up_128(filter->tables[k], hash_of(filter, a, b, k)));
    else
        for (uint32_t k = 0; k < filter->lookups; k++)
            all = _mm512_and_si512(all, look_up_256(filter->tables[k], hash_of(filter, a, b, k)));
    return all;
}

WIDE static size_t filter_probe(const void *memory, const unsigned char *text, size_t len, uint32_t *positions_out)
{
    const struct filter *filter = memory;
    size_t found = 0, end = len >= filter->width ? len - filter->width + 1 : 0;
    for (size_t i = 0; i < end; i += WIDE_BYTES) {
        __m512i buckets = buckets_at(filter, text + i);
        uint64_t hits = _mm512_test_epi8_mask(buckets, buckets) & wide_first_bits(end - i);
        for (; hits; hits &= hits - 1)
            positions_out[found++] = (uint32_t)i + (uint32_t)__builtin_ctzll(hits);
    }
    return found;
}

static bool choose_size(struct filter *filter, size_t grams)
{
    static const double enough = 0.003;
    double share = (double)grams / WIDE_BUCKETS;
    for (int small = 1; small >= 0; small--) {
        double entries = small ? 128 : 256, density = 1 - exp(-share / entries);
        uint32_t most = small ? SMALL_LOOKUPS_MAX : LOOKUPS_MAX;
        for (uint32_t k = 2; k <= most; k++) {
            filter->lookups = k;
            filter->small = small;
            if (wide_passing(density, k) <= enough)
                return true;
        }
    }
    return false;
}

/* The hashes of a gram are made by what makes those of a text. */
WIDE static void add_gram(struct filter *filter, uint32_t gram, unsigned char bucket)
{
    unsigned char bytes[WIDE_BYTES + WIDE_GRAM_BYTES] = {0};
    for (uint32_t k = 0; k < WIDE_GRAM_BYTES; k++)
        bytes[k] = (unsigned char)(gram >> 8 * k);
    __m512i a = spread(filter, bytes, 0), b = spread(filter, bytes, 1);
    for (uint32_t k = 0; k < filter->lookups; k++) {
        unsigned hash = (unsigned)_mm_cvtsi128_si32(_mm512_castsi512_si128(hash_of(filter, a, b, k)));
        filter->tables[k][hash & (filter->small ? 127 : 255)] |= bucket;
    }
}

static void *filter_new(const uint32_t *grams, size_t count, uint32_t width)
{
    size_t different = wide_count_different(grams, count), seen = 0;
    struct filter sized = {.width = width};
    if (!choose_size(&sized, different))
        return NULL;
    struct filter *filter = aligned_alloc(64, (sizeof *filter + 63) / 64 * 64);
    if (!filter)
        return NULL;
    *filter = sized;
    uint64_t state = 0;
    for (uint32_t k = 0; k < 2 * WIDE_GRAM_BYTES; k++)
        filter->spread[k / WIDE_GRAM_BYTES][k % WIDE_GRAM_BYTES] = wide_next_number(&state);
    for (uint32_t k = 0; k < 2 * LOOKUPS_MAX; k++)
        filter->mix[k / 2][k % 2] = wide_next_number(&state);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || grams[i] != grams[i - 1])
            add_gram(filter, grams[i], (unsigned char)(1u << (seen++ * WIDE_BUCKETS / different)));
    return filter;
}

WIDE static size_t fold_ascii(const unsigned char *from, size_t len, unsigned char *to)
{
    for (size_t i = 0; i < len; i += WIDE_BYTES) {
        __m512i v = _mm512_maskz_loadu_epi8(wide_first_bits(len - i), from + i);
        __mmask64 capital = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8('A')), _mm512_set1_epi8(26));
        _mm512_storeu_si512(to + i, _mm512_mask_add_epi8(v, capital, v, _mm512_set1_epi8('a' - 'A')));
        uint64_t past_ascii = _mm512_movepi8_mask(v);
        if (past_ascii)
            return i + (size_t)__builtin_ctzll(past_ascii);
    }
    return len;
}

WIDE static size_t skeleton(const unsigned char entries[128], unsigned char other, const unsigned char *text,
                            size_t len, unsigned char *out, bool *marked_out)
{
    /* Moves each byte one place up; into the first comes the last of what was before. */
    unsigned char places[WIDE_BYTES];
    for (unsigned i = 0; i < WIDE_BYTES; i++)
        places[i] = (unsigned char)(i == 0 ? 127 : i - 1);
    const __m512i one_up = load(places);
    __m512i before = _mm512_setzero_si512();
    uint64_t marked = 0;
    size_t made = 0;
    for (size_t i = 0; i < len; i += WIDE_BYTES) {
        uint64_t inside = wide_first_bits(len - i);
        __m512i bytes = load(text + i), letters = look_up_128(entries, bytes);
        uint64_t past_ascii = _mm512_movepi8_mask(bytes);
        marked |= _mm512_movepi8_mask(letters) & ~past_ascii & inside;
        letters = _mm512_and_si512(letters, _mm512_set1_epi8(0x7F));
        letters = _mm512_mask_mov_epi8(letters, past_ascii, _mm512_set1_epi8((char)other));
        uint64_t kept = _mm512_test_epi8_mask(letters, letters) & inside;
        if (!kept)
            continue;
        unsigned count = (unsigned)__builtin_popcountll(kept);
        letters = _mm512_maskz_compress_epi8(kept, letters);
        __m512i previous = _mm512_permutex2var_epi8(letters, one_up, before);
        uint64_t changes = _mm512_cmpneq_epi8_mask(letters, previous) & wide_first_bits(count);
        _mm512_storeu_si512(out + made, _mm512_maskz_compress_epi8(changes, letters));
        made += (size_t)__builtin_popcountll(changes);
        before = _mm512_permutexvar_epi8(_mm512_set1_epi8((char)(count - 1)), letters);
    }
    *marked_out = marked != 0;
    return made;
}

WIDE static unsigned char any_of(__m512i v)
{
    uint64_t x = (uint64_t)_mm512_reduce_or_epi64(v);
    x |= x >> 32;
    x |= x >> 16;
    return (unsigned char)(x | x >> 8);
}

WIDE static void runs_of_long(const unsigned char table[256], const unsigned char *text, size_t len,
                              unsigned char *work, size_t levels, const unsigned char *wanted, unsigned char *have_out)
{
    __m512i all = _mm512_setzero_si512();
    for (size_t i = 0; i < len; i += WIDE_BYTES) {
        uint64_t inside = wide_first_bits(len - i);
        __m512i bytes = _mm512_maskz_loadu_epi8(inside, text + i);
        __m512i bits = _mm512_maskz_mov_epi8(inside, look_up_256(table, bytes));
        _mm512_storeu_si512(work + i, bits);
        all = _mm512_or_si512(all, bits);
    }
    _mm512_storeu_si512(work + (len + WIDE_BYTES - 1) / WIDE_BYTES * WIDE_BYTES, _mm512_setzero_si512());
    memset(have_out, 0, levels);
    for (size_t level = 0; level < levels; level++) {
        have_out[level] = any_of(all);
        if (!(have_out[level] & wanted[level]))
            return;
        all = _mm512_setzero_si512();
        size_t stride = (size_t)1 << level;
        for (size_t i = 0; i < len && level + 1 < levels; i += WIDE_BYTES) {
            __m512i both = _mm512_and_si512(load(work + i), load(work + i + stride));
            _mm512_storeu_si512(work + i, both);
            all = _mm512_or_si512(all, both);
        }
    }
}

/* Numbers in order: from an offset on they say to take the bytes from there on. */
static const unsigned char places[WIDE_BYTES + 2] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                                                     17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
                                                     34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50,
                                                     51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65};

/* The bytes from 2^level on of those in `v` and, behind them, `next`. */
WIDE static inline __attribute__((always_inline)) __m512i from_on(__m512i v, __m512i next, unsigned level)
{
    switch (level) {
    case 2:
        return _mm512_alignr_epi32(next, v, 1);
    case 3:
        return _mm512_alignr_epi32(next, v, 2);
    case 4:
        return _mm512_alignr_epi32(next, v, 4);
    default:
        return _mm512_permutex2var_epi8(v, load(places + ((size_t)1 << level)), next);
    }
}

/* Two vectors of which each place tells what holds for so many bytes from there on as the level says. */
struct two_vectors {
    __m512i low, high;
};

/* Moves them to the next level; returns what holds anywhere. */
WIDE static inline __attribute__((always_inline)) __m512i next_level(struct two_vectors *v, unsigned level)
{
    v->low = _mm512_and_si512(v->low, from_on(v->low, v->high, level));
    v->high = _mm512_and_si512(v->high, from_on(v->high, _mm512_setzero_si512(), level));
    return _mm512_or_si512(v->low, v->high);
}

WIDE static inline __m512i halves(__m512i a, __m512i b)
{
    return _mm512_or_si512(_mm512_shuffle_i64x2(a, b, 0x44), _mm512_shuffle_i64x2(a, b, 0xEE));
}

WIDE static inline __m512i quarters(__m512i a, __m512i b)
{
    return _mm512_or_si512(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xDD));
}

/* Byte n is all bytes of all[n] in one, for n < 6. */
WIDE static inline uint64_t each_in_one(const __m512i all[WIDE_LEVELS_MAX])
{
    __m512i even = quarters(halves(all[0], all[2]), halves(all[4], all[4]));
    __m512i odd = quarters(halves(all[1], all[3]), halves(all[5], all[5]));
    __m512i x = _mm512_or_si512(_mm512_unpacklo_epi64(even, odd), _mm512_unpackhi_epi64(even, odd));
    x = _mm512_or_si512(x, _mm512_srli_epi64(x, 32));
    x = _mm512_or_si512(x, _mm512_srli_epi64(x, 16));
    x = _mm512_or_si512(x, _mm512_srli_epi64(x, 8));
    return (uint64_t)_mm_cvtsi128_si64(_mm512_cvtepi64_epi8(x));
}

/* A text of at most two vectors, without stores and branches between the levels. */
WIDE static void runs_of_short(const unsigned char table[256], const unsigned char *text, size_t len, size_t levels,
                               unsigned char *have_out)
{
    uint64_t first = wide_first_bits(len), rest = len > WIDE_BYTES ? wide_first_bits(len - WIDE_BYTES) : 0;
    struct two_vectors v = {.high = _mm512_setzero_si512()};
    v.low = _mm512_maskz_mov_epi8(first, look_up_256(table, _mm512_maskz_loadu_epi8(first, text)));
    if (rest)
        v.high = _mm512_maskz_mov_epi8(rest, look_up_256(table, _mm512_maskz_loadu_epi8(rest, text + WIDE_BYTES)));
    __m512i all[WIDE_LEVELS_MAX] = {_mm512_or_si512(v.low, v.high)};
    all[1] = next_level(&v, 0);
    all[2] = next_level(&v, 1);
    all[3] = next_level(&v, 2);
    all[4] = next_level(&v, 3);
    all[5] = next_level(&v, 4);
    uint64_t have = each_in_one(all);
    memcpy(have_out, &have, levels); /* x86 is little endian */
}

WIDE static void runs(const unsigned char table[256], const unsigned char *text, size_t len, unsigned char *work,
                      size_t levels, const unsigned char *wanted, unsigned char *have_out)
{
    if (len <= (size_t)2 * WIDE_BYTES)
        runs_of_short(table, text, len, levels, have_out);
    else
        runs_of_long(table, text, len, work, levels, wanted, have_out);
}

/* Of a run at least half is within one vector. */
WIDE static size_t next_by_period(const unsigned char *text, size_t len, size_t from, size_t to, size_t times)
{
    for (size_t period = from; period <= to; period++) {
        size_t run = period * times, last = run >= 7 ? 2 : run >= 5; /* 4, 3, or 2 in a row */
        uint64_t found = 0;
        for (size_t i = 0; i + period < len; i += WIDE_BYTES) {
            uint64_t same = _mm512_cmpeq_epi8_mask(load(text + i), load(text + i + period));
            same &= wide_first_bits(len - period - i);
            same &= same >> 1;
            found |= same & same >> last;
        }
        if (found)
            return period;
    }
    return to + 1;
}

/* Up to 64 periods at once: the shortest run covers a multiple of `step` and the 3 bytes behind it. */
WIDE static size_t next_by_place(const unsigned char *text, size_t len, size_t from, size_t to, size_t step)
{
    uint64_t found = 0;
    for (size_t at = 0; at + from + 4 <= len; at += step) {
        const unsigned char *here = text + at, *there = here + from;
        uint64_t same = _mm512_cmpeq_epi8_mask(_mm512_set1_epi8((char)here[0]), load(there));
        same = _mm512_mask_cmpeq_epi8_mask(same, _mm512_set1_epi8((char)here[1]), load(there + 1));
        same = _mm512_mask_cmpeq_epi8_mask(same, _mm512_set1_epi8((char)here[2]), load(there + 2));
        found |= _mm512_mask_cmpeq_epi8_mask(same, _mm512_set1_epi8((char)here[3]), load(there + 3));
    }
    found &= wide_first_bits(to - from + 1);
    return found ? from + (size_t)__builtin_ctzll(found) : to + 1;
}

WIDE static size_t next_repeat(const unsigned char *text, size_t len, size_t from, size_t to, size_t times)
{
    size_t periods = to - from + 1, step = from * times - 3;
    if (from * times > 3 && periods <= WIDE_BYTES && WIDE_BYTES / step < periods)
        return next_by_place(text, len, from, to, step);
    return next_by_period(text, len, from, to, times);
}

bool wide_has_avx512(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
           __builtin_cpu_supports("gfni") && __builtin_cpu_supports("bmi2");
}

const struct wide wide_avx512 = {.name = "AVX-512",
                                 .filter_new = filter_new,
                                 .filter_probe = filter_probe,
                                 .bitmap_probe = wide_bitmap_probe_avx2,
                                 .fold_ascii = fold_ascii,
                                 .skeleton = skeleton,
                                 .runs = runs,
                                 .next_repeat = next_repeat};

#endif
