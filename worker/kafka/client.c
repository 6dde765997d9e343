/* Configuration, errors and log lines of a librdkafka client. What always holds: nothing that an operator passes
 * through can switch off the commit rules of the worker or the acknowledgements of the producer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <warden/diagnostics.h>

#include "worker/kafka/client.h"

enum { LIBRARY_TEXT_MAX = 512 };

/* Aliases are listed by both names: librdkafka knows several for some. */
static const struct refused_property {
    const char *name, *reason;
} REFUSED[] = {
    {"enable.auto.commit", "offsets are committed only after every action of a record has succeeded"},
    {"auto.commit.enable", "offsets are committed only after every action of a record has succeeded"},
    {"auto.commit.interval.ms", "nothing is committed automatically; set worker.commit_interval"},
    {"enable.auto.offset.store", "offsets are committed only after every action of a record has succeeded"},
    {"offset.store.method", "offsets are kept by the broker"},
    {"offset.store.path", "offsets are kept by the broker"},
    {"offset.store.sync.interval.ms", "offsets are kept by the broker"},
    {"enable.idempotence", "decisions and dead letters are always produced idempotently"},
    {"acks", "decisions and dead letters need the acknowledgement of all replicas"},
    {"request.required.acks", "decisions and dead letters need the acknowledgement of all replicas"},
    {"transactional.id", "transactions are not used"},
    {"delivery.report.only.error", "every delivery is waited for"},
    {"test.mock.num.brokers", "it would replace the cluster by one inside the process"},
    {"log.queue", "log lines are written by the program's own log"},
    {"enabled_events", "it is set by the program"},
    {"bootstrap.servers", "set kafka.brokers"},
    {"metadata.broker.list", "set kafka.brokers"},
    {"group.id", "set kafka.group_id"},
    {"group.instance.id", "set kafka.group_instance_id"},
    {"client.id", "set kafka.client_id"},
    {"partition.assignment.strategy", "set kafka.assignor"},
    {"auto.offset.reset", "set kafka.offset_reset"},
    {"session.timeout.ms", "set kafka.session_timeout"},
    {"max.poll.interval.ms", "set kafka.max_poll_interval"},
};

static const char *reason_to_refuse(const char *name)
{
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++)
        if (strcmp(REFUSED[i].name, name) == 0)
            return REFUSED[i].reason;
    return NULL;
}

/* Turns the library's table of properties, aliases included, into a list of names: the first word of each line. Ends
 * with NULL; the names live in `table`. */
static const char **names_in_table(char *table)
{
    size_t lines = 1;
    for (const char *at = table; *at; at++)
        lines += *at == '\n';
    const char **names = calloc(lines + 1, sizeof(*names));
    size_t count = 0;
    char *rest = table, *line;
    while (names && (line = strsep(&rest, "\n"))) {
        size_t length = strcspn(line, " |");
        if (length == 0 || !strchr(line, '|'))
            continue;
        line[length] = '\0';
        names[count++] = line;
    }
    return names;
}

static void suggest_property(const char *name, char *text, size_t size)
{
    char *table = NULL;
    size_t table_size = 0;
    text[0] = '\0';
    FILE *stream = open_memstream(&table, &table_size);
    if (!stream)
        return;
    rd_kafka_conf_properties_show(stream);
    const char **names = fclose(stream) == 0 ? names_in_table(table) : NULL;
    const char *nearest = names ? wd_did_you_mean(name, names) : NULL;
    if (nearest)
        snprintf(text, size, " (did you mean '%s'?)", nearest);
    free(names);
    free(table);
}

static enum wd_status set_property(rd_kafka_conf_t *conf, const struct kafka_property *property, struct wd_error *err)
{
    const char *reason = reason_to_refuse(property->name);
    if (reason)
        return wd_fail(err, WD_ERR_INVALID, "Kafka property '%s' cannot be set: %s", property->name, reason);
    if (!property->value)
        return wd_fail(err, WD_ERR_INVALID, "Kafka property '%s' has no value", property->name);
    char words[LIBRARY_TEXT_MAX], suggestion[160];
    switch (rd_kafka_conf_set(conf, property->name, property->value, words, sizeof(words))) {
    case RD_KAFKA_CONF_OK:
        return WD_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        suggest_property(property->name, suggestion, sizeof(suggestion));
        return wd_fail(err, WD_ERR_INVALID, "Kafka property '%s': no such property%s", property->name, suggestion);
    default:
        return wd_fail(err, WD_ERR_INVALID, "Kafka property '%s': %s", property->name, words);
    }
}

rd_kafka_conf_t *client_conf_new(const struct client_setting *settings, const struct kafka_property *properties,
                                 size_t property_count, struct wd_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char words[LIBRARY_TEXT_MAX];
    for (const struct client_setting *s = settings; s->name; s++) {
        if (rd_kafka_conf_set(conf, s->name, s->value, words, sizeof(words)) == RD_KAFKA_CONF_OK)
            continue;
        wd_fail(err, WD_ERR_INVALID, "Kafka setting '%s' to '%s': %s", s->name, s->value, words);
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    for (size_t i = 0; i < property_count; i++) {
        if (set_property(conf, &properties[i], err) == WD_OK)
            continue;
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

rd_kafka_t *kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct wd_error *err)
{
    char words[LIBRARY_TEXT_MAX];
    rd_kafka_t *client = rd_kafka_new(type, conf, words, sizeof(words));
    if (!client) {
        rd_kafka_conf_destroy(conf);
        wd_fail(err, WD_ERR_INVALID, "Kafka client: %s", words);
        return NULL;
    }
    rd_kafka_set_log_queue(client, NULL);
    return client;
}

enum wd_status client_status(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return WD_OK;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_GROUP:
        return WD_ERR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
        return WD_ERR_TOO_LARGE;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return WD_ERR_INVALID;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
        return WD_ERR_REFUSED;
    default:
        return WD_ERR_UNAVAILABLE;
    }
}

enum wd_status client_fail(struct wd_error *err, rd_kafka_error_t *error, const char *doing)
{
    enum wd_status status =
        wd_fail(err, client_status(rd_kafka_error_code(error)), "%s: %s", doing, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return status;
}

void client_error_text(rd_kafka_t *client, rd_kafka_event_t *event, char *text, size_t size)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    char cause[LIBRARY_TEXT_MAX];
    const char *words = rd_kafka_event_error_string(event);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(client, cause, sizeof(cause));
        words = cause;
    }
    snprintf(text, size, "%s (%s)", words && *words ? words : rd_kafka_err2str(code), rd_kafka_err2name(code));
}

bool client_log_is_news(rd_kafka_event_t *event, char *text, size_t size, int *level_out)
{
    const char *facility = "", *line = "";
    int level = LOG_DEBUG;
    if (rd_kafka_event_log(event, &facility, &line, &level) != 0)
        return false;
    *level_out = level;
    snprintf(text, size, "%s: %s", facility, line);
    if (level > LOG_WARNING)
        return false;
    /* One map of properties serves the consumer and the producer: each would warn of the other's. Connection
     * failures come as error events too. Topics are never made by us, whatever an old broker thinks of it. */
    bool of_other_kind = strcmp(facility, "CONFWARN") == 0 && strstr(line, "will be ignored by this");
    return !of_other_kind && strcmp(facility, "FAIL") != 0 && strcmp(facility, "ERROR") != 0 &&
           strcmp(facility, "AUTOCREATE") != 0;
}

struct kafka_position *client_positions_new(const rd_kafka_topic_partition_list_t *list)
{
    size_t count = (size_t)list->cnt;
    struct kafka_position *positions = calloc(count + 1, sizeof(*positions));
    for (size_t i = 0; positions && i < count; i++) {
        const rd_kafka_topic_partition_t *element = &list->elems[i];
        bool known = element->offset >= 0;
        positions[i] = (struct kafka_position){
            .topic = element->topic, .partition = element->partition, .offset = known ? element->offset : -1};
        if (!known || !element->metadata || element->metadata_size == 0)
            continue;
        positions[i].metadata = strndup(element->metadata, element->metadata_size);
        if (!positions[i].metadata) {
            client_positions_free(positions, i);
            positions = NULL;
        }
    }
    return positions;
}

void client_positions_free(struct kafka_position *positions, size_t count)
{
    for (size_t i = 0; positions && i < count; i++)
        free((char *)positions[i].metadata);
    free(positions);
}

int64_t client_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int client_remaining_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - client_now_ms();
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}
