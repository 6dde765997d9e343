/* The rule sets that are shipped: they load without a finding, every rule shows what it matches and what not, and every
 * example comes out as it says. */
#include "tests/unit/rules_support.h"

#include <warden/ruletest.h>

static const char *const SHIPPED = SOURCE_DIR "/config/rules";

static void say_failure(void *context, const struct wd_rule_test_result *result)
{
    const struct wd_rule_info *rule = wd_ruleset_rule(context, result->rule);
    if (!result->passed)
        fprintf(stderr, "%s:%d:%d: %s: '%s' %s\n", rule->file, result->line, result->column, rule->id, result->text,
                result->reason);
}

static void shipped_sets_load_and_their_examples_hold(void **state)
{
    (void)state;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset_options strict = {.strict = true};
    struct wd_ruleset *set = NULL;
    enum wd_status status = wd_ruleset_load(&SHIPPED, 1, &strict, &set, findings);
    wd_diagnostics_print(findings, stderr);
    assert_int_equal(status, WD_OK);
    assert_int_equal(wd_diagnostics_count(findings), 0);
    struct wd_rule_test_counts counts;
    struct wd_error err = {0};
    assert_int_equal(wd_ruleset_test(set, say_failure, set, &counts, &err), WD_OK);
    assert_int_equal(counts.failed, 0);
    assert_true(counts.run >= 100);
    assert_int_equal(counts.skipped, 0);
    assert_int_equal(counts.rules_with_match, counts.rules);
    assert_int_equal(counts.rules_with_no_match, counts.rules);
    assert_int_equal(counts.rules, wd_ruleset_rule_count(set));
    wd_ruleset_unref(set);
    wd_diagnostics_free(findings);
}

/* Ordinary sentences of many languages and things that look like something else: no rule of any set may match. */
static void ordinary_texts_are_left_alone(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "Good morning everyone, coffee first",
        "I can't believe it's already March",
        "The bass line in that song is amazing",
        "Übermorgen fahren wir nach Gdańsk, ich freue mich schon",
        "Mañana llevo los libros a la biblioteca",
        "Où est-ce que je peux changer ma photo de profil ?",
        "Всем привет, как настроение?",
        "Сьогодні чудова погода для прогулянки",
        "Καλημέρα σε όλους",
        "Czy ktoś zna dobrą piekarnię w Łodzi?",
        "متى يبدأ الاجتماع غدا؟",
        "בוקר טוב לכולם",
        "सभी को सुप्रभात",
        "ร้านเปิดกี่โมงคะ",
        "内容很好，明天几点开会？",
        "明日の集合は何時ですか？",
        "내일 몇 시에 만날까요?",
        "Ngày mai mấy giờ họp vậy?",
        "Here is the recipe: https://www.bbc.co.uk/food/recipes",
        "The file is 142,460 bytes, build 192.168.1.50 is green",
        "Scunthorpe, assassin, raccoon, snigger, Nigeria, viable, don't think, 6 itch",
        "classic assessment of the cocktail class",
        "Order 4711 arrives on 2026-03-01 between 10:30 and 12:00",
        "👨‍👩‍👧‍👦 family day 🏳️‍🌈",
    };
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct bench *b = bench_new(HEAD "rules: []\n");
    wd_ruleset_unref(b->set);
    assert_int_equal(wd_ruleset_load(&SHIPPED, 1, NULL, &b->set, findings), WD_OK);
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(*TEXTS); i++) {
        const char *rules = matched(b, TEXTS[i]);
        if (rules[0])
            fail_msg("'%s' matches %s", TEXTS[i], rules);
    }
    bench_free(b);
    wd_diagnostics_free(findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_sets_load_and_their_examples_hold),
        cmocka_unit_test(ordinary_texts_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
