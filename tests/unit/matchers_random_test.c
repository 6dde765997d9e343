/* Random texts through all kinds of conditions at once, in several views: whatever is found lies within what the user
 * wrote, at borders of characters, and the same text is judged the same way twice. */
#include "tests/unit/rules_support.h"

#include "tests/support/utf8.h"

static const char RULES[] =
    HEAD "lists: {bad: {kind: domain, items: [evil.example, пример.рф, 10.0.0.1]}}\n"
         "rules:\n"
         "- {id: a, views: [plain, folded, stripped, confusable, leet, squeezed, decoded], actions: [flag],\n"
         "   when: {any: [{card: any}, {phone: any}, {email: any}, {iban: any}, {wallet: any}, {domain: bad},\n"
         "                {repeat: {of: words, at_least: 2}}, {repeat: {of: characters, at_least: 3}},\n"
         "                {repeat: {of: chunks, at_least: 2, min_length: 1}}, {repeat: {of: lines, at_least: 2}}]}}\n"
         "- {id: b, actions: [flag], when: {any: [{links: {}}, {links: {with: [other_host, user, port]}},\n"
         "   {caps: {letters: 2}}, {emoji: {}}, {zalgo: {marks: 2}}, {script: {is: [Cyrillic, Latin]}}]}}\n"
         "- {id: c, when: {email: any}, except: [{domain: bad}, {repeat: {of: characters, at_least: 2}}],\n"
         "   actions: [flag]}\n";

/* Pieces that matchers take an interest in, whole and cut. */
static const char *const PIECES[] = {
    "4111 1111 1111 1111",
    "4111",
    "1111",
    " ",
    "-",
    "+49 30 23125 000",
    "(202) 555-0187",
    "0049",
    "٤١١١",
    "１２３４",
    "a@b.com",
    "@",
    ".",
    "пример.рф",
    "http://",
    "evil.example",
    "evil%2Eexample",
    "/",
    "?u=",
    ":80",
    "user@",
    "[::1]",
    "DE89370400440532013000",
    "GB82 WEST 1234 5698 7654 32",
    "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "no",
    "no no",
    "НЕТ",
    "нет",
    "\n",
    "buy\n",
    "aaa",
    "ß",
    "İ",
    "ﬁ",
    "🔥",
    "👨\u200d👩\u200d👧",
    "🇩🇪",
    "❤\ufe0f",
    "\u200b",
    "\u00ad",
    "\u202e",
    "\u0301\u0302\u0303",
    "e\u0301",
    "&#46;",
    "&amp;",
    "[x.com](",
    ")",
    "中文",
    "。",
    "\ufffd",
    "ｅｖｉｌ",
    "3232235777",
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static void make_text(uint64_t *state, char *out, size_t room)
{
    size_t len = 0;
    for (uint32_t pieces = 1 + next_random(state) % 12; pieces; pieces--) {
        const char *piece = PIECES[next_random(state) % (sizeof(PIECES) / sizeof(*PIECES))];
        if (len + strlen(piece) + 1 > room)
            break;
        len += (size_t)snprintf(out + len, room - len, "%s", piece);
    }
}

static void check_spans(const struct bench *bench, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < bench->verdict.match_count; i++)
        for (size_t j = 0; j < bench->verdict.matches[i].span_count; j++) {
            const struct wd_span *span = &bench->verdict.matches[i].spans[j];
            if (span->text_index != 0 || span->start >= span->end || span->end > len ||
                !utf8_is_valid(text + span->start, span->end - span->start))
                fail_msg("span %u to %u of '%s'", span->start, span->end, text);
        }
}

static void test_random_texts(void **unused)
{
    (void)unused;
    uint64_t state = 20260115;
    const char *seed = getenv("WARDEN_TEST_SEED");
    if (seed)
        state = strtoull(seed, NULL, 10);
    print_message("seed %llu\n", (unsigned long long)state);
    struct bench *bench = bench_new(RULES);
    size_t matches = 0;
    for (int round = 0; round < 20000; round++) {
        char text[512], first[1024];
        make_text(&state, text, sizeof(text));
        snprintf(first, sizeof(first), "%s", matched(bench, text));
        check_spans(bench, text);
        assert_string_equal(matched(bench, text), first);
        matches += *first != '\0';
    }
    assert_in_range(matches, 5000, 20000);
    bench_free(bench);
}

/* Texts that make careless searches slow: many times the usual length must not take many times as many steps. What is
 * asserted is only that it ends, which the limit of the test's time does. */
static void test_hostile_texts_end(void **unused)
{
    (void)unused;
    enum { LENGTH = 200000 };
    static const char *const UNITS[] = {
        "a", "ab",   "1",   "1 ", "1-",  "@",     "a@", ".", "a.",     "http://", "http://a/", "a:", "(1) ", "+1",
        "D", "DE89", "no ", "\n", "x\n", "1111 ", "é",  "🔥", "\u0301", "/",       "[",         "。", "а.",   "[a.b]("};
    struct bench *bench = bench_new(RULES);
    char *text = malloc(LENGTH + 1);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(*UNITS); i++) {
        size_t len = 0, unit = strlen(UNITS[i]);
        for (; len + unit <= LENGTH; len += unit)
            memcpy(text + len, UNITS[i], unit);
        text[len] = '\0';
        bench->texts[0] = (struct wd_text){.field = WD_FIELD_TEXT, .text = {text, len}};
        bench->event.text_count = 1;
        wd_arena_reset(bench->arena);
        struct wd_error err = {0};
        enum wd_status status =
            wd_scan(bench->scanner, bench->set, bench->arena, &bench->event, 0, &bench->verdict, &err);
        assert_true(status == WD_OK || status == WD_ERR_TOO_LARGE);
        if (status == WD_OK)
            check_spans(bench, text);
    }
    free(text);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_hostile_texts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
