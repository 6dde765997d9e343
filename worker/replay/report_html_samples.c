/* Examples in the HTML report: texts of users with what matched marked. What always holds: every text is escaped.
 * Neighbours: report_html.c. */
#include <stdlib.h>
#include <string.h>

#include "worker/replay/report_parts.h"

enum { SAMPLE_RULES_SHOWN = 200 };

static void text(const char *words, FILE *out)
{
    report_escape(words, strlen(words), out);
}

static void marked_text(const json_t *shown, FILE *out)
{
    const char *bytes = report_text(shown, "text");
    size_t at = 0, i;
    const json_t *span;
    fputs("<bdi>", out);
    json_array_foreach(json_object_get(shown, "spans"), i, span)
    {
        size_t start = (size_t)report_int(span, "start"), end = (size_t)report_int(span, "end");
        report_escape(bytes + at, start - at, out);
        fprintf(out, "<mark title=\"view %s\">", report_text(span, "view"));
        report_escape(bytes + start, end - start, out);
        fputs("</mark>", out);
        at = end;
    }
    report_escape(bytes + at, strlen(bytes) - at, out);
    fputs("</bdi>", out);
}

static void print_sample(const json_t *sample, FILE *out)
{
    const char *actions = report_text(sample, "actions"), *label = report_text(sample, "label");
    const char *before = json_string_value(json_object_get(sample, "actions_before"));
    size_t i;
    const json_t *shown, *rule;
    fputs("<div class=\"sample\">", out);
    json_array_foreach(json_object_get(sample, "texts"), i, shown)
    {
        fprintf(out, "<div><span class=\"where\">%s</span> ", report_text(shown, "field"));
        marked_text(shown, out);
        fputs(json_is_true(json_object_get(shown, "cut")) ? " \xe2\x80\xa6</div>" : "</div>", out);
    }
    fputs("<div class=\"where\"><bdi>", out);
    text(report_text(sample, "place"), out);
    fputs("</bdi>, by <bdi>", out);
    text(report_text(sample, "author"), out);
    fputs("</bdi>: ", out);
    text(*actions ? actions : "nothing", out);
    if (before) {
        fputs(" (before: ", out);
        text(*before ? before : "nothing", out);
        fputs(")", out);
    }
    if (*label)
        fprintf(out, ", labelled %s", label);
    fputs("; rules", out);
    json_array_foreach(json_object_get(sample, "rules"), i, rule)
    {
        fputs(i ? ", " : " ", out);
        text(json_string_value(rule), out);
    }
    fputs("</div></div>\n", out);
}

/* `title` comes from us or is escaped. */
static void print_group(const char *title, const json_t *samples, bool open, FILE *out)
{
    size_t i;
    const json_t *sample;
    if (!json_array_size(samples))
        return;
    fputs(open ? "<details open><summary>" : "<details><summary>", out);
    text(title, out);
    fputs("</summary>\n", out);
    json_array_foreach(samples, i, sample) print_sample(sample, out);
    fputs("</details>\n", out);
}

void report_html_samples(const json_t *report, FILE *out)
{
    const json_t *samples = json_object_get(report, "samples"), *rules = json_object_get(report, "rules");
    fputs("<h2>Examples</h2>\n<p class=\"note\">Drawn evenly from all events; what matched is marked.</p>\n", out);
    print_group("New decisions", json_object_get(samples, "new"), true, out);
    print_group("Decisions that are gone", json_object_get(samples, "gone"), true, out);
    print_group("Changed decisions", json_object_get(samples, "changed"), true, out);
    print_group("Acted on, though labelled ok", json_object_get(samples, "acted_on_ok"), true, out);
    print_group("Not acted on, though labelled bad", json_object_get(samples, "missed_bad"), true, out);
    size_t count;
    size_t *order = report_rule_order(rules, &count);
    for (size_t i = 0; order && i < count && i < SAMPLE_RULES_SHOWN; i++) {
        const char *id = report_text(json_array_get(rules, order[i]), "id");
        print_group(id, json_object_get(json_object_get(samples, "rules"), id), false, out);
    }
    free(order);
}
