/* From a request to a handler: route, token, permission. Neighbours: moderation.c, places.c, users.c, settings.c,
 * lists.c hold the handlers; answer.c calls in. */
#include "worker/platform/sandbox/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { REPORT_MIN_USERS = 5000 };

static const struct route *const TABLES[] = {MODERATION_ROUTES, PLACE_ROUTES, USER_ROUTES,
                                             SETTING_ROUTES,    LIST_ROUTES,  NULL};

int64_t platform_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum wd_status platform_init(struct platform *platform, const char *api_key, bool strict_objects, struct wd_error *err)
{
    *platform = (struct platform){.strict_objects = strict_objects, .report_min_users = REPORT_MIN_USERS};
    platform->objects = objects_new();
    platform->tokens = tokens_new();
    platform->settings = json_object();
    platform->api_key = api_key ? strdup(api_key) : NULL;
    if (platform->objects && platform->tokens && platform->settings && (platform->api_key || !api_key))
        return WD_OK;
    platform_fini(platform);
    return wd_fail(err, WD_ERR_MEMORY, "no memory for the sandbox");
}

static void list_fini(struct word_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].regex);
    free(list->items);
}

void platform_fini(struct platform *platform)
{
    objects_free(platform->objects);
    tokens_free(platform->tokens);
    json_decref(platform->settings);
    free(platform->api_key);
    free(platform->prehook_secret);
    list_fini(&platform->blocklist);
    list_fini(&platform->allowlist);
    *platform = (struct platform){0};
}

/* True where the path has the form of the pattern; fills the ids. */
static bool matches(const char *pattern, struct call *call)
{
    const char *object_id = NULL, *place_id = NULL;
    size_t i = 0;
    for (; *pattern == '/' && i < call->segment_count; i++) {
        size_t len = strcspn(++pattern, "/");
        const char *segment = call->segments[i];
        if (len == 1 && *pattern == '*' && *segment)
            object_id = segment;
        else if (len == 1 && *pattern == '+' && *segment)
            place_id = segment;
        else if (strncmp(segment, pattern, len) != 0 || segment[len] != '\0')
            return false;
        pattern += len;
    }
    if (*pattern || i != call->segment_count)
        return false;
    call->object_id = object_id;
    call->place_id = place_id;
    return true;
}

/* The action is known before anything is carried out, because faults ask for it. */
static const char *action_of(const struct route *route, const struct call *call)
{
    const char *permanent = call_query(call, "permanent");
    if (strcmp(route->action, "hide") == 0 && permanent && strcmp(permanent, "true") == 0)
        return "delete";
    const json_t *period = json_object_get(call->json, "mutePeriod");
    if (strcmp(route->action, "mute") == 0 && json_is_integer(period) && json_integer_value(period) == 0)
        return "unmute";
    return route->action;
}

bool platform_route(struct call *call)
{
    const struct route *other = NULL;
    for (const struct route *const *table = TABLES; *table; table++) {
        for (const struct route *route = *table; route->method; route++) {
            if (!matches(route->pattern, call))
                continue;
            other = route;
            if (strcmp(route->method, call->method) != 0)
                continue;
            call->route = route;
            call->action = action_of(route, call);
            call->object_type = route->object;
            call->place_type = route->place;
            return true;
        }
    }
    call->object_id = call->place_id = NULL;
    if (other)
        call_refuse(call, 405, 400400, "there is no such method on this path");
    else
        call_refuse(call, 404, 400400, "there is no such path");
    return false;
}

static const struct token_entry *find_token(struct platform *platform, const struct call *call)
{
    static const char SCHEME[] = "Bearer ";
    const char *value = call->authorization;
    if (!value || strncasecmp(value, SCHEME, sizeof(SCHEME) - 1) != 0)
        return NULL;
    return tokens_find(platform->tokens, value + sizeof(SCHEME) - 1, platform_now_ms());
}

void platform_name_token(struct platform *platform, struct call *call)
{
    call->token = find_token(platform, call);
    if (call->token)
        snprintf(call->token_name, sizeof(call->token_name), "%s", call->token->name);
}

static bool is_allowed(struct platform *platform, struct call *call)
{
    enum access access = call->route->access;
    bool key_fits = platform->api_key && call->api_key && secret_equal(platform->api_key, call->api_key);
    platform_name_token(platform, call);
    if (access == ACCESS_NONE)
        return true;
    if (access == ACCESS_API_KEY || (access == ACCESS_ADMIN_OR_KEY && !call->authorization)) {
        if (!key_fits)
            call_refuse(call, 401, 400100, "Unauthorized: the API key is missing or wrong");
        return key_fits;
    }
    if (!call->token) {
        call_refuse(call, 401, 400100, "Unauthorized: the token is missing, wrong, expired or revoked");
        return false;
    }
    bool may = access == ACCESS_ANY_TOKEN || call->token->is_admin;
    if (!may || (*call->action && !token_may(call->token, call->action))) {
        call_refuse(call, 403, 400301, "Permission denied");
        return false;
    }
    return true;
}

static bool is_body_usable(struct call *call)
{
    static const char JSON_TYPE[] = "application/json";
    if (call->body.len == 0)
        return true;
    if (!call->content_type || strncasecmp(call->content_type, JSON_TYPE, sizeof(JSON_TYPE) - 1) != 0) {
        call_invalid(call, "Content-Type must be application/json");
        return false;
    }
    if (!json_is_object(call->json)) {
        call_invalid(call, "the body must be a JSON object");
        return false;
    }
    return true;
}

void platform_serve(struct platform *platform, struct call *call)
{
    if (is_allowed(platform, call) && is_body_usable(call))
        call->route->serve(platform, call);
    if (call->answer.failed)
        call_no_memory(call);
}

struct object *platform_object(struct platform *platform, struct call *call, bool hidden_too)
{
    struct object *object = objects_find(platform->objects, call->object_type, call->object_id);
    if (!object && !platform->strict_objects) {
        object = objects_make(platform->objects, call->object_type, call->object_id, platform_now_ms());
        if (!object) {
            call_no_memory(call);
            return NULL;
        }
    }
    if (object && !object->is_gone && (hidden_too || !object->is_hidden))
        return object;
    call_not_found(call, object_type_name(call->object_type));
    return NULL;
}

struct object *platform_user(struct platform *platform, struct call *call, const char *user_id)
{
    struct object *user = objects_find(platform->objects, OBJECT_USER, user_id);
    if (!user && !platform->strict_objects) {
        user = objects_make(platform->objects, OBJECT_USER, user_id, platform_now_ms());
        if (!user) {
            call_no_memory(call);
            return NULL;
        }
    }
    if (user && !user->is_gone)
        return user;
    call_not_found(call, "user");
    return NULL;
}

struct object *platform_place(struct platform *platform, struct call *call)
{
    struct object *place = objects_find(platform->objects, call->place_type, call->place_id);
    if (!place && !platform->strict_objects) {
        place = objects_make(platform->objects, call->place_type, call->place_id, platform_now_ms());
        if (!place) {
            call_no_memory(call);
            return NULL;
        }
    }
    if (place && !place->is_gone && !place->is_hidden)
        return place;
    call_not_found(call, object_type_name(call->place_type));
    return NULL;
}

/* Collects up to one id too many, so that the count can be judged. */
static bool collect_user_ids(struct call *call, bool *valid_out)
{
    const json_t *list = json_object_get(call->json, "userIds");
    *valid_out = !list || json_is_array(list);
    for (size_t i = 0; i < json_array_size(list) && call->user_count < CALL_USER_MAX; i++) {
        const char *id = json_string_value(json_array_get(list, i));
        *valid_out = *valid_out && id && *id;
        if (id)
            call->user_ids[call->user_count++] = id;
    }
    for (size_t i = 0; !list && i < call->query_count && call->user_count < CALL_USER_MAX; i++) {
        const char *name = call->query[i].name;
        if (strcmp(name, "userIds") != 0 && strcmp(name, "userIds[]") != 0)
            continue;
        *valid_out = *valid_out && *call->query[i].value;
        call->user_ids[call->user_count++] = call->query[i].value;
    }
    return call->user_count > 0;
}

void platform_name_users(struct call *call)
{
    bool is_valid;
    const char *id = call_query(call, "userId");
    if (!id)
        id = json_string_value(json_object_get(call->json, "userId"));
    if (!collect_user_ids(call, &is_valid) && id)
        call->user_ids[call->user_count++] = id;
}

bool platform_user_ids(struct call *call)
{
    bool is_valid = true;
    call->user_count = 0;
    bool found = collect_user_ids(call, &is_valid);
    if (!found || !is_valid) {
        call_invalid(call, "userIds must be a list of 1 to 100 ids");
        return false;
    }
    if (call->user_count == CALL_USER_MAX) {
        call_refuse(call, 400, 400000, "userIds holds more than 100 ids");
        return false;
    }
    return true;
}

void platform_show(struct call *call, const struct object *object)
{
    buffer_format(&call->answer, "{\"%s\":[", object_type_plural(object->type));
    object_print(object, &call->answer);
    buffer_text(&call->answer, "]}");
    call_done(call);
}
