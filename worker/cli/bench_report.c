/* Tells what the rules cost: a summary, how the index finds them, the costliest, and advice. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "worker/cli/bench_report.h"

static const char *const CLASSES[] = {"literal", "skeleton", "class", "run", "always", "none"};
enum { CLASS_COUNT = sizeof(CLASSES) / sizeof(*CLASSES) };

static const char *const CLASS_TEXTS[CLASS_COUNT] = {
    "found by a text that every match holds",
    "the same, with look-alikes in it",
    "tried where the text has characters that every match holds",
    "tried where the text has a run of such characters",
    "tried on every text",
    "no words or expressions: judged by conditions alone, or off",
};

static size_t class_number(const char *name)
{
    size_t i = 0;
    while (i + 1 < CLASS_COUNT && strcmp(CLASSES[i], name) != 0)
        i++;
    return i;
}

static void count_classes(const struct bench_report *report, size_t counts[CLASS_COUNT])
{
    memset(counts, 0, CLASS_COUNT * sizeof(*counts));
    for (uint32_t i = 0; i < wd_ruleset_rule_count(report->set); i++)
        counts[class_number(wd_ruleset_index_class(report->set, i))]++;
}

/* ---- the costliest rules ---- */

struct ranked {
    uint64_t ns;
    uint32_t rule;
};

static int by_cost(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->ns != b->ns)
        return a->ns < b->ns ? 1 : -1;
    return (a->rule > b->rule) - (a->rule < b->rule);
}

/* malloc'ed; rules that cost something, costliest first. */
static struct ranked *rank(const struct bench_report *report, size_t *count_out, uint64_t *all_ns_out)
{
    size_t rules = wd_ruleset_rule_count(report->set);
    struct ranked *ranked = calloc(rules + 1, sizeof(*ranked));
    *count_out = 0;
    *all_ns_out = 0;
    for (uint32_t i = 0; ranked && i < rules; i++) {
        if (report->rules[i].cost.ns)
            ranked[(*count_out)++] = (struct ranked){.ns = report->rules[i].cost.ns, .rule = i};
        *all_ns_out += report->rules[i].cost.ns;
    }
    if (ranked)
        qsort(ranked, *count_out, sizeof(*ranked), by_cost);
    return ranked;
}

/* What would make the rule cheaper; NULL where it is not worth a thought. `share` is its part of all rules' cost. */
static const char *advice(const struct bench_report *report, uint32_t rule, double share)
{
    const struct bench_rule *one = &report->rules[rule];
    const char *index_class = wd_ruleset_index_class(report->set, rule);
    double tried = report->texts ? (double)one->cost.tries / (double)report->texts : 0;
    double ns = one->cost.tries ? (double)one->cost.ns / (double)one->cost.tries : 0;
    if (share < 0.02 && tried < 0.05)
        return NULL;
    if (strcmp(index_class, "always") == 0)
        return "nothing in it must be in the text: write it so that every match holds a word of 4 letters or more";
    if (ns > 20000)
        return "one try is slow: bound its repeats, as in {1,64}, and see `warden rules lint` for 'grows'";
    if (strcmp(index_class, "class") == 0 || strcmp(index_class, "run") == 0)
        return "found only by the characters in it: a word that every match holds would make it cheap";
    if (one->cost.tries > 20 * (one->matches + 1) && strcmp(index_class, "none") != 0)
        return "its word is common, and most tries are in vain: let the word that must be there be a rarer one";
    return NULL;
}

/* ---- for people ---- */

static void print_summary(const struct bench_report *report)
{
    double texts = report->texts ? (double)report->texts : 1, events = report->events ? (double)report->events : 1;
    double whole_ns = report->decode_ns + report->judge_ns;
    printf("%zu rules, loaded in %.3f s, %.1f MB\n", wd_ruleset_rule_count(report->set), report->load_seconds,
           (double)wd_ruleset_memory(report->set) / 1e6);
    printf("%" PRIu64 " records, %" PRIu64 " refused, %" PRIu64 " events, %" PRIu64
           " texts of %.0f bytes; one core, medians of %u rounds\n\n",
           report->records, report->refused, report->events, report->texts, (double)report->text_bytes / texts,
           report->rounds);
    printf("%12.0f texts/s judged     %8.0f ns a text\n", texts / report->judge_ns * 1e9, report->judge_ns / texts);
    printf("%12.0f events/s judged    %8.0f ns an event, at most %.0f\n", events / report->judge_ns * 1e9,
           report->judge_ns / events, report->longest_event_ns);
    printf("%12.0f events/s with JSON %8.0f ns an event, %.0f of them decoding\n", events / whole_ns * 1e9,
           whole_ns / events, report->decode_ns / events);
    printf("%12.2f candidates an event; %.1f %% of the events match; %" PRIu64 " rules undecided\n\n",
           (double)report->candidates / events, 100 * (double)report->matching_events / events, report->undecided);
}

static void print_classes(const struct bench_report *report)
{
    size_t counts[CLASS_COUNT];
    count_classes(report, counts);
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (counts[i])
            printf("%8zu  %-8s  %s\n", counts[i], CLASSES[i], CLASS_TEXTS[i]);
}

void bench_report_print(const struct bench_report *report, unsigned top)
{
    size_t count;
    uint64_t all_ns;
    struct ranked *ranked = rank(report, &count, &all_ns);
    print_summary(report);
    print_classes(report);
    if (count)
        printf("\n%7s  %10s  %10s  %9s  %-8s  %s\n", "SHARE", "TRIES", "MATCHES", "NS A TRY", "INDEX", "RULE");
    for (size_t i = 0; ranked && i < count && i < top; i++) {
        uint32_t rule = ranked[i].rule;
        const struct bench_rule *one = &report->rules[rule];
        double share = (double)one->cost.ns / (double)all_ns;
        const char *say = advice(report, rule, share);
        printf("%6.1f%%  %10" PRIu64 "  %10" PRIu64 "  %9.0f  %-8s  %s\n", 100 * share, one->cost.tries, one->matches,
               (double)one->cost.ns / (double)one->cost.tries, wd_ruleset_index_class(report->set, rule),
               wd_ruleset_rule(report->set, rule)->id);
        if (say)
            printf("%9s%s\n", "", say);
    }
    free(ranked);
}

/* ---- for programs ---- */

static json_t *rules_json(const struct bench_report *report, unsigned top)
{
    size_t count;
    uint64_t all_ns;
    struct ranked *ranked = rank(report, &count, &all_ns);
    json_t *list = json_array();
    for (size_t i = 0; ranked && i < count && i < top; i++) {
        uint32_t rule = ranked[i].rule;
        const struct bench_rule *one = &report->rules[rule];
        double share = (double)one->cost.ns / (double)all_ns;
        json_array_append_new(
            list, json_pack("{s:s, s:f, s:I, s:I, s:f, s:s, s:s?}", "rule", wd_ruleset_rule(report->set, rule)->id,
                            "share", share, "tries", (json_int_t)one->cost.tries, "matches", (json_int_t)one->matches,
                            "ns_a_try", (double)one->cost.ns / (double)one->cost.tries, "index",
                            wd_ruleset_index_class(report->set, rule), "advice", advice(report, rule, share)));
    }
    free(ranked);
    return list;
}

void bench_report_print_json(const struct bench_report *report, unsigned top)
{
    size_t counts[CLASS_COUNT];
    count_classes(report, counts);
    json_t *classes = json_object();
    for (size_t i = 0; i < CLASS_COUNT; i++)
        json_object_set_new(classes, CLASSES[i], json_integer((json_int_t)counts[i]));
    double texts = report->texts ? (double)report->texts : 1, events = report->events ? (double)report->events : 1;
    json_t *whole =
        json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "rules",
                  (json_int_t)wd_ruleset_rule_count(report->set), "load_seconds", report->load_seconds, "memory_bytes",
                  (json_int_t)wd_ruleset_memory(report->set), "records", (json_int_t)report->records, "refused",
                  (json_int_t)report->refused, "events", (json_int_t)report->events, "texts", (json_int_t)report->texts,
                  "undecided", (json_int_t)report->undecided, "texts_per_second", texts / report->judge_ns * 1e9,
                  "events_per_second", events / (report->decode_ns + report->judge_ns) * 1e9, "decode_ns_per_event",
                  report->decode_ns / events, "judge_ns_per_event", report->judge_ns / events, "longest_event_ns",
                  report->longest_event_ns, "candidates_per_event", (double)report->candidates / events, "index",
                  classes, "costs", rules_json(report, top));
    json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(whole);
}
