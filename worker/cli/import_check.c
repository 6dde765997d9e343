/* Reads back what would be printed. What always holds: a finding of the loader is reported at the place that the person
 * wrote. Neighbours: import_print.c; <warden/ruletest.h> runs the examples. */
#include <stdlib.h>
#include <string.h>

#include <warden/ruleset.h>
#include <warden/ruletest.h>

#include "worker/cli/import_set.h"

size_t import_kept(const struct import_set *set)
{
    size_t kept = 0;
    for (const struct import_rule *rule = set->rules; rule; rule = rule->next)
        kept += !rule->refused;
    return kept;
}

/* The rule that was printed around a line. */
static struct import_rule *rule_at(const struct import_set *set, int line)
{
    struct import_rule *found = NULL;
    for (struct import_rule *rule = set->rules; rule && rule->first_line <= line; rule = rule->next)
        found = rule->refused ? found : rule;
    return found;
}

static size_t take_findings(struct import_set *set, const struct wd_diagnostics *found, bool with_warnings,
                            const char **no_rule_out)
{
    size_t refused = 0;
    for (size_t i = 0; i < wd_diagnostics_count(found); i++) {
        const struct wd_diagnostic *one = wd_diagnostics_at(found, i);
        struct import_rule *rule = rule_at(set, one->line);
        bool is_error = one->severity == WD_ERROR;
        if (!rule)
            *no_rule_out = is_error ? one->message : *no_rule_out;
        else if (is_error)
            wd_diagnose(set->findings, WD_ERROR, one->code, set->name, rule->line, rule->column,
                        "the rule cannot be used: %s", one->message);
        else if (with_warnings)
            wd_diagnose(set->findings, one->severity, one->code, set->name, rule->line, rule->column, "%s",
                        one->message);
        if (rule && is_error) {
            refused++;
            rule->refused = true;
        }
    }
    return refused;
}

struct trial {
    struct import_set *set;
    bool changed; /* an example was dropped */
};

static bool drop_example(const char **examples, size_t *count, const char *text)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(examples[i], text) != 0)
            continue;
        memmove(examples + i, examples + i + 1, (--*count - i) * sizeof(*examples));
        return true;
    }
    return false;
}

/* An example that was made here and must match, but does not, says that the rule is not what it was. One that must not
 * can be caught by another entry of the same list, and an exception can free any: it was no good example. */
static void note_failure(void *context, const struct wd_rule_test_result *result)
{
    struct trial *trial = context;
    struct import_rule *rule = rule_at(trial->set, result->line);
    if (result->passed || !rule || rule->refused)
        return;
    struct import_examples *examples = &rule->examples;
    if (strcmp(result->kind, "no_match") == 0)
        trial->changed |= drop_example(examples->no_match, &examples->no_match_count, result->text);
    else if (rule->excepts && rule->excepts->first)
        trial->changed |= drop_example(examples->match, &examples->match_count, result->text);
    else
        import_refuse(trial->set, rule, rule->line, rule->column, "the rule would not do the same: '%s' %s",
                      result->text, result->reason);
}

static enum wd_status check_once(struct import_set *set, struct wd_diagnostics *found, bool *changed_out,
                                 struct wd_error *err)
{
    char *yaml = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&yaml, &len);
    enum wd_status status = out ? import_print(set, out) : WD_ERR_MEMORY;
    if (out && fclose(out) != 0)
        status = WD_ERR_MEMORY;
    struct wd_ruleset *rules = NULL;
    const struct wd_ruleset_options options = {.lint = true};
    if (status == WD_OK)
        status = wd_ruleset_load_text(set->name, yaml, len, &options, &rules, found);
    free(yaml);
    struct trial trial = {.set = set};
    struct wd_rule_test_counts counts;
    if (status == WD_OK)
        status = wd_ruleset_test(rules, note_failure, &trial, &counts, err);
    wd_ruleset_unref(rules);
    *changed_out = trial.changed;
    return status;
}

enum wd_status import_check(struct import_set *set, struct wd_error *err)
{
    enum wd_status status = WD_OK;
    for (size_t kept = import_kept(set); kept; kept = import_kept(set)) {
        struct wd_diagnostics *found = wd_diagnostics_new();
        const char *no_rule = "the rules do not load";
        bool changed = false;
        status = found && !set->out_of_memory ? check_once(set, found, &changed, err) : WD_ERR_MEMORY;
        changed |= import_kept(set) < kept;
        if (found)
            take_findings(set, found, status == WD_OK && !changed, &no_rule);
        wd_diagnostics_free(found);
        if (status == WD_ERR_MEMORY)
            return wd_fail(err, status, "no memory");
        if (!changed && import_kept(set) == kept)
            return status == WD_OK ? WD_OK : wd_fail(err, WD_ERR_INVALID, "%s", no_rule);
    }
    return WD_OK;
}
