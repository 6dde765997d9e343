/* See recall_world.h: workers, and the store seen from the side. Neighbour: recall_world.c. */
#include "tests/unit/recall_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* ---- a worker ---- */

static void on_act(void *context, const struct passage *passage)
{
    struct world_worker *worker = context;
    struct world *world = worker->world;
    struct holding *holding = (struct holding *)passage->partition;
    struct world_record *record = &world->records[world->at[passage->partition->number][passage->record->offset]];
    char outcome[OUTCOME_MAX];
    world->disorder += passage->record->offset <= holding->acted;
    holding->acted = passage->record->offset;
    world_write_outcome(&passage->events, passage->verdicts, outcome);
    record->acted++;
    record->strange += strcmp(outcome, record->expected) != 0;
    if (passage->events.count && passage->verdicts[0].without_state)
        record->without_state++;
    else if (strcmp(outcome, record->expected) != 0)
        print_message("partition %d offset %lld: %s instead of %s\n", record->partition, (long long)record->offset,
                      outcome, record->expected);
}

void world_worker_init(struct world_worker *worker, struct world *world, size_t batch, const char *on_failure)
{
    *worker = (struct world_worker){.world = world};
    worker->loose.config.worker.event_memory = 1 << 20;
    worker->loose.config.state.batch = (int64_t)batch;
    worker->loose.config.state.on_failure = (char *)on_failure;
    worker->loose.on_act = on_act;
    worker->loose.context = worker;
    loose_shard_init(&worker->loose, world->share, world->set);
}

void world_worker_fini(struct world_worker *worker)
{
    loose_shard_fini(&worker->loose);
    while (worker->all) {
        struct holding *holding = worker->all;
        worker->all = holding->next;
        assert_int_equal(holding->partition.recalling, 0); /* nothing refers to it */
        free(holding);
    }
}

void world_worker_assign(struct world_worker *worker, int partition, unsigned again)
{
    struct world *world = worker->world;
    struct holding *holding = calloc(1, sizeof(*holding));
    int64_t position = 0;
    while (position < world->ends[partition] && world->records[world->at[partition][position]].acted)
        position++;
    position = position > again ? position - again : 0;
    holding->position = position;
    holding->acted = position - 1;
    holding->partition.topic = (char *)WORLD_TOPIC;
    holding->partition.number = partition;
    holding->next = worker->all;
    worker->all = worker->held[partition] = holding;
}

void world_worker_revoke(struct world_worker *worker, int partition)
{
    if (worker->held[partition])
        worker->held[partition]->partition.gone = true;
    worker->held[partition] = NULL;
}

bool world_worker_feed(struct world_worker *worker, int partition)
{
    struct world *world = worker->world;
    struct holding *holding = worker->held[partition];
    if (!holding || holding->position >= world->ends[partition] || !recalls_have_room(worker->loose.shard.recalls))
        return false;
    const struct world_record *from = &world->records[world->at[partition][holding->position++]];
    struct kafka_record record = {.topic = (char *)WORLD_TOPIC,
                                  .partition = partition,
                                  .offset = from->offset,
                                  .timestamp_ms = from->timestamp_ms,
                                  .value = wd_str_from(from->json)};
    assert_true(loose_shard_take(&worker->loose, &holding->partition, &record, NULL, NULL));
    return true;
}

size_t world_worker_feed_all(struct world_worker *worker)
{
    struct world *world = worker->world;
    size_t fed = 0;
    for (size_t i = 0; i < world->count; i++) {
        const struct world_record *record = &world->records[i];
        struct holding *holding = worker->held[record->partition];
        if (!holding || holding->position != record->offset)
            continue;
        if (!world_worker_feed(worker, record->partition))
            break;
        fed++;
    }
    return fed;
}

void world_worker_turn(struct world_worker *worker, int max_wait_ms)
{
    loop_turn(worker->loose.shard.loop, max_wait_ms);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void world_worker_turn_for(struct world_worker *worker, long ms)
{
    int64_t end = now_ms() + ms;
    while (now_ms() < end && !recalls_are_idle(worker->loose.shard.recalls))
        world_worker_turn(worker, 10);
}

void world_worker_turn_until(struct world_worker *worker, enum metric metric, uint64_t value)
{
    enum { LONGEST_MS = 30000 };
    int64_t end = now_ms() + LONGEST_MS;
    while (world_worker_metric(worker, metric) != value && now_ms() < end)
        world_worker_turn(worker, 10);
    assert_int_equal(world_worker_metric(worker, metric), value);
}

void world_worker_run_to_end(struct world_worker *worker)
{
    enum { LONGEST_MS = 60000 };
    int64_t end = now_ms() + LONGEST_MS;
    do {
        world_worker_feed_all(worker);
        recalls_close_batch(worker->loose.shard.recalls);
        world_worker_turn(worker, 10);
        if (now_ms() > end)
            fail_msg("%zu records wait without an end: %s", recalls_waiting(worker->loose.shard.recalls),
                     recalls_problem(worker->loose.shard.recalls));
    } while (!recalls_are_idle(worker->loose.shard.recalls) || world_worker_feed_all(worker));
}

uint64_t world_worker_metric(const struct world_worker *worker, enum metric metric)
{
    return metrics_get(worker->loose.shard.metrics, metric);
}

/* ---- the store, from the side ---- */

struct walk {
    struct world *world;
    struct state_store *store;
    unsigned one_in;
    size_t disturbed, compared, strange;
};

static bool disturb(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    (void)bytes;
    (void)len;
    (void)forget_at_ms;
    struct walk *walk = context;
    struct wd_value value = {0};
    struct state_item item = {.key = key, .value = &value};
    struct wd_error err = {0};
    if (world_random(walk->world, walk->one_in) != 0)
        return true;
    if (state_get_now(walk->store, &item, 1, &err) == WD_OK && value.len &&
        state_put_now(walk->store, &item, 1, WORLD_START_MS, &err) == WD_OK)
        walk->disturbed += !item.conflict;
    free(value.bytes);
    return true;
}

static bool compare(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    struct walk *walk = context;
    const struct wd_value *expected = wd_value_table_get(walk->world->table, key);
    walk->compared++;
    if (expected->len == len && memcmp(expected->bytes, bytes, len) == 0 && expected->forget_at_ms == forget_at_ms)
        return true;
    walk->strange++;
    print_message("%.*s has %zu bytes, the model's %u\n", (int)key.len, key.data, len, expected->len);
    return true;
}

static struct walk walk_store(struct world *world, state_each_fn *each, unsigned one_in, bool must)
{
    struct wd_error err = {0};
    struct walk walk = {.world = world, .one_in = one_in};
    struct loop *loop = loop_new(&err);
    enum wd_status status = loop ? state_open(world->share, loop, &walk.store, &err) : err.status;
    if (status == WD_OK)
        status = state_each(walk.store, each, &walk, &err);
    if (status != WD_OK && must)
        fail_msg("%s", err.text);
    state_close(walk.store);
    loop_free(loop);
    return walk;
}

size_t world_disturb(struct world *world, unsigned one_in)
{
    return walk_store(world, disturb, one_in, false).disturbed;
}

/* Authors and reporters by name: each that has a value in the model has one in the store. */
static size_t count_in_model(struct world *world, const char *form, unsigned first_below, unsigned second_below)
{
    size_t count = 0;
    for (unsigned first = 0; first < first_below; first++)
        for (unsigned second = 0; second < second_below; second++) {
            char key[64];
            int length = snprintf(key, sizeof(key), form, first, second);
            count += wd_value_table_get(world->table, (struct wd_str){.data = key, .len = (size_t)length})->len > 0;
        }
    return count;
}

void world_check(struct world *world)
{
    unsigned strange = 0, missing = 0;
    for (size_t i = 0; i < world->count; i++) {
        strange += world->records[i].strange;
        missing += world->records[i].acted == 0;
    }
    assert_int_equal(missing, 0);
    assert_int_equal(strange, 0);
    assert_int_equal(world->disorder, 0);
    struct walk walk = walk_store(world, compare, 1, true);
    assert_int_equal(walk.strange, 0);
    assert_true(walk.compared >= count_in_model(world, "a:u-%u", WORLD_AUTHORS, 1) +
                                     count_in_model(world, "a:r-%u-%u", WORLD_PARTITIONS, WORLD_REPORTERS));
}
