/* Events about users in channels and communities (joined, left, added, removed, banned, new roles): an event for each
 * user, who is its author, in the place. The lists can come in any order, so places and members are kept until all have
 * been read.
 *
 * Members are those of communityUsers or channelUsers. Where there are none and one place, they are the users beside
 * it, without the one who made the place where there are others. What always holds: the event of a place
 * of which no member is known has no author; whoever made the place is nobody that something happened to.
 * Neighbours: record.c, content.c. */
#include <string.h>

#include "filters/event/decoder.h"

enum { PLACES_MAX = 16 /* with more, members are not told apart: the search for their places stays cheap */ };

bool memberships_are_told(const struct wd_decoder *decoder)
{
    static const char *const WHAT[] = {"didJoin", "didLeave", "didAddUsers",  "didRemoveUsers",
                                       "didBan",  "didUnban", "didRoleChange"};
    if (decoder->family != WD_CONTENT_CHANNEL && decoder->family != WD_CONTENT_COMMUNITY)
        return false;
    const char *dot = memchr(decoder->name.data, '.', decoder->name.len); /* families end in one */
    struct wd_str what = {.data = dot + 1, .len = decoder->name.len - (size_t)(dot + 1 - decoder->name.data)};
    for (size_t i = 0; i < sizeof(WHAT) / sizeof(WHAT[0]); i++)
        if (wd_str_is(what, WHAT[i]))
            return true;
    return false;
}

void memberships_add_place(struct wd_decoder *decoder, const struct draft *draft)
{
    struct draft *place = list_push(decoder, &decoder->places, sizeof(*place));
    if (place)
        *place = *draft;
}

static struct wd_str id_of_place(const struct wd_decoder *decoder, const struct draft *draft)
{
    return draft->strings[decoder->family == WD_CONTENT_CHANNEL ? KEY_CHANNEL_ID : KEY_COMMUNITY_ID];
}

static void add_member(struct wd_decoder *decoder, struct wd_str user_id, struct wd_str user_ref,
                       struct wd_str place_id)
{
    struct membership *member = NULL;
    if (user_id.len || user_ref.len)
        member = list_push(decoder, &decoder->members, sizeof(*member));
    if (member)
        *member = (struct membership){.user_id = user_id, .user_ref = user_ref, .place_id = place_id};
}

void memberships_add_member(struct wd_decoder *decoder, const struct draft *draft)
{
    const struct wd_str *strings = draft->strings;
    struct wd_str internal = strings[KEY_USER_INTERNAL_ID];
    add_member(decoder, strings[KEY_USER_ID], internal.len ? internal : strings[KEY_USER_PUBLIC_ID],
               id_of_place(decoder, draft));
}

static void take_users_for_members(struct wd_decoder *decoder, const struct draft *place)
{
    const struct user *users = decoder->users.list.items;
    size_t count = decoder->users.list.count;
    struct wd_str owner_ref = content_owner(place);
    const struct user *owner = owner_ref.len && count > 1 ? users_find(decoder, owner_ref) : NULL;
    for (size_t i = 0; i < count; i++)
        if (&users[i] != owner)
            add_member(decoder, users[i].ids[0], users[i].ids[1].len ? users[i].ids[1] : users[i].ids[2],
                       (struct wd_str){0});
}

/* A member that does not say where belongs to the first place. */
static size_t find_place(const struct wd_decoder *decoder, const struct membership *member)
{
    const struct draft *places = decoder->places.items;
    size_t at = 0;
    while (member->place_id.len && at < decoder->places.count &&
           !wd_str_equal(id_of_place(decoder, &places[at]), member->place_id))
        at++;
    return at;
}

static void add_event(struct wd_decoder *decoder, const struct draft *place, const struct membership *member)
{
    static const struct membership NOBODY = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    member = member ? member : &NOBODY;
    content_add(decoder, decoder->family, place, true);
    if (!decoder->reader.problem)
        content_name_author(decoder, member->user_id, member->user_ref);
}

void memberships_finish(struct wd_decoder *decoder)
{
    const struct draft *places = decoder->places.items;
    size_t count = decoder->places.count;
    bool has_members[PLACES_MAX] = {false};
    if (count == 1 && !decoder->members.count)
        take_users_for_members(decoder, places);
    const struct membership *members = decoder->members.items;
    for (size_t i = 0; i < decoder->members.count && count && count <= PLACES_MAX; i++) {
        size_t place = find_place(decoder, &members[i]);
        if (place == count)
            continue;
        has_members[place] = true;
        add_event(decoder, &places[place], &members[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (count > PLACES_MAX || !has_members[i])
            add_event(decoder, &places[i], NULL);
}
