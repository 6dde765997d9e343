/* Makes events of drafts: which member is the id, who the author is, where it stands, what texts there are. */
#include <string.h>

#include "filters/event/decoder.h"

/* The member that holds the id of each kind of content. */
static const enum key ID_KEYS[WD_CONTENT_TYPE_COUNT] = {
    [WD_CONTENT_OTHER] = KEY_BARE_ID,      [WD_CONTENT_MESSAGE] = KEY_MESSAGE_ID,     [WD_CONTENT_POST] = KEY_POST_ID,
    [WD_CONTENT_COMMENT] = KEY_COMMENT_ID, [WD_CONTENT_STORY] = KEY_STORY_ID,         [WD_CONTENT_USER] = KEY_USER_ID,
    [WD_CONTENT_CHANNEL] = KEY_CHANNEL_ID, [WD_CONTENT_COMMUNITY] = KEY_COMMUNITY_ID,
};

/* The first of two that is not empty; absent where both are. */
static struct wd_str either(struct wd_str first, struct wd_str second)
{
    return first.len ? first : second.len ? second : (struct wd_str){0};
}

static bool has_own_author(enum wd_content_type type)
{
    return type == WD_CONTENT_MESSAGE || type == WD_CONTENT_POST || type == WD_CONTENT_COMMENT ||
           type == WD_CONTENT_STORY;
}

static struct wd_str author_id(enum wd_content_type type, const struct wd_str *strings)
{
    if (type == WD_CONTENT_USER)
        return either(strings[KEY_USER_ID], strings[KEY_BARE_ID]);
    return either(strings[KEY_POSTED_USER_ID], either(strings[KEY_CREATOR_ID], strings[KEY_USER_ID]));
}

static struct wd_place place_of(const struct wd_str *strings)
{
    struct wd_place place = {.channel_id = strings[KEY_CHANNEL_ID],
                             .community_id = strings[KEY_COMMUNITY_ID],
                             .target_type = strings[KEY_TARGET_TYPE],
                             .target_id = strings[KEY_TARGET_ID]};
    if (!place.community_id.len && wd_str_is(place.target_type, "community"))
        place.community_id = place.target_id;
    return place;
}

/* One allocation: the fixed texts, the shown texts of links, and a free place for the author's name. Empty texts are
 * left out. */
static void set_texts(struct wd_decoder *decoder, const struct draft *draft, struct wd_event *event)
{
    const struct wd_str *strings = draft->strings;
    const struct wd_text fixed[] = {
        {WD_FIELD_TEXT, strings[KEY_TEXT]},
        {WD_FIELD_TEXT, draft->data_text},
        {WD_FIELD_TEXT, strings[KEY_CAPTION]},
        {WD_FIELD_TEXT, draft->data_caption},
        {WD_FIELD_TITLE, strings[KEY_TITLE]},
        {WD_FIELD_TITLE, draft->data_title},
        {WD_FIELD_DESCRIPTION, strings[KEY_DESCRIPTION]},
        {WD_FIELD_DISPLAY_NAME, strings[KEY_DISPLAY_NAME]},
        {WD_FIELD_LINK_TEXT, strings[KEY_LINK_TEXT]},
    };
    const size_t fixed_count = sizeof(fixed) / sizeof(fixed[0]);
    size_t most = fixed_count + event->link_count + 1, count = 0;
    struct wd_text *texts = wd_arena_alloc(decoder->arena, most * sizeof(*texts));
    if (!texts) {
        json_fail(&decoder->reader, JSON_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < fixed_count; i++)
        if (fixed[i].text.len)
            texts[count++] = fixed[i];
    for (size_t i = 0; i < event->link_count; i++)
        if (event->links[i].shown.len)
            texts[count++] = (struct wd_text){WD_FIELD_LINK_TEXT, event->links[i].shown};
    event->texts = texts;
    event->text_count = count;
}

/* Attachments without a type of their own have that of the object; files of the object itself come last. */
static void set_attachments(struct wd_decoder *decoder, const struct draft *draft, struct wd_event *event)
{
    struct list list = draft->attachments;
    const struct wd_str files[] = {draft->data_file_id, draft->strings[KEY_FILE_ID]};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct wd_attachment *slot = files[i].len ? list_push(decoder, &list, sizeof(*slot)) : NULL;
        if (slot)
            slot->ref = files[i];
    }
    struct wd_attachment *attachments = list.items;
    for (size_t i = 0; i < list.count; i++)
        attachments[i].type = attachments[i].type.data ? attachments[i].type : event->data_type;
    event->attachments = attachments;
    event->attachment_count = list.count;
}

struct wd_author content_author(const struct draft *draft)
{
    return (struct wd_author){.id = either(draft->strings[KEY_USER_ID], draft->strings[KEY_BARE_ID]),
                              .display_name = draft->strings[KEY_DISPLAY_NAME],
                              .roles = draft->roles.items,
                              .role_count = draft->roles.count,
                              .created_at_ms = draft->times_ms[0],
                              .flag_count = draft->flag_count,
                              .age_days = draft->age_days,
                              .is_global_ban = draft->is_global_ban,
                              .is_known = true};
}

static void fill(struct wd_event *event, enum wd_content_type type, const struct draft *draft)
{
    const struct wd_str *strings = draft->strings;
    event->content_type = type;
    event->content_id = either(strings[ID_KEYS[type]], strings[KEY_BARE_ID]);
    event->parent_id = either(strings[KEY_PARENT_ID], either(strings[KEY_PARENT_POST_ID], strings[KEY_REFERENCE_ID]));
    event->data_type = either(strings[KEY_DATA_TYPE], strings[KEY_TYPE]);
    event->place = place_of(strings);
    event->links = draft->links.items;
    event->link_count = draft->links.count;
    event->mentions = draft->mentions.items;
    event->mention_count = draft->mentions.count;
    event->mentions_channel = draft->mentions_channel;
    event->tags = draft->tags.items;
    event->tag_count = draft->tags.count;
    event->flag_count = draft->flag_count > 0 ? draft->flag_count : 0;
    event->is_deleted = draft->is_deleted;
    event->created_at_ms = draft->times_ms[0];
    event->edited_at_ms = draft->times_ms[1];
    event->updated_at_ms = draft->times_ms[2];
    event->object_json = draft->json;
}

static void name_author(struct wd_event *event, const struct draft *draft)
{
    enum wd_content_type type = event->content_type;
    if (type == WD_CONTENT_USER) {
        event->author = content_author(draft);
        event->author_json = draft->json;
    } else if (draft->has_author) {
        event->author = content_author(draft->author);
        event->author_json = draft->author->json;
    } else {
        event->author = (struct wd_author){.id = author_id(type, draft->strings), .flag_count = -1, .age_days = -1};
    }
}

/* What the platform sends has an id, and an author where it is somebody's content. */
static void require_ids(struct wd_decoder *decoder, const struct wd_event *event, struct wd_str author_id)
{
    size_t offset = (size_t)(event->object_json.data - decoder->reader.source);
    const char *type = wd_content_type_name(event->content_type);
    if (!event->content_id.len)
        decoder_refuse(decoder, WD_DECODE_MISSING_ID, offset, "a %s without '%s'", type,
                       key_name(ID_KEYS[event->content_type]));
    else if (!author_id.len && has_own_author(event->content_type))
        decoder_refuse(decoder, WD_DECODE_MISSING_ID, offset, "%s '%.*s' without the id of its author", type,
                       WD_STR_ARG(event->content_id));
}

void content_add(struct wd_decoder *decoder, enum wd_content_type type, const struct draft *draft, bool ids_required)
{
    struct wd_event *event = list_push(decoder, &decoder->events, sizeof(*event));
    struct pending *pending = event ? list_push(decoder, &decoder->pendings, sizeof(*pending)) : NULL;
    if (!pending)
        return;
    event->name = decoder->name;
    event->raw_name = decoder->raw_name;
    fill(event, type, draft);
    name_author(event, draft);
    set_texts(decoder, draft, event);
    set_attachments(decoder, draft, event);
    pending->author_ref = either(draft->strings[KEY_USER_INTERNAL_ID], draft->strings[KEY_USER_PUBLIC_ID]);
    if (ids_required)
        require_ids(decoder, event, either(event->author.id, pending->author_ref));
}

struct wd_str content_owner(const struct draft *draft)
{
    const struct wd_str *strings = draft->strings;
    return either(author_id(WD_CONTENT_OTHER, strings),
                  either(strings[KEY_USER_INTERNAL_ID], strings[KEY_USER_PUBLIC_ID]));
}

void content_name_author(struct wd_decoder *decoder, struct wd_str user_id, struct wd_str user_ref)
{
    size_t last = decoder->events.count - 1;
    struct wd_event *event = (struct wd_event *)decoder->events.items + last;
    struct pending *pending = (struct pending *)decoder->pendings.items + last;
    event->author = (struct wd_author){.id = either(user_id, (struct wd_str){0}), .flag_count = -1, .age_days = -1};
    pending->author_ref = user_ref;
}

static void take_author(struct wd_event *event, const struct user *user)
{
    struct wd_str named = event->author.id;
    event->author = user->author;
    event->author.id = either(user->author.id, named);
    event->author_json = user->json;
}

static void add_author_name(struct wd_event *event)
{
    if (event->content_type == WD_CONTENT_USER || !event->author.display_name.len)
        return;
    struct wd_text *texts = (struct wd_text *)event->texts; /* set_texts left a place */
    texts[event->text_count++] = (struct wd_text){WD_FIELD_AUTHOR_NAME, event->author.display_name};
}

void content_set_authors(struct wd_decoder *decoder, bool ids_required)
{
    struct wd_event *events = decoder->events.items;
    const struct pending *pendings = decoder->pendings.items;
    for (size_t i = 0; i < decoder->events.count; i++) {
        struct wd_event *event = &events[i];
        struct wd_str ref = either(event->author.id, pendings[i].author_ref);
        const struct user *user = ref.len && !event->author.is_known ? users_find(decoder, ref) : NULL;
        if (user)
            take_author(event, user);
        add_author_name(event);
        if (ids_required)
            require_ids(decoder, event, event->author.id);
    }
}
