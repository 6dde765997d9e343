/* Walking all values of a Redis store, for commands: SCAN on each node, then the values of what it named. Turns the
 * loop until it has ended. Neighbour: redis.c. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/state/redis.h"

enum { PAGE = 1000, PATTERN_MAX = 80 };

/* A page of keys, without the prefix. */
struct page {
    bool done;
    char why[300];
    char cursor[24];
    char (*keys)[STATE_KEY_MAX];
    size_t *lengths;
    size_t count, room;
    size_t prefix_len;
};

static bool add_key(struct page *page, const redisReply *name)
{
    if (name->type != REDIS_REPLY_STRING || (size_t)name->len <= page->prefix_len ||
        name->str[page->prefix_len] == '#' || (size_t)name->len - page->prefix_len > STATE_KEY_MAX)
        return true; /* a counter, or nothing of ours */
    if (page->count == page->room) {
        size_t room = page->room ? page->room * 2 : (size_t)2 * PAGE;
        void *keys = realloc(page->keys, room * sizeof(*page->keys));
        if (keys)
            page->keys = keys;
        size_t *lengths = realloc(page->lengths, room * sizeof(*lengths));
        if (lengths)
            page->lengths = lengths;
        if (!keys || !lengths)
            return false;
        page->room = room;
    }
    page->lengths[page->count] = (size_t)name->len - page->prefix_len;
    memcpy(page->keys[page->count], name->str + page->prefix_len, page->lengths[page->count]);
    page->count++;
    return true;
}

static void on_page(void *context, const struct redisReply *reply, const char *why)
{
    struct page *page = context;
    page->done = true;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING) {
        snprintf(page->why, sizeof(page->why), "%.290s", !reply ? why : reply->str ? reply->str : "a strange reply");
        return;
    }
    snprintf(page->cursor, sizeof(page->cursor), "%.23s", reply->element[0]->str);
    page->count = 0;
    for (size_t i = 0; i < reply->element[1]->elements; i++)
        if (!add_key(page, reply->element[1]->element[i]))
            snprintf(page->why, sizeof(page->why), "no memory");
}

static void ask_page(struct redis *redis, struct redis_link *link, struct page *page)
{
    char pattern[PATTERN_MAX], count[16];
    snprintf(pattern, sizeof(pattern), "%.48s*", redis->store->share->options.prefix);
    snprintf(count, sizeof(count), "%d", PAGE);
    struct wd_str words[] = {wd_str_from("SCAN"),  wd_str_from(page->cursor), wd_str_from("MATCH"),
                             wd_str_from(pattern), wd_str_from("COUNT"),      wd_str_from(count)};
    page->done = false;
    if (!redis_link_send(link, words, sizeof(words) / sizeof(*words), on_page, page)) {
        page->done = true;
        snprintf(page->why, sizeof(page->why), "%.290s", redis_link_why(link));
    }
    redis_link_flush(link);
    while (!page->done)
        loop_turn(redis->store->loop, 100);
}

static enum wd_status show_page(struct redis *redis, const struct page *page, state_each_fn *each, void *context,
                                bool *more, struct wd_error *err)
{
    struct state_item *items = calloc(page->count + 1, sizeof(*items));
    struct wd_value *values = calloc(page->count + 1, sizeof(*values));
    enum wd_status status = items && values ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    for (size_t i = 0; status == WD_OK && i < page->count; i++)
        items[i] = (struct state_item){.key = {.data = page->keys[i], .len = page->lengths[i]}, .value = &values[i]};
    if (status == WD_OK && page->count)
        status = state_get_now(redis->store, items, page->count, err);
    for (size_t i = 0; status == WD_OK && *more && i < page->count; i++)
        if (values[i].len)
            *more = each(context, items[i].key, values[i].bytes, values[i].len, values[i].forget_at_ms);
    for (size_t i = 0; values && i < page->count; i++)
        free(values[i].bytes);
    free(items);
    free(values);
    return status;
}

static enum wd_status walk_node(struct redis *redis, struct redis_link *link, state_each_fn *each, void *context,
                                bool *more, struct wd_error *err)
{
    struct page page = {.cursor = "0", .prefix_len = strlen(redis->store->share->options.prefix)};
    enum wd_status status = WD_OK;
    do {
        ask_page(redis, link, &page);
        if (page.why[0])
            status = wd_fail(err, WD_ERR_UNAVAILABLE, "the state store redis: %s", page.why);
        else
            status = show_page(redis, &page, each, context, more, err);
    } while (status == WD_OK && *more && strcmp(page.cursor, "0") != 0);
    free(page.keys);
    free(page.lengths);
    return status;
}

enum wd_status redis_each(struct state_store *store, state_each_fn *each, void *context, struct wd_error *err)
{
    struct redis *redis = store->own;
    struct wd_value none = {0};
    struct state_item item = {.key = wd_str_from("-"), .value = &none}; /* so that the layout is known */
    enum wd_status status = state_get_now(store, &item, 1, err);
    free(none.bytes);
    bool more = true;
    for (size_t node = 0; status == WD_OK && more && node < redis->node_count; node++)
        if (redis_has_slots(redis, node))
            status = walk_node(redis, redis->nodes[node].link, each, context, &more, err);
    return status;
}
