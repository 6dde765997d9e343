/* The member names that the decoder knows, and a hash table from name to number. Immutable after keys_init. Names
 * have at most 16 bytes, so that two loads of eight compare them whole. */
#ifndef FILTERS_EVENT_KEYS_H
#define FILTERS_EVENT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <warden/str.h>

enum key {
    KEY_UNKNOWN = 0,
    /* Values that are strings: a draft keeps each under its number. */
    KEY_MESSAGE_ID,
    KEY_POST_ID,
    KEY_COMMENT_ID,
    KEY_STORY_ID,
    KEY_USER_ID,
    KEY_CHANNEL_ID,
    KEY_COMMUNITY_ID,
    KEY_BARE_ID,
    KEY_CREATOR_ID,
    KEY_POSTED_USER_ID,
    KEY_USER_INTERNAL_ID,
    KEY_USER_PUBLIC_ID,
    KEY_UNDERSCORE_ID,
    KEY_PARENT_ID,
    KEY_PARENT_POST_ID,
    KEY_REFERENCE_ID,
    KEY_TARGET_ID,
    KEY_TARGET_TYPE,
    KEY_TYPE,
    KEY_DATA_TYPE,
    KEY_TEXT,
    KEY_CAPTION,
    KEY_TITLE,
    KEY_DESCRIPTION,
    KEY_DISPLAY_NAME,
    KEY_LINK_TEXT,
    KEY_FILE_ID,
    KEY_URL,
    KEY_CUSTOM_TEXT,
    KEY_EVENT,
    KEY_EVENT_NAME,
    STRING_KEY_COUNT,
    /* Times. */
    KEY_CREATED_AT = STRING_KEY_COUNT,
    KEY_EDITED_AT,
    KEY_UPDATED_AT,
    /* Other values. */
    KEY_DATA,
    KEY_FLAG_COUNT,
    KEY_AGE_DAYS,
    KEY_IS_DELETED,
    KEY_IS_GLOBAL_BAN,
    KEY_MENTIONS_CHANNEL,
    KEY_TAGS,
    KEY_ROLES,
    KEY_MENTIONEES,
    KEY_MENTIONED_USERS,
    KEY_USER_IDS,
    KEY_ATTACHMENTS,
    KEY_ITEMS,
    KEY_LINKS,
    KEY_AUTHOR,
    KEY_ACTOR,
    /* Lists in the data of a webhook. */
    KEY_MESSAGES,
    KEY_POSTS,
    KEY_POST_CHILDREN,
    KEY_COMMENTS,
    KEY_STORIES,
    KEY_USERS,
    KEY_CHANNELS,
    KEY_COMMUNITIES,
    KEY_COMMUNITY_USERS,
    KEY_CHANNEL_USERS,
    KEY_COUNT
};

enum { KEY_SLOT_BITS = 9, KEY_SLOTS = 1 << KEY_SLOT_BITS, KEY_NAME_MAX_BYTES = 16 };

struct key_slot {
    uint64_t head, tail; /* first and last up to eight bytes of the name */
    uint8_t len, key;
    bool bare; /* the name counts in lines written for tools only */
};

struct keys {
    struct key_slot slots[KEY_SLOTS];
};

void keys_init(struct keys *keys);

/* The first eight bytes of a name of any length, zeros past its end. */
static inline uint64_t key_head(const char *name, size_t len)
{
    uint64_t head, kept = len < 8 ? (UINT64_C(1) << (8 * len)) - 1 : UINT64_MAX;
    memcpy(&head, name, sizeof(head));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    kept = __builtin_bswap64(kept);
#endif
    return head & kept;
}

/* The last eight bytes of a name that has more, else 0. */
static inline uint64_t key_tail(const char *name, size_t len)
{
    uint64_t tail;
    memcpy(&tail, name + (len > 8 ? len - 8 : 0), sizeof(tail));
    return len > 8 ? tail : 0;
}

static inline size_t key_slot_of(uint64_t head, uint64_t tail, size_t len)
{
    uint64_t mixed = (head ^ (tail << 1) ^ len) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> (64 - KEY_SLOT_BITS));
}

/* KEY_UNKNOWN where the name is none of ours. `name` is readable eight bytes past its end. */
static inline enum key keys_find(const struct keys *keys, struct wd_str name, bool bare)
{
    if (name.len == 0 || name.len > KEY_NAME_MAX_BYTES)
        return KEY_UNKNOWN;
    uint64_t head = key_head(name.data, name.len), tail = key_tail(name.data, name.len);
    for (size_t at = key_slot_of(head, tail, name.len);; at = (at + 1) % KEY_SLOTS) {
        const struct key_slot *slot = &keys->slots[at];
        if (slot->len == 0)
            return KEY_UNKNOWN;
        if (((slot->head ^ head) | (slot->tail ^ tail) | (slot->len ^ name.len)) == 0)
            return slot->bare && !bare ? KEY_UNKNOWN : (enum key)slot->key;
    }
}

/* The name of a key as the platform writes it, for messages. */
const char *key_name(enum key key);

#endif
