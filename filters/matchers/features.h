/* What a text has at all, found in one quick pass: so that a native matcher is only run on texts in which it can find
 * something. What always holds: a feature that is not reported is not there. Neighbour: filters/evaluate.c. */
#ifndef FILTERS_MATCHERS_FEATURES_H
#define FILTERS_MATCHERS_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include <warden/str.h>

enum wd_feature {
    WD_FEATURE_AT = 1U << 0,       /* @ */
    WD_FEATURE_HOST = 1U << 1,     /* a dot, a colon, or what could be an ideographic full stop */
    WD_FEATURE_DIGITS_4 = 1U << 2, /* so many digits, or what could be digits of another script */
    WD_FEATURE_DIGITS_9 = 1U << 3,
    WD_FEATURE_DIGITS_13 = 1U << 4,
    WD_FEATURE_UPPER = 1U << 5, /* two capitals, or anything that is not ASCII */
    WD_FEATURE_NON_ASCII = 1U << 6,
    WD_FEATURE_LONG = 1U << 7,   /* 26 bytes, as the shortest wallet has */
    WD_FEATURE_LINES = 1U << 8,  /* a line feed */
    WD_FEATURE_LINK = 1U << 9,   /* the text is one of the view links: not found here, set by the scanner */
    WD_FEATURE_EMOJI = 1U << 10, /* what could be emoji */
    WD_FEATURE_MARKS = 1U << 11, /* what could be marks of no script in particular */
};

uint32_t wd_text_features(struct wd_str text);

#endif
