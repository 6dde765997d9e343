/* Keeping what is needed of a record. Neighbours: pipeline.c. A record is lent only for the time of its callback. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/decision.h"
#include "worker/work_keep.h"

enum { SPARE_MAX = sizeof(((struct shard *)0)->spare_arenas) / sizeof(struct wd_arena *) };

/* A work's arena begins with one block; its decision is JSON on the heap, of about this size. */
enum { FIRST_BLOCK = 8 * 1024, DECISION_BYTES = 4 * 1024 };

static struct wd_arena *take_arena(struct shard *shard)
{
    if (shard->spare_count)
        return shard->spare_arenas[--shard->spare_count];
    return wd_arena_new_sized((size_t)shard->config->worker.event_memory, FIRST_BLOCK);
}

static void give_arena(struct shard *shard, struct wd_arena *arena)
{
    wd_arena_reset(arena);
    if (shard->spare_count < SPARE_MAX)
        shard->spare_arenas[shard->spare_count++] = arena;
    else
        wd_arena_free(arena);
}

static bool copy_headers(struct work *work, const struct kafka_record *record)
{
    if (!record->header_count)
        return true;
    work->headers = wd_arena_zalloc(work->arena, record->header_count, sizeof(*work->headers));
    if (!work->headers)
        return false;
    for (size_t i = 0; i < record->header_count; i++) {
        work->headers[i].name = wd_arena_copy(work->arena, record->headers[i].name);
        work->headers[i].value = wd_arena_copy(work->arena, record->headers[i].value);
        if (record->headers[i].value.data && !work->headers[i].value.data)
            return false;
    }
    work->header_count = record->header_count;
    return true;
}

struct work *work_keep(struct shard *shard, struct partition *partition, uint64_t ticket,
                       const struct kafka_record *record)
{
    struct wd_arena *arena = take_arena(shard);
    struct work *work = arena ? wd_arena_zalloc(arena, 1, sizeof(*work)) : NULL;
    if (!work) {
        wd_arena_free(arena);
        return NULL;
    }
    *work = (struct work){.shard = shard,
                          .partition = partition,
                          .ticket = ticket,
                          .offset = record->offset,
                          .timestamp_ms = record->timestamp_ms,
                          .taken_ms = (int64_t)loop_now_ms(shard->loop),
                          .arena = arena};
    work->key = wd_arena_copy(arena, record->key);
    work->value = wd_arena_copy(arena, record->value);
    if ((record->value.data && !work->value.data) || (record->key.data && !work->key.data) ||
        !copy_headers(work, record)) {
        give_arena(shard, arena);
        return NULL;
    }
    shard->held_works++;
    work_measure(shard, work);
    TAILQ_INSERT_TAIL(&partition->works, work, partition_link);
    return work;
}

void work_measure(struct shard *shard, struct work *work)
{
    shard->held_bytes -= work->bytes;
    work->bytes = wd_arena_held(work->arena) + work->unit_count * DECISION_BYTES;
    shard->held_bytes += work->bytes;
}

void work_release(struct shard *shard, struct work *work)
{
    struct partition *partition = work->partition;
    if (work->waiting)
        TAILQ_REMOVE(&shard->waiting, work, waiting_link);
    for (size_t i = 0; i < work->unit_count; i++)
        decision_free(work->units[i].decision);
    TAILQ_REMOVE(&partition->works, work, partition_link);
    shard->held_works--;
    shard->held_bytes -= work->bytes;
    give_arena(shard, work->arena);
    shard_partition_release(shard, partition);
    if (shard->full_since_ms >= 0) /* there is room again */
        loop_timer_arm(shard->poll_timer, 0);
}

void work_fail(struct work *work, const char *class, const char *reason)
{
    if (work->failure)
        return; /* the first reason is the one to look at */
    work->failure_class = class;
    work->failure = wd_arena_copy(work->arena, wd_str_from(reason)).data;
    if (!work->failure)
        work->failure = "no memory left for the reason";
}
