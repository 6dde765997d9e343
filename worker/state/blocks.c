/* See blocks.h. */
#include "worker/state/blocks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK_BYTES = 2 << 20, SLAB_BYTES = 16 << 10 };

/* At the beginning of its memory. */
struct block_chunk {
    struct block_chunk *next;
    void *mapping;
    size_t mapped;
};

void block_pool_init(struct block_pool *pool)
{
    *pool = (struct block_pool){0};
    pthread_mutex_init(&pool->lock, NULL);
}

void block_pool_fini(struct block_pool *pool)
{
    for (struct block_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        munmap(chunk->mapping, chunk->mapped);
    }
    pthread_mutex_destroy(&pool->lock);
}

/* Aligned, so that it can be one huge page. */
static struct block_chunk *chunk_new(void)
{
    size_t mapped = 2 * (size_t)CHUNK_BYTES;
    void *mapping = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        return NULL;
    uintptr_t address = ((uintptr_t)mapping + CHUNK_BYTES - 1) & ~((uintptr_t)CHUNK_BYTES - 1);
    struct block_chunk *chunk = (struct block_chunk *)address; /* NOLINT(performance-no-int-to-ptr) */
    size_t before = address - (uintptr_t)mapping, after = mapped - before - CHUNK_BYTES;
    if (before)
        munmap(mapping, before);
    if (after)
        munmap((unsigned char *)chunk + CHUNK_BYTES, after);
    (void)madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE); /* a wish: without it, it is as slow as before */
    *chunk = (struct block_chunk){.mapping = chunk, .mapped = CHUNK_BYTES};
    return chunk;
}

static unsigned char *take_slab(struct block_pool *pool)
{
    unsigned char *slab = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->at == pool->end) {
        struct block_chunk *chunk = chunk_new();
        if (chunk) {
            chunk->next = pool->chunks;
            pool->chunks = chunk;
            pool->at = (unsigned char *)chunk + SLAB_BYTES; /* the first holds the chunk itself */
            pool->end = (unsigned char *)chunk + CHUNK_BYTES;
        }
    }
    if (pool->at != pool->end) {
        slab = pool->at;
        pool->at += SLAB_BYTES;
    }
    pthread_mutex_unlock(&pool->lock);
    return slab;
}

uint8_t block_units(size_t size)
{
    size_t units = (size + BLOCK_UNIT - 1) / BLOCK_UNIT;
    return units <= BLOCK_UNITS_MAX ? (uint8_t)units : 0;
}

void *block_new(struct blocks *blocks, size_t size)
{
    uint8_t units = block_units(size);
    if (!units)
        return malloc(size);
    void *block = blocks->free[units];
    if (block) {
        void *next;
        memcpy(&next, block, sizeof(next));
        blocks->free[units] = next;
        if (next) /* the next one to be taken, so that it need not be waited for then */
            __builtin_prefetch(next, 1);
        return block;
    }
    size_t bytes = (size_t)units * BLOCK_UNIT;
    if ((size_t)(blocks->end - blocks->at) < bytes) {
        unsigned char *slab = take_slab(blocks->pool);
        if (!slab)
            return NULL;
        size_t left = (size_t)(blocks->end - blocks->at) / BLOCK_UNIT; /* what is left of the old one is a block, too */
        if (left)
            block_free(blocks, blocks->at, (uint8_t)left);
        blocks->at = slab;
        blocks->end = slab + SLAB_BYTES;
    }
    block = blocks->at;
    blocks->at += bytes;
    return block;
}

void block_free(struct blocks *blocks, void *block, uint8_t units)
{
    if (!units) {
        free(block);
        return;
    }
    memcpy(block, &blocks->free[units], sizeof(void *));
    blocks->free[units] = block;
}
