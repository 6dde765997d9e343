/* The options of a consumer in librdkafka's terms, with the reason for each choice that is not its default. Neighbours:
 * consumer.c, client.c. */
#include <stdio.h>
#include <string.h>

#include "worker/kafka/member.h"

enum {
    PREFETCH_BYTES = 256 * 1024 * 1024,
    PREFETCH_RECORDS = 1000000, /* a partition: bytes are the limit that counts */
    FETCH_BYTES_MIN = 1024 * 1024,
    FETCH_BYTES_MAX = 512 * 1024 * 1024,
    HEARTBEAT_MAX_MS = 200,
};

struct numbers {
    char session[24], heartbeat[24], poll_interval[24], prefetch_kbytes[24], prefetch_records[24], fetch_bytes[24];
};

static void print_number(char text[24], int64_t number)
{
    snprintf(text, 24, "%lld", (long long)number);
}

static void print_numbers(const struct consumer_options *options, struct numbers *numbers)
{
    /* A member learns of a rebalance by a heartbeat. Until the last one has, the others wait, their commits too: a
     * broker reads nothing more from a connection whose join it has not answered. */
    int heartbeat_ms = options->session_timeout_ms / 12;
    size_t prefetch = options->prefetch_bytes ? options->prefetch_bytes : PREFETCH_BYTES;
    size_t fetch = options->max_record_bytes + 64 * 1024;
    if (fetch < FETCH_BYTES_MIN)
        fetch = FETCH_BYTES_MIN;
    if (fetch > FETCH_BYTES_MAX)
        fetch = FETCH_BYTES_MAX;
    print_number(numbers->session, options->session_timeout_ms);
    print_number(numbers->heartbeat, heartbeat_ms < HEARTBEAT_MAX_MS ? heartbeat_ms : HEARTBEAT_MAX_MS);
    print_number(numbers->poll_interval, options->max_poll_interval_ms);
    print_number(numbers->prefetch_kbytes, prefetch / 1024 > 1 ? (int64_t)(prefetch / 1024) : 1);
    print_number(numbers->prefetch_records, PREFETCH_RECORDS);
    print_number(numbers->fetch_bytes, (int64_t)fetch);
}

rd_kafka_conf_t *settings_conf(const struct consumer_options *options, struct wd_error *err)
{
    struct numbers numbers;
    print_numbers(options, &numbers);
    const struct client_setting settings[] = {
        {"bootstrap.servers", options->brokers},
        {"group.id", options->group_id},
        {"client.id", options->client_id ? options->client_id : "warden"},
        {"partition.assignment.strategy", options->assignor},
        {"auto.offset.reset", options->offset_reset},
        {"session.timeout.ms", numbers.session},
        {"heartbeat.interval.ms", numbers.heartbeat},
        {"max.poll.interval.ms", numbers.poll_interval},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "false"},
        {"allow.auto.create.topics", "false"},
        /* A full queue stops fetching for up to a second: it must hold more than a second of a busy shard. */
        {"queued.min.messages", numbers.prefetch_records},
        {"queued.max.messages.kbytes", numbers.prefetch_kbytes},
        {"fetch.message.max.bytes", numbers.fetch_bytes},
        /* A long poll holds up new partitions on the same broker until it ends. */
        {"fetch.wait.max.ms", "100"},
        {"check.crcs", "true"},
        {"socket.keepalive.enable", "true"},
        {"socket.nagle.disable", "true"},
        {"reconnect.backoff.max.ms", "2000"},
        {"log.queue", "true"},
        {"log.connection.close", "false"},
        /* Optional ones come last. */
        {options->group_instance_id ? "group.instance.id" : NULL, options->group_instance_id},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = client_conf_new(settings, options->properties, options->property_count, err);
    if (conf)
        rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return conf;
}

enum wd_status settings_check(const struct consumer_options *options, struct wd_error *err)
{
    if (!options->brokers || !*options->brokers)
        return wd_fail(err, WD_ERR_INVALID, "Kafka consumer: no brokers are named");
    if (!options->group_id || !*options->group_id)
        return wd_fail(err, WD_ERR_INVALID, "Kafka consumer: no group is named");
    if (!options->topics || !options->topics[0])
        return wd_fail(err, WD_ERR_INVALID, "Kafka consumer: no topics are named");
    if (!options->assignor || !options->offset_reset)
        return wd_fail(err, WD_ERR_INVALID, "Kafka consumer: assignor and offset reset are needed");
    if (strcmp(options->offset_reset, "earliest") != 0 && strcmp(options->offset_reset, "latest") != 0)
        return wd_fail(err, WD_ERR_INVALID, "Kafka consumer: offset reset '%s' is neither earliest nor latest",
                       options->offset_reset);
    return WD_OK;
}
