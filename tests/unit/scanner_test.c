/* Rules on events: conditions, scopes, exceptions, modes, limits. */
#include "tests/unit/rules_support.h"

static void kinds_of_text_conditions(void **state)
{
    (void)state;
    struct bench *b =
        bench_new(HEAD "rules:\n"
                       "- {id: re, when: {regex: '\\bfree\\W{0,3}coins\\b'}, actions: [flag]}\n"
                       "- {id: word, when: {words: [spam, cheap likes]}, actions: [flag]}\n"
                       "- {id: part, when: {contains: [egg]}, actions: [flag]}\n"
                       "- {id: exact, when: {words: [Spam], case: sensitive, views: [plain]}, actions: [flag]}\n");
    assert_string_equal(matched(b, "FREE - Coins"), "re");
    assert_string_equal(matched(b, "cheap \t likes, spam"), "word");
    assert_string_equal(matched(b, "Spam"), "word exact");
    assert_string_equal(matched(b, "spammer likes cheap"), "");
    assert_string_equal(matched(b, "VEGGIE"), "part");
    assert_string_equal(matched(b, ""), "");
    bench_free(b);
}

static void combinations(void **state)
{
    (void)state;
    struct bench *b =
        bench_new(HEAD "macros: {loud: {any: [{words: [buy]}, {words: [sell]}]}}\n"
                       "rules:\n"
                       "- {id: both, when: {all: [{words: [a1]}, {words: [b1]}]}, actions: [flag]}\n"
                       "- {id: but, when: {all: [{words: [a1]}, {not: {words: [b1]}}]}, actions: [flag]}\n"
                       "- {id: none, when: {not: {words: [a1]}}, actions: [flag]}\n"
                       "- {id: macro, when: {all: [{macro: loud}, {words: [now]}]}, actions: [flag]}\n");
    assert_string_equal(matched(b, "a1 b1"), "both");
    assert_string_equal(matched(b, "a1"), "but");
    assert_string_equal(matched(b, "hello"), "none");
    assert_string_equal(matched(b, "sell now"), "none macro");
    assert_string_equal(matched(b, "buy later"), "none");
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_text_conditions),
        cmocka_unit_test(combinations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
