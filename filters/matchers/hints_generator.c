/* Build-time program: writes the tables of hints.h to standard output, from the ICU that it is linked with. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "filters/matchers/hints.h"

enum { CODE_POINTS = 0x110000, FOLDED_MAX = 64 };

static void must(UErrorCode status, const char *what)
{
    if (U_SUCCESS(status))
        return;
    fprintf(stderr, "hints_generator: %s: %s\n", what, u_errorName(status));
    exit(1);
}

static bool is_surrogate(UChar32 c)
{
    return c >= 0xD800 && c <= 0xDFFF;
}

static bool hides_host(const UNormalizer2 *casefold, UChar32 c)
{
    static const UChar SIGNS[] = {'.', ':', '/', '%', '&', 0x3002, 0};
    UChar text[U16_MAX_LENGTH], folded[FOLDED_MAX];
    UErrorCode status = U_ZERO_ERROR;
    int32_t len = 0;
    U16_APPEND_UNSAFE(text, len, c);
    int32_t folded_len = unorm2_normalize(casefold, text, len, folded, FOLDED_MAX, &status);
    must(status, "folding");
    for (int32_t i = 0; i < folded_len; i++)
        for (const UChar *sign = SIGNS; *sign; sign++)
            if (folded[i] == *sign)
                return true;
    return c == 0x202E;
}

static bool is_stray_mark(UChar32 c, uint32_t mask)
{
    UErrorCode status = U_ZERO_ERROR;
    bool is_selector = (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xE0100 && c <= 0xE01EF);
    return mask & (U_GC_MN_MASK | U_GC_ME_MASK) && !is_selector && uscript_getScript(c, &status) == USCRIPT_INHERITED;
}

static bool is_emoji(UChar32 c)
{
    enum { KEY_CAP = 0x20E3 };
    return c == KEY_CAP || u_hasBinaryProperty(c, UCHAR_EMOJI_PRESENTATION) ||
           u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) || u_hasBinaryProperty(c, UCHAR_REGIONAL_INDICATOR);
}

static uint8_t hints_of(const UNormalizer2 *casefold, UChar32 c, const uint8_t *bytes)
{
    if (c < 0x80 || is_surrogate(c))
        return 0;
    uint32_t mask = U_MASK(u_charType(c));
    bool is_word = mask & (U_GC_L_MASK | U_GC_ND_MASK | U_GC_M_MASK);
    bool is_sign = wd_starts_sign_of_3(bytes[0], bytes[1]) || wd_starts_sign_of_4(bytes[0], bytes[1]);
    bool extends = mask & U_GC_M_MASK || (c >= 0x1F3FB && c <= 0x1F3FF);
    return (uint8_t)((u_charDigitValue(c) >= 0 ? WD_HINT_DIGIT : 0) | (is_stray_mark(c, mask) ? WD_HINT_MARK : 0) |
                     (is_emoji(c) ? WD_HINT_EMOJI : 0) | (mask & U_GC_LU_MASK ? WD_HINT_UPPER : 0) |
                     (hides_host(casefold, c) ? WD_HINT_HIDES_HOST : 0) | (extends ? WD_HINT_EXTENDS : 0) |
                     (is_word == is_sign ? WD_HINT_PARTS : 0));
}

/* Hints of those that start so, and MIXED where they differ. */
static void add_to_prefix(uint8_t *prefix, bool *is_known, uint8_t hints)
{
    if (*is_known && *prefix != hints)
        *prefix |= WD_HINT_MIXED;
    *prefix |= hints;
    *is_known = true;
}

static void write_bytes(const char *declaration, const uint8_t *bytes, size_t count)
{
    printf("const uint8_t %s = {", declaration);
    for (size_t i = 0; i < count; i++)
        printf("%s%u,", i % 32 ? "" : "\n", bytes[i]);
    printf("\n};\n");
}

static void write_prefixes(const uint8_t prefixes[256][64])
{
    printf("const uint8_t wd_hint_prefixes[256][64] = {");
    for (size_t first = 0; first < 256; first++)
        for (size_t second = 0; second < 64; second++)
            printf("%s%u%s",
                   second % 32 ? ""
                   : second    ? "\n"
                               : "\n{",
                   prefixes[first][second], second == 63 ? "}," : ",");
    printf("\n};\n");
}

/* Equal blocks are written once. */
static void write_characters(const uint8_t *hints)
{
    static uint8_t blocks[CODE_POINTS];
    static uint16_t index[WD_HINT_INDEXES];
    size_t count = 0;
    for (size_t i = 0; i < WD_HINT_INDEXES; i++) {
        const uint8_t *block = hints + i * WD_HINT_BLOCK;
        size_t at = 0;
        while (at < count && memcmp(blocks + at * WD_HINT_BLOCK, block, WD_HINT_BLOCK) != 0)
            at++;
        if (at == count)
            memcpy(blocks + count++ * WD_HINT_BLOCK, block, WD_HINT_BLOCK);
        index[i] = (uint16_t)at;
    }
    printf("const uint16_t wd_hint_index[WD_HINT_INDEXES] = {");
    for (size_t i = 0; i < WD_HINT_INDEXES; i++)
        printf("%s%u,", i % 24 ? "" : "\n", index[i]);
    printf("\n};\n");
    write_bytes("wd_hint_block[]", blocks, count * WD_HINT_BLOCK);
}

int main(void)
{
    static uint8_t hints[CODE_POINTS], prefixes[256][64];
    static bool known[256][64];
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *casefold = unorm2_getNFKCCasefoldInstance(&status);
    must(status, "NFKC_Casefold");
    memset(prefixes[0xC0], WD_HINT_PARTS, sizeof(prefixes) - sizeof(prefixes[0]) * 0xC0); /* what is no character */
    for (UChar32 c = 0x80; c < CODE_POINTS; c++) {
        uint8_t bytes[U8_MAX_LENGTH] = {0};
        int32_t len = 0;
        if (is_surrogate(c))
            continue;
        U8_APPEND_UNSAFE(bytes, len, c);
        hints[c] = hints_of(casefold, c, bytes);
        uint8_t *prefix = &prefixes[bytes[0]][bytes[1] & 63];
        bool *is_known = &known[bytes[0]][bytes[1] & 63];
        if (!*is_known)
            *prefix = 0;
        add_to_prefix(prefix, is_known, hints[c]);
    }
    printf("/* Made by hints_generator.c from ICU %s. */\n#include \"filters/matchers/hints.h\"\n\n", U_ICU_VERSION);
    write_prefixes(prefixes);
    write_characters(hints);
    return ferror(stdout) != 0;
}
