/* Random records: events of every family with members left out, of the wrong kind, escaped, padded, in any order; and
 * damage to bytes. The same seed gives the same records. */
#ifndef TESTS_UNIT_DECODE_RANDOM_H
#define TESTS_UNIT_DECODE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_text {
    uint64_t state;
    char *bytes;
    size_t len, capacity;
};

/* Replaces the text by a fresh record. `bytes` is malloc'ed and kept for the next; free it at the end. */
void random_record(struct random_text *text);

/* Cuts, flips, doubles or inserts some bytes of the text. */
void random_damage(struct random_text *text);

uint32_t random_below(struct random_text *text, uint32_t bound);

#endif
