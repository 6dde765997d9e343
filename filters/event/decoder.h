/* What the files of this room share: the decoder, and drafts (what one JSON object said, before it is known what it
 * is about). record.c walks a record, draft.c reads objects, content.c makes events of drafts, memberships.c those
 * about users in places, users.c finds authors. */
#ifndef FILTERS_EVENT_DECODER_H
#define FILTERS_EVENT_DECODER_H

#include <warden/decode.h>

#include "filters/event/json.h"
#include "filters/event/keys.h"

enum { TIME_KEY_COUNT = 3, USER_ID_KINDS = 4 };

/* A list in the arena that doubles as it grows. */
struct list {
    void *items;
    size_t count;
};

struct draft {
    struct wd_str strings[STRING_KEY_COUNT]; /* by key */
    struct wd_str data_text, data_title, data_caption, data_file_id;
    int64_t times_ms[TIME_KEY_COUNT]; /* created, edited, updated */
    int64_t flag_count;               /* -1 where absent */
    double age_days;                  /* -1 where absent */
    bool is_deleted, is_global_ban, mentions_channel;
    struct list tags, roles, mentions; /* of struct wd_str */
    struct list links;                 /* of struct wd_link */
    struct list attachments;           /* of struct wd_attachment, type absent: that of the object */
    struct draft *author;              /* where the author of a tool line goes, NULL where none is expected */
    bool has_author;
    struct wd_str json;
};

/* A user object beside the content. */
struct user {
    struct wd_author author;
    struct wd_str ids[USER_ID_KINDS]; /* user id, internal id, public id, _id */
    struct wd_str json;
};

/* An id of a user, for the search among many. */
struct user_id {
    struct wd_str id;
    uint32_t rank; /* the kind of id, then the user's place: the lowest wins */
};

struct users {
    struct list list;       /* of struct user */
    struct user_id *sorted; /* made once there are many; NULL before */
    size_t sorted_count;
};

/* A user of a place, from a list beside it. */
struct membership {
    struct wd_str user_id, user_ref, place_id; /* user_ref: his internal or public id */
};

/* An event whose author is named by something else than the user id. */
struct pending {
    struct wd_str author_ref;
};

struct wd_decoder {
    struct json_index *index;
    char *padded; /* the record, followed by padding */
    size_t padded_bytes, max_record_bytes;
    struct keys keys;
    struct json_reader reader;
    /* The record at hand. */
    struct wd_arena *arena;
    bool bare; /* names of tool lines count */
    enum wd_content_type family;
    struct wd_str name, raw_name;
    struct list events;   /* of struct wd_event */
    struct list pendings; /* of struct pending, one an event */
    struct users users;
    struct list places;             /* of struct draft: see memberships.c */
    struct list members;            /* of struct membership */
    enum wd_decode_outcome outcome; /* the first thing wrong with what the JSON means */
    struct wd_error *err;
};

/* The next slot of a list, zeroed. NULL after a problem was noted in the reader. */
void *list_push(struct wd_decoder *decoder, struct list *list, size_t item_bytes);

/* Notes what is wrong with a record whose JSON is right; the first note stands. `column` is err's. */
void decoder_refuse(struct wd_decoder *decoder, enum wd_decode_outcome outcome, size_t offset, const char *format, ...)
    WD_PRINTF(4, 5);

/* Members of one object; refuses known members that stand twice with different values. */
struct members {
    uint64_t seen;
    enum key last;
    struct {
        uint32_t begin, end;
    } value[KEY_COUNT];
};

static inline void members_init(struct members *members)
{
    members->seen = 0;
    members->last = KEY_UNKNOWN;
}

/* The next member whose name is known, with its value as next token. Others are skipped. KEY_UNKNOWN at the end. */
enum key members_next(struct wd_decoder *decoder, struct members *members);

/* Reads the record on which the reader was started; what it says is in decoder->events and ->outcome. */
void record_read(struct wd_decoder *decoder);

/* Reads the object that comes next. false where something else stood there. */
bool draft_read(struct wd_decoder *decoder, struct draft *draft);
void draft_init(struct draft *draft);

/* Appends an event made of a draft; its author is only named yet. `ids_required`: refuses content without the ids that
 * the platform always sends. */
void content_add(struct wd_decoder *decoder, enum wd_content_type type, const struct draft *draft, bool ids_required);
/* Whoever the object names as the one who made it: a user id, or another id of his. */
struct wd_str content_owner(const struct draft *draft);
/* The author of the event that was added last is somebody else than the object says. */
void content_name_author(struct wd_decoder *decoder, struct wd_str user_id, struct wd_str user_ref);
/* The author as a user object shows him. */
struct wd_author content_author(const struct draft *draft);
/* Sets the authors of all events from the users beside them; `ids_required` as above. */
void content_set_authors(struct wd_decoder *decoder, bool ids_required);

void users_add(struct wd_decoder *decoder, const struct draft *draft);
/* The user that has this id; user ids come before internal ids, those before public ids. NULL where there is none. */
const struct user *users_find(struct wd_decoder *decoder, struct wd_str id);

/* memberships.c: whether the record's name is of an event about users in places; then places and members are added as
 * they come, and made events of once all lists are read. */
bool memberships_are_told(const struct wd_decoder *decoder);
void memberships_add_place(struct wd_decoder *decoder, const struct draft *draft);
void memberships_add_member(struct wd_decoder *decoder, const struct draft *draft);
void memberships_finish(struct wd_decoder *decoder);

/* Puts a text into the padded buffer and starts the reader on it. false where the index refuses it. */
bool decoder_start(struct wd_decoder *decoder, struct wd_arena *arena, struct wd_str text);

#endif
