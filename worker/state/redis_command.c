/* What is said to a Redis server, and what its answers mean. Neighbour: redis.c sends and receives. */
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/state/redis.h"

enum { SHORTEST_LIFE_MS = 1000, SHA1_TEXT = 40, VERSION_BYTES = 8 };
static const int64_t LONGEST_LIFE_MS = INT64_C(400) * 24 * 3600 * 1000 * 10;

/* KEYS; for each: the version that it must have ('' for none), the new value ('' removes it), its life in ms. Only the
 * version is read: a whole value would have to become a string of Lua's first. */
const char REDIS_PUT_SCRIPT[] = "local keys, argv, call, conflicts, at = KEYS, ARGV, redis.call, {}, 0\n"
                                "for i = 1, #keys do\n"
                                "  local key, value = keys[i], argv[at + 2]\n"
                                "  if call('GETRANGE', key, '0', '7') ~= argv[at + 1] then\n"
                                "    conflicts[#conflicts + 1] = i\n"
                                "  elseif value == '' then\n"
                                "    call('DEL', key)\n"
                                "  else\n"
                                "    call('SET', key, value, 'PX', argv[at + 3])\n"
                                "  end\n"
                                "  at = at + 3\n"
                                "end\n"
                                "return conflicts\n";
static const char COUNT_SCRIPT[] = "local n = redis.call('INCRBY', KEYS[1], ARGV[1])\n"
                                   "if redis.call('PTTL', KEYS[1]) < 0 then\n"
                                   "  redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
                                   "end\n"
                                   "return n\n";

static char put_script_sha1[SHA1_TEXT + 1];

bool redis_prepare_script(void)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(REDIS_PUT_SCRIPT, strlen(REDIS_PUT_SCRIPT), digest, &length, EVP_sha1(), NULL) != 1 ||
        length * 2 != SHA1_TEXT)
        return false;
    for (unsigned i = 0; i < length; i++)
        snprintf(put_script_sha1 + i * 2, 3, "%02x", digest[i]);
    return true;
}

/* ---- commands ---- */

static void add_word(struct redis_words *words, const void *data, size_t len)
{
    words->words[words->count++] = (struct wd_str){.data = data, .len = len};
}

struct wd_str redis_full_key(const struct redis *redis, struct wd_str key, const char *mark,
                             char out[REDIS_FULL_KEY_MAX])
{
    int length = snprintf(out, REDIS_FULL_KEY_MAX, "%.48s%s", redis->store->share->options.prefix, mark);
    memcpy(out + length, key.data, key.len);
    return (struct wd_str){.data = out, .len = (size_t)length + key.len};
}

static void add_keys(struct redis_words *words, const struct redis_command *command)
{
    for (size_t i = 0; i < command->count; i++) {
        struct wd_str key =
            redis_full_key(command->call->redis, command->call->items[command->first + i].key, "", words->keys[i]);
        add_word(words, key.data, key.len);
    }
}

static int64_t life_of(const struct redis_call *call, const struct wd_value *value)
{
    int64_t left = value->forget_at_ms > call->now_ms ? value->forget_at_ms - call->now_ms : 0;
    left = left > LONGEST_LIFE_MS ? LONGEST_LIFE_MS : left + call->redis->store->share->options.grace_ms;
    return left < SHORTEST_LIFE_MS ? SHORTEST_LIFE_MS : left;
}

static bool add_values(struct redis_words *words, const struct redis_command *command)
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

static void add_number(struct redis_words *words, char room[24], int64_t number)
{
    add_word(words, room, (size_t)snprintf(room, 24, "%lld", (long long)number));
}

bool redis_make_words(struct redis_words *words, const struct redis_command *command)
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
            add_word(words, REDIS_PUT_SCRIPT, sizeof(REDIS_PUT_SCRIPT) - 1);
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

struct wd_str redis_key_of(const struct redis_command *command, char room[REDIS_FULL_KEY_MAX])
{
    const struct redis_call *call = command->call;
    if (call->kind == CALL_COUNT)
        return (struct wd_str){.data = call->counter, .len = call->counter_len};
    return redis_full_key(call->redis, call->items[command->first].key, "", room);
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

static bool take_records(struct redis_command *command, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != command->count)
        return false;
    for (size_t i = 0; i < command->count; i++)
        if (!take_record(&command->call->items[command->first + i], reply->element[i]))
            return false;
    return true;
}

static bool take_conflicts(struct redis_command *command, const redisReply *reply)
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

bool redis_take_reply(struct redis_command *command, const redisReply *reply)
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
