/* The store on one machine: an LMDB environment behind a table in memory. Values that have changed are kept in the
 * table and written in one transaction, which is on the disk before state_sync() returns: so before the offsets of what
 * changed them are committed. After a crash or a power loss the environment is what the last such transaction left, and
 * records from there on are read again.
 *
 * What always holds: a value that is not in the environment as it is now is in the table, held; so whoever finds
 * nothing in the table, under its lock, reads the truth from the environment. Lock order: flush, then a stripe.
 * Neighbours: lmdb_flush.c writes, lmdb_evict.c makes room, stripes.c is the table. */
#include "worker/state/lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_READERS = 1024, DATABASES = 3, PATH_LONGEST = 3800 };

enum wd_status lmdb_fail(const struct lmdb *lmdb, int code, struct wd_error *err)
{
    enum wd_status status = code == MDB_MAP_FULL ? WD_ERR_TOO_LARGE : code == ENOMEM ? WD_ERR_MEMORY : WD_ERR_IO;
    if (code == MDB_MAP_FULL)
        return wd_fail(err, status, "the state in %s is full, and nothing in it could be dropped: raise state.size",
                       lmdb->path);
    return wd_fail(err, status, "the state in %s: %s", lmdb->path, mdb_strerror(code));
}

/* ---- reading ---- */

int lmdb_read(MDB_txn *txn, const struct lmdb *lmdb, struct wd_str key, struct lmdb_record *out)
{
    MDB_val name = {.mv_size = key.len, .mv_data = (void *)key.data}, data;
    int code = mdb_get(txn, lmdb->values, &name, &data);
    return code ? code : lmdb_unpack(&data, out);
}

int lmdb_unpack(const MDB_val *data, struct lmdb_record *out)
{
    if (data->mv_size < LMDB_RECORD_HEADER)
        return MDB_CORRUPTED;
    memcpy(&out->version, data->mv_data, 8);
    memcpy(&out->forget_at_ms, (const char *)data->mv_data + 8, 8);
    out->bytes = (const unsigned char *)data->mv_data + LMDB_RECORD_HEADER;
    out->len = data->mv_size - LMDB_RECORD_HEADER;
    return 0;
}

/* A view of the environment as it is now, until end_read(). */
static int begin_read(struct lmdb_handle *handle, const struct lmdb *lmdb)
{
    if (handle->is_reading)
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

/* What stands in the table for a key, fetched from the environment where it does not; under the stripe's lock. A
 * removed value that is not written yet has len 0. NULL and *code_out 0: nowhere. */
static struct table_entry *fetch(struct lmdb *lmdb, struct table *table, struct lmdb_handle *handle, uint64_t hash,
                                 struct wd_str key, struct lmdb_record *record, int *code_out)
{
    *code_out = 0;
    struct table_entry *entry = table_find(table, hash, key);
    if (entry) {
        *record = (struct lmdb_record){.version = entry->len ? entry->version : 0,
                                       .forget_at_ms = entry->forget_at_ms,
                                       .bytes = entry->data + entry->key_len,
                                       .len = entry->len};
        return entry;
    }
    *record = (struct lmdb_record){0};
    int code = begin_read(handle, lmdb);
    if (!code)
        code = lmdb_read(handle->reader, lmdb, key, record);
    if (code) {
        *record = (struct lmdb_record){0};
        *code_out = code == MDB_NOTFOUND ? 0 : code;
        return NULL;
    }
    entry = table_store(table, NULL, hash, key, record->bytes, (uint32_t)record->len, record->forget_at_ms,
                        atomic_load_explicit(&lmdb->now_ms, memory_order_relaxed));
    if (entry)
        entry->version = record->version;
    return entry;
}

static int get_item(struct lmdb *lmdb, struct table *table, struct lmdb_handle *handle, uint64_t hash,
                    struct state_item *item)
{
    struct lmdb_record record;
    int code;
    fetch(lmdb, table, handle, hash, item->key, &record, &code);
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
    stripe_order_prefetch(order, lmdb->stripes, stripe);
    int code = 0;
    for (uint32_t i = order->begins[stripe]; !code && i < order->begins[stripe + 1]; i++)
        code = get_item(lmdb, table, handle, order->hashes[order->order[i]], &items[order->order[i]]);
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
    for (unsigned stripe = 0; !code && stripe < STRIPES; stripe++)
        if (handle->order.begins[stripe] != handle->order.begins[stripe + 1])
            code = get_stripe(store, items, stripe);
    if (code)
        lmdb_fail(lmdb, code, &err);
    done(context, err.status, &err);
}

/* ---- storing: into the table ---- */

static void note_dirty(struct lmdb *lmdb, unsigned stripe, struct table_entry *entry, uint64_t hash)
{
    atomic_fetch_add_explicit(&lmdb->dirty_bytes, entry->key_len + entry->len, memory_order_relaxed);
    if (entry->held & LMDB_DIRTY)
        return;
    entry->held |= LMDB_DIRTY;
    struct lmdb_dirty *dirty = &lmdb->dirty[stripe];
    dirty->hashes[dirty->count++] = hash; /* there is room: make_dirty_room() */
}

static bool make_dirty_room(struct lmdb_dirty *dirty)
{
    if (dirty->count < dirty->room)
        return true;
    size_t room = dirty->room ? dirty->room * 2 : 64;
    uint64_t *hashes = realloc(dirty->hashes, room * sizeof(*hashes));
    if (!hashes)
        return false;
    dirty->hashes = hashes;
    dirty->room = room;
    return true;
}

static int put_item(struct lmdb *lmdb, unsigned stripe, struct lmdb_handle *handle, uint64_t hash,
                    struct state_item *item)
{
    struct table *table = &lmdb->stripes->tables[stripe];
    const struct wd_value *value = item->value;
    struct lmdb_record record;
    int code;
    struct table_entry *entry = fetch(lmdb, table, handle, hash, item->key, &record, &code);
    if (code)
        return code;
    item->conflict = item->version != record.version;
    if (item->conflict || (!value->len && !record.version))
        return 0;
    if (!make_dirty_room(&lmdb->dirty[stripe]))
        return ENOMEM;
    entry = table_store(table, entry, hash, item->key, value->bytes, value->len, value->forget_at_ms,
                        atomic_load_explicit(&lmdb->now_ms, memory_order_relaxed));
    if (!entry)
        return MDB_MAP_FULL;
    item->version = value->len ? entry->version : 0;
    note_dirty(lmdb, stripe, entry, hash);
    return 0;
}

/* From item *at on; where the table has no room it stops there. */
static int put_stripe(struct state_store *store, struct state_item *items, unsigned stripe, uint32_t *at)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    struct stripe_order *order = &handle->order;
    struct table *table = &lmdb->stripes->tables[stripe];
    pthread_mutex_lock(&table->lock);
    stripe_order_prefetch(order, lmdb->stripes, stripe);
    int code = 0;
    for (; !code && *at < order->begins[stripe + 1]; *at += !code)
        code = put_item(lmdb, stripe, handle, order->hashes[order->order[*at]], &items[order->order[*at]]);
    end_read(handle);
    pthread_mutex_unlock(&table->lock);
    return code;
}

static int put_all(struct state_store *store, struct state_item *items)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    int code = 0;
    for (unsigned stripe = 0; !code && stripe < STRIPES; stripe++) {
        uint32_t at = handle->order.begins[stripe];
        if (at == handle->order.begins[stripe + 1])
            continue;
        code = put_stripe(store, items, stripe, &at);
        if (code != MDB_MAP_FULL)
            continue;
        code = lmdb_flush(lmdb); /* everything in the table is held until it is written */
        if (!code)
            code = put_stripe(store, items, stripe, &at);
    }
    return code;
}

static void note_now(struct lmdb *lmdb, int64_t now_ms)
{
    int64_t known = atomic_load_explicit(&lmdb->now_ms, memory_order_relaxed);
    while (now_ms > known && !atomic_compare_exchange_weak(&lmdb->now_ms, &known, now_ms))
        ;
}

static void lmdb_put(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms,
                     state_done_fn *done, void *context)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    struct wd_error err = {0};
    int code = store->share->options.read_only ? EACCES : 0;
    note_now(lmdb, now_ms);
    if (!code && atomic_load_explicit(&lmdb->dirty_bytes, memory_order_relaxed) > lmdb->max_dirty_bytes)
        code = lmdb_flush(lmdb);
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

static enum wd_status lmdb_each(struct state_store *store, state_each_fn *each, void *context, struct wd_error *err)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_handle *handle = store->own;
    if (lmdb_sync(store, err) != WD_OK)
        return err->status;
    int code = begin_read(handle, lmdb);
    if (code)
        return lmdb_fail(lmdb, code, err);
    MDB_cursor *cursor = NULL;
    code = mdb_cursor_open(handle->reader, lmdb->values, &cursor);
    MDB_val key, data;
    struct lmdb_record record;
    while (!code && !(code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) && !(code = lmdb_unpack(&data, &record)))
        if (!each(context, (struct wd_str){.data = key.mv_data, .len = key.mv_size}, record.bytes, record.len,
                  record.forget_at_ms))
            break;
    if (cursor)
        mdb_cursor_close(cursor);
    end_read(handle);
    return code && code != MDB_NOTFOUND ? lmdb_fail(lmdb, code, err) : WD_OK;
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
    return store->own ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
}

static void lmdb_close(struct state_store *store)
{
    struct lmdb_handle *handle = store->own;
    if (handle->reader)
        mdb_txn_abort(handle->reader);
    stripe_order_fini(&handle->order);
    free(handle);
}

/* ---- opening ---- */

static bool make_folder(const char *path)
{
    char part[PATH_LONGEST + 1];
    size_t length = strlen(path);
    for (size_t i = 1; i <= length && i <= PATH_LONGEST; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

/* One process writes: another worker with the same folder would not see what is only in this one's table. */
static enum wd_status own_folder(struct lmdb *lmdb, struct wd_error *err)
{
    char name[PATH_LONGEST + 16];
    if (strlen(lmdb->path) > PATH_LONGEST)
        return wd_fail(err, WD_ERR_INVALID, "state.path is longer than %d bytes", PATH_LONGEST);
    if (!make_folder(lmdb->path))
        return wd_fail(err, WD_ERR_IO, "cannot make the folder %s (state.path): %s", lmdb->path, strerror(errno));
    snprintf(name, sizeof(name), "%s/owner", lmdb->path);
    lmdb->owner_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lmdb->owner_fd < 0)
        return wd_fail(err, WD_ERR_IO, "cannot write to %s (state.path): %s", lmdb->path, strerror(errno));
    if (flock(lmdb->owner_fd, LOCK_EX | LOCK_NB) == 0)
        return WD_OK;
    return wd_fail(err, WD_ERR_UNAVAILABLE,
                   "another process works with the state in %s: stop it, or give this one a folder of its own",
                   lmdb->path);
}

static int open_databases(struct lmdb *lmdb, bool read_only)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(lmdb->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
    if (code)
        return code;
    unsigned create = read_only ? 0 : MDB_CREATE;
    code = mdb_dbi_open(txn, "values", create, &lmdb->values);
    if (!code)
        code = mdb_dbi_open(txn, "counters", create, &lmdb->counters);
    if (!code)
        code = mdb_dbi_open(txn, "about", create, &lmdb->about);
    if (!code)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

static int open_environment(struct lmdb *lmdb, const struct state_options *options)
{
    int code = mdb_env_create(&lmdb->env);
    if (!code)
        code = mdb_env_set_mapsize(lmdb->env, options->max_bytes);
    if (!code)
        code = mdb_env_set_maxdbs(lmdb->env, DATABASES);
    if (!code)
        code = mdb_env_set_maxreaders(lmdb->env, MAX_READERS);
    if (!code)
        code = mdb_env_open(lmdb->env, options->path,
                            MDB_NOTLS | MDB_NORDAHEAD | (options->read_only ? MDB_RDONLY : MDB_WRITEMAP), 0600);
    if (!code)
        code = open_databases(lmdb, options->read_only);
    return code ? code : lmdb_load(lmdb);
}

static void lmdb_free(struct lmdb *lmdb)
{
    if (!lmdb)
        return;
    if (lmdb->env)
        mdb_env_close(lmdb->env);
    stripes_free(lmdb->stripes);
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        free(lmdb->dirty[stripe].hashes);
    if (lmdb->owner_fd >= 0)
        close(lmdb->owner_fd);
    pthread_mutex_destroy(&lmdb->flush_lock);
    free(lmdb);
}

static enum wd_status lmdb_share_open(struct state_share *share, struct wd_error *err)
{
    const struct state_options *options = &share->options;
    struct lmdb *lmdb = calloc(1, sizeof(*lmdb));
    if (!lmdb)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    lmdb->owner_fd = -1;
    lmdb->path = options->path;
    lmdb->grace_ms = options->grace_ms;
    lmdb->shared_counters = share->counters;
    lmdb->max_bytes = options->max_bytes;
    lmdb->max_dirty_bytes = options->cache_bytes / 8;
    pthread_mutex_init(&lmdb->flush_lock, NULL);
    lmdb->stripes = stripes_new(options->cache_bytes);
    enum wd_status status = lmdb->stripes ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    if (status == WD_OK && !options->read_only)
        status = own_folder(lmdb, err);
    int code = status == WD_OK ? open_environment(lmdb, options) : 0;
    if (code)
        status = lmdb_fail(lmdb, code, err);
    if (status != WD_OK) {
        lmdb_free(lmdb);
        return status;
    }
    share->own = lmdb;
    return WD_OK;
}

/* What is not on the disk yet was asked for by nobody: no offset was committed for it. */
static void lmdb_share_close(struct state_share *share)
{
    struct lmdb *lmdb = share->own;
    if (!share->options.read_only)
        lmdb_flush(lmdb);
    lmdb_free(lmdb);
}

const struct state_backend STATE_BACKEND_LMDB = {.share_open = lmdb_share_open,
                                                 .share_close = lmdb_share_close,
                                                 .open = lmdb_open,
                                                 .close = lmdb_close,
                                                 .get = lmdb_get,
                                                 .put = lmdb_put,
                                                 .count = lmdb_count,
                                                 .sync = lmdb_sync,
                                                 .each = lmdb_each,
                                                 .size = lmdb_size};
