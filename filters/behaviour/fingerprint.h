/* Fingerprints of texts, for likeness. Neighbours: similar.c and crowd.c, which compare them. */
#ifndef FILTERS_BEHAVIOUR_FINGERPRINT_H
#define FILTERS_BEHAVIOUR_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

/* Eight parts of 8 bits; two texts differ in so many of them. False: the text has fewer than min_length letters and
 * digits. `folded` is the folded, confusable-free view where there is one; the function normalises further. */
bool wd_fingerprint(struct wd_str folded, size_t min_length, uint64_t *out);
unsigned wd_fingerprint_distance(uint64_t a, uint64_t b);

#endif
