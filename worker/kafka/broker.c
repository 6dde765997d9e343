/* The embedded broker over librdkafka's mock cluster. It needs a client to live in; that one is never used for
 * anything else. Neighbours: the demo, the tests. */
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "worker/kafka/broker.h"
#include "worker/kafka/client.h"

struct broker {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    int broker_count;
};

struct broker *broker_new(int broker_count, struct wd_error *err)
{
    struct broker *broker = calloc(1, sizeof(*broker));
    if (!broker) {
        wd_fail(err, WD_ERR_MEMORY, "embedded broker: no memory");
        return NULL;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    char words[256];
    broker->broker_count = broker_count;
    broker->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof(words));
    if (!broker->host) {
        wd_fail(err, WD_ERR_IO, "embedded broker: %s", words);
        rd_kafka_conf_destroy(conf);
        free(broker);
        return NULL;
    }
    broker->cluster = rd_kafka_mock_cluster_new(broker->host, broker_count);
    if (!broker->cluster) {
        wd_fail(err, WD_ERR_IO, "embedded broker: cannot listen on loopback with %d brokers", broker_count);
        broker_free(broker);
        return NULL;
    }
    return broker;
}

void broker_free(struct broker *broker)
{
    if (!broker)
        return;
    if (broker->cluster)
        rd_kafka_mock_cluster_destroy(broker->cluster);
    rd_kafka_destroy(broker->host);
    free(broker);
}

const char *broker_addresses(const struct broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

static enum wd_status done(rd_kafka_resp_err_t code, const char *doing, const char *name, struct wd_error *err)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return WD_OK;
    return wd_fail(err, WD_ERR_INVALID, "embedded broker: %s '%s': %s", doing, name, rd_kafka_err2str(code));
}

enum wd_status broker_create_topic(struct broker *broker, const char *topic, int partitions, struct wd_error *err)
{
    int replicas = broker->broker_count < 3 ? broker->broker_count : 3;
    return done(rd_kafka_mock_topic_create(broker->cluster, topic, partitions, replicas), "creating topic", topic, err);
}

enum wd_status broker_set_up(struct broker *broker, int broker_id, bool up, struct wd_error *err)
{
    rd_kafka_resp_err_t code = up ? rd_kafka_mock_broker_set_up(broker->cluster, broker_id)
                                  : rd_kafka_mock_broker_set_down(broker->cluster, broker_id);
    return done(code, "changing the state of", "a broker", err);
}

enum wd_status broker_set_delay(struct broker *broker, int broker_id, int round_trip_ms, struct wd_error *err)
{
    return done(rd_kafka_mock_broker_set_rtt(broker->cluster, broker_id, round_trip_ms), "delaying", "a broker", err);
}

void broker_push_errors(struct broker *broker, int api_key, int error_code, size_t count)
{
    const rd_kafka_resp_err_t error = (rd_kafka_resp_err_t)error_code;
    if (count == 0)
        rd_kafka_mock_clear_request_errors(broker->cluster, (int16_t)api_key);
    for (size_t i = 0; i < count; i++)
        rd_kafka_mock_push_request_errors_array(broker->cluster, (int16_t)api_key, 1, &error);
}

enum wd_status broker_set_leader(struct broker *broker, const char *topic, int partition, int broker_id,
                                 struct wd_error *err)
{
    return done(rd_kafka_mock_partition_set_leader(broker->cluster, topic, partition, broker_id),
                "moving a partition of", topic, err);
}

enum wd_status broker_set_coordinator(struct broker *broker, const char *group_id, int broker_id, struct wd_error *err)
{
    return done(rd_kafka_mock_coordinator_set(broker->cluster, "group", group_id, broker_id),
                "moving the coordinator of", group_id, err);
}

void broker_set_topic_error(struct broker *broker, const char *topic, int error_code)
{
    rd_kafka_mock_topic_set_error(broker->cluster, topic, (rd_kafka_resp_err_t)error_code);
}
