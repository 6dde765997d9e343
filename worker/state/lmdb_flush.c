/* Appending what has changed to the log, in one transaction. Read lmdb_flush() first. Neighbours: lmdb.c says what always
 * holds; lmdb_clean.c takes what stays of the oldest segments along. */
#include <errno.h>
#include <stdlib.h>

#include "worker/state/lmdb.h"

/* What a transaction takes from the table. */
struct taking {
    struct lmdb *lmdb;
    struct lmdb_batch *batch;
    struct table *table;
    struct lmdb_changed lists[STRIPES]; /* the lists of what had changed */
    struct lmdb_changed removed;
    uint64_t newest_version;
    bool with_counters;
    bool fine;
};

/* ---- segments ---- */

static void list_init(struct segment_list *list)
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
    list_init(list);
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
    struct taking *taking = context;
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

static void take_stripe(struct taking *taking, unsigned stripe)
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

static bool take_changed(struct lmdb *lmdb, struct taking *taking)
{
    lmdb->round = lmdb->round < TABLE_LAST_ROUND && lmdb->round ? lmdb->round + 1 : TABLE_FIRST_ROUND;
    atomic_store(&lmdb->changed_bytes, 0);
    taking->fine = true;
    for (unsigned stripe = 0; taking->fine && stripe < STRIPES; stripe++)
        take_stripe(taking, stripe);
    if (taking->batch->changed.last)
        segment_seal(taking->batch->changed.last);
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
static void give_back(struct lmdb *lmdb, struct taking *taking)
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

/* ---- writing ---- */

static int append(struct lmdb *lmdb, MDB_txn *txn, struct segment *segment)
{
    for (; segment; segment = segment->next) {
        struct log_row row;
        size_t number = lmdb->next_segment;
        int code = lmdb_files_append(lmdb, segment, &row);
        MDB_val key = {.mv_size = sizeof(number), .mv_data = &number};
        MDB_val data = {.mv_size = sizeof(row), .mv_data = &row};
        if (!code)
            code = mdb_put(txn, lmdb->log, &key, &data, MDB_APPEND);
        if (code)
            return code;
        segment->number = number;
        lmdb->next_segment++;
    }
    return 0;
}

/* The segments that an earlier transaction has found to hold nothing any more. */
static int delete_clean(struct lmdb *lmdb, MDB_txn *txn)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, data;
    int code = mdb_cursor_open(txn, lmdb->log, &cursor);
    while (!code && !(code = mdb_cursor_get(cursor, &key, &data, MDB_FIRST))) {
        if (lmdb_number(&key) >= lmdb->clean_from)
            break;
        code = mdb_cursor_del(cursor, 0);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

/* `taking` NULL: only room is made. */
static int fill(struct lmdb *lmdb, MDB_txn *txn, struct lmdb_batch *batch, const struct taking *taking)
{
    int code = delete_clean(lmdb, txn);
    if (!code) /* records that stay first: what has changed of the same keys counts */
        code = append(lmdb, txn, batch->moved.first);
    if (!code)
        code = append(lmdb, txn, batch->changed.first);
    if (!code && taking && taking->with_counters)
        code = lmdb_write_counters(lmdb, txn);
    if (!code && taking)
        code = lmdb_write_newest(lmdb, txn, taking->newest_version);
    return code ? code : lmdb_files_sync(lmdb);
}

/* ---- once it is written ---- */

static void note_record(struct lmdb *lmdb, struct places *places, const struct segment *segment, uint32_t record)
{
    bool is_removal = segment->begins[record] >> 31;
    size_t begin = segment->begins[record] & INT32_MAX, end = segment->begins[record + 1] & INT32_MAX;
    uint64_t place = place_of_record(segment->number, begin, end - begin), hash = segment->hashes[record];
    uint64_t before = is_removal ? places_remove(places, hash) : places_put(places, hash, place);
    lmdb->live_bytes += is_removal ? 0 : place_bytes(place);
    lmdb->live_bytes -= place_bytes(before);
}

static void note_segments(struct lmdb *lmdb, const struct segment *segment)
{
    enum { AHEAD = 12 };
    for (; segment; segment = segment->next) {
        struct table *locked = NULL;
        for (uint32_t i = 0; i < segment->count; i++) {
            uint32_t ahead = i + AHEAD < segment->count ? i + AHEAD : i;
            places_prefetch(&lmdb->places[stripe_of(segment->hashes[ahead])], segment->hashes[ahead]);
            unsigned stripe = stripe_of(segment->hashes[i]);
            struct table *table = &lmdb->stripes->tables[stripe];
            if (table != locked) {
                if (locked)
                    pthread_mutex_unlock(&locked->lock);
                pthread_mutex_lock(&table->lock);
                locked = table;
            }
            note_record(lmdb, &lmdb->places[stripe], segment, i);
        }
        if (locked)
            pthread_mutex_unlock(&locked->lock);
    }
}

static void note_dropped(struct lmdb *lmdb, const struct lmdb_batch *batch)
{
    for (size_t i = 0; i < batch->drop_count; i++) {
        const struct lmdb_dropped *dropped = &batch->dropped[i];
        unsigned stripe = stripe_of(dropped->hash);
        pthread_mutex_lock(&lmdb->stripes->tables[stripe].lock);
        if (places_find(&lmdb->places[stripe], dropped->hash) == dropped->place) {
            places_remove(&lmdb->places[stripe], dropped->hash);
            lmdb->live_bytes -= place_bytes(dropped->place);
        }
        pthread_mutex_unlock(&lmdb->stripes->tables[stripe].lock);
    }
    atomic_fetch_add(&lmdb->forgotten, batch->forgotten);
    atomic_fetch_add(&lmdb->evicted, batch->evicted);
}

static uint64_t bytes_of(const struct segment_list *list)
{
    uint64_t bytes = 0;
    for (const struct segment *segment = list->first; segment; segment = segment->next)
        bytes += segment->used;
    return bytes;
}

/* The places lead to what was written. */
static void note_written(struct lmdb *lmdb, const struct lmdb_batch *batch)
{
    note_segments(lmdb, batch->moved.first);
    note_segments(lmdb, batch->changed.first);
    note_dropped(lmdb, batch);
    lmdb_files_drop(lmdb, lmdb->clean_from); /* what lay before it is named no longer */
    lmdb->clean_from = batch->clean_to;
    lmdb->log_bytes += bytes_of(&batch->moved) + bytes_of(&batch->changed) - batch->cleaned_bytes;
    lmdb_note_size(lmdb);
}

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

static void release(struct lmdb *lmdb, const struct taking *taking)
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

/* ---- the transaction ---- */

/* What has been taken from the table is written whenever it is called. */
static int write_batch(struct lmdb *lmdb, struct lmdb_batch *batch, struct taking *taking, enum lmdb_cleaning how)
{
    MDB_txn *txn = NULL;
    uint64_t number = lmdb->next_segment, incoming = atomic_load(&lmdb->changed_bytes);
    batch->clean_to = lmdb->clean_from;
    batch->cleaned_bytes = 0;
    int code = mdb_txn_begin(lmdb->env, NULL, 0, &txn);
    if (!code)
        code = lmdb_clean(lmdb, txn, how, incoming, batch);
    if (!code && taking && !taking->batch)
        code = take_changed(lmdb, (taking->batch = batch, taking)) ? 0 : ENOMEM;
    if (!code)
        code = fill(lmdb, txn, batch, taking);
    if (!code)
        code = mdb_txn_commit(txn);
    else if (txn)
        mdb_txn_abort(txn);
    lmdb_files_end(lmdb, code == 0, lmdb->next_segment);
    if (code)
        lmdb->next_segment = number;
    return code;
}

static void batch_init(struct lmdb_batch *batch)
{
    *batch = (struct lmdb_batch){0};
    list_init(&batch->moved);
    list_init(&batch->changed);
}

static void batch_fini(struct lmdb *lmdb, struct lmdb_batch *batch)
{
    lmdb_free_segments(lmdb, &batch->moved);
    lmdb_free_segments(lmdb, &batch->changed);
    free(batch->dropped);
}

/* For `bytes`; first what is clean already, then whatever is the oldest. */
static int make_space(struct lmdb *lmdb, uint64_t bytes)
{
    enum { TRANSACTIONS = 256 };
    int code = bytes > lmdb->max_bytes / 2 ? MDB_MAP_FULL : 0; /* that would cost all the others */
    for (int i = 0; !code && lmdb_bytes(lmdb) + bytes > lmdb->max_bytes; i++) {
        struct lmdb_batch batch;
        batch_init(&batch);
        code = i < TRANSACTIONS ? write_batch(lmdb, &batch, NULL, i ? CLEAN_ALL : CLEAN_NOTHING) : MDB_MAP_FULL;
        if (!code)
            note_written(lmdb, &batch);
        batch_fini(lmdb, &batch);
    }
    return code;
}

static int write_changed(struct lmdb *lmdb, struct lmdb_batch *batch, struct taking *taking)
{
    int code = write_batch(lmdb, batch, taking, CLEAN_DUE);
    if (code != MDB_MAP_FULL)
        return code;
    lmdb_free_segments(lmdb, &batch->moved); /* they stay where they are, or go */
    batch->drop_count = batch->forgotten = batch->evicted = 0;
    code = make_space(lmdb, bytes_of(&batch->changed));
    return code ? code : write_batch(lmdb, batch, taking, CLEAN_NOTHING);
}

static void taking_fini(struct taking *taking)
{
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        free(taking->lists[stripe].hashes);
    free(taking->removed.hashes);
}

int lmdb_flush(struct lmdb *lmdb)
{
    int code = 0;
    pthread_mutex_lock(&lmdb->flush_lock);
    bool counted = atomic_exchange(&lmdb->counted, false);
    if (counted || atomic_load(&lmdb->changed_bytes)) {
        struct taking taking = {.lmdb = lmdb, .with_counters = counted};
        struct lmdb_batch batch;
        batch_init(&batch);
        code = write_changed(lmdb, &batch, &taking);
        if (code) {
            give_back(lmdb, &taking);
            if (counted)
                atomic_store(&lmdb->counted, true);
        } else {
            note_written(lmdb, &batch);
            release(lmdb, &taking);
        }
        batch_fini(lmdb, &batch);
        taking_fini(&taking);
    }
    pthread_mutex_unlock(&lmdb->flush_lock);
    return code;
}
