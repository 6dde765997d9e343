/* See grams.h. The probe has no branch that depends on the text, so it runs at about a byte a cycle. */
#include "filters/patterns/grams.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "filters/patterns/wide.h"

enum { BITS_MIN = 12, BITS_MAX = 21, BITS_A_GRAM = 32, SINGLES_MAX = 4 };

static int compare_grams(const void *a, const void *b)
{
    const struct gram *left = a, *right = b;
    if (left->width != right->width)
        return left->width < right->width ? -1 : 1;
    uint32_t left_hash = gram_hash(left->bytes, 31), right_hash = gram_hash(right->bytes, 31);
    if (left_hash != right_hash)
        return left_hash < right_hash ? -1 : 1;
    if (left->bytes != right->bytes)
        return left->bytes < right->bytes ? -1 : 1;
    return left->id < right->id ? -1 : left->id > right->id;
}

static uint32_t bits_for(size_t count, uint32_t a_gram)
{
    uint32_t bits = BITS_MIN;
    while (bits < BITS_MAX && (size_t)1 << bits < count * a_gram)
        bits++;
    return bits;
}

static enum wd_status table_init(struct gram_table *table, const struct gram *grams, size_t count)
{
    table->count = count;
    table->bits = bits_for(count, BITS_A_GRAM);
    table->bucket_bits = bits_for(count, 2);
    if (table->bucket_bits > table->bits)
        table->bucket_bits = table->bits;
    table->bitmap = calloc(((size_t)1 << table->bits) / 32, sizeof *table->bitmap);
    table->starts = calloc(((size_t)1 << table->bucket_bits) + 1, sizeof *table->starts);
    table->grams = malloc(count * sizeof *table->grams);
    if (!table->bitmap || !table->starts || !table->grams)
        return WD_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = gram_hash(grams[i].bytes, table->bits);
        table->bitmap[slot / 32] |= 1u << slot % 32;
        table->grams[i] = (uint64_t)grams[i].id << 32 | grams[i].bytes;
        table->starts[gram_hash(grams[i].bytes, table->bucket_bits) + 1]++;
    }
    for (size_t i = 0; i < (size_t)1 << table->bucket_bits; i++)
        table->starts[i + 1] += table->starts[i];
    return WD_OK;
}

/* A set without a filter is only slower, so a lack of memory is no error here. */
static void add_filter(struct gram_table *table, const struct wide *wide, const struct gram *grams, size_t count)
{
    uint32_t *bytes = malloc(count * sizeof *bytes);
    for (size_t i = 0; bytes && i < count; i++)
        bytes[i] = grams[i].bytes;
    if (bytes)
        table->filter = wide->filter_new(bytes, count, grams->width);
    free(bytes);
}

enum wd_status gram_index_init(struct gram_index *index, struct gram *grams, size_t count, const struct wide *wide)
{
    *index = (struct gram_index){.wide = wide};
    if (count > 1)
        qsort(grams, count, sizeof *grams, compare_grams);
    for (size_t from = 0; from < count;) {
        size_t to = from;
        while (to < count && grams[to].width == grams[from].width)
            to++;
        if (table_init(&index->by_width[grams[from].width], grams + from, to - from) != WD_OK) {
            gram_index_fini(index);
            return WD_ERR_MEMORY;
        }
        if (wide && grams[from].width > 1)
            add_filter(&index->by_width[grams[from].width], wide, grams + from, to - from);
        from = to;
    }
    return WD_OK;
}

void gram_index_fini(struct gram_index *index)
{
    for (size_t w = 1; w <= GRAM_WIDTH_MAX; w++) {
        free(index->by_width[w].bitmap);
        free(index->by_width[w].starts);
        free(index->by_width[w].grams);
        free(index->by_width[w].filter);
    }
    *index = (struct gram_index){0};
}

size_t gram_index_bytes(const struct gram_index *index)
{
    size_t bytes = 0;
    for (size_t w = 1; w <= GRAM_WIDTH_MAX; w++) {
        const struct gram_table *table = &index->by_width[w];
        if (table->count)
            bytes += ((size_t)1 << table->bits) / 8 + ((size_t)1 << table->bucket_bits) * sizeof *table->starts +
                     table->count * sizeof *table->grams;
    }
    return bytes;
}

bool gram_index_is_empty(const struct gram_index *index)
{
    for (size_t w = 1; w <= GRAM_WIDTH_MAX; w++)
        if (index->by_width[w].count)
            return false;
    return true;
}

static inline __attribute__((always_inline)) size_t
probe(const struct gram_table *table, uint32_t width, const unsigned char *text, size_t len, uint32_t *positions_out)
{
    const uint32_t *bitmap = table->bitmap;
    uint32_t bits = table->bits;
    size_t found = 0;
    for (size_t i = 0; i + width <= len; i++) {
        uint32_t slot = gram_hash(gram_load(text + i, width), bits);
        positions_out[found] = (uint32_t)i;
        found += bitmap[slot / 32] >> slot % 32 & 1;
    }
    return found;
}

#if defined(__SSE2__)
static inline __m128i any_equal(const unsigned char *text, const __m128i wanted[SINGLES_MAX])
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)text);
    __m128i first = _mm_or_si128(_mm_cmpeq_epi8(bytes, wanted[0]), _mm_cmpeq_epi8(bytes, wanted[1]));
    __m128i last = _mm_or_si128(_mm_cmpeq_epi8(bytes, wanted[2]), _mm_cmpeq_epi8(bytes, wanted[3]));
    return _mm_or_si128(first, last);
}

/* Single bytes, if they are few; most often there is none in 64. */
static size_t find_singles(const struct gram_table *table, const unsigned char *text, size_t len,
                           uint32_t *positions_out)
{
    __m128i wanted[SINGLES_MAX];
    for (size_t i = 0; i < SINGLES_MAX; i++)
        wanted[i] = _mm_set1_epi8((char)table->grams[i < table->count ? i : 0]);
    size_t found = 0;
    for (size_t i = 0; i < len; i += 64) {
        __m128i equal[4];
        for (size_t k = 0; k < 4; k++)
            equal[k] = any_equal(text + i + 16 * k, wanted);
        if (!_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(equal[0], equal[1]), _mm_or_si128(equal[2], equal[3]))))
            continue;
        uint64_t mask = 0;
        for (size_t k = 0; k < 4; k++)
            mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(equal[k]) << 16 * k;
        if (len - i < 64)
            mask &= ((uint64_t)1 << (len - i)) - 1;
        for (; mask; mask &= mask - 1)
            positions_out[found++] = (uint32_t)(i + (size_t)__builtin_ctzll(mask));
    }
    return found;
}
#else
static size_t find_singles(const struct gram_table *table, const unsigned char *text, size_t len,
                           uint32_t *positions_out)
{
    return probe(table, 1, text, len, positions_out);
}
#endif

static size_t probe_block(const struct gram_index *index, uint32_t width, const unsigned char *text, size_t len,
                          uint32_t *positions_out)
{
    const struct gram_table *table = &index->by_width[width];
    if (table->filter)
        return index->wide->filter_probe(table->filter, text, len, positions_out);
    if (index->wide && width > 1)
        return index->wide->bitmap_probe(table->bitmap, table->bits, width, text, len, positions_out);
    switch (width) {
    case 1:
        return table->count <= SINGLES_MAX ? find_singles(table, text, len, positions_out)
                                           : probe(table, 1, text, len, positions_out);
    case 2:
        return probe(table, 2, text, len, positions_out);
    case 3:
        return probe(table, 3, text, len, positions_out);
    default:
        return probe(table, 4, text, len, positions_out);
    }
}

size_t gram_index_probe(const struct gram_index *index, uint32_t width, struct gram_text text, size_t from,
                        uint32_t *positions_out)
{
    size_t most = GRAM_BLOCK + width - 1, rest = text.len - from;
    size_t count = probe_block(index, width, text.bytes + from, rest < most ? rest : most, positions_out);
    for (size_t i = 0; i < count && from > 0; i++)
        positions_out[i] += (uint32_t)from;
    return count;
}
