/* Characters as PCRE2 sees them: simple case folding, word characters, digits, white space. The tables are made at
 * build time by unicode_generate.c out of PCRE2 itself. Always holds: two characters fold to the same one exactly when
 * PCRE2 matches one against the other without regard to case. */
#ifndef FILTERS_PATTERNS_UNICODE_H
#define FILTERS_PATTERNS_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNICODE_BLOCK = 128 };

enum unicode_flag {
    UNICODE_WORD = 1,        /* \w */
    UNICODE_DIGIT = 2,       /* \d */
    UNICODE_SPACE = 4,       /* \s */
    UNICODE_CASED = 8,       /* it has another case */
    UNICODE_MIXED_WORD = 16, /* one of its cases is a word character and another is not: U+0345 and iota */
};

struct unicode_record {
    int32_t fold_delta;
    uint8_t flags;
};

extern const char unicode_table_version[];
extern const struct unicode_record unicode_records[];
extern const uint16_t unicode_block_of[];
extern const uint8_t unicode_blocks[][UNICODE_BLOCK];
/* Whether any character past ASCII whose UTF-8 begins with this byte folds to another. */
extern const bool unicode_lead_folds[256];

/* Whether the PCRE2 that runs has the Unicode version of the tables; if not, nothing is known about characters past
 * ASCII. */
bool unicode_tables_fit(void);

static inline const struct unicode_record *unicode_record_of(uint32_t c)
{
    return &unicode_records[unicode_blocks[unicode_block_of[c / UNICODE_BLOCK]][c % UNICODE_BLOCK]];
}

static inline uint32_t unicode_fold(uint32_t c)
{
    return (uint32_t)((int32_t)c + unicode_record_of(c)->fold_delta);
}

static inline uint8_t unicode_flags(uint32_t c)
{
    return unicode_record_of(c)->flags;
}

static inline uint32_t utf8_len(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* The character at `at` of valid UTF-8, and its length in bytes. */
static inline uint32_t utf8_decode(const unsigned char *at, uint32_t *len_out)
{
    uint32_t c = at[0];
    if (c < 0x80) {
        *len_out = 1;
        return c;
    }
    if (c < 0xE0) {
        *len_out = 2;
        return (c & 0x1F) << 6 | (at[1] & 0x3Fu);
    }
    if (c < 0xF0) {
        *len_out = 3;
        return (c & 0x0F) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    }
    *len_out = 4;
    return (c & 0x07) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
}

/* The character that ends before `at`; `at` is past the first byte of the text. */
static inline uint32_t utf8_decode_before(const unsigned char *at, uint32_t *len_out)
{
    const unsigned char *start = at - 1;
    while ((*start & 0xC0) == 0x80)
        start--;
    return utf8_decode(start, len_out);
}

/* Writes up to 4 bytes; returns how many. */
uint32_t utf8_encode(uint32_t c, unsigned char *out);
bool utf8_is_valid(const char *text, size_t len);

/* Folds valid UTF-8; `out` has room for len * 3 / 2 + 4 bytes. Returns the length. */
size_t unicode_fold_text(const char *text, size_t len, char *out);

#endif
