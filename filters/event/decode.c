/* From the bytes of a record to events: see <warden/decode.h>. The decoder itself: its buffers, the start on a text,
 * the repair of one that is not UTF-8, the outcome. What the record says is read by record.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/event/decoder.h"
#include "filters/event/json_text.h"

enum { SIZE_LIMIT = 1 << 30, FIRST_BUFFER_BYTES = 16 * 1024 };

const char *wd_decode_outcome_name(enum wd_decode_outcome outcome)
{
    static const char *const NAMES[] = {"decoded",  "bad_json",   "too_deep",     "too_large",
                                        "no_event", "missing_id", "duplicate_key"};
    return (size_t)outcome < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[outcome] : "unknown";
}

struct wd_decoder *wd_decoder_new(size_t max_record_bytes)
{
    struct wd_decoder *decoder = calloc(1, sizeof(*decoder));
    if (!decoder)
        return NULL;
    decoder->max_record_bytes = max_record_bytes < SIZE_LIMIT ? max_record_bytes : SIZE_LIMIT;
    decoder->index = json_index_new();
    keys_init(&decoder->keys);
    if (!decoder->index) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void wd_decoder_free(struct wd_decoder *decoder)
{
    if (!decoder)
        return;
    json_index_free(decoder->index);
    free(decoder->padded);
    free(decoder);
}

void decoder_refuse(struct wd_decoder *decoder, enum wd_decode_outcome outcome, size_t offset, const char *format, ...)
{
    char text[256];
    va_list arguments;
    if (decoder->outcome != WD_DECODED)
        return;
    decoder->outcome = outcome;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    wd_fail(decoder->err, outcome == WD_DECODE_TOO_LARGE ? WD_ERR_TOO_LARGE : WD_ERR_INVALID, "%s", text);
    if (decoder->err)
        decoder->err->column = (int)offset + 1;
}

static bool ensure_padded(struct wd_decoder *decoder, size_t len)
{
    size_t wanted = len + JSON_PADDING_BYTES;
    if (wanted <= decoder->padded_bytes)
        return true;
    size_t bytes = decoder->padded_bytes ? decoder->padded_bytes : FIRST_BUFFER_BYTES;
    while (bytes < wanted)
        bytes *= 2;
    char *padded = realloc(decoder->padded, bytes);
    if (!padded)
        return false;
    decoder->padded = padded;
    decoder->padded_bytes = bytes;
    return true;
}

/* Records come one behind the other in memory: out of a fetch of Kafka's, or a file. The next one is on its way to the
 * cache while this one is judged. Where it lies elsewhere that is a little in vain: no fetch ahead can fail. */
static void fetch_behind(struct wd_str record)
{
    enum { LINE_BYTES = 64, AHEAD_MAX = 2048 };
    uintptr_t end = (uintptr_t)record.data + record.len;
    size_t ahead = record.len < AHEAD_MAX ? record.len : AHEAD_MAX;
    for (size_t i = 0; i < ahead + LINE_BYTES; i += LINE_BYTES)
        __builtin_prefetch((const void *)(end + i)); /* NOLINT(performance-no-int-to-ptr): past the object */
}

static enum json_index_status run_index(struct wd_decoder *decoder, struct wd_arena *arena, struct wd_str text)
{
    const uint32_t *offsets;
    size_t count;
    if (!ensure_padded(decoder, text.len))
        return JSON_INDEX_MEMORY;
    if (text.len)
        memcpy(decoder->padded, text.data, text.len);
    memset(decoder->padded + text.len, 0, JSON_PADDING_BYTES);
    enum json_index_status status = json_index_run(decoder->index, decoder->padded, text.len, &offsets, &count);
    if (status == JSON_INDEX_OK)
        json_start(&decoder->reader, arena, decoder->padded, text.data, text.len, offsets, count);
    return status;
}

bool decoder_start(struct wd_decoder *decoder, struct wd_arena *arena, struct wd_str text)
{
    return text.len <= decoder->max_record_bytes && run_index(decoder, arena, text) == JSON_INDEX_OK;
}

/* The index refused the text: where that is for bytes that can be replaced, starts on a repaired copy. */
static bool start_repaired(struct wd_decoder *decoder, struct wd_str text)
{
    bool changed = false;
    size_t len = json_repair(text.data, text.len, NULL, &changed);
    if (!changed) {
        decoder_refuse(decoder, WD_DECODE_BAD_JSON, 0,
                       text.len ? "not JSON: an open string or a control character in one" : "not JSON: no bytes");
        return false;
    }
    char *copy = len <= SIZE_LIMIT ? wd_arena_alloc(decoder->arena, len) : NULL;
    if (!copy) {
        decoder_refuse(decoder, WD_DECODE_TOO_LARGE, 0, "no room to repair %zu bytes", text.len);
        return false;
    }
    json_repair(text.data, text.len, copy, &changed);
    enum json_index_status status = run_index(decoder, decoder->arena, (struct wd_str){.data = copy, .len = len});
    if (status == JSON_INDEX_OK) {
        decoder->reader.repaired = true;
        return true;
    }
    decoder_refuse(decoder, status == JSON_INDEX_MEMORY ? WD_DECODE_TOO_LARGE : WD_DECODE_BAD_JSON, 0,
                   status == JSON_INDEX_MEMORY ? "no memory for the record" : "not JSON, and not UTF-8 either");
    return false;
}

static bool start(struct wd_decoder *decoder, struct wd_str text)
{
    if (text.len > decoder->max_record_bytes) {
        decoder_refuse(decoder, WD_DECODE_TOO_LARGE, 0, "%zu bytes are over the limit of %zu", text.len,
                       decoder->max_record_bytes);
        return false;
    }
    switch (run_index(decoder, decoder->arena, text)) {
    case JSON_INDEX_OK:
        fetch_behind(text);
        return true;
    case JSON_INDEX_MEMORY:
        decoder_refuse(decoder, WD_DECODE_TOO_LARGE, 0, "no memory for the record");
        return false;
    default:
        return start_repaired(decoder, text);
    }
}

/* Wrong JSON counts before wrong meaning: it may be the reason for it. */
static enum wd_decode_outcome conclude(struct wd_decoder *decoder)
{
    size_t offset = decoder->reader.problem_at;
    if (decoder->reader.problem)
        decoder->outcome = WD_DECODED;
    switch (decoder->reader.problem) {
    case JSON_FINE:
        break;
    case JSON_BAD_SYNTAX:
        decoder_refuse(decoder, WD_DECODE_BAD_JSON, offset, "not JSON at byte %zu", offset);
        break;
    case JSON_TOO_DEEP:
        decoder_refuse(decoder, WD_DECODE_TOO_DEEP, offset, "nested deeper than %d levels", JSON_MAX_DEPTH);
        break;
    case JSON_NO_MEMORY:
        decoder_refuse(decoder, WD_DECODE_TOO_LARGE, offset, "what the record holds needs more memory than allowed");
        break;
    }
    return decoder->outcome;
}

enum wd_decode_outcome wd_decode(struct wd_decoder *decoder, struct wd_arena *arena, const char *bytes, size_t len,
                                 struct wd_events *events_out, struct wd_error *err)
{
    decoder->arena = arena;
    decoder->err = err;
    decoder->outcome = WD_DECODED;
    decoder->bare = false;
    decoder->family = WD_CONTENT_OTHER;
    decoder->events = decoder->pendings = (struct list){0};
    decoder->users = (struct users){0};
    decoder->places = decoder->members = (struct list){0};
    *events_out = (struct wd_events){0};
    if (!start(decoder, (struct wd_str){.data = bytes, .len = len}))
        return decoder->outcome;
    record_read(decoder);
    if (conclude(decoder) != WD_DECODED)
        return decoder->outcome;
    events_out->items = decoder->events.items;
    events_out->count = decoder->events.count;
    for (size_t i = 0; i < events_out->count; i++)
        events_out->items[i].repaired = decoder->reader.repaired;
    return WD_DECODED;
}
