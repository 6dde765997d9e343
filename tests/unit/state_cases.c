#include "tests/unit/state_cases.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAR = 2000000000 };

void state_world_open(struct state_world *world)
{
    struct wd_error err = {0};
    if (state_share_open(&world->options, &world->share, &err) != WD_OK)
        fail_msg("%s", err.text);
    world->loop = loop_new(&err);
    assert_non_null(world->loop);
    if (state_open(world->share, world->loop, &world->store, &err) != WD_OK)
        fail_msg("%s", err.text);
}

void state_world_close(struct state_world *world)
{
    state_close(world->store);
    loop_free(world->loop);
    state_share_close(world->share);
}

static void get_all(struct state_store *store, struct state_item *items, size_t count)
{
    struct wd_error err = {0};
    if (state_get_now(store, items, count, &err) != WD_OK)
        fail_msg("%s", err.text);
}

static void put_all(struct state_store *store, struct state_item *items, size_t count, int64_t now_ms)
{
    struct wd_error err = {0};
    if (state_put_now(store, items, count, now_ms, &err) != WD_OK)
        fail_msg("%s", err.text);
}

uint64_t state_put_text(struct state_store *store, const char *key, const char *text, uint64_t version,
                        int64_t forget_at_ms, int64_t now_ms, bool *conflict_out)
{
    struct wd_value value = {
        .bytes = (unsigned char *)text, .len = (uint32_t)strlen(text), .forget_at_ms = forget_at_ms};
    struct state_item item = {.key = wd_str_from(key), .value = &value, .version = version};
    put_all(store, &item, 1, now_ms);
    if (conflict_out)
        *conflict_out = item.conflict;
    else
        assert_false(item.conflict);
    return item.conflict ? 0 : item.version;
}

char *state_get_text(struct state_store *store, const char *key, uint64_t *version_out)
{
    struct wd_value value = {0};
    struct state_item item = {.key = wd_str_from(key), .value = &value};
    get_all(store, &item, 1);
    if (version_out)
        *version_out = item.version;
    char *text = value.len ? strndup((const char *)value.bytes, value.len) : NULL;
    free(value.bytes);
    return text;
}

static void expect_text(struct state_store *store, const char *key, const char *text)
{
    char *found = state_get_text(store, key, NULL);
    if (text) {
        assert_non_null(found);
        assert_string_equal(found, text);
    } else {
        assert_null(found);
    }
    free(found);
}

/* ---- the cases ---- */

void state_case_keeps_values(struct state_world *world)
{
    expect_text(world->store, "a:nobody", NULL);
    uint64_t first = state_put_text(world->store, "a:anna", "one", 0, FAR, 1, NULL);
    assert_true(first > 0);
    uint64_t version = 0;
    free(state_get_text(world->store, "a:anna", &version));
    assert_int_equal(version, first);
    expect_text(world->store, "a:anna", "one");
    uint64_t second = state_put_text(world->store, "a:anna", "a longer one", first, FAR, 1, NULL);
    assert_true(second != first);
    expect_text(world->store, "a:anna", "a longer one");
    state_put_text(world->store, "a:anna", "x", second, FAR, 1, NULL);
    expect_text(world->store, "a:anna", "x");
    expect_text(world->store, "a:ann", NULL);
}

void state_case_tells_conflicts(struct state_world *world)
{
    bool conflict = false;
    uint64_t first = state_put_text(world->store, "a:bert", "one", 0, FAR, 1, NULL);
    state_put_text(world->store, "a:bert", "new again", 0, FAR, 1, &conflict);
    assert_true(conflict);
    uint64_t second = state_put_text(world->store, "a:bert", "two", first, FAR, 1, NULL);
    state_put_text(world->store, "a:bert", "late", first, FAR, 1, &conflict);
    assert_true(conflict);
    expect_text(world->store, "a:bert", "two");
    state_put_text(world->store, "a:never", "was", second, FAR, 1, &conflict);
    assert_true(conflict);
    expect_text(world->store, "a:never", NULL);
    /* of a batch the others are stored */
    struct wd_value values[3] = {{.bytes = (unsigned char *)"x", .len = 1, .forget_at_ms = FAR},
                                 {.bytes = (unsigned char *)"y", .len = 1, .forget_at_ms = FAR},
                                 {.bytes = (unsigned char *)"z", .len = 1, .forget_at_ms = FAR}};
    struct state_item items[3] = {{.key = wd_str_from("b:1"), .value = &values[0]},
                                  {.key = wd_str_from("a:bert"), .value = &values[1], .version = first},
                                  {.key = wd_str_from("b:3"), .value = &values[2]}};
    put_all(world->store, items, 3, 1);
    assert_false(items[0].conflict);
    assert_true(items[1].conflict);
    assert_false(items[2].conflict);
    expect_text(world->store, "b:1", "x");
    expect_text(world->store, "a:bert", "two");
    expect_text(world->store, "b:3", "z");
}

void state_case_removes(struct state_world *world)
{
    bool conflict = false;
    uint64_t first = state_put_text(world->store, "a:cora", "one", 0, FAR, 1, NULL);
    uint64_t second = state_put_text(world->store, "a:cora", "two", first, FAR, 1, NULL);
    state_put_text(world->store, "a:cora", "", first, FAR, 1, &conflict);
    assert_true(conflict);
    state_put_text(world->store, "a:cora", "", second, FAR, 1, NULL);
    expect_text(world->store, "a:cora", NULL);
    state_put_text(world->store, "a:cora", "late", second, FAR, 1, &conflict);
    assert_true(conflict);
    uint64_t third = state_put_text(world->store, "a:cora", "again", 0, FAR, 1, NULL);
    assert_true(third != first && third != second); /* whoever saw the old one must not take this for it */
    expect_text(world->store, "a:cora", "again");
}

void state_case_takes_any_bytes(struct state_world *world)
{
    enum { SIZES = 6 };
    static const uint32_t SIZE[SIZES] = {1, 7, 100, 2030, 4096, 70000};
    char name[200];
    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = (char)(i * 7); /* with NUL, line ends, bytes above 127 */
    for (int i = 0; i < SIZES; i++) {
        name[3] = (char)i;
        unsigned char *bytes = malloc(SIZE[i]);
        for (uint32_t n = 0; n < SIZE[i]; n++)
            bytes[n] = (unsigned char)(n * 31 + (uint32_t)i);
        struct wd_value value = {.bytes = bytes, .len = SIZE[i], .forget_at_ms = FAR}, back = {0};
        struct state_item item = {.key = {.data = name, .len = i % 2 ? 200 : 5}, .value = &value};
        put_all(world->store, &item, 1, 1);
        item.value = &back;
        get_all(world->store, &item, 1);
        assert_int_equal(back.len, SIZE[i]);
        assert_memory_equal(back.bytes, bytes, SIZE[i]);
        free(back.bytes);
        free(bytes);
    }
}

/* ---- a model: what the last put of each key was ---- */

enum { MODEL_KEYS = 3001, MODEL_BATCH = 700, MODEL_ROUNDS = 60 };

struct model_value {
    unsigned char bytes[120];
    uint32_t len;
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* Different keys: a prime number of them is walked in steps. */
static void choose_keys(uint64_t *random, uint32_t chosen[MODEL_BATCH])
{
    uint32_t start = next_random(random) % MODEL_KEYS, step = 1 + 2 * (next_random(random) % 7);
    for (uint32_t i = 0; i < MODEL_BATCH; i++)
        chosen[i] = (start + i * step) % MODEL_KEYS;
}

static void compare(const struct state_item *items, const uint32_t *chosen, const struct model_value *model)
{
    for (size_t i = 0; i < MODEL_BATCH; i++) {
        const struct model_value *expected = &model[chosen[i]];
        assert_int_equal(items[i].value->len, expected->len);
        assert_true((items[i].version == 0) == (expected->len == 0));
        if (expected->len)
            assert_memory_equal(items[i].value->bytes, expected->bytes, expected->len);
    }
}

static void change(uint64_t *random, struct wd_value *value, struct model_value *model)
{
    model->len = next_random(random) % 5 == 0 ? 0 : next_random(random) % sizeof(model->bytes);
    for (uint32_t n = 0; n < model->len; n++)
        model->bytes[n] = (unsigned char)next_random(random);
    value->len = model->len;
    value->forget_at_ms = FAR;
    if (value->capacity < sizeof(model->bytes))
        value->bytes = realloc(value->bytes, value->capacity = sizeof(model->bytes));
    memcpy(value->bytes, model->bytes, model->len);
}

void state_case_equals_a_model(struct state_world *world)
{
    struct model_value *model = calloc(MODEL_KEYS, sizeof(*model));
    struct wd_value *values = calloc(MODEL_BATCH, sizeof(*values));
    struct state_item *items = calloc(MODEL_BATCH, sizeof(*items));
    char(*names)[32] = calloc(MODEL_BATCH, sizeof(*names));
    uint64_t random = 7;
    for (int round = 0; round < MODEL_ROUNDS; round++) {
        uint32_t chosen[MODEL_BATCH];
        choose_keys(&random, chosen);
        for (size_t i = 0; i < MODEL_BATCH; i++) {
            snprintf(names[i], sizeof(names[i]), "m:user-%u", chosen[i]);
            items[i] = (struct state_item){.key = wd_str_from(names[i]), .value = &values[i]};
        }
        get_all(world->store, items, MODEL_BATCH);
        compare(items, chosen, model);
        for (size_t i = 0; i < MODEL_BATCH; i++)
            change(&random, &values[i], &model[chosen[i]]);
        put_all(world->store, items, MODEL_BATCH, round);
        for (size_t i = 0; i < MODEL_BATCH; i++)
            assert_false(items[i].conflict);
        struct wd_error err;
        if (round % 9 == 0)
            assert_int_equal(state_sync(world->store, &err), WD_OK);
    }
    for (size_t i = 0; i < MODEL_BATCH; i++)
        free(values[i].bytes);
    free(model);
    free(values);
    free(items);
    free(names);
}

/* ---- several threads: every change is there once ---- */

enum { THREADS = 4, TALLIES = 20, ADDITIONS = 150 };

struct adder {
    struct state_share *share;
    pthread_t thread;
    uint64_t random;
    uint64_t added[TALLIES];
    bool failed;
};

static bool add_once(struct state_store *store, unsigned tally)
{
    char name[32];
    snprintf(name, sizeof(name), "t:%u", tally);
    for (int tries = 0; tries < 1000; tries++) {
        struct wd_value value = {0};
        struct wd_error err = {0};
        struct state_item item = {.key = wd_str_from(name), .value = &value};
        uint64_t number = 0;
        if (state_get_now(store, &item, 1, &err) != WD_OK)
            return false;
        if (value.len == sizeof(number))
            memcpy(&number, value.bytes, sizeof(number));
        free(value.bytes);
        number++;
        struct wd_value next = {.bytes = (unsigned char *)&number, .len = sizeof(number), .forget_at_ms = FAR};
        item.value = &next;
        if (state_put_now(store, &item, 1, 1, &err) != WD_OK)
            return false;
        if (!item.conflict)
            return true;
    }
    return false;
}

static void *run_adder(void *context)
{
    struct adder *adder = context;
    struct wd_error err = {0};
    struct loop *loop = loop_new(&err);
    struct state_store *store = NULL;
    adder->failed = !loop || state_open(adder->share, loop, &store, &err) != WD_OK;
    for (int i = 0; !adder->failed && i < ADDITIONS; i++) {
        unsigned tally = next_random(&adder->random) % TALLIES;
        adder->failed = !add_once(store, tally);
        adder->added[tally]++;
        if (i % 16 == 0 && state_sync(store, &err) != WD_OK)
            adder->failed = true;
    }
    state_close(store);
    loop_free(loop);
    return NULL;
}

void state_case_counts_across_threads(struct state_world *world)
{
    struct adder adders[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        adders[i].share = world->share;
        adders[i].random = (uint64_t)i * 977 + 1;
        assert_int_equal(pthread_create(&adders[i].thread, NULL, run_adder, &adders[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(adders[i].thread, NULL);
        assert_false(adders[i].failed);
    }
    for (unsigned tally = 0; tally < TALLIES; tally++) {
        char name[32];
        snprintf(name, sizeof(name), "t:%u", tally);
        struct wd_value value = {0};
        struct state_item item = {.key = wd_str_from(name), .value = &value};
        get_all(world->store, &item, 1);
        uint64_t sum = 0, number = 0;
        for (int i = 0; i < THREADS; i++)
            sum += adders[i].added[tally];
        if (value.len == sizeof(number))
            memcpy(&number, value.bytes, sizeof(number));
        assert_int_equal(number, sum);
        free(value.bytes);
    }
}

struct counted {
    bool done;
    enum wd_status status;
    int64_t amount;
};

static void note_count(void *context, enum wd_status status, int64_t amount)
{
    *(struct counted *)context = (struct counted){.done = true, .status = status, .amount = amount};
}

static int64_t count(struct state_world *world, const char *key, int64_t delta)
{
    struct counted counted = {0};
    state_count(world->store, wd_str_from(key), delta, 60000, note_count, &counted);
    while (!counted.done)
        loop_turn(world->loop, 100);
    assert_int_equal(counted.status, WD_OK);
    return counted.amount;
}

void state_case_counts_quotas(struct state_world *world)
{
    assert_int_equal(count(world, "q:ban", 1), 1);
    assert_int_equal(count(world, "q:ban", 3), 4);
    assert_int_equal(count(world, "q:mute", 1), 1);
    assert_int_equal(count(world, "q:ban", -1), 3);
    assert_int_equal(count(world, "q:ban", 0), 3);
}

struct walk {
    size_t found, strange;
};

static bool walk_on(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    struct walk *walk = context;
    if (!wd_str_starts_with(key, "w:"))
        return true;
    char text[32];
    snprintf(text, sizeof(text), "value %.*s", (int)key.len - 2, key.data + 2);
    bool right = len == strlen(text) && memcmp(bytes, text, len) == 0 && forget_at_ms == FAR;
    walk->found++;
    walk->strange += !right;
    return true;
}

void state_case_walks(struct state_world *world)
{
    enum { VALUES = 500 };
    for (int i = 0; i < VALUES; i++) {
        char key[16], text[32];
        snprintf(key, sizeof(key), "w:%d", i);
        snprintf(text, sizeof(text), "value %d", i);
        state_put_text(world->store, key, text, 0, FAR, 1, NULL);
    }
    struct walk walk = {0};
    struct wd_error err = {0};
    if (state_each(world->store, walk_on, &walk, &err) != WD_OK)
        fail_msg("%s", err.text);
    assert_int_equal(walk.found, VALUES);
    assert_int_equal(walk.strange, 0);
}
