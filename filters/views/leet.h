/* Between leet.c, which reads words, and leet_characters.c, which reads their characters. */
#ifndef FILTERS_VIEWS_LEET_H
#define FILTERS_VIEWS_LEET_H

#include "filters/views/internal.h"

/* The letter that a byte can stand for, 0: none. The second reading differs for 1 ! and |. */
char wd_leet_letter(char c, bool as_l);

/* What a byte is without a closer look; ASK: what stands around it decides. */
enum { WD_LEET_ASK = 0, WD_LEET_SEPARATOR, WD_LEET_WORD, WD_LEET_STAND_IN };
extern const unsigned char wd_leet_classes[256];

/* Bytes of the character of a word at `at`, found by what stands around it; 0: a separator stands there. */
size_t wd_leet_look(const struct wd_piece *in, size_t at);

/* The same; most bytes need no look. */
static inline size_t wd_leet_step(const struct wd_piece *in, size_t at)
{
    unsigned char class = wd_leet_classes[(unsigned char)in->data[at]];
    return class == WD_LEET_ASK ? wd_leet_look(in, at) : class != WD_LEET_SEPARATOR;
}

/* The end of the mail address whose @ is at `at`; 0: it is none. */
size_t wd_leet_email_end(const struct wd_piece *in, size_t at);

#endif
