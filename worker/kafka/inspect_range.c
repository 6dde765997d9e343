/* Reads a stretch of time of a topic. Where it begins in each partition the broker says (ListOffsets by time); records
 * are looked at one by one all the same, since timestamps need not rise. Neighbours: inspect.c.
 *
 * "No record is that young" is also the answer of brokers that do not know times, so it is believed only when the last
 * record of the partition is older indeed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/kafka/question.h"
#include "worker/kafka/record.h"

struct stretch {
    int32_t partition;
    int64_t first, end, next; /* offsets; `end` is not read any more */
    bool is_open;
};

struct inspect_range {
    struct question question;
    char *topic;
    int timeout_ms;
    int64_t from_ms, to_ms;
    struct stretch *stretches;
    size_t count, open;
    struct record_headers headers;
    rd_kafka_message_t *message; /* lent to the caller */
    struct kafka_record record;
};

static enum wd_status no_memory(const struct inspect_range *range, struct wd_error *err)
{
    return wd_fail(err, WD_ERR_MEMORY, "reading '%s': no memory", range->topic);
}

static struct stretch *stretch_of(struct inspect_range *range, int32_t partition)
{
    for (size_t i = 0; i < range->count; i++)
        if (range->stretches[i].partition == partition)
            return &range->stretches[i];
    return NULL;
}

static enum wd_status find_ends(struct inspect_range *range, struct wd_error *err)
{
    range->stretches = calloc((size_t)range->question.list->cnt + 1, sizeof(*range->stretches));
    if (!range->stretches)
        return no_memory(range, err);
    for (int i = 0; i < range->question.list->cnt; i++, range->count++) {
        struct stretch *stretch = &range->stretches[i];
        stretch->partition = range->question.list->elems[i].partition;
        enum wd_status status = question_ends(&range->question, i, &stretch->first, &stretch->end, err);
        if (status != WD_OK)
            return status;
        stretch->next = stretch->first;
    }
    return WD_OK;
}

/* The first offset of each partition at or after a time, in a list to be destroyed; below 0: there is none. */
static enum wd_status ask_times(struct inspect_range *range, int64_t at_ms, rd_kafka_topic_partition_list_t **out,
                                struct wd_error *err)
{
    rd_kafka_topic_partition_list_t *times = rd_kafka_topic_partition_list_new((int)range->count);
    for (size_t i = 0; i < range->count; i++)
        rd_kafka_topic_partition_list_add(times, range->topic, range->stretches[i].partition)->offset = at_ms;
    rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(range->question.client, times, client_remaining_ms(range->question.deadline_ms));
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < times->cnt; i++)
        code = times->elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *out = times;
        return WD_OK;
    }
    rd_kafka_topic_partition_list_destroy(times);
    char doing[300];
    snprintf(doing, sizeof(doing), "offsets of '%.250s' by time", range->topic);
    return question_fail(range->question.client, code, doing, err);
}

/* ---- reading ---- */

static enum wd_status assign(struct inspect_range *range, struct wd_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)range->count);
    range->open = 0;
    for (size_t i = 0; i < range->count; i++) {
        struct stretch *stretch = &range->stretches[i];
        stretch->is_open = stretch->next < stretch->end;
        if (!stretch->is_open)
            continue;
        range->open++;
        rd_kafka_topic_partition_list_add(list, range->topic, stretch->partition)->offset = stretch->next;
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(range->question.client, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? WD_OK : question_fail(range->question.client, code, "reading", err);
}

static void close_stretch(struct inspect_range *range, struct stretch *stretch)
{
    if (!stretch->is_open)
        return;
    stretch->is_open = false;
    stretch->next = stretch->end;
    range->open--;
}

static void drop_message(struct inspect_range *range)
{
    if (range->message)
        rd_kafka_message_destroy(range->message);
    range->message = NULL;
}

/* Takes what the client has next; *is_record_out where it is a record of an open stretch, which is then viewed. */
static enum wd_status step(struct inspect_range *range, bool *is_record_out, struct wd_error *err)
{
    *is_record_out = false;
    drop_message(range);
    range->message = rd_kafka_consumer_poll(range->question.client, range->timeout_ms);
    if (!range->message)
        return wd_fail(err, WD_ERR_UNAVAILABLE, "reading '%s': no record came for %d ms", range->topic,
                       range->timeout_ms);
    struct stretch *stretch = stretch_of(range, range->message->partition);
    if (range->message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (stretch)
            close_stretch(range, stretch);
        return WD_OK;
    }
    if (range->message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return wd_fail(err, client_status(range->message->err), "reading '%s': %s", range->topic,
                       rd_kafka_message_errstr(range->message));
    if (!stretch || !stretch->is_open)
        return WD_OK;
    int64_t offset = range->message->offset;
    stretch->next = offset + 1;
    *is_record_out = offset < stretch->end;
    if (stretch->next >= stretch->end)
        close_stretch(range, stretch);
    if (*is_record_out && !record_view(&range->headers, range->message, &range->record))
        return no_memory(range, err);
    return WD_OK;
}

/* ---- where it begins ---- */

/* Reads the last record of the partitions of which the broker says that they end before from_ms. */
static enum wd_status doubt_ends(struct inspect_range *range, const rd_kafka_topic_partition_list_t *starts,
                                 struct wd_error *err)
{
    for (size_t i = 0; i < range->count; i++) {
        struct stretch *stretch = &range->stretches[i];
        bool has_none = starts->elems[i].offset < 0 && stretch->end > stretch->first;
        stretch->next = has_none ? stretch->end - 1 : stretch->end;
    }
    enum wd_status status = assign(range, err);
    while (status == WD_OK && range->open) {
        bool is_record;
        status = step(range, &is_record, err);
        bool is_young = is_record && range->record.timestamp_ms >= range->from_ms;
        struct stretch *stretch = is_young ? stretch_of(range, range->record.partition) : NULL;
        if (status == WD_OK && stretch)
            stretch->next = -1; /* in doubt: from the first */
    }
    return status;
}

static enum wd_status find_starts(struct inspect_range *range, struct wd_error *err)
{
    if (range->from_ms <= 0)
        return WD_OK;
    rd_kafka_topic_partition_list_t *starts;
    enum wd_status status = ask_times(range, range->from_ms, &starts, err);
    if (status != WD_OK)
        return status;
    status = doubt_ends(range, starts, err);
    for (size_t i = 0; i < range->count; i++) {
        struct stretch *stretch = &range->stretches[i];
        int64_t answer = starts->elems[i].offset;
        if (stretch->next < 0)
            stretch->next = stretch->first;
        else if (answer >= 0)
            stretch->next = answer > stretch->first ? answer : stretch->first;
    }
    rd_kafka_topic_partition_list_destroy(starts);
    return status;
}

static enum wd_status find_stops(struct inspect_range *range, struct wd_error *err)
{
    if (range->to_ms == INT64_MAX)
        return WD_OK;
    rd_kafka_topic_partition_list_t *stops;
    enum wd_status status = ask_times(range, range->to_ms, &stops, err);
    if (status != WD_OK)
        return status;
    for (size_t i = 0; i < range->count; i++) {
        int64_t answer = stops->elems[i].offset;
        if (answer >= 0 && answer < range->stretches[i].end)
            range->stretches[i].end = answer;
    }
    rd_kafka_topic_partition_list_destroy(stops);
    return WD_OK;
}

static enum wd_status begin(struct inspect_range *range, const struct inspect_options *options, struct wd_error *err)
{
    enum wd_status status = question_begin(&range->question, options, range->topic, NULL, err);
    if (status == WD_OK) {
        rd_kafka_poll_set_consumer(range->question.client);
        status = find_ends(range, err);
    }
    if (status == WD_OK)
        status = find_starts(range, err);
    if (status == WD_OK)
        status = find_stops(range, err);
    for (size_t i = 0; i < range->count; i++)
        range->stretches[i].first = range->stretches[i].next; /* from here on: where reading began */
    return status == WD_OK ? assign(range, err) : status;
}

struct inspect_range *inspect_range_new(const struct inspect_options *options, const char *topic, int64_t from_ms,
                                        int64_t to_ms, struct wd_error *err)
{
    struct inspect_range *range = calloc(1, sizeof(*range));
    char *copy = strdup(topic);
    if (!range || !copy) {
        free(range);
        free(copy);
        wd_fail(err, WD_ERR_MEMORY, "no memory");
        return NULL;
    }
    range->topic = copy;
    range->timeout_ms = options->timeout_ms;
    range->from_ms = from_ms;
    range->to_ms = to_ms;
    if (begin(range, options, err) == WD_OK)
        return range;
    inspect_range_free(range);
    return NULL;
}

enum wd_status inspect_range_next(struct inspect_range *range, const struct kafka_record **record_out,
                                  struct wd_error *err)
{
    *record_out = NULL;
    while (range->open) {
        bool is_record;
        enum wd_status status = step(range, &is_record, err);
        if (status != WD_OK)
            return status;
        int64_t at_ms = is_record ? range->record.timestamp_ms : 0;
        if (is_record && (!at_ms || (at_ms >= range->from_ms && at_ms < range->to_ms))) {
            *record_out = &range->record;
            return WD_OK;
        }
    }
    return WD_OK;
}

void inspect_range_progress(const struct inspect_range *range, uint64_t *done_out, uint64_t *total_out)
{
    *done_out = *total_out = 0;
    for (size_t i = 0; i < range->count; i++) {
        const struct stretch *stretch = &range->stretches[i];
        if (stretch->end <= stretch->first)
            continue;
        *done_out += (uint64_t)(stretch->next - stretch->first);
        *total_out += (uint64_t)(stretch->end - stretch->first);
    }
}

void inspect_range_free(struct inspect_range *range)
{
    if (!range)
        return;
    drop_message(range);
    if (range->question.client)
        rd_kafka_assign(range->question.client, NULL);
    question_end(&range->question);
    free(range->stretches);
    free(range->headers.items);
    free(range->topic);
    free(range);
}
