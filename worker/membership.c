/* A shard as a member of its consumer group: partitions come and go. Neighbours: commits.c commits what is finished in
 * them, worker/kafka talks to the group.
 *
 * What always holds: a partition that was lost is never committed; after on_revoke returns nothing of its partitions is
 * started any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/log.h"
#include "worker/shard_parts.h"
#include "worker/work_keep.h"

enum { LIST_TEXT = 1024 };

/* ---- partitions ---- */

struct partition *shard_partition(struct shard *shard, const char *topic, int32_t number)
{
    struct partition *partition;
    TAILQ_FOREACH(partition, &shard->partitions, link)
    {
        if (partition->number == number && strcmp(partition->topic, topic) == 0)
            return partition;
    }
    return NULL;
}

static void partition_free(struct partition *partition)
{
    offsets_free(partition->offsets);
    free(partition->topic);
    free(partition);
}

void shard_partition_release(struct shard *shard, struct partition *partition)
{
    if (!partition->gone || partition->recalling || !TAILQ_EMPTY(&partition->works))
        return;
    TAILQ_REMOVE(&shard->gone, partition, link);
    partition_free(partition);
}

static void add_partition(struct shard *shard, const struct kafka_position *position)
{
    struct partition *partition = calloc(1, sizeof(*partition));
    if (partition) {
        TAILQ_INIT(&partition->works);
        TAILQ_INIT(&partition->lane);
        partition->topic = strdup(position->topic);
        /* unlimited: a paused partition may still hand out what was fetched; shard.c pauses at the window */
        partition->offsets = offsets_new(position->offset, position->metadata, SIZE_MAX);
    }
    if (!partition || !partition->topic || !partition->offsets) {
        log_write(LOG_ERROR, "out-of-memory", "no memory for a new partition", LOG_STR("shard", shard->name), LOG_END);
        shard->failed = true;
        if (partition)
            partition_free(partition);
        return;
    }
    partition->number = position->partition;
    partition->epoch = shard->epoch;
    TAILQ_INSERT_TAIL(&shard->partitions, partition, link);
    if (shard->paused || shard->draining)
        consumer_pause(shard->consumer, partition->topic, partition->number);
}

/* "events:0,3,7 others:1", for the log: who owned what, and when. Ends with "..." where it is too long. */
static const char *list_text(const struct kafka_position *positions, size_t count, char text[LIST_TEXT])
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        bool same = i > 0 && strcmp(positions[i].topic, positions[i - 1].topic) == 0;
        char item[300];
        int size = same ? snprintf(item, sizeof(item), ",%d", (int)positions[i].partition)
                        : snprintf(item, sizeof(item), "%s%.249s:%d", i ? " " : "", positions[i].topic,
                                   (int)positions[i].partition);
        if (length + (size_t)size + sizeof("...") > LIST_TEXT) {
            memcpy(text + length, "...", sizeof("..."));
            break;
        }
        memcpy(text + length, item, (size_t)size + 1);
        length += (size_t)size;
    }
    return text;
}

size_t membership_partition_count(const struct shard *shard)
{
    size_t count = 0;
    struct partition *partition;
    TAILQ_FOREACH(partition, &shard->partitions, link)
    {
        count++;
    }
    return count;
}

/* Topics of which we have a partition: in a group most members have some of each. */
void membership_count_all_partitions(struct shard *shard)
{
    enum { TIMEOUT_MS = 1000 };
    int64_t total = 0;
    struct partition *partition, *before;
    shard->partitions_counted = true;
    TAILQ_FOREACH(partition, &shard->partitions, link)
    {
        for (before = TAILQ_FIRST(&shard->partitions); strcmp(before->topic, partition->topic) != 0;)
            before = TAILQ_NEXT(before, link);
        int count = before == partition ? consumer_partition_count(shard->consumer, partition->topic, TIMEOUT_MS) : 0;
        if (count < 0) {
            shard->partitions_counted = false;
            return;
        }
        total += count;
    }
    atomic_store(&shard->topic_partitions, total);
}

void membership_on_assign(void *context, const struct kafka_position *positions, size_t count)
{
    struct shard *shard = context;
    shard->epoch++;
    metrics_add(shard->metrics, METRIC_REBALANCES, 1);
    shard->partitions_counted = false;
    for (size_t i = 0; i < count; i++)
        add_partition(shard, &positions[i]);
    size_t total = membership_partition_count(shard);
    metrics_set(shard->metrics, METRIC_PARTITIONS, total);
    char list[LIST_TEXT];
    log_write(LOG_INFO, "assigned", "partitions assigned", LOG_STR("shard", shard->name), LOG_INT("partitions", count),
              LOG_STR("list", list_text(positions, count, list)), LOG_INT("total", total),
              LOG_INT("epoch", shard->epoch), LOG_END);
}

/* ---- revocation ---- */

/* Takes out of a leaving partition what has not been sent; what is on its way stays for now. */
static void drop_queued(struct shard *shard, struct partition *partition)
{
    struct work *work;
    TAILQ_FOREACH(work, &partition->works, partition_link)
    {
        for (size_t i = 0; i < work->unit_count; i++) {
            struct unit *unit = &work->units[i];
            if (unit->state == UNIT_ENDED || unit->state == UNIT_IN_FLIGHT)
                continue;
            dispatch_drop(shard->dispatch, unit);
            work->abandoned = true;
            work->units_left--;
        }
    }
}

/* On its way: a call or a delivery. What sleeps until its next attempt or waits at a closed gate is not. */
static bool is_moving(const struct work *work)
{
    if (work->reports_left)
        return true;
    for (size_t i = 0; i < work->unit_count; i++)
        if (work->units[i].state == UNIT_IN_FLIGHT || work->units[i].state == UNIT_READY ||
            work->units[i].state == UNIT_GATHERING)
            return true;
    return false;
}

static bool any_is_moving(struct partition *const *leaving, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct work *work;
        if (leaving[i])
            TAILQ_FOREACH(work, &leaving[i]->works, partition_link)
            {
                if (is_moving(work))
                    return true;
            }
    }
    return false;
}

/* What is on its way may still end well within half the session: then its offset is committed, not done again. */
static void await_moving(struct shard *shard, struct partition *const *leaving, size_t count)
{
    int64_t budget = shard->config->worker.drain_timeout_ms;
    if (budget > shard->config->kafka.session_timeout_ms / 2)
        budget = shard->config->kafka.session_timeout_ms / 2;
    int64_t deadline = steady_clock_ms() + budget;
    if (shard->draining && deadline > shard->drain_until_ms)
        deadline = shard->drain_until_ms; /* it has been waited for already */
    shard_listen(shard, false);
    while (any_is_moving(leaving, count) && steady_clock_ms() < deadline) {
        loop_turn(shard->loop, 20);
        atomic_store(&shard->turned_ms, steady_clock_ms());
        shard_is_member(shard);
    }
}

static void forget_partition(struct shard *shard, struct partition *partition)
{
    TAILQ_REMOVE(&shard->partitions, partition, link);
    TAILQ_INSERT_TAIL(&shard->gone, partition, link);
    partition->gone = true;
    if (TAILQ_EMPTY(&partition->works)) {
        shard_partition_release(shard, partition);
        return;
    }
    /* forgetting the last work frees the partition, so the next one is looked up before */
    for (struct work *work = TAILQ_FIRST(&partition->works), *next; work; work = next) {
        next = TAILQ_NEXT(work, partition_link);
        pipeline_forget(shard, work);
    }
}

void membership_forget_all(struct shard *shard)
{
    commits_drop_begun(shard);
    while (!TAILQ_EMPTY(&shard->partitions))
        forget_partition(shard, TAILQ_FIRST(&shard->partitions));
}

void membership_release_all(struct shard *shard)
{
    membership_forget_all(shard);
    while (!TAILQ_EMPTY(&shard->gone)) /* releasing the last work takes the partition out of the list */
        work_release(shard, TAILQ_FIRST(&TAILQ_FIRST(&shard->gone)->works));
}

void membership_on_revoke(void *context, const struct kafka_position *positions, size_t count, bool lost)
{
    struct shard *shard = context;
    struct partition **leaving = calloc(count + 1, sizeof(struct partition *));
    if (!leaving) {
        shard->failed = true;
        return;
    }
    shard->in_revoke = true;
    shard->epoch++;
    commits_drop_begun(shard);
    for (size_t i = 0; i < count; i++) {
        leaving[i] = shard_partition(shard, positions[i].topic, positions[i].partition);
        if (leaving[i]) {
            leaving[i]->leaving = true;
            drop_queued(shard, leaving[i]);
        }
    }
    if (!lost) {
        await_moving(shard, leaving, count);
        commits_finish_some(shard, leaving, count);
    }
    size_t unfinished = 0;
    for (size_t i = 0; i < count; i++)
        if (leaving[i]) {
            unfinished += offsets_unfinished(leaving[i]->offsets);
            forget_partition(shard, leaving[i]);
        }
    free(leaving);
    shard->in_revoke = false;
    shard_listen(shard, true);
    size_t total = membership_partition_count(shard);
    metrics_set(shard->metrics, METRIC_PARTITIONS, total);
    char list[LIST_TEXT];
    log_write(lost ? LOG_WARN : LOG_INFO, lost ? "lost" : "revoked",
              lost ? "partitions lost: another member may own them already, so nothing is committed"
                   : "partitions given back",
              LOG_STR("shard", shard->name), LOG_INT("partitions", count),
              LOG_STR("list", list_text(positions, count, list)), LOG_INT("left", total),
              LOG_INT("unfinished", unfinished), LOG_INT("epoch", shard->epoch), LOG_END);
}
