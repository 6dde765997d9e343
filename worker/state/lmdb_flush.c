/* Appending what has changed to the log, in one transaction. Read lmdb_flush() first. Neighbours: lmdb.c says what
 * always holds; lmdb_take.c takes what has changed from the table, lmdb_clean.c what stays of the oldest segments. */
#include <errno.h>
#include <stdlib.h>

#include "worker/state/lmdb.h"

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
static int fill(struct lmdb *lmdb, MDB_txn *txn, struct lmdb_batch *batch, const struct lmdb_taking *taking)
{
    int code = lmdb->is_walked ? 0 : delete_clean(lmdb, txn);
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
    if (!lmdb->is_walked)
        lmdb_files_drop(lmdb, lmdb->clean_from); /* what lay before it is named no longer */
    lmdb->clean_from = batch->clean_to;
    lmdb->log_bytes += bytes_of(&batch->moved) + bytes_of(&batch->changed) - batch->cleaned_bytes;
    lmdb_note_size(lmdb);
}

/* ---- the transaction ---- */

/* What has been taken from the table is written whenever it is called. */
static int write_batch(struct lmdb *lmdb, struct lmdb_batch *batch, struct lmdb_taking *taking, enum lmdb_cleaning how)
{
    MDB_txn *txn = NULL;
    uint64_t number = lmdb->next_segment, incoming = atomic_load(&lmdb->changed_bytes);
    batch->clean_to = lmdb->clean_from;
    batch->cleaned_bytes = 0;
    int code = mdb_txn_begin(lmdb->env, NULL, 0, &txn);
    if (!code)
        code = lmdb_clean(lmdb, txn, how, incoming, batch);
    if (!code && taking && !taking->batch)
        code = lmdb_take(lmdb, taking, batch) ? 0 : ENOMEM;
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
    lmdb_list_init(&batch->moved);
    lmdb_list_init(&batch->changed);
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

static int write_changed(struct lmdb *lmdb, struct lmdb_batch *batch, struct lmdb_taking *taking)
{
    int code = write_batch(lmdb, batch, taking, CLEAN_DUE);
    if (code != MDB_MAP_FULL)
        return code;
    lmdb_free_segments(lmdb, &batch->moved); /* they stay where they are, or go */
    batch->drop_count = batch->forgotten = batch->evicted = 0;
    code = make_space(lmdb, bytes_of(&batch->changed));
    return code ? code : write_batch(lmdb, batch, taking, CLEAN_NOTHING);
}

int lmdb_flush(struct lmdb *lmdb)
{
    int code = 0;
    pthread_mutex_lock(&lmdb->flush_lock);
    lmdb->is_walked = atomic_load(&lmdb->walkers) > 0;
    bool counted = atomic_exchange(&lmdb->counted, false);
    if (counted || atomic_load(&lmdb->changed_bytes)) {
        struct lmdb_taking taking = {.lmdb = lmdb, .with_counters = counted};
        struct lmdb_batch batch;
        batch_init(&batch);
        code = write_changed(lmdb, &batch, &taking);
        if (code) {
            lmdb_give_back(lmdb, &taking);
            if (counted)
                atomic_store(&lmdb->counted, true);
        } else {
            note_written(lmdb, &batch);
            lmdb_release(lmdb, &taking);
        }
        batch_fini(lmdb, &batch);
        lmdb_taking_fini(&taking);
    }
    pthread_mutex_unlock(&lmdb->flush_lock);
    return code;
}
