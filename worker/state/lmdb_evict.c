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

/* How many of `count` must still go when `dropped` were forgotten: what more was forgotten than came, earlier, has left
 * room inside the pages. */
static size_t still_to_go(struct lmdb *lmdb, size_t count, size_t dropped)
{
    if (dropped >= count) {
        lmdb->room_within += dropped - count;
        return 0;
    }
    size_t missing = count - dropped;
    size_t within = missing < lmdb->room_within ? missing : lmdb->room_within;
    lmdb->room_within -= within;
    return missing - within;
}

/* The version up to which `count` of the values that were looked at go. */
static uint64_t version_of_oldest(struct judge *judge, size_t count)
{
    qsort(judge->versions, judge->version_count, sizeof(*judge->versions), by_number);
    count = count < judge->version_count ? count : judge->version_count;
    return count ? judge->versions[count - 1] + 1 : 0;
}

int lmdb_evict(struct lmdb *lmdb, MDB_txn *txn, size_t count)
{
    enum { LOOK_AT = 4 }; /* for each that must go */
    size_t look = count * LOOK_AT;
    unsigned char hand[STATE_KEY_MAX];
    size_t hand_len = lmdb->hand_len;
    memcpy(hand, lmdb->hand, hand_len);
    struct judge judge = {.forget_before_ms = atomic_load(&lmdb->now_ms),
                          .versions = malloc((look + 1) * sizeof(*judge.versions))};
    if (!judge.versions)
        return ENOMEM;
    int code = look_at(lmdb, txn, look, &judge);
    size_t missing = code ? 0 : still_to_go(lmdb, count, judge.dropped);
    if (missing)
        judge.version_below = version_of_oldest(&judge, missing);
    free(judge.versions);
    judge.versions = NULL;
    if (!judge.version_below)
        return code;
    memcpy(lmdb->hand, hand, hand_len); /* the same ones once more */
    lmdb->hand_len = hand_len;
    return look_at(lmdb, txn, look - judge.dropped, &judge);
}
