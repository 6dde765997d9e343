/* The store in Redis or Valkey, standalone or Cluster: a whole batch in one round trip. A stored value is its version,
 * when it may be forgotten, and its bytes; a script compares the version before it stores. Versions are random numbers,
 * so that one that was seen is never met again. Neighbours: redis_command.c knows the words, redis_layout.c who has
 * which key, redis_link.c is a connection. */
#include "worker/state/redis.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "worker/log.h"

enum { REDIRECTIONS_MAX = 5 };

/* ---- the end of a call ---- */

static void call_free(struct redis_call *call)
{
    free(call->commands);
    free(call->versions);
    free(call);
}

static void fail_call(struct redis_call *call, const char *why)
{
    if (call->err.status == WD_OK)
        wd_fail(&call->err, WD_ERR_UNAVAILABLE, "the state store redis: %s", why);
}

static void end_call(struct redis_call *call)
{
    if (call->kind == CALL_COUNT)
        call->counted(call->context, call->err.status, call->amount);
    else
        call->done(call->context, call->err.status, &call->err);
    call_free(call);
}

static void end_command(struct redis_call *call)
{
    if (--call->left == 0)
        end_call(call);
}

/* ---- commands ---- */

static void on_reply(void *context, const struct redisReply *reply, const char *why);

static void ignore_reply(void *context, const struct redisReply *reply, const char *why)
{
    (void)context;
    (void)reply;
    (void)why;
}

/* To `node`, or to the one that its key belongs to. False: it could not be sent, and the call has noted why. */
static bool send_command(struct redis_command *command, struct redis_node *node, bool asking)
{
    static const struct wd_str ASKING = {.data = "ASKING", .len = 6};
    struct redis_call *call = command->call;
    char room[REDIS_FULL_KEY_MAX];
    struct redis_words words;
    if (!node)
        node = redis_node_of(call->redis, redis_key_of(command, room));
    if (!node) {
        call->redis->stale = true;
        fail_call(call, "the Cluster has a slot that no node serves");
        return false;
    }
    bool sent = redis_make_words(&words, command) &&
                (!asking || redis_link_send(node->link, &ASKING, 1, ignore_reply, NULL)) &&
                redis_link_send(node->link, words.words, words.count, on_reply, command);
    free(words.values);
    node->touched = true;
    if (sent)
        return true;
    call->redis->stale = true;
    fail_call(call, redis_link_why(node->link)[0] ? redis_link_why(node->link) : "no memory");
    return false;
}

/* True: the command is on its way once more. */
static bool sent_again(struct redis_command *command, const char *error)
{
    struct redis_call *call = command->call;
    struct redis *redis = call->redis;
    if (++command->redirections > REDIRECTIONS_MAX)
        return false;
    bool moved = strncmp(error, "MOVED ", 6) == 0, ask = strncmp(error, "ASK ", 4) == 0;
    struct redis_node *node = NULL;
    if (strncmp(error, "NOSCRIPT", 8) == 0) {
        command->whole_script = true;
    } else if ((moved || ask) && redis->layout == REDIS_CLUSTER) {
        char room[REDIS_FULL_KEY_MAX];
        struct redis_node *from = redis_node_of(redis, redis_key_of(command, room));
        node = from ? redis_note_moved(redis, from, error) : NULL;
        if (!node)
            return false;
    } else {
        return false;
    }
    bool sent = send_command(command, node, ask);
    redis_flush(redis);
    return sent;
}

static void on_reply(void *context, const struct redisReply *reply, const char *why)
{
    struct redis_command *command = context;
    struct redis_call *call = command->call;
    if (!reply) {
        call->redis->stale = true;
        fail_call(call, why);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        if (sent_again(command, reply->str))
            return;
        call->redis->stale = true;
        fail_call(call, reply->str);
    } else if (!redis_take_reply(command, reply)) {
        fail_call(call, "a reply cannot be read: is state.prefix used by something else?");
    }
    end_command(call);
}

/* ---- calls ---- */

static bool add_command(struct redis_call *call, size_t first, size_t count)
{
    if (call->command_count == call->command_room)
        return false;
    call->commands[call->command_count++] = (struct redis_command){.call = call, .first = first, .count = count};
    return true;
}

/* In a Cluster a command may only have keys of one slot: there each key has one of its own. */
static bool make_commands(struct redis_call *call)
{
    size_t at_once = call->redis->layout == REDIS_CLUSTER ? 1 : REDIS_KEYS_A_COMMAND;
    call->command_room = call->kind == CALL_COUNT ? 1 : (call->count + at_once - 1) / at_once;
    call->commands = calloc(call->command_room + 1, sizeof(*call->commands));
    if (!call->commands)
        return false;
    if (call->kind == CALL_COUNT)
        return add_command(call, 0, 0);
    for (size_t first = 0; first < call->count; first += at_once) {
        size_t count = call->count - first < at_once ? call->count - first : at_once;
        if (!add_command(call, first, count))
            return false;
    }
    return true;
}

static void start_call(struct redis_call *call)
{
    struct redis *redis = call->redis;
    if (!make_commands(call)) {
        wd_fail(&call->err, WD_ERR_MEMORY, "no memory for the state");
        end_call(call);
        return;
    }
    call->left = call->command_count + 1; /* and this function */
    for (size_t i = 0; i < call->command_count; i++) {
        if (call->err.status != WD_OK || !send_command(&call->commands[i], NULL, false))
            call->left--;
    }
    redis_flush(redis);
    end_command(call);
}

void redis_go_on(struct redis *redis, const char *why)
{
    struct redis_call *call = redis->first;
    redis->first = redis->last = NULL;
    while (call) {
        struct redis_call *next = call->next;
        if (why) {
            fail_call(call, why);
            end_call(call);
        } else {
            start_call(call);
        }
        call = next;
    }
}

static void begin_call(struct redis_call *call)
{
    struct redis *redis = call->redis;
    if (redis->layout != REDIS_UNKNOWN && !redis->stale) {
        start_call(call);
        return;
    }
    call->next = NULL;
    if (redis->last)
        redis->last->next = call;
    else
        redis->first = call;
    redis->last = call;
    if (!redis->asking)
        redis_ask_layout(redis);
}

static uint64_t next_version(struct redis *redis)
{
    uint64_t z = redis->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return z ? z : 1;
}

static struct redis_call *call_new(struct state_store *store, enum redis_call_kind kind, struct state_item *items,
                                   size_t count)
{
    struct redis_call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->redis = store->own;
    call->kind = kind;
    call->items = items;
    call->count = count;
    if (kind != CALL_PUT)
        return call;
    call->versions = malloc((count + 1) * sizeof(*call->versions));
    for (size_t i = 0; call->versions && i < count; i++)
        call->versions[i] = next_version(call->redis);
    if (call->versions)
        return call;
    free(call);
    return NULL;
}

static void redis_call_values(struct state_store *store, enum redis_call_kind kind, struct state_item *items,
                              size_t count, int64_t now_ms, state_done_fn *done, void *context)
{
    struct redis_call *call = call_new(store, kind, items, count);
    if (!call) {
        struct wd_error err = {0};
        wd_fail(&err, WD_ERR_MEMORY, "no memory for the state");
        done(context, err.status, &err);
        return;
    }
    call->now_ms = now_ms;
    call->done = done;
    call->context = context;
    begin_call(call);
}

static void redis_get(struct state_store *store, struct state_item *items, size_t count, state_done_fn *done,
                      void *context)
{
    redis_call_values(store, CALL_GET, items, count, 0, done, context);
}

static void redis_put(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms,
                      state_done_fn *done, void *context)
{
    redis_call_values(store, CALL_PUT, items, count, now_ms, done, context);
}

static void redis_count(struct state_store *store, struct wd_str key, int64_t delta, int64_t ttl_ms,
                        state_count_fn *done, void *context)
{
    struct redis_call *call = call_new(store, CALL_COUNT, NULL, 0);
    if (!call) {
        done(context, WD_ERR_MEMORY, 0);
        return;
    }
    call->counter_len = redis_full_key(store->own, key, "#", call->counter).len;
    call->delta = delta;
    call->ttl_ms = ttl_ms;
    call->counted = done;
    call->context = context;
    begin_call(call);
}

static enum wd_status redis_sync(struct state_store *store, struct wd_error *err)
{
    (void)store;
    (void)err;
    return WD_OK;
}

/* ---- opening ---- */

static void on_link_change(void *context, const char *address, bool up, const char *why)
{
    (void)context;
    if (up)
        log_write(LOG_INFO, "state-connected", "the state store can be reached again", LOG_STR("address", address),
                  LOG_END);
    else
        log_write(LOG_WARN, "state-connection-failed", "a connection to the state store failed; it is made anew",
                  LOG_STR("address", address), LOG_STR("why", why), LOG_END);
}

static enum wd_status redis_share_open(struct state_share *share, struct wd_error *err)
{
    if (!redis_prepare_script())
        return wd_fail(err, WD_ERR_MEMORY, "no digest of the script for the state");
    if (!share->options.tls)
        return WD_OK;
    return redis_tls_new(&share->options, (struct redis_tls **)&share->own, err);
}

static void redis_share_close(struct state_share *share)
{
    redis_tls_free(share->own);
}

static enum wd_status redis_open(struct state_store *store, struct wd_error *err)
{
    struct redis *redis = calloc(1, sizeof(*redis));
    if (redis)
        redis->nodes = calloc(REDIS_NODES_MAX, sizeof(*redis->nodes));
    if (!redis || !redis->nodes || getrandom(&redis->random, sizeof(redis->random), 0) != sizeof(redis->random)) {
        free(redis ? redis->nodes : NULL);
        free(redis);
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    }
    redis->store = store;
    redis->link_options = (struct redis_link_options){.state = &store->share->options,
                                                      .tls = store->share->own,
                                                      .loop = store->loop,
                                                      .script = REDIS_PUT_SCRIPT,
                                                      .on_change = on_link_change};
    store->own = redis;
    return WD_OK;
}

static void redis_close(struct state_store *store)
{
    struct redis *redis = store->own;
    for (size_t i = 0; i < redis->node_count; i++)
        redis_link_free(redis->nodes[i].link);
    redis_go_on(redis, "it is closed");
    free(redis->nodes);
    free(redis->slots);
    free(redis);
}

const struct state_backend STATE_BACKEND_REDIS = {.share_open = redis_share_open,
                                                  .share_close = redis_share_close,
                                                  .open = redis_open,
                                                  .close = redis_close,
                                                  .get = redis_get,
                                                  .put = redis_put,
                                                  .count = redis_count,
                                                  .sync = redis_sync,
                                                  .each = redis_each,
                                                  .size = redis_size};
