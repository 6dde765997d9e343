/* Questions to a cluster by a client that joins no group and commits nothing. Neighbours: client.c, record.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/kafka/client.h"
#include "worker/kafka/inspect.h"
#include "worker/kafka/question.h"
#include "worker/kafka/record.h"

enum { ELECTION_RETRY_MS = 100 };

/* Assigning partitions by hand needs the name of a group, but makes nobody a member of it. */
static const char NO_GROUP[] = "warden-inspect";

static rd_kafka_t *client_of(const struct inspect_options *options, const char *group_id, struct wd_error *err)
{
    const struct client_setting settings[] = {
        {"bootstrap.servers", options->brokers},
        {"client.id", "warden-inspect"},
        {"group.id", group_id ? group_id : NO_GROUP},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},
        {"allow.auto.create.topics", "false"},
        {"fetch.wait.max.ms", "50"},
        {"reconnect.backoff.max.ms", "1000"},
        {"log.queue", "true"},
        {"log.connection.close", "false"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = client_conf_new(settings, options->properties, options->property_count, err);
    if (!conf)
        return NULL;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    rd_kafka_conf_set_log_cb(conf, NULL); /* what went wrong is in the answer */
    return kafka_client_new(RD_KAFKA_CONSUMER, conf, err);
}

static void client_free(rd_kafka_t *client)
{
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/* 'Timed out' alone helps nobody: what the connections said is in the error events. */
enum wd_status question_fail(rd_kafka_t *client, rd_kafka_resp_err_t code, const char *doing, struct wd_error *err)
{
    char reason[512] = "";
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(client);
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(queue, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR && !*reason)
            client_error_text(client, event, reason, sizeof(reason));
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    return wd_fail(err, client_status(code), "%s: %s%s%s", doing, rd_kafka_err2str(code), *reason ? ": " : "", reason);
}

enum wd_status inspect_check_properties(const struct kafka_property *properties, size_t count, struct wd_error *err)
{
    const struct client_setting none[] = {{NULL, NULL}};
    rd_kafka_conf_t *conf = client_conf_new(none, properties, count, err);
    if (!conf)
        return WD_ERR_INVALID;
    rd_kafka_conf_destroy(conf);
    return WD_OK;
}

enum wd_status inspect_ping(const struct inspect_options *options, int *broker_count_out, struct wd_error *err)
{
    rd_kafka_t *client = client_of(options, NULL, err);
    if (!client)
        return WD_ERR_INVALID;
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, NULL, &metadata, options->timeout_ms);
    enum wd_status status = WD_OK;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *broker_count_out = metadata->broker_cnt;
        rd_kafka_metadata_destroy(metadata);
    } else {
        char doing[300];
        snprintf(doing, sizeof(doing), "Kafka at %.200s", options->brokers);
        status = question_fail(client, code, doing, err);
    }
    client_free(client);
    return status;
}

/* ---------------------------------------------------------------------------------------------- one topic */

static enum wd_status list_partitions(struct question *question, struct wd_error *err)
{
    char doing[300];
    snprintf(doing, sizeof(doing), "topic '%.250s'", question->topic);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(question->client, question->topic, NULL);
    if (!handle)
        return question_fail(question->client, rd_kafka_last_error(), doing, err);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(question->client, 0, handle, &metadata, client_remaining_ms(question->deadline_ms));
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return question_fail(question->client, code, doing, err);
    const rd_kafka_metadata_topic_t *found = metadata->topic_cnt == 1 ? &metadata->topics[0] : NULL;
    code = found ? found->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found->partition_cnt == 0)
        code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    enum wd_status status = WD_OK;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        question->list = rd_kafka_topic_partition_list_new(found->partition_cnt);
        for (int i = 0; i < found->partition_cnt; i++)
            rd_kafka_topic_partition_list_add(question->list, question->topic, found->partitions[i].id);
        rd_kafka_topic_partition_list_sort(question->list, NULL, NULL);
    } else {
        status = question_fail(question->client, code, doing, err);
    }
    rd_kafka_metadata_destroy(metadata);
    return status;
}

enum wd_status question_begin(struct question *question, const struct inspect_options *options, const char *topic,
                              const char *group_id, struct wd_error *err)
{
    *question = (struct question){.topic = topic, .deadline_ms = client_now_ms() + options->timeout_ms};
    question->client = client_of(options, group_id, err);
    if (!question->client)
        return WD_ERR_INVALID;
    return list_partitions(question, err);
}

void question_end(struct question *question)
{
    if (question->list)
        rd_kafka_topic_partition_list_destroy(question->list);
    if (question->client)
        client_free(question->client);
}

/* A leader or coordinator is just being chosen, as right after a topic was made or a broker came back: the answer will
 * be another one in a moment. True after a short wait where there is time for that. */
static bool is_worth_another_try(const struct question *question, rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
        break;
    default:
        return false;
    }
    if (client_remaining_ms(question->deadline_ms) <= ELECTION_RETRY_MS)
        return false;
    nanosleep(&(struct timespec){.tv_nsec = ELECTION_RETRY_MS * 1000000L}, NULL);
    return true;
}

enum wd_status question_ends(struct question *question, int index, int64_t *first, int64_t *end, struct wd_error *err)
{
    int32_t partition = question->list->elems[index].partition;
    rd_kafka_resp_err_t code;
    do
        code = rd_kafka_query_watermark_offsets(question->client, question->topic, partition, first, end,
                                                client_remaining_ms(question->deadline_ms));
    while (is_worth_another_try(question, code));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return WD_OK;
    char doing[300];
    snprintf(doing, sizeof(doing), "offsets of %.250s/%d", question->topic, (int)partition);
    return question_fail(question->client, code, doing, err);
}

static enum wd_status ask_committed(struct question *question, struct wd_error *err)
{
    rd_kafka_resp_err_t code;
    do {
        code = rd_kafka_committed(question->client, question->list, client_remaining_ms(question->deadline_ms));
        for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < question->list->cnt; i++)
            code = question->list->elems[i].err;
    } while (is_worth_another_try(question, code));
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? WD_OK : question_fail(question->client, code, "committed offsets", err);
}

/* One block: the array and behind it the texts of the metadata. */
static struct inspect_partition *answer_new(const struct question *question)
{
    const rd_kafka_topic_partition_list_t *list = question->list;
    size_t text = 0, count = (size_t)list->cnt;
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].metadata)
            text += strnlen(list->elems[i].metadata, list->elems[i].metadata_size) + 1;
    struct inspect_partition *partitions = calloc(1, count * sizeof(*partitions) + text);
    if (!partitions)
        return NULL;
    char *at = (char *)(partitions + count);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *element = &list->elems[i];
        partitions[i].partition = element->partition;
        partitions[i].committed_offset = element->offset >= 0 ? element->offset : -1;
        if (!element->metadata || !element->metadata_size)
            continue;
        size_t size = strnlen(element->metadata, element->metadata_size);
        partitions[i].committed_metadata = at;
        memcpy(at, element->metadata, size); /* not NUL-terminated there */
        at += size + 1;
    }
    return partitions;
}

enum wd_status inspect_topic(const struct inspect_options *options, const char *topic, const char *group_id,
                             struct inspect_partition **out, size_t *count_out, struct wd_error *err)
{
    struct question question;
    struct inspect_partition *partitions = NULL;
    enum wd_status status = question_begin(&question, options, topic, group_id, err);
    if (status == WD_OK && group_id)
        status = ask_committed(&question, err);
    if (status == WD_OK && !(partitions = answer_new(&question)))
        status = wd_fail(err, WD_ERR_MEMORY, "topic '%s': no memory", topic);
    for (int i = 0; status == WD_OK && i < question.list->cnt; i++)
        status = question_ends(&question, i, &partitions[i].first_offset, &partitions[i].end_offset, err);
    if (status == WD_OK) {
        *out = partitions;
        *count_out = (size_t)question.list->cnt;
    } else {
        free(partitions);
    }
    question_end(&question);
    return status;
}

/* ------------------------------------------------------------------------------------------- read a topic */

struct reading {
    struct question question;
    int64_t *ends; /* by place in the list; -1 where the partition is read to its end */
    int open;
    struct record_headers headers;
    void (*on_record)(void *context, const struct kafka_record *record);
    void *context;
};

static void close_partition(struct reading *reading, int32_t partition)
{
    const rd_kafka_topic_partition_list_t *list = reading->question.list;
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].partition == partition && reading->ends[i] >= 0) {
            reading->ends[i] = -1;
            reading->open--;
        }
}

static int64_t end_of(const struct reading *reading, int32_t partition)
{
    const rd_kafka_topic_partition_list_t *list = reading->question.list;
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].partition == partition)
            return reading->ends[i];
    return -1;
}

static enum wd_status read_message(struct reading *reading, const rd_kafka_message_t *message, struct wd_error *err)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        close_partition(reading, message->partition);
        return WD_OK;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return wd_fail(err, client_status(message->err), "reading '%s': %s", reading->question.topic,
                       rd_kafka_message_errstr(message));
    int64_t end = end_of(reading, message->partition);
    if (message->offset < end) {
        struct kafka_record record;
        if (!record_view(&reading->headers, message, &record))
            return wd_fail(err, WD_ERR_MEMORY, "reading '%s': no memory", reading->question.topic);
        reading->on_record(reading->context, &record);
    }
    if (message->offset + 1 >= end)
        close_partition(reading, message->partition);
    return WD_OK;
}

static enum wd_status begin_reading(struct reading *reading, struct wd_error *err)
{
    rd_kafka_topic_partition_list_t *list = reading->question.list;
    reading->ends = calloc((size_t)list->cnt + 1, sizeof(*reading->ends));
    if (!reading->ends)
        return wd_fail(err, WD_ERR_MEMORY, "reading '%s': no memory", reading->question.topic);
    for (int i = 0; i < list->cnt; i++) {
        int64_t first = 0;
        enum wd_status status = question_ends(&reading->question, i, &first, &reading->ends[i], err);
        if (status != WD_OK)
            return status;
        list->elems[i].offset = first;
        if (first >= reading->ends[i])
            reading->ends[i] = -1;
        else
            reading->open++;
    }
    rd_kafka_poll_set_consumer(reading->question.client);
    rd_kafka_resp_err_t code = rd_kafka_assign(reading->question.client, list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? WD_OK : question_fail(reading->question.client, code, "reading", err);
}

static enum wd_status read_on(struct reading *reading, int timeout_ms, struct wd_error *err)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reading->question.client, timeout_ms);
    if (!message)
        return wd_fail(err, WD_ERR_UNAVAILABLE, "reading '%s': no record came for %d ms", reading->question.topic,
                       timeout_ms);
    enum wd_status status = read_message(reading, message, err);
    rd_kafka_message_destroy(message);
    return status;
}

enum wd_status inspect_read(const struct inspect_options *options, const char *topic,
                            void (*on_record)(void *context, const struct kafka_record *record), void *context,
                            struct wd_error *err)
{
    struct reading reading = {.on_record = on_record, .context = context};
    enum wd_status status = question_begin(&reading.question, options, topic, NULL, err);
    if (status == WD_OK)
        status = begin_reading(&reading, err);
    while (status == WD_OK && reading.open > 0)
        status = read_on(&reading, options->timeout_ms, err);
    if (reading.question.client)
        rd_kafka_assign(reading.question.client, NULL);
    question_end(&reading.question);
    free(reading.ends);
    free(reading.headers.items);
    return status;
}

/* ------------------------------------------------------------------------------------------- make a topic */

static enum wd_status created(rd_kafka_event_t *event, const char *topic, struct wd_error *err)
{
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return wd_fail(err, client_status(rd_kafka_event_error(event)), "creating topic '%s': %s", topic,
                       rd_kafka_event_error_string(event));
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    rd_kafka_resp_err_t code = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return WD_OK;
    const char *words = count == 1 ? rd_kafka_topic_result_error_string(results[0]) : NULL;
    enum wd_status status = code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ? WD_ERR_INVALID : client_status(code);
    return wd_fail(err, status, "creating topic '%s': %s", topic, words ? words : rd_kafka_err2str(code));
}

enum wd_status inspect_create_topic(const struct inspect_options *options, const char *topic, int partitions,
                                    int replicas, struct wd_error *err)
{
    rd_kafka_t *client = client_of(options, NULL, err);
    if (!client)
        return WD_ERR_INVALID;
    char words[256];
    rd_kafka_NewTopic_t *request = rd_kafka_NewTopic_new(topic, partitions, replicas, words, sizeof(words));
    if (!request) {
        client_free(client);
        return wd_fail(err, WD_ERR_INVALID, "creating topic '%s': %s", topic, words);
    }
    rd_kafka_queue_t *answer = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *admin = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(admin, options->timeout_ms, words, sizeof(words));
    rd_kafka_AdminOptions_set_operation_timeout(admin, options->timeout_ms, words, sizeof(words));
    rd_kafka_CreateTopics(client, &request, 1, admin, answer);
    rd_kafka_event_t *event = rd_kafka_queue_poll(answer, options->timeout_ms + 1000);
    enum wd_status status = event ? created(event, topic, err)
                                  : wd_fail(err, WD_ERR_UNAVAILABLE, "creating topic '%s': no answer in time", topic);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(admin);
    rd_kafka_NewTopic_destroy(request);
    rd_kafka_queue_destroy(answer);
    client_free(client);
    return status;
}
