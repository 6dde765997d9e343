/* Calls on content and on users as objects: flag, hide, delete, edit, review. Neighbours: platform.c. */
#include <string.h>

#include "worker/platform/sandbox/platform.h"

static void serve_flag(struct platform *platform, struct call *call)
{
    if (call->object_type == OBJECT_COMMENT) {
        const char *id = json_string_value(json_object_get(call->json, "commentId"));
        if (!id || strcmp(id, call->object_id) != 0) {
            call_invalid(call, "commentId must be that of the path");
            return;
        }
    }
    struct object *object = platform_object(platform, call, false);
    if (!object)
        return;
    bool failed = false;
    bool is_new = object_flag(object, call->token->user_id, &failed);
    if (failed)
        call_no_memory(call);
    else if (is_new)
        platform_show(call, object);
    else
        call_already(call, 403, 400300, "Number of flag already exceed");
}

/* Nothing is documented for an object that was not flagged: it answers as if it had been. */
static void serve_unflag(struct platform *platform, struct call *call)
{
    struct object *object = platform_object(platform, call, false);
    if (!object)
        return;
    object_unflag(object, call->token->user_id);
    platform_show(call, object);
}

static void serve_clear_flags(struct platform *platform, struct call *call)
{
    struct object *object = platform_object(platform, call, false);
    if (!object)
        return;
    object_clear_flags(object);
    platform_show(call, object);
}

static void serve_hide(struct platform *platform, struct call *call)
{
    const char *permanent = call_query(call, "permanent");
    bool for_good = permanent && strcmp(permanent, "true") == 0;
    if (permanent && !for_good && strcmp(permanent, "false") != 0) {
        call_invalid(call, "permanent must be true or false");
        return;
    }
    bool was_known = objects_find(platform->objects, call->object_type, call->object_id) != NULL;
    struct object *object = platform_object(platform, call, for_good);
    if (!object) {
        if (was_known)
            call->outcome = CALL_ALREADY;
        return;
    }
    object->is_hidden = true;
    object->is_gone = for_good;
    call_done(call);
}

static void serve_edit(struct platform *platform, struct call *call)
{
    const json_t *data = json_object_get(call->json, "data");
    const json_t *metadata = json_object_get(call->json, "metadata");
    const json_t *tags = json_object_get(call->json, "tags");
    if (!data && !metadata && !tags) {
        call_invalid(call, "one of data, metadata, tags is needed");
        return;
    }
    if ((data && !json_is_object(data)) || (metadata && !json_is_object(metadata)) || (tags && !json_is_array(tags))) {
        call_invalid(call, "data and metadata must be objects, tags a list");
        return;
    }
    struct object *object = platform_object(platform, call, false);
    if (!object)
        return;
    if (!object->data)
        object->data = json_object();
    if (json_object_update(object->data, call->json) != 0) {
        call_no_memory(call);
        return;
    }
    object->edit_count++;
    platform_show(call, object);
}

static void serve_review(struct platform *platform, struct call *call)
{
    enum review wanted = strcmp(call->action, "approve") == 0 ? REVIEW_APPROVED : REVIEW_DECLINED;
    struct object *post = platform_object(platform, call, false);
    if (!post)
        return;
    if (post->review == wanted) {
        call_already(call, 403, 400315, "the post is in this state already");
        return;
    }
    post->review = wanted;
    platform_show(call, post);
}

#define ON(type) OBJECT_##type, OBJECT_NONE

const struct route MODERATION_ROUTES[] = {
    {"POST", "/api/v5/messages/*/flags", "flag", ON(MESSAGE), ACCESS_ANY_TOKEN, serve_flag},
    {"POST", "/api/v3/messages/*/flag", "flag", ON(MESSAGE), ACCESS_ANY_TOKEN, serve_flag},
    {"POST", "/api/v3/posts/*/flag", "flag", ON(POST), ACCESS_ANY_TOKEN, serve_flag},
    {"POST", "/api/v3/comments/*/flag", "flag", ON(COMMENT), ACCESS_ANY_TOKEN, serve_flag},
    {"POST", "/api/v4/stories/*/flags", "flag", ON(STORY), ACCESS_ANY_TOKEN, serve_flag},
    {"POST", "/api/v4/me/flags/*", "flag", ON(USER), ACCESS_ANY_TOKEN, serve_flag},

    {"DELETE", "/api/v5/messages/*/flags", "unflag", ON(MESSAGE), ACCESS_ANY_TOKEN, serve_unflag},
    {"DELETE", "/api/v3/posts/*/unflag", "unflag", ON(POST), ACCESS_ANY_TOKEN, serve_unflag},
    {"DELETE", "/api/v3/comments/*/unflag", "unflag", ON(COMMENT), ACCESS_ANY_TOKEN, serve_unflag},
    {"DELETE", "/api/v4/stories/*/flags", "unflag", ON(STORY), ACCESS_ANY_TOKEN, serve_unflag},
    {"DELETE", "/api/v4/me/flags/*", "unflag", ON(USER), ACCESS_ANY_TOKEN, serve_unflag},

    {"DELETE", "/api/v5/messages/*/flags/all", "clear_flags", ON(MESSAGE), ACCESS_ADMIN, serve_clear_flags},
    {"DELETE", "/api/v3/posts/*/flags", "clear_flags", ON(POST), ACCESS_ADMIN, serve_clear_flags},
    {"DELETE", "/api/v3/comments/*/flags", "clear_flags", ON(COMMENT), ACCESS_ADMIN, serve_clear_flags},
    {"DELETE", "/api/v4/stories/*/flags/all", "clear_flags", ON(STORY), ACCESS_ADMIN, serve_clear_flags},
    {"DELETE", "/api/v2/users/*/flags", "clear_flags", ON(USER), ACCESS_ADMIN, serve_clear_flags},

    {"DELETE", "/api/v5/messages/*", "hide", ON(MESSAGE), ACCESS_ADMIN, serve_hide},
    {"DELETE", "/api/v4/posts/*", "hide", ON(POST), ACCESS_ADMIN, serve_hide},
    {"DELETE", "/api/v4/comments/*", "hide", ON(COMMENT), ACCESS_ADMIN, serve_hide},
    {"DELETE", "/api/v4/stories/*", "hide", ON(STORY), ACCESS_ADMIN, serve_hide},

    {"PUT", "/api/v5/messages/*", "edit", ON(MESSAGE), ACCESS_ADMIN, serve_edit},
    {"PUT", "/api/v4/posts/*", "edit", ON(POST), ACCESS_ADMIN, serve_edit},
    {"PUT", "/api/v3/comments/*", "edit", ON(COMMENT), ACCESS_ADMIN, serve_edit},

    {"POST", "/api/v3/posts/*/approve", "approve", ON(POST), ACCESS_ADMIN, serve_review},
    {"POST", "/api/v3/posts/*/decline", "decline", ON(POST), ACCESS_ADMIN, serve_review},
    {0},
};
