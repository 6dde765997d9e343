/* Bump allocator: a chain of blocks, the first of which survives a reset. What always holds: used <= cap. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <warden/arena.h>

enum { FIRST_BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct block {
    struct block *next; /* older block */
    size_t size, used;
    _Alignas(16) unsigned char bytes[];
};

struct wd_arena {
    struct block *current;
    size_t cap, used, held;
    size_t step; /* size of the next block, where no more is asked for */
};

/* Blocks double up to the usual size; one that was made for something large says nothing about what comes next. */
static size_t step_after(size_t block_bytes)
{
    return block_bytes < FIRST_BLOCK_BYTES / 2 ? block_bytes * 2 : FIRST_BLOCK_BYTES;
}

static struct block *block_new(size_t size, struct block *next)
{
    struct block *block = malloc(sizeof(*block) + size);
    if (block)
        *block = (struct block){.next = next, .size = size};
    return block;
}

struct wd_arena *wd_arena_new(size_t cap_bytes)
{
    return wd_arena_new_sized(cap_bytes, FIRST_BLOCK_BYTES);
}

struct wd_arena *wd_arena_new_sized(size_t cap_bytes, size_t first_bytes)
{
    struct wd_arena *arena = malloc(sizeof(*arena));
    struct block *first = block_new(first_bytes, NULL);
    if (!arena || !first) {
        free(arena);
        free(first);
        return NULL;
    }
    *arena =
        (struct wd_arena){.current = first, .cap = cap_bytes, .held = first_bytes, .step = step_after(first_bytes)};
    return arena;
}

static void drop_blocks_but_first(struct wd_arena *arena)
{
    while (arena->current->next) {
        struct block *older = arena->current->next;
        arena->held -= arena->current->size;
        free(arena->current);
        arena->current = older;
    }
}

void wd_arena_free(struct wd_arena *arena)
{
    if (!arena)
        return;
    drop_blocks_but_first(arena);
    free(arena->current);
    free(arena);
}

void wd_arena_reset(struct wd_arena *arena)
{
    drop_blocks_but_first(arena);
    arena->current->used = 0;
    arena->used = 0;
    arena->step = step_after(arena->current->size);
}

void *wd_arena_alloc(struct wd_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    size_t rounded = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (rounded > arena->cap - arena->used)
        return NULL;
    struct block *block = arena->current;
    if (rounded > block->size - block->used) {
        size_t size = rounded > arena->step ? rounded : arena->step;
        block = block_new(size, arena->current);
        if (!block)
            return NULL;
        if (size == arena->step)
            arena->step = step_after(size);
        arena->current = block;
        arena->held += size;
    }
    void *at = block->bytes + block->used;
    block->used += rounded;
    arena->used += rounded;
    return at;
}

void *wd_arena_zalloc(struct wd_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *at = wd_arena_alloc(arena, bytes);
    if (at)
        memset(at, 0, bytes);
    return at;
}

struct wd_str wd_arena_copy(struct wd_arena *arena, struct wd_str s)
{
    if (!s.data)
        return (struct wd_str){0};
    char *copy = wd_arena_alloc(arena, s.len + 1);
    if (!copy)
        return (struct wd_str){0};
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return (struct wd_str){.data = copy, .len = s.len};
}

size_t wd_arena_used(const struct wd_arena *arena)
{
    return arena->used;
}

size_t wd_arena_held(const struct wd_arena *arena)
{
    return arena->held;
}
