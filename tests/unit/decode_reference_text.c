/* Repair by trial, for the reference decoder: see decode_reference_text.h. */
#include "tests/unit/decode_reference_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char REPLACEMENT[3] = {'\xEF', '\xBF', '\xBD'};
static const char REPLACING_ESCAPE[6] = {'\\', 'u', 'f', 'f', 'f', 'd'};

/* Repair of bytes: an input position is good where one of the four lengths decodes to a code point whose shortest form
 * has that length. Wrong bytes are grouped as far as they are the beginning of some good sequence. */

static int64_t decode_exactly(const unsigned char *at, size_t length)
{
    static const int64_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char MASK[] = {0, 0x7F, 0x1F, 0x0F, 0x07}, LEAD[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    if ((at[0] & (unsigned char)~MASK[length]) != LEAD[length])
        return -1;
    int64_t point = at[0] & MASK[length];
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return -1;
        point = point << 6 | (at[i] & 0x3F);
    }
    bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point < LEAST[length] || point > 0x10FFFF || is_surrogate ? -1 : point;
}

static bool is_good(const unsigned char *at, size_t length)
{
    return decode_exactly(at, length) >= 0;
}

/* Whether some continuation makes a good sequence of the first `given` bytes. */
static bool is_beginning(const unsigned char *at, size_t given)
{
    unsigned char tried[4];
    for (size_t length = given + 1; length <= 4; length++)
        for (unsigned second = 0x80; second <= 0xBF; second++) {
            memset(tried, 0x80, sizeof(tried));
            tried[1] = (unsigned char)second;
            memcpy(tried, at, given);
            if (is_good(tried, length))
                return true;
        }
    return false;
}

size_t reference_repair_bytes(const unsigned char *bytes, size_t len, char *target, bool *repaired)
{
    size_t written = 0;
    bool in_string = false, escaped = false;
    for (size_t i = 0; i < len;) {
        size_t good = 0, wrong = 0;
        for (size_t length = 1; length <= 4 && i + length <= len && !good; length++)
            good = is_good(bytes + i, length) ? length : 0;
        bool is_nul = in_string && bytes[i] == 0;
        if (good && !is_nul) {
            memcpy(target + written, bytes + i, good);
            written += good;
            if (bytes[i] == '"' && !escaped)
                in_string = !in_string;
            escaped = in_string && bytes[i] == '\\' && !escaped;
            i += good;
            continue;
        }
        for (wrong = 1; !is_nul && wrong < 4 && i + wrong < len && is_beginning(bytes + i, wrong + 1); wrong++)
            ;
        memcpy(target + written, REPLACEMENT, sizeof(REPLACEMENT));
        written += sizeof(REPLACEMENT);
        i += wrong;
        escaped = false;
        *repaired = true;
    }
    return written;
}

static int unit_at(const char *text, const char *end)
{
    char digits[5];
    if (end - text < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    snprintf(digits, sizeof(digits), "%.4s", text + 2);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? (int)strtol(digits, NULL, 16) : -1;
}

/* Rewrites \u0000 and lone surrogates within strings to \ufffd, in place. */
void reference_repair_escapes(char *text, size_t len, bool *repaired)
{
    char *end = text + len;
    bool in_string = false;
    for (char *at = text; at < end; at++) {
        if (*at == '"')
            in_string = !in_string;
        if (!in_string || *at != '\\')
            continue;
        int unit = unit_at(at, end);
        if (unit < 0) {
            at++; /* a simple escape: its second byte is no quote and no backslash of its own */
            continue;
        }
        int low = unit_at(at + 6, end);
        bool is_pair = unit >= 0xD800 && unit <= 0xDBFF && low >= 0xDC00 && low <= 0xDFFF;
        if (!is_pair && (unit == 0 || (unit >= 0xD800 && unit <= 0xDFFF))) {
            memcpy(at, REPLACING_ESCAPE, sizeof(REPLACING_ESCAPE));
            *repaired = true;
        }
        at += is_pair ? 11 : 5;
    }
}

int reference_depth(const char *text, size_t len)
{
    int depth = 0, most = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '['))
            most = ++depth > most ? depth : most;
        else if (!in_string && (text[i] == '}' || text[i] == ']'))
            depth--;
    }
    return most;
}
