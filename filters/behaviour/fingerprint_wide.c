/* See fingerprint_wide.h. The nearest by exclusive or is the least of what the exclusive or gives, and the least of
 * many is found for all lanes at once: with AVX2 a lane is a point, with AVX-512 a lane is a hash. */
#include "filters/behaviour/fingerprint_wide.h"

static enum fingerprint_vectors limit = FINGERPRINT_BEST;

void fingerprint_limit(enum fingerprint_vectors most)
{
    limit = most;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,popcnt")))

enum { BLOCK = 16 /* hashes */, LANES = 64 /* bytes */ };

AVX2 static void nearest_avx2(const uint32_t points[FINGERPRINT_PARTS], const uint16_t *letters, size_t count,
                              uint32_t hashes_out[FINGERPRINT_PARTS])
{
    const __m256i all_points = _mm256_loadu_si256((const __m256i *)points);
    __m256i least = _mm256_set1_epi32(-1);
    uint64_t shingle = 0;
    for (size_t i = 0; i < FINGERPRINT_SHINGLE - 1; i++)
        shingle = shingle << 16 | letters[i];
    for (size_t i = FINGERPRINT_SHINGLE - 1; i < count; i++) {
        shingle = shingle << 16 | letters[i];
        __m256i hash = _mm256_set1_epi32((int)fingerprint_hash(shingle));
        least = _mm256_min_epu32(least, _mm256_xor_si256(hash, all_points));
    }
    _mm256_storeu_si256((__m256i *)hashes_out, _mm256_xor_si256(least, all_points));
}

/* fingerprint_hash(), in the upper halves. */
AVX512 static inline __m512i hashes_of(__m512i shingles)
{
    const __m512i first = _mm512_set1_epi64((long long)0xBF58476D1CE4E5B9ULL),
                  second = _mm512_set1_epi64((long long)0x94D049BB133111EBULL);
    shingles = _mm512_mullo_epi64(_mm512_xor_si512(shingles, _mm512_srli_epi64(shingles, 29)), first);
    return _mm512_mullo_epi64(_mm512_xor_si512(shingles, _mm512_srli_epi64(shingles, 32)), second);
}

/* Of the shingles that begin with the first sixteen letters, in no order. */
AVX512 static inline __m512i hash_block(const uint16_t *letters)
{
    /* Letter j + 3 lowest, j highest, for each j. */
    const __m512i low = _mm512_set_epi16(7, 8, 9, 10, 6, 7, 8, 9, 5, 6, 7, 8, 4, 5, 6, 7, 3, 4, 5, 6, 2, 3, 4, 5, 1, 2,
                                         3, 4, 0, 1, 2, 3),
                  high = _mm512_add_epi16(low, _mm512_set1_epi16(8));
    __m512i all = _mm512_loadu_si512(letters);
    __m512i even = hashes_of(_mm512_permutexvar_epi16(low, all)), odd = hashes_of(_mm512_permutexvar_epi16(high, all));
    return _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
}

/* The last block lies over the one before it: the least of many stays the least where some are there twice. */
AVX512 static void nearest_avx512(const uint32_t points[FINGERPRINT_PARTS], const uint16_t *letters, size_t count,
                                  uint32_t hashes_out[FINGERPRINT_PARTS])
{
    size_t shingles = count - (FINGERPRINT_SHINGLE - 1);
    if (shingles < BLOCK) {
        nearest_avx2(points, letters, count, hashes_out);
        return;
    }
    __m512i least[FINGERPRINT_PARTS];
    for (int i = 0; i < FINGERPRINT_PARTS; i++)
        least[i] = _mm512_set1_epi32(-1);
    for (size_t at = 0; at < shingles; at += BLOCK) {
        __m512i hashes = hash_block(letters + (at + BLOCK <= shingles ? at : shingles - BLOCK));
        for (int i = 0; i < FINGERPRINT_PARTS; i++)
            least[i] = _mm512_min_epu32(least[i], _mm512_xor_si512(hashes, _mm512_set1_epi32((int)points[i])));
    }
    for (int i = 0; i < FINGERPRINT_PARTS; i++)
        hashes_out[i] = _mm512_reduce_min_epu32(least[i]) ^ points[i];
}

AVX512 static size_t letters_avx512(const uint8_t table[128], const unsigned char *text, size_t len, size_t *at_inout,
                                    uint16_t *to)
{
    const __m512i low = _mm512_loadu_si512(table), high = _mm512_loadu_si512(table + LANES);
    size_t at = *at_inout, left = len - at;
    __mmask64 there = left < LANES ? ((__mmask64)1 << left) - 1 : ~(__mmask64)0;
    __m512i bytes = _mm512_maskz_loadu_epi8(there, text + at);
    uint64_t foreign = _mm512_movepi8_mask(bytes);
    there &= foreign ? (foreign & -foreign) - 1 : ~(__mmask64)0; /* up to the first one */
    *at_inout = at + (size_t)_mm_popcnt_u64(there);
    __m512i letters = _mm512_permutex2var_epi8(low, bytes, high);
    __mmask64 some = _mm512_mask_test_epi8_mask(there, letters, letters);
    letters = _mm512_maskz_compress_epi8(some, letters);
    _mm512_storeu_si512(to, _mm512_cvtepu8_epi16(_mm512_castsi512_si256(letters)));
    _mm512_storeu_si512(to + LANES / 2, _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(letters, 1)));
    return (size_t)_mm_popcnt_u64(some);
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("popcnt");
}

const struct fingerprint_wide *fingerprint_wide(void)
{
    static const struct fingerprint_wide WIDEST = {.letters = letters_avx512, .nearest = nearest_avx512},
                                         NARROWER = {.nearest = nearest_avx2};
    if (limit == FINGERPRINT_BEST && has_avx512())
        return &WIDEST;
    return limit != FINGERPRINT_NONE && __builtin_cpu_supports("avx2") ? &NARROWER : NULL;
}
#else
const struct fingerprint_wide *fingerprint_wide(void)
{
    return NULL;
}
#endif
