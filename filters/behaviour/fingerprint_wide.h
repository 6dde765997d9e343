/* The two steps of a fingerprint that look at every letter, for processors that can take many at a time. What always
 * holds: they find what the steps in fingerprint.c find. Neighbour: fingerprint.c. */
#ifndef FILTERS_BEHAVIOUR_FINGERPRINT_WIDE_H
#define FILTERS_BEHAVIOUR_FINGERPRINT_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FINGERPRINT_PARTS = 8, FINGERPRINT_SHINGLE = 4, FINGERPRINT_TO_SPARE = 64 };

struct fingerprint_wide {
    /* Letters of ASCII bytes up to the first that is past ASCII, by `table` (0: none); returns how many letters.
     * *at_inout: where it ended. `to` has FINGERPRINT_TO_SPARE to spare. NULL: there is no such step. */
    size_t (*letters)(const uint8_t table[128], const unsigned char *text, size_t len, size_t *at_inout, uint16_t *to);
    /* For each point the hash that is nearest to it, of at least FINGERPRINT_SHINGLE letters, behind which there are
     * FINGERPRINT_TO_SPARE of any content. */
    void (*nearest)(const uint32_t points[FINGERPRINT_PARTS], const uint16_t *letters, size_t count,
                    uint32_t hashes_out[FINGERPRINT_PARTS]);
};

/* The hash of four letters, the newest one lowest. */
static inline uint32_t fingerprint_hash(uint64_t shingle)
{
    shingle = (shingle ^ shingle >> 29) * 0xBF58476D1CE4E5B9ULL;
    shingle = (shingle ^ shingle >> 32) * 0x94D049BB133111EBULL;
    return (uint32_t)(shingle >> 32);
}

enum fingerprint_vectors { FINGERPRINT_BEST = 0, FINGERPRINT_AVX2, FINGERPRINT_NONE };
/* NULL: there is none for this processor. */
const struct fingerprint_wide *fingerprint_wide(void);
/* For tests: nothing better than that from now on. */
void fingerprint_limit(enum fingerprint_vectors most);

#endif
