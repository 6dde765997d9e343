/* Making room: the oldest segments of the log are looked through, and the records that are still the newest of their
 * values are appended anew, so that the whole segments can go. What may be forgotten is dropped on that way; where
 * values take too much of the file, the oldest ones are, too. The log is about twice what the values take, so that for
 * each byte that is written a quarter to a whole one is written again. Neighbour: lmdb_flush.c, whose transaction this
 * is. */
#include <errno.h>
#include <stdlib.h>

#include "worker/state/lmdb.h"

/* Of the file. What is appended lies beside what it replaces until the second transaction after, and a reader of
 * another process holds back pages, too: so much must be free. */
static const double LOG_MOST = 0.7, LIVE_MOST = 0.5;

enum { CLEAN_MORE = 4 * SEGMENT_BYTES };
static const uint64_t LOG_LEAST = UINT64_C(64) << 20; /* of waste, before anything is cleaned */

struct candidate {
    const unsigned char *bytes;
    uint32_t len;
    int64_t forget_at_ms;
    uint64_t hash, place, version;
};

struct cleaning {
    struct lmdb *lmdb;
    struct lmdb_batch *batch;
    int64_t forget_before_ms;
    uint64_t bytes;   /* of segments: so many are looked through */
    uint64_t must_go; /* of the values */
    uint64_t dropped;
    struct candidate *candidates;
    size_t count, room;
};

/* ---- how much ---- */

static uint64_t beyond(uint64_t amount, uint64_t bound)
{
    return amount > bound ? amount - bound : 0;
}

static void decide_amount(struct cleaning *cleaning, enum lmdb_cleaning how, uint64_t incoming)
{
    const struct lmdb *lmdb = cleaning->lmdb;
    uint64_t live = lmdb->live_bytes, slack = lmdb->max_bytes / 8 < LOG_LEAST ? lmdb->max_bytes / 8 : LOG_LEAST;
    uint64_t log_most = (uint64_t)(LOG_MOST * (double)lmdb->max_bytes);
    uint64_t live_most = (uint64_t)(LIVE_MOST * (double)lmdb->max_bytes);
    uint64_t wanted = live > slack ? 2 * live : live + slack;
    uint64_t log = lmdb->log_bytes + incoming;
    uint64_t steps = 2 * incoming + CLEAN_MORE; /* so that no transaction has much more to do than others */
    uint64_t excess = beyond(log, wanted);
    if (how == CLEAN_ALL) {
        cleaning->bytes = steps;
        cleaning->must_go = UINT64_MAX;
        return;
    }
    cleaning->bytes = excess < steps ? excess : steps;
    if (beyond(log, log_most) > cleaning->bytes)
        cleaning->bytes = beyond(log, log_most) < 2 * steps ? beyond(log, log_most) : 2 * steps;
    cleaning->must_go = beyond(live + incoming, live_most);
    if (cleaning->must_go > steps)
        cleaning->must_go = steps;
    if (cleaning->must_go && cleaning->bytes < 2 * cleaning->must_go + CLEAN_MORE)
        cleaning->bytes = 2 * cleaning->must_go + CLEAN_MORE;
}

/* ---- looking ---- */

static bool add_candidate(struct cleaning *cleaning, const struct candidate *candidate)
{
    if (cleaning->count == cleaning->room) {
        size_t room = cleaning->room ? 2 * cleaning->room : 1024;
        struct candidate *candidates = realloc(cleaning->candidates, room * sizeof(*candidates));
        if (!candidates)
            return false;
        cleaning->candidates = candidates;
        cleaning->room = room;
    }
    cleaning->candidates[cleaning->count++] = *candidate;
    return true;
}

/* Whoever writes may look up places without their locks: nobody else changes them. */
static bool is_newest(const struct lmdb *lmdb, uint64_t hash, uint64_t number, size_t begin)
{
    uint64_t place = places_find(&lmdb->places[stripe_of(hash)], hash);
    return place_segment(place) == number && place_begin(place) == begin && place;
}

static int look_through(struct cleaning *cleaning, uint64_t number, const MDB_val *data)
{
    enum { AHEAD = 12 };
    const struct lmdb *lmdb = cleaning->lmdb;
    struct log_row row;
    struct segment_view view;
    struct record record;
    if (!lmdb_row(data, &row) || !segment_open(lmdb_files_bytes(lmdb, &row), row.len, &view))
        return MDB_CORRUPTED;
    lmdb_files_ask_for(lmdb, &row, row.len);
    cleaning->batch->clean_to = number + 1;
    cleaning->batch->cleaned_bytes += row.len;
    for (uint32_t i = 0; i < view.count; i++) {
        uint64_t hash = segment_hash(&view, i);
        if (i + AHEAD < view.count) {
            uint64_t ahead = segment_hash(&view, i + AHEAD);
            places_prefetch(&lmdb->places[stripe_of(ahead)], ahead);
        }
        if (!is_newest(lmdb, hash, number, segment_begin(&view, i)))
            continue;
        if (!segment_record(&view, i, &record))
            return MDB_CORRUPTED;
        const struct candidate candidate = {.bytes = view.bytes + segment_begin(&view, i),
                                            .len = (uint32_t)segment_record_bytes(&view, i),
                                            .forget_at_ms = record.forget_at_ms,
                                            .hash = hash,
                                            .place = places_find(&lmdb->places[stripe_of(hash)], hash),
                                            .version = record.version};
        if (!add_candidate(cleaning, &candidate))
            return ENOMEM;
    }
    return 0;
}

static int look(struct cleaning *cleaning, MDB_txn *txn)
{
    struct lmdb_batch *batch = cleaning->batch;
    MDB_cursor *cursor = NULL;
    size_t number = batch->clean_to;
    MDB_val key = {.mv_size = sizeof(number), .mv_data = &number}, data;
    int code = mdb_cursor_open(txn, cleaning->lmdb->log, &cursor);
    if (!code)
        code = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    while (!code && batch->cleaned_bytes < cleaning->bytes) {
        code = look_through(cleaning, lmdb_number(&key), &data);
        if (!code)
            code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

/* ---- who goes ---- */

static bool drop(struct cleaning *cleaning, const struct candidate *candidate)
{
    struct lmdb_batch *batch = cleaning->batch;
    if (batch->drop_count == batch->drop_room) {
        size_t room = batch->drop_room ? 2 * batch->drop_room : 256;
        struct lmdb_dropped *dropped = realloc(batch->dropped, room * sizeof(*dropped));
        if (!dropped)
            return false;
        batch->dropped = dropped;
        batch->drop_room = room;
    }
    batch->dropped[batch->drop_count++] = (struct lmdb_dropped){.hash = candidate->hash, .place = candidate->place};
    cleaning->dropped += place_bytes(candidate->place);
    return true;
}

static bool drop_forgotten(struct cleaning *cleaning)
{
    size_t kept = 0;
    for (size_t i = 0; i < cleaning->count; i++) {
        if (cleaning->candidates[i].forget_at_ms >= cleaning->forget_before_ms) {
            cleaning->candidates[kept++] = cleaning->candidates[i];
            continue;
        }
        if (!drop(cleaning, &cleaning->candidates[i]))
            return false;
        cleaning->batch->forgotten++;
    }
    cleaning->count = kept;
    return true;
}

static int by_version(const void *left, const void *right)
{
    uint64_t a = ((const struct candidate *)left)->version, b = ((const struct candidate *)right)->version;
    return (a > b) - (a < b);
}

static bool drop_oldest(struct cleaning *cleaning)
{
    size_t gone = 0;
    if (cleaning->dropped >= cleaning->must_go || !cleaning->count)
        return true;
    qsort(cleaning->candidates, cleaning->count, sizeof(*cleaning->candidates), by_version);
    for (; gone < cleaning->count && cleaning->dropped < cleaning->must_go; gone++) {
        if (!drop(cleaning, &cleaning->candidates[gone]))
            return false;
        cleaning->batch->evicted++;
    }
    cleaning->count -= gone;
    memmove(cleaning->candidates, cleaning->candidates + gone, cleaning->count * sizeof(*cleaning->candidates));
    return true;
}

static bool take_rest(struct cleaning *cleaning)
{
    struct segment_list *moved = &cleaning->batch->moved;
    for (size_t i = 0; i < cleaning->count; i++) {
        const struct candidate *candidate = &cleaning->candidates[i];
        struct segment *segment = lmdb_room(cleaning->lmdb, moved, candidate->len);
        if (!segment)
            return false;
        segment_add_copy(segment, candidate->hash, candidate->bytes, candidate->len);
    }
    if (moved->last)
        segment_seal(moved->last);
    return true;
}

int lmdb_clean(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_cleaning how, uint64_t incoming, struct lmdb_batch *batch)
{
    struct cleaning cleaning = {.lmdb = lmdb, .batch = batch};
    if (how == CLEAN_NOTHING || lmdb->is_walked)
        return 0;
    decide_amount(&cleaning, how, incoming);
    if (!cleaning.bytes)
        return 0;
    /* what is in the way of others is not kept for a grace */
    cleaning.forget_before_ms = atomic_load(&lmdb->now_ms) - (cleaning.must_go ? 0 : lmdb->grace_ms);
    int code = look(&cleaning, txn);
    if (!code && (!drop_forgotten(&cleaning) || !drop_oldest(&cleaning) || !take_rest(&cleaning)))
        code = ENOMEM;
    free(cleaning.candidates);
    return code;
}
