/* Random histories of two workers over one Redis, or a Cluster of three: partitions move while batches overlap, workers
 * are killed, values change under them, servers pause, hang and are killed. However it goes, every record comes out
 * with the outcome of a slow model, and the store holds the model's values.
 *
 *     test_recall_history [--seed N] [--histories N] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

#include "tests/unit/recall_world.h"
#include "worker/recall_batch.h"

enum { WORKERS = 2, RECORDS = 1200, STEPS = 2500 };

static uint64_t first_seed;
static unsigned histories = 6;

struct history {
    struct world world;
    struct redis_servers *servers;
    struct world_worker workers[WORKERS];
    unsigned owner[WORLD_PARTITIONS];
    unsigned moved, killed, disturbed, troubles;
    bool hangs, holds; /* server 0 does; it answers gets, and lets puts wait */
    uint64_t conflicts;
};

static size_t random_batch(struct history *history)
{
    return 1 + world_random(&history->world, 20);
}

static void give(struct history *history, int partition, unsigned to)
{
    world_worker_revoke(&history->workers[history->owner[partition]], partition);
    history->owner[partition] = to;
    world_worker_assign(&history->workers[to], partition, world_random(&history->world, 6));
}

/* What it had goes to the other one, and it begins anew with nothing. */
static void kill_worker(struct history *history, unsigned which)
{
    history->conflicts += world_worker_metric(&history->workers[which], METRIC_STATE_CONFLICTS);
    world_worker_fini(&history->workers[which]);
    world_worker_init(&history->workers[which], &history->world, random_batch(history), "pause");
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        if (history->owner[i] == which) {
            history->owner[i] = 1 - which;
            world_worker_assign(&history->workers[1 - which], i, world_random(&history->world, 6));
        }
    history->killed++;
}

static void kill_server(struct history *history)
{
    size_t at = world_random(&history->world, (uint32_t)history->servers->count);
    redis_server_kill(history->servers, at);
    for (unsigned i = 0; i < WORKERS; i++)
        world_worker_turn_for(&history->workers[i], 20);
    redis_server_restart(history->servers, at);
    history->troubles++;
}

static void let_server_hang(struct history *history, bool hang)
{
    redis_server_stop_answering(history->servers, 0, hang);
    history->troubles += hang;
    history->hangs = hang;
}

static void let_puts_wait(struct history *history, bool wait)
{
    (void)redis_server_tell(history->servers, 0, wait ? "client pause 60000 write" : "client unpause");
    history->troubles += wait;
    history->holds = wait;
}

static void feed(struct history *history)
{
    struct world_worker *worker = &history->workers[world_random(&history->world, WORKERS)];
    for (uint32_t left = 1 + world_random(&history->world, 6); left; left--)
        world_worker_feed(worker, (int)world_random(&history->world, WORLD_PARTITIONS));
    if (world_random(&history->world, 2))
        recalls_close_batch(worker->loose.shard.recalls);
    if (world_random(&history->world, 4) == 0)
        worker->loose.shard.recalls->cautious = 0; /* conflicts come often here: they should meet what runs ahead */
}

static void step(struct history *history)
{
    struct world *world = &history->world;
    uint32_t dice = world_random(world, 1000);
    if (dice < 500) {
        feed(history);
    } else if (dice < 930) {
        world_worker_turn(&history->workers[world_random(world, WORKERS)], (int)world_random(world, 3));
    } else if (dice < 960) {
        give(history, (int)world_random(world, WORLD_PARTITIONS), world_random(world, WORKERS));
        history->moved++;
    } else if (dice < 966) {
        kill_worker(history, world_random(world, WORKERS));
    } else if (dice < 980 && !history->hangs && !history->holds) {
        history->disturbed += (unsigned)world_disturb(world, 2);
    } else if (dice < 992 && !history->hangs) {
        let_puts_wait(history, !history->holds);
    } else if (dice < 996 && !history->holds) {
        let_server_hang(history, !history->hangs);
    } else if (dice < 998 && !history->hangs && !history->holds) {
        kill_server(history);
    }
}

static size_t unfinished(const struct world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++)
        count += !world->records[i].acted;
    return count;
}

static void run_out(struct history *history)
{
    if (history->hangs)
        let_server_hang(history, false);
    if (history->holds)
        let_puts_wait(history, false);
    for (int rounds = 0; unfinished(&history->world); rounds++) {
        if (rounds > 20000)
            fail_msg("%zu records never come out", unfinished(&history->world));
        for (unsigned i = 0; i < WORKERS; i++) {
            world_worker_feed_all(&history->workers[i]);
            recalls_close_batch(history->workers[i].loose.shard.recalls);
            world_worker_turn(&history->workers[i], 2);
        }
    }
}

static void live(struct redis_servers *servers, uint64_t seed, const char *prefix)
{
    struct history history = {.servers = servers};
    world_init(&history.world, servers, prefix, seed, 1500);
    for (size_t i = 0; i < RECORDS; i++)
        world_add(&history.world);
    for (unsigned i = 0; i < WORKERS; i++)
        world_worker_init(&history.workers[i], &history.world, random_batch(&history), "pause");
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        history.owner[i] = (unsigned)i % WORKERS;
        world_worker_assign(&history.workers[history.owner[i]], i, 0);
    }
    for (int steps = 0; steps < STEPS && unfinished(&history.world); steps++)
        step(&history);
    run_out(&history);
    unsigned again = 0;
    for (size_t i = 0; i < history.world.count; i++)
        again += history.world.records[i].acted > 1;
    for (unsigned i = 0; i < WORKERS; i++)
        history.conflicts += world_worker_metric(&history.workers[i], METRIC_STATE_CONFLICTS);
    print_message("seed %llu: %u moved, %u killed, %u disturbed, %u troubles; %u came out again, %llu conflicts\n",
                  (unsigned long long)seed, history.moved, history.killed, history.disturbed, history.troubles, again,
                  (unsigned long long)history.conflicts);
    world_check(&history.world);
    for (unsigned i = 0; i < WORKERS; i++)
        world_worker_fini(&history.workers[i]);
    world_fini(&history.world);
}

static void live_often(size_t count, bool cluster)
{
    struct redis_servers servers;
    redis_servers_start(&servers, count, cluster, NULL);
    for (unsigned i = 0; i < histories; i++) {
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "h%u:", i);
        live(&servers, first_seed + i, prefix);
    }
    redis_servers_end(&servers);
}

static void over_one_server(void **state)
{
    (void)state;
    live_often(1, false);
}

static void over_a_cluster(void **state)
{
    (void)state;
    live_often(3, true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(over_one_server), cmocka_unit_test(over_a_cluster)};
    if (getrandom(&first_seed, sizeof(first_seed), 0) != sizeof(first_seed))
        return 1;
    first_seed %= 1000000;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            first_seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--histories") == 0)
            histories = (unsigned)strtoul(argv[i + 1], NULL, 10);
    }
    if (!redis_servers_are_installed()) {
        fprintf(stderr, "skipped: no redis-server (scripts/setup --test installs it)\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
