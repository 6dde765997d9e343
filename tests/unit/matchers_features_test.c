/* Features of texts: what they rule out is not found, tried with every character that there is. */
#include "tests/unit/matchers_support.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "filters/matchers/features.h"
#include "filters/matchers/host.h"
#include "filters/views/views.h"

/* One feature has a quicker door of its own. */
static uint32_t features_of(struct wd_str text)
{
    uint32_t features = wd_text_features(text, UINT32_MAX, NULL);
    assert_int_equal(wd_may_have_host(text), (features & WD_FEATURE_HOST_IN_A_VIEW) != 0);
    return features;
}

static void test_features(void **state)
{
    (void)state;
    assert_int_equal(features_of(wd_str_from("hello")), 0);
    assert_int_equal(features_of(wd_str_from("a@b")), WD_FEATURE_AT);
    assert_int_equal(features_of(wd_str_from("Ab")), 0);
    assert_int_equal(features_of(wd_str_from("AB.")), WD_FEATURE_UPPER | WD_FEATURE_SHOUTING);
    assert_int_equal(features_of(wd_str_from("ABcde")), WD_FEATURE_UPPER);
    assert_int_equal(features_of(wd_str_from("a.b")), WD_FEATURE_HOST | WD_FEATURE_HOST_IN_A_VIEW);
    assert_int_equal(features_of(wd_str_from("a. b: c")), 0);
    assert_int_equal(features_of(wd_str_from("a%2eb")), WD_FEATURE_HOST_IN_A_VIEW);
    assert_int_equal(features_of(wd_str_from("1234\n")), WD_FEATURE_DIGITS_4 | WD_FEATURE_LINES);
    assert_true(features_of(wd_str_from("١")) & WD_FEATURE_DIGITS_13);
    assert_int_equal(features_of(wd_str_from("aaa")), WD_FEATURE_RUN);
    assert_int_equal(features_of(wd_str_from("aa")), 0);
    assert_int_equal(features_of(wd_str_from("no No")), WD_FEATURE_WORD_TWICE);
    assert_int_equal(features_of(wd_str_from("no, No! no")), WD_FEATURE_WORD_TWICE | WD_FEATURE_WORD_THRICE);
    assert_int_equal(features_of(wd_str_from("нет слов")), WD_FEATURE_NON_ASCII);
    assert_int_equal(features_of(wd_str_from("“no”…")), WD_FEATURE_NON_ASCII | WD_FEATURE_HOST_IN_A_VIEW);
    assert_int_equal(features_of(wd_str_from("что что")), WD_FEATURE_NON_ASCII | WD_FEATURE_WORD_TWICE);
}

static void test_counts(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < 13; i++)
        text[i * 77] = '5';
    uint32_t all = WD_FEATURE_DIGITS_4 | WD_FEATURE_DIGITS_9 | WD_FEATURE_DIGITS_13;
    assert_int_equal(features_of((struct wd_str){text, 1000}) & all, all);
    assert_int_equal(features_of((struct wd_str){text + 1, 999}) & WD_FEATURE_DIGITS_13, 0);
    assert_true(features_of((struct wd_str){text, 1000}) & WD_FEATURE_LONG);
    assert_false(features_of((struct wd_str){text + 1, 25}) & WD_FEATURE_LONG);
}

/* A word may lie anywhere to the blocks that are looked at together. */
static void test_words_across_blocks(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 140; shift++)
        for (int parted = 0; parted < 3; parted++) {
            static const char *const TEXTS[] = {"foo, bar bar", "foo“bar”bar", "foo😀bar😀bar"};
            char text[256] = {0};
            memset(text, '.', shift);
            strcpy(text + shift, TEXTS[parted]);
            assert_true(features_of(wd_str_from(text)) & WD_FEATURE_WORD_TWICE);
            text[strlen(text) - 1] = 'n';
            assert_false(features_of(wd_str_from(text)) & WD_FEATURE_WORD_TWICE);
        }
}

/* What is asked for is told whatever else is asked; the quick door for hosts agrees wherever things lie. */
static void test_features_alone(void **state)
{
    (void)state;
    static const char *const PARTS[] = {"a", "word ", ".",  ". ",       "x.y", ":",  ":/", ": ",       "%",    "&",
                                        "é", "слово", "。", "\xE3\x80", "😀",   "．", "／", "\xE2\x80", "\x01", "１"};
    unsigned random = 1;
    for (int i = 0; i < 20000; i++) {
        char text[256];
        size_t len = 0;
        for (unsigned parts = (unsigned)i % 40; parts; parts--) {
            random = random * 1664525 + 1013904223;
            /* mostly what hides nothing, so that what does stands anywhere */
            const char *part = PARTS[random >> 24 < 40 ? (random >> 16) % 20 : (random >> 16) % 20 < 9 ? 1 : 11];
            len += (size_t)sprintf(text + len, "%s", part);
            if (len > sizeof(text) - 16)
                break;
        }
        uint32_t all = features_of((struct wd_str){text, len});
        for (uint32_t bit = 1; bit <= WD_FEATURE_WORD_THRICE; bit <<= 1)
            assert_int_equal(wd_text_features((struct wd_str){text, len}, bit, NULL) & bit, all & bit);
    }
}

/* ---- every character ---- */

struct text {
    char bytes[64];
    size_t len;
};

static struct wd_str str(const struct text *text)
{
    return (struct wd_str){text->bytes, text->len};
}

static void put(struct text *text, UChar32 c)
{
    U8_APPEND_UNSAFE(text->bytes, text->len, c);
}

/* '_' in `form` is the character. */
static struct text filled(const char *form, UChar32 c)
{
    struct text text = {.len = 0};
    for (; *form; form++)
        put(&text, *form == '_' ? c : *form);
    return text;
}

static void count_find(void *context, size_t start, size_t end)
{
    (void)start;
    (void)end;
    ++*(size_t *)context;
}

static size_t repeats(struct wd_str text, enum wd_repeat_unit unit, uint32_t times)
{
    size_t count = 0;
    struct wd_finder finder = {.found = count_find, .context = &count};
    struct wd_repeat repeat = {.unit = unit, .at_least = times, .min_length = 1, .max_length = UINT32_MAX};
    wd_find_repeats(text, &repeat, &finder);
    return count;
}

static size_t heaps(struct wd_str text)
{
    size_t count = 0;
    struct wd_finder finder = {.found = count_find, .context = &count};
    wd_find_zalgo(text, 2, &finder);
    return count;
}

static void require_feature(bool found, struct wd_str text, uint32_t feature, UChar32 c, const char *what)
{
    if (found && !(features_of(text) & feature))
        fail_msg("U+%04X: %s in '%.*s' without its feature", (unsigned)c, what, (int)text.len, text.data);
}

static void check_manner(UChar32 c)
{
    struct text three = filled("___", c), marks = filled("a__", c), pair = filled("__", c), words = filled("x_x", c),
                key = filled("1_", c), sign = filled("_", c);
    require_feature(repeats(str(&three), WD_REPEAT_CHARACTERS, 3), str(&three), WD_FEATURE_RUN, c, "a run");
    struct text marked = filled("a_a_a_", c);
    require_feature(repeats(str(&marked), WD_REPEAT_CHARACTERS, 3), str(&marked), WD_FEATURE_RUN, c, "a marked run");
    require_feature(heaps(str(&marks)), str(&marks), WD_FEATURE_MARKS, c, "a heap");
    require_feature(repeats(str(&words), WD_REPEAT_WORDS, 2), str(&words), WD_FEATURE_WORD_TWICE, c, "a word twice");
    struct text again = filled("_ _", c);
    require_feature(repeats(str(&again), WD_REPEAT_WORDS, 2), str(&again), WD_FEATURE_WORD_TWICE, c, "it twice");
    put(&sign, 0xFE0F);
    const struct text *emoji[] = {&pair, &key, &sign};
    for (size_t i = 0; i < 3; i++)
        require_feature(wd_count_emoji(str(emoji[i]), NULL).emoji, str(emoji[i]), WD_FEATURE_EMOJI, c, "emoji");
    require_feature(wd_count_case(str(&pair), NULL).upper > 1, str(&pair), WD_FEATURE_UPPER, c, "capitals");
    require_feature(wd_count_case(str(&pair), NULL).upper > 1, str(&pair), WD_FEATURE_SHOUTING, c, "shouting");
}

static void check_digits(UChar32 c)
{
    size_t count = 0;
    struct wd_finder finder = {.found = count_find, .context = &count};
    int value = u_charDigitValue(c);
    if (value < 0)
        return;
    struct text text = {.len = 0}; /* 4111 1111 1111 1111 */
    put(&text, c - value + 4);
    for (int i = 0; i < 15; i++)
        put(&text, c - value + 1);
    wd_find_cards(str(&text), WD_CARD_ANY, &finder);
    assert_int_equal(count, 1);
    require_feature(true, str(&text), WD_FEATURE_DIGITS_13, c, "a card");
}

/* Where a view has a host or a link, the plain text says that it could. */
static void check_views(struct wd_view_scratch *scratch, UChar32 c)
{
    static const char *const FORMS[] = {"evil_com",  "evil._com",  "evil_.com",       "http_//a",
                                        "http:_//a", "http:/_/a",  "www_evil",        "x_y.",
                                        "_evil.com", "evil_2ecom", "evil_period;com", "_"};
    enum { WANTED = 1U << WD_VIEW_STRIPPED | 1U << WD_VIEW_LINKS };
    for (size_t i = 0; i < sizeof(FORMS) / sizeof(*FORMS); i++) {
        struct text text = filled(FORMS[i], c);
        struct wd_view views[WD_VIEWS_MAX];
        size_t count;
        assert_int_equal(wd_views_make(scratch, str(&text), WANTED, views, &count), WD_OK);
        uint32_t may = wd_features_in_views(features_of(str(&text)));
        for (size_t v = 0; v < count; v++) {
            struct wd_host_search search = {.text = views[v].text};
            struct wd_host_place place;
            uint32_t has = wd_next_host(&search, &place) ? WD_FEATURE_HOST : 0;
            has |= views[v].kinds >> WD_VIEW_LINKS & 1 ? WD_FEATURE_LINK : 0;
            if (has & ~may)
                fail_msg("U+%04X in '%s': '%.*s' could not be in a view", (unsigned)c, FORMS[i], (int)views[v].text.len,
                         views[v].text.data);
        }
    }
}

/* And where a text has a place for a host, it has the feature. */
static void check_hosts(UChar32 c)
{
    static const char *const FORMS[] = {"evil_com", "evil._com", "http_//a", "_.x", "x._"};
    for (size_t i = 0; i < sizeof(FORMS) / sizeof(*FORMS); i++) {
        struct text text = filled(FORMS[i], c);
        struct wd_host_search search = {.text = str(&text)};
        struct wd_host_place place;
        require_feature(wd_next_host(&search, &place), str(&text), WD_FEATURE_HOST, c, "a host");
    }
}

static void test_every_character(void **state)
{
    (void)state;
    struct wd_view_scratch *scratch = wd_view_scratch_new();
    assert_non_null(scratch);
    for (UChar32 c = 1; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        check_manner(c);
        check_digits(c);
        check_views(scratch, c);
        check_hosts(c);
    }
    wd_view_scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features),        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_features_alone),  cmocka_unit_test(test_words_across_blocks),
        cmocka_unit_test(test_every_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
