/* Bank accounts (IBAN, ISO 13616): two letters of a country that has them, its length, and check digits. */
#include "filters/matchers/characters.h"
#include "filters/matchers/matchers.h"

/* By country; from the registry that SWIFT keeps, and some that are in use without standing there. */
static const struct country {
    char code[3];
    uint8_t length;
} COUNTRIES[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22},
    {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DJ", 27},
    {"DK", 18}, {"DO", 28}, {"DZ", 26}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FK", 18}, {"FO", 18},
    {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28},
    {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28},
    {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MA", 28}, {"MC", 27}, {"MD", 24},
    {"ME", 22}, {"MK", 19}, {"MN", 20}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15},
    {"OM", 23}, {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33},
    {"SA", 24}, {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SN", 28}, {"SO", 23},
    {"ST", 25}, {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
};
enum { IBAN_MAX = 33, GROUP = 4, DIGITS_MIN = 6 };

static size_t length_in(char first, char second)
{
    char code[2] = {(char)(first & ~0x20), (char)(second & ~0x20)};
    for (size_t i = 0; i < sizeof(COUNTRIES) / sizeof(*COUNTRIES); i++)
        if (memcmp(COUNTRIES[i].code, code, 2) == 0)
            return COUNTRIES[i].length;
    return 0;
}

static unsigned append(unsigned remainder, char c)
{
    if (wd_is_digit_byte(c))
        return (remainder * 10 + (unsigned)(c - '0')) % 97;
    return (remainder * 100 + (unsigned)((c & ~0x20) - 'A' + 10)) % 97;
}

/* ISO 7064 MOD 97-10: the first four characters moved behind the rest, letters as numbers from 10 on. */
static bool checks(const char *characters, size_t count)
{
    unsigned remainder = 0;
    size_t digits = 0;
    for (size_t i = 0; i < count; i++) {
        remainder = append(remainder, characters[(i + 4) % count]);
        digits += wd_is_digit_byte(characters[i]);
    }
    return remainder == 1 && digits >= DIGITS_MIN; /* no bank numbers its accounts in letters alone */
}

/* The end of the account that starts at `start`; 0: there is none. */
static size_t iban_at(struct wd_str text, size_t start, enum wd_iban_form form)
{
    char characters[IBAN_MAX], kind;
    size_t length = length_in(text.data[start], text.data[start + 1]), count = 0, at = start, separators = 0;
    while (count < length && at < text.len) {
        size_t separator = count && count % GROUP == 0 ? wd_group_separator(text, at, &kind) : 0;
        separators += separator != 0;
        at += separator;
        if (at >= text.len || !wd_is_alnum_byte(text.data[at]))
            return 0;
        characters[count++] = text.data[at++];
    }
    bool grouped = separators && separators == (length - 1) / GROUP;
    if (!length || count < length || wd_is_word_byte(wd_byte_at(text, at)) || (separators && !grouped) ||
        (form == WD_IBAN_GROUPED && !grouped))
        return 0;
    return checks(characters, count) ? at : 0;
}

void wd_find_ibans(struct wd_str text, enum wd_iban_form form, const struct wd_finder *finder)
{
    size_t counted = 0;
    for (size_t at = 0; at + 4 < text.len; at++) {
        if (at - counted > WD_EFFORT_PATIENCE) {
            if (!wd_goes_on(finder->effort, at - counted))
                return;
            counted = at;
        }
        const char *c = text.data + at;
        if (!wd_is_digit_byte(c[2]) || !wd_is_digit_byte(c[3]) || !wd_is_letter_byte(c[0]) ||
            !wd_is_letter_byte(c[1]) || wd_is_word_byte(wd_byte_before(text, at)))
            continue;
        if (!wd_goes_on(finder->effort, at - counted + IBAN_MAX))
            return;
        counted = at;
        size_t end = iban_at(text, at, form);
        if (!end)
            continue;
        finder->found(finder->context, at, end);
        at = end - 1;
    }
}
