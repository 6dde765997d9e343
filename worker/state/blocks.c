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

struct block_slab {
    struct block_slab *next;
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

/* Aligned, so that it can be huge pages. */
static struct block_chunk *chunk_new(size_t bytes)
{
    size_t mapped = bytes + CHUNK_BYTES;
    void *mapping = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        return NULL;
    uintptr_t address = ((uintptr_t)mapping + CHUNK_BYTES - 1) & ~((uintptr_t)CHUNK_BYTES - 1);
    struct block_chunk *chunk = (struct block_chunk *)address; /* NOLINT(performance-no-int-to-ptr) */
    size_t before = address - (uintptr_t)mapping, after = mapped - before - bytes;
    if (before)
        munmap(mapping, before);
    if (after)
        munmap((unsigned char *)chunk + bytes, after);
    (void)madvise(chunk, bytes, MADV_HUGEPAGE); /* a wish: without it, it is as slow as before */
    *chunk = (struct block_chunk){.mapping = chunk, .mapped = bytes};
    return chunk;
}

static void give_slabs(struct block_pool *pool, unsigned char *at, const unsigned char *end)
{
    for (; at < end; at += SLAB_BYTES) {
        struct block_slab *slab = (struct block_slab *)(void *)at;
        slab->next = pool->free;
        pool->free = slab;
    }
}

/* A multiple of the size of slabs. */
static unsigned char *take_whole(struct block_pool *pool, size_t bytes)
{
    if ((size_t)(pool->end - pool->at) < bytes) {
        size_t chunk_bytes = (bytes + SLAB_BYTES + CHUNK_BYTES - 1) / CHUNK_BYTES * CHUNK_BYTES;
        struct block_chunk *chunk = chunk_new(chunk_bytes);
        if (!chunk)
            return NULL;
        give_slabs(pool, pool->at, pool->end);
        chunk->next = pool->chunks;
        pool->chunks = chunk;
        pool->at = (unsigned char *)chunk + SLAB_BYTES; /* the first holds the chunk itself */
        pool->end = (unsigned char *)chunk + chunk_bytes;
    }
    unsigned char *memory = pool->at;
    pool->at += bytes;
    return memory;
}

static unsigned char *take_slab(struct block_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct block_slab *free = pool->free;
    if (free)
        pool->free = free->next;
    unsigned char *slab = free ? (unsigned char *)free : take_whole(pool, SLAB_BYTES);
    pthread_mutex_unlock(&pool->lock);
    return slab;
}

/* ---- arrays: large ones of whole slabs, others malloc's ---- */

void *block_array_new(struct block_pool *pool, size_t bytes)
{
    if (bytes < SLAB_BYTES || bytes % SLAB_BYTES)
        return calloc(1, bytes);
    pthread_mutex_lock(&pool->lock);
    void *array = take_whole(pool, bytes);
    pthread_mutex_unlock(&pool->lock);
    return array; /* never used before: zeroed */
}

void block_array_free(struct block_pool *pool, void *array, size_t bytes)
{
    if (bytes < SLAB_BYTES || bytes % SLAB_BYTES) {
        free(array);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    give_slabs(pool, array, (unsigned char *)array + bytes);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- blocks ---- */

/* Values of idle authors are small, and many: they get what they need. The first event of an author makes one of some
 * 220 bytes, each further event some 20 more: there whole cache lines leave room for the next one or two, so that few
 * values move, and not every one of them leaves memory behind that nothing else fits. */
uint8_t block_units(size_t size)
{
    enum { SMALL = 8, IDLE = 12, LINE = 64 / BLOCK_UNIT };
    size_t units = (size + BLOCK_UNIT - 1) / BLOCK_UNIT;
    size_t step = units > IDLE ? LINE : units > SMALL ? 2 : 1;
    units = (units + step - 1) / step * step;
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
