/* Rebalances: which partitions are ours, and where reading begins.
 *
 * What always holds: no partition is read before its committed offset and metadata are known, and then from exactly
 * there. Reading them is asynchronous, so that the owner's loop goes on; while the group's coordinator does not answer
 * the assignment stays pending and is asked for again. Neighbours: consumer.c, commit.c. */
#include <stdlib.h>
#include <string.h>

#include "worker/kafka/member.h"

enum { REQUEST_TIMEOUT_MS = 2000, RETRY_BASE_MS = 250, RETRY_MAX_MS = 5000, PROBE_INTERVAL_MS = 1000 };

static bool is_cooperative(const struct consumer *consumer)
{
    const char *protocol = rd_kafka_rebalance_protocol(consumer->client);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

/* Topics and partitions only. Always a fresh list: an element that is used again remembers its old partition. */
static rd_kafka_topic_partition_list_t *fresh_list(const rd_kafka_topic_partition_list_t *from)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(from->cnt);
    for (int i = 0; i < from->cnt; i++)
        rd_kafka_topic_partition_list_add(list, from->elems[i].topic, from->elems[i].partition);
    return list;
}

static bool is_named(const struct owned_partition *owned, const char *topic, int32_t partition)
{
    return owned->partition == partition && strcmp(owned->topic, topic) == 0;
}

struct owned_partition *assignment_find(struct consumer *consumer, const char *topic, int32_t partition)
{
    size_t last = consumer->last_found;
    if (last < consumer->owned_count && is_named(&consumer->owned[last], topic, partition))
        return &consumer->owned[last];
    for (size_t i = 0; i < consumer->owned_count; i++)
        if (is_named(&consumer->owned[i], topic, partition)) {
            consumer->last_found = i;
            return &consumer->owned[i];
        }
    return NULL;
}

static bool own(struct consumer *consumer, const struct kafka_position *position)
{
    if (consumer->owned_count == consumer->owned_room) {
        size_t room = consumer->owned_room ? consumer->owned_room * 2 : 16;
        struct owned_partition *owned = realloc(consumer->owned, room * sizeof(*owned));
        if (!owned)
            return false;
        consumer->owned = owned;
        consumer->owned_room = room;
    }
    char *name = strdup(position->topic);
    if (!name)
        return false;
    consumer->owned[consumer->owned_count++] =
        (struct owned_partition){.topic = name, .partition = position->partition, .next = position->offset};
    return true;
}

static void disown(struct consumer *consumer, const char *topic, int32_t partition)
{
    struct owned_partition *owned = assignment_find(consumer, topic, partition);
    if (!owned)
        return;
    consumer_set_paused(consumer, owned, false); /* librdkafka would remember it for the next time */
    free(owned->topic);
    *owned = consumer->owned[--consumer->owned_count];
}

static void free_pending(struct consumer *consumer)
{
    if (consumer->pending)
        rd_kafka_topic_partition_list_destroy(consumer->pending);
    consumer->pending = NULL;
}

/* Assigns and unassigns go through here; an error leaves the group in a state that only a new client gets out of. */
static bool change_assignment(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list, bool add)
{
    rd_kafka_error_t *error = NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (is_cooperative(consumer))
        error = add ? rd_kafka_incremental_assign(consumer->client, list)
                    : rd_kafka_incremental_unassign(consumer->client, list);
    else
        code = rd_kafka_assign(consumer->client, add ? list : NULL);
    if (!error && code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    consumer_report(consumer, true, "cannot %s %d partitions: %s", add ? "take" : "give back", list->cnt,
                    error ? rd_kafka_error_string(error) : rd_kafka_err2str(code));
    if (error)
        rd_kafka_error_destroy(error);
    return false;
}

/* Asks the coordinator what the group has committed for `list`, which it takes. An offset that a transaction may still
 * take back is no answer (the client's isolation level sees to that). */
static void request_offsets(struct consumer *consumer, rd_kafka_topic_partition_list_t *list, enum request_kind kind)
{
    consumer->request_kind = kind;
    if (!lookup_start(&consumer->lookup, consumer->client, list, REQUEST_TIMEOUT_MS, consumer->event_fd))
        consumer->next_request_ms = client_now_ms() + RETRY_MAX_MS;
}

static void request_pending(struct consumer *consumer)
{
    request_offsets(consumer, fresh_list(consumer->pending), REQUEST_ASSIGNMENT);
}

static void request_probe(struct consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, consumer->probe_topic, 0);
    request_offsets(consumer, list, REQUEST_PROBE);
}

static void settle(struct consumer *consumer)
{
    consumer->is_settled = consumer->is_member = true;
    consumer->request_failures = 0;
    consumer->next_request_ms = 0;
    free_pending(consumer);
}

/* `committed` holds offset and metadata of every pending partition: take them and tell the owner. */
static void take_pending(struct consumer *consumer, const rd_kafka_topic_partition_list_t *committed)
{
    rd_kafka_topic_partition_list_t *list = fresh_list(committed);
    struct kafka_position *positions = client_positions_new(committed);
    bool ok = positions != NULL;
    for (int i = 0; ok && i < list->cnt; i++) {
        list->elems[i].offset = positions[i].offset >= 0  ? positions[i].offset
                                : consumer->resets_to_end ? RD_KAFKA_OFFSET_END
                                                          : RD_KAFKA_OFFSET_BEGINNING;
        ok = own(consumer, &positions[i]);
    }
    if (!ok) {
        consumer_report(consumer, true, "no memory for an assignment of %d partitions", committed->cnt);
    } else if (change_assignment(consumer, list, true)) {
        settle(consumer);
        consumer->in_callback = true;
        consumer->callbacks.on_assign(consumer->context, positions, (size_t)committed->cnt);
        consumer->in_callback = false;
    }
    client_positions_free(positions, (size_t)committed->cnt);
    rd_kafka_topic_partition_list_destroy(list);
}

static void handle_assign(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    consumer->is_reachable = consumer->was_assigned = true;
    if (list->cnt == 0) {
        if (change_assignment(consumer, list, true))
            settle(consumer);
        return;
    }
    consumer->is_settled = false;
    free_pending(consumer);
    consumer->pending = fresh_list(list);
    consumer->next_request_ms = 0;
    assignment_tick(consumer);
}

static void tell_revoked(struct consumer *consumer, const struct kafka_position *positions, size_t count, bool lost)
{
    if (count == 0)
        return;
    consumer->in_callback = true;
    consumer->in_revoke = !lost;
    consumer->callbacks.on_revoke(consumer->context, positions, count, lost);
    consumer->in_callback = consumer->in_revoke = false;
}

static void handle_revoke(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(consumer->client);
    struct kafka_position *positions = calloc((size_t)list->cnt + 1, sizeof(*positions));
    size_t count = 0;
    for (int i = 0; positions && i < list->cnt; i++)
        if (assignment_find(consumer, list->elems[i].topic, list->elems[i].partition))
            positions[count++] = (struct kafka_position){
                .topic = list->elems[i].topic, .partition = list->elems[i].partition, .offset = -1};
    if (!positions)
        consumer_report(consumer, true, "no memory to give back %d partitions", list->cnt);
    tell_revoked(consumer, positions, count, lost);
    free(positions);
    for (int i = 0; i < list->cnt; i++)
        disown(consumer, list->elems[i].topic, list->elems[i].partition);
    free_pending(consumer);
    consumer->is_settled = false;
    if (lost || !is_cooperative(consumer))
        consumer->is_member = false;
    change_assignment(consumer, list, false);
}

void assignment_handle_rebalance(struct consumer *consumer, rd_kafka_event_t *event)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    switch (rd_kafka_event_error(event)) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        handle_assign(consumer, list);
        return;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        handle_revoke(consumer, list);
        return;
    default:
        consumer_report(consumer, false, "rebalance failed: %s", rd_kafka_event_error_string(event));
        rd_kafka_assign(consumer->client, NULL);
    }
}

/* The error that makes an answer useless. A topic that is gone has no offset. */
static rd_kafka_resp_err_t error_of(const struct lookup *lookup)
{
    if (lookup->code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return lookup->code;
    for (int i = 0; i < lookup->list->cnt; i++) {
        rd_kafka_resp_err_t code = lookup->list->elems[i].err;
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            return code;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Every partition that was asked for has its answer. */
static bool covers(const rd_kafka_topic_partition_list_t *answer, const rd_kafka_topic_partition_list_t *asked)
{
    if (answer->cnt != asked->cnt)
        return false;
    for (int i = 0; i < asked->cnt; i++)
        if (!rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)answer, asked->elems[i].topic,
                                                asked->elems[i].partition))
            return false;
    return true;
}

static void try_again_later(struct consumer *consumer, rd_kafka_resp_err_t code)
{
    int delay_ms = RETRY_BASE_MS << (consumer->request_failures < 5 ? consumer->request_failures : 5);
    if (delay_ms > RETRY_MAX_MS)
        delay_ms = RETRY_MAX_MS;
    consumer->request_failures++;
    consumer->next_request_ms = client_now_ms() + delay_ms;
    bool hopeless = client_status(code) == WD_ERR_INVALID || code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
                    code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
    consumer_report(consumer, hopeless,
                    "cannot read the committed offsets of %d new partitions, which wait until it works: %s (%s)",
                    consumer->pending->cnt, rd_kafka_err2str(code), rd_kafka_err2name(code));
}

static void handle_answer(struct consumer *consumer)
{
    struct lookup *lookup = &consumer->lookup;
    rd_kafka_resp_err_t code = error_of(lookup);
    bool is_good = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    /* A refusal is an answer as well. */
    if (is_good || client_status(code) == WD_ERR_REFUSED)
        consumer->is_reachable = true;
    if (consumer->request_kind == REQUEST_ASSIGNMENT && consumer->pending && !consumer->is_closing) {
        if (!is_good)
            try_again_later(consumer, code);
        else if (covers(lookup->list, consumer->pending))
            take_pending(consumer, lookup->list);
        else /* the answer to an older question */
            consumer->next_request_ms = client_now_ms() + RETRY_BASE_MS;
    }
    lookup_end(lookup);
}

void assignment_tick(struct consumer *consumer)
{
    if (lookup_take(&consumer->lookup))
        handle_answer(consumer);
    if (consumer->lookup.is_under_way || consumer->is_closing || client_now_ms() < consumer->next_request_ms)
        return;
    if (consumer->pending) {
        request_pending(consumer);
    } else if (!consumer->is_reachable) {
        consumer->next_request_ms = client_now_ms() + PROBE_INTERVAL_MS;
        request_probe(consumer);
    }
}

void assignment_give_up_pending(struct consumer *consumer)
{
    if (!consumer->pending)
        return;
    rd_kafka_topic_partition_list_t *list = fresh_list(consumer->pending);
    change_assignment(consumer, list, true);
    rd_kafka_topic_partition_list_destroy(list);
    free_pending(consumer);
}

void assignment_abandon(struct consumer *consumer)
{
    struct kafka_position *positions = calloc(consumer->owned_count + 1, sizeof(*positions));
    for (size_t i = 0; positions && i < consumer->owned_count; i++)
        positions[i] = (struct kafka_position){
            .topic = consumer->owned[i].topic, .partition = consumer->owned[i].partition, .offset = -1};
    if (positions)
        tell_revoked(consumer, positions, consumer->owned_count, true);
    free(positions);
}

void assignment_free(struct consumer *consumer)
{
    lookup_end(&consumer->lookup);
    free_pending(consumer);
    for (size_t i = 0; i < consumer->owned_count; i++)
        free(consumer->owned[i].topic);
    free(consumer->owned);
}
