/* Mistakes on purpose, one at a time, for tests/chaos/mutations: each must turn the chaos suite red, or the suite
 * proves nothing. A build of its own chooses one (-DWARDEN_MUTATION=1); every other build has none. */
#ifndef WORKER_MUTATION_H
#define WORKER_MUTATION_H

#ifndef WARDEN_MUTATION
#define WARDEN_MUTATION 0
#endif

enum mutation {
    MUTATION_COMMIT_TOO_FAR = 1,    /* commits one more than is finished */
    MUTATION_IGNORE_EPOCH = 2,      /* goes on with records of partitions that have gone */
    MUTATION_UNREPORTED_LETTER = 3, /* takes a dead letter for written before the broker says so */
};

#define MUTATED(mutation) (WARDEN_MUTATION == (mutation))

#endif
