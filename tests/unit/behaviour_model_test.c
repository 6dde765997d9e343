/* The cells against the model, over random histories: late events and such out of order, records delivered twice,
 * crashes that lose some of the values of a batch, sources in any order, rule sets that come and go. A failure names
 * its seed:
 *
 *   test_behaviour_model SEED [COUNT]
 */
#include "tests/unit/behaviour_support.h"

#include <stdio.h>

#include "tests/unit/behaviour_world.h"

enum { HISTORIES = 2000 };

static size_t run_histories(uint64_t first, uint64_t count)
{
    struct history *history = malloc(sizeof *history);
    size_t failures = 0, events = 0, repeated = 0, again = 0;
    for (uint64_t seed = first; history && seed < first + count && failures < 5; seed++) {
        history_init(history, seed);
        if (!history_run(history)) {
            print_message("seed %llu: %s\n", (unsigned long long)seed, history->failure);
            failures++;
        }
        events += history->event_count;
        repeated += history->repeated;
        again += history->answered_again;
        history_fini(history);
    }
    free(history);
    print_message("seeds %llu to %llu: %zu events, seen again by a value %zu times, of that %zu true answers\n",
                  (unsigned long long)first, (unsigned long long)(first + count - 1), events, repeated, again);
    return failures + (again == 0 && count >= 100);
}

static void test_cells_say_what_the_model_says(void **state)
{
    (void)state;
    assert_int_equal(run_histories(1, HISTORIES), 0);
}

/* The same events in the same order, one at a time and in batches: the same bytes. */
static void test_a_backlog_leaves_what_live_events_leave(void **state)
{
    (void)state;
    struct history *live = malloc(sizeof *live), *backlog = malloc(sizeof *backlog);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        history_init(live, seed);
        history_init(backlog, seed);
        for (size_t e = 0; e < live->event_count; e++)
            assert_true(world_take(live, e));
        for (size_t e = 0; e < backlog->event_count; e++) {
            assert_true(world_take(backlog, e));
            for (int v = 0; e % 7 == 6 && v < VALUES; v++) { /* to the store and back, without room to grow */
                struct wd_value *value = &backlog->batch[v].value;
                if (value->len)
                    value->bytes = realloc(value->bytes, value->capacity = value->len);
            }
        }
        for (int v = 0; v < VALUES; v++) {
            assert_int_equal(live->batch[v].value.len, backlog->batch[v].value.len);
            if (live->batch[v].value.len)
                assert_memory_equal(live->batch[v].value.bytes, backlog->batch[v].value.bytes,
                                    live->batch[v].value.len);
        }
        history_fini(live);
        history_fini(backlog);
    }
    free(live);
    free(backlog);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return run_histories(strtoull(argv[1], NULL, 10), argc > 2 ? strtoull(argv[2], NULL, 10) : 1) != 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_say_what_the_model_says),
        cmocka_unit_test(test_a_backlog_leaves_what_live_events_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
