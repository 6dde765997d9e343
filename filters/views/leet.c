/* View 'leet': digits and symbols that stand for letters. Numbers must stay numbers, so the text is read in segments
 * (runs of letters, digits, @ $, and ! | + ( where they can be letters), and a segment is read as a word only if it has
 * an ASCII letter and is no amount with a unit, date or id, or if it is one of a row of single characters with
 * separators between them (`S_h-1.7`). Every change is byte for byte, so the map stays that of the text that was read.
 */
#include <string.h>

#include <unicode/uscript.h>

#include "filters/views/leet.h"

enum {
    ID_LEN = 16,     /* so many letters and digits, three digits among them, are an id */
    HEX_ID_LEN = 12, /* so many hexadecimal digits, four decimal ones among them, are an id */
    UUID_LEN = 20,   /* the same with hyphens between */
    UUID_SCAN = 128, /* bytes to look ahead for one */
    ROW_GAP_MAX = 3, /* separators between single characters of a row */
    ROW_MIN = 3,
};

static bool is_hex_letter(uint32_t c)
{
    return (c | 0x20) - 'a' < 6u;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_two_ways(char c)
{
    return c == '1' || c == '!' || c == '|';
}

struct segment {
    size_t start, end;
    int characters, letters, digits, hex, at_signs, dollars, stand_ins;
    bool foreign; /* a letter or digit that is neither ASCII nor Latin */
};

static bool is_latin(const struct wd_piece *in, size_t at)
{
    return WD_CHAR_SCRIPT(wd_char_properties(wd_utf8_next(in->data, in->len, &at))) == USCRIPT_LATIN;
}

static void count_character(const struct wd_piece *in, size_t at, struct segment *segment)
{
    unsigned char c = (unsigned char)in->data[at];
    segment->characters++;
    if (c >= 0x80) {
        segment->foreign |= !is_latin(in, at);
        segment->letters++;
        return;
    }
    segment->letters += wd_is_ascii_letter(c);
    segment->digits += wd_is_ascii_digit(c);
    segment->hex += wd_is_ascii_digit(c) || is_hex_letter(c);
    segment->at_signs += c == '@';
    segment->dollars += c == '$';
    segment->stand_ins += wd_leet_letter((char)c, false) != 0;
}

/* The segment that starts at or behind `at`; start == len: none. Words of letters alone are passed over: only the
 * segment's bounds and `characters` (2 for two and more) are told of them. Any segment when it is late. */
static struct segment next_segment(const struct wd_piece *in, size_t at, struct wd_view_watch *watch)
{
    struct segment segment = {0};
    size_t step = 0;
    bool letters_only = true;
    while (at < in->len && (step = wd_leet_step(in, at)) == 0)
        wd_utf8_next(in->data, in->len, &at);
    segment.start = at;
    for (; at < in->len && (step = wd_leet_step(in, at)) > 0 && !wd_view_watch_step(watch); at += step)
        letters_only &= wd_leet_classes[(unsigned char)in->data[at]] == WD_LEET_WORD;
    segment.end = at;
    if (letters_only && at > segment.start + 1) {
        segment.characters = 2;
        return segment;
    }
    for (at = segment.start; at < segment.end && !wd_view_watch_step(watch); at += step) {
        count_character(in, at, &segment);
        size_t next = at;
        wd_utf8_next(in->data, in->len, &next);
        step = next - at;
    }
    return segment;
}

/* `1st`, `5pm`, `3km`: two letters that stand behind a number. */
static bool is_unit(const char *letters)
{
    static const char units[] = "stndrdthampmkmkgmbgbtbkbcmmmmshzpxhrmlozftlbmgkwkvmahp";
    for (size_t i = 0; i + 1 < sizeof units; i += 2)
        if (letters[0] == units[i] && letters[1] == units[i + 1])
            return true;
    return false;
}

/* `$45`, `45s`, `100km`, `5k`, `05T10`: an amount with a unit, a time. A digit with two letters or more is a word. */
static bool is_amount(const struct wd_piece *in, const struct segment *segment)
{
    size_t at = segment->start, digits = 0;
    if (segment->digits >= 4 && segment->letters == 1)
        return true;
    while (at < segment->end && in->data[at] == '$')
        at++;
    while (at < segment->end && wd_is_ascii_digit((unsigned char)in->data[at])) {
        digits++;
        at++;
    }
    size_t unit = 0;
    while (at < segment->end && wd_is_ascii_letter((unsigned char)in->data[at])) {
        unit++;
        at++;
    }
    return at == segment->end && digits > 0 && (unit < 2 || (unit == 2 && (digits > 1 || is_unit(in->data + at - 2))));
}

static bool is_id(const struct segment *segment)
{
    size_t len = segment->end - segment->start;
    if (len >= ID_LEN && segment->digits >= 3 && segment->letters + segment->digits == (int)len)
        return true;
    if (len >= HEX_ID_LEN && segment->digits >= 4 && segment->hex == (int)len)
        return true;
    return segment->digits > 3 * segment->letters && segment->digits >= 6;
}

/* The end of a UUID or the like at `at`, or `at`. */
static size_t uuid_end(const struct wd_piece *in, size_t at)
{
    size_t end = at;
    int digits = 0, hyphens = 0;
    while (end < in->len && end - at < UUID_SCAN) {
        unsigned char c = (unsigned char)in->data[end];
        bool digit = wd_is_ascii_digit(c);
        if (!digit && !is_hex_letter(c) && c != '-')
            break;
        digits += digit;
        hyphens += c == '-';
        end++;
    }
    return end - at >= UUID_LEN && digits >= 4 && hyphens >= 2 ? end : at;
}

/* The end of a web address whose scheme is the segment, or of a mail address that it starts; or the segment's end. */
static size_t address_end(const struct wd_piece *in, const struct segment *segment)
{
    static const char *const schemes[] = {"http", "https", "ftp"};
    size_t len = segment->end - segment->start, at = segment->end;
    if (at < in->len && in->data[at] == '@')
        return wd_leet_email_end(in, at) ? wd_leet_email_end(in, at) : at;
    if (at + 3 > in->len || memcmp(in->data + at, "://", 3) != 0)
        return at;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (len == strlen(schemes[i]) && memcmp(in->data + segment->start, schemes[i], len) == 0) {
            while (at < in->len && !is_space(in->data[at]))
                at++;
            break;
        }
    }
    return at;
}

static bool reads_as_word(const struct wd_piece *in, const struct segment *segment)
{
    if (segment->stand_ins == 0 || segment->foreign)
        return false;
    if (segment->letters == 0) /* `@$$` */
        return segment->at_signs > 0 && segment->dollars > 0 && segment->characters >= 3 &&
               segment->stand_ins == segment->characters;
    return !is_amount(in, segment) && !is_id(segment);
}

struct row {
    size_t end; /* of the last segment */
    int length, letters, stand_ins;
};

static size_t gap(const struct wd_piece *in, size_t from, size_t to)
{
    size_t count = 0;
    while (from < to && count <= ROW_GAP_MAX) {
        wd_utf8_next(in->data, in->len, &from);
        count++;
    }
    return count;
}

/* The row of single characters that starts with `segment`. */
static struct row read_row(const struct wd_piece *in, const struct segment *segment, struct wd_view_watch *watch)
{
    struct row row = {.end = segment->start};
    struct segment next = *segment;
    while (next.characters == 1 && !next.foreign && (row.length == 0 || gap(in, row.end, next.start) <= ROW_GAP_MAX) &&
           !wd_view_watch_step(watch)) {
        row.length++;
        row.letters += next.letters;
        row.stand_ins += next.stand_ins;
        row.end = next.end;
        next = next_segment(in, next.end, watch);
    }
    return row;
}

static bool row_reads_as_word(const struct row *row)
{
    return row->length >= ROW_MIN && row->stand_ins > 0 && row->letters >= 2 && row->letters >= row->stand_ins;
}

struct leeting {
    struct wd_piece in;
    struct wd_stage *out; /* [0] reads 1 as i, [1] as l */
    bool changed, two_ways;
};

static void start_change(struct leeting *l)
{
    for (int i = 0; i < 2 && !l->changed; i++) {
        wd_stage_clear(&l->out[i]);
        wd_stage_copy_text(&l->out[i], &l->in);
    }
    l->changed = true;
}

/* Reads the segment characters in [start, end) as letters. */
static void read_letters(struct leeting *l, size_t start, size_t end)
{
    start_change(l);
    if (l->out[0].failed || l->out[1].failed)
        return;
    for (size_t at = start; at < end && !wd_view_watch_step(l->out[0].watch); at++) {
        char c = l->in.data[at];
        if (!wd_leet_letter(c, false) || wd_leet_step(&l->in, at) == 0)
            continue;
        l->two_ways |= is_two_ways(c);
        l->out[0].text[at] = wd_leet_letter(c, false);
        l->out[1].text[at] = wd_leet_letter(c, true);
    }
}

/* Handles what starts with `segment`; returns where to go on. */
static size_t read_segment(struct leeting *l, const struct segment *segment)
{
    size_t address = address_end(&l->in, segment), uuid = uuid_end(&l->in, segment->start);
    if (address > segment->end || uuid > segment->end)
        return address > uuid ? address : uuid;
    if (segment->characters == 1) {
        struct row row = read_row(&l->in, segment, l->out[0].watch);
        if (row_reads_as_word(&row))
            read_letters(l, segment->start, row.end);
        return row.end > segment->end ? row.end : segment->end;
    }
    if (reads_as_word(&l->in, segment))
        read_letters(l, segment->start, segment->end);
    return segment->end;
}

size_t wd_view_leet(struct wd_piece in, struct wd_stage out[2], struct wd_piece pieces_out[2])
{
    struct leeting l = {.in = in, .out = out};
    if (wd_scan_has_stand_in(in.data, in.len)) {
        for (size_t at = 0; at < in.len && !wd_view_watch_step(out[0].watch);) {
            struct segment segment = next_segment(&in, at, out[0].watch);
            at = segment.start < in.len ? read_segment(&l, &segment) : in.len;
        }
    }
    pieces_out[0] = in;
    if (!l.changed)
        return 1;
    for (int i = 0; i < 2; i++) {
        pieces_out[i] = in; /* the same map */
        pieces_out[i].data = out[i].text;
        pieces_out[i].only_case = false;
    }
    return l.two_ways ? 2 : 1;
}
