/* How much a shard takes: when it polls for records, when it waits a moment, when it pauses fetching. Neighbours:
 * shard.c turns the loop, pipeline.c takes the records on.
 *
 * What always holds: while nothing may be taken the consumer is still polled, so that the shard stays a member; memory
 * that is held for records stays within worker.max_held_bytes and what one poll can bring. */
#include "worker/log.h"
#include "worker/recall.h"
#include "worker/shard_parts.h"

enum {
    POLL_PERIOD_MS = 100,       /* the queue's event fd fires only on empty to non-empty, so a timer polls as well */
    POLL_BURST = 512,           /* records between two looks at the other handles */
    FULL_BEFORE_PAUSE_MS = 500, /* pausing throws away what was fetched ahead: only for a lasting jam */
    HELD_PER_IN_FLIGHT = 8,     /* units that queue behind a busy author must not fill the window */
};

/* ---- how full we are ---- */

static size_t max_held_works(const struct shard *shard)
{
    return (size_t)shard->config->worker.max_in_flight * HELD_PER_IN_FLIGHT;
}

/* What is finished and cannot be committed is done again by the next owner. Past half a session without a commit there
 * may be one already: then nothing new is taken, so that an outage of the brokers cannot pile up repeats. */
static bool commits_stand_still(const struct shard *shard)
{
    return shard->uncommitted_since_ms >= 0 &&
           shard_now_ms(shard) - shard->uncommitted_since_ms > shard->config->kafka.session_timeout_ms / 2;
}

size_t shard_held_bytes(const struct shard *shard)
{
    return shard->held_bytes + (shard->recalls ? recalls_bytes(shard->recalls) : 0);
}

/* New rules are taken between two batches: so that there is such a moment, no new batch is begun. */
static bool recalls_are_shut(const struct shard *shard)
{
    if (!shard->recalls)
        return false;
    return recalls_are_held(shard->recalls) ||
           (handover_is_offered(&shard->handover) && !recalls_are_idle(shard->recalls));
}

static bool has_room(const struct shard *shard)
{
    return !commits_stand_still(shard) && !dispatch_is_shut(shard->dispatch) && !recalls_are_shut(shard) &&
           (!shard->recalls || recalls_have_room(shard->recalls)) && shard->held_works < max_held_works(shard) &&
           shard_held_bytes(shard) < (size_t)shard->config->worker.max_held_bytes;
}

static bool is_half_empty(const struct shard *shard)
{
    return !commits_stand_still(shard) && !dispatch_is_shut(shard->dispatch) && !recalls_are_shut(shard) &&
           shard->held_works <= max_held_works(shard) / 2 &&
           shard_held_bytes(shard) <= (size_t)shard->config->worker.max_held_bytes / 2;
}

void shard_pause_all(struct shard *shard, bool pause)
{
    struct partition *partition;
    TAILQ_FOREACH(partition, &shard->partitions, link)
    {
        if (pause)
            consumer_pause(shard->consumer, partition->topic, partition->number);
        else if (!partition->paused)
            consumer_resume(shard->consumer, partition->topic, partition->number);
    }
    shard->paused = pause;
}

/* Pauses a partition whose unfinished head has too long a tail of finished records behind it; resumes it at half. */
void shard_mind_window(struct shard *shard, struct partition *partition)
{
    size_t span = offsets_span(partition->offsets);
    size_t window = (size_t)shard->config->worker.max_partition_window;
    if (!partition->paused && span >= window) {
        partition->paused = true;
        consumer_pause(shard->consumer, partition->topic, partition->number);
    } else if (partition->paused && span <= window / 2) {
        partition->paused = false;
        if (!shard->paused && !shard->draining)
            consumer_resume(shard->consumer, partition->topic, partition->number);
    }
}

/* A window that is full for a moment just waits; a lasting jam pauses, so that polling can go on without records. */
static bool may_poll(struct shard *shard)
{
    if (shard->in_revoke || shard->failed)
        return false;
    if (shard->draining || shard->paused)
        return true;
    if (has_room(shard)) {
        shard->full_since_ms = -1;
        return true;
    }
    if (shard->full_since_ms < 0)
        shard->full_since_ms = shard_now_ms(shard);
    if (shard_now_ms(shard) - shard->full_since_ms < FULL_BEFORE_PAUSE_MS)
        return false;
    log_write(commits_stand_still(shard) ? LOG_WARN : LOG_INFO, "paused",
              commits_stand_still(shard)
                  ? "no commit has been acknowledged for half a session: nothing new is taken until one is"
                  : "the window has been full for a while: fetching is paused until it is half empty",
              LOG_STR("shard", shard->name), LOG_INT("held_records", shard->held_works),
              LOG_INT("held_bytes", shard->held_bytes), LOG_END);
    shard_pause_all(shard, true);
    return true;
}

static void resume_if_room(struct shard *shard)
{
    if (!shard->paused || shard->draining || shard->in_revoke || !is_half_empty(shard))
        return;
    shard->full_since_ms = -1;
    shard_pause_all(shard, false);
    log_write(LOG_INFO, "resumed", "there is room again: fetching goes on", LOG_STR("shard", shard->name), LOG_END);
}

/* ---- polling ---- */

static void on_consumer_ready(void *context, int fd, unsigned ready);

void shard_listen(struct shard *shard, bool listen)
{
    struct wd_error err;
    if (listen == shard->listening || !shard->consumer)
        return;
    int fd = consumer_event_fd(shard->consumer);
    if (!listen)
        loop_unwatch(shard->loop, fd);
    shard->listening = listen && loop_watch(shard->loop, fd, LOOP_READ, on_consumer_ready, shard, &err) == WD_OK;
}

void shard_poll(void *context)
{
    struct shard *shard = context;
    size_t served = 0;
    bool may;
    resume_if_room(shard);
    while ((may = may_poll(shard)) && served < POLL_BURST && consumer_poll(shard->consumer, 1) > 0)
        served++;
    if (shard->recalls)
        recalls_close_batch(shard->recalls); /* nothing more comes for now, or much has come */
    shard_listen(shard, may);                /* a ready fd that nobody serves would keep the loop turning */
    /* after a full burst there is more to do: the next turn goes on without waiting for the event fd */
    loop_timer_arm(shard->poll_timer, served == POLL_BURST ? 0 : POLL_PERIOD_MS);
}

static void on_consumer_ready(void *context, int fd, unsigned ready)
{
    (void)fd;
    (void)ready;
    shard_poll(context);
}

void shard_on_record(void *context, const struct kafka_record *record)
{
    struct shard *shard = context;
    if (shard->draining)
        return; /* was fetched before the pause: it stays uncommitted and is read again */
    pipeline_take(shard, record);
    struct partition *partition = shard_partition(shard, record->topic, record->partition);
    if (partition)
        shard_mind_window(shard, partition);
}
