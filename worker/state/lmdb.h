/* The inside of the LMDB store, for lmdb*.c only. */
#ifndef WORKER_STATE_LMDB_H
#define WORKER_STATE_LMDB_H

#include <lmdb.h>
#include <stdatomic.h>

#include "worker/state/backend.h"
#include "worker/state/stripes.h"

/* Why a value of the table is held. */
enum { LMDB_DIRTY = 1 /* changed since it was written */, LMDB_WRITING = 2 /* in the transaction that is under way */ };

/* A value in the environment: its version, when it may be forgotten, its bytes. */
enum { LMDB_RECORD_HEADER = 16 };
struct lmdb_record {
    uint64_t version;
    int64_t forget_at_ms;
    const unsigned char *bytes;
    size_t len;
};

/* The hashes of the dirty values of a stripe; under its lock. */
struct lmdb_dirty {
    uint64_t *hashes;
    size_t count, room;
};

struct lmdb {
    const char *path;
    int64_t grace_ms;
    uint64_t max_bytes;
    uint64_t max_dirty_bytes; /* past it, what has changed is written at once */
    int owner_fd;             /* locked while the folder is ours; -1: only read */
    MDB_env *env;
    MDB_dbi values, counters, about;
    struct state_counters *shared_counters;
    atomic_bool counted; /* since the last transaction */
    struct stripes *stripes;
    struct lmdb_dirty dirty[STRIPES];
    _Atomic uint64_t dirty_bytes;
    _Atomic int64_t now_ms; /* the newest event time */

    pthread_mutex_t flush_lock; /* around all of the rest, and writing */
    unsigned char hand[STATE_KEY_MAX];
    size_t hand_len;         /* where the sweep goes on; 0: at the beginning */
    uint64_t reserved_bytes; /* of the file, on the disk */
    size_t room_within;      /* values more that were forgotten than came, since the environment was crowded */
    _Atomic uint64_t values_kept, bytes_kept, forgotten, evicted;
};

struct lmdb_handle {
    MDB_txn *reader; /* reset between uses */
    bool is_reading;
    struct stripe_order order;
};

enum wd_status lmdb_fail(const struct lmdb *lmdb, int code, struct wd_error *err);
int lmdb_read(MDB_txn *txn, const struct lmdb *lmdb, struct wd_str key, struct lmdb_record *out);
int lmdb_unpack(const MDB_val *data, struct lmdb_record *out);

/* lmdb_flush.c; all return LMDB's codes. */

/* Writes what is dirty in one transaction; returns when it is on the disk. On a failure everything is still dirty. */
int lmdb_flush(struct lmdb *lmdb);
/* Counters and versions as an earlier process left them. */
int lmdb_load(struct lmdb *lmdb);

/* lmdb_evict.c: within the transaction of a flush. */

/* Looks at `look` values from where the last look ended and drops what may be forgotten and has been for state.grace.
 */
int lmdb_sweep(struct lmdb *lmdb, MDB_txn *txn, size_t look);
/* Drops at least `count` values, if there are as many: those that may be forgotten first, then those that were not
 * changed for the longest. */
int lmdb_evict(struct lmdb *lmdb, MDB_txn *txn, size_t count);
/* Whether so much is kept that room must be made before `to_write` values are written. */
bool lmdb_is_crowded(const struct lmdb *lmdb, MDB_txn *txn, size_t to_write);

#endif
