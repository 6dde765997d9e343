/* The traps of matching many patterns at once, one by one: strange cases, Unicode edges, preferences, limits, windows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/patterns/patterns.h"
#include "filters/patterns/wide.h"

static struct wd_patterns *compile(const struct wd_pattern *patterns, size_t count)
{
    struct wd_patterns *set = NULL;
    struct wd_error err = {0};
    size_t bad = 0;
    if (wd_patterns_new(patterns, count, NULL, &set, &bad, &err) != WD_OK)
        fail_msg("pattern %zu: %s", bad, err.text);
    return set;
}

static struct wd_pattern regex(const char *text, bool caseless)
{
    return (struct wd_pattern){.text = wd_str_from(text), .caseless = caseless, .views = 1};
}

/* Scans and writes the hits as "pattern:start-end ...". */
static void scan_str(const struct wd_patterns *set, struct wd_str text, char *out, size_t size)
{
    struct wd_pattern_scratch *scratch = wd_pattern_scratch_new();
    struct wd_scan_request request = {.text = text, .views = 1};
    struct wd_scan_result result;
    assert_non_null(scratch);
    assert_int_equal(wd_patterns_scan(set, scratch, &request, &result), WD_OK);
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < result.hit_count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%u:%u-%u%s", i ? " " : "", result.hits[i].pattern,
                                 result.hits[i].start, result.hits[i].end, result.hits[i].undecided ? "?" : "");
    wd_pattern_scratch_free(scratch);
}

static void expect(struct wd_pattern pattern, const char *text, const char *hits)
{
    char found[512];
    struct wd_patterns *set = compile(&pattern, 1);
    scan_str(set, wd_str_from(text), found, sizeof found);
    if (strcmp(found, hits) != 0)
        fail_msg("%.*s in [%s]: expected [%s], found [%s]", WD_STR_ARG(pattern.text), text, hits, found);
    wd_patterns_free(set);
}

static void test_case_pairs_of_unicode(void **state)
{
    (void)state;
    expect(regex("\\bkiss\\b", true), "\u212Ai\u017Fs", "0:0-7");
    expect(regex("kiss", false), "Kiss", "");
    expect(regex("σας", true), "ΣΑΣ", "0:0-6");
    expect(regex("\\bstraße\\b", true), "STRAẞE", "0:0-8");
    expect(regex("straße", true), "strasse", "");
    expect(regex("[s$5z]+h+[i1!]+t+", true), "a \u017FHIT", "0:2-7");
    /* A folding that changes lengths: spans are still those of the original. */
    expect(regex("\u2C65b", true), "xx\u023AB", "0:2-5");
}

static void test_edges_are_unicode(void **state)
{
    (void)state;
    expect(regex("\\bass\\b", true), "assé", "");
    expect(regex("\\bass\\b", true), "éass", "");
    expect(regex("\\bass\\b", true), "ass\u0301", "0:0-3");
    expect(regex("\\b-x\\b", true), "a-x", "0:1-3");
    expect(regex("\\b-x\\b", true), " -x", "");
    expect(regex("(?<!\\w)c\\+\\+(?!\\w)", true), "C++", "0:0-3");
    expect(regex("\\bfoo\\s+bar\\b", true), "foo\u3000\u00A0BAR", "0:0-11");
    expect(regex("\\d{3}", false), "٣٤٥", "0:0-6");
}

static void test_first_in_order_is_preferred(void **state)
{
    (void)state;
    expect(regex("kiss|kisses", true), "kisses", "0:0-4");
    expect(regex("kisses|kiss", true), "kisses", "0:0-6");
    expect(regex("(?:kiss|kisses)\\b", true), "kisses", "0:0-6");
    expect(regex("kisse?s?", true), "kissess", "0:0-6");
    expect(regex("kisse??s?", true), "kisses", "0:0-4");
    expect(regex("ab|xab", true), "xab", "0:0-3");
}

static void test_words_and_lists(void **state)
{
    (void)state;
    struct wd_pattern word = {
        .kind = WD_PATTERN_WORD, .text = wd_str_from(" big  deal "), .caseless = true, .views = 1};
    expect(word, "a BIG\n deal.", "0:2-11");
    expect(word, "bigdeal big deals", "");
    word.text = wd_str_from("c++");
    expect(word, "c++ is", "0:0-3");
    struct wd_pattern piece = {.kind = WD_PATTERN_CONTAINS, .text = wd_str_from("a.c"), .views = 1, .all_hits = true};
    expect(piece, "a.ca.c abc A.C", "0:0-3 0:3-6");
    piece.text = wd_str_from("x");
    expect(piece, "axxb", "0:1-2 0:2-3");
}

static void test_syntax_that_changes_what_is_required(void **state)
{
    (void)state;
    expect(regex("(?i)abc(?-i)DEF", false), "ABCDEF", "0:0-6");
    expect(regex("(?i)abc(?-i)DEF", false), "ABCdef", "");
    expect(regex("(?x) a b c # comment", false), "abc", "0:0-3");
    expect(regex("\\Qa.b\\E+", false), "a.bbb", "0:0-5");
    expect(regex("(.b?)\\E{2,}", false), "b\n..", "0:2-4");
    expect(regex("foo(?:bar)?$", false), "foo\n", "0:0-3");
    expect(regex("a(?#note)+b", false), "aaab", "0:0-4");
    expect(regex("abc|", false), "xyz", "0:0-0");
    expect(regex("(?!abc)abd", false), "abd", "0:0-3");
    expect(regex("a(*ACCEPT)bc", false), "ax", "0:0-1");
    expect(regex("foo\\Kbar", false), "foobar", "0:3-6");
    expect(regex("(?|(a)|(b))\\1", false), "bb", "0:0-2");
    expect(regex("(a)?(?(1)bc|de)", false), "de", "0:0-2");
}

static void test_look_aheads_over_lines(void **state)
{
    (void)state;
    expect(regex("(?=.*\\bfoo\\b)(?=.*bar)", true), "none\nbar and foo", "0:5-5");
    expect(regex("(?=.*\\bfoo\\b)(?=.*bar)", true), "foo\nbar", "");
    expect(regex("(?=.*\\z)", true), "a\n", "0:2-2");
    expect(regex("(?s)(?=.*foo)(?=.*bar)", true), "bar\nfoo", "0:0-0");
}

static void test_repeats_and_runs(void **state)
{
    (void)state;
    expect(regex("(\\w)\\1{6,}", true), "soooOOooo", "0:1-9");
    expect(regex("(\\w)\\1{6,}", true), "soooo000oo", "");
    expect(regex("(.{3,20}?)\\1{4,}", false), "xabcabcabcabcabc", "0:1-16");
    expect(regex("\\b(\\w+)(?:\\s+\\1\\b){3,}", true), "so no-no No  no\nno!", "0:6-18");
    expect(regex("[A-Z]{12,}", false), "ABCDEFGHIJKL", "0:0-12");
    expect(regex("[A-Z]{12,}", false), "ABCDEFGHIJK", "");
    expect(regex("(?:\\d[ -]?){13,16}", false), "4111-1111 1111-1111", "0:0-19");
}

/* Letters one by one: found wherever the row begins, and only if it is long enough. */
static void test_rows_of_pairs(void **state)
{
    (void)state;
    for (int before = 0; before < 50; before++) {
        char text[128], there[32];
        snprintf(text, sizeof text, "%*sa b c d e f .", before, "-");
        snprintf(there, sizeof there, "0:%d-%d", before ? before : 1, (before ? before : 1) + 12);
        expect(regex("\\b(?:[a-z]\\s){6}", true), text, there);
        expect(regex("\\b(?:[a-z]\\s){7,}", true), text, "");
        expect(regex("(?:\\s[a-z]){6,}", true), text, "");
        snprintf(text, sizeof text, "%*s a b c \u017F e f", before, "-");
        snprintf(there, sizeof there, "0:%d-%d", before ? before : 1, (before ? before : 1) + 13);
        expect(regex("(?:\\s[a-z]){6,}", true), text, there);
    }
}

static void test_skeletons_with_separators(void **state)
{
    (void)state;
    const char *leet = "\\b[s$5z]+[\\W_]*h+[\\W_]*[i1!|]+[\\W_]*[t7+]+\\b";
    expect(regex(leet, true), "oh S.h__!-7 no", "0:3-11");
    expect(regex(leet, true), "s(h!!!t", "0:0-7");
    expect(regex(leet, true), "s!h!!i!!t", "0:0-9");
    expect(regex(leet, true), "sh\u200Bi\u3000t", "0:0-10");
    expect(regex(leet, true), "shirt", "");
}

static void test_all_hits(void **state)
{
    (void)state;
    struct wd_pattern pattern = regex("\\bass\\b", true);
    pattern.all_hits = true;
    expect(pattern, "ass assess ASS", "0:0-3 0:11-14");
    pattern = regex("a+?", false);
    pattern.all_hits = true;
    expect(pattern, "aab", "0:0-1 0:1-2");
    pattern = regex("x*", false);
    pattern.all_hits = true;
    expect(pattern, "éx", "0:0-0 0:2-3 0:3-3");
}

static void test_bad_patterns_say_where(void **state)
{
    (void)state;
    struct wd_pattern patterns[] = {regex("fine", true), regex("a(b", true)};
    struct wd_patterns *set = NULL;
    struct wd_error err = {0};
    size_t bad = 99;
    assert_int_equal(wd_patterns_new(patterns, 2, NULL, &set, &bad, &err), WD_ERR_INVALID);
    assert_int_equal(bad, 1);
    assert_int_equal(err.column, 4);
    assert_non_null(strstr(err.text, "parenthesis"));
    patterns[1] = (struct wd_pattern){.kind = WD_PATTERN_WORD, .text = wd_str_from("  "), .views = 1};
    assert_int_equal(wd_patterns_new(patterns, 2, NULL, &set, &bad, &err), WD_ERR_INVALID);
    patterns[1] = (struct wd_pattern){.kind = WD_PATTERN_CONTAINS, .text = wd_str_from("\xC3"), .views = 1};
    assert_int_equal(wd_patterns_new(patterns, 2, NULL, &set, &bad, &err), WD_ERR_INVALID);
    patterns[1] = regex("\xC3", false);
    assert_int_equal(wd_patterns_new(patterns, 2, NULL, &set, &bad, &err), WD_ERR_INVALID);
    patterns[1] = regex("(?:abc)++)", false);
    assert_int_equal(wd_patterns_new(patterns, 2, NULL, &set, &bad, &err), WD_ERR_INVALID);
}

static void test_a_limit_is_undecided_not_a_miss(void **state)
{
    (void)state;
    char text[2001], found[64];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct wd_pattern pattern = regex("(a+)+$", false);
    struct wd_patterns *set = compile(&pattern, 1);
    text[1999] = 'b';
    scan_str(set, wd_str_from(text), found, sizeof found);
    assert_string_equal(found, "0:0-0?");
    wd_patterns_free(set);
}

/* A long text: what is found must not depend on where a window ends. */
static void test_windows(void **state)
{
    (void)state;
    struct wd_pattern patterns[] = {regex("needle[0-9]", true), regex("\\bneedle\\b", true), regex("^x", false),
                                    regex("y$", false), regex("(?=.*needle)(?=.*7)", true)};
    struct wd_patterns *set = compile(patterns, 5);
    enum { LONG = 20000 };
    char *text = malloc(LONG), found[256], expected[256];
    assert_non_null(text);
    for (size_t at = 10; at + 200 < LONG; at += 997) {
        memset(text, ' ', LONG);
        for (size_t i = 0; i < 14; i++)
            text[at + i] = "Needle7 needle"[i];
        text[4000] = at + 14 < 4000 || at > 4000 ? 'y' : text[4000];
        scan_str(set, (struct wd_str){.data = text, .len = LONG}, found, sizeof found);
        snprintf(expected, sizeof expected, "0:%zu-%zu 1:%zu-%zu", at, at + 7, at + 8, at + 14);
        assert_memory_equal(found, expected, strlen(expected));
        assert_null(strstr(found, "2:"));
        assert_null(strstr(found, "3:"));
        assert_non_null(strstr(found, "4:"));
    }
    free(text);
    wd_patterns_free(set);
}

/* A clock that has passed every deadline. */
static uint64_t late_clock(void *asked)
{
    ++*(int *)asked;
    return 1000;
}

static void test_what_is_live(void **state)
{
    (void)state;
    struct wd_pattern patterns[] = {regex("abc", true), regex("abc", false), regex("ab.", true),
                                    regex("[ab]+c", false)};
    patterns[0].views = 2;
    struct wd_patterns *set = compile(patterns, 4);
    struct wd_pattern_scratch *scratch = wd_pattern_scratch_new();
    uint64_t skip = 1u << 3;
    struct wd_scan_request request = {.text = wd_str_from("abc"), .views = 1, .skip = &skip};
    struct wd_scan_result result;
    assert_int_equal(wd_patterns_scan(set, scratch, &request, &result), WD_OK);
    assert_int_equal(result.hit_count, 2);
    assert_int_equal(result.hits[0].pattern, 1);
    assert_int_equal(result.hits[1].pattern, 2);
    request.only_case_sensitive = true;
    assert_int_equal(wd_patterns_scan(set, scratch, &request, &result), WD_OK);
    assert_int_equal(result.hit_count, 1);
    assert_int_equal(result.hits[0].pattern, 1);
    request = (struct wd_scan_request){.text = wd_str_from("abc"), .views = 3};
    int asked = 0;
    struct wd_scan_timing timing = {.clock = late_clock, .clock_context = &asked, .deadline_ns = 10};
    request.timing = &timing;
    assert_int_equal(wd_patterns_scan(set, scratch, &request, &result), WD_OK);
    assert_true(result.budget_ended);
    assert_true(asked > 0);
    assert_int_equal(result.hit_count, 2); /* the two that need no confirmation */
    wd_pattern_scratch_free(scratch);
    wd_patterns_free(set);
}

static void test_large_lists(void **state)
{
    (void)state;
    enum { WORDS = 100000 };
    struct wd_pattern *patterns = calloc(WORDS, sizeof *patterns);
    char(*words)[16] = calloc(WORDS, sizeof *words);
    assert_non_null(patterns);
    assert_non_null(words);
    for (size_t i = 0; i < WORDS; i++) {
        snprintf(words[i], sizeof words[i], "w%zux", i * 7919 % 1000003);
        patterns[i] = (struct wd_pattern){.kind = i % 2 ? WD_PATTERN_WORD : WD_PATTERN_CONTAINS,
                                          .text = wd_str_from(words[i]),
                                          .caseless = true,
                                          .views = 1};
    }
    struct wd_patterns *set = compile(patterns, WORDS);
    char text[64], found[64], expected[64];
    for (size_t i = 0; i < WORDS; i += 4999) {
        snprintf(text, sizeof text, "the %s!", words[i]);
        text[4] = 'W';
        scan_str(set, wd_str_from(text), found, sizeof found);
        snprintf(expected, sizeof expected, "%zu:4-%zu", i, 4 + strlen(words[i]));
        assert_string_equal(found, expected);
    }
    assert_true(wd_patterns_memory(set) < 30 * 1000 * 1000);
    wd_patterns_free(set);
    free(patterns);
    free(words);
}

static void test_a_sample_changes_no_result(void **state)
{
    (void)state;
    struct wd_pattern patterns[] = {regex("https?://\\S*rare\\.com", true), regex("(?:common|words)\\d", true)};
    struct wd_patterns_options options = {.frequencies = "https://common.com words common words https://words.com/"};
    struct wd_patterns *set = NULL;
    struct wd_error err;
    size_t bad;
    assert_int_equal(wd_patterns_new(patterns, 2, &options, &set, &bad, &err), WD_OK);
    char found[64];
    scan_str(set, wd_str_from("words1 HTTP://x.RARE.com"), found, sizeof found);
    assert_string_equal(found, "0:7-24 1:0-6");
    wd_patterns_free(set);
}

/* Each of these is found by other means, wherever it lies in the text. */
static void test_places_in_long_texts(void **state)
{
    (void)state;
    static const char piece[] = "Rare $H1!t d.o-o.r 123-45-6789 abcabcabcabc";
    struct wd_pattern patterns[] = {regex("\\brare\\b", true), regex("[s$5z]+[h#]+[i1!|]+[t7+]+", true),
                                    regex("d+[\\W_]*[o0]+[\\W_]*[o0]+[\\W_]*r+", true),
                                    regex("\\d{3}-\\d{2}-\\d{4}", true), regex("([a-c]{3,5}?)\\1{3,}", true)};
    struct wd_patterns *set = compile(patterns, 5);
    for (size_t before = 0; before < 140; before++) {
        char text[256], found[128], there[128] = "";
        size_t at[5][2] = {{0, 4}, {5, 10}, {11, 18}, {19, 30}, {31, 43}}, len = 0;
        snprintf(text, sizeof text, "%*s%s", (int)before, "", piece);
        for (size_t i = 0; i < 5; i++)
            len += (size_t)snprintf(there + len, sizeof there - len, "%s%zu:%zu-%zu", i ? " " : "", i,
                                    before + at[i][0], before + at[i][1]);
        scan_str(set, wd_str_from(text), found, sizeof found);
        assert_string_equal(found, there);
    }
    wd_patterns_free(set);
}

/* Long texts are looked at in blocks, and PCRE2 sees only those windows that the index found something for. */
static void test_places_in_long_windows(void **state)
{
    (void)state;
    static const char needle[] = "{Rare $H1!t d.o-o.r 123-45-6789 abc 7x}";
    static const char *const regexes[] = {"\\brare\\b",
                                          "[s$5z]+[h#]+[i1!|]+[t7+]+",
                                          "d+[\\W_]*[o0]+[\\W_]*[o0]+[\\W_]*r+",
                                          "\\d{3}-\\d{2}-\\d{4}",
                                          "(?<=6789) abc",
                                          "(?<=rare.{30}) 7(?=x)",
                                          "7x"};
    static const size_t places[][2] = {{1, 5}, {6, 11}, {12, 19}, {20, 31}, {31, 35}, {35, 37}, {36, 38}};
    enum { COUNT = sizeof places / sizeof *places, LENGTH = 70000, STEP = 887 };
    static char text[LENGTH + 1];
    struct wd_pattern patterns[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        patterns[i] = regex(regexes[i], true);
    struct wd_patterns *set = compile(patterns, COUNT);
    for (size_t at = 0; at + sizeof needle < LENGTH; at += at % 1024 < 1000 && at % 1024 >= 16 ? STEP : 1) {
        char found[256], there[256] = "";
        size_t len = 0;
        for (size_t i = 0; i < LENGTH; i++)
            text[i] = " -.-"[i & 3];
        memcpy(text + at, needle, sizeof needle - 1);
        for (size_t i = 0; i < COUNT; i++)
            len += (size_t)snprintf(there + len, sizeof there - len, "%s%zu:%zu-%zu", i ? " " : "", i,
                                    at + places[i][0], at + places[i][1]);
        scan_str(set, wd_str_from(text), found, sizeof found);
        assert_string_equal(found, there);
    }
    wd_patterns_free(set);
}

static void test_what_the_index_did(void **state)
{
    (void)state;
    struct wd_pattern patterns[] = {regex("\\bfoo\\b", true), regex("[s$5z]+[h#]+[i1!|]+[t7+]+", true),
                                    regex(".", true), regex("\\d{8,}", true), regex("\\p{Mn}", true)};
    static const enum wd_index_class expected[] = {WD_INDEX_LITERAL, WD_INDEX_SKELETON, WD_INDEX_ALWAYS, WD_INDEX_RUN,
                                                   WD_INDEX_CLASS};
    struct wd_patterns *set = compile(patterns, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_string_equal(wd_index_class_name(wd_patterns_index_class(set, i)), wd_index_class_name(expected[i]));
    wd_patterns_free(set);
}

static void test_empty_texts_and_sets(void **state)
{
    (void)state;
    struct wd_patterns *set = compile(NULL, 0);
    char found[64];
    scan_str(set, wd_str_from("text"), found, sizeof found);
    assert_string_equal(found, "");
    wd_patterns_free(set);
    expect(regex("", false), "", "0:0-0");
    expect(regex("^$", false), "", "0:0-0");
    expect(regex("foo", false), "", "");
}

int main(void)
{
    int failed = 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_case_pairs_of_unicode),
                                       cmocka_unit_test(test_edges_are_unicode),
                                       cmocka_unit_test(test_first_in_order_is_preferred),
                                       cmocka_unit_test(test_words_and_lists),
                                       cmocka_unit_test(test_syntax_that_changes_what_is_required),
                                       cmocka_unit_test(test_look_aheads_over_lines),
                                       cmocka_unit_test(test_repeats_and_runs),
                                       cmocka_unit_test(test_rows_of_pairs),
                                       cmocka_unit_test(test_skeletons_with_separators),
                                       cmocka_unit_test(test_all_hits),
                                       cmocka_unit_test(test_bad_patterns_say_where),
                                       cmocka_unit_test(test_a_limit_is_undecided_not_a_miss),
                                       cmocka_unit_test(test_windows),
                                       cmocka_unit_test(test_what_is_live),
                                       cmocka_unit_test(test_large_lists),
                                       cmocka_unit_test(test_a_sample_changes_no_result),
                                       cmocka_unit_test(test_places_in_long_texts),
                                       cmocka_unit_test(test_places_in_long_windows),
                                       cmocka_unit_test(test_what_the_index_did),
                                       cmocka_unit_test(test_empty_texts_and_sets)};
    for (enum wd_vectors vectors = WD_VECTORS_BEST; vectors <= WD_VECTORS_NONE; vectors++) {
        wide_limit(vectors);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
