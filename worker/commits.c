/* Committing what is finished. Read commits_start() first. Neighbours: offsets.c says what may be committed,
 * worker/kafka does it, worker/state/ brings to the disk what finished records have changed, membership.c says when
 * partitions go.
 *
 * What always holds:
 * - Only what offsets.c released is committed, and only when the disk has what all records at or below it have changed:
 *   what a commit tells is noted before the sync that it waits for is begun, and is what is committed when that has
 *   ended well. What is finished meanwhile goes with the next one. A sync that fails commits nothing.
 * - One after the other: nothing is begun before the sync and the commit before it have ended, so commits of a
 * partition never go backwards.
 * - What waits for the disk when partitions leave is dropped, all of it: a commit that was noted in one ownership is
 *   never sent in another. Whoever waits (at revocations, at the end) notes anew what is finished. */
#include <stdlib.h>

#include "worker/log.h"
#include "worker/mutation.h"
#include "worker/shard_parts.h"
#include "worker/state/state.h"

enum { COMMIT_TIMEOUT_MS = 5000, DRAIN_COMMIT_MS = 50, SLOW_SYNC_MS = 3000 };

/* ---- what a commit tells ---- */

/* And the texts that it points to; topics are those of the partitions. */
struct commit {
    struct kafka_position *positions;
    char (*metadata)[OFFSETS_METADATA_MAX + 1];
    size_t count;
    bool hurries; /* it tells of an action */
};

static void commit_free(struct commit *commit)
{
    if (!commit)
        return;
    free(commit->positions);
    free(commit->metadata);
    free(commit);
}

/* NULL: no memory. */
static struct commit *commit_new(size_t room)
{
    struct commit *commit = calloc(1, sizeof(*commit));
    if (!commit)
        return NULL;
    *commit = (struct commit){.positions = calloc(room + 1, sizeof(*commit->positions)),
                              .metadata = malloc((room + 1) * sizeof(*commit->metadata))};
    if (commit->positions && commit->metadata)
        return commit;
    commit_free(commit);
    return NULL;
}

static void commit_add(struct commit *commit, struct partition *partition)
{
    uint64_t version = offsets_version(partition->offsets);
    if (offsets_position(partition->offsets) < 0 || version == partition->committed_version)
        return;
    offsets_metadata(partition->offsets, commit->metadata[commit->count]);
    int64_t position = offsets_position(partition->offsets);
    if (MUTATED(MUTATION_COMMIT_TOO_FAR) && offsets_unfinished(partition->offsets) > 0)
        position++;
    commit->positions[commit->count] = (struct kafka_position){.topic = partition->topic,
                                                               .partition = partition->number,
                                                               .offset = position,
                                                               .metadata = commit->metadata[commit->count]};
    commit->count++;
    partition->asked_version = version;
}

/* Of everything that is finished. NULL: no memory. */
static struct commit *commit_of_all(struct shard *shard)
{
    struct commit *commit = commit_new(membership_partition_count(shard));
    struct partition *partition;
    if (commit)
        TAILQ_FOREACH(partition, &shard->partitions, link)
        {
            commit_add(commit, partition);
        }
    return commit;
}

bool commits_are_done(const struct shard *shard)
{
    struct partition *partition;
    TAILQ_FOREACH(partition, &shard->partitions, link)
    {
        if (offsets_version(partition->offsets) != partition->committed_version)
            return false;
    }
    return true;
}

/* ---- the group's answer ---- */

static void note_commit(struct shard *shard, enum wd_status status, const char *text,
                        const struct kafka_position *positions, size_t count)
{
    metrics_add(shard->metrics, status == WD_OK ? METRIC_COMMITS : METRIC_COMMIT_FAILURES, 1);
    if (status != WD_OK) {
        log_write(LOG_WARN, "commit-failed", "offsets could not be committed; this is tried again",
                  LOG_STR("shard", shard->name), LOG_STR("error", text), LOG_END);
        return;
    }
    if (shard->uncommitted_since_ms >= 0)
        shard->uncommitted_since_ms = shard_now_ms(shard);
    for (size_t i = 0; i < count; i++) {
        struct partition *partition = shard_partition(shard, positions[i].topic, positions[i].partition);
        if (partition)
            partition->committed_version = partition->asked_version;
    }
}

void commits_on_answer(void *context, enum wd_status status, const char *text, const struct kafka_position *positions,
                       size_t count)
{
    struct shard *shard = context;
    shard->commit_pending = false;
    note_commit(shard, status, text, positions, count);
    if (shard->draining && shard->state && status == WD_OK) /* what was finished during the sync */
        loop_timer_arm(shard->commit_timer, DRAIN_COMMIT_MS);
}

/* ---- the disk ---- */

static void note_sync(struct shard *shard, enum wd_status status, const struct wd_error *err)
{
    if (status == WD_OK) {
        if (state_kind_of(shard->state) == STATE_LMDB)
            metrics_observe(shard->metrics, HISTOGRAM_STATE_SYNC_SECONDS,
                            (double)((int64_t)steady_clock_ns(NULL) - shard->syncing_since_ns) / 1e9);
        return;
    }
    metrics_add(shard->metrics, METRIC_STATE_FAILURES, 1);
    log_write(LOG_ERROR, "state-not-synced", "what is remembered cannot be written: no offset is committed until it is",
              LOG_STR("shard", shard->name), LOG_STR("error", err->text), LOG_END);
}

/* Waits for the disk, also where a sync is under way that was begun without waiting. */
static bool sync_and_wait(struct shard *shard)
{
    struct wd_error err = {0};
    if (!shard->state)
        return true;
    shard->syncing_since_ns = (int64_t)steady_clock_ns(NULL);
    enum wd_status status = state_sync(shard->state, &err);
    note_sync(shard, status, &err);
    return status == WD_OK;
}

/* The shard goes on, so that nothing else would tell of a disk that hangs. Once a sync. */
static void tell_slow_sync(struct shard *shard)
{
    int64_t took_ms = ((int64_t)steady_clock_ns(NULL) - shard->syncing_since_ns) / 1000000;
    if (shard->slow_sync_told || took_ms < SLOW_SYNC_MS)
        return;
    shard->slow_sync_told = true;
    log_write(LOG_WARN, "state-sync-slow",
              "the disk with what is remembered is slow: events are judged, and no offset is committed until it has it",
              LOG_STR("shard", shard->name), LOG_INT("since_ms", took_ms), LOG_END);
}

/* ---- without waiting ---- */

/* Takes the commit. */
static void send_commit(struct shard *shard, struct commit *commit)
{
    struct wd_error err = {0};
    enum wd_status status = consumer_commit_async(shard->consumer, commit->positions, commit->count, &err);
    shard->commit_pending = status == WD_OK;
    if (status == WD_ERR_UNAVAILABLE && commit->hurries)
        shard_hurry_commit(shard); /* members have joined during the sync: as soon as they have */
    else if (status != WD_OK && status != WD_ERR_UNAVAILABLE)
        note_commit(shard, status, err.text, commit->positions, commit->count);
    commit_free(commit);
}

static void on_synced(void *context, enum wd_status status, const struct wd_error *err)
{
    struct shard *shard = context;
    struct commit *commit = shard->begun;
    shard->syncing = false;
    shard->begun = NULL;
    if (!commit) /* it was dropped */
        return;
    note_sync(shard, status, err);
    if (status == WD_OK)
        send_commit(shard, commit);
    else
        commit_free(commit);
}

void commits_start(struct shard *shard)
{
    if (shard->syncing)
        tell_slow_sync(shard);
    if (shard->commit_pending || shard->syncing || shard->in_revoke || !consumer_can_commit(shard->consumer))
        return;
    bool hurries = shard->commit_hurries;
    shard->commit_hurries = false;
    struct commit *commit = commits_are_done(shard) ? NULL : commit_of_all(shard);
    if (!commit || !commit->count) {
        commit_free(commit);
        return;
    }
    commit->hurries = hurries;
    if (!shard->state) {
        send_commit(shard, commit);
        return;
    }
    shard->begun = commit;
    shard->syncing = true;
    shard->slow_sync_told = false;
    shard->syncing_since_ns = (int64_t)steady_clock_ns(NULL);
    state_sync_begin(shard->state, on_synced, shard);
}

void commits_drop_begun(struct shard *shard)
{
    struct commit *commit = shard->begun;
    shard->begun = NULL;
    if (commit && commit->hurries)
        shard_hurry_commit(shard);
    commit_free(commit);
}

/* ---- with waiting ---- */

static void commit_and_wait(struct shard *shard, const struct commit *commit)
{
    struct wd_error err = {0};
    if (!commit->count || !sync_and_wait(shard))
        return;
    enum wd_status status =
        consumer_commit_sync(shard->consumer, commit->positions, commit->count, COMMIT_TIMEOUT_MS, &err);
    note_commit(shard, status, err.text, commit->positions, commit->count);
}

void commits_finish_all(struct shard *shard)
{
    commits_drop_begun(shard);
    struct commit *commit = commits_are_done(shard) ? NULL : commit_of_all(shard);
    if (commit)
        commit_and_wait(shard, commit);
    commit_free(commit);
}

void commits_finish_some(struct shard *shard, struct partition *const *partitions, size_t count)
{
    struct commit *commit = commit_new(count);
    if (!commit)
        return;
    for (size_t i = 0; i < count; i++)
        if (partitions[i])
            commit_add(commit, partitions[i]);
    commit_and_wait(shard, commit);
    commit_free(commit);
}
