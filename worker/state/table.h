/* One stripe of the table in memory: a hash table of versioned values under a lock of its own. Neighbours: memory.c
 * picks the stripe of a key and holds its lock around everything here.
 *
 * What always holds: a value and its key are one block, a slot is eight bytes (the block's address and 16 bits of the
 * hash), versions rise and are never used again within a stripe. */
#ifndef WORKER_STATE_TABLE_H
#define WORKER_STATE_TABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

#include "worker/state/blocks.h"

struct table_entry {
    uint64_t version;
    int64_t forget_at_ms;
    uint32_t hash; /* its low bits: the place in the table */
    uint32_t len;
    uint8_t key_len;
    uint8_t units;        /* of its block */
    uint8_t held;         /* TABLE_CHANGED, or the round of writing that took it: see table_holds() */
    unsigned char data[]; /* the key, then the value */
};

/* A value that has changed is held, which means that it is never dropped, until the round that writes it has ended. The
 * rounds of what is not held any more stay where they are: none has to be visited. */
enum { TABLE_CHANGED = 1, TABLE_FIRST_ROUND = 2, TABLE_LAST_ROUND = 255 };

struct table {
    _Alignas(64) pthread_mutex_t lock;
    struct blocks blocks;
    uint64_t *slots;                /* 0: free */
    size_t capacity;                /* a power of two; 0 before the first value */
    _Atomic(uint64_t *) slots_hint; /* the same two for table_prefetch_slot(), which nobody locks for */
    atomic_size_t mask_hint;
    size_t count;
    size_t hand;      /* where the sweep is */
    size_t sweep_due; /* places that are still to be looked at */
    uint8_t writing;  /* the round that is under way; 0: none */
    uint64_t newest_version;
    uint64_t bytes, max_bytes; /* of blocks and slots */
    uint64_t forgotten, evicted;
};

void table_init(struct table *table, struct block_pool *pool, uint64_t max_bytes);
void table_fini(struct table *table);

/* Two steps before table_find(), so that the memory of many keys is fetched side by side. The first one needs no lock:
 * at worst it fetches the wrong thing. */
void table_prefetch_slot(const struct table *table, uint64_t hash);
void table_prefetch_entry(const struct table *table, uint64_t hash);

/* NULL: not there. Stays where it is until the next change of the table. */
struct table_entry *table_find(const struct table *table, uint64_t hash, struct wd_str key);
/* Puts a value in place of the one that is there (`entry`, NULL: none), under a new version. NULL where memory is out
 * or no room could be made; then the old value is still there. */
struct table_entry *table_store(struct table *table, struct table_entry *entry, uint64_t hash, struct wd_str key,
                                const unsigned char *bytes, uint32_t len, int64_t forget_at_ms, int64_t now_ms);
static inline bool table_holds(const struct table *table, const struct table_entry *entry)
{
    return entry->held == TABLE_CHANGED || (entry->held && entry->held == table->writing);
}
void table_remove(struct table *table, struct table_entry *entry);
/* Every value whose hash has the same bits as far as the table keeps them; `each` may change what is held. */
void table_each_of_hash(struct table *table, uint64_t hash, void (*each)(void *context, struct table_entry *entry),
                        void *context);
/* What stands at place `at`, for walks; NULL: nothing. */
const struct table_entry *table_entry_at(const struct table *table, size_t at);
/* What is left of a value that nobody has changed for a while: its new length, at most `len`. */
typedef uint32_t table_shrink_fn(unsigned char *bytes, uint32_t len, int64_t *forget_at_ms, int64_t now_ms);
/* Looks at a few values and drops those that could be forgotten before `before_ms`. Where the table is more than half
 * full, the others are shrunk (`shrink` NULL: never). */
void table_sweep(struct table *table, size_t slots, int64_t before_ms, table_shrink_fn *shrink, int64_t now_ms);

#endif
