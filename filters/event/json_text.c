/* Escapes, numbers, repair: see json_text.h. */
#include "filters/event/json_text.h"

#include <math.h>
#include <string.h>

static const char REPLACEMENT[] = "\xEF\xBF\xBD";
enum { REPLACEMENT_BYTES = 3 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The unit of "\uXXXX" at `at`, or -1 where that does not stand there. */
static int32_t escaped_unit(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    int32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static size_t encode(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

/* The code point of the \u escape at `at`, pairs joined; moves *at past it. -1 where the escape is wrong. */
static int32_t take_unicode(const char **at, const char *end, bool *repaired_out)
{
    int32_t unit = escaped_unit(*at, end);
    if (unit < 0)
        return -1;
    *at += 6;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        int32_t low = escaped_unit(*at, end);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *at += 6;
            return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    if ((unit >= 0xD800 && unit <= 0xDFFF) || unit == 0) {
        *repaired_out = true;
        return 0xFFFD;
    }
    return unit;
}

static char simple_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

bool json_unescape(const char *content, size_t len, char *target, size_t *len_out, bool *repaired_out)
{
    const char *at = content, *end = content + len;
    size_t written = 0;
    while (at < end) {
        if (*at != '\\') {
            const char *escape = memchr(at, '\\', (size_t)(end - at));
            size_t plain = (size_t)((escape ? escape : end) - at);
            if (target)
                memcpy(target + written, at, plain);
            written += plain;
            at += plain;
            continue;
        }
        char simple = end - at > 1 ? simple_escape(at[1]) : 0;
        if (simple) {
            if (target)
                target[written] = simple;
            written++;
            at += 2;
            continue;
        }
        int32_t point = take_unicode(&at, end, repaired_out);
        if (point < 0)
            return false;
        char bytes[4];
        size_t count = encode((uint32_t)point, bytes);
        if (target)
            memcpy(target + written, bytes, count);
        written += count;
    }
    *len_out = written;
    return true;
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *past_digits(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

size_t json_number_length(const char *text)
{
    const char *at = text;
    if (*at == '-')
        at++;
    if (!is_digit(*at))
        return 0;
    at = *at == '0' ? at + 1 : past_digits(at);
    if (*at == '.') {
        if (!is_digit(*++at))
            return 0;
        at = past_digits(at);
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        if (*at == '+' || *at == '-')
            at++;
        if (!is_digit(*at))
            return 0;
        at = past_digits(at);
    }
    return (size_t)(at - text);
}

bool json_parse_int(const char *number, size_t len, int64_t *out)
{
    bool negative = number[0] == '-';
    int64_t value = 0;
    for (size_t i = negative; i < len; i++) {
        if (!is_digit(number[i]))
            return false;
        int digit = number[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}

/* Not strtod: that asks the locale for its decimal point. Good to about 15 digits, which is more than ages need. */
bool json_parse_double(const char *number, size_t len, double *out)
{
    bool negative = number[0] == '-';
    bool fraction = false;
    double value = 0;
    int exponent = 0;
    size_t i = negative;
    for (; i < len && number[i] != 'e' && number[i] != 'E'; i++) {
        if (number[i] == '.') {
            fraction = true;
        } else if (value < 1e17) {
            value = value * 10 + (number[i] - '0');
            exponent -= fraction;
        } else {
            exponent += !fraction;
        }
    }
    if (i < len) {
        bool down = number[++i] == '-';
        int given = 0;
        for (i += number[i] == '-' || number[i] == '+'; i < len; i++)
            given = given < 100000 ? given * 10 + (number[i] - '0') : given;
        exponent += down ? -given : given;
    }
    if (value != 0)
        value = exponent < 0 ? value / pow(10, -exponent) : value * pow(10, exponent);
    if (!isfinite(value))
        return false;
    *out = negative ? -value : value;
    return true;
}

/* Length of the well-formed sequence at `at`, or minus the length of the longest wrong piece (at least 1) that a
 * decoder replaces by one U+FFFD. */
static int utf8_sequence(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0], low = 0x80, high = 0xBF;
    int length;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        length = 2;
    else if (lead >= 0xE0 && lead <= 0xEF)
        length = 3;
    else if (lead >= 0xF0 && lead <= 0xF4)
        length = 4;
    else
        return -1;
    if (lead == 0xE0)
        low = 0xA0;
    else if (lead == 0xED)
        high = 0x9F;
    else if (lead == 0xF0)
        low = 0x90;
    else if (lead == 0xF4)
        high = 0x8F;
    for (int i = 1; i < length; i++, low = 0x80, high = 0xBF)
        if ((size_t)i >= left || at[i] < low || at[i] > high)
            return -i;
    return length;
}

size_t json_repair(const char *text, size_t len, char *target, bool *changed_out)
{
    size_t written = 0;
    bool in_string = false, after_backslash = false;
    *changed_out = false;
    for (size_t i = 0; i < len;) {
        int sequence = utf8_sequence((const unsigned char *)text + i, len - i);
        bool wrong = sequence < 0 || (text[i] == '\0' && in_string);
        size_t step = (size_t)(sequence < 0 ? -sequence : sequence);
        size_t count = wrong ? REPLACEMENT_BYTES : step;
        if (target)
            memcpy(target + written, wrong ? REPLACEMENT : text + i, count);
        if (text[i] == '"' && !after_backslash)
            in_string = !in_string;
        after_backslash = in_string && text[i] == '\\' && !after_backslash;
        *changed_out |= wrong;
        written += count;
        i += step;
    }
    return written;
}
