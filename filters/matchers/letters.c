/* Counts of letters (case, scripts) and heaps of marks. */
#include <unicode/uscript.h>

#include "filters/matchers/characters.h"
#include "filters/matchers/matchers.h"
#include "filters/views/tables.h"

enum { PART = 4096 }; /* bytes between two looks at the effort */

/* Behind the ASCII characters at `at`, at most `end`. */
static size_t skip_ascii(struct wd_str text, size_t at, size_t end)
{
    uint64_t eight;
    for (; at + sizeof(eight) <= end; at += sizeof(eight)) {
        memcpy(&eight, text.data + at, sizeof(eight));
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    while (at < end && !(text.data[at] & 0x80))
        at++;
    return at;
}

static inline size_t behind_ascii(struct wd_str text, size_t at, size_t end)
{
    return at >= end || text.data[at] & 0x80 ? at : skip_ascii(text, at, end);
}

/* The end of the next part from `at` on; false where the search should end, or the text does. */
static bool next_part(struct wd_str text, size_t at, size_t *end_out, struct wd_effort *effort)
{
    size_t left = text.len - at, len = left < PART ? left : PART;
    *end_out = at + len;
    return len && wd_goes_on(effort, len);
}

/* A loop that becomes vector code. */
static void count_ascii_case(struct wd_str text, size_t from, size_t to, struct wd_letter_case *count)
{
    uint32_t upper = 0, lower = 0;
    for (size_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)text.data[i];
        upper += (unsigned char)(c - 'A') < 26;
        lower += (unsigned char)(c - 'a') < 26;
    }
    count->upper += upper;
    count->lower += lower;
}

struct wd_letter_case wd_count_case(struct wd_str text, struct wd_effort *effort)
{
    struct wd_letter_case count = {0};
    size_t at = 0, counted = 0;
    for (size_t end; next_part(text, at, &end, effort);) {
        while ((at = behind_ascii(text, at, end)) < end) {
            uint32_t properties = wd_char_properties(wd_next_character(text, &at));
            count.upper += (properties & WD_CHAR_UPPER) != 0;
            count.lower += (properties & WD_CHAR_LOWER) != 0;
        }
        count_ascii_case(text, counted, at, &count);
        counted = at;
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

struct wd_script_share wd_count_scripts(struct wd_str text, const int *scripts, size_t script_count,
                                        struct wd_effort *effort)
{
    struct wd_script_share share = {0};
    struct wd_letter_case ascii = {0};
    size_t at = 0, counted = 0;
    for (size_t end; next_part(text, at, &end, effort);) {
        while ((at = behind_ascii(text, at, end)) < end) {
            uint32_t properties = wd_char_properties(wd_next_character(text, &at));
            int script = (int)WD_CHAR_SCRIPT(properties);
            if (!(properties & WD_CHAR_ALPHABETIC) || script == USCRIPT_COMMON || script == USCRIPT_INHERITED)
                continue;
            share.letters++;
            share.of_scripts += is_one_of(script, scripts, script_count);
        }
        count_ascii_case(text, counted, at, &ascii);
        counted = at;
    }
    share.letters += ascii.upper + ascii.lower;
    share.of_scripts += is_one_of(USCRIPT_LATIN, scripts, script_count) ? ascii.upper + ascii.lower : 0;
    return share;
}

/* Marks that go with any script: those of one script are how it is written. */
static bool is_stray_mark(uint32_t c)
{
    if (c < 0x300 || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xE0100 && c <= 0xE01EF))
        return false; /* selectors of variants are no marks that anybody sees */
    uint32_t properties = wd_char_properties(c);
    return properties & WD_CHAR_MARK && WD_CHAR_SCRIPT(properties) == USCRIPT_INHERITED;
}

void wd_find_zalgo(struct wd_str text, uint32_t marks, const struct wd_finder *finder)
{
    size_t at = 0, base = 0;
    uint32_t count = 0;
    for (size_t end; next_part(text, at, &end, finder->effort);)
        while (at < end) {
            size_t before = at, ascii_end = count ? at : behind_ascii(text, at, end);
            if (ascii_end > at) { /* none of these is a mark; the last one can be what marks stand on */
                base = ascii_end - 1;
                at = ascii_end;
                continue;
            }
            if (is_stray_mark(wd_next_character(text, &at))) {
                count++;
                continue;
            }
            if (count >= marks && before > base)
                finder->found(finder->context, base, before);
            count = 0;
            base = before;
        }
    if (count >= marks && at > base)
        finder->found(finder->context, base, at);
}
