/* A hash table of everything that the sandbox knows. Members of a place are entries of their own, keyed by place and
 * user, so that a channel with a hundred thousand bans costs no more than one with three. Neighbours: moderation.c,
 * users.c, control.c. */
#include "worker/platform/sandbox/objects.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OBJECT_CAP = 4 * 1000 * 1000, FIRST_BUCKETS = 1024 };

struct objects {
    struct object **buckets;
    size_t bucket_count; /* a power of two */
    size_t total;
    size_t counts[OBJECT_TYPE_COUNT];
};

static const char *const NAMES[] = {"",     "message", "post",      "comment", "story",
                                    "user", "channel", "community", "member"};
static const char *const PLURALS[] = {"",      "messages", "posts",       "comments", "stories",
                                      "users", "channels", "communities", "members"};
static const char *const ID_KEYS[] = {"",       "messageId", "postId",      "commentId", "storyId",
                                      "userId", "channelId", "communityId", "userId"};

const char *object_type_name(enum object_type type)
{
    return NAMES[type];
}

const char *object_type_plural(enum object_type type)
{
    return PLURALS[type];
}

const char *object_type_id_key(enum object_type type)
{
    return ID_KEYS[type];
}

enum object_type object_type_from(const char *name)
{
    for (int type = OBJECT_MESSAGE; type < OBJECT_MEMBER; type++)
        if (strcmp(name, NAMES[type]) == 0 || strcmp(name, PLURALS[type]) == 0)
            return (enum object_type)type;
    return OBJECT_NONE;
}

struct objects *objects_new(void)
{
    struct objects *objects = calloc(1, sizeof(*objects));
    if (!objects)
        return NULL;
    objects->bucket_count = FIRST_BUCKETS;
    objects->buckets = calloc(FIRST_BUCKETS, sizeof(struct object *));
    if (!objects->buckets) {
        free(objects);
        return NULL;
    }
    return objects;
}

static void object_free(struct object *object)
{
    object_clear_flags(object);
    json_decref(object->data);
    free(object);
}

void objects_clear(struct objects *objects)
{
    for (size_t i = 0; i < objects->bucket_count; i++) {
        while (objects->buckets[i]) {
            struct object *object = objects->buckets[i];
            objects->buckets[i] = object->next;
            object_free(object);
        }
    }
    objects->total = 0;
    memset(objects->counts, 0, sizeof(objects->counts));
}

void objects_free(struct objects *objects)
{
    if (!objects)
        return;
    objects_clear(objects);
    free(objects->buckets);
    free(objects);
}

static uint64_t hash_of(enum object_type type, const struct object *place, const char *id)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)type ^ (place ? place->hash * 31 : 0);
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
    return hash ^ (hash >> 29);
}

static struct object *find(const struct objects *objects, enum object_type type, const struct object *place,
                           const char *id, uint64_t hash)
{
    struct object *object = objects->buckets[hash & (objects->bucket_count - 1)];
    while (object &&
           !(object->hash == hash && object->type == type && object->place == place && strcmp(object->id, id) == 0))
        object = object->next;
    return object;
}

/* Without memory for more buckets the chains grow instead: slower, not wrong. */
static void grow(struct objects *objects)
{
    size_t count = objects->bucket_count * 2;
    struct object **buckets = calloc(count, sizeof(struct object *));
    if (!buckets)
        return;
    for (size_t i = 0; i < objects->bucket_count; i++) {
        struct object *next;
        for (struct object *object = objects->buckets[i]; object; object = next) {
            next = object->next;
            object->next = buckets[object->hash & (count - 1)];
            buckets[object->hash & (count - 1)] = object;
        }
    }
    free(objects->buckets);
    objects->buckets = buckets;
    objects->bucket_count = count;
}

static struct object *make(struct objects *objects, enum object_type type, struct object *place, const char *id,
                           int64_t now_ms)
{
    uint64_t hash = hash_of(type, place, id);
    struct object *object = find(objects, type, place, id, hash);
    if (object || objects->total >= OBJECT_CAP)
        return object;
    size_t len = strlen(id);
    object = calloc(1, sizeof(*object) + len + 1);
    if (!object)
        return NULL;
    object->type = type;
    object->place = place;
    object->hash = hash;
    object->created_at_ms = now_ms;
    memcpy(object->id, id, len + 1);
    if (objects->total >= objects->bucket_count)
        grow(objects);
    struct object **bucket = &objects->buckets[hash & (objects->bucket_count - 1)];
    object->next = *bucket;
    *bucket = object;
    objects->total++;
    objects->counts[type]++;
    return object;
}

struct object *objects_find(const struct objects *objects, enum object_type type, const char *id)
{
    return find(objects, type, NULL, id, hash_of(type, NULL, id));
}

struct object *objects_make(struct objects *objects, enum object_type type, const char *id, int64_t now_ms)
{
    return make(objects, type, NULL, id, now_ms);
}

struct object *objects_find_member(const struct objects *objects, const struct object *place, const char *user_id)
{
    return find(objects, OBJECT_MEMBER, place, user_id, hash_of(OBJECT_MEMBER, place, user_id));
}

struct object *objects_make_member(struct objects *objects, struct object *place, const char *user_id, int64_t now_ms)
{
    return make(objects, OBJECT_MEMBER, place, user_id, now_ms);
}

size_t objects_count(const struct objects *objects, enum object_type type)
{
    return objects->counts[type];
}

void objects_each(const struct objects *objects, enum object_type type,
                  bool (*visit)(void *context, struct object *object), void *context)
{
    for (size_t i = 0; i < objects->bucket_count; i++)
        for (struct object *object = objects->buckets[i]; object; object = object->next)
            if (object->type == type && !visit(context, object))
                return;
}

bool object_flag(struct object *object, const char *flagger, bool *failed_out)
{
    for (size_t i = 0; i < object->flagger_count; i++)
        if (strcmp(object->flaggers[i], flagger) == 0)
            return false;
    char **flaggers = realloc(object->flaggers, (object->flagger_count + 1) * sizeof(char *));
    if (flaggers)
        object->flaggers = flaggers;
    char *name = flaggers ? strdup(flagger) : NULL;
    if (!name) {
        *failed_out = true;
        return false;
    }
    object->flaggers[object->flagger_count++] = name;
    return true;
}

bool object_unflag(struct object *object, const char *flagger)
{
    for (size_t i = 0; i < object->flagger_count; i++) {
        if (strcmp(object->flaggers[i], flagger) != 0)
            continue;
        free(object->flaggers[i]);
        object->flaggers[i] = object->flaggers[--object->flagger_count];
        return true;
    }
    return false;
}

void object_clear_flags(struct object *object)
{
    for (size_t i = 0; i < object->flagger_count; i++)
        free(object->flaggers[i]);
    free(object->flaggers);
    object->flaggers = NULL;
    object->flagger_count = 0;
}

static void print_time(const char *key, int64_t ms, struct buffer *out)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    buffer_format(out, ",\"%s\":\"%s.%03dZ\"", key, text, (int)(ms % 1000));
}

static void print_user(const struct object *user, struct buffer *out)
{
    json_t *name = json_object_get(user->data, "displayName");
    json_t *roles = json_object_get(user->data, "roles");
    char *roles_text = roles ? json_dumps(roles, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    buffer_text(out, ",\"displayName\":");
    buffer_json(out, json_is_string(name) ? json_string_value(name) : user->id);
    buffer_format(out, ",\"roles\":%s,\"permissions\":[],\"isGlobalBan\":%s", roles_text ? roles_text : "[]",
                  user->is_banned ? "true" : "false");
    buffer_format(out, ",\"sessionsRevoked\":%u", user->revoke_count);
    free(roles_text);
}

void object_print(const struct object *object, struct buffer *out)
{
    static const char *const REVIEWS[] = {"reviewing", "published", "declined"};
    buffer_format(out, "{\"%s\":", ID_KEYS[object->type]);
    buffer_json(out, object->id);
    if (object->type != OBJECT_MEMBER) {
        buffer_format(out, ",\"flagCount\":%zu,\"isDeleted\":%s,\"isDeletedForGood\":%s", object->flagger_count,
                      object->is_hidden || object->is_gone ? "true" : "false", object->is_gone ? "true" : "false");
        buffer_format(out, ",\"editCount\":%u", object->edit_count);
    } else {
        buffer_format(out, ",\"isBanned\":%s,\"isRemoved\":%s", object->is_banned ? "true" : "false",
                      object->is_removed ? "true" : "false");
    }
    if (object->type == OBJECT_POST)
        buffer_format(out, ",\"feedType\":\"%s\"", REVIEWS[object->review]);
    if (object->type == OBJECT_USER)
        print_user(object, out);
    if (object->type == OBJECT_MEMBER || object->type == OBJECT_CHANNEL)
        buffer_format(out, ",\"mutedUntil\":%lld", (long long)object->muted_until_ms);
    if (object->data && object->type != OBJECT_MEMBER) {
        char *data = json_dumps(object->data, JSON_COMPACT);
        buffer_format(out, ",\"edited\":%s", data ? data : "null");
        free(data);
    }
    print_time("createdAt", object->created_at_ms, out);
    buffer_text(out, "}");
}
