/* One thread: an event loop that owns its partitions. Read run_thread() first. Neighbours: shard_make.c makes it,
 * shard_intake.c polls for records, pipeline.c takes them, membership.c deals with the group, commits.c with offsets,
 * outbound.c with the calls, run.c starts and stops shards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/log.h"
#include "worker/recall.h"
#include "worker/shard_parts.h"
#include "worker/state/state.h"
#include "worker/valves.h"

enum {
    TOKEN_PERIOD_MS = 1000,
    WATCH_PERIOD_MS = 500,
    DRAIN_COMMIT_MS = 50,
    LEAVE_MIN_MS = 1000,
};

int64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t steady_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t steady_clock_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t shard_now_ms(const struct shard *shard)
{
    return (int64_t)loop_now_ms(shard->loop);
}

bool shard_is_member(struct shard *shard)
{
    bool was_in_doubt = shard->doze.in_doubt;
    /* Heartbeats go on while the news of the loss still waits to be polled. */
    bool is_lost = shard->consumer && consumer_assignment_lost(shard->consumer);
    int64_t heard_ms = shard->consumer && !is_lost ? consumer_heard_ms(shard->consumer) : 0;
    bool is_member =
        doze_is_member(&shard->doze, steady_clock_ms(), shard->config->kafka.session_timeout_ms / 2, heard_ms);
    if (is_member == was_in_doubt)
        log_write(is_member ? LOG_INFO : LOG_WARN, is_member ? "group-answers" : "slept",
                  is_member ? "the group has answered: calls go on"
                            : "the process stood still for more than half a session: nothing is sent until the group "
                              "has answered",
                  LOG_STR("shard", shard->name), LOG_END);
    return is_member && !is_lost;
}

/* ---- timers ---- */

static void on_dispatch_timer(void *context)
{
    outbound_run(context);
}

static uint64_t commit_wait_ms(const struct shard *shard)
{
    int64_t wait_ms = shard->config->worker.commit_interval_ms;
    if (shard->commit_hurries && wait_ms > shard->config->worker.commit_after_action_ms)
        wait_ms = shard->config->worker.commit_after_action_ms;
    return (uint64_t)wait_ms;
}

void shard_hurry_commit(struct shard *shard)
{
    if (shard->commit_hurries)
        return;
    shard->commit_hurries = true;
    if (!shard->draining) /* then the timer has its own pace */
        loop_timer_arm(shard->commit_timer, commit_wait_ms(shard));
}

static void on_commit_timer(void *context)
{
    struct shard *shard = context;
    if (commits_are_done(shard))
        shard->uncommitted_since_ms = -1;
    else if (shard->uncommitted_since_ms < 0)
        shard->uncommitted_since_ms = shard_now_ms(shard);
    commits_start(shard);
    loop_timer_arm(shard->commit_timer, commit_wait_ms(shard));
}

static void on_token_timer(void *context)
{
    struct shard *shard = context;
    loop_timer_arm(shard->token_timer, TOKEN_PERIOD_MS);
    outbound_mind_token(shard);
}

static void update_state_gauges(struct shard *shard)
{
    struct state_size size;
    state_size_of(shard->state, &size);
    metrics_set(shard->metrics, METRIC_STATE_VALUES, size.values);
    metrics_set(shard->metrics, METRIC_STATE_BYTES, size.bytes);
    metrics_set(shard->metrics, METRIC_STATE_MAX_BYTES, size.max_bytes);
    metrics_set(shard->metrics, METRIC_STATE_FORGOTTEN, size.forgotten);
    metrics_set(shard->metrics, METRIC_STATE_EVICTED, size.evicted);
}

static void update_gauges(struct shard *shard)
{
    uint64_t lag = 0;
    struct partition *partition;
    TAILQ_FOREACH(partition, &shard->partitions, link)
    {
        int64_t end = consumer_high_watermark(shard->consumer, partition->topic, partition->number);
        int64_t position = offsets_position(partition->offsets);
        if (end > position && position >= 0)
            lag += (uint64_t)(end - position);
    }
    metrics_set(shard->metrics, METRIC_LAG, lag);
    metrics_set(shard->metrics, METRIC_IN_FLIGHT, shard->held_works);
    metrics_set(shard->metrics, METRIC_HELD_BYTES, shard_held_bytes(shard));
    if (shard->recalls)
        update_state_gauges(shard);
    metrics_set(shard->metrics, METRIC_BREAKER_OPEN, dispatch_open_gates(shard->dispatch));
}

static void on_watch_timer(void *context)
{
    struct shard *shard = context;
    loop_timer_arm(shard->watch_timer, WATCH_PERIOD_MS);
    struct partition *partition;
    TAILQ_FOREACH(partition, &shard->partitions, link)
    {
        shard_mind_window(shard, partition);
    }
    atomic_store(&shard->ready, consumer_is_ready(shard->consumer) && !shard->draining);
    if (atomic_load(&shard->recalls_locally) && !shard->partitions_counted && atomic_load(&shard->ready))
        membership_count_all_partitions(shard);
    update_gauges(shard);
    watchdog_look(shard);
    producer_poll(shard->producer); /* its event fd, too, tells only of an empty queue that fills */
    if (!shard->in_revoke)
        shard_mind_producer(shard);
    pipeline_retry_deliveries(shard);
}

bool shard_make_timers(struct shard *shard)
{
    shard->poll_timer = loop_timer_new(shard->loop, shard_poll, shard);
    shard->commit_timer = loop_timer_new(shard->loop, on_commit_timer, shard);
    shard->dispatch_timer = loop_timer_new(shard->loop, on_dispatch_timer, shard);
    shard->token_timer = loop_timer_new(shard->loop, on_token_timer, shard);
    shard->watch_timer = loop_timer_new(shard->loop, on_watch_timer, shard);
    return shard->poll_timer && shard->commit_timer && shard->dispatch_timer && shard->token_timer &&
           shard->watch_timer;
}

void shard_free_timers(struct shard *shard)
{
    loop_timer_free(shard->poll_timer);
    loop_timer_free(shard->commit_timer);
    loop_timer_free(shard->dispatch_timer);
    loop_timer_free(shard->token_timer);
    loop_timer_free(shard->watch_timer);
}

/* ---- the thread ---- */

/* Whether records go through batches depends on the rules. */
void shard_mind_state(struct shard *shard)
{
    bool remembers = wd_ruleset_remembers(shard->rules);
    shard->recalling = shard->state && (remembers || valves_are_set(shard->config));
    atomic_store(&shard->recalls_locally, shard->recalling && !state_kind_is_shared(state_kind_of(shard->state)));
    if (remembers && !shard->state)
        log_write(
            LOG_WARN, "state-missing",
            "the rules remember, and there is no store: conditions on behaviour are never true; set state.store and "
            "start again",
            LOG_STR("shard", shard->name), LOG_END);
}

/* Nothing that is under way refers to the old rules: what was decided has been copied. */
static void take_offered_rules(struct shard *shard)
{
    uint64_t start_ns = steady_clock_ns(NULL);
    if (shard->recalls && !recalls_are_idle(shard->recalls))
        return; /* a batch is judged by one set */
    if (!handover_take(&shard->handover, &shard->rules, shard->scanner, shard->metrics))
        return;
    shard_mind_state(shard);
    log_write(LOG_INFO, "rules-taken", "the shard judges by the new rules", LOG_STR("shard", shard->name),
              LOG_STR("ruleset", wd_ruleset_digest(shard->rules)),
              LOG_INT("took_us", (steady_clock_ns(NULL) - start_ns) / 1000), LOG_END);
}

static void turn(struct shard *shard, int max_wait_ms)
{
    take_offered_rules(shard);
    loop_turn(shard->loop, max_wait_ms);
    atomic_store(&shard->turned_ms, steady_clock_ms());
    shard_is_member(shard);
}

static size_t unfinished(const struct shard *shard)
{
    return shard->held_works + (shard->recalls ? recalls_waiting(shard->recalls) : 0);
}

/* Nothing new is taken; what is under way may end and is committed; the rest is left to the next owner. Polling goes
 * on, because a commit that comes in the middle of a rebalance is refused until the shard has joined again. */
static void drain(struct shard *shard)
{
    shard->draining = true;
    atomic_store(&shard->ready, false);
    shard_pause_all(shard, true);
    if (shard->recalls)
        recalls_close_batch(shard->recalls);
    int64_t deadline = shard->drain_until_ms = steady_clock_ms() + shard->config->worker.drain_timeout_ms;
    loop_timer_arm(shard->commit_timer, 0);
    while ((unfinished(shard) || !commits_are_done(shard)) && !shard->failed && steady_clock_ms() < deadline) {
        if (!unfinished(shard) && !shard->commit_pending && !shard->syncing && !loop_timer_armed(shard->commit_timer))
            loop_timer_arm(shard->commit_timer, DRAIN_COMMIT_MS);
        turn(shard, 20);
    }
    if (unfinished(shard))
        log_write(LOG_WARN, "drain-timeout",
                  "worker.drain_timeout is over: unfinished records are left to the next owner of their partitions",
                  LOG_STR("shard", shard->name), LOG_INT("unfinished", unfinished(shard)), LOG_END);
}

/* Leaving the group gives the partitions back, so this forgets every work and commits what is finished. A group that
 * does not answer is not waited for any longer than worker.drain_timeout. */
static void leave(struct shard *shard)
{
    int64_t deadline_ms = steady_clock_ms() + shard->config->worker.drain_timeout_ms;
    loop_timer_cancel(shard->commit_timer);
    loop_timer_cancel(shard->poll_timer);
    shard_listen(shard, false);
    if (!shard->failed)
        commits_finish_all(shard);
    int64_t left_ms = deadline_ms - steady_clock_ms();
    consumer_close(shard->consumer, left_ms > LEAVE_MIN_MS ? (int)left_ms : LEAVE_MIN_MS);
    shard->consumer = NULL;
    membership_forget_all(shard); /* what no revoke callback came for: the group could not be reached */
}

static void *run_thread(void *context)
{
    struct shard *shard = context;
    loop_timer_arm(shard->poll_timer, 0);
    loop_timer_arm(shard->commit_timer, (uint64_t)shard->config->worker.commit_interval_ms);
    loop_timer_arm(shard->token_timer, TOKEN_PERIOD_MS);
    loop_timer_arm(shard->watch_timer, WATCH_PERIOD_MS);
    while (!atomic_load(&shard->stop_asked) && !shard->failed)
        turn(shard, 1000);
    if (!shard->failed)
        drain(shard);
    bool drained = unfinished(shard) == 0 && commits_are_done(shard) && !shard->failed;
    size_t left = unfinished(shard);
    leave(shard);
    atomic_store(&shard->clean, drained && !shard->failed && !shard->gave_up);
    log_write(drained ? LOG_INFO : LOG_WARN, "shard-ended",
              drained ? "everything that was taken is finished and committed"
                      : "ended with records that are not finished or not committed: the next owner does them again",
              LOG_STR("shard", shard->name), LOG_INT("unfinished", left), LOG_END);
    atomic_store(&shard->ready, false);
    atomic_store(&shard->ended, true);
    if (shard->options.on_end)
        shard->options.on_end(shard->options.context);
    return NULL;
}

/* ---- doors ---- */

enum wd_status shard_start(struct shard *shard, struct wd_error *err)
{
    int failed = pthread_create(&shard->thread, NULL, run_thread, shard);
    if (failed)
        return wd_fail(err, WD_ERR_IO, "cannot start a thread: %s", strerror(failed));
    shard->started = true;
    return WD_OK;
}

bool shard_offer_rules(struct shard *shard, struct wd_ruleset *rules)
{
    bool offered = handover_offer(&shard->handover, rules);
    loop_wake(shard->loop);
    return offered;
}

void shard_collect_rules(struct shard *shard)
{
    handover_collect(&shard->handover);
}

void shard_stop(struct shard *shard)
{
    atomic_store(&shard->stop_asked, true);
    loop_wake(shard->loop);
}

bool shard_join(struct shard *shard)
{
    if (shard->started)
        pthread_join(shard->thread, NULL);
    shard->started = false;
    return atomic_load(&shard->clean);
}

const struct metrics *shard_metrics(const struct shard *shard)
{
    return shard->metrics;
}

bool shard_is_ready(const struct shard *shard)
{
    return atomic_load(&shard->ready);
}

int64_t shard_silence_ms(const struct shard *shard)
{
    return steady_clock_ms() - atomic_load(&shard->turned_ms);
}

int64_t shard_topic_partitions(const struct shard *shard)
{
    return atomic_load(&shard->recalls_locally) ? atomic_load(&shard->topic_partitions) : 0;
}

bool shard_state_fails(const struct shard *shard)
{
    return atomic_load(&shard->state_fails);
}

bool shard_has_ended(const struct shard *shard)
{
    return atomic_load(&shard->ended);
}
