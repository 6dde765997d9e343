/* See segment.h. */
#include "worker/state/segment.h"

#include <stdlib.h>
#include <string.h>

enum { DIRECTORY_RECORD = 8 + 4, TAIL = 8, UNIT = 64, BEGIN_BITS = 16, LENGTH_BITS = 8 };
static const uint32_t MARK = 0x32677357; /* "Wsg2" */
static const uint32_t REMOVAL = UINT32_C(1) << 31;

/* ---- places ---- */

static const uint64_t LONGEST = (UINT64_C(1) << LENGTH_BITS) - 1;

uint64_t place_of_record(uint64_t segment, size_t begin, size_t bytes)
{
    uint64_t units = (bytes + UNIT - 1) / UNIT;
    return segment << (BEGIN_BITS + LENGTH_BITS) | (uint64_t)begin << LENGTH_BITS | (units < LONGEST ? units : LONGEST);
}

uint64_t place_segment(uint64_t place)
{
    return place >> (BEGIN_BITS + LENGTH_BITS);
}

size_t place_begin(uint64_t place)
{
    return (place >> LENGTH_BITS) & ((1U << BEGIN_BITS) - 1);
}

uint64_t place_bytes(uint64_t place)
{
    return (place & LONGEST) * UNIT;
}

/* ---- building ---- */

struct segment *segment_new(size_t bytes)
{
    size_t room = bytes + DIRECTORY_RECORD + TAIL;
    room = room < SEGMENT_BYTES ? SEGMENT_BYTES : room;
    struct segment *segment = malloc(sizeof(*segment) + room);
    if (!segment)
        return NULL;
    segment->next = NULL;
    segment->count = 0;
    segment->used = 0;
    segment->room = room;
    return segment;
}

void segment_free(struct segment *segment)
{
    free(segment);
}

bool segment_has_room(const struct segment *segment, size_t bytes)
{
    size_t directory = (segment->count + (size_t)1) * DIRECTORY_RECORD;
    return segment->count < SEGMENT_RECORDS && segment->used + bytes + directory + TAIL <= segment->room;
}

size_t record_bytes(const struct record *record)
{
    return RECORD_HEADER + record->key.len + record->len;
}

static unsigned char *take(struct segment *segment, uint64_t hash, uint32_t mark, size_t bytes)
{
    unsigned char *at = segment->bytes + segment->used;
    segment->hashes[segment->count] = hash;
    segment->begins[segment->count++] = (uint32_t)segment->used | mark;
    segment->used += bytes;
    return at;
}

void segment_add(struct segment *segment, uint64_t hash, const struct record *record)
{
    unsigned char *at = take(segment, hash, record->len ? 0 : REMOVAL, record_bytes(record));
    memcpy(at, &record->version, 8);
    memcpy(at + 8, &record->forget_at_ms, 8);
    memcpy(at + 16, &record->len, 4);
    at[20] = (unsigned char)record->key.len;
    memcpy(at + RECORD_HEADER, record->key.data, record->key.len);
    if (record->len)
        memcpy(at + RECORD_HEADER + record->key.len, record->bytes, record->len);
}

void segment_add_copy(struct segment *segment, uint64_t hash, const unsigned char *bytes, size_t len)
{
    memcpy(take(segment, hash, 0, len), bytes, len);
}

void segment_seal(struct segment *segment)
{
    segment->begins[segment->count] = (uint32_t)segment->used;
    unsigned char *at = segment->bytes + segment->used;
    memcpy(at, segment->hashes, segment->count * sizeof(uint64_t));
    at += segment->count * sizeof(uint64_t);
    memcpy(at, segment->begins, segment->count * sizeof(uint32_t));
    at += segment->count * sizeof(uint32_t);
    memcpy(at, &segment->count, 4);
    memcpy(at + 4, &MARK, 4);
    segment->used = (size_t)(at - segment->bytes) + TAIL;
}

/* ---- looking ---- */

bool segment_open(const void *bytes, size_t len, struct segment_view *out)
{
    uint32_t mark;
    if (!bytes || len < TAIL)
        return false;
    const unsigned char *end = (const unsigned char *)bytes + len;
    memcpy(&out->count, end - TAIL, 4);
    memcpy(&mark, end - TAIL + 4, 4);
    if (mark != MARK || out->count > (len - TAIL) / DIRECTORY_RECORD)
        return false;
    out->bytes = bytes;
    out->records_end = len - TAIL - out->count * (size_t)DIRECTORY_RECORD;
    out->hashes = out->bytes + out->records_end;
    out->begins = out->hashes + out->count * sizeof(uint64_t);
    return true;
}

uint64_t segment_hash(const struct segment_view *view, uint32_t record)
{
    uint64_t hash;
    memcpy(&hash, view->hashes + record * sizeof(hash), sizeof(hash));
    return hash;
}

static uint32_t marked_begin(const struct segment_view *view, uint32_t record)
{
    uint32_t begin;
    memcpy(&begin, view->begins + record * sizeof(begin), sizeof(begin));
    return begin;
}

bool segment_is_removal(const struct segment_view *view, uint32_t record)
{
    return marked_begin(view, record) & REMOVAL;
}

size_t segment_begin(const struct segment_view *view, uint32_t record)
{
    return record < view->count ? marked_begin(view, record) & ~REMOVAL : view->records_end;
}

size_t segment_record_bytes(const struct segment_view *view, uint32_t record)
{
    return segment_begin(view, record + 1) - segment_begin(view, record);
}

bool segment_record_at(const unsigned char *bytes, size_t len, size_t begin, struct record *out)
{
    if (!bytes || begin > len || len - begin < RECORD_HEADER)
        return false;
    const unsigned char *at = bytes + begin;
    memcpy(&out->version, at, 8);
    memcpy(&out->forget_at_ms, at + 8, 8);
    memcpy(&out->len, at + 16, 4);
    out->key = (struct wd_str){.data = (const char *)at + RECORD_HEADER, .len = at[20]};
    out->bytes = at + RECORD_HEADER + out->key.len;
    return record_bytes(out) <= len - begin;
}

bool segment_record(const struct segment_view *view, uint32_t record, struct record *out)
{
    size_t begin = segment_begin(view, record), end = segment_begin(view, record + 1);
    return record < view->count && begin <= end && end <= view->records_end &&
           segment_record_at(view->bytes, end, begin, out) && record_bytes(out) == end - begin;
}
