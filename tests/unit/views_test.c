/* The views by example: tests/golden/evasion says what must be caught, what must be left alone and what a redaction
 * takes; here beside it what the views promise to their caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "filters/views/views.h"
#include "tests/support/golden.h"

#define GOLDEN SOURCE_DIR "/tests/golden/evasion/"

enum { ALL = (1 << WD_VIEW_COUNT) - 1 };

struct made {
    struct wd_view_scratch *scratch;
    struct wd_view views[WD_VIEWS_MAX];
    size_t count;
};

static int set_up(void **state)
{
    struct made *made = calloc(1, sizeof *made);
    assert_non_null(made);
    made->scratch = wd_view_scratch_new();
    assert_non_null(made->scratch);
    *state = made;
    return 0;
}

static int tear_down(void **state)
{
    struct made *made = *state;
    wd_view_scratch_free(made->scratch);
    free(made);
    return 0;
}

static void make(struct made *made, const char *text, uint32_t wanted)
{
    assert_int_equal(wd_views_make(made->scratch, wd_str_from(text), wanted, made->views, &made->count), WD_OK);
}

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The first place of `word` in `text` with no word byte beside it; SIZE_MAX: none. */
static size_t find_word(struct wd_str text, const char *word)
{
    size_t len = strlen(word);
    for (size_t at = 0; at + len <= text.len; at++)
        if (memcmp(text.data + at, word, len) == 0 && (at == 0 || !is_word_byte(text.data[at - 1])) &&
            (at + len == text.len || !is_word_byte(text.data[at + len])))
            return at;
    return SIZE_MAX;
}

static const struct wd_view *view_with_word(const struct made *made, enum wd_view_kind kind, const char *word,
                                            size_t *at_out)
{
    for (size_t i = 0; i < made->count; i++) {
        *at_out = find_word(made->views[i].text, word);
        if ((made->views[i].kinds >> kind & 1) && *at_out != SIZE_MAX)
            return &made->views[i];
    }
    return NULL;
}

static enum wd_view_kind kind_named(const char *name)
{
    for (int kind = 0; kind < WD_VIEW_COUNT; kind++)
        if (strcmp(wd_view_name((enum wd_view_kind)kind), name) == 0)
            return (enum wd_view_kind)kind;
    fail_msg("no view %s", name);
    return WD_VIEW_COUNT;
}

static FILE *open_golden(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be opened", path);
    return file;
}

static void check_caught(struct made *made, const struct golden_row *row)
{
    const char *word = row->fields[1], *piece = row->fields[2], *input = row->fields[3];
    size_t at = 0;
    enum wd_view_kind kind = kind_named(row->fields[0]);
    make(made, input, 1u << kind);
    const struct wd_view *view = view_with_word(made, kind, word, &at);
    if (!view)
        fail_msg("catch.tsv:%d: '%s' is not in view %s of '%s'", row->line, word, row->fields[0], input);
    if (*piece == 0)
        return;
    uint32_t start, end;
    wd_view_to_original(view, (uint32_t)at, (uint32_t)(at + strlen(word)), &start, &end);
    wd_span_to_clusters(wd_str_from(input), &start, &end);
    if (end - start != strlen(piece) || memcmp(input + start, piece, end - start) != 0)
        fail_msg("catch.tsv:%d: the span is '%.*s', not '%s'", row->line, (int)(end - start), input + start, piece);
}

static void evasions_are_caught_where_they_stand(void **state)
{
    FILE *file = open_golden(GOLDEN "catch.tsv");
    struct golden_row row = {0};
    int count = 0;
    for (; golden_next(file, &row); count++) {
        assert_int_equal(row.count, 4);
        check_caught(*state, &row);
    }
    fclose(file);
    assert_true(count > 60);
}

static void check_no_word(const struct made *made, const struct golden_row *row)
{
    char words[1024];
    snprintf(words, sizeof words, "%s", row->fields[1]);
    char *rest = words;
    for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ","))
        for (size_t i = 0; i < made->count; i++)
            if (find_word(made->views[i].text, word) != SIZE_MAX &&
                find_word((struct wd_str){row->fields[2], strlen(row->fields[2])}, word) == SIZE_MAX)
                fail_msg("leave.tsv:%d: view %s makes '%s' of '%s'", row->line, wd_view_name(made->views[i].kind), word,
                         row->fields[2]);
}

static void check_quiet(struct made *made, const struct golden_row *row)
{
    make(made, row->fields[2], ALL & ~(1u << WD_VIEW_LINKS));
    for (size_t i = 0; i < made->count; i++)
        if (made->views[i].kind > WD_VIEW_FOLDED)
            fail_msg("leave.tsv:%d: view %s says '%.*s'", row->line, wd_view_name(made->views[i].kind),
                     WD_STR_ARG(made->views[i].text));
}

static void innocent_texts_are_left_alone(void **state)
{
    FILE *file = open_golden(GOLDEN "leave.tsv");
    struct made *made = *state;
    struct golden_row row = {0};
    int count = 0;
    for (; golden_next(file, &row); count++) {
        assert_int_equal(row.count, 3);
        make(made, row.fields[2], ALL);
        check_no_word(made, &row);
        if (strcmp(row.fields[0], "quiet") == 0)
            check_quiet(made, &row);
    }
    fclose(file);
    assert_true(count > 25);
}

static void redactions_take_whole_letters(void **state)
{
    (void)state;
    FILE *file = open_golden(GOLDEN "clusters.tsv");
    struct golden_row row = {0};
    int count = 0;
    for (; golden_next(file, &row); count++) {
        const char *piece = row.fields[0], *whole = row.fields[1], *input = row.fields[2];
        uint32_t start = (uint32_t)(strstr(input, piece) - input), end = start + (uint32_t)strlen(piece);
        wd_span_to_clusters(wd_str_from(input), &start, &end);
        if (end - start != strlen(whole) || memcmp(input + start, whole, end - start) != 0)
            fail_msg("clusters.tsv:%d: '%.*s' is not '%s'", row.line, (int)(end - start), input + start, whole);
    }
    fclose(file);
    assert_true(count > 10);
}

static void small_ascii_text_is_one_text_for_all_views(void **state)
{
    struct made *made = *state;
    make(made, "just an ordinary line, nothing to see here.", ALL & ~(1u << WD_VIEW_LINKS));
    assert_int_equal(made->count, 1);
    assert_int_equal(made->views[0].kind, WD_VIEW_PLAIN);
    assert_int_equal(made->views[0].kinds, ALL & ~(1u << WD_VIEW_LINKS));
    assert_true(made->views[0].same_as_plain);
    assert_null(made->views[0].map);
}

static void a_view_wanted_alone_is_made_even_if_it_is_the_original(void **state)
{
    struct made *made = *state;
    make(made, "ordinary", 1u << WD_VIEW_LEET);
    assert_int_equal(made->count, 1);
    assert_int_equal(made->views[0].kind, WD_VIEW_LEET);
    assert_int_equal(made->views[0].kinds, 1u << WD_VIEW_LEET);
    assert_true(made->views[0].same_as_plain);
}

static void only_wanted_views_are_made(void **state)
{
    struct made *made = *state;
    make(made, "5h1t%20%D1%82 s.h.i.t", 1u << WD_VIEW_SQUEEZED);
    assert_true(made->count >= 1);
    for (size_t i = 0; i < made->count; i++)
        assert_int_equal(made->views[i].kinds, 1u << WD_VIEW_SQUEEZED);
    make(made, "anything", 0);
    assert_int_equal(made->count, 0);
}

static const struct wd_view *folded_of(struct made *made, const char *text)
{
    make(made, text, 1u << WD_VIEW_PLAIN | 1u << WD_VIEW_FOLDED);
    return &made->views[made->count - 1];
}

static void folding_tells_whether_only_case_differs(void **state)
{
    struct made *made = *state;
    assert_true(folded_of(made, "Hello WORLD")->differs_only_by_case);
    assert_null(folded_of(made, "Hello WORLD")->map);
    assert_true(folded_of(made, "ПРИВЕТ Ärger")->differs_only_by_case);
    assert_true(folded_of(made, "\xE2\x84\xAA"
                                "elvin")
                    ->differs_only_by_case);                       /* the Kelvin sign is k for PCRE2 */
    assert_true(folded_of(made, "Σίσυφος")->differs_only_by_case); /* and both small sigmas are one */
    assert_false(folded_of(made, "Straße")->differs_only_by_case);
    assert_false(folded_of(made, "İ")->differs_only_by_case);
    assert_false(folded_of(made, "ＡＢＣ")->differs_only_by_case);
    assert_false(folded_of(made, "Cafe\xCC\x81")->differs_only_by_case);
    assert_true(folded_of(made, "Q\xCC\x81")->differs_only_by_case); /* no letter is composed of these */
    make(made, "unchanged", 1u << WD_VIEW_PLAIN | 1u << WD_VIEW_FOLDED);
    assert_int_equal(made->count, 1);
}

static void a_part_of_a_character_stands_for_the_whole(void **state)
{
    struct made *made = *state;
    const struct wd_view *view = folded_of(made, "Straße");
    uint32_t start, end;
    assert_true(wd_str_is(view->text, "strasse"));
    wd_view_to_original(view, 3, 5, &start, &end); /* "as", half of the sharp s */
    assert_int_equal(start, 3);
    assert_int_equal(end, 6);
    wd_view_to_original(view, 7, 7, &start, &end);
    assert_int_equal(start, 7);
    assert_int_equal(end, 7);
}

static void what_does_not_decode_stays(void **state)
{
    struct made *made = *state;
    static const char *const texts[] = {"100%", "%zz",      "%C3x",   "%C0%AF", "%ED%A0%80", "%F4%90%80%80",
                                        "%00",  "&;",       "&nope;", "&#0;",   "&#xD800;",  "&#99999999999;",
                                        "&amp", "a & b; c", "%E2%82", "&#x;",   "&#;"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        make(made, texts[i], 1u << WD_VIEW_DECODED);
        assert_int_equal(made->count, 1);
        if (!made->views[0].same_as_plain)
            fail_msg("'%s' was decoded to '%.*s'", texts[i], WD_STR_ARG(made->views[0].text));
    }
    make(made, "%252525", 1u << WD_VIEW_DECODED); /* twice, and no more */
    assert_true(wd_str_is(made->views[0].text, "%25"));
}

static void check_links(struct made *made, const char *text, const char *const expected[])
{
    make(made, text, 1u << WD_VIEW_LINKS);
    size_t count = 0;
    for (; expected[count]; count++) {
        if (count >= made->count || !wd_str_is(made->views[count].text, expected[count]))
            fail_msg("link %zu of '%s' is '%.*s', not '%s'", count, text,
                     count < made->count ? (int)made->views[count].text.len : 0, made->views[count].text.data,
                     expected[count]);
    }
    assert_int_equal(made->count, count);
}

static void links_are_found(void **state)
{
    struct made *made = *state;
#define LINKS(...) (const char *const[]){__VA_ARGS__, NULL}
    check_links(made, "no link. here: not a://, e.g.this or 1.5", LINKS(NULL));
    check_links(made, "go to Example.COM/Path?q=1.", LINKS("example.com/path?q=1"));
    check_links(made, "(https://a.org/x(y)), www.b.xx!", LINKS("a.org/x(y)", "www.b.xx"));
    check_links(made, "me@example.com or tel:5", LINKS(NULL));
    check_links(made, "http://[::1]/ ftp://h:21/f", LINKS("h/f"));
    check_links(made, "[docs](https://docs.example.com/) [www.example.com](https://docs.example.com/)",
                LINKS("docs.example.com/", "www.example.com"));
    check_links(made, "[bank.com](evil.net/a)", LINKS("bank.com", "evil.net/a", "bank.com -> evil.net/a"));
#undef LINKS
}

static void too_many_links_are_left_out(void **state)
{
    struct made *made = *state;
    char text[4096] = "";
    for (int i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "h%d.com ", i);
    make(made, text, ALL);
    assert_true(made->count > 10 && made->count <= WD_VIEWS_MAX);
}

static void a_text_over_the_limit_is_refused(void **state)
{
    struct made *made = *state;
    size_t len = WD_VIEWS_TEXT_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'A', len);
    size_t count = 9;
    assert_int_equal(wd_views_make(made->scratch, (struct wd_str){text, len}, ALL, made->views, &count),
                     WD_ERR_TOO_LARGE);
    assert_int_equal(count, 0);
    assert_int_equal(wd_views_make(made->scratch, (struct wd_str){text, len - 1}, ALL, made->views, &count), WD_OK);
    assert_int_equal(made->views[0].text.len, len - 1);
    free(text);
    make(made, "Short again", ALL);
    assert_true(wd_str_is(made->views[1].text, "short again"));
}

static void nothing_comes_of_nothing(void **state)
{
    struct made *made = *state;
    size_t count = 9;
    assert_int_equal(wd_views_make(made->scratch, (struct wd_str){NULL, 0}, ALL, made->views, &count), WD_OK);
    assert_int_equal(count, 0);
    make(made, "", 1u << WD_VIEW_PLAIN | 1u << WD_VIEW_SQUEEZED);
    assert_int_equal(made->count, 1);
    make(made, "\xE2\x80\x8B", 1u << WD_VIEW_STRIPPED); /* a zero-width space alone */
    assert_int_equal(made->count, 1);
    assert_int_equal(made->views[0].text.len, 0);
    uint32_t start, end;
    wd_view_to_original(&made->views[0], 0, 0, &start, &end);
    assert_int_equal(start, 0);
    assert_int_equal(end, 0);
}

static bool is_late_after(void *left)
{
    return --*(int *)left < 0;
}

/* Wherever it stops, what is there is what would be there otherwise, and the next text is read as ever. */
static void views_that_take_too_long_are_left_out(void **state)
{
    struct made *made = *state;
    static const char unit[] = "S h 1.t s\xCC\xA7\xD1\x96 4@$$ aaaa http://a.b %41&amp; \xE2\x80\xAEtihs\xE2\x80\xAC ";
    enum { TIMES = 1000 };
    char *text = calloc(TIMES, sizeof unit);
    for (int i = 0; i < TIMES; i++)
        strcat(text + (size_t)i * (sizeof unit - 1), unit);
    make(made, text, ALL);
    size_t all = made->count, most = 0;
    struct made stopped = {.scratch = wd_view_scratch_new()};
    bool ended = false;
    for (int looks = 0; !ended; looks += 1 + looks / 8) {
        int left = looks;
        wd_views_stop_when(stopped.scratch, is_late_after, &left);
        make(&stopped, text, ALL);
        ended = !wd_views_stopped(stopped.scratch);
        assert_true(ended ? stopped.count == all : stopped.count <= all);
        for (size_t i = 0; i < stopped.count; i++) {
            assert_int_equal(stopped.views[i].kind, made->views[i].kind);
            assert_int_equal(stopped.views[i].text.len, made->views[i].text.len);
            assert_memory_equal(stopped.views[i].text.data, made->views[i].text.data, made->views[i].text.len);
        }
        most = !ended && stopped.count > most ? stopped.count : most;
        left = 1000;
        make(&stopped, "Just text", ALL);
        assert_false(wd_views_stopped(stopped.scratch));
        assert_true(stopped.count > 1 && wd_str_is(stopped.views[1].text, "just text"));
    }
    assert_true(most > 2 && most < all);
    wd_view_scratch_free(stopped.scratch);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evasions_are_caught_where_they_stand),
        cmocka_unit_test(innocent_texts_are_left_alone),
        cmocka_unit_test(redactions_take_whole_letters),
        cmocka_unit_test(small_ascii_text_is_one_text_for_all_views),
        cmocka_unit_test(a_view_wanted_alone_is_made_even_if_it_is_the_original),
        cmocka_unit_test(only_wanted_views_are_made),
        cmocka_unit_test(folding_tells_whether_only_case_differs),
        cmocka_unit_test(a_part_of_a_character_stands_for_the_whole),
        cmocka_unit_test(what_does_not_decode_stays),
        cmocka_unit_test(links_are_found),
        cmocka_unit_test(too_many_links_are_left_out),
        cmocka_unit_test(a_text_over_the_limit_is_refused),
        cmocka_unit_test(views_that_take_too_long_are_left_out),
        cmocka_unit_test(nothing_comes_of_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
