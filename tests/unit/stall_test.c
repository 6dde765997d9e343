/* What counts as a stall, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/stall.h"

enum { TIMEOUT_MS = 1000, STEP_MS = 50 };

struct watch {
    struct stall stall;
    int64_t now_ms;
    int begun, over;
};

static enum stall_news look(struct watch *watch, struct stall_sight sight)
{
    watch->now_ms += STEP_MS;
    enum stall_news news = stall_look(&watch->stall, &sight, watch->now_ms, TIMEOUT_MS);
    watch->begun += news == STALL_BEGUN;
    watch->over += news == STALL_OVER;
    return news;
}

static void look_for(struct watch *watch, int64_t duration_ms, struct stall_sight sight)
{
    for (int64_t end_ms = watch->now_ms + duration_ms; watch->now_ms < end_ms;)
        look(watch, sight);
}

static void an_unfinished_record_is_a_stall_once(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stall_sight stuck = {.position = 7, .end = 9, .has_unfinished = true};
    look_for(&watch, TIMEOUT_MS, stuck);
    assert_int_equal(watch.begun, 0);
    look_for(&watch, 10 * TIMEOUT_MS, stuck);
    assert_int_equal(watch.begun, 1);
    stuck.position = 8;
    assert_int_equal(look(&watch, stuck), STALL_OVER);
    assert_int_equal(look(&watch, stuck), STALL_NOTHING);
}

static void progress_and_idleness_are_no_stalls(void **state)
{
    (void)state;
    struct watch watch = {0};
    for (int64_t position = 0; position < 100; position++)
        look_for(&watch, TIMEOUT_MS / 2,
                 (struct stall_sight){.position = position, .end = 1000, .has_unfinished = true});
    look_for(&watch, 10 * TIMEOUT_MS, (struct stall_sight){.position = 100, .end = 100});
    assert_int_equal(watch.begun, 0);
    /* work that comes after a long rest has its full time */
    look_for(&watch, TIMEOUT_MS - STEP_MS, (struct stall_sight){.position = 100, .end = 101, .has_unfinished = true});
    assert_int_equal(watch.begun, 0);
}

static void a_marker_at_the_end_is_no_stall(void **state)
{
    (void)state;
    struct watch watch = {0};
    look(&watch, (struct stall_sight){.position = 100, .end = 100});
    look_for(&watch, 20 * TIMEOUT_MS, (struct stall_sight){.position = 100, .end = 101});
    assert_int_equal(watch.begun, 0);
    look_for(&watch, TIMEOUT_MS - 2 * STEP_MS,
             (struct stall_sight){.position = 100, .end = 103, .has_unfinished = true});
    assert_int_equal(watch.begun, 0);
}

static void records_that_come_and_are_not_delivered_are_a_stall(void **state)
{
    (void)state;
    struct watch watch = {0};
    for (int64_t end = 101; end < 200; end++)
        look(&watch, (struct stall_sight){.position = 100, .end = end});
    assert_int_equal(watch.begun, 1);
    look_for(&watch, TIMEOUT_MS, (struct stall_sight){.position = 100, .end = 200});
    assert_int_equal(watch.over, 0);
    look(&watch, (struct stall_sight){.position = 200, .end = 200});
    assert_int_equal(watch.over, 1);
}

static void a_gate_gives_time_anew(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct stall_sight stuck = {.position = 7, .end = 9, .has_unfinished = true};
    struct stall_sight held = stuck;
    held.is_held = true;
    look_for(&watch, TIMEOUT_MS / 2, stuck);
    look_for(&watch, 10 * TIMEOUT_MS, held);
    look_for(&watch, TIMEOUT_MS - STEP_MS, stuck);
    assert_int_equal(watch.begun, 0);
    look_for(&watch, TIMEOUT_MS, stuck);
    assert_int_equal(watch.begun, 1);
}

static void no_timeout_means_never(void **state)
{
    (void)state;
    struct stall stall = {0};
    struct stall_sight stuck = {.position = 7, .end = 9, .has_unfinished = true};
    for (int64_t now_ms = 0; now_ms < 1000000; now_ms += 1000)
        assert_int_equal(stall_look(&stall, &stuck, now_ms, 0), STALL_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unfinished_record_is_a_stall_once),
        cmocka_unit_test(progress_and_idleness_are_no_stalls),
        cmocka_unit_test(a_marker_at_the_end_is_no_stall),
        cmocka_unit_test(records_that_come_and_are_not_delivered_are_a_stall),
        cmocka_unit_test(a_gate_gives_time_anew),
        cmocka_unit_test(no_timeout_means_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
