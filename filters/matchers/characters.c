/* Digits and what separates groups of them. Neighbours: card.c, phone.c, iban.c. */
#include "filters/matchers/characters.h"

bool wd_digit_ends_at(struct wd_str text, size_t at)
{
    if (at == 0)
        return false;
    size_t start = at - 1;
    while (start > 0 && at - start < 4 && wd_continues_character(text.data[start]))
        start--;
    size_t end = start;
    return wd_next_digit(text, &end) >= 0 && end == at;
}

size_t wd_group_separator(struct wd_str text, size_t at, char *kind_out)
{
    char c = wd_byte_at(text, at);
    *kind_out = c;
    if (at >= text.len)
        return 0;
    if (c == ' ' || c == '-')
        return 1;
    if (!(c & 0x80))
        return 0;
    size_t end = at;
    uint32_t character = wd_next_character(text, &end);
    int8_t type = u_charType((UChar32)character);
    bool is_dash = type == U_DASH_PUNCTUATION || character == 0x2212;
    *kind_out = is_dash ? '-' : ' ';
    return is_dash || type == U_SPACE_SEPARATOR ? end - at : 0;
}

size_t wd_find_digit(struct wd_str text, size_t at, struct wd_effort *effort)
{
    size_t counted = at;
    while (at < text.len && !wd_is_digit_byte(text.data[at])) {
        if (at - counted > WD_EFFORT_PATIENCE) {
            if (!wd_goes_on(effort, at - counted))
                return text.len;
            counted = at;
        }
        size_t end = at;
        if (!(text.data[at] & 0x80))
            at++;
        else if (wd_next_digit(text, &end) >= 0)
            break;
        else
            (void)wd_next_character(text, &at);
    }
    wd_note_steps(effort, at - counted);
    return at;
}

size_t wd_skip_digits(struct wd_str text, size_t at, struct wd_effort *effort)
{
    size_t counted = at;
    while (wd_next_digit(text, &at) >= 0)
        if (at - counted >= WD_EFFORT_PATIENCE) {
            if (!wd_goes_on(effort, at - counted))
                return text.len;
            counted = at;
        }
    wd_note_steps(effort, at - counted);
    return at;
}
