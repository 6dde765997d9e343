/* What tests and the demo ask the sandbox itself: the log, counts, faults, tokens, seeded objects, settings. To
 * loopback only. Neighbours: answer.c calls in with the lock held. */
#include <stdlib.h>
#include <string.h>

#include "worker/platform/sandbox/server.h"

enum { LOG_DEFAULT = 1000, LOG_MAX = 100000, SEED_MAX = 1000000 };

static void fail(struct call *call, enum wd_status status, const struct wd_error *err)
{
    call_refuse(call, status == WD_ERR_NOT_FOUND ? 404 : 400, 400000, err->text);
}

static uint64_t query_number(const struct call *call, const char *name, uint64_t otherwise)
{
    const char *text = call_query(call, name);
    return text && *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : otherwise;
}

static void get_health(struct sandbox *sandbox, struct call *call)
{
    (void)sandbox;
    buffer_text(&call->answer, "{\"status\":\"ok\"}\n");
    call_done(call);
}

static void get_log(struct sandbox *sandbox, struct call *call)
{
    uint64_t limit = query_number(call, "limit", LOG_DEFAULT);
    journal_print(sandbox->journal, query_number(call, "since", 0), limit < LOG_MAX ? limit : LOG_MAX,
                  call_query(call, "action"), &call->answer);
    call_done(call);
}

static void delete_log(struct sandbox *sandbox, struct call *call)
{
    journal_clear(sandbox->journal);
    call_done(call);
}

static void get_stats(struct sandbox *sandbox, struct call *call)
{
    journal_print_stats(sandbox->journal, &call->answer);
    call_done(call);
}

static void get_faults(struct sandbox *sandbox, struct call *call)
{
    faults_print(sandbox->faults, &call->answer);
    call_done(call);
}

static void post_faults(struct sandbox *sandbox, struct call *call)
{
    struct wd_error err;
    enum wd_status status = faults_add(sandbox->faults, call->json, server_now_ns(), &err);
    if (status != WD_OK)
        fail(call, status, &err);
    else
        get_faults(sandbox, call);
}

static void delete_faults(struct sandbox *sandbox, struct call *call)
{
    faults_clear(sandbox->faults);
    atomic_store(&sandbox->release_hanging, true);
    server_wake(sandbox);
    call_done(call);
}

static void get_tokens(struct sandbox *sandbox, struct call *call)
{
    tokens_print(sandbox->platform.tokens, platform_now_ms(), &call->answer);
    call_done(call);
}

static void post_tokens(struct sandbox *sandbox, struct call *call)
{
    struct wd_error err;
    const char *name = json_string_value(json_object_get(call->json, "name"));
    const char *token = json_string_value(json_object_get(call->json, "token"));
    const json_t *life = json_object_get(call->json, "expires_in_ms");
    if (!name || !token || (life && !json_is_integer(life))) {
        call_invalid(call, "name and token are needed; expires_in_ms is a number");
        return;
    }
    int64_t end_ms = life ? platform_now_ms() + json_integer_value(life) : INT64_MAX;
    enum wd_status status = tokens_add_admin(sandbox->platform.tokens, name, token,
                                             json_object_get(call->json, "permissions"), end_ms, &err);
    if (status != WD_OK)
        fail(call, status, &err);
    else
        call_done(call);
}

static void post_tokens_revoke(struct sandbox *sandbox, struct call *call)
{
    struct wd_error err;
    const char *name = json_string_value(json_object_get(call->json, "name"));
    json_int_t grace_ms = json_integer_value(json_object_get(call->json, "grace_ms"));
    if (!name) {
        call_invalid(call, "name is needed");
        return;
    }
    enum wd_status status = tokens_end(sandbox->platform.tokens, name, platform_now_ms() + grace_ms, &err);
    if (status != WD_OK)
        fail(call, status, &err);
    else
        call_done(call);
}

static void put_settings(struct sandbox *sandbox, struct call *call)
{
    const json_t *strict = json_object_get(call->json, "strict_objects");
    const json_t *users = json_object_get(call->json, "report_min_users");
    const json_t *latency = json_object_get(call->json, "latency_ms");
    const json_t *low = json_is_array(latency) ? json_array_get(latency, 0) : latency;
    const json_t *high = json_is_array(latency) ? json_array_get(latency, 1) : latency;
    bool is_latency_valid = !latency || (json_is_integer(low) && json_is_integer(high) &&
                                         json_integer_value(low) >= 0 && json_integer_value(high) <= 3600000);
    if ((strict && !json_is_boolean(strict)) || (users && !json_is_integer(users)) || !is_latency_valid) {
        call_invalid(call,
                     "strict_objects: true or false; report_min_users: number; latency_ms: number or [low, high]");
        return;
    }
    if (strict)
        sandbox->platform.strict_objects = json_is_true(strict);
    if (users)
        sandbox->platform.report_min_users = json_integer_value(users);
    if (latency)
        faults_set_latency(sandbox->faults, (uint32_t)json_integer_value(low), (uint32_t)json_integer_value(high));
    call_done(call);
}

static bool seed_one(struct sandbox *sandbox, enum object_type type, const json_t *item)
{
    const char *id = json_string_value(json_is_object(item) ? json_object_get(item, object_type_id_key(type)) : item);
    if (!id || !*id)
        return false;
    struct object *object = objects_make(sandbox->platform.objects, type, id, platform_now_ms());
    if (!object)
        return false;
    if (json_is_object(item)) {
        json_decref(object->data);
        object->data = json_deep_copy(item);
        object->is_exempt = json_is_true(json_object_get(item, "exempt"));
        object->is_banned = json_is_true(json_object_get(item, "isGlobalBan"));
        object->is_hidden = json_is_true(json_object_get(item, "isDeleted"));
    }
    return true;
}

/* {"count":5000,"prefix":"user-"} */
static bool seed_many(struct sandbox *sandbox, enum object_type type, const json_t *range)
{
    json_int_t count = json_integer_value(json_object_get(range, "count"));
    const char *prefix = json_string_value(json_object_get(range, "prefix"));
    if (count < 1 || count > SEED_MAX || !prefix || strlen(prefix) > 40)
        return false;
    for (json_int_t i = 1; i <= count; i++) {
        char id[80];
        snprintf(id, sizeof(id), "%s%lld", prefix, (long long)i);
        if (!objects_make(sandbox->platform.objects, type, id, platform_now_ms()))
            return false;
    }
    return true;
}

static void post_objects(struct sandbox *sandbox, struct call *call)
{
    const char *key;
    json_t *value;
    json_object_foreach(call->json, key, value)
    {
        enum object_type type = object_type_from(key);
        bool is_good = type != OBJECT_NONE;
        if (is_good && json_is_object(value))
            is_good = seed_many(sandbox, type, value);
        else
            is_good = is_good && json_is_array(value);
        for (size_t i = 0; is_good && i < json_array_size(value); i++)
            is_good = seed_one(sandbox, type, json_array_get(value, i));
        if (!is_good) {
            call_invalid(
                call, "wanted: {\"users\":[\"id\",{\"userId\":\"id\",...}],\"posts\":{\"count\":9,\"prefix\":\"p\"}}");
            return;
        }
    }
    call_done(call);
}

static void delete_objects(struct sandbox *sandbox, struct call *call)
{
    objects_clear(sandbox->platform.objects);
    call_done(call);
}

struct member_list {
    const struct object *place;
    struct buffer *out;
    bool is_first;
};

static bool print_member(void *context, struct object *member)
{
    struct member_list *list = context;
    if (member->place != list->place)
        return true;
    if (!list->is_first)
        buffer_text(list->out, ",");
    list->is_first = false;
    object_print(member, list->out);
    return true;
}

/* objects/{type}/{id}, objects/{type}/{id}/members, objects/{type}/{id}/members/{userId} */
static void get_objects(struct sandbox *sandbox, struct call *call)
{
    const struct objects *objects = sandbox->platform.objects;
    enum object_type type = call->segment_count >= 4 ? object_type_from(call->segments[2]) : OBJECT_NONE;
    const struct object *object = type != OBJECT_NONE ? objects_find(objects, type, call->segments[3]) : NULL;
    bool wants_members = call->segment_count > 4 && strcmp(call->segments[4], "members") == 0;
    if (object && call->segment_count == 6 && wants_members)
        object = objects_find_member(objects, object, call->segments[5]);
    if (!object || (call->segment_count > 4 && !wants_members)) {
        call_not_found(call, "object");
    } else if (call->segment_count == 5) {
        struct member_list list = {.place = object, .out = &call->answer, .is_first = true};
        buffer_text(&call->answer, "{\"members\":[");
        objects_each(objects, OBJECT_MEMBER, print_member, &list);
        buffer_text(&call->answer, "]}");
        call_done(call);
    } else {
        object_print(object, &call->answer);
        call_done(call);
    }
}

static const struct {
    const char *method, *path;
    void (*serve)(struct sandbox *sandbox, struct call *call);
} CONTROLS[] = {
    {"GET", "/__sandbox/health", get_health},         {"GET", "/__sandbox/log", get_log},
    {"DELETE", "/__sandbox/log", delete_log},         {"GET", "/__sandbox/stats", get_stats},
    {"GET", "/__sandbox/faults", get_faults},         {"POST", "/__sandbox/faults", post_faults},
    {"DELETE", "/__sandbox/faults", delete_faults},   {"GET", "/__sandbox/tokens", get_tokens},
    {"POST", "/__sandbox/tokens", post_tokens},       {"POST", "/__sandbox/tokens/revoke", post_tokens_revoke},
    {"PUT", "/__sandbox/settings", put_settings},     {"POST", "/__sandbox/objects", post_objects},
    {"DELETE", "/__sandbox/objects", delete_objects},
};

static void find_control(struct sandbox *sandbox, struct call *call)
{
    bool path_known = false;
    for (size_t i = 0; i < sizeof(CONTROLS) / sizeof(*CONTROLS); i++) {
        if (strlen(CONTROLS[i].path) != call->path_len || strncmp(CONTROLS[i].path, call->uri, call->path_len) != 0)
            continue;
        path_known = true;
        if (strcmp(CONTROLS[i].method, call->method) == 0) {
            CONTROLS[i].serve(sandbox, call);
            return;
        }
    }
    if (path_known)
        call_refuse(call, 405, 400400, "there is no such method on this path");
    else if (call->segment_count >= 4 && strcmp(call->segments[1], "objects") == 0 && strcmp(call->method, "GET") == 0)
        get_objects(sandbox, call);
    else
        call_refuse(call, 404, 400400, "there is no such path");
}

void control_serve(struct sandbox *sandbox, struct call *call)
{
    bool is_health = call->segment_count == 2 && strcmp(call->segments[1], "health") == 0;
    if (call->body.len)
        call->json = json_loadb(call->body.data, call->body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!call->is_loopback && !is_health)
        call_refuse(call, 403, 400300, "the sandbox's own calls are answered to loopback only");
    else if (call->is_malformed || call->body_too_large || (call->body.len && !call->json))
        call_invalid(call, "the path, the query or the JSON of the body is not well formed");
    else
        find_control(sandbox, call);
    call->effect.kind = FAULT_NONE;
    if (call->answer.failed)
        call_no_memory(call);
}
