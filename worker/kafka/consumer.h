/* A consumer-group member. The only door to Kafka's consumer side: nothing outside worker/kafka includes rdkafka.h.
 *
 * Belongs to one thread; every callback runs in that thread from inside consumer_poll(), consumer_commit_sync()
 * (on_commit only) or consumer_close(). Callbacks may commit, pause and resume; consumer_poll() inside one does
 * nothing. */
#ifndef WORKER_KAFKA_CONSUMER_H
#define WORKER_KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>
#include <warden/str.h>

struct consumer;

struct kafka_property {
    const char *name, *value; /* any librdkafka property */
};

struct kafka_header {
    struct wd_str name;
    struct wd_str value; /* data NULL: a null header */
};

/* A record lent for the time of the callback: copy what must outlive it (a held record pins its fetch buffer). */
struct kafka_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct wd_str key, value; /* data NULL where null */
    const struct kafka_header *headers;
    size_t header_count;
};

struct kafka_position {
    const char *topic;
    int32_t partition;
    int64_t offset;       /* next offset to read; -1 where nothing was committed */
    const char *metadata; /* NUL-terminated, NULL where none */
};

struct consumer_callbacks {
    void (*on_record)(void *context, const struct kafka_record *record);
    /* New partitions, with what was committed for them (offset and metadata). The consumer resumes there by itself. */
    void (*on_assign)(void *context, const struct kafka_position *partitions, size_t count);
    /* Partitions that go away. When `lost` is false a synchronous consumer_commit() is still possible inside this
     * callback; when it is true, do not commit. After the callback they are unassigned. */
    void (*on_revoke)(void *context, const struct kafka_position *partitions, size_t count, bool lost);
    /* A transient or fatal client error, for the log. Authentication and authorisation errors come here too. */
    void (*on_error)(void *context, bool fatal, const char *text);
    /* End of an asynchronous commit. `positions` are the ones that were asked for. */
    void (*on_commit)(void *context, enum wd_status status, const char *text, const struct kafka_position *positions,
                      size_t count);
    /* Optional: every log line of the Kafka client with its syslog level (7: debug). Where it is NULL, warnings and
     * worse that are not errors anyway go to on_error. */
    void (*on_log)(void *context, int level, const char *text);
};

struct consumer_options {
    const char *brokers;
    const char *group_id;
    const char *group_instance_id; /* NULL: dynamic membership */
    const char *client_id;
    const char *const *topics; /* NULL-terminated; an entry that begins with ^ is a regular expression */
    const char *assignor;      /* "cooperative-sticky", "range" or "roundrobin" */
    const char *offset_reset;  /* "earliest" or "latest" */
    int session_timeout_ms;
    int max_poll_interval_ms;
    size_t max_record_bytes;
    size_t prefetch_bytes; /* records read ahead by the client; 0: 256 MiB, more than a second of a busy shard */
    const struct kafka_property *properties; /* passed through; an unknown name or bad value is WD_ERR_INVALID */
    size_t property_count;
};

struct consumer *consumer_new(const struct consumer_options *options, const struct consumer_callbacks *callbacks,
                              void *context, struct wd_error *err);

/* Becomes readable when consumer_poll() has something to do. It fires only on empty to non-empty: poll until it
 * returns 0, and poll on a timer as well. */
int consumer_event_fd(const struct consumer *consumer);

/* Serves up to `max` queued events without waiting; returns how many. */
size_t consumer_poll(struct consumer *consumer, size_t max);

/* Commits exactly these positions with their metadata (metadata must hold no NUL and at most 3 KB).
 * asynchronous: on_commit reports later. synchronous: returns when the broker has answered or `timeout_ms` passed.
 *
 * Both return WD_ERR_UNAVAILABLE without asking the broker while a rebalance is under way (from the end of on_revoke to
 * on_assign: a commit then can cost the whole assignment); the asynchronous one also while another is under way, so
 * that an older commit never lands after a newer. Try again at the next interval. Refusals by the broker (a stale
 * generation, no permission) are WD_ERR_REFUSED. */
enum wd_status consumer_commit_async(struct consumer *consumer, const struct kafka_position *positions, size_t count,
                                     struct wd_error *err);
enum wd_status consumer_commit_sync(struct consumer *consumer, const struct kafka_position *positions, size_t count,
                                    int timeout_ms, struct wd_error *err);

/* Fetching only; the assignment stays. Names an assigned partition; others are ignored. */
void consumer_pause(struct consumer *consumer, const char *topic, int32_t partition);
void consumer_resume(struct consumer *consumer, const char *topic, int32_t partition);

/* High watermark as last seen by fetches, -1 where unknown: for lag. */
int64_t consumer_high_watermark(struct consumer *consumer, const char *topic, int32_t partition);

/* How many partitions a topic has, asked of the brokers, for at most `timeout_ms`; -1 where they do not say. */
int consumer_partition_count(struct consumer *consumer, const char *topic, int timeout_ms);

/* A commit now would not be turned away: the group is settled. True inside on_revoke as well. */
bool consumer_can_commit(const struct consumer *consumer);
/* Known to be lost, though on_revoke may not have told yet. */
bool consumer_assignment_lost(struct consumer *consumer);
/* Connected to at least one broker and a member of the group. */
bool consumer_is_ready(const struct consumer *consumer);

/* When the last request left by which the group's coordinator knows its members and which it has answered, in
 * milliseconds of the monotonic clock; 0: none yet. The answer may have been a refusal: then no further one leaves
 * before the membership is settled anew. */
int64_t consumer_heard_ms(const struct consumer *consumer);

/* Leaves the group: on_revoke is called for what is still assigned, then the client is destroyed and the consumer
 * freed. Bounded by `timeout_ms` and what on_revoke takes: where the group does not answer in time, client and consumer
 * are left to the end of the process. */
void consumer_close(struct consumer *consumer, int timeout_ms);

#endif
