/* Prints decoded events as text that two decoders can be compared by, and that people can read. */
#ifndef TESTS_UNIT_DECODE_DUMP_H
#define TESTS_UNIT_DECODE_DUMP_H

#include <warden/decode.h>

/* The outcome, then every member of every event, a line each. malloc'ed, NUL-terminated. */
char *dump_events(enum wd_decode_outcome outcome, const struct wd_events *events);

/* A whole file of the source tree, malloc'ed with a NUL behind it (not counted); fails the test where it is missing. */
char *read_file(const char *path, size_t *len_out);

#endif
