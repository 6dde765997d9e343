/* The event model: what rules see of one content object of one platform event, whatever its JSON looked like.
 *
 * All pointers belong to the arena or the input buffer that the event was decoded from and live as long as both.
 * Texts are valid UTF-8 without NUL bytes. Times are milliseconds since 1970-01-01 UTC, 0 where absent. */
#ifndef WARDEN_EVENT_H
#define WARDEN_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wd_content_type {
    WD_CONTENT_OTHER = 0, /* an event of a family without content: follow.*, poll.*, ... */
    WD_CONTENT_MESSAGE,
    WD_CONTENT_POST,
    WD_CONTENT_COMMENT,
    WD_CONTENT_STORY,
    WD_CONTENT_USER,
    WD_CONTENT_CHANNEL,
    WD_CONTENT_COMMUNITY,
    WD_CONTENT_TYPE_COUNT
};
/* "message", "post", ..., "other". */
const char *wd_content_type_name(enum wd_content_type type);

enum wd_text_field {
    WD_FIELD_TEXT = 0,     /* the body: message, post, comment or story text */
    WD_FIELD_TITLE,        /* post title */
    WD_FIELD_DESCRIPTION,  /* user, channel or community description */
    WD_FIELD_DISPLAY_NAME, /* display name of the object itself (user, channel, community) */
    WD_FIELD_LINK_TEXT,    /* the shown text of a hyperlink item */
    WD_FIELD_AUTHOR_NAME,  /* display name of the author of other content: only for rules that ask for it */
    WD_TEXT_FIELD_COUNT
};
/* The name that rules write: "text", "title", "description", "display_name", "link_text", "author_name". */
const char *wd_text_field_name(enum wd_text_field field);

struct wd_text {
    enum wd_text_field field;
    struct wd_str text;
};

struct wd_link {
    struct wd_str url;   /* as written */
    struct wd_str shown; /* the text shown in its place, absent where none */
};

struct wd_attachment {
    struct wd_str type; /* "image", "file", ... */
    struct wd_str ref;  /* file id or URL */
};

struct wd_author {
    struct wd_str id;
    struct wd_str display_name;
    const struct wd_str *roles;
    size_t role_count;
    int64_t created_at_ms;
    int64_t flag_count; /* -1 where unknown */
    double age_days;    /* as tool lines state it, before created_at_ms counts; -1 where unknown */
    bool is_global_ban;
    bool is_known; /* the event carried the author's user object */
};

struct wd_place {
    struct wd_str channel_id;
    struct wd_str community_id;
    struct wd_str target_type; /* "user", "community", "content", as sent */
    struct wd_str target_id;
};

struct wd_event {
    struct wd_str name;     /* without v3. or v5.: "message.didCreate" */
    struct wd_str raw_name; /* as sent */
    enum wd_content_type content_type;
    struct wd_str content_id;
    struct wd_str parent_id;
    struct wd_str data_type; /* text, image, custom, ... */
    struct wd_author author; /* for user events the user itself */
    struct wd_place place;
    const struct wd_text *texts;
    size_t text_count;
    const struct wd_link *links; /* hyperlink items; links inside texts are found by the links view */
    size_t link_count;
    const struct wd_str *mentions; /* user ids */
    size_t mention_count;
    bool mentions_channel; /* everybody in the channel */
    const struct wd_attachment *attachments;
    size_t attachment_count;
    const struct wd_str *tags;
    size_t tag_count;
    int64_t flag_count;
    bool is_deleted;
    int64_t created_at_ms, edited_at_ms, updated_at_ms;
    int64_t kafka_timestamp_ms; /* set by the caller of the decoder */
    struct wd_str object_json;  /* the object as sent: for fields that only some rules ask for */
    struct wd_str author_json;  /* the author's user object, absent where none came */
    bool repaired;              /* invalid UTF-8, lone surrogates or NUL were replaced by U+FFFD */
};

#ifdef __cplusplus
}
#endif
#endif
