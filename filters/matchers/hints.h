/* What a character past ASCII can be to the native matchers, a byte a character, in tables that hints_generator.c
 * writes at build time from ICU's data. What always holds: constant, so every thread may read; a hint that is not set
 * is not so. Neighbour: features.c reads them. */
#ifndef FILTERS_MATCHERS_HINTS_H
#define FILTERS_MATCHERS_HINTS_H

#include <stdint.h>

enum wd_hint {
    WD_HINT_DIGIT = 1,       /* a decimal digit */
    WD_HINT_MARK = 2,        /* a mark of no script in particular */
    WD_HINT_EMOJI = 4,       /* can start an emoji, or make one of an ASCII character */
    WD_HINT_UPPER = 8,       /* a capital */
    WD_HINT_HIDES_HOST = 16, /* folds to a sign that hosts and links are written with, or turns round what follows */
    WD_HINT_EXTENDS = 32,    /* belongs to the character before: a mark of any kind, a skin tone */
    WD_HINT_PARTS = 64,      /* stands between words, or in them where its first bytes are those of signs */
    WD_HINT_MIXED = 128,     /* of two bytes alone: characters that start so differ */
};

enum { WD_HINT_SHIFT = 7, WD_HINT_BLOCK = 1 << WD_HINT_SHIFT, WD_HINT_INDEXES = 0x110000 >> WD_HINT_SHIFT };

/* By the first byte of a character (all zero below 0xC0), and the low six bits of the second. */
extern const uint8_t wd_hint_prefixes[256][64];
extern const uint16_t wd_hint_index[WD_HINT_INDEXES];
extern const uint8_t wd_hint_block[];

static inline uint8_t wd_char_hints(uint32_t c)
{
    return wd_hint_block[((uint32_t)wd_hint_index[c >> WD_HINT_SHIFT] << WD_HINT_SHIFT) + (c & (WD_HINT_BLOCK - 1))];
}

/* Characters that start so are signs between words, but for those with WD_HINT_PARTS: punctuation, arrows, symbols,
 * pictures. repeat_words.c takes all of them for that at a first look. */
static inline int wd_starts_sign_of_3(unsigned first, unsigned second)
{
    return first == 0xE2 && (second == 0x80 || (second >= 0x87 && second <= 0xAF));
}

static inline int wd_starts_sign_of_4(unsigned first, unsigned second)
{
    return first == 0xF0 && second == 0x9F;
}

#endif
