/* What a text has at all, found in one quick pass: so that a native matcher is only run on texts in which it can find
 * something, and views are only made of texts that can have something in them. What always holds: a feature that is not
 * reported is not there. Neighbours: filters/scanner.c asks; tests/unit/matchers_features_test.c holds it against ICU,
 * the views and the matchers. */
#ifndef FILTERS_MATCHERS_FEATURES_H
#define FILTERS_MATCHERS_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include <warden/str.h>

#include "filters/matchers/effort.h"

enum wd_feature {
    WD_FEATURE_AT = 1U << 0,       /* @ */
    WD_FEATURE_HOST = 1U << 1,     /* a dot within a word, a colon and a slash, or an ideographic full stop */
    WD_FEATURE_DIGITS_4 = 1U << 2, /* so many digits, or what could be digits of another script */
    WD_FEATURE_DIGITS_9 = 1U << 3,
    WD_FEATURE_DIGITS_13 = 1U << 4,
    WD_FEATURE_UPPER = 1U << 5, /* two capitals, or what could be letters with case that are not ASCII */
    WD_FEATURE_NON_ASCII = 1U << 6,
    WD_FEATURE_LONG = 1U << 7,   /* what could be a word of 26 bytes, as the shortest wallet has */
    WD_FEATURE_LINES = 1U << 8,  /* a line feed */
    WD_FEATURE_LINK = 1U << 9,   /* the text is one of the view links: not found here, set by the scanner */
    WD_FEATURE_EMOJI = 1U << 10, /* what could be emoji */
    WD_FEATURE_MARKS = 1U << 11, /* what could be marks of no script in particular */
    WD_FEATURE_RUN = 1U << 12,   /* the same character, with its marks, three times in a row, or what could be that */
    WD_FEATURE_WORD_TWICE = 1U << 13, /* a word that follows itself */
    WD_FEATURE_WORD_THRICE = 1U << 16,
    WD_FEATURE_SHOUTING = 1U << 14, /* as UPPER, and as many capitals as small letters */
    /* Folded, decoded or stripped, the text could have HOST. */
    WD_FEATURE_HOST_IN_A_VIEW = 1U << 15,
};

/* `wanted`: the features that matter; others may be left out. All of them where `effort` ended it; NULL: as long as it
 * takes. */
uint32_t wd_text_features(struct wd_str text, uint32_t wanted, struct wd_effort *effort);

/* Whether it has WD_FEATURE_HOST_IN_A_VIEW, for those who ask nothing else. */
bool wd_may_have_host(struct wd_str text);

/* The features that the stripped text, and texts of the view links, can have where the plain text has `plain`. */
static inline uint32_t wd_features_in_views(uint32_t plain)
{
    return plain & WD_FEATURE_HOST_IN_A_VIEW ? UINT32_MAX : ~(uint32_t)(WD_FEATURE_HOST | WD_FEATURE_LINK);
}

#endif
