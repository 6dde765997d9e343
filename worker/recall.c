/* See recall.h: gathering, and the doors. Neighbours: recall_order.c moves what is gathered on, recall_run.c has the
 * steps. */
#include "worker/recall_batch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "worker/shard_parts.h"

enum { RECORD_MEMORY = 12 * 1024, VERDICT_MEMORY = 4 * 1024 };
enum { ARENAS = 3 }; /* of worker.event_memory: a batch is closed past one of them, so that two are left for a record */

/* ---- gathering ---- */

static const struct batch *gathering(const struct recalls *recalls)
{
    return &recalls->batches[recalls->gathering % recalls->batch_count];
}

struct wd_arena *recalls_arena(struct recalls *recalls)
{
    return gathering(recalls)->arena;
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

/* As the decoder does where it reads records in their place (decode.c): the next one lies behind this one, as a rule,
 * and is on its way to the cache while this one is worked on. Where it does not, that is a little in vain. */
static void fetch_behind(struct wd_str bytes)
{
    enum { LINE_BYTES = 64, AHEAD_MAX = 2048 };
    uintptr_t end = (uintptr_t)bytes.data + bytes.len;
    size_t ahead = bytes.len < AHEAD_MAX ? bytes.len : AHEAD_MAX;
    for (size_t i = 0; i < ahead + LINE_BYTES; i += LINE_BYTES)
        __builtin_prefetch((const void *)(end + i)); /* NOLINT(performance-no-int-to-ptr): past the object */
}

const struct kafka_record *recalls_keep(struct recalls *recalls, const struct kafka_record *record)
{
    struct wd_arena *arena = gathering(recalls)->arena;
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
    fetch_behind(record->value);
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
    int64_t now_ms = recalled->now_ms = wd_event_time_ms(event);
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

/* Fetching that is paused may still hand out what was fetched, to a batch that is full. */
static bool has_place(struct batch *batch)
{
    if (batch->count < batch->passage_room)
        return true;
    struct passage *wider = realloc(batch->passages, 2 * batch->passage_room * sizeof(*wider));
    if (!wider)
        return false;
    batch->passages = wider;
    batch->passage_room *= 2;
    return true;
}

bool recalls_add(struct recalls *recalls, struct passage *passage)
{
    struct batch *batch = recalls_batch(recalls, recalls->gathering);
    if (passage->failure_class || !passage->events.count || !has_wanted(passage))
        return false;
    passage->recalled = wd_arena_zalloc(batch->arena, passage->events.count, sizeof(*passage->recalled));
    bool fine = passage->recalled != NULL && has_place(batch);
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
    if (batch->count >= recalls->batch_max)
        recalls_close_batch(recalls);
    return true;
}

void recalls_settle(struct recalls *recalls)
{
    if (!gathering(recalls)->count)
        batch_reset(recalls_batch(recalls, recalls->gathering));
}

void recalls_close_batch(struct recalls *recalls)
{
    if (!gathering(recalls)->count)
        return;
    recalls->close_wanted = true;
    recalls_advance(recalls);
}

void batch_reset(struct batch *batch)
{
    wd_arena_reset(batch->arena);
    wd_arena_reset(batch->verdicts);
    recall_values_reset(&batch->values);
    batch->count = batch->cursor = 0;
    batch->newest_ms = INT64_MIN;
    batch->without_values = batch->is_fresh = batch->sent_back = false;
    batch->conflicts = 0;
    valve_request_reset(&batch->valves);
}

static void on_retry_timer(void *context)
{
    struct recalls *recalls = context;
    struct batch *front = recalls_batch(recalls, recalls->front);
    if (front->stage == BATCH_FAILED)
        batch_set_stage(front, BATCH_CLOSED);
    recalls_advance(recalls);
}

void batch_release(struct passage *passage)
{
    passage->partition->recalling--;
    shard_partition_release(passage->shard, passage->partition);
}

bool batch_may_skip(const struct recalls *recalls)
{
    return strcmp(recalls->shard->config->state.on_failure, "skip") == 0;
}

/* ---- doors ---- */

/* A store of this process answers at once: a batch only has to hide the memory's latency, and should stay in the
 * caches. */
static size_t batch_max(const struct shard *shard)
{
    enum { LOCAL = 64 };
    size_t asked = (size_t)shard->config->state.batch;
    return state_kind_is_shared(state_kind_of(shard->state)) || asked < LOCAL ? asked : LOCAL;
}

/* What an ordinary batch takes stays in the arena from batch to batch. */
static size_t first_block(const struct recalls *recalls, size_t for_record)
{
    size_t most = (size_t)recalls->shard->config->worker.event_memory;
    return recalls->batch_max * for_record < most ? recalls->batch_max * for_record : most;
}

static bool init_batch(struct batch *batch, struct recalls *recalls, uint64_t seed)
{
    size_t memory = (size_t)recalls->shard->config->worker.event_memory;
    batch->recalls = recalls;
    batch->arena = wd_arena_new_sized(ARENAS * memory, first_block(recalls, RECORD_MEMORY));
    batch->verdicts = wd_arena_new_sized(ARENAS * memory, first_block(recalls, VERDICT_MEMORY));
    batch->passages = calloc(recalls->batch_max, sizeof(*batch->passages));
    batch->passage_room = recalls->batch_max;
    if (!batch->arena || !batch->verdicts || !batch->passages || !recall_values_init(&batch->values, seed))
        return false;
    batch_reset(batch);
    return true;
}

/* One is stored, one judged, one recalled, one gathered. A store that answers at once has none on its way. */
static size_t batch_count(const struct shard *shard)
{
    return state_kind_is_shared(state_kind_of(shard->state)) ? BATCHES_MAX : 2;
}

static bool init_batches(struct recalls *recalls)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        return false;
    for (size_t i = 0; i < recalls->batch_count; i++)
        if (!init_batch(&recalls->batches[i], recalls, seed))
            return false;
    return true;
}

struct recalls *recalls_new(struct shard *shard)
{
    struct recalls *recalls = calloc(1, sizeof(*recalls));
    if (!recalls)
        return NULL;
    recalls->shard = shard;
    recalls->batch_max = batch_max(shard);
    recalls->batch_count = batch_count(shard);
    recalls->oldest = recalls->front = recalls->gathering = 1;
    recalls->batches[1].number = 1;
    recalls->retry_timer = loop_timer_new(shard->loop, on_retry_timer, recalls);
    if (recalls->retry_timer && init_batches(recalls))
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
    for (size_t i = 0; i < recalls->batch_count; i++) {
        struct batch *batch = &recalls->batches[i];
        for (size_t n = 0; n < batch->count; n++)
            batch_release(&batch->passages[n]);
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
    return recalls->down && !batch_may_skip(recalls);
}

bool recalls_have_room(const struct recalls *recalls)
{
    const struct batch *batch = gathering(recalls);
    return !recalls_are_held(recalls) && batch->count < recalls->batch_max &&
           wd_arena_used(batch->arena) < (size_t)recalls->shard->config->worker.event_memory;
}

bool recalls_are_idle(const struct recalls *recalls)
{
    return recalls->front == recalls->gathering && !gathering(recalls)->count;
}

size_t recalls_waiting(const struct recalls *recalls)
{
    size_t count = 0;
    for (size_t i = 0; i < recalls->batch_count; i++)
        count += recalls->batches[i].count;
    return count;
}

size_t recalls_bytes(const struct recalls *recalls)
{
    size_t bytes = 0;
    for (size_t i = 0; i < recalls->batch_count; i++)
        bytes += wd_arena_used(recalls->batches[i].arena) + wd_arena_used(recalls->batches[i].verdicts);
    return bytes;
}

const char *recalls_problem(const struct recalls *recalls)
{
    return recalls->problem;
}
