/* Has this author written nearly the same before? His last 64 fingerprints within the window, the oldest first.
 *
 *   u48 T; entries: u48 time, u64 fingerprint, u64 content
 */
#include "filters/behaviour/value.h"

enum { TEXTS_MAX = 64 };
static const struct list_shape TEXTS = {6, 22};

static int64_t within_of(const struct wd_similar *similar)
{
    return similar->within_ms < 1 ? 1 : similar->within_ms < TIME_MAX_MS ? similar->within_ms : TIME_MAX_MS;
}

/* This text and those of other contents that are like it, newer than `since_ms`. */
static uint32_t count_like(unsigned char *cell, const struct wd_similar *similar, int64_t since_ms,
                           uint64_t fingerprint, uint64_t content)
{
    uint32_t count = 1;
    for (size_t i = 0; cell && i < list_count(cell, TEXTS); i++) {
        const unsigned char *entry = list_entry(cell, TEXTS, i);
        count += load48(entry) > since_ms && load64(entry + 14) != content &&
                 wd_fingerprint_distance(load64(entry + 6), fingerprint) <= similar->distance;
    }
    return count;
}

static size_t find_content(unsigned char *cell, uint64_t content)
{
    for (size_t i = 0; i < list_count(cell, TEXTS); i++)
        if (load64(list_entry(cell, TEXTS, i) + 14) == content)
            return i;
    return SIZE_MAX;
}

static unsigned char *add_text(struct wd_session *session, unsigned char *cell, uint64_t fingerprint, uint64_t content)
{
    size_t count = list_count(cell, TEXTS), at = count, cut = count >= TEXTS_MAX;
    while (at > 0 && load48(list_entry(cell, TEXTS, at - 1)) > session->now_ms)
        at--;
    if (cut > at)
        return cell;
    if (!(cell = list_shift(session, cell, TEXTS, cut, at - cut)))
        return NULL;
    unsigned char *entry = list_entry(cell, TEXTS, at - cut);
    store48(entry, session->now_ms);
    store64(entry + 6, fingerprint);
    store64(entry + 14, content);
    return cell;
}

/* Puts the text in the place of what its content had. False: that was the same text (or nothing could be written). */
static bool put_text(struct wd_session *session, unsigned char **cell, uint64_t fingerprint, uint64_t content,
                     bool is_edit)
{
    size_t known = find_content(*cell, content);
    if (known != SIZE_MAX) {
        const unsigned char *entry = list_entry(*cell, TEXTS, known);
        if (is_edit && load64(entry + 6) == fingerprint)
            return false;
        if (load48(entry) > session->now_ms) /* it has been edited since */
            return true;
        *cell = list_remove(session, *cell, TEXTS, known);
    }
    *cell = add_text(session, *cell, fingerprint, content);
    return *cell != NULL;
}

static bool answer_again(struct wd_session *session, const struct wd_similar *similar, uint64_t fingerprint,
                         uint64_t content, uint32_t *count_out)
{
    double amount;
    enum wd_answer_known known = answer_get_amount(session, ANSWER_SIMILAR, similar->cell, &amount);
    if (known == WD_ANSWER_ABSENT)
        return false;
    *count_out = amount < UINT32_MAX ? (uint32_t)amount : UINT32_MAX;
    if (known == WD_ANSWER_FOUND)
        return *count_out > similar->more_than;
    unsigned char *cell = cell_find(session, WD_CELL_SIMILAR, similar->cell);
    int64_t seen_ms = cell ? load48(cell_data(cell)) : 0;
    int64_t since_ms = (seen_ms > session->now_ms ? seen_ms : session->now_ms) - within_of(similar);
    *count_out = session->now_ms > since_ms ? count_like(cell, similar, since_ms, fingerprint, content) : 0;
    return *count_out > similar->more_than;
}

bool wd_similar_take(struct wd_session *session, const struct wd_similar *similar, uint64_t fingerprint,
                     uint64_t content, bool is_edit, uint32_t *count_out)
{
    *count_out = 0;
    if (session->repeated)
        return answer_again(session, similar, fingerprint, content, count_out);
    unsigned char *cell = cell_make(session, WD_CELL_SIMILAR, similar->cell, TEXTS.head);
    if (!cell)
        return false;
    int64_t seen_ms = load48(cell_data(cell)), watermark_ms = seen_ms > session->now_ms ? seen_ms : session->now_ms;
    int64_t since_ms = watermark_ms - within_of(similar);
    store48(cell_data(cell), watermark_ms);
    cell_keep_until(session, cell, watermark_ms + within_of(similar));
    size_t cut = 0;
    while (cut < list_count(cell, TEXTS) && load48(list_entry(cell, TEXTS, cut)) <= since_ms)
        cut++;
    if (cut)
        cell = list_shift(session, cell, TEXTS, cut, SIZE_MAX);
    if (session->now_ms <= since_ms || !put_text(session, &cell, fingerprint, content, is_edit))
        return false;
    *count_out = count_like(cell, similar, since_ms, fingerprint, content);
    if (*count_out <= similar->more_than)
        return false;
    answer_put_amount(session, ANSWER_SIMILAR, similar->cell, *count_out);
    return true;
}
