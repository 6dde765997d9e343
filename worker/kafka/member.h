/* The inside of a consumer, split over consumer.c (records, errors, life), settings.c, assignment.c (rebalances) and
 * commit.c. Internal to worker/kafka/. */
#ifndef WORKER_KAFKA_MEMBER_H
#define WORKER_KAFKA_MEMBER_H

#include <stdatomic.h>

#include "worker/kafka/client.h"
#include "worker/kafka/lookup.h"
#include "worker/kafka/record.h"

struct owned_partition {
    char *topic;
    int32_t partition;
    int64_t next; /* offset behind the last record that was delivered, or where reading began; -1: unknown */
    bool is_paused;
    bool is_broken; /* a batch could not be read: what comes behind it must not be delivered */
};

/* What an answer about committed offsets was asked for. */
enum request_kind { REQUEST_ASSIGNMENT = 1, REQUEST_PROBE = 2 };

struct consumer {
    rd_kafka_t *client;
    rd_kafka_queue_t *events;  /* records, rebalances, errors, log lines */
    rd_kafka_queue_t *results; /* asynchronous commits */
    int event_fd;
    struct consumer_callbacks callbacks;
    void *context;
    char *probe_topic;
    bool resets_to_end;

    struct owned_partition *owned; /* told to the owner by on_assign and not yet revoked */
    size_t owned_count, owned_room;
    size_t last_found; /* records come in runs: look there first */

    /* Assigned by the group; what is committed for them is being read. NULL: none. */
    rd_kafka_topic_partition_list_t *pending;
    int64_t next_request_ms; /* when to ask again */
    int request_failures;
    struct lookup lookup;
    enum request_kind request_kind;

    /* Counted in the client's own threads: JoinGroup requests that left, and how many of them a SyncGroup answered.
     * While they differ the group is making a new generation. */
    atomic_uint joins_sent, joins_synced;
    /* When the last heartbeat or SyncGroup left, and when the last one left that was answered; one is under way at a
     * time. */
    atomic_int_least64_t asked_ms, heard_ms;

    bool is_sticky;    /* the assignor is cooperative-sticky */
    bool was_assigned; /* the group has given us an assignment once */
    bool is_settled;   /* no rebalance under way as far as we know */
    bool is_member;    /* the group has given us an assignment, maybe an empty one */
    bool is_reachable; /* some broker answered since all were last reported down */
    bool is_closing;   /* records are dropped from here on */
    bool in_callback;
    bool in_revoke;
    bool commit_under_way;

    rd_kafka_queue_t *farewell; /* while leaving the group: its last events */
    struct record_headers headers;
};

/* assignment.c */
void assignment_handle_rebalance(struct consumer *consumer, rd_kafka_event_t *event);
/* Takes the answer about committed offsets; asks for them again, or whether a broker is there, when it is time to. */
void assignment_tick(struct consumer *consumer);
/* A pending assignment is taken without being told to the owner, so that the group can be left. */
void assignment_give_up_pending(struct consumer *consumer);
/* Tells the owner that what it still has is gone. */
void assignment_abandon(struct consumer *consumer);
/* NULL where it is not ours. The pointer holds until the assignment changes. */
struct owned_partition *assignment_find(struct consumer *consumer, const char *topic, int32_t partition);
void assignment_free(struct consumer *consumer);

/* settings.c */
enum wd_status settings_check(const struct consumer_options *options, struct wd_error *err);
rd_kafka_conf_t *settings_conf(const struct consumer_options *options, struct wd_error *err);

/* commit.c */
/* Makes the client tell when it joins its group anew. */
void commit_watch_joins(struct consumer *consumer, rd_kafka_conf_t *conf);
void commit_handle_result(struct consumer *consumer, rd_kafka_event_t *event);

/* consumer.c */
/* A second pause or resume in a row makes librdkafka 2.0.2 read again from an old place: only changes are passed on. */
void consumer_set_paused(struct consumer *consumer, struct owned_partition *owned, bool pause);
/* Serves what is in `results`, waiting up to `timeout_ms` for the first. */
size_t consumer_serve_results(struct consumer *consumer, int timeout_ms, size_t max);
void consumer_report(struct consumer *consumer, bool fatal, const char *format, ...) WD_PRINTF(3, 4);

#endif
