/* What the reference decoder does to a text before jansson sees it. Slow and plain. */
#ifndef TESTS_UNIT_DECODE_REFERENCE_TEXT_H
#define TESTS_UNIT_DECODE_REFERENCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* U+FFFD for each longest wrong piece and for NUL bytes within strings. `target` holds 3 * len bytes. */
size_t reference_repair_bytes(const unsigned char *bytes, size_t len, char *target, bool *repaired);

/* Rewrites \u0000 and lone surrogates within strings to \ufffd, in place. */
void reference_repair_escapes(char *text, size_t len, bool *repaired);

/* The deepest nesting of brackets outside strings. */
int reference_depth(const char *text, size_t len);

#endif
