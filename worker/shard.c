/* One thread: an event loop that owns its partitions. Read run_thread() first. Neighbours: pipeline.c takes the
 * records, membership.c deals with the group, outbound.c with the calls, run.c starts and stops shards.
 *
 * What always holds: while nothing may be taken the consumer is still polled, so that the shard stays a member; memory
 * that is held for records stays within worker.max_held_bytes and what one poll can bring. */
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
    POLL_PERIOD_MS = 100,       /* the queue's event fd fires only on empty to non-empty, so a timer polls as well */
    POLL_BURST = 512,           /* records between two looks at the other handles */
    FULL_BEFORE_PAUSE_MS = 500, /* pausing throws away what was fetched ahead: only for a lasting jam */
    HELD_PER_IN_FLIGHT = 8,     /* units that queue behind a busy author must not fill the window */
    TOKEN_PERIOD_MS = 1000,
    WATCH_PERIOD_MS = 500,
    PRODUCER_FLUSH_MS = 5000,
    DRAIN_COMMIT_MS = 50,
    LEAVE_MIN_MS = 1000,
    TIMED_EVENTS = 16, /* one in so many has the time of each rule noted */
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

static uint64_t cheap_clock_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A call of the kernel, so only for what takes long. */
static uint64_t thread_clock_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
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

static size_t held_bytes(const struct shard *shard)
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
           held_bytes(shard) < (size_t)shard->config->worker.max_held_bytes;
}

static bool is_half_empty(const struct shard *shard)
{
    return !commits_stand_still(shard) && !dispatch_is_shut(shard->dispatch) && !recalls_are_shut(shard) &&
           shard->held_works <= max_held_works(shard) / 2 &&
           held_bytes(shard) <= (size_t)shard->config->worker.max_held_bytes / 2;
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
static void mind_partition_window(struct shard *shard, struct partition *partition)
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

/* ---- polling ---- */

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

static void on_poll_timer(void *context)
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
    on_poll_timer(context);
}

static void on_producer_ready(void *context, int fd, unsigned ready)
{
    (void)fd;
    (void)ready;
    struct shard *shard = context;
    producer_poll(shard->producer);
}

static void on_record(void *context, const struct kafka_record *record)
{
    struct shard *shard = context;
    if (shard->draining)
        return; /* was fetched before the pause: it stays uncommitted and is read again */
    pipeline_take(shard, record);
    struct partition *partition = shard_partition(shard, record->topic, record->partition);
    if (partition)
        mind_partition_window(shard, partition);
}

static void on_client_error(void *context, bool fatal, const char *text)
{
    struct shard *shard = context;
    log_write(fatal ? LOG_ERROR : LOG_WARN, fatal ? "kafka-fatal" : "kafka-error",
              fatal ? "the Kafka client cannot go on; the shard ends so that the group recovers"
                    : "the Kafka client reports a problem; it goes on by itself",
              LOG_STR("shard", shard->name), LOG_STR("error", text), LOG_END);
    if (fatal)
        shard->failed = true;
}

/* What the client says of itself, as far as it is asked to (kafka.properties: {debug: cgrp}). */
static void on_client_log(void *context, int level, const char *text)
{
    struct shard *shard = context;
    enum log_level ours = level <= 3 ? LOG_ERROR : level <= 4 ? LOG_WARN : level <= 6 ? LOG_INFO : LOG_DEBUG;
    log_write(ours, "kafka-client", "the Kafka client says", LOG_STR("shard", shard->name), LOG_STR("text", text),
              LOG_END);
}

/* ---- the producer: made again when it has come to its end ---- */

static void on_producer_error(void *context, bool fatal, const char *text)
{
    struct shard *shard = context;
    log_write(LOG_WARN, "kafka-producer-error", fatal ? "the producer is made anew" : "the producer reports a problem",
              LOG_STR("shard", shard->name), LOG_STR("error", text), LOG_END);
}

static enum wd_status make_producer(struct shard *shard, struct wd_error *err)
{
    const struct config *config = shard->config;
    struct producer_options options = {.brokers = config->kafka.brokers,
                                       .client_id = shard->name,
                                       .properties = shard->properties,
                                       .property_count = config->kafka.properties.count,
                                       .delivery_timeout_ms = 30000,
                                       .linger_ms = 5,
                                       .on_error = on_producer_error,
                                       .on_error_context = shard};
    shard->producer = producer_new(&options, err);
    if (!shard->producer)
        return wd_error_prefix(err, err->status, "Kafka producer");
    return loop_watch(shard->loop, producer_event_fd(shard->producer), LOOP_READ, on_producer_ready, shard, err);
}

static void mind_producer(struct shard *shard)
{
    char cause[256];
    if (!producer_is_fatal(shard->producer, cause, sizeof(cause)) || producer_in_flight(shard->producer))
        return;
    loop_unwatch(shard->loop, producer_event_fd(shard->producer));
    producer_free(shard->producer, 0);
    struct wd_error err = {0};
    log_write(LOG_ERROR, "kafka-producer-renewed", "the producer had come to its end; a new one takes over",
              LOG_STR("shard", shard->name), LOG_STR("cause", cause), LOG_END);
    if (make_producer(shard, &err) != WD_OK) {
        log_write(LOG_ERROR, "kafka-producer-failed", "no new producer can be made; the shard ends",
                  LOG_STR("shard", shard->name), LOG_STR("error", err.text), LOG_END);
        shard->failed = true;
    }
}

/* ---- timers ---- */

static void on_dispatch_timer(void *context)
{
    outbound_run(context);
}

static void on_commit_timer(void *context)
{
    struct shard *shard = context;
    loop_timer_arm(shard->commit_timer, (uint64_t)shard->config->worker.commit_interval_ms);
    if (membership_is_committed(shard))
        shard->uncommitted_since_ms = -1;
    else if (shard->uncommitted_since_ms < 0)
        shard->uncommitted_since_ms = shard_now_ms(shard);
    membership_start_commit(shard);
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
    metrics_set(shard->metrics, METRIC_HELD_BYTES, held_bytes(shard));
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
        mind_partition_window(shard, partition);
    }
    atomic_store(&shard->ready, consumer_is_ready(shard->consumer) && !shard->draining);
    if (atomic_load(&shard->recalls_locally) && !shard->partitions_counted && atomic_load(&shard->ready))
        membership_count_all_partitions(shard);
    update_gauges(shard);
    watchdog_look(shard);
    producer_poll(shard->producer); /* its event fd, too, tells only of an empty queue that fills */
    if (!shard->in_revoke)
        mind_producer(shard);
    pipeline_retry_deliveries(shard);
}

/* ---- the thread ---- */

/* Whether records go through batches depends on the rules. */
static void mind_state(struct shard *shard)
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
    uint64_t start_ns = cheap_clock_ns(NULL);
    if (shard->recalls && !recalls_are_idle(shard->recalls))
        return; /* a batch is judged by one set */
    if (!handover_take(&shard->handover, &shard->rules, shard->scanner, shard->metrics))
        return;
    mind_state(shard);
    log_write(LOG_INFO, "rules-taken", "the shard judges by the new rules", LOG_STR("shard", shard->name),
              LOG_STR("ruleset", wd_ruleset_digest(shard->rules)),
              LOG_INT("took_us", (cheap_clock_ns(NULL) - start_ns) / 1000), LOG_END);
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
    while ((unfinished(shard) || !membership_is_committed(shard)) && !shard->failed && steady_clock_ms() < deadline) {
        if (!unfinished(shard) && !shard->commit_pending && !loop_timer_armed(shard->commit_timer))
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
        membership_commit_all(shard);
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
    bool drained = unfinished(shard) == 0 && membership_is_committed(shard) && !shard->failed;
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

static enum wd_status make_consumer(struct shard *shard, struct wd_error *err)
{
    static const struct consumer_callbacks CALLBACKS = {.on_record = on_record,
                                                        .on_assign = membership_on_assign,
                                                        .on_revoke = membership_on_revoke,
                                                        .on_error = on_client_error,
                                                        .on_log = on_client_log,
                                                        .on_commit = membership_on_commit};
    const struct config *config = shard->config;
    char instance[256];
    snprintf(instance, sizeof(instance), "%s-%u",
             config->kafka.group_instance_id ? config->kafka.group_instance_id : "", shard->options.number);
    struct consumer_options options = {
        .brokers = config->kafka.brokers,
        .group_id = config->kafka.group_id,
        .group_instance_id = !config->kafka.group_instance_id ? NULL
                             : shard->options.count > 1       ? instance
                                                              : config->kafka.group_instance_id,
        .client_id = shard->name,
        .topics = (const char *const *)config->kafka.topics,
        .assignor = config->kafka.assignor,
        .offset_reset = config->kafka.offset_reset,
        .session_timeout_ms = (int)config->kafka.session_timeout_ms,
        .max_poll_interval_ms = (int)config->kafka.max_poll_interval_ms,
        .max_record_bytes = (size_t)config->kafka.max_record_bytes,
        .properties = shard->properties,
        .property_count = config->kafka.properties.count,
    };
    shard->consumer = consumer_new(&options, &CALLBACKS, shard, err);
    if (!shard->consumer)
        return wd_error_prefix(err, err->status, "Kafka consumer");
    shard_listen(shard, true);
    return WD_OK;
}

static enum wd_status make_client(struct shard *shard, struct wd_error *err)
{
    const struct config *config = shard->config;
    struct client_options options = {.base_url = config->platform.base_url,
                                     .ca_file = config->platform.ca_file,
                                     .user_agent = "warden/" WARDEN_VERSION,
                                     .connect_timeout_ms = (int)config->platform.connect_timeout_ms,
                                     .total_timeout_ms = (int)config->platform.total_timeout_ms,
                                     .max_answer_bytes = (size_t)config->platform.max_answer_bytes,
                                     .max_connections = (size_t)config->platform.max_connections,
                                     .proxy = config->platform.proxy};
    shard->client = client_new(&options, shard->loop, shard->options.table, shard->options.token, err);
    return shard->client ? WD_OK : wd_error_prefix(err, err->status, "HTTP client");
}

/* Limits are the process's: each shard gets its share. */
static bool make_dispatch(struct shard *shard)
{
    const struct config *config = shard->config;
    const struct config_map *rates = &config->platform.group_rates;
    double burst = (double)config->platform.burst / shard->options.count;
    shard->group_rates = calloc(rates->count + 1, sizeof(*shard->group_rates));
    if (!shard->group_rates)
        return false;
    for (size_t i = 0; i < rates->count; i++)
        shard->group_rates[i] =
            (struct dispatch_rate){.group = rates->items[i].name,
                                   .rate_per_second = strtod(rates->items[i].value, NULL) / shard->options.count};
    struct dispatch_options options = {
        .max_in_flight = (size_t)config->worker.max_in_flight,
        .max_attempts = (unsigned)config->worker.max_attempts,
        .backoff = {.base_ms = config->worker.retry_base_ms, .max_ms = config->worker.retry_max_ms},
        .gate = {.window_ms = config->worker.breaker_window_ms,
                 .failure_ratio = config->worker.breaker_ratio,
                 .min_calls = (uint32_t)config->worker.breaker_min_calls,
                 .probe_ms = config->worker.breaker_probe_ms,
                 .ramp_to = 32},
        .rate_per_second = config->platform.rate_per_second / shard->options.count,
        .burst = burst > 1 ? burst : 1,
        .group_rates = shard->group_rates,
        .group_rate_count = config->platform.group_rates.count,
        .max_hold_ms = config->platform.max_retry_after_ms,
        .batch_wait_ms = config->platform.batch_wait_ms,
        .batch_max = (size_t)config->platform.batch_max,
        .seed = (uint64_t)wall_clock_ms() * 31 + shard->options.number,
    };
    struct dispatch_port port = outbound_port(shard);
    shard->dispatch = dispatch_new(&options, &port, shard_now_ms(shard));
    return shard->dispatch != NULL;
}

static void count_time(void *context, uint32_t rule, uint64_t ns)
{
    struct shard *shard = context;
    metrics_rule_add(shard->metrics, rule, RULE_TIMED, 1);
    metrics_rule_add(shard->metrics, rule, RULE_NANOSECONDS, ns);
}

static bool make_parts(struct shard *shard)
{
    const struct config *config = shard->config;
    struct wd_scanner_options scanner = {.stage = WD_STAGE_WORKER,
                                         .clock = cheap_clock_ns,
                                         .processor_clock = thread_clock_ns,
                                         .event_budget_ns = (uint64_t)config->worker.event_budget_ms * 1000000u,
                                         .rule_budget_ns = (uint64_t)config->rules.rule_budget_ms * 1000000u,
                                         .tried = count_time,
                                         .tried_context = shard,
                                         .sample_every = TIMED_EVENTS,
                                         .rule_share = config->valves.rule_share,
                                         .rule_share_min_events = (uint32_t)config->valves.rule_share_min_events};
    shard->metrics = metrics_new();
    shard->decoder = wd_decoder_new((size_t)config->kafka.max_record_bytes);
    shard->scanner = wd_scanner_new(&scanner);
    shard->scratch = wd_arena_new((size_t)config->worker.event_memory);
    shard->poll_timer = loop_timer_new(shard->loop, on_poll_timer, shard);
    shard->commit_timer = loop_timer_new(shard->loop, on_commit_timer, shard);
    shard->dispatch_timer = loop_timer_new(shard->loop, on_dispatch_timer, shard);
    shard->token_timer = loop_timer_new(shard->loop, on_token_timer, shard);
    shard->watch_timer = loop_timer_new(shard->loop, on_watch_timer, shard);
    shard->properties = calloc(config->kafka.properties.count + 1, sizeof(*shard->properties));
    if (!shard->metrics || !shard->decoder || !shard->scanner || !shard->scratch || !shard->poll_timer ||
        !shard->commit_timer || !shard->dispatch_timer || !shard->token_timer || !shard->watch_timer ||
        !shard->properties)
        return false;
    for (size_t i = 0; i < config->kafka.properties.count; i++)
        shard->properties[i] = (struct kafka_property){.name = config->kafka.properties.items[i].name,
                                                       .value = config->kafka.properties.items[i].value};
    return metrics_set_rules_of(shard->metrics, shard->rules, wd_ruleset_rule_count(shard->rules)) == 0 &&
           make_dispatch(shard);
}

static enum wd_status make_state(struct shard *shard, struct wd_error *err)
{
    if (shard->options.state) {
        enum wd_status status = state_open(shard->options.state, shard->loop, &shard->state, err);
        if (status != WD_OK)
            return status;
        shard->recalls = recalls_new(shard);
        if (!shard->recalls)
            return wd_fail(err, WD_ERR_MEMORY, "out of memory");
    }
    mind_state(shard);
    return WD_OK;
}

struct shard *shard_new(const struct shard_options *options, struct wd_error *err)
{
    struct shard *shard = calloc(1, sizeof(*shard));
    if (!shard) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        return NULL;
    }
    shard->options = *options;
    shard->config = options->config;
    shard->full_since_ms = shard->uncommitted_since_ms = -1;
    shard->rules = wd_ruleset_ref(options->rules);
    shard->token_generation = token_generation(options->token);
    doze_init(&shard->doze, steady_clock_ms());
    TAILQ_INIT(&shard->partitions);
    TAILQ_INIT(&shard->gone);
    TAILQ_INIT(&shard->waiting);
    snprintf(shard->name, sizeof(shard->name), "%.48s-%u", options->config->kafka.client_id, options->number);
    atomic_store(&shard->turned_ms, steady_clock_ms());
    shard->loop = loop_new(err);
    if (!shard->loop) {
        shard_free(shard);
        return NULL;
    }
    if (!make_parts(shard)) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        shard_free(shard);
        return NULL;
    }
    if (make_state(shard, err) != WD_OK || make_client(shard, err) != WD_OK || make_producer(shard, err) != WD_OK ||
        make_consumer(shard, err) != WD_OK) {
        shard_free(shard);
        return NULL;
    }
    return shard;
}

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

void shard_free(struct shard *shard)
{
    if (!shard)
        return;
    /* the client first: its calls refer to units; the producer reports what it still holds */
    client_free(shard->client);
    if (shard->consumer)
        consumer_close(shard->consumer, 1000);
    if (shard->producer)
        producer_free(shard->producer, PRODUCER_FLUSH_MS);
    recalls_stop(shard->recalls);
    state_close(shard->state);
    recalls_free(shard->recalls);
    membership_release_all(shard);
    dispatch_free(shard->dispatch);
    loop_timer_free(shard->poll_timer);
    loop_timer_free(shard->commit_timer);
    loop_timer_free(shard->dispatch_timer);
    loop_timer_free(shard->token_timer);
    loop_timer_free(shard->watch_timer);
    loop_free(shard->loop);
    wd_scanner_free(shard->scanner);
    wd_decoder_free(shard->decoder);
    wd_arena_free(shard->scratch);
    for (size_t i = 0; i < shard->spare_count; i++)
        wd_arena_free(shard->spare_arenas[i]);
    wd_ruleset_unref(shard->rules);
    handover_fini(&shard->handover);
    metrics_free(shard->metrics);
    free(shard->properties);
    free(shard->group_rates);
    free(shard);
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
