/* Finished offsets: contiguous prefix, holes, metadata there and back, against a slow model on random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/offsets.h"

static uint64_t deliver(struct offsets *offsets, int64_t offset)
{
    uint64_t ticket = UINT64_MAX;
    assert_int_equal(offsets_deliver(offsets, offset, &ticket), OFFSETS_NEW);
    return ticket;
}

static void only_the_contiguous_prefix_is_released(void **state)
{
    (void)state;
    struct offsets *offsets = offsets_new(10, NULL, 100);
    uint64_t a = deliver(offsets, 10), b = deliver(offsets, 11), c = deliver(offsets, 12);
    offsets_finish(offsets, b);
    assert_int_equal(offsets_position(offsets), 10);
    assert_int_equal(offsets_oldest_unfinished(offsets), 10);
    offsets_finish(offsets, a);
    assert_int_equal(offsets_position(offsets), 12);
    offsets_finish(offsets, c);
    assert_int_equal(offsets_position(offsets), 13);
    assert_int_equal(offsets_unfinished(offsets), 0);
    offsets_free(offsets);
}

static void holes_and_an_unknown_start_are_normal(void **state)
{
    (void)state;
    struct offsets *offsets = offsets_new(-1, NULL, 100);
    assert_int_equal(offsets_position(offsets), -1);
    uint64_t a = deliver(offsets, 1000), b = deliver(offsets, 1007);
    assert_int_equal(offsets_position(offsets), 1000);
    offsets_finish(offsets, a);
    assert_int_equal(offsets_position(offsets), 1001);
    offsets_finish(offsets, b);
    assert_int_equal(offsets_position(offsets), 1008);
    offsets_free(offsets);
}

static void the_limit_holds_and_a_rewind_is_recognised(void **state)
{
    (void)state;
    struct offsets *offsets = offsets_new(0, NULL, 2);
    uint64_t ticket, a = deliver(offsets, 0);
    deliver(offsets, 1);
    assert_int_equal(offsets_deliver(offsets, 2, &ticket), OFFSETS_FULL);
    assert_int_equal(offsets_deliver(offsets, 1, &ticket), OFFSETS_BELOW_POSITION);
    offsets_finish(offsets, a);
    assert_int_equal(offsets_deliver(offsets, 0, &ticket), OFFSETS_BELOW_POSITION);
    assert_int_equal(offsets_deliver(offsets, 2, &ticket), OFFSETS_NEW);
    offsets_free(offsets);
}

static void finished_above_the_position_survives_a_change_of_owner(void **state)
{
    (void)state;
    struct offsets *first = offsets_new(5, NULL, 100);
    uint64_t tickets[6];
    for (int i = 0; i < 6; i++)
        tickets[i] = deliver(first, 5 + i * 2); /* 5 7 9 11 13 15 */
    offsets_finish(first, tickets[1]);
    offsets_finish(first, tickets[2]);
    offsets_finish(first, tickets[4]);
    char metadata[OFFSETS_METADATA_MAX + 1];
    assert_true(offsets_metadata(first, metadata) > 1);
    struct offsets *second = offsets_new(offsets_position(first), metadata, 100);
    /* before anything is delivered, the knowledge is handed on unchanged */
    char again[OFFSETS_METADATA_MAX + 1];
    offsets_metadata(second, again);
    assert_string_equal(again, metadata);
    uint64_t ticket;
    enum offsets_delivery expected[] = {OFFSETS_NEW, OFFSETS_FINISHED_EARLIER, OFFSETS_FINISHED_EARLIER,
                                        OFFSETS_NEW, OFFSETS_FINISHED_EARLIER, OFFSETS_NEW};
    for (int i = 0; i < 6; i++)
        assert_int_equal(offsets_deliver(second, 5 + i * 2, &ticket), expected[i]);
    assert_int_equal(offsets_unfinished(second), 3);
    offsets_free(first);
    offsets_free(second);
}

static void unreadable_metadata_is_ignored(void **state)
{
    (void)state;
    const char *const bad[] = {"", "2AAAA", "1", "1!!!!", "1gICAgICAgICAgIAA", "hello", "1AAAA", "1AA"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct offsets *offsets = offsets_new(5, bad[i], 100);
        assert_non_null(offsets);
        for (int64_t offset = 5; offset < 50; offset++)
            deliver(offsets, offset);
        offsets_free(offsets);
    }
    char huge[8000];
    memset(huge, 'B', sizeof(huge));
    huge[0] = '1';
    huge[sizeof(huge) - 1] = '\0';
    struct offsets *offsets = offsets_new(5, huge, 100);
    deliver(offsets, 5);
    offsets_free(offsets);
}

static void damaged_metadata_skips_nothing(void **state)
{
    (void)state;
    struct offsets *first = offsets_new(5, NULL, 100);
    deliver(first, 5);
    offsets_finish(first, deliver(first, 6));
    char metadata[OFFSETS_METADATA_MAX + 1];
    size_t length = offsets_metadata(first, metadata);
    offsets_free(first);
    uint64_t ticket;
    for (size_t i = 1; i < length; i++) {
        char damaged[OFFSETS_METADATA_MAX + 1];
        memcpy(damaged, metadata, length + 1);
        damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
        struct offsets *offsets = offsets_new(5, damaged, 100);
        deliver(offsets, 5);
        deliver(offsets, 6);
        offsets_free(offsets);
    }
    struct offsets *elsewhere = offsets_new(4, metadata, 100);
    for (int64_t offset = 4; offset < 9; offset++)
        assert_int_equal(offsets_deliver(elsewhere, offset, &ticket), OFFSETS_NEW);
    offsets_free(elsewhere);
}

static void metadata_stays_within_its_limit(void **state)
{
    (void)state;
    enum { RECORDS = 60000 };
    struct offsets *offsets = offsets_new(0, NULL, RECORDS);
    uint64_t *tickets = calloc(RECORDS, sizeof(*tickets));
    for (int i = 0; i < RECORDS; i++)
        tickets[i] = deliver(offsets, i);
    for (int i = 1; i < RECORDS; i += 2)
        offsets_finish(offsets, tickets[i]);
    char metadata[OFFSETS_METADATA_MAX + 1];
    size_t length = offsets_metadata(offsets, metadata);
    assert_true(length <= OFFSETS_METADATA_MAX && length > OFFSETS_METADATA_MAX - 10);
    assert_int_equal(strlen(metadata), length);
    struct offsets *next = offsets_new(0, metadata, RECORDS);
    uint64_t ticket;
    assert_int_equal(offsets_deliver(next, 0, &ticket), OFFSETS_NEW);
    assert_int_equal(offsets_deliver(next, 1, &ticket), OFFSETS_FINISHED_EARLIER);
    assert_int_equal(offsets_deliver(next, RECORDS - 1, &ticket), OFFSETS_NEW);
    free(tickets);
    offsets_free(offsets);
    offsets_free(next);
}

/* A history of random deliveries, finishes and changes of owner; the model keeps a flag for each record. */
enum { MODEL_RECORDS = 300 };
struct model {
    bool exists[MODEL_RECORDS], done[MODEL_RECORDS];
    int times[MODEL_RECORDS];
};

static int64_t model_position(const struct model *model, int64_t delivered_to)
{
    for (int64_t i = 0; i < delivered_to; i++)
        if (model->exists[i] && !model->done[i])
            return i;
    return delivered_to;
}

static void one_history(unsigned seed)
{
    struct model model = {0};
    for (int i = 0; i < MODEL_RECORDS; i++)
        model.exists[i] = rand_r(&seed) % 5 != 0;
    model.exists[0] = true;
    struct offsets *offsets = offsets_new(0, NULL, 1000);
    uint64_t tickets[MODEL_RECORDS];
    bool held[MODEL_RECORDS] = {0};
    int64_t next = 0;
    for (int step = 0; step < 4000; step++) {
        int dice = rand_r(&seed) % 100;
        if (dice < 40 && next < MODEL_RECORDS) {
            if (model.exists[next]) {
                enum offsets_delivery delivery = offsets_deliver(offsets, next, &tickets[next]);
                assert_int_equal(delivery == OFFSETS_NEW, !model.done[next]);
                held[next] = delivery == OFFSETS_NEW;
            }
            next++;
        } else if (dice < 97) {
            int pick = rand_r(&seed) % MODEL_RECORDS;
            if (held[pick]) {
                offsets_finish(offsets, tickets[pick]);
                held[pick] = false;
                model.done[pick] = true;
                model.times[pick]++;
            }
        } else {
            char metadata[OFFSETS_METADATA_MAX + 1];
            offsets_metadata(offsets, metadata);
            int64_t position = offsets_position(offsets);
            offsets_free(offsets);
            offsets = offsets_new(position, metadata, 1000);
            memset(held, 0, sizeof(held));
            next = position;
        }
        /* the position never passes the first unfinished record */
        int64_t safe = model_position(&model, next);
        int64_t position = offsets_position(offsets);
        assert_true(position <= safe);
        for (int64_t i = position; i < safe; i++)
            assert_false(model.exists[i] && !model.done[i]);
    }
    for (int i = 0; i < MODEL_RECORDS; i++)
        assert_true(model.times[i] <= 1); /* clean hand-overs repeat nothing */
    offsets_free(offsets);
}

static void random_histories_agree_with_the_model(void **state)
{
    (void)state;
    const char *given = getenv("WARDEN_TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("seed %u (WARDEN_TEST_SEED repeats it)\n", seed);
    for (unsigned i = 0; i < 500; i++)
        one_history(seed + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_contiguous_prefix_is_released),
        cmocka_unit_test(holes_and_an_unknown_start_are_normal),
        cmocka_unit_test(the_limit_holds_and_a_rewind_is_recognised),
        cmocka_unit_test(finished_above_the_position_survives_a_change_of_owner),
        cmocka_unit_test(unreadable_metadata_is_ignored),
        cmocka_unit_test(damaged_metadata_skips_nothing),
        cmocka_unit_test(metadata_stays_within_its_limit),
        cmocka_unit_test(random_histories_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
