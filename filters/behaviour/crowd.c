/* Do many authors write nearly the same? Each text stands in four buckets, by two parts of its fingerprint each: texts
 * that differ in at most three parts meet in at least one of them. A bucket has the newest 128 texts of its window, of
 * each author and fingerprint the newest.
 *
 *   u48 T; entries, the oldest first: u48 time, u64 fingerprint, u64 author
 *
 * The window of the answer ends at the newest T of the four. */

#include "filters/behaviour/value.h"

enum { TEXTS_MAX = 128, SEEN_LIST = 16, SEEN_SLOTS = 1024 };
static const struct list_shape TEXTS = {6, 22};

static char *put_hex(char *out, uint64_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--)
        *out++ = "0123456789abcdef"[number >> 4 * i & 0xF];
    return out;
}

size_t wd_crowd_key(const struct wd_crowd *crowd, uint64_t fingerprint, unsigned bucket, struct wd_str place, char *out,
                    size_t size)
{
    char key[40] = "f:", *at = put_hex(key + 2, crowd->cell, 8);
    bucket %= WD_CROWD_BUCKETS;
    *at++ = ':';
    *at++ = (char)('0' + bucket);
    *at++ = ':';
    at = put_hex(at, fingerprint >> (16 * bucket) & 0xFFFF, 4);
    if (place.len) {
        *at++ = ':';
        at = put_hex(at, wd_item_hash(place), 16);
    }
    size_t len = (size_t)(at - key);
    if (!size)
        return 0;
    len = len < size ? len : size - 1;
    memcpy(out, key, len);
    out[len] = '\0';
    return len;
}

static int64_t within_of(const struct wd_crowd *crowd)
{
    return crowd->within_ms < 1 ? 1 : crowd->within_ms < TIME_MAX_MS ? crowd->within_ms : TIME_MAX_MS;
}

/* The entry of this author and text, not among the first `cut`, goes; or stays where it is newer: then nothing is to be
 * added. */
static bool is_newer_there(struct wd_session *session, unsigned char **cell, size_t cut, uint64_t fingerprint,
                           uint64_t author)
{
    for (size_t i = list_count(*cell, TEXTS); i-- > cut;) {
        const unsigned char *entry = list_entry(*cell, TEXTS, i);
        if (load64(entry + 14) != author || load64(entry + 6) != fingerprint)
            continue;
        if (load48(entry) >= session->now_ms)
            return true;
        *cell = list_remove(session, *cell, TEXTS, i);
    }
    return false;
}

/* The first `cut` texts have left the window. */
static void add_text(struct wd_session *session, unsigned char *cell, size_t cut, uint64_t fingerprint, uint64_t author)
{
    bool adds = !is_newer_there(session, &cell, cut, fingerprint, author);
    size_t count = list_count(cell, TEXTS), at = count;
    if (count - cut >= TEXTS_MAX)
        cut = count - TEXTS_MAX + 1;
    while (at > 0 && load48(list_entry(cell, TEXTS, at - 1)) > session->now_ms)
        at--;
    if (!adds || at < cut) {
        list_shift(session, cell, TEXTS, cut, SIZE_MAX);
        return;
    }
    if (!(cell = list_shift(session, cell, TEXTS, cut, at - cut)))
        return;
    unsigned char *entry = list_entry(cell, TEXTS, at - cut);
    store48(entry, session->now_ms);
    store64(entry + 6, fingerprint);
    store64(entry + 14, author);
}

static void put_in_bucket(struct wd_session *session, const struct wd_crowd *crowd, uint64_t fingerprint,
                          uint64_t author)
{
    unsigned char *cell = cell_make(session, WD_CELL_CROWD, crowd->cell, TEXTS.head);
    if (!cell)
        return;
    int64_t seen_ms = load48(cell_data(cell)), watermark_ms = seen_ms > session->now_ms ? seen_ms : session->now_ms;
    int64_t since_ms = watermark_ms - within_of(crowd);
    store48(cell_data(cell), watermark_ms);
    cell_keep_until(session, cell, watermark_ms + within_of(crowd));
    size_t cut = 0;
    while (cut < list_count(cell, TEXTS) && load48(list_entry(cell, TEXTS, cut)) <= since_ms)
        cut++;
    if (session->now_ms > since_ms)
        add_text(session, cell, cut, fingerprint, author);
    else if (cut)
        list_shift(session, cell, TEXTS, cut, SIZE_MAX);
}

/* Authors by hash, each once. Most texts are like none or a few: these stand in a list. Where it is full, what follows
 * goes into a table with open addressing, in which 0 is free. At most 4 * 128 and the event's own come in. */
struct seen_authors {
    uint64_t list[SEEN_LIST];
    uint32_t listed, count;
    uint64_t slots[SEEN_SLOTS]; /* zeroed when the list is full */
};

static void see_in_table(struct seen_authors *seen, uint64_t author)
{
    author += author == 0;
    size_t slot = author % SEEN_SLOTS;
    while (seen->slots[slot] && seen->slots[slot] != author)
        slot = (slot + 1) % SEEN_SLOTS;
    seen->count += seen->slots[slot] == 0;
    seen->slots[slot] = author;
}

static void see(struct seen_authors *seen, uint64_t author)
{
    for (uint32_t i = 0; i < seen->listed; i++)
        if (seen->list[i] == author)
            return;
    if (seen->listed < SEEN_LIST) {
        seen->list[seen->listed++] = author;
        seen->count++;
        if (seen->listed == SEEN_LIST)
            memset(seen->slots, 0, sizeof seen->slots);
        return;
    }
    see_in_table(seen, author);
}

static uint32_t count_authors(struct wd_session *const buckets[WD_CROWD_BUCKETS], const struct wd_crowd *crowd,
                              uint64_t fingerprint, uint64_t author)
{
    unsigned char *cells[WD_CROWD_BUCKETS];
    int64_t watermark_ms = buckets[0]->now_ms;
    for (int b = 0; b < WD_CROWD_BUCKETS; b++) {
        cells[b] = cell_find(buckets[b], WD_CELL_CROWD, crowd->cell);
        if (cells[b] && load48(cell_data(cells[b])) > watermark_ms)
            watermark_ms = load48(cell_data(cells[b]));
    }
    int64_t since_ms = watermark_ms - within_of(crowd);
    if (buckets[0]->now_ms <= since_ms)
        return 0;
    struct seen_authors seen;
    seen.listed = seen.count = 0;
    see(&seen, author);
    for (int b = 0; b < WD_CROWD_BUCKETS; b++)
        for (size_t i = 0; cells[b] && i < list_count(cells[b], TEXTS); i++) {
            const unsigned char *entry = list_entry(cells[b], TEXTS, i);
            if (load48(entry) > since_ms && wd_fingerprint_distance(load64(entry + 6), fingerprint) <= crowd->distance)
                see(&seen, load64(entry + 14));
        }
    return seen.count;
}

/* Any bucket that has seen the event knows the answer, even where others have not been written then. */
static enum wd_answer_known answer_again(struct wd_session *const buckets[WD_CROWD_BUCKETS],
                                         const struct wd_crowd *crowd, double *authors_out)
{
    enum wd_answer_known best = WD_ANSWER_UNKNOWN;
    for (int b = 0; b < WD_CROWD_BUCKETS; b++) {
        double authors;
        enum wd_answer_known known = answer_get_amount(buckets[b], ANSWER_CROWD, crowd->cell, &authors);
        if (known == WD_ANSWER_FOUND) {
            *authors_out = authors;
            return known;
        }
        if (known == WD_ANSWER_ABSENT)
            best = known;
    }
    return best;
}

bool wd_crowd_take(struct wd_session *const buckets[WD_CROWD_BUCKETS], const struct wd_crowd *crowd,
                   uint64_t fingerprint, uint64_t author, uint32_t *authors_out)
{
    double remembered = 0;
    enum wd_answer_known known = answer_again(buckets, crowd, &remembered);
    for (int b = 0; b < WD_CROWD_BUCKETS; b++)
        if (!buckets[b]->repeated)
            put_in_bucket(buckets[b], crowd, fingerprint, author);
    if (known == WD_ANSWER_UNKNOWN)
        *authors_out = count_authors(buckets, crowd, fingerprint, author);
    else
        *authors_out = remembered < UINT32_MAX ? (uint32_t)remembered : UINT32_MAX;
    if (*authors_out == 0 || *authors_out < crowd->authors)
        return false;
    for (int b = 0; b < WD_CROWD_BUCKETS; b++)
        answer_put_amount(buckets[b], ANSWER_CROWD, crowd->cell, *authors_out);
    return true;
}
