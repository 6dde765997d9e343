/* Characters as fingerprints compare them. Neighbour: fingerprint.c. */
#ifndef FILTERS_BEHAVIOUR_FINGERPRINT_LETTERS_H
#define FILTERS_BEHAVIOUR_FINGERPRINT_LETTERS_H

#include <stddef.h>
#include <stdint.h>

/* Of one character. */
struct fingerprint_letters {
    uint16_t at[16]; /* what does not fit is left out */
    size_t count;
};

/* Adds what a character past ASCII is compared as: folded, a look-alike as the letters that it looks like, a digit as
 * '0', what is neither letter nor digit not at all. */
void fingerprint_put(struct fingerprint_letters *letters, uint32_t c);

/* The same for the characters of most alphabets, where that is one letter or none (0); made at build time. */
enum { FINGERPRINT_NEAR = 0x3100, FINGERPRINT_SEVERAL = 0xFFFF };
extern const uint16_t fingerprint_near[FINGERPRINT_NEAR];

#endif
