/* Native matchers against the obvious way, on random texts of many scripts: words and characters that repeat, lines,
 * capitals, scripts, heaps of marks, and hosts that several conditions share. The seed is printed. */
#include "tests/unit/matchers_support.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "filters/matchers/facts.h"
#include "filters/matchers/features.h"

enum { ROUNDS = 60000, CHARACTERS_MAX = 96 };

static uint64_t random_state;

static uint32_t below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(random_state >> 33) % bound;
}

/* A text as characters and as bytes. */
struct text {
    UChar32 characters[CHARACTERS_MAX];
    size_t starts[CHARACTERS_MAX + 1], count;
    char bytes[CHARACTERS_MAX * 4];
};

static struct wd_str str(const struct text *text)
{
    return (struct wd_str){text->bytes, text->starts[text->count]};
}

static void put(struct text *text, UChar32 c)
{
    size_t at = text->starts[text->count];
    if (text->count == CHARACTERS_MAX)
        return;
    U8_APPEND_UNSAFE(text->bytes, at, c);
    text->characters[text->count++] = c;
    text->starts[text->count] = at;
}

static UChar32 some_character(void)
{
    static const UChar32 COMMON[] = {'a',    'b',    'A',    'B',    ' ',    ' ',     '\n',    '.',     '\'',
                                     '_',    '1',    '-',    ':',    '/',    '@',     0x430,   0x410,   0x431,
                                     0x301,  0x302,  0x4E00, 0x4E01, 0xE01,  0xE48,   0x1F600, 0x1F44D, 0x1F3FD,
                                     0x2764, 0xFE0F, 0x3002, 0xFF0C, 0x201C, 0x2026,  0xE9,    0xD7,    0x660,
                                     0x628,  0x64B,  0x5D0,  0x915,  0x93E,  0x1D400, 0xA0,    0x2028};
    if (below(12))
        return COMMON[below(sizeof(COMMON) / sizeof(*COMMON))];
    UChar32 c = (UChar32)(1 + below(below(2) ? 0x2FFF : 0x1FFFF));
    return c >= 0xD800 && c <= 0xDFFF ? 'x' : c;
}

/* Some of it is said again, so that there is something to find. */
static struct text make_text(void)
{
    struct text text = {.count = 0};
    for (uint32_t wanted = below(CHARACTERS_MAX); text.count < wanted;) {
        size_t from = text.count > 6 ? text.count - 1 - below(6) : 0, len = text.count - from;
        bool again = text.count && below(4) == 0;
        if (!again)
            put(&text, some_character());
        for (size_t i = 0; again && i < len; i++)
            put(&text, text.characters[from + i]);
    }
    return text;
}

struct spans {
    size_t starts[CHARACTERS_MAX * 4], ends[CHARACTERS_MAX * 4], count;
};

static void add_span(void *context, size_t start, size_t end)
{
    struct spans *spans = context;
    spans->starts[spans->count] = start;
    spans->ends[spans->count++] = end;
}

static void require_same(const struct spans *found, const struct spans *expected, const struct text *text,
                         const char *what)
{
    bool same = found->count == expected->count;
    for (size_t i = 0; same && i < found->count; i++)
        same = found->starts[i] == expected->starts[i] && found->ends[i] == expected->ends[i];
    if (!same)
        fail_msg("%s of '%.*s': %zu found, %zu expected", what, (int)str(text).len, text->bytes, found->count,
                 expected->count);
}

/* ---- words ---- */

static bool is_word(UChar32 c)
{
    return c == '_' || c == '\'' || u_isalnum(c) || (U_MASK(u_charType(c)) & U_GC_M_MASK);
}

static UChar32 without_case(UChar32 c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static size_t word_end(const struct text *text, size_t at)
{
    while (at < text->count && is_word(text->characters[at]))
        at++;
    return at;
}

static size_t word_start(const struct text *text, size_t at)
{
    while (at < text->count && !is_word(text->characters[at]))
        at++;
    return at;
}

static bool is_same_word(const struct text *text, size_t a, size_t b)
{
    size_t len = word_end(text, a) - a;
    for (size_t i = 0; i < len; i++)
        if (b + i >= text->count || without_case(text->characters[a + i]) != without_case(text->characters[b + i]))
            return false;
    return word_end(text, b) - b == len;
}

static void model_words(const struct text *text, const struct wd_repeat *repeat, struct spans *out)
{
    for (size_t first = word_start(text, 0); first < text->count;) {
        size_t end = word_end(text, first), next = word_start(text, end), length = end - first;
        uint32_t times = 1;
        while (next < text->count && is_same_word(text, first, next)) {
            end = word_end(text, next);
            next = word_start(text, end);
            times++;
        }
        if (times >= repeat->at_least && length >= repeat->min_length && length <= repeat->max_length)
            add_span(out, text->starts[first], text->starts[end]);
        first = next;
    }
}

/* ---- characters ---- */

static bool extends(UChar32 c)
{
    return (c >= 0x300 && (U_MASK(u_charType(c)) & U_GC_M_MASK)) || (c >= 0x1F3FB && c <= 0x1F3FF);
}

static size_t cluster_end(const struct text *text, size_t at)
{
    for (at++; at < text->count && extends(text->characters[at]); at++)
        ;
    return at;
}

/* Whether the same character with its marks stands so often in a row; a copy may go on with further marks. */
static bool model_has_run(const struct text *text, uint32_t times)
{
    for (size_t at = 0; at < text->count; at++) {
        if (extends(text->characters[at]))
            continue;
        for (size_t end = at + 1; end <= cluster_end(text, at); end++) {
            size_t bytes = text->starts[end] - text->starts[at], start = text->starts[at], copies = 1;
            while (start + (copies + 1) * bytes <= str(text).len &&
                   memcmp(text->bytes + start, text->bytes + start + copies * bytes, bytes) == 0)
                copies++;
            if (copies >= times && bytes <= 16)
                return true;
        }
    }
    return false;
}

/* ---- lines ---- */

static bool is_blank(UChar32 c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const struct text *text, size_t *start, size_t *end)
{
    while (*start < *end && is_blank(text->characters[*start]))
        ++*start;
    while (*start < *end && is_blank(text->characters[*end - 1]))
        --*end;
}

static size_t line_end(const struct text *text, size_t at)
{
    while (at < text->count && text->characters[at] != '\n')
        at++;
    return at;
}

static void model_lines(const struct text *text, const struct wd_repeat *repeat, struct spans *out)
{
    for (size_t at = 0; at < text->count; at = line_end(text, at) + 1) {
        size_t start = at, end = line_end(text, at), before = 0;
        trim(text, &start, &end);
        for (size_t other = 0; other <= at; other = line_end(text, other) + 1) {
            size_t from = other, to = line_end(text, other);
            trim(text, &from, &to);
            before += to - from == end - start &&
                      !memcmp(text->characters + from, text->characters + start, (to - from) * sizeof(UChar32));
        }
        size_t length = end - start;
        bool has_feeds = line_end(text, 0) < text->count;
        if (has_feeds && length && before >= repeat->at_least && length >= repeat->min_length &&
            length <= repeat->max_length)
            add_span(out, text->starts[start], text->starts[end]);
    }
}

/* ---- heaps of marks ---- */

static bool is_stray(UChar32 c)
{
    UErrorCode status = U_ZERO_ERROR;
    return c >= 0x300 && !(c >= 0xFE00 && c <= 0xFE0F) && !(c >= 0xE0100 && c <= 0xE01EF) &&
           (u_charType(c) == U_NON_SPACING_MARK || u_charType(c) == U_ENCLOSING_MARK) &&
           uscript_getScript(c, &status) == USCRIPT_INHERITED;
}

static void model_zalgo(const struct text *text, uint32_t marks, struct spans *out)
{
    for (size_t at = 0; at < text->count;) {
        size_t first = at + !is_stray(text->characters[at]), end = first;
        while (end < text->count && is_stray(text->characters[end]))
            end++;
        if (end - first >= marks)
            add_span(out, text->starts[at], text->starts[end]);
        at = end > at ? end : at + 1;
    }
}

/* ---- counts ---- */

static void check_counts(const struct text *text)
{
    static const int SCRIPTS[] = {USCRIPT_CYRILLIC, USCRIPT_LATIN};
    struct wd_letter_case expected = {0};
    struct wd_script_share share = {0};
    for (size_t i = 0; i < text->count; i++) {
        UErrorCode status = U_ZERO_ERROR;
        UChar32 c = text->characters[i];
        int script = u_isalpha(c) ? uscript_getScript(c, &status) : USCRIPT_COMMON;
        expected.upper += u_charType(c) == U_UPPERCASE_LETTER;
        expected.lower += u_charType(c) == U_LOWERCASE_LETTER;
        share.letters += script != USCRIPT_COMMON && script != USCRIPT_INHERITED;
        share.of_scripts += script == USCRIPT_CYRILLIC || script == USCRIPT_LATIN;
    }
    struct wd_letter_case found = wd_count_case(str(text), NULL);
    struct wd_script_share of = wd_count_scripts(str(text), SCRIPTS, 2, NULL);
    assert_int_equal(found.upper, expected.upper);
    assert_int_equal(found.lower, expected.lower);
    assert_int_equal(of.letters, share.letters);
    assert_int_equal(of.of_scripts, share.of_scripts);
}

static void check_hosts(const struct text *text, struct wd_arena *arena)
{
    struct wd_text_facts facts = {.arena = arena};
    struct spans shared = {.count = 0}, one_by_one = {.count = 0};
    for (const struct wd_host_fact *fact = wd_facts_hosts(&facts, str(text), NULL); fact; fact = fact->next)
        if (!fact->is_part)
            add_span(&shared, fact->start, fact->end);
    struct wd_host_search search = {.text = str(text)};
    struct wd_host_place place;
    struct wd_host host;
    while (wd_next_host(&search, &place))
        if (!place.is_local &&
            wd_host_normalize((struct wd_str){text->bytes + place.start, place.end - place.start}, &host))
            add_span(&one_by_one, place.start, place.end);
    require_same(&shared, &one_by_one, text, "hosts");
    assert_true(!one_by_one.count || wd_text_features(str(text), UINT32_MAX, NULL) & WD_FEATURE_HOST);
    wd_arena_reset(arena);
}

static bool is_repetition(const char *bytes, size_t len, const struct wd_repeat *repeat)
{
    for (size_t period = repeat->min_length; period <= repeat->max_length; period++)
        if (len % period == 0 && len / period >= repeat->at_least && memcmp(bytes, bytes + period, len - period) == 0)
            return true;
    return false;
}

static void find_chunks(struct wd_str text, const struct wd_repeat *repeat, struct spans *out)
{
    struct wd_finder finder = {.found = add_span, .context = out};
    out->count = 0;
    wd_find_repeats(text, repeat, &finder);
    for (size_t i = 0; i < out->count; i++)
        if (!is_repetition(text.data + out->starts[i], out->ends[i] - out->starts[i], repeat))
            fail_msg("%zu to %zu of '%.*s' is no repetition", out->starts[i], out->ends[i], (int)text.len, text.data);
}

/* Every find is one, and where the text stands, behind other characters, has no part in whether there is any. */
static size_t check_chunks(void)
{
    enum { LENGTH = 120, SHIFT_MAX = 26 };
    struct wd_repeat repeat = {.unit = WD_REPEAT_CHUNKS, .at_least = 2 + below(3), .min_length = 1 + below(4)};
    repeat.max_length = repeat.min_length + below(14);
    char bytes[SHIFT_MAX + LENGTH];
    size_t shift = 1 + below(SHIFT_MAX), len = below(LENGTH);
    for (size_t i = 0; i < shift; i++)
        bytes[i] = (char)('A' + i); /* none twice, and none that the text has */
    char *text = bytes + shift;
    for (size_t i = 0, back = 0; i < len; i++) {
        back = below(8) == 0 ? below(16) : back; /* a while from so far back again, or something new */
        text[i] = back && back <= i ? text[i - back] : "abcdefghijklmnopqrstuvwxyz"[below(26)];
    }
    struct spans found, behind;
    find_chunks((struct wd_str){text, len}, &repeat, &found);
    find_chunks((struct wd_str){bytes, shift + len}, &repeat, &behind);
    if (!found.count != !behind.count)
        fail_msg("chunks of '%.*s', %u times %u to %u: %zu, and %zu behind %zu more", (int)len, text, repeat.at_least,
                 repeat.min_length, repeat.max_length, found.count, behind.count, shift);
    return found.count;
}

static size_t check_repeats(const struct text *text)
{
    struct wd_repeat repeat = {.at_least = 2 + below(3), .min_length = 1 + below(3), .max_length = 3 + below(9)};
    uint32_t features = wd_text_features(str(text), UINT32_MAX, NULL);
    struct spans found = {.count = 0}, expected = {.count = 0};
    struct wd_finder finder = {.found = add_span, .context = &found};
    repeat.unit = WD_REPEAT_WORDS;
    wd_find_repeats(str(text), &repeat, &finder);
    model_words(text, &repeat, &expected);
    require_same(&found, &expected, text, "words");
    size_t finds = expected.count;
    uint32_t row = repeat.at_least > 2 ? WD_FEATURE_WORD_THRICE : WD_FEATURE_WORD_TWICE;
    assert_true(!expected.count || features & row);
    found.count = expected.count = 0;
    repeat.unit = WD_REPEAT_LINES;
    wd_find_repeats(str(text), &repeat, &finder);
    model_lines(text, &repeat, &expected);
    require_same(&found, &expected, text, "lines");
    finds += expected.count;
    found.count = 0;
    repeat.unit = WD_REPEAT_CHARACTERS;
    wd_find_repeats(str(text), &repeat, &finder);
    bool has_run = model_has_run(text, repeat.at_least);
    if (has_run != (found.count > 0))
        fail_msg("characters of '%.*s', %u times: %zu found", (int)str(text).len, text->bytes, repeat.at_least,
                 found.count);
    assert_true(!has_run || repeat.at_least < 3 || features & WD_FEATURE_RUN);
    return finds + has_run;
}

static void test_models(void **state)
{
    (void)state;
    const char *seed = getenv("WARDEN_TEST_SEED");
    random_state = seed ? strtoull(seed, NULL, 10) : 20260301;
    print_message("seed %llu\n", (unsigned long long)random_state);
    struct wd_arena *arena = wd_arena_new(1 << 20);
    size_t finds = 0, chunks = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct text text = make_text();
        struct spans found = {.count = 0}, expected = {.count = 0};
        struct wd_finder finder = {.found = add_span, .context = &found};
        uint32_t marks = 2 + below(3);
        finds += check_repeats(&text);
        wd_find_zalgo(str(&text), marks, &finder);
        model_zalgo(&text, marks, &expected);
        require_same(&found, &expected, &text, "heaps");
        check_counts(&text);
        chunks += check_chunks();
        check_hosts(&text, arena);
    }
    assert_in_range(finds, ROUNDS / 10, ROUNDS * 10);
    assert_in_range(chunks, ROUNDS / 10, ROUNDS * 20);
    wd_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
