/* View 'decoded': percent escapes that make valid UTF-8 and HTML entities, up to twice, so that what is encoded twice
 * is read too. What does not decode stays as it is; NUL is never made. */
#include <string.h>

#include "filters/views/internal.h"

enum { PASSES = 2, ENTITY_MAX = 20 /* bytes between & and ; */ };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at `at` stands for, or -1. */
static int escaped_byte(const struct wd_piece *in, size_t at)
{
    if (at + 3 > in->len || in->data[at] != '%')
        return -1;
    int high = hex_value(in->data[at + 1]), low = hex_value(in->data[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool is_character(uint32_t c)
{
    return c > 0 && c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
}

/* Bytes of one character written as percent escapes at `at`; 0: there is none. */
static size_t percent_character(const struct wd_piece *in, size_t at, char bytes[4])
{
    int first = escaped_byte(in, at);
    if (first <= 0)
        return 0;
    size_t len = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4)
        return 0;
    bytes[0] = (char)first;
    for (size_t i = 1; i < len; i++) {
        int byte = escaped_byte(in, at + 3 * i);
        if (byte < 0 || (byte & 0xC0) != 0x80)
            return 0;
        bytes[i] = (char)byte;
    }
    char again[4];
    size_t end = 0;
    uint32_t c = wd_utf8_next(bytes, len, &end);
    /* Overlong forms and surrogates do not come back as they were. */
    return is_character(c) && wd_utf8_put(c, again) == len && memcmp(again, bytes, len) == 0 ? len : 0;
}

/* Entities that can hide a letter, split a word or stand in for punctuation. */
static const struct {
    const char *name;
    uint32_t c;
} entities[] = {
    {"amp", '&'},        {"lt", '<'},      {"gt", '>'},        {"quot", '"'},      {"apos", '\''},
    {"nbsp", 0xA0},      {"shy", 0xAD},    {"zwj", 0x200D},    {"zwnj", 0x200C},   {"lrm", 0x200E},
    {"rlm", 0x200F},     {"ensp", 0x2002}, {"emsp", 0x2003},   {"thinsp", 0x2009}, {"ZeroWidthSpace", 0x200B},
    {"NoBreak", 0x2060}, {"Tab", '\t'},    {"NewLine", '\n'},  {"excl", '!'},      {"num", '#'},
    {"dollar", '$'},     {"percnt", '%'},  {"lpar", '('},      {"rpar", ')'},      {"ast", '*'},
    {"plus", '+'},       {"comma", ','},   {"hyphen", 0x2010}, {"dash", 0x2010},   {"period", '.'},
    {"sol", '/'},        {"colon", ':'},   {"semi", ';'},      {"equals", '='},    {"quest", '?'},
    {"commat", '@'},     {"lsqb", '['},    {"rsqb", ']'},      {"bsol", '\\'},     {"lowbar", '_'},
    {"vert", '|'},       {"verbar", '|'},  {"ndash", 0x2013},  {"mdash", 0x2014},  {"hellip", 0x2026},
    {"iexcl", 0xA1},     {"cent", 0xA2},   {"pound", 0xA3},    {"yen", 0xA5},      {"sect", 0xA7},
    {"copy", 0xA9},      {"reg", 0xAE},    {"euro", 0x20AC},   {"times", 0xD7},    {"dagger", 0x2020},
    {"inodot", 0x131},   {"imath", 0x131}, {"fflig", 0xFB00},  {"filig", 0xFB01},  {"fllig", 0xFB02},
    {"szlig", 0xDF},     {"auml", 0xE4},   {"ouml", 0xF6},     {"uuml", 0xFC},     {"Auml", 0xC4},
    {"Ouml", 0xD6},      {"Uuml", 0xDC},   {"agrave", 0xE0},   {"aacute", 0xE1},   {"acirc", 0xE2},
    {"atilde", 0xE3},    {"aring", 0xE5},  {"ccedil", 0xE7},   {"egrave", 0xE8},   {"eacute", 0xE9},
    {"ecirc", 0xEA},     {"euml", 0xEB},   {"igrave", 0xEC},   {"iacute", 0xED},   {"icirc", 0xEE},
    {"iuml", 0xEF},      {"ntilde", 0xF1}, {"ograve", 0xF2},   {"oacute", 0xF3},   {"ocirc", 0xF4},
    {"otilde", 0xF5},    {"oslash", 0xF8}, {"ugrave", 0xF9},   {"uacute", 0xFA},   {"ucirc", 0xFB},
};

static uint32_t named_entity(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++)
        if (strlen(entities[i].name) == len && memcmp(entities[i].name, name, len) == 0)
            return entities[i].c;
    return 0;
}

/* `#123` or `#x1F`, without the ends; 0: not a character. */
static uint32_t numbered_entity(const char *digits, size_t len)
{
    bool hex = len > 1 && (digits[1] | 0x20) == 'x';
    size_t at = hex ? 2 : 1;
    uint32_t c = 0;
    if (at >= len)
        return 0;
    for (; at < len; at++) {
        int value = hex_value(digits[at]);
        if (value < 0 || (!hex && value > 9))
            return 0;
        c = c * (hex ? 16 : 10) + (uint32_t)value;
        if (c > 0x10FFFF)
            return 0;
    }
    return is_character(c) ? c : 0;
}

/* The character of the entity at `at`; *end_out is behind its semicolon. 0: there is none. */
static uint32_t entity(const struct wd_piece *in, size_t at, size_t *end_out)
{
    const char *name = in->data + at + 1;
    size_t left = in->len - at - 1;
    const char *semicolon = memchr(name, ';', left < ENTITY_MAX ? left : ENTITY_MAX);
    if (!semicolon || semicolon == name)
        return 0;
    size_t len = (size_t)(semicolon - name);
    *end_out = at + len + 2;
    return name[0] == '#' ? numbered_entity(name, len) : named_entity(name, len);
}

/* What is encoded at `at` as UTF-8, with its end in the text; 0: nothing. */
static size_t decode_one(const struct wd_piece *in, size_t at, char bytes[4], size_t *end_out)
{
    if (in->data[at] == '%') {
        size_t len = percent_character(in, at, bytes);
        *end_out = at + 3 * len;
        return len;
    }
    uint32_t c = entity(in, at, end_out);
    return c ? wd_utf8_put(c, bytes) : 0;
}

static struct wd_piece decode_once(struct wd_piece in, struct wd_stage *out)
{
    size_t kept = 0;
    bool changed = false;
    for (size_t at = 0; at < in.len && !wd_view_watch_step(out->watch); at++) {
        char bytes[4];
        size_t end;
        if (in.data[at] != '%' && in.data[at] != '&')
            continue;
        size_t len = decode_one(&in, at, bytes, &end);
        if (len == 0)
            continue;
        if (!changed)
            wd_stage_clear(out);
        changed = true;
        wd_stage_keep(out, &in, kept, at);
        wd_stage_put(out, &in, at, end, bytes, len);
        kept = end;
        at = end - 1;
    }
    if (!changed)
        return in;
    wd_stage_keep(out, &in, kept, in.len);
    struct wd_piece piece = wd_stage_piece(out, &in);
    piece.ascii = in.ascii && wd_scan_is_ascii(piece.data, piece.len);
    return piece;
}

struct wd_piece wd_view_decode(struct wd_piece in, struct wd_stage out[2])
{
    if (!memchr(in.data, '%', in.len) && !memchr(in.data, '&', in.len))
        return in;
    struct wd_piece piece = in;
    for (int pass = 0; pass < PASSES; pass++)
        piece = decode_once(piece, &out[pass]);
    return piece;
}
