/* Native matchers as conditions of rules: spans in what the user wrote, exceptions, hyperlink items, what the loader
 * says of wrong parameters. */
#include "tests/unit/rules_support.h"

#define RULE(id, when) "- {id: " id ", when: {" when "}, actions: [flag]}\n"

static const char *span_text(struct bench *bench, size_t match, size_t span)
{
    static char text[256];
    const struct wd_span *at = &bench->verdict.matches[match].spans[span];
    snprintf(text, sizeof(text), "%.*s", (int)(at->end - at->start),
             bench->event.texts[at->text_index].text.data + at->start);
    return text;
}

static void every_kind_matches(void **state)
{
    (void)state;
    struct bench *bench =
        bench_new(HEAD "rules:\n" RULE("card", "card: any") RULE("phone", "phone: any") RULE("email", "email: any")
                      RULE("iban", "iban: any") RULE("wallet", "wallet: any") RULE("domain", "domain: [evil.example]")
                          RULE("links", "links: {at_least: 2}") RULE("repeat", "repeat: {of: words, at_least: 4}")
                              RULE("caps", "caps: {}") RULE("emoji", "emoji: {at_least: 3}") RULE("zalgo", "zalgo: {}")
                                  RULE("script", "script: {is: [Cyrillic, Grek]}"));
    assert_string_equal(matched(bench, "hello, how are you? fine. 12 and 34"), "");
    assert_string_equal(matched(bench, "4111 1111 1111 1111"), "card");
    assert_string_equal(span_text(bench, 0, 0), "4111 1111 1111 1111");
    assert_string_equal(matched(bench, "call +49 30 23125 000"), "phone");
    assert_string_equal(matched(bench, "to John@Example.org!"), "email");
    assert_string_equal(span_text(bench, 0, 0), "John@Example.org");
    assert_string_equal(matched(bench, "DE89 3704 0044 0532 0130 00"), "iban");
    assert_string_equal(matched(bench, "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe"), "wallet");
    assert_string_equal(matched(bench, "at www.evil.example now"), "domain");
    assert_string_equal(span_text(bench, 0, 0), "www.evil.example");
    assert_string_equal(matched(bench, "http://a.com/x http://b.com/y"), "links");
    assert_string_equal(matched(bench, "http://a.com/x http://a.com/x"), "");
    assert_string_equal(matched(bench, "no no no no"), "repeat");
    assert_string_equal(matched(bench, "LISTEN TO ME NOW"), "caps");
    assert_string_equal(matched(bench, "nice 😀😀😀 day"), "emoji");
    assert_string_equal(span_text(bench, 0, 0), "😀😀😀");
    assert_string_equal(matched(bench, "h\u0301\u0302\u0303\u0304i"), "zalgo");
    assert_string_equal(matched(bench, "привет, друзья"), "script");
    assert_string_equal(matched(bench, "καλημέρα"), "script");
    bench_free(bench);
}

static void evasions_of_domains_are_seen(void **state)
{
    (void)state;
    struct bench *bench =
        bench_new(HEAD "rules:\n" RULE("d", "domain: [Evil.example, пример.рф, 192.168.1.1, \"*.x.org\"]"));
    static const char *const HIT[] = {
        "http://evil.example",
        "HTTPS://EVIL.EXAMPLE/x",
        "http://good.example@evil.example/",
        "evil\u200b.example",
        "evil%2Eexample",
        "ｅｖｉｌ．ｅｘａｍｐｌｅ",
        "evil\u3002example",
        "看evil.example谢谢",
        "http://пример.рф/",
        "xn--e1afmkfd.xn--p1ai",
        "http://3232235777/x",
        "http://0xc0.0xa8.1.1",
        "[evil.example](http://a.b/?u=http://evil.example)",
        "a.x.org",
        "http://safe.example/?next=http://evil.example/",
    };
    static const char *const MISS[] = {
        "notevil.example",
        "evil.example.org",
        "http://safe.example/evil.example",
        "http://evil.example@safe.example/",
        "me@evil.example",
        "evil. example",
        "192.168.1.10",
        "evil",
    };
    for (size_t i = 0; i < sizeof(HIT) / sizeof(*HIT); i++)
        if (strcmp(matched(bench, HIT[i]), "d") != 0)
            fail_msg("'%s' is not seen", HIT[i]);
    for (size_t i = 0; i < sizeof(MISS) / sizeof(*MISS); i++)
        if (strcmp(matched(bench, MISS[i]), "") != 0)
            fail_msg("'%s' is taken", MISS[i]);
    (void)matched(bench, "go: evil\u200b.example/x");
    assert_string_equal(span_text(bench, 0, 0), "evil\u200b.example");
    bench_free(bench);
}

static void exceptions_allow_spans(void **state)
{
    (void)state;
    struct bench *bench = bench_new(
        HEAD
        "rules:\n"
        "- {id: mail, when: {email: any}, except: [{regex: '\\S+@ours\\.example'}], actions: [flag]}\n"
        "- {id: many, when: {links: {at_least: 2, of: hosts}}, except: [{domain: [ours.example]}], actions: [flag]}\n"
        "- {id: both, when: {all: [{card: any}, {not: {words: [test]}}]}, actions: [flag]}\n");
    assert_string_equal(matched(bench, "me@ours.example"), "");
    assert_string_equal(matched(bench, "me@ours.example you@theirs.example"), "mail");
    assert_int_equal(bench->verdict.matches[0].span_count, 1);
    assert_string_equal(span_text(bench, 0, 0), "you@theirs.example");
    assert_string_equal(matched(bench, "http://a.com http://b.com"), "many");
    assert_string_equal(matched(bench, "http://a.com http://www.a.com"), "");
    assert_string_equal(matched(bench, "http://a.com http://x.ours.example"), "");
    assert_string_equal(matched(bench, "4111 1111 1111 1111"), "both");
    assert_string_equal(matched(bench, "test 4111 1111 1111 1111"), "");
    bench_free(bench);
}

static void hyperlink_items_count(void **state)
{
    (void)state;
    struct bench *bench = bench_new(
        HEAD "rules:\n"
             "- {id: bad, when: {domain: [evil.example]}, except: [{domain: [good.evil.example]}], actions: [flag]}\n"
             "- {id: lie, when: {links: {with: [other_host, user]}}, actions: [flag]}\n"
             "- {id: two, when: {links: {at_least: 2}}, actions: [flag]}\n");
    struct wd_link link = {.url = wd_str_from("https://WWW.evil.example:8443/x"), .shown = wd_str_from("click")};
    bench->event.links = &link;
    bench->event.link_count = 1;
    assert_string_equal(matched(bench, "hi"), "bad");
    assert_string_equal(matched(bench, "hi http://x.com/"), "bad two");
    assert_string_equal(matched(bench, ""), "bad");
    link.url = wd_str_from("https://a.good.evil.example/");
    assert_string_equal(matched(bench, "hi"), "");
    link = (struct wd_link){.url = wd_str_from("http://x.example/"), .shown = wd_str_from("www.bank.com")};
    assert_string_equal(matched(bench, "hi"), "lie");
    link.shown = wd_str_from("http://www.x.example");
    assert_string_equal(matched(bench, "hi"), "");
    link = (struct wd_link){.url = wd_str_from("http://bank.com@x.example/")};
    assert_string_equal(matched(bench, "hi"), "lie");
    bench_free(bench);
}

static void traits_of_links_in_texts(void **state)
{
    (void)state;
    struct bench *bench =
        bench_new(HEAD "rules:\n" RULE("other", "links: {with: [other_host]}") RULE("user", "links: {with: [user]}")
                      RULE("address", "links: {with: [address]}") RULE("port", "links: {with: [port]}")
                          RULE("puny", "links: {with: [punycode]}"));
    assert_string_equal(matched(bench, "http://a.com/x"), "");
    assert_string_equal(matched(bench, "[bank.com](http://a.com/x)"), "other");
    assert_string_equal(matched(bench, "http://bank.com@a.com/x"), "user");
    assert_string_equal(matched(bench, "http://10.0.0.1/x"), "address");
    assert_string_equal(matched(bench, "http://a.com:8080/x"), "port");
    assert_string_equal(matched(bench, "http://пример.рф/"), "puny");
    bench_free(bench);
}

static void views_reach_matchers(void **state)
{
    (void)state;
    struct bench *bench = bench_new(HEAD "rules:\n"
                                         "- {id: plain, when: {card: any}, actions: [flag]}\n"
                                         "- {id: more, views: [plain, stripped], when: {card: any}, actions: [flag]}\n"
                                         "- {id: own, when: {email: any, views: [folded]}, actions: [flag]}\n");
    assert_string_equal(matched(bench, "4111\u200b1111\u200b1111\u200b1111 visa"), "more");
    assert_string_equal(span_text(bench, 0, 0), "4111\u200b1111\u200b1111\u200b1111");
    assert_string_equal(matched(bench, "ｍｅ＠ｅｘａｍｐｌｅ．ｃｏｍ"), "own");
    assert_string_equal(span_text(bench, 0, 0), "ｍｅ＠ｅｘａｍｐｌｅ．ｃｏｍ");
    bench_free(bench);
}

static void expect_finding(const char *yaml, const char *code, enum wd_severity severity)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    enum wd_status status = wd_ruleset_load_text("t.yaml", yaml, strlen(yaml), NULL, &set, findings);
    assert_int_equal(status, severity == WD_ERROR ? WD_ERR_INVALID : WD_OK);
    size_t hits = 0;
    for (size_t i = 0; i < wd_diagnostics_count(findings); i++) {
        const struct wd_diagnostic *one = wd_diagnostics_at(findings, i);
        hits += one->severity == severity && strcmp(one->code, code) == 0 && one->line > 0;
    }
    if (hits != 1) {
        wd_diagnostics_print(findings, stderr);
        fail_msg("%zu findings %s for\n%s", hits, code, yaml);
    }
    wd_diagnostics_free(findings);
    wd_ruleset_unref(set);
}

static void wrong_parameters_are_told(void **state)
{
    (void)state;
    expect_finding(HEAD "rules:\n" RULE("r", "domain: [\"http://x.com/\"]"), "bad-domain", WD_ERROR);
    expect_finding(HEAD "rules:\n" RULE("r", "domain: [co.uk]"), "public-suffix", WD_WARNING);
    expect_finding(HEAD "lists: {bad: {kind: domain, items: [x.com, a b]}}\nrules:\n" RULE("r", "domain: bad")
                       RULE("s", "domain: bad"),
                   "bad-domain", WD_ERROR);
    expect_finding(HEAD "lists: {bad: {kind: words, items: [x.com]}}\nrules:\n" RULE("r", "domain: bad"), "list-kind",
                   WD_ERROR);
    expect_finding(HEAD "rules:\n" RULE("r", "script: {is: [Klingon]}"), "bad-value", WD_ERROR);
    expect_finding(HEAD "rules:\n" RULE("r", "repeat: {of: chunks, at_least: 3, max_length: 200}"), "bad-value",
                   WD_ERROR);
    expect_finding(HEAD "rules:\n" RULE("r", "repeat: {of: words, at_least: 3, min_length: 9, max_length: 2}"),
                   "bad-value", WD_ERROR);
    expect_finding(HEAD "rules:\n" RULE("r", "wallet: monero"), "bad-value", WD_ERROR);
    expect_finding(HEAD "rules:\n" RULE("r", "links: {at_least: 21}"), "bad-value", WD_ERROR);
}

static void lists_of_domains_are_shared(void **state)
{
    (void)state;
    struct bench *bench =
        bench_new(HEAD "lists: {bad: {kind: domain, items: [evil.example, 10.0.0.1]}}\n"
                       "macros: {m: {domain: bad}}\nrules:\n" RULE("a", "domain: bad") RULE("b", "macro: m"));
    assert_string_equal(matched(bench, "http://x.evil.example"), "a b");
    assert_string_equal(matched(bench, "http://x.good.example"), "");
    bench_free(bench);
}

/* What a text lacks keeps rules from being asked: never those that could match. */
static void combinations_are_asked(void **state)
{
    (void)state;
    struct bench *bench = bench_new(
        HEAD "rules:\n" RULE("not", "not: {card: any}")
            RULE("any", "any: [{card: any}, {repeat: {of: words, at_least: 3}}]")
                RULE("all", "all: [{card: any}, {email: any}]") RULE("mixed", "any: [{words: [visa]}, {card: any}]")
                    RULE("both", "all: [{words: [visa]}, {card: any}]")
                        RULE("title", "all: [{card: any, fields: [title]}, {field: author.id, eq: u-1}]"));
    assert_string_equal(matched(bench, "hi"), "not");
    assert_string_equal(matched(bench, "hi hi hi"), "not any");
    assert_string_equal(matched(bench, "4111 1111 1111 1111"), "any mixed");
    assert_string_equal(matched(bench, "4111 1111 1111 1111 a@b.com"), "any all mixed");
    assert_string_equal(matched(bench, "visa"), "not mixed");
    assert_string_equal(matched(bench, "visa 4111 1111 1111 1111"), "any mixed both");
    bench->texts[0] = (struct wd_text){.field = WD_FIELD_TEXT, .text = wd_str_from("me@example.com")};
    bench->texts[1] = (struct wd_text){.field = WD_FIELD_TITLE, .text = wd_str_from("4111 1111 1111 1111")};
    bench->event.text_count = 2;
    assert_string_equal(matched(bench, NULL), "any all mixed title");
    bench_free(bench);
}

static uint64_t late_clock(void *context)
{
    uint64_t *calls = context;
    return ++*calls > 1 ? UINT64_C(1) << 40 : 0;
}

static void a_late_search_is_undecided(void **state)
{
    (void)state;
    uint64_t calls = 0;
    struct wd_scanner_options options = {.clock = late_clock, .clock_context = &calls, .event_budget_ns = 1000};
    struct bench *bench = bench_with(HEAD "rules:\n"
                                          "- {id: quiet, when: {card: any}, actions: [flag]}\n"
                                          "- {id: strict, when: {card: any}, actions: [flag], on_undecided: match}\n",
                                     NULL, &options);
    assert_string_equal(matched(bench, "4111 1111 1111 1111"), "strict");
    assert_true(bench->verdict.budget_ended);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_matches),        cmocka_unit_test(evasions_of_domains_are_seen),
        cmocka_unit_test(exceptions_allow_spans),    cmocka_unit_test(hyperlink_items_count),
        cmocka_unit_test(traits_of_links_in_texts),  cmocka_unit_test(views_reach_matchers),
        cmocka_unit_test(wrong_parameters_are_told), cmocka_unit_test(lists_of_domains_are_shared),
        cmocka_unit_test(combinations_are_asked),    cmocka_unit_test(a_late_search_is_undecided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
