/* `warden rules list` and `warden rules lint`: what is in the rule sets, and what is wrong with them. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "worker/cli/commands.h"
#include "worker/cli/lint_codes.h"
#include "worker/cli/machine_report.h"

static json_t *rule_to_json(const struct wd_rule_info *rule)
{
    json_t *json = json_pack("{s:s, s:s?, s:s?, s:s?, s:s, s:s?, s:s?, s:s, s:i}", "id", rule->id, "title", rule->title,
                             "severity", rule->severity, "status", rule->status, "mode", wd_mode_name(rule->mode),
                             "set", rule->set_id, "version", rule->set_version, "file", rule->file, "line", rule->line);
    if (rule->mode == WD_MODE_SAMPLE)
        json_object_set_new(json, "sample_share", json_real(rule->sample_share));
    return json;
}

static void list_json(const struct wd_ruleset *set)
{
    json_t *rules = json_array();
    for (uint32_t i = 0; i < wd_ruleset_rule_count(set); i++)
        json_array_append_new(rules, rule_to_json(wd_ruleset_rule(set, i)));
    json_t *whole = json_pack("{s:s, s:o}", "digest", wd_ruleset_digest(set), "rules", rules);
    json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(whole);
}

static void list_table(const struct wd_ruleset *set)
{
    int width = (int)strlen("RULE");
    for (uint32_t i = 0; i < wd_ruleset_rule_count(set); i++) {
        int length = (int)strlen(wd_ruleset_rule(set, i)->id);
        width = length > width ? length : width;
    }
    printf("%-*s  %-8s  %-8s  %s\n", width, "RULE", "MODE", "SEVERITY", "TITLE");
    for (uint32_t i = 0; i < wd_ruleset_rule_count(set); i++) {
        const struct wd_rule_info *rule = wd_ruleset_rule(set, i);
        printf("%-*s  %-8s  %-8s  %s\n", width, rule->id, wd_mode_name(rule->mode),
               rule->severity ? rule->severity : "", rule->title ? rule->title : "");
    }
    printf("%zu rules, digest %s\n", wd_ruleset_rule_count(set), wd_ruleset_digest(set));
}

static int list(const struct cli_arguments *arguments)
{
    int code;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = findings ? cli_load_rules(arguments, true, RULES_AS_CONFIGURED, findings, &code) : NULL;
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    if (!set)
        return code;
    if (cli_has(arguments, "json"))
        list_json(set);
    else
        list_table(set);
    code = wd_ruleset_rule_count(set) ? EXIT_FINE : EXIT_NOTHING;
    wd_ruleset_unref(set);
    return code;
}

/* ---- lint ---- */

/* What is not wanted is dropped where it is found; only what loading can do without can be. */
static bool silence(const struct cli_arguments *arguments, struct wd_diagnostics *findings)
{
    const char *const *codes = cli_values(arguments, "disable");
    for (size_t i = 0; codes[i]; i++) {
        if (lint_code_text(codes[i]))
            continue;
        char known[512] = "";
        for (size_t j = 0, used = 0; lint_code_at(j) && used < sizeof(known); j++)
            used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", j ? ", " : "", lint_code_at(j));
        cli_usage(arguments, "--disable: '%s' is none of %s", codes[i], known);
        return false;
    }
    wd_diagnostics_silence(findings, codes);
    return true;
}

/* What is printed in one of the forms for programs stands alone. */
static bool print_for_programs(const struct cli_arguments *arguments, const struct wd_diagnostics *findings)
{
    if (cli_has(arguments, "json"))
        machine_report_json(findings, stdout);
    else if (cli_has(arguments, "sarif"))
        machine_report_sarif(findings, stdout);
    else if (cli_has(arguments, "junit"))
        machine_report_junit(findings, cli_has(arguments, "deny-warnings"), stdout);
    else
        return false;
    return true;
}

static int lint(const struct cli_arguments *arguments)
{
    int code;
    if (cli_has(arguments, "json") + cli_has(arguments, "sarif") + cli_has(arguments, "junit") > 1)
        return cli_usage(arguments, "--json, --sarif and --junit exclude each other");
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    if (!silence(arguments, findings)) {
        wd_diagnostics_free(findings);
        return EXIT_USAGE;
    }
    enum rule_checks checks = cli_has(arguments, "strict") ? RULES_STRICT : RULES_LINT;
    for (const char *const *off = cli_values(arguments, "disable"); *off; off++)
        if (strcmp(*off, "grows") == 0)
            checks = RULES_LINT_BUT_GROWTH;
    struct wd_ruleset *set = cli_load_rules(arguments, true, checks, findings, &code);
    size_t rules = set ? wd_ruleset_rule_count(set) : 0;
    size_t errors = wd_diagnostics_errors(findings), warnings = wd_diagnostics_warnings(findings);
    if (!print_for_programs(arguments, findings)) {
        wd_diagnostics_print(findings, stdout);
        if (set)
            printf("%zu rule%s, ", rules, rules == 1 ? "" : "s");
        if (set || errors)
            printf("%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    }
    if (set)
        code = !rules ? EXIT_NOTHING : warnings && cli_has(arguments, "deny-warnings") ? EXIT_FINDINGS : EXIT_FINE;
    wd_ruleset_unref(set);
    wd_diagnostics_free(findings);
    return code;
}

static const struct cli_option LIST_OPTIONS[] = {
    CLI_RULES_OPTION,
    CLI_CONFIG_OPTIONS,
    {.name = "json", .letter = 'j', .text = "Print one JSON object."},
    {0},
};

static const struct cli_option LINT_OPTIONS[] = {
    CLI_RULES_OPTION,
    CLI_CONFIG_OPTIONS,
    {.name = "strict", .text = "Rules that can take more than linear time are errors."},
    {.name = "deny-warnings", .text = "Exit with 1 where there are warnings."},
    {.name = "disable",
     .argument = "CODE",
     .text = "Leave a check out; may be given several times. The checks stand above."},
    {.name = "json", .letter = 'j', .text = "Print the findings as a JSON array."},
    {.name = "sarif", .text = "Print them as SARIF 2.1.0, as code hosts show beside the lines."},
    {.name = "junit", .text = "Print them as JUnit's XML, a test a finding."},
    {0},
};

const struct cli_command command_rules_list = {
    .name = "rules list",
    .operands = "[PATH...]",
    .summary = "list the rules",
    .options = LIST_OPTIONS,
    .run = list,
};

const struct cli_command command_rules_lint = {
    .name = "rules lint",
    .operands = "[PATH...]",
    .summary = "check rule sets",
    .text =
        "Prints every finding as file:line:column: code: message. Exits with 78 where there is an error, 4 where there "
        "is no rule.\n"
        "Beside what loading refuses, it finds: missing-examples (a stable rule without match and no_match: an "
        "error), no-examples, duplicate-condition and shadowed-rule (another rule says the same, or all of it), "
        "matches-empty "
        "(an expression that matches any text), grows (one that evil texts make slow), boundary-trap (\\b beside "
        "a character that is no part of a word), case-trap (case in a view that has none), word-trap (whole words of a "
        "script without spaces), unused-list, unused-macro, "
        "empty-list, empty-folder.",
    .options = LINT_OPTIONS,
    .run = lint,
};
