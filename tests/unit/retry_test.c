/* Backoff and gate: jitter bounds, holds, breaker, probe, ramp, token bucket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "worker/retry.h"

static const struct gate_options OPTIONS = {
    .window_ms = 10000, .failure_ratio = 0.5, .min_calls = 10, .probe_ms = 1000, .ramp_to = 8};

static void backoff_is_full_jitter_and_bounded(void **state)
{
    (void)state;
    struct backoff backoff = {.base_ms = 500, .max_ms = 60000};
    struct random_state random;
    random_seed(&random, 7);
    for (unsigned attempt = 1; attempt < 80; attempt++) {
        int64_t ceiling = attempt <= 7 ? 500 << (attempt - 1) : 60000, least = INT64_MAX, most = 0;
        for (int i = 0; i < 2000; i++) {
            int64_t delay = backoff_delay_ms(&backoff, attempt, &random);
            least = delay < least ? delay : least;
            most = delay > most ? delay : most;
        }
        assert_true(least >= 0 && least < ceiling / 10);
        assert_true(most <= ceiling && most > ceiling - ceiling / 10);
    }
}

static void pass(struct gate *gate, bool failed, int64_t now)
{
    assert_int_equal(gate_ask(gate, now), 0);
    gate_leave(gate, gate_enter(gate), failed, now);
}

static void opens_at_the_ratio_and_probes_once(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate, &OPTIONS, 0);
    for (int i = 0; i < 9; i++)
        pass(&gate, true, 100);
    assert_int_equal(gate.state, GATE_CLOSED_CIRCUIT); /* too few calls to tell */
    assert_int_equal(gate_ask(&gate, 100), 0);
    assert_true(gate_leave(&gate, gate_enter(&gate), true, 100));
    assert_true(gate_is_open(&gate));
    assert_int_equal(gate_ask(&gate, 600), 500);
    assert_int_equal(gate_ask(&gate, 1100), 0);
    uint32_t probe = gate_enter(&gate);
    assert_int_equal(gate_ask(&gate, 1100), GATE_ASK_AFTER_SETTLE);
    assert_true(gate_leave(&gate, probe, true, 1200));
    assert_int_equal(gate_ask(&gate, 1200), 1000);
    assert_int_equal(gate_ask(&gate, 2200), 0);
    probe = gate_enter(&gate);
    assert_false(gate_leave(&gate, probe, false, 2300));
    assert_int_equal(gate.state, GATE_RAMPING);
}

static void an_answer_from_before_the_opening_changes_nothing(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate, &OPTIONS, 0);
    uint32_t early = gate_enter(&gate);
    gate_trip(&gate, 0);
    assert_int_equal(gate_ask(&gate, 1000), 0);
    uint32_t probe = gate_enter(&gate);
    gate_leave(&gate, early, false, 1001);
    assert_int_equal(gate.state, GATE_PROBING);
    gate_leave(&gate, probe, true, 1002);
    assert_int_equal(gate.state, GATE_OPEN_CIRCUIT);
    assert_int_equal(gate.in_flight, 0);
}

static void ramps_up_slowly(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate, &OPTIONS, 0);
    gate_trip(&gate, 0);
    pass(&gate, false, 1000);
    int widest = 0;
    for (int round = 0; gate.state == GATE_RAMPING; round++) {
        uint32_t entered[16];
        int n = 0;
        while (n < 16 && gate_ask(&gate, 2000 + round) == 0)
            entered[n++] = gate_enter(&gate);
        assert_true(n <= 8 && n >= widest);
        widest = n;
        for (int i = 0; i < n; i++)
            gate_leave(&gate, entered[i], false, 2000 + round);
        assert_true(round < 10);
    }
    assert_true(widest >= 2);
    assert_int_equal(gate.state, GATE_CLOSED_CIRCUIT);
}

static void old_failures_are_forgotten(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate, &OPTIONS, 0);
    for (int i = 0; i < 9; i++)
        pass(&gate, true, 0);
    for (int i = 0; i < 9; i++)
        pass(&gate, true, 20000);
    assert_int_equal(gate.state, GATE_CLOSED_CIRCUIT);
    for (int i = 0; i < 30; i++)
        pass(&gate, i % 3 == 0, 40000); /* a third fails: below the ratio */
    assert_int_equal(gate.state, GATE_CLOSED_CIRCUIT);
}

static void a_hold_closes_for_everybody_and_is_never_shortened(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate, &OPTIONS, 0);
    gate_hold(&gate, 5000);
    gate_hold(&gate, 3000);
    assert_int_equal(gate_ask(&gate, 1000), 4000);
    assert_int_equal(gate_ask(&gate, 5000), 0);
    gate_trip(&gate, 5000);
    assert_int_equal(gate_ask(&gate, 6000), 0);
    uint32_t probe = gate_enter(&gate);
    gate_hold(&gate, 9000); /* the probe was throttled */
    gate_leave(&gate, probe, false, 6001);
    assert_true(gate_is_open(&gate));
    assert_int_equal(gate_ask(&gate, 8000), 1000);
    assert_int_equal(gate_ask(&gate, 9000), 0);
}

static void the_bucket_limits_the_rate(void **state)
{
    (void)state;
    struct gate_options options = OPTIONS;
    options.rate_per_second = 10;
    options.burst = 5;
    struct gate gate;
    gate_init(&gate, &options, 0);
    int sent = 0;
    for (int64_t now = 0; now < 10000; now++)
        while (gate_ask(&gate, now) == 0) {
            gate_leave(&gate, gate_enter(&gate), false, now);
            sent++;
        }
    assert_in_range(sent, 100, 106);
    int64_t wait = gate_ask(&gate, 10000);
    assert_true(wait >= 0 && wait <= 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backoff_is_full_jitter_and_bounded),
        cmocka_unit_test(opens_at_the_ratio_and_probes_once),
        cmocka_unit_test(an_answer_from_before_the_opening_changes_nothing),
        cmocka_unit_test(ramps_up_slowly),
        cmocka_unit_test(old_failures_are_forgotten),
        cmocka_unit_test(a_hold_closes_for_everybody_and_is_never_shortened),
        cmocka_unit_test(the_bucket_limits_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
