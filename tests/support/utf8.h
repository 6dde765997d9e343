/* For tests of texts: is it UTF-8? Written apart from the product's own reader, which it checks. */
#ifndef TESTS_SUPPORT_UTF8_H
#define TESTS_SUPPORT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool utf8_is_valid(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0;
    while (at < len) {
        unsigned char lead = s[at];
        size_t more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : 9;
        if (more == 9 || at + more >= len + (more == 0))
            return false;
        uint32_t c = more == 0 ? lead : lead & (0x3Fu >> more);
        for (size_t i = 1; i <= more; i++) {
            if ((s[at + i] & 0xC0) != 0x80)
                return false;
            c = c << 6 | (s[at + i] & 0x3F);
        }
        static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
        if (c < lowest[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return false;
        at += more + 1;
    }
    return true;
}

#endif
