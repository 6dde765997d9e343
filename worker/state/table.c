/* See table.h. Linear probing; a removed value's place is filled by those behind it, so there are no tombstones. */
#include "worker/state/table.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 64,
    ADDRESS_BITS = 48, /* of a block: what user space has on x86-64 and AArch64 */
    SAMPLE = 24,       /* values among which the oldest is looked for */
    EVICTED = 2,       /* of them */
    BLOCK_HEADER = 8,  /* the allocator's */
};

static const uint64_t ADDRESS_MASK = (UINT64_C(1) << ADDRESS_BITS) - 1;

static struct table_entry *entry_at(uint64_t slot)
{
    return (struct table_entry *)(uintptr_t)(slot & ADDRESS_MASK); /* NOLINT(performance-no-int-to-ptr) */
}

static uint64_t slot_of(const struct table_entry *entry, uint64_t hash)
{
    assert(((uintptr_t)entry & ~ADDRESS_MASK) == 0);
    return (uint64_t)(uintptr_t)entry | (hash & ~ADDRESS_MASK);
}

static uint64_t block_bytes(struct table_entry *entry)
{
    return entry->units ? (uint64_t)entry->units * BLOCK_UNIT : malloc_usable_size(entry) + BLOCK_HEADER;
}

static void entry_free(struct table *table, struct table_entry *entry)
{
    block_free(&table->blocks, entry, entry->units);
}

/* A block of another size with the same content as far as it goes. NULL: no memory; the old one is as it was. */
static struct table_entry *entry_move(struct table *table, struct table_entry *entry, size_t old_size, size_t size)
{
    if (entry->units && entry->units == block_units(size))
        return entry;
    struct table_entry *moved = block_new(&table->blocks, size);
    if (!moved)
        return NULL;
    memcpy(moved, entry, old_size < size ? old_size : size);
    moved->units = block_units(size);
    entry_free(table, entry);
    return moved;
}

static size_t entry_size(size_t key_len, size_t len)
{
    size_t size = offsetof(struct table_entry, data) + key_len + len;
    return size < sizeof(struct table_entry) ? sizeof(struct table_entry) : size;
}

void table_init(struct table *table, struct block_pool *pool, uint64_t max_bytes)
{
    *table = (struct table){.max_bytes = max_bytes, .blocks = {.pool = pool}};
    pthread_mutex_init(&table->lock, NULL);
}

void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i] && !entry_at(table->slots[i])->units)
            free(entry_at(table->slots[i])); /* the others go with the pool */
    block_array_free(table->blocks.pool, table->slots, table->capacity * sizeof(*table->slots));
    pthread_mutex_destroy(&table->lock);
}

/* ---- looking ---- */

void table_prefetch_slot(const struct table *table, uint64_t hash)
{
    const uint64_t *slots = atomic_load_explicit(&table->slots_hint, memory_order_relaxed);
    if (slots)
        __builtin_prefetch(&slots[hash & atomic_load_explicit(&table->mask_hint, memory_order_relaxed)]);
}

void table_prefetch_entry(const struct table *table, uint64_t hash)
{
    enum { LINES = 4 }; /* what a value of an ordinary author takes */
    if (!table->capacity)
        return;
    uint64_t tag = hash & ~ADDRESS_MASK;
    for (size_t at = hash & (table->capacity - 1); table->slots[at]; at = (at + 1) & (table->capacity - 1))
        if ((table->slots[at] & ~ADDRESS_MASK) == tag) {
            const char *entry = (const char *)entry_at(table->slots[at]);
            for (int line = 0; line < LINES; line++)
                __builtin_prefetch(entry + 64 * (size_t)line);
            return;
        }
}

static bool is_entry(const struct table_entry *entry, uint64_t hash, struct wd_str key)
{
    return entry->hash == (uint32_t)hash && entry->key_len == key.len && memcmp(entry->data, key.data, key.len) == 0;
}

struct table_entry *table_find(const struct table *table, uint64_t hash, struct wd_str key)
{
    if (!table->capacity)
        return NULL;
    uint64_t tag = hash & ~ADDRESS_MASK;
    for (size_t at = hash & (table->capacity - 1); table->slots[at]; at = (at + 1) & (table->capacity - 1)) {
        if ((table->slots[at] & ~ADDRESS_MASK) != tag)
            continue;
        struct table_entry *entry = entry_at(table->slots[at]);
        if (is_entry(entry, hash, key))
            return entry;
    }
    return NULL;
}

void table_each_of_hash(struct table *table, uint64_t hash, void (*each)(void *context, struct table_entry *entry),
                        void *context)
{
    uint64_t tag = hash & ~ADDRESS_MASK;
    if (!table->capacity)
        return;
    for (size_t at = hash & (table->capacity - 1); table->slots[at]; at = (at + 1) & (table->capacity - 1))
        if ((table->slots[at] & ~ADDRESS_MASK) == tag && entry_at(table->slots[at])->hash == (uint32_t)hash)
            each(context, entry_at(table->slots[at]));
}

const struct table_entry *table_entry_at(const struct table *table, size_t at)
{
    return table->slots[at] ? entry_at(table->slots[at]) : NULL;
}

static size_t place_of(const struct table *table, const struct table_entry *entry)
{
    size_t at = entry->hash & (table->capacity - 1);
    while (entry_at(table->slots[at]) != entry)
        at = (at + 1) & (table->capacity - 1);
    return at;
}

/* ---- growing ---- */

static void insert_slot(uint64_t *slots, size_t capacity, uint64_t slot, uint32_t hash)
{
    size_t at = hash & (capacity - 1);
    while (slots[at])
        at = (at + 1) & (capacity - 1);
    slots[at] = slot;
}

static bool grow(struct table *table)
{
    enum { AHEAD = 16 };
    size_t capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
    uint64_t *slots = block_array_new(table->blocks.pool, capacity * sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < table->capacity; i++) {
        if (i + AHEAD < table->capacity && table->slots[i + AHEAD])
            __builtin_prefetch(entry_at(table->slots[i + AHEAD]));
        if (table->slots[i])
            insert_slot(slots, capacity, table->slots[i], entry_at(table->slots[i])->hash);
    }
    block_array_free(table->blocks.pool, table->slots, table->capacity * sizeof(*slots));
    table->slots = slots;
    atomic_store_explicit(&table->slots_hint, slots, memory_order_relaxed);
    atomic_store_explicit(&table->mask_hint, capacity - 1, memory_order_relaxed);
    table->bytes += (capacity - table->capacity) * sizeof(*slots);
    table->capacity = capacity;
    table->hand = 0;
    return true;
}

/* ---- dropping ---- */

/* Closes the gap at `hole`: what stands behind it and may stand in it moves up. */
static void close_gap(struct table *table, size_t hole)
{
    size_t mask = table->capacity - 1;
    for (size_t at = (hole + 1) & mask; table->slots[at]; at = (at + 1) & mask) {
        size_t home = entry_at(table->slots[at])->hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it would stand before its home */
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = 0;
}

static void drop_at(struct table *table, size_t at)
{
    struct table_entry *entry = entry_at(table->slots[at]);
    table->bytes -= block_bytes(entry);
    table->count--;
    close_gap(table, at);
    entry_free(table, entry);
}

void table_remove(struct table *table, struct table_entry *entry)
{
    drop_at(table, place_of(table, entry));
}

static bool is_forgotten(const struct table *table, const struct table_entry *entry, int64_t before_ms)
{
    return !table_holds(table, entry) && entry->forget_at_ms < before_ms;
}

/* Its version stays: nothing that still counts has changed. */
static void shrink_at(struct table *table, size_t at, table_shrink_fn *shrink, int64_t now_ms)
{
    struct table_entry *entry = entry_at(table->slots[at]);
    uint64_t before = block_bytes(entry);
    uint32_t len = shrink(entry->data + entry->key_len, entry->len, &entry->forget_at_ms, now_ms);
    if (len >= entry->len || !len)
        return;
    entry->len = len;
    uint64_t tag = table->slots[at] & ~ADDRESS_MASK;
    size_t size = entry_size(entry->key_len, len);
    struct table_entry *moved = entry_move(table, entry, size, size);
    if (!moved)
        return;
    table->slots[at] = slot_of(moved, tag);
    table->bytes -= before - block_bytes(moved);
}

void table_sweep(struct table *table, size_t slots, int64_t before_ms, table_shrink_fn *shrink, int64_t now_ms)
{
    enum { AHEAD = 12, AT_ONCE = 32 }; /* some at once, so that memory is fetched ahead */
    table->sweep_due += slots;
    if (table->sweep_due < AT_ONCE)
        return;
    slots = table->sweep_due;
    table->sweep_due = 0;
    bool is_tight = shrink && table->bytes > table->max_bytes / 2;
    for (; slots && table->capacity; slots--) {
        size_t at = table->hand, ahead = (at + AHEAD) & (table->capacity - 1);
        if (table->slots[ahead])
            __builtin_prefetch(entry_at(table->slots[ahead]));
        if (table->slots[at] && is_forgotten(table, entry_at(table->slots[at]), before_ms)) {
            drop_at(table, at); /* something else may stand here now */
            table->forgotten++;
            continue;
        }
        if (is_tight && table->slots[at])
            shrink_at(table, at, shrink, now_ms);
        table->hand = (at + 1) & (table->capacity - 1);
    }
}

/* Drops the entries that are not NULL. */
static bool drop_oldest(struct table *table, struct table_entry *const oldest[static EVICTED])
{
    for (int i = 0; i < EVICTED && oldest[i]; i++) {
        table_remove(table, oldest[i]);
        table->evicted++;
    }
    return oldest[0] != NULL;
}

/* Of the next few values those that may be forgotten; where none may, the two that were not changed for the longest. */
static bool evict_some(struct table *table, const struct table_entry *keep, int64_t now_ms)
{
    enum { AHEAD = 10 };
    struct table_entry *oldest[EVICTED] = {NULL};
    uint64_t forgotten = table->forgotten;
    for (size_t step = 0, seen = 0; step < table->capacity && seen < SAMPLE; step++) {
        size_t at = table->hand, ahead = (at + AHEAD) & (table->capacity - 1);
        if (table->slots[ahead])
            __builtin_prefetch(entry_at(table->slots[ahead]));
        table->hand = (at + 1) & (table->capacity - 1);
        struct table_entry *entry = table->slots[at] ? entry_at(table->slots[at]) : NULL;
        if (!entry || entry == keep || entry == oldest[0] || entry == oldest[1] || table_holds(table, entry))
            continue; /* what was seen already may have moved to the end */
        seen++;
        if (entry->forget_at_ms < now_ms) {
            drop_at(table, at);
            table->forgotten++;
            table->hand = at;
        } else if (!oldest[0] || entry->version < oldest[0]->version) {
            oldest[1] = oldest[0];
            oldest[0] = entry;
        } else if (!oldest[1] || entry->version < oldest[1]->version) {
            oldest[1] = entry;
        }
    }
    return table->forgotten != forgotten || drop_oldest(table, oldest);
}

static bool make_room(struct table *table, const struct table_entry *keep, uint64_t more, int64_t now_ms)
{
    while (table->bytes + more > table->max_bytes)
        if (!evict_some(table, keep, now_ms))
            return false;
    return true;
}

/* ---- storing ---- */

/* A place for one more value: the slots grow only where the bound leaves room for that. */
static bool has_place(struct table *table, uint64_t more, int64_t now_ms)
{
    if (table->count + 1 <= table->capacity / 5 * 4)
        return true;
    uint64_t wider = table->capacity ? table->capacity * sizeof(*table->slots) : FIRST_CAPACITY * sizeof(*table->slots);
    if (table->bytes + wider + more <= table->max_bytes && grow(table))
        return true;
    return table->count + 1 <= table->capacity / 10 * 9 || evict_some(table, NULL, now_ms);
}

static struct table_entry *add_entry(struct table *table, uint64_t hash, struct wd_str key, size_t size, int64_t now_ms)
{
    if (!has_place(table, size, now_ms) || !make_room(table, NULL, size, now_ms) || table->capacity == 0)
        return NULL;
    struct table_entry *entry = block_new(&table->blocks, size);
    if (!entry)
        return NULL;
    entry->units = block_units(size);
    entry->hash = (uint32_t)hash;
    entry->key_len = (uint8_t)key.len;
    entry->held = 0;
    memcpy(entry->data, key.data, key.len);
    insert_slot(table->slots, table->capacity, slot_of(entry, hash), entry->hash);
    table->bytes += block_bytes(entry);
    table->count++;
    return entry;
}

static struct table_entry *resize_entry(struct table *table, struct table_entry *entry, uint64_t hash, size_t size,
                                        int64_t now_ms)
{
    uint64_t before = block_bytes(entry);
    if (size > before && !make_room(table, entry, size - before, now_ms))
        return NULL;
    size_t at = place_of(table, entry);
    struct table_entry *moved = entry_move(table, entry, entry_size(entry->key_len, entry->len), size);
    if (!moved)
        return NULL;
    table->slots[at] = slot_of(moved, hash);
    table->bytes += block_bytes(moved) - before;
    return moved;
}

struct table_entry *table_store(struct table *table, struct table_entry *entry, uint64_t hash, struct wd_str key,
                                const unsigned char *bytes, uint32_t len, int64_t forget_at_ms, int64_t now_ms)
{
    size_t size = entry_size(key.len, len);
    if (!entry)
        entry = add_entry(table, hash, key, size, now_ms);
    else if (entry->len != len)
        entry = resize_entry(table, entry, hash, size, now_ms);
    if (!entry)
        return NULL;
    if (len)
        memcpy(entry->data + key.len, bytes, len);
    entry->len = len;
    entry->forget_at_ms = forget_at_ms;
    entry->version = ++table->newest_version;
    return entry;
}
