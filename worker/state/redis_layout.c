/* Which server has which keys: one has all, or a Cluster's nodes have slots of them. Asked once and again where a node
 * fails or a server says that a slot has moved. Neighbour: redis.c. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/state/redis.h"

enum { ADDRESS_MAX = 300 };

/* CRC-16/XMODEM, as Redis Cluster hashes keys. */
static uint16_t crc16(const char *data, size_t len)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint16_t)((unsigned char)data[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

/* Only what is between the first { and the next }, where that is something. */
unsigned redis_slot_of(struct wd_str key)
{
    const char *open = memchr(key.data, '{', key.len);
    if (open) {
        const char *close = memchr(open + 1, '}', (size_t)(key.data + key.len - open - 1));
        if (close && close > open + 1)
            return crc16(open + 1, (size_t)(close - open - 1)) % REDIS_SLOTS;
    }
    return crc16(key.data, key.len) % REDIS_SLOTS;
}

/* ---- nodes ---- */

struct redis_node *redis_node_at(struct redis *redis, const char *address)
{
    for (size_t i = 0; i < redis->node_count; i++)
        if (strcmp(redis_link_address(redis->nodes[i].link), address) == 0)
            return &redis->nodes[i];
    if (redis->node_count == REDIS_NODES_MAX)
        return NULL;
    struct redis_link *link = redis_link_new(&redis->link_options, address);
    if (!link)
        return NULL;
    redis->nodes[redis->node_count] = (struct redis_node){.link = link};
    return &redis->nodes[redis->node_count++];
}

struct redis_node *redis_node_of(struct redis *redis, struct wd_str key)
{
    if (redis->layout == REDIS_STANDALONE)
        return &redis->nodes[redis->only];
    uint16_t node = redis->slots[redis_slot_of(key)];
    return node < redis->node_count ? &redis->nodes[node] : NULL;
}

bool redis_has_slots(const struct redis *redis, size_t node)
{
    if (redis->layout == REDIS_STANDALONE)
        return node == redis->only;
    for (size_t slot = 0; slot < REDIS_SLOTS; slot++)
        if (redis->slots[slot] == node)
            return true;
    return false;
}

void redis_flush(struct redis *redis)
{
    for (size_t i = 0; i < redis->node_count; i++) {
        if (!redis->nodes[i].touched)
            continue;
        redis->nodes[i].touched = false;
        redis_link_flush(redis->nodes[i].link);
    }
}

/* An address as a server gives it: no host means the one that was asked. */
static bool full_address(const struct redis_node *from, const char *host, const char *port, char out[ADDRESS_MAX])
{
    const char *asked = redis_link_address(from->link);
    const char *colon = strrchr(asked, ':');
    int length;
    if (!host || !host[0] || strcmp(host, "?") == 0)
        length = snprintf(out, ADDRESS_MAX, "%.*s:%s", colon ? (int)(colon - asked) : (int)strlen(asked), asked, port);
    else if (strchr(host, ':') && host[0] != '[')
        length = snprintf(out, ADDRESS_MAX, "[%s]:%s", host, port);
    else
        length = snprintf(out, ADDRESS_MAX, "%s:%s", host, port);
    return length > 0 && length < ADDRESS_MAX;
}

struct redis_node *redis_note_moved(struct redis *redis, struct redis_node *from, const char *text)
{
    char host[ADDRESS_MAX] = "", address[ADDRESS_MAX];
    const char *slot_text = strchr(text, ' '), *where = slot_text ? strchr(slot_text + 1, ' ') : NULL;
    const char *colon = where ? strrchr(where, ':') : NULL;
    long slot = slot_text ? strtol(slot_text, NULL, 10) : -1;
    if (!colon || slot < 0 || slot >= REDIS_SLOTS || colon - where - 1 >= ADDRESS_MAX)
        return NULL;
    memcpy(host, where + 1, (size_t)(colon - where - 1));
    if (!full_address(from, host, colon + 1, address))
        return NULL;
    struct redis_node *node = redis_node_at(redis, address);
    if (node && redis->slots && strncmp(text, "MOVED", 5) == 0) {
        redis->slots[slot] = (uint16_t)(node - redis->nodes);
        redis->stale = true;
    }
    return node;
}

/* ---- asking ---- */

static bool take_range(struct redis *redis, const struct redis_node *from, const redisReply *range)
{
    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3 || range->element[2]->type != REDIS_REPLY_ARRAY ||
        range->element[2]->elements < 2)
        return false;
    long long first = range->element[0]->integer, last = range->element[1]->integer;
    const redisReply *master = range->element[2];
    char port[24], address[ADDRESS_MAX];
    snprintf(port, sizeof(port), "%lld", master->element[1]->integer);
    if (first < 0 || last >= REDIS_SLOTS || !full_address(from, master->element[0]->str, port, address))
        return false;
    struct redis_node *node = redis_node_at(redis, address);
    for (long long slot = first; node && slot <= last; slot++)
        redis->slots[slot] = (uint16_t)(node - redis->nodes);
    return node != NULL;
}

static const char *take_layout(struct redis *redis, const struct redis_node *from, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) { /* not a Cluster, or the login may not ask: then MOVED would tell */
        redis->layout = REDIS_STANDALONE;
        redis->only = (size_t)(from - redis->nodes);
        redis->stale = false;
        return NULL;
    }
    if (reply->type != REDIS_REPLY_ARRAY || !reply->elements)
        return "the Cluster has given its slots to no node yet";
    if (!redis->slots)
        redis->slots = malloc(REDIS_SLOTS * sizeof(*redis->slots));
    if (!redis->slots)
        return "no memory";
    memset(redis->slots, 0xFF, REDIS_SLOTS * sizeof(*redis->slots));
    for (size_t i = 0; i < reply->elements; i++)
        if (!take_range(redis, from, reply->element[i]))
            return "the Cluster's slots cannot be read";
    redis->layout = REDIS_CLUSTER;
    redis->stale = false;
    return NULL;
}

struct question {
    struct redis *redis;
    size_t node;
};

static void on_layout(void *context, const struct redisReply *reply, const char *why)
{
    struct question *question = context;
    struct redis *redis = question->redis;
    redis->asking = false;
    if (reply)
        why = take_layout(redis, &redis->nodes[question->node], reply);
    free(question);
    redis_go_on(redis, why);
}

/* Of the nodes that are known and the configured addresses, the next one that can be asked. */
static struct redis_node *next_to_ask(struct redis *redis, size_t attempt)
{
    char *const *addresses = redis->store->share->options.addresses;
    size_t seeds = 0;
    while (addresses[seeds])
        seeds++;
    size_t choice = (redis->next_seed + attempt) % (seeds + redis->node_count);
    return choice < seeds ? redis_node_at(redis, addresses[choice]) : &redis->nodes[choice - seeds];
}

void redis_ask_layout(struct redis *redis)
{
    static const struct wd_str WORDS[] = {{.data = "CLUSTER", .len = 7}, {.data = "SLOTS", .len = 5}};
    const char *why = "no server can be asked";
    size_t tries = redis->node_count + 8;
    for (size_t attempt = 0; attempt < tries; attempt++) {
        struct redis_node *node = next_to_ask(redis, attempt);
        struct question *question = node ? malloc(sizeof(*question)) : NULL;
        if (!question)
            continue;
        *question = (struct question){.redis = redis, .node = (size_t)(node - redis->nodes)};
        if (redis_link_send(node->link, WORDS, 2, on_layout, question)) {
            redis->next_seed += attempt + 1;
            redis->asking = true;
            redis_link_flush(node->link);
            return;
        }
        why = redis_link_why(node->link)[0] ? redis_link_why(node->link) : why;
        free(question);
    }
    redis_go_on(redis, why);
}
