/* Which batch may do what, so that the store and this thread work at the same time: while the front is stored, the
 * batch behind it is judged and those behind that are recalled. Read recalls_advance() first.
 *
 * What always holds: batches are judged, stored and acted on in their order, and one is stored only when the one before
 * it is acted on. So what is in the store has always been judged from what was in the store: a batch that runs ahead
 * rests on values that are not stored yet, and where they do not come to be (another worker has changed them, the store
 * fails) it is sent back and nobody has seen anything of it. Neighbours: recall_run.c does the steps, recall_values.c
 * lays values over others. */
#include "worker/recall_batch.h"
#include "worker/shard_parts.h"

enum { CAUTIOUS_BATCHES = 16 };

void batch_set_stage(struct batch *batch, enum batch_stage stage)
{
    batch->stage = stage;
    batch->recalls->moved = true;
}

bool batch_is_front(const struct batch *batch)
{
    return batch->number == batch->recalls->front;
}

/* ---- who may ---- */

static bool may_run_ahead(const struct recalls *recalls)
{
    return !recalls->alone && !recalls->cautious && !recalls->down;
}

static bool may_recall(const struct batch *batch)
{
    return batch->stage == BATCH_CLOSED && (batch_is_front(batch) || may_run_ahead(batch->recalls));
}

/* One batch ahead is enough to have something to store at once; each further one would only be judged again. */
static bool may_judge(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    if (batch->stage != BATCH_RECALLED)
        return false;
    if (batch_is_front(batch))
        return true;
    enum batch_stage front = recalls_batch(recalls, recalls->front)->stage;
    return may_run_ahead(recalls) && batch->number == recalls->front + 1 &&
           (front == BATCH_JUDGED || front == BATCH_STORING || front == BATCH_COUNTING);
}

/* ---- room ---- */

static bool has_room_to_gather(const struct recalls *recalls)
{
    return recalls->gathering + 1 < recalls->oldest + recalls->batch_count;
}

static void begin_gathering(struct recalls *recalls)
{
    struct batch *batch = recalls_batch(recalls, ++recalls->gathering);
    batch->number = recalls->gathering;
    batch->stage = BATCH_GATHERING;
}

static void close_if_wanted(struct recalls *recalls)
{
    struct batch *batch = recalls_batch(recalls, recalls->gathering);
    if (!recalls->close_wanted || !batch->count || !has_room_to_gather(recalls))
        return;
    recalls->close_wanted = false;
    begin_gathering(recalls);
    metrics_add(recalls->shard->metrics, METRIC_STATE_BATCHES, 1);
    batch_set_stage(batch, BATCH_CLOSED);
    loop_timer_arm(recalls->shard->poll_timer, 0); /* there is room again */
}

/* A batch behind that asked before this one was stored may get values as they were before. */
static bool is_still_needed(struct recalls *recalls, uint64_t number)
{
    for (uint64_t behind = recalls->front; behind < recalls->gathering; behind++) {
        const struct batch *batch = recalls_batch(recalls, behind);
        bool waits = (batch->stage == BATCH_RECALLING && !batch->sent_back) || batch->stage == BATCH_RECALLED;
        if (waits && batch->asked_behind <= number)
            return true;
    }
    return false;
}

/* What was used last is still in the processor's caches: it is gathered in next. */
static void give_memory(struct batch *from, struct batch *to)
{
    struct batch before = *to;
    if (to->count || wd_arena_used(to->arena))
        return;
    to->arena = from->arena;
    to->verdicts = from->verdicts;
    to->passages = from->passages;
    to->passage_room = from->passage_room;
    to->values = from->values;
    from->arena = before.arena;
    from->verdicts = before.verdicts;
    from->passages = before.passages;
    from->passage_room = before.passage_room;
    from->values = before.values;
}

static void release_kept(struct recalls *recalls)
{
    while (recalls->oldest < recalls->front && !is_still_needed(recalls, recalls->oldest)) {
        struct batch *batch = recalls_batch(recalls, recalls->oldest++);
        batch_reset(batch);
        give_memory(batch, recalls_batch(recalls, recalls->gathering));
        recalls->moved = true;
    }
}

/* ---- moving ---- */

/* What only asks goes first: the store works on it while this thread judges. */
static void ask_and_store(struct recalls *recalls)
{
    struct batch *front = recalls_batch(recalls, recalls->front);
    if (front->stage == BATCH_JUDGED)
        batch_store(front);
    for (uint64_t number = recalls->front; number < recalls->gathering; number++) {
        struct batch *batch = recalls_batch(recalls, number);
        if (may_recall(batch))
            batch_recall(batch);
    }
}

static void judge_one(struct recalls *recalls)
{
    for (uint64_t number = recalls->front; number < recalls->gathering; number++) {
        struct batch *batch = recalls_batch(recalls, number);
        if (!may_judge(batch))
            continue;
        recalls->judging = batch;
        batch_judge(batch);
        recalls->judging = NULL;
        return;
    }
}

void recalls_advance(struct recalls *recalls)
{
    recalls->moved = true;
    if (recalls->advancing || recalls->stopped)
        return;
    recalls->advancing = true;
    while (recalls->moved) {
        recalls->moved = false;
        close_if_wanted(recalls);
        ask_and_store(recalls);
        judge_one(recalls);
        release_kept(recalls);
    }
    recalls->advancing = false;
}

/* ---- the front ---- */

void recalls_note_done(struct recalls *recalls)
{
    struct batch *batch = recalls_batch(recalls, recalls->front);
    if (recalls->cautious && !batch->conflicts)
        recalls->cautious--;
    batch_set_stage(batch, BATCH_DONE);
    recalls->front++;
}

static void send_back(struct batch *batch)
{
    if (batch->stage == BATCH_RECALLING)
        batch->sent_back = true;
    else if (batch->stage == BATCH_RECALLED || batch->stage == BATCH_JUDGED)
        batch_set_stage(batch, BATCH_CLOSED);
}

void recalls_send_back(struct recalls *recalls)
{
    for (uint64_t number = recalls->front + 1; number < recalls->gathering; number++)
        send_back(recalls_batch(recalls, number));
}

void recalls_note_conflicts(struct recalls *recalls)
{
    recalls_send_back(recalls);
    recalls->cautious = CAUTIOUS_BATCHES;
}
