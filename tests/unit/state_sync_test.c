/* Syncs without waiting: several that ask share one; one that asks while the disk is at work is served by the next; a
 * failure is told to all who wait and heals; who closes waits for nothing. Neighbours: state_log_test.c,
 * commits_test.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/held_disk.h"
#include "tests/unit/state_log_kit.h"

struct asker {
    struct loop *loop;
    struct state_store *store;
    unsigned ended;
    enum wd_status status;
    char why[256];
};

static void on_end(void *context, enum wd_status status, const struct wd_error *err)
{
    struct asker *asker = context;
    asker->ended++;
    asker->status = status;
    snprintf(asker->why, sizeof(asker->why), "%.250s", status == WD_OK ? "" : err->text);
}

static void open_asker(struct asker *asker, struct state_share *share)
{
    struct wd_error err = {0};
    *asker = (struct asker){.loop = loop_new(&err)};
    assert_non_null(asker->loop);
    assert_int_equal(state_open(share, asker->loop, &asker->store, &err), WD_OK);
}

static void close_asker(struct asker *asker)
{
    state_close(asker->store);
    loop_free(asker->loop);
}

static void ask(struct asker *asker, unsigned key, uint32_t change)
{
    log_put(asker->store, key, change);
    state_sync_begin(asker->store, on_end, asker);
    assert_int_equal(asker->ended, 0);
}

static void turn_until_ended(struct asker *asker)
{
    for (int i = 0; i < 2000 && !asker->ended; i++)
        loop_turn(asker->loop, 10);
    assert_int_equal(asker->ended, 1);
}

static void one_sync_serves_all_that_asked_before_it_began(void **state)
{
    enum { ASKERS = 3 };
    (void)state;
    struct state_world world = {.options = log_options(64 << 20, 8 << 20)};
    struct asker askers[ASKERS];
    state_world_open(&world);
    for (unsigned i = 0; i < ASKERS; i++)
        open_asker(&askers[i], world.share);
    unsigned before = disk_syncs_begun();
    disk_hold();
    ask(&askers[0], 0, 1);
    disk_await_begun(before + 1);
    for (unsigned i = 1; i < ASKERS; i++)
        ask(&askers[i], i, 1);
    for (unsigned i = 0; i < ASKERS; i++) {
        loop_turn(askers[i].loop, 1);
        assert_int_equal(askers[i].ended, 0);
    }
    disk_release();
    for (unsigned i = 0; i < ASKERS; i++) {
        turn_until_ended(&askers[i]);
        assert_int_equal(askers[i].status, WD_OK);
    }
    assert_int_equal(disk_syncs_begun(), before + 2); /* the first one's, and one for both others */
    for (unsigned i = 0; i < ASKERS; i++)
        close_asker(&askers[i]);
    state_world_close(&world);
}

static void a_failure_is_told_to_all_and_heals(void **state)
{
    (void)state;
    struct state_world world = {.options = log_options(64 << 20, 8 << 20)};
    struct asker first, second;
    state_world_open(&world);
    open_asker(&first, world.share);
    open_asker(&second, world.share);
    disk_fail(ENOSPC);
    for (int again = 0; again < 3; again++) { /* also while the writer rests */
        ask(&first, 1, 1 + (uint32_t)again);
        turn_until_ended(&first);
        assert_int_equal(first.status, WD_ERR_IO);
        assert_non_null(strstr(first.why, log_folder));
        first.ended = 0;
    }
    ask(&second, 2, 1);
    turn_until_ended(&second);
    assert_int_equal(second.status, WD_ERR_IO);
    second.ended = 0;
    disk_release();
    state_sync_begin(second.store, on_end, &second); /* what could not be written is still to be */
    turn_until_ended(&second);
    assert_int_equal(second.status, WD_OK);
    unsigned syncs = disk_syncs_begun();
    state_sync_begin(first.store, on_end, &first);
    turn_until_ended(&first);
    assert_int_equal(first.status, WD_OK);
    assert_int_equal(disk_syncs_begun(), syncs); /* the other one's had it */
    close_asker(&first);
    close_asker(&second);
    state_world_close(&world);
    state_world_open(&world);
    struct log_counted counted = log_count_all(world.store);
    assert_int_equal(counted.values, 2);
    assert_true(counted.fine);
    state_world_close(&world);
}

/* The writer rests for a second after a failure; syncs have a pace of their own. */
static void a_sync_is_tried_again_while_the_writer_rests(void **state)
{
    enum { SYNCS = 20, REST_S = 1 };
    (void)state;
    struct state_world world = {.options = log_options(64 << 20, 8 << 20)};
    struct asker asker;
    struct timespec began, ended;
    state_world_open(&world);
    open_asker(&asker, world.share);
    disk_fail(EIO);
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (uint32_t i = 0; i < SYNCS; i++) {
        ask(&asker, 1, 1 + i * REMOVED_EVERY);
        turn_until_ended(&asker);
        assert_int_equal(asker.status, WD_ERR_IO);
        asker.ended = 0;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_true(ended.tv_sec - began.tv_sec < SYNCS * REST_S / 2);
    disk_release();
    close_asker(&asker);
    state_world_close(&world);
}

static void who_closes_waits_for_nothing(void **state)
{
    (void)state;
    struct state_world world = {.options = log_options(64 << 20, 8 << 20)};
    struct asker asker;
    state_world_open(&world);
    open_asker(&asker, world.share);
    unsigned before = disk_syncs_begun();
    disk_hold();
    ask(&asker, 0, 1);
    disk_await_begun(before + 1);
    unsigned ended = disk_syncs_ended();
    close_asker(&asker); /* while the disk is at work */
    assert_int_equal(asker.ended, 1);
    assert_int_equal(asker.status, WD_ERR_UNAVAILABLE);
    assert_int_equal(disk_syncs_ended(), ended);
    disk_release();
    state_world_close(&world);
    assert_int_equal(asker.ended, 1);
}

static void who_only_reads_has_nothing_to_wait_for(void **state)
{
    (void)state;
    struct state_world world = {.options = log_options(64 << 20, 8 << 20)};
    state_world_open(&world);
    log_put(world.store, 0, 1);
    state_world_close(&world);
    world.options.read_only = true;
    struct asker asker = {0};
    state_world_open(&world);
    state_sync_begin(world.store, on_end, &asker);
    assert_int_equal(asker.ended, 1);
    assert_int_equal(asker.status, WD_OK);
    state_world_close(&world);
}

static int begin_fast(void **state)
{
    disk_release();
    return log_make_folder(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_fast, log_remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(one_sync_serves_all_that_asked_before_it_began), TEST(a_failure_is_told_to_all_and_heals),
        TEST(a_sync_is_tried_again_while_the_writer_rests),   TEST(who_closes_waits_for_nothing),
        TEST(who_only_reads_has_nothing_to_wait_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
