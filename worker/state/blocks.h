/* Blocks for the values of a table: of sizes that are multiples of 16, cut from huge pages. Values lie anywhere in
 * gigabytes, and with pages of 4 KB looking up where they are costs more than fetching them.
 *
 * A pool is shared by the stripes of a store and has a lock of its own; a `struct blocks` is one stripe's, under that
 * one's lock. Memory goes back to the system with the pool; what is freed is used again for blocks of its size. */
#ifndef WORKER_STATE_BLOCKS_H
#define WORKER_STATE_BLOCKS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOCK_UNIT = 16, BLOCK_UNITS_MAX = 64 }; /* larger ones are malloc's */

struct block_chunk;

struct block_pool {
    pthread_mutex_t lock;
    struct block_chunk *chunks;
    unsigned char *at, *end; /* of the newest chunk */
};
void block_pool_init(struct block_pool *pool);
void block_pool_fini(struct block_pool *pool);

struct blocks {
    struct block_pool *pool;
    void *free[BLOCK_UNITS_MAX + 1]; /* by size: lists */
    unsigned char *at, *end;         /* of the slab that is cut */
};

/* The units of a block of `size` bytes; 0: it is malloc's. */
uint8_t block_units(size_t size);
/* NULL: no memory. */
void *block_new(struct blocks *blocks, size_t size);
/* `units` as when it was made. */
void block_free(struct blocks *blocks, void *block, uint8_t units);

#endif
