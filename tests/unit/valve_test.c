/* The valve against a rule that suddenly matches far too much. */
#include "tests/unit/remembering_support.h"

static const char SET[] = HEAD "rules:\n"
                               "- {id: wide, when: {words: [hello]}, actions: [flag]}\n"
                               "- {id: known, when: {words: [hello]}, expected_share: 100%, actions: [hide]}\n"
                               "- {id: rare, when: {words: [bad]}, actions: [flag]}\n";

static void events(struct stream *s, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        send(s, i, "u-1", text);
}

static void a_rule_that_matches_too_much_goes_into_shadow(void **state)
{
    (void)state;
    const struct wd_scanner_options options = {.rule_share = 0.2, .rule_share_min_events = 100};
    struct stream *s = stream_with(SET, &options);
    struct wd_scanner *other = wd_scanner_new(&options);
    events(s, 99, "nothing");
    events(s, 24, "hello"); /* 24 of 123 */
    assert_false(wd_ruleset_is_shadowed(s->set, 0));
    assert_string_equal(actions_of(s), "hide");
    assert_int_equal(s->verdict.alarmed_count, 0);
    send(s, 0, "u-1", "hello"); /* 25 of 124: above a fifth */
    assert_true(wd_ruleset_is_shadowed(s->set, 0));
    assert_int_equal(s->verdict.alarmed_count, 1);
    assert_int_equal(s->verdict.alarmed[0], 0);
    assert_true(s->verdict.matches[0].by_valve);
    assert_false(s->verdict.matches[0].enforced);
    assert_false(s->verdict.matches[1].by_valve); /* it said what it expects */
    send(s, 0, "u-1", "hello");
    assert_int_equal(s->verdict.alarmed_count, 0); /* told once */
    assert_true(s->verdict.matches[0].by_valve);
    /* For all threads. */
    struct wd_scanner *first = s->scanner;
    s->scanner = other;
    send(s, 0, "u-1", "hello");
    assert_true(s->verdict.matches[0].by_valve);
    s->scanner = first;
    wd_ruleset_reset_valves(s->set);
    send(s, 0, "u-1", "hello");
    assert_true(s->verdict.matches[0].enforced);
    assert_false(wd_ruleset_is_shadowed(s->set, 0));
    events(s, 98, "hello"); /* counted anew: not a hundred yet */
    assert_true(s->verdict.matches[0].enforced);
    send(s, 0, "u-1", "hello");
    assert_true(s->verdict.matches[0].by_valve);
    wd_scanner_free(other);
    stream_free(s);
}

static void what_was_long_ago_does_not_count(void **state)
{
    (void)state;
    const struct wd_scanner_options options = {.rule_share = 0.5};
    struct stream *s = stream_with(SET, &options);
    for (int round = 0; round < 10; round++) {
        events(s, 600, "hello");
        events(s, 1400, "nothing");
    }
    assert_false(wd_ruleset_is_shadowed(s->set, 0)); /* at most 600 of any 1,000 to 2,000: below half where it counts */
    events(s, 2100, "hello");
    assert_true(wd_ruleset_is_shadowed(s->set, 0));
    stream_free(s);
}

static void it_is_off_by_itself(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    events(s, 3000, "hello");
    assert_false(wd_ruleset_is_shadowed(s->set, 0));
    assert_string_equal(actions_of(s), "hide");
    stream_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_that_matches_too_much_goes_into_shadow),
        cmocka_unit_test(what_was_long_ago_does_not_count),
        cmocka_unit_test(it_is_off_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
