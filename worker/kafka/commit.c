/* Commits of offset and metadata. Explicit ones only: storing offsets in the client drops the metadata. Neighbours:
 * consumer.c, assignment.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/kafka/member.h"

enum { METADATA_MAX = 3 * 1024 };

/* ---- when a commit may go: librdkafka 2.0.2 takes a refusal for the loss of the whole assignment (its issue 4059),
 * and the broker refuses a commit that crosses with the birth of a new generation. The client says nothing of a
 * rebalance before the new assignment is there, so its requests are watched: a commit goes only where every join was
 * synced. ---- */

enum { API_JOIN_GROUP = 11, API_HEARTBEAT = 12, API_SYNC_GROUP = 14 }; /* Kafka's protocol numbers */

static rd_kafka_resp_err_t on_request_sent(rd_kafka_t *client, int fd, const char *broker, int32_t broker_id,
                                           int16_t api_key, int16_t version, int32_t correlation, size_t size,
                                           void *context)
{
    (void)client, (void)fd, (void)broker, (void)broker_id, (void)version, (void)correlation, (void)size;
    struct consumer *consumer = context;
    if (api_key == API_JOIN_GROUP)
        atomic_fetch_add(&consumer->joins_sent, 1);
    else if (api_key == API_HEARTBEAT || api_key == API_SYNC_GROUP)
        atomic_store(&consumer->asked_ms, client_now_ms());
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_response_received(rd_kafka_t *client, int fd, const char *broker, int32_t broker_id,
                                                int16_t api_key, int16_t version, int32_t correlation, size_t size,
                                                int64_t round_trip_us, rd_kafka_resp_err_t code, void *context)
{
    (void)client, (void)fd, (void)broker, (void)broker_id, (void)version, (void)correlation, (void)size;
    (void)round_trip_us;
    struct consumer *consumer = context;
    if (api_key == API_SYNC_GROUP && code == RD_KAFKA_RESP_ERR_NO_ERROR)
        atomic_store(&consumer->joins_synced, atomic_load(&consumer->joins_sent));
    if ((api_key == API_HEARTBEAT || api_key == API_SYNC_GROUP) && code == RD_KAFKA_RESP_ERR_NO_ERROR)
        atomic_store(&consumer->heard_ms, atomic_load(&consumer->asked_ms));
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *context, char *text,
                                  size_t text_size)
{
    (void)conf, (void)text, (void)text_size;
    rd_kafka_resp_err_t code = rd_kafka_interceptor_add_on_request_sent(client, "warden", on_request_sent, context);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = rd_kafka_interceptor_add_on_response_received(client, "warden", on_response_received, context);
    return code;
}

void commit_watch_joins(struct consumer *consumer, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_interceptor_add_on_new(conf, "warden", on_new, consumer);
}

int64_t consumer_heard_ms(const struct consumer *consumer)
{
    return atomic_load(&consumer->heard_ms);
}

bool consumer_can_commit(const struct consumer *consumer)
{
    bool joining = atomic_load(&consumer->joins_sent) != atomic_load(&consumer->joins_synced);
    return consumer->in_revoke || (consumer->is_settled && !joining);
}

/* A fresh list for each call: a used element remembers the partition that it was made for. */
static rd_kafka_topic_partition_list_t *list_of(const struct kafka_position *positions, size_t count,
                                                struct wd_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_t *element =
            rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition);
        element->offset = positions[i].offset;
        if (!positions[i].metadata)
            continue;
        size_t size = strnlen(positions[i].metadata, METADATA_MAX + 1);
        enum wd_status status = WD_OK;
        if (size > METADATA_MAX)
            status = wd_fail(err, WD_ERR_TOO_LARGE, "commit metadata of %s/%d is over %d bytes", positions[i].topic,
                             (int)positions[i].partition, METADATA_MAX);
        else if (!(element->metadata = strdup(positions[i].metadata)))
            status = wd_fail(err, WD_ERR_MEMORY, "no memory for commit metadata");
        if (status != WD_OK) {
            rd_kafka_topic_partition_list_destroy(list);
            return NULL;
        }
        element->metadata_size = size;
    }
    return list;
}

/* The outcome of a commit: of all, or of the first partition that failed. */
static enum wd_status outcome_of(rd_kafka_event_t *event, struct wd_error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    const rd_kafka_topic_partition_t *culprit = NULL;
    for (int i = 0; list && i < list->cnt && !culprit; i++)
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            culprit = &list->elems[i];
    if (culprit)
        return wd_fail(err, client_status(culprit->err), "commit of %s/%d at %lld: %s (%s)", culprit->topic,
                       (int)culprit->partition, (long long)culprit->offset, rd_kafka_err2str(culprit->err),
                       rd_kafka_err2name(culprit->err));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return wd_fail(err, client_status(code), "commit: %s (%s)", rd_kafka_err2str(code), rd_kafka_err2name(code));
    return WD_OK;
}

static enum wd_status check_request(struct consumer *consumer, size_t count, struct wd_error *err)
{
    if (count > INT32_MAX)
        return wd_fail(err, WD_ERR_INVALID, "commit: too many partitions");
    if (!consumer_can_commit(consumer))
        return wd_fail(err, WD_ERR_UNAVAILABLE, "commit: a rebalance is under way");
    return WD_OK;
}

enum wd_status consumer_commit_async(struct consumer *consumer, const struct kafka_position *positions, size_t count,
                                     struct wd_error *err)
{
    enum wd_status status = check_request(consumer, count, err);
    if (status != WD_OK || count == 0)
        return status;
    if (consumer->commit_under_way)
        return wd_fail(err, WD_ERR_UNAVAILABLE, "commit: another one is under way");
    struct wd_error why = {.status = WD_ERR_MEMORY};
    rd_kafka_topic_partition_list_t *list = list_of(positions, count, &why);
    if (!list)
        return wd_fail(err, why.status, "%s", why.text);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(consumer->client, list, consumer->results, NULL, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return wd_fail(err, client_status(code), "commit: %s", rd_kafka_err2str(code));
    consumer->commit_under_way = true;
    return WD_OK;
}

void commit_handle_result(struct consumer *consumer, rd_kafka_event_t *event)
{
    struct wd_error why = {.text = ""};
    enum wd_status status = outcome_of(event, &why);
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    size_t count = list ? (size_t)list->cnt : 0;
    consumer->commit_under_way = false;
    if (status == WD_OK)
        consumer->is_reachable = true;
    struct kafka_position *positions = list ? client_positions_new(list) : NULL;
    bool was_in_callback = consumer->in_callback;
    consumer->in_callback = true;
    consumer->callbacks.on_commit(consumer->context, status, why.text, positions, positions ? count : 0);
    consumer->in_callback = was_in_callback;
    client_positions_free(positions, count);
}

/* An asynchronous commit that is still on its way would land after the one that follows it. */
static enum wd_status wait_for_earlier(struct consumer *consumer, int64_t deadline_ms, struct wd_error *err)
{
    while (consumer->commit_under_way) {
        int left_ms = client_remaining_ms(deadline_ms);
        consumer_serve_results(consumer, left_ms, 1);
        if (consumer->commit_under_way && left_ms == 0)
            return wd_fail(err, WD_ERR_UNAVAILABLE, "commit: the broker has not answered the one before in time");
    }
    return WD_OK;
}

enum wd_status consumer_commit_sync(struct consumer *consumer, const struct kafka_position *positions, size_t count,
                                    int timeout_ms, struct wd_error *err)
{
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    enum wd_status status = check_request(consumer, count, err);
    if (status != WD_OK || count == 0)
        return status;
    status = wait_for_earlier(consumer, deadline_ms, err);
    if (status != WD_OK)
        return status;
    struct wd_error why = {.status = WD_ERR_MEMORY};
    rd_kafka_topic_partition_list_t *list = list_of(positions, count, &why);
    if (!list)
        return wd_fail(err, why.status, "%s", why.text);
    rd_kafka_queue_t *answer = rd_kafka_queue_new(consumer->client);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(consumer->client, list, answer, NULL, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_event_t *event = NULL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        event = rd_kafka_queue_poll(answer, client_remaining_ms(deadline_ms));
    if (event)
        status = outcome_of(event, err);
    else if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        status = wd_fail(err, client_status(code), "commit: %s", rd_kafka_err2str(code));
    else
        status = wd_fail(err, WD_ERR_UNAVAILABLE, "commit: the broker has not answered within %d ms", timeout_ms);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(answer);
    return status;
}
