/* The store in Redis or Valkey, standalone or Cluster: a whole batch in one round trip. A stored value is its version,
 * when it may be forgotten, and its bytes; a script compares the version before it stores. Versions are random numbers,
 * so that one that was seen is never met again. Neighbours: redis_layout.c knows who has which key, redis_link.c is a
 * connection. */
#include "worker/state/redis.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "worker/log.h"

enum {
    KEYS_A_COMMAND = 64,
    WORDS_A_KEY = 4,
    FULL_KEY_MAX = STATE_KEY_MAX + 64,
    REDIRECTIONS_MAX = 5,
    SHORTEST_LIFE_MS = 1000,
    SHA1_TEXT = 40,
    VERSION_BYTES = 8,
};
static const int64_t LONGEST_LIFE_MS = INT64_C(400) * 24 * 3600 * 1000 * 10;

/* KEYS; for each: the version that it must have ('' for none), the new value ('' removes it), its life in ms. */
static const char PUT_SCRIPT[] = "local conflicts = {}\n"
                                 "for i, key in ipairs(KEYS) do\n"
                                 "  local at = (i - 1) * 3\n"
                                 "  if redis.call('GETRANGE', key, 0, 7) ~= ARGV[at + 1] then\n"
                                 "    conflicts[#conflicts + 1] = i\n"
                                 "  elseif ARGV[at + 2] == '' then\n"
                                 "    redis.call('DEL', key)\n"
                                 "  else\n"
                                 "    redis.call('SET', key, ARGV[at + 2], 'PX', ARGV[at + 3])\n"
                                 "  end\n"
                                 "end\n"
                                 "return conflicts\n";
static const char COUNT_SCRIPT[] = "local n = redis.call('INCRBY', KEYS[1], ARGV[1])\n"
                                   "if redis.call('PTTL', KEYS[1]) < 0 then\n"
                                   "  redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
                                   "end\n"
                                   "return n\n";

static char put_script_sha1[SHA1_TEXT + 1];

enum call_kind { CALL_GET, CALL_PUT, CALL_COUNT };

struct command {
    struct redis_call *call;
    size_t first, count; /* of the call's items */
    unsigned redirections;
    bool whole_script; /* the server did not know its digest */
};

struct redis_call {
    struct redis *redis;
    enum call_kind kind;
    struct state_item *items;
    size_t count;
    int64_t now_ms;
    state_done_fn *done;
    void *context;
    struct command *commands;
    size_t command_count, command_room, left;
    uint64_t *versions; /* put: the new ones */
    struct wd_error err;
    struct redis_call *next; /* among those that wait for the layout */
    /* count */
    char counter[FULL_KEY_MAX];
    size_t counter_len;
    int64_t delta, ttl_ms, amount;
    state_count_fn *counted;
};

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

/* The words of a command, and the room that they point into. */
struct words {
    struct wd_str words[3 + KEYS_A_COMMAND * WORDS_A_KEY];
    size_t count;
    char keys[KEYS_A_COMMAND][FULL_KEY_MAX];
    char lives[KEYS_A_COMMAND][24];
    unsigned char expected[KEYS_A_COMMAND][VERSION_BYTES];
    char number[24], second_number[24];
    unsigned char *values;
};

static void add_word(struct words *words, const void *data, size_t len)
{
    words->words[words->count++] = (struct wd_str){.data = data, .len = len};
}

static struct wd_str full_key(const struct redis *redis, struct wd_str key, const char *mark, char out[FULL_KEY_MAX])
{
    int length = snprintf(out, FULL_KEY_MAX, "%.48s%s", redis->store->share->options.prefix, mark);
    memcpy(out + length, key.data, key.len);
    return (struct wd_str){.data = out, .len = (size_t)length + key.len};
}

static void add_keys(struct words *words, const struct command *command)
{
    for (size_t i = 0; i < command->count; i++) {
        struct wd_str key =
            full_key(command->call->redis, command->call->items[command->first + i].key, "", words->keys[i]);
        add_word(words, key.data, key.len);
    }
}

static int64_t life_of(const struct redis_call *call, const struct wd_value *value)
{
    int64_t left = value->forget_at_ms > call->now_ms ? value->forget_at_ms - call->now_ms : 0;
    left = left > LONGEST_LIFE_MS ? LONGEST_LIFE_MS : left + call->redis->store->share->options.grace_ms;
    return left < SHORTEST_LIFE_MS ? SHORTEST_LIFE_MS : left;
}

static bool add_values(struct words *words, const struct command *command)
{
    const struct redis_call *call = command->call;
    const struct state_item *items = call->items + command->first;
    size_t bytes = 0;
    for (size_t i = 0; i < command->count; i++)
        bytes += REDIS_RECORD_HEADER + items[i].value->len;
    unsigned char *at = words->values = malloc(bytes + 1);
    if (!at)
        return false;
    for (size_t i = 0; i < command->count; i++) {
        const struct wd_value *value = items[i].value;
        memcpy(words->expected[i], &items[i].version, VERSION_BYTES);
        add_word(words, words->expected[i], items[i].version ? VERSION_BYTES : 0);
        memcpy(at, &call->versions[command->first + i], VERSION_BYTES);
        memcpy(at + VERSION_BYTES, &value->forget_at_ms, 8);
        if (value->len)
            memcpy(at + REDIS_RECORD_HEADER, value->bytes, value->len);
        add_word(words, at, value->len ? REDIS_RECORD_HEADER + value->len : 0);
        at += REDIS_RECORD_HEADER + value->len;
        int length = snprintf(words->lives[i], sizeof(words->lives[i]), "%lld", (long long)life_of(call, value));
        add_word(words, words->lives[i], (size_t)length);
    }
    return true;
}

static void add_number(struct words *words, char room[24], int64_t number)
{
    add_word(words, room, (size_t)snprintf(room, 24, "%lld", (long long)number));
}

static bool make_words(struct words *words, const struct command *command)
{
    struct redis_call *call = command->call;
    words->count = 0;
    words->values = NULL;
    switch (call->kind) {
    case CALL_GET:
        add_word(words, "MGET", 4);
        add_keys(words, command);
        return true;
    case CALL_PUT:
        if (command->whole_script) {
            add_word(words, "EVAL", 4);
            add_word(words, PUT_SCRIPT, sizeof(PUT_SCRIPT) - 1);
        } else {
            add_word(words, "EVALSHA", 7);
            add_word(words, put_script_sha1, SHA1_TEXT);
        }
        add_number(words, words->number, (int64_t)command->count);
        add_keys(words, command);
        return add_values(words, command);
    case CALL_COUNT:
        add_word(words, "EVAL", 4);
        add_word(words, COUNT_SCRIPT, sizeof(COUNT_SCRIPT) - 1);
        add_word(words, "1", 1);
        add_word(words, call->counter, call->counter_len);
        add_number(words, words->number, call->delta);
        add_number(words, words->second_number, call->ttl_ms);
        return true;
    }
    return false;
}

static void on_reply(void *context, const struct redisReply *reply, const char *why);

static void ignore_reply(void *context, const struct redisReply *reply, const char *why)
{
    (void)context;
    (void)reply;
    (void)why;
}

static struct wd_str key_of(const struct command *command, char room[FULL_KEY_MAX])
{
    const struct redis_call *call = command->call;
    if (call->kind == CALL_COUNT)
        return (struct wd_str){.data = call->counter, .len = call->counter_len};
    return full_key(call->redis, call->items[command->first].key, "", room);
}

/* To `node`, or to the one that its key belongs to. False: it could not be sent, and the call has noted why. */
static bool send_command(struct command *command, struct redis_node *node, bool asking)
{
    static const struct wd_str ASKING = {.data = "ASKING", .len = 6};
    struct redis_call *call = command->call;
    char room[FULL_KEY_MAX];
    struct words words;
    if (!node)
        node = redis_node_of(call->redis, key_of(command, room));
    if (!node) {
        call->redis->stale = true;
        fail_call(call, "the Cluster has a slot that no node serves");
        return false;
    }
    bool sent = make_words(&words, command) &&
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

/* ---- replies ---- */

static bool take_record(struct state_item *item, const redisReply *record)
{
    item->conflict = false;
    item->version = 0;
    if (record->type == REDIS_REPLY_NIL)
        return state_value_set(item->value, NULL, 0, 0);
    if (record->type != REDIS_REPLY_STRING || record->len < REDIS_RECORD_HEADER)
        return false;
    int64_t forget_at_ms;
    memcpy(&item->version, record->str, VERSION_BYTES);
    memcpy(&forget_at_ms, record->str + VERSION_BYTES, 8);
    return state_value_set(item->value, record->str + REDIS_RECORD_HEADER, (size_t)record->len - REDIS_RECORD_HEADER,
                           forget_at_ms);
}

static bool take_records(struct command *command, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != command->count)
        return false;
    for (size_t i = 0; i < command->count; i++)
        if (!take_record(&command->call->items[command->first + i], reply->element[i]))
            return false;
    return true;
}

static bool take_conflicts(struct command *command, const redisReply *reply)
{
    struct redis_call *call = command->call;
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = command->first; i < command->first + command->count; i++)
        call->items[i].conflict = false;
    for (size_t i = 0; i < reply->elements; i++) {
        long long at = reply->element[i]->integer;
        if (at < 1 || (size_t)at > command->count)
            return false;
        call->items[command->first + (size_t)at - 1].conflict = true;
    }
    for (size_t i = command->first; i < command->first + command->count; i++)
        if (!call->items[i].conflict)
            call->items[i].version = call->items[i].value->len ? call->versions[i] : 0;
    return true;
}

static bool take_reply(struct command *command, const redisReply *reply)
{
    switch (command->call->kind) {
    case CALL_GET:
        return take_records(command, reply);
    case CALL_PUT:
        return take_conflicts(command, reply);
    case CALL_COUNT:
        command->call->amount = reply->integer;
        return reply->type == REDIS_REPLY_INTEGER;
    }
    return false;
}

/* True: the command is on its way once more. */
static bool sent_again(struct command *command, const char *error)
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
        char room[FULL_KEY_MAX];
        struct redis_node *from = redis_node_of(redis, key_of(command, room));
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
    struct command *command = context;
    struct redis_call *call = command->call;
    if (!reply) {
        call->redis->stale = true;
        fail_call(call, why);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        if (sent_again(command, reply->str))
            return;
        call->redis->stale = true;
        fail_call(call, reply->str);
    } else if (!take_reply(command, reply)) {
        fail_call(call, "a reply cannot be read: is state.prefix used by something else?");
    }
    end_command(call);
}

/* ---- calls ---- */

static bool add_command(struct redis_call *call, size_t first, size_t count)
{
    if (call->command_count == call->command_room)
        return false;
    call->commands[call->command_count++] = (struct command){.call = call, .first = first, .count = count};
    return true;
}

/* In a Cluster a command may only have keys of one slot: there each key has one of its own. */
static bool make_commands(struct redis_call *call)
{
    size_t at_once = call->redis->layout == REDIS_CLUSTER ? 1 : KEYS_A_COMMAND;
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

static struct redis_call *call_new(struct state_store *store, enum call_kind kind, struct state_item *items,
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

static void redis_call_values(struct state_store *store, enum call_kind kind, struct state_item *items, size_t count,
                              int64_t now_ms, state_done_fn *done, void *context)
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
    call->counter_len = full_key(store->own, key, "#", call->counter).len;
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

static void redis_size(struct state_store *store, struct state_size *out)
{
    (void)store;
    (void)out;
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
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(PUT_SCRIPT, sizeof(PUT_SCRIPT) - 1, digest, &length, EVP_sha1(), NULL) != 1 ||
        length * 2 != SHA1_TEXT)
        return wd_fail(err, WD_ERR_MEMORY, "no digest of the script for the state");
    for (unsigned i = 0; i < length; i++)
        snprintf(put_script_sha1 + i * 2, 3, "%02x", digest[i]);
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
                                                      .script = PUT_SCRIPT,
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
