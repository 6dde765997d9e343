/* Memory of values: none is asked for in steady state, and where it runs out at any place the session says so, while
 * the bytes stay a value. The linker puts the function below in front of the C library's. */
#include "tests/unit/behaviour_support.h"

#include <stdio.h>

#include "filters/behaviour/value.h"

static int calls;        /* since the last reset */
static int failing_call; /* fails, 1-based; 0: none */

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_realloc(void *block, size_t size)
{
    return ++calls == failing_call ? NULL : __real_realloc(block, size);
}

static const struct wd_band_limits BANDS[] = {{10, 5}};
static const struct wd_score_cell SPAM = {.cell = 3, .half_life_ms = HOUR, .bands = BANDS, .band_count = 1};
static const struct wd_ladder_step STEPS[] = {{1, 0}};
static const struct wd_ladder LADDER = {.cell = 9, .expire_ms = DAY, .steps = STEPS, .step_count = 1};

/* An event that makes a cell of every kind and has true answers. */
static void take_everything(struct wd_session *session, uint64_t n)
{
    struct wd_window count = {.cell = 1, .kind = WD_WINDOW_COUNT, .over_ms = MINUTE, .most = 8};
    struct wd_window distinct = {.cell = 2, .kind = WD_WINDOW_DISTINCT, .over_ms = MINUTE, .most = 8};
    struct wd_window sum = {.cell = 3, .kind = WD_WINDOW_SUM, .over_ms = MINUTE, .most = 8};
    struct wd_similar similar = {.cell = 4, .within_ms = MINUTE, .more_than = 1, .distance = 2};
    struct wd_crowd crowd = {.cell = 5, .within_ms = MINUTE, .authors = 2, .distance = 3};
    struct wd_session *buckets[WD_CROWD_BUCKETS] = {session, session, session, session};
    uint32_t told;
    wd_window_take(session, &count, NULL, 0, 0, 0, NULL);
    wd_window_take(session, &distinct, (uint64_t[]){n, n + 1, n + 2}, 3, 0, 0, NULL);
    wd_window_take(session, &sum, NULL, 0, 5, 0, NULL);
    wd_score_add(session, &SPAM, 11);
    wd_contribution_add(session, SPAM.cell, 11, n, wd_str_from("a.rule"));
    wd_strikes_add(session, &LADDER, 1, n, &told);
    wd_similar_take(session, &similar, 7, n, false, &told);
    wd_crowd_take(buckets, &crowd, 7, n, &told);
    wd_profile_note(session, true, true);
    wd_reporters_add(session, wd_str_from("reporter"));
    wd_reporter_judge(session, true);
    wd_remember_answer(session, 6, 1);
    if (n % 10 == 9)
        wd_take_back_content(session, &SPAM, 1, n);
    if (n % 10 == 8)
        wd_forget_guilt(session, true);
}

/* With no more room than it has. */
static struct wd_value copy_of(const struct wd_value *value)
{
    struct wd_value copy = *value;
    copy.capacity = value->len;
    copy.bytes = value->len ? malloc(value->len) : NULL;
    if (value->len)
        memcpy(copy.bytes, value->bytes, value->len);
    return copy;
}

static void test_running_out_of_memory_is_told(void **state)
{
    (void)state;
    struct bench bench = {0};
    int refused = 0;
    for (uint64_t n = 1; n <= 30; n++) {
        for (int fail = 1;; fail++) {
            struct wd_value copy = copy_of(&bench.value);
            struct wd_session session;
            calls = 0;
            failing_call = fail;
            wd_session_open(&session, &copy, (struct wd_origin){1, n}, START + (int64_t)n);
            take_everything(&session, n);
            bool closed = wd_session_close(&session), failed = calls >= fail;
            failing_call = 0;
            assert_int_equal(closed, !failed);
            assert_true(copy.len == 0 || value_is_sound(copy.bytes, copy.len));
            assert_true(closed || !copy.changed);
            free(copy.bytes);
            refused += !closed;
            if (closed)
                break;
        }
        event_of(&bench, 1, n, START + (int64_t)n);
        bench.value.changed = false;
        take_everything(&bench.session, n);
        done(&bench);
        bench.value.changed = false;
    }
    assert_true(refused > 30);
    bench_fini(&bench);
}

static void test_nothing_is_asked_for_in_steady_state(void **state)
{
    (void)state;
    struct bench bench = {0};
    for (uint64_t n = 1; n <= 1000; n++) {
        if (n == 200)
            calls = 0;
        event_of(&bench, 1, n, START + (int64_t)n * SECOND);
        take_everything(&bench.session, n);
        done(&bench);
    }
    assert_int_equal(calls, 0);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_out_of_memory_is_told),
        cmocka_unit_test(test_nothing_is_asked_for_in_steady_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
