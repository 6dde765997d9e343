/* What was true for the last 64 events: so that an event that is delivered again gets the answers it got. A ring of
 * events, the oldest first, each with its answers; and for each source up to where the ring has dropped answers.
 *
 *   ANSWERS  u48 time of the last one, then for each event: u64 source, u64 sequence, u16 bytes, answers...
 *   answer   u32 key, u8 length, bytes
 *   DROPPED  u64 source, u64 sequence */
#include "filters/behaviour/value.h"

enum { EVENTS_MAX = 64, TIME_BYTES = 6, EVENT_HEAD = 18, ANSWER_HEAD = 5, EVENT_BYTES_MAX = 1024 };

static const struct list_shape DROPPED = {0, 16};

static uint32_t key_of(enum answer_question question, uint32_t cell)
{
    return cell + (uint32_t)question * 0x9E3779B1u;
}

static size_t event_size(const unsigned char *event)
{
    return EVENT_HEAD + load16(event + 16);
}

static bool event_is_sound(const unsigned char *event)
{
    const unsigned char *end = event + event_size(event);
    for (const unsigned char *at = event + EVENT_HEAD; at < end; at += ANSWER_HEAD + at[4])
        if (end - at < ANSWER_HEAD || end - at - ANSWER_HEAD < at[4])
            return false;
    return true;
}

bool answers_are_sound(const unsigned char *data, size_t len)
{
    if (len < TIME_BYTES)
        return false;
    for (size_t at = TIME_BYTES; at < len; at += event_size(data + at))
        if (len - at < EVENT_HEAD || len - at < event_size(data + at) || !event_is_sound(data + at))
            return false;
    return true;
}

static unsigned char *find_event(unsigned char *cell, struct wd_origin origin)
{
    unsigned char *end = cell_data(cell) + cell_len(cell);
    for (unsigned char *at = cell_data(cell) + TIME_BYTES; at < end; at += event_size(at))
        if (load64(at) == origin.source && load64(at + 8) == origin.sequence)
            return at;
    return NULL;
}

static unsigned char *find_dropped(unsigned char *cell, uint64_t source)
{
    for (size_t i = 0; i < list_count(cell, DROPPED); i++)
        if (load64(list_entry(cell, DROPPED, i)) == source)
            return list_entry(cell, DROPPED, i);
    return NULL;
}

/* Of this source, answers up to this sequence may be missing. */
static bool note_dropped(struct wd_session *session, uint64_t source, uint64_t sequence)
{
    unsigned char *cell = cell_make(session, WD_CELL_DROPPED, 0, 0);
    if (!cell)
        return false;
    unsigned char *entry = find_dropped(cell, source);
    if (!entry) {
        size_t count = list_count(cell, DROPPED), cut = count >= ORIGINS_MAX;
        if (!(cell = list_shift(session, cell, DROPPED, cut, count - cut)))
            return false;
        entry = list_entry(cell, DROPPED, count - cut);
        store64(entry, source);
        store64(entry + 8, 0);
    }
    if (sequence > load64(entry + 8))
        store64(entry + 8, sequence);
    cell_keep_until(session, cell, session->now_ms);
    return true;
}

static size_t count_events(unsigned char *cell)
{
    size_t count = 0;
    unsigned char *end = cell_data(cell) + cell_len(cell);
    for (unsigned char *at = cell_data(cell) + TIME_BYTES; at < end; at += event_size(at))
        count++;
    return count;
}

static unsigned char *remove_event(struct wd_session *session, unsigned char *cell, unsigned char *event)
{
    size_t size = event_size(event), len = cell_len(cell);
    memmove(event, event + size, (size_t)(cell_data(cell) + len - event) - size);
    return cell_resize(session, cell, len - size);
}

static bool drop_oldest_event(struct wd_session *session, unsigned char *cell)
{
    unsigned char *first = cell_data(cell) + TIME_BYTES;
    uint64_t source = load64(first), sequence = load64(first + 8);
    remove_event(session, cell, first);
    return note_dropped(session, source, sequence);
}

/* The cell with the event of the session as the last of it. */
static unsigned char *begin_event(struct wd_session *session)
{
    unsigned char *cell = cell_make(session, WD_CELL_ANSWERS, 0, TIME_BYTES);
    unsigned char *old = cell ? find_event(cell, session->origin) : NULL;
    if (!cell)
        return NULL;
    if (old) /* from before its source was forgotten */
        cell = remove_event(session, cell, old);
    while (count_events(cell) >= EVENTS_MAX) {
        if (!drop_oldest_event(session, cell))
            return NULL;
        cell = cell_find(session, WD_CELL_ANSWERS, 0);
    }
    size_t len = cell_len(cell);
    if (!(cell = cell_resize(session, cell, len + EVENT_HEAD)))
        return NULL;
    unsigned char *event = cell_data(cell) + len;
    store64(event, session->origin.source);
    store64(event + 8, session->origin.sequence);
    store16(event + 16, 0);
    if (session->now_ms > load48(cell_data(cell)))
        store48(cell_data(cell), session->now_ms);
    cell_keep_until(session, cell, load48(cell_data(cell)));
    session->remembered = (uint32_t)len;
    return cell;
}

void answer_put(struct wd_session *session, enum answer_question question, uint32_t cell_id, const unsigned char *bytes,
                size_t len)
{
    if (session->repeated)
        return;
    unsigned char *cell = session->remembered ? cell_find_any(session, WD_CELL_ANSWERS, 0) : begin_event(session);
    if (!cell)
        return;
    size_t at = session->remembered, old = load16(cell_data(cell) + at + 16);
    if (old + ANSWER_HEAD + len > EVENT_BYTES_MAX) {
        note_dropped(session, session->origin.source, session->origin.sequence);
        return;
    }
    if (!(cell = cell_resize(session, cell, cell_len(cell) + ANSWER_HEAD + len)))
        return;
    store16(cell_data(cell) + at + 16, (uint32_t)(old + ANSWER_HEAD + len));
    unsigned char *answer = cell_data(cell) + at + EVENT_HEAD + old; /* the event is the last */
    store32(answer, key_of(question, cell_id));
    answer[4] = (unsigned char)len;
    memcpy(answer + ANSWER_HEAD, bytes, len);
}

enum wd_answer_known answer_get(const struct wd_session *session, enum answer_question question, uint32_t cell_id,
                                unsigned char *out, size_t len)
{
    if (!session->repeated)
        return WD_ANSWER_UNKNOWN;
    unsigned char *cell = cell_find(session, WD_CELL_ANSWERS, 0);
    unsigned char *event = cell ? find_event(cell, session->origin) : NULL;
    const unsigned char *end = event ? event + event_size(event) : NULL;
    for (unsigned char *at = event ? event + EVENT_HEAD : NULL; at < end; at += ANSWER_HEAD + at[4])
        if (load32(at) == key_of(question, cell_id) && at[4] == len) {
            memcpy(out, at + ANSWER_HEAD, len);
            return WD_ANSWER_FOUND;
        }
    unsigned char *dropped = cell_find(session, WD_CELL_DROPPED, 0);
    unsigned char *entry = dropped ? find_dropped(dropped, session->origin.source) : NULL;
    return entry && load64(entry + 8) >= session->origin.sequence ? WD_ANSWER_UNKNOWN : WD_ANSWER_ABSENT;
}

void answers_forget_source(struct wd_session *session, uint64_t source)
{
    unsigned char *cell = cell_find(session, WD_CELL_DROPPED, 0);
    unsigned char *entry = cell ? find_dropped(cell, source) : NULL;
    if (entry)
        list_remove(session, cell, DROPPED, (size_t)(entry - cell_data(cell)) / DROPPED.stride);
}

void answer_put_amount(struct wd_session *session, enum answer_question question, uint32_t cell, double amount)
{
    unsigned char bytes[8];
    store_double(bytes, amount);
    answer_put(session, question, cell, bytes, sizeof bytes);
}

enum wd_answer_known answer_get_amount(const struct wd_session *session, enum answer_question question, uint32_t cell,
                                       double *amount_out)
{
    unsigned char bytes[8] = {0};
    enum wd_answer_known known = answer_get(session, question, cell, bytes, sizeof bytes);
    *amount_out = load_amount(bytes);
    return known;
}

enum wd_answer_known wd_remembered_answer(struct wd_session *session, uint32_t cell, double *payload_out)
{
    return answer_get_amount(session, ANSWER_OTHER, cell, payload_out);
}

void wd_remember_answer(struct wd_session *session, uint32_t cell, double payload)
{
    answer_put_amount(session, ANSWER_OTHER, cell, payload);
}
