/* What goes before a commit. The shard goes on while the disk is at work; what is committed is what was finished before
 * the disk began; a failure commits nothing; nothing is sent for partitions that have gone meanwhile; and whoever is
 * killed in between finds at least what he has committed. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/held_disk.h"
#include "tests/unit/commits_world.h"
#include "tests/unit/state_log_kit.h"

static void expect_sent(const struct commits_world *world, size_t number, bool waited, int32_t partition,
                        int64_t offset)
{
    assert_true(number < world->sent_count);
    assert_int_equal(world->sent[number].waited, waited);
    assert_int_equal(world->sent[number].partition, partition);
    assert_int_equal(world->sent[number].offset, offset);
}

/* Until the disk has begun with what a commit of `count` records rests on. */
static void begin_held(struct commits_world *world, int32_t partition, int64_t count)
{
    unsigned begun = disk_syncs_begun();
    commits_take(world, partition, 0, count);
    disk_hold();
    commits_start(&world->shard);
    disk_await_begun(begun + 1);
    assert_int_equal(world->sent_count, 0);
    assert_true(world->shard.syncing);
}

static void a_shard_goes_on_while_the_disk_is_at_work(void **state)
{
    (void)state;
    struct commits_world world;
    commits_world_open(&world, STATE_LMDB);
    commits_assign(&world, 3, 0);
    begin_held(&world, 3, 5);
    unsigned ended = disk_syncs_ended();
    for (int64_t offset = 5; offset < 9; offset++) {
        commits_take(&world, 3, offset, 1);
        loop_turn(world.shard.loop, 1);
        commits_start(&world.shard); /* one at a time */
    }
    assert_int_equal(disk_syncs_ended(), ended);
    assert_int_equal(world.sent_count, 0);
    disk_release();
    commits_turn_until_synced(&world);
    assert_int_equal(world.sent_count, 1);
    expect_sent(&world, 0, false, 3, 5); /* and nothing of what was finished meanwhile */
    assert_true(world.sent[0].syncs > ended);
    commits_start(&world.shard); /* the answer is not there */
    assert_false(world.shard.syncing);
    commits_answer(&world, WD_OK);
    assert_false(commits_are_done(&world.shard));
    commits_start(&world.shard);
    commits_turn_until_synced(&world);
    expect_sent(&world, 1, false, 3, 9);
    assert_true(world.sent[1].syncs > world.sent[0].syncs);
    commits_answer(&world, WD_OK);
    assert_true(commits_are_done(&world.shard));
    commits_world_close(&world);
}

static void a_disk_that_takes_nothing_commits_nothing(void **state)
{
    static const int CODES[] = {ENOSPC, EIO};
    (void)state;
    struct commits_world world;
    commits_world_open(&world, STATE_LMDB);
    commits_assign(&world, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        commits_take(&world, 0, i, 1);
        disk_fail(CODES[i]);
        commits_start(&world.shard);
        commits_turn_until_synced(&world);
        assert_int_equal(world.sent_count, 0);
        assert_int_equal(metrics_get(world.shard.metrics, METRIC_STATE_FAILURES), i + 1);
        assert_false(commits_are_done(&world.shard));
        commits_finish_all(&world.shard); /* nor who waits */
        assert_int_equal(world.sent_count, 0);
        metrics_set(world.shard.metrics, METRIC_STATE_FAILURES, i + 1);
    }
    disk_release();
    commits_start(&world.shard);
    commits_turn_until_synced(&world);
    assert_int_equal(world.sent_count, 1);
    expect_sent(&world, 0, false, 0, 2);
    commits_world_close(&world);
    struct state_world reader = {.options = log_options(64 << 20, 8 << 20)};
    state_world_open(&reader);
    assert_int_equal(commits_value_of(reader.store, 0).sum, 2);
    state_world_close(&reader);
}

/* ---- partitions go ---- */

static void *release_later(void *context)
{
    (void)context;
    usleep(30000);
    disk_release();
    return NULL;
}

static void turn_for_a_while(struct commits_world *world)
{
    commits_turn_until_synced(world);
    for (int i = 0; i < 20; i++)
        loop_turn(world->shard.loop, 2);
}

/* What was noted for the earlier ownership would set the group back. */
static void a_revocation_waits_and_drops_what_was_begun(void **state)
{
    (void)state;
    struct commits_world world;
    pthread_t thread;
    commits_world_open(&world, STATE_LMDB);
    commits_assign(&world, 0, 0);
    begin_held(&world, 0, 5);
    commits_take(&world, 0, 5, 3);
    unsigned ended = disk_syncs_ended();
    assert_int_equal(pthread_create(&thread, NULL, release_later, NULL), 0);
    commits_revoke(&world, 0, false);
    pthread_join(thread, NULL);
    assert_int_equal(world.sent_count, 1);
    expect_sent(&world, 0, true, 0, 8);
    assert_true(world.sent[0].syncs >= ended + 2); /* the one that was under way, and one for the last three */
    commits_assign(&world, 0, 8);
    turn_for_a_while(&world);
    assert_int_equal(world.sent_count, 1);
    commits_world_close(&world);
}

static void a_loss_commits_nothing_of_what_was_begun(void **state)
{
    (void)state;
    struct commits_world world;
    commits_world_open(&world, STATE_LMDB);
    commits_assign(&world, 0, 0);
    begin_held(&world, 0, 5);
    commits_revoke(&world, 0, true);
    commits_assign(&world, 0, 2); /* the owner in between has come so far */
    disk_release();
    turn_for_a_while(&world);
    assert_int_equal(world.sent_count, 0);
    commits_world_close(&world);
}

static void what_stays_is_committed_with_the_next_one(void **state)
{
    (void)state;
    struct commits_world world;
    commits_world_open(&world, STATE_LMDB);
    commits_assign(&world, 0, 0);
    commits_assign(&world, 1, 0);
    commits_take(&world, 1, 0, 4);
    world.shard.commit_hurries = true;
    begin_held(&world, 0, 5);
    assert_false(world.shard.commit_hurries);
    commits_revoke(&world, 0, true);
    assert_true(world.shard.commit_hurries); /* and its timer runs */
    disk_release();
    turn_for_a_while(&world);
    assert_int_equal(world.sent_count, 1);
    expect_sent(&world, 0, false, 1, 4);
    commits_world_close(&world);
}

/* Then a commit is turned away; it goes when they have joined. */
static void members_join_during_the_sync(void **state)
{
    (void)state;
    struct commits_world world;
    commits_world_open(&world, STATE_LMDB);
    commits_assign(&world, 0, 0);
    world.shard.commit_hurries = true;
    begin_held(&world, 0, 5);
    world.refuses = WD_ERR_UNAVAILABLE;
    world.can_commit = false;
    disk_release();
    turn_for_a_while(&world);
    assert_int_equal(world.sent_count, 0);
    assert_true(world.shard.commit_hurries);
    assert_int_equal(metrics_get(world.shard.metrics, METRIC_COMMIT_FAILURES), 0);
    world.refuses = WD_OK;
    world.can_commit = true;
    turn_for_a_while(&world);
    assert_int_equal(world.sent_count, 1);
    expect_sent(&world, 0, false, 0, 5);
    commits_world_close(&world);
}

static void the_end_waits_and_drops_what_was_begun(void **state)
{
    (void)state;
    struct commits_world world;
    pthread_t thread;
    commits_world_open(&world, STATE_LMDB);
    commits_assign(&world, 0, 0);
    begin_held(&world, 0, 5);
    commits_take(&world, 0, 5, 1);
    assert_int_equal(pthread_create(&thread, NULL, release_later, NULL), 0);
    commits_finish_all(&world.shard);
    pthread_join(thread, NULL);
    turn_for_a_while(&world);
    assert_int_equal(world.sent_count, 1);
    expect_sent(&world, 0, true, 0, 6);
    assert_true(commits_are_done(&world.shard));
    commits_world_close(&world);
}

static void without_a_disk_nothing_waits(void **state)
{
    static const enum state_kind KINDS[] = {STATE_NONE, STATE_MEMORY};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct commits_world world;
        commits_world_open(&world, KINDS[i]);
        commits_assign(&world, 0, 0);
        commits_take(&world, 0, 0, 5);
        disk_hold();
        commits_start(&world.shard);
        assert_int_equal(world.sent_count, 1); /* before the call has returned */
        expect_sent(&world, 0, false, 0, 5);
        disk_release();
        commits_world_close(&world);
    }
}

/* ---- killed in between ---- */

struct knowledge {
    _Atomic int64_t committed;
    atomic_uint commits;
};

static void note_committed(void *context, int64_t offset)
{
    struct knowledge *known = context;
    atomic_store(&known->committed, offset);
    atomic_fetch_add(&known->commits, 1);
}

static _Noreturn void work_until_killed(struct knowledge *known)
{
    struct commits_world world;
    int64_t next = atomic_load(&known->committed);
    disk_delay(3000);
    commits_world_open(&world, STATE_LMDB);
    world.on_commit = note_committed;
    world.context = known;
    commits_assign(&world, 0, next);
    for (;;) {
        commits_take(&world, 0, next, 20);
        next += 20;
        commits_start(&world.shard);
        loop_turn(world.shard.loop, 1);
        if (world.sent_count)
            commits_answer(&world, WD_OK);
        world.sent_count = 0;
    }
}

static void whoever_is_killed_finds_what_he_has_committed(void **state)
{
    (void)state;
    enum { KILLS = 40 };
    uint64_t random = 5;
    struct knowledge *known = mmap(NULL, sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(known, MAP_FAILED);
    for (int i = 0; i < KILLS; i++) {
        unsigned commits = atomic_load(&known->commits);
        pid_t child = fork();
        if (child == 0)
            work_until_killed(known);
        for (int ms = 0; ms < 20000 && atomic_load(&known->commits) < commits + 2; ms++)
            usleep(1000);
        usleep((useconds_t)(log_random(&random) % 5000));
        int status = 0;
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct state_world reader = {.options = log_options(64 << 20, 8 << 20)};
        state_world_open(&reader);
        struct commits_value value = commits_value_of(reader.store, 0);
        if (value.seen < atomic_load(&known->committed) - 1)
            fail_msg("%lld is committed, and what is remembered ends with %lld",
                     (long long)atomic_load(&known->committed), (long long)value.seen);
        assert_int_equal(value.sum, value.seen + 1); /* each once */
        state_world_close(&reader);
    }
    print_message("%u commits between %d kills\n", atomic_load(&known->commits), KILLS);
    munmap(known, sizeof(*known));
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
        TEST(a_shard_goes_on_while_the_disk_is_at_work),     TEST(a_disk_that_takes_nothing_commits_nothing),
        TEST(a_revocation_waits_and_drops_what_was_begun),   TEST(a_loss_commits_nothing_of_what_was_begun),
        TEST(what_stays_is_committed_with_the_next_one),     TEST(members_join_during_the_sync),
        TEST(the_end_waits_and_drops_what_was_begun),        TEST(without_a_disk_nothing_waits),
        TEST(whoever_is_killed_finds_what_he_has_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
