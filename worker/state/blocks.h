/* Memory for tables: blocks for their values and arrays for their slots, cut from huge pages. Values lie anywhere in
 * gigabytes, and with pages of 4 KB looking up where they are costs more than fetching them. Blocks have the sizes of
 * classes that grow with them: a value that grows seldom moves, and what it leaves fits others.
 *
 * A pool is shared by the stripes of a store and has a lock of its own; a `struct blocks` is one stripe's, under that
 * one's lock. Memory goes back to the system with the pool; freed blocks are used again for blocks of their class,
 * freed arrays for blocks of all. */
#ifndef WORKER_STATE_BLOCKS_H
#define WORKER_STATE_BLOCKS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOCK_UNIT = 16, BLOCK_UNITS_MAX = 64 }; /* larger ones are malloc's */

struct block_chunk;
struct block_slab;

struct block_pool {
    pthread_mutex_t lock;
    struct block_chunk *chunks;
    unsigned char *at, *end; /* of the newest chunk */
    struct block_slab *free; /* slabs that arrays were */
};
void block_pool_init(struct block_pool *pool);
void block_pool_fini(struct block_pool *pool);

/* Zeroed. NULL: no memory. */
void *block_array_new(struct block_pool *pool, size_t bytes);
/* `bytes` as when it was made. NULL is fine. */
void block_array_free(struct block_pool *pool, void *array, size_t bytes);

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
