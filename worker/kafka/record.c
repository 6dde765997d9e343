/* Views a message as a record. Neighbours: consumer.c, inspect.c. */
#include <stdlib.h>

#include "worker/kafka/record.h"

static bool read_headers(struct record_headers *room, const rd_kafka_message_t *message, struct kafka_record *record)
{
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    size_t count = rd_kafka_header_cnt(headers);
    if (count > room->room) {
        struct kafka_header *items = realloc(room->items, count * sizeof(*items));
        if (!items)
            return false;
        *room = (struct record_headers){items, count};
    }
    const char *name;
    const void *value;
    size_t size, used = 0;
    while (used < count && rd_kafka_header_get_all(headers, used, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
        room->items[used++] = (struct kafka_header){.name = wd_str_from(name), .value = {value, size}};
    record->headers = room->items;
    record->header_count = used;
    return true;
}

bool record_view(struct record_headers *headers, const rd_kafka_message_t *message, struct kafka_record *record_out)
{
    rd_kafka_timestamp_type_t kind;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &kind);
    *record_out = (struct kafka_record){.topic = rd_kafka_topic_name(message->rkt),
                                        .partition = message->partition,
                                        .offset = message->offset,
                                        .timestamp_ms = timestamp_ms > 0 ? timestamp_ms : 0,
                                        .key = {message->key, message->key_len},
                                        .value = {message->payload, message->len}};
    return read_headers(headers, message, record_out);
}
