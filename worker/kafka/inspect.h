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
};

enum wd_status inspect_ping(const struct inspect_options *options, int *broker_count_out, struct wd_error *err);
/* *out is malloc'ed: free() it. WD_ERR_NOT_FOUND where the topic does not exist. */
enum wd_status inspect_topic(const struct inspect_options *options, const char *topic, const char *group_id,
                             struct inspect_partition **out, size_t *count_out, struct wd_error *err);

#endif
