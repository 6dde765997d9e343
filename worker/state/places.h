/* Where on the disk the newest record of each value is: one stripe's hash table of 64-bit hashes and places, 16 bytes a
 * slot. Readers hold the stripe's lock; the one writer does, too, and so may look without it. Neighbours: segment.h
 * says what a place is; lmdb_load.c fills it, lmdb_flush.c keeps it.
 *
 * Keys are told apart by their hash alone, whose seed nobody outside knows: where two keys have the same one (with ten
 * million values once in 370,000 stores) the one that was written later is kept, and the other one is forgotten. */
#ifndef WORKER_STATE_PLACES_H
#define WORKER_STATE_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/state/blocks.h"

struct place_slot {
    uint64_t hash, place; /* place 0: free */
};

/* Empty where only `pool` is set. */
struct places {
    struct block_pool *pool; /* outlives it */
    struct place_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

void places_fini(struct places *places);
void places_prefetch(const struct places *places, uint64_t hash);
/* 0: not there. */
uint64_t places_find(const struct places *places, uint64_t hash);
/* Makes sure that `more` can be put. False: no memory. */
bool places_reserve(struct places *places, size_t more);
/* The place that was there before, or 0. There is room (places_reserve). */
uint64_t places_put(struct places *places, uint64_t hash, uint64_t place);
/* The place that was there, or 0. */
uint64_t places_remove(struct places *places, uint64_t hash);

#endif
