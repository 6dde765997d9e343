/* A value that is open for one event: has the value seen it, and what closing leaves behind: the origin, the newest
 * time, no cells that nothing can come of any more. Neighbours: value.h, answers.c. */
#include "filters/behaviour/value.h"

static const struct list_shape ORIGINS = {0, ORIGIN_BYTES};

static unsigned char *find_source(unsigned char *origins, uint64_t source)
{
    for (size_t i = 0; i < list_count(origins, ORIGINS); i++)
        if (load64(list_entry(origins, ORIGINS, i)) == source)
            return list_entry(origins, ORIGINS, i);
    return NULL;
}

void wd_session_open(struct wd_session *session, struct wd_value *value, struct wd_origin origin, int64_t now_ms)
{
    session->value = value;
    session->origin = origin;
    session->now_ms = now_ms < 1 ? 1 : now_ms < TIME_MAX_MS ? now_ms : TIME_MAX_MS - 1;
    session->out_of_memory = session->changed = false;
    session->remembered = 0;
    value_map(session);
    unsigned char *origins = cell_find(session, WD_CELL_ORIGINS, 0);
    unsigned char *entry = origins ? find_source(origins, origin.source) : NULL;
    session->has_origins = origins != NULL;
    session->repeated = entry && origin.sequence <= load64(entry + 8);
}

/* Room for one more: the source goes whose newest event is the oldest. */
static unsigned char *drop_oldest_source(struct wd_session *session, unsigned char *origins)
{
    size_t oldest = 0, count = list_count(origins, ORIGINS);
    for (size_t i = 1; i < count; i++)
        if (load48(list_entry(origins, ORIGINS, i) + 16) < load48(list_entry(origins, ORIGINS, oldest) + 16))
            oldest = i;
    uint64_t source = load64(list_entry(origins, ORIGINS, oldest));
    list_remove(session, origins, ORIGINS, oldest);
    answers_forget_source(session, source);
    return cell_find(session, WD_CELL_ORIGINS, 0);
}

static bool note_origin(struct wd_session *session)
{
    unsigned char *origins =
        session->has_origins ? cell_find_any(session, WD_CELL_ORIGINS, 0) : cell_make(session, WD_CELL_ORIGINS, 0, 0);
    if (!origins)
        return false;
    unsigned char *entry = find_source(origins, session->origin.source);
    if (!entry) {
        if (list_count(origins, ORIGINS) >= ORIGINS_MAX)
            origins = drop_oldest_source(session, origins);
        size_t count = list_count(origins, ORIGINS);
        if (!(origins = list_shift(session, origins, ORIGINS, 0, count)))
            return false;
        entry = list_entry(origins, ORIGINS, count);
        store64(entry, session->origin.source);
        store48(entry + 16, session->now_ms);
    }
    store64(entry + 8, session->origin.sequence);
    if (session->now_ms > load48(entry + 16))
        store48(entry + 16, session->now_ms);
    return true;
}

static size_t drop_passed(unsigned char *bytes, size_t len, int64_t now_ms)
{
    size_t kept = VALUE_HEAD;
    for (size_t at = VALUE_HEAD; at < len;) {
        size_t size = CELL_HEAD + cell_len(bytes + at);
        uint32_t until = load32(bytes + at + 7);
        if (until == 0 || bytes[at + 4] == WD_CELL_ORIGINS || (int64_t)until * MINUTE_MS > now_ms) {
            if (kept != at)
                memmove(bytes + kept, bytes + at, size);
            kept += size;
        }
        at += size;
    }
    return kept;
}

static int64_t forget_at(const unsigned char *bytes)
{
    return (int64_t)load32(bytes + 2) * MINUTE_MS;
}

/* False: there is nothing that may go. */
static bool drop_soonest(struct wd_value *value)
{
    unsigned char *soonest = NULL, *end = value->bytes + value->len;
    for (unsigned char *cell = value->bytes + VALUE_HEAD; cell < end; cell += CELL_HEAD + cell_len(cell))
        if (cell[4] != WD_CELL_ORIGINS && (!soonest || load32(cell + 7) < load32(soonest + 7)))
            soonest = cell;
    if (!soonest)
        return false;
    size_t size = CELL_HEAD + cell_len(soonest);
    memmove(soonest, soonest + size, (size_t)(end - soonest) - size);
    value->len -= (uint32_t)size;
    return true;
}

bool wd_session_close(struct wd_session *session)
{
    struct wd_value *value = session->value;
    if (session->out_of_memory || (session->changed && !session->repeated && !note_origin(session)))
        return false;
    if (session->repeated || !session->changed)
        return true;
    if (session->now_ms > load48(value->bytes + 6))
        store48(value->bytes + 6, session->now_ms);
    int64_t newest_ms = load48(value->bytes + 6);
    if ((int64_t)session->soonest * MINUTE_MS <= newest_ms)
        value->len = (uint32_t)drop_passed(value->bytes, value->len, newest_ms);
    while (value->len > VALUE_BYTES_MAX && drop_soonest(value))
        continue;
    value->changed = true;
    value->forget_at_ms = forget_at(value->bytes);
    return true;
}

void wd_value_prune(struct wd_value *value, int64_t now_ms)
{
    if (!value_is_sound(value->bytes, value->len) || forget_at(value->bytes) <= now_ms) {
        value->len = 0;
        value->forget_at_ms = 0;
        return;
    }
    value->len = (uint32_t)drop_passed(value->bytes, value->len, now_ms);
    value->forget_at_ms = forget_at(value->bytes);
}
