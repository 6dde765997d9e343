/* The rules of a measurement: a table of expressions, of which the first so many are taken, or a rule set as it is. */
#include "bench/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/cli/rule_lines.h"

struct engine_rules {
    const char *path;
    bool is_table;
    struct rule_lines lines;
    struct rule_lines_header header;
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void read_table(struct engine_rules *rules)
{
    struct wd_error err = {0};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    FILE *file = fopen(rules->path, "rb");
    if (!file || !findings)
        engine_give_up(rules->path, strerror(errno));
    if (rule_lines_read(&rules->lines, RULE_LINES_TABLE, rules->path, file, findings, &err) != WD_OK ||
        rule_lines_check(&rules->lines, &rules->header, findings, &err) != WD_OK)
        engine_give_up(rules->path, err.text);
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr);
    fclose(file);
    wd_diagnostics_free(findings);
}

struct engine_rules *engine_rules_read(const char *path, const char *const *views)
{
    struct engine_rules *rules = calloc(1, sizeof(*rules));
    if (!rules)
        engine_give_up(path, "no memory");
    rules->path = path;
    rules->is_table = !ends_with(path, ".yaml") && !ends_with(path, ".yml");
    rules->header = (struct rule_lines_header){.id = "bench", .mode = "enforce", .views = views};
    if (!rules->is_table && views && views[0])
        engine_give_up(path, "a rule set names its views itself: --view is for tables");
    if (rules->is_table)
        read_table(rules);
    return rules;
}

void engine_rules_free(struct engine_rules *rules)
{
    if (rules->is_table)
        rule_lines_fini(&rules->lines);
    free(rules);
}

bool engine_rules_are_a_table(const struct engine_rules *rules)
{
    return rules->is_table;
}

size_t engine_rules_count(const struct engine_rules *rules)
{
    return rules->lines.count;
}

struct wd_str engine_rules_text(const struct engine_rules *rules, size_t i)
{
    return rules->lines.items[i].text;
}

static struct wd_ruleset *load_table(const struct engine_rules *rules, size_t first, size_t count, double *seconds_out)
{
    char *yaml = NULL;
    size_t len = 0;
    struct rule_lines some = rules->lines;
    some.items += first;
    some.count -= first;
    FILE *out = open_memstream(&yaml, &len);
    if (!out || rule_lines_print(&some, &rules->header, count, out) != WD_OK || fclose(out) != 0)
        engine_give_up(rules->path, "no memory");
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    uint64_t start = engine_processor_ns(NULL);
    if (!findings || wd_ruleset_load_text("rules.yaml", yaml, len, NULL, &set, findings) != WD_OK)
        engine_give_up(rules->path, "does not load");
    *seconds_out = (double)(engine_processor_ns(NULL) - start) / 1e9;
    wd_diagnostics_free(findings);
    free(yaml);
    return set;
}

static struct wd_ruleset *load_set(const struct engine_rules *rules, double *seconds_out)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    uint64_t start = engine_processor_ns(NULL);
    if (!findings || wd_ruleset_load(&rules->path, 1, NULL, &set, findings) != WD_OK) {
        wd_diagnostics_print(findings, stderr);
        engine_give_up(rules->path, "does not load");
    }
    *seconds_out = (double)(engine_processor_ns(NULL) - start) / 1e9;
    wd_diagnostics_free(findings);
    return set;
}

struct wd_ruleset *engine_rules_load(const struct engine_rules *rules, size_t first, size_t count, double *seconds_out)
{
    return rules->is_table ? load_table(rules, first, count, seconds_out) : load_set(rules, seconds_out);
}
