/* What concerns people: profiles, what a human decision takes back, reports, and values as they are shown. */
#include "tests/unit/behaviour_support.h"

#include <math.h>
#include <stdio.h>

static const struct wd_band_limits BANDS[] = {{40, 30}};
static const struct wd_score_cell SPAM = {.cell = 3, .half_life_ms = DAY, .bands = BANDS, .band_count = 1};
static const struct wd_ladder_step STEPS[] = {{2, 0}};
static const struct wd_ladder LADDER = {.cell = 9, .expire_ms = 7 * DAY, .steps = STEPS, .step_count = 1};

static void charge(struct bench *bench, int64_t at_ms, uint64_t content, double points)
{
    uint32_t strikes;
    event_at(bench, at_ms);
    wd_score_add(&bench->session, &SPAM, points);
    wd_contribution_add(&bench->session, SPAM.cell, points, content, wd_str_from("links.shortener"));
    wd_strikes_add(&bench->session, &LADDER, 1, content, &strikes);
    wd_contribution_add(&bench->session, LADDER.cell, 1, content, wd_str_from("links.shortener"));
    done(bench);
}

static double score_at(struct bench *bench, int64_t at_ms)
{
    event_at(bench, at_ms);
    return wd_score_read(&bench->session, &SPAM);
}

static uint32_t strikes_at(struct bench *bench, int64_t at_ms)
{
    event_at(bench, at_ms);
    return wd_strikes_read(&bench->session, &LADDER, 0);
}

static void test_a_profile_tells_first_and_clean_since(void **state)
{
    (void)state;
    struct bench bench = {0};
    event_at(&bench, HOUR);
    struct wd_profile profile = wd_profile_read(&bench.session);
    assert_true(profile.first_seen_ms == 0 && profile.contents == 0);
    wd_profile_note(&bench.session, true, false);
    done(&bench);
    event_at(&bench, 0); /* a late one */
    wd_profile_note(&bench.session, false, false);
    done(&bench);
    event_at(&bench, 2 * HOUR);
    profile = wd_profile_read(&bench.session);
    assert_true(profile.first_seen_ms == START && profile.clean_since_ms == START);
    assert_int_equal(profile.contents, 1);
    wd_profile_note(&bench.session, true, true);
    done(&bench);
    event_at(&bench, 3 * HOUR);
    profile = wd_profile_read(&bench.session);
    assert_true(profile.clean_since_ms == START + 2 * HOUR && profile.contents == 2);
    bench_fini(&bench);
}

static void test_what_a_human_lets_stand_is_taken_back_as_decayed_as_it_is(void **state)
{
    (void)state;
    struct bench bench = {0};
    charge(&bench, 0, 100, 32);
    charge(&bench, DAY, 200, 10); /* 26 */
    event_at(&bench, DAY + HOUR);
    assert_false(wd_is_cleared(&bench.session, 100));
    wd_take_back_content(&bench.session, &SPAM, 1, 100);
    assert_true(wd_is_cleared(&bench.session, 100));
    done(&bench);
    assert_true(fabs(score_at(&bench, DAY) - 10) < 1e-9);
    assert_int_equal(strikes_at(&bench, DAY), 1);
    event_at(&bench, DAY + 2 * HOUR); /* there is nothing of it any more */
    wd_take_back_content(&bench.session, &SPAM, 1, 100);
    done(&bench);
    assert_true(fabs(score_at(&bench, DAY) - 10) < 1e-9);
    bench_fini(&bench);
}

static void test_a_decision_that_comes_twice_takes_back_once(void **state)
{
    (void)state;
    struct bench bench = {0};
    charge(&bench, 0, 100, 32);
    event_at(&bench, 1);
    wd_take_back_half(&bench.session);
    done(&bench);
    event_of(&bench, 1, bench.sequence, START + 1);
    wd_take_back_half(&bench.session);
    done(&bench);
    assert_true(fabs(score_at(&bench, 0) - 16) < 1e-9);
    assert_int_equal(strikes_at(&bench, 0), 0);
    event_at(&bench, 2); /* half of its points are left to be taken back */
    wd_take_back_content(&bench.session, &SPAM, 1, 100);
    done(&bench);
    assert_true(score_at(&bench, 0) == 0);
    bench_fini(&bench);
}

static void test_a_pardon_empties_and_is_known(void **state)
{
    (void)state;
    struct bench bench = {0};
    charge(&bench, 0, 100, 90);
    event_at(&bench, HOUR);
    wd_forget_guilt(&bench.session, true);
    done(&bench);
    assert_true(score_at(&bench, HOUR) == 0);
    assert_int_equal(strikes_at(&bench, HOUR), 0);
    assert_true(wd_profile_read(&bench.session).pardoned_ms == START + HOUR);
    charge(&bench, 2 * HOUR, 101, 1);
    assert_true(score_at(&bench, 2 * HOUR) == 1);
    assert_int_equal(strikes_at(&bench, 2 * HOUR), 1);
    bench_fini(&bench);
}

static void test_reporters_of_a_content_are_known_once_each(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct wd_str known[8];
    char name[8];
    assert_int_equal(wd_reporters_read(&bench.value, known), 0);
    for (int i = 0; i < 20; i++) {
        event_at(&bench, i);
        snprintf(name, sizeof name, "u%d", i / 2);
        wd_reporters_add(&bench.session, wd_str_from(name));
        done(&bench);
    }
    assert_int_equal(wd_reporters_read(&bench.value, known), 8);
    assert_true(wd_str_is(known[0], "u0") && wd_str_is(known[7], "u7"));
    event_at(&bench, 30);
    char long_name[101];
    memset(long_name, 'x', sizeof long_name);
    wd_reporters_add(&bench.session, (struct wd_str){long_name, sizeof long_name});
    done(&bench);
    assert_int_equal(wd_reporters_read(&bench.value, known), 8);
    bench_fini(&bench);
}

static void test_a_reporter_weighs_what_he_was_right_about(void **state)
{
    (void)state;
    struct bench bench = {0};
    event_at(&bench, 0);
    assert_true(wd_reporter_weight(&bench.session) == 1);
    for (int i = 0; i < 2; i++) {
        event_at(&bench, i);
        wd_reporter_judge(&bench.session, true);
        done(&bench);
    }
    assert_true(wd_reporter_weight(&bench.session) == 1.5);
    for (int i = 0; i < 100; i++) {
        event_at(&bench, i);
        wd_reporter_judge(&bench.session, false);
        done(&bench);
    }
    assert_true(wd_reporter_weight(&bench.session) == 0.1);
    bench_fini(&bench);
}

struct seen {
    size_t cells, contributions;
    double score, points;
    uint32_t strikes;
};

static void see_cell(void *context, const struct wd_cell_seen *cell)
{
    struct seen *seen = context;
    seen->cells++;
    if (cell->kind == WD_CELL_SCORE) {
        seen->score = cell->amount;
        assert_int_equal(cell->cell, SPAM.cell);
        assert_true(cell->watermark_ms == START + DAY && cell->band == 0);
    }
    if (cell->kind == WD_CELL_STRIKES) {
        seen->strikes = (uint32_t)cell->amount;
        assert_true(cell->oldest_ms == START && cell->watermark_ms == START + DAY);
        assert_true(cell->keep_until_ms > START + 8 * DAY);
    }
}

static void see_contribution(void *context, const struct wd_contribution_seen *contribution)
{
    struct seen *seen = context;
    seen->contributions++;
    assert_true(wd_str_is(contribution->rule, "links.shortener"));
    if (contribution->cell != SPAM.cell)
        return;
    seen->points += contribution->points * exp2(-(double)(START + DAY - contribution->at_ms) / (double)DAY);
}

/* The arithmetic that people are shown adds up. */
static void test_a_value_can_be_shown(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct seen seen = {0};
    charge(&bench, 0, 100, 64);
    charge(&bench, DAY, 200, 10);
    wd_value_each_cell(bench.value.bytes, bench.value.len, see_cell, &seen);
    wd_value_each_contribution(bench.value.bytes, bench.value.len, see_contribution, &seen);
    assert_int_equal(seen.cells, 5); /* score, contributions, strikes, answers, origins */
    assert_int_equal(seen.contributions, 4);
    assert_true(seen.score == 42 && fabs(seen.points - seen.score) < 1e-9);
    assert_int_equal(seen.strikes, 2);
    wd_value_each_cell((const unsigned char *)"w\1", 2, see_cell, NULL); /* not a value: nothing is told */
    bench_fini(&bench);
}

static void test_the_last_sixteen_contributions_are_kept(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct seen seen = {0};
    for (uint64_t i = 0; i < 12; i++)
        charge(&bench, DAY, i, 1);
    wd_value_each_contribution(bench.value.bytes, bench.value.len, see_contribution, &seen);
    assert_int_equal(seen.contributions, 16);
    assert_true(seen.points == 8);
    bench_fini(&bench);
}

static void test_an_idle_author_is_small(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct wd_window rate = {.cell = 1, .kind = WD_WINDOW_COUNT, .over_ms = MINUTE, .most = 8};
    for (int i = 0; i < 20; i++) {
        event_at(&bench, i * SECOND);
        wd_window_take(&bench.session, &rate, NULL, 0, 0, 8, NULL);
        wd_score_add(&bench.session, &SPAM, 2);
        wd_profile_note(&bench.session, true, false);
        done(&bench);
    }
    wd_value_prune(&bench.value, START + 2 * DAY);
    assert_true(bench.value.len <= 100);
    assert_true(score_at(&bench, 2 * DAY) > 5);
    assert_int_equal(wd_profile_read(&bench.session).contents, 20);
    assert_true(bench.session.fresh == false && bench.value.forget_at_ms > START + 400 * DAY);
    event_of(&bench, 1, 20, START + 19 * SECOND);
    assert_true(bench.session.repeated);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_profile_tells_first_and_clean_since),
        cmocka_unit_test(test_what_a_human_lets_stand_is_taken_back_as_decayed_as_it_is),
        cmocka_unit_test(test_a_decision_that_comes_twice_takes_back_once),
        cmocka_unit_test(test_a_pardon_empties_and_is_known),
        cmocka_unit_test(test_reporters_of_a_content_are_known_once_each),
        cmocka_unit_test(test_a_reporter_weighs_what_he_was_right_about),
        cmocka_unit_test(test_a_value_can_be_shown),
        cmocka_unit_test(test_the_last_sixteen_contributions_are_kept),
        cmocka_unit_test(test_an_idle_author_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
