/* The way of a batch that is closed: recall, judge, store, count, act. Read batch_start() and what follows it.
 * Neighbours: recall.c gathers, recall_values.c holds the values, valves.c counts. */
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

static void judge_on(struct batch *batch);
static void store_changed(struct batch *batch);
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

static void note_answer(struct recalls *recalls)
{
    metrics_observe(recalls->shard->metrics, HISTOGRAM_STATE_SECONDS, (double)(steady_ns() - recalls->asked_ns) / 1e9);
}

static void note_works(struct recalls *recalls)
{
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

static void judge_without_values(struct batch *batch)
{
    batch->without_values = true;
    batch->cursor = 0;
    judge_on(batch);
}

/* What was asked for is asked again later; whether it was carried out does not matter: a value that has seen an event
 * answers as it did. */
static void fail(struct batch *batch, const struct wd_error *err)
{
    struct recalls *recalls = batch->recalls;
    tell_down(recalls, err);
    if (!batch_may_skip(recalls)) {
        loop_timer_arm(recalls->retry_timer, RETRY_MS);
        return;
    }
    recalls->skip_until_ms = shard_now_ms(recalls->shard) + SKIP_MS;
    judge_without_values(batch);
}

/* ---- recalling ---- */

static void on_recalled(void *context, enum wd_status status, const struct wd_error *err)
{
    struct batch *batch = context;
    if (batch->recalls->stopped)
        return;
    note_answer(batch->recalls);
    if (status != WD_OK) {
        fail(batch, err);
        return;
    }
    note_works(batch->recalls);
    recall_values_note_got(&batch->values);
    judge_on(batch);
}

/* The values of `batch->values.items`. */
static void ask(struct batch *batch, size_t count)
{
    struct recalls *recalls = batch->recalls;
    metrics_add(recalls->shard->metrics, METRIC_STATE_RECALLED, count);
    recalls->asked_ns = steady_ns();
    state_get(recalls->shard->state, batch->values.items, count, on_recalled, batch);
}

void batch_start(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    batch->cursor = 0;
    wd_arena_reset(batch->verdicts);
    if (recalls->down && batch_may_skip(recalls) && shard_now_ms(recalls->shard) < recalls->skip_until_ms) {
        judge_without_values(batch);
        return;
    }
    recall_values_forget(&batch->values);
    size_t count = recall_values_missing(&batch->values);
    if (count)
        ask(batch, count);
    else
        judge_on(batch); /* only valves have a use for the store */
}

/* ---- judging ---- */

struct wd_arena *recalls_verdict_arena(struct recalls *recalls)
{
    return recalls->active->verdicts;
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
        wd_recall(shard->scanner, shard->rules, batch->arena, event, wd_event_time_ms(event), &recalled->recall,
                  &err) != WD_OK)
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
    ask(batch, recall_values_missing(&batch->values));
    return false;
}

static void judge_on(struct batch *batch)
{
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
    if (batch->without_values)
        count_actions(batch);
    else
        store_changed(batch);
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

/* Of the values that somebody else has changed the new ones are recalled, and everything is judged again: what was
 * stored has seen its events and answers as it did. */
static void on_stored(void *context, enum wd_status status, const struct wd_error *err)
{
    struct batch *batch = context;
    if (batch->recalls->stopped)
        return;
    note_answer(batch->recalls);
    if (status != WD_OK) {
        fail(batch, err);
        return;
    }
    note_works(batch->recalls);
    size_t conflicts = recall_values_note_stored(&batch->values);
    if (!conflicts) {
        count_actions(batch);
        return;
    }
    tell_conflicts(batch, conflicts);
    batch->cursor = 0;
    wd_arena_reset(batch->verdicts);
    ask(batch, recall_values_missing(&batch->values));
}

static void store_changed(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    size_t count = recall_values_changed(&batch->values);
    if (!count) {
        count_actions(batch);
        return;
    }
    metrics_add(recalls->shard->metrics, METRIC_STATE_STORED, count);
    recalls->asked_ns = steady_ns();
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
        return;
    }
    struct wd_error err = {0};
    wd_fail(&err, WD_ERR_UNAVAILABLE, "the state store cannot count actions for the valves");
    fail(batch, &err);
}

/* How many of the actions the valves let through; the counts are the group's. */
static void count_actions(struct batch *batch)
{
    struct shard *shard = batch->recalls->shard;
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
    batch_reset(batch);
    recalls->active = NULL;
    if (recalls->close_wanted)
        recalls_close_batch(recalls);
    loop_timer_arm(recalls->shard->poll_timer, 0); /* there is room again */
}
