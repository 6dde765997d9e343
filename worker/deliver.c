/* Dead letters and decision records. Neighbours: pipeline.c decides when, the producer does it.
 *
 * What always holds: a work goes on only when the broker has acknowledged everything that it wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/decision.h"
#include "worker/deliver.h"
#include "worker/log.h"
#include "worker/mutation.h"

enum { OWN_HEADERS = 8 };

static void on_report(void *context, enum wd_status status, int32_t partition, int64_t offset, const char *text)
{
    (void)partition;
    (void)offset;
    struct delivery *delivery = context;
    struct work *work = delivery->work;
    struct shard *shard = work->shard;
    if (status == WD_OK) {
        metrics_add(shard->metrics, METRIC_DECISIONS, delivery->topic == shard->config->worker.decisions_topic);
    } else {
        work->reports_failed++;
        work->omit_value |= status == WD_ERR_TOO_LARGE;
        log_write(LOG_WARN, "delivery-failed",
                  "a record could not be written; its source record stays unfinished and this is tried again",
                  LOG_STR("topic", delivery->topic), LOG_STR("source_topic", work->partition->topic),
                  LOG_INT("partition", work->partition->number), LOG_INT("offset", work->offset),
                  LOG_STR("error", text), LOG_END);
    }
    if (--work->reports_left == 0)
        pipeline_resume(shard, work);
}

/* For a mutation only. */
static void ignore_report(void *context, enum wd_status status, int32_t partition, int64_t offset, const char *text)
{
    (void)context;
    (void)status;
    (void)partition;
    (void)offset;
    (void)text;
}

/* `delivery` is part of the work: an outage can make it be sent again any number of times without using memory up. */
static enum wd_status send_record(struct delivery *delivery, struct wd_str key, struct wd_str value,
                                  const struct kafka_header *headers, size_t header_count, struct wd_error *err)
{
    struct work *work = delivery->work;
    bool unheard =
        MUTATED(MUTATION_UNREPORTED_LETTER) && delivery->topic == work->shard->config->worker.dead_letter_topic;
    enum wd_status status = producer_send(work->shard->producer, delivery->topic, -1, key, value, headers, header_count,
                                          0, unheard ? ignore_report : on_report, delivery, err);
    if (status == WD_OK && !unheard)
        work->reports_left++;
    return status;
}

static void note_refusal(struct work *work, const char *topic, const struct wd_error *err)
{
    work->reports_failed++;
    log_write(LOG_WARN, "delivery-refused", "a record could not be queued; this is tried again",
              LOG_STR("topic", topic), LOG_INT("partition", work->partition->number), LOG_INT("offset", work->offset),
              LOG_STR("error", err->text), LOG_END);
}

/* ---- dead letters: the original key, value and headers, and where it came from and why ---- */

static struct kafka_header own_header(const char *name, const char *value)
{
    return (struct kafka_header){.name = wd_str_from(name), .value = wd_str_from(value)};
}

static size_t put_own_headers(struct kafka_header *out, const struct work *work, const char *partition,
                              const char *offset, const char *attempts)
{
    size_t n = 0;
    out[n++] = own_header("__connect.errors.topic", work->partition->topic);
    out[n++] = own_header("__connect.errors.partition", partition);
    out[n++] = own_header("__connect.errors.offset", offset);
    out[n++] = own_header("__connect.errors.exception.message", work->failure);
    out[n++] = own_header("warden.reason", work->failure_class);
    out[n++] = own_header("warden.attempts", attempts);
    return n;
}

static unsigned total_attempts(const struct work *work)
{
    unsigned attempts = 0;
    for (size_t i = 0; i < work->unit_count; i++)
        for (size_t j = 0; j < work->units[i].call_count; j++)
            attempts += work->units[i].calls[j].attempts;
    return attempts;
}

size_t deliver_dead_letter(struct shard *shard, struct work *work)
{
    const char *topic = shard->config->worker.dead_letter_topic;
    struct wd_error err = {0};
    char partition[16], offset[24], attempts[16];
    snprintf(partition, sizeof(partition), "%d", (int)work->partition->number);
    snprintf(offset, sizeof(offset), "%lld", (long long)work->offset);
    snprintf(attempts, sizeof(attempts), "%u", total_attempts(work));
    struct kafka_header *headers = malloc((work->header_count + OWN_HEADERS) * sizeof(*headers));
    if (!headers) {
        wd_fail(&err, WD_ERR_MEMORY, "out of memory");
        note_refusal(work, topic, &err);
        return 0;
    }
    if (work->header_count)
        memcpy(headers, work->headers, work->header_count * sizeof(*headers));
    work->letter = (struct delivery){.work = work, .topic = topic};
    size_t own = put_own_headers(headers + work->header_count, work, partition, offset, attempts);
    enum wd_status status = WD_ERR_INVALID;
    if (!work->omit_value)
        status = send_record(&work->letter, work->key, work->value, headers, work->header_count + own, &err);
    if (status == WD_ERR_INVALID) { /* it can never be written whole: its coordinates are the next best */
        headers[work->header_count + own] = own_header("warden.value_omitted", "too large for the dead-letter topic");
        status = send_record(&work->letter, work->key, (struct wd_str){0}, headers + work->header_count, own + 1, &err);
    }
    free(headers);
    if (status != WD_OK)
        note_refusal(work, topic, &err);
    return work->reports_left;
}

/* ---- decision records ---- */

size_t deliver_decisions(struct shard *shard, struct work *work)
{
    const char *topic = shard->config->worker.decisions_topic;
    for (size_t i = 0; i < work->unit_count; i++) {
        struct unit *unit = &work->units[i];
        if (!unit->decision)
            continue;
        struct wd_error err = {0};
        unit->report = (struct delivery){.work = work, .topic = topic};
        char *json = decision_finish(unit->decision, unit, work->failure, shard->name, wall_clock_ms());
        enum wd_status status = json ? send_record(&unit->report, unit->author_id, wd_str_from(json), NULL, 0, &err)
                                     : wd_fail(&err, WD_ERR_MEMORY, "out of memory");
        free(json);
        if (status != WD_OK)
            note_refusal(work, topic, &err);
    }
    return work->reports_left;
}
