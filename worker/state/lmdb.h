/* The inside of the LMDB store, for lmdb*.c only. Read lmdb.c's first lines for what always holds. */
#ifndef WORKER_STATE_LMDB_H
#define WORKER_STATE_LMDB_H

#include <lmdb.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/queue.h>

#include "worker/state/backend.h"
#include "worker/state/places.h"
#include "worker/state/segment.h"
#include "worker/state/stripes.h"

/* The hashes of the values of a stripe that have changed; under its lock. */
struct lmdb_changed {
    uint64_t *hashes;
    size_t count, room;
};

/* A handle's part in what lmdb_writer.c writes for those who wait in their loops. */
enum lmdb_sync_stage { SYNC_NONE, SYNC_ASKED, SYNC_TAKEN /* being written */, SYNC_ENDED };

struct lmdb_sync {
    state_done_fn *done; /* NULL: nothing was asked for; the owner's */
    void *context;
    int fd;                     /* an eventfd in the owner's loop; -1: only read */
    enum lmdb_sync_stage stage; /* under the writer's lock, as what follows */
    int code;
    LIST_ENTRY(lmdb_sync) link;
};

/* lmdb_writer.c: the thread that writes ahead of state_sync(), and for state_sync_begin(). */
struct lmdb_writer {
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    atomic_bool asked;              /* to write ahead */
    bool stops;                     /* under the lock, as what follows */
    bool rests;                     /* until then nothing is written ahead */
    struct timespec rests_until;    /* of the monotonic clock */
    LIST_HEAD(, lmdb_sync) handles; /* all that may ask */
};

/* lmdb_files.c: where segments lie. What the environment says of a segment: */
struct log_row {
    uint64_t file, offset, len;
};

enum { LOG_FILES = 8192 }; /* at most, at a time */

struct log_file {
    uint64_t number; /* 0: none */
    int fd;
    bool is_written;          /* since it was synced */
    const unsigned char *map; /* of the whole, and of what it may grow to */
    uint64_t mapped;
    uint64_t there;        /* when it was opened */
    uint64_t used, end;    /* of what is committed; of what is written */
    uint64_t next_segment; /* no segment from here on is in it */
};

struct lmdb_files {
    struct log_file *files; /* by number, going round */
    uint64_t first, next;   /* numbers */
    uint64_t file_bytes;    /* of an ordinary file */
    uint64_t bytes;         /* of what is committed */
    uint64_t appended;      /* of what is not */
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
    /* since the last transaction: values that have changed, and changes of those that had already */
    _Atomic uint64_t changed_count, changed_again;
    _Atomic int64_t now_ms; /* the newest event time */
    atomic_int walkers;     /* while there are some, nothing moves within the log */
    struct lmdb_writer writer;

    pthread_mutex_t flush_lock; /* around all of the rest, and writing */
    bool is_walked;             /* during this flush: no segment is cleaned, and none goes */
    uint8_t round;              /* of writing, as in table.h */
    uint64_t next_segment;
    uint64_t clean_from; /* the segments before it hold nothing: they go with the next transaction */
    struct lmdb_files files;
    uint64_t log_bytes;    /* of the segments from there on */
    uint64_t live_bytes;   /* of the newest records of all values */
    uint64_t tree_bytes;   /* of the environment */
    struct segment *spare; /* for the next transactions */
    size_t spare_count;
    _Atomic uint64_t values_kept, bytes_kept, forgotten, evicted;
};

struct lmdb_handle {
    MDB_txn *reader; /* reset between uses */
    bool is_reading;
    struct stripe_order order;
    struct lmdb_sync sync;
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

static inline bool lmdb_row(const MDB_val *data, struct log_row *out)
{
    if (data->mv_size == sizeof(*out))
        memcpy(out, data->mv_data, sizeof(*out));
    return data->mv_size == sizeof(*out);
}

/* What is on the disk; under the flush lock. */
static inline uint64_t lmdb_bytes(const struct lmdb *lmdb)
{
    return lmdb->files.bytes + lmdb->tree_bytes;
}

/* lmdb_open.c */
enum wd_status lmdb_share_open(struct state_share *share, struct wd_error *err);
void lmdb_share_close(struct state_share *share);

/* lmdb_load.c: what an earlier process left; an LMDB code. */
int lmdb_load(struct lmdb *lmdb, MDB_txn *txn, bool read_only);
/* For those who ask. */
void lmdb_note_size(struct lmdb *lmdb);
/* The databases as this version has them; made where there are none. MDB_VERSION_MISMATCH: another version's. */
int lmdb_open_databases(struct lmdb *lmdb, MDB_txn *txn, bool read_only);
/* Counters, versions. */
int lmdb_write_counters(struct lmdb *lmdb, MDB_txn *txn);
int lmdb_write_newest(struct lmdb *lmdb, MDB_txn *txn, uint64_t newest_version);

/* lmdb_flush.c: writes what has changed in one transaction; returns when it is on the disk. On a failure everything is
 * still changed. An LMDB code. */
int lmdb_flush(struct lmdb *lmdb);

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

/* lmdb_take.c: within a flush. */

/* What a transaction takes from the table. */
struct lmdb_taking {
    struct lmdb *lmdb;
    struct lmdb_batch *batch;
    struct table *table;
    struct lmdb_changed lists[STRIPES]; /* the lists of what had changed */
    struct lmdb_changed removed;
    uint64_t newest_version;
    bool with_counters;
    bool fine;
};

void lmdb_list_init(struct segment_list *list);
/* A segment with room for a record, at the end of the list. NULL: no memory. */
struct segment *lmdb_room(struct lmdb *lmdb, struct segment_list *list, size_t bytes);
void lmdb_free_segments(struct lmdb *lmdb, struct segment_list *list);
/* What has changed, into `batch`. False: no memory; then it is to be given back as well. */
bool lmdb_take(struct lmdb *lmdb, struct lmdb_taking *taking, struct lmdb_batch *batch);
/* It was not written, and has changed still. */
void lmdb_give_back(struct lmdb *lmdb, struct lmdb_taking *taking);
/* It is written. */
void lmdb_release(struct lmdb *lmdb, const struct lmdb_taking *taking);
void lmdb_taking_fini(struct lmdb_taking *taking);

/* lmdb_clean.c: within a flush. */

enum lmdb_cleaning { CLEAN_NOTHING, CLEAN_DUE, CLEAN_ALL /* and keep nothing: the disk is full */ };
/* Looks through the oldest segments, as far as that is due with `incoming` bytes to write, and takes what stays. */
int lmdb_clean(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_cleaning how, uint64_t incoming, struct lmdb_batch *batch);

/* lmdb_files.c: under the flush lock, but for lmdb_files_bytes(); LMDB's codes, or errno. */
bool lmdb_files_init(struct lmdb *lmdb);
void lmdb_files_fini(struct lmdb *lmdb);
/* A segment that the environment names; in their order. */
int lmdb_files_take(struct lmdb *lmdb, uint64_t segment, const struct log_row *row, bool read_only);
/* Files that the environment does not name: of a process that was killed. */
int lmdb_files_remove_strays(struct lmdb *lmdb);
/* NULL: not there. Valid until the segment's place is taken from it, so under the stripe's lock of a value in it. */
const unsigned char *lmdb_files_bytes(const struct lmdb *lmdb, const struct log_row *row);
/* Has the last `bytes` of a segment read from the disk meanwhile. */
void lmdb_files_ask_for(const struct lmdb *lmdb, const struct log_row *row, uint64_t bytes);
int lmdb_files_append(struct lmdb *lmdb, const struct segment *segment, struct log_row *row_out);
/* Returns when all that was appended is on the disk. */
int lmdb_files_sync(struct lmdb *lmdb);
/* What was appended is named, or is nothing. */
void lmdb_files_end(struct lmdb *lmdb, bool is_committed, uint64_t next_segment);
/* Removes the files that hold no segment from `clean_to` on. */
void lmdb_files_drop(struct lmdb *lmdb, uint64_t clean_to);

/* lmdb_writer.c */
bool lmdb_writer_start(struct lmdb *lmdb);
void lmdb_writer_stop(struct lmdb *lmdb);
void lmdb_writer_ask(struct lmdb *lmdb);
/* A handle that may ask for syncs, with its loop; and no longer: what it has asked for ends with WD_ERR_UNAVAILABLE. */
enum wd_status lmdb_sync_init(struct state_store *store, struct wd_error *err);
void lmdb_sync_fini(struct state_store *store);
void lmdb_sync_begin(struct state_store *store, state_done_fn *done, void *context);

#endif
