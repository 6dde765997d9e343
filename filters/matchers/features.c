/* Features of a text, sixteen bytes at a time; what only matters past ASCII is looked for in a second pass. */
#include "filters/matchers/features.h"

enum { LANES = 16, ROUNDS_MAX = 255 /* so that counts fit into bytes */ };
typedef uint8_t lanes __attribute__((vector_size(LANES)));

enum flag { AT = 1, HOST = 2, LINE = 4, EMOJI = 8, DIGIT = 16, MARK = 32, HIGH = 128 };

struct counts {
    uint32_t digits, upper;
    uint8_t flags;
};

/* Bytes from `at` on; zeros past the end, which are nothing of interest. */
static lanes load(struct wd_str text, size_t at)
{
    lanes bytes = {0};
    size_t left = text.len - at;
    memcpy(&bytes, text.data + at, left < LANES ? left : LANES);
    return bytes;
}

static void add_up(struct counts *counts, lanes digits, lanes upper, lanes flags)
{
    for (int i = 0; i < LANES; i++) {
        counts->digits += digits[i];
        counts->upper += upper[i];
        counts->flags |= flags[i];
    }
}

static lanes masked(lanes condition, enum flag flag)
{
    return condition & (uint8_t)flag;
}

/* At most ROUNDS_MAX times LANES bytes from `at` on; returns where it ended. */
static size_t count_ascii(struct wd_str text, size_t at, struct counts *counts)
{
    lanes digits = {0}, upper = {0}, flags = {0};
    for (int round = 0; round < ROUNDS_MAX && at < text.len; round++, at += LANES) {
        lanes c = load(text, at);
        digits -= (lanes)((lanes)(c - '0') < 10);
        upper -= (lanes)((lanes)(c - 'A') < 26);
        flags |= c & (uint8_t)HIGH;
        flags |= masked((lanes)(c == '@'), AT) | masked((lanes)(c == '\n'), LINE);
        flags |= masked((lanes)(c == '.') | (lanes)(c == ':'), HOST);
    }
    add_up(counts, digits, upper, flags);
    return at;
}

/* By the first bytes of characters. Digits: Arabic, N'Ko, Indic, Thai and others, full-width, plane 1. Marks that go
 * with any script, emoji with their parts, and the ideographic full stop stand among these, too. */
static void look_past_ascii(struct wd_str text, struct counts *counts)
{
    lanes none = {0}, flags = {0};
    for (size_t at = 0; at < text.len; at += LANES) {
        lanes c = load(text, at);
        lanes e0 = (lanes)(c == 0xE0) | (lanes)(c == 0xE1), ef = (lanes)(c == 0xEF), f0 = (lanes)(c == 0xF0),
              d9 = (lanes)(c == 0xD9), e2 = (lanes)(c == 0xE2), e3 = (lanes)(c == 0xE3);
        flags |= masked(d9 | (lanes)(c == 0xDB) | (lanes)(c == 0xDF) | e0 | (lanes)(c == 0xEA) | ef | f0, DIGIT);
        flags |=
            masked((lanes)(c == 0xCC) | (lanes)(c == 0xCD) | (lanes)(c == 0xD2) | d9 | e0 | e2 | e3 | ef | f0, MARK);
        flags |= masked((lanes)(c == 0xC2) | e2 | e3 | f0, EMOJI) | masked(e3, HOST);
    }
    add_up(counts, none, none, flags);
}

static uint32_t feature_if(bool holds, enum wd_feature feature)
{
    return holds ? (uint32_t)feature : 0;
}

uint32_t wd_text_features(struct wd_str text)
{
    struct counts counts = {0};
    for (size_t at = 0; at < text.len;)
        at = count_ascii(text, at, &counts);
    bool high = counts.flags & HIGH;
    if (high)
        look_past_ascii(text, &counts);
    uint32_t digits = counts.flags & DIGIT ? UINT32_MAX : counts.digits;
    return feature_if(counts.flags & AT, WD_FEATURE_AT) | feature_if(counts.flags & HOST, WD_FEATURE_HOST) |
           feature_if(digits >= 4, WD_FEATURE_DIGITS_4) | feature_if(digits >= 9, WD_FEATURE_DIGITS_9) |
           feature_if(digits >= 13, WD_FEATURE_DIGITS_13) | feature_if(counts.upper >= 2 || high, WD_FEATURE_UPPER) |
           feature_if(high, WD_FEATURE_NON_ASCII) | feature_if(text.len >= 26, WD_FEATURE_LONG) |
           feature_if(counts.flags & LINE, WD_FEATURE_LINES) | feature_if(counts.flags & EMOJI, WD_FEATURE_EMOJI) |
           feature_if(counts.flags & MARK, WD_FEATURE_MARKS);
}
