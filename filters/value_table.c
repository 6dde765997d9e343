/* Values by key in memory, for programs without a store. What always holds: a value stays where it is until the table
 * is freed. Neighbours: recall.c names keys, remember.c changes values. */
#include <stdlib.h>
#include <string.h>

#include "filters/remember.h"

enum { FIRST_SLOTS = 1024, BLOCK_BYTES = 2 << 20, FIRST_BLOCK_BYTES = 64 * 1024, KEYS_OF_AN_EVENT_MAX = KEYS_MAX };
enum { CACHE_LINE_BYTES = 64, PREFETCHED_BYTES = 512 };

struct entry {
    struct entry *next; /* in its slot */
    struct wd_value value;
    uint64_t hash;
    uint32_t len;
    char key[];
};

/* Entries are cut from blocks. */
struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

struct wd_value_table {
    struct entry **slots;
    size_t slot_count, count; /* slots: a power of two */
    struct block *blocks;
};

struct wd_value_table *wd_value_table_new(void)
{
    struct wd_value_table *table = calloc(1, sizeof(*table));
    struct entry **slots = calloc(FIRST_SLOTS, sizeof(struct entry *));
    if (!table || !slots) {
        free(table);
        free(slots);
        return NULL;
    }
    table->slots = slots;
    table->slot_count = FIRST_SLOTS;
    return table;
}

void wd_value_table_free(struct wd_value_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->slot_count; i++)
        for (struct entry *entry = table->slots[i]; entry; entry = entry->next)
            free(entry->value.bytes);
    while (table->blocks) {
        struct block *next = table->blocks->next;
        free(table->blocks);
        table->blocks = next;
    }
    free(table->slots);
    free(table);
}

static uint64_t hash_key(struct wd_str key)
{
    return wd_item_hash(key);
}

static struct entry *find(const struct wd_value_table *table, struct wd_str key, uint64_t hash)
{
    struct entry *entry = table->slots[hash & (table->slot_count - 1)];
    while (entry && (entry->hash != hash || entry->len != key.len || memcmp(entry->key, key.data, key.len) != 0))
        entry = entry->next;
    return entry;
}

/* Without memory the chains grow longer, nothing else. */
static void grow(struct wd_value_table *table)
{
    size_t count = table->slot_count * 2;
    struct entry **slots = calloc(count, sizeof(struct entry *));
    if (!slots)
        return;
    for (size_t i = 0; i < table->slot_count; i++) {
        for (struct entry *entry = table->slots[i], *next; entry; entry = next) {
            next = entry->next;
            entry->next = slots[entry->hash & (count - 1)];
            slots[entry->hash & (count - 1)] = entry;
        }
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
}

static void *cut(struct wd_value_table *table, size_t bytes)
{
    size_t rounded = (bytes + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (!table->blocks || table->blocks->used + rounded > table->blocks->size - sizeof(struct block)) {
        size_t size = table->blocks ? BLOCK_BYTES : FIRST_BLOCK_BYTES;
        struct block *block = malloc(size);
        if (!block)
            return NULL;
        *block = (struct block){.next = table->blocks, .size = size};
        table->blocks = block;
    }
    void *memory = table->blocks->bytes + table->blocks->used;
    table->blocks->used += rounded;
    return memory;
}

static struct wd_value *get(struct wd_value_table *table, struct wd_str key, uint64_t hash)
{
    struct entry *entry = find(table, key, hash);
    if (entry)
        return &entry->value;
    if (table->count >= table->slot_count)
        grow(table);
    entry = cut(table, sizeof(*entry) + key.len);
    if (!entry)
        return NULL;
    struct entry **slot = &table->slots[hash & (table->slot_count - 1)];
    *entry = (struct entry){.next = *slot, .hash = hash, .len = (uint32_t)key.len};
    if (key.len)
        memcpy(entry->key, key.data, key.len);
    *slot = entry;
    table->count++;
    return &entry->value;
}

struct wd_value *wd_value_table_get(struct wd_value_table *table, struct wd_str key)
{
    return get(table, key, hash_key(key));
}

/* ---- a scan with a table ---- */

/* The values of an event lie anywhere: all of them are on their way before the first is looked at. */
static void prefetch(const struct wd_value_table *table, const struct wd_recall *recall, size_t from, uint64_t *hashes)
{
    for (size_t i = from; i < recall->count; i++) {
        hashes[i] = hash_key(recall->keys[i]);
        __builtin_prefetch(&table->slots[hashes[i] & (table->slot_count - 1)]);
    }
    for (size_t i = from; i < recall->count; i++)
        __builtin_prefetch(table->slots[hashes[i] & (table->slot_count - 1)]);
}

/* Fills values[from..] for the keys of the recall. */
static enum wd_status take_values(struct wd_value_table *table, const struct wd_recall *recall, size_t from,
                                  struct wd_value **values, struct wd_error *err)
{
    uint64_t hashes[KEYS_OF_AN_EVENT_MAX];
    if (recall->count > KEYS_OF_AN_EVENT_MAX)
        return wd_fail(err, WD_ERR_TOO_LARGE, "an event needs more than %d values", KEYS_OF_AN_EVENT_MAX);
    prefetch(table, recall, from, hashes);
    for (size_t i = from; i < recall->count; i++) {
        values[i] = get(table, recall->keys[i], hashes[i]);
        if (!values[i])
            return wd_fail(err, WD_ERR_MEMORY, "no memory for the value of a key");
        for (uint32_t at = 0; at < values[i]->len && at < PREFETCHED_BYTES; at += CACHE_LINE_BYTES)
            __builtin_prefetch(values[i]->bytes + at);
    }
    return WD_OK;
}

/* Recalls what the event needs, and takes the values from the table. */
static enum wd_status recall_from(struct wd_value_table *table, struct wd_scanner *scanner,
                                  const struct wd_ruleset *set, struct wd_arena *arena, const struct wd_event *event,
                                  int64_t now_ms, struct wd_recall *recall, struct wd_value **values,
                                  struct wd_error *err)
{
    enum wd_status status = wd_recall(scanner, set, arena, event, now_ms, recall, err);
    size_t first = recall->count;
    if (status == WD_OK)
        status = take_values(table, recall, 0, values, err);
    if (status == WD_OK)
        status = wd_recall_further(scanner, set, arena, event, values, recall, err);
    return status == WD_OK ? take_values(table, recall, first, values, err) : status;
}

enum wd_status wd_scan_with_table(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                  const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                  struct wd_value_table *table, struct wd_verdict *verdict_out, struct wd_error *err)
{
    struct wd_value *values[KEYS_OF_AN_EVENT_MAX];
    struct wd_recall recall;
    enum wd_status status = recall_from(table, scanner, set, arena, event, now_ms, &recall, values, err);
    if (status != WD_OK)
        return status;
    return wd_scan_remembering(scanner, set, arena, event, now_ms, origin, &recall, values, verdict_out, err);
}

enum wd_status wd_explain_with_table(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                     const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                     struct wd_value_table *table, uint32_t rule,
                                     struct wd_explanation *explanation_out, struct wd_error *err)
{
    struct wd_value *values[KEYS_OF_AN_EVENT_MAX];
    struct wd_recall recall;
    enum wd_status status = recall_from(table, scanner, set, arena, event, now_ms, &recall, values, err);
    if (status != WD_OK)
        return status;
    return wd_explain_remembering(scanner, set, arena, event, now_ms, origin, &recall, values, rule, explanation_out,
                                  err);
}
