/* What an earlier process left: the databases and their format, the places of the newest records, counters, versions.
 * Neighbours: lmdb_open.c calls, segment.h is the form of the log. */
#include <errno.h>

#include "worker/state/lmdb.h"

/* ---- what the environment says about itself ---- */

static const char FORMAT[] = "format", SEED[] = "seed", NEWEST_VERSION[] = "newest_version";
static const uint64_t THIS_FORMAT = 2; /* 1: each value in a B-tree, and no number */

static int read_about(const struct lmdb *lmdb, MDB_txn *txn, const char *name, void *out, size_t size)
{
    MDB_val key = {.mv_size = strlen(name), .mv_data = (void *)name}, data;
    int code = mdb_get(txn, lmdb->about, &key, &data);
    if (!code && data.mv_size != size)
        code = MDB_CORRUPTED;
    if (!code)
        memcpy(out, data.mv_data, size);
    return code;
}

static int write_about(struct lmdb *lmdb, MDB_txn *txn, const char *name, const void *bytes, size_t size)
{
    MDB_val key = {.mv_size = strlen(name), .mv_data = (void *)name};
    MDB_val data = {.mv_size = size, .mv_data = (void *)bytes};
    return mdb_put(txn, lmdb->about, &key, &data, 0);
}

static int check_format(struct lmdb *lmdb, MDB_txn *txn)
{
    MDB_stat stat;
    uint64_t format = 0;
    int code = read_about(lmdb, txn, FORMAT, &format, sizeof(format));
    if (!code)
        return format == THIS_FORMAT ? 0 : MDB_VERSION_MISMATCH;
    if (code == MDB_NOTFOUND)
        code = mdb_stat(txn, lmdb->about, &stat);
    if (code || stat.ms_entries)
        return code ? code : MDB_VERSION_MISMATCH;
    code = write_about(lmdb, txn, FORMAT, &THIS_FORMAT, sizeof(THIS_FORMAT));
    return code ? code : write_about(lmdb, txn, SEED, lmdb->stripes->seed, sizeof(lmdb->stripes->seed));
}

int lmdb_open_databases(struct lmdb *lmdb, MDB_txn *txn, bool read_only)
{
    unsigned create = read_only ? 0 : MDB_CREATE;
    int code = mdb_dbi_open(txn, "about", create, &lmdb->about);
    if (!code)
        code = check_format(lmdb, txn);
    if (!code)
        code = mdb_dbi_open(txn, "log", create | MDB_INTEGERKEY, &lmdb->log);
    if (!code)
        code = mdb_dbi_open(txn, "counters", create, &lmdb->counters);
    return code;
}

int lmdb_write_newest(struct lmdb *lmdb, MDB_txn *txn, uint64_t newest_version)
{
    return write_about(lmdb, txn, NEWEST_VERSION, &newest_version, sizeof(newest_version));
}

/* ---- counters ---- */

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
int lmdb_write_counters(struct lmdb *lmdb, MDB_txn *txn)
{
    struct counter_writer writer = {.lmdb = lmdb, .txn = txn};
    writer.code = mdb_drop(txn, lmdb->counters, 0);
    if (!writer.code)
        state_counters_each(lmdb->shared_counters, write_counter, &writer);
    return writer.code;
}

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

/* ---- places ---- */

static int load_segment(struct lmdb *lmdb, uint64_t number, const struct log_row *row)
{
    enum { AHEAD = 12 };
    struct segment_view view;
    if (!segment_open(lmdb_files_bytes(lmdb, row), row->len, &view))
        return MDB_CORRUPTED;
    lmdb->log_bytes += row->len;
    for (uint32_t i = 0; i < view.count; i++) {
        uint64_t hash = segment_hash(&view, i), ahead = segment_hash(&view, i + AHEAD < view.count ? i + AHEAD : i);
        struct places *places = &lmdb->places[stripe_of(hash)];
        places_prefetch(&lmdb->places[stripe_of(ahead)], ahead);
        uint64_t place = place_of_record(number, segment_begin(&view, i), segment_record_bytes(&view, i)), before;
        if (!places_reserve(places, 1))
            return ENOMEM;
        bool is_removal = segment_is_removal(&view, i);
        before = is_removal ? places_remove(places, hash) : places_put(places, hash, place);
        lmdb->live_bytes += is_removal ? 0 : place_bytes(place);
        lmdb->live_bytes -= place_bytes(before);
    }
    return 0;
}

/* Takes the files of some segments ahead, and asks for their directories, many at a time: nothing else is read. */
static int go_ahead(struct lmdb *lmdb, MDB_cursor *cursor, size_t segments, bool read_only)
{
    enum { DIRECTORY_ORDINARILY = 4096 };
    MDB_val key, data;
    struct log_row row;
    int code = 0;
    for (; segments && !code && !(code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)); segments--) {
        code = lmdb_row(&data, &row) ? lmdb_files_take(lmdb, lmdb_number(&key), &row, read_only) : MDB_CORRUPTED;
        if (!code)
            lmdb_files_ask_for(lmdb, &row, DIRECTORY_ORDINARILY);
    }
    return code == MDB_NOTFOUND ? 0 : code;
}

static int load_places(struct lmdb *lmdb, MDB_txn *txn, bool read_only)
{
    enum { AHEAD = 128 };
    MDB_cursor *cursor = NULL, *ahead = NULL;
    MDB_val key, data;
    struct log_row row;
    int code = mdb_cursor_open(txn, lmdb->log, &cursor);
    if (!code)
        code = mdb_cursor_open(txn, lmdb->log, &ahead);
    if (!code)
        code = go_ahead(lmdb, ahead, AHEAD, read_only);
    while (!code && !(code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT))) {
        code = lmdb_row(&data, &row) ? load_segment(lmdb, lmdb_number(&key), &row) : MDB_CORRUPTED;
        lmdb->next_segment = lmdb_number(&key) + 1;
        if (!code)
            code = go_ahead(lmdb, ahead, 1, read_only);
    }
    if (ahead)
        mdb_cursor_close(ahead);
    if (cursor)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

void lmdb_note_size(struct lmdb *lmdb)
{
    MDB_envinfo info;
    MDB_stat stat;
    size_t values = 0;
    if (mdb_env_info(lmdb->env, &info) == 0 && mdb_env_stat(lmdb->env, &stat) == 0)
        lmdb->tree_bytes = (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        values += lmdb->places[stripe].count;
    atomic_store(&lmdb->values_kept, values);
    atomic_store(&lmdb->bytes_kept, lmdb_bytes(lmdb));
}

int lmdb_load(struct lmdb *lmdb, MDB_txn *txn, bool read_only)
{
    uint64_t newest = 0;
    lmdb->next_segment = 1; /* no place is 0 */
    int code = read_about(lmdb, txn, SEED, lmdb->stripes->seed, sizeof(lmdb->stripes->seed));
    if (!code)
        code = read_about(lmdb, txn, NEWEST_VERSION, &newest, sizeof(newest));
    if (code && code != MDB_NOTFOUND)
        return code;
    code = load_places(lmdb, txn, read_only);
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        lmdb->stripes->tables[stripe].newest_version = newest;
    lmdb_note_size(lmdb);
    if (!code && !read_only)
        code = lmdb_files_remove_strays(lmdb);
    return code ? code : load_counters(lmdb, txn);
}
