/* An idempotent producer (acks=all) for decisions and dead letters. Belongs to one thread; reports are delivered from
 * inside producer_poll() and producer_flush(). */
#ifndef WORKER_KAFKA_PRODUCER_H
#define WORKER_KAFKA_PRODUCER_H

#include "worker/kafka/consumer.h"

struct producer;

struct producer_options {
    const char *brokers;
    const char *client_id;
    const struct kafka_property *properties;
    size_t property_count;
    int delivery_timeout_ms;
    int linger_ms;
    /* Optional: client errors for the log, from inside producer_poll() and producer_flush(). */
    void (*on_error)(void *context, bool fatal, const char *text);
    void *on_error_context;
};

struct producer *producer_new(const struct producer_options *options, struct wd_error *err);
int producer_event_fd(const struct producer *producer);

/* Called exactly once for each accepted producer_send(): WD_OK when the broker has acknowledged it. */
typedef void producer_report_fn(void *context, enum wd_status status, int32_t partition, int64_t offset,
                                const char *text);

/* Copies key, value and headers. partition -1: by key. timestamp_ms 0: now. WD_ERR_UNAVAILABLE where the local queue
 * is full: poll and try again later. WD_ERR_INVALID for what can never be sent (too large, no such topic).
 * WD_ERR_REFUSED where the producer is at its end: see producer_is_fatal(). */
enum wd_status producer_send(struct producer *producer, const char *topic, int32_t partition, struct wd_str key,
                             struct wd_str value, const struct kafka_header *headers, size_t header_count,
                             int64_t timestamp_ms, producer_report_fn *report, void *context, struct wd_error *err);

/* Serves what has happened without waiting; returns the number of reports. */
size_t producer_poll(struct producer *producer);

/* This producer can never send again: idempotence is broken beyond repair, or a topic was refused (the client does not
 * get over that). What is in flight is still reported. Free it and make a new one, not at once. `text` (may be NULL)
 * gets the cause. */
bool producer_is_fatal(const struct producer *producer, char *text, size_t size);

/* Accepted and not yet reported. */
size_t producer_in_flight(const struct producer *producer);
/* Waits until everything is reported or the time is over. */
enum wd_status producer_flush(struct producer *producer, int timeout_ms, struct wd_error *err);
/* What was not reported by then is reported as failed. Frees the producer. */
void producer_free(struct producer *producer, int timeout_ms);

#endif
