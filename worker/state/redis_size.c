/* How much a Redis store holds, for metrics: asked aside, now and then, of each server that has slots; until it has
 * answered what it said before is told. It is about all that the servers hold, not only what is ours. A login that may
 * not ask is told nothing. Neighbour: redis.c. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "worker/state/redis.h"

enum { ASK_EVERY_MS = 5000 };

static uint64_t number_after(const char *text, const char *name)
{
    const char *found = strstr(text, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static bool is_text(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING;
}

static void on_count(void *context, const struct redisReply *reply, const char *why)
{
    struct redis_node *node = context;
    (void)why;
    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0)
        node->size.values = (uint64_t)reply->integer;
}

static void on_memory(void *context, const struct redisReply *reply, const char *why)
{
    struct redis_node *node = context;
    (void)why;
    if (!is_text(reply))
        return;
    node->size.bytes = number_after(reply->str, "\nused_memory:");
    node->size.max_bytes = number_after(reply->str, "\nmaxmemory:");
}

static void on_stats(void *context, const struct redisReply *reply, const char *why)
{
    struct redis_node *node = context;
    (void)why;
    if (!is_text(reply))
        return;
    node->size.forgotten = number_after(reply->str, "\nexpired_keys:");
    node->size.evicted = number_after(reply->str, "\nevicted_keys:");
}

static void ask_node(struct redis_node *node)
{
    static const struct wd_str COUNT[] = {{.data = "DBSIZE", .len = 6}};
    static const struct wd_str MEMORY[] = {{.data = "INFO", .len = 4}, {.data = "memory", .len = 6}};
    static const struct wd_str STATS[] = {{.data = "INFO", .len = 4}, {.data = "stats", .len = 5}};
    if (!redis_link_is_open(node->link)) /* it is made by those who need it */
        return;
    if (redis_link_send(node->link, COUNT, 1, on_count, node) &&
        redis_link_send(node->link, MEMORY, 2, on_memory, node))
        (void)redis_link_send(node->link, STATS, 2, on_stats, node);
    redis_link_flush(node->link);
}

static void add_size(struct state_size *sum, const struct state_size *one)
{
    sum->values += one->values;
    sum->bytes += one->bytes;
    sum->max_bytes += one->max_bytes;
    sum->forgotten += one->forgotten;
    sum->evicted += one->evicted;
}

void redis_size(struct state_store *store, struct state_size *out)
{
    struct redis *redis = store->own;
    if (redis->layout == REDIS_UNKNOWN)
        return;
    bool asks = redis_link_now_ms() >= redis->ask_size_ms;
    if (asks)
        redis->ask_size_ms = redis_link_now_ms() + ASK_EVERY_MS;
    for (size_t i = 0; i < redis->node_count; i++) {
        if (!redis_has_slots(redis, i))
            continue;
        if (asks)
            ask_node(&redis->nodes[i]);
        add_size(out, &redis->nodes[i].size);
    }
}
