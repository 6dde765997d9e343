/* What the consumer, the producer and the inspection calls of this room share: the checked configuration of a
 * librdkafka client, its errors in our terms, its log lines. Internal to worker/kafka/. */
#ifndef WORKER_KAFKA_CLIENT_H
#define WORKER_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "worker/kafka/consumer.h"

/* Ends a list of settings: {NULL, NULL}. */
struct client_setting {
    const char *name, *value;
};

/* A new configuration: `settings` first (ours, known to be right), then the operator's properties. A property that
 * does not exist, has a bad value or would break what the program promises is WD_ERR_INVALID. NULL on failure. */
rd_kafka_conf_t *client_conf_new(const struct client_setting *settings, const struct kafka_property *properties,
                                 size_t property_count, struct wd_error *err);

/* Makes a client and takes `conf` over, also on failure. Its log lines go to its main queue. */
rd_kafka_t *kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct wd_error *err);

/* What a librdkafka error means for the caller. */
enum wd_status client_status(rd_kafka_resp_err_t code);
/* Fills `err` from an error object and destroys it. */
enum wd_status client_fail(struct wd_error *err, rd_kafka_error_t *error, const char *doing);

/* Text of an error event; for a fatal error the cause, not the word 'fatal'. */
void client_error_text(rd_kafka_t *client, rd_kafka_event_t *event, char *text, size_t size);

/* A log line worth a person's attention: false for debugging and for what arrives as an error event as well. */
bool client_log_is_news(rd_kafka_event_t *event, char *text, size_t size, int *level_out);

/* What a list of librdkafka's says, one position an element, with metadata copied: librdkafka's is not NUL-terminated.
 * NULL where memory is out. An offset below 0 becomes -1, without metadata. */
struct kafka_position *client_positions_new(const rd_kafka_topic_partition_list_t *list);
void client_positions_free(struct kafka_position *positions, size_t count);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t client_now_ms(void);
/* Milliseconds until `deadline_ms`, at least 0. */
int client_remaining_ms(int64_t deadline_ms);

#endif
