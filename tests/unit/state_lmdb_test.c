/* The store in an LMDB environment: the common cases, and what it keeps over the end of a process. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/state_cases.h"

enum { FAR = 2000000000 };

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
    strcpy(folder, "/tmp/warden-state-XXXXXX");
    assert_non_null(mkdtemp(folder));
    strcat(folder, "/deep/below"); /* made by the store */
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char *end = strstr(folder, "/deep");
    *end = '\0';
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define CASE(name)                                                                                                     \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        struct state_world world = {.options = options_of(1 << 28, 1 << 24)};                                          \
        state_world_open(&world);                                                                                      \
        state_case_##name(&world);                                                                                     \
        state_world_close(&world);                                                                                     \
    }

CASE(keeps_values)
CASE(tells_conflicts)
CASE(removes)
CASE(takes_any_bytes)
CASE(equals_a_model)
CASE(counts_across_threads)
CASE(counts_quotas)
CASE(walks)

/* The table holds a fraction of what is kept: most values come from the environment. */
static void equals_a_model_with_a_small_cache(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(1 << 28, 200 << 10)};
    state_world_open(&world);
    state_case_equals_a_model(&world);
    state_case_counts_across_threads(&world);
    state_world_close(&world);
}

static void expect(struct state_world *world, const char *key, const char *text)
{
    char *found = state_get_text(world->store, key, NULL);
    if (text)
        assert_string_equal(found ? found : "(nothing)", text);
    else
        assert_null(found);
    free(found);
}

static void note_count(void *context, enum wd_status status, int64_t amount)
{
    assert_int_equal(status, WD_OK);
    *(int64_t *)context = amount;
}

static void keeps_over_a_restart(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(1 << 26, 1 << 22)};
    state_world_open(&world);
    uint64_t version = state_put_text(world.store, "a:anna", "one", 0, FAR, 1, NULL);
    uint64_t gone = state_put_text(world.store, "a:bert", "two", 0, FAR, 1, NULL);
    struct wd_error err = {0};
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    state_put_text(world.store, "a:bert", "", gone, FAR, 1, NULL);
    int64_t amount = 0;
    state_count(world.store, wd_str_from("q:ban"), 5, 600000, note_count, &amount);
    state_world_close(&world);
    state_world_open(&world);
    expect(&world, "a:anna", "one");
    expect(&world, "a:bert", NULL);
    state_count(world.store, wd_str_from("q:ban"), 1, 600000, note_count, &amount);
    assert_int_equal(amount, 6);
    uint64_t next = state_put_text(world.store, "a:anna", "three", version, FAR, 1, NULL);
    assert_true(next > gone); /* a version is never given twice */
    state_world_close(&world);
}

/* Ends without a word, as a kill does. */
static void run_and_die(void)
{
    struct state_world world = {.options = options_of(1 << 26, 1 << 22)};
    struct wd_error err = {0};
    state_world_open(&world);
    uint64_t version = state_put_text(world.store, "a:anna", "synced", 0, FAR, 1, NULL);
    if (state_sync(world.store, &err) != WD_OK)
        _exit(2);
    state_put_text(world.store, "a:anna", "not synced", version, FAR, 1, NULL);
    state_put_text(world.store, "a:bert", "not synced", 0, FAR, 1, NULL);
    _exit(0);
}

static void keeps_what_was_synced_over_a_kill(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        run_and_die();
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct state_world world = {.options = options_of(1 << 26, 1 << 22)};
    state_world_open(&world);
    expect(&world, "a:anna", "synced");
    expect(&world, "a:bert", NULL);
    state_world_close(&world);
}

static void is_one_process_s(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(1 << 26, 1 << 22)};
    state_world_open(&world);
    state_put_text(world.store, "a:anna", "one", 0, FAR, 1, NULL);
    struct wd_error err = {0};
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    struct state_share *second = NULL;
    assert_int_equal(state_share_open(&world.options, &second, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "another process"));
    state_world_close(&world);
    state_world_open(&world);
    expect(&world, "a:anna", "one");
    state_world_close(&world);
}

/* A command that looks, beside a worker. */
static void can_be_read_by_another_process(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(1 << 26, 1 << 22)};
    state_world_open(&world);
    state_put_text(world.store, "a:anna", "one", 0, FAR, 1, NULL);
    struct wd_error err = {0};
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    pid_t child = fork();
    if (child == 0) {
        struct state_world reader = {.options = world.options};
        reader.options.read_only = true;
        state_world_open(&reader);
        char *text = state_get_text(reader.store, "a:anna", NULL);
        _exit(text && strcmp(text, "one") == 0 ? 0 : 3);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    state_world_close(&world);
}

/* `count` values of `size` bytes; the status of the last call. */
static enum wd_status fill(struct state_world *world, unsigned first, unsigned count, uint32_t size,
                           int64_t forget_at_ms, int64_t now_ms, struct wd_error *err)
{
    enum { BATCH = 500 };
    static unsigned char bytes[8192];
    static char names[BATCH][40];
    struct wd_value values[BATCH];
    struct state_item items[BATCH];
    enum wd_status status = WD_OK;
    for (unsigned done = 0; done < count && status == WD_OK; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            snprintf(names[i], sizeof(names[i]), "a:%08x-%u", (first + done + i) * 2654435761u, first + done + i);
            values[i] = (struct wd_value){.bytes = bytes, .len = size, .forget_at_ms = forget_at_ms};
            items[i] = (struct state_item){.key = wd_str_from(names[i]), .value = &values[i]};
        }
        status = state_put_now(world->store, items, BATCH, now_ms, err);
        if (status == WD_OK)
            status = state_sync(world->store, err);
    }
    return status;
}

static uint64_t sum_of_files;

static int add_file(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)path;
    (void)where;
    sum_of_files += kind == FTW_F ? (uint64_t)status->st_size : 0;
    return 0;
}

static uint64_t file_bytes(void)
{
    sum_of_files = 0;
    assert_int_equal(nftw(folder, add_file, 16, FTW_PHYS), 0);
    return sum_of_files;
}

static void stays_within_its_bound(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    if (fill(&world, 0, 120000, 120, FAR, 1, &err) != WD_OK)
        fail_msg("%s", err.text);
    assert_true(file_bytes() <= world.options.max_bytes);
    struct state_size size;
    state_size_of(world.store, &size);
    print_message("%llu values in %llu bytes, %llu evicted\n", (unsigned long long)size.values,
                  (unsigned long long)size.bytes, (unsigned long long)size.evicted);
    assert_true(size.values > 8000);
    assert_true(size.evicted > 50000);
    state_world_close(&world);
}

static void drops_first_what_may_be_forgotten(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(8 << 20, 1 << 20)};
    world.options.grace_ms = 1 << 30;
    struct wd_error err = {0};
    state_world_open(&world);
    state_put_text(world.store, "a:dear", "old, but wanted", 0, FAR, 1, NULL);
    for (unsigned i = 0; i < 80; i++)
        if (fill(&world, i * 1500, 1500, 120, i * 10 + 20, i * 10, &err) != WD_OK)
            fail_msg("%s", err.text);
    struct state_size size;
    state_size_of(world.store, &size);
    assert_true(size.forgotten > 80000);
    assert_int_equal(size.evicted, 0);
    expect(&world, "a:dear", "old, but wanted");
    state_world_close(&world);
}

static void a_value_without_room_is_an_error_and_nothing_is_lost(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(1 << 20, 16 << 20)};
    struct wd_error err = {0};
    state_world_open(&world);
    state_put_text(world.store, "a:anna", "one", 0, FAR, 1, NULL);
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    static unsigned char bytes[2 << 20];
    struct wd_value value = {.bytes = bytes, .len = sizeof(bytes), .forget_at_ms = FAR};
    struct state_item item = {.key = wd_str_from("a:large"), .value = &value};
    enum wd_status status = state_put_now(world.store, &item, 1, 1, &err);
    if (status == WD_OK)
        status = state_sync(world.store, &err);
    assert_int_equal(status, WD_ERR_TOO_LARGE);
    assert_non_null(strstr(err.text, "state.size"));
    /* once it is smaller, everything is written */
    value.len = 10;
    if (item.version)
        assert_int_equal(state_put_now(world.store, &item, 1, 1, &err), WD_OK);
    assert_int_equal(state_sync(world.store, &err), WD_OK);
    state_world_close(&world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(keeps_values),
        TEST(tells_conflicts),
        TEST(removes),
        TEST(takes_any_bytes),
        TEST(equals_a_model),
        TEST(counts_across_threads),
        TEST(counts_quotas),
        TEST(walks),
        TEST(equals_a_model_with_a_small_cache),
        TEST(keeps_over_a_restart),
        TEST(keeps_what_was_synced_over_a_kill),
        TEST(is_one_process_s),
        TEST(can_be_read_by_another_process),
        TEST(stays_within_its_bound),
        TEST(drops_first_what_may_be_forgotten),
        TEST(a_value_without_room_is_an_error_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
