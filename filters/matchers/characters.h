/* Reading characters, inside the room. Safe on any bytes. */
#ifndef FILTERS_MATCHERS_CHARACTERS_H
#define FILTERS_MATCHERS_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <warden/str.h>

#include "filters/matchers/effort.h"

/* The character at *at < text.len, which moves behind it; U+FFFD where the bytes are none. */
static inline uint32_t wd_next_character(struct wd_str text, size_t *at)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    unsigned first = bytes[*at];
    if (first < 0x80)
        return bytes[(*at)++];
    if (first >= 0xC2 && first < 0xE0 && *at + 1 < text.len && (bytes[*at + 1] & 0xC0) == 0x80) {
        *at += 2;
        return (first & 0x1F) << 6 | (bytes[*at - 1] & 0x3F);
    }
    int32_t i = 0, left = text.len - *at < 8 ? (int32_t)(text.len - *at) : 8;
    UChar32 c;
    U8_NEXT_OR_FFFD(bytes + *at, i, left, c);
    *at += (size_t)i;
    return (uint32_t)c;
}

/* Not the first byte of a character. */
static inline bool wd_continues_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static inline bool wd_is_digit_byte(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool wd_is_letter_byte(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static inline bool wd_is_alnum_byte(char c)
{
    return wd_is_digit_byte(c) || wd_is_letter_byte(c);
}

/* Part of an ASCII word or identifier: a number beside it is a part of something longer. */
static inline bool wd_is_word_byte(char c)
{
    return wd_is_alnum_byte(c) || c == '_';
}

/* The byte at `at`, or a space past either end. */
static inline char wd_byte_at(struct wd_str text, size_t at)
{
    return at < text.len ? text.data[at] : ' ';
}

static inline char wd_byte_before(struct wd_str text, size_t at)
{
    return at > 0 && at <= text.len ? text.data[at - 1] : ' ';
}

/* The value of the decimal digit at *at, of any script, which moves behind it; -1: there is none, *at stays. */
static inline int wd_next_digit(struct wd_str text, size_t *at)
{
    if (*at >= text.len)
        return -1;
    if (wd_is_digit_byte(text.data[*at]))
        return text.data[(*at)++] - '0';
    if (!(text.data[*at] & 0x80))
        return -1;
    size_t end = *at;
    int value = u_charDigitValue((UChar32)wd_next_character(text, &end));
    if (value >= 0)
        *at = end;
    return value;
}

/* Whether a digit, of any script, ends before `at`. */
bool wd_digit_ends_at(struct wd_str text, size_t at);

/* One white space or dash, as people put between groups of digits: its length in bytes, 0 where there is none.
 * *kind_out is ' ' or '-'. */
size_t wd_group_separator(struct wd_str text, size_t at, char *kind_out);

/* The start of the first digit at or behind `at`; text.len where there is none, or where the effort ended. */
size_t wd_find_digit(struct wd_str text, size_t at, struct wd_effort *effort);
/* Behind the digits that stand at `at`; text.len where the effort ended. */
size_t wd_skip_digits(struct wd_str text, size_t at, struct wd_effort *effort);

#endif
