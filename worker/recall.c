/* See recall.h. Read start() and what follows it: recall, judge, store, count, act. */
#include "worker/recall.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/log.h"
#include "worker/recall_values.h"
#include "worker/shard_parts.h"
#include "worker/valves.h"

enum {
    ARENAS = 3,     /* of worker.event_memory: a batch is closed past one of them, so that two are left for a record */
    RETRY_MS = 500, /* a store that failed is tried again so often */
    SKIP_MS = 1000, /* with state.on_failure: skip, how long it is left alone */
    CONFLICTS_TO_TELL = 50 /* in a row for one batch: two processes work on the same partitions? */
};

struct batch {
    struct recalls *recalls;
    struct wd_arena *arena, *verdicts;
    struct passage *passages;
    size_t count;
    struct recall_values values;
    size_t cursor;       /* the passage that is judged next */
    int64_t newest_ms;   /* event time */
    bool without_values; /* the store fails: by text alone */
    unsigned conflicts;  /* rounds that had some */
    struct valve_request valves;
};

struct recalls {
    struct shard *shard;
    size_t batch_max;
    struct batch batches[2];
    struct batch *gathering; /* one of the two */
    struct batch *active;    /* the other one, where it is on its way */
    bool stopped;            /* answers are not listened to any more */
    bool close_wanted;       /* the gathered one follows the active one at once */
    struct loop_timer *retry_timer;
    bool down;             /* the store fails */
    int64_t skip_until_ms; /* loop time */
    int64_t asked_ns;
    char problem[256];
};

static void start(struct batch *batch);
static void judge_on(struct batch *batch);
static void store_changed(struct batch *batch);
static void count_actions(struct batch *batch);
static void act(struct batch *batch);

static bool is_leaving(const struct passage *passage)
{
    return passage->partition->gone || passage->partition->leaving;
}

/* ---- gathering ---- */

struct wd_arena *recalls_arena(struct recalls *recalls)
{
    return recalls->gathering->arena;
}

static bool copy_headers(struct wd_arena *arena, struct kafka_record *copy, const struct kafka_record *record)
{
    if (!record->header_count)
        return true;
    struct kafka_header *headers = wd_arena_zalloc(arena, record->header_count, sizeof(*headers));
    for (size_t i = 0; headers && i < record->header_count; i++) {
        headers[i].name = wd_arena_copy(arena, record->headers[i].name);
        headers[i].value = wd_arena_copy(arena, record->headers[i].value);
        if (record->headers[i].value.data && !headers[i].value.data)
            return false;
    }
    copy->headers = headers;
    return headers != NULL;
}

const struct kafka_record *recalls_keep(struct recalls *recalls, const struct kafka_record *record)
{
    struct wd_arena *arena = recalls->gathering->arena;
    struct kafka_record *copy = wd_arena_alloc(arena, sizeof(*copy));
    if (!copy)
        return NULL;
    *copy = *record;
    copy->topic = NULL; /* the partition's, which outlives the passage: see recalls_add() */
    copy->key = wd_arena_copy(arena, record->key);
    copy->value = wd_arena_copy(arena, record->value);
    if ((record->key.data && !copy->key.data) || (record->value.data && !copy->value.data) ||
        !copy_headers(arena, copy, record))
        return NULL;
    copy->topic = record->topic;
    return copy;
}

static bool recall_event(struct batch *batch, struct passage *passage, size_t index)
{
    struct shard *shard = passage->shard;
    struct wd_event *event = &passage->events.items[index];
    struct recalled_event *recalled = &passage->recalled[index];
    event->kafka_timestamp_ms = passage->record->timestamp_ms;
    recalled->wanted = wd_ruleset_wants(shard->rules, event->name);
    if (!recalled->wanted)
        return true;
    struct wd_error err;
    int64_t now_ms = wd_event_time_ms(event);
    batch->newest_ms = now_ms > batch->newest_ms ? now_ms : batch->newest_ms;
    if (wd_recall(shard->scanner, shard->rules, batch->arena, event, now_ms, &recalled->recall, &err) != WD_OK)
        return false;
    recalled->first_count = recalled->recall.count;
    return recall_values_take(&batch->values, batch->arena, recalled);
}

static bool has_wanted(const struct passage *passage)
{
    for (size_t i = 0; i < passage->events.count; i++)
        if (wd_ruleset_wants(passage->shard->rules, passage->events.items[i].name))
            return true;
    return false;
}

bool recalls_add(struct recalls *recalls, struct passage *passage)
{
    struct batch *batch = recalls->gathering;
    if (passage->failure_class || !passage->events.count || !has_wanted(passage))
        return false;
    passage->recalled = wd_arena_zalloc(batch->arena, passage->events.count, sizeof(*passage->recalled));
    bool fine = passage->recalled != NULL;
    for (size_t i = 0; fine && i < passage->events.count; i++)
        fine = recall_event(batch, passage, i);
    if (!fine) {
        passage->recalled = NULL;
        passage->events.count = 0;
        passage_fail(passage, "cannot_be_judged", "recalling what its events need passes worker.event_memory");
        return false;
    }
    ((struct kafka_record *)passage->record)->topic = passage->partition->topic; /* the copy of recalls_keep() */
    passage->decoded = passage->events.count;
    passage->partition->recalling++;
    batch->passages[batch->count++] = *passage;
    if (batch->count == recalls->batch_max)
        recalls_close_batch(recalls);
    return true;
}

static void reset(struct batch *batch)
{
    wd_arena_reset(batch->arena);
    wd_arena_reset(batch->verdicts);
    recall_values_reset(&batch->values);
    batch->count = batch->cursor = 0;
    batch->newest_ms = INT64_MIN;
    batch->without_values = false;
    batch->conflicts = 0;
    valve_request_reset(&batch->valves);
}

void recalls_settle(struct recalls *recalls)
{
    if (!recalls->gathering->count)
        reset(recalls->gathering);
}

void recalls_close_batch(struct recalls *recalls)
{
    if (!recalls->gathering->count)
        return;
    if (recalls->active) {
        recalls->close_wanted = true;
        return;
    }
    struct batch *batch = recalls->gathering;
    recalls->active = batch;
    recalls->gathering = batch == &recalls->batches[0] ? &recalls->batches[1] : &recalls->batches[0];
    recalls->close_wanted = false;
    metrics_add(recalls->shard->metrics, METRIC_STATE_BATCHES, 1);
    start(batch);
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

static bool may_skip(const struct recalls *recalls)
{
    return strcmp(recalls->shard->config->state.on_failure, "skip") == 0;
}

static void tell_down(struct recalls *recalls, const struct wd_error *err)
{
    metrics_add(recalls->shard->metrics, METRIC_STATE_FAILURES, 1);
    snprintf(recalls->problem, sizeof(recalls->problem), "%.255s", err->text);
    if (recalls->down)
        return;
    recalls->down = true;
    metrics_set(recalls->shard->metrics, METRIC_STATE_DOWN, 1);
    atomic_store(&recalls->shard->state_fails, !may_skip(recalls));
    log_write(LOG_ERROR, "state-fails",
              may_skip(recalls)
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
    if (!may_skip(recalls)) {
        loop_timer_arm(recalls->retry_timer, RETRY_MS);
        return;
    }
    recalls->skip_until_ms = shard_now_ms(recalls->shard) + SKIP_MS;
    judge_without_values(batch);
}

static void on_retry_timer(void *context)
{
    struct recalls *recalls = context;
    if (recalls->active)
        start(recalls->active);
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

static void start(struct batch *batch)
{
    struct recalls *recalls = batch->recalls;
    batch->cursor = 0;
    wd_arena_reset(batch->verdicts);
    if (recalls->down && may_skip(recalls) && shard_now_ms(recalls->shard) < recalls->skip_until_ms) {
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
    if (status == WD_OK || may_skip(batch->recalls)) {
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

static void release_partition(struct passage *passage)
{
    passage->partition->recalling--;
    shard_partition_release(passage->shard, passage->partition);
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
        release_partition(&batch->passages[i]);
    }
    reset(batch);
    recalls->active = NULL;
    if (recalls->close_wanted)
        recalls_close_batch(recalls);
    loop_timer_arm(recalls->shard->poll_timer, 0); /* there is room again */
}

/* ---- doors ---- */

static bool init_batch(struct batch *batch, struct recalls *recalls)
{
    size_t memory = (size_t)recalls->shard->config->worker.event_memory;
    batch->recalls = recalls;
    batch->arena = wd_arena_new(ARENAS * memory);
    batch->verdicts = wd_arena_new(ARENAS * memory);
    batch->passages = calloc(recalls->batch_max, sizeof(*batch->passages));
    if (!batch->arena || !batch->verdicts || !batch->passages || !recall_values_init(&batch->values))
        return false;
    reset(batch);
    return true;
}

struct recalls *recalls_new(struct shard *shard)
{
    struct recalls *recalls = calloc(1, sizeof(*recalls));
    if (!recalls)
        return NULL;
    recalls->shard = shard;
    recalls->batch_max = (size_t)shard->config->state.batch;
    recalls->gathering = &recalls->batches[0];
    recalls->retry_timer = loop_timer_new(shard->loop, on_retry_timer, recalls);
    if (recalls->retry_timer && init_batch(&recalls->batches[0], recalls) && init_batch(&recalls->batches[1], recalls))
        return recalls;
    recalls_free(recalls);
    return NULL;
}

void recalls_stop(struct recalls *recalls)
{
    if (recalls)
        recalls->stopped = true;
}

void recalls_free(struct recalls *recalls)
{
    if (!recalls)
        return;
    for (int i = 0; i < 2; i++) {
        struct batch *batch = &recalls->batches[i];
        for (size_t n = 0; n < batch->count; n++)
            release_partition(&batch->passages[n]);
        wd_arena_free(batch->arena);
        wd_arena_free(batch->verdicts);
        free(batch->passages);
        recall_values_fini(&batch->values);
    }
    loop_timer_free(recalls->retry_timer);
    free(recalls);
}

bool recalls_are_held(const struct recalls *recalls)
{
    return recalls->down && !may_skip(recalls);
}

bool recalls_have_room(const struct recalls *recalls)
{
    const struct batch *batch = recalls->gathering;
    return !recalls_are_held(recalls) && batch->count < recalls->batch_max &&
           wd_arena_used(batch->arena) < (size_t)recalls->shard->config->worker.event_memory;
}

bool recalls_are_idle(const struct recalls *recalls)
{
    return !recalls->active && !recalls->gathering->count;
}

size_t recalls_waiting(const struct recalls *recalls)
{
    return recalls->batches[0].count + recalls->batches[1].count;
}

size_t recalls_bytes(const struct recalls *recalls)
{
    size_t bytes = 0;
    for (int i = 0; i < 2; i++)
        bytes += wd_arena_used(recalls->batches[i].arena) + wd_arena_used(recalls->batches[i].verdicts);
    return bytes;
}

const char *recalls_problem(const struct recalls *recalls)
{
    return recalls->problem;
}
