/* Walks the outer object of a record: which kind of record it is, what the event is called, which lists hold its
 * content. The data are read in place where the name of the event is already known, else after the rest. */
#include <string.h>

#include "filters/event/decoder.h"

static const struct wd_str BARE_NAME = {.data = "message.didCreate", .len = sizeof("message.didCreate") - 1};

/* The list that holds the content of each family. */
static const enum key LIST_KEYS[WD_CONTENT_TYPE_COUNT] = {
    [WD_CONTENT_OTHER] = KEY_UNKNOWN,    [WD_CONTENT_MESSAGE] = KEY_MESSAGES,      [WD_CONTENT_POST] = KEY_POSTS,
    [WD_CONTENT_COMMENT] = KEY_COMMENTS, [WD_CONTENT_STORY] = KEY_STORIES,         [WD_CONTENT_USER] = KEY_USERS,
    [WD_CONTENT_CHANNEL] = KEY_CHANNELS, [WD_CONTENT_COMMUNITY] = KEY_COMMUNITIES,
};

/* Beside it: who is a member of these places. */
static const enum key MEMBER_KEYS[WD_CONTENT_TYPE_COUNT] = {
    [WD_CONTENT_CHANNEL] = KEY_CHANNEL_USERS,
    [WD_CONTENT_COMMUNITY] = KEY_COMMUNITY_USERS,
};

/* "v3.post.didCreate" is "post.didCreate". */
static struct wd_str without_version(struct wd_str name)
{
    size_t at = 1;
    if (name.len < 3 || name.data[0] != 'v')
        return name;
    while (at < name.len && name.data[at] >= '0' && name.data[at] <= '9')
        at++;
    if (at == 1 || at + 1 >= name.len || name.data[at] != '.')
        return name;
    return (struct wd_str){.data = name.data + at + 1, .len = name.len - at - 1};
}

static enum wd_content_type family_of(struct wd_str name)
{
    const char *dot = memchr(name.data, '.', name.len);
    if (!dot)
        return WD_CONTENT_OTHER;
    struct wd_str family = {.data = name.data, .len = (size_t)(dot - name.data)};
    for (int type = WD_CONTENT_MESSAGE; type < WD_CONTENT_TYPE_COUNT; type++)
        if (wd_str_is(family, wd_content_type_name(type)))
            return type;
    return WD_CONTENT_OTHER;
}

static void set_name(struct wd_decoder *decoder, struct wd_str raw_name)
{
    decoder->raw_name = raw_name;
    decoder->name = without_version(raw_name);
    decoder->family = family_of(decoder->name);
}

/* Once something is wrong the rest is only checked. */
static bool go_on(const struct wd_decoder *decoder)
{
    return decoder->outcome == WD_DECODED;
}

static bool has_own_text(const struct draft *draft)
{
    const struct wd_str *strings = draft->strings;
    return draft->data_text.len || draft->data_title.len || draft->data_caption.len || strings[KEY_TEXT].len ||
           strings[KEY_TITLE].len || strings[KEY_CAPTION].len;
}

/* An entry of a list is content, a user beside it, a child post, or a place and one of its users. Child posts are the
 * pictures and files of a post: they are content of their own where somebody wrote a text to them, else they say
 * nothing that rules read. */
enum role { ROLE_CONTENT, ROLE_CHILD, ROLE_USER, ROLE_PLACE, ROLE_MEMBER };

static bool is_content(enum role role)
{
    return role == ROLE_CONTENT || role == ROLE_PLACE;
}

static void read_entry(struct wd_decoder *decoder, enum role role)
{
    size_t offset = json_offset(&decoder->reader);
    struct draft draft;
    if (!go_on(decoder)) {
        json_skip(&decoder->reader);
        return;
    }
    draft_init(&draft);
    if (!draft_read(decoder, &draft)) {
        if (is_content(role) && !decoder->reader.problem)
            decoder_refuse(decoder, WD_DECODE_MISSING_ID, offset, "an entry that is no object");
        return;
    }
    if (role == ROLE_USER)
        users_add(decoder, &draft);
    else if (role == ROLE_PLACE)
        memberships_add_place(decoder, &draft);
    else if (role == ROLE_MEMBER)
        memberships_add_member(decoder, &draft);
    else if (role == ROLE_CONTENT || has_own_text(&draft))
        content_add(decoder, decoder->family, &draft, true);
}

static void read_list(struct wd_decoder *decoder, enum role role, enum key key)
{
    struct json_reader *reader = &decoder->reader;
    size_t offset = json_offset(reader);
    bool is_null = json_peek(reader) == 'n';
    if (!json_open(reader, '[')) {
        if (is_content(role) && !is_null && !reader->problem)
            decoder_refuse(decoder, WD_DECODE_MISSING_ID, offset, "'%s' is no list", key_name(key));
        return;
    }
    while (json_next_element(reader))
        read_entry(decoder, role);
}

static void read_lists(struct wd_decoder *decoder)
{
    struct members members;
    bool memberships = memberships_are_told(decoder);
    members_init(&members);
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        if (key == LIST_KEYS[decoder->family])
            read_list(decoder, memberships ? ROLE_PLACE : ROLE_CONTENT, key);
        else if (key == MEMBER_KEYS[decoder->family] && memberships)
            read_list(decoder, ROLE_MEMBER, key);
        else if (key == KEY_POST_CHILDREN && decoder->family == WD_CONTENT_POST)
            read_list(decoder, ROLE_CHILD, key);
        else if (key == KEY_USERS)
            read_list(decoder, ROLE_USER, key);
        else
            json_skip(&decoder->reader);
    }
    if (memberships && go_on(decoder) && !decoder->reader.problem)
        memberships_finish(decoder);
}

/* An event without content: its name and its data, for rules on those. `begin`: where the data start. */
static void add_other(struct wd_decoder *decoder, size_t begin)
{
    struct draft draft;
    draft_init(&draft);
    draft.json = (struct wd_str){.data = decoder->reader.source + begin, .len = decoder->reader.last_end - begin};
    content_add(decoder, WD_CONTENT_OTHER, &draft, false);
}

/* An entry of `users` that is somebody: he is what the event is about. */
static void read_subject(struct wd_decoder *decoder)
{
    struct draft draft;
    draft_init(&draft);
    if (draft_read(decoder, &draft) && draft.strings[KEY_USER_ID].len)
        content_add(decoder, WD_CONTENT_USER, &draft, false);
}

/* "moderation.didBan": an event for each of the users, or one without content where none is named. */
static void read_moderation(struct wd_decoder *decoder)
{
    struct json_reader *reader = &decoder->reader;
    size_t begin = json_offset(reader);
    struct members members;
    members_init(&members);
    if (!json_open(reader, '{'))
        return;
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        if (key != KEY_USERS)
            json_skip(reader);
        else if (json_open(reader, '['))
            while (json_next_element(reader))
                read_subject(decoder);
    }
    if (!decoder->events.count && go_on(decoder))
        add_other(decoder, begin);
}

/* What the outer object said. Offsets and token numbers are those of the reader. */
struct outline {
    struct wd_str event, event_name;
    bool has_data, data_is_read, has_text;
    size_t data_token;
    struct draft actor;
    bool has_actor;
};

static void read_data(struct wd_decoder *decoder, struct outline *outline)
{
    struct json_reader *reader = &decoder->reader;
    size_t offset = json_offset(reader);
    outline->data_is_read = true;
    if (json_peek(reader) != '{') {
        json_skip(reader);
        if (!reader->problem)
            decoder_refuse(decoder, WD_DECODE_NO_EVENT, offset, "'data' is no object");
    } else if (!outline->event.data) {
        struct draft draft;
        draft_init(&draft);
        if (draft_read(decoder, &draft))
            content_add(decoder, decoder->family, &draft, false);
    } else if (wd_str_starts_with(decoder->name, "moderation.")) {
        read_moderation(decoder);
    } else if (decoder->family == WD_CONTENT_OTHER) {
        json_skip(reader);
        add_other(decoder, offset);
    } else if (json_open(reader, '{')) {
        read_lists(decoder);
    }
}

static void meet_data(struct wd_decoder *decoder, struct outline *outline)
{
    outline->has_data = true;
    outline->data_token = decoder->reader.at;
    if (outline->event.data)
        read_data(decoder, outline);
    else
        json_skip(&decoder->reader);
}

static void read_outline(struct wd_decoder *decoder, struct outline *outline)
{
    struct json_reader *reader = &decoder->reader;
    struct members members;
    members_init(&members);
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        switch (key) {
        case KEY_EVENT:
            if (json_read_string(reader, &outline->event))
                set_name(decoder, outline->event);
            break;
        case KEY_EVENT_NAME:
            json_read_string(reader, &outline->event_name);
            break;
        case KEY_DATA:
            meet_data(decoder, outline);
            break;
        case KEY_ACTOR:
            draft_init(&outline->actor);
            outline->has_actor = draft_read(decoder, &outline->actor);
            break;
        default:
            outline->has_text |= key >= KEY_TEXT && key <= KEY_DISPLAY_NAME;
            json_skip(reader);
        }
    }
}

/* The actor of a pre-hook is the author; it may carry more than ids. */
static void set_actor(struct wd_decoder *decoder, const struct outline *outline)
{
    const struct wd_str *ids = outline->actor.strings;
    if (!outline->has_actor || decoder->events.count == 0)
        return;
    struct wd_event *event = decoder->events.items;
    event->author = content_author(&outline->actor);
    event->author.is_known = event->author.display_name.data != NULL;
    if (!event->author.id.len)
        event->author.id = ids[KEY_UNDERSCORE_ID];
    event->author_json = outline->actor.json;
}

/* A line for tools: {"text": ..., "author": {...}}. The outer object is the content. */
static void read_bare(struct wd_decoder *decoder, const struct outline *outline)
{
    struct draft draft, author;
    draft_init(&draft);
    draft_init(&author);
    draft.author = &author;
    set_name(decoder, outline->event.len ? outline->event : outline->event_name.len ? outline->event_name : BARE_NAME);
    json_seek(&decoder->reader, 0, 0);
    decoder->bare = true;
    if (draft_read(decoder, &draft))
        content_add(decoder, decoder->family, &draft, false);
    content_set_authors(decoder, false);
}

/* What could not be read before the whole outline was known. */
static void read_rest(struct wd_decoder *decoder, struct outline *outline)
{
    bool is_prehook = !outline->event.data && outline->event_name.data;
    if (!outline->has_data && outline->has_text) {
        read_bare(decoder, outline);
        return;
    }
    if (!outline->has_data || (!outline->event.len && !outline->event_name.len)) {
        decoder_refuse(decoder, WD_DECODE_NO_EVENT, 0, outline->has_data ? "no 'event' name" : "no 'data'");
        return;
    }
    if (!outline->data_is_read) {
        if (is_prehook)
            set_name(decoder, outline->event_name);
        json_seek(&decoder->reader, outline->data_token, 1);
        read_data(decoder, outline);
    }
    if (is_prehook)
        set_actor(decoder, outline);
    content_set_authors(decoder, !is_prehook && decoder->family != WD_CONTENT_OTHER);
}

void record_read(struct wd_decoder *decoder)
{
    struct json_reader *reader = &decoder->reader;
    struct outline outline;
    memset(&outline, 0, offsetof(struct outline, actor));
    outline.has_actor = false;
    if (json_open(reader, '{'))
        read_outline(decoder, &outline);
    else if (!reader->problem)
        decoder_refuse(decoder, WD_DECODE_NO_EVENT, 0, "not an object");
    if (json_finish(reader) && go_on(decoder))
        read_rest(decoder, &outline);
}
