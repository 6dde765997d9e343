/* Of view 'leet': which letter a character stands for, and whether it belongs to a word or stands between words.
 * Digits, @ and $ belong to words (but not the @ of a mail address); ! | + ( only in certain places. leet.c reads the
 * words. */
#include <string.h>

#include "filters/views/leet.h"

enum {
    MARKS_MAX = 3,    /* exclamation marks that can be one letter or two */
    EMAIL_SCAN = 128, /* bytes of a mail address behind its @ */
    WORD_SCAN = 32,   /* bytes of a word to look ahead for more stand-ins */
    PAREN_SCAN = 512, /* bytes to look ahead for the closing parenthesis */
};

char wd_leet_letter(char c, bool as_l)
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

size_t wd_leet_email_end(const struct wd_piece *in, size_t at)
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
        if (wd_leet_letter(in->data[end], false))
            return true;
    return false;
}

size_t wd_leet_look(const struct wd_piece *in, size_t at)
{
    unsigned char c = (unsigned char)in->data[at];
    if (wd_is_ascii_letter(c) || wd_is_ascii_digit(c) || c == '$')
        return 1;
    if (c == '@')
        return wd_leet_email_end(in, at) == 0;
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

const unsigned char wd_leet_classes[256] = {
    ['\t' ... ' '] = WD_LEET_SEPARATOR, ['"' ... '#'] = WD_LEET_SEPARATOR, ['%' ... '\''] = WD_LEET_SEPARATOR,
    [')' ... '*'] = WD_LEET_SEPARATOR,  [',' ... '/'] = WD_LEET_SEPARATOR, [':' ... '?'] = WD_LEET_SEPARATOR,
    ['[' ... '`'] = WD_LEET_SEPARATOR,  ['a' ... 'z'] = WD_LEET_WORD,      ['A' ... 'Z'] = WD_LEET_WORD,
    ['0' ... '9'] = WD_LEET_STAND_IN,   ['$'] = WD_LEET_STAND_IN,
};
