/* The store in memory: a table in stripes, so that the shards of a process seldom wait for each other. Gone when the
 * process ends. Neighbours: stripes.c, table.c. */
#include <stdlib.h>

#include "worker/state/backend.h"
#include "worker/state/stripes.h"

enum { SWEEP_PER_ITEM = 1 };

/* The one thing that a store asks of a value: to let go of what nothing can come of any more. */
static uint32_t shrink(unsigned char *bytes, uint32_t len, int64_t *forget_at_ms, int64_t now_ms)
{
    struct wd_value value = {.bytes = bytes, .len = len, .capacity = len, .forget_at_ms = *forget_at_ms};
    wd_value_prune(&value, now_ms);
    if (value.len) /* else it may be forgotten, after the grace */
        *forget_at_ms = value.forget_at_ms;
    return value.len;
}

static bool get_item(const struct table *table, uint64_t hash, struct state_item *item)
{
    const struct table_entry *entry = table_find(table, hash, item->key);
    item->conflict = false;
    item->version = entry ? entry->version : 0;
    return state_value_set(item->value, entry ? entry->data + entry->key_len : NULL, entry ? entry->len : 0,
                           entry ? entry->forget_at_ms : 0);
}

static bool put_item(struct table *table, uint64_t hash, struct state_item *item, int64_t now_ms)
{
    const struct wd_value *value = item->value;
    struct table_entry *entry = table_find(table, hash, item->key);
    item->conflict = item->version != (entry ? entry->version : 0);
    if (item->conflict)
        return true;
    if (!value->len) {
        if (entry)
            table_remove(table, entry);
        item->version = 0;
        return true;
    }
    struct table_entry *stored =
        table_store(table, entry, hash, item->key, value->bytes, value->len, value->forget_at_ms, now_ms);
    if (stored)
        item->version = stored->version;
    return stored != NULL;
}

static void memory_get(struct state_store *store, struct state_item *items, size_t count, state_done_fn *done,
                       void *context)
{
    struct stripes *stripes = store->share->own;
    struct stripe_order *order = store->own;
    struct wd_error err = {0};
    bool fine = stripe_order_make(order, stripes, items, count);
    if (fine)
        stripe_order_prefetch(order, stripes);
    for (unsigned stripe = 0; fine && stripe < STRIPES; stripe++) {
        if (order->begins[stripe] == order->begins[stripe + 1])
            continue;
        struct table *table = &stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        for (uint32_t i = order->begins[stripe]; i < order->begins[stripe + 1]; i++)
            fine &= get_item(table, order->hashes[order->order[i]], &items[order->order[i]]);
        pthread_mutex_unlock(&table->lock);
    }
    if (!fine)
        wd_fail(&err, WD_ERR_MEMORY, "no memory to recall %zu values", count);
    done(context, err.status, &err);
}

static void memory_put(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms,
                       state_done_fn *done, void *context)
{
    struct stripes *stripes = store->share->own;
    struct stripe_order *order = store->own;
    struct wd_error err = {0};
    bool fine = stripe_order_make(order, stripes, items, count);
    for (unsigned stripe = 0; fine && stripe < STRIPES; stripe++) {
        size_t here = order->begins[stripe + 1] - order->begins[stripe];
        if (!here)
            continue;
        struct table *table = &stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        for (uint32_t i = order->begins[stripe]; i < order->begins[stripe + 1]; i++)
            fine &= put_item(table, order->hashes[order->order[i]], &items[order->order[i]], now_ms);
        table_sweep(table, here * SWEEP_PER_ITEM, now_ms - store->share->options.grace_ms, shrink, now_ms);
        pthread_mutex_unlock(&table->lock);
    }
    if (!fine)
        wd_fail(&err, WD_ERR_TOO_LARGE, "no room for a value in state.memory_bytes = %llu",
                (unsigned long long)store->share->options.max_bytes);
    done(context, err.status, &err);
}

static void memory_count(struct state_store *store, struct wd_str key, int64_t delta, int64_t ttl_ms,
                         state_count_fn *done, void *context)
{
    int64_t amount = 0;
    bool counted = state_counters_add(store->share->counters, key, delta, ttl_ms, &amount);
    done(context, counted ? WD_OK : WD_ERR_MEMORY, amount);
}

static enum wd_status memory_sync(struct state_store *store, struct wd_error *err)
{
    (void)store;
    (void)err;
    return WD_OK;
}

static enum wd_status memory_each(struct state_store *store, state_each_fn *each, void *context, struct wd_error *err)
{
    (void)err;
    struct stripes *stripes = store->share->own;
    bool more = true;
    for (unsigned stripe = 0; more && stripe < STRIPES; stripe++) {
        struct table *table = &stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        for (size_t i = 0; more && i < table->capacity; i++) {
            const struct table_entry *entry = table_entry_at(table, i);
            if (!entry)
                continue;
            struct wd_str key = {.data = (const char *)entry->data, .len = entry->key_len};
            more = each(context, key, entry->data + entry->key_len, entry->len, entry->forget_at_ms);
        }
        pthread_mutex_unlock(&table->lock);
    }
    return WD_OK;
}

static void memory_size(struct state_store *store, struct state_size *out)
{
    out->max_bytes = store->share->options.max_bytes;
    stripes_size(store->share->own, out);
}

static enum wd_status memory_share_open(struct state_share *share, struct wd_error *err)
{
    share->own = stripes_new(share->options.max_bytes);
    return share->own ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
}

static void memory_share_close(struct state_share *share)
{
    stripes_free(share->own);
}

static enum wd_status memory_open(struct state_store *store, struct wd_error *err)
{
    store->own = calloc(1, sizeof(struct stripe_order));
    return store->own ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
}

static void memory_close(struct state_store *store)
{
    if (store->own)
        stripe_order_fini(store->own);
    free(store->own);
}

const struct state_backend STATE_BACKEND_MEMORY = {.share_open = memory_share_open,
                                                   .share_close = memory_share_close,
                                                   .open = memory_open,
                                                   .close = memory_close,
                                                   .get = memory_get,
                                                   .put = memory_put,
                                                   .count = memory_count,
                                                   .sync = memory_sync,
                                                   .each = memory_each,
                                                   .size = memory_size};
