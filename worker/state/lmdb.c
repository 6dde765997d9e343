/* The store on one machine: a log of records in an LMDB environment, in memory the place of each value's newest record,
 * and before it a table of values. Values that have changed are kept in the table and appended to the log in one
 * transaction, which is on the disk before state_sync() returns, or state_sync_begin() tells: so before the offsets of
 * what changed them are committed. After a crash or a power loss the log is what the last such transaction left, and
 * records from there on are read again.
 *
 * What always holds: a value whose newest record is not the one at its place is in the table, held; so whoever finds
 * nothing in the table, under its lock, reads the truth at the place, and where there is no place there is nothing. Of
 * two records of a key the later one in the log counts. A segment of the log goes only in a transaction after the one
 * that moved the last of its records, when no place leads there any more. Lock order: flush, then a stripe. Neighbours:
 * lmdb_flush.c appends, lmdb_clean.c makes room, lmdb_writer.c writes ahead, lmdb_open.c and lmdb_load.c begin;
 * segment.h is the log's form, stripes.h the table. */
#include "worker/state/lmdb.h"

#include <errno.h>
#include <stdlib.h>

enum { VALUE_MAX = 1 << 28 };

enum wd_status lmdb_fail(const struct lmdb *lmdb, int code, struct wd_error *err)
{
    enum wd_status status = code == MDB_MAP_FULL ? WD_ERR_TOO_LARGE : code == ENOMEM ? WD_ERR_MEMORY : WD_ERR_IO;
    if (code == MDB_MAP_FULL)
        return wd_fail(err, status, "the state in %s is full, and nothing in it could be dropped: raise state.size",
                       lmdb->path);
    if (code == MDB_VERSION_MISMATCH)
        return wd_fail(
            err, WD_ERR_INVALID,
            "the state in %s was written in another format, which this version does not read: export it with "
            "the version that wrote it, and import it into an empty folder (state.path)",
            lmdb->path);
    return wd_fail(err, status, "the state in %s: %s", lmdb->path, mdb_strerror(code));
}

/* ---- reading ---- */

int lmdb_read(MDB_txn *txn, const struct lmdb *lmdb, uint64_t place, struct wd_str key, struct record *out)
{
    size_t number = place_segment(place);
    MDB_val name = {.mv_size = sizeof(number), .mv_data = &number}, data;
    struct log_row row;
    int code = mdb_get(txn, lmdb->log, &name, &data);
    if (code)
        return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    if (!lmdb_row(&data, &row) || !segment_record_at(lmdb_files_bytes(lmdb, &row), row.len, place_begin(place), out))
        return MDB_CORRUPTED;
    return wd_str_equal(out->key, key) ? 0 : MDB_NOTFOUND;
}

/* A view of the environment as it is now, until end_read(). */
static int begin_read(struct lmdb_handle *handle, const struct lmdb *lmdb)
{
    if (handle->is_reading || lmdb->view)
        return 0;
    int code =
        handle->reader ? mdb_txn_renew(handle->reader) : mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &handle->reader);
    handle->is_reading = code == 0;
    return code;
}

static void end_read(struct lmdb_handle *handle)
{
    if (handle->is_reading)
        mdb_txn_reset(handle->reader);
    handle->is_reading = false;
}

static MDB_txn *txn_of(const struct lmdb_handle *handle, const struct lmdb *lmdb)
{
    return lmdb->view ? lmdb->view : handle->reader;
}

/* From the log into the table. NULL and *code_out 0: it is not there. */
static struct table_entry *fetch_from_log(struct lmdb *lmdb, unsigned stripe, struct lmdb_handle *handle, uint64_t hash,
                                          struct wd_str key, struct record *record, int *code_out)
{
    uint64_t place = places_find(&lmdb->places[stripe], hash);
    if (!place)
        return NULL;
    int code = begin_read(handle, lmdb);
    if (!code)
        code = lmdb_read(txn_of(handle, lmdb), lmdb, place, key, record);
    if (code) {
        *record = (struct record){0};
        *code_out = code == MDB_NOTFOUND ? 0 : code;
        return NULL;
    }
    struct table_entry *entry =
        table_store(&lmdb->stripes->tables[stripe], NULL, hash, key, record->bytes, record->len, record->forget_at_ms,
                    atomic_load_explicit(&lmdb->now_ms, memory_order_relaxed));
    if (entry)
        entry->version = record->version;
    return entry;
}

/* What stands in the table for a key, fetched from the log where it does not; under the stripe's lock. A removed value
 * that is not written yet has len 0. NULL and *code_out 0: nowhere, or (record->len) there is no room in the table. */
static struct table_entry *fetch(struct lmdb *lmdb, unsigned stripe, struct lmdb_handle *handle, uint64_t hash,
                                 struct wd_str key, struct record *record, int *code_out)
{
    *code_out = 0;
    struct table_entry *entry = table_find(&lmdb->stripes->tables[stripe], hash, key);
    *record = (struct record){0};
    if (!entry)
        return fetch_from_log(lmdb, stripe, handle, hash, key, record, code_out);
    *record = (struct record){.version = entry->len ? entry->version : 0,
                              .forget_at_ms = entry->forget_at_ms,
                              .bytes = entry->data + entry->key_len,
                              .len = entry->len};
    return entry;
}

static int get_item(struct lmdb *lmdb, unsigned stripe, struct lmdb_handle *handle, uint64_t hash,
                    struct state_item *item)
{
    struct record record;
    int code;
    fetch(lmdb, stripe, handle, hash, item->key, &record, &code);
    if (code)
        return code;
    item->conflict = false;
    item->version = record.version;
    return state_value_set(item->value, record.bytes, record.len, record.forget_at_ms) ? 0 : ENOMEM;
}

static int get_stripe(struct state_store *store, struct state_item *items, unsigned stripe)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    struct stripe_order *order = &handle->order;
    struct table *table = &lmdb->stripes->tables[stripe];
    pthread_mutex_lock(&table->lock);
    int code = 0;
    for (uint32_t i = order->begins[stripe]; !code && i < order->begins[stripe + 1]; i++)
        code = get_item(lmdb, stripe, handle, order->hashes[order->order[i]], &items[order->order[i]]);
    end_read(handle);
    pthread_mutex_unlock(&table->lock);
    return code;
}

static void lmdb_get(struct state_store *store, struct state_item *items, size_t count, state_done_fn *done,
                     void *context)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    struct wd_error err = {0};
    int code = stripe_order_make(&handle->order, lmdb->stripes, items, count) ? 0 : ENOMEM;
    if (!code)
        stripe_order_prefetch(&handle->order, lmdb->stripes);
    for (unsigned stripe = 0; !code && stripe < STRIPES; stripe++)
        if (handle->order.begins[stripe] != handle->order.begins[stripe + 1])
            code = get_stripe(store, items, stripe);
    if (code)
        lmdb_fail(lmdb, code, &err);
    done(context, err.status, &err);
}

/* ---- storing: into the table ---- */

static bool make_list_room(struct lmdb_changed *changed)
{
    if (changed->count < changed->room)
        return true;
    size_t room = changed->room ? changed->room * 2 : 64;
    uint64_t *hashes = realloc(changed->hashes, room * sizeof(*hashes));
    if (!hashes)
        return false;
    changed->hashes = hashes;
    changed->room = room;
    return true;
}

/* What a call has changed. It is told once, for an atomic addition waits until all that was stored before it has
 * reached the cache; before anything that depends on it: a flush writes nothing where nothing was told. */
struct change_counts {
    uint64_t count, again, bytes;
};

static void tell_changes(struct lmdb *lmdb, struct change_counts *counts)
{
    atomic_fetch_add_explicit(&lmdb->changed_count, counts->count, memory_order_relaxed);
    atomic_fetch_add_explicit(&lmdb->changed_again, counts->again, memory_order_relaxed);
    atomic_fetch_add_explicit(&lmdb->changed_bytes, counts->bytes, memory_order_relaxed);
    *counts = (struct change_counts){0};
}

/* There is room in the list. */
static void note_changed(struct lmdb *lmdb, unsigned stripe, struct table_entry *entry, uint64_t hash,
                         uint32_t len_before, struct change_counts *counts)
{
    /* Never 0: where somebody else has listed the value and not told of it yet, a flush for this call must write it. */
    size_t more = entry->len > len_before ? entry->len - len_before : 1;
    if (entry->held != TABLE_CHANGED) {
        struct lmdb_changed *changed = &lmdb->changed[stripe];
        changed->hashes[changed->count++] = hash;
        entry->held = TABLE_CHANGED;
        more = entry->key_len + (size_t)entry->len;
        counts->count++;
    } else {
        counts->again++;
    }
    counts->bytes += more;
}

static int put_item(struct lmdb *lmdb, unsigned stripe, struct lmdb_handle *handle, uint64_t hash,
                    struct state_item *item, struct change_counts *counts)
{
    const struct wd_value *value = item->value;
    struct record record;
    int code;
    struct table_entry *entry = fetch(lmdb, stripe, handle, hash, item->key, &record, &code);
    if (code)
        return code;
    item->conflict = item->version != record.version;
    if (item->conflict || (!value->len && !record.version))
        return 0;
    if (!make_list_room(&lmdb->changed[stripe]))
        return ENOMEM;
    entry = value->len > VALUE_MAX
                ? NULL
                : table_store(&lmdb->stripes->tables[stripe], entry, hash, item->key, value->bytes, value->len,
                              value->forget_at_ms, atomic_load_explicit(&lmdb->now_ms, memory_order_relaxed));
    if (!entry)
        return MDB_MAP_FULL;
    item->version = value->len ? entry->version : 0;
    note_changed(lmdb, stripe, entry, hash, record.len, counts);
    return 0;
}

/* From item *at on; where the table has no room it stops there. */
static int put_stripe(struct state_store *store, struct state_item *items, unsigned stripe, uint32_t *at,
                      struct change_counts *counts)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    struct stripe_order *order = &handle->order;
    struct table *table = &lmdb->stripes->tables[stripe];
    pthread_mutex_lock(&table->lock);
    int code = 0;
    for (; !code && *at < order->begins[stripe + 1]; *at += !code)
        code = put_item(lmdb, stripe, handle, order->hashes[order->order[*at]], &items[order->order[*at]], counts);
    end_read(handle);
    pthread_mutex_unlock(&table->lock);
    return code;
}

static int put_all(struct state_store *store, struct state_item *items)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    struct change_counts counts = {0};
    int code = 0;
    for (unsigned stripe = 0; !code && stripe < STRIPES; stripe++) {
        uint32_t at = handle->order.begins[stripe];
        if (at == handle->order.begins[stripe + 1])
            continue;
        code = put_stripe(store, items, stripe, &at, &counts);
        if (code != MDB_MAP_FULL)
            continue;
        tell_changes(lmdb, &counts);
        code = lmdb_flush(lmdb); /* everything in the table is held until it is written */
        if (!code)
            code = put_stripe(store, items, stripe, &at, &counts);
    }
    tell_changes(lmdb, &counts);
    return code;
}

static void note_now(struct lmdb *lmdb, int64_t now_ms)
{
    int64_t known = atomic_load_explicit(&lmdb->now_ms, memory_order_relaxed);
    while (now_ms > known && !atomic_compare_exchange_weak(&lmdb->now_ms, &known, now_ms))
        ;
}

/* Where many changes are of values that have changed already, few values change, and again and again: the longer they
 * wait, the less is written. */
static bool is_worth_writing(struct lmdb *lmdb)
{
    enum { FEW = 12 };
    return FEW * atomic_load_explicit(&lmdb->changed_again, memory_order_relaxed) <
           atomic_load_explicit(&lmdb->changed_count, memory_order_relaxed);
}

static void lmdb_put(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms,
                     state_done_fn *done, void *context)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    struct wd_error err = {0};
    int code = store->share->options.read_only ? EACCES : 0;
    note_now(lmdb, now_ms);
    uint64_t changed = atomic_load_explicit(&lmdb->changed_bytes, memory_order_relaxed);
    if (!code && changed > lmdb->max_changed_bytes)
        code = lmdb_flush(lmdb);
    else if (!code && changed > lmdb->early_bytes && is_worth_writing(lmdb))
        lmdb_writer_ask(lmdb);
    if (!code && !stripe_order_make(&handle->order, lmdb->stripes, items, count))
        code = ENOMEM;
    if (!code)
        code = put_all(store, items);
    if (code)
        lmdb_fail(lmdb, code, &err);
    done(context, err.status, &err);
}

/* ---- the rest ---- */

static enum wd_status lmdb_sync(struct state_store *store, struct wd_error *err)
{
    struct lmdb *lmdb = store->share->own;
    int code = store->share->options.read_only ? 0 : lmdb_flush(lmdb);
    return code ? lmdb_fail(lmdb, code, err) : WD_OK;
}

static void lmdb_count(struct state_store *store, struct wd_str key, int64_t delta, int64_t ttl_ms,
                       state_count_fn *done, void *context)
{
    struct lmdb *lmdb = store->share->own;
    int64_t amount = 0;
    bool counted = state_counters_add(store->share->counters, key, delta, ttl_ms, &amount);
    atomic_store(&lmdb->counted, true);
    done(context, counted ? WD_OK : WD_ERR_MEMORY, amount);
}

static int walk_segment(struct lmdb *lmdb, uint64_t number, const MDB_val *data, state_each_fn *each, void *context,
                        bool *more)
{
    struct log_row row;
    struct segment_view view;
    struct record record;
    if (!lmdb_row(data, &row) || !segment_open(lmdb_files_bytes(lmdb, &row), row.len, &view))
        return MDB_CORRUPTED;
    lmdb_files_ask_for(lmdb, &row, row.len);
    for (uint32_t i = 0; *more && i < view.count; i++) {
        uint64_t hash = segment_hash(&view, i), place;
        unsigned stripe = stripe_of(hash);
        pthread_mutex_lock(&lmdb->stripes->tables[stripe].lock);
        place = places_find(&lmdb->places[stripe], hash);
        pthread_mutex_unlock(&lmdb->stripes->tables[stripe].lock);
        if (place_segment(place) != number || place_begin(place) != segment_begin(&view, i))
            continue; /* there is a later record, or the value is gone */
        if (!segment_record(&view, i, &record))
            return MDB_CORRUPTED;
        *more = each(context, record.key, record.bytes, record.len, record.forget_at_ms);
    }
    return 0;
}

static int walk(struct lmdb *lmdb, MDB_txn *txn, state_each_fn *each, void *context)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, data;
    bool more = true;
    int code = mdb_cursor_open(txn, lmdb->log, &cursor);
    while (!code && more && !(code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)))
        code = walk_segment(lmdb, lmdb_number(&key), &data, each, context, &more);
    if (cursor)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

static enum wd_status lmdb_each(struct state_store *store, state_each_fn *each, void *context, struct wd_error *err)
{
    struct lmdb *lmdb = store->share->own;
    MDB_txn *txn = lmdb->view;
    if (lmdb_sync(store, err) != WD_OK)
        return err->status;
    pthread_mutex_lock(&lmdb->flush_lock); /* what is looked at and the places are of one state */
    int code = txn ? 0 : mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn);
    atomic_fetch_add(&lmdb->walkers, 1);
    pthread_mutex_unlock(&lmdb->flush_lock);
    if (!code)
        code = walk(lmdb, txn, each, context);
    atomic_fetch_sub(&lmdb->walkers, 1);
    if (txn && txn != lmdb->view)
        mdb_txn_abort(txn);
    return code ? lmdb_fail(lmdb, code, err) : WD_OK;
}

static void lmdb_size(struct state_store *store, struct state_size *out)
{
    struct lmdb *lmdb = store->share->own;
    out->values = atomic_load(&lmdb->values_kept);
    out->bytes = atomic_load(&lmdb->bytes_kept);
    out->max_bytes = store->share->options.max_bytes;
    out->forgotten = atomic_load(&lmdb->forgotten);
    out->evicted = atomic_load(&lmdb->evicted);
}

static enum wd_status lmdb_open(struct state_store *store, struct wd_error *err)
{
    store->own = calloc(1, sizeof(struct lmdb_handle));
    if (!store->own)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    enum wd_status status = lmdb_sync_init(store, err);
    if (status != WD_OK)
        free(store->own);
    return status;
}

static void lmdb_close(struct state_store *store)
{
    struct lmdb_handle *handle = store->own;
    lmdb_sync_fini(store);
    if (handle->reader)
        mdb_txn_abort(handle->reader);
    stripe_order_fini(&handle->order);
    free(handle);
}

const struct state_backend STATE_BACKEND_LMDB = {.share_open = lmdb_share_open,
                                                 .share_close = lmdb_share_close,
                                                 .open = lmdb_open,
                                                 .close = lmdb_close,
                                                 .get = lmdb_get,
                                                 .put = lmdb_put,
                                                 .count = lmdb_count,
                                                 .sync = lmdb_sync,
                                                 .sync_begin = lmdb_sync_begin,
                                                 .each = lmdb_each,
                                                 .size = lmdb_size};
