/* The platform's state: users, content, channels, communities, and what stands between a user and a place. Belongs to
 * the sandbox's lock. Objects live until objects_free() or objects_clear(). */
#ifndef WORKER_SANDBOX_OBJECTS_H
#define WORKER_SANDBOX_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "worker/platform/sandbox/buffer.h"

enum object_type {
    OBJECT_NONE = 0,
    OBJECT_MESSAGE,
    OBJECT_POST,
    OBJECT_COMMENT,
    OBJECT_STORY,
    OBJECT_USER,
    OBJECT_CHANNEL,
    OBJECT_COMMUNITY,
    OBJECT_MEMBER, /* of a channel or community; never named by itself */
    OBJECT_TYPE_COUNT
};
/* "message", ..., "community". */
const char *object_type_name(enum object_type type);
/* "messages", ...: how the platform names the list of them. */
const char *object_type_plural(enum object_type type);
/* "messageId", ... */
const char *object_type_id_key(enum object_type type);
/* From the singular or plural name; OBJECT_NONE where it is neither. */
enum object_type object_type_from(const char *name);

enum review { REVIEW_NONE = 0, REVIEW_APPROVED, REVIEW_DECLINED };

struct object {
    struct object *next;  /* in its hash bucket */
    struct object *place; /* member: the channel or community */
    enum object_type type;
    uint64_t hash;
    int64_t created_at_ms;
    char **flaggers; /* who flagged it */
    size_t flagger_count;
    json_t *data; /* what was edited or seeded, an object; NULL where nothing */
    unsigned edit_count;
    unsigned revoke_count; /* user: how often the sessions were revoked */
    enum review review;
    bool is_hidden, is_gone; /* soft deleted, deleted for good */
    bool is_banned;          /* user: globally; member: in the place */
    bool is_exempt;          /* user: cannot be banned */
    bool is_removed;         /* member: not in the place any more */
    int64_t muted_until_ms;  /* member, channel: 0 not, -1 for ever */
    char id[];
};

struct objects;

struct objects *objects_new(void);
void objects_free(struct objects *objects);
void objects_clear(struct objects *objects);

/* The object, or NULL where it does not exist. */
struct object *objects_find(const struct objects *objects, enum object_type type, const char *id);
/* The object, made where it does not exist; NULL where memory or the cap of 4 million objects ends that. */
struct object *objects_make(struct objects *objects, enum object_type type, const char *id, int64_t now_ms);
struct object *objects_find_member(const struct objects *objects, const struct object *place, const char *user_id);
struct object *objects_make_member(struct objects *objects, struct object *place, const char *user_id, int64_t now_ms);

size_t objects_count(const struct objects *objects, enum object_type type);
/* Calls `visit` for every object of `type`, in no particular order; stops where it returns false. */
void objects_each(const struct objects *objects, enum object_type type,
                  bool (*visit)(void *context, struct object *object), void *context);

/* true: it was not there before. `*failed_out` is set where memory is out. */
bool object_flag(struct object *object, const char *flagger, bool *failed_out);
bool object_unflag(struct object *object, const char *flagger);
void object_clear_flags(struct object *object);

/* The object as the platform shows it. */
void object_print(const struct object *object, struct buffer *out);

#endif
