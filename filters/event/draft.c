/* Reads any object of the platform (message, post, user, ...) into a draft. One reader for all kinds: names mean the
 * same wherever they stand, and what an object does not have stays absent. */
#include <string.h>

#include "filters/event/decoder.h"
#include "filters/event/time_text.h"

_Static_assert(KEY_COUNT <= 64, "one bit a key");

enum { LIST_FIRST_CAPACITY = 4 };

void *list_push(struct wd_decoder *decoder, struct list *list, size_t item_bytes)
{
    size_t count = list->count;
    bool is_full = count == 0 || (count >= LIST_FIRST_CAPACITY && (count & (count - 1)) == 0);
    if (is_full) {
        size_t capacity = count ? 2 * count : LIST_FIRST_CAPACITY;
        void *items = wd_arena_alloc(decoder->arena, capacity * item_bytes);
        if (!items) {
            json_fail(&decoder->reader, JSON_NO_MEMORY);
            return NULL;
        }
        if (count)
            memcpy(items, list->items, count * item_bytes);
        list->items = items;
    }
    void *slot = (char *)list->items + count * item_bytes;
    list->count++;
    return memset(slot, 0, item_bytes);
}

static void refuse_second(struct wd_decoder *decoder, const struct members *members, enum key key)
{
    struct json_reader *reader = &decoder->reader;
    size_t begin = json_offset(reader);
    json_skip(reader);
    size_t len = reader->last_end - begin, first = members->value[key].begin;
    if (len != members->value[key].end - first || memcmp(reader->text + begin, reader->text + first, len) != 0)
        decoder_refuse(decoder, WD_DECODE_DUPLICATE_KEY, begin, "'%s' stands twice with different values",
                       key_name(key));
}

enum key members_next(struct wd_decoder *decoder, struct members *members)
{
    struct json_reader *reader = &decoder->reader;
    struct wd_str name;
    members->value[members->last].end = (uint32_t)reader->last_end;
    members->last = KEY_UNKNOWN;
    while (json_next_member(reader, &name)) {
        enum key key = keys_find(&decoder->keys, name, decoder->bare);
        if (key == KEY_UNKNOWN) {
            json_skip(reader);
        } else if (members->seen >> key & 1) {
            refuse_second(decoder, members, key);
        } else {
            members->seen |= UINT64_C(1) << key;
            members->value[key].begin = (uint32_t)json_offset(reader);
            return members->last = key;
        }
    }
    return KEY_UNKNOWN;
}

/* An ISO 8601 time, or milliseconds as a number. What is neither stays absent. */
static void read_time(struct json_reader *reader, int64_t *ms_out)
{
    struct wd_str text = {0};
    if (json_peek(reader) != '"')
        json_int(reader, ms_out);
    else if (json_read_string(reader, &text))
        time_parse(text, ms_out);
}

static void read_strings(struct wd_decoder *decoder, struct list *list)
{
    struct json_reader *reader = &decoder->reader;
    if (!json_open(reader, '['))
        return;
    while (json_next_element(reader)) {
        struct wd_str text = {0};
        struct wd_str *slot = json_read_string(reader, &text) ? list_push(decoder, list, sizeof(*slot)) : NULL;
        if (slot)
            *slot = text;
    }
}

/* The content itself: {"text": ..., "title": ..., "fileId": ...}, or a plain string. */
static void read_data(struct wd_decoder *decoder, struct draft *draft)
{
    struct json_reader *reader = &decoder->reader;
    if (json_peek(reader) == '"') {
        json_read_string(reader, &draft->data_text);
        return;
    }
    if (!json_open(reader, '{'))
        return;
    struct members members;
    members_init(&members);
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        if (key == KEY_TEXT)
            json_read_string(reader, &draft->data_text);
        else if (key == KEY_TITLE)
            json_read_string(reader, &draft->data_title);
        else if (key == KEY_CAPTION)
            json_read_string(reader, &draft->data_caption);
        else if (key == KEY_FILE_ID)
            json_read_string(reader, &draft->data_file_id);
        else
            json_skip(reader);
    }
}

/* {"type": "user" or "channel", "userIds": [...]}, or {"userId": ...}. */
static void read_mention(struct wd_decoder *decoder, struct draft *draft)
{
    struct json_reader *reader = &decoder->reader;
    struct wd_str type = {0}, user_id = {0}, *slot;
    struct members members;
    members_init(&members);
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        if (key == KEY_TYPE)
            json_read_string(reader, &type);
        else if (key == KEY_USER_ID)
            json_read_string(reader, &user_id);
        else if (key == KEY_USER_IDS)
            read_strings(decoder, &draft->mentions);
        else
            json_skip(reader);
    }
    draft->mentions_channel |= wd_str_is(type, "channel");
    if (user_id.data && (slot = list_push(decoder, &draft->mentions, sizeof(*slot))))
        *slot = user_id;
}

static void read_mentions(struct wd_decoder *decoder, struct draft *draft)
{
    struct json_reader *reader = &decoder->reader;
    if (!json_open(reader, '['))
        return;
    while (json_next_element(reader)) {
        struct wd_str user_id = {0}, *slot;
        if (json_peek(reader) != '"') {
            if (json_open(reader, '{'))
                read_mention(decoder, draft);
        } else if (json_read_string(reader, &user_id) && (slot = list_push(decoder, &draft->mentions, sizeof(*slot)))) {
            *slot = user_id;
        }
    }
}

static void add_attachment(struct wd_decoder *decoder, struct draft *draft, struct wd_str type, struct wd_str ref)
{
    struct wd_attachment *slot = ref.data ? list_push(decoder, &draft->attachments, sizeof(*slot)) : NULL;
    if (slot)
        *slot = (struct wd_attachment){.type = type, .ref = ref};
}

static void read_attachment(struct wd_decoder *decoder, struct draft *draft)
{
    struct json_reader *reader = &decoder->reader;
    struct wd_str type = {0}, file_id = {0}, url = {0};
    struct members members;
    members_init(&members);
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        if (key == KEY_TYPE)
            json_read_string(reader, &type);
        else if (key == KEY_FILE_ID)
            json_read_string(reader, &file_id);
        else if (key == KEY_URL)
            json_read_string(reader, &url);
        else
            json_skip(reader);
    }
    add_attachment(decoder, draft, type, file_id.data ? file_id : url);
}

static void read_attachments(struct wd_decoder *decoder, struct draft *draft)
{
    struct json_reader *reader = &decoder->reader;
    if (!json_open(reader, '['))
        return;
    while (json_next_element(reader)) {
        struct wd_str ref = {0};
        if (json_peek(reader) != '"') {
            if (json_open(reader, '{'))
                read_attachment(decoder, draft);
        } else if (json_read_string(reader, &ref)) {
            add_attachment(decoder, draft, (struct wd_str){0}, ref);
        }
    }
}

static void add_link(struct wd_decoder *decoder, struct draft *draft, struct wd_link link)
{
    struct wd_link *slot = link.url.data || link.shown.data ? list_push(decoder, &draft->links, sizeof(*slot)) : NULL;
    if (slot)
        *slot = link;
}

/* {"url": ..., "customText": ...} */
static struct wd_link read_link(struct wd_decoder *decoder)
{
    struct json_reader *reader = &decoder->reader;
    struct wd_link link = {0};
    struct members members;
    members_init(&members);
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        if (key == KEY_URL)
            json_read_string(reader, &link.url);
        else if (key == KEY_CUSTOM_TEXT)
            json_read_string(reader, &link.shown);
        else
            json_skip(reader);
    }
    return link;
}

/* {"type": "hyperlink", "data": {"url": ..., "customText": ...}} */
static void read_item(struct wd_decoder *decoder, struct draft *draft)
{
    struct json_reader *reader = &decoder->reader;
    struct wd_str type = {0};
    struct wd_link link = {0};
    struct members members;
    members_init(&members);
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        if (key == KEY_TYPE)
            json_read_string(reader, &type);
        else if (key == KEY_DATA && json_open(reader, '{'))
            link = read_link(decoder);
        else if (key != KEY_DATA)
            json_skip(reader);
    }
    if (!type.data || wd_str_is(type, "hyperlink"))
        add_link(decoder, draft, link);
}

static void read_items(struct wd_decoder *decoder, struct draft *draft)
{
    if (!json_open(&decoder->reader, '['))
        return;
    while (json_next_element(&decoder->reader))
        if (json_open(&decoder->reader, '{'))
            read_item(decoder, draft);
}

/* The links of a tool line: URLs, or {"url": ..., "shown": ...}. */
static void read_links(struct wd_decoder *decoder, struct draft *draft)
{
    struct json_reader *reader = &decoder->reader;
    if (!json_open(reader, '['))
        return;
    while (json_next_element(reader)) {
        struct wd_link link = {0};
        if (json_peek(reader) == '"')
            json_read_string(reader, &link.url);
        else if (json_open(reader, '{'))
            link = read_link(decoder);
        add_link(decoder, draft, link);
    }
}

static void read_author(struct wd_decoder *decoder, struct draft *draft)
{
    if (draft->author)
        draft->has_author = draft_read(decoder, draft->author);
    else
        json_skip(&decoder->reader);
}

static void read_other(struct wd_decoder *decoder, struct draft *draft, enum key key)
{
    struct json_reader *reader = &decoder->reader;
    switch (key) {
    case KEY_DATA:
        read_data(decoder, draft);
        break;
    case KEY_FLAG_COUNT:
        json_int(reader, &draft->flag_count);
        break;
    case KEY_AGE_DAYS:
        json_double(reader, &draft->age_days);
        break;
    case KEY_IS_DELETED:
        json_bool(reader, &draft->is_deleted);
        break;
    case KEY_IS_GLOBAL_BAN:
        json_bool(reader, &draft->is_global_ban);
        break;
    case KEY_MENTIONS_CHANNEL:
        json_bool(reader, &draft->mentions_channel);
        break;
    case KEY_TAGS:
        read_strings(decoder, &draft->tags);
        break;
    case KEY_ROLES:
        read_strings(decoder, &draft->roles);
        break;
    case KEY_MENTIONEES:
    case KEY_MENTIONED_USERS:
        read_mentions(decoder, draft);
        break;
    case KEY_ATTACHMENTS:
        read_attachments(decoder, draft);
        break;
    case KEY_ITEMS:
        read_items(decoder, draft);
        break;
    case KEY_LINKS:
        read_links(decoder, draft);
        break;
    case KEY_AUTHOR:
        read_author(decoder, draft);
        break;
    default:
        json_skip(reader);
    }
}

void draft_init(struct draft *draft)
{
    memset(draft, 0, sizeof(*draft));
    draft->flag_count = -1;
    draft->age_days = -1;
}

bool draft_read(struct wd_decoder *decoder, struct draft *draft)
{
    struct json_reader *reader = &decoder->reader;
    size_t begin = json_offset(reader);
    if (!json_open(reader, '{'))
        return false;
    struct members members;
    members_init(&members);
    for (enum key key; (key = members_next(decoder, &members)) != KEY_UNKNOWN;) {
        if (key < STRING_KEY_COUNT)
            json_read_string(reader, &draft->strings[key]);
        else if (key < STRING_KEY_COUNT + TIME_KEY_COUNT)
            read_time(reader, &draft->times_ms[key - STRING_KEY_COUNT]);
        else
            read_other(decoder, draft, key);
    }
    draft->json = (struct wd_str){.data = reader->source + begin, .len = reader->last_end - begin};
    return reader->problem == JSON_FINE;
}
