/* The idempotent producer. What always holds: each accepted send is in the list of items until it is reported, and is
 * reported once: by a delivery report or, at the end, by producer_free(). Neighbours: client.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "worker/kafka/client.h"
#include "worker/kafka/producer.h"

enum { PURGE_TIME_MS = 500, ARGUMENTS_MAX = 8 };

struct item {
    struct item *previous, *next;
    producer_report_fn *report;
    void *context;
};

struct producer {
    rd_kafka_t *client;
    rd_kafka_queue_t *events;
    int event_fd;
    struct item items; /* head of a ring */
    size_t in_flight;
    void (*on_error)(void *context, bool fatal, const char *text);
    void *on_error_context;
    bool is_fatal;
    char fatal_text[WD_ERROR_TEXT_MAX];
};

static rd_kafka_conf_t *conf_of(const struct producer_options *options, struct wd_error *err)
{
    char delivery_timeout[24], linger[24];
    snprintf(delivery_timeout, sizeof(delivery_timeout), "%d", options->delivery_timeout_ms);
    snprintf(linger, sizeof(linger), "%d", options->linger_ms);
    const struct client_setting settings[] = {
        {"bootstrap.servers", options->brokers},
        {"client.id", options->client_id ? options->client_id : "warden"},
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"delivery.timeout.ms", delivery_timeout},
        {"linger.ms", linger},
        /* A dead letter carries a whole record and some headers. */
        {"message.max.bytes", "16777216"},
        {"queue.buffering.max.kbytes", "131072"},
        /* The same key goes to the same partition as from Kafka's own clients. */
        {"partitioner", "murmur2_random"},
        {"socket.keepalive.enable", "true"},
        {"socket.nagle.disable", "true"},
        {"reconnect.backoff.max.ms", "2000"},
        {"log.queue", "true"},
        {"log.connection.close", "false"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = client_conf_new(settings, options->properties, options->property_count, err);
    if (conf)
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return conf;
}

static enum wd_status start(struct producer *producer, const struct producer_options *options, struct wd_error *err)
{
    producer->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (producer->event_fd < 0)
        return wd_fail(err, WD_ERR_IO, "Kafka producer: eventfd: %s", strerror(errno));
    rd_kafka_conf_t *conf = conf_of(options, err);
    producer->client = conf ? kafka_client_new(RD_KAFKA_PRODUCER, conf, err) : NULL;
    if (!producer->client)
        return WD_ERR_INVALID;
    producer->events = rd_kafka_queue_get_main(producer->client);
    const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(producer->events, producer->event_fd, &one, sizeof(one));
    /* What the client logged while it was made is queued already, and the fd only tells of a queue that was empty. */
    (void)eventfd_write(producer->event_fd, 1);
    return WD_OK;
}

static void destroy(struct producer *producer)
{
    if (producer->events) {
        rd_kafka_queue_io_event_enable(producer->events, -1, NULL, 0);
        rd_kafka_queue_destroy(producer->events);
    }
    if (producer->client)
        rd_kafka_destroy(producer->client);
    if (producer->event_fd >= 0)
        close(producer->event_fd);
    free(producer);
}

struct producer *producer_new(const struct producer_options *options, struct wd_error *err)
{
    if (!options->brokers || !*options->brokers) {
        wd_fail(err, WD_ERR_INVALID, "Kafka producer: no brokers are named");
        return NULL;
    }
    struct producer *producer = malloc(sizeof(*producer));
    if (!producer) {
        wd_fail(err, WD_ERR_MEMORY, "Kafka producer: no memory");
        return NULL;
    }
    *producer =
        (struct producer){.event_fd = -1, .on_error = options->on_error, .on_error_context = options->on_error_context};
    producer->items.previous = producer->items.next = &producer->items;
    if (start(producer, options, err) != WD_OK) {
        destroy(producer);
        return NULL;
    }
    return producer;
}

int producer_event_fd(const struct producer *producer)
{
    return producer->event_fd;
}

size_t producer_in_flight(const struct producer *producer)
{
    return producer->in_flight;
}

/* -------------------------------------------------------------------------------------------------- the end */

static void tell(struct producer *producer, bool fatal, const char *text)
{
    if (producer->on_error)
        producer->on_error(producer->on_error_context, fatal, text);
}

static void become_fatal(struct producer *producer, const char *text)
{
    if (producer->is_fatal)
        return;
    producer->is_fatal = true;
    snprintf(producer->fatal_text, sizeof(producer->fatal_text), "%s", text);
    tell(producer, true, producer->fatal_text);
}

/* After a refusal for one topic the client stops sending to all others too, without a word. */
static bool poisons(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR__FATAL;
}

static void notice_end(struct producer *producer, rd_kafka_resp_err_t code, const char *topic)
{
    char text[WD_ERROR_TEXT_MAX], cause[512];
    if (!poisons(code))
        return;
    if (rd_kafka_fatal_error(producer->client, cause, sizeof(cause)) != RD_KAFKA_RESP_ERR_NO_ERROR)
        snprintf(text, sizeof(text), "the Kafka producer is at its end: %s", cause);
    else
        snprintf(text, sizeof(text), "the Kafka producer is at its end: producing to '%s': %s", topic,
                 rd_kafka_err2str(code));
    become_fatal(producer, text);
}

bool producer_is_fatal(const struct producer *producer, char *text, size_t size)
{
    if (producer->is_fatal && text && size)
        snprintf(text, size, "%s", producer->fatal_text);
    return producer->is_fatal;
}

/* ------------------------------------------------------------------------------------------------------ send */

static rd_kafka_headers_t *headers_of(const struct kafka_header *headers, size_t count)
{
    rd_kafka_headers_t *list = rd_kafka_headers_new(count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_header_add(list, headers[i].name.data, (ssize_t)headers[i].name.len, headers[i].value.data,
                            (ssize_t)headers[i].value.len);
    return list;
}

static struct item *item_add(struct producer *producer, producer_report_fn *report, void *context)
{
    struct item *item = malloc(sizeof(*item));
    if (!item)
        return NULL;
    *item = (struct item){
        .previous = producer->items.previous, .next = &producer->items, .report = report, .context = context};
    item->previous->next = item->next->previous = item;
    producer->in_flight++;
    return item;
}

static void item_remove(struct producer *producer, struct item *item)
{
    item->previous->next = item->next;
    item->next->previous = item->previous;
    producer->in_flight--;
    free(item);
}

static enum wd_status send_status(rd_kafka_resp_err_t code)
{
    enum wd_status status = client_status(code);
    return status == WD_ERR_TOO_LARGE || status == WD_ERR_NOT_FOUND ? WD_ERR_INVALID : status;
}

enum wd_status producer_send(struct producer *producer, const char *topic, int32_t partition, struct wd_str key,
                             struct wd_str value, const struct kafka_header *headers, size_t header_count,
                             int64_t timestamp_ms, producer_report_fn *report, void *context, struct wd_error *err)
{
    if (producer->is_fatal)
        return wd_fail(err, WD_ERR_REFUSED, "%s", producer->fatal_text);
    struct item *item = item_add(producer, report, context);
    if (!item)
        return wd_fail(err, WD_ERR_MEMORY, "producing to '%s': no memory", topic);
    size_t count = 0;
    rd_kafka_vu_t arguments[ARGUMENTS_MAX];
    arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic};
    arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition};
    arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY};
    arguments[count++] =
        (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {.ptr = (void *)key.data, .size = key.len}};
    arguments[count++] =
        (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {.ptr = (void *)value.data, .size = value.len}};
    arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp_ms};
    arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = item};
    rd_kafka_headers_t *list = header_count ? headers_of(headers, header_count) : NULL;
    if (list)
        arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = list};
    rd_kafka_error_t *error = rd_kafka_produceva(producer->client, arguments, count);
    if (!error)
        return WD_OK;
    item_remove(producer, item);
    if (list)
        rd_kafka_headers_destroy(list);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    enum wd_status status =
        wd_fail(err, send_status(code), "producing to '%s': %s", topic, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    notice_end(producer, code, topic);
    return status;
}

/* --------------------------------------------------------------------------------------------------- reports */

/* rd_kafka_message_errstr() is for consumers: of a report it would return the value of the record. */
static size_t handle_reports(struct producer *producer, rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event))) {
        struct item *item = message->_private;
        producer_report_fn *report = item->report;
        void *context = item->context;
        rd_kafka_resp_err_t code = message->err;
        notice_end(producer, code, rd_kafka_topic_name(message->rkt));
        item_remove(producer, item);
        count++;
        if (report)
            report(context, client_status(code), message->partition, message->offset,
                   code == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : rd_kafka_err2str(code));
    }
    return count;
}

static void handle_error(struct producer *producer, rd_kafka_event_t *event)
{
    char text[WD_ERROR_TEXT_MAX];
    client_error_text(producer->client, event, text, sizeof(text));
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL)
        become_fatal(producer, text);
    else
        tell(producer, false, text);
}

static size_t handle_event(struct producer *producer, rd_kafka_event_t *event)
{
    size_t reports = 0;
    char text[WD_ERROR_TEXT_MAX];
    int level;
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        reports = handle_reports(producer, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        handle_error(producer, event);
        break;
    case RD_KAFKA_EVENT_LOG:
        if (client_log_is_news(event, text, sizeof(text), &level))
            tell(producer, false, text);
        break;
    default:
        break;
    }
    rd_kafka_event_destroy(event);
    return reports;
}

size_t producer_poll(struct producer *producer)
{
    eventfd_t signals;
    (void)eventfd_read(producer->event_fd, &signals); /* nothing to read is fine: this may be the timer's call */
    size_t reports = 0;
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(producer->events, 0)))
        reports += handle_event(producer, event);
    return reports;
}

static void serve_until(struct producer *producer, int64_t deadline_ms)
{
    while (producer->in_flight > 0) {
        int left_ms = client_remaining_ms(deadline_ms);
        rd_kafka_event_t *event = rd_kafka_queue_poll(producer->events, left_ms);
        if (event)
            handle_event(producer, event);
        else if (left_ms == 0)
            return;
    }
}

enum wd_status producer_flush(struct producer *producer, int timeout_ms, struct wd_error *err)
{
    serve_until(producer, client_now_ms() + timeout_ms);
    if (producer->in_flight > 0)
        return wd_fail(err, WD_ERR_UNAVAILABLE, "%zu records are not acknowledged after %d ms", producer->in_flight,
                       timeout_ms);
    return WD_OK;
}

void producer_free(struct producer *producer, int timeout_ms)
{
    if (!producer)
        return;
    serve_until(producer, client_now_ms() + timeout_ms);
    if (producer->in_flight > 0) {
        rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        serve_until(producer, client_now_ms() + PURGE_TIME_MS);
    }
    while (producer->in_flight > 0) {
        struct item item = *producer->items.next;
        item_remove(producer, producer->items.next);
        if (item.report)
            item.report(item.context, WD_ERR_UNAVAILABLE, -1, -1, "the producer was closed before the broker answered");
    }
    destroy(producer);
}
