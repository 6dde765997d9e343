/* See commits_world.h. */
#include "tests/unit/commits_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/held_disk.h"
#include "tests/unit/state_log_kit.h"

bool __wrap_consumer_can_commit(const struct consumer *consumer);
enum wd_status __wrap_consumer_commit_async(struct consumer *consumer, const struct kafka_position *positions,
                                            size_t count, struct wd_error *err);
enum wd_status __wrap_consumer_commit_sync(struct consumer *consumer, const struct kafka_position *positions,
                                           size_t count, int timeout_ms, struct wd_error *err);

static struct commits_world *here;
static char topic[] = "events";

/* ---- in place of a broker ---- */

bool __wrap_consumer_can_commit(const struct consumer *consumer)
{
    (void)consumer;
    return here->can_commit;
}

static void note(const struct kafka_position *positions, size_t count, bool waited)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(here->sent_count < SENT_MAX);
        here->sent[here->sent_count++] = (struct sent){.waited = waited,
                                                       .partition = positions[i].partition,
                                                       .offset = positions[i].offset,
                                                       .syncs = disk_syncs_ended()};
        if (here->on_commit)
            here->on_commit(here->context, positions[i].offset);
    }
}

enum wd_status __wrap_consumer_commit_async(struct consumer *consumer, const struct kafka_position *positions,
                                            size_t count, struct wd_error *err)
{
    (void)consumer;
    if (here->refuses != WD_OK)
        return wd_fail(err, here->refuses, "refused");
    note(positions, count, false);
    return WD_OK;
}

enum wd_status __wrap_consumer_commit_sync(struct consumer *consumer, const struct kafka_position *positions,
                                           size_t count, int timeout_ms, struct wd_error *err)
{
    (void)consumer;
    (void)timeout_ms;
    (void)err;
    note(positions, count, true);
    return WD_OK;
}

void commits_answer(struct commits_world *world, enum wd_status status)
{
    assert_true(world->sent_count > 0);
    const struct sent *last = &world->sent[world->sent_count - 1];
    struct kafka_position position = {.topic = topic, .partition = last->partition, .offset = last->offset};
    commits_on_answer(&world->shard, status, "answer", &position, 1);
}

/* ---- the shard ---- */

void commits_world_open(struct commits_world *world, enum state_kind kind)
{
    struct shard *shard = &world->shard;
    struct wd_error err = {0};
    *world = (struct commits_world){.can_commit = true};
    here = world;
    world->config.worker.commit_interval_ms = 1;
    world->config.worker.commit_after_action_ms = 1;
    world->config.worker.max_partition_window = 1000;
    snprintf(shard->name, sizeof(shard->name), "commits");
    shard->config = &world->config;
    shard->uncommitted_since_ms = -1;
    TAILQ_INIT(&shard->partitions);
    TAILQ_INIT(&shard->gone);
    shard->loop = loop_new(&err);
    shard->metrics = metrics_new();
    assert_true(shard->loop && shard->metrics && shard_make_timers(shard));
    if (kind == STATE_NONE)
        return;
    struct state_options options = log_options(64 << 20, 8 << 20);
    options.kind = kind;
    options.max_bytes = kind == STATE_MEMORY ? 8 << 20 : options.max_bytes;
    if (state_share_open(&options, &world->share, &err) != WD_OK ||
        state_open(world->share, shard->loop, &shard->state, &err) != WD_OK)
        fail_msg("%s", err.text);
}

void commits_world_close(struct commits_world *world)
{
    struct shard *shard = &world->shard;
    membership_release_all(shard);
    state_close(shard->state);
    state_share_close(world->share);
    shard_free_timers(shard);
    loop_free(shard->loop);
    metrics_free(shard->metrics);
}

void commits_assign(struct commits_world *world, int32_t partition, int64_t position)
{
    struct kafka_position given = {.topic = topic, .partition = partition, .offset = position};
    membership_on_assign(&world->shard, &given, 1);
    assert_false(world->shard.failed);
}

void commits_revoke(struct commits_world *world, int32_t partition, bool lost)
{
    struct kafka_position taken = {.topic = topic, .partition = partition};
    membership_on_revoke(&world->shard, &taken, 1, lost);
    assert_false(world->shard.failed);
}

/* ---- records ---- */

static struct wd_str key_of(int32_t partition, char name[24])
{
    snprintf(name, 24, "p:%d", (int)partition);
    return wd_str_from(name);
}

/* Its value, which the caller frees; 0 and -1 where there is none. */
static struct commits_value get(struct state_store *store, int32_t partition, struct state_item *item, char name[24])
{
    struct commits_value value = {.seen = -1};
    struct wd_error err = {0};
    item->key = key_of(partition, name);
    if (state_get_now(store, item, 1, &err) != WD_OK)
        fail_msg("%s", err.text);
    if (item->value->len == sizeof(value))
        memcpy(&value, item->value->bytes, sizeof(value));
    return value;
}

struct commits_value commits_value_of(struct state_store *store, int32_t partition)
{
    char name[24];
    struct wd_value bytes = {0};
    struct state_item item = {.value = &bytes};
    struct commits_value value = get(store, partition, &item, name);
    free(bytes.bytes);
    return value;
}

/* As rules remember: a record that comes again changes nothing. */
static void remember(struct state_store *store, int32_t partition, int64_t offset)
{
    char name[24];
    struct wd_value bytes = {0}, changed = {0};
    struct wd_error err = {0};
    struct state_item item = {.value = &bytes};
    struct commits_value value = get(store, partition, &item, name);
    if (offset > value.seen) {
        value = (struct commits_value){.seen = offset, .sum = value.sum + 1};
        changed = (struct wd_value){.bytes = (unsigned char *)&value, .len = sizeof(value), .forget_at_ms = FAR};
        item.value = &changed;
        assert_int_equal(state_put_now(store, &item, 1, 1, &err), WD_OK);
        assert_false(item.conflict);
    }
    free(bytes.bytes);
}

void commits_take(struct commits_world *world, int32_t partition, int64_t first, int64_t count)
{
    struct partition *of = shard_partition(&world->shard, topic, partition);
    assert_non_null(of);
    for (int64_t offset = first; offset < first + count; offset++) {
        uint64_t ticket;
        assert_int_equal(offsets_deliver(of->offsets, offset, &ticket), OFFSETS_NEW);
        if (world->share)
            remember(world->shard.state, partition, offset);
        offsets_finish(of->offsets, ticket);
    }
}

void commits_turn_until_synced(struct commits_world *world)
{
    for (int i = 0; i < 2000 && world->shard.syncing; i++)
        loop_turn(world->shard.loop, 10);
    assert_false(world->shard.syncing);
}
