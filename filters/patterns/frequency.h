/* How often a piece of folded text is to be expected in a message: what the choice of literals rests on. Only speed
 * depends on it, never a result. */
#ifndef FILTERS_PATTERNS_FREQUENCY_H
#define FILTERS_PATTERNS_FREQUENCY_H

#include <stddef.h>
#include <stdint.h>

enum { FREQUENCY_SYMBOLS = 48 };

/* In frequency_table.c, made by frequency_generate.py: eighths of bits of surprise. */
extern const uint8_t frequency_symbol_of[256];
extern const uint8_t frequency_first[FREQUENCY_SYMBOLS];
extern const uint8_t frequency_next[FREQUENCY_SYMBOLS][FREQUENCY_SYMBOLS];

struct frequency; /* counts of 4-grams in a sample, on top of the shipped table */
/* Counts the 4-grams of folded text; NULL without memory. */
struct frequency *frequency_new(const char *folded_sample, size_t len);
void frequency_free(struct frequency *frequency);

/* Occurrences to expect in 100 bytes of text of the rarest piece of `text` that is up to 4 bytes long; *offset_out is
 * where the piece begins. `frequency` may be NULL. `text` is not empty. */
double frequency_of_rarest(const struct frequency *frequency, const char *text, size_t len, size_t *offset_out);

#endif
