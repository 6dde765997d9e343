/* The inside of the LMDB store, for lmdb*.c only. Read lmdb.c's first lines for what always holds. */
#ifndef WORKER_STATE_LMDB_H
#define WORKER_STATE_LMDB_H

#include <lmdb.h>
#include <stdatomic.h>
#include <string.h>

#include "worker/state/backend.h"
#include "worker/state/places.h"
#include "worker/state/segment.h"
#include "worker/state/stripes.h"

/* The hashes of the values of a stripe that have changed; under its lock. */
struct lmdb_changed {
    uint64_t *hashes;
    size_t count, room;
};

/* lmdb_writer.c: the thread that writes ahead of state_sync(). */
struct lmdb_writer {
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    atomic_bool asked;
    bool stops; /* under the lock */
};

struct lmdb {
    const char *path;
    int64_t grace_ms;
    uint64_t max_bytes;
    uint64_t early_bytes;       /* so much has changed that the writer begins */
    uint64_t max_changed_bytes; /* past it, who stores waits until it is written */
    int owner_fd;               /* locked while the folder is ours; -1: only read */
    MDB_env *env;
    MDB_dbi log, counters, about;
    MDB_txn *view; /* only read: the one state that is looked at */
    struct state_counters *shared_counters;
    atomic_bool counted; /* since the last transaction */
    struct stripes *stripes;
    struct lmdb_changed changed[STRIPES]; /* each under its stripe's lock */
    struct places places[STRIPES];        /* changed under both locks */
    _Atomic uint64_t changed_bytes;
    _Atomic int64_t now_ms; /* the newest event time */
    atomic_int walkers;     /* while there are some, nothing moves within the log */
    struct lmdb_writer writer;

    pthread_mutex_t flush_lock; /* around all of the rest, and writing */
    uint8_t round;              /* of writing, as in table.h */
    uint64_t next_segment;
    uint64_t clean_from;                 /* the segments before it hold nothing: they go with the next transaction */
    uint64_t clean_bytes;                /* of those */
    uint64_t live_bytes;                 /* of the newest records of all values */
    struct segment *spare;               /* for the next transactions */
    size_t spare_count;
    _Atomic uint64_t values_kept, bytes_kept, forgotten, evicted;
};

struct lmdb_handle {
    MDB_txn *reader; /* reset between uses */
    bool is_reading;
    struct stripe_order order;
};

enum wd_status lmdb_fail(const struct lmdb *lmdb, int code, struct wd_error *err);
/* The record at a place; MDB_NOTFOUND where it is another key's. Its bytes are the transaction's. */
int lmdb_read(MDB_txn *txn, const struct lmdb *lmdb, uint64_t place, struct wd_str key, struct record *out);

/* The number of a segment, which is its key in the log. */
static inline uint64_t lmdb_number(const MDB_val *key)
{
    size_t number = 0;
    if (key->mv_size == sizeof(number))
        memcpy(&number, key->mv_data, sizeof(number));
    return number;
}

/* lmdb_open.c */
enum wd_status lmdb_share_open(struct state_share *share, struct wd_error *err);
void lmdb_share_close(struct state_share *share);

/* lmdb_load.c: what an earlier process left; an LMDB code. */
int lmdb_load(struct lmdb *lmdb, MDB_txn *txn);
/* The databases as this version has them; made where there are none. MDB_VERSION_MISMATCH: another version's. */
int lmdb_open_databases(struct lmdb *lmdb, MDB_txn *txn, bool read_only);
/* Counters, versions. */
int lmdb_write_counters(struct lmdb *lmdb, MDB_txn *txn);
int lmdb_write_newest(struct lmdb *lmdb, MDB_txn *txn, uint64_t newest_version);

/* lmdb_flush.c: writes what has changed in one transaction; returns when it is on the disk. On a failure everything is
 * still changed. An LMDB code. */
int lmdb_flush(struct lmdb *lmdb);

/* lmdb_clean.c: within a flush. */

/* A value whose record goes without another one. */
struct lmdb_dropped {
    uint64_t hash, place;
};

struct segment_list {
    struct segment *first, **end;
    struct segment *last;
};

struct lmdb_batch {
    struct segment_list moved; /* records that stay, from segments that are cleaned */
    struct segment_list changed;
    uint64_t clean_to, cleaned_bytes; /* where the log is clean up to once this is written */
    struct lmdb_dropped *dropped;
    size_t drop_count, drop_room;
    size_t forgotten, evicted;
};

/* A segment with room for a record, at the end of the list. NULL: no memory. */
struct segment *lmdb_room(struct lmdb *lmdb, struct segment_list *list, size_t bytes);
void lmdb_free_segments(struct lmdb *lmdb, struct segment_list *list);
/* Bytes of the pages of a segment. */
uint64_t lmdb_segment_pages(size_t bytes);
uint64_t lmdb_log_bytes(const struct lmdb *lmdb, MDB_txn *txn);
/* Looks through the oldest segments, as far as that is due with `incoming` bytes to write, and takes what stays. */
int lmdb_clean(struct lmdb *lmdb, MDB_txn *txn, uint64_t incoming, struct lmdb_batch *batch);

/* lmdb_writer.c */
bool lmdb_writer_start(struct lmdb *lmdb);
void lmdb_writer_stop(struct lmdb *lmdb);
void lmdb_writer_ask(struct lmdb *lmdb);

#endif
