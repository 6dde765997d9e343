/* Strikes and ladders: the times of the last 64 strikes, the oldest first. A step fires where an event brings the
 * strikes of its window from below its number to it or above.
 *
 *   u48 T; entries: u48 time, u64 content
 */
#include "filters/behaviour/value.h"

enum { STRIKES_MAX = 64 };
static const struct list_shape STRIKES = {6, 14};

static int64_t positive_span(int64_t span_ms)
{
    return span_ms < 1 ? 1 : span_ms < TIME_MAX_MS ? span_ms : TIME_MAX_MS;
}

/* Strikes within (T - within, T]. */
static uint32_t count_within(unsigned char *cell, int64_t watermark_ms, int64_t within_ms)
{
    uint32_t count = 0;
    for (size_t i = list_count(cell, STRIKES); i-- > 0;)
        count += load48(list_entry(cell, STRIKES, i)) > watermark_ms - within_ms;
    return count;
}

static int64_t within_of(const struct wd_ladder *ladder, int64_t within_ms)
{
    int64_t expire = positive_span(ladder->expire_ms);
    return within_ms > 0 && within_ms < expire ? within_ms : expire;
}

uint32_t wd_strikes_read(struct wd_session *session, const struct wd_ladder *ladder, int64_t within_ms)
{
    unsigned char *cell = cell_find(session, WD_CELL_STRIKES, ladder->cell);
    if (!cell)
        return 0;
    int64_t seen_ms = load48(cell_data(cell));
    return count_within(cell, seen_ms > session->now_ms ? seen_ms : session->now_ms, within_of(ladder, within_ms));
}

static unsigned char *add_strike(struct wd_session *session, unsigned char *cell, uint64_t content)
{
    size_t count = list_count(cell, STRIKES), at = count, cut = count >= STRIKES_MAX;
    while (at > 0 && load48(list_entry(cell, STRIKES, at - 1)) > session->now_ms)
        at--;
    if (cut > at)
        return cell;
    if (!(cell = list_shift(session, cell, STRIKES, cut, at - cut)))
        return NULL;
    store48(list_entry(cell, STRIKES, at - cut), session->now_ms);
    store64(list_entry(cell, STRIKES, at - cut) + 6, content);
    return cell;
}

static int fired_step(const struct wd_ladder *ladder, const unsigned char *before, size_t before_count,
                      int64_t watermark_ms, unsigned char *cell)
{
    int fired = -1;
    for (size_t i = 0; i < ladder->step_count; i++) {
        int64_t within_ms = within_of(ladder, ladder->steps[i].within_ms);
        uint32_t after = ladder->steps[i].after, was = 0;
        for (size_t k = 0; k < before_count; k++)
            was += load48(before + k * STRIKES.stride) > watermark_ms - within_ms;
        if (was < after && count_within(cell, watermark_ms, within_ms) >= after &&
            (fired < 0 || after > ladder->steps[fired].after))
            fired = (int)i;
    }
    return fired;
}

/* The step that the event fired then, with the strikes of then; else the strikes of now. */
static int answer_again(struct wd_session *session, const struct wd_ladder *ladder, uint32_t *strikes_out)
{
    unsigned char bytes[5];
    enum wd_answer_known known = answer_get(session, ANSWER_STRIKES, ladder->cell, bytes, sizeof bytes);
    if (known == WD_ANSWER_FOUND && bytes[0] < ladder->step_count) {
        *strikes_out = load32(bytes + 1);
        return bytes[0];
    }
    *strikes_out = wd_strikes_read(session, ladder, 0);
    return -1;
}

static void remember(struct wd_session *session, const struct wd_ladder *ladder, int step, uint32_t strikes)
{
    unsigned char bytes[5] = {(unsigned char)step};
    store32(bytes + 1, strikes);
    if (step >= 0 && step < 256)
        answer_put(session, ANSWER_STRIKES, ladder->cell, bytes, sizeof bytes);
}

int wd_strikes_add(struct wd_session *session, const struct wd_ladder *ladder, uint32_t count, uint64_t content,
                   uint32_t *strikes_out)
{
    *strikes_out = 0;
    if (session->repeated || count == 0)
        return answer_again(session, ladder, strikes_out);
    unsigned char *cell = cell_make(session, WD_CELL_STRIKES, ladder->cell, STRIKES.head);
    if (!cell)
        return -1;
    int64_t seen_ms = load48(cell_data(cell)), expire_ms = positive_span(ladder->expire_ms), now_ms = session->now_ms;
    int64_t watermark_ms = seen_ms > now_ms ? seen_ms : now_ms;
    store48(cell_data(cell), watermark_ms);
    size_t cut = 0, held = list_count(cell, STRIKES);
    while (cut < held && load48(list_entry(cell, STRIKES, cut)) <= watermark_ms - expire_ms)
        cut++;
    if (cut)
        cell = list_shift(session, cell, STRIKES, cut, SIZE_MAX);
    unsigned char before[STRIKES_MAX * 14];
    memcpy(before, list_entry(cell, STRIKES, 0), (held - cut) * STRIKES.stride);
    if (now_ms > watermark_ms - expire_ms)
        for (uint32_t i = 0; i < count && i < STRIKES_MAX && cell; i++)
            cell = add_strike(session, cell, content);
    if (!cell)
        return -1;
    cell_keep_until(session, cell, watermark_ms + expire_ms);
    *strikes_out = count_within(cell, watermark_ms, expire_ms);
    int step = fired_step(ladder, before, held - cut, watermark_ms, cell);
    remember(session, ladder, step, *strikes_out);
    return step;
}
