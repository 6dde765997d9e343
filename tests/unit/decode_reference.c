/* The reference decoder: repairs the text, parses it with jansson, and picks members by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "tests/unit/decode_reference.h"
#include "tests/unit/decode_reference_text.h"

enum { DEPTH_LIMIT = 64 };

struct context {
    struct wd_arena *arena;
    bool bare, repaired;
    enum wd_content_type type;
    struct wd_str name, raw_name;
    struct wd_event *events;
    size_t count;
    json_t *users;
    enum wd_decode_outcome outcome;
};

static void *allocate(struct context *context, size_t bytes)
{
    void *memory = wd_arena_zalloc(context->arena, 1, bytes ? bytes : 1);
    assert_non_null(memory);
    return memory;
}

/* Members by name; `other` is what tool lines may write instead. */

static json_t *member(const struct context *context, json_t *object, const char *name, const char *other)
{
    json_t *value = json_object_get(object, name);
    return !value && other && context->bare ? json_object_get(object, other) : value;
}

static struct wd_str copy(struct context *context, json_t *value)
{
    if (!json_is_string(value))
        return (struct wd_str){0};
    struct wd_str text = {.data = json_string_value(value), .len = json_string_length(value)};
    struct wd_str copied = wd_arena_copy(context->arena, text);
    assert_non_null(copied.data);
    return copied;
}

static struct wd_str string(struct context *context, json_t *object, const char *name, const char *other)
{
    return copy(context, member(context, object, name, other));
}

static bool present(struct wd_str s)
{
    return s.len > 0;
}

/* The first present string of the members listed, up to NULL. */
static struct wd_str first_string(struct context *context, json_t *object, const char *const *names)
{
    for (; *names; names++) {
        struct wd_str found = copy(context, json_object_get(object, *names));
        if (present(found))
            return found;
    }
    return (struct wd_str){0};
}

static int64_t integer(json_t *value, int64_t otherwise)
{
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* "+07:00" in seconds; 0 for "Z" and nothing. */
static int64_t zone_seconds(const char *zone)
{
    if (*zone != '+' && *zone != '-')
        return 0;
    char *rest;
    long hours = strtol(zone + 1, &rest, 10), minutes = *rest == ':' ? strtol(rest + 1, NULL, 10) : 0;
    return (hours * 3600 + minutes * 60) * (*zone == '-' ? -1 : 1);
}

static int64_t moment(struct context *context, json_t *object, const char *name, const char *other)
{
    json_t *value = member(context, object, name, other);
    struct tm tm = {0};
    if (!json_is_string(value))
        return integer(value, 0);
    char *rest = strptime(json_string_value(value), "%Y-%m-%d", &tm);
    if (!rest)
        return 0;
    if (*rest && !(rest = strptime(rest, "T%H:%M:%S", &tm)))
        return 0;
    long ms = *rest == '.' ? strtol(rest + 1, &rest, 10) : 0;
    return ((int64_t)timegm(&tm) - zone_seconds(rest)) * 1000 + ms;
}

static const struct wd_str *strings(struct context *context, json_t *array, size_t *count_out)
{
    struct wd_str *items = allocate(context, json_array_size(array) * sizeof(*items));
    size_t i;
    json_t *value;
    *count_out = 0;
    json_array_foreach(array, i, value)
    {
        if (json_is_string(value))
            items[(*count_out)++] = copy(context, value);
    }
    return items;
}

static struct wd_str printed(struct context *context, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    struct wd_str copied = wd_arena_copy(context->arena, wd_str_from(text));
    free(text);
    return copied;
}

static struct wd_author read_author(struct context *context, json_t *object)
{
    struct wd_author author = {.is_known = true};
    author.id = string(context, object, "userId", "user_id");
    if (!present(author.id) && context->bare)
        author.id = string(context, object, "id", NULL);
    author.id = present(author.id) ? author.id : (struct wd_str){0};
    author.display_name = string(context, object, "displayName", "display_name");
    author.roles = strings(context, json_object_get(object, "roles"), &author.role_count);
    author.created_at_ms = moment(context, object, "createdAt", "created_at");
    author.flag_count = integer(member(context, object, "flagCount", "flag_count"), -1);
    json_t *age = context->bare ? json_object_get(object, "age_days") : NULL;
    author.age_days = json_is_number(age) ? json_number_value(age) : -1;
    author.is_global_ban = json_is_true(member(context, object, "isGlobalBan", "is_global_ban"));
    return author;
}

static void add_text(struct context *context, struct wd_event *event, enum wd_text_field field, struct wd_str text)
{
    if (!present(text))
        return;
    struct wd_text *longer = allocate(context, (event->text_count + 1) * sizeof(*longer));
    if (event->text_count)
        memcpy(longer, event->texts, event->text_count * sizeof(*longer));
    longer[event->text_count++] = (struct wd_text){.field = field, .text = text};
    event->texts = longer;
}

static void add_mention(struct context *context, struct wd_event *event, struct wd_str id)
{
    if (!id.data)
        return;
    struct wd_str *longer = allocate(context, (event->mention_count + 1) * sizeof(*longer));
    if (event->mention_count)
        memcpy(longer, event->mentions, event->mention_count * sizeof(*longer));
    longer[event->mention_count++] = id;
    event->mentions = longer;
}

static void add_attachment(struct context *context, struct wd_event *event, struct wd_str type, struct wd_str ref)
{
    if (!ref.data)
        return;
    struct wd_attachment *longer = allocate(context, (event->attachment_count + 1) * sizeof(*longer));
    if (event->attachment_count)
        memcpy(longer, event->attachments, event->attachment_count * sizeof(*longer));
    longer[event->attachment_count++] = (struct wd_attachment){.type = type.data ? type : event->data_type, .ref = ref};
    event->attachments = longer;
}

static void add_link(struct context *context, struct wd_event *event, struct wd_str url, struct wd_str shown)
{
    if (!url.data && !shown.data)
        return;
    struct wd_link *longer = allocate(context, (event->link_count + 1) * sizeof(*longer));
    if (event->link_count)
        memcpy(longer, event->links, event->link_count * sizeof(*longer));
    longer[event->link_count++] = (struct wd_link){.url = url, .shown = shown};
    event->links = longer;
}

static void read_mentions(struct context *context, struct wd_event *event, json_t *array)
{
    size_t i, j;
    json_t *entry, *id;
    json_array_foreach(array, i, entry)
    {
        add_mention(context, event, copy(context, entry));
        json_array_foreach(json_object_get(entry, "userIds"), j, id) add_mention(context, event, copy(context, id));
        add_mention(context, event, string(context, entry, "userId", "user_id"));
        event->mentions_channel |= wd_str_is(string(context, entry, "type", NULL), "channel");
    }
}

static void read_attachments(struct context *context, struct wd_event *event, json_t *array)
{
    size_t i;
    json_t *entry;
    json_array_foreach(array, i, entry)
    {
        struct wd_str file = string(context, entry, "fileId", NULL);
        add_attachment(context, event, (struct wd_str){0}, copy(context, entry));
        add_attachment(context, event, string(context, entry, "type", NULL),
                       file.data ? file : string(context, entry, "url", "ref"));
    }
}

static void read_links(struct context *context, struct wd_event *event, json_t *object)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(object, "items"), i, entry)
    {
        struct wd_str type = string(context, entry, "type", NULL);
        json_t *data = json_object_get(entry, "data");
        if (!type.data || wd_str_is(type, "hyperlink"))
            add_link(context, event, string(context, data, "url", "ref"), string(context, data, "customText", "shown"));
    }
    json_array_foreach(context->bare ? json_object_get(object, "links") : NULL, i, entry)
    {
        add_link(context, event, copy(context, entry), (struct wd_str){0});
        add_link(context, event, string(context, entry, "url", "ref"), string(context, entry, "customText", "shown"));
    }
}

static void read_texts(struct context *context, struct wd_event *event, json_t *object)
{
    json_t *data = json_object_get(object, "data");
    add_text(context, event, WD_FIELD_TEXT, string(context, object, "text", NULL));
    add_text(context, event, WD_FIELD_TEXT,
             json_is_string(data) ? copy(context, data) : string(context, data, "text", NULL));
    add_text(context, event, WD_FIELD_TEXT, string(context, object, "caption", NULL));
    add_text(context, event, WD_FIELD_TEXT, string(context, data, "caption", NULL));
    add_text(context, event, WD_FIELD_TITLE, string(context, object, "title", NULL));
    add_text(context, event, WD_FIELD_TITLE, string(context, data, "title", NULL));
    add_text(context, event, WD_FIELD_DESCRIPTION, string(context, object, "description", NULL));
    add_text(context, event, WD_FIELD_DISPLAY_NAME, string(context, object, "displayName", "display_name"));
    if (context->bare)
        add_text(context, event, WD_FIELD_LINK_TEXT, string(context, object, "link_text", NULL));
    for (size_t i = 0; i < event->link_count; i++)
        add_text(context, event, WD_FIELD_LINK_TEXT, event->links[i].shown);
}

static const char *const ID_NAMES[][2] = {
    {NULL, NULL},      {"messageId", NULL},   {"postId", NULL},         {"commentId", NULL},
    {"storyId", NULL}, {"userId", "user_id"}, {"channelId", "channel"}, {"communityId", "community"}};

static struct wd_str place_id(struct context *context, json_t *object, const char *name, const char *other,
                              const char *third)
{
    struct wd_str found = string(context, object, name, other);
    return !found.data && context->bare ? string(context, object, third, NULL) : found;
}

static void read_place(struct context *context, struct wd_event *event, json_t *object)
{
    event->place.channel_id = place_id(context, object, "channelId", "channel", "channel_id");
    event->place.community_id = place_id(context, object, "communityId", "community", "community_id");
    event->place.target_id = string(context, object, "targetId", "target_id");
    event->place.target_type = string(context, object, "targetType", "target_type");
    if (!present(event->place.community_id) && wd_str_is(event->place.target_type, "community"))
        event->place.community_id = event->place.target_id;
}

static void read_identity(struct context *context, struct wd_event *event, json_t *object)
{
    const char *const *id_names = ID_NAMES[event->content_type];
    if (id_names[0])
        event->content_id = place_id(context, object, id_names[0], id_names[1], "id");
    if (!present(event->content_id) && context->bare)
        event->content_id = string(context, object, "id", NULL);
    struct wd_str parent = string(context, object, "parentId", "parent_id");
    event->parent_id = present(parent)
                           ? parent
                           : first_string(context, object, (const char *const[]){"parentPostId", "referenceId", NULL});
    struct wd_str data_type = string(context, object, "dataType", "data_type");
    event->data_type =
        present(data_type) ? data_type : first_string(context, object, (const char *const[]){"type", NULL});
    /* Empty ids are none. */
    event->content_id = present(event->content_id) ? event->content_id : (struct wd_str){0};
}

/* The user object with this id under one of the names, the names in turn. */
static json_t *find_user(struct context *context, struct wd_str id)
{
    static const char *const NAMES[] = {"userId", "userInternalId", "userPublicId", "_id"};
    size_t i;
    json_t *user;
    for (size_t kind = 0; kind < 4; kind++)
        json_array_foreach(context->users, i, user)
        {
            struct wd_str found = string(context, user, NAMES[kind], NULL);
            if (present(found) && wd_str_equal(found, id))
                return user;
        }
    return NULL;
}

static void read_user(struct context *context, struct wd_event *event, struct wd_str id, struct wd_str other);

static void read_authorship(struct context *context, struct wd_event *event, json_t *object)
{
    static const char *const AUTHOR_NAMES[] = {"postedUserId", "creatorId", "userId", NULL};
    static const char *const OTHER_NAMES[] = {"userInternalId", "userPublicId", NULL};
    json_t *author = context->bare ? json_object_get(object, "author") : NULL;
    if (event->content_type == WD_CONTENT_USER)
        author = object;
    if (json_is_object(author)) {
        event->author = read_author(context, author);
        event->author_json = printed(context, author);
        return;
    }
    struct wd_str id = first_string(context, object, AUTHOR_NAMES);
    if (!present(id) && context->bare)
        id = string(context, object, "user_id", NULL);
    read_user(context, event, id, first_string(context, object, OTHER_NAMES));
}

/* The author's user object, by the id or, where there is none, by the other one. */
static void read_user(struct context *context, struct wd_event *event, struct wd_str id, struct wd_str other)
{
    struct wd_str wanted = present(id) ? id : other;
    json_t *user = present(wanted) ? find_user(context, wanted) : NULL;
    event->author = (struct wd_author){.id = id, .flag_count = -1, .age_days = -1};
    if (!user)
        return;
    event->author = read_author(context, user);
    event->author_json = printed(context, user);
    if (!present(event->author.id))
        event->author.id = id;
}

static void add_author_name(struct context *context, struct wd_event *event)
{
    if (event->content_type != WD_CONTENT_USER)
        add_text(context, event, WD_FIELD_AUTHOR_NAME, event->author.display_name);
}

static struct wd_event *add_event(struct context *context, enum wd_content_type type, json_t *object)
{
    struct wd_event *longer = allocate(context, (context->count + 1) * sizeof(*longer));
    if (context->count)
        memcpy(longer, context->events, context->count * sizeof(*longer));
    context->events = longer;
    struct wd_event *event = &longer[context->count++];
    event->name = context->name;
    event->raw_name = context->raw_name;
    event->content_type = type;
    event->object_json = printed(context, object);
    event->author.flag_count = -1;
    event->author.age_days = -1;
    return event;
}

static void add_content(struct context *context, json_t *object)
{
    struct wd_event *event = add_event(context, context->type, object);
    read_identity(context, event, object);
    read_place(context, event, object);
    read_links(context, event, object);
    read_texts(context, event, object);
    read_mentions(context, event, json_object_get(object, "mentionees"));
    read_mentions(context, event, member(context, object, "mentionedUsers", "mentions"));
    event->mentions_channel |= context->bare && json_is_true(json_object_get(object, "mentions_channel"));
    read_attachments(context, event, json_object_get(object, "attachments"));
    struct wd_str data_file = string(context, json_object_get(object, "data"), "fileId", NULL);
    struct wd_str file = string(context, object, "fileId", NULL);
    if (present(data_file))
        add_attachment(context, event, (struct wd_str){0}, data_file);
    if (present(file))
        add_attachment(context, event, (struct wd_str){0}, file);
    event->tags = strings(context, json_object_get(object, "tags"), &event->tag_count);
    event->flag_count = integer(member(context, object, "flagCount", "flag_count"), 0);
    event->flag_count = event->flag_count < 0 ? 0 : event->flag_count;
    event->is_deleted = json_is_true(member(context, object, "isDeleted", "is_deleted"));
    event->created_at_ms = moment(context, object, "createdAt", "created_at");
    event->edited_at_ms = moment(context, object, "editedAt", "edited_at");
    event->updated_at_ms = moment(context, object, "updatedAt", "updated_at");
    read_authorship(context, event, object);
}

static bool needs_author(enum wd_content_type type)
{
    return type >= WD_CONTENT_MESSAGE && type <= WD_CONTENT_STORY;
}

static bool carries_text(struct context *context, json_t *object)
{
    return present(first_string(context, object, (const char *const[]){"text", "title", "caption", NULL}));
}

static void read_list(struct context *context, json_t *list, bool children)
{
    size_t i;
    json_t *entry;
    bool is_list = json_is_array(list) || !list || json_is_null(list);
    if (!children && !is_list)
        context->outcome = WD_DECODE_MISSING_ID;
    json_array_foreach(list, i, entry)
    {
        if (!json_is_object(entry)) {
            context->outcome = children ? context->outcome : WD_DECODE_MISSING_ID;
            continue;
        }
        size_t before = context->count;
        add_content(context, entry);
        struct wd_event *event = &context->events[before];
        bool has_text = carries_text(context, entry) || carries_text(context, json_object_get(entry, "data")) ||
                        present(copy(context, json_object_get(entry, "data")));
        if (children && !has_text) {
            context->count = before;
            continue;
        }
        add_author_name(context, event);
        if (!present(event->content_id) || (needs_author(event->content_type) && !present(event->author.id)))
            context->outcome = WD_DECODE_MISSING_ID;
    }
}

static void set_name(struct context *context, struct wd_str raw_name)
{
    static const char *const FAMILIES[] = {"",       "message.", "post.",    "comment.",
                                           "story.", "user.",    "channel.", "community."};
    context->raw_name = context->name = raw_name;
    size_t digits = raw_name.len > 1 ? strspn(raw_name.data + 1, "0123456789") : 0;
    size_t version = 1 + digits + 1; /* "v3." */
    if (digits && raw_name.data[0] == 'v' && raw_name.len > version && raw_name.data[version - 1] == '.')
        context->name = (struct wd_str){.data = raw_name.data + version, .len = raw_name.len - version};
    for (int type = 1; type < WD_CONTENT_TYPE_COUNT; type++)
        if (wd_str_starts_with(context->name, FAMILIES[type]))
            context->type = (enum wd_content_type)type;
}

/* ---- users in places ---- */

static bool is_about_members(const struct context *context)
{
    static const char *const WHAT[] = {"didJoin", "didLeave", "didAddUsers",  "didRemoveUsers",
                                       "didBan",  "didUnban", "didRoleChange"};
    for (size_t i = 0; i < sizeof(WHAT) / sizeof(WHAT[0]); i++) {
        char name[64];
        for (int type = WD_CONTENT_CHANNEL; type <= WD_CONTENT_COMMUNITY; type++) {
            snprintf(name, sizeof(name), "%s.%s", wd_content_type_name((enum wd_content_type)type), WHAT[i]);
            if (wd_str_is(context->name, name))
                return true;
        }
    }
    return false;
}

static void add_place(struct context *context, json_t *place, json_t *member)
{
    static const char *const OTHER_NAMES[] = {"userInternalId", "userPublicId", NULL};
    add_content(context, place);
    struct wd_event *event = &context->events[context->count - 1];
    struct wd_str id = string(context, member, "userId", NULL);
    event->author_json = (struct wd_str){0};
    read_user(context, event, present(id) ? id : (struct wd_str){0}, first_string(context, member, OTHER_NAMES));
    add_author_name(context, event);
    if (!present(event->content_id))
        context->outcome = WD_DECODE_MISSING_ID;
}

/* The place that the member is of: the first where it does not say. */
static json_t *place_of(struct context *context, json_t *places, json_t *member)
{
    const char *id_name = ID_NAMES[context->type][0];
    struct wd_str wanted = string(context, member, id_name, NULL);
    size_t i;
    json_t *place;
    json_array_foreach(places, i, place)
    {
        if (!present(wanted) || wd_str_equal(string(context, place, id_name, NULL), wanted))
            return place;
    }
    return NULL;
}

static bool names_somebody(struct context *context, json_t *member)
{
    static const char *const NAMES[] = {"userId", "userInternalId", "userPublicId", NULL};
    return json_is_object(member) && present(first_string(context, member, NAMES));
}

/* The users, without the place's owner where there are others; as members of no place in particular. */
static json_t *users_as_members(struct context *context, json_t *place)
{
    static const char *const OWNER[] = {"postedUserId", "creatorId", "userId", "userInternalId", "userPublicId", NULL};
    json_t *members = json_array(), *user;
    size_t i, count = 0;
    struct wd_str owner = first_string(context, place, OWNER);
    json_array_foreach(context->users, i, user) count += json_is_object(user);
    json_t *owner_user = present(owner) && count > 1 ? find_user(context, owner) : NULL;
    json_array_foreach(context->users, i, user)
    {
        if (user == owner_user || !names_somebody(context, user))
            continue;
        json_t *member = json_object();
        for (const char *const *name = (const char *const[]){"userId", "userInternalId", "userPublicId", NULL}; *name;
             name++)
            json_object_set(member, *name, json_object_get(user, *name));
        json_array_append_new(members, member);
    }
    return members;
}

static void read_places(struct context *context, json_t *list, json_t *members)
{
    enum { PLACES_MAX = 16 };
    json_t *places = json_array(), *with_members = json_array(), *entry, *made = NULL;
    size_t i, j;
    if (list && !json_is_array(list) && !json_is_null(list))
        context->outcome = WD_DECODE_MISSING_ID;
    json_array_foreach(list, i, entry)
    {
        if (json_is_object(entry))
            json_array_append(places, entry);
        else
            context->outcome = WD_DECODE_MISSING_ID;
    }
    size_t named = 0;
    json_array_foreach(members, i, entry) named += names_somebody(context, entry);
    if (!named && json_array_size(places) == 1)
        members = made = users_as_members(context, json_array_get(places, 0));
    json_array_foreach(json_array_size(places) <= PLACES_MAX ? members : NULL, i, entry)
    {
        json_t *place = names_somebody(context, entry) ? place_of(context, places, entry) : NULL;
        if (!place)
            continue;
        add_place(context, place, entry);
        json_array_append(with_members, place);
    }
    json_array_foreach(places, i, entry)
    {
        bool done = false;
        json_t *other;
        json_array_foreach(with_members, j, other) done |= other == entry;
        if (!done)
            add_place(context, entry, NULL);
    }
    json_decref(places);
    json_decref(with_members);
    json_decref(made);
}

/* An event for each user that is somebody; one without content where there is none. */
static void read_moderation(struct context *context, json_t *data)
{
    json_t *users = json_object_get(data, "users"), *user;
    size_t i;
    json_array_foreach(users, i, user)
    {
        if (!json_is_object(user) || !present(string(context, user, "userId", NULL)))
            continue;
        context->type = WD_CONTENT_USER;
        add_content(context, user);
        context->type = WD_CONTENT_OTHER;
    }
    if (!context->count)
        add_event(context, WD_CONTENT_OTHER, data);
}

static void read_webhook(struct context *context, json_t *data)
{
    static const char *const LISTS[] = {"",        "messages", "posts",    "comments",
                                        "stories", "users",    "channels", "communities"};
    if (wd_str_starts_with(context->name, "moderation.")) {
        read_moderation(context, data);
        return;
    }
    if (context->type == WD_CONTENT_OTHER) {
        add_event(context, WD_CONTENT_OTHER, data);
        return;
    }
    context->users = json_object_get(data, "users");
    if (is_about_members(context)) {
        bool channel = context->type == WD_CONTENT_CHANNEL;
        read_places(context, json_object_get(data, LISTS[context->type]),
                    json_object_get(data, channel ? "channelUsers" : "communityUsers"));
        return;
    }
    /* Objects come in the order of their lists. */
    const char *name;
    json_t *value;
    json_object_foreach(data, name, value)
    {
        if (strcmp(name, LISTS[context->type]) == 0)
            read_list(context, value, false);
        else if (context->type == WD_CONTENT_POST && strcmp(name, "postChildren") == 0)
            read_list(context, value, true);
    }
}

static void read_prehook(struct context *context, json_t *data, json_t *actor)
{
    add_content(context, data);
    struct wd_event *event = &context->events[0];
    if (json_is_object(actor)) {
        event->author = read_author(context, actor);
        event->author.is_known = event->author.display_name.data != NULL;
        if (!present(event->author.id))
            event->author.id = string(context, actor, "_id", NULL);
        event->author_json = printed(context, actor);
    }
    add_author_name(context, event);
}

static bool has_text(json_t *root)
{
    static const char *const NAMES[] = {"text", "caption", "title", "description", "displayName"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (json_object_get(root, NAMES[i]))
            return true;
    return false;
}

static void read_root(struct context *context, json_t *root)
{
    json_t *data = json_object_get(root, "data");
    struct wd_str event = string(context, root, "event", NULL), event_name = string(context, root, "eventName", NULL);
    if (!data && has_text(root)) {
        context->bare = true;
        set_name(context, present(event) ? event : present(event_name) ? event_name : wd_str_from("message.didCreate"));
        add_content(context, root);
        add_author_name(context, &context->events[0]);
    } else if (!json_is_object(data) || (!present(event) && !present(event_name))) {
        context->outcome = WD_DECODE_NO_EVENT;
    } else if (event.data) {
        set_name(context, event);
        read_webhook(context, data);
    } else {
        set_name(context, event_name);
        read_prehook(context, data, json_object_get(root, "actor"));
    }
}

static bool loads(const char *text, size_t len, size_t flags, json_error_t *error)
{
    json_t *root = json_loadb(text, len, flags | JSON_DECODE_ANY, error);
    json_decref(root);
    return root != NULL;
}

static void read_text(struct context *context, struct reference *result, const char *text, size_t len)
{
    json_error_t error;
    if (reference_depth(text, len) > DEPTH_LIMIT) {
        context->outcome = WD_DECODE_TOO_DEEP;
        return;
    }
    if (memchr(text, '\0', len)) { /* jansson overlooks some of them */
        context->outcome = WD_DECODE_BAD_JSON;
        return;
    }
    json_t *root = json_loadb(text, len, JSON_DECODE_ANY, &error);
    if (!root) {
        result->undecided = json_error_code(&error) == json_error_numeric_overflow;
        context->outcome = WD_DECODE_BAD_JSON;
        return;
    }
    result->has_duplicates = !loads(text, len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(root))
        read_root(context, root);
    else
        context->outcome = WD_DECODE_NO_EVENT;
    json_decref(root);
}

struct reference reference_decode(struct wd_arena *arena, const char *bytes, size_t len)
{
    struct reference result = {0};
    struct context context = {.arena = arena};
    char *text = malloc(3 * len + 1);
    assert_non_null(text);
    size_t repaired_len = reference_repair_bytes((const unsigned char *)bytes, len, text, &context.repaired);
    reference_repair_escapes(text, repaired_len, &context.repaired);
    read_text(&context, &result, text, repaired_len);
    result.outcome = context.outcome;
    if (context.outcome == WD_DECODED)
        result.events = (struct wd_events){.items = context.events, .count = context.count};
    for (size_t i = 0; i < result.events.count; i++)
        result.events.items[i].repaired = context.repaired;
    free(text);
    return result;
}
