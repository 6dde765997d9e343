/* Questions to a cluster that need no group membership: is it there, what is committed, where do topics end. Used by
 * `warden check`, the demo's proof and the tests. Every call is bounded by `timeout_ms`. */
#ifndef WORKER_KAFKA_INSPECT_H
#define WORKER_KAFKA_INSPECT_H

#include "worker/kafka/consumer.h"

struct inspect_options {
    const char *brokers;
    const struct kafka_property *properties;
    size_t property_count;
    int timeout_ms;
};

/* All partitions of a topic: first and end offset, and what `group_id` (may be NULL) has committed (-1: nothing). */
struct inspect_partition {
    int32_t partition;
    int64_t first_offset, end_offset, committed_offset;
    const char *committed_metadata; /* NULL where none; lives as long as the array */
};

enum wd_status inspect_ping(const struct inspect_options *options, int *broker_count_out, struct wd_error *err);
/* *out is malloc'ed: free() it. WD_ERR_NOT_FOUND where the topic does not exist. */
enum wd_status inspect_topic(const struct inspect_options *options, const char *topic, const char *group_id,
                             struct inspect_partition **out, size_t *count_out, struct wd_error *err);

/* Every record that is in the topic now, from first to end of each partition, to `on_record`; order holds within a
 * partition. Waits at most `timeout_ms` for the next record. */
enum wd_status inspect_read(const struct inspect_options *options, const char *topic,
                            void (*on_record)(void *context, const struct kafka_record *record), void *context,
                            struct wd_error *err);

/* The same, record by record, for a stretch of time: records with a timestamp in [from_ms, to_ms) that are in the topic
 * when it begins (and those without one). Partitions are read side by side; order holds within one. Belongs to one
 * thread at a time. `to_ms` INT64_MAX: to the end. NULL and `err` on failure. */
struct inspect_range;
struct inspect_range *inspect_range_new(const struct inspect_options *options, const char *topic, int64_t from_ms,
                                        int64_t to_ms, struct wd_error *err);
/* *record_out is lent until the next call; NULL behind the last. Waits at most `timeout_ms` for a record to come. */
enum wd_status inspect_range_next(struct inspect_range *range, const struct kafka_record **record_out,
                                  struct wd_error *err);
/* Offsets passed, of how many. */
void inspect_range_progress(const struct inspect_range *range, uint64_t *done_out, uint64_t *total_out);
void inspect_range_free(struct inspect_range *range);

/* WD_ERR_INVALID where it exists already. `replicas` -1: the broker's default. The embedded broker cannot do this. */
enum wd_status inspect_create_topic(const struct inspect_options *options, const char *topic, int partitions,
                                    int replicas, struct wd_error *err);

/* Are these properties of librdkafka, and may they be set? Needs no cluster. */
enum wd_status inspect_check_properties(const struct kafka_property *properties, size_t count, struct wd_error *err);

#endif
