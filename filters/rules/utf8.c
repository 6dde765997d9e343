/* Small text helpers of the loader. Neighbours: lists.c, leaves.c. */
#include <stdint.h>

#include "filters/rules/utf8.h"

/* Length of the sequence at `at`, 0 where it is no valid one: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (len == 0 || len > left || lead == 0)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    bool bad = (lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F) || (lead == 0xF0 && at[1] < 0x90) ||
               (lead == 0xF4 && at[1] > 0x8F);
    return bad ? 0 : len;
}

bool wd_is_utf8(struct wd_str text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    for (size_t i = 0; i < text.len;) {
        size_t len = sequence_length(at + i, text.len - i);
        if (!len)
            return false;
        i += len;
    }
    return true;
}

struct wd_str wd_trimmed(struct wd_str text)
{
    while (text.len && strchr(" \t\r\n", text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len && strchr(" \t\r\n", text.data[text.len - 1]))
        text.len--;
    return text;
}
