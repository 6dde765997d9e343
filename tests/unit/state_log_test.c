/* The log of the LMDB store: cleaning keeps what counts, whoever reads meanwhile; a full disk loses nothing; another
 * format and damage are told. Neighbours: state_kill_test.c, state_lmdb_test.c. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include "tests/unit/state_log_kit.h"

/* ---- cleaning ---- */

/* Some keys are never touched again, while the log goes round many times. */
static void cleaning_keeps_what_is_not_touched(void **state)
{
    (void)state;
    enum { COLD = 800, HOT = 20, ROUNDS = 4000, SYNC_EVERY = 10 };
    struct state_world world = {.options = log_options(16 << 20, 512 << 10)};
    struct wd_error err = {0};
    struct state_size size;
    state_world_open(&world);
    for (unsigned key = 0; key < COLD; key++)
        log_put(world.store, key, 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned key = 0; key < HOT; key++)
            log_put(world.store, COLD + key, 1 + round * REMOVED_EVERY);
        if (round % SYNC_EVERY == 0)
            assert_int_equal(state_sync(world.store, &err), WD_OK);
    }
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    assert_false(log_has_file("log-0000000001"));
    for (int again = 0; again < 2; again++) {
        struct log_counted counted = log_count_all(world.store);
        assert_int_equal(counted.values, COLD + HOT);
        assert_true(counted.fine);
        state_size_of(world.store, &size);
        assert_int_equal(size.values, COLD + HOT);
        assert_int_equal(size.evicted + size.forgotten, 0);
        assert_true(size.bytes < 5 << 20); /* 0.7 MB of values, 2 MB of waste, a file that is partly clean */
        assert_true(log_folder_bytes() < 6 << 20);
        state_world_close(&world);
        state_world_open(&world);
    }
    state_world_close(&world);
}

static void a_removed_value_stays_removed_when_the_log_goes_round(void **state)
{
    (void)state;
    struct state_world world = {.options = log_options(8 << 20, 1 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    log_put(world.store, 1, 1);
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    for (unsigned round = 0; round < 6000; round++) {
        log_put(world.store, 2 + round % 50, 1 + round * REMOVED_EVERY);
        if (round == 1000)
            log_put(world.store, 1, REMOVED_EVERY);
        if (round % 50 == 0)
            assert_int_equal(state_sync(world.store, &err), WD_OK);
        if (round % 500 == 499) {
            state_world_close(&world);
            state_world_open(&world);
            assert_int_equal(log_count_all(world.store).values, round > 1000 ? 50 : 51);
        }
    }
    assert_false(log_has_file("log-0000000001"));
    state_world_close(&world);
}

static void what_is_removed_is_not_walked_over(void **state)
{
    (void)state;
    struct state_world world = {.options = log_options(64 << 20, 8 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    for (unsigned key = 0; key < 3; key++) {
        log_put(world.store, key, 1);
        assert_int_equal(state_sync(world.store, &err), WD_OK);
    }
    for (unsigned left = 2;; left--) { /* the first one is the first record of the whole log */
        log_put(world.store, 2 - left, REMOVED_EVERY);
        assert_int_equal(state_sync(world.store, &err), WD_OK);
        assert_int_equal(log_count_all(world.store).values, left);
        if (!left)
            break;
    }
    state_world_close(&world);
}

/* ---- a full disk ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_disk_that_takes_nothing_is_an_error_and_nothing_is_lost(void **state)
{
    (void)state;
    struct state_world world = {.options = log_options(64 << 20, 8 << 20)};
    struct wd_error err = {0};
    signal(SIGXFSZ, SIG_IGN);
    state_world_open(&world);
    log_put(world.store, 0, 1);
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    limit_files(64 << 10);
    for (unsigned key = 0; key < 400; key++)
        log_put(world.store, key, 2);
    assert_int_equal(state_sync(world.store, &err), WD_ERR_IO);
    assert_non_null(strstr(err.text, log_folder));
    for (unsigned key = 0; key < 100; key++)
        log_put(world.store, key, 3); /* in between they change */
    assert_int_equal(state_sync(world.store, &err), WD_ERR_IO);
    struct log_counted none = {.fine = true};
    assert_int_equal(state_each(world.store, log_count_one, &none, &err), WD_ERR_IO); /* walking syncs first */
    char *text = state_get_text(world.store, "k:7", NULL);
    assert_non_null(text);
    free(text);
    limit_files(RLIM_INFINITY);
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    state_world_close(&world);
    state_world_open(&world);
    struct log_counted counted = log_count_all(world.store);
    assert_int_equal(counted.values, 400);
    assert_true(counted.fine);
    state_world_close(&world);
}

/* ---- reading and walking while others write ---- */

struct disturber {
    struct state_share *share;
    atomic_bool stops;
    unsigned from, to;
};

static void *disturb(void *context)
{
    struct disturber *disturber = context;
    struct wd_error err = {0};
    struct loop *loop = loop_new(&err);
    struct state_store *store = NULL;
    assert_int_equal(state_open(disturber->share, loop, &store, &err), WD_OK);
    for (uint32_t round = 0; !atomic_load(&disturber->stops); round++) {
        for (unsigned key = disturber->from; key < disturber->to; key++)
            log_put(store, key, 1 + round * REMOVED_EVERY);
        assert_int_equal(state_sync(store, &err), WD_OK);
    }
    state_close(store);
    loop_free(loop);
    return NULL;
}

struct marks {
    bool seen[KEYS];
    unsigned twice;
};

static bool mark(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    struct marks *marks = context;
    unsigned number;
    (void)key;
    (void)len;
    (void)forget_at_ms;
    memcpy(&number, bytes, 4);
    marks->twice += marks->seen[number];
    marks->seen[number] = true;
    return true;
}

/* Most values come from the log, whose segments move and go meanwhile. */
static void reading_finds_everything_while_the_log_is_cleaned(void **state)
{
    (void)state;
    enum { STILL = 1000, READS = 100000 };
    struct state_world world = {.options = log_options(8 << 20, 200 << 10)};
    struct wd_error err = {0};
    struct wd_value value = {0};
    uint64_t random = 3;
    state_world_open(&world);
    for (unsigned key = 0; key < STILL; key++)
        log_put(world.store, key, 1);
    struct disturber disturber = {.share = world.share, .from = STILL, .to = KEYS};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, disturb, &disturber), 0);
    for (int i = 0; i < READS || log_has_file("log-0000000001"); i++) {
        char name[24];
        unsigned key = (unsigned)(log_random(&random) % STILL);
        snprintf(name, sizeof(name), "k:%u", key);
        struct state_item item = {.key = wd_str_from(name), .value = &value};
        assert_int_equal(state_get_now(world.store, &item, 1, &err), WD_OK);
        assert_int_equal(log_change_of(key, value.bytes, value.len), 1);
    }
    atomic_store(&disturber.stops, true);
    pthread_join(thread, NULL);
    free(value.bytes);
    state_world_close(&world);
}

static void a_walk_sees_what_does_not_change_once(void **state)
{
    (void)state;
    enum { STILL = 1000 };
    struct state_world world = {.options = log_options(8 << 20, 1 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    for (unsigned key = 0; key < STILL; key++)
        log_put(world.store, key, 1);
    struct disturber disturber = {.share = world.share, .from = STILL, .to = KEYS};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, disturb, &disturber), 0);
    for (int i = 0; i < 60; i++) {
        struct marks marks = {0};
        assert_int_equal(state_each(world.store, mark, &marks, &err), WD_OK);
        assert_int_equal(marks.twice, 0);
        for (unsigned key = 0; key < STILL; key++)
            assert_true(marks.seen[key]);
    }
    atomic_store(&disturber.stops, true);
    pthread_join(thread, NULL);
    state_world_close(&world);
}

/* ---- formats, damage ---- */

static void another_format_is_refused(void **state)
{
    (void)state;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi about;
    uint64_t newest = 5;
    MDB_val key = {.mv_size = 14, .mv_data = "newest_version"}, data = {.mv_size = 8, .mv_data = &newest};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 3), 0);
    assert_int_equal(mdb_env_open(env, log_folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "about", MDB_CREATE, &about), 0);
    assert_int_equal(mdb_put(txn, about, &key, &data, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    for (int read_only = 0; read_only < 2; read_only++) {
        struct state_options options = log_options(8 << 20, 1 << 20);
        struct state_share *share = NULL;
        struct wd_error err = {0};
        options.read_only = read_only;
        assert_int_equal(state_share_open(&options, &share, &err), WD_ERR_INVALID);
        assert_non_null(strstr(err.text, "another format"));
    }
}

static void a_log_that_is_cut_is_an_error(void **state)
{
    (void)state;
    struct state_world world = {.options = log_options(8 << 20, 1 << 20)};
    struct state_share *share = NULL;
    struct wd_error err = {0};
    char name[256];
    state_world_open(&world);
    for (unsigned key = 0; key < 50; key++)
        log_put(world.store, key, 1);
    state_world_close(&world);
    snprintf(name, sizeof(name), "%s/log-0000000001", log_folder);
    assert_int_equal(truncate(name, 1000), 0);
    assert_int_equal(state_share_open(&world.options, &share, &err), WD_ERR_IO);
    assert_non_null(strstr(err.text, log_folder));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(state_share_open(&world.options, &share, &err), WD_ERR_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, log_make_folder, log_remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(cleaning_keeps_what_is_not_touched),
        TEST(a_removed_value_stays_removed_when_the_log_goes_round),
        TEST(what_is_removed_is_not_walked_over),
        TEST(a_disk_that_takes_nothing_is_an_error_and_nothing_is_lost),
        TEST(reading_finds_everything_while_the_log_is_cleaned),
        TEST(a_walk_sees_what_does_not_change_once),
        TEST(another_format_is_refused),
        TEST(a_log_that_is_cut_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
