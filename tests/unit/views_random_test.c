/* The views on random texts, made of pieces that evaders and ordinary people write: what must hold for every text. The
 * seed is printed; WARDEN_TEST_SEED sets another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "filters/views/views.h"
#include "tests/support/utf8.h"

enum { TEXTS = 20000, PIECES_MAX = 24, TEXT_MAX = 1024, ALL = (1 << WD_VIEW_COUNT) - 1 };

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

static size_t put_code_point(char *out, UChar32 c)
{
    size_t len = 0;
    U8_APPEND_UNSAFE(out, len, c);
    return len;
}

static UChar32 random_code_point(void)
{
    static const struct {
        UChar32 first, last;
    } ranges[] = {{0x20, 0x7E},     {0x20, 0x7E},     {0xA0, 0x24F},      {0x300, 0x36F},     {0x370, 0x52F},
                  {0x591, 0x6FF},   {0x900, 0xD7F},   {0x1100, 0x11FF},   {0x1E00, 0x1FFF},   {0x2000, 0x206F},
                  {0x20D0, 0x20F0}, {0x2460, 0x24FF}, {0x3040, 0x30FF},   {0xAC00, 0xAC40},   {0xFB00, 0xFDFF},
                  {0xFE00, 0xFE0F}, {0xFF00, 0xFFEF}, {0x1D400, 0x1D7FF}, {0x1F100, 0x1F6FF}, {0x1, 0x10FFFF}};
    size_t at = random_below(sizeof ranges / sizeof ranges[0]);
    UChar32 c = ranges[at].first + (UChar32)random_below((uint32_t)(ranges[at].last - ranges[at].first + 1));
    return c >= 0xD800 && c <= 0xDFFF ? 'x' : c;
}

/* Returns the length; `reversed_out`: an override is in it. */
static size_t random_text(char out[TEXT_MAX], bool *reversed_out)
{
    static const char *const pieces[] = {"shit",
                                         "ѕhіt",
                                         "a$$",
                                         "s.h.i.t",
                                         "S_h-1.7",
                                         "%D1%82",
                                         "%25D1%2582",
                                         "&shy;",
                                         "&#104;",
                                         "aaaa",
                                         "http://a.com/b",
                                         "[a.com](b.org)",
                                         " ",
                                         " ",
                                         "\n",
                                         "s ",
                                         "НELLО",
                                         "é",
                                         "e\xCC\x81",
                                         "Привет",
                                         "ΣΊΣΥΦΟΣ",
                                         "Straße",
                                         "\xE2\x80\x8B",
                                         "ＡＢ",
                                         "\xE2\x80\xAE",
                                         "🇺🇸",
                                         "👩\xE2\x80\x8D👧",
                                         "142,460",
                                         "क्ष",
                                         "각",
                                         "@"};
    size_t len = 0, count = random_below(PIECES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (random_below(2)) {
            len += put_code_point(out + len, random_code_point());
            continue;
        }
        const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
        len = (size_t)(stpcpy(out + len, piece) - out);
    }
    *reversed_out = memmem(out, len, "\xE2\x80\xAE", 3);
    return len;
}

static void check_map(const struct wd_view *view, struct wd_str text, bool monotone)
{
    uint32_t last_start = 0, last_end = 0;
    for (uint32_t i = 0; i < view->text.len; i++) {
        uint32_t start, end;
        wd_view_to_original(view, i, i + 1, &start, &end);
        assert_true(start < end && end <= text.len);
        assert_true(!monotone || (start >= last_start && end >= last_end));
        last_start = start;
        last_end = end;
        wd_span_to_clusters(text, &start, &end);
        assert_true(start <= last_start && end >= last_end && end <= text.len);
        assert_true(utf8_is_valid(text.data + start, end - start));
    }
}

static void fold_with_icu(struct wd_str text, UChar *out, int32_t *len_out)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar source[TEXT_MAX];
    int32_t len;
    u_strFromUTF8(source, TEXT_MAX, &len, text.data, (int32_t)text.len, &status);
    *len_out = unorm2_normalize(unorm2_getNFKCCasefoldInstance(&status), source, len, out, TEXT_MAX * 20, &status);
    assert_true(U_SUCCESS(status));
}

static bool is_simple_folding(struct wd_str text, const UChar *folded, int32_t len)
{
    int32_t at = 0, text_at = 0;
    while (text_at < (int32_t)text.len && at < len) {
        UChar32 a, b;
        U8_NEXT((const uint8_t *)text.data, text_at, (int32_t)text.len, a);
        U16_NEXT(folded, at, len, b);
        if (u_foldCase(a, U_FOLD_CASE_DEFAULT) != b)
            return false;
    }
    return text_at == (int32_t)text.len && at == len;
}

static void check_folded(const struct wd_view *view, struct wd_str text)
{
    static UChar expected[TEXT_MAX * 20];
    static char utf8[TEXT_MAX * 60];
    int32_t len, utf8_len;
    UErrorCode status = U_ZERO_ERROR;
    fold_with_icu(text, expected, &len);
    u_strToUTF8(utf8, sizeof utf8, &utf8_len, expected, len, &status);
    assert_true(U_SUCCESS(status));
    assert_int_equal(view->text.len, utf8_len);
    assert_memory_equal(view->text.data, utf8, (size_t)utf8_len);
    if (!view->same_as_plain)
        assert_int_equal(view->differs_only_by_case, is_simple_folding(text, expected, len));
}

/* A caseless pattern must say the same of both texts: at the least, each must match the other as a whole. */
static void check_caseless(struct wd_str pattern, struct wd_str subject)
{
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.len, PCRE2_LITERAL | PCRE2_UTF | PCRE2_CASELESS,
                                     &error, &offset, NULL);
    assert_non_null(code);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    assert_true(pcre2_match(code, (PCRE2_SPTR)subject.data, subject.len, 0, 0, data, NULL) >= 0);
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
    assert_int_equal(ends[0], 0);
    assert_int_equal(ends[1], subject.len);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
}

/* What a piece of the folded text stands for folds to it again. */
static void check_round_trip(struct wd_view_scratch *scratch, const struct wd_view *view, struct wd_str text)
{
    char piece[TEXT_MAX * 2];
    uint32_t start = random_below((uint32_t)view->text.len), end = start + 1, from, to;
    while (start > 0 && ((unsigned char)view->text.data[start] & 0xC0) == 0x80)
        start--;
    while (end < view->text.len && ((unsigned char)view->text.data[end] & 0xC0) == 0x80)
        end++;
    if (end - start > sizeof piece)
        return;
    memcpy(piece, view->text.data + start, end - start);
    wd_view_to_original(view, start, end, &from, &to);
    struct wd_view again[WD_VIEWS_MAX];
    size_t count;
    struct wd_str original = {text.data + from, to - from};
    assert_int_equal(wd_views_make(scratch, original, 1u << WD_VIEW_FOLDED, again, &count), WD_OK);
    assert_non_null(memmem(again[0].text.data, again[0].text.len, piece, end - start));
}

static void check_text(struct wd_view_scratch *scratch, struct wd_str text, bool reversed)
{
    struct wd_view views[WD_VIEWS_MAX];
    size_t count;
    uint32_t seen = 0;
    assert_int_equal(wd_views_make(scratch, text, ALL, views, &count), WD_OK);
    assert_true(count >= 1 && count <= WD_VIEWS_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_true(utf8_is_valid(views[i].text.data, views[i].text.len));
        assert_int_equal(views[i].same_as_plain, wd_str_equal(views[i].text, text));
        check_map(&views[i], text, !reversed && views[i].kind != WD_VIEW_LINKS);
        seen |= views[i].kinds;
        for (size_t j = 0; j < i; j++)
            assert_false(wd_str_equal(views[i].text, views[j].text));
        if (views[i].kinds >> WD_VIEW_FOLDED & 1)
            check_folded(&views[i], text);
        if (views[i].differs_only_by_case) {
            check_caseless(views[i].text, text);
            check_caseless(text, views[i].text);
        }
    }
    assert_int_equal(seen | 1u << WD_VIEW_LINKS, ALL);
    assert_int_equal(wd_views_make(scratch, text, 1u << WD_VIEW_FOLDED, views, &count), WD_OK);
    if (views[0].text.len > 0)
        check_round_trip(scratch, &views[0], text);
}

static void every_promise_holds_on_random_texts(void **state)
{
    (void)state;
    struct wd_view_scratch *scratch = wd_view_scratch_new();
    assert_non_null(scratch);
    for (int i = 0; i < TEXTS; i++) {
        char text[TEXT_MAX];
        bool reversed;
        size_t len = random_text(text, &reversed);
        if (memchr(text, 0, len))
            continue;
        check_text(scratch, (struct wd_str){text, len}, reversed);
    }
    wd_view_scratch_free(scratch);
}

static size_t random_ascii(char out[TEXT_MAX])
{
    static const char *const pieces[] = {"a",     "I",   "s",    "h",  "t", " ",   " ",          ".", "-",
                                         "\n",    "!",   "1",    "5",  "$", "aaa", "word",       "(", "+",
                                         "h.com", "%41", "\x01", "  ", "'", "@",   "http://x.y/"};
    size_t len = 0, count = random_below(80);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
        len = (size_t)(stpcpy(out + len, piece) - out);
    }
    return len;
}

static void check_short_cut(struct wd_view_scratch *scratch, struct wd_view_scratch *other, char *text, size_t len,
                            uint32_t view)
{
    static const char tail[] = "\n\n\n\n\n\n\xE2\x80\x94"; /* a dash that no view touches, far off */
    struct wd_view ascii[WD_VIEWS_MAX], general[WD_VIEWS_MAX];
    size_t ascii_count, general_count;
    assert_int_equal(wd_views_make(scratch, (struct wd_str){text, len}, view, ascii, &ascii_count), WD_OK);
    memcpy(text + len, tail, sizeof tail);
    struct wd_str longer = {text, len + sizeof tail - 1};
    assert_int_equal(wd_views_make(other, longer, view, general, &general_count), WD_OK);
    assert_int_equal(ascii_count, general_count);
    for (size_t i = 0; i < ascii_count; i++) {
        assert_int_equal(general[i].text.len, ascii[i].text.len + sizeof tail - 1);
        assert_memory_equal(general[i].text.data, ascii[i].text.data, ascii[i].text.len);
        assert_int_equal(general[i].differs_only_by_case, ascii[i].differs_only_by_case);
    }
}

/* ASCII goes other ways through the code, with the same results. */
static void short_cuts_for_ascii_change_nothing(void **state)
{
    (void)state;
    struct wd_view_scratch *scratch = wd_view_scratch_new(), *other = wd_view_scratch_new();
    assert_true(scratch && other);
    for (int i = 0; i < TEXTS; i++) {
        char text[TEXT_MAX * 2];
        size_t len = random_ascii(text);
        uint32_t view = random_below(WD_VIEW_LINKS);
        check_short_cut(scratch, other, text, len, 1u << view);
    }
    wd_view_scratch_free(scratch);
    wd_view_scratch_free(other);
}

/* Texts on which a careless step would be quadratic; with a hundred thousand characters that would take minutes. */
static void long_hostile_texts_end(void **state)
{
    (void)state;
    static const char *const units[] = {
        "a-",    "!",  "(",        "@",       "a@",     "\xCC\x81\xCC\xA3", "%25", "&amp;",
        "a ",    "a.", "[",        "://",     "a://",   "\xE2\x80\xAE",     "🇺",   "क्",
        "aa55-", "s|", "<a href=", "x.com](", "<x.com|"};
    struct wd_view_scratch *scratch = wd_view_scratch_new();
    char *text = malloc(WD_VIEWS_TEXT_MAX);
    assert_non_null(scratch);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t unit = strlen(units[i]), len = 0;
        for (; len + unit <= 200000; len += unit)
            memcpy(text + len, units[i], unit);
        struct wd_view views[WD_VIEWS_MAX];
        size_t count;
        assert_int_equal(wd_views_make(scratch, (struct wd_str){text, len}, ALL, views, &count), WD_OK);
        for (size_t j = 0; j < count; j++)
            assert_true(utf8_is_valid(views[j].text.data, views[j].text.len));
        uint32_t start = (uint32_t)len / 2, end = start + 1;
        wd_span_to_clusters((struct wd_str){text, len}, &start, &end);
        assert_true(start < end && end <= len);
    }
    free(text);
    wd_view_scratch_free(scratch);
}

int main(void)
{
    const char *seed = getenv("WARDEN_TEST_SEED");
    random_state = seed ? strtoull(seed, NULL, 10) : 1;
    printf("seed %llu\n", (unsigned long long)random_state);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_promise_holds_on_random_texts),
        cmocka_unit_test(short_cuts_for_ascii_change_nothing),
        cmocka_unit_test(long_hostile_texts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
