/* `warden rules test`: runs the examples of the rules. Neighbour: <warden/ruletest.h>. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <warden/ruletest.h>

#include "worker/cli/commands.h"
#include "worker/cli/machine_report.h"
#include "worker/rules_files.h"

struct report {
    const struct wd_ruleset *set;
    json_t *failures; /* NULL: print lines */
    json_t *cases;    /* of all examples, for JUnit; NULL: not wanted */
    bool verbose;
    struct covered *covered; /* by rule */
};

/* Which examples a rule has. */
struct covered {
    bool match, no_match;
};

static void report_example(void *context, const struct wd_rule_test_result *result)
{
    struct report *report = context;
    const struct wd_rule_info *rule = wd_ruleset_rule(report->set, result->rule);
    report->covered[result->rule].no_match |= result->wants_no_match;
    report->covered[result->rule].match |= result->wants_match;
    if (report->cases) {
        char name[64];
        snprintf(name, sizeof(name), "%s (%d:%d)", result->kind, result->line, result->column);
        json_array_append_new(report->cases,
                              json_pack("{s:s, s:s, s:s?, s:s}", "rule", rule->id, "name", name, "failure",
                                        result->passed ? NULL : result->reason, "text", result->text));
    } else if (report->failures && !result->passed) {
        json_array_append_new(report->failures,
                              json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s}", "rule", rule->id, "kind", result->kind,
                                        "file", result->file, "line", result->line, "column", result->column, "text",
                                        result->text, "reason", result->reason));
    } else if (!report->failures && !result->passed) {
        printf("%s:%d:%d: %s: %s: %s\n", result->file, result->line, result->column, rule->id, result->kind,
               result->reason);
        if (*result->text)
            printf("    %s\n", result->text);
    } else if (!report->failures && report->verbose) {
        printf("%s:%d:%d: %s: %s: ok\n", result->file, result->line, result->column, rule->id, result->kind);
    }
}

static void print_cases(const struct report *report, const struct wd_rule_test_counts *counts)
{
    size_t i;
    const json_t *test;
    junit_begin("warden rules test", counts->run, counts->failed, 0, stdout);
    json_array_foreach(report->cases, i, test)
    {
        junit_case(json_string_value(json_object_get(test, "rule")), json_string_value(json_object_get(test, "name")),
                   json_string_value(json_object_get(test, "failure")),
                   json_string_value(json_object_get(test, "text")), stdout);
    }
    junit_end(stdout);
}

static void print_summary(const struct report *report, const struct wd_rule_test_counts *counts)
{
    if (report->cases) {
        print_cases(report, counts);
        return;
    }
    if (report->failures) {
        json_t *whole =
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "run", (json_int_t)counts->run, "failed",
                      (json_int_t)counts->failed, "skipped", (json_int_t)counts->skipped, "rules",
                      (json_int_t)counts->rules, "rules_with_match", (json_int_t)counts->rules_with_match,
                      "rules_with_no_match", (json_int_t)counts->rules_with_no_match, "failures", report->failures);
        json_dumpf(whole, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(whole);
        return;
    }
    printf("%zu examples, %zu failed, %zu skipped (their rules are off)\n", counts->run, counts->failed,
           counts->skipped);
    printf("%zu rules: %zu with an example that must match, %zu with one that must not\n", counts->rules,
           counts->rules_with_match, counts->rules_with_no_match);
}

/* ---- coverage: rules with an example of each kind, of all that are not off ---- */

static size_t count_covered(const struct report *report, size_t *of_out)
{
    size_t covered = 0;
    *of_out = 0;
    for (uint32_t i = 0; i < wd_ruleset_rule_count(report->set); i++) {
        if (wd_ruleset_rule(report->set, i)->mode == WD_MODE_OFF)
            continue;
        (*of_out)++;
        covered += report->covered[i].match && report->covered[i].no_match;
    }
    return covered;
}

/* On stderr where standard output is for programs. */
static void print_coverage(const struct report *report, size_t covered, size_t of)
{
    FILE *out = report->failures || report->cases ? stderr : stdout;
    for (uint32_t i = 0; i < wd_ruleset_rule_count(report->set); i++) {
        const struct wd_rule_info *rule = wd_ruleset_rule(report->set, i);
        const struct covered *has = &report->covered[i];
        if (rule->mode == WD_MODE_OFF || (has->match && has->no_match))
            continue;
        fprintf(out, "%s:%d: %s has no example that must%s\n", rule->file, rule->line, rule->id,
                has->match      ? " not match"
                : has->no_match ? " match"
                                : " match, and none that must not");
    }
    fprintf(out, "covered: %zu of %zu rules (%.1f %%)\n", covered, of,
            of ? 100.0 * (double)covered / (double)of : 100.0);
}

/* The exit code: that of the examples, or 1 where too little is covered. */
static int check_coverage(const struct cli_arguments *arguments, const struct report *report, size_t least, int code)
{
    size_t of, covered = count_covered(report, &of);
    if (cli_has(arguments, "coverage"))
        print_coverage(report, covered, of);
    if (covered * 100 >= least * of)
        return code;
    return cli_fail(arguments, EXIT_FINDINGS,
                    "%zu of %zu rules are covered, less than %zu %% (--coverage says which are not)", covered, of,
                    least);
}

static int run_examples(const struct cli_arguments *arguments, const struct wd_ruleset *set, size_t min_coverage)
{
    struct report report = {
        .set = set,
        .failures = cli_has(arguments, "json") ? json_array() : NULL,
        .cases = cli_has(arguments, "junit") ? json_array() : NULL,
        .verbose = cli_has(arguments, "verbose"),
        .covered = calloc(wd_ruleset_rule_count(set) + 1, sizeof(struct covered)),
    };
    struct wd_rule_test_counts counts = {0};
    struct wd_error err = {0};
    int code;
    if (!report.covered) {
        code = cli_fail(arguments, EXIT_FINDINGS, "no memory");
    } else if (wd_ruleset_test(set, report_example, &report, &counts, &err) != WD_OK) {
        code = cli_fail(arguments, EXIT_FINDINGS, "%s", err.text);
    } else {
        print_summary(&report, &counts);
        code = counts.failed ? EXIT_FINDINGS : counts.run ? EXIT_FINE : EXIT_NOTHING;
        code = check_coverage(arguments, &report, min_coverage, code);
    }
    free(report.covered);
    json_decref(report.failures);
    json_decref(report.cases);
    return code;
}

static int test_once(const struct cli_arguments *arguments, size_t least)
{
    int code;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    struct wd_ruleset *set = cli_load_rules(arguments, true, RULES_DESCRIBED, findings, &code);
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr); /* warnings are lint's */
    wd_diagnostics_free(findings);
    if (!set)
        return code;
    code = run_examples(arguments, set, least);
    wd_ruleset_unref(set);
    return code;
}

/* ---- again and again ---- */

enum { LOOK_INTERVAL_MS = 250 };
static volatile sig_atomic_t is_ended;

static void end(int signal)
{
    (void)signal;
    is_ended = 1;
}

/* Runs the examples at once and then whenever the files have changed and stand still, until somebody ends it. */
static int test_and_watch(const struct cli_arguments *arguments, size_t least)
{
    const char *const *paths = cli_values(arguments, "rules");
    const struct timespec interval = {.tv_nsec = LOOK_INTERVAL_MS * 1000000L};
    struct rules_files tested, seen, now;
    int code = EXIT_FINE;
    paths = paths[0] ? paths : cli_operands(arguments);
    if (!paths[0])
        return cli_usage(arguments, "--watch wants to know what: name files or folders");
    signal(SIGINT, end);
    signal(SIGTERM, end);
    for (bool first = true; !is_ended; first = false) {
        if (!rules_files_look(paths, &now))
            return cli_fail(arguments, EXIT_FINDINGS, "no memory");
        if (first || (rules_files_equal(&now, &seen) && !rules_files_equal(&now, &tested))) {
            code = test_once(arguments, least);
            fflush(stdout);
            fputs("watching the files; Ctrl-C ends\n", stderr);
            tested = now;
        }
        seen = now;
        nanosleep(&interval, NULL);
    }
    return code;
}

static int test(const struct cli_arguments *arguments)
{
    if (cli_has(arguments, "json") && cli_has(arguments, "junit"))
        return cli_usage(arguments, "--json and --junit exclude each other");
    long long least;
    if (!cli_number(arguments, "min-coverage", 0, 100, 0, &least))
        return EXIT_USAGE;
    return cli_has(arguments, "watch") ? test_and_watch(arguments, (size_t)least) : test_once(arguments, (size_t)least);
}

static const struct cli_option TEST_OPTIONS[] = {
    CLI_RULES_OPTION,
    CLI_CONFIG_OPTIONS,
    {.name = "verbose", .letter = 'v', .text = "Print the examples that pass, too."},
    {.name = "json", .letter = 'j', .text = "Print one JSON object."},
    {.name = "coverage", .text = "Name the rules that lack an example that must match or one that must not."},
    {.name = "min-coverage",
     .argument = "PERCENT",
     .text = "Exit with 1 where fewer of the rules (but those that are off) have an example of each kind."},
    {.name = "junit", .text = "Print JUnit's XML, a test an example."},
    {.name = "watch", .letter = 'w', .text = "Run them again whenever the files change, until Ctrl-C."},
    {0},
};

const struct cli_command command_rules_test = {
    .name = "rules test",
    .operands = "[PATH...]",
    .summary = "run the examples of the rules",
    .text =
        "The examples are those inside the rules (tests) and those in the file beside them that tests_file names. Each "
        "is judged for its own rule alone, whatever the rule's mode is (but off), at a time of its own. Of one that "
        "fails it is said which condition decided. Exits with 1 where one fails, 4 where there is none.",
    .options = TEST_OPTIONS,
    .run = test,
};
