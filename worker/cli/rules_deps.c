/* `warden rules deps`: what in rule files leans on what: rules and macros on macros and lists, overrides on rules,
 * lists on files. Read from the documents, after they were loaded, so that every name is known to be right. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>
#include <warden/document.h>

#include "worker/cli/commands.h"

/* One file. Names of macros and lists belong to it alone, so they are shown with the set's id. */
struct reading {
    json_t *edges; /* [{from, to}], in the order of the files */
    const struct wd_node *lists, *macros;
    const char *set;
};

static json_t *thing(const char *kind, const char *set, const char *name)
{
    return set ? json_sprintf("%s %s:%s", kind, set, name) : json_sprintf("%s %s", kind, name);
}

/* Takes `from` and `to` over; an edge that is there already is not added. */
static void add_edge(struct reading *reading, json_t *from, json_t *to)
{
    json_t *edge = json_pack("{s:o, s:o}", "from", from, "to", to);
    size_t i;
    const json_t *other;
    json_array_foreach(reading->edges, i, other)
    {
        if (edge && json_equal(other, edge)) {
            json_decref(edge);
            return;
        }
    }
    json_array_append_new(reading->edges, edge);
}

static bool is_key(const struct wd_node *node, const char *name)
{
    return node->key && strcmp(node->key->text, name) == 0;
}

/* A scalar names a list where one of that name is there and the key is not one that holds words of its own. */
static bool names_list(const struct reading *reading, const struct wd_node *node)
{
    static const char *const OWN_WORDS[] = {"regex", "matches", "name", "field", "macro", "eq", "ne", "case", NULL};
    for (const char *const *key = OWN_WORDS; *key; key++)
        if (is_key(node, *key))
            return false;
    return node->key && reading->lists && wd_node_get(reading->lists, node->text);
}

/* What a condition names, from `from` on. NOLINTNEXTLINE(misc-no-recursion): the document's depth is bounded */
static void read_condition(struct reading *reading, const struct wd_node *node, const json_t *from)
{
    if (node->kind == WD_NODE_SCALAR) {
        if (is_key(node, "macro"))
            add_edge(reading, json_copy((json_t *)from), thing("macro", reading->set, node->text));
        else if (names_list(reading, node))
            add_edge(reading, json_copy((json_t *)from), thing("list", reading->set, node->text));
        return;
    }
    for (const struct wd_node *child = node->first; child; child = child->next)
        read_condition(reading, child, from);
}

static void read_parts(struct reading *reading, const struct wd_node *map, json_t *from)
{
    const struct wd_node *when = map ? wd_node_get(map, "when") : NULL,
                         *except = map ? wd_node_get(map, "except") : NULL;
    if (when)
        read_condition(reading, when, from);
    if (except)
        read_condition(reading, except, from);
    json_decref(from);
}

static const char *text_of(const struct wd_node *map, const char *key)
{
    const struct wd_node *node = map && map->kind == WD_NODE_MAP ? wd_node_get(map, key) : NULL;
    return node && node->kind == WD_NODE_SCALAR ? node->text : "";
}

static void read_lists(struct reading *reading)
{
    for (const struct wd_node *list = reading->lists ? reading->lists->first : NULL; list; list = list->next)
        if (*text_of(list, "file"))
            add_edge(reading, thing("list", reading->set, list->key->text), thing("file", NULL, text_of(list, "file")));
}

static void read_macros(struct reading *reading)
{
    for (const struct wd_node *macro = reading->macros ? reading->macros->first : NULL; macro; macro = macro->next) {
        json_t *from = thing("macro", reading->set, macro->key->text);
        read_condition(reading, macro, from);
        json_decref(from);
    }
}

static void read_overrides(struct reading *reading, const struct wd_node *overrides)
{
    for (const struct wd_node *node = overrides ? overrides->first : NULL; node; node = node->next) {
        const char *rule = text_of(node, "rule");
        add_edge(reading, thing("override", reading->set, rule), thing("rule", NULL, rule));
        read_parts(reading, wd_node_get(node, "replace"), thing("override", reading->set, rule));
        read_parts(reading, wd_node_get(node, "append"), thing("override", reading->set, rule));
    }
}

static void read_document(struct reading *reading, const struct wd_node *root)
{
    reading->lists = wd_node_get(root, "lists");
    reading->macros = wd_node_get(root, "macros");
    reading->set = text_of(wd_node_get(root, "ruleset"), "id");
    const struct wd_node *rules = wd_node_get(root, "rules");
    for (const struct wd_node *rule = rules ? rules->first : NULL; rule; rule = rule->next)
        read_parts(reading, rule, thing("rule", NULL, text_of(rule, "id")));
    read_macros(reading);
    read_overrides(reading, wd_node_get(root, "overrides"));
    read_lists(reading);
}

static void read_file(struct reading *reading, const char *path, struct wd_diagnostics *findings)
{
    struct wd_document *document = NULL;
    if (wd_document_load(path, &document, findings) != WD_OK)
        return;
    const struct wd_node *root = wd_document_root(document);
    if (root && root->kind == WD_NODE_MAP)
        read_document(reading, root);
    wd_document_free(document);
}

static int is_rule_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static void read_path(struct reading *reading, const char *path, struct wd_diagnostics *findings)
{
    struct stat info;
    struct dirent **entries = NULL;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        read_file(reading, path, findings);
        return;
    }
    int count = scandir(path, &entries, is_rule_file, alphasort);
    for (int i = 0; i < count; i++) {
        char *below = NULL;
        if (asprintf(&below, "%s/%s", path, entries[i]->d_name) >= 0)
            read_file(reading, below, findings);
        free(below);
        free(entries[i]);
    }
    free(entries);
}

/* ---- printing ---- */

static void put_quoted(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

static void print_edges(const json_t *edges, bool as_dot)
{
    size_t i;
    const json_t *edge;
    if (as_dot)
        puts("digraph rules {\n  rankdir=LR;\n  node [shape=box];");
    json_array_foreach(edges, i, edge)
    {
        const char *from = json_string_value(json_object_get(edge, "from"));
        const char *to = json_string_value(json_object_get(edge, "to"));
        if (!as_dot) {
            printf("%s -> %s\n", from, to);
            continue;
        }
        fputs("  ", stdout);
        put_quoted(from);
        fputs(" -> ", stdout);
        put_quoted(to);
        puts(";");
    }
    if (as_dot)
        puts("}");
}

static int read_and_print(const struct cli_arguments *arguments, struct wd_diagnostics *findings)
{
    struct reading reading = {.edges = json_array()};
    for (const char *const *path = cli_operands(arguments); reading.edges && *path; path++)
        read_path(&reading, *path, findings);
    bool failed = !reading.edges || wd_diagnostics_errors(findings);
    if (!failed)
        print_edges(reading.edges, cli_has(arguments, "dot"));
    int code = failed ? EXIT_FINDINGS : json_array_size(reading.edges) ? EXIT_FINE : EXIT_NOTHING;
    json_decref(reading.edges);
    return code;
}

static int deps(const struct cli_arguments *arguments)
{
    int code = EXIT_CONFIG;
    if (!cli_operand_count(arguments))
        return cli_usage(arguments, "name rule files or folders");
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    const struct wd_ruleset_options options = {0};
    struct wd_ruleset *set = NULL;
    if (wd_ruleset_load(cli_operands(arguments), cli_operand_count(arguments), &options, &set, findings) == WD_OK)
        code = read_and_print(arguments, findings);
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr);
    wd_ruleset_unref(set);
    wd_diagnostics_free(findings);
    return code;
}

static const struct cli_option OPTIONS[] = {
    {.name = "dot", .text = "Print a graph for Graphviz: warden rules deps --dot rules/ | dot -Tsvg."},
    {0},
};

const struct cli_command command_rules_deps = {
    .name = "rules deps",
    .operands = "PATH...",
    .summary = "show which rules lean on which macros, lists, files and rules",
    .text = "One line a pair: what leans on the left, on what on the right. Exits with 4 where there is none.",
    .options = OPTIONS,
    .run = deps,
};
