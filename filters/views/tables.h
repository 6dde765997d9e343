/* What the views and the native matchers need to know of a code point, in constant two-stage tables. tables_generator.c
 * writes the data at build time from ICU's own data; tests/unit/views_tables_test.c holds it against ICU again. Nothing
 * here is ever written at run time, so every thread may read. */
#ifndef FILTERS_VIEWS_TABLES_H
#define FILTERS_VIEWS_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WD_TABLE_SHIFT = 7, WD_TABLE_BLOCK = 1 << WD_TABLE_SHIFT, WD_TABLE_INDEXES = 0x110000 >> WD_TABLE_SHIFT };

/* Grapheme cluster break classes, as UAX 29 names them. */
enum wd_break_class {
    WD_BREAK_OTHER = 0,
    WD_BREAK_CR,
    WD_BREAK_LF,
    WD_BREAK_CONTROL,
    WD_BREAK_EXTEND,
    WD_BREAK_ZWJ,
    WD_BREAK_REGIONAL,
    WD_BREAK_PREPEND,
    WD_BREAK_SPACING_MARK,
    WD_BREAK_L,
    WD_BREAK_V,
    WD_BREAK_T,
    WD_BREAK_LV,
    WD_BREAK_LVT,
};

/* Bits of a property word: the low four are the break class, bits 16 to 23 the script (ICU's UScriptCode). */
#define WD_CHAR_BREAK_MASK 0x0Fu
#define WD_CHAR_PICTOGRAPHIC (1u << 4)
#define WD_CHAR_BOUNDARY (1u << 5)       /* NFKC_Casefold never joins it with what stands before */
#define WD_CHAR_LETTER (1u << 6)         /* general category L or Nl */
#define WD_CHAR_DIGIT (1u << 7)          /* Nd */
#define WD_CHAR_MARK (1u << 8)           /* Mn or Me */
#define WD_CHAR_INVISIBLE (1u << 9)      /* controls, format characters, noncharacters: nobody sees them */
#define WD_CHAR_SPACE (1u << 10)         /* white space, and the blank Braille pattern */
#define WD_CHAR_LINKER (1u << 11)        /* virama of a script that makes conjuncts */
#define WD_CHAR_CONSONANT (1u << 12)     /* consonant of such a script */
#define WD_CHAR_GENERAL_MARK (1u << 13)  /* a mark that no script calls its own */
#define WD_CHAR_MARK_OF_LATIN (1u << 14) /* a mark that Latin calls its own (script extensions) */
#define WD_CHAR_UNSPACED (1u << 15)      /* of a script that writes no spaces between words, or Hangul */
#define WD_CHAR_EVERYDAY (1u << 24)      /* letter of today's Russian, Ukrainian, Belarusian, Bulgarian or Greek */
#define WD_CHAR_MARK_OF_GREEK (1u << 25)
#define WD_CHAR_MARK_OF_CYRILLIC (1u << 26)
#define WD_CHAR_ALPHABETIC (1u << 27) /* general category L */
#define WD_CHAR_WORD (1u << 28)       /* L, Nd or M: part of a word as the native matchers have it */
#define WD_CHAR_UPPER (1u << 29)      /* Lu */
#define WD_CHAR_LOWER (1u << 30)      /* Ll */
#define WD_CHAR_EMOJI (1u << 31)      /* shown as emoji without a selector */
#define WD_CHAR_SCRIPT(word) (((word) >> 16) & 0xFFu)

/* Where a look-alike comes from; decides in which words it is replaced. */
enum wd_look_kind {
    WD_LOOK_NONE = 0,
    WD_LOOK_STRICT, /* the character itself is confusable with the letter */
    WD_LOOK_CASE,   /* its other case is: a small Cyrillic en for H */
    WD_LOOK_EMBLEM, /* a picture of the letter: negative circled and squared letters, regional indicators */
    WD_LOOK_ACCENT, /* the letter with a mark or a stroke */
    WD_LOOK_SYMBOL, /* a symbol that stands in for the letter: euro sign for e */
};

struct wd_look {
    char text[3]; /* one or two lower-case letters, NUL-terminated */
    uint8_t kind; /* enum wd_look_kind */
};

struct wd_fold {
    uint16_t offset; /* into wd_table_fold_bytes; UTF-8 */
    uint8_t length;  /* 0: the character vanishes */
    uint8_t simple;  /* 1: the same as Unicode simple case folding */
};

extern const uint16_t wd_table_char_index[WD_TABLE_INDEXES];
extern const uint16_t wd_table_char_block[];
extern const uint32_t wd_table_chars[];
extern const uint16_t wd_table_fold_index[WD_TABLE_INDEXES];
extern const uint16_t wd_table_fold_block[];
extern const struct wd_fold wd_table_folds[]; /* [0]: unchanged */
extern const char wd_table_fold_bytes[];
extern const uint16_t wd_table_look_index[WD_TABLE_INDEXES];
extern const uint16_t wd_table_look_block[];
extern const struct wd_look wd_table_looks[]; /* [0]: none */

/* Languages (a bit each) that write an accented small Latin letter: U+00C0 to U+024F, then U+1E00 to U+1EFF. */
enum { WD_ACCENTS_FIRST = 0xC0, WD_ACCENTS_LAST = 0x24F, WD_ACCENTS_MORE = 0x1E00, WD_ACCENTS_MORE_LAST = 0x1EFF };
extern const uint64_t wd_table_accents[];

static inline uint64_t wd_char_languages(uint32_t c)
{
    if (c >= WD_ACCENTS_FIRST && c <= WD_ACCENTS_LAST)
        return wd_table_accents[c - WD_ACCENTS_FIRST];
    if (c >= WD_ACCENTS_MORE && c <= WD_ACCENTS_MORE_LAST)
        return wd_table_accents[c - WD_ACCENTS_MORE + WD_ACCENTS_LAST - WD_ACCENTS_FIRST + 1];
    return 0;
}

static inline uint16_t wd_table_at(const uint16_t *index, const uint16_t *block, uint32_t c)
{
    return block[((uint32_t)index[c >> WD_TABLE_SHIFT] << WD_TABLE_SHIFT) + (c & (WD_TABLE_BLOCK - 1))];
}

/* All of these take a code point up to 0x10FFFF. */
static inline uint32_t wd_char_properties(uint32_t c)
{
    return wd_table_chars[wd_table_at(wd_table_char_index, wd_table_char_block, c)];
}

/* NULL: NFKC_Casefold leaves it as it is. */
static inline const struct wd_fold *wd_char_fold(uint32_t c)
{
    uint16_t at = wd_table_at(wd_table_fold_index, wd_table_fold_block, c);
    return at ? &wd_table_folds[at] : NULL;
}

/* kind WD_LOOK_NONE: looks like no ASCII letter. */
static inline const struct wd_look *wd_char_look(uint32_t c)
{
    return &wd_table_looks[wd_table_at(wd_table_look_index, wd_table_look_block, c)];
}

#endif
