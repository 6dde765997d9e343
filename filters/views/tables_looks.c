/* Build-time: which characters look like an ASCII letter. These are ICU's confusables turned around (a character looks
 * like a letter if both have one skeleton), letters that Unicode's names call a form of a Latin letter, and a few
 * symbols. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>

#include "filters/views/tables_generator.h"

enum { TEXT_MAX = 64 };

static USpoofChecker *spoof;
static UChar ascii_skeletons[128][8];

static int32_t skeleton_of(UChar32 c, UChar out[TEXT_MAX])
{
    UChar source[2];
    int32_t source_len = 0;
    UErrorCode status = U_ZERO_ERROR;
    U16_APPEND_UNSAFE(source, source_len, c);
    int32_t len = uspoof_getSkeleton(spoof, 0, source, source_len, out, TEXT_MAX - 1, &status);
    tables_must(status, "skeleton");
    out[len] = 0;
    return len;
}

void tables_looks_open(void)
{
    UErrorCode status = U_ZERO_ERROR;
    spoof = uspoof_open(&status);
    tables_must(status, "confusables");
    for (UChar32 c = 'A'; c <= 'z'; c++) {
        UChar out[TEXT_MAX];
        if (!u_isalpha(c))
            continue;
        if (skeleton_of(c, out) >= 8)
            exit(1);
        u_strcpy(ascii_skeletons[c], out);
    }
}

/* The ASCII letter with this skeleton, small; 0: none. Small letters win: `l` over `I`. */
static char letter_with_skeleton(const UChar *skeleton)
{
    for (int c = 'z'; c >= 'A'; c--)
        if (isalpha(c) && u_strcmp(skeleton, ascii_skeletons[c]) == 0)
            return (char)tolower(c);
    return 0;
}

static char strict_look(UChar32 c)
{
    UChar skeleton[TEXT_MAX];
    skeleton_of(c, skeleton);
    return letter_with_skeleton(skeleton);
}

/* The skeleton without its marks is one letter: a letter with an accent or a stroke. */
static char accent_look(UChar32 c)
{
    UChar skeleton[TEXT_MAX];
    int32_t len = skeleton_of(c, skeleton), kept = 0, at = 0;
    while (at < len) {
        UChar32 part;
        U16_NEXT(skeleton, at, len, part);
        if (!(U_MASK(u_charType(part)) & U_GC_MN_MASK))
            U16_APPEND_UNSAFE(skeleton, kept, part);
    }
    skeleton[kept] = 0;
    return kept == len ? 0 : letter_with_skeleton(skeleton);
}

/* Letters that Unicode's names call a form of a Latin letter. */
static char named_look(UChar32 c, uint8_t *kind)
{
    static const struct {
        const char *prefix;
        uint8_t kind;
    } forms[] = {{"LATIN LETTER SMALL CAPITAL ", WD_LOOK_STRICT},
                 {"LATIN SMALL LETTER TURNED ", WD_LOOK_STRICT},
                 {"NEGATIVE CIRCLED LATIN CAPITAL LETTER ", WD_LOOK_EMBLEM},
                 {"NEGATIVE SQUARED LATIN CAPITAL LETTER ", WD_LOOK_EMBLEM},
                 {"REGIONAL INDICATOR SYMBOL LETTER ", WD_LOOK_EMBLEM}};
    char name[128];
    UErrorCode status = U_ZERO_ERROR;
    u_charName(c, U_UNICODE_CHAR_NAME, name, sizeof name, &status);
    tables_must(status, "name");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t len = strlen(forms[i].prefix);
        if (strncmp(name, forms[i].prefix, len) == 0 && isupper((unsigned char)name[len]) && !name[len + 1]) {
            *kind = forms[i].kind;
            return (char)tolower((unsigned char)name[len]);
        }
    }
    return 0;
}

static char symbol_look(UChar32 c)
{
    static const struct {
        UChar32 symbol;
        char letter;
    } symbols[] = {{0xA1, 'i'},   {0xA2, 'c'},   {0xA3, 'l'},   {0xA5, 'y'},   {0xA7, 's'},   {0xA9, 'c'},
                   {0xAE, 'r'},   {0xD7, 'x'},   {0x2020, 't'}, {0x20AC, 'e'}, {0x20A4, 'l'}, {0x2135, 'n'},
                   {0x2208, 'e'}, {0x222B, 's'}, {0x2229, 'n'}, {0x222A, 'u'}, {0x2228, 'v'}};
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        if (symbols[i].symbol == c)
            return symbols[i].letter;
    return 0;
}

/* A capital that looks like I has the skeleton of l: its small letter knows better. */
static char capital_i_or(UChar32 c, char letter)
{
    UChar32 lower = u_tolower(c);
    if (letter == 'l' && lower != c && strict_look(lower) == 'i')
        return 'i';
    return letter;
}

static char letter_look(UChar32 c, uint8_t *kind)
{
    char letter = strict_look(c);
    if (letter) {
        *kind = WD_LOOK_STRICT;
        return capital_i_or(c, letter);
    }
    UChar32 other = u_tolower(c) != c ? u_tolower(c) : u_toupper(c);
    letter = other != c ? strict_look(other) : 0;
    if (letter) {
        *kind = WD_LOOK_CASE;
        return capital_i_or(other, letter);
    }
    *kind = WD_LOOK_ACCENT;
    return accent_look(c);
}

void tables_looks_close(void)
{
    uspoof_close(spoof);
}

struct wd_look tables_look_of(UChar32 c, uint32_t properties)
{
    struct wd_look look = {{0}, WD_LOOK_NONE};
    uint8_t kind = WD_LOOK_NONE;
    if (c < 0x80 || U_IS_SURROGATE(c) || (properties & WD_CHAR_UNSPACED))
        return look;
    char letter = named_look(c, &kind);
    if (!letter && (properties & WD_CHAR_LETTER))
        letter = letter_look(c, &kind);
    if (!letter && (letter = symbol_look(c)))
        kind = WD_LOOK_SYMBOL;
    if (letter)
        look = (struct wd_look){{letter}, kind};
    return look;
}
