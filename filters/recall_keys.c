/* The keys of values: short texts that begin with what they are about. What always holds: a key is at most KEY_MAX
 * bytes; a longer one keeps its beginning, and what is cut off is in a digest. Neighbours: recall.c. */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "filters/recall.h"

enum { KEY_HEAD = 120, KEY_DIGEST = 16 };

/* A key that is too long keeps its beginning, for people. */
static size_t shorten(char *key, size_t len)
{
    unsigned char digest[32];
    size_t head = KEY_HEAD;
    if (!EVP_Digest(key, len, digest, NULL, EVP_sha256(), NULL))
        return 0;
    while (head && ((unsigned char)key[head] & 0xC0) == 0x80)
        head--;
    key[head] = '#';
    for (size_t i = 0; i < KEY_DIGEST; i++)
        snprintf(key + head + 1 + 2 * i, 3, "%02x", digest[i]);
    return head + 1 + 2 * KEY_DIGEST;
}

static bool is_same_key(struct wd_str a, const char *key, size_t len)
{
    return a.len == len && memcmp(a.data, key, len) == 0;
}

int wd_add_key(struct recalling *recalling, char *key, size_t len)
{
    struct prepared *prepared = recalling->prepared;
    if (len > KEY_MAX)
        len = shorten(key, len);
    for (size_t i = 0; i < prepared->key_count; i++)
        if (is_same_key(prepared->keys[i], key, len))
            return (int)i;
    struct wd_str copy = wd_arena_copy(recalling->arena, (struct wd_str){.data = key, .len = len});
    if (!copy.data || !len || prepared->key_count == KEYS_MAX) {
        recalling->out_of_memory = true;
        return NO_KEY;
    }
    prepared->keys[prepared->key_count] = copy;
    return (int)prepared->key_count++;
}

/* The parts, one behind the other. */
int wd_key_of(struct recalling *recalling, const struct wd_str *parts, size_t count)
{
    char small[KEY_MAX + 1], *key = small;
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    if (len > KEY_MAX)
        key = wd_arena_alloc(recalling->arena, len + 1);
    if (!key) {
        recalling->out_of_memory = true;
        return NO_KEY;
    }
    len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(key + len, parts[i].data, parts[i].len);
        len += parts[i].len;
    }
    return wd_add_key(recalling, key, len);
}

bool wd_has(struct wd_str text)
{
    return text.data && text.len;
}

int wd_author_key(struct recalling *recalling, struct wd_str id)
{
    const struct wd_str parts[] = {wd_str_from("a:"), id};
    return wd_has(id) ? wd_key_of(recalling, parts, 2) : NO_KEY;
}

/* The most local place: TYPE and id. False where the event has none. */
static bool place_of(const struct wd_event *event, struct wd_str *type_out, struct wd_str *id_out)
{
    const struct wd_place *place = &event->place;
    *type_out = wd_has(place->channel_id)     ? wd_str_from("channel")
                : wd_has(place->community_id) ? wd_str_from("community")
                                              : place->target_type;
    *id_out = wd_has(place->channel_id)     ? place->channel_id
              : wd_has(place->community_id) ? place->community_id
                                            : place->target_id;
    return wd_has(*type_out) && wd_has(*id_out);
}

struct wd_str wd_place_text(struct wd_arena *arena, const struct wd_event *event)
{
    struct wd_str type, id;
    if (!place_of(event, &type, &id))
        return (struct wd_str){0};
    char *text = wd_arena_alloc(arena, type.len + id.len + 1);
    if (!text)
        return (struct wd_str){0};
    memcpy(text, type.data, type.len);
    text[type.len] = '/';
    memcpy(text + type.len + 1, id.data, id.len);
    return (struct wd_str){.data = text, .len = type.len + id.len + 1};
}

int wd_place_key(struct recalling *recalling, bool with_author)
{
    struct wd_str type, id, author = recalling->event->author.id;
    if (!place_of(recalling->event, &type, &id) || (with_author && !wd_has(author)))
        return NO_KEY;
    const struct wd_str slash = wd_str_from("/");
    const struct wd_str alone[] = {wd_str_from("p:"), type, slash, id},
                        together[] = {wd_str_from("ap:"), author, wd_str_from("@"), type, slash, id};
    return with_author ? wd_key_of(recalling, together, 6) : wd_key_of(recalling, alone, 4);
}

int wd_content_key(struct recalling *recalling)
{
    const struct wd_str parts[] = {wd_str_from("c:"), recalling->event->content_id};
    return wd_has(recalling->event->content_id) ? wd_key_of(recalling, parts, 2) : NO_KEY;
}

int wd_network_key(struct recalling *recalling)
{
    const struct wd_str parts[] = {wd_str_from("n:")};
    return wd_key_of(recalling, parts, 1);
}
