/* Looks over a whole ASCII text at once, in loops that the compiler makes vector code of at -O3. They tell
 * which steps have nothing to do, which is so for most texts. */
#include "filters/views/internal.h"

bool wd_scan_is_ascii(const char *data, size_t len)
{
    unsigned char any = 0;
    for (size_t i = 0; i < len; i++)
        any |= (unsigned char)data[i];
    return any < 0x80;
}

/* Is there an ASCII capital? */
bool wd_scan_has_capital(const char *data, size_t len)
{
    unsigned char any = 0;
    for (size_t i = 0; i < len; i++)
        any |= (unsigned char)((unsigned char)(data[i] - 'A') < 26);
    return any;
}

void wd_scan_lower(char *out, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        out[i] = (char)(c | ((unsigned char)(c - 'A') < 26) << 5);
    }
}

/* A control character other than white space. */
bool wd_scan_has_control(const char *data, size_t len)
{
    unsigned char any = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        any |= (unsigned char)((c < 0x20 && (unsigned char)(c - '\t') > 4) || c == 0x7F);
    }
    return any;
}

/* A digit or a symbol where it can stand for a letter (leet.c looks closer). */
bool wd_scan_has_stand_in(const char *data, size_t len)
{
    /* One sum a question: asked together the compiler makes a look-up of them that no vector can do. */
    unsigned char digit = 0, at_sign = 0, dollar = 0, plus = 0, exclamation = 0, bar = 0, parenthesis = 0;
    size_t before_last = len ? len - 1 : 0;
    for (size_t i = 0; i < before_last; i++) {
        unsigned char c = (unsigned char)data[i], next = (unsigned char)data[i + 1];
        digit |= (unsigned char)((unsigned char)(c - '0') < 10);
        at_sign |= (unsigned char)(c == '@');
        dollar |= (unsigned char)(c == '$');
        plus |= (unsigned char)(c == '+');
        exclamation |= (unsigned char)(c == '!') & (unsigned char)(next > ' ');
        bar |= (unsigned char)(c == '|') & (unsigned char)(next > ' ');
        parenthesis |= (unsigned char)(c == '(') & (unsigned char)((unsigned char)((next | 0x20) - 'a') < 26);
    }
    unsigned char last = len ? (unsigned char)data[len - 1] : 0;
    return digit | at_sign | dollar | plus | exclamation | bar | parenthesis || (unsigned char)(last - '0') < 10 ||
           last == '@' || last == '$' || last == '+';
}

bool wd_scan_has_triple(const char *data, size_t len)
{
    unsigned char any = 0;
    for (size_t i = 2; i < len; i++)
        any |= (unsigned char)(data[i] == data[i - 1]) & (unsigned char)(data[i] == data[i - 2]) &
               (unsigned char)((unsigned char)((data[i] | 0x20) - 'a') < 26);
    return any;
}

/* Are there three letters that stand alone between characters that are neither letter nor digit, and two of them near
 * each other? (squeeze.c joins rows of them: what it finds is found here.) */
bool wd_scan_has_row(const char *data, size_t len)
{
    enum { CHUNK = 128, AHEAD = 5 /* a letter and four separators */, SPAN = CHUNK + AHEAD };
    unsigned total = 0;
    unsigned char near = 0;
    for (size_t at = 0; at < len; at += CHUNK) {
        /* [0] is the character before the chunk, nothing at the start of the text */
        unsigned char letter[SPAN + 2] = {0}, solid[SPAN + 2] = {0}, single[SPAN + 2] = {0};
        size_t shift = at ? 0 : 1, first = at + shift - 1;
        size_t count = len - first < SPAN + 2 - shift ? len - first : SPAN + 2 - shift;
        for (size_t i = 0; i < count; i++) {
            unsigned char c = (unsigned char)data[first + i];
            letter[i + shift] = (unsigned char)((unsigned char)((c | 0x20) - 'a') < 26);
            solid[i + shift] = letter[i + shift] | (unsigned char)((unsigned char)(c - '0') < 10);
        }
        for (size_t i = 1; i <= SPAN; i++)
            single[i] = letter[i] & (solid[i - 1] ^ 1) & (solid[i + 1] ^ 1);
        unsigned char here = 0; /* at most CHUNK */
        for (size_t i = 1; i <= CHUNK; i++) {
            here += single[i];
            near |= single[i] & (single[i + 2] | single[i + 3] | single[i + 4] | single[i + 5]);
        }
        total += here;
    }
    return near && total >= 3;
}
