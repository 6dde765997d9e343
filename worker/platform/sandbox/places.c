/* Calls on users in a channel or community: ban, unban, mute, remove. One call may name up to 100 users: it is carried
 * out for those for whom it changes something, and is 'already' where it changes nothing for anyone. Neighbours:
 * platform.c. */
#include <string.h>

#include "worker/platform/sandbox/platform.h"

/* Fills `members` with an entry for each user of the call. False: the call is refused. */
static bool find_members(struct platform *platform, struct call *call, struct object *place, struct object **members)
{
    for (size_t i = 0; i < call->user_count; i++) {
        struct object *user = platform_user(platform, call, call->user_ids[i]);
        if (!user)
            return false;
        members[i] = objects_make_member(platform->objects, place, user->id, platform_now_ms());
        if (!members[i]) {
            call_no_memory(call);
            return false;
        }
    }
    return true;
}

static void serve_ban(struct platform *platform, struct call *call)
{
    struct object *members[CALL_USER_MAX];
    bool wanted = strcmp(call->action, "ban") == 0;
    if (!platform_user_ids(call))
        return;
    struct object *place = platform_place(platform, call);
    if (!place || !find_members(platform, call, place, members))
        return;
    for (size_t i = 0; wanted && i < call->user_count; i++) {
        if (objects_find(platform->objects, OBJECT_USER, call->user_ids[i])->is_exempt) {
            call_refuse(call, 403, 400306, "some users cannot be banned");
            return;
        }
    }
    size_t changed = 0;
    for (size_t i = 0; i < call->user_count; i++) {
        call->changed[i] = members[i]->is_banned != wanted;
        changed += call->changed[i];
        members[i]->is_banned = wanted;
    }
    if (changed)
        platform_show(call, place);
    else if (wanted)
        call_already(call, 403, 400304, "user is banned");
    else
        call_already(call, 403, 400316, "user is unbanned");
}

static bool read_period(struct call *call, int64_t *until_ms_out)
{
    const json_t *period = json_object_get(call->json, "mutePeriod");
    if (!json_is_integer(period) || json_integer_value(period) < -1) {
        call_invalid(call, "mutePeriod must be milliseconds, 0 or -1");
        return false;
    }
    json_int_t ms = json_integer_value(period);
    *until_ms_out = ms > 0 ? (ms < INT64_MAX / 2 ? platform_now_ms() + ms : INT64_MAX) : ms;
    return true;
}

static void serve_mute(struct platform *platform, struct call *call)
{
    struct object *members[CALL_USER_MAX];
    int64_t until_ms;
    if (!platform_user_ids(call) || !read_period(call, &until_ms))
        return;
    struct object *channel = platform_place(platform, call);
    if (!channel || !find_members(platform, call, channel, members))
        return;
    for (size_t i = 0; i < call->user_count; i++) {
        call->changed[i] = members[i]->muted_until_ms != until_ms;
        members[i]->muted_until_ms = until_ms;
    }
    call_done(call);
}

static void serve_mute_channel(struct platform *platform, struct call *call)
{
    int64_t until_ms;
    if (!read_period(call, &until_ms))
        return;
    struct object *channel = platform_place(platform, call);
    if (!channel)
        return;
    channel->muted_until_ms = until_ms;
    call_done(call);
}

static void serve_remove(struct platform *platform, struct call *call)
{
    struct object *members[CALL_USER_MAX];
    if (!platform_user_ids(call))
        return;
    struct object *place = platform_place(platform, call);
    if (!place || !find_members(platform, call, place, members))
        return;
    for (size_t i = 0; i < call->user_count; i++) {
        call->changed[i] = !members[i]->is_removed;
        members[i]->is_removed = true;
    }
    platform_show(call, place);
}

struct listing {
    struct buffer *out;
    size_t skip, limit, seen;
};

static bool list_community(void *context, struct object *community)
{
    struct listing *listing = context;
    if (community->is_gone || listing->seen++ < listing->skip)
        return true;
    if (listing->seen > listing->skip + listing->limit)
        return false;
    if (listing->seen > listing->skip + 1)
        buffer_text(listing->out, ",");
    object_print(community, listing->out);
    return true;
}

static void serve_communities(struct platform *platform, struct call *call)
{
    struct listing listing = {.out = &call->answer, .limit = 100};
    buffer_text(&call->answer, "{\"communities\":[");
    objects_each(platform->objects, OBJECT_COMMUNITY, list_community, &listing);
    buffer_text(&call->answer, "],\"paging\":{}}");
    call_done(call);
}

#define IN(type) OBJECT_NONE, OBJECT_##type

const struct route PLACE_ROUTES[] = {
    {"PUT", "/api/v3/channels/+/users/ban", "ban", IN(CHANNEL), ACCESS_ADMIN, serve_ban},
    {"PUT", "/api/v3/channels/+/users/unban", "unban", IN(CHANNEL), ACCESS_ADMIN, serve_ban},
    {"PUT", "/api/v3/communities/+/users/ban", "ban", IN(COMMUNITY), ACCESS_ADMIN, serve_ban},
    {"PUT", "/api/v3/communities/+/users/unban", "unban", IN(COMMUNITY), ACCESS_ADMIN, serve_ban},
    {"PUT", "/api/v2/channel/+/users/mute", "mute", IN(CHANNEL), ACCESS_ADMIN, serve_mute},
    {"PUT", "/api/v2/channel/+/mute", "mute_channel", IN(CHANNEL), ACCESS_ADMIN, serve_mute_channel},
    {"DELETE", "/api/v3/channels/+/users", "remove", IN(CHANNEL), ACCESS_ADMIN, serve_remove},
    {"DELETE", "/api/v3/communities/+/users", "remove", IN(COMMUNITY), ACCESS_ADMIN, serve_remove},
    {"GET", "/api/v3/communities", "", OBJECT_NONE, OBJECT_NONE, ACCESS_ANY_TOKEN, serve_communities},
    {0},
};
