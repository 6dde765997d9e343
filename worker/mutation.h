/* Mistakes on purpose, one at a time, for tests/chaos/mutations: each must turn the chaos suite red, or the suite
 * proves nothing. Only the test program `warden-mutant` has them (it is built with WARDEN_MUTANT and reads the number
 * of one from the environment); in warden itself MUTATED() is false at compile time. */
#ifndef WORKER_MUTATION_H
#define WORKER_MUTATION_H

#include <stdbool.h>
#include <stdlib.h>

enum mutation {
    MUTATION_COMMIT_TOO_FAR = 1,    /* commits one more than is finished */
    MUTATION_IGNORE_EPOCH = 2,      /* what ends late is booked on the present assignment of its partition */
    MUTATION_UNREPORTED_LETTER = 3, /* takes a dead letter for written before the broker says so */
};

#ifdef WARDEN_MUTANT
static inline bool is_mutated(enum mutation mutation)
{
    const char *chosen = getenv("WARDEN_MUTATION");
    return chosen && chosen[0] == '0' + (int)mutation;
}
#define MUTATED(mutation) is_mutated(mutation)
#else
#define MUTATED(mutation) false
#endif

#endif
