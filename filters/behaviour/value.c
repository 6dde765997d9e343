/* The bytes of values: what is sound, where cells are, how they grow and go. See value.h for the layout. */
#include <stdlib.h>

#include "filters/behaviour/value.h"

/* Lengths by kind: `least` bytes, and up to `most` entries of `stride`. A length has 16 bits: by `inverse` (2^32 /
 * stride, rounded up) it is divided exactly, and sooner than by a division. */
#define LENGTH(least, stride, most)                                                                                    \
    {                                                                                                                  \
        (least), (stride), (most), UINT32_MAX / (stride) + 1                                                           \
    }
static const struct {
    uint16_t least, stride, most;
    uint32_t inverse;
} LENGTHS[] = {
    [WD_CELL_COUNT] = LENGTH(20, 6, 4096),
    [WD_CELL_DISTINCT] = LENGTH(12, 10, 4096),
    [WD_CELL_SUM] = LENGTH(12, 10, 4096),
    [WD_CELL_SCORE] = LENGTH(15, 8, 0),
    [WD_CELL_STRIKES] = LENGTH(6, 14, 64),
    [WD_CELL_SIMILAR] = LENGTH(6, 22, 64),
    [WD_CELL_CROWD] = LENGTH(6, 22, 128),
    [WD_CELL_PROFILE] = LENGTH(16, 6, 1),
    [WD_CELL_CLEARED] = LENGTH(0, 8, 16),
    [WD_CELL_RECORD] = LENGTH(8, 8, 0),
    [WD_CELL_ORIGINS] = LENGTH(0, ORIGIN_BYTES, ORIGINS_MAX),
    [WD_CELL_DROPPED] = LENGTH(0, 16, 64),
};

bool cell_is_sound(const unsigned char *cell)
{
    unsigned kind = cell[4];
    size_t len = cell_len(cell);
    if (kind == WD_CELL_ANSWERS)
        return answers_are_sound(cell + CELL_HEAD, len);
    if (kind == WD_CELL_CONTRIBUTIONS)
        return contributions_are_sound(cell + CELL_HEAD, len);
    if (kind == WD_CELL_REPORTERS)
        return reporters_are_sound(cell + CELL_HEAD, len);
    if (kind >= sizeof LENGTHS / sizeof *LENGTHS || !LENGTHS[kind].stride)
        return true;
    if (len < LENGTHS[kind].least)
        return false;
    uint32_t more = (uint32_t)len - LENGTHS[kind].least;
    uint32_t entries = (uint32_t)((uint64_t)more * LENGTHS[kind].inverse >> 32);
    return entries * LENGTHS[kind].stride == more && entries <= LENGTHS[kind].most;
}

bool value_is_sound(const unsigned char *bytes, size_t len)
{
    if (len < VALUE_HEAD || bytes[0] != VALUE_MARK || bytes[1] != VALUE_VERSION)
        return false;
    size_t at = VALUE_HEAD;
    while (at < len) {
        if (len - at < CELL_HEAD || len - at - CELL_HEAD < cell_len(bytes + at))
            return false;
        at += CELL_HEAD + cell_len(bytes + at);
    }
    return true;
}

static uint32_t tag_of(enum wd_cell_kind kind, uint32_t id)
{
    return id + (uint32_t)kind * 0x9E3779B1u;
}

static void map_cell(struct wd_session *session, const unsigned char *cell)
{
    if (session->known == WD_SESSION_CELLS)
        return;
    session->cells[session->known].tag = tag_of((enum wd_cell_kind)cell[4], load32(cell));
    session->cells[session->known].at = (uint32_t)(cell - session->value->bytes);
    session->known++;
}

void value_map(struct wd_session *session)
{
    const unsigned char *bytes = session->value->bytes;
    size_t len = session->value->len, at = VALUE_HEAD;
    session->known = 0;
    session->soonest = UINT32_MAX;
    session->fresh = true;
    if (len < VALUE_HEAD || bytes[0] != VALUE_MARK || bytes[1] != VALUE_VERSION)
        return;
    while (at < len) {
        if (len - at < CELL_HEAD || len - at - CELL_HEAD < cell_len(bytes + at))
            return;
        uint32_t until = load32(bytes + at + 7);
        if (until - 1 < session->soonest - 1) /* 0 is never */
            session->soonest = until;
        map_cell(session, bytes + at);
        at += CELL_HEAD + cell_len(bytes + at);
    }
    session->fresh = false;
}

static bool is_cell(const unsigned char *cell, enum wd_cell_kind kind, uint32_t id)
{
    return load32(cell) == id && cell[4] == kind;
}

unsigned char *cell_find_any(const struct wd_session *session, enum wd_cell_kind kind, uint32_t id)
{
    unsigned char *bytes = session->value->bytes;
    uint32_t tag = tag_of(kind, id);
    if (session->fresh)
        return NULL;
    for (uint32_t i = 0; i < session->known; i++)
        if (session->cells[i].tag == tag && is_cell(bytes + session->cells[i].at, kind, id))
            return bytes + session->cells[i].at;
    if (session->known < WD_SESSION_CELLS)
        return NULL;
    const unsigned char *end = bytes + session->value->len;
    for (unsigned char *cell = bytes + session->cells[session->known - 1].at; cell < end;
         cell += CELL_HEAD + cell_len(cell))
        if (is_cell(cell, kind, id))
            return cell;
    return NULL;
}

unsigned char *cell_find(const struct wd_session *session, enum wd_cell_kind kind, uint32_t id)
{
    unsigned char *cell = cell_find_any(session, kind, id);
    return cell && cell_is_sound(cell) ? cell : NULL;
}

unsigned char *cell_next(const struct wd_session *session, enum wd_cell_kind kind, unsigned char *cell)
{
    if (session->fresh)
        return NULL;
    const unsigned char *end = session->value->bytes + session->value->len;
    cell = cell ? cell + CELL_HEAD + cell_len(cell) : session->value->bytes + VALUE_HEAD;
    while (cell < end && (cell[4] != kind || !cell_is_sound(cell)))
        cell += CELL_HEAD + cell_len(cell);
    return cell < end ? cell : NULL;
}

/* Room for `len` bytes in all. */
static bool reserve(struct wd_session *session, size_t len)
{
    struct wd_value *value = session->value;
    if (len <= value->capacity)
        return true;
    size_t capacity = len < 128 ? 256 : len * 2;
    unsigned char *bytes = session->out_of_memory ? NULL : realloc(value->bytes, capacity);
    if (!bytes) {
        session->out_of_memory = true;
        return false;
    }
    value->bytes = bytes;
    value->capacity = (uint32_t)capacity;
    return true;
}

static bool begin(struct wd_session *session)
{
    if (!reserve(session, VALUE_HEAD))
        return false;
    session->changed = true;
    if (!session->fresh)
        return true;
    memset(session->value->bytes, 0, VALUE_HEAD);
    session->value->bytes[0] = VALUE_MARK;
    session->value->bytes[1] = VALUE_VERSION;
    session->value->len = VALUE_HEAD;
    session->fresh = false;
    session->known = 0;
    session->soonest = UINT32_MAX;
    return true;
}

unsigned char *cell_make(struct wd_session *session, enum wd_cell_kind kind, uint32_t id, size_t len)
{
    if (!begin(session))
        return NULL;
    unsigned char *cell = cell_find_any(session, kind, id);
    if (cell && cell_is_sound(cell))
        return cell;
    if (cell)
        cell_drop(session, cell);
    struct wd_value *value = session->value;
    if (!reserve(session, value->len + CELL_HEAD + len))
        return NULL;
    cell = value->bytes + value->len;
    memset(cell, 0, CELL_HEAD + len);
    store32(cell, id);
    cell[4] = (unsigned char)kind;
    store16(cell + 5, (uint32_t)len);
    value->len += (uint32_t)(CELL_HEAD + len);
    map_cell(session, cell);
    return cell;
}

/* Cells behind `offset` have moved. */
static void move_mapped(struct wd_session *session, size_t offset, uint32_t by)
{
    for (uint32_t i = 0; i < session->known; i++)
        session->cells[i].at += session->cells[i].at > offset ? by : 0;
}

unsigned char *cell_resize(struct wd_session *session, unsigned char *cell, size_t len)
{
    struct wd_value *value = session->value;
    size_t offset = (size_t)(cell - value->bytes), old = cell_len(cell), tail = offset + CELL_HEAD + old;
    if (len == old)
        return cell;
    if (len > CELL_BYTES_MAX || !reserve(session, value->len - old + len)) {
        session->out_of_memory = true;
        return NULL;
    }
    cell = value->bytes + offset;
    memmove(cell + CELL_HEAD + len, value->bytes + tail, value->len - tail);
    store16(cell + 5, (uint32_t)len);
    value->len = (uint32_t)(value->len - old + len);
    move_mapped(session, offset, (uint32_t)(len - old));
    return cell;
}

void cell_drop(struct wd_session *session, unsigned char *cell)
{
    struct wd_value *value = session->value;
    size_t offset = (size_t)(cell - value->bytes), size = CELL_HEAD + cell_len(cell);
    memmove(cell, cell + size, value->len - offset - size);
    value->len -= (uint32_t)size;
    value_map(session);
}

void cell_keep_until(struct wd_session *session, unsigned char *cell, int64_t until_ms)
{
    int64_t minute = (until_ms < TIME_MAX_MS ? until_ms : TIME_MAX_MS) / MINUTE_MS + LATENESS_MS / MINUTE_MS + 1;
    uint32_t until = minute < UINT32_MAX ? (uint32_t)minute : UINT32_MAX;
    store32(cell + 7, until);
    unsigned char *head = session->value->bytes;
    if (until > load32(head + 2))
        store32(head + 2, until);
}

unsigned char *list_shift(struct wd_session *session, unsigned char *cell, struct list_shape shape, size_t cut,
                          size_t at)
{
    size_t count = list_count(cell, shape), stride = shape.stride, gap = at != SIZE_MAX;
    size_t left = count - cut, old = cell_len(cell), len = old + gap * stride - cut * stride;
    if (len > old && !(cell = cell_resize(session, cell, len)))
        return NULL;
    unsigned char *entries = cell_data(cell) + shape.head;
    if (!gap)
        memmove(entries, entries + cut * stride, left * stride);
    else if (cut > 0) {
        memmove(entries, entries + cut * stride, at * stride);
        memmove(entries + (at + 1) * stride, entries + (cut + at) * stride, (left - at) * stride);
    } else
        memmove(entries + (at + 1) * stride, entries + at * stride, (left - at) * stride);
    return len < old ? cell_resize(session, cell, len) : cell;
}

unsigned char *list_remove(struct wd_session *session, unsigned char *cell, struct list_shape shape, size_t at)
{
    unsigned char *entry = list_entry(cell, shape, at);
    memmove(entry, entry + shape.stride, (list_count(cell, shape) - at - 1) * shape.stride);
    return cell_resize(session, cell, cell_len(cell) - shape.stride);
}
