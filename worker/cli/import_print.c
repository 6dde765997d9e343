/* Writes imported rules as a rule set file. What always holds: every text is quoted, so it reads back as it was.
 * Neighbours: import_check.c reads it back. */
#include <string.h>

#include "worker/cli/import_set.h"

enum { SHORT_LIST = 6 };

struct printing {
    FILE *out;
    int line; /* that is being written */
};

static void end_line(struct printing *printing)
{
    fputc('\n', printing->out);
    printing->line++;
}

static void indent(struct printing *printing, int columns)
{
    fprintf(printing->out, "%*s", columns, "");
}

/* A short list on the line, a long one an entry a line. */
static void print_values(struct printing *printing, const struct import_condition *leaf, bool is_short, int columns)
{
    fputs(is_short ? " [" : "", printing->out);
    for (size_t i = 0; i < leaf->value_count; i++) {
        if (!is_short) {
            end_line(printing);
            indent(printing, columns);
            fputs("- ", printing->out);
        } else if (i) {
            fputs(", ", printing->out);
        }
        rule_lines_quote(printing->out, leaf->values[i]);
    }
    fputs(is_short ? "]" : "", printing->out);
}

static void print_leaf(struct printing *printing, const struct import_condition *leaf, int columns)
{
    bool several_keys = leaf->more && strstr(leaf->more, "], "); /* "fields: [title], case: sensitive" */
    bool in_braces = leaf->text || leaf->plain || leaf->value_count <= SHORT_LIST || several_keys;
    fprintf(printing->out, in_braces ? "{%s:" : "%s:", leaf->key);
    if (leaf->text || leaf->plain)
        fputc(' ', printing->out);
    if (leaf->text)
        rule_lines_quote(printing->out, wd_str_from(leaf->text));
    else if (leaf->plain)
        fputs(leaf->plain, printing->out);
    else
        print_values(printing, leaf, in_braces, columns);
    if (leaf->more && in_braces) {
        fprintf(printing->out, ", %s", leaf->more);
    } else if (leaf->more) {
        end_line(printing);
        indent(printing, columns);
        fputs(leaf->more, printing->out);
    }
    fputs(in_braces ? "}" : "", printing->out);
}

/* At a place where a value may begin; further lines are indented by `columns`. */
static void print_condition(struct printing *printing, const struct import_condition *condition, int columns)
{
    static const char *const KEYS[] = {[IMPORT_ALL] = "all", [IMPORT_ANY] = "any", [IMPORT_NOT] = "not"};
    while ((condition->kind == IMPORT_ALL || condition->kind == IMPORT_ANY) && condition->first &&
           condition->first == condition->last)
        condition = condition->first; /* one of one, all of one */
    if (condition->kind == IMPORT_LEAF) {
        print_leaf(printing, condition, columns);
        return;
    }
    fprintf(printing->out, "%s:", KEYS[condition->kind]);
    for (const struct import_condition *child = condition->first; child; child = child->next) {
        end_line(printing);
        indent(printing, columns);
        fputs(condition->kind == IMPORT_NOT ? "  " : "- ", printing->out);
        print_condition(printing, child, columns + 2);
    }
}

static void print_examples(struct printing *printing, const char *key, const char *const *texts, size_t count)
{
    if (!count)
        return;
    fprintf(printing->out, "    %s: [", key);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", printing->out);
        rule_lines_quote(printing->out, wd_str_from(texts[i]));
    }
    fputc(']', printing->out);
    end_line(printing);
}

static void print_tests(struct printing *printing, const struct import_examples *examples)
{
    if (!examples->match_count && !examples->no_match_count)
        return;
    fputs("  tests:", printing->out);
    end_line(printing);
    print_examples(printing, "match", examples->match, examples->match_count);
    print_examples(printing, "no_match", examples->no_match, examples->no_match_count);
}

static void print_text(struct printing *printing, const char *key, const char *text)
{
    if (!text)
        return;
    fprintf(printing->out, "  %s: ", key);
    rule_lines_quote(printing->out, wd_str_from(text));
    end_line(printing);
}

static void print_plain(struct printing *printing, const char *key, const char *yaml)
{
    if (!yaml)
        return;
    fprintf(printing->out, "  %s: %s", key, yaml);
    end_line(printing);
}

static void print_rule(struct printing *printing, const struct import_rule *rule, const char *const *views)
{
    fputs("- id: ", printing->out);
    rule_lines_quote(printing->out, wd_str_from(rule->id));
    end_line(printing);
    print_text(printing, "title", rule->title);
    print_plain(printing, "status", rule->status ? rule->status : "experimental");
    print_plain(printing, "severity", rule->severity);
    print_plain(printing, "tags", rule->tags);
    if (rule->events) {
        fprintf(printing->out, "  scope: {events: %s}", rule->events);
        end_line(printing);
    }
    for (size_t i = 0; views && views[i]; i++)
        fprintf(printing->out, "%s%s%s", i ? ", " : "  views: [", views[i], views[i + 1] ? "" : "]\n");
    printing->line += views && views[0];
    fputs("  when:", printing->out);
    end_line(printing);
    indent(printing, 4);
    print_condition(printing, rule->when, 4);
    end_line(printing);
    if (rule->excepts && rule->excepts->first) {
        fputs("  except:", printing->out);
        for (const struct import_condition *one = rule->excepts->first; one; one = one->next) {
            end_line(printing);
            fputs("  - ", printing->out);
            print_condition(printing, one, 4);
        }
        end_line(printing);
    }
    fputs("  actions: [", printing->out);
    for (size_t i = 0; i < rule->action_count; i++)
        fprintf(printing->out, "%s%s", i ? ", " : "", rule->actions[i]);
    fputc(']', printing->out);
    end_line(printing);
    if (rule->message) {
        fputs("  user_message: {en: ", printing->out);
        rule_lines_quote(printing->out, wd_str_from(rule->message));
        fputc('}', printing->out);
        end_line(printing);
    }
    print_tests(printing, &rule->examples);
}

enum wd_status import_print(struct import_set *set, FILE *out)
{
    struct printing printing = {.out = out, .line = 1};
    fputs("ruleset: {id: ", out);
    rule_lines_quote(out, wd_str_from(set->header->id));
    fprintf(out, ", version: 1.0.0, format: 1, default_mode: %s}", set->header->mode);
    end_line(&printing);
    fputs("rules:", out);
    end_line(&printing);
    for (struct import_rule *rule = set->rules; rule; rule = rule->next) {
        rule->first_line = printing.line;
        if (!rule->refused)
            print_rule(&printing, rule, set->header->views);
    }
    return ferror(out) ? WD_ERR_IO : WD_OK;
}
