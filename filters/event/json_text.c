/* Escapes, numbers, repair: see json_text.h. */
#include "filters/event/json_text.h"

#include <math.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static const char REPLACEMENT[] = "\xEF\xBF\xBD";
enum { REPLACEMENT_BYTES = 3 };

/* Of a hexadecimal digit its value + 1, else 0. */
static const unsigned char HEX[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};

/* What stands for one character behind a backslash, by the byte there. */
static const char SIMPLE[256] = {
    ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};

/* The unit of "\uXXXX" at `at`, or -1 where that does not stand there. */
static int32_t escaped_unit(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    int32_t unit = 0;
    bool wrong = false;
    for (int i = 2; i < 6; i++) {
        int digit = HEX[(unsigned char)at[i]];
        wrong |= !digit;
        unit = unit * 16 + (digit - 1);
    }
    return wrong ? -1 : unit;
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

/* Copies to `target`, unless that is NULL, up to the first backslash; returns how many bytes. Eight at a time, of which
 * some can be too many: behind them something else is written. */
static inline size_t take_plain(const char *at, size_t left, char *target)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t taken = 0;
    for (; left - taken >= 8; taken += 8) {
        uint64_t word;
        memcpy(&word, at + taken, 8);
        if (target)
            memcpy(target + taken, &word, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        uint64_t x = word ^ ones * '\\', zeros = (x - ones) & ~x & ones << 7;
        if (zeros)
            return taken + (size_t)__builtin_ctzll(zeros) / 8;
    }
    for (; taken < left && at[taken] != '\\'; taken++)
        if (target)
            target[taken] = at[taken];
    return taken;
}

/* Where reading and writing are. By value, for what is written could be anything to the compiler. Nothing becomes
 * longer, so what is written never passes what was read. */
struct place {
    const char *at; /* NULL: a wrong escape */
    char *target;   /* NULL: nothing is written */
    size_t written;
};

static inline struct place put_plain(struct place place, size_t count, const char *end)
{
    enum { USUAL = 16 };
    if (place.target && count <= USUAL && end - place.at >= USUAL)
        memcpy(place.target + place.written, place.at, USUAL); /* some too many: others are written over them */
    else if (place.target)
        memcpy(place.target + place.written, place.at, count);
    place.written += count;
    place.at += count;
    return place;
}

static struct place put_unicode(struct place place, const char *end, bool *repaired_out)
{
    int32_t point = take_unicode(&place.at, end, repaired_out);
    if (point < 0)
        return (struct place){.at = NULL};
    char bytes[4];
    size_t count = encode((uint32_t)point, bytes);
    if (place.target)
        memcpy(place.target + place.written, bytes, count);
    place.written += count;
    return place;
}

static inline struct place put_escape(struct place place, const char *end, bool *repaired_out)
{
    char simple = end - place.at > 1 ? SIMPLE[(unsigned char)place.at[1]] : 0;
    if (!simple)
        return put_unicode(place, end, repaired_out);
    if (place.target)
        place.target[place.written] = simple;
    place.written++;
    place.at += 2;
    return place;
}

#if defined(__SSE2__)
static inline uint64_t backslashes_in_64(const char *at)
{
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(at + 16 * i));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))) << 16 * i;
    }
    return mask;
}

/* Those of the backslashes that begin an escape and are not what one stands for; the first is none of these. */
static inline uint64_t begin_escape(uint64_t backslashes)
{
    const uint64_t odd = UINT64_C(0xAAAAAAAAAAAAAAAA);
    return (((backslashes << 1 | odd) - backslashes) ^ odd) & backslashes;
}

/* As long as there are 64 bytes: where the next escape is does not wait for the one before it to be read. */
static struct place put_blocks(struct place place, const char *end, bool *repaired_out)
{
    while (place.at && end - place.at >= 64) {
        const char *block = place.at;
        for (uint64_t mask = begin_escape(backslashes_in_64(block)); mask && place.at; mask &= mask - 1) {
            const char *escape = block + __builtin_ctzll(mask);
            if (escape < place.at)
                continue; /* the second half of a pair */
            if (escape > place.at)
                place = put_plain(place, (size_t)(escape - place.at), end);
            place = put_escape(place, end, repaired_out);
        }
        if (place.at && place.at < block + 64)
            place = put_plain(place, (size_t)(block + 64 - place.at), end);
    }
    return place;
}
#else
static struct place put_blocks(struct place place, const char *end, bool *repaired_out)
{
    (void)end;
    (void)repaired_out;
    return place;
}
#endif

bool json_unescape(const char *content, size_t len, char *target, size_t *len_out, bool *repaired_out)
{
    const char *end = content + len;
    struct place place = put_blocks((struct place){.at = content, .target = target}, end, repaired_out);
    while (place.at && place.at < end) {
        if (*place.at == '\\') {
            place = put_escape(place, end, repaired_out);
            continue;
        }
        size_t plain = take_plain(place.at, (size_t)(end - place.at), target ? target + place.written : NULL);
        place.written += plain;
        place.at += plain;
    }
    *len_out = place.written;
    return place.at;
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
