/* The store in memory: the common cases, its bound, and what an idle author takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filters/behaviour/cells.h"
#include "tests/unit/state_cases.h"
#include "worker/state/stripes.h"

static const struct state_options ROOMY = {.kind = STATE_MEMORY, .max_bytes = 1 << 28, .grace_ms = 1000};

#define CASE(name)                                                                                                     \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        struct state_world world = {.options = ROOMY};                                                                 \
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

/* `value` bytes each, forgotten from `forget_at_ms` on. */
static void add_authors(struct state_world *world, uint32_t first, uint32_t count, uint32_t value_bytes,
                        int64_t forget_at_ms, int64_t now_ms)
{
    enum { BATCH = 512 };
    static unsigned char bytes[4096];
    static char names[BATCH][40];
    struct wd_value values[BATCH];
    struct state_item items[BATCH];
    for (uint32_t done = 0; done < count;) {
        uint32_t here = count - done < BATCH ? count - done : BATCH;
        for (uint32_t i = 0; i < here; i++) {
            snprintf(names[i], sizeof(names[i]), "a:5f2b1c90e4d3%010u", first + done + i);
            values[i] = (struct wd_value){.bytes = bytes, .len = value_bytes, .forget_at_ms = forget_at_ms};
            items[i] = (struct state_item){.key = wd_str_from(names[i]), .value = &values[i]};
        }
        struct wd_error err = {0};
        assert_int_equal(state_put_now(world->store, items, here, now_ms, &err), WD_OK);
        done += here;
    }
}

static size_t count_there(struct state_world *world, uint32_t first, uint32_t count)
{
    size_t there = 0;
    for (uint32_t i = first; i < first + count; i++) {
        char name[40];
        snprintf(name, sizeof(name), "a:5f2b1c90e4d3%010u", i);
        char *text = state_get_text(world->store, name, NULL);
        there += text != NULL;
        free(text);
    }
    return there;
}

static void an_idle_author_takes_little(void **state)
{
    (void)state;
    struct state_world world = {.options = ROOMY};
    state_world_open(&world);
    static const uint32_t AUTHORS[] = {100000, 215000, 420000, 600000}; /* just after tables grew, and before */
    uint32_t added = 0;
    for (size_t i = 0; i < sizeof(AUTHORS) / sizeof(AUTHORS[0]); i++) {
        add_authors(&world, added, AUTHORS[i] - added, 90, 1 << 30, 1);
        added = AUTHORS[i];
        struct state_size size;
        state_size_of(world.store, &size);
        assert_int_equal(size.values, added);
        double each = (double)size.bytes / added;
        print_message("%u authors with keys of 24 and values of 90 bytes: %.1f bytes each\n", added, each);
        assert_true(each <= 200);
    }
    state_world_close(&world);
}

static void stays_within_its_bound(void **state)
{
    (void)state;
    struct state_world world = {.options = ROOMY};
    world.options.max_bytes = 8 << 20;
    state_world_open(&world);
    for (uint32_t i = 0; i < 40; i++) {
        add_authors(&world, i * 5000, 5000, 50 + i * 5, 1 << 30, 1);
        struct state_size size;
        state_size_of(world.store, &size);
        assert_true(size.bytes <= world.options.max_bytes);
        assert_true(size.bytes >= world.options.max_bytes / 2 || i < 10);
    }
    struct state_size size;
    state_size_of(world.store, &size);
    assert_true(size.evicted > 100000);
    assert_true(count_there(&world, 39 * 5000, 5000) > 4900); /* the newest are there */
    assert_int_equal(count_there(&world, 0, 5000), 0);        /* the oldest are not */
    state_world_close(&world);
}

static void drops_first_what_may_be_forgotten(void **state)
{
    (void)state;
    struct state_world world = {.options = ROOMY};
    world.options.max_bytes = 8 << 20;
    world.options.grace_ms = 1 << 30; /* nothing goes before room is needed */
    state_world_open(&world);
    add_authors(&world, 0, 10000, 100, 1 << 30, 1);
    add_authors(&world, 10000, 20000, 100, 500, 1); /* newer, but over at 500 */
    add_authors(&world, 30000, 20000, 100, 1 << 30, 1000);
    assert_true(count_there(&world, 0, 10000) >= 9990);
    assert_true(count_there(&world, 30000, 20000) >= 19990);
    struct state_size size;
    state_size_of(world.store, &size);
    assert_true(size.forgotten > 1000);
    assert_true(size.evicted <= 20);
    state_world_close(&world);
}

static void forgets_after_the_grace(void **state)
{
    (void)state;
    struct state_world world = {.options = ROOMY};
    state_world_open(&world);
    add_authors(&world, 0, 5000, 100, 500, 1);
    add_authors(&world, 5000, 60000, 100, 1 << 30, 1400);
    assert_int_equal(count_there(&world, 0, 5000), 5000);
    for (int i = 0; i < 5; i++) /* conflicts all, but the sweep goes on with every call */
        add_authors(&world, 5000, 60000, 100, 1 << 30, 1600);
    assert_int_equal(count_there(&world, 0, 5000), 0);
    assert_int_equal(count_there(&world, 5000, 5000), 5000);
    state_world_close(&world);
}

/* A value as scans leave it: what an author did lately, and that there is an author. */
static struct wd_value busy_author(int64_t now_ms)
{
    struct wd_value value = {0};
    struct wd_session session;
    const uint64_t items[6] = {11, 22, 33, 44, 55, 66};
    const struct wd_window links = {.cell = 7, .kind = WD_WINDOW_DISTINCT, .over_ms = 60000, .most = 10};
    wd_session_open(&session, &value, (struct wd_origin){.source = 1, .sequence = 1}, now_ms);
    assert_false(wd_window_take(&session, &links, items, 6, 0, 10, NULL));
    wd_profile_note(&session, true, false);
    assert_true(wd_session_close(&session));
    return value;
}

static void shrinks_what_is_idle_where_room_is_scarce(void **state)
{
    (void)state;
    enum { AUTHORS = 30000, DAY_MS = 86400000 };
    struct state_world world = {.options = ROOMY};
    world.options.max_bytes = 9 << 20;
    world.options.grace_ms = DAY_MS;
    state_world_open(&world);
    struct wd_value busy = busy_author(1000);
    struct wd_error err = {0};
    struct state_item item = {.value = &busy};
    struct state_size before, after;
    for (int round = 0; round < 4; round++) /* later rounds are conflicts, but each sweeps */
        for (int i = 0; i < AUTHORS; i++) {
            char name[40];
            snprintf(name, sizeof(name), "a:%08d", i);
            item.key = wd_str_from(name);
            item.version = 0;
            assert_int_equal(state_put_now(world.store, &item, 1, round ? 3 * (int64_t)DAY_MS : 1000, &err), WD_OK);
            if (round == 0 && i == AUTHORS - 1)
                state_size_of(world.store, &before);
        }
    state_size_of(world.store, &after);
    assert_int_equal(after.values, before.values);
    assert_true(before.bytes > world.options.max_bytes / 2);
    assert_true(after.bytes < before.bytes * 9 / 10);
    struct wd_value back = {0};
    item = (struct state_item){.key = wd_str_from("a:00000007"), .value = &back};
    assert_int_equal(state_get_now(world.store, &item, 1, &err), WD_OK);
    struct wd_session session;
    wd_session_open(&session, &back, (struct wd_origin){.source = 1, .sequence = 2}, 3 * (int64_t)DAY_MS);
    assert_int_equal(wd_profile_read(&session).contents, 1); /* what counts is there */
    free(back.bytes);
    free(busy.bytes);
    state_world_close(&world);
}

static void a_value_without_room_is_an_error(void **state)
{
    (void)state;
    struct state_world world = {.options = ROOMY};
    world.options.max_bytes = 64 * 2048;
    state_world_open(&world);
    static unsigned char bytes[8192];
    struct wd_value value = {.bytes = bytes, .len = sizeof(bytes), .forget_at_ms = 5};
    struct state_item item = {.key = wd_str_from("a:large"), .value = &value};
    struct wd_error err = {0};
    assert_int_equal(state_put_now(world.store, &item, 1, 1, &err), WD_ERR_TOO_LARGE);
    assert_non_null(strstr(err.text, "state.memory_bytes"));
    char *text = state_get_text(world.store, "a:large", NULL);
    assert_null(text);
    state_world_close(&world);
}

/* ---- hashes: they are kept in logs, so they may not change from version to version ---- */

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Up to eight bytes from `at` on, as far as the key goes. */
static uint64_t word_of(const unsigned char *key, size_t len, size_t at)
{
    uint64_t word = 0;
    for (size_t i = at; i < len && i < at + 8; i++)
        word |= (uint64_t)key[i] << 8 * (i - at);
    return word;
}

static uint64_t hash_as_ever(const uint64_t seed[2], const unsigned char *key, size_t len)
{
    uint64_t hash = seed[0] ^ len;
    size_t at = 0;
    for (; len - at > 16; at += 16)
        hash = fold(word_of(key, len, at) ^ hash, word_of(key, len, at + 8) ^ seed[1]);
    hash = fold(word_of(key, len, at) ^ hash, word_of(key, len, at + 8) ^ seed[1]);
    return fold(hash ^ UINT64_C(0x9E3779B97F4A7C15), seed[1] ^ UINT64_C(0xE7037ED1A0B428DB));
}

static void hashes_keys_as_ever(void **state)
{
    (void)state;
    static struct stripes stripes = {.seed = {UINT64_C(0x0123456789ABCDEF), UINT64_C(0xFEDCBA9876543211)}};
    unsigned char bytes[200];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
    for (size_t len = 1; len <= sizeof(bytes); len++) {
        unsigned char *key = malloc(len); /* what is read past it would be seen */
        memcpy(key, bytes, len);
        struct wd_str text = {.data = (const char *)key, .len = len};
        assert_true(stripes_hash(&stripes, text) == hash_as_ever(stripes.seed, key, len));
        free(key);
    }
}

static void gives_values_that_grow_whole_lines(void **state)
{
    (void)state;
    assert_int_equal(block_units(128), 8); /* what is idle gets what it needs */
    assert_int_equal(block_units(129), 10);
    assert_int_equal(block_units(192), 12);
    for (size_t size = 193; size <= (size_t)BLOCK_UNITS_MAX * BLOCK_UNIT; size++) {
        assert_true((size_t)block_units(size) * BLOCK_UNIT >= size);
        assert_true((size_t)block_units(size) * BLOCK_UNIT < size + 64);
        assert_int_equal(block_units(size) * BLOCK_UNIT % 64, 0);
    }
    assert_int_equal(block_units((size_t)BLOCK_UNITS_MAX * BLOCK_UNIT + 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_values),
        cmocka_unit_test(tells_conflicts),
        cmocka_unit_test(removes),
        cmocka_unit_test(takes_any_bytes),
        cmocka_unit_test(equals_a_model),
        cmocka_unit_test(counts_across_threads),
        cmocka_unit_test(counts_quotas),
        cmocka_unit_test(walks),
        cmocka_unit_test(an_idle_author_takes_little),
        cmocka_unit_test(stays_within_its_bound),
        cmocka_unit_test(drops_first_what_may_be_forgotten),
        cmocka_unit_test(forgets_after_the_grace),
        cmocka_unit_test(shrinks_what_is_idle_where_room_is_scarce),
        cmocka_unit_test(a_value_without_room_is_an_error),
        cmocka_unit_test(hashes_keys_as_ever),
        cmocka_unit_test(gives_values_that_grow_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
