/* Counts of letters (case, scripts) and heaps of marks. */
#include <unicode/uscript.h>

#include "filters/matchers/characters.h"
#include "filters/matchers/matchers.h"

struct wd_letter_case wd_count_case(struct wd_str text)
{
    struct wd_letter_case count = {0};
    for (size_t at = 0; at < text.len;) {
        char byte = text.data[at];
        uint32_t c = wd_next_character(text, &at);
        if (c < 0x80) {
            count.upper += byte >= 'A' && byte <= 'Z';
            count.lower += byte >= 'a' && byte <= 'z';
            continue;
        }
        int8_t type = u_charType((UChar32)c);
        count.upper += type == U_UPPERCASE_LETTER;
        count.lower += type == U_LOWERCASE_LETTER;
    }
    return count;
}

static bool is_one_of(int script, const int *scripts, size_t script_count)
{
    for (size_t i = 0; i < script_count; i++)
        if (scripts[i] == script)
            return true;
    return false;
}

struct wd_script_share wd_count_scripts(struct wd_str text, const int *scripts, size_t script_count)
{
    struct wd_script_share share = {0};
    bool latin = is_one_of(USCRIPT_LATIN, scripts, script_count);
    for (size_t at = 0; at < text.len;) {
        uint32_t c = wd_next_character(text, &at);
        if (c < 0x80) {
            bool is_letter = wd_is_letter_byte((char)c);
            share.letters += is_letter;
            share.of_scripts += is_letter && latin;
            continue;
        }
        UErrorCode status = U_ZERO_ERROR;
        int script = u_isalpha((UChar32)c) ? uscript_getScript((UChar32)c, &status) : USCRIPT_COMMON;
        if (script == USCRIPT_COMMON || script == USCRIPT_INHERITED || U_FAILURE(status))
            continue;
        share.letters++;
        share.of_scripts += is_one_of(script, scripts, script_count);
    }
    return share;
}

/* Marks that go with any script: those of one script are how it is written. */
static bool is_stray_mark(uint32_t c)
{
    if (c < 0x300 || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xE0100 && c <= 0xE01EF))
        return false; /* selectors of variants are no marks that anybody sees */
    int8_t type = u_charType((UChar32)c);
    UErrorCode status = U_ZERO_ERROR;
    return (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK) &&
           uscript_getScript((UChar32)c, &status) == USCRIPT_INHERITED;
}

void wd_find_zalgo(struct wd_str text, uint32_t marks, const struct wd_finder *finder)
{
    size_t base = 0;
    uint32_t count = 0;
    for (size_t at = 0; at <= text.len;) {
        size_t before = at;
        bool is_mark = at < text.len && is_stray_mark(wd_next_character(text, &at));
        if (is_mark) {
            count++;
            continue;
        }
        if (count >= marks && before > base)
            finder->found(finder->context, base, before);
        count = 0;
        base = before;
        if (before == text.len)
            return;
    }
}
