/* Finds where any of many short byte strings (1 to 4 bytes) may occur in a text: a bitmap over their hashes, probed at
 * every byte, and a table behind it. Always holds: no occurrence is missed; some that are reported are none. */
#ifndef FILTERS_PATTERNS_GRAMS_H
#define FILTERS_PATTERNS_GRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <warden/status.h>

enum { GRAM_WIDTH_MAX = 4, GRAM_PADDING = 64 };
/* A text is looked at block by block, so that positions stay in the cache and somebody can look at the clock. */
enum { GRAM_BLOCK = 32768, GRAM_POSITIONS_MAX = GRAM_BLOCK + GRAM_WIDTH_MAX + GRAM_PADDING };

struct gram {
    uint32_t bytes; /* little end first; the bytes past `width` are 0 */
    uint32_t width;
    uint32_t id; /* the caller's */
};

struct wide;

struct gram_table {
    void *filter; /* of wide.h; NULL: none, the bitmap is used */
    uint32_t *bitmap;
    uint32_t *starts; /* by bucket: where its grams begin in `grams` */
    uint64_t *grams;  /* id << 32 | bytes */
    size_t count;
    uint32_t bits, bucket_bits;
};

struct gram_index {
    const struct wide *wide;                        /* NULL: portable */
    struct gram_table by_width[GRAM_WIDTH_MAX + 1]; /* 0 is unused */
};

/* Reorders `grams`. `wide` may be NULL. */
enum wd_status gram_index_init(struct gram_index *index, struct gram *grams, size_t count,
                               const struct wide *wide) WD_MUST_USE;
void gram_index_fini(struct gram_index *index);
size_t gram_index_bytes(const struct gram_index *index);
bool gram_index_is_empty(const struct gram_index *index);

struct gram_text {
    const unsigned char *bytes; /* GRAM_PADDING readable bytes are behind them */
    size_t len;
};

/* Writes the positions at which a gram of `width` may begin, those from `from` and before `from` + GRAM_BLOCK, to
 * `positions_out` (room for GRAM_POSITIONS_MAX) and returns how many. In order. */
size_t gram_index_probe(const struct gram_index *index, uint32_t width, struct gram_text text, size_t from,
                        uint32_t *positions_out);

struct gram_range {
    const uint64_t *first, *end;
    uint32_t bytes; /* what the text has there: only grams with these low 32 bits are meant */
};

static inline uint32_t gram_load(const unsigned char *at, uint32_t width)
{
    uint32_t bytes;
    memcpy(&bytes, at, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap32(bytes);
#endif
    return width == 4 ? bytes : bytes & ((1u << 8 * width) - 1);
}

#define GRAM_HASH_FACTOR 0x9E3779B1u

static inline uint32_t gram_hash(uint32_t bytes, uint32_t bits)
{
    return bytes * GRAM_HASH_FACTOR >> (32 - bits);
}

static inline bool gram_may_be(const struct gram_table *table, uint32_t bytes)
{
    uint32_t slot = gram_hash(bytes, table->bits);
    return table->bitmap[slot / 32] >> slot % 32 & 1;
}

static inline struct gram_range gram_index_look_up(const struct gram_index *index, uint32_t width,
                                                   const unsigned char *at)
{
    const struct gram_table *table = &index->by_width[width];
    uint32_t bytes = gram_load(at, width), bucket = gram_hash(bytes, table->bucket_bits);
    return (struct gram_range){
        .first = table->grams + table->starts[bucket], .end = table->grams + table->starts[bucket + 1], .bytes = bytes};
}

#endif
