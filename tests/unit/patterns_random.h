/* Random patterns and texts that are likely to meet: few letters, all the characters whose case is strange, every kind
 * of syntax. The same seed makes the same. */
#ifndef TESTS_UNIT_PATTERNS_RANDOM_H
#define TESTS_UNIT_PATTERNS_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random_source {
    uint64_t state;
};
uint32_t random_below(struct random_source *random, uint32_t n);

enum { RANDOM_TEXT_MAX = 4096 };
struct random_text {
    char bytes[RANDOM_TEXT_MAX];
    size_t len;
};

void random_pattern(struct random_source *random, struct random_text *out);
/* A plain text for words and lists; not empty, nor only white space. */
void random_words(struct random_source *random, struct random_text *out);
/* A text to search; pieces of `hint` (a pattern) may be in it. */
void random_subject(struct random_source *random, const struct random_text *hint, struct random_text *out);

#endif
