/* Build-time program: writes tables_data.c (see tables.h) to standard output, from the ICU that it is linked with.
 * tables_looks.c says what looks like an ASCII letter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/ulocdata.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>

#include "filters/views/tables_generator.h"

enum { CODE_POINTS = 0x110000, TEXT_MAX = 64 };

static const UNormalizer2 *casefold;

void tables_must(UErrorCode status, const char *what)
{
    if (U_FAILURE(status)) {
        fprintf(stderr, "tables_generator: %s: %s\n", what, u_errorName(status));
        exit(1);
    }
}

static void *must_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (!memory) {
        fprintf(stderr, "tables_generator: out of memory\n");
        exit(1);
    }
    return memory;
}

/* Two-stage table: equal blocks are written once. */
static void write_table(const char *name, const uint16_t *values)
{
    uint16_t *blocks = must_alloc(CODE_POINTS * sizeof *blocks);
    uint16_t index[WD_TABLE_INDEXES];
    size_t count = 0;
    for (size_t i = 0; i < WD_TABLE_INDEXES; i++) {
        const uint16_t *block = values + i * WD_TABLE_BLOCK;
        size_t at = 0;
        while (at < count && memcmp(blocks + at * WD_TABLE_BLOCK, block, WD_TABLE_BLOCK * sizeof *block) != 0)
            at++;
        if (at == count)
            memcpy(blocks + count++ * WD_TABLE_BLOCK, block, WD_TABLE_BLOCK * sizeof *block);
        index[i] = (uint16_t)at;
    }
    printf("const uint16_t wd_table_%s_index[WD_TABLE_INDEXES] = {", name);
    for (size_t i = 0; i < WD_TABLE_INDEXES; i++)
        printf("%s%u,", i % 24 ? "" : "\n", index[i]);
    printf("\n};\nconst uint16_t wd_table_%s_block[] = {", name);
    for (size_t i = 0; i < count * WD_TABLE_BLOCK; i++)
        printf("%s%u,", i % 24 ? "" : "\n", blocks[i]);
    printf("\n};\n");
    free(blocks);
}

/* ---- properties ---- */

static uint32_t break_class(UChar32 c)
{
    switch (u_getIntPropertyValue(c, UCHAR_GRAPHEME_CLUSTER_BREAK)) {
    case U_GCB_CR:
        return WD_BREAK_CR;
    case U_GCB_LF:
        return WD_BREAK_LF;
    case U_GCB_CONTROL:
        return WD_BREAK_CONTROL;
    case U_GCB_EXTEND:
        return WD_BREAK_EXTEND;
    case U_GCB_ZWJ:
        return WD_BREAK_ZWJ;
    case U_GCB_REGIONAL_INDICATOR:
        return WD_BREAK_REGIONAL;
    case U_GCB_PREPEND:
        return WD_BREAK_PREPEND;
    case U_GCB_SPACING_MARK:
        return WD_BREAK_SPACING_MARK;
    case U_GCB_L:
        return WD_BREAK_L;
    case U_GCB_V:
        return WD_BREAK_V;
    case U_GCB_T:
        return WD_BREAK_T;
    case U_GCB_LV:
        return WD_BREAK_LV;
    case U_GCB_LVT:
        return WD_BREAK_LVT;
    default:
        return WD_BREAK_OTHER;
    }
}

static bool is_noncharacter(UChar32 c)
{
    return (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
}

static bool is_invisible(UChar32 c)
{
    int8_t category = u_charType(c);
    if (category == U_CONTROL_CHAR)
        return !u_isUWhiteSpace(c);
    if (category == U_FORMAT_CHAR)
        return u_getIntPropertyValue(c, UCHAR_GRAPHEME_CLUSTER_BREAK) != U_GCB_PREPEND;
    return is_noncharacter(c) || c == 0xFFFC || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

static bool is_unspaced(UScriptCode script)
{
    static const UScriptCode scripts[] = {USCRIPT_HAN,     USCRIPT_HIRAGANA, USCRIPT_KATAKANA, USCRIPT_HANGUL,
                                          USCRIPT_THAI,    USCRIPT_LAO,      USCRIPT_KHMER,    USCRIPT_MYANMAR,
                                          USCRIPT_TIBETAN, USCRIPT_BOPOMOFO, USCRIPT_YI};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        if (scripts[i] == script)
            return true;
    return false;
}

static bool makes_conjuncts(UScriptCode script)
{
    return script == USCRIPT_DEVANAGARI || script == USCRIPT_BENGALI || script == USCRIPT_GUJARATI ||
           script == USCRIPT_ORIYA || script == USCRIPT_TELUGU || script == USCRIPT_MALAYALAM;
}

/* Small letters only: the views ask after folding. */
static bool is_everyday(UChar32 c)
{
    if (c >= 0x0430 && c <= 0x044F)
        return true;
    if (c >= 0x03AC && c <= 0x03CE)
        return true;
    static const UChar32 others[] = {0x0451, 0x0454, 0x0456, 0x0457, 0x045E, 0x0491, 0x0390};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i] == c)
            return true;
    return false;
}

static uint32_t mark_properties(UChar32 c)
{
    UErrorCode status = U_ZERO_ERROR;
    UScriptCode scripts[64];
    uint32_t word = WD_CHAR_MARK;
    int32_t count = uscript_getScriptExtensions(c, scripts, 64, &status);
    tables_must(status, "script extensions");
    if (u_charType(c) == U_ENCLOSING_MARK || scripts[0] == USCRIPT_INHERITED || scripts[0] == USCRIPT_COMMON)
        return word | WD_CHAR_GENERAL_MARK;
    for (int32_t i = 0; i < count; i++) {
        word |= scripts[i] == USCRIPT_LATIN ? WD_CHAR_MARK_OF_LATIN : 0;
        word |= scripts[i] == USCRIPT_GREEK ? WD_CHAR_MARK_OF_GREEK : 0;
        word |= scripts[i] == USCRIPT_CYRILLIC ? WD_CHAR_MARK_OF_CYRILLIC : 0;
    }
    return word;
}

static uint32_t conjunct_properties(UChar32 c, UScriptCode script)
{
    if (!makes_conjuncts(script))
        return 0;
    int32_t syllabic = u_getIntPropertyValue(c, UCHAR_INDIC_SYLLABIC_CATEGORY);
    if (syllabic == U_INSC_VIRAMA)
        return WD_CHAR_LINKER;
    return syllabic == U_INSC_CONSONANT ? WD_CHAR_CONSONANT : 0;
}

static uint32_t matcher_properties(UChar32 c, uint32_t mask)
{
    return (mask & U_GC_L_MASK ? WD_CHAR_ALPHABETIC : 0) |
           (mask & (U_GC_L_MASK | U_GC_ND_MASK | U_GC_M_MASK) ? WD_CHAR_WORD : 0) |
           (mask & U_GC_LU_MASK ? WD_CHAR_UPPER : 0) | (mask & U_GC_LL_MASK ? WD_CHAR_LOWER : 0) |
           (u_hasBinaryProperty(c, UCHAR_EMOJI_PRESENTATION) ? WD_CHAR_EMOJI : 0);
}

static uint32_t properties_of(UChar32 c)
{
    UErrorCode status = U_ZERO_ERROR;
    UScriptCode script = uscript_getScript(c, &status);
    tables_must(status, "script");
    if (script > 0xFF)
        script = USCRIPT_COMMON;
    uint32_t word = break_class(c) | (uint32_t)script << 16 | conjunct_properties(c, script);
    int8_t category = u_charType(c);
    uint32_t mask = U_MASK(category);
    word |= matcher_properties(c, mask);
    if (u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC))
        word |= WD_CHAR_PICTOGRAPHIC;
    if (unorm2_hasBoundaryBefore(casefold, c))
        word |= WD_CHAR_BOUNDARY;
    if (mask & (U_GC_L_MASK | U_GC_NL_MASK))
        word |= WD_CHAR_LETTER;
    if (mask & U_GC_ND_MASK)
        word |= WD_CHAR_DIGIT;
    if (mask & (U_GC_MN_MASK | U_GC_ME_MASK))
        word |= mark_properties(c);
    if (is_invisible(c))
        word |= WD_CHAR_INVISIBLE;
    if (u_isUWhiteSpace(c) || c == 0x2800)
        word |= WD_CHAR_SPACE;
    if (is_unspaced(script))
        word |= WD_CHAR_UNSPACED;
    return is_everyday(c) ? word | WD_CHAR_EVERYDAY : word;
}

static void write_properties(void)
{
    uint16_t *values = must_alloc(CODE_POINTS * sizeof *values);
    uint32_t *words = must_alloc(65536 * sizeof *words);
    size_t count = 0;
    for (UChar32 c = 0; c < CODE_POINTS; c++) {
        uint32_t word = properties_of(c);
        size_t at = 0;
        while (at < count && words[at] != word)
            at++;
        if (at == count)
            words[count++] = word;
        values[c] = (uint16_t)at;
    }
    write_table("char", values);
    printf("const uint32_t wd_table_chars[] = {");
    for (size_t i = 0; i < count; i++)
        printf("%s0x%08x,", i % 10 ? "" : "\n", words[i]);
    printf("\n};\n");
    free(words);
    free(values);
}

/* ---- folding ---- */

static size_t fold_of(UChar32 c, char utf8[TEXT_MAX], bool *simple_out)
{
    UChar source[2], result[TEXT_MAX];
    int32_t source_len = 0, utf8_len = 0;
    UErrorCode status = U_ZERO_ERROR;
    U16_APPEND_UNSAFE(source, source_len, c);
    int32_t len = unorm2_normalize(casefold, source, source_len, result, TEXT_MAX, &status);
    u_strToUTF8(utf8, TEXT_MAX, &utf8_len, result, len, &status);
    tables_must(status, "NFKC_Casefold");
    UChar32 first = 0;
    int32_t at = 0;
    if (len > 0)
        U16_NEXT(result, at, len, first);
    *simple_out = len > 0 && at == len && first == u_foldCase(c, U_FOLD_CASE_DEFAULT);
    return (size_t)utf8_len;
}

/* Case pairs and compatibility forms share few results, so the search for equal ones can be plain. */
static void write_folds(void)
{
    uint16_t *values = must_alloc(CODE_POINTS * sizeof *values);
    char *bytes = must_alloc(65536);
    struct wd_fold *folds = must_alloc(65536 * sizeof *folds);
    size_t used = 0, count = 1;
    for (UChar32 c = 0; c < CODE_POINTS; c++) {
        char result[TEXT_MAX], self[4];
        size_t self_len = 0;
        bool simple;
        if (U_IS_SURROGATE(c))
            continue;
        size_t len = fold_of(c, result, &simple);
        U8_APPEND_UNSAFE(self, self_len, c);
        if (len == self_len && memcmp(result, self, len) == 0)
            continue;
        size_t at = 1;
        while (at < count && !(folds[at].length == len && folds[at].simple == simple &&
                               memcmp(bytes + folds[at].offset, result, len) == 0))
            at++;
        if (at == count) {
            if (used + len > 65535) {
                fprintf(stderr, "tables_generator: fold bytes do not fit 16 bits\n");
                exit(1);
            }
            folds[count++] = (struct wd_fold){(uint16_t)used, (uint8_t)len, simple};
            memcpy(bytes + used, result, len);
            used += len;
        }
        values[c] = (uint16_t)at;
    }
    write_table("fold", values);
    printf("const struct wd_fold wd_table_folds[] = {");
    for (size_t i = 0; i < count; i++)
        printf("%s{%u,%u,%u},", i % 8 ? "" : "\n", folds[i].offset, folds[i].length, folds[i].simple);
    printf("\n};\nconst char wd_table_fold_bytes[] = {");
    for (size_t i = 0; i < used; i++)
        printf("%s%d,", i % 24 ? "" : "\n", (signed char)bytes[i]);
    printf("\n};\n");
    free(folds);
    free(bytes);
    free(values);
}

/* ---- look-alikes ---- */

static void write_looks(void)
{
    uint16_t *values = must_alloc(CODE_POINTS * sizeof *values);
    struct wd_look looks[512] = {{{0}, WD_LOOK_NONE}};
    size_t count = 1;
    tables_looks_open();
    for (UChar32 c = 0; c < CODE_POINTS; c++) {
        struct wd_look look = tables_look_of(c, properties_of(c));
        size_t at = 0;
        while (at < count && memcmp(&looks[at], &look, sizeof look) != 0)
            at++;
        if (at == count)
            looks[count++] = look;
        values[c] = (uint16_t)at;
    }
    tables_looks_close();
    write_table("look", values);
    printf("const struct wd_look wd_table_looks[] = {{{0}, 0},");
    for (size_t i = 1; i < count; i++)
        printf("\n{\"%s\", %u},", looks[i].text, looks[i].kind);
    printf("\n};\n");
    free(values);
}

/* ---- accents ---- */

static void add_exemplars(const char *language, int bit, uint64_t *masks, size_t more_at)
{
    UErrorCode status = U_ZERO_ERROR;
    ULocaleData *data = ulocdata_open(language, &status);
    USet *set = ulocdata_getExemplarSet(data, NULL, USET_CASE_INSENSITIVE, ULOCDATA_ES_STANDARD, &status);
    tables_must(status, language);
    for (UChar32 c = WD_ACCENTS_FIRST; c <= WD_ACCENTS_LAST; c++)
        if (uset_contains(set, c))
            masks[c - WD_ACCENTS_FIRST] |= (uint64_t)1 << bit;
    for (UChar32 c = WD_ACCENTS_MORE; c <= WD_ACCENTS_MORE_LAST; c++)
        if (uset_contains(set, c))
            masks[more_at + (size_t)(c - WD_ACCENTS_MORE)] |= (uint64_t)1 << bit;
    uset_close(set);
    ulocdata_close(data);
}

static void write_accents(void)
{
    static const char *const languages[] = {
        "af", "az", "bs", "ca", "cs", "cy",  "da", "de", "dsb", "eo", "es", "et", "eu", "fi", "fo", "fr", "fy",
        "ga", "gd", "gl", "ha", "hr", "hsb", "hu", "ig", "is",  "it", "ku", "lb", "lt", "lv", "mi", "mt", "nl",
        "nb", "pl", "pt", "rm", "ro", "se",  "sk", "sl", "sq",  "sv", "tk", "tr", "uz", "vi", "wo", "yo", "en",
    };
    size_t more_at = WD_ACCENTS_LAST - WD_ACCENTS_FIRST + 1;
    size_t count = more_at + WD_ACCENTS_MORE_LAST - WD_ACCENTS_MORE + 1;
    uint64_t *masks = must_alloc(count * sizeof *masks);
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++)
        add_exemplars(languages[i], (int)i, masks, more_at);
    printf("const uint64_t wd_table_accents[] = {");
    for (size_t i = 0; i < count; i++)
        printf("%s0x%llx,", i % 8 ? "" : "\n", (unsigned long long)masks[i]);
    printf("\n};\n");
    free(masks);
}

int main(void)
{
    UErrorCode status = U_ZERO_ERROR;
    casefold = unorm2_getNFKCCasefoldInstance(&status);
    tables_must(status, "ICU data");
    printf("/* Written by tables_generator from ICU " U_ICU_VERSION ", Unicode " U_UNICODE_VERSION ". */\n"
           "#include \"filters/views/tables.h\"\n\n");
    write_properties();
    write_folds();
    write_looks();
    write_accents();
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
