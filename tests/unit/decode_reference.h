/* A slow decoder over jansson's tree that is easy to see right, to compare the product's decoder with. */
#ifndef TESTS_UNIT_DECODE_REFERENCE_H
#define TESTS_UNIT_DECODE_REFERENCE_H

#include <warden/decode.h>

struct reference {
    enum wd_decode_outcome outcome;
    struct wd_events events;
    bool has_duplicates; /* some object has a name twice: jansson keeps one, so there is nothing to compare */
    bool undecided;      /* a number that jansson cannot hold */
};

/* Everything in the result lives in `arena`. Needs no limit on the size of the record. */
struct reference reference_decode(struct wd_arena *arena, const char *bytes, size_t len);

#endif
