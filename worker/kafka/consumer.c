/* A member of the consumer group: its event queue, its records, its end.
 *
 * librdkafka's event queue is served in the owner's thread; an eventfd wakes the owner. A record is lent to the owner
 * for one callback and then given back, because a message that is kept pins the whole fetch buffer it came in.
 * Neighbours: assignment.c (rebalances), commit.c, settings.c, client.c (errors). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "worker/kafka/member.h"

void consumer_report(struct consumer *consumer, bool fatal, const char *format, ...)
{
    char text[WD_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bool was_in_callback = consumer->in_callback;
    consumer->in_callback = true;
    consumer->callbacks.on_error(consumer->context, fatal, text);
    consumer->in_callback = was_in_callback;
}

/* ---------------------------------------------------------------------------------------------------- life */

static enum wd_status subscribe(struct consumer *consumer, const char *const *topics, struct wd_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    for (size_t i = 0; topics[i]; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return wd_fail(err, WD_ERR_INVALID, "cannot subscribe to the topics that begin with '%s': %s", topics[0],
                       rd_kafka_err2str(code));
    return WD_OK;
}

static void wake_by(rd_kafka_queue_t *queue, int fd)
{
    const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));
}

static void destroy(struct consumer *consumer)
{
    if (consumer->events)
        rd_kafka_queue_io_event_enable(consumer->events, -1, NULL, 0);
    if (consumer->results)
        rd_kafka_queue_io_event_enable(consumer->results, -1, NULL, 0);
    if (consumer->farewell)
        rd_kafka_queue_destroy(consumer->farewell);
    if (consumer->events)
        rd_kafka_queue_destroy(consumer->events);
    if (consumer->results)
        rd_kafka_queue_destroy(consumer->results);
    assignment_free(consumer); /* a list that outlives the client makes its end hang */
    if (consumer->client)
        rd_kafka_destroy_flags(consumer->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (consumer->event_fd >= 0)
        close(consumer->event_fd);
    free(consumer->headers.items);
    free(consumer->probe_topic);
    free(consumer);
}

static enum wd_status start(struct consumer *consumer, const struct consumer_options *options, struct wd_error *err)
{
    consumer->probe_topic = strdup(options->topics[0]);
    if (!consumer->probe_topic)
        return wd_fail(err, WD_ERR_MEMORY, "Kafka consumer: no memory");
    consumer->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (consumer->event_fd < 0)
        return wd_fail(err, WD_ERR_IO, "Kafka consumer: eventfd: %s", strerror(errno));
    rd_kafka_conf_t *conf = settings_conf(options, err);
    if (conf)
        commit_watch_joins(consumer, conf);
    consumer->client = conf ? kafka_client_new(RD_KAFKA_CONSUMER, conf, err) : NULL;
    if (!consumer->client)
        return WD_ERR_INVALID;
    rd_kafka_poll_set_consumer(consumer->client);
    consumer->events = rd_kafka_queue_get_consumer(consumer->client);
    consumer->results = rd_kafka_queue_new(consumer->client);
    wake_by(consumer->events, consumer->event_fd);
    wake_by(consumer->results, consumer->event_fd);
    /* What was queued before this does not signal. */
    (void)eventfd_write(consumer->event_fd, 1);
    return subscribe(consumer, options->topics, err);
}

struct consumer *consumer_new(const struct consumer_options *options, const struct consumer_callbacks *callbacks,
                              void *context, struct wd_error *err)
{
    if (settings_check(options, err) != WD_OK)
        return NULL;
    struct consumer *consumer = malloc(sizeof(*consumer));
    if (!consumer) {
        wd_fail(err, WD_ERR_MEMORY, "Kafka consumer: no memory");
        return NULL;
    }
    *consumer = (struct consumer){.event_fd = -1,
                                  .callbacks = *callbacks,
                                  .context = context,
                                  .is_sticky = strcmp(options->assignor, "cooperative-sticky") == 0,
                                  .resets_to_end = strcmp(options->offset_reset, "latest") == 0};
    if (start(consumer, options, err) != WD_OK) {
        destroy(consumer);
        return NULL;
    }
    return consumer;
}

int consumer_event_fd(const struct consumer *consumer)
{
    return consumer->event_fd;
}

/* ------------------------------------------------------------------------------------------------- records */

/* From here on nothing of the partition is delivered: to go on behind a hole would be a loss that nobody notices. */
static void break_partition(struct consumer *consumer, struct owned_partition *owned, int64_t offset, const char *why)
{
    if (owned->is_broken)
        return;
    owned->is_broken = true;
    consumer_report(consumer, true, "%s/%d cannot be read on from offset %lld: %s", owned->topic, (int)owned->partition,
                    (long long)offset, why);
}

/* librdkafka 2.0.2 sometimes reads again from an older place after a resume or a cooperative rebalance. What was
 * delivered is not delivered twice, unless the log itself has become shorter than what was read of it. */
static bool is_repeated(struct consumer *consumer, const struct owned_partition *owned, int64_t offset)
{
    return offset < owned->next && consumer_high_watermark(consumer, owned->topic, owned->partition) >= owned->next;
}

static void deliver(struct consumer *consumer, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    struct owned_partition *owned = assignment_find(consumer, topic, message->partition);
    if (consumer->is_closing || !owned || owned->is_broken)
        return;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        break_partition(consumer, owned, message->offset, rd_kafka_message_errstr(message));
        return;
    }
    if (is_repeated(consumer, owned, message->offset))
        return;
    struct kafka_record record;
    if (!record_view(&consumer->headers, message, &record)) {
        break_partition(consumer, owned, message->offset, "no memory for its headers");
        return;
    }
    owned->next = message->offset + 1;
    consumer->in_callback = true;
    consumer->callbacks.on_record(consumer->context, &record);
    consumer->in_callback = false;
}

static void handle_records(struct consumer *consumer, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    consumer->is_reachable = true;
    while ((message = rd_kafka_event_message_next(event)))
        deliver(consumer, message);
}

/* -------------------------------------------------------------------------------------------------- errors */

/* Errors after which librdkafka would go on behind the batch that it could not read. */
static bool skips_records(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__BAD_MSG || code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
           code == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED || code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
}

static void handle_error(struct consumer *consumer, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        consumer->is_reachable = false;
    char text[WD_ERROR_TEXT_MAX];
    client_error_text(consumer->client, event, text, sizeof(text));
    rd_kafka_topic_partition_t *at = rd_kafka_event_topic_partition(event);
    struct owned_partition *owned = at ? assignment_find(consumer, at->topic, at->partition) : NULL;
    if (owned && skips_records(code))
        break_partition(consumer, owned, at->offset, text);
    else if (at)
        consumer_report(consumer, code == RD_KAFKA_RESP_ERR__FATAL, "%s/%d: %s", at->topic, (int)at->partition, text);
    else
        consumer_report(consumer, code == RD_KAFKA_RESP_ERR__FATAL, "%s", text);
    if (at)
        rd_kafka_topic_partition_destroy(at);
}

static void handle_log(struct consumer *consumer, rd_kafka_event_t *event)
{
    char text[WD_ERROR_TEXT_MAX] = "";
    int level = 0;
    bool is_news = client_log_is_news(event, text, sizeof(text), &level);
    if (consumer->callbacks.on_log)
        consumer->callbacks.on_log(consumer->context, level, text);
    else if (is_news)
        consumer_report(consumer, false, "%s", text);
}

/* ----------------------------------------------------------------------------------------------------- poll */

static void handle_event(struct consumer *consumer, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_FETCH:
        handle_records(consumer, event);
        break;
    case RD_KAFKA_EVENT_REBALANCE:
        assignment_handle_rebalance(consumer, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        handle_error(consumer, event);
        break;
    case RD_KAFKA_EVENT_LOG:
        handle_log(consumer, event);
        break;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        commit_handle_result(consumer, event);
        break;
    default:
        break;
    }
    rd_kafka_event_destroy(event);
}

static size_t serve(struct consumer *consumer, rd_kafka_queue_t *queue, int timeout_ms, size_t max)
{
    size_t served = 0;
    rd_kafka_event_t *event;
    while (served < max && (event = rd_kafka_queue_poll(queue, served == 0 ? timeout_ms : 0))) {
        handle_event(consumer, event);
        served++;
    }
    return served;
}

size_t consumer_serve_results(struct consumer *consumer, int timeout_ms, size_t max)
{
    return serve(consumer, consumer->results, timeout_ms, max);
}

size_t consumer_poll(struct consumer *consumer, size_t max)
{
    eventfd_t signals;
    (void)eventfd_read(consumer->event_fd, &signals); /* nothing to read is fine: this may be the timer's call */
    if (consumer->in_callback)
        return 0;
    size_t served = serve(consumer, consumer->results, 0, max);
    served += serve(consumer, consumer->events, 0, max - served);
    assignment_tick(consumer);
    /* The queues signal only when they stop being empty: what is left behind must not wait for the timer. */
    if (served == max)
        (void)eventfd_write(consumer->event_fd, 1);
    return served;
}

/* ------------------------------------------------------------------------------------------ partitions, state */

void consumer_set_paused(struct consumer *consumer, struct owned_partition *owned, bool pause)
{
    if (owned->is_paused == pause)
        return;
    owned->is_paused = pause;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, owned->topic, owned->partition);
    if (pause)
        rd_kafka_pause_partitions(consumer->client, list);
    else
        rd_kafka_resume_partitions(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void consumer_pause(struct consumer *consumer, const char *topic, int32_t partition)
{
    struct owned_partition *owned = assignment_find(consumer, topic, partition);
    if (owned)
        consumer_set_paused(consumer, owned, true);
}

void consumer_resume(struct consumer *consumer, const char *topic, int32_t partition)
{
    struct owned_partition *owned = assignment_find(consumer, topic, partition);
    if (owned)
        consumer_set_paused(consumer, owned, false);
}

int64_t consumer_high_watermark(struct consumer *consumer, const char *topic, int32_t partition)
{
    int64_t low = -1, high = -1;
    rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(consumer->client, topic, partition, &low, &high);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : -1;
}

int consumer_partition_count(struct consumer *consumer, const char *topic, int timeout_ms)
{
    int count = -1;
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer->client, topic, NULL);
    if (handle && rd_kafka_metadata(consumer->client, 0, handle, &metadata, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
            count = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    if (handle)
        rd_kafka_topic_destroy(handle);
    return count;
}

bool consumer_assignment_lost(struct consumer *consumer)
{
    return rd_kafka_assignment_lost(consumer->client) != 0;
}

bool consumer_is_ready(const struct consumer *consumer)
{
    return consumer->is_member && consumer->is_reachable && !consumer->pending;
}

/* --------------------------------------------------------------------------------------------------- the end */

/* Serves rebalance events until the group is left; false where the deadline was over before. */
static bool leave_group(struct consumer *consumer, int64_t deadline_ms)
{
    consumer->farewell = rd_kafka_queue_new(consumer->client);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consumer->client, consumer->farewell);
    if (error) {
        consumer_report(consumer, false, "cannot leave the group: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return false;
    }
    while (!rd_kafka_consumer_closed(consumer->client)) {
        int wait_ms = client_remaining_ms(deadline_ms);
        if (wait_ms == 0)
            return false;
        serve(consumer, consumer->farewell, wait_ms < 50 ? wait_ms : 50, 1);
        serve(consumer, consumer->results, 0, 16);
    }
    return true;
}

/* librdkafka up to 2.2 fails an assertion when a client with the sticky assignor ends between its first JoinGroup and
 * its first assignment. */
static bool must_not_end(const struct consumer *consumer)
{
    return consumer->is_sticky && !consumer->was_assigned && atomic_load(&consumer->joins_sent) > 0;
}

/* Destroying a client that has not left its group waits for brokers that do not answer, without a limit. The process
 * ends soon: until then the client stays as it is, with the queues that its threads still write to, and the group
 * notices by the session's time-out. */
static void leave_behind(struct consumer *consumer)
{
    consumer_report(consumer, false, "the group did not answer in time: it is left without a word");
    rd_kafka_queue_io_event_enable(consumer->events, -1, NULL, 0);
    rd_kafka_queue_io_event_enable(consumer->results, -1, NULL, 0);
    lookup_end(&consumer->lookup);
}

void consumer_close(struct consumer *consumer, int timeout_ms)
{
    if (!consumer)
        return;
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    consumer->is_closing = true;
    while (must_not_end(consumer) && client_remaining_ms(deadline_ms) > 0)
        serve(consumer, consumer->events, 50, 16);
    bool has_left = false;
    if (!must_not_end(consumer)) {
        assignment_give_up_pending(consumer);
        has_left = leave_group(consumer, deadline_ms);
    }
    if (consumer->owned_count)
        assignment_abandon(consumer);
    if (has_left)
        destroy(consumer);
    else
        leave_behind(consumer);
}
