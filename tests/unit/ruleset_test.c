/* Rule sets that load: folders, lists, overrides, digests, what can be asked of a set, its schema and its examples. */
#include "tests/unit/rules_support.h"

#include <pthread.h>

#include <warden/ruleschema.h>
#include <warden/ruletest.h>

#define FINE SOURCE_DIR "/tests/golden/rules/fine"

static struct wd_ruleset *load_paths(const char *const *paths, size_t count)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    enum wd_status status = wd_ruleset_load(paths, count, NULL, &set, findings);
    wd_diagnostics_print(findings, stderr);
    assert_int_equal(status, WD_OK);
    assert_int_equal(wd_diagnostics_count(findings), 0);
    wd_diagnostics_free(findings);
    return set;
}

static struct bench *bench_of(struct wd_ruleset *set)
{
    struct bench *bench = bench_new(HEAD "rules: []\n");
    wd_ruleset_unref(bench->set);
    bench->set = set;
    return bench;
}

static void folders_load_in_name_order_with_their_lists(void **state)
{
    (void)state;
    const char *paths[] = {FINE "/sets"};
    struct bench *b = bench_of(load_paths(paths, 1));
    assert_int_equal(wd_ruleset_rule_count(b->set), 3);
    const struct wd_rule_info *animal = wd_ruleset_rule(b->set, 1);
    assert_string_equal(animal->id, "first.animal");
    assert_string_equal(animal->title, "Animals");
    assert_string_equal(animal->severity, "critical");
    assert_string_equal(animal->set_id, "first");
    assert_string_equal(animal->set_version, "1.0.0");
    assert_string_equal(animal->file, FINE "/sets/a-first.yaml");
    assert_int_equal(animal->line, 7);
    assert_int_equal(animal->mode, WD_MODE_ENFORCE);
    assert_string_equal(wd_ruleset_rule(b->set, 2)->set_version, "2.1.0-rc.1+build.5");
    assert_null(wd_ruleset_rule(b->set, 3));
    assert_string_equal(matched(b, "a LIGHT  BLUE thing"), "first.colour");
    assert_string_equal(matched(b, "red dog two green"), "first.colour first.animal second.one");
    assert_string_equal(matched(b, "colours #green"), "");
    const char *const *targets = wd_ruleset_notify_targets(b->set);
    assert_string_equal(targets[0], "ops");
    assert_string_equal(targets[1], "legal");
    assert_null(targets[2]);
    assert_string_equal(wd_ruleset_user_message(b->set, 1, "de"), "Keine Tiere.");
    assert_string_equal(wd_ruleset_user_message(b->set, 1, "th"), "No animals.");
    assert_null(wd_ruleset_user_message(b->set, 0, "en"));
    bench_free(b);
}

static void overrides_change_rules_of_other_files(void **state)
{
    (void)state;
    const char *paths[] = {FINE "/overlay.yaml", FINE "/sets"};
    struct bench *b = bench_of(load_paths(paths, 2));
    assert_string_equal(matched(b, "my cat"), ""); /* the list is the overlay's own */
    assert_string_equal(matched(b, "your cat two"), "first.animal");
    assert_string_equal(matched(b, "three"), "second.one");
    const struct wd_verdict *verdict = judge(b, "your cat");
    assert_false(verdict->matches[0].enforced);
    assert_string_equal(written(verdict->shadow_actions, verdict->shadow_action_count), "hide notify=legal");
    assert_string_equal(wd_ruleset_rule(b->set, 1)->severity, "low");
    assert_string_equal(wd_ruleset_rule(b->set, 1)->title, "Animals");
    bench_free(b);
}

static void digests_follow_the_meaning(void **state)
{
    (void)state;
    const char *in_order[] = {FINE "/sets/a-first.yaml", FINE "/sets/b-second.yaml"};
    const char *reversed[] = {FINE "/sets/b-second.yaml", FINE "/sets/a-first.yaml"};
    struct wd_ruleset *a = load_paths(in_order, 2), *b = load_paths(reversed, 2), *one = load_paths(in_order, 1);
    assert_int_equal(strlen(wd_ruleset_digest(a)), 64);
    assert_int_equal(strspn(wd_ruleset_digest(a), "0123456789abcdef"), 64);
    assert_string_equal(wd_ruleset_digest(a), wd_ruleset_digest(b));
    assert_string_not_equal(wd_ruleset_digest(a), wd_ruleset_digest(one));
    wd_ruleset_unref(a);
    wd_ruleset_unref(b);
    wd_ruleset_unref(one);
    a = load(HEAD "rules:\n- {id: r, when: {words: [x]}, actions: [flag]}\n");
    b = load("# comment\n" HEAD "rules:\n  - id: \"r\"\n    when: {words: ['x']}\n    actions:\n    - flag\n");
    one = load(HEAD "rules:\n- {id: r, when: {words: [x]}, actions: [hide]}\n");
    assert_string_equal(wd_ruleset_digest(a), wd_ruleset_digest(b));
    assert_string_not_equal(wd_ruleset_digest(a), wd_ruleset_digest(one));
    wd_ruleset_unref(a);
    wd_ruleset_unref(b);
    wd_ruleset_unref(one);
}

static void a_set_says_which_events_it_wants(void **state)
{
    (void)state;
    struct wd_ruleset *set =
        load(HEAD "rules:\n"
                  "- {id: a, scope: {events: ['post.*', message.didFlag]}, when: {words: [x]}, actions: [flag]}\n"
                  "- {id: b, mode: off, when: {words: [x]}, actions: [flag]}\n");
    assert_true(wd_ruleset_wants(set, wd_str_from("post.didCreate")));
    assert_true(wd_ruleset_wants(set, wd_str_from("message.didFlag")));
    assert_false(wd_ruleset_wants(set, wd_str_from("message.didCreate"))); /* only a rule that is off does */
    assert_false(wd_ruleset_wants(set, wd_str_from("message.didFlagged")));
    assert_false(wd_ruleset_wants(set, (struct wd_str){0}));
    wd_ruleset_unref(set);
    set = load(HEAD "rules:\n- {id: a, when: {words: [x]}, actions: [flag]}\n");
    assert_true(wd_ruleset_wants(set, wd_str_from("comment.didReply")));
    assert_false(wd_ruleset_wants(set, wd_str_from("message.didAddReaction")));
    wd_ruleset_unref(set);
    set = load(HEAD "rules: []\n");
    assert_false(wd_ruleset_wants(set, wd_str_from("post.didCreate")));
    wd_ruleset_unref(set);
}

static void warnings_do_not_stop_a_set(void **state)
{
    (void)state;
    const char *yaml = HEAD "lists: {l: {kind: words, items: [x]}}\n"
                            "macros: {m: {words: [x]}}\n"
                            "rules:\n- {id: a, when: {regex: 'x*'}, actions: [flag]}\n";
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    assert_int_equal(wd_ruleset_load_text("w.yaml", yaml, strlen(yaml), NULL, &set, findings), WD_OK);
    assert_int_equal(wd_diagnostics_count(findings), 3);
    assert_int_equal(wd_diagnostics_warnings(findings), 3);
    assert_string_equal(wd_diagnostics_at(findings, 0)->code, "unused-list");
    assert_string_equal(wd_diagnostics_at(findings, 1)->code, "unused-macro");
    assert_string_equal(wd_diagnostics_at(findings, 2)->code, "matches-empty");
    assert_int_equal(wd_diagnostics_at(findings, 2)->line, 5);
    wd_ruleset_unref(set);
    wd_diagnostics_free(findings);
}

static void findings_of_others_do_not_stop_a_set(void **state)
{
    (void)state;
    const char *yaml = HEAD "rules: []\n";
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    wd_diagnose(findings, WD_ERROR, "other", "warden.yaml", 1, 1, "something else is wrong");
    assert_int_equal(wd_ruleset_load_text("w.yaml", yaml, strlen(yaml), NULL, &set, findings), WD_OK);
    wd_ruleset_unref(set);
    wd_diagnostics_free(findings);
}

static void missing_files_are_findings(void **state)
{
    (void)state;
    const char *paths[] = {FINE "/no-such.yaml", FINE "/sets"};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    assert_int_equal(wd_ruleset_load(paths, 2, NULL, &set, findings), WD_ERR_INVALID);
    assert_null(set);
    assert_string_equal(wd_diagnostics_at(findings, 0)->code, "file-not-found");
    wd_diagnostics_free(findings);
}

/* Depth, length and bytes that no author writes: an answer each, never a crash. */
static void hostile_files_are_refused(void **state)
{
    (void)state;
    char deep[4096] = HEAD "rules:\n- id: a\n  when: ";
    for (int i = 0; i < 200; i++)
        strcat(deep, "{not: ");
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    assert_int_equal(wd_ruleset_load_text("d.yaml", deep, strlen(deep), NULL, &set, findings), WD_ERR_INVALID);
    assert_string_equal(wd_diagnostics_at(findings, 0)->code, "too-deep");
    wd_diagnostics_free(findings);
    const char *whole = HEAD "rules:\n- {id: a, when: {all: [{words: [x]}, {not: {field: author.id, in: [u-1]}}]},\n"
                             "   except: [{regex: 'a b'}], actions: [{mute: 1h}, {ban: global}], mode: {sample: 5%}}\n";
    for (size_t cut = 0; cut < strlen(whole); cut++) { /* every beginning of a file, as of a half-written one */
        findings = wd_diagnostics_new();
        set = NULL;
        enum wd_status status = wd_ruleset_load_text("c.yaml", whole, cut, NULL, &set, findings);
        assert_int_equal(status == WD_OK, set != NULL);
        assert_int_equal(status == WD_OK, wd_diagnostics_errors(findings) == 0);
        wd_ruleset_unref(set);
        wd_diagnostics_free(findings);
    }
}

static void *take_and_leave(void *context)
{
    for (int i = 0; i < 100000; i++)
        wd_ruleset_unref(wd_ruleset_ref(context));
    return NULL;
}

static void references_are_counted_across_threads(void **state)
{
    (void)state;
    struct wd_ruleset *set = load(HEAD "rules: []\n");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_leave, set), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(wd_ruleset_rule_count(set), 0);
    wd_ruleset_unref(set);
    wd_ruleset_unref(NULL);
}

/* The file that editors load is what the program prints. */
static void the_shipped_schema_is_up_to_date(void **state)
{
    (void)state;
    char *printed = NULL, *kept = calloc(1, 1 << 20);
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    assert_int_equal(wd_ruleset_schema_print(out), WD_OK);
    fclose(out);
    FILE *file = fopen(SOURCE_DIR "/config/schema/ruleset.schema.json", getenv("WARDEN_GOLDEN_WRITE") ? "w+" : "r");
    assert_non_null(file);
    if (getenv("WARDEN_GOLDEN_WRITE")) {
        fputs(printed, file);
        rewind(file);
    }
    kept[fread(kept, 1, (1 << 20) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(printed, kept);
    free(printed);
    free(kept);
}

static void the_listing_names_what_can_be_written(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"author.age_days", "metadata.NAME", "regex:", "mentions:",
                                        "squeezed",        "author_name",   "any:",   "revoke_sessions"};
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    assert_int_equal(wd_ruleset_fields_print(out), WD_OK);
    fclose(out);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
        assert_non_null(strstr(printed, NAMES[i]));
    free(printed);
}

/* Which of these the growth check names. */
static void expressions_that_grow_are_found(void **state)
{
    (void)state;
    static const char *const SLOW[] = {"(a+)+$", "\\d+\\d+x", "(?:\\w+\\s*)+:", "\\w+@", ".+x.+y"};
    static const char *const FAST[] = {"\\bbuy\\W{0,3}followers\\b",
                                       "[\\w.+-]{1,64}@",
                                       "\\bfree\\b.{0,200}\\bgift\\b",
                                       "^\\d+x",
                                       "(?:foo|bar)+",
                                       "\\d{8,}",
                                       "a++b?"};
    for (size_t i = 0; i < 5 + 7; i++) {
        bool slow = i < 5;
        char yaml[256];
        snprintf(yaml, sizeof(yaml), HEAD "rules:\n- {id: a, when: {regex: '%s'}, actions: [flag]}\n",
                 slow ? SLOW[i] : FAST[i - 5]);
        for (int strict = 0; strict < 2; strict++) {
            struct wd_ruleset_options options = {.check_growth = true, .strict = strict};
            struct wd_diagnostics *findings = wd_diagnostics_new();
            struct wd_ruleset *set = NULL;
            enum wd_status status = wd_ruleset_load_text("g.yaml", yaml, strlen(yaml), &options, &set, findings);
            if (slow != (wd_diagnostics_count(findings) == 1))
                fail_msg("%s: %zu findings", slow ? SLOW[i] : FAST[i - 5], wd_diagnostics_count(findings));
            if (slow)
                assert_string_equal(wd_diagnostics_at(findings, 0)->code, "grows");
            assert_int_equal(status, slow && strict ? WD_ERR_INVALID : WD_OK);
            wd_ruleset_unref(set);
            wd_diagnostics_free(findings);
        }
    }
}

/* What the reference shows first must work as it stands there. */
static void the_first_rule_of_the_reference_loads_and_holds(void **state)
{
    (void)state;
    static char page[1 << 18];
    FILE *file = fopen(SOURCE_DIR "/docs/rule-sets.md", "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    char *yaml = strstr(page, "```yaml\n");
    assert_non_null(yaml);
    yaml += strlen("```yaml\n");
    *strstr(yaml, "```") = '\0';
    struct wd_ruleset *set = load(yaml);
    struct wd_rule_test_counts counts;
    struct wd_error err = {0};
    assert_int_equal(wd_ruleset_test(set, NULL, NULL, &counts, &err), WD_OK);
    assert_int_equal(counts.run, 2);
    assert_int_equal(counts.failed, 0);
    wd_ruleset_unref(set);
}

/* ---- examples inside rules ---- */

struct collected {
    char text[2048];
};

static void collect(void *context, const struct wd_rule_test_result *result)
{
    struct collected *all = context;
    size_t used = strlen(all->text);
    if (!result->passed)
        snprintf(all->text + used, sizeof(all->text) - used, "%u %s %d: %s\n", result->rule, result->kind, result->line,
                 result->reason);
}

static void examples_tell_what_is_wrong(void **state)
{
    (void)state;
    struct wd_ruleset *set =
        load(HEAD "rules:\n"
                  "- id: right\n"
                  "  mode: shadow\n"
                  "  when: {all: [{words: [spam]}, {field: author.age_days, lt: 7}, {field: metadata.n, gt: 2}]}\n"
                  "  actions: [flag, {mute: 1h}]\n"
                  "  tests:\n"
                  "    match: [{text: spam, author: {age_days: 1}, metadata: {n: 3}}]\n"
                  "    no_match: [spam, {text: spam, author: {age_days: 7}, metadata: {n: 3}}, {title: ham}]\n"
                  "    sequence:\n"
                  "    - {at: 0s, text: ham, expect: []}\n"
                  "    - {at: +10s, text: spam, author: {age_days: 0}, metadata: {n: 2.5}, expect: [flag, mute]}\n"
                  "- id: wrong\n"
                  "  scope: {events: ['post.*']}\n"
                  "  when: {words: [spam]}\n"
                  "  actions: [hide]\n"
                  "  tests:\n"
                  "    match:\n"
                  "    - ham\n"
                  "    - spam\n"
                  "    - {event: message.didCreate, text: spam}\n"
                  "    no_match:\n"
                  "    - much spam here\n"
                  "    sequence:\n"
                  "    - {text: spam, expect: [flag]}\n"
                  "- {id: off, mode: off, when: {words: [x]}, actions: [flag], tests: {match: [x]}}\n");
    struct collected all = {{0}};
    struct wd_rule_test_counts counts;
    struct wd_error err = {0};
    assert_int_equal(wd_ruleset_test(set, collect, &all, &counts, &err), WD_OK);
    assert_string_equal(all.text, "1 match 19: must match, and does not: 'words' (line 15) is false\n"
                                  "1 match 21: must match, and does not: the rule is about other events: post.*\n"
                                  "1 no_match 23: must not match, and does: 'spam' (text, view plain)\n"
                                  "1 sequence 25: must lead to flag, and leads to hide\n");
    assert_int_equal(counts.run, 11);
    assert_int_equal(counts.failed, 4);
    assert_int_equal(counts.skipped, 1);
    assert_int_equal(counts.rules, 3);
    assert_int_equal(counts.rules_with_match, 3);
    assert_int_equal(counts.rules_with_no_match, 2);
    wd_ruleset_unref(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_load_in_name_order_with_their_lists),
        cmocka_unit_test(overrides_change_rules_of_other_files),
        cmocka_unit_test(digests_follow_the_meaning),
        cmocka_unit_test(a_set_says_which_events_it_wants),
        cmocka_unit_test(warnings_do_not_stop_a_set),
        cmocka_unit_test(findings_of_others_do_not_stop_a_set),
        cmocka_unit_test(missing_files_are_findings),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(references_are_counted_across_threads),
        cmocka_unit_test(the_shipped_schema_is_up_to_date),
        cmocka_unit_test(the_listing_names_what_can_be_written),
        cmocka_unit_test(examples_tell_what_is_wrong),
        cmocka_unit_test(expressions_that_grow_are_found),
        cmocka_unit_test(the_first_rule_of_the_reference_loads_and_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
