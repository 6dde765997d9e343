/* The steps of a batch: recall, judge, store, count, act. Neighbours: recall_order.c says which batch may do which
 * step, recall.c gathers, recall_values.c holds the values, valves.c counts. */
#include <string.h>
#include <time.h>

#include "worker/log.h"
#include "worker/recall_batch.h"
#include "worker/shard_parts.h"

enum {
    RETRY_MS = 500,        /* a store that failed is tried again so often */
    SKIP_MS = 1000,        /* with state.on_failure: skip, how long it is left alone */
    CONFLICTS_TO_TELL = 50 /* in a row for one batch: two processes work on the same partitions? */
};

static void count_actions(struct batch *batch);
static void act(struct batch *batch);

static bool is_leaving(const struct passage *passage)
{
    return passage->partition->gone || passage->partition->leaving;
}

/* ---- the store works, or it does not ---- */

static int64_t steady_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void note_answer(const struct batch *batch)
{
    metrics_observe(batch->recalls->shard->metrics, HISTOGRAM_STATE_SECONDS,
                    (double)(steady_ns() - batch->asked_ns) / 1e9);
}

static void note_works(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    if (batch_is_front(batch))
        recalls->alone = false;
    if (!recalls->down)
        return;
    recalls->down = false;
    recalls->problem[0] = '\0';
    metrics_set(recalls->shard->metrics, METRIC_STATE_DOWN, 0);
    atomic_store(&recalls->shard->state_fails, false);
    log_write(LOG_INFO, "state-works", "the state store works again", LOG_STR("shard", recalls->shard->name), LOG_END);
}

static void tell_down(struct recalls *recalls, const struct wd_error *err)
{
    metrics_add(recalls->shard->metrics, METRIC_STATE_FAILURES, 1);
    snprintf(recalls->problem, sizeof(recalls->problem), "%.255s", err->text);
    if (recalls->down)
        return;
    recalls->down = true;
    metrics_set(recalls->shard->metrics, METRIC_STATE_DOWN, 1);
    atomic_store(&recalls->shard->state_fails, !batch_may_skip(recalls));
    log_write(LOG_ERROR, "state-fails",
              batch_may_skip(recalls)
                  ? "the state store fails: events are judged by the text rules alone until it works again"
                  : "the state store fails: nothing new is taken until it works again, and nothing is lost",
              LOG_STR("shard", recalls->shard->name), LOG_STR("error", err->text), LOG_END);
}

static void go_without_values(struct batch *batch)
{
    batch->without_values = true;
    batch->cursor = 0;
    batch_set_stage(batch, BATCH_RECALLED);
}

/* Of the front. What was asked for is asked again later; whether it was carried out does not matter: a value that has
 * seen an event answers as it did. */
static void fail(struct batch *batch, const struct wd_error *err)
{
    struct recalls *recalls = batch->recalls;
    tell_down(recalls, err);
    recalls_send_back(recalls);
    recalls->alone = true;
    if (batch_may_skip(recalls)) {
        recalls->skip_until_ms = shard_now_ms(recalls->shard) + SKIP_MS;
        wd_arena_reset(batch->verdicts);
        go_without_values(batch);
        return;
    }
    batch_set_stage(batch, BATCH_FAILED);
    loop_timer_arm(recalls->retry_timer, RETRY_MS);
}

/* ---- recalling ---- */

/* Behind the front a failure is no news: the front will meet it, too, or be answered. */
static void fail_to_recall(struct batch *batch, const struct wd_error *err)
{
    if (batch_is_front(batch)) {
        fail(batch, err);
        return;
    }
    batch->recalls->alone = true;
    batch_set_stage(batch, BATCH_CLOSED);
}

static void take_recalled(struct batch *batch, enum wd_status status, const struct wd_error *err)
{
    if (batch->sent_back) {
        batch->sent_back = false;
        batch_set_stage(batch, BATCH_CLOSED);
        return;
    }
    note_answer(batch);
    if (status != WD_OK) {
        fail_to_recall(batch, err);
        return;
    }
    note_works(batch);
    recall_values_note_got(&batch->values);
    batch->is_fresh = true;
    batch_set_stage(batch, BATCH_RECALLED);
}

static void on_recalled(void *context, enum wd_status status, const struct wd_error *err)
{
    struct batch *batch = context;
    if (batch->recalls->stopped)
        return;
    take_recalled(batch, status, err);
    recalls_advance(batch->recalls);
}

/* The values that are missing. */
static void ask(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    size_t count = recall_values_missing(&batch->values);
    if (!count) { /* only valves have a use for the store */
        batch_set_stage(batch, BATCH_RECALLED);
        return;
    }
    metrics_add(recalls->shard->metrics, METRIC_STATE_RECALLED, count);
    batch_set_stage(batch, BATCH_RECALLING);
    batch->asked_behind = recalls->front;
    batch->asked_ns = steady_ns();
    state_get(recalls->shard->state, batch->values.items, count, on_recalled, batch);
}

void batch_recall(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    batch->cursor = 0;
    batch->without_values = batch->is_fresh = false;
    wd_arena_reset(batch->verdicts);
    if (recalls->down && batch_may_skip(recalls) && shard_now_ms(recalls->shard) < recalls->skip_until_ms) {
        go_without_values(batch);
        return;
    }
    recall_values_forget(&batch->values);
    ask(batch);
}

/* ---- judging ---- */

struct wd_arena *recalls_verdict_arena(struct recalls *recalls)
{
    return recalls->judging->verdicts;
}

/* What was recalled may be older than what the batches before this one have made of it. False: no memory. */
static bool cover(struct batch *batch)
{
    if (!batch->is_fresh)
        return true;
    batch->is_fresh = false;
    for (uint64_t before = batch->number; before-- > batch->asked_behind;)
        if (!recall_values_cover(&batch->values, &recalls_batch(batch->recalls, before)->values, before))
            return false;
    return true;
}

/* What came back may name more values (who reported a content). What cannot be had is NULL: judging says so. */
static void find_values(struct batch *batch, struct passage *passage, size_t index)
{
    struct shard *shard = passage->shard;
    struct recalled_event *recalled = &passage->recalled[index];
    const struct wd_event *event = &passage->events.items[index];
    struct wd_error err;
    recalled->values = NULL;
    if (batch->without_values || !recalled->wanted)
        return;
    if (recalled->recall.count > recalled->first_count && /* of an earlier round: who it was may differ now */
        wd_recall(shard->scanner, shard->rules, batch->arena, event, recalled->now_ms, &recalled->recall, &err) !=
            WD_OK)
        return;
    struct wd_value **values = recall_values_of(&batch->values, batch->verdicts, recalled);
    size_t before = recalled->recall.count;
    if (!values ||
        wd_recall_further(shard->scanner, shard->rules, batch->arena, event, values, &recalled->recall, &err) != WD_OK)
        return;
    if (recalled->recall.count == before) {
        recalled->values = values;
        return;
    }
    if (recall_values_take(&batch->values, batch->arena, recalled))
        recalled->values = recall_values_of(&batch->values, batch->verdicts, recalled);
}

/* False: more values were asked for, and judging goes on when they are there. */
static bool has_all_values(struct batch *batch, struct passage *passage)
{
    size_t slots = batch->values.count;
    for (size_t i = 0; i < passage->decoded; i++)
        find_values(batch, passage, i);
    if (batch->values.count == slots)
        return true;
    ask(batch);
    return false;
}

void batch_judge(struct batch *batch)
{
    if (!cover(batch)) {
        struct wd_error err = {0};
        wd_fail(&err, WD_ERR_MEMORY, "no memory for what is remembered");
        fail_to_recall(batch, &err);
        return;
    }
    while (batch->cursor < batch->count) {
        struct passage *passage = &batch->passages[batch->cursor];
        if (is_leaving(passage)) {
            batch->cursor++;
            continue;
        }
        if (!has_all_values(batch, passage))
            return;
        batch->cursor++;
        pipeline_judge(passage);
    }
    recall_values_hold(&batch->values);
    batch_set_stage(batch, BATCH_JUDGED);
}

/* ---- storing ---- */

static void tell_conflicts(struct batch *batch, size_t conflicts)
{
    struct shard *shard = batch->recalls->shard;
    metrics_add(shard->metrics, METRIC_STATE_CONFLICTS, conflicts);
    if (++batch->conflicts % CONFLICTS_TO_TELL != 0)
        return;
    log_write(LOG_WARN, "state-conflicts",
              "values keep changing under a batch: are there workers of another group with the same state.prefix?",
              LOG_STR("shard", shard->name), LOG_INT("values", conflicts), LOG_END);
}

/* What those behind have taken from this batch has these versions now. */
static void settle(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    for (uint64_t behind = batch->number + 1; behind < recalls->gathering; behind++)
        recall_values_settle(&recalls_batch(recalls, behind)->values, &batch->values, batch->number);
}

/* Of the values that somebody else has changed the new ones are recalled, and everything is judged again: what was
 * stored has seen its events and answers as it did. */
static void judge_again(struct batch *batch, size_t conflicts)
{
    tell_conflicts(batch, conflicts);
    recalls_note_conflicts(batch->recalls);
    batch->cursor = 0;
    wd_arena_reset(batch->verdicts);
    ask(batch);
}

static void take_stored(struct batch *batch, enum wd_status status, const struct wd_error *err)
{
    note_answer(batch);
    if (status != WD_OK) {
        fail(batch, err);
        return;
    }
    note_works(batch);
    size_t conflicts = recall_values_note_stored(&batch->values);
    if (conflicts)
        judge_again(batch, conflicts);
    else
        count_actions(batch);
}

static void on_stored(void *context, enum wd_status status, const struct wd_error *err)
{
    struct batch *batch = context;
    if (batch->recalls->stopped)
        return;
    take_stored(batch, status, err);
    recalls_advance(batch->recalls);
}

void batch_store(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    size_t count = batch->without_values ? 0 : recall_values_changed(&batch->values);
    if (!count) {
        count_actions(batch);
        return;
    }
    metrics_add(recalls->shard->metrics, METRIC_STATE_STORED, count);
    batch_set_stage(batch, BATCH_STORING);
    batch->asked_ns = steady_ns();
    state_put(recalls->shard->state, batch->values.items, count, batch->newest_ms, on_stored, batch);
}

/* ---- acting ---- */

static void on_counted(void *context, enum wd_status status)
{
    struct batch *batch = context;
    if (batch->recalls->stopped)
        return;
    if (status == WD_OK || batch_may_skip(batch->recalls)) {
        act(batch);
    } else {
        struct wd_error err = {0};
        wd_fail(&err, WD_ERR_UNAVAILABLE, "the state store cannot count actions for the valves");
        fail(batch, &err);
    }
    recalls_advance(batch->recalls);
}

/* How many of the actions the valves let through; the counts are the group's. */
static void count_actions(struct batch *batch)
{
    struct shard *shard = batch->recalls->shard;
    settle(batch);
    batch_set_stage(batch, BATCH_COUNTING);
    valve_request_reset(&batch->valves);
    for (size_t i = 0; valves_are_set(shard->config) && i < batch->count; i++) {
        const struct passage *passage = &batch->passages[i];
        for (size_t event = 0; !is_leaving(passage) && event < passage->events.count; event++)
            valve_request_add(&batch->valves, shard->config, &passage->verdicts[event]);
    }
    valves_ask(shard, &batch->valves, wall_clock_ms(), on_counted, batch);
}

static void act_on(struct batch *batch, struct passage *passage)
{
    struct shard *shard = passage->shard;
    if (is_leaving(passage))
        return;
    for (size_t i = 0; i < passage->events.count; i++)
        if (!valves_apply(&batch->valves, batch->verdicts, shard, passage->record, &passage->verdicts[i])) {
            passage->events.count = i;
            passage_fail(passage, "too_large", "holding back its actions passes worker.event_memory");
        }
    pipeline_act(passage);
}

static void act(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    for (size_t i = 0; i < batch->count; i++) {
        act_on(batch, &batch->passages[i]);
        batch_release(&batch->passages[i]);
    }
    valves_give_back(recalls->shard, &batch->valves);
    batch->count = 0;
    recalls_note_done(recalls);
    loop_timer_arm(recalls->shard->poll_timer, 0); /* there is room again */
}
