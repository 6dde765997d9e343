/* Explanations: what they say agrees with what a scan does, for every rule that is shipped on every event of the demo;
 * and a set that knows its conditions' words judges as one that does not. */
#include "tests/unit/rules_support.h"

#include <warden/decode.h>
#include <warden/explain.h>

static const char *const SHIPPED = SOURCE_DIR "/config/rules";

static struct wd_ruleset *load_shipped(bool describe)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    const struct wd_ruleset_options options = {.describe = describe};
    struct wd_ruleset *set = NULL;
    assert_int_equal(wd_ruleset_load(&SHIPPED, 1, &options, &set, findings), WD_OK);
    wd_diagnostics_free(findings);
    return set;
}

static const struct wd_rule_match *match_of(const struct wd_verdict *verdict, uint32_t rule)
{
    for (size_t i = 0; i < verdict->match_count; i++)
        if (verdict->matches[i].rule == rule)
            return &verdict->matches[i];
    return NULL;
}

/* What the tree says of the whole: as its first condition, and as the reason. */
static void check_explanation(const struct wd_explanation *explanation, const struct wd_rule_match *match)
{
    char why[512];
    wd_explain_briefly(explanation, why, sizeof(why));
    assert_int_equal(explanation->why == WD_WHY_MATCHES, match != NULL && match->is_match && !match->undecided);
    assert_int_equal(explanation->why == WD_WHY_MATCHES, why[0] == '\0');
    if (explanation->why >= WD_WHY_EVENT) {
        assert_int_equal(explanation->condition_count, 0);
        return;
    }
    assert_int_equal(explanation->conditions[0].depth, 0);
    assert_false(explanation->conditions[0].in_exception);
    assert_int_equal(explanation->conditions[0].answer == WD_ANSWER_NO, explanation->why == WD_WHY_CONDITION);
    for (size_t i = 0; i < explanation->condition_count; i++) {
        const struct wd_condition_answer *condition = &explanation->conditions[i];
        assert_non_null(condition->text);
        assert_true(condition->line > 0 && condition->column > 0);
        assert_true(condition->allowed_count <= condition->span_count || condition->span_count == 32);
        if (condition->depth && i)
            assert_true(condition->depth <= explanation->conditions[i - 1].depth + 1);
    }
}

struct counts {
    size_t events, matches, exceptions;
};

static void check_event(struct bench *bench, const struct wd_ruleset *plain, struct wd_scanner *plain_scanner,
                        const struct wd_event *event, struct counts *counts)
{
    struct wd_verdict verdict, other;
    struct wd_error err = {0};
    assert_int_equal(wd_scan(bench->scanner, bench->set, bench->arena, event, event->created_at_ms, &verdict, &err),
                     WD_OK);
    assert_int_equal(wd_scan(plain_scanner, plain, bench->arena, event, event->created_at_ms, &other, &err), WD_OK);
    assert_int_equal(verdict.match_count, other.match_count);
    for (size_t i = 0; i < verdict.match_count; i++)
        assert_int_equal(verdict.matches[i].rule, other.matches[i].rule);
    for (uint32_t rule = 0; rule < wd_ruleset_rule_count(bench->set); rule++) {
        struct wd_explanation explanation;
        assert_int_equal(
            wd_explain(bench->scanner, bench->set, bench->arena, event, event->created_at_ms, rule, &explanation, &err),
            WD_OK);
        check_explanation(&explanation, match_of(&verdict, rule));
        counts->matches += explanation.why == WD_WHY_MATCHES;
        counts->exceptions += explanation.why == WD_WHY_EXCEPTION;
    }
    counts->events++;
}

static void explanations_agree_with_verdicts(void **state)
{
    (void)state;
    struct wd_ruleset *plain = load_shipped(false);
    struct wd_scanner *plain_scanner = wd_scanner_new(NULL);
    struct bench bench = {.set = load_shipped(true), .scanner = wd_scanner_new(NULL), .arena = wd_arena_new(256 << 20)};
    assert_string_equal(wd_ruleset_digest(plain), wd_ruleset_digest(bench.set));
    struct wd_decoder *decoder = wd_decoder_new(1 << 20);
    FILE *in = fopen(SOURCE_DIR "/config/demo/events.jsonl", "re");
    assert_non_null(in);
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    struct counts counts = {0};
    while ((len = getline(&line, &room, in)) > 0) {
        struct wd_events events = {0};
        struct wd_error err = {0};
        wd_arena_reset(bench.arena);
        if (wd_decode(decoder, bench.arena, line, (size_t)len, &events, &err) != WD_DECODED)
            continue;
        for (size_t i = 0; i < events.count; i++)
            check_event(&bench, plain, plain_scanner, &events.items[i], &counts);
    }
    assert_true(counts.events > 300 && counts.matches > 20);
    fclose(in);
    free(line);
    wd_decoder_free(decoder);
    wd_scanner_free(bench.scanner);
    wd_scanner_free(plain_scanner);
    wd_ruleset_unref(bench.set);
    wd_ruleset_unref(plain);
    wd_arena_free(bench.arena);
}

static void reasons_name_the_condition_that_decided(void **state)
{
    (void)state;
    static const struct {
        const char *when, *reason;
    } CASES[] = {
        {"{words: [x]}", "'words: [x]' (line 3) is false"},
        {"{all: [{words: [hello]}, {words: [x]}]}", "'words: [x]' (line 3) is false"},
        {"{any: [{words: [x]}]}", "'words: [x]' (line 3) is false"},
        {"{any: [{words: [x]}, {words: [y]}]}", "none of the 2 conditions of 'any' (line 3) is true"},
        {"{not: {words: [hello]}}", "'words: [hello]' (line 3) is true"},
        {"{field: author.id, eq: u-2}", "'field: author.id, eq: u-2' (line 3) is false: it is 'u-1'"},
        {"{field: author.roles, in: [a]}", "'field: author.roles, in: [a]' (line 3) is false: the event has none"},
        {"{words: [hello]}", ""},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        char yaml[512], why[512];
        snprintf(yaml, sizeof(yaml), HEAD "rules:\n- {id: a, when: %s, actions: [flag]}\n", CASES[i].when);
        const struct wd_ruleset_options options = {.describe = true};
        struct bench *bench = bench_with(yaml, &options, NULL);
        bench->texts[0] = (struct wd_text){.field = WD_FIELD_TEXT, .text = wd_str_from("hello there")};
        bench->event.text_count = 1;
        struct wd_explanation explanation;
        struct wd_error err = {0};
        assert_int_equal(wd_explain(bench->scanner, bench->set, bench->arena, &bench->event, 0, 0, &explanation, &err),
                         WD_OK);
        wd_explain_briefly(&explanation, why, sizeof(why));
        assert_string_equal(why, CASES[i].reason);
        wd_explain_briefly(&explanation, why, 8); /* cut, never past the end */
        assert_true(strlen(why) < 8);
        bench_free(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explanations_agree_with_verdicts),
        cmocka_unit_test(reasons_name_the_condition_that_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
