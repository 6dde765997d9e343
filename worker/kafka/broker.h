/* librdkafka's own broker inside this process, for the demo and the tests: reachable over TCP on loopback by other
 * processes, keeps records in memory only (5 MB or 100,000 batches a partition). */
#ifndef WORKER_KAFKA_BROKER_H
#define WORKER_KAFKA_BROKER_H

#include <stdint.h>

#include <warden/status.h>

struct broker;

struct broker *broker_new(int broker_count, struct wd_error *err);
/* "127.0.0.1:port,...", lives as long as the broker. */
const char *broker_addresses(const struct broker *broker);
enum wd_status broker_create_topic(struct broker *broker, const char *topic, int partitions, struct wd_error *err);
void broker_free(struct broker *broker);

#endif
