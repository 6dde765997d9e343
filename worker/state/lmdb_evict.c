/* Dropping values: what nothing depends on any more, and, where room is needed, the oldest. A hand goes round the keys,
 * so that the work is spread over the transactions. Neighbour: lmdb_flush.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/state/lmdb.h"

/* Of the map. What is changed is written to new pages, a page for each value at worst, while the old ones are still in
 * use until the next transaction. */
static const double CROWDED = 0.85;

bool lmdb_is_crowded(const struct lmdb *lmdb, MDB_txn *txn, size_t to_write)
{
    MDB_stat stat = {0};
    if (mdb_stat(txn, lmdb->values, &stat) != 0)
        return false;
    size_t pages = stat.ms_leaf_pages + stat.ms_branch_pages + stat.ms_overflow_pages;
    size_t written_anew = to_write < pages ? to_write : pages;
    return (double)(pages + written_anew) * stat.ms_psize > CROWDED * (double)lmdb->max_bytes;
}

/* ---- the hand ---- */

static int cursor_at_hand(struct lmdb *lmdb, MDB_txn *txn, MDB_cursor **cursor, MDB_val *key, MDB_val *data)
{
    int code = mdb_cursor_open(txn, lmdb->values, cursor);
    if (code)
        return code;
    *key = (MDB_val){.mv_size = lmdb->hand_len, .mv_data = lmdb->hand};
    if (lmdb->hand_len) {
        code = mdb_cursor_get(*cursor, key, data, MDB_SET_RANGE);
        if (code != MDB_NOTFOUND)
            return code;
    }
    return mdb_cursor_get(*cursor, key, data, MDB_FIRST);
}

static void note_hand(struct lmdb *lmdb, int code, const MDB_val *key)
{
    lmdb->hand_len = code ? 0 : key->mv_size;
    if (!code)
        memcpy(lmdb->hand, key->mv_data, key->mv_size);
}

/* Whether a value goes. */
struct judge {
    int64_t forget_before_ms;
    uint64_t version_below; /* 0: age does not count */
    uint64_t *versions;     /* of those that stayed; NULL: not asked for */
    size_t version_count;
    size_t dropped;
};

static int judge_one(struct lmdb *lmdb, MDB_cursor *cursor, const MDB_val *data, struct judge *judge)
{
    struct lmdb_record record;
    bool unreadable = lmdb_unpack(data, &record) != 0;
    bool forgotten = unreadable || record.forget_at_ms < judge->forget_before_ms;
    if (!forgotten && record.version >= judge->version_below) {
        if (judge->versions)
            judge->versions[judge->version_count++] = record.version;
        return 0;
    }
    atomic_fetch_add(forgotten ? &lmdb->forgotten : &lmdb->evicted, 1);
    judge->dropped++;
    return mdb_cursor_del(cursor, 0);
}

/* The next one; behind the last one, the first. After a removal the cursor stands on the next one already. */
static int step_on(MDB_cursor *cursor, bool removed, MDB_val *key, MDB_val *data)
{
    int code = mdb_cursor_get(cursor, key, data, removed ? MDB_GET_CURRENT : MDB_NEXT);
    if (code == MDB_NOTFOUND || (removed && code == EINVAL))
        code = mdb_cursor_get(cursor, key, data, MDB_FIRST);
    return code;
}

/* Looks at `look` values from the hand on, once round at most, and moves it. */
static int look_at(struct lmdb *lmdb, MDB_txn *txn, size_t look, struct judge *judge)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, data;
    MDB_stat stat = {0};
    int code = mdb_stat(txn, lmdb->values, &stat);
    if (!code)
        code = cursor_at_hand(lmdb, txn, &cursor, &key, &data);
    for (look = look < stat.ms_entries ? look : stat.ms_entries; !code && look; look--) {
        size_t dropped = judge->dropped;
        code = judge_one(lmdb, cursor, &data, judge);
        if (!code)
            code = step_on(cursor, judge->dropped != dropped, &key, &data);
    }
    if (!code || code == MDB_NOTFOUND)
        note_hand(lmdb, code, &key);
    if (cursor)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int lmdb_sweep(struct lmdb *lmdb, MDB_txn *txn, size_t look)
{
    struct judge judge = {.forget_before_ms = atomic_load(&lmdb->now_ms) - lmdb->grace_ms};
    return look_at(lmdb, txn, look, &judge);
}

/* ---- the oldest ---- */

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

int lmdb_evict(struct lmdb *lmdb, MDB_txn *txn, size_t count)
{
    enum { LOOK_AT = 4 }; /* for each that must go */
    size_t look = count * LOOK_AT;
    struct judge judge = {.forget_before_ms = atomic_load(&lmdb->now_ms),
                          .versions = malloc((look + 1) * sizeof(*judge.versions))};
    unsigned char hand[STATE_KEY_MAX];
    size_t hand_len = lmdb->hand_len;
    memcpy(hand, lmdb->hand, hand_len);
    if (!judge.versions)
        return ENOMEM;
    int code = look_at(lmdb, txn, look, &judge);
    if (!code && judge.dropped < count && judge.version_count) {
        qsort(judge.versions, judge.version_count, sizeof(*judge.versions), by_number);
        size_t last = count - judge.dropped;
        last = last < judge.version_count ? last : judge.version_count;
        judge.version_below = judge.versions[last - 1] + 1;
        free(judge.versions);
        judge.versions = NULL;
        memcpy(lmdb->hand, hand, hand_len); /* the same ones once more */
        lmdb->hand_len = hand_len;
        code = look_at(lmdb, txn, look - judge.dropped, &judge);
    }
    free(judge.versions);
    return code;
}
