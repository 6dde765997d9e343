/* Windows, scores, strikes and sessions by hand: exact examples with their edges. */
#include "tests/unit/behaviour_support.h"

#include <math.h>

static const struct wd_window RATE = {.cell = 7, .kind = WD_WINDOW_COUNT, .over_ms = 10 * SECOND, .most = 8};

static bool took(struct bench *bench, const struct wd_window *window, int64_t at_ms, double limit, double *amount_out)
{
    event_at(bench, at_ms);
    bool is_over = wd_window_take(&bench->session, window, NULL, 0, 0, limit, amount_out);
    done(bench);
    return is_over;
}

static void test_the_ninth_message_in_ten_seconds_is_over_eight(void **state)
{
    (void)state;
    struct bench bench = {0};
    double amount;
    for (int i = 0; i < 8; i++) {
        assert_false(took(&bench, &RATE, i * SECOND, 8, &amount));
        assert_true(amount == i + 1);
    }
    assert_true(took(&bench, &RATE, 8 * SECOND, 8, &amount));
    assert_true(amount == 9);
    bench_fini(&bench);
}

static void test_the_window_slides_over_the_hour(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct wd_window window = {.cell = 1, .kind = WD_WINDOW_COUNT, .over_ms = HOUR, .most = 39};
    int64_t next_hour = HOUR - START % HOUR;
    bool is_over = false;
    for (int i = 0; i < 40; i++)
        is_over = took(&bench, &window, next_hour - 20 * SECOND + i * SECOND, 39, NULL);
    assert_true(is_over);
    bench_fini(&bench);
}

static void test_what_is_as_old_as_the_window_has_left_it(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct wd_window window = {.cell = 1, .kind = WD_WINDOW_COUNT, .over_ms = 1000, .most = 100};
    double amount;
    took(&bench, &window, 0, 100, &amount);
    took(&bench, &window, 999, 100, &amount);
    assert_true(amount == 2);
    took(&bench, &window, 1000, 100, &amount); /* (0, 1000] */
    assert_true(amount == 2);
    bench_fini(&bench);
}

static void test_a_late_event_counts_where_it_lies_in_the_window(void **state)
{
    (void)state;
    struct bench bench = {0};
    double amount;
    for (int i = 0; i < 8; i++)
        took(&bench, &RATE, 20 * SECOND + i, 8, &amount);
    assert_false(took(&bench, &RATE, 9 * SECOND, 8, &amount)); /* more than ten seconds before */
    assert_true(amount == 0);
    assert_true(took(&bench, &RATE, 11 * SECOND, 8, &amount));
    assert_true(amount == 9);
    bench_fini(&bench);
}

static void test_a_sum_adds_amounts(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct wd_window window = {.cell = 1, .kind = WD_WINDOW_SUM, .over_ms = MINUTE, .most = 100};
    double amount;
    event_at(&bench, 0);
    assert_false(wd_window_take(&bench.session, &window, NULL, 0, 60.5, 100, &amount));
    done(&bench);
    event_at(&bench, SECOND);
    assert_true(wd_window_take(&bench.session, &window, NULL, 0, 40, 100, &amount));
    assert_true(amount == 100.5);
    done(&bench);
    event_at(&bench, 2 * SECOND);
    assert_true(wd_window_take(&bench.session, &window, NULL, 0, -50, 100, &amount)); /* nobody takes away */
    done(&bench);
    bench_fini(&bench);
}

static void test_distinct_counts_each_item_once(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct wd_window window = {.cell = 1, .kind = WD_WINDOW_DISTINCT, .over_ms = MINUTE, .most = 3};
    double amount;
    event_at(&bench, 0);
    assert_false(wd_window_take(&bench.session, &window, (uint64_t[]){1, 2, 2, 1}, 4, 0, 3, &amount));
    assert_true(amount == 2);
    done(&bench);
    event_at(&bench, 50 * SECOND);
    assert_false(wd_window_take(&bench.session, &window, (uint64_t[]){2, 3}, 2, 0, 3, &amount));
    assert_true(amount == 3);
    done(&bench);
    event_at(&bench, 70 * SECOND); /* 1 has left, 2 was renewed */
    assert_false(wd_window_take(&bench.session, &window, (uint64_t[]){4}, 1, 0, 3, &amount));
    assert_true(amount == 3);
    done(&bench);
    event_at(&bench, 71 * SECOND);
    assert_true(wd_window_take(&bench.session, &window, (uint64_t[]){5}, 1, 0, 3, &amount));
    done(&bench);
    bench_fini(&bench);
}

static void test_an_event_that_is_seen_again_gets_its_answer(void **state)
{
    (void)state;
    struct bench bench = {0};
    double amount;
    for (int i = 0; i < 12; i++)
        took(&bench, &RATE, i * 10, 8, &amount);
    for (uint64_t i = 1; i <= 12; i++) {
        struct wd_value before = bench.value;
        bench.value.changed = false;
        event_of(&bench, 1, i, START + (int64_t)(i - 1) * 10);
        assert_true(bench.session.repeated);
        assert_int_equal(wd_window_take(&bench.session, &RATE, NULL, 0, 0, 8, &amount), i > 8);
        if (i > 8) /* the window holds no more than it takes to tell */
            assert_true(amount >= 9);
        done(&bench);
        assert_false(bench.value.changed);
        assert_int_equal(bench.value.len, before.len);
    }
    bench_fini(&bench);
}

static void test_sources_are_told_apart(void **state)
{
    (void)state;
    struct bench bench = {0};
    double amount;
    for (uint64_t source = 1; source <= 3; source++) {
        event_of(&bench, source, 5, START);
        assert_false(bench.session.repeated);
        wd_window_take(&bench.session, &RATE, NULL, 0, 0, 8, &amount);
        assert_true(amount == (double)source);
        done(&bench);
    }
    event_of(&bench, 2, 4, START);
    assert_true(bench.session.repeated);
    event_of(&bench, 2, 6, START);
    assert_false(bench.session.repeated);
    bench_fini(&bench);
}

static void test_of_sources_the_one_with_the_oldest_event_goes(void **state)
{
    (void)state;
    struct bench bench = {0};
    for (uint64_t source = 0; source < 65; source++) {
        event_of(&bench, source, 5, START + (source == 30 ? 0 : 1 + (int64_t)source));
        wd_window_take(&bench.session, &RATE, NULL, 0, 0, 8, NULL);
        done(&bench);
    }
    for (uint64_t source = 0; source < 65; source++) {
        event_of(&bench, source, 5, START);
        assert_int_equal(bench.session.repeated, source != 30);
    }
    bench_fini(&bench);
}

static void test_a_session_that_changes_nothing_leaves_no_trace(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct wd_score_cell score = {.cell = 3, .half_life_ms = HOUR};
    event_at(&bench, 0);
    assert_true(wd_score_read(&bench.session, &score) == 0);
    assert_int_equal(wd_score_add(&bench.session, &score, 0).band, -1);
    done(&bench);
    assert_int_equal(bench.value.len, 0);
    assert_false(bench.value.changed);
    bench_fini(&bench);
}

static const struct wd_band_limits BANDS[] = {{40, 30}, {80, 50}};
static const struct wd_score_cell SPAM = {.cell = 3, .half_life_ms = DAY, .bands = BANDS, .band_count = 2};

static struct wd_score_now scored(struct bench *bench, int64_t at_ms, double points)
{
    event_at(bench, at_ms);
    struct wd_score_now now = wd_score_add(&bench->session, &SPAM, points);
    done(bench);
    return now;
}

static void test_a_score_halves_in_its_half_life(void **state)
{
    (void)state;
    struct bench bench = {0};
    scored(&bench, 0, 32);
    struct wd_score_now now = scored(&bench, DAY, 4);
    assert_true(now.before == 16 && now.after == 20);
    now = scored(&bench, 0, 8); /* a day late: 8 are 4 now */
    assert_true(now.after == 24);
    now = scored(&bench, 40 * DAY, 0);
    assert_true(now.before == 0 && now.after == 0);
    bench_fini(&bench);
}

static void test_bands_are_entered_once_and_left_below(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct wd_score_now now = scored(&bench, 0, 39);
    assert_int_equal(now.band, -1);
    now = scored(&bench, 0, 1);
    assert_true(now.band == 0 && now.entered);
    now = scored(&bench, 0, 1);
    assert_true(now.band == 0 && !now.entered);
    now = scored(&bench, 0, 59);
    assert_true(now.band == 1 && now.entered && now.after == 100);
    now = scored(&bench, DAY, 0); /* 50 is not below 50 */
    assert_true(now.band == 1 && !now.entered);
    now = scored(&bench, DAY + HOUR, 0);
    assert_true(now.band == 0 && !now.entered);
    now = scored(&bench, 2 * DAY, 0); /* 25 */
    assert_int_equal(now.band, -1);
    now = scored(&bench, 2 * DAY, 10); /* 35: it is entered at 40 */
    assert_int_equal(now.band, -1);
    bench_fini(&bench);
}

static void test_entering_a_band_is_remembered(void **state)
{
    (void)state;
    struct bench bench = {0};
    scored(&bench, 0, 90);
    event_at(&bench, 20 * HOUR);
    wd_forget_guilt(&bench.session, false);
    done(&bench);
    scored(&bench, 20 * HOUR, 1);
    event_of(&bench, 1, 1, START);
    struct wd_score_now now = wd_score_add(&bench.session, &SPAM, 90);
    assert_true(now.band == 1 && now.entered && now.after == 90);
    event_of(&bench, 1, 3, START + 20 * HOUR);
    now = wd_score_add(&bench.session, &SPAM, 1);
    assert_true(now.band == -1 && !now.entered);
    bench_fini(&bench);
}

static void test_bands_that_a_new_set_does_not_have_are_left(void **state)
{
    (void)state;
    struct bench bench = {0};
    scored(&bench, 0, 90);
    struct wd_score_cell fewer = SPAM;
    fewer.band_count = 1;
    event_at(&bench, 0);
    assert_int_equal(wd_score_add(&bench.session, &fewer, 0).band, 0);
    done(&bench);
    bench_fini(&bench);
}

static const struct wd_ladder_step STEPS[] = {{1, 0}, {3, DAY}, {6, 7 * DAY}};
static const struct wd_ladder LADDER = {.cell = 9, .expire_ms = 7 * DAY, .steps = STEPS, .step_count = 3};

static int struck(struct bench *bench, int64_t at_ms, uint32_t count, uint32_t *strikes_out)
{
    event_at(bench, at_ms);
    int step = wd_strikes_add(&bench->session, &LADDER, count, 77, strikes_out);
    done(bench);
    return step;
}

static void test_a_ladder_fires_where_a_step_is_reached(void **state)
{
    (void)state;
    struct bench bench = {0};
    uint32_t strikes;
    assert_int_equal(struck(&bench, 0, 1, &strikes), 0);
    assert_int_equal(struck(&bench, HOUR, 1, &strikes), -1);
    assert_int_equal(struck(&bench, 2 * HOUR, 1, &strikes), 1);
    assert_int_equal(struck(&bench, 3 * HOUR, 1, &strikes), -1); /* 4 within a day: passed already */
    assert_int_equal(struck(&bench, 3 * DAY, 1, &strikes), -1);
    assert_int_equal(struck(&bench, 3 * DAY + 1, 1, &strikes), 2);
    assert_int_equal(strikes, 6);
    event_at(&bench, 7 * DAY);
    assert_int_equal(wd_strikes_read(&bench.session, &LADDER, 0), 5); /* the first is as old as they get */
    assert_int_equal(wd_strikes_read(&bench.session, &LADDER, DAY), 0);
    bench_fini(&bench);
}

static void test_several_strikes_at_once_fire_the_highest_step(void **state)
{
    (void)state;
    struct bench bench = {0};
    uint32_t strikes;
    assert_int_equal(struck(&bench, 0, 3, &strikes), 1);
    assert_int_equal(struck(&bench, 20 * DAY, 1, &strikes), 0); /* the ladder begins anew */
    assert_int_equal(strikes, 1);
    event_of(&bench, 1, 2, START + 20 * DAY);
    assert_int_equal(wd_strikes_add(&bench.session, &LADDER, 1, 77, &strikes), 0);
    bench_fini(&bench);
}

static void test_answers_of_the_last_sixty_four_events_are_known(void **state)
{
    (void)state;
    struct bench bench = {0};
    double payload;
    for (int i = 1; i <= 68; i++) {
        event_at(&bench, i);
        if (i != 10)
            wd_remember_answer(&bench.session, 5, i);
        wd_remember_answer(&bench.session, 6, 1);
        done(&bench);
    }
    for (uint64_t i = 1; i <= 68; i++) {
        event_of(&bench, 1, i, START);
        enum wd_answer_known known = wd_remembered_answer(&bench.session, 5, &payload);
        assert_int_equal(known, i <= 4 ? WD_ANSWER_UNKNOWN : i == 10 ? WD_ANSWER_ABSENT : WD_ANSWER_FOUND);
        if (known == WD_ANSWER_FOUND)
            assert_true(payload == (double)i);
    }
    event_of(&bench, 1, 69, START);
    assert_int_equal(wd_remembered_answer(&bench.session, 5, &payload), WD_ANSWER_UNKNOWN);
    bench_fini(&bench);
}

static void test_cells_go_when_nothing_can_come_of_them(void **state)
{
    (void)state;
    struct bench bench = {0};
    took(&bench, &RATE, 0, 8, NULL);
    scored(&bench, 0, 2); /* eleven half lives */
    uint32_t both = bench.value.len;
    assert_true(bench.value.forget_at_ms >= START + 11 * DAY && bench.value.forget_at_ms < START + 13 * DAY);
    wd_value_prune(&bench.value, START + 20 * HOUR); /* a late event may still come */
    assert_int_equal(bench.value.len, both);
    wd_value_prune(&bench.value, START + 26 * HOUR);
    assert_true(bench.value.len < both && bench.value.len > 0);
    assert_true(scored(&bench, DAY, 0).before == 1);
    wd_value_prune(&bench.value, bench.value.forget_at_ms);
    assert_int_equal(bench.value.len, 0);
    bench_fini(&bench);
}

static void test_bytes_that_are_no_value_count_as_empty(void **state)
{
    (void)state;
    struct bench bench = {0};
    double amount;
    took(&bench, &RATE, 0, 8, NULL);
    took(&bench, &RATE, 1, 8, NULL);
    bench.value.bytes[16] = WD_CELL_RECORD; /* the first cell, which is longer than one of these */
    took(&bench, &RATE, 2, 8, &amount);
    assert_true(amount == 1);
    bench_fini(&bench);
}

static void append_cell(struct wd_value *value, uint32_t id, unsigned kind, uint32_t until, uint32_t len)
{
    value->bytes = realloc(value->bytes, value->capacity = value->len + 11 + len);
    unsigned char *cell = value->bytes + value->len;
    memset(cell, 0, 11 + len);
    for (int i = 0; i < 4; i++) {
        cell[i] = (unsigned char)(id >> 8 * i);
        cell[7 + i] = (unsigned char)(until >> 8 * i);
    }
    cell[4] = (unsigned char)kind;
    cell[5] = (unsigned char)len;
    cell[6] = (unsigned char)(len >> 8);
    value->len += 11 + len;
}

/* Cells of a kind that this version does not know are kept, up to a bound for all: what ends first goes first. */
static void test_a_value_does_not_grow_for_ever(void **state)
{
    (void)state;
    struct bench bench = {0};
    took(&bench, &RATE, 0, 8, NULL);
    uint32_t later = (uint32_t)((START + 9 * DAY) / MINUTE);
    append_cell(&bench.value, 1, 200, later, 1000);
    took(&bench, &RATE, 1, 8, NULL);
    assert_true(bench.value.len > 1000);
    for (uint32_t i = 2; i < 8; i++)
        append_cell(&bench.value, i, 200, later + i, 30000);
    double amount;
    took(&bench, &RATE, 2, 8, &amount);
    assert_true(bench.value.len <= 128 << 10 && bench.value.len > 90000);
    bench.value.len = 12; /* nothing but what must stay */
    for (uint32_t i = 1; i < 6; i++)
        append_cell(&bench.value, i, WD_CELL_ORIGINS, 0, 44000);
    took(&bench, &RATE, 3, 8, &amount);
    took(&bench, &RATE, 4, 8, &amount);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_ninth_message_in_ten_seconds_is_over_eight),
        cmocka_unit_test(test_the_window_slides_over_the_hour),
        cmocka_unit_test(test_what_is_as_old_as_the_window_has_left_it),
        cmocka_unit_test(test_a_late_event_counts_where_it_lies_in_the_window),
        cmocka_unit_test(test_a_sum_adds_amounts),
        cmocka_unit_test(test_distinct_counts_each_item_once),
        cmocka_unit_test(test_an_event_that_is_seen_again_gets_its_answer),
        cmocka_unit_test(test_sources_are_told_apart),
        cmocka_unit_test(test_of_sources_the_one_with_the_oldest_event_goes),
        cmocka_unit_test(test_a_session_that_changes_nothing_leaves_no_trace),
        cmocka_unit_test(test_a_score_halves_in_its_half_life),
        cmocka_unit_test(test_bands_are_entered_once_and_left_below),
        cmocka_unit_test(test_entering_a_band_is_remembered),
        cmocka_unit_test(test_bands_that_a_new_set_does_not_have_are_left),
        cmocka_unit_test(test_a_ladder_fires_where_a_step_is_reached),
        cmocka_unit_test(test_several_strikes_at_once_fire_the_highest_step),
        cmocka_unit_test(test_answers_of_the_last_sixty_four_events_are_known),
        cmocka_unit_test(test_cells_go_when_nothing_can_come_of_them),
        cmocka_unit_test(test_a_value_does_not_grow_for_ever),
        cmocka_unit_test(test_bytes_that_are_no_value_count_as_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
