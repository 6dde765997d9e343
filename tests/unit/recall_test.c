/* Batches that overlap, over a Redis of the test's own: what runs ahead while another is stored, and what becomes of it
 * where something comes between. Each case ends with the outcomes and the values of a slow model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/recall_world.h"
#include "worker/recall_batch.h"

enum { BATCH = 4, TIMEOUT_MS = 30000 };

static struct redis_servers one, three;

static void nap(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Two authors write all of it, so that all batches are about the same values; one of them of partition 0, one of 1. */
static void add_messages(struct world *world, size_t count)
{
    for (size_t i = 0; i < count; i++)
        world_add_message(world, world->count % 2, i % 3 ? "the same words by me again and again" : "hideme please");
}

static void assign_all(struct world_worker *worker)
{
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        world_worker_assign(worker, i, 0);
}

/* Puts wait in the server, gets are answered. */
static void hold_puts(struct redis_servers *servers, bool hold)
{
    for (size_t i = 0; i < servers->count; i++)
        assert_true(redis_server_tell(servers, i, hold ? "client pause 60000 write" : "client unpause"));
}

/* The connection stands and the first batch is through. */
static void warm_up(struct world *world, struct world_worker *worker)
{
    add_messages(world, BATCH);
    assign_all(worker);
    world_worker_run_to_end(worker);
}

static size_t acted(const struct world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++)
        count += world->records[i].acted;
    return count;
}

struct scene {
    struct world world;
    struct world_worker worker;
};

static void begin(struct scene *scene, struct redis_servers *servers, const char *prefix, const char *on_failure)
{
    world_init(&scene->world, servers, prefix, 1, TIMEOUT_MS);
    world_worker_init(&scene->worker, &scene->world, BATCH, on_failure);
    warm_up(&scene->world, &scene->worker);
}

static void end(struct scene *scene)
{
    world_worker_fini(&scene->worker);
    world_fini(&scene->world);
}

/* Three batches on their way: the first one's put waits in the server, the second one is judged, the third recalled. */
static void three_under_way(struct scene *scene, struct redis_servers *servers)
{
    add_messages(&scene->world, (size_t)3 * BATCH);
    hold_puts(servers, true);
    assert_int_equal(world_worker_feed_all(&scene->worker), 3 * BATCH);
    world_worker_turn_for(&scene->worker, 300);
    assert_int_equal(world_worker_metric(&scene->worker, METRIC_STATE_BATCHES), 4);
    assert_int_equal(world_worker_metric(&scene->worker, METRIC_EVENTS),
                     3 * BATCH);                   /* those of warm_up() and two more */
    assert_int_equal(acted(&scene->world), BATCH); /* and only they are acted on */
}

static void one_is_stored_while_the_next_is_judged(struct redis_servers *servers, const char *prefix)
{
    struct scene scene;
    begin(&scene, servers, prefix, "pause");
    three_under_way(&scene, servers);
    hold_puts(servers, false);
    world_worker_run_to_end(&scene.worker);
    assert_int_equal(acted(&scene.world), 4 * BATCH);
    assert_int_equal(world_worker_metric(&scene.worker, METRIC_STATE_CONFLICTS), 0); /* each knows what the last made */
    assert_int_equal(world_worker_metric(&scene.worker, METRIC_EVENTS_REPEATED), 0);
    world_check(&scene.world);
    end(&scene);
}

static void batches_overlap(void **state)
{
    (void)state;
    one_is_stored_while_the_next_is_judged(&one, "overlap:");
}

static void batches_overlap_in_a_cluster(void **state)
{
    (void)state;
    one_is_stored_while_the_next_is_judged(&three, "overlap:");
}

static void a_conflict_sends_back_what_ran_ahead(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one, "conflict:", "pause");
    size_t records = BATCH;
    for (int tries = 0; world_worker_metric(&scene.worker, METRIC_STATE_CONFLICTS) < 2 && tries < 20; tries++) {
        add_messages(&scene.world, (size_t)3 * BATCH);
        records += (size_t)3 * BATCH;
        assert_int_equal(world_worker_feed_all(&scene.worker), 3 * BATCH); /* gets of all three are sent */
        nap(100);                                                          /* and answered, on most machines */
        assert_true(world_disturb(&scene.world, 1) >= 2);
        world_worker_run_to_end(&scene.worker);
        scene.worker.loose.shard.recalls->cautious = 0; /* it may run ahead again */
    }
    assert_true(world_worker_metric(&scene.worker, METRIC_STATE_CONFLICTS) >= 2);
    assert_int_equal(world_worker_metric(&scene.worker, METRIC_EVENTS), records); /* counted once */
    assert_int_equal(acted(&scene.world), records);
    world_check(&scene.world);
    end(&scene);
}

static void conflicts_again_and_again(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one, "again:", "pause");
    add_messages(&scene.world, (size_t)40 * BATCH);
    for (int round = 0; acted(&scene.world) < 41 * BATCH && round < 2000; round++) {
        world_worker_feed_all(&scene.worker);
        if (round % 5 == 0)
            world_disturb(&scene.world, 2);
        world_worker_turn(&scene.worker, 1);
    }
    world_worker_run_to_end(&scene.worker);
    assert_true(world_worker_metric(&scene.worker, METRIC_STATE_CONFLICTS) > 5);
    world_check(&scene.world);
    end(&scene);
}

static void a_store_that_dies_in_between(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one, "dies:", "pause");
    three_under_way(&scene, &one);
    redis_server_kill(&one, 0);
    world_worker_turn_until(&scene.worker, METRIC_STATE_DOWN, 1);
    assert_true(recalls_are_held(scene.worker.loose.shard.recalls));
    assert_int_equal(acted(&scene.world), BATCH);
    redis_server_restart(&one, 0);
    world_worker_run_to_end(&scene.worker);
    assert_false(recalls_are_held(scene.worker.loose.shard.recalls));
    assert_int_equal(world_worker_metric(&scene.worker, METRIC_STATE_DOWN), 0);
    assert_int_equal(world_worker_metric(&scene.worker, METRIC_EVENTS), 4 * BATCH);
    world_check(&scene.world);
    end(&scene);
}

/* What was put is stored after all, when nobody waits for the answer any more. */
static void an_answer_that_never_comes(void **state)
{
    (void)state;
    struct scene scene;
    world_init(&scene.world, &one, "late:", 1, 400);
    world_worker_init(&scene.worker, &scene.world, BATCH, "pause");
    warm_up(&scene.world, &scene.worker);
    add_messages(&scene.world, (size_t)3 * BATCH);
    world_worker_feed_all(&scene.worker);
    nap(100);
    redis_server_stop_answering(&one, 0, true);
    world_worker_turn_until(&scene.worker, METRIC_STATE_DOWN, 1); /* its put is in the socket */
    redis_server_stop_answering(&one, 0, false);
    world_worker_run_to_end(&scene.worker);
    world_check(&scene.world);
    end(&scene);
}

static void partitions_leave_in_between(void **state)
{
    (void)state;
    struct scene scene;
    struct world_worker next;
    begin(&scene, &one, "leave:", "pause");
    three_under_way(&scene, &one);
    world_worker_init(&next, &scene.world, BATCH, "pause");
    world_worker_revoke(&scene.worker, 0);
    world_worker_assign(&next, 0, 0); /* reads what is not finished again, before the puts are through */
    world_worker_feed_all(&next);
    world_worker_turn_for(&next, 100);
    hold_puts(&one, false);
    while (!recalls_are_idle(scene.worker.loose.shard.recalls) || !recalls_are_idle(next.loose.shard.recalls)) {
        recalls_close_batch(next.loose.shard.recalls);
        world_worker_turn(&scene.worker, 5);
        world_worker_turn(&next, 5);
    }
    for (size_t i = 0; i < scene.world.count; i++)
        assert_int_equal(scene.world.records[i].acted, 1); /* what has gone was left to the other one */
    world_worker_run_to_end(&next);
    world_check(&scene.world);
    world_worker_fini(&next);
    end(&scene);
}

static void a_worker_that_is_killed(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one, "killed:", "pause");
    three_under_way(&scene, &one);
    world_worker_fini(&scene.worker);
    hold_puts(&one, false);
    world_worker_init(&scene.worker, &scene.world, BATCH, "pause");
    assign_all(&scene.worker);
    world_worker_run_to_end(&scene.worker);
    world_check(&scene.world);
    end(&scene);
}

/* The values of a reporter are named by the value of a content, which the batch before has just made. */
static void values_that_only_values_name(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one, "further:", "pause");
    for (unsigned i = 0; i < BATCH; i++)
        world_add_report(&scene.world, i % 2, i % 3);
    world_add_approval(&scene.world, 0);
    world_add_approval(&scene.world, 1);
    add_messages(&scene.world, 2);
    for (unsigned i = 0; i < BATCH; i++)
        world_add_report(&scene.world, i % 2, i % 3);
    hold_puts(&one, true);
    assert_int_equal(world_worker_feed_all(&scene.worker), 3 * BATCH);
    world_worker_turn_until(&scene.worker, METRIC_EVENTS, 2 * BATCH);
    world_worker_turn_for(&scene.worker, 100); /* the reporters are asked for, behind the put that waits */
    assert_int_equal(world_worker_metric(&scene.worker, METRIC_EVENTS), 2 * BATCH);
    hold_puts(&one, false);
    world_worker_run_to_end(&scene.worker);
    assert_int_equal(world_worker_metric(&scene.worker, METRIC_STATE_CONFLICTS), 0);
    world_check(&scene.world);
    end(&scene);
}

static void with_skip_nothing_waits(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one, "skip:", "skip");
    three_under_way(&scene, &one);
    redis_server_kill(&one, 0);
    world_worker_run_to_end(&scene.worker);
    unsigned without = 0;
    for (size_t i = 0; i < scene.world.count; i++) {
        assert_int_equal(scene.world.records[i].acted, 1);
        without += scene.world.records[i].without_state;
    }
    assert_int_equal(without, 3 * BATCH); /* what was judged ahead rested on values that are not there */
    assert_int_equal(world_worker_metric(&scene.worker, METRIC_STATE_DOWN), 1);
    assert_int_equal(scene.world.disorder, 0);
    redis_server_restart(&one, 0);
    for (int tries = 0; world_worker_metric(&scene.worker, METRIC_STATE_DOWN) && tries < 100; tries++) {
        add_messages(&scene.world, 1);
        world_worker_run_to_end(&scene.worker);
        nap(100);
    }
    add_messages(&scene.world, (size_t)3 * BATCH);
    world_worker_run_to_end(&scene.worker);
    for (size_t i = scene.world.count - (size_t)3 * BATCH; i < scene.world.count; i++)
        assert_int_equal(scene.world.records[i].without_state, 0);
    end(&scene);
}

static void memory_answers_at_once(void **state)
{
    (void)state;
    struct world world;
    struct world_worker worker;
    world_init(&world, NULL, "", 3, TIMEOUT_MS);
    world_worker_init(&worker, &world, 7, "pause");
    assign_all(&worker);
    for (int i = 0; i < 500; i++)
        world_add(&world);
    world_worker_run_to_end(&worker);
    world_check(&world);
    world_worker_fini(&worker);
    world_fini(&world);
}

static int start_servers(void **state)
{
    (void)state;
    redis_servers_start(&one, 1, false, NULL);
    redis_servers_start(&three, 3, true, NULL);
    return 0;
}

static int end_servers(void **state)
{
    (void)state;
    redis_servers_end(&one);
    redis_servers_end(&three);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_answers_at_once),       cmocka_unit_test(batches_overlap),
        cmocka_unit_test(batches_overlap_in_a_cluster), cmocka_unit_test(a_conflict_sends_back_what_ran_ahead),
        cmocka_unit_test(conflicts_again_and_again),    cmocka_unit_test(a_store_that_dies_in_between),
        cmocka_unit_test(an_answer_that_never_comes),   cmocka_unit_test(partitions_leave_in_between),
        cmocka_unit_test(a_worker_that_is_killed),      cmocka_unit_test(values_that_only_values_name),
        cmocka_unit_test(with_skip_nothing_waits),
    };
    if (!redis_servers_are_installed()) {
        fprintf(stderr, "skipped: no redis-server (scripts/setup --test installs it)\n");
        return 77;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, start_servers, end_servers);
}
