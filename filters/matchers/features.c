/* Features of a text. The loop has no branches and counts in bytes, so that compilers make vector code of it. */
#include "filters/matchers/features.h"

enum { BLOCK = 128 }; /* fewer than 256, so that counts fit into bytes */

struct counts {
    uint32_t digits, upper;
    uint8_t at, host, high, other_digits, lines;
};

static void count_block(const uint8_t *bytes, size_t len, struct counts *counts)
{
    uint8_t digits = 0, upper = 0, at = 0, host = 0, high = 0, other = 0, lines = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = bytes[i];
        digits = (uint8_t)(digits + ((uint8_t)(c - '0') < 10));
        upper = (uint8_t)(upper + ((uint8_t)(c - 'A') < 26));
        at |= c == '@';
        lines |= c == '\n';
        host |= (uint8_t)((c == '.') | (c == ':') | (c == 0xE3));
        high |= c;
        /* lead bytes of digits past ASCII: Arabic, N'Ko; Indic, Thai and others; full-width and further; plane 1 */
        other |= (uint8_t)((c == 0xD9) | (c == 0xDB) | (c == 0xDF) | (c == 0xE0) | (c == 0xE1) | (c == 0xEA) |
                           (c == 0xEF) | (c == 0xF0));
    }
    counts->digits += digits;
    counts->upper += upper;
    counts->at |= at;
    counts->lines |= lines;
    counts->host |= host;
    counts->high |= high;
    counts->other_digits |= other;
}

uint32_t wd_text_features(struct wd_str text)
{
    struct counts counts = {0};
    for (size_t at = 0; at < text.len; at += BLOCK)
        count_block((const uint8_t *)text.data + at, text.len - at < BLOCK ? text.len - at : BLOCK, &counts);
    bool high = counts.high & 0x80;
    uint32_t digits = counts.other_digits ? UINT32_MAX : counts.digits;
    return (counts.at ? WD_FEATURE_AT : 0U) | (counts.host ? WD_FEATURE_HOST : 0U) |
           (digits >= 4 ? WD_FEATURE_DIGITS_4 : 0U) | (digits >= 9 ? WD_FEATURE_DIGITS_9 : 0U) |
           (digits >= 13 ? WD_FEATURE_DIGITS_13 : 0U) | (counts.upper >= 2 || high ? WD_FEATURE_UPPER : 0U) |
           (high ? WD_FEATURE_NON_ASCII : 0U) | (text.len >= 26 ? WD_FEATURE_LONG : 0U) |
           (counts.lines ? WD_FEATURE_LINES : 0U);
}
