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

static void scopes_select_events_fields_and_stages(void **state)
{
    (void)state;
    const char *yaml =
        HEAD "rules:\n"
             "- {id: all, when: {words: [x]}, actions: [flag]}\n"
             "- {id: posts, scope: {events: ['post.*']}, when: {words: [x]}, actions: [flag]}\n"
             "- {id: one, scope: {events: [message.didUpdate, post.didCreate]}, when: {words: [x]},\n"
             "   actions: [flag]}\n"
             "- {id: title, scope: {fields: [title]}, when: {words: [x]}, actions: [flag]}\n"
             "- {id: leaf, when: {words: [x], fields: [author_name]}, actions: [flag]}\n"
             "- {id: asked, stage: prehook, when: {words: [x]}, actions: [flag]}\n"
             "- {id: any, scope: {events: ['*']}, when: {words: [x]}, actions: [flag]}\n"
             "- {id: after, stage: worker, when: {words: [x]}, actions: [flag]}\n"
             "- {id: without, scope: {events: [post.didCreate]}, when: {not: {words: [x]}}, actions: [flag]}\n";
    struct bench *b = bench_new(yaml);
    assert_string_equal(matched(b, "x"), "all any after");
    b->event.name = wd_str_from("post.didCreate");
    assert_string_equal(matched(b, "x"), "all posts one any after");
    assert_string_equal(matched(b, "y"), "without");
    b->event.name = wd_str_from("message.didUpdate");
    assert_string_equal(matched(b, "x"), "all one any after");
    b->texts[0].field = WD_FIELD_TITLE;
    assert_string_equal(matched(b, NULL), "all one title any after");
    b->texts[0].field = WD_FIELD_AUTHOR_NAME;
    assert_string_equal(matched(b, NULL), "leaf");
    b->event.name = wd_str_from("an.event.name.that.is.much.longer.than.any.that.the.platform.sends.to.anybody");
    assert_string_equal(matched(b, "x"), "any");
    b->event.name = (struct wd_str){0};
    assert_string_equal(matched(b, "x"), "any");
    bench_free(b);
    struct wd_scanner_options prehook = {.stage = WD_STAGE_PREHOOK};
    b = bench_with(yaml, NULL, &prehook);
    assert_string_equal(matched(b, "x"), "all asked any");
    bench_free(b);
}

static void views_are_those_that_the_rule_names(void **state)
{
    (void)state;
    struct bench *b =
        bench_new(HEAD "rules:\n"
                       "- {id: plain, views: [plain], when: {words: [scam]}, actions: [flag]}\n"
                       "- {id: folded, views: [folded], when: {words: [scam]}, actions: [flag]}\n"
                       "- {id: both, when: {words: [scam]}, actions: [flag]}\n"
                       "- {id: cased, views: [folded], when: {words: [SCAM], case: sensitive}, actions: [flag]}\n"
                       "- {id: small, views: [folded], when: {words: [scam], case: sensitive}, actions: [flag]}\n"
                       "- {id: strip, views: [stripped], when: {words: [scam]}, actions: [flag]}\n");
    assert_string_equal(matched(b, "scam"), "plain folded both small strip");
    assert_string_equal(matched(b, "SCAM"), "plain folded both small strip");
    assert_string_equal(matched(b, "\xEF\xBD\x93\xEF\xBD\x83\xEF\xBD\x81\xEF\xBD\x8D"), "folded both small strip");
    assert_string_equal(matched(b, "s\xCC\xB6"
                                   "cam"),
                        "strip");
    const struct wd_verdict *verdict = judge(b, "a s\xCC\xB6"
                                                "cam here");
    assert_int_equal(verdict->match_count, 1);
    assert_int_equal(verdict->matches[0].span_count, 1);
    assert_int_equal(verdict->matches[0].spans[0].start, 2); /* bytes of what the user wrote */
    assert_int_equal(verdict->matches[0].spans[0].end, 8);
    assert_int_equal(verdict->matches[0].spans[0].view, WD_VIEW_STRIPPED);
    bench_free(b);
}

static void expressions_that_switch_case_inside_stay_exact(void **state)
{
    (void)state;
    struct bench *b = bench_new(HEAD "rules:\n"
                                     "- {id: low, views: [folded], when: {regex: '(?-i)scam'}, actions: [flag]}\n"
                                     "- {id: up, views: [folded], when: {regex: '(?-i:SC)AM'}, actions: [flag]}\n"
                                     "- {id: any, views: [folded], when: {regex: 'SCAM'}, actions: [flag]}\n");
    assert_string_equal(matched(b, "a SCAM"), "low any");
    bench_free(b);
}

static void exceptions_allow_spans_and_exempt_events(void **state)
{
    (void)state;
    struct bench *b = bench_new(HEAD "rules:\n"
                                     "- id: ass\n"
                                     "  when: {contains: [ass]}\n"
                                     "  except:\n"
                                     "  - {name: place, words: [classic, assessment]}\n"
                                     "  - {name: official, field: author.id, in: [u-9]}\n"
                                     "  - {all: [{words: [quote]}, {field: author.roles, eq: teacher}]}\n"
                                     "  actions: [flag]\n"
                                     "- {id: other, when: {contains: [ass]}, actions: [flag]}\n");
    assert_string_equal(matched(b, "a classic assessment"), "other");
    assert_string_equal(matched(b, "a classic ass"), "ass other");
    const struct wd_verdict *verdict = judge(b, "classic assessment of an ass, ass");
    assert_int_equal(verdict->matches[0].span_count, 2); /* only those that count */
    assert_int_equal(verdict->matches[0].spans[0].start, 25);
    assert_int_equal(verdict->matches[0].spans[1].start, 30);
    assert_string_equal(matched(b, "CLASSIC \xEF\xBD\x81ss"), "ass other");
    b->event.author.id = wd_str_from("u-9");
    assert_string_equal(matched(b, "a classic ass"), "other");
    b->event.author.id = wd_str_from("u-1");
    struct wd_str role = wd_str_from("teacher");
    b->event.author.roles = &role;
    b->event.author.role_count = 1;
    assert_string_equal(matched(b, "quote: ass"), "other");
    assert_string_equal(matched(b, "ass"), "ass other");
    bench_free(b);
}

static void allowed_spans_are_of_the_same_text(void **state)
{
    (void)state;
    struct bench *b =
        bench_new(HEAD "rules:\n"
                       "- {id: r, when: {contains: [ass]}, except: [{words: [class]}], actions: [flag]}\n");
    b->texts[0] = (struct wd_text){.field = WD_FIELD_TITLE, .text = wd_str_from("class")};
    b->texts[1] = (struct wd_text){.field = WD_FIELD_TEXT, .text = wd_str_from("glass")};
    b->event.text_count = 2;
    assert_string_equal(matched(b, NULL), "r");
    assert_int_equal(b->verdict.matches[0].span_count, 1);
    assert_int_equal(b->verdict.matches[0].spans[0].text_index, 1);
    b->event.text_count = 1;
    assert_string_equal(matched(b, NULL), "");
    bench_free(b);
}

static void field_comparisons(void **state)
{
    (void)state;
    struct bench *b =
        bench_new(HEAD "lists: {vip: {kind: ids, items: [u-1, u-2]}}\n"
                       "rules:\n"
                       "- {id: young, when: {field: author.age_days, lt: 7}, actions: [flag]}\n"
                       "- {id: band, when: {field: flag_count, ge: 3, lt: 5}, actions: [flag]}\n"
                       "- {id: listed, when: {field: author.id, in: vip}, actions: [flag]}\n"
                       "- {id: other, when: {field: author.id, ne: u-1}, actions: [flag]}\n"
                       "- {id: named, when: {field: author.display_name, matches: '^admin'}, actions: [flag]}\n"
                       "- {id: lang, when: {field: metadata.lang, eq: th}, actions: [flag]}\n"
                       "- {id: deep, when: {field: json.items.1.n, gt: 5}, actions: [flag]}\n"
                       "- {id: absent, when: {field: metadata.lang, exists: false}, actions: [flag]}\n"
                       "- {id: tagged, when: {field: tags, in: [nsfw, gore]}, actions: [flag]}\n"
                       "- {id: type, when: {field: content.type, eq: message}, actions: [flag]}\n"
                       "- {id: long, when: {length: {gt: 3}}, actions: [flag]}\n"
                       "- {id: many, when: {mentions: {ge: 2}}, actions: [flag]}\n");
    assert_string_equal(matched(b, "\xD0\xB0\xD0\xB1\xD0\xB2"), "listed absent type"); /* three characters */
    b->event.author.created_at_ms = 1000000000000 - 6 * 86400000LL;
    b->event.author.id = wd_str_from("u-7");
    b->event.author.display_name = wd_str_from("Administrator");
    b->event.flag_count = 3;
    b->event.object_json = wd_str_from("{\"metadata\":{\"lang\":\"th\"},\"items\":[{\"n\":1},{\"n\":5.5}]}");
    struct wd_str tags[] = {wd_str_from("art"), wd_str_from("gore")};
    b->event.tags = tags;
    b->event.tag_count = 2;
    struct wd_str mentions[] = {wd_str_from("u-3"), wd_str_from("u-3"), wd_str_from("u-4")};
    b->event.mentions = mentions;
    b->event.mention_count = 3;
    assert_string_equal(matched(b, "four"), "young band other named lang deep tagged type long many");
    b->event.flag_count = 5;
    b->event.mention_count = 2;
    b->event.author.created_at_ms = 1000000000000 - 7 * 86400000LL;
    assert_string_equal(matched(b, "abc"), "other named lang deep tagged type");
    bench_free(b);
}

static void the_age_of_an_author_is_stated_or_follows_from_times(void **state)
{
    (void)state;
    struct bench *b = bench_new(HEAD "rules:\n"
                                     "- {id: young, when: {field: author.age_days, lt: 7}, actions: [flag]}\n"
                                     "- {id: known, when: {field: author.age_days, exists: true}, actions: [flag]}\n");
    assert_string_equal(matched(b, "x"), ""); /* nothing is known */
    b->event.author.is_known = true;
    b->event.author.age_days = -1;
    assert_string_equal(matched(b, "x"), "");
    b->event.author.age_days = 0;
    assert_string_equal(matched(b, "x"), "young known");
    b->event.author.age_days = 30;
    b->event.author.created_at_ms = 1000000000000;
    assert_string_equal(matched(b, "x"), "known");
    b->event.author.age_days = -1;
    assert_string_equal(matched(b, "x"), "young known");
    bench_free(b);
}

static void modes_decide_what_is_planned(void **state)
{
    (void)state;
    struct bench *b =
        bench_new("ruleset: {id: t, version: 1.0.0, format: 1, default_mode: shadow}\n"
                  "rules:\n"
                  "- {id: real, mode: enforce, when: {words: [x]}, actions: [flag], score: {spam: 2.5}}\n"
                  "- {id: shadow, when: {words: [x]}, actions: [flag, hide, {mute: 1h}], score: {spam: 9}}\n"
                  "- {id: none, mode: off, when: {words: [x]}, actions: [delete]}\n");
    const struct wd_verdict *verdict = judge(b, "x");
    assert_int_equal(verdict->match_count, 2);
    assert_true(verdict->matches[0].enforced);
    assert_false(verdict->matches[1].enforced);
    assert_true(verdict->matches[1].is_match);
    assert_string_equal(written(verdict->actions, verdict->action_count), "flag");
    assert_string_equal(written(verdict->shadow_actions, verdict->shadow_action_count), "hide mute:channel:3600000");
    assert_true(verdict->score == 2.5);
    assert_false(verdict->exempt);
    struct wd_str role = wd_str_from("channel-moderator");
    b->event.author.roles = &role;
    b->event.author.role_count = 1;
    verdict = judge(b, "x");
    assert_int_equal(verdict->match_count, 2);
    assert_true(verdict->exempt);
    assert_int_equal(verdict->action_count, 0);
    assert_int_equal(verdict->shadow_action_count, 0);
    bench_free(b);
}

static void exempt_roles_can_be_chosen(void **state)
{
    (void)state;
    const char *const roles[] = {"elder", NULL};
    struct wd_ruleset_options options = {.exempt_roles = roles};
    struct bench *b = bench_with(HEAD "rules:\n- {id: r, when: {words: [x]}, actions: [flag]}\n", &options, NULL);
    struct wd_str role = wd_str_from("channel-moderator");
    b->event.author.roles = &role;
    b->event.author.role_count = 1;
    assert_int_equal(judge(b, "x")->action_count, 1);
    role = wd_str_from("elder");
    assert_int_equal(judge(b, "x")->action_count, 0);
    bench_free(b);
}

static void a_sample_is_a_stable_share_of_authors(void **state)
{
    (void)state;
    struct bench *b = bench_new(HEAD "rules:\n"
                                     "- {id: few, mode: {sample: 5%}, when: {words: [x]}, actions: [flag]}\n"
                                     "- {id: half, mode: {sample: 50%}, when: {words: [x]}, actions: [flag]}\n"
                                     "- {id: zero, mode: {sample: 0%}, when: {words: [x]}, actions: [flag]}\n"
                                     "- {id: all, mode: {sample: 100%}, when: {words: [x]}, actions: [flag]}\n");
    struct bench *again = bench_new("ruleset: {id: u, version: 2.0.0, format: 1}\nrules:\n"
                                    "- {id: half, mode: {sample: 50%}, when: {words: [x]}, actions: [hide]}\n");
    int few = 0, half = 0;
    for (int i = 0; i < 4000; i++) {
        char id[32];
        snprintf(id, sizeof(id), "user-%d", i);
        b->event.author.id = again->event.author.id = wd_str_from(id);
        const struct wd_verdict *verdict = judge(b, "x");
        assert_int_equal(verdict->match_count, 4);
        few += verdict->matches[0].enforced;
        half += verdict->matches[1].enforced;
        assert_true(verdict->matches[1].enforced || !verdict->matches[0].enforced); /* a larger share holds a smaller */
        assert_false(verdict->matches[2].enforced);
        assert_true(verdict->matches[3].enforced);
        assert_int_equal(judge(again, "x")->matches[0].enforced, verdict->matches[1].enforced);
    }
    assert_in_range(few, 140, 260);
    assert_in_range(half, 1850, 2150);
    /* the same on every machine and in every version: users may have been told */
    b->event.author.id = wd_str_from("user-3");
    const bool third = judge(b, "x")->matches[1].enforced;
    b->event.author.id = wd_str_from("user-4");
    const bool fourth = judge(b, "x")->matches[1].enforced;
    assert_true(third);
    assert_false(fourth);
    bench_free(b);
    bench_free(again);
}

/* Far more backtracking than the smallest limit allows. */
static void a_match_limit_leaves_a_rule_undecided(void **state)
{
    (void)state;
    struct wd_ruleset_options options = {.match_limit = 100};
    struct bench *b = bench_with(HEAD "rules:\n"
                                      "- {id: ignore, when: {regex: '(a+)+$'}, actions: [flag]}\n"
                                      "- {id: match, when: {regex: '(a+)+$'}, on_undecided: match, actions: [hide]}\n"
                                      "- {id: not, when: {not: {regex: '(a+)+$'}}, actions: [delete]}\n"
                                      "- {id: or, when: {any: [{regex: '(a+)+$'}, {words: [b]}]}, actions: [flag]}\n",
                                 &options, NULL);
    const struct wd_verdict *verdict = judge(b, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
    assert_int_equal(verdict->match_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(verdict->matches[i].undecided);
    assert_false(verdict->matches[0].is_match);
    assert_true(verdict->matches[1].is_match);
    assert_false(verdict->matches[2].is_match); /* not known to be absent */
    assert_string_equal(written(verdict->actions, verdict->action_count), "hide");
    verdict = judge(b, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! b");
    assert_int_equal(verdict->match_count, 4);
    assert_false(verdict->matches[3].undecided);
    assert_true(verdict->matches[3].is_match);
    bench_free(b);
}

static uint64_t ticking(void *context)
{
    return *(uint64_t *)context += 1000;
}

static void a_time_budget_ends_the_scan(void **state)
{
    (void)state;
    uint64_t now = 0;
    struct wd_scanner_options options = {.clock = ticking, .clock_context = &now, .event_budget_ns = 4500};
    struct bench *b = bench_with(HEAD "rules:\n"
                                      "- {id: a, when: {regex: 'x1\\w'}, actions: [flag]}\n"
                                      "- {id: b, when: {regex: 'x2\\w'}, on_undecided: match, actions: [hide]}\n"
                                      "- {id: never, when: {regex: 'x9\\w'}, on_undecided: match, actions: [delete]}\n",
                                 NULL, &options);
    const struct wd_verdict *verdict = judge(b, "x1a");
    assert_false(verdict->budget_ended);
    assert_int_equal(verdict->match_count, 1);
    char long_text[4000];
    memset(long_text, ' ', sizeof(long_text));
    for (size_t i = 0; i + 8 < sizeof(long_text); i += 8)
        memcpy(long_text + i, "x1- x2- ", 8);
    long_text[sizeof(long_text) - 1] = '\0';
    b->texts[1] = b->texts[2] = b->texts[3] = (struct wd_text){.field = WD_FIELD_TITLE, .text = wd_str_from(long_text)};
    b->texts[0] = (struct wd_text){.field = WD_FIELD_TEXT, .text = wd_str_from(long_text)};
    b->event.text_count = 4;
    verdict = judge_event(b);
    assert_true(verdict->budget_ended);
    bool b_matches = false, never_matches = false;
    for (size_t i = 0; i < verdict->match_count; i++) {
        assert_true(verdict->matches[i].undecided);
        b_matches |= verdict->matches[i].rule == 1 && verdict->matches[i].is_match;
        never_matches |= verdict->matches[i].rule == 2 && verdict->matches[i].is_match;
    }
    assert_true(b_matches); /* nobody knows, and the author said what counts then */
    assert_true(never_matches);
    b->event.text_count = 1; /* the next event has its own budget */
    b->texts[0].text = wd_str_from("x1a");
    verdict = judge_event(b);
    assert_false(verdict->budget_ended);
    assert_true(verdict->matches[0].is_match && !verdict->matches[0].undecided);
    bench_free(b);
}

/* Waited: at each reading the clock is 1 s later. Worked: the thread is `step` later. */
struct clocks {
    uint64_t now, worked, step, asked;
};

static uint64_t waiting(void *context)
{
    return ((struct clocks *)context)->now += 1000000000;
}

static uint64_t working(void *context)
{
    struct clocks *clocks = context;
    clocks->asked++;
    return clocks->worked += clocks->step;
}

static void time_in_which_the_thread_waited_ends_nothing(void **state)
{
    (void)state;
    struct clocks clocks = {.step = 10};
    struct wd_scanner_options options = {.clock = waiting,
                                         .processor_clock = working,
                                         .clock_context = &clocks,
                                         .event_budget_ns = 20000,
                                         .rule_budget_ns = UINT64_MAX};
    struct bench *b = bench_with(HEAD "rules:\n"
                                      "- {id: a, when: {regex: 'x1\\w'}, actions: [flag]}\n"
                                      "- {id: b, when: {regex: 'x1\\S'}, actions: [flag]}\n",
                                 NULL, &options);
    const struct wd_verdict *verdict = judge(b, "x1a");
    assert_false(verdict->budget_ended);
    assert_true(verdict->match_count == 2 && !verdict->matches[0].undecided && !verdict->matches[1].undecided);
    assert_true(clocks.asked > 1);
    clocks.step = 10001; /* more than half of the budget a reading: the other half was given before */
    verdict = judge(b, "x1a");
    assert_true(verdict->budget_ended);
    assert_true(verdict->match_count == 1 && verdict->matches[0].rule == 0);
    bench_free(b);
}

static void an_event_that_needs_too_much_memory_is_an_error(void **state)
{
    (void)state;
    struct bench *b = bench_new(HEAD "rules:\n- {id: r, when: {words: [x]}, actions: [flag]}\n");
    struct wd_arena *tiny = wd_arena_new(16);
    struct wd_error err = {0};
    struct wd_verdict verdict;
    b->texts[0] = (struct wd_text){.field = WD_FIELD_TEXT, .text = wd_str_from("x")};
    b->event.text_count = 1;
    assert_int_equal(wd_scan(b->scanner, b->set, tiny, &b->event, 0, &verdict, &err), WD_ERR_TOO_LARGE);
    assert_true(strlen(err.text) > 0);
    wd_arena_free(tiny);
    assert_string_equal(matched(b, "x"), "r");
    bench_free(b);
}

/* One scanner, sets that come and go, as after a reload. */
static void a_scanner_fits_any_set(void **state)
{
    (void)state;
    struct bench *b = bench_new(HEAD "rules:\n- {id: old, when: {words: [x]}, actions: [flag]}\n");
    assert_string_equal(matched(b, "x y"), "old");
    for (int i = 0; i < 20; i++) {
        wd_ruleset_unref(b->set); /* the next set may well lie where this one lay */
        b->set = load(i % 2 ? HEAD "rules:\n- {id: old, when: {words: [x]}, actions: [flag]}\n"
                            : HEAD "rules:\n- {id: one, when: {words: [z]}, actions: [flag]}\n"
                                   "- {id: two, scope: {events: ['message.*']}, when: {words: [y]}, actions: [flag]}\n"
                                   "- {id: three, when: {words: [x]}, actions: [flag]}\n");
        assert_string_equal(matched(b, "x y"), i % 2 ? "old" : "two three");
    }
    bench_free(b);
}

/* Rules share patterns; each sees only its own fields, views and exceptions. Compared with each rule by itself. */
static void shared_patterns_answer_as_each_rule_alone(void **state)
{
    (void)state;
    static const char *const VIEWS[] = {"plain", "folded", "plain, folded", "stripped", "leet, folded", "squeezed"};
    static const char *const WHENS[] = {"{words: [spam]}",
                                        "{contains: [spam]}",
                                        "{regex: 'sp[a@]m'}",
                                        "{words: [spam, ham]}",
                                        "{all: [{words: [spam]}, {words: [ham]}]}",
                                        "{not: {words: [spam]}}",
                                        "{words: [SPAM], case: sensitive}"};
    static const char *const EXCEPTS[] = {"[]", "[{words: [spam ham]}]", "[{regex: 'no \\w+'}]"};
    static const char *const TEXTS[] = {
        "spam", "SPAM ham", "spam ham", "no spam",          "no spam, spam",   "spammer",
        "sp@m", "s.p.a.m",  "spaaaam",  "s\xE2\x80\x8Bpam", "\xEF\xBD\x93pam", "",
        "ham"};
    char *whole = calloc(1, 65536);
    char rules[200][400];
    int count = 0;
    strcpy(whole, HEAD "rules:\n");
    for (size_t v = 0; v < 6; v++)
        for (size_t w = 0; w < 7; w++)
            for (size_t e = 0; e < 3; e++, count++) {
                snprintf(rules[count], sizeof(rules[count]),
                         "- {id: r%d, views: [%s], when: %s, except: %s, actions: [flag]}\n", count, VIEWS[v], WHENS[w],
                         EXCEPTS[e]);
                strcat(whole, rules[count]);
            }
    struct bench *all = bench_new(whole);
    char together[13][200] = {{0}};
    for (size_t t = 0; t < 13; t++) {
        const struct wd_verdict *verdict = judge(all, TEXTS[t]);
        for (size_t i = 0; i < verdict->match_count; i++)
            together[t][verdict->matches[i].rule] = (char)(1 + verdict->matches[i].span_count);
    }
    int matches = 0;
    for (int r = 0; r < count; r++) {
        char yaml[600];
        assert_true(snprintf(yaml, sizeof(yaml), HEAD "rules:\n%s", rules[r]) < (int)sizeof(yaml));
        struct bench *alone = bench_new(yaml);
        for (size_t t = 0; t < 13; t++) {
            bool here = judge(alone, TEXTS[t])->match_count > 0;
            if (here != (together[t][r] != 0))
                fail_msg("%son '%s': alone %d, together %d", rules[r], TEXTS[t], here, together[t][r] != 0);
            matches += here;
        }
        bench_free(alone);
    }
    assert_in_range(matches, 200, count * 13 - 200); /* the test tells something */
    bench_free(all);
    free(whole);
}

/* Ten thousand rules, one of which is meant: the others cost nothing that shows in the verdict. */
static void many_rules_do_not_become_candidates(void **state)
{
    (void)state;
    size_t room = 2 << 20, used = 0;
    char *yaml = malloc(room);
    used += (size_t)snprintf(yaml, room, HEAD "rules:\n");
    for (int i = 0; i < 10000; i++)
        used += (size_t)snprintf(yaml + used, room - used, "- {id: r%d, when: {words: [word%dx]}, actions: [flag]}\n",
                                 i, i);
    struct bench *b = bench_new(yaml);
    assert_string_equal(matched(b, "this is word7777x, really"), "r7777");
    assert_int_equal(b->verdict.candidates, 1);
    assert_string_equal(matched(b, "nothing at all"), "");
    assert_int_equal(b->verdict.candidates, 0);
    bench_free(b);
    free(yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_text_conditions),
        cmocka_unit_test(combinations),
        cmocka_unit_test(scopes_select_events_fields_and_stages),
        cmocka_unit_test(views_are_those_that_the_rule_names),
        cmocka_unit_test(expressions_that_switch_case_inside_stay_exact),
        cmocka_unit_test(exceptions_allow_spans_and_exempt_events),
        cmocka_unit_test(allowed_spans_are_of_the_same_text),
        cmocka_unit_test(field_comparisons),
        cmocka_unit_test(the_age_of_an_author_is_stated_or_follows_from_times),
        cmocka_unit_test(modes_decide_what_is_planned),
        cmocka_unit_test(exempt_roles_can_be_chosen),
        cmocka_unit_test(a_sample_is_a_stable_share_of_authors),
        cmocka_unit_test(a_match_limit_leaves_a_rule_undecided),
        cmocka_unit_test(a_time_budget_ends_the_scan),
        cmocka_unit_test(time_in_which_the_thread_waited_ends_nothing),
        cmocka_unit_test(an_event_that_needs_too_much_memory_is_an_error),
        cmocka_unit_test(a_scanner_fits_any_set),
        cmocka_unit_test(shared_patterns_answer_as_each_rule_alone),
        cmocka_unit_test(many_rules_do_not_become_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
