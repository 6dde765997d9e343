/* A store of values behind the state of rules: versioned bytes by key, for whole batches. One small interface, four
 * kinds: memory, lmdb, redis (standalone and Cluster). A store handle belongs to one thread (a shard); handles of one
 * process may share what is behind them (memory, lmdb environment). Knows nothing of what values mean.
 *
 * Calls end through callbacks, at once (memory, lmdb) or later from the loop (redis); `busy` is false in between. */
#ifndef WORKER_STATE_STATE_H
#define WORKER_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/behaviour.h>
#include <warden/status.h>

#include "worker/config.h"
#include "worker/loop.h"

struct state_store;

struct state_item {
    struct wd_str key;
    struct wd_value *value; /* get: filled; put: what is stored */
    uint64_t version;       /* get: set (0: not there); put: what it must still be */
    bool conflict;          /* put: somebody else has changed it: it was not stored */
};

typedef void state_done_fn(void *context, enum wd_status status, const struct wd_error *err);

/* Fills items in place. */
void state_get(struct state_store *store, struct state_item *items, size_t count, state_done_fn *done, void *context);
/* Stores those whose versions hold, marks the others; WD_OK with conflicts is an ordinary end. `now_ms`: newest event
 * time: what is to be forgotten before it may be dropped. */
void state_put(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms, state_done_fn *done,
               void *context);
/* Adds to a counter and tells its new amount: for quotas that a whole group shares. Forgotten after ttl_ms. */
void state_count(struct state_store *store, struct wd_str key, int64_t delta, int64_t ttl_ms,
                 void (*done)(void *context, enum wd_status status, int64_t amount), void *context);
/* Everything that was stored is on the disk (lmdb); before offsets are committed. Others: at once. */
enum wd_status state_sync(struct state_store *store, struct wd_error *err);
/* Walks all keys in no order, for commands. */
enum wd_status state_each(struct state_store *store,
                          bool (*each)(void *context, struct wd_str key, const unsigned char *bytes, size_t len,
                                       int64_t forget_at_ms),
                          void *context, struct wd_error *err);

#endif
