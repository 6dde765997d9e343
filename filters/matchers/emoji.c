/* Counts emoji as people see them: sequences with joiners, skin tones and selectors, flags and key-caps are one each.
 */
#include "filters/matchers/characters.h"
#include "filters/matchers/matchers.h"
#include "filters/views/tables.h"

static const uint32_t JOINER = 0x200D, EMOJI_SELECTOR = 0xFE0F, KEY_CAP = 0x20E3;

static uint32_t peek(struct wd_str text, size_t at)
{
    return at < text.len ? wd_next_character(text, &at) : 0;
}

static bool is_regional(uint32_t c)
{
    return c >= 0x1F1E6 && c <= 0x1F1FF;
}

static bool is_pictograph(uint32_t c)
{
    return c >= 0xA9 && wd_char_properties(c) & WD_CHAR_PICTOGRAPHIC;
}

/* Whether an emoji starts with `c`, which ends at `next`. */
static bool starts_emoji(struct wd_str text, uint32_t c, size_t next)
{
    if (c < 0x80) {
        if (!wd_is_digit_byte((char)c) && c != '#' && c != '*')
            return false;
        if (peek(text, next) == EMOJI_SELECTOR)
            (void)wd_next_character(text, &next);
        return peek(text, next) == KEY_CAP;
    }
    if (is_regional(c))
        return is_regional(peek(text, next));
    return wd_char_properties(c) & WD_CHAR_EMOJI || (is_pictograph(c) && peek(text, next) == EMOJI_SELECTOR);
}

static bool extends_emoji(uint32_t c)
{
    return c == EMOJI_SELECTOR || c == KEY_CAP || (c >= 0x1F3FB && c <= 0x1F3FF) || (c >= 0xE0020 && c <= 0xE007F);
}

/* Behind the emoji whose first character `c` ends at `at`; one can be as long as the text. */
static size_t skip_emoji(struct wd_str text, uint32_t c, size_t at, struct wd_effort *effort)
{
    if (is_regional(c))
        (void)wd_next_character(text, &at);
    for (size_t next; wd_goes_on(effort, 2); at = next) {
        next = at;
        uint32_t follows = at < text.len ? wd_next_character(text, &next) : 0;
        bool joins = follows == JOINER && is_pictograph(peek(text, next));
        if (joins)
            (void)wd_next_character(text, &next);
        else if (!extends_emoji(follows))
            return at;
    }
    return text.len;
}

static bool is_visible(uint32_t c)
{
    if (c < 0x80)
        return c > ' ' && c != 0x7F;
    uint32_t unseen = U_GC_C_MASK | U_GC_Z_MASK | U_GC_M_MASK;
    return !(U_MASK(u_charType((UChar32)c)) & unseen);
}

struct wd_emoji_count wd_count_emoji(struct wd_str text, struct wd_effort *effort)
{
    struct wd_emoji_count count = {0};
    for (size_t at = 0, start = 0; at < text.len && wd_goes_on(effort, at - start + 1);) {
        start = at;
        uint32_t c = wd_next_character(text, &at);
        if (!starts_emoji(text, c, at)) {
            count.others += is_visible(c);
            continue;
        }
        at = skip_emoji(text, c, at, effort);
        if (!count.emoji++)
            count.start = start;
        count.end = at;
    }
    return count;
}
