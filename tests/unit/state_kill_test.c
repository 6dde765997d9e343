/* The log of the LMDB store and processes that end: killed at any point it has every value that was synced, whole, and
 * nothing that was never put; a reader beside a writer sees one whole state. Neighbour: state_log_test.c. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/state_log_kit.h"

enum { BATCH = 60 };

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
    unsigned first = (unsigned)(log_random(random) % KEYS);
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
        value->len = log_value(key, change, value->bytes);
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
    struct state_world world = {.options = log_options(8 << 20, 1 << 20)};
    struct change_batch *batch = calloc(1, sizeof(*batch));
    struct wd_error err = {0};
    state_world_open(&world);
    for (;;) {
        choose(batch, &random);
        if (change_batch(world.store, batch, known, &err) != WD_OK ||
            (log_random(&random) % 4 == 0 && sync_and_note(world.store, known, &err) != WD_OK)) {
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
        uint32_t change = value.len ? log_change_of(key, value.bytes, value.len) : to / REMOVED_EVERY * REMOVED_EVERY;
        if (!value.len && !may_be_removed(from, to))
            fail_msg("key %u is gone; it had changes %u to %u", key, from, to);
        if (value.len && (change < from || change > to || !change))
            fail_msg("key %u has change %u, and not %u to %u", key, change, from, to);
        atomic_store(&known->put[key], change);
        atomic_store(&known->synced[key], change);
    }
    free(value.bytes);
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
        uint64_t seed = log_random(&random);
        pid_t child = fork();
        if (child == 0)
            change_until_killed(known, seed);
        await_syncs(known, 1 + (unsigned)(log_random(&random) % 4));
        usleep((useconds_t)(log_random(&random) % 15000));
        kill(child, SIGKILL);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct state_world world = {.options = log_options(8 << 20, 1 << 20)};
        state_world_open(&world);
        check_against(world.store, known);
        state_world_close(&world);
    }
    print_message("%u syncs between %d kills\n", atomic_load(&known->syncs), KILLS);
    assert_true(atomic_load(&known->syncs) > KILLS);
    assert_false(log_has_file("log-0000000001")); /* so there was cleaning, too */
    assert_true(log_folder_bytes() <= 8 << 20);
    munmap(known, sizeof(*known));
}

/* ---- beside a writer ---- */

static _Noreturn void write_until_killed(void)
{
    enum { HERE = 300 };
    struct state_world world = {.options = log_options(8 << 20, 1 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    for (unsigned round = 0;; round++) {
        for (unsigned key = 0; key < HERE; key++)
            log_put(world.store, key, 1 + round * REMOVED_EVERY);
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
        struct state_world world = {.options = log_options(8 << 20, 1 << 20)};
        world.options.read_only = true;
        state_world_open(&world);
        struct log_counted counted = log_count_all(world.store);
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
    assert_false(log_has_file("log-0000000001"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, log_make_folder, log_remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(a_kill_at_any_point_loses_nothing_that_was_synced),
        TEST(a_reader_sees_one_whole_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
