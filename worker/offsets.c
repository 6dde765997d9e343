/* Finished offsets -> the highest safe offset. Neighbours: shard.c asks for the position and commits it.
 *
 * Delivered records stand in a ring in delivery order; a ticket is a record's running number, so that its place is
 * ticket - head_ticket. Runs restored from metadata are a sorted list of [first, end) offsets. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/offsets.h"

enum { FIRST_RING = 256, RUNS_MAX = 4096, RAW_MAX = OFFSETS_METADATA_MAX / 4 * 3 };

struct entry {
    int64_t offset;
    bool finished;
};

struct run {
    int64_t first, end;
};

struct offsets {
    struct entry *ring; /* size is a power of two */
    size_t size, limit;
    uint64_t head, tail; /* tickets: [head, tail) are in the ring */
    size_t unfinished;
    int64_t position;
    uint64_t version;
    struct run *restored;
    size_t restored_count, restored_at; /* runs before restored_at lie below the newest delivery */
};

static struct entry *entry_at(const struct offsets *offsets, uint64_t ticket)
{
    return &offsets->ring[ticket & (offsets->size - 1)];
}

/* ---- metadata: checksum, then varints of gap and length, alternating, from the position on; all in base64 ---- */

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t put_varint(uint8_t *out, uint64_t value)
{
    size_t n = 0;
    while (value >= 0x80) {
        out[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    return n;
}

static bool take_varint(const uint8_t **at, const uint8_t *end, uint64_t *value_out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *value_out = value;
            return true;
        }
    }
    return false;
}

/* Unpadded base64 of `length` bytes; returns the characters written. */
static size_t encode_base64(const uint8_t *bytes, size_t length, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i += 3) {
        size_t rest = length - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (rest > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (rest > 2 ? (uint32_t)bytes[i + 2] : 0);
        for (size_t digit = 0; digit < (rest > 2 ? 4 : rest + 1); digit++)
            out[n++] = BASE64[group >> (18 - 6 * digit) & 63];
    }
    return n;
}

/* Returns the number of bytes, or -1 where it is not base64 or too long. */
static int decode_base64(const char *text, uint8_t out[RAW_MAX])
{
    size_t n = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (; *text; text++) {
        const char *digit = strchr(BASE64, *text);
        if (!digit)
            return -1;
        bits = bits << 6 | (uint32_t)(digit - BASE64);
        held += 6;
        if (held >= 8) {
            held -= 8;
            if (n == RAW_MAX)
                return -1;
            out[n++] = (uint8_t)(bits >> held);
        }
    }
    return (int)n;
}

/* FNV-1a over the position and the runs, so that damaged metadata, or metadata that belongs to another offset, is
 * never taken for knowledge. */
enum { CHECKSUM_BYTES = 4 };
static uint32_t checksum(int64_t position, const uint8_t *raw, size_t length)
{
    uint32_t hash = 2166136261u;
    for (unsigned i = 0; i < 8; i++)
        hash = (hash ^ (uint8_t)((uint64_t)position >> (8 * i))) * 16777619u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ raw[i]) * 16777619u;
    return hash;
}

static void put_checksum(uint8_t out[CHECKSUM_BYTES], uint32_t sum)
{
    for (unsigned i = 0; i < CHECKSUM_BYTES; i++)
        out[i] = (uint8_t)(sum >> (8 * i));
}

static bool read_runs(struct offsets *offsets, const uint8_t *raw, size_t length)
{
    const uint8_t *at = raw, *end = raw + length;
    int64_t next = offsets->position;
    while (at < end) {
        uint64_t gap, count;
        if (!take_varint(&at, end, &gap) || !take_varint(&at, end, &count) || count == 0 ||
            gap > (uint64_t)INT64_MAX / 4 || count > (uint64_t)INT64_MAX / 4 || offsets->restored_count == RUNS_MAX ||
            next > INT64_MAX / 2)
            return false;
        struct run run = {.first = next + (int64_t)gap, .end = next + (int64_t)gap + (int64_t)count};
        offsets->restored[offsets->restored_count++] = run;
        next = run.end;
    }
    return true;
}

/* Unreadable metadata is ignored as a whole: the work is done again rather than skipped on a guess. */
static bool restore(struct offsets *offsets, const char *metadata)
{
    uint8_t raw[RAW_MAX];
    if (!metadata || metadata[0] != '1' || strlen(metadata) > OFFSETS_METADATA_MAX || offsets->position < 0)
        return true;
    int length = decode_base64(metadata + 1, raw);
    if (length <= CHECKSUM_BYTES)
        return true;
    uint8_t sum[CHECKSUM_BYTES];
    put_checksum(sum, checksum(offsets->position, raw + CHECKSUM_BYTES, (size_t)length - CHECKSUM_BYTES));
    if (memcmp(sum, raw, CHECKSUM_BYTES) != 0)
        return true;
    offsets->restored = calloc(RUNS_MAX, sizeof(*offsets->restored));
    if (!offsets->restored)
        return false;
    if (!read_runs(offsets, raw + CHECKSUM_BYTES, (size_t)length - CHECKSUM_BYTES))
        offsets->restored_count = 0;
    return true;
}

/* ---- the ring ---- */

struct offsets *offsets_new(int64_t position, const char *metadata, size_t limit)
{
    struct offsets *offsets = calloc(1, sizeof(*offsets));
    if (!offsets)
        return NULL;
    *offsets = (struct offsets){.size = FIRST_RING, .limit = limit, .position = position};
    offsets->ring = calloc(offsets->size, sizeof(*offsets->ring));
    if (!offsets->ring || !restore(offsets, metadata)) {
        offsets_free(offsets);
        return NULL;
    }
    return offsets;
}

void offsets_free(struct offsets *offsets)
{
    if (!offsets)
        return;
    free(offsets->ring);
    free(offsets->restored);
    free(offsets);
}

static bool grow(struct offsets *offsets)
{
    struct entry *ring = calloc(offsets->size * 2, sizeof(*ring));
    if (!ring)
        return false;
    for (uint64_t ticket = offsets->head; ticket < offsets->tail; ticket++)
        ring[ticket & (offsets->size * 2 - 1)] = *entry_at(offsets, ticket);
    free(offsets->ring);
    offsets->ring = ring;
    offsets->size *= 2;
    return true;
}

static bool append(struct offsets *offsets, int64_t offset, bool finished)
{
    if (offsets_span(offsets) == offsets->size && !grow(offsets))
        return false;
    *entry_at(offsets, offsets->tail) = (struct entry){.offset = offset, .finished = finished};
    offsets->tail++;
    if (!finished)
        offsets->unfinished++;
    return true;
}

static bool was_finished_earlier(struct offsets *offsets, int64_t offset)
{
    while (offsets->restored_at < offsets->restored_count && offsets->restored[offsets->restored_at].end <= offset)
        offsets->restored_at++;
    return offsets->restored_at < offsets->restored_count && offsets->restored[offsets->restored_at].first <= offset;
}

static void advance(struct offsets *offsets)
{
    while (offsets->head < offsets->tail && entry_at(offsets, offsets->head)->finished) {
        offsets->position = entry_at(offsets, offsets->head)->offset + 1;
        offsets->head++;
    }
    offsets->version++;
}

enum offsets_delivery offsets_deliver(struct offsets *offsets, int64_t offset, uint64_t *ticket_out)
{
    int64_t newest =
        offsets->tail > offsets->head ? entry_at(offsets, offsets->tail - 1)->offset : offsets->position - 1;
    if (offsets->position >= 0 && offset <= newest)
        return OFFSETS_BELOW_POSITION;
    if (offsets_span(offsets) >= offsets->limit)
        return OFFSETS_FULL;
    bool earlier = was_finished_earlier(offsets, offset);
    if (!append(offsets, offset, earlier))
        return OFFSETS_FULL;
    if (offsets->position < 0)
        offsets->position = offset;
    if (earlier) {
        advance(offsets);
        return OFFSETS_FINISHED_EARLIER;
    }
    *ticket_out = offsets->tail - 1;
    return OFFSETS_NEW;
}

bool offsets_awaits(const struct offsets *offsets, uint64_t ticket)
{
    return ticket >= offsets->head && ticket < offsets->tail && !entry_at(offsets, ticket)->finished;
}

void offsets_finish(struct offsets *offsets, uint64_t ticket)
{
    assert(offsets_awaits(offsets, ticket));
    entry_at(offsets, ticket)->finished = true;
    offsets->unfinished--;
    advance(offsets);
}

int64_t offsets_position(const struct offsets *offsets)
{
    return offsets->position;
}

size_t offsets_unfinished(const struct offsets *offsets)
{
    return offsets->unfinished;
}

size_t offsets_span(const struct offsets *offsets)
{
    return (size_t)(offsets->tail - offsets->head);
}

int64_t offsets_oldest_unfinished(const struct offsets *offsets)
{
    return offsets->head < offsets->tail ? entry_at(offsets, offsets->head)->offset : -1;
}

uint64_t offsets_version(const struct offsets *offsets)
{
    return offsets->version;
}

/* Adds one run; false where it does not fit. Base64 of n bytes takes (4n + 2) / 3 characters, plus the version. */
static bool put_run(uint8_t raw[RAW_MAX], size_t *length, uint64_t gap, uint64_t count)
{
    uint8_t bytes[20];
    size_t n = put_varint(bytes, gap);
    n += put_varint(bytes + n, count);
    if (((*length + n) * 4 + 2) / 3 + 1 > OFFSETS_METADATA_MAX)
        return false;
    memcpy(raw + *length, bytes, n);
    *length += n;
    return true;
}

/* Runs of the ring, then those restored ones that no delivery has reached yet. A hole between two finished records
 * joins their run: what does not exist needs no doing. */
size_t offsets_metadata(const struct offsets *offsets, char out[OFFSETS_METADATA_MAX + 1])
{
    uint8_t raw[RAW_MAX];
    size_t length = CHECKSUM_BYTES;
    int64_t next = offsets->position;
    bool fits = true;
    uint64_t ticket = offsets->head;
    while (fits && ticket < offsets->tail) {
        if (!entry_at(offsets, ticket)->finished) {
            ticket++;
            continue;
        }
        int64_t first = entry_at(offsets, ticket)->offset, end = first + 1;
        while (++ticket < offsets->tail && entry_at(offsets, ticket)->finished)
            end = entry_at(offsets, ticket)->offset + 1;
        fits = put_run(raw, &length, (uint64_t)(first - next), (uint64_t)(end - first));
        next = fits ? end : next;
    }
    int64_t newest = offsets->tail > offsets->head ? entry_at(offsets, offsets->tail - 1)->offset : next - 1;
    for (size_t i = offsets->restored_at; fits && i < offsets->restored_count; i++) {
        struct run run = offsets->restored[i];
        int64_t first = run.first > newest ? run.first : newest + 1;
        if (first < next)
            first = next;
        if (first >= run.end)
            continue;
        fits = put_run(raw, &length, (uint64_t)(first - next), (uint64_t)(run.end - first));
        next = fits ? run.end : next;
    }
    if (length == CHECKSUM_BYTES) {
        out[0] = '\0';
        return 0;
    }
    put_checksum(raw, checksum(offsets->position, raw + CHECKSUM_BYTES, length - CHECKSUM_BYTES));
    out[0] = '1';
    size_t n = 1 + encode_base64(raw, length, out + 1);
    out[n] = '\0';
    return n;
}
