/* One question at a time about committed offsets, asked in a thread of its own. Internal to worker/kafka/.
 *
 * The asynchronous way would be the Admin API. But every librdkafka so far aborts the process when a coordinator's
 * connection drops while such a request is under way (its pull request 5397), as each restart of a broker does. The
 * synchronous call has no such fault; it only waits, and so it waits elsewhere. */
#ifndef WORKER_KAFKA_LOOKUP_H
#define WORKER_KAFKA_LOOKUP_H

#include <pthread.h>
#include <stdatomic.h>

#include "worker/kafka/client.h"

struct lookup {
    bool is_under_way;
    pthread_t thread;
    atomic_bool is_done;
    rd_kafka_t *client;
    rd_kafka_topic_partition_list_t *list; /* asked about; afterwards the answer */
    rd_kafka_resp_err_t code;
    int timeout_ms, event_fd;
};

/* Takes `list`. `event_fd` becomes readable with the answer, which comes within about `timeout_ms`. false: no thread
 * can be had; the list is destroyed. Only when none is under way. */
bool lookup_start(struct lookup *lookup, rd_kafka_t *client, rd_kafka_topic_partition_list_t *list, int timeout_ms,
                  int event_fd);
/* true once for each answer: then `list` and `code` hold it until lookup_end(). */
bool lookup_take(struct lookup *lookup);
/* Waits for what is under way and frees the answer. */
void lookup_end(struct lookup *lookup);

#endif
