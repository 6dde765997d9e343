/* No rule can hurt: what takes too long is ended, and a rule that does so again and again is switched off. The clock is
 * the test's own, so that nothing here depends on a machine. */
#include "tests/unit/rules_support.h"

/* Goes on by `step_ns` at each reading, and by `slow_ns` at the readings from slow_from to slow_to of an event. */
struct fake_clock {
    uint64_t now_ns, step_ns, slow_ns;
    unsigned readings, slow_from, slow_to;
};

static uint64_t read_clock(void *context)
{
    struct fake_clock *clock = context;
    clock->readings++;
    bool slow = clock->readings >= clock->slow_from && clock->readings <= clock->slow_to;
    return clock->now_ns += slow ? clock->slow_ns : clock->step_ns;
}

#define TWO_RULES                                                                                                      \
    HEAD "rules:\n"                                                                                                    \
         "- {id: tried, when: {regex: 'q\\w+z'}, on_undecided: match, actions: [flag]}\n"                              \
         "- {id: other, when: {regex: 'other\\d'}, actions: [hide]}\n"

static const struct wd_verdict *judge_timed(struct bench *b, struct fake_clock *clock, const char *text)
{
    clock->readings = 0;
    return judge(b, text);
}

static void a_rule_that_is_slow_again_and_again_is_switched_off(void **state)
{
    (void)state;
    struct fake_clock clock = {.now_ns = 1, .step_ns = 1000};
    struct wd_scanner_options options = {.clock = read_clock, .clock_context = &clock, .rule_budget_ns = 999};
    struct bench *b = bench_with(TWO_RULES, NULL, &options);
    for (int i = 1; i < WD_RULE_STRIKES; i++) {
        /* judging a match reads the clock, too: so the strikes are counted on a text that does not match */
        const struct wd_verdict *verdict = judge_timed(b, &clock, "quick");
        assert_int_equal(verdict->match_count, 0);
        assert_int_equal(verdict->switched_off_count, 0);
        assert_false(wd_ruleset_is_switched_off(b->set, 0));
    }
    const struct wd_verdict *verdict = judge_timed(b, &clock, "quick");
    assert_int_equal(verdict->switched_off_count, 1);
    assert_int_equal(verdict->switched_off[0], 0);
    assert_true(wd_ruleset_is_switched_off(b->set, 0));
    assert_false(wd_ruleset_is_switched_off(b->set, 1));
    clock.step_ns = 1;
    assert_string_equal(matched(b, "quiz, other1"), "other");
    assert_int_equal(b->verdict.switched_off_count, 0); /* told once */
    clock.readings = 0;
    (void)judge_timed(b, &clock, "quiz");
    assert_int_equal(clock.readings, 0); /* not even tried */
    assert_int_equal(b->verdict.match_count, 0);
    bench_free(b);
    b = bench_with(TWO_RULES, NULL, &options); /* a reload */
    assert_string_equal(matched(b, "quiz, other1"), "tried other");
    bench_free(b);
}

static void all_threads_that_share_the_set_see_it(void **state)
{
    (void)state;
    struct fake_clock clock = {.now_ns = 1, .step_ns = 1000};
    struct wd_scanner_options options = {.clock = read_clock, .clock_context = &clock, .rule_budget_ns = 999};
    struct bench *b = bench_with(TWO_RULES, NULL, &options);
    struct wd_scanner *scanners[2] = {b->scanner, wd_scanner_new(&options)};
    size_t told = 0;
    for (int i = 0; i < 2 * WD_RULE_STRIKES; i++) {
        b->scanner = scanners[i % 2];
        told += judge_timed(b, &clock, "quick")->switched_off_count;
    }
    assert_int_equal(told, 1);
    for (int i = 0; i < 2; i++) {
        b->scanner = scanners[i];
        assert_string_equal(matched(b, "quiz"), "");
    }
    wd_scanner_free(scanners[0]);
    b->scanner = scanners[1];
    bench_free(b);
}

static void strikes_are_forgotten_after_a_minute(void **state)
{
    (void)state;
    struct fake_clock clock = {.now_ns = 1, .step_ns = 1000};
    struct wd_scanner_options options = {.clock = read_clock, .clock_context = &clock, .rule_budget_ns = 999};
    struct bench *b = bench_with(TWO_RULES, NULL, &options);
    for (int i = 0; i < 5 * WD_RULE_STRIKES; i++) {
        assert_int_equal(judge_timed(b, &clock, "quick")->switched_off_count, 0);
        if (i % (WD_RULE_STRIKES - 1) == WD_RULE_STRIKES - 2)
            clock.now_ns += UINT64_C(61000000000);
    }
    assert_false(wd_ruleset_is_switched_off(b->set, 0));
    bench_free(b);
}

/* The first try is long because the thread had to wait, the second is short: no strike. */
static void waiting_is_not_held_against_a_rule(void **state)
{
    (void)state;
    struct fake_clock clock = {.now_ns = 1, .step_ns = 10, .slow_ns = 1000000, .slow_from = 2, .slow_to = 2};
    struct wd_scanner_options options = {.clock = read_clock, .clock_context = &clock, .rule_budget_ns = 999};
    struct bench *b = bench_with(TWO_RULES, NULL, &options);
    for (int i = 0; i < 3 * WD_RULE_STRIKES; i++)
        assert_int_equal(judge_timed(b, &clock, "quick")->switched_off_count, 0);
    clock.slow_to = 3;
    for (int i = 0; i < WD_RULE_STRIKES; i++)
        (void)judge_timed(b, &clock, "quick");
    assert_true(wd_ruleset_is_switched_off(b->set, 0));
    bench_free(b);
}

/* A second try must not find everything twice. */
static void a_second_try_changes_nothing(void **state)
{
    (void)state;
    const char *yaml = HEAD "rules:\n- {id: a, when: {regex: 'q\\w+z'}, except: [{regex: 'qxz'}], actions: [flag]}\n";
    struct fake_clock clock = {.now_ns = 1, .step_ns = 1000};
    struct wd_scanner_options options = {.clock = read_clock, .clock_context = &clock, .rule_budget_ns = 999};
    struct bench *timed = bench_with(yaml, NULL, &options), *plain = bench_new(yaml);
    const char *text = "qxz quiz q12z and quartz";
    const struct wd_verdict *a = judge(timed, text), *b = judge(plain, text);
    assert_int_equal(a->match_count, 1);
    assert_int_equal(b->match_count, 1);
    assert_int_equal(a->matches[0].span_count, 3);
    assert_int_equal(b->matches[0].span_count, 3);
    assert_memory_equal(a->matches[0].spans, b->matches[0].spans, 3 * sizeof(struct wd_span));
    bench_free(timed);
    bench_free(plain);
}

static void costs_are_added_up_by_rule(void **state)
{
    (void)state;
    struct fake_clock clock = {.now_ns = 1, .step_ns = 100};
    struct wd_rule_cost costs[2] = {{0}};
    struct wd_scanner_options options = {.clock = read_clock, .clock_context = &clock, .costs = costs};
    struct bench *b = bench_with(TWO_RULES, NULL, &options);
    (void)judge(b, "quick");
    assert_int_equal(costs[0].tries, 1);
    assert_int_equal(costs[0].ns, 100);
    assert_int_equal(costs[1].tries, 0);
    (void)judge(b, "other1"); /* tried, then judged */
    assert_int_equal(costs[1].tries, 2);
    assert_int_equal(costs[1].ns, 200);
    assert_int_equal(costs[0].tries, 1);
    bench_free(b);
}

static void count_try(void *context, uint32_t rule, uint64_t ns)
{
    struct wd_rule_cost *costs = context;
    costs[rule].tries++;
    costs[rule].ns += ns;
}

/* One event in three tells what its rules took, with a budget for rules and without. */
static void time_is_told_for_a_sample(void **state)
{
    (void)state;
    for (uint64_t budget_ns = 0; budget_ns <= 1000; budget_ns += 1000) {
        struct fake_clock clock = {.now_ns = 1, .step_ns = 100};
        struct wd_rule_cost costs[2] = {{0}};
        struct wd_scanner_options options = {.clock = read_clock,
                                             .clock_context = &clock,
                                             .rule_budget_ns = budget_ns,
                                             .tried = count_try,
                                             .tried_context = costs,
                                             .sample_every = 3};
        struct bench *b = bench_with(TWO_RULES, NULL, &options);
        for (int i = 0; i < 9; i++) {
            (void)judge(b, "quick");
            assert_int_equal(b->verdict.candidates, 0);
            assert_int_equal(costs[0].tries, (i + 1) / 3);
        }
        assert_int_equal(costs[0].ns, 300);
        assert_int_equal(costs[1].tries, 0);
        (void)judge(b, "other1, quiz");
        assert_int_equal(b->verdict.candidates, 2);
        assert_int_equal(b->verdict.candidate_rules[0], 0);
        assert_int_equal(b->verdict.candidate_rules[1], 1);
        bench_free(b);
    }
}

/* Each of these would take minutes on such a text if it were let. What is counted are readings of the clock, each of
 * which stands for a bounded piece of work. */
static void hostile_texts_end_at_the_deadline(void **state)
{
    (void)state;
    static const char *const EXPRESSIONS[] = {"(?:a+)+$x",
                                              "a+b?a+x",
                                              "(?=.*x)(?=.*y)",
                                              "(a|aa)+x",
                                              "(\\w+)\\s*\\1x",
                                              "[a-z]+[a-y]+[b-z]x",
                                              "^(?=.*a+b)(?=.*a+x).*$"};
    enum { BYTES = 1 << 20, STEP_NS = 1000, BUDGET_STEPS = 200 };
    char *text = malloc(BYTES + 1), yaml[512];
    memset(text, 'a', BYTES);
    text[BYTES] = '\0';
    memcpy(text + BYTES - 2, "xb", 2); /* so that the index lets them all through */
    for (size_t i = 0; i < sizeof(EXPRESSIONS) / sizeof(*EXPRESSIONS); i++) {
        struct fake_clock clock = {.now_ns = 1, .step_ns = STEP_NS};
        struct wd_scanner_options options = {
            .clock = read_clock, .clock_context = &clock, .event_budget_ns = STEP_NS * BUDGET_STEPS};
        snprintf(yaml, sizeof(yaml),
                 HEAD "rules:\n- {id: a, when: {regex: '%s'}, views: [plain], on_undecided: match, actions: [flag]}\n",
                 EXPRESSIONS[i]);
        struct bench *b = bench_with(yaml, NULL, &options);
        const struct wd_verdict *verdict = judge(b, text);
        assert_true(clock.readings <= BUDGET_STEPS + 8);
        if (verdict->budget_ended)
            assert_true(verdict->match_count == 1 && verdict->matches[0].undecided);
        bench_free(b);
    }
    free(text);
}

static void the_deadline_is_watched_within_one_search(void **state)
{
    (void)state;
    enum { BYTES = 4000 };
    char text[BYTES + 1];
    memset(text, '1', BYTES);
    text[BYTES] = '\0';
    struct fake_clock clock = {.now_ns = 1, .step_ns = 1000};
    struct wd_scanner_options options = {.clock = read_clock, .clock_context = &clock, .event_budget_ns = 20000};
    struct bench *b = bench_with(
        HEAD "rules:\n- {id: a, when: {regex: '\\d+[xy](?<!x)'}, views: [plain], actions: [flag]}\n", NULL, &options);
    text[BYTES - 1] = 'x'; /* so that the index lets it through */
    const struct wd_verdict *verdict = judge(b, text);
    assert_true(clock.readings > 15);
    assert_true(clock.readings <= 25); /* 4,000 starts, read at every 16th, would be 250 */
    assert_true(verdict->budget_ended);
    clock.now_ns = 1;
    clock.step_ns = 1;
    assert_string_equal(matched(b, "123y"), "a");
    assert_false(b->verdict.budget_ended);
    bench_free(b);
}

/* One attempt from one start takes as long as the text squared, and more: it has to be ended in its middle. */
static void the_deadline_is_watched_within_one_attempt(void **state)
{
    (void)state;
    static const char *const EXPRESSIONS[] = {"\\A\\d+\\d+x", "\\A\\d+\\d+\\d+[xz]", "(*UTF)\\A\\d+\\d+x",
                                              "\\A(?:\\d{1,900}\\d+)+x"};
    enum { BYTES = 4000, STEP_NS = 1000, BUDGET_STEPS = 60 };
    char text[BYTES + 1], yaml[512];
    memset(text, '1', BYTES);
    memcpy(text + BYTES - 2, "yx", 3); /* so that the index lets them all through */
    for (size_t i = 0; i < sizeof(EXPRESSIONS) / sizeof(*EXPRESSIONS); i++) {
        struct fake_clock clock = {.now_ns = 1, .step_ns = STEP_NS};
        struct wd_scanner_options options = {
            .clock = read_clock, .clock_context = &clock, .event_budget_ns = STEP_NS * BUDGET_STEPS};
        snprintf(yaml, sizeof(yaml),
                 HEAD "rules:\n- {id: a, when: {regex: '%s'}, views: [plain], on_undecided: match, actions: [flag]}\n",
                 EXPRESSIONS[i]);
        struct bench *b = bench_with(yaml, NULL, &options);
        const struct wd_verdict *verdict = judge_timed(b, &clock, text);
        assert_true(clock.readings > BUDGET_STEPS / 2);
        assert_true(clock.readings <= BUDGET_STEPS + 8);
        assert_true(verdict->budget_ended && verdict->match_count == 1 && verdict->matches[0].undecided);
        bench_free(b);
    }
}

static struct bench *bench_of_like_strings(const struct wd_scanner_options *options)
{
    char *yaml = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&yaml, &len);
    fputs(HEAD "rules:\n- {id: a, when: {contains: [bb", out);
    for (int letters = 4; letters < 104; letters++) {
        fputs(", b", out);
        for (int i = 0; i < letters; i++)
            fputc('a', out);
    }
    fputs("]}, actions: [flag]}\n", out);
    fclose(out);
    struct bench *b = bench_with(yaml, NULL, options);
    free(yaml);
    return b;
}

/* Strings that are all alike make the index look at each of them at each place, and views of long texts take time. */
static void the_deadline_is_watched_outside_of_expressions(void **state)
{
    (void)state;
    static const char *const UNITS[] = {"a", "e\xCC\x81"};
    enum { BYTES = 300000, STEP_NS = 1000, BUDGET_STEPS = 40 };
    struct fake_clock clock = {.now_ns = 1, .step_ns = STEP_NS};
    struct wd_scanner_options options = {
        .clock = read_clock, .clock_context = &clock, .event_budget_ns = STEP_NS * BUDGET_STEPS};
    struct bench *b = bench_of_like_strings(&options);
    char *text = malloc(BYTES + 1);
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(*UNITS); i++) {
        size_t len = strlen(UNITS[i]);
        for (size_t at = 0; at < BYTES; at++)
            text[at] = UNITS[i][at % len];
        text[BYTES] = '\0';
        clock.step_ns = STEP_NS;
        const struct wd_verdict *verdict = judge_timed(b, &clock, text);
        assert_true(verdict->budget_ended);
        assert_true(clock.readings <= BUDGET_STEPS + 8);
        clock.step_ns = 0;
        verdict = judge_timed(b, &clock, text);
        assert_true(!verdict->budget_ended);
        assert_true(clock.readings > BUDGET_STEPS);
    }
    assert_string_equal(matched(b, "xbaaaa"), "a");
    free(text);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_that_is_slow_again_and_again_is_switched_off),
        cmocka_unit_test(all_threads_that_share_the_set_see_it),
        cmocka_unit_test(strikes_are_forgotten_after_a_minute),
        cmocka_unit_test(waiting_is_not_held_against_a_rule),
        cmocka_unit_test(a_second_try_changes_nothing),
        cmocka_unit_test(costs_are_added_up_by_rule),
        cmocka_unit_test(time_is_told_for_a_sample),
        cmocka_unit_test(hostile_texts_end_at_the_deadline),
        cmocka_unit_test(the_deadline_is_watched_within_one_search),
        cmocka_unit_test(the_deadline_is_watched_within_one_attempt),
        cmocka_unit_test(the_deadline_is_watched_outside_of_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
