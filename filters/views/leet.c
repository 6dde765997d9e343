/* View 'leet': digits and symbols that stand for letters. Numbers must stay numbers, so the text is read in segments
 * (runs of letters, digits, @ $, and ! | + ( where they can be letters), and a segment is read as a word only if it has
 * an ASCII letter and is no amount with a unit, date or id, or if it is one of a row of single characters with
 * separators between them (`S_h-1.7`). Every change is byte for byte, so the map stays that of the text that was read.
 */
#include <string.h>

#include <unicode/uscript.h>

#include "filters/views/internal.h"

enum {
    ID_LEN = 16,     /* so many letters and digits, three digits among them, are an id */
    HEX_ID_LEN = 12, /* so many hexadecimal digits, four decimal ones among them, are an id */
    UUID_LEN = 20,   /* the same with hyphens between */
    ROW_GAP_MAX = 3, /* separators between single characters of a row */
    ROW_MIN = 3,
    MARKS_MAX = 3,    /* exclamation marks that can be one letter or two */
    EMAIL_SCAN = 128, /* bytes of a mail address behind its @ */
    UUID_SCAN = 128,  /* bytes to look ahead for one */
    WORD_SCAN = 32,   /* bytes of a word to look ahead for more stand-ins */
    PAREN_SCAN = 512, /* bytes to look ahead for the closing parenthesis */
};

/* What a byte can stand for; the second reading differs for 1 ! and |. */
static char letter_for(char c, bool as_l)
{
    switch (c) {
    case '4':
    case '@':
        return 'a';
    case '3':
        return 'e';
    case '1':
    case '!':
    case '|':
        return as_l ? 'l' : 'i';
    case '0':
        return 'o';
    case '5':
    case '$':
        return 's';
    case '7':
    case '+':
        return 't';
    case '8':
        return 'b';
    case '6':
    case '9':
        return 'g';
    case '2':
        return 'z';
    case '(':
        return 'c';
    default:
        return 0;
    }
}

static bool is_two_ways(char c)
{
    return c == '1' || c == '!' || c == '|';
}

static bool is_hex_letter(uint32_t c)
{
    return (c | 0x20) - 'a' < 6u;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word_byte(char c)
{
    return wd_is_ascii_letter((unsigned char)c) || wd_is_ascii_digit((unsigned char)c) || c == '@' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static char byte_at(const struct wd_piece *in, size_t at)
{
    return at < in->len ? in->data[at] : ' ';
}

/* The end of the mail address whose @ is at `at`; 0: it is none. */
static size_t email_end(const struct wd_piece *in, size_t at)
{
    if (at == 0 || !is_word_byte(in->data[at - 1]))
        return 0;
    size_t end = at + 1, dot = 0;
    for (; end < in->len && end - at < EMAIL_SCAN; end++) {
        unsigned char c = (unsigned char)in->data[end];
        if (c == '.' && end > at + 1 && wd_is_ascii_letter((unsigned char)byte_at(in, end + 1)))
            dot = end;
        else if (!wd_is_ascii_letter(c) && !wd_is_ascii_digit(c) && c != '-')
            break;
    }
    return dot ? end : 0;
}

static bool is_joining_plus(const struct wd_piece *in, size_t at)
{
    if (at < 2 || !is_word_byte(in->data[at - 1]))
        return false;
    char next = byte_at(in, at + 1);
    if (is_word_byte(next))
        return true;
    if (next == '+' || is_space(in->data[at - 2]))
        return false;
    /* `shi+` and `sh1+` end a word; `c++`, `a+`, `18+` and `v1+` do not */
    bool letter = wd_is_ascii_letter((unsigned char)in->data[at - 1]);
    bool letter_before = wd_is_ascii_letter((unsigned char)in->data[at - 2]);
    return letter_before && (letter || (at > 2 && wd_is_ascii_letter((unsigned char)in->data[at - 3])));
}

/* Do the marks at [at, ...) equal to the byte at `at` stand between two word bytes? */
static bool is_between_words(const struct wd_piece *in, size_t at)
{
    size_t end = at, start = at;
    while (end < in->len && in->data[end] == in->data[at] && end - at <= MARKS_MAX)
        end++;
    while (start > 0 && in->data[start - 1] == in->data[at] && at - start <= MARKS_MAX)
        start--;
    return start > 0 && end - start <= MARKS_MAX && is_word_byte(in->data[start - 1]) &&
           is_word_byte(byte_at(in, end)) && byte_at(in, end) != '1';
}

/* A lone ! or | between equal separators, as in `s.h.!.t`. */
static bool is_lone_mark(const struct wd_piece *in, size_t at)
{
    return at > 0 && !is_space(in->data[at - 1]) && !is_word_byte(in->data[at - 1]) &&
           in->data[at - 1] != in->data[at] && byte_at(in, at + 1) == in->data[at - 1];
}

/* Can the parenthesis be a c? One that is closed is none, and one that starts a word must not be all the disguise: many
 * people forget to close them. */
static bool is_letter_c(const struct wd_piece *in, size_t at)
{
    if (!wd_is_ascii_letter((unsigned char)byte_at(in, at + 1)) ||
        memchr(in->data + at, ')', in->len - at < PAREN_SCAN ? in->len - at : PAREN_SCAN))
        return false;
    if (at > 0 && is_word_byte(in->data[at - 1]))
        return true;
    for (size_t end = at + 1; end < in->len && end - at < WORD_SCAN && is_word_byte(in->data[end]); end++)
        if (letter_for(in->data[end], false))
            return true;
    return false;
}

/* Bytes of the segment character at `at`: 0 where a separator stands. */
static size_t segment_character(const struct wd_piece *in, size_t at)
{
    unsigned char c = (unsigned char)in->data[at];
    if (wd_is_ascii_letter(c) || wd_is_ascii_digit(c) || c == '$')
        return 1;
    if (c == '@')
        return email_end(in, at) == 0;
    if (c == '+')
        return is_joining_plus(in, at);
    if (c == '!' || c == '|')
        return is_between_words(in, at) || is_lone_mark(in, at);
    if (c == '(')
        return is_letter_c(in, at);
    if (c < 0x80)
        return 0;
    size_t end = at;
    uint32_t properties = wd_char_properties(wd_utf8_next(in->data, in->len, &end));
    return properties & (WD_CHAR_LETTER | WD_CHAR_DIGIT | WD_CHAR_MARK) ? end - at : 0;
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
    segment->stand_ins += letter_for((char)c, false) != 0;
}

enum byte_class { ASK = 0, SEPARATOR, WORD, STAND_IN };

/* What most bytes are, without a closer look. */
static const unsigned char byte_classes[256] = {
    ['\t' ... ' '] = SEPARATOR, ['"' ... '#'] = SEPARATOR, ['%' ... '\''] = SEPARATOR, [')' ... '*'] = SEPARATOR,
    [',' ... '/'] = SEPARATOR,  [':' ... '?'] = SEPARATOR, ['[' ... '`'] = SEPARATOR,  ['a' ... 'z'] = WORD,
    ['A' ... 'Z'] = WORD,       ['0' ... '9'] = STAND_IN,  ['$'] = STAND_IN,
};

static size_t segment_step(const struct wd_piece *in, size_t at)
{
    unsigned char class = byte_classes[(unsigned char)in->data[at]];
    return class == ASK ? segment_character(in, at) : class != SEPARATOR;
}

/* The segment that starts at or behind `at`; start == len: none. Words of letters alone are passed over: only the
 * segment's bounds and `characters` (2 for two and more) are told of them. */
static struct segment next_segment(const struct wd_piece *in, size_t at)
{
    struct segment segment = {0};
    size_t step = 0;
    bool letters_only = true;
    while (at < in->len && (step = segment_step(in, at)) == 0)
        wd_utf8_next(in->data, in->len, &at);
    segment.start = at;
    for (; at < in->len && (step = segment_step(in, at)) > 0; at += step)
        letters_only &= byte_classes[(unsigned char)in->data[at]] == WORD;
    segment.end = at;
    if (letters_only && at > segment.start + 1) {
        segment.characters = 2;
        return segment;
    }
    for (at = segment.start; at < segment.end; at += step) {
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
        return email_end(in, at) ? email_end(in, at) : at;
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
static struct row read_row(const struct wd_piece *in, const struct segment *segment)
{
    struct row row = {.end = segment->start};
    struct segment next = *segment;
    while (next.characters == 1 && !next.foreign && (row.length == 0 || gap(in, row.end, next.start) <= ROW_GAP_MAX)) {
        row.length++;
        row.letters += next.letters;
        row.stand_ins += next.stand_ins;
        row.end = next.end;
        next = next_segment(in, next.end);
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
    for (size_t at = start; at < end; at++) {
        char c = l->in.data[at];
        if (!letter_for(c, false) || !segment_character(&l->in, at))
            continue;
        l->two_ways |= is_two_ways(c);
        l->out[0].text[at] = letter_for(c, false);
        l->out[1].text[at] = letter_for(c, true);
    }
}

/* Handles what starts with `segment`; returns where to go on. */
static size_t read_segment(struct leeting *l, const struct segment *segment)
{
    size_t address = address_end(&l->in, segment), uuid = uuid_end(&l->in, segment->start);
    if (address > segment->end || uuid > segment->end)
        return address > uuid ? address : uuid;
    if (segment->characters == 1) {
        struct row row = read_row(&l->in, segment);
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
        for (size_t at = 0; at < in.len;) {
            struct segment segment = next_segment(&in, at);
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
