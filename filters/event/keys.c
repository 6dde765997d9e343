/* Member names to numbers: see keys.h. */
#include "filters/event/keys.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct name {
    const char *text;
    enum key key;
    bool bare;
};

/* The first name of a key is the platform's; those marked true are how rules and tool lines write it. */
static const struct name NAMES[] = {
    {"messageId", KEY_MESSAGE_ID, false},
    {"postId", KEY_POST_ID, false},
    {"commentId", KEY_COMMENT_ID, false},
    {"storyId", KEY_STORY_ID, false},
    {"userId", KEY_USER_ID, false},
    {"user_id", KEY_USER_ID, true},
    {"channelId", KEY_CHANNEL_ID, false},
    {"channel", KEY_CHANNEL_ID, true},
    {"channel_id", KEY_CHANNEL_ID, true},
    {"communityId", KEY_COMMUNITY_ID, false},
    {"community", KEY_COMMUNITY_ID, true},
    {"community_id", KEY_COMMUNITY_ID, true},
    {"id", KEY_BARE_ID, true},
    {"creatorId", KEY_CREATOR_ID, false},
    {"postedUserId", KEY_POSTED_USER_ID, false},
    {"userInternalId", KEY_USER_INTERNAL_ID, false},
    {"userPublicId", KEY_USER_PUBLIC_ID, false},
    {"_id", KEY_UNDERSCORE_ID, false},
    {"parentId", KEY_PARENT_ID, false},
    {"parent_id", KEY_PARENT_ID, true},
    {"parentPostId", KEY_PARENT_POST_ID, false},
    {"referenceId", KEY_REFERENCE_ID, false},
    {"targetId", KEY_TARGET_ID, false},
    {"target_id", KEY_TARGET_ID, true},
    {"targetType", KEY_TARGET_TYPE, false},
    {"target_type", KEY_TARGET_TYPE, true},
    {"type", KEY_TYPE, false},
    {"dataType", KEY_DATA_TYPE, false},
    {"data_type", KEY_DATA_TYPE, true},
    {"text", KEY_TEXT, false},
    {"caption", KEY_CAPTION, false},
    {"title", KEY_TITLE, false},
    {"description", KEY_DESCRIPTION, false},
    {"displayName", KEY_DISPLAY_NAME, false},
    {"display_name", KEY_DISPLAY_NAME, true},
    {"link_text", KEY_LINK_TEXT, true},
    {"fileId", KEY_FILE_ID, false},
    {"url", KEY_URL, false},
    {"ref", KEY_URL, true},
    {"customText", KEY_CUSTOM_TEXT, false},
    {"shown", KEY_CUSTOM_TEXT, true},
    {"event", KEY_EVENT, false},
    {"eventName", KEY_EVENT_NAME, false},
    {"createdAt", KEY_CREATED_AT, false},
    {"created_at", KEY_CREATED_AT, true},
    {"editedAt", KEY_EDITED_AT, false},
    {"edited_at", KEY_EDITED_AT, true},
    {"updatedAt", KEY_UPDATED_AT, false},
    {"updated_at", KEY_UPDATED_AT, true},
    {"data", KEY_DATA, false},
    {"flagCount", KEY_FLAG_COUNT, false},
    {"flag_count", KEY_FLAG_COUNT, true},
    {"age_days", KEY_AGE_DAYS, true},
    {"isDeleted", KEY_IS_DELETED, false},
    {"is_deleted", KEY_IS_DELETED, true},
    {"isGlobalBan", KEY_IS_GLOBAL_BAN, false},
    {"is_global_ban", KEY_IS_GLOBAL_BAN, true},
    {"mentions_channel", KEY_MENTIONS_CHANNEL, true},
    {"tags", KEY_TAGS, false},
    {"roles", KEY_ROLES, false},
    {"mentionees", KEY_MENTIONEES, false},
    {"mentionedUsers", KEY_MENTIONED_USERS, false},
    {"mentions", KEY_MENTIONED_USERS, true},
    {"userIds", KEY_USER_IDS, false},
    {"attachments", KEY_ATTACHMENTS, false},
    {"items", KEY_ITEMS, false},
    {"links", KEY_LINKS, true},
    {"author", KEY_AUTHOR, true},
    {"actor", KEY_ACTOR, false},
    {"messages", KEY_MESSAGES, false},
    {"posts", KEY_POSTS, false},
    {"postChildren", KEY_POST_CHILDREN, false},
    {"comments", KEY_COMMENTS, false},
    {"stories", KEY_STORIES, false},
    {"users", KEY_USERS, false},
    {"channels", KEY_CHANNELS, false},
    {"communities", KEY_COMMUNITIES, false},
    {"communityUsers", KEY_COMMUNITY_USERS, false},
    {"channelUsers", KEY_CHANNEL_USERS, false},
};

enum { NAME_COUNT = sizeof(NAMES) / sizeof(NAMES[0]) };

void keys_init(struct keys *keys)
{
    memset(keys, 0, sizeof(*keys));
    for (size_t i = 0; i < NAME_COUNT; i++) {
        char padded[KEY_NAME_MAX_BYTES + 8] = {0};
        size_t len = strlen(NAMES[i].text);
        assert(len <= KEY_NAME_MAX_BYTES);
        memcpy(padded, NAMES[i].text, len);
        struct key_slot slot = {.head = key_head(padded, len),
                                .tail = key_tail(padded, len),
                                .len = (uint8_t)len,
                                .key = (uint8_t)NAMES[i].key,
                                .bare = NAMES[i].bare};
        size_t at = key_slot_of(slot.head, slot.tail, len);
        while (keys->slots[at].len)
            at = (at + 1) % KEY_SLOTS;
        keys->slots[at] = slot;
    }
}

const char *key_name(enum key key)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (NAMES[i].key == key)
            return NAMES[i].text;
    return "?";
}
