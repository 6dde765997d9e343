/* For the tests of worker/kafka: a cluster (the embedded one, or the one that WARDEN_TEST_KAFKA names) and group
 * members that write down what they are told. One thread drives all members. */
#ifndef TESTS_SUPPORT_KAFKA_MEMBER_H
#define TESTS_SUPPORT_KAFKA_MEMBER_H

#include "worker/kafka/broker.h"
#include "worker/kafka/consumer.h"
#include "worker/kafka/inspect.h"
#include "worker/kafka/producer.h"

enum { MEMBER_PARTITIONS_MAX = 32, MEMBER_TOPIC_MAX = 100, MEMBER_METADATA_MAX = 200 };

struct member_partition {
    bool is_assigned;
    int assigned_count; /* how often on_assign named it */
    int64_t start;      /* offset of the last on_assign */
    char metadata[MEMBER_METADATA_MAX];
    int64_t next; /* offset of the last record + 1; start where none came */
    size_t records;
    size_t jumps; /* records that were not the next one */
};

struct member {
    struct consumer *consumer;
    char topic[MEMBER_TOPIC_MAX], group[MEMBER_TOPIC_MAX];
    struct member_partition partitions[MEMBER_PARTITIONS_MAX];
    size_t records, strays; /* strays: records of partitions that are not assigned */
    int assigns, revokes, losses, errors, fatals, commits;
    enum wd_status commit_status; /* of the last asynchronous commit */
    enum wd_status revoke_status; /* of the last commit in on_revoke */
    bool commits_on_revoke;
    const char *commit_metadata;
    char error[1024];
    char first_key[64], first_value[64];
    int64_t first_timestamp_ms;
    size_t first_headers;
    bool first_key_is_null, first_value_is_null, first_header_is_null;
    char first_header[64];
};

/* The cluster of the test program; started once. */
void cluster_start(int broker_count);
void cluster_stop(void);
bool cluster_is_embedded(void);
struct broker *cluster_broker(void);
const char *cluster_addresses(void);
struct inspect_options cluster_inspect(void);
/* A topic of its own for a test. */
void cluster_topic(char topic[MEMBER_TOPIC_MAX], const char *base, int partitions);
/* `count` records to each partition, values "<partition>-<number>". */
void cluster_produce(const char *topic, int partitions, int count);

struct member_options {
    const char *topic, *group, *assignor, *offset_reset, *instance;
    const struct kafka_property *properties;
    size_t property_count;
    int max_poll_interval_ms;
};

void member_start(struct member *member, const struct member_options *options);
void member_stop(struct member *member);
/* Polls all members until `done` says so; false where it takes longer than `timeout_ms`. */
bool members_run(struct member **members, size_t count, bool (*done)(struct member **members, size_t count, void *goal),
                 void *goal, int timeout_ms);
/* Simple goals. */
bool members_read(struct member **members, size_t count, size_t records, int timeout_ms);
bool members_assigned(struct member **members, size_t count, size_t partitions, int timeout_ms);
void members_idle(struct member **members, size_t count, int duration_ms);
size_t member_assigned_count(const struct member *member);
/* Commits `next` of every assigned partition. */
enum wd_status member_commit(struct member *member, const char *metadata, bool wait, struct wd_error *err);

#endif
