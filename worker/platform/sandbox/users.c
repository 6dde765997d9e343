/* Calls on users by themselves and on their sessions. Neighbours: platform.c, tokens.c. */
#include <string.h>

#include "worker/platform/sandbox/platform.h"

enum { USER_ID_MAX = 50, DEVICE_ID_MAX = 150 };

static const char *text_between(const json_t *json, const char *key, size_t least, size_t most)
{
    const json_t *value = json_object_get(json, key);
    if (!json_is_string(value) || json_string_length(value) < least || json_string_length(value) > most)
        return NULL;
    return json_string_value(value);
}

/* The user of {"userId":...}; NULL: the call is refused. */
static struct object *body_user(struct platform *platform, struct call *call)
{
    const char *id = text_between(call->json, "userId", 1, USER_ID_MAX);
    if (!id) {
        call_invalid(call, "userId must be a text of 1 to 50 bytes");
        return NULL;
    }
    call->user_ids[0] = id;
    call->user_count = 1;
    return platform_user(platform, call, id);
}

static void serve_global_ban(struct platform *platform, struct call *call)
{
    struct object *user = body_user(platform, call);
    if (!user)
        return;
    if (user->is_exempt) {
        call_refuse(call, 403, 400306, "this user cannot be banned");
    } else if (user->is_banned) {
        call_already(call, 403, 400312, "user is globally banned");
    } else {
        user->is_banned = true;
        platform_show(call, user);
    }
}

static void serve_global_unban(struct platform *platform, struct call *call)
{
    struct object *user = body_user(platform, call);
    if (!user)
        return;
    if (!user->is_banned) {
        call_already(call, 403, 400316, "user is unbanned");
    } else {
        user->is_banned = false;
        platform_show(call, user);
    }
}

static void serve_delete_user(struct platform *platform, struct call *call)
{
    struct object *user = objects_find(platform->objects, OBJECT_USER, call->object_id);
    if (user && user->is_gone) {
        call_already(call, 400, 400000, "User is already deleted");
        return;
    }
    user = platform_user(platform, call, call->object_id);
    if (!user)
        return;
    user->is_gone = true;
    tokens_end_sessions(platform->tokens, user->id);
    call_done(call);
}

static void serve_edit_user(struct platform *platform, struct call *call)
{
    struct object *user = body_user(platform, call);
    if (!user)
        return;
    if (!user->data)
        user->data = json_object();
    if (json_object_update(user->data, call->json) != 0) {
        call_no_memory(call);
        return;
    }
    user->edit_count++;
    platform_show(call, user);
}

static void serve_get_user(struct platform *platform, struct call *call)
{
    struct object *user = platform_user(platform, call, call->object_id);
    if (user)
        platform_show(call, user);
}

static void serve_list_users(struct platform *platform, struct call *call)
{
    if (!platform_user_ids(call))
        return;
    bool is_first = true;
    buffer_text(&call->answer, "{\"users\":[");
    for (size_t i = 0; i < call->user_count; i++) {
        struct object *user = objects_find(platform->objects, OBJECT_USER, call->user_ids[i]);
        if (!user && !platform->strict_objects)
            user = objects_make(platform->objects, OBJECT_USER, call->user_ids[i], platform_now_ms());
        if (!user || user->is_gone)
            continue;
        if (!is_first)
            buffer_text(&call->answer, ",");
        is_first = false;
        object_print(user, &call->answer);
    }
    buffer_text(&call->answer, "]}");
    call_done(call);
}

static void serve_me(struct platform *platform, struct call *call)
{
    struct object *user = platform_user(platform, call, call->token->user_id);
    if (user)
        platform_show(call, user);
}

static void serve_open_session(struct platform *platform, struct call *call)
{
    const char *device = text_between(call->json, "deviceId", 1, DEVICE_ID_MAX);
    if (!device) {
        call_invalid(call, "deviceId must be a text of 1 to 150 bytes");
        return;
    }
    struct object *user = body_user(platform, call);
    if (!user)
        return;
    if (user->is_banned) {
        call_refuse(call, 403, 400312, "user is globally banned");
        return;
    }
    struct wd_error err;
    const struct token_entry *session = tokens_add_session(platform->tokens, user->id, device, platform_now_ms(), &err);
    if (!session) {
        call_refuse(call, 500, 500000, err.text);
        return;
    }
    buffer_format(&call->answer, "{\"accessToken\":\"%s\",\"refreshToken\":\"%s\",\"issuedAt\":%lld,\"expiresAt\":%lld",
                  session->secret, session->refresh, (long long)session->issued_at_ms,
                  (long long)session->expires_at_ms);
    buffer_text(&call->answer, ",\"users\":[");
    object_print(user, &call->answer);
    buffer_text(&call->answer, "]}");
    call_done(call);
}

static void serve_check_session(struct platform *platform, struct call *call)
{
    const struct object *user = objects_find(platform->objects, OBJECT_USER, call->token->user_id);
    if (user && user->is_banned)
        call_refuse(call, 403, 400312, "user is globally banned");
    else
        call_done(call);
}

static void revoke(struct platform *platform, struct call *call, const char *user_id)
{
    call->user_ids[0] = user_id;
    call->user_count = 1;
    if (!call->token->is_admin && strcmp(call->token->user_id, user_id) != 0) {
        call_refuse(call, 403, 400301, "Permission denied");
        return;
    }
    struct object *user = platform_user(platform, call, user_id);
    if (!user)
        return;
    user->revoke_count++;
    unsigned ended = tokens_end_sessions(platform->tokens, user->id);
    call->token = NULL; /* it may have been one of them */
    buffer_format(&call->answer, "{\"success\":true,\"revoked\":%u}", ended);
    call_done(call);
}

/* By query or body; without a user it ends the caller's own token, even an administrator's. */
static void serve_revoke(struct platform *platform, struct call *call)
{
    const char *user_id = call_query(call, "userId");
    if (!user_id)
        user_id = json_string_value(json_object_get(call->json, "userId"));
    if (user_id && *user_id) {
        revoke(platform, call, user_id);
        return;
    }
    if (user_id) {
        call_invalid(call, "userId must not be empty");
        return;
    }
    tokens_end_one(platform->tokens, call->token);
    call->token = NULL;
    call_done(call);
}

static void serve_revoke_by_path(struct platform *platform, struct call *call)
{
    revoke(platform, call, call->object_id);
}

#define ON_USER OBJECT_USER, OBJECT_NONE
#define ON_NONE OBJECT_NONE, OBJECT_NONE

const struct route USER_ROUTES[] = {
    {"POST", "/api/v2/users/ban", "ban", ON_NONE, ACCESS_ADMIN_OR_KEY, serve_global_ban},
    {"POST", "/api/v2/users/unban", "unban", ON_NONE, ACCESS_ADMIN_OR_KEY, serve_global_unban},
    {"DELETE", "/api/v4/users/*", "delete_user", ON_USER, ACCESS_ADMIN, serve_delete_user},
    {"PUT", "/api/v3/users", "edit_user", ON_NONE, ACCESS_ADMIN, serve_edit_user},
    {"GET", "/api/v3/users/list", "", ON_NONE, ACCESS_ANY_TOKEN, serve_list_users},
    {"GET", "/api/v3/users/me", "", ON_NONE, ACCESS_ANY_TOKEN, serve_me},
    {"GET", "/api/v3/users/*", "", ON_USER, ACCESS_ANY_TOKEN, serve_get_user},
    {"POST", "/api/v4/sessions", "", ON_NONE, ACCESS_API_KEY, serve_open_session},
    {"GET", "/api/v3/sessions", "", ON_NONE, ACCESS_ANY_TOKEN, serve_check_session},
    {"DELETE", "/api/v4/sessions", "revoke_sessions", ON_NONE, ACCESS_ANY_TOKEN, serve_revoke},
    {"DELETE", "/api/v4/sessions/users/*", "revoke_sessions", ON_USER, ACCESS_ADMIN, serve_revoke_by_path},
    {0},
};
