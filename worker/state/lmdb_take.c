/* Taking what has changed from the table into segments, and what becomes of it there once it is written, or is not.
 * What always holds: a value that was taken is held until then. Neighbour: lmdb_flush.c. */
#include <stdlib.h>

#include "worker/state/lmdb.h"

/* ---- segments ---- */

void lmdb_list_init(struct segment_list *list)
{
    *list = (struct segment_list){.end = &list->first};
}

struct segment *lmdb_room(struct lmdb *lmdb, struct segment_list *list, size_t bytes)
{
    struct segment *segment = list->last;
    if (segment && segment_has_room(segment, bytes))
        return segment;
    if (segment)
        segment_seal(segment);
    segment = lmdb->spare;
    if (segment && segment_has_room(segment, bytes)) {
        lmdb->spare = segment->next;
        lmdb->spare_count--;
        segment->next = NULL;
    } else {
        segment = segment_new(bytes);
    }
    if (!segment)
        return NULL;
    *list->end = list->last = segment;
    list->end = &segment->next;
    return segment;
}

void lmdb_free_segments(struct lmdb *lmdb, struct segment_list *list)
{
    enum { SPARE_MOST = 256 }; /* 21 MB: what a second changes ordinarily */
    for (struct segment *segment = list->first, *next; segment; segment = next) {
        next = segment->next;
        if (segment->room != SEGMENT_BYTES || lmdb->spare_count == SPARE_MOST) {
            segment_free(segment);
            continue;
        }
        segment->count = 0;
        segment->used = 0;
        segment->next = lmdb->spare;
        lmdb->spare = segment;
        lmdb->spare_count++;
    }
    lmdb_list_init(list);
}

/* ---- taking from the table ---- */

static bool list_add(struct lmdb_changed *list, uint64_t hash)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        uint64_t *hashes = realloc(list->hashes, room * sizeof(*hashes));
        if (!hashes)
            return false;
        list->hashes = hashes;
        list->room = room;
    }
    list->hashes[list->count++] = hash;
    return true;
}

static void take_if_changed(void *context, struct table_entry *entry)
{
    struct lmdb_taking *taking = context;
    if (!taking->fine || entry->held != TABLE_CHANGED)
        return;
    struct record record = {.version = entry->version,
                            .forget_at_ms = entry->forget_at_ms,
                            .key = {.data = (const char *)entry->data, .len = entry->key_len},
                            .bytes = entry->data + entry->key_len,
                            .len = entry->len};
    uint64_t hash = stripes_hash(taking->lmdb->stripes, record.key); /* not the list's: that may be a neighbour's */
    struct segment *segment = lmdb_room(taking->lmdb, &taking->batch->changed, record_bytes(&record));
    taking->fine = segment && (record.len || list_add(&taking->removed, hash));
    if (!taking->fine)
        return;
    segment_add(segment, hash, &record);
    entry->held = taking->table->writing;
}

static void take_stripe(struct lmdb_taking *taking, unsigned stripe)
{
    enum { AHEAD = 8 };
    struct lmdb *lmdb = taking->lmdb;
    struct table *table = taking->table = &lmdb->stripes->tables[stripe];
    struct lmdb_changed *list = &taking->lists[stripe];
    pthread_mutex_lock(&table->lock);
    *list = lmdb->changed[stripe];
    lmdb->changed[stripe] = (struct lmdb_changed){0};
    table->writing = lmdb->round;
    taking->fine = places_reserve(&lmdb->places[stripe], list->count);
    for (size_t i = 0; taking->fine && i < list->count; i++) {
        if (i + 2 * (size_t)AHEAD < list->count)
            table_prefetch_slot(table, list->hashes[i + 2 * (size_t)AHEAD]);
        if (i + AHEAD < list->count)
            table_prefetch_entry(table, list->hashes[i + AHEAD]);
        table_each_of_hash(table, list->hashes[i], take_if_changed, taking);
    }
    if (table->newest_version > taking->newest_version)
        taking->newest_version = table->newest_version;
    pthread_mutex_unlock(&table->lock);
}

bool lmdb_take(struct lmdb *lmdb, struct lmdb_taking *taking, struct lmdb_batch *batch)
{
    taking->batch = batch;
    lmdb->round = lmdb->round < TABLE_LAST_ROUND && lmdb->round ? lmdb->round + 1 : TABLE_FIRST_ROUND;
    atomic_store(&lmdb->changed_bytes, 0);
    atomic_store(&lmdb->changed_count, 0);
    atomic_store(&lmdb->changed_again, 0);
    taking->fine = true;
    for (unsigned stripe = 0; taking->fine && stripe < STRIPES; stripe++)
        take_stripe(taking, stripe);
    if (batch->changed.last)
        segment_seal(batch->changed.last);
    return taking->fine;
}

/* ---- giving back, after a failure ---- */

struct returning {
    uint8_t round;
    size_t bytes;
};

static void change_again(void *context, struct table_entry *entry)
{
    struct returning *returning = context;
    if (entry->held != returning->round)
        return;
    entry->held = TABLE_CHANGED;
    returning->bytes += entry->key_len + (size_t)entry->len;
}

static void join_lists(struct lmdb_changed *list, struct lmdb_changed *taken)
{
    if (!list->count) {
        free(list->hashes);
        *list = *taken;
        *taken = (struct lmdb_changed){0};
        return;
    }
    for (size_t i = 0; i < taken->count; i++)
        if (!list_add(list, taken->hashes[i]))
            abort(); /* values that no list knows would never be written, and offsets be committed all the same */
}

/* What has changed since stands in both lists then, and is taken once. */
void lmdb_give_back(struct lmdb *lmdb, struct lmdb_taking *taking)
{
    struct returning returning = {.round = lmdb->round};
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        struct table *table = &lmdb->stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        for (size_t i = 0; i < taking->lists[stripe].count; i++)
            table_each_of_hash(table, taking->lists[stripe].hashes[i], change_again, &returning);
        join_lists(&lmdb->changed[stripe], &taking->lists[stripe]);
        table->writing = 0;
        pthread_mutex_unlock(&table->lock);
    }
    atomic_fetch_add(&lmdb->changed_bytes, returning.bytes);
}

/* ---- once it is written ---- */

struct releasing {
    uint8_t round;
    struct table_entry *removed; /* it is written, and has not changed since */
};

static void find_removed(void *context, struct table_entry *entry)
{
    struct releasing *releasing = context;
    if (entry->held == releasing->round && !entry->len)
        releasing->removed = entry;
}

void lmdb_release(struct lmdb *lmdb, const struct lmdb_taking *taking)
{
    for (size_t i = 0; i < taking->removed.count; i++) {
        struct table *table = &lmdb->stripes->tables[stripe_of(taking->removed.hashes[i])];
        struct releasing releasing = {.round = lmdb->round};
        pthread_mutex_lock(&table->lock);
        table_each_of_hash(table, taking->removed.hashes[i], find_removed, &releasing);
        if (releasing.removed)
            table_remove(table, releasing.removed);
        pthread_mutex_unlock(&table->lock);
    }
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        struct table *table = &lmdb->stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        table->writing = 0;
        pthread_mutex_unlock(&table->lock);
    }
}

void lmdb_taking_fini(struct lmdb_taking *taking)
{
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        free(taking->lists[stripe].hashes);
    free(taking->removed.hashes);
}
