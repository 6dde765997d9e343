/* The parts of unicode.h that are too long for a header. */
#include "filters/patterns/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string.h>

bool unicode_tables_fit(void)
{
    char version[64] = "";
    return pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, NULL) <= (int)sizeof version &&
           pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version) > 0 && strcmp(version, unicode_table_version) == 0;
}

uint32_t utf8_encode(uint32_t c, unsigned char *out)
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (unsigned char)(0xC0 | c >> 6);
        out[1] = (unsigned char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (unsigned char)(0xE0 | c >> 12);
        out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (unsigned char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (unsigned char)(0xF0 | c >> 18);
    out[1] = (unsigned char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (unsigned char)(0x80 | (c & 0x3F));
    return 4;
}

bool utf8_is_valid(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + len;
    while (at < end) {
        if (*at < 0x80) {
            at++;
            continue;
        }
        uint32_t need = *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : 1;
        if (*at < 0xC2 || *at > 0xF4 || (size_t)(end - at) <= need)
            return false;
        for (uint32_t i = 1; i <= need; i++)
            if ((at[i] & 0xC0) != 0x80)
                return false;
        uint32_t used;
        uint32_t c = utf8_decode(at, &used);
        if ((need == 2 && (c < 0x800 || (c >= 0xD800 && c <= 0xDFFF))) || (need == 3 && (c < 0x10000 || c > 0x10FFFF)))
            return false;
        at += need + 1;
    }
    return true;
}

size_t unicode_fold_text(const char *text, size_t len, char *out)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + len;
    unsigned char *to = (unsigned char *)out;
    while (at < end) {
        uint32_t used;
        uint32_t c = utf8_decode(at, &used);
        to += utf8_encode(unicode_fold(c), to);
        at += used;
    }
    return (size_t)(to - (unsigned char *)out);
}
