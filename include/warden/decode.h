/* From the bytes of a record to events.
 *
 * Accepts webhook bodies {"event":NAME,"data":{"messages":[...],"users":[...]}}, pre-hook bodies
 * {"eventName":NAME,"data":{...},"actor":{...}}, and for tools a bare {"text":...} line (name "message.didCreate"
 * unless "event" says otherwise; members as rules name them: id, author {id, age_days, ...}, channel, title, ...). A
 * decoder belongs to one thread; it keeps its buffers, so that a steady stream allocates nothing.
 *
 * What becomes an event: each object of the list that the event's family names (messages, posts, ...). Lists beside it
 * are context. Of postChildren those with a text, title or caption of their own are events too; the rest are pictures
 * and files. Events about users in a channel or community (didJoin, didBan, ...) come once for each of these users, who
 * is the author, moderation.* once for each user; docs/events.md tells more. A family without content gives one event
 * of WD_CONTENT_OTHER whose object_json is the data. Authors are found in users[] by user id, then internal, then
 * public id; author.id is the user id where one is known. Only what the platform sends after the fact must have ids:
 * pre-hooks and tool lines may come without.
 *
 * Bytes that are no UTF-8, lone surrogates and NUL characters in strings become U+FFFD and set `repaired` on all events
 * of the record. Members of the wrong kind count as absent, and so do empty ids. Time is linear in the length. */
#ifndef WARDEN_DECODE_H
#define WARDEN_DECODE_H

#include <warden/arena.h>
#include <warden/event.h>
#include <warden/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wd_decode_outcome {
    WD_DECODED = 0,          /* events_out holds one or more events, or none for a family that carries no content */
    WD_DECODE_BAD_JSON,      /* not JSON, or cut short */
    WD_DECODE_TOO_DEEP,      /* nested deeper than 64 */
    WD_DECODE_TOO_LARGE,     /* over the arena's cap or the stated size */
    WD_DECODE_NO_EVENT,      /* no "event" name, or "data" is not an object */
    WD_DECODE_MISSING_ID,    /* an object of a known family without its id or its author's id */
    WD_DECODE_DUPLICATE_KEY, /* a key that decides who or what is meant stands twice with different values */
};
/* Stable name for dead letters and metrics: "bad_json", ... */
const char *wd_decode_outcome_name(enum wd_decode_outcome outcome);

struct wd_events {
    struct wd_event *items; /* in the arena */
    size_t count;
};

struct wd_decoder;

struct wd_decoder *wd_decoder_new(size_t max_record_bytes);
void wd_decoder_free(struct wd_decoder *decoder);

/* Never fails on input: the outcome says what the bytes were. `err` gets the words and, in `column`, the byte offset
 * + 1 where it is known. The events point into `arena` and `bytes`. */
enum wd_decode_outcome wd_decode(struct wd_decoder *decoder, struct wd_arena *arena, const char *bytes, size_t len,
                                 struct wd_events *events_out, struct wd_error *err);

/* The value at a dotted path of an object's JSON ("metadata.lang", "items.0.type"), copied to the arena as text:
 * strings unescaped, numbers and booleans as written, objects and arrays as JSON. data is NULL where there is none. */
struct wd_str wd_decode_path(struct wd_decoder *decoder, struct wd_arena *arena, struct wd_str object_json,
                             struct wd_str path);

#ifdef __cplusplus
}
#endif
#endif
