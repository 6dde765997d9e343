/* Examples in a file beside the rules, a JSON object a line: what people collect, or other programs write. What always
 * holds: each line goes through the checks and readers of the examples inside rules, and findings name its own line.
 * Neighbours: ruletest_load.c makes events, ruletest.c runs them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "filters/rules/loader.h"
#include "filters/rules/ruletest.h"

enum { ENTRY_COLUMNS = 2 }; /* what stands before a line in the document that is made of it: "- " */

struct example {
    struct rule *rule;
    struct rule_test test;
};

struct reading {
    struct loader *loader;
    const char *path;
    struct rule **rules; /* by id */
    size_t rule_count;
    struct example *examples;
    size_t count;
    bool *is_rewritten; /* by line: columns are not those of the file */
};

/* ---- from lines to a document ---- */

/* The line, checked to be JSON. It has escapes that YAML has not, so a line with any is written anew without them.
 * NULL where it is none. */
static char *plain_json(const struct reading *reading, const char *line, size_t len, int number)
{
    json_error_t error;
    json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    reading->is_rewritten[number] = memchr(line, '\\', len) != NULL || memchr(line, '\t', len) != NULL;
    char *text = !json || !json_is_object(json)  ? NULL
                 : reading->is_rewritten[number] ? json_dumps(json, 0)
                                                 : strndup(line, len);
    if (!text)
        wd_diagnose(reading->loader->reporter.findings, WD_ERROR, "tests-file", reading->path, number,
                    ENTRY_COLUMNS + (json || error.column < 1 ? 1 : error.column), "%s",
                    json ? "a line must be an object, as in {\"rule\": \"a\", \"match\": true, \"text\": \"hello\"}"
                         : error.text);
    json_decref(json);
    return text;
}

/* What YAML takes for a line break or refuses is escaped: in JSON it can only stand in a text. */
static void write_json(const char *json, FILE *out)
{
    static const struct {
        const char *bytes, *escape;
    } ESCAPED[] = {{"\x7f", "\\x7F"},           {"\xE2\x80\xA8", "\\u2028"}, {"\xE2\x80\xA9", "\\u2029"},
                   {"\xEF\xBB\xBF", "\\uFEFF"}, {"\xEF\xBF\xBE", "\\uFFFE"}, {"\xEF\xBF\xBF", "\\uFFFF"}};
    while (*json) {
        const unsigned char *c = (const unsigned char *)json;
        size_t i = 0, count = sizeof(ESCAPED) / sizeof(*ESCAPED);
        while (i < count && strncmp(json, ESCAPED[i].bytes, strlen(ESCAPED[i].bytes)) != 0)
            i++;
        if (i < count) {
            fputs(ESCAPED[i].escape, out);
            json += strlen(ESCAPED[i].bytes);
        } else if (c[0] == 0xC2 && c[1] < 0xA0) {
            fprintf(out, "\\x%02X", c[1]);
            json += 2;
        } else {
            fputc(*json++, out);
        }
    }
}

static bool is_comment(const char *line, size_t len)
{
    while (len && strchr(" \t\r", *line)) {
        line++;
        len--;
    }
    return !len || *line == '#';
}

/* A YAML list with the entry of line N in its own line N. */
static bool write_document(const struct reading *reading, const char *text, size_t len, FILE *out)
{
    const char *end = text + len;
    size_t entries = 0;
    for (int number = 1; text < end; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((stop ? stop : end) - text);
        char *json = is_comment(text, line) ? NULL : plain_json(reading, text, line, number);
        if (json) {
            fputs("- ", out);
            write_json(json, out);
        }
        fputc('\n', out);
        entries += json != NULL;
        free(json);
        text = stop ? stop + 1 : end;
    }
    return entries > 0;
}

static struct wd_document *document_of(const struct reading *reading, const char *text, size_t len)
{
    char *yaml = NULL;
    size_t yaml_len = 0;
    FILE *out = open_memstream(&yaml, &yaml_len);
    struct wd_document *document = NULL;
    bool has_entries = out && write_document(reading, text, len, out);
    if (!out || fclose(out) != 0)
        reading->loader->out_of_memory = true;
    else if (has_entries && wd_document_parse(reading->path, yaml, yaml_len, &document,
                                              reading->loader->reporter.findings) == WD_ERR_MEMORY)
        reading->loader->out_of_memory = true;
    free(yaml);
    return document;
}

/* ---- from the document to examples ---- */

static int by_id(const void *left, const void *right)
{
    return strcmp((*(const struct rule *const *)left)->info.id, (*(const struct rule *const *)right)->info.id);
}

static struct rule *rule_named(const struct reading *reading, const struct wd_node *name)
{
    struct rule key = {.info = {.id = name->text}}, *wanted = &key;
    struct rule **found = reading->rule_count
                              ? bsearch(&wanted, reading->rules, reading->rule_count, sizeof(struct rule *), by_id)
                              : NULL;
    if (found)
        return *found;
    const char *near = NULL, **ids = calloc(reading->rule_count + 1, sizeof(*ids));
    for (size_t i = 0; i < reading->rule_count && ids; i++)
        ids[i] = reading->rules[i]->info.id;
    near = ids ? wd_did_you_mean(name->text, ids) : NULL;
    wd_report(&reading->loader->reporter, name, WD_ERROR, "unknown-rule", "there is no rule '%.60s'%s%s%s", name->text,
              near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    free(ids);
    return NULL;
}

static void read_example(struct reading *reading, const struct wd_node *node)
{
    struct loader *loader = reading->loader;
    bool match = false;
    if (!wd_check_shape(&loader->reporter, node, &wd_test_line_shape))
        return;
    struct rule *rule = rule_named(reading, wd_node_get(node, "rule"));
    if (!rule)
        return;
    (void)wd_node_bool(wd_node_get(node, "match"), &match);
    struct example *example = &reading->examples[reading->count++];
    *example = (struct example){.rule = rule,
                                .test = {.kind = match ? RULE_TEST_MATCH : RULE_TEST_NO_MATCH,
                                         .file = reading->path,
                                         .line = node->line,
                                         .column = 1,
                                         .at_ms = wd_test_time_ms}};
    wd_load_test_event(loader, node, rule, wd_test_time_ms, &example->test.event);
}

static int by_rule(const void *left, const void *right)
{
    const struct example *a = left, *b = right;
    if (a->rule != b->rule)
        return a->rule < b->rule ? -1 : 1;
    return (a->test.line > b->test.line) - (a->test.line < b->test.line);
}

/* Puts `count` examples of one rule behind those that it has. */
static void append(struct loader *loader, const struct example *examples, size_t count)
{
    struct rule *rule = examples[0].rule;
    struct rule_tests *tests = wd_loader_alloc(loader, 1, sizeof(*tests));
    struct rule_test *items = wd_loader_alloc(loader, rule->tests->count + count, sizeof(*items));
    if (!tests || !items)
        return;
    *tests = *rule->tests;
    if (tests->count)
        memcpy(items, tests->items, tests->count * sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[tests->count++] = examples[i].test;
        tests->match_count += examples[i].test.kind == RULE_TEST_MATCH;
        tests->no_match_count += examples[i].test.kind == RULE_TEST_NO_MATCH;
    }
    tests->items = items;
    rule->tests = tests;
}

static void hand_out(struct reading *reading)
{
    if (reading->count)
        qsort(reading->examples, reading->count, sizeof(*reading->examples), by_rule);
    for (size_t i = 0, next; i < reading->count; i = next) {
        for (next = i + 1; next < reading->count && reading->examples[next].rule == reading->examples[i].rule;)
            next++;
        append(reading->loader, &reading->examples[i], next - i);
    }
}

/* Hands findings on, at the columns of the file. */
static void take_findings(const struct reading *reading, const struct wd_diagnostics *found)
{
    for (size_t i = 0; i < wd_diagnostics_count(found); i++) {
        const struct wd_diagnostic *one = wd_diagnostics_at(found, i);
        int column = reading->is_rewritten[one->line] ? 1 : one->column - ENTRY_COLUMNS;
        wd_diagnose(reading->loader->reporter.findings, one->severity, one->code, one->file, one->line,
                    column > 0 ? column : 1, "%s", one->message);
    }
}

static void read_lines(struct reading *reading, const char *text, size_t len)
{
    struct wd_document *document = document_of(reading, text, len);
    const struct wd_node *list = document ? wd_document_root(document) : NULL;
    reading->examples = list ? calloc(list->count + 1, sizeof(*reading->examples)) : NULL;
    reading->count = 0;
    reading->loader->out_of_memory |= list && !reading->examples;
    for (const struct wd_node *node = reading->examples ? list->first : NULL; node; node = node->next)
        read_example(reading, node);
    hand_out(reading);
    free(reading->examples);
    wd_document_free(document);
}

static void read_file(struct reading *reading, const char *text, size_t len)
{
    struct reporter *reporter = &reading->loader->reporter;
    struct wd_diagnostics *outer = reporter->findings, *own = wd_diagnostics_new();
    size_t lines = 2;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    reading->is_rewritten = calloc(lines + 1, sizeof(bool));
    if (own && reading->is_rewritten) {
        reporter->findings = own;
        read_lines(reading, text, len);
        reporter->findings = outer;
        take_findings(reading, own);
    } else {
        reading->loader->out_of_memory = true;
    }
    free(reading->is_rewritten);
    wd_diagnostics_free(own);
}

void wd_load_tests_files(struct loader *loader)
{
    struct reading reading = {.loader = loader};
    struct wd_ruleset *set = loader->set;
    for (size_t i = 0; i < loader->source_count && !loader->out_of_memory; i++) {
        const struct wd_node *name = wd_node_get(loader->sources[i].root, "tests_file");
        size_t len = 0;
        char *text = name && name->kind == WD_NODE_SCALAR
                         ? wd_read_beside(loader, &loader->sources[i], name, "tests-file", &reading.path, &len)
                         : NULL;
        if (text && !reading.rules) {
            reading.rules = calloc(set->rule_count + 1, sizeof(struct rule *));
            loader->out_of_memory |= !reading.rules;
            for (; reading.rules && reading.rule_count < set->rule_count; reading.rule_count++)
                reading.rules[reading.rule_count] = &set->rules[reading.rule_count];
            if (reading.rule_count)
                qsort(reading.rules, reading.rule_count, sizeof(struct rule *), by_id);
        }
        if (text)
            read_file(&reading, text, len);
    }
    free(reading.rules);
}
