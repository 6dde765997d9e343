/* The report for a terminal. Texts of users are printed without control characters. */
#include <stdlib.h>
#include <string.h>

#include "worker/replay/replay.h"
#include "worker/replay/report_parts.h"

enum { RULES_SHOWN = 40, SAMPLE_RULES_SHOWN = 10 };

long long report_int(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

const char *report_text(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

const char *report_real(const json_t *json, const char *key, char *out, size_t size)
{
    const json_t *value = json_object_get(json, key);
    if (json_is_real(value))
        snprintf(out, size, "%.10g", json_real_value(value));
    else
        snprintf(out, size, "-");
    return out;
}

const char *report_count(long long value, char *out)
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%lld", value), used = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

bool report_compares(const json_t *report)
{
    return json_is_object(json_object_get(report, "against"));
}

/* ---- which rules ---- */

struct ranked {
    long long weight;
    size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *one = a, *other = b;
    if (one->weight != other->weight)
        return one->weight > other->weight ? -1 : 1;
    return one->index < other->index ? -1 : one->index > other->index;
}

size_t *report_rule_order(const json_t *rules, size_t *count_out)
{
    size_t count = json_array_size(rules), used = 0;
    struct ranked *ranked = calloc(count + 1, sizeof(*ranked));
    size_t *order = calloc(count + 1, sizeof(*order));
    for (size_t i = 0; ranked && order && i < count; i++) {
        const json_t *rule = json_array_get(rules, i);
        long long now = report_int(rule, "matched"), before = report_int(rule, "matched_before");
        long long weight = now > before ? now : before;
        if (weight || report_int(rule, "undecided"))
            ranked[used++] = (struct ranked){.weight = weight, .index = i};
    }
    if (ranked && order) {
        qsort(ranked, used, sizeof(*ranked), compare_ranked);
        for (size_t i = 0; i < used; i++)
            order[i] = ranked[i].index;
    } else {
        free(order);
        order = NULL;
    }
    free(ranked);
    *count_out = used;
    return order;
}

/* ---- printing ---- */

/* Control characters, also those of C1 and those that turn the direction of a line, could do anything on a terminal. */
static void print_clean(const char *text, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i], next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
        unsigned char third = i + 2 < len ? (unsigned char)text[i + 2] : 0;
        if (c < ' ' || c == 0x7f) {
            fputc(' ', out);
        } else if (c == 0xc2 && next < 0xa0) {
            fputc(' ', out);
            i++;
        } else if (c == 0xe2 && ((next == 0x80 && third >= 0xa8 && third <= 0xae) ||
                                 (next == 0x81 && third >= 0xa6 && third <= 0xa9))) {
            fputc(' ', out);
            i += 2;
        } else {
            fputc(c, out);
        }
    }
}

static void print_marked(const json_t *text, FILE *out)
{
    const char *bytes = report_text(text, "text");
    size_t at = 0, i;
    const json_t *span;
    json_array_foreach(json_object_get(text, "spans"), i, span)
    {
        size_t start = (size_t)report_int(span, "start"), end = (size_t)report_int(span, "end");
        print_clean(bytes + at, start - at, out);
        fputs(">>", out);
        print_clean(bytes + start, end - start, out);
        fputs("<<", out);
        at = end;
    }
    print_clean(bytes + at, strlen(bytes) - at, out);
}

static void print_sample(const json_t *sample, FILE *out)
{
    fprintf(out, "    %s by ", report_text(sample, "place"));
    print_clean(report_text(sample, "author"), strlen(report_text(sample, "author")), out);
    const char *actions = report_text(sample, "actions");
    fprintf(out, ": %s", *actions ? actions : "nothing");
    const char *before = json_string_value(json_object_get(sample, "actions_before"));
    if (before)
        fprintf(out, " (before: %s)", *before ? before : "nothing");
    fputc('\n', out);
    size_t i;
    const json_t *text;
    json_array_foreach(json_object_get(sample, "texts"), i, text)
    {
        fprintf(out, "      %s: ", report_text(text, "field"));
        print_marked(text, out);
        fputc('\n', out);
    }
}

static void print_samples(const char *title, const json_t *samples, FILE *out)
{
    if (!json_array_size(samples))
        return;
    fprintf(out, "\n%s\n", title);
    size_t i;
    const json_t *sample;
    json_array_foreach(samples, i, sample) print_sample(sample, out);
}

static void print_head(const json_t *report, FILE *out)
{
    const json_t *period = json_object_get(report, "period"), *unreadable = json_object_get(report, "unreadable");
    char number[32], days[32];
    fprintf(out, "%s events", report_count(report_int(report, "events"), number));
    fprintf(out, " in %s records", report_count(report_int(report, "records"), number));
    if (json_is_object(period))
        fprintf(out, ", %s to %s (%s days)", report_text(period, "from"), report_text(period, "to"),
                report_real(period, "days", days, sizeof(days)));
    fputc('\n', out);
    if (report_int(unreadable, "count"))
        fprintf(out, "%s records cannot be judged:\n", report_count(report_int(unreadable, "count"), number));
    size_t i;
    const json_t *failure;
    json_array_foreach(json_object_get(unreadable, "first"), i, failure)
    {
        fprintf(out, "  %s: %s: %s\n", report_text(failure, "place"), report_text(failure, "reason"),
                report_text(failure, "text"));
    }
}

static void print_outcome(const json_t *report, FILE *out)
{
    static const struct {
        const char *key, *title;
    } LINES[] = {{"matched", "events with a match"},
                 {"acted", "events with actions"},
                 {"shadow_acted", "events with actions of shadow rules"},
                 {"exempt", "events with a match by exempt authors"},
                 {"undecided", "events with an undecided rule"}};
    const json_t *now = json_object_get(report, "outcome"), *before = json_object_get(report, "outcome_before");
    char number[32];
    fprintf(out, "\n%-38s %12s%s\n", "", "NOW", before ? "       BEFORE" : "");
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        fprintf(out, "%-38s %12s", LINES[i].title, report_count(report_int(now, LINES[i].key), number));
        if (before)
            fprintf(out, " %12s", report_count(report_int(before, LINES[i].key), number));
        fputc('\n', out);
    }
    const json_t *changes = json_object_get(report, "changes");
    if (!changes)
        return;
    fprintf(out, "\ndecisions: %s new", report_count(report_int(changes, "new"), number));
    fprintf(out, ", %s gone", report_count(report_int(changes, "gone"), number));
    fprintf(out, ", %s changed", report_count(report_int(changes, "changed"), number));
    fprintf(out, ", %s the same\n", report_count(report_int(changes, "same"), number));
}

static void print_actions(const json_t *report, FILE *out)
{
    const json_t *actions = json_object_get(report, "actions");
    bool compares = report_compares(report);
    if (!json_array_size(actions))
        return;
    fprintf(out, "\n%-26s %12s %12s %12s%s\n", "ACTION", "COUNT", "A DAY", "SHADOW", compares ? "       BEFORE" : "");
    size_t i;
    const json_t *action;
    json_array_foreach(actions, i, action)
    {
        char name[64], number[32];
        const char *scope = report_text(action, "scope");
        snprintf(name, sizeof(name), "%s%s%s%s", report_text(action, "action"), *scope ? " (" : "", scope,
                 *scope ? ")" : "");
        fprintf(out, "%-26s %12s", name, report_count(report_int(action, "count"), number));
        fprintf(out, " %12s", report_real(action, "per_day", number, sizeof(number)));
        fprintf(out, " %12s", report_count(report_int(action, "shadow"), number));
        if (compares)
            fprintf(out, " %12s", report_count(report_int(action, "before"), number));
        fputc('\n', out);
    }
}

static void print_rule(const json_t *rule, bool compares, FILE *out)
{
    char number[32];
    fprintf(out, "%-36s %-8s %12s", report_text(rule, "id"), report_text(rule, "mode"),
            report_count(report_int(rule, "matched"), number));
    if (compares) {
        fprintf(out, " %12s", report_count(report_int(rule, "matched_before"), number));
        fprintf(out, " %12s", report_count(report_int(rule, "gained"), number));
        fprintf(out, " %12s", report_count(report_int(rule, "lost"), number));
    }
    const json_t *labels = json_object_get(rule, "labels");
    if (labels) {
        fprintf(out, " %9s", report_real(labels, "precision", number, sizeof(number)));
        fprintf(out, " %9s", report_real(labels, "recall", number, sizeof(number)));
    }
    if (report_int(rule, "undecided"))
        fprintf(out, "  %lld undecided", report_int(rule, "undecided"));
    const char *state = report_text(rule, "state");
    fprintf(out, "%s%s\n", strcmp(state, "present") == 0 ? "" : "  ", strcmp(state, "present") == 0 ? "" : state);
}

static void print_rules(const json_t *report, FILE *out)
{
    const json_t *rules = json_object_get(report, "rules");
    bool compares = report_compares(report), labelled = json_is_object(json_object_get(report, "labels"));
    size_t count;
    size_t *order = report_rule_order(rules, &count);
    if (order && count)
        fprintf(out, "\n%-36s %-8s %12s%s%s\n", "RULE", "MODE", "MATCHED",
                compares ? "       BEFORE       GAINED         LOST" : "", labelled ? " PRECISION    RECALL" : "");
    for (size_t i = 0; order && i < count && i < RULES_SHOWN; i++)
        print_rule(json_array_get(rules, order[i]), compares, out);
    if (order && count > RULES_SHOWN)
        fprintf(out, "%zu more rules with matches: --json has all\n", count - RULES_SHOWN);
    if (order && json_array_size(rules) > count)
        fprintf(out, "%s%zu rules match nothing\n", count ? "" : "\n", json_array_size(rules) - count);
    free(order);
}

static void print_precision(const char *title, const json_t *labels, FILE *out)
{
    char precision[32], recall[32], found[32], wrong[32];
    if (!labels)
        return;
    fprintf(out, "%-26s precision %s, recall %s (%s bad found, %s ok found)\n", title,
            report_real(labels, "precision", precision, sizeof(precision)),
            report_real(labels, "recall", recall, sizeof(recall)), report_count(report_int(labels, "bad_found"), found),
            report_count(report_int(labels, "ok_found"), wrong));
}

static void print_labels(const json_t *report, FILE *out)
{
    const json_t *labels = json_object_get(report, "labels");
    char bad[32], ok[32];
    if (!json_is_object(labels))
        return;
    fprintf(out, "\n%s events are labelled bad, %s ok\n", report_count(report_int(labels, "bad"), bad),
            report_count(report_int(labels, "ok"), ok));
    print_precision("acted on", json_object_get(labels, "acted"), out);
    print_precision("acted on before", json_object_get(labels, "acted_before"), out);
    print_precision("matched, shadow or not", json_object_get(labels, "matched"), out);
}

static void print_authors(const json_t *report, FILE *out)
{
    const json_t *top = json_object_get(json_object_get(report, "authors"), "top");
    bool compares = report_compares(report);
    if (!json_array_size(top))
        return;
    fprintf(out, "\n%12s %12s%s  AUTHOR\n", "ACTED ON", "MATCHED", compares ? "       BEFORE" : "");
    size_t i;
    const json_t *row;
    json_array_foreach(top, i, row)
    {
        char number[32];
        fprintf(out, "%12s", report_count(report_int(row, "acted"), number));
        fprintf(out, " %12s", report_count(report_int(row, "matched"), number));
        if (compares)
            fprintf(out, " %12s", report_count(report_int(row, "acted_before"), number));
        fputs("  ", out);
        print_clean(report_text(row, "author"), strlen(report_text(row, "author")), out);
        fputc('\n', out);
    }
}

static void print_rule_samples(const json_t *report, FILE *out)
{
    const json_t *rules = json_object_get(report, "rules");
    const json_t *samples = json_object_get(json_object_get(report, "samples"), "rules");
    size_t count;
    size_t *order = report_rule_order(rules, &count);
    for (size_t i = 0; order && i < count && i < SAMPLE_RULES_SHOWN; i++) {
        const char *id = report_text(json_array_get(rules, order[i]), "id");
        char title[300];
        snprintf(title, sizeof(title), "%s, for example", id);
        print_samples(title, json_object_get(samples, id), out);
    }
    free(order);
}

void replay_print_table(const json_t *report, FILE *out)
{
    const json_t *samples = json_object_get(report, "samples");
    print_head(report, out);
    print_outcome(report, out);
    print_actions(report, out);
    print_rules(report, out);
    print_labels(report, out);
    print_authors(report, out);
    if (report_compares(report)) {
        print_samples("New decisions, for example", json_object_get(samples, "new"), out);
        print_samples("Decisions that are gone, for example", json_object_get(samples, "gone"), out);
        print_samples("Changed decisions, for example", json_object_get(samples, "changed"), out);
    } else {
        print_rule_samples(report, out);
    }
    print_samples("Acted on, though labelled ok", json_object_get(samples, "acted_on_ok"), out);
    print_samples("Not acted on, though labelled bad", json_object_get(samples, "missed_bad"), out);
}
