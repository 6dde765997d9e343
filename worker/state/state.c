/* Shares and handles of every kind of store. Neighbours: memory.c, lmdb.c, redis.c do the work. */
#include "worker/state/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/state/backend.h"

static const struct state_backend *backend_of(enum state_kind kind)
{
    switch (kind) {
    case STATE_MEMORY:
        return &STATE_BACKEND_MEMORY;
    case STATE_LMDB:
#ifdef WARDEN_LMDB
        return &STATE_BACKEND_LMDB;
#else
        return NULL;
#endif
    case STATE_REDIS:
#ifdef WARDEN_REDIS
        return &STATE_BACKEND_REDIS;
#else
        return NULL;
#endif
    case STATE_NONE:
        break;
    }
    return NULL;
}

const char *state_kind_name(enum state_kind kind)
{
    static const char *const NAMES[] = {
        [STATE_NONE] = "none", [STATE_MEMORY] = "memory", [STATE_LMDB] = "lmdb", [STATE_REDIS] = "redis"};
    return NAMES[kind];
}

bool state_kind_is_built(enum state_kind kind)
{
    return backend_of(kind) != NULL;
}

bool state_kind_is_shared(enum state_kind kind)
{
    return kind == STATE_REDIS;
}

bool state_value_set(struct wd_value *value, const void *bytes, size_t len, int64_t forget_at_ms)
{
    if (len > UINT32_MAX)
        return false;
    if (len > value->capacity) {
        unsigned char *room = realloc(value->bytes, len);
        if (!room)
            return false;
        value->bytes = room;
        value->capacity = (uint32_t)len;
    }
    if (len)
        memcpy(value->bytes, bytes, len);
    value->len = (uint32_t)len;
    value->changed = false;
    value->forget_at_ms = forget_at_ms;
    return true;
}

enum wd_status state_share_open(const struct state_options *options, struct state_share **out, struct wd_error *err)
{
    const struct state_backend *backend = backend_of(options->kind);
    if (!backend)
        return wd_fail(err, WD_ERR_INVALID, "this warden was built without the state store '%s'",
                       state_kind_name(options->kind));
    struct state_share *share = calloc(1, sizeof(*share));
    if (share)
        *share = (struct state_share){.backend = backend, .options = *options, .counters = state_counters_new()};
    if (!share || !share->counters) {
        free(share);
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    }
    enum wd_status status = backend->share_open(share, err);
    if (status != WD_OK) {
        state_counters_free(share->counters);
        free(share);
        return status;
    }
    *out = share;
    return WD_OK;
}

void state_share_close(struct state_share *share)
{
    if (!share)
        return;
    share->backend->share_close(share);
    state_counters_free(share->counters);
    free(share);
}

enum wd_status state_open(struct state_share *share, struct loop *loop, struct state_store **out, struct wd_error *err)
{
    struct state_store *store = calloc(1, sizeof(*store));
    if (!store)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    *store = (struct state_store){.share = share, .loop = loop};
    enum wd_status status = share->backend->open(store, err);
    if (status != WD_OK) {
        free(store);
        return status;
    }
    *out = store;
    return WD_OK;
}

void state_close(struct state_store *store)
{
    if (!store)
        return;
    store->share->backend->close(store);
    free(store);
}

enum state_kind state_kind_of(const struct state_store *store)
{
    return store->share->options.kind;
}

/* ---- calls ---- */

static void check_items(const struct state_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert(items[i].key.len > 0 && items[i].key.len <= STATE_KEY_MAX);
    (void)items;
    (void)count;
}

void state_get(struct state_store *store, struct state_item *items, size_t count, state_done_fn *done, void *context)
{
    check_items(items, count);
    store->share->backend->get(store, items, count, done, context);
}

void state_put(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms, state_done_fn *done,
               void *context)
{
    check_items(items, count);
    store->share->backend->put(store, items, count, now_ms, done, context);
}

void state_count(struct state_store *store, struct wd_str key, int64_t delta, int64_t ttl_ms, state_count_fn *done,
                 void *context)
{
    store->share->backend->count(store, key, delta, ttl_ms, done, context);
}

enum wd_status state_sync(struct state_store *store, struct wd_error *err)
{
    return store->share->backend->sync(store, err);
}

void state_sync_begin(struct state_store *store, state_done_fn *done, void *context)
{
    const struct state_backend *backend = store->share->backend;
    if (backend->sync_begin) {
        backend->sync_begin(store, done, context);
        return;
    }
    struct wd_error err = {0};
    enum wd_status status = backend->sync(store, &err);
    done(context, status, &err);
}

enum wd_status state_each(struct state_store *store, state_each_fn *each, void *context, struct wd_error *err)
{
    return store->share->backend->each(store, each, context, err);
}

void state_size_of(struct state_store *store, struct state_size *out)
{
    *out = (struct state_size){0};
    store->share->backend->size(store, out);
}

/* ---- waiting ---- */

struct waiting {
    bool done;
    enum wd_status status;
    struct wd_error err;
};

static void end_waiting(void *context, enum wd_status status, const struct wd_error *err)
{
    struct waiting *waiting = context;
    waiting->done = true;
    waiting->status = status;
    if (status != WD_OK)
        waiting->err = *err;
}

static enum wd_status wait_for(struct state_store *store, const struct waiting *waiting, struct wd_error *err)
{
    while (!waiting->done) /* every call has a time limit of its own */
        loop_turn(store->loop, 100);
    if (waiting->status != WD_OK && err)
        *err = waiting->err;
    return waiting->status;
}

enum wd_status state_get_now(struct state_store *store, struct state_item *items, size_t count, struct wd_error *err)
{
    struct waiting waiting = {0};
    state_get(store, items, count, end_waiting, &waiting);
    return wait_for(store, &waiting, err);
}

enum wd_status state_put_now(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms,
                             struct wd_error *err)
{
    struct waiting waiting = {0};
    state_put(store, items, count, now_ms, end_waiting, &waiting);
    return wait_for(store, &waiting, err);
}
