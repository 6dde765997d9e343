/* A store of values behind the state of rules: versioned bytes by key, for whole batches. One small interface, four
 * kinds: memory, lmdb, redis (standalone and Cluster). A store handle belongs to one thread (a shard); handles of one
 * process share what is behind them (struct state_share: the memory table, the lmdb environment). Knows nothing of what
 * values mean.
 *
 * Calls end through callbacks: at once, before the call returns (memory, lmdb), or later from the loop (redis). Items,
 * keys and values stay the caller's and must live until then. */
#ifndef WORKER_STATE_STATE_H
#define WORKER_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/behaviour.h>
#include <warden/status.h>

#include "worker/loop.h"

enum state_kind { STATE_NONE = 0, STATE_MEMORY, STATE_LMDB, STATE_REDIS };

/* "none", "memory", "lmdb", "redis". */
const char *state_kind_name(enum state_kind kind);
/* Whether this program was built with what the kind needs. */
bool state_kind_is_built(enum state_kind kind);
/* Behind it is a store that other processes see. */
bool state_kind_is_shared(enum state_kind kind);

/* Texts stay the caller's for as long as the share lives. */
struct state_options {
    enum state_kind kind;
    const char *path;                 /* lmdb: a folder, made where it is missing */
    uint64_t max_bytes;               /* lmdb: of the file; memory: all in all */
    uint64_t cache_bytes;             /* lmdb: of values kept in memory */
    int64_t grace_ms;                 /* a value is kept so long after it may be forgotten, unless room is needed */
    char *const *addresses;           /* redis: host:port, NULL-terminated: of one server, or of nodes of a Cluster */
    const char *user;                 /* redis: NULL: none */
    const char *password_file;        /* redis: NULL: none; read at each connection */
    const char *prefix;               /* redis: before every key */
    bool tls;                         /* redis */
    const char *ca_file;              /* redis: NULL: the system's */
    const char *cert_file, *key_file; /* redis: of the client; NULL: none */
    int64_t timeout_ms;               /* redis: of a call, and of connecting */
    bool read_only;                   /* for commands that look: lmdb is opened beside a running worker */
};

struct state_share;
struct state_store;

struct state_item {
    struct wd_str key;      /* at most 200 bytes */
    struct wd_value *value; /* get: filled (len 0: not there); put: what is stored; len 0: the key is removed */
    uint64_t version;       /* get: set (0: not there); put: what it must still be, then set to what it is */
    bool conflict;          /* put: somebody else has changed it: it was not stored */
};

/* A status other than WD_OK: get has filled nothing that may be used; put may have stored any part of it. */
typedef void state_done_fn(void *context, enum wd_status status, const struct wd_error *err);

/* What the handles of a process share. WD_ERR_INVALID: the options cannot work; WD_ERR_UNAVAILABLE: another process has
 * it (lmdb). redis connects later, by itself. */
enum wd_status state_share_open(const struct state_options *options, struct state_share **out,
                                struct wd_error *err) WD_MUST_USE;
/* After the last handle. */
void state_share_close(struct state_share *share);

/* A handle of the calling thread. `loop` serves its sockets and timers (redis). */
enum wd_status state_open(struct state_share *share, struct loop *loop, struct state_store **out,
                          struct wd_error *err) WD_MUST_USE;
/* Calls that are under way end with WD_ERR_UNAVAILABLE first. */
void state_close(struct state_store *store);
enum state_kind state_kind_of(const struct state_store *store);

/* Fills items in place. Keys are unique within a call. */
void state_get(struct state_store *store, struct state_item *items, size_t count, state_done_fn *done, void *context);
/* Stores those whose versions hold, marks the others; WD_OK with conflicts is an ordinary end. `now_ms`: newest event
 * time: what may be forgotten by then may be dropped where room is needed. WD_ERR_TOO_LARGE: full, and nothing could be
 * dropped. */
void state_put(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms, state_done_fn *done,
               void *context);
/* Adds to a counter and tells its new amount: for quotas that a whole group shares. Forgotten ttl_ms of wall-clock time
 * after it was made. */
typedef void state_count_fn(void *context, enum wd_status status, int64_t amount);
void state_count(struct state_store *store, struct wd_str key, int64_t delta, int64_t ttl_ms, state_count_fn *done,
                 void *context);
/* Everything that was stored is on the disk (lmdb); before offsets are committed. Others: at once. */
enum wd_status state_sync(struct state_store *store, struct wd_error *err) WD_MUST_USE;
/* The same without waiting for the disk: `done` tells from the loop when all that was stored before this call is there,
 * or that it could not be written; others than lmdb: at once. What is stored meanwhile wants another one. Handles that
 * ask at the same time share one. One at a time a handle. */
void state_sync_begin(struct state_store *store, state_done_fn *done, void *context);

/* Walks all keys in no order, for commands; waits for sockets. `each` returns false to end it. What is stored meanwhile
 * may be seen or not. */
typedef bool state_each_fn(void *context, struct wd_str key, const unsigned char *bytes, size_t len,
                           int64_t forget_at_ms);
enum wd_status state_each(struct state_store *store, state_each_fn *each, void *context,
                          struct wd_error *err) WD_MUST_USE;

/* What is behind it, for metrics. Zero where the kind cannot tell. redis asks now and then, and tells what it heard
 * last: of its servers, whatever they hold. */
struct state_size {
    uint64_t values, bytes, max_bytes;
    uint64_t forgotten; /* values dropped that nothing depended on any more */
    uint64_t evicted;   /* values dropped for lack of room */
};
void state_size_of(struct state_store *store, struct state_size *out);

/* state_get() and state_put() for commands and tests: turns the loop until they end. */
enum wd_status state_get_now(struct state_store *store, struct state_item *items, size_t count,
                             struct wd_error *err) WD_MUST_USE;
enum wd_status state_put_now(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms,
                             struct wd_error *err) WD_MUST_USE;

#endif
