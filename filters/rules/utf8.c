/* Small text helpers of the loader. Neighbours: lists.c, leaves.c. */
#include <stdint.h>

#include <warden/ruleset.h>

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

bool wd_is_unspaced(struct wd_str text)
{
    static const struct {
        uint32_t first, last;
    } RANGES[] = {{0x0E00, 0x0EFF}, {0x1000, 0x109F}, {0x1780, 0x17FF}, {0x3040, 0x30FF},
                  {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x3134F}};
    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = (unsigned char)text.data[at];
        uint32_t code = c < 0x80 ? c : c >= 0xF0 ? c & 7U : c >= 0xE0 ? c & 15U : c & 31U;
        while (c >= 0x80 && at + 1 < text.len && ((unsigned char)text.data[at + 1] & 0xC0) == 0x80)
            code = code << 6 | ((unsigned char)text.data[++at] & 0x3FU);
        for (size_t i = 0; i < sizeof(RANGES) / sizeof(*RANGES); i++)
            if (code >= RANGES[i].first && code <= RANGES[i].last)
                return true;
    }
    return false;
}
