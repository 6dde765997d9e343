/* Bump allocator for what lives as long as one event. Memory is kept and used again after a reset, so that a steady
 * stream of events allocates nothing. One thread at a time. */
#ifndef WARDEN_ARENA_H
#define WARDEN_ARENA_H

#include <stddef.h>

#include <warden/status.h>
#include <warden/str.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wd_arena;

/* `cap_bytes` is the most that live allocations may take together; past it wd_arena_alloc returns NULL. */
struct wd_arena *wd_arena_new(size_t cap_bytes);
/* The same with a first block of `first_bytes` instead of 64 KiB: for many small arenas. */
struct wd_arena *wd_arena_new_sized(size_t cap_bytes, size_t first_bytes);
void wd_arena_free(struct wd_arena *arena);

/* Forgets all allocations; keeps only the first block, so that one huge event does not
 * hold its memory for ever. */
void wd_arena_reset(struct wd_arena *arena);

/* 16-byte aligned, uninitialised. NULL when the cap is passed or memory is out: report WD_ERR_TOO_LARGE. */
void *wd_arena_alloc(struct wd_arena *arena, size_t bytes);
/* The same, zeroed, for `count` things of `size` bytes; checks the product. */
void *wd_arena_zalloc(struct wd_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of `s` (the NUL is not counted in len). data is NULL when memory is out or s.data is NULL. */
struct wd_str wd_arena_copy(struct wd_arena *arena, struct wd_str s);

/* Bytes handed out since the last reset. */
size_t wd_arena_used(const struct wd_arena *arena);
/* Bytes of memory that it holds for that, unused ends of blocks included. */
size_t wd_arena_held(const struct wd_arena *arena);

#ifdef __cplusplus
}
#endif
#endif
