/* Random records: see decode_random.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/decode_random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PICK(text, array) ((array)[random_below(text, COUNT(array))])

static const char *const NAMES[] = {"message.didCreate",    "v5.message.didUpdate",
                                    "message.didFlag",      "v3.post.didCreate",
                                    "post.didApprove",      "v3.comment.didReply",
                                    "comment.didDelete",    "story.didCreate",
                                    "user.didUpdate",       "channel.didJoin",
                                    "v3.community.didBan",  "channel.didAddUsers",
                                    "v3.community.didJoin", "community.didRoleChange",
                                    "follow.didCreate",     "moderation.didBan",
                                    "poll.didUpdate",       "v3.",
                                    "video-streaming.didX", "message",
                                    "v12.user.didFlag",     "",
                                    "postx.didCreate"};
static const char *const LISTS[] = {"messages",   "posts", "postChildren",   "comments",
                                    "stories",    "users", "channels",       "communities",
                                    "categories", "files", "communityUsers", "channelUsers"};
static const char *const STRING_MEMBERS[] = {
    "messageId",   "postId",        "commentId",    "storyId",        "userId",       "channelId", "communityId",
    "creatorId",   "postedUserId",  "userPublicId", "userInternalId", "_id",          "parentId",  "parentPostId",
    "referenceId", "targetId",      "targetType",   "type",           "dataType",     "text",      "caption",
    "title",       "description",   "displayName",  "fileId",         "avatarFileId", "unknown",   "messageID",
    "url",         "messageFeedId", "segment",      "referenceType"};
static const char *const TIME_MEMBERS[] = {"createdAt", "editedAt", "updatedAt"};
static const char *const LIST_MEMBERS[] = {"tags", "roles", "permissions", "children"};
static const char *const IDS[] = {"u-1", "u-2", "u-3", "u-4", "64b7f0c2aa", "int-1", "int-2", "pub-1", "c-1", ""};
static const char *const TYPES[] = {"text", "image", "community", "user", "content", "hyperlink", "channel", "custom"};
static const char *const PIECES[] = {"hello",
                                     "free followers",
                                     "привіт",
                                     "สวัสดี",
                                     "\xF0\x9F\x98\x80",
                                     "\\n",
                                     "\\\"",
                                     "\\\\",
                                     "\\/",
                                     "\\u00e9",
                                     "\\ud83d\\ude00",
                                     "\\ud800",
                                     "\\udc00x",
                                     "\\u0000",
                                     " ",
                                     "a",
                                     "\\t\\b",
                                     "\\uD83D\\uD83D\\uDE00",
                                     "https://",
                                     "4111 1111",
                                     "\\u0041",
                                     "مرحبا",
                                     "你好",
                                     "{[,:",
                                     "]}\\\"",
                                     "\\\\\\\\",
                                     "\x7F"};

static uint32_t next(struct random_text *text)
{
    text->state ^= text->state << 13;
    text->state ^= text->state >> 7;
    text->state ^= text->state << 17;
    return (uint32_t)(text->state >> 32);
}

uint32_t random_below(struct random_text *text, uint32_t bound)
{
    return next(text) % bound;
}

static bool chance(struct random_text *text, uint32_t percent)
{
    return random_below(text, 100) < percent;
}

static void put_bytes(struct random_text *text, const char *bytes, size_t len)
{
    if (text->len + len > text->capacity) {
        text->capacity = 2 * (text->len + len);
        text->bytes = realloc(text->bytes, text->capacity);
        assert_non_null(text->bytes);
    }
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

static void put(struct random_text *text, const char *bytes)
{
    put_bytes(text, bytes, strlen(bytes));
}

static void put_space(struct random_text *text)
{
    static const char *const SPACES[] = {" ", "\n", "\t", "\r\n  ", "    "};
    if (chance(text, 3))
        put(text, PICK(text, SPACES));
}

/* A quoted name, now and then with one of its letters escaped. */
static void put_name(struct random_text *text, const char *name)
{
    size_t escaped = chance(text, 2) && *name ? random_below(text, (uint32_t)strlen(name)) : SIZE_MAX;
    put(text, "\"");
    for (size_t i = 0; name[i]; i++) {
        char spelled[8];
        snprintf(spelled, sizeof(spelled), i == escaped ? "\\u%04x" : "%c", name[i]);
        put(text, spelled);
    }
    put(text, "\"");
}

static void put_text(struct random_text *text)
{
    put(text, "\"");
    for (uint32_t pieces = random_below(text, 6); pieces > 0; pieces--)
        put(text, PICK(text, PIECES));
    put(text, "\"");
}

static void put_value(struct random_text *text, int depth);

struct members {
    uint32_t count;
};

static void put_member(struct random_text *text, struct members *members, const char *name)
{
    if (members->count++)
        put(text, ",");
    put_space(text);
    put_name(text, name);
    put_space(text);
    put(text, ":");
    put_space(text);
}

static void put_scalar(struct random_text *text)
{
    static const char *const SCALARS[] = {
        "0",    "-1",   "3",     "42",         "1.5", "-0.25e2", "1E+2", "9223372036854775807",
        "true", "null", "false", "1577836800", "-0",  "{}",      "[]"};
    put(text, random_below(text, 1000) ? PICK(text, SCALARS) : "9223372036854775808");
}

static void put_array(struct random_text *text, int depth)
{
    put(text, "[");
    for (uint32_t i = 0, count = random_below(text, 4); i < count; i++) {
        put(text, i ? "," : "");
        put_space(text);
        put_value(text, depth - 1);
    }
    put_space(text);
    put(text, "]");
}

static void put_object(struct random_text *text, int depth)
{
    static const char *const ANY[] = {"a", "text", "userId", "type", "url", "customText", "data", "b c", "", "fileId"};
    struct members members = {0};
    uint32_t first = random_below(text, COUNT(ANY));
    put(text, "{");
    for (uint32_t i = 0, count = random_below(text, 4); i < count; i++) {
        put_member(text, &members, ANY[(first + i) % COUNT(ANY)]);
        put_value(text, depth - 1);
    }
    put_space(text);
    put(text, "}");
}

static void put_value(struct random_text *text, int depth)
{
    uint32_t kind = random_below(text, depth > 0 ? 10 : 6);
    if (kind < 4)
        put_text(text);
    else if (kind < 6)
        put_scalar(text);
    else if (kind < 8)
        put_array(text, depth);
    else
        put_object(text, depth);
}

static void put_id(struct random_text *text)
{
    put(text, "\"");
    put(text, PICK(text, IDS));
    put(text, "\"");
}

static void put_time(struct random_text *text)
{
    static const char *const ZONES[] = {"Z", "+07:00", "-03:30", ""};
    char time[64];
    if (chance(text, 10)) {
        put_value(text, 1);
        return;
    }
    snprintf(time, sizeof(time), "\"%04u-%02u-%02uT%02u:%02u:%02u.%03u%s\"", 1960 + random_below(text, 100),
             1 + random_below(text, 12), 1 + random_below(text, 28), random_below(text, 24), random_below(text, 60),
             random_below(text, 60), random_below(text, 1000), PICK(text, ZONES));
    /* The reference knows one spelling of times: anything else would be no comparison. */
    put(text, time);
}

static void put_texts(struct random_text *text)
{
    put(text, "[");
    for (uint32_t i = 0, count = random_below(text, 7); i < count; i++) {
        put(text, i ? ", " : "");
        if (chance(text, 90))
            put_id(text);
        else
            put_value(text, 1);
    }
    put(text, "]");
}

static void put_data(struct random_text *text)
{
    struct members members = {0};
    if (chance(text, 10)) {
        put_value(text, 2);
        return;
    }
    put(text, "{");
    static const char *const DATA_MEMBERS[] = {"text", "title", "caption", "fileId", "url", "thumbnailFileId"};
    for (size_t i = 0; i < COUNT(DATA_MEMBERS); i++)
        if (chance(text, i == 0 ? 80 : 25)) {
            put_member(text, &members, DATA_MEMBERS[i]);
            put_text(text);
        }
    put(text, "}");
}

static void put_mentions(struct random_text *text)
{
    put(text, "[");
    for (uint32_t i = 0, count = random_below(text, 4); i < count; i++) {
        struct members members = {0};
        put(text, i ? "," : "");
        if (chance(text, 20)) {
            put_value(text, 1);
            continue;
        }
        put(text, "{");
        put_member(text, &members, "type");
        put(text, chance(text, 70) ? "\"user\"" : "\"channel\"");
        put_member(text, &members, "userIds");
        put_texts(text);
        put(text, "}");
    }
    put(text, "]");
}

static void put_things(struct random_text *text, bool items)
{
    put(text, "[");
    for (uint32_t i = 0, count = random_below(text, 4); i < count; i++) {
        struct members members = {0};
        put(text, i ? "," : "");
        put(text, "{");
        if (chance(text, 80)) {
            put_member(text, &members, "type");
            put(text, chance(text, 70) ? "\"hyperlink\"" : "\"image\"");
        }
        put_member(text, &members, items ? "data" : chance(text, 50) ? "fileId" : "url");
        if (items)
            put(text, "{\"url\":\"https://example.org/?q=1\",\"customText\":\"shown\\u0021\"}");
        else
            put_text(text);
        put(text, "}");
    }
    put(text, "]");
}

static void put_lists_of_object(struct random_text *text, struct members *members)
{
    for (size_t i = 0; i < COUNT(LIST_MEMBERS); i++)
        if (chance(text, 25)) {
            put_member(text, members, LIST_MEMBERS[i]);
            put_texts(text);
        }
    if (chance(text, 15)) {
        put_member(text, members, chance(text, 70) ? "mentionees" : "mentionedUsers");
        put_mentions(text);
    }
    if (chance(text, 15)) {
        put_member(text, members, "attachments");
        put_things(text, false);
    }
    if (chance(text, 10)) {
        put_member(text, members, "items");
        put_things(text, true);
    }
}

/* An object of any kind; `ids` names the members that it should have. */
static void put_content(struct random_text *text, const char *const *ids)
{
    struct members members = {0};
    uint32_t thin = random_below(text, 30);
    put(text, "{");
    for (size_t i = 0; i < COUNT(STRING_MEMBERS); i++) {
        bool wanted = false;
        for (const char *const *id = ids; *id; id++)
            wanted |= strcmp(*id, STRING_MEMBERS[i]) == 0;
        if (!chance(text, wanted ? 97 : thin))
            continue;
        put_member(text, &members, STRING_MEMBERS[i]);
        if (chance(text, 3))
            put_value(text, 2);
        else if (strstr(STRING_MEMBERS[i], "Id") || STRING_MEMBERS[i][0] == '_')
            put_id(text);
        else if (strstr(STRING_MEMBERS[i], "ype")) {
            put(text, "\"");
            put(text, PICK(text, TYPES));
            put(text, "\"");
        } else
            put_text(text);
    }
    for (size_t i = 0; i < COUNT(TIME_MEMBERS); i++)
        if (chance(text, 50)) {
            put_member(text, &members, TIME_MEMBERS[i]);
            put_time(text);
        }
    if (chance(text, 70)) {
        put_member(text, &members, "data");
        put_data(text);
    }
    static const char *const OTHERS[] = {"flagCount", "isDeleted", "isGlobalBan", "metadata"};
    for (size_t i = 0; i < COUNT(OTHERS); i++)
        if (chance(text, 40)) {
            put_member(text, &members, OTHERS[i]);
            if (i == 3)
                put_value(text, 4);
            else
                put_scalar(text);
        }
    put_lists_of_object(text, &members);
    put(text, "}");
}

static const char *const EVERY_ID[] = {"messageId", "postId", "commentId",   "storyId",     "userId", "channelId",
                                       "creatorId", "text",   "communityId", "displayName", NULL};

static void put_list(struct random_text *text)
{
    uint32_t count = chance(text, 5) ? 20 : 1 + random_below(text, 3);
    put(text, "[");
    for (uint32_t i = 0; i < count; i++) {
        put(text, i ? "," : "");
        if (chance(text, 98))
            put_content(text, EVERY_ID);
        else
            put_value(text, 2);
    }
    put(text, "]");
}

static void put_webhook_data(struct random_text *text)
{
    struct members members = {0};
    uint32_t first = random_below(text, COUNT(LISTS));
    put(text, "{");
    for (uint32_t i = 0; i < COUNT(LISTS); i++)
        if (chance(text, 60)) {
            put_member(text, &members, LISTS[(first + i) % COUNT(LISTS)]);
            if (chance(text, 98))
                put_list(text);
            else
                put_value(text, 2);
        }
    put(text, "}");
}

static void put_bare(struct random_text *text)
{
    struct members members = {0};
    static const char *const NAMED[] = {"text", "title", "id", "channel", "display_name", "link_text", "data_type"};
    put(text, "{");
    for (size_t i = 0; i < COUNT(NAMED); i++)
        if (chance(text, i == 0 ? 90 : 30)) {
            put_member(text, &members, NAMED[i]);
            put_text(text);
        }
    if (chance(text, 50)) {
        put_member(text, &members, "author");
        put(text, "{\"id\":\"u-9\",\"display_name\":\"Nine\",\"roles\":[\"mod\"],\"age_days\":1.25,\"flag_count\":2}");
    }
    if (chance(text, 30)) {
        put_member(text, &members, "mentions");
        put_texts(text);
    }
    if (chance(text, 30)) {
        put_member(text, &members, "links");
        put(text, "[\"https://a.example\",{\"url\":\"https://b.example\",\"shown\":\"c.example\"},3]");
    }
    put(text, "}");
}

static void put_event(struct random_text *text, bool prehook)
{
    struct members members = {0};
    bool data_first = chance(text, 20);
    put(text, "{");
    for (int turn = 0; turn < 2; turn++) {
        if ((turn == 0) == data_first) {
            put_member(text, &members, "data");
            if (prehook)
                put_content(text, EVERY_ID);
            else
                put_webhook_data(text);
        } else {
            put_member(text, &members, prehook ? "eventName" : "event");
            put_name(text, PICK(text, NAMES));
        }
    }
    if (prehook && chance(text, 80)) {
        put_member(text, &members, "actor");
        put(text, "{\"_id\":\"64b7f0c2aa\",\"userId\":\"u-1\"}");
    }
    put(text, "}");
}

void random_record(struct random_text *text)
{
    uint32_t kind = random_below(text, 10);
    text->len = 0;
    put_space(text);
    if (kind == 0)
        put_bare(text);
    else if (kind == 1)
        put_value(text, 4);
    else
        put_event(text, kind == 2);
    put_space(text);
}

void random_damage(struct random_text *text)
{
    static const char *const WRONG[] = {
        "\xC0\xAF", "\xFF", "\xE2\x82", "\xED\xA0\x80", "\"",   "\\",       "{", "}",   "[", "]",   ",", ":", "0", "e",
        ".",        "-",    "\\u",      "\xF4\x90\x80", "\x01", "\xF0\x9F", "t", "nul", " ", "\xC3"};
    for (uint32_t times = 1 + random_below(text, 3); times > 0; times--) {
        if (text->len == 0)
            return;
        uint32_t at = random_below(text, (uint32_t)text->len), kind = random_below(text, 5);
        const char *wrong = PICK(text, WRONG);
        size_t tail = text->len - at;
        if (kind == 0) {
            text->len = at;
        } else if (kind == 1) {
            text->bytes[at] ^= (char)(1 << random_below(text, 8));
        } else if (kind == 2) {
            memmove(text->bytes + at, text->bytes + at + 1, tail - 1);
            text->len--;
        } else if (kind == 3) {
            text->bytes[at] = '\0';
        } else {
            put(text, wrong);
            memmove(text->bytes + at + strlen(wrong), text->bytes + at, tail);
            memcpy(text->bytes + at, wrong, strlen(wrong));
        }
    }
}
