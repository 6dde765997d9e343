/* The log of the LMDB store: killed at any point it has every value that was synced, whole; cleaning keeps what counts;
 * a full disk loses nothing; a reader beside a writer sees one whole state. Neighbour: state_lmdb_test.c, what every
 * kind of store must do. */
#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include "tests/unit/state_cases.h"

enum { FAR = 2000000000, KEYS = 1500, BATCH = 60, SIZE_MOST = 1500, REMOVED_EVERY = 5 };

static char folder[128];

static struct state_options options_of(uint64_t max_bytes, uint64_t cache_bytes)
{
    return (struct state_options){
        .kind = STATE_LMDB, .path = folder, .max_bytes = max_bytes, .cache_bytes = cache_bytes, .grace_ms = 1000};
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/warden-log-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static uint64_t next_random(uint64_t *random)
{
    uint64_t z = *random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* ---- values that tell of themselves: change number `change` of key `key` ---- */

static uint32_t bytes_of(unsigned key, uint32_t change, unsigned char *out)
{
    uint64_t random = (uint64_t)key << 32 | change;
    uint32_t len = 8 + (uint32_t)(next_random(&random) % (SIZE_MOST - 8));
    memcpy(out, &key, 4);
    memcpy(out + 4, &change, 4);
    for (uint32_t i = 8; i < len; i++)
        out[i] = (unsigned char)(key * 31 + change * 7 + i);
    return change % REMOVED_EVERY == 0 ? 0 : len;
}

/* The change that a stored value is of; 0: it is not whole. */
static uint32_t change_of(unsigned key, const unsigned char *bytes, uint32_t len)
{
    unsigned char expected[SIZE_MOST];
    uint32_t change;
    if (len < 8)
        return 0;
    memcpy(&change, bytes + 4, 4);
    return bytes_of(key, change, expected) == len && memcmp(bytes, expected, len) == 0 ? change : 0;
}

/* What the parent knows of the process that it kills. */
struct knowledge {
    _Atomic uint32_t put[KEYS];    /* the newest change that may be there */
    _Atomic uint32_t synced[KEYS]; /* the oldest one that may */
    atomic_uint syncs;
};

struct change_batch {
    char names[BATCH][24];
    unsigned keys[BATCH];
    struct wd_value values[BATCH];
    struct state_item items[BATCH];
};

static void choose(struct change_batch *batch, uint64_t *random)
{
    unsigned first = (unsigned)(next_random(random) % KEYS);
    for (unsigned i = 0; i < BATCH; i++) {
        batch->keys[i] = (first + i * 7) % KEYS; /* distinct */
        snprintf(batch->names[i], sizeof(batch->names[i]), "k:%u", batch->keys[i]);
        batch->items[i] = (struct state_item){.key = wd_str_from(batch->names[i]), .value = &batch->values[i]};
    }
}

static enum wd_status change_batch(struct state_store *store, struct change_batch *batch, struct knowledge *known,
                                   struct wd_error *err)
{
    enum wd_status status = state_get_now(store, batch->items, BATCH, err);
    for (unsigned i = 0; status == WD_OK && i < BATCH; i++) {
        unsigned key = batch->keys[i];
        uint32_t change = atomic_load(&known->put[key]) + 1;
        struct wd_value *value = &batch->values[i];
        if (value->capacity < SIZE_MOST)
            value->bytes = realloc(value->bytes, value->capacity = SIZE_MOST);
        value->len = bytes_of(key, change, value->bytes);
        value->forget_at_ms = FAR;
        atomic_store(&known->put[key], change);
    }
    return status == WD_OK ? state_put_now(store, batch->items, BATCH, 1, err) : status;
}

static enum wd_status sync_and_note(struct state_store *store, struct knowledge *known, struct wd_error *err)
{
    enum wd_status status = state_sync(store, err);
    if (status != WD_OK)
        return status;
    for (unsigned key = 0; key < KEYS; key++)
        atomic_store(&known->synced[key], atomic_load(&known->put[key]));
    atomic_fetch_add(&known->syncs, 1);
    return WD_OK;
}

/* Never returns: it is killed. */
static _Noreturn void change_until_killed(struct knowledge *known, uint64_t random)
{
    struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
    struct change_batch *batch = calloc(1, sizeof(*batch));
    struct wd_error err = {0};
    state_world_open(&world);
    for (;;) {
        choose(batch, &random);
        if (change_batch(world.store, batch, known, &err) != WD_OK ||
            (next_random(&random) % 4 == 0 && sync_and_note(world.store, known, &err) != WD_OK)) {
            fprintf(stderr, "%s\n", err.text);
            _exit(3);
        }
    }
}

static bool may_be_removed(uint32_t from, uint32_t to)
{
    return to / REMOVED_EVERY * REMOVED_EVERY >= from; /* change 0: it was never there */
}

/* Reads everything; what is there now is what is known from now on. */
static void check_against(struct state_store *store, struct knowledge *known)
{
    struct wd_value value = {0};
    struct wd_error err = {0};
    for (unsigned key = 0; key < KEYS; key++) {
        char name[24];
        snprintf(name, sizeof(name), "k:%u", key);
        struct state_item item = {.key = wd_str_from(name), .value = &value};
        uint32_t from = atomic_load(&known->synced[key]), to = atomic_load(&known->put[key]);
        assert_int_equal(state_get_now(store, &item, 1, &err), WD_OK);
        uint32_t change = value.len ? change_of(key, value.bytes, value.len) : to / REMOVED_EVERY * REMOVED_EVERY;
        if (!value.len && !may_be_removed(from, to))
            fail_msg("key %u is gone; it had changes %u to %u", key, from, to);
        if (value.len && (change < from || change > to || !change))
            fail_msg("key %u has change %u, and not %u to %u", key, change, from, to);
        atomic_store(&known->put[key], change);
        atomic_store(&known->synced[key], change);
    }
    free(value.bytes);
}

static uint64_t folder_bytes(void)
{
    uint64_t bytes = 0;
    DIR *open = opendir(folder);
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open));) {
        char name[512];
        struct stat status;
        snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
        if (stat(name, &status) == 0 && S_ISREG(status.st_mode))
            bytes += (uint64_t)status.st_size;
    }
    closedir(open);
    return bytes;
}

static bool has_file(const char *file)
{
    char name[256];
    snprintf(name, sizeof(name), "%s/%s", folder, file);
    return access(name, F_OK) == 0;
}

static void await_syncs(struct knowledge *known, unsigned more)
{
    unsigned until = atomic_load(&known->syncs) + more;
    for (int ms = 0; ms < 10000 && atomic_load(&known->syncs) < until; ms++)
        usleep(1000);
}

static void a_kill_at_any_point_loses_nothing_that_was_synced(void **state)
{
    (void)state;
    enum { KILLS = 60 };
    uint64_t random = 11;
    struct knowledge *known = mmap(NULL, sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(known, MAP_FAILED);
    for (int i = 0; i < KILLS; i++) {
        uint64_t seed = next_random(&random);
        pid_t child = fork();
        if (child == 0)
            change_until_killed(known, seed);
        await_syncs(known, 1 + (unsigned)(next_random(&random) % 4));
        usleep((useconds_t)(next_random(&random) % 15000));
        kill(child, SIGKILL);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
        state_world_open(&world);
        check_against(world.store, known);
        state_world_close(&world);
    }
    print_message("%u syncs between %d kills\n", atomic_load(&known->syncs), KILLS);
    assert_true(atomic_load(&known->syncs) > KILLS);
    assert_false(has_file("log-0000000001")); /* so there was cleaning, too */
    assert_true(folder_bytes() <= 8 << 20);
    munmap(known, sizeof(*known));
}

/* ---- cleaning ---- */

static void put_key(struct state_store *store, unsigned key, uint32_t change)
{
    unsigned char bytes[SIZE_MOST];
    char name[24];
    struct wd_value found = {0};
    struct wd_error err = {0};
    snprintf(name, sizeof(name), "k:%u", key);
    struct state_item item = {.key = wd_str_from(name), .value = &found};
    assert_int_equal(state_get_now(store, &item, 1, &err), WD_OK);
    struct wd_value value = {.bytes = bytes, .len = bytes_of(key, change, bytes), .forget_at_ms = FAR};
    item.value = &value;
    assert_int_equal(state_put_now(store, &item, 1, 1, &err), WD_OK);
    assert_false(item.conflict);
    free(found.bytes);
}

struct counted {
    unsigned values;
    bool fine;
};

static bool count_one(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    struct counted *counted = context;
    unsigned number = (unsigned)strtoul(key.data + 2, NULL, 10); /* behind the key comes the value: no digit */
    memcpy(&number, bytes, len < 4 ? 0 : 4);
    counted->values++;
    counted->fine &= forget_at_ms == FAR && change_of(number, bytes, (uint32_t)len) > 0;
    return true;
}

static struct counted count_all(struct state_store *store)
{
    struct counted counted = {.fine = true};
    struct wd_error err = {0};
    assert_int_equal(state_each(store, count_one, &counted, &err), WD_OK);
    return counted;
}

/* Some keys are never touched again, while the log goes round many times. */
static void cleaning_keeps_what_is_not_touched(void **state)
{
    (void)state;
    enum { COLD = 800, HOT = 20, ROUNDS = 4000, SYNC_EVERY = 10 };
    struct state_world world = {.options = options_of(16 << 20, 512 << 10)};
    struct wd_error err = {0};
    struct state_size size;
    state_world_open(&world);
    for (unsigned key = 0; key < COLD; key++)
        put_key(world.store, key, 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned key = 0; key < HOT; key++)
            put_key(world.store, COLD + key, 1 + round * REMOVED_EVERY);
        if (round % SYNC_EVERY == 0)
            assert_int_equal(state_sync(world.store, &err), WD_OK);
    }
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    assert_false(has_file("log-0000000001"));
    for (int again = 0; again < 2; again++) {
        struct counted counted = count_all(world.store);
        assert_int_equal(counted.values, COLD + HOT);
        assert_true(counted.fine);
        state_size_of(world.store, &size);
        assert_int_equal(size.values, COLD + HOT);
        assert_int_equal(size.evicted + size.forgotten, 0);
        assert_true(size.bytes < 5 << 20); /* 0.7 MB of values, 2 MB of waste, a file that is partly clean */
        assert_true(folder_bytes() < 6 << 20);
        state_world_close(&world);
        state_world_open(&world);
    }
    state_world_close(&world);
}

static void a_removed_value_stays_removed_when_the_log_goes_round(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    put_key(world.store, 1, 1);
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    for (unsigned round = 0; round < 6000; round++) {
        put_key(world.store, 2 + round % 50, 1 + round * REMOVED_EVERY);
        if (round == 1000)
            put_key(world.store, 1, REMOVED_EVERY);
        if (round % 50 == 0)
            assert_int_equal(state_sync(world.store, &err), WD_OK);
        if (round % 500 == 499) {
            state_world_close(&world);
            state_world_open(&world);
            assert_int_equal(count_all(world.store).values, round > 1000 ? 50 : 51);
        }
    }
    assert_false(has_file("log-0000000001"));
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
    struct state_world world = {.options = options_of(64 << 20, 8 << 20)};
    struct wd_error err = {0};
    signal(SIGXFSZ, SIG_IGN);
    state_world_open(&world);
    put_key(world.store, 0, 1);
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    limit_files(64 << 10);
    for (unsigned key = 0; key < 400; key++)
        put_key(world.store, key, 2);
    assert_int_equal(state_sync(world.store, &err), WD_ERR_IO);
    assert_non_null(strstr(err.text, folder));
    for (unsigned key = 0; key < 100; key++)
        put_key(world.store, key, 3); /* in between they change */
    assert_int_equal(state_sync(world.store, &err), WD_ERR_IO);
    struct counted none = {.fine = true};
    assert_int_equal(state_each(world.store, count_one, &none, &err), WD_ERR_IO); /* walking syncs first */
    char *text = state_get_text(world.store, "k:7", NULL);
    assert_non_null(text);
    free(text);
    limit_files(RLIM_INFINITY);
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    state_world_close(&world);
    state_world_open(&world);
    struct counted counted = count_all(world.store);
    assert_int_equal(counted.values, 400);
    assert_true(counted.fine);
    state_world_close(&world);
}

/* ---- beside a writer ---- */

static _Noreturn void write_until_killed(void)
{
    enum { HERE = 300 };
    struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    for (unsigned round = 0;; round++) {
        for (unsigned key = 0; key < HERE; key++)
            put_key(world.store, key, 1 + round * REMOVED_EVERY);
        if (state_sync(world.store, &err) != WD_OK)
            _exit(3);
    }
}

static void a_reader_sees_one_whole_state(void **state)
{
    (void)state;
    enum { LOOKS = 150, HERE = 300 };
    pid_t child = fork();
    if (child == 0)
        write_until_killed();
    usleep(300000);
    for (int i = 0; i < LOOKS; i++) {
        struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
        world.options.read_only = true;
        state_world_open(&world);
        struct counted counted = count_all(world.store);
        assert_int_equal(counted.values, HERE);
        assert_true(counted.fine);
        char *text = state_get_text(world.store, "k:7", NULL);
        assert_non_null(text);
        free(text);
        state_world_close(&world);
    }
    int status = 0;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_false(has_file("log-0000000001"));
}

/* ---- walking while others write ---- */

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
            put_key(store, key, 1 + round * REMOVED_EVERY);
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

static void a_walk_sees_what_does_not_change_once(void **state)
{
    (void)state;
    enum { STILL = 1000 };
    struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    for (unsigned key = 0; key < STILL; key++)
        put_key(world.store, key, 1);
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
    assert_int_equal(mdb_env_open(env, folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "about", MDB_CREATE, &about), 0);
    assert_int_equal(mdb_put(txn, about, &key, &data, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    for (int read_only = 0; read_only < 2; read_only++) {
        struct state_options options = options_of(8 << 20, 1 << 20);
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
    struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
    struct state_share *share = NULL;
    struct wd_error err = {0};
    char name[256];
    state_world_open(&world);
    for (unsigned key = 0; key < 50; key++)
        put_key(world.store, key, 1);
    state_world_close(&world);
    snprintf(name, sizeof(name), "%s/log-0000000001", folder);
    assert_int_equal(truncate(name, 1000), 0);
    assert_int_equal(state_share_open(&world.options, &share, &err), WD_ERR_IO);
    assert_non_null(strstr(err.text, folder));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(state_share_open(&world.options, &share, &err), WD_ERR_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(a_kill_at_any_point_loses_nothing_that_was_synced),
        TEST(cleaning_keeps_what_is_not_touched),
        TEST(a_removed_value_stays_removed_when_the_log_goes_round),
        TEST(a_disk_that_takes_nothing_is_an_error_and_nothing_is_lost),
        TEST(a_reader_sees_one_whole_state),
        TEST(a_walk_sees_what_does_not_change_once),
        TEST(another_format_is_refused),
        TEST(a_log_that_is_cut_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
