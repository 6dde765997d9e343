/* A client that joins no group, and what it asks about one topic; for inspect*.c. Internal to worker/kafka/. */
#ifndef WORKER_KAFKA_QUESTION_H
#define WORKER_KAFKA_QUESTION_H

#include "worker/kafka/client.h"
#include "worker/kafka/inspect.h"

struct question {
    rd_kafka_t *client;
    const char *topic;
    int64_t deadline_ms;
    rd_kafka_topic_partition_list_t *list; /* all partitions of the topic, in order */
};

/* Makes the client and lists the partitions; question_end() in any case. */
enum wd_status question_begin(struct question *question, const struct inspect_options *options, const char *topic,
                              const char *group_id, struct wd_error *err);
void question_end(struct question *question);

/* First and end offset of the partition at a place of the list. */
enum wd_status question_ends(struct question *question, int index, int64_t *first, int64_t *end, struct wd_error *err);

/* 'Timed out' alone helps nobody: adds what the connections said. */
enum wd_status question_fail(rd_kafka_t *client, rd_kafka_resp_err_t code, const char *doing, struct wd_error *err);

#endif
