/* What a shard is made of, and how it is taken apart. Neighbours: shard.c runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/log.h"
#include "worker/recall.h"
#include "worker/shard_parts.h"
#include "worker/state/state.h"

enum {
    PRODUCER_FLUSH_MS = 5000,
    TIMED_EVENTS = 16, /* one in so many has the time of each rule noted */
};

/* A call of the kernel, so only for what takes long. */
static uint64_t thread_clock_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the consumer ---- */

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

static enum wd_status make_consumer(struct shard *shard, struct wd_error *err)
{
    static const struct consumer_callbacks CALLBACKS = {.on_record = shard_on_record,
                                                        .on_assign = membership_on_assign,
                                                        .on_revoke = membership_on_revoke,
                                                        .on_error = on_client_error,
                                                        .on_log = on_client_log,
                                                        .on_commit = commits_on_answer};
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

/* ---- the producer: made again when it has come to its end ---- */

static void on_producer_ready(void *context, int fd, unsigned ready)
{
    (void)fd;
    (void)ready;
    struct shard *shard = context;
    producer_poll(shard->producer);
}

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

void shard_mind_producer(struct shard *shard)
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

/* ---- the rest ---- */

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
                                         .clock = steady_clock_ns,
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
    shard->properties = calloc(config->kafka.properties.count + 1, sizeof(*shard->properties));
    if (!shard->metrics || !shard->decoder || !shard->scanner || !shard->scratch || !shard->properties ||
        !shard_make_timers(shard))
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
    shard_mind_state(shard);
    return WD_OK;
}

/* ---- doors ---- */

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
    shard_free_timers(shard);
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
