/* The report as one HTML file: styles and pictures inside, no script, nothing that is loaded. A policy in its head says
 * so to the browser; besides, every text from outside goes through report_escape(). Neighbours: report_plot.c. */
#include <stdlib.h>
#include <string.h>

#include "worker/replay/replay.h"
#include "worker/replay/report_parts.h"

enum { RULES_SHOWN = 500, SILENT_RULES_SHOWN = 2000 };

static const char HEAD[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>Replay of rule sets</title>\n<style>\n"
    ":root{color-scheme:light dark;--ink:#1b1f24;--quiet:#667;--line:#d8dbe0;--bar:#3b6fd4;--before:#d9822b;"
    "--mark:#ffe08a;--page:#fff;--box:#f5f6f8}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--quiet:#99a;--line:#3a3f47;--bar:#6f9bf0;"
    "--before:#f0a860;--mark:#6b5500;--page:#16181c;--box:#1f2227}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:62rem;margin:2rem auto;"
    "padding:0 1rem}\nh1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}h3{font-size:1rem;margin:.8rem 0 0}\n"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .6rem .25rem 0;"
    "border-bottom:1px solid var(--line);vertical-align:top}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    ".wide{overflow-x:auto}.note,.where{color:var(--quiet);font-size:.87rem}code{font-size:.87rem;"
    "overflow-wrap:anywhere}\n"
    "svg{width:100%;height:auto;display:block}svg.small{height:.7rem;min-width:5rem}svg text{font-size:11px;"
    "fill:var(--quiet)}svg line{stroke:var(--line)}\n.bar{fill:var(--bar)}.before{fill:none;stroke:var(--before);"
    "stroke-width:1.5}\n"
    "mark{background:var(--mark);color:inherit;border-radius:2px}details{margin:.4rem 0}summary{cursor:pointer}\n"
    ".tiles{display:flex;flex-wrap:wrap;gap:.6rem;margin:1.2rem 0}.tile{background:var(--box);border-radius:6px;"
    "padding:.5rem .9rem;border-left:4px solid var(--line);font-size:.87rem}.tile "
    "strong{display:block;font-size:1.35rem}\n"
    ".more{border-color:#c0392b}.less{border-color:#2e8b57}.other{border-color:var(--before)}\n"
    ".sample{background:var(--box);border-radius:6px;padding:.5rem .8rem;margin:.5rem 0;overflow-wrap:anywhere}\n"
    "</style>\n</head>\n<body>\n<h1>Replay of rule sets</h1>\n";

static void text(const char *words, FILE *out)
{
    report_escape(words, strlen(words), out);
}

static void number_cell(const json_t *json, const char *key, FILE *out)
{
    char number[32];
    fprintf(out, "<td class=\"n\">%s</td>", report_count(report_int(json, key), number));
}

static void real_cell(const json_t *json, const char *key, FILE *out)
{
    char number[32];
    fprintf(out, "<td class=\"n\">%s</td>", report_real(json, key, number, sizeof(number)));
}

static void text_cell(const char *words, FILE *out)
{
    fputs("<td>", out);
    text(words, out);
    fputs("</td>", out);
}

static void head_cells(const char *const *numbers, FILE *out)
{
    for (; *numbers; numbers++)
        fprintf(out, "<th class=\"n\">%s</th>", *numbers);
}

/* 0.9094 as "90.94 %" */
static void share_cell(const json_t *json, const char *key, FILE *out)
{
    const json_t *share = json_object_get(json, key);
    if (json_is_real(share))
        fprintf(out, "<td class=\"n\">%.2f&nbsp;%%</td>", 100 * json_real_value(share));
    else
        fputs("<td class=\"n\">-</td>", out);
}

static void set_line(const char *title, const json_t *set, FILE *out)
{
    size_t i;
    const json_t *name;
    if (!json_is_object(set))
        return;
    fprintf(out, "<p class=\"note\">%s:", title);
    json_array_foreach(json_object_get(set, "sets"), i, name)
    {
        fputs(i ? ", " : " ", out);
        text(json_string_value(name), out);
    }
    fprintf(out, "; %lld rules, digest <code>", report_int(set, "rules"));
    text(report_text(set, "digest"), out);
    fputs("</code></p>\n", out);
}

/* ---- at a glance ---- */

static void tile(const char *number, const char *words, const char *class, FILE *out)
{
    fprintf(out, "<div class=\"tile %s\"><strong>%s</strong>%s</div>\n", class, number, words);
}

static void count_tile(const json_t *json, const char *key, const char *words, const char *class, FILE *out)
{
    char number[32];
    long long value = report_int(json, key);
    tile(report_count(value, number), words, value ? class : "", out);
}

static void share_tile(const json_t *json, const char *key, const char *words, FILE *out)
{
    char number[32];
    const json_t *share = json_object_get(json, key);
    if (!json_is_real(share))
        return;
    snprintf(number, sizeof(number), "%.1f&nbsp;%%", 100 * json_real_value(share));
    tile(number, words, "", out);
}

static void print_glance(const json_t *report, FILE *out)
{
    const json_t *changes = json_object_get(report, "changes");
    const json_t *acted = json_object_get(json_object_get(report, "labels"), "acted");
    fputs("<div class=\"tiles\" id=\"glance\">\n", out);
    count_tile(report, "events", "events", "", out);
    count_tile(json_object_get(report, "outcome"), "acted", "with actions", "", out);
    count_tile(json_object_get(report, "outcome"), "shadow_acted", "with actions of shadow rules", "", out);
    if (changes) {
        count_tile(changes, "new", "new decisions", "more", out);
        count_tile(changes, "gone", "decisions gone", "less", out);
        count_tile(changes, "changed", "decisions changed", "other", out);
    }
    share_tile(acted, "precision", "of what is acted on is labelled bad", out);
    share_tile(acted, "recall", "of what is labelled bad is acted on", out);
    fputs("</div>\n", out);
}

static void print_inputs(const json_t *report, FILE *out)
{
    const json_t *period = json_object_get(report, "period");
    char days[32];
    size_t i;
    const json_t *input;
    fputs("<p>", out);
    json_array_foreach(json_object_get(report, "inputs"), i, input)
    {
        fputs(i ? ", <bdi>" : "<bdi>", out);
        text(json_string_value(input), out);
        fputs("</bdi>", out);
    }
    if (json_is_object(period)) {
        fputs(", ", out);
        text(report_text(period, "from"), out);
        fputs(" to ", out);
        text(report_text(period, "to"), out);
        fprintf(out, " (%s days)", report_real(period, "days", days, sizeof(days)));
    }
    fputs("</p>\n", out);
    set_line("Rule sets", json_object_get(report, "ruleset"), out);
    set_line("Compared with", json_object_get(report, "against"), out);
}

static void outcome_row(const char *title, const char *key, const json_t *report, FILE *out)
{
    const json_t *before = json_object_get(report, "outcome_before");
    fprintf(out, "<tr id=\"outcome-%s\"><td>%s</td>", key, title);
    number_cell(json_object_get(report, "outcome"), key, out);
    if (before)
        number_cell(before, key, out);
    fputs("</tr>\n", out);
}

static void total_row(const char *title, const char *key, const json_t *json, bool compares, FILE *out)
{
    fprintf(out, "<tr id=\"total-%s\"><td>%s</td>", key, title);
    number_cell(json, key, out);
    fputs(compares ? "<td></td></tr>\n" : "</tr>\n", out);
}

static void print_outcome(const json_t *report, FILE *out)
{
    bool compares = report_compares(report);
    const char *const heads[] = {"now", compares ? "before" : NULL, NULL};
    fputs("<h2>Outcome</h2>\n<table id=\"outcome\"><tr><th></th>", out);
    head_cells(heads, out);
    fputs("</tr>\n", out);
    total_row("records", "records", report, compares, out);
    total_row("events", "events", report, compares, out);
    outcome_row("events with a match", "matched", report, out);
    outcome_row("events with actions", "acted", report, out);
    outcome_row("events with actions of shadow rules", "shadow_acted", report, out);
    outcome_row("events with a match by exempt authors", "exempt", report, out);
    outcome_row("events with an undecided rule", "undecided", report, out);
    fputs("</table>\n", out);
}

static void print_failures(const json_t *report, FILE *out)
{
    const json_t *unreadable = json_object_get(report, "unreadable");
    char number[32];
    if (!report_int(unreadable, "count"))
        return;
    fprintf(out, "<h2>Records that cannot be judged</h2>\n<p>%s in all, the first:</p>\n<ul>\n",
            report_count(report_int(unreadable, "count"), number));
    size_t i;
    const json_t *failure;
    json_array_foreach(json_object_get(unreadable, "first"), i, failure)
    {
        fputs("<li><bdi>", out);
        text(report_text(failure, "place"), out);
        fputs("</bdi>: ", out);
        text(report_text(failure, "reason"), out);
        fputs(": <bdi>", out);
        text(report_text(failure, "text"), out);
        fputs("</bdi></li>\n", out);
    }
    fputs("</ul>\n", out);
}

static void print_changes(const json_t *report, FILE *out)
{
    static const char *const KEYS[] = {"new", "gone", "changed", "same"};
    const json_t *changes = json_object_get(report, "changes"), *shadow = json_object_get(report, "shadow_changes");
    if (!changes)
        return;
    fputs(
        "<h2>Decisions, compared</h2>\n<p class=\"note\">New: nothing was done before. Gone: nothing would be done any "
        "more. Changed: other actions. In shadow: the same, had the shadow rules been enforced.</p>\n<table "
        "id=\"changes\"><tr><th></th><th class=\"n\">events</th>"
        "<th class=\"n\">in shadow</th></tr>\n",
        out);
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        fprintf(out, "<tr id=\"changes-%s\"><td>%s</td>", KEYS[i], KEYS[i]);
        number_cell(changes, KEYS[i], out);
        number_cell(shadow, KEYS[i], out);
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void print_actions(const json_t *report, FILE *out)
{
    const json_t *actions = json_object_get(report, "actions"), *action;
    bool compares = report_compares(report);
    const char *const heads[] = {"count", "a day", "in shadow", "a day", compares ? "before" : NULL, NULL};
    size_t i;
    fputs("<h2>Actions</h2>\n", out);
    if (!json_array_size(actions)) {
        fputs("<p>None.</p>\n", out);
        return;
    }
    fputs("<table id=\"actions\"><tr><th>action</th><th>scope</th>", out);
    head_cells(heads, out);
    fputs("</tr>\n", out);
    json_array_foreach(actions, i, action)
    {
        fputs("<tr>", out);
        text_cell(report_text(action, "action"), out);
        text_cell(report_text(action, "scope"), out);
        number_cell(action, "count", out);
        real_cell(action, "per_day", out);
        number_cell(action, "shadow", out);
        real_cell(action, "shadow_per_day", out);
        if (compares)
            number_cell(action, "before", out);
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
}

/* ---- rules ---- */

static void rule_row(const json_t *rule, bool compares, bool labelled, long long top, FILE *out)
{
    fputs("<tr><td><code>", out);
    text(report_text(rule, "id"), out);
    fputs("</code>", out);
    if (strcmp(report_text(rule, "title"), report_text(rule, "id")) != 0) { /* a rule without one has its id as title */
        fputs("<br><span class=\"note\">", out);
        text(report_text(rule, "title"), out);
        fputs("</span>", out);
    }
    fputs("</td>", out);
    text_cell(report_text(rule, "mode"), out);
    number_cell(rule, "matched", out);
    number_cell(rule, "enforced", out);
    number_cell(rule, "shadow", out);
    if (compares) {
        number_cell(rule, "matched_before", out);
        number_cell(rule, "gained", out);
        number_cell(rule, "lost", out);
    }
    if (labelled) {
        share_cell(json_object_get(rule, "labels"), "precision", out);
        share_cell(json_object_get(rule, "labels"), "recall", out);
    }
    const char *state = report_text(rule, "state");
    fputs("<td>", out);
    if (strcmp(state, "present") != 0)
        text(state, out);
    report_plot_bar(top ? (double)report_int(rule, "matched") / (double)top : 0, out);
    fputs("</td></tr>\n", out);
}

/* Those that have no line: `order` has the `count` others. */
static void print_silent_rules(const json_t *rules, const size_t *order, size_t count, FILE *out)
{
    size_t all = json_array_size(rules), shown = 0;
    bool *has_line = calloc(all + 1, sizeof(*has_line));
    for (size_t i = 0; has_line && order && i < count; i++)
        has_line[order[i]] = true;
    fprintf(out,
            all > count ? "<details><summary>%zu rules match nothing</summary><p class=\"note\" id=\"silent\">"
                        : "<p class=\"note\">%zu rules match nothing.</p>\n",
            all - count);
    for (size_t i = 0; has_line && i < all && shown < SILENT_RULES_SHOWN; i++) {
        if (has_line[i])
            continue;
        fputs(shown++ ? ", <code>" : "<code>", out);
        text(report_text(json_array_get(rules, i), "id"), out);
        fputs("</code>", out);
    }
    if (all > count)
        fputs(shown < all - count ? ", ...</p></details>\n" : "</p></details>\n", out);
    free(has_line);
}

static void print_rules(const json_t *report, FILE *out)
{
    const json_t *rules = json_object_get(report, "rules");
    bool compares = report_compares(report), labelled = json_is_object(json_object_get(report, "labels"));
    static const char *const COUNTS[] = {"matched", "enforced", "shadow", NULL};
    static const char *const CHANGES[] = {"before", "gained", "lost", NULL}, *const LABELS[] = {"precision", "recall",
                                                                                                NULL};
    size_t count;
    size_t *order = report_rule_order(rules, &count);
    fputs("<h2>Rules</h2>\n<div class=\"wide\"><table id=\"rules\"><tr><th>rule</th><th>mode</th>", out);
    head_cells(COUNTS, out);
    if (compares)
        head_cells(CHANGES, out);
    if (labelled)
        head_cells(LABELS, out);
    fputs("<th></th></tr>\n", out);
    long long top = 0;
    for (size_t i = 0; order && i < count; i++) {
        long long matched = report_int(json_array_get(rules, order[i]), "matched");
        top = matched > top ? matched : top;
    }
    for (size_t i = 0; order && i < count && i < RULES_SHOWN; i++)
        rule_row(json_array_get(rules, order[i]), compares, labelled, top, out);
    fputs("</table></div>\n", out);
    if (count > RULES_SHOWN)
        fprintf(out, "<p class=\"note\">%zu more rules have matches.</p>\n", count - RULES_SHOWN);
    print_silent_rules(rules, order, count, out);
    free(order);
}

static void label_row(const char *title, const json_t *labels, FILE *out)
{
    if (!labels)
        return;
    fprintf(out, "<tr><td>%s</td>", title);
    share_cell(labels, "precision", out);
    share_cell(labels, "recall", out);
    number_cell(labels, "bad_found", out);
    number_cell(labels, "bad_missed", out);
    number_cell(labels, "ok_found", out);
    fputs("</tr>\n", out);
}

static void print_labels(const json_t *report, FILE *out)
{
    const json_t *labels = json_object_get(report, "labels");
    char bad[32], ok[32];
    if (!json_is_object(labels))
        return;
    fprintf(out,
            "<h2>Against labels</h2>\n<p>%s events are labelled bad, %s ok.</p>\n<table id=\"labels\"><tr><th></th>"
            "<th class=\"n\">precision</th><th class=\"n\">recall</th><th class=\"n\">bad found</th>"
            "<th class=\"n\">bad missed</th><th class=\"n\">ok found</th></tr>\n",
            report_count(report_int(labels, "bad"), bad), report_count(report_int(labels, "ok"), ok));
    label_row("acted on", json_object_get(labels, "acted"), out);
    label_row("acted on, before", json_object_get(labels, "acted_before"), out);
    label_row("matched, shadow or not", json_object_get(labels, "matched"), out);
    label_row("matched, before", json_object_get(labels, "matched_before"), out);
    fputs("</table>\n", out);
}

static void print_authors(const json_t *report, FILE *out)
{
    const json_t *authors = json_object_get(report, "authors"), *top = json_object_get(authors, "top"), *row;
    bool compares = report_compares(report);
    const char *const heads[] = {"acted on", "matched", compares ? "acted on before" : NULL, NULL};
    char number[32];
    size_t i;
    if (!json_array_size(top))
        return;
    fprintf(out, "<h2>Authors</h2>\n<p>%s authors have matches. The first of them:</p>\n",
            report_count(report_int(authors, "count"), number));
    fputs("<table id=\"authors\"><tr><th>author</th>", out);
    head_cells(heads, out);
    fputs("</tr>\n", out);
    json_array_foreach(top, i, row)
    {
        fputs("<tr><td><bdi>", out);
        text(report_text(row, "author"), out);
        fputs("</bdi></td>", out);
        number_cell(row, "acted", out);
        number_cell(row, "matched", out);
        if (compares)
            number_cell(row, "acted_before", out);
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
}

void replay_print_html(const json_t *report, FILE *out)
{
    fputs(HEAD, out);
    print_inputs(report, out);
    print_glance(report, out);
    print_outcome(report, out);
    print_changes(report, out);
    fputs("<h2>Over time</h2>\n", out);
    report_plot_timeline(report, out);
    print_actions(report, out);
    print_rules(report, out);
    print_labels(report, out);
    print_authors(report, out);
    report_html_samples(report, out);
    print_failures(report, out);
    fputs("</body>\n</html>\n", out);
}
