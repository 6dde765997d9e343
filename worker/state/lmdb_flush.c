/* Writing what has changed, in one transaction. Neighbours: lmdb.c says what always holds. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "worker/state/lmdb.h"

/* A copy of a dirty value: the table may go on changing while it is written. */
struct pending {
    size_t at; /* of the key in the copy's bytes; the value is behind it */
    uint32_t len;
    uint8_t key_len;
    uint64_t version;
    int64_t forget_at_ms;
    const unsigned char *key; /* once all are copied */
};

struct copy {
    struct pending *items;
    size_t count, room;
    unsigned char *bytes;
    size_t bytes_used, bytes_room;
    struct lmdb_dirty taken[STRIPES]; /* the lists that were dirty */
};

static void copy_fini(struct copy *copy)
{
    free(copy->items);
    free(copy->bytes);
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        free(copy->taken[stripe].hashes);
}

/* ---- copying ---- */

static bool copy_room(struct copy *copy, size_t bytes)
{
    if (copy->count == copy->room) {
        size_t room = copy->room ? copy->room * 2 : 1024;
        struct pending *items = realloc(copy->items, room * sizeof(*items));
        if (!items)
            return false;
        copy->items = items;
        copy->room = room;
    }
    if (copy->bytes_used + bytes > copy->bytes_room) {
        size_t room = (copy->bytes_room + bytes) * 2;
        unsigned char *more = realloc(copy->bytes, room);
        if (!more)
            return false;
        copy->bytes = more;
        copy->bytes_room = room;
    }
    return true;
}

static bool copy_entry(struct copy *copy, struct table_entry *entry)
{
    size_t bytes = entry->key_len + (size_t)entry->len;
    if (!copy_room(copy, bytes))
        return false;
    memcpy(copy->bytes + copy->bytes_used, entry->data, bytes);
    copy->items[copy->count++] = (struct pending){.at = copy->bytes_used,
                                                  .len = entry->len,
                                                  .key_len = entry->key_len,
                                                  .version = entry->version,
                                                  .forget_at_ms = entry->forget_at_ms};
    copy->bytes_used += bytes;
    entry->held = LMDB_WRITING;
    return true;
}

struct copying {
    struct copy *copy;
    bool fine;
};

static void copy_if_dirty(void *context, struct table_entry *entry)
{
    struct copying *copying = context;
    if (copying->fine && entry->held & LMDB_DIRTY)
        copying->fine = copy_entry(copying->copy, entry);
}

/* The lists go to `copy` first, so that a failure half way can give everything back. */
static bool copy_dirty(struct lmdb *lmdb, struct copy *copy)
{
    struct copying copying = {.copy = copy, .fine = true};
    atomic_store(&lmdb->dirty_bytes, 0);
    for (unsigned stripe = 0; copying.fine && stripe < STRIPES; stripe++) {
        struct table *table = &lmdb->stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        copy->taken[stripe] = lmdb->dirty[stripe];
        lmdb->dirty[stripe] = (struct lmdb_dirty){0};
        for (size_t i = 0; i < copy->taken[stripe].count; i++)
            table_each_of_hash(table, copy->taken[stripe].hashes[i], copy_if_dirty, &copying);
        pthread_mutex_unlock(&table->lock);
    }
    for (size_t i = 0; i < copy->count; i++)
        copy->items[i].key = copy->bytes + copy->items[i].at;
    return copying.fine;
}

/* ---- giving back ---- */

struct releasing {
    struct table *table;
    struct table_entry *removed; /* a removed value that is written and unchanged since */
};

static void release_entry(void *context, struct table_entry *entry)
{
    struct releasing *releasing = context;
    entry->held &= (uint8_t)~LMDB_WRITING;
    if (!entry->held && !entry->len)
        releasing->removed = entry;
}

static void release_written(struct lmdb *lmdb, const struct copy *copy)
{
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        struct table *table = &lmdb->stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        for (size_t i = 0; i < copy->taken[stripe].count; i++) {
            struct releasing releasing = {.table = table};
            do {
                releasing.removed = NULL;
                table_each_of_hash(table, copy->taken[stripe].hashes[i], release_entry, &releasing);
                if (releasing.removed)
                    table_remove(table, releasing.removed);
            } while (releasing.removed);
        }
        pthread_mutex_unlock(&table->lock);
    }
}

static void make_dirty_again(void *context, struct table_entry *entry)
{
    size_t *bytes = context;
    if (!(entry->held & LMDB_WRITING))
        return;
    entry->held = LMDB_DIRTY;
    *bytes += entry->key_len + (size_t)entry->len;
}

/* Puts the list of a failed transaction before what has become dirty since; without memory for that, before nothing:
 * then the values stay held and the list is made anew from the table. */
static void join_lists(struct lmdb_dirty *dirty, struct lmdb_dirty *taken)
{
    if (!dirty->count) {
        free(dirty->hashes);
        *dirty = *taken;
        *taken = (struct lmdb_dirty){0};
        return;
    }
    uint64_t *hashes = realloc(dirty->hashes, (dirty->count + taken->count) * sizeof(*hashes));
    if (!hashes)
        abort(); /* values that no list knows would never be written, and offsets be committed all the same */
    memcpy(hashes + dirty->count, taken->hashes, taken->count * sizeof(*hashes));
    dirty->hashes = hashes;
    dirty->count += taken->count;
    dirty->room = dirty->count;
}

static void give_back(struct lmdb *lmdb, struct copy *copy)
{
    size_t bytes = 0;
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        struct table *table = &lmdb->stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        for (size_t i = 0; i < copy->taken[stripe].count; i++)
            table_each_of_hash(table, copy->taken[stripe].hashes[i], make_dirty_again, &bytes);
        join_lists(&lmdb->dirty[stripe], &copy->taken[stripe]);
        pthread_mutex_unlock(&table->lock);
    }
    atomic_fetch_add(&lmdb->dirty_bytes, bytes);
}

/* ---- writing ---- */

static int by_key(const void *left, const void *right)
{
    const struct pending *a = left, *b = right;
    int order = memcmp(a->key, b->key, a->key_len < b->key_len ? a->key_len : b->key_len);
    return order ? order : (int)a->key_len - (int)b->key_len;
}

static int write_item(struct lmdb *lmdb, MDB_cursor *cursor, const struct pending *item)
{
    MDB_val key = {.mv_size = item->key_len, .mv_data = (void *)item->key};
    MDB_val data = {.mv_size = LMDB_RECORD_HEADER + item->len};
    (void)lmdb;
    if (!item->len) {
        int code = mdb_cursor_get(cursor, &key, &data, MDB_SET);
        return code == MDB_NOTFOUND ? 0 : code ? code : mdb_cursor_del(cursor, 0);
    }
    int code = mdb_cursor_put(cursor, &key, &data, MDB_RESERVE);
    if (code)
        return code;
    memcpy(data.mv_data, &item->version, 8);
    memcpy((char *)data.mv_data + 8, &item->forget_at_ms, 8);
    memcpy((char *)data.mv_data + LMDB_RECORD_HEADER, item->key + item->key_len, item->len);
    return 0;
}

static int write_items(struct lmdb *lmdb, MDB_txn *txn, const struct copy *copy)
{
    MDB_cursor *cursor = NULL;
    int code = mdb_cursor_open(txn, lmdb->values, &cursor);
    for (size_t i = 0; !code && i < copy->count; i++)
        code = write_item(lmdb, cursor, &copy->items[i]);
    if (cursor)
        mdb_cursor_close(cursor);
    return code;
}

struct counter_writer {
    struct lmdb *lmdb;
    MDB_txn *txn;
    int code;
};

static void write_counter(void *context, const struct state_counter *counter)
{
    struct counter_writer *writer = context;
    int64_t numbers[2] = {counter->amount, counter->ends_ms};
    MDB_val key = {.mv_size = counter->key.len, .mv_data = (void *)counter->key.data};
    MDB_val data = {.mv_size = sizeof(numbers), .mv_data = numbers};
    if (!writer->code)
        writer->code = mdb_put(writer->txn, writer->lmdb->counters, &key, &data, 0);
}

/* All of them anew: they are few, and ended ones go away so. */
static int write_counters(struct lmdb *lmdb, MDB_txn *txn)
{
    struct counter_writer writer = {.lmdb = lmdb, .txn = txn};
    writer.code = mdb_drop(txn, lmdb->counters, 0);
    if (!writer.code)
        state_counters_each(lmdb->shared_counters, write_counter, &writer);
    return writer.code;
}

static const char NEWEST_VERSION[] = "newest_version";

static int write_about(struct lmdb *lmdb, MDB_txn *txn)
{
    uint64_t newest = 0;
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        struct table *table = &lmdb->stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        newest = table->newest_version > newest ? table->newest_version : newest;
        pthread_mutex_unlock(&table->lock);
    }
    MDB_val key = {.mv_size = sizeof(NEWEST_VERSION) - 1, .mv_data = (void *)NEWEST_VERSION};
    MDB_val data = {.mv_size = sizeof(newest), .mv_data = &newest};
    return mdb_put(txn, lmdb->about, &key, &data, 0);
}

static int fill_transaction(struct lmdb *lmdb, MDB_txn *txn, const struct copy *copy)
{
    int code = lmdb_is_crowded(lmdb, txn, copy->count) ? lmdb_evict(lmdb, txn, copy->count + 16)
                                                       : lmdb_sweep(lmdb, txn, copy->count / 2 + 64);
    if (!code)
        code = write_items(lmdb, txn, copy);
    if (!code)
        code = write_counters(lmdb, txn);
    return code ? code : write_about(lmdb, txn);
}

static void note_size(struct lmdb *lmdb, MDB_txn *txn)
{
    MDB_stat stat;
    if (mdb_stat(txn, lmdb->values, &stat) != 0)
        return;
    atomic_store(&lmdb->values_kept, stat.ms_entries);
    atomic_store(&lmdb->bytes_kept,
                 (stat.ms_leaf_pages + stat.ms_branch_pages + stat.ms_overflow_pages) * (uint64_t)stat.ms_psize);
}

/* Pages are written through the map: where the disk were full, that would end the process. So their blocks are asked
 * for before, some more at a time than are needed. */
static int reserve_disk(struct lmdb *lmdb, const struct copy *copy)
{
    enum { PAGES_A_VALUE = 4, PAGES_MORE = 256 };
    static const uint64_t STEP = UINT64_C(16) << 20;
    MDB_envinfo info;
    MDB_stat stat;
    mdb_filehandle_t file;
    int code = mdb_env_info(lmdb->env, &info);
    if (!code)
        code = mdb_env_stat(lmdb->env, &stat);
    if (!code)
        code = mdb_env_get_fd(lmdb->env, &file);
    if (code)
        return code;
    uint64_t pages = info.me_last_pgno + 1 + PAGES_A_VALUE * copy->count + PAGES_MORE;
    uint64_t wanted = pages * stat.ms_psize + copy->bytes_used;
    wanted = wanted < lmdb->max_bytes ? wanted : lmdb->max_bytes;
    if (wanted <= lmdb->reserved_bytes)
        return 0;
    wanted = wanted + STEP < lmdb->max_bytes ? wanted + STEP : lmdb->max_bytes;
    code = posix_fallocate(file, (off_t)lmdb->reserved_bytes, (off_t)(wanted - lmdb->reserved_bytes));
    if (!code)
        lmdb->reserved_bytes = wanted;
    return code;
}

static int try_to_write(struct lmdb *lmdb, const struct copy *copy)
{
    MDB_txn *txn = NULL;
    int code = reserve_disk(lmdb, copy);
    if (!code)
        code = mdb_txn_begin(lmdb->env, NULL, 0, &txn);
    if (code)
        return code;
    code = fill_transaction(lmdb, txn, copy);
    if (code) {
        mdb_txn_abort(txn);
        return code;
    }
    note_size(lmdb, txn);
    return mdb_txn_commit(txn);
}

/* A full map can not even take a large transaction that makes room: so that is done in small ones. */
static int make_space(struct lmdb *lmdb)
{
    enum { AT_ONCE = 256, TRANSACTIONS = 16 };
    lmdb->room_within = 0;
    for (int i = 0; i < TRANSACTIONS; i++) {
        MDB_txn *txn = NULL;
        int code = mdb_txn_begin(lmdb->env, NULL, 0, &txn);
        if (code)
            return code;
        code = lmdb_evict(lmdb, txn, AT_ONCE);
        if (code) {
            mdb_txn_abort(txn);
            return code;
        }
        code = mdb_txn_commit(txn);
        if (code)
            return code;
    }
    return 0;
}

static int write_copy(struct lmdb *lmdb, const struct copy *copy)
{
    enum { TRIES = 4 };
    int code = try_to_write(lmdb, copy);
    for (int i = 0; code == MDB_MAP_FULL && i < TRIES; i++) {
        int spaced = make_space(lmdb);
        if (spaced)
            return spaced;
        code = try_to_write(lmdb, copy);
    }
    return code;
}

int lmdb_flush(struct lmdb *lmdb)
{
    struct copy copy = {0};
    pthread_mutex_lock(&lmdb->flush_lock);
    bool counted = atomic_exchange(&lmdb->counted, false);
    int code = copy_dirty(lmdb, &copy) ? 0 : ENOMEM;
    if (!code && (copy.count || counted)) {
        if (copy.count)
            qsort(copy.items, copy.count, sizeof(*copy.items), by_key);
        code = write_copy(lmdb, &copy);
    }
    if (code) {
        give_back(lmdb, &copy);
        atomic_store(&lmdb->counted, true);
    } else {
        release_written(lmdb, &copy);
    }
    pthread_mutex_unlock(&lmdb->flush_lock);
    copy_fini(&copy);
    return code;
}

/* ---- loading ---- */

static int load_counters(struct lmdb *lmdb, MDB_txn *txn)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, data;
    int code = mdb_cursor_open(txn, lmdb->counters, &cursor);
    while (!code && !(code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT))) {
        int64_t numbers[2];
        if (data.mv_size != sizeof(numbers))
            continue;
        memcpy(numbers, data.mv_data, sizeof(numbers));
        struct state_counter counter = {
            .key = {.data = key.mv_data, .len = key.mv_size}, .amount = numbers[0], .ends_ms = numbers[1]};
        if (!state_counters_restore(lmdb->shared_counters, &counter))
            code = ENOMEM;
    }
    if (cursor)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int lmdb_load(struct lmdb *lmdb)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn);
    if (code)
        return code;
    MDB_val key = {.mv_size = sizeof(NEWEST_VERSION) - 1, .mv_data = (void *)NEWEST_VERSION}, data;
    uint64_t newest = 0;
    code = mdb_get(txn, lmdb->about, &key, &data);
    if (!code && data.mv_size == sizeof(newest))
        memcpy(&newest, data.mv_data, sizeof(newest));
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        lmdb->stripes->tables[stripe].newest_version = newest;
    if (!code || code == MDB_NOTFOUND)
        code = load_counters(lmdb, txn);
    note_size(lmdb, txn);
    mdb_txn_abort(txn);
    return code;
}
