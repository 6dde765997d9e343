/* A librdkafka message seen as a record of ours. Internal to worker/kafka/. */
#ifndef WORKER_KAFKA_RECORD_H
#define WORKER_KAFKA_RECORD_H

#include <librdkafka/rdkafka.h>

#include "worker/kafka/consumer.h"

/* Room for the headers of one record, used again for the next. free() items. */
struct record_headers {
    struct kafka_header *items;
    size_t room;
};

/* Nothing is copied: the record lives as long as the message and until the next call. false: no memory. */
bool record_view(struct record_headers *headers, const rd_kafka_message_t *message, struct kafka_record *record_out);

#endif
