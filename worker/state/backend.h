/* What a kind of store must do; for worker/state/ only. Neighbours: state.c calls through these tables, memory.c,
 * lmdb.c and redis.c fill them. */
#ifndef WORKER_STATE_BACKEND_H
#define WORKER_STATE_BACKEND_H

#include "worker/state/state.h"

enum { STATE_KEY_MAX = 200 };

struct state_backend {
    enum wd_status (*share_open)(struct state_share *share, struct wd_error *err);
    void (*share_close)(struct state_share *share);
    enum wd_status (*open)(struct state_store *store, struct wd_error *err);
    void (*close)(struct state_store *store);
    void (*get)(struct state_store *store, struct state_item *items, size_t count, state_done_fn *done, void *context);
    void (*put)(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms, state_done_fn *done,
                void *context);
    void (*count)(struct state_store *store, struct wd_str key, int64_t delta, int64_t ttl_ms, state_count_fn *done,
                  void *context);
    enum wd_status (*sync)(struct state_store *store, struct wd_error *err);
    /* NULL: sync() waits for nothing */
    void (*sync_begin)(struct state_store *store, state_done_fn *done, void *context);
    enum wd_status (*each)(struct state_store *store, state_each_fn *each, void *context, struct wd_error *err);
    void (*size)(struct state_store *store, struct state_size *out);
};

extern const struct state_backend STATE_BACKEND_MEMORY, STATE_BACKEND_LMDB, STATE_BACKEND_REDIS;

struct state_counters;

struct state_share {
    const struct state_backend *backend;
    struct state_options options;
    struct state_counters *counters; /* of kinds that no other process sees */
    void *own;                       /* the kind's */
};

struct state_store {
    struct state_share *share;
    struct loop *loop;
    void *own; /* the kind's */
};

/* Makes room for `len` bytes and copies them. False: no memory; the value is as before. */
bool state_value_set(struct wd_value *value, const void *bytes, size_t len, int64_t forget_at_ms);

/* counters.c: counters in memory, shared by the threads of a process. */
struct state_counters *state_counters_new(void);
void state_counters_free(struct state_counters *counters);
/* False: no memory. */
bool state_counters_add(struct state_counters *counters, struct wd_str key, int64_t delta, int64_t ttl_ms,
                        int64_t *amount_out);
/* All of them, for a kind that keeps them: under the lock. */
struct state_counter {
    struct wd_str key;
    int64_t amount, ends_ms; /* of the wall clock */
};
void state_counters_each(struct state_counters *counters,
                         void (*each)(void *context, const struct state_counter *counter), void *context);
/* One that was kept. */
bool state_counters_restore(struct state_counters *counters, const struct state_counter *counter);

#endif
