/* Manners of writing: repetition, capitals, emoji, heaps of marks, scripts. */
#include "tests/unit/matchers_support.h"

#include <unicode/uscript.h>

static struct wd_repeat repeat;

static void repeats(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_repeats(text, &repeat, finder);
}

static void expect_repeats(const char *text, const char *finds)
{
    const char *found = collect(text, repeats);
    if (strcmp(found, finds) != 0)
        fail_msg("'%s': found '%s', not '%s'", text, found, finds);
}

static void test_characters(void **state)
{
    (void)state;
    repeat = (struct wd_repeat){.unit = WD_REPEAT_CHARACTERS, .at_least = 4, .min_length = 1, .max_length = 1};
    expect_repeats("no aaaa yes bbbbbb", "aaaa|bbbbbb");
    expect_repeats("aaa bbb ababab", "");
    expect_repeats("!!!!", "!!!!");
    expect_repeats("ааааа", "ааааа"); /* Cyrillic */
    expect_repeats("🔥🔥🔥🔥x", "🔥🔥🔥🔥");
    expect_repeats("❤\ufe0f❤\ufe0f❤\ufe0f❤\ufe0f", "❤\ufe0f❤\ufe0f❤\ufe0f❤\ufe0f");
    expect_repeats("e\u0301e\u0301e\u0301e\u0301", "e\u0301e\u0301e\u0301e\u0301");
    expect_repeats("🔥🔥🔥", "");
    expect_repeats("аб аб аб аб", "");
    expect_repeats("", "");
}

static void test_chunks(void **state)
{
    (void)state;
    repeat = (struct wd_repeat){.unit = WD_REPEAT_CHUNKS, .at_least = 5, .min_length = 3, .max_length = 20};
    expect_repeats("x buy buy buy buy buy x", " buy buy buy buy buy");
    expect_repeats("abcabcabcabcabc", "abcabcabcabcabc");
    expect_repeats("abcabcabcabc", "");
    expect_repeats("aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa");
    expect_repeats("дадададададада", ""); /* 7 times 2: not 5 times 3 or 4 */
    expect_repeats("данданданданданх", "дандандандандан");
    expect_repeats("The quick brown fox jumps over the lazy dog", "");
    expect_repeats("0123456789012345678x0123456789012345678x", "");
    repeat.at_least = 2;
    repeat.min_length = 20;
    expect_repeats("0123456789012345678x0123456789012345678x", "0123456789012345678x0123456789012345678x");
}

static void test_words(void **state)
{
    (void)state;
    repeat = (struct wd_repeat){.unit = WD_REPEAT_WORDS, .at_least = 3, .min_length = 1, .max_length = UINT32_MAX};
    expect_repeats("no no, NO! yes yes", "no no, NO");
    expect_repeats("ha ha", "");
    expect_repeats("да да\nда", "да да\nда");
    expect_repeats("one two one two one two", "");
    expect_repeats("a a a b b b", "a a a|b b b");
    repeat.min_length = 2;
    expect_repeats("a a a bb bb bb", "bb bb bb");
}

static void test_lines(void **state)
{
    (void)state;
    repeat = (struct wd_repeat){.unit = WD_REPEAT_LINES, .at_least = 3, .min_length = 2, .max_length = UINT32_MAX};
    expect_repeats("buy\nx\nbuy\n\n\n buy\r\nbuy", "buy|buy");
    expect_repeats("buy buy buy", "");
    expect_repeats("-\n-\n-", "");
    repeat.at_least = 2;
    size_t len = 0;
    char *text = malloc(600 * 8);
    for (int i = 0; i < 600; i++)
        len += (size_t)sprintf(text + len, "l%d\n", i);
    sprintf(text + len, "l0\nl599");
    expect_repeats(text, "l0"); /* the 600th is past those that are remembered */
    free(text);
}

/* (.{min,max}?)\1{times-1,} by hand, on bytes. */
static bool slow_has_chunks(struct wd_str text)
{
    for (size_t start = 0; start < text.len; start++)
        for (size_t period = repeat.min_length; period <= repeat.max_length; period++) {
            size_t needed = period * (repeat.at_least - 1), at = start;
            while (at + period < text.len && at - start < needed && text.data[at] == text.data[at + period])
                at++;
            if (at - start == needed)
                return true;
        }
    return false;
}

static void test_chunks_against_a_model(void **state)
{
    (void)state;
    uint32_t random = 99;
    size_t with = 0;
    for (int round = 0; round < 20000; round++) {
        char text[64] = {0};
        random = random * 1664525 + 1013904223;
        size_t len = (random >> 16) % 60;
        repeat = (struct wd_repeat){.unit = WD_REPEAT_CHUNKS,
                                    .at_least = 2 + (random >> 8) % 4,
                                    .min_length = 1 + (random >> 12) % 4,
                                    .max_length = 4 + (random >> 20) % 5};
        for (size_t i = 0; i < len; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = "ab"[(random >> 24) % 8 == 0];
            if (i > 4 && (random >> 16) % 3)
                text[i] = text[i - 1 - (random >> 28) % 4];
        }
        bool expected = slow_has_chunks((struct wd_str){text, len});
        with += expected;
        if ((*collect(text, repeats) != '\0') != expected)
            fail_msg("'%s', %u times %u to %u: expected %d", text, repeat.at_least, repeat.min_length,
                     repeat.max_length, expected);
    }
    assert_in_range(with, 1000, 19000);
}

static void test_case(void **state)
{
    (void)state;
    struct wd_letter_case count = wd_count_case(wd_str_from("HELLO World 123 ПРИВЕТ ß 中文"), NULL);
    assert_int_equal(count.upper, 12);
    assert_int_equal(count.lower, 5);
}

static void test_scripts(void **state)
{
    (void)state;
    const int cyrillic[] = {USCRIPT_CYRILLIC}, both[] = {USCRIPT_LATIN, USCRIPT_HAN};
    struct wd_script_share share = wd_count_scripts(wd_str_from("привет abc 123, 中"), cyrillic, 1, NULL);
    assert_int_equal(share.letters, 10);
    assert_int_equal(share.of_scripts, 6);
    share = wd_count_scripts(wd_str_from("привет abc 123, 中"), both, 2, NULL);
    assert_int_equal(share.of_scripts, 4);
}

static void expect_emoji(const char *text, unsigned emoji, unsigned others)
{
    struct wd_emoji_count count = wd_count_emoji(wd_str_from(text), NULL);
    if (count.emoji != emoji || count.others != others)
        fail_msg("'%s': %u emoji, %u others", text, (unsigned)count.emoji, (unsigned)count.others);
}

static void test_emoji(void **state)
{
    (void)state;
    expect_emoji("hello", 0, 5);
    expect_emoji("😀😀 ok", 2, 2);
    expect_emoji("👨\u200d👩\u200d👧\u200d👦", 1, 0);
    expect_emoji("👍🏽", 1, 0);
    expect_emoji("🇩🇪🇹🇭", 2, 0);
    expect_emoji("1\ufe0f\u20e3#\u20e3 12", 2, 2);
    expect_emoji("❤\ufe0f ❤ ©", 1, 2);
    expect_emoji("🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", 1, 0);
    expect_emoji("中文字", 0, 3);
    expect_emoji("", 0, 0);
    struct wd_emoji_count count = wd_count_emoji(wd_str_from("a 😀 b 😀."), NULL);
    assert_int_equal(count.start, 2);
    assert_int_equal(count.end, 13);
}

static void zalgo(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_zalgo(text, 4, finder);
}

static void test_zalgo(void **state)
{
    (void)state;
    assert_string_equal(collect("xh\u0301\u0302\u0303\u0304\u0305i", zalgo), "h\u0301\u0302\u0303\u0304\u0305");
    assert_string_equal(collect("h\u0301\u0302\u0303\u0304", zalgo), "h\u0301\u0302\u0303\u0304");
    assert_string_equal(collect("\u0301\u0302\u0303\u0304", zalgo), "\u0301\u0302\u0303\u0304");
    assert_string_equal(collect("h\u0301\u0302\u0303 Viê\u0323t", zalgo), "");
    assert_string_equal(collect("ที่นี่ น้ำ बच्चे ကြီး שָׁלוֹם اَلسَّلَامُ", zalgo), "");
    assert_string_equal(collect("❤\ufe0f\ufe0f\ufe0f\ufe0f\ufe0f", zalgo), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_chunks_against_a_model),
        cmocka_unit_test(test_case),
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_emoji),
        cmocka_unit_test(test_zalgo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
