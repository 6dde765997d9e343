/* librdkafka's own broker inside this process, for the demo and the tests: reachable over TCP on loopback by other
 * processes, keeps records in memory only (5 MB or 100,000 batches a partition). */
#ifndef WORKER_KAFKA_BROKER_H
#define WORKER_KAFKA_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>

struct broker;

struct broker *broker_new(int broker_count, struct wd_error *err);
/* "127.0.0.1:port,...", lives as long as the broker. */
const char *broker_addresses(const struct broker *broker);
enum wd_status broker_create_topic(struct broker *broker, const char *topic, int partitions, struct wd_error *err);
void broker_free(struct broker *broker);

/* Faults, for tests. Brokers are numbered from 1. Any thread. */
enum wd_status broker_set_up(struct broker *broker, int broker_id, bool up, struct wd_error *err);
/* Every answer of that broker is delayed by `round_trip_ms`. */
enum wd_status broker_set_delay(struct broker *broker, int broker_id, int round_trip_ms, struct wd_error *err);
/* The next `count` requests of kind `api_key` (Kafka's protocol number) are answered with `error_code`, Kafka's
 * number; -195 drops the connection instead. `count` 0: forget what is left of them. */
void broker_push_errors(struct broker *broker, int api_key, int error_code, size_t count);
/* Moves a partition to another broker; `broker_id` -1: none leads it. */
enum wd_status broker_set_leader(struct broker *broker, const char *topic, int partition, int broker_id,
                                 struct wd_error *err);
/* Moves the coordinator of a group. */
enum wd_status broker_set_coordinator(struct broker *broker, const char *group_id, int broker_id, struct wd_error *err);
/* The topic is answered with this error of Kafka's in metadata; 0: well again. */
void broker_set_topic_error(struct broker *broker, const char *topic, int error_code);

#endif
