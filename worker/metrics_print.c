/* The metrics table and Prometheus' text form (version 0.0.4). Neighbours: metrics.c (the cells). */
#include <inttypes.h>
#include <stdlib.h>

#include "worker/metrics_table.h"

#define COUNTER(m, n, h) [m] = {.name = "warden_" n "_total", .type = "counter", .help = (h), .join = JOIN_SUM}
#define SHARED_COUNTER(m, n, h) [m] = {.name = "warden_" n "_total", .type = "counter", .help = (h), .join = JOIN_MAX}
#define GAUGE(m, n, h, j) [m] = {.name = "warden_" n, .type = "gauge", .help = (h), .join = (j)}

const struct metric_info METRICS[METRIC_COUNT] = {
    COUNTER(METRIC_RECORDS, "records", "Records taken from Kafka."),
    COUNTER(METRIC_RECORD_BYTES, "record_bytes", "Bytes of the values of records taken from Kafka."),
    COUNTER(METRIC_EVENTS, "events", "Content objects evaluated by the rules."),
    COUNTER(METRIC_EVENTS_UNWANTED, "events_unwanted", "Events that no rule is about."),
    COUNTER(METRIC_RECORDS_FINISHED, "records_finished", "Records whose work is all done."),
    COUNTER(METRIC_DECODE_FAILURES, "decode_failures", "Records that could not be decoded."),
    COUNTER(METRIC_REPAIRED, "events_repaired", "Events evaluated with a repaired text."),
    COUNTER(METRIC_CANDIDATES, "rule_candidates", "Rules that the index let through to PCRE2."),
    COUNTER(METRIC_MATCHES, "rule_matches", "Matches of rules that are enforced."),
    COUNTER(METRIC_SHADOW_MATCHES, "rule_shadow_matches", "Matches of rules in shadow mode or outside their sample."),
    COUNTER(METRIC_UNDECIDED, "rule_undecided", "Rules that ended at a match limit or time budget."),
    COUNTER(METRIC_SWITCHED_OFF, "rules_switched_off", "Rules switched off because they took too long too often."),
    COUNTER(METRIC_ACTIONS_PLANNED, "actions_planned", "Actions that verdicts asked for."),
    COUNTER(METRIC_CALLS, "api_calls", "Calls sent to the platform."),
    COUNTER(METRIC_CALLS_BATCHED, "api_calls_batched", "Calls that carried actions on several users."),
    COUNTER(METRIC_ACTIONS_BATCHED, "actions_batched", "Actions that were sent in such calls, each attempt counted."),
    COUNTER(METRIC_CALLS_DONE, "api_calls_done", "Calls that the platform carried out."),
    COUNTER(METRIC_CALLS_ALREADY, "api_calls_already_done", "Calls whose effect was there before."),
    COUNTER(METRIC_CALLS_RETRIED, "api_calls_retried", "Calls that ended in something that may pass."),
    COUNTER(METRIC_CALLS_PERMANENT, "api_calls_permanent", "Calls that can never succeed."),
    COUNTER(METRIC_CALLS_STOPPED, "api_calls_stopped", "Calls refused for our token or its permissions (401, 403)."),
    COUNTER(METRIC_CALLS_AMBIGUOUS, "api_calls_ambiguous", "Calls sent that got no answer: perhaps carried out."),
    COUNTER(METRIC_DECISIONS, "decisions", "Decision records acknowledged by Kafka."),
    COUNTER(METRIC_DEAD_LETTERS, "dead_letters", "Dead letters acknowledged by Kafka."),
    COUNTER(METRIC_COMMITS, "commits", "Offset commits that succeeded."),
    COUNTER(METRIC_COMMIT_FAILURES, "commit_failures", "Offset commits that failed."),
    COUNTER(METRIC_REBALANCES, "rebalances", "Changes of the assignment."),
    GAUGE(METRIC_IN_FLIGHT, "in_flight_records", "Records with work under way.", JOIN_SUM),
    GAUGE(METRIC_HELD_BYTES, "held_bytes", "Bytes of records held.", JOIN_SUM),
    GAUGE(METRIC_PARTITIONS, "assigned_partitions", "Partitions assigned to this process.", JOIN_SUM),
    GAUGE(METRIC_LAG, "consumer_lag_records", "Records between the committed offsets and the ends.", JOIN_SUM),
    GAUGE(METRIC_STALLED, "stalled_partitions", "Partitions that stand still though nothing holds them back.",
          JOIN_SUM),
    GAUGE(METRIC_BREAKER_OPEN, "breaker_open", "1 while calls to the platform are held back.", JOIN_MAX),
    COUNTER(METRIC_RULE_RELOADS, "rule_reloads", "Rule sets that took over while running."),
    COUNTER(METRIC_RULE_RELOAD_FAILURES, "rule_reload_failures", "Attempts to load rule sets that failed."),
    GAUGE(METRIC_RULES_STALE, "rules_stale", "1 while the rule files could not be loaded as they are now.", JOIN_MAX),
    COUNTER(METRIC_STATE_BATCHES, "state_batches", "Batches of records recalled, judged and stored together."),
    COUNTER(METRIC_STATE_RECALLED, "state_values_recalled", "Values asked of the state store."),
    COUNTER(METRIC_STATE_STORED, "state_values_stored", "Values given to the state store."),
    COUNTER(METRIC_STATE_CONFLICTS, "state_conflicts", "Values that another worker had changed meanwhile."),
    COUNTER(METRIC_STATE_FAILURES, "state_failures", "Calls to the state store that failed."),
    GAUGE(METRIC_STATE_DOWN, "state_down", "1 while the state store fails.", JOIN_MAX),
    GAUGE(METRIC_STATE_VALUES, "state_values", "Values kept; redis: keys of its servers.", JOIN_MAX),
    GAUGE(METRIC_STATE_BYTES, "state_bytes", "Bytes that they take; redis: its servers' memory.", JOIN_MAX),
    GAUGE(METRIC_STATE_MAX_BYTES, "state_max_bytes", "Bytes that they may take; redis: maxmemory.", JOIN_MAX),
    SHARED_COUNTER(METRIC_STATE_FORGOTTEN, "state_values_forgotten", "Values dropped that nothing depended on."),
    SHARED_COUNTER(METRIC_STATE_EVICTED, "state_values_evicted", "Values dropped for lack of room."),
    GAUGE(METRIC_STATE_LOCAL_IN_GROUP, "state_local_in_group",
          "1 while other processes of the group have partitions, and what is remembered is this one's alone.",
          JOIN_MAX),
    COUNTER(METRIC_EVENTS_REPEATED, "events_repeated", "Events that were delivered again and changed nothing."),
    COUNTER(METRIC_EVENTS_WITHOUT_STATE, "events_without_state", "Events judged by the text rules alone."),
    COUNTER(METRIC_ACTIONS_HELD, "actions_held", "Actions held back by valves or for what a person decided."),
    COUNTER(METRIC_RULES_ALARMED, "rules_alarmed", "Rules put into shadow because they suddenly matched too much."),
};

const struct histogram_info HISTOGRAMS[HISTOGRAM_COUNT] = {
    [HISTOGRAM_CALL_SECONDS] = {.name = "warden_api_call_seconds",
                                .help = "Time from sending a call to its answer.",
                                .bucket_count = 13,
                                .bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}},
    [HISTOGRAM_RECORD_SECONDS] = {.name = "warden_record_seconds",
                                  .help = "Age of a record, by its Kafka timestamp, when its work was done.",
                                  .bucket_count = 13,
                                  .bounds = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600}},
    [HISTOGRAM_SCAN_SECONDS] = {.name = "warden_scan_seconds",
                                .help = "Time that the rules took on one event.",
                                .bucket_count = 12,
                                .bounds = {0.000001, 0.0000025, 0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025,
                                           0.0005, 0.001, 0.005, 0.05}},
    [HISTOGRAM_STATE_SECONDS] = {.name = "warden_state_call_seconds",
                                 .help = "Time that the state store took for a batch, to recall or to store.",
                                 .bucket_count = 12,
                                 .bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5,
                                            2.5}},
    [HISTOGRAM_STATE_SYNC_SECONDS] = {.name = "warden_state_sync_seconds",
                                      .help = "Time until the disk had what a commit rests on (state.store: lmdb).",
                                      .bucket_count = 13,
                                      .bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                 2.5, 10}},
};

/* Series by rule. Times are in nanoseconds. */
static const struct rule_series {
    enum rule_metric from, to; /* both included */
    const char *name, *help;
    double unit;
} RULE_SERIES[] = {
    {RULE_CANDIDATE, RULE_CANDIDATE, "warden_rule_evaluations_total",
     "Events that the index let through to the rule, so that its conditions were asked.", 1},
    {RULE_MATCHED, RULE_UNDECIDED, "warden_rule_hits_total",
     "Hits by rule: matched, and of these enforced or shadow; undecided.", 1},
    {RULE_TIMED, RULE_TIMED, "warden_rule_timed_total",
     "Tries of the rule whose time was taken: those of a sample of the events.", 1},
    {RULE_NANOSECONDS, RULE_NANOSECONDS, "warden_rule_seconds_total",
     "Time of the tries that warden_rule_timed_total counts.", 1e-9},
};

/* Of kinds that share a series. */
static const char *const RULE_KINDS[RULE_METRIC_COUNT] = {
    [RULE_MATCHED] = "matched", [RULE_ENFORCED] = "enforced", [RULE_SHADOW] = "shadow", [RULE_UNDECIDED] = "undecided"};

static void print_head(FILE *out, const char *name, const char *help, const char *type)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_metric(FILE *out, enum metric metric, const struct metrics *const *all, size_t count)
{
    const struct metric_info *info = &METRICS[metric];
    uint64_t joined = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t value = metrics_get(all[i], metric);
        if (info->join == JOIN_SUM)
            joined += value;
        else if (value > joined)
            joined = value;
    }
    print_head(out, info->name, info->help, info->type);
    fprintf(out, "%s %" PRIu64 "\n", info->name, joined);
}

static void print_histogram(FILE *out, enum histogram histogram, const struct metrics *const *all, size_t count)
{
    const struct histogram_info *info = &HISTOGRAMS[histogram];
    struct histogram_sum sum = {0};
    for (size_t i = 0; i < count; i++)
        metrics_histogram_add(all[i], histogram, &sum);
    print_head(out, info->name, info->help, "histogram");
    uint64_t below = 0;
    for (size_t i = 0; i < info->bucket_count; i++) {
        below += sum.buckets[i];
        fprintf(out, "%s_bucket{le=\"%.10g\"} %" PRIu64 "\n", info->name, info->bounds[i], below);
    }
    below += sum.buckets[info->bucket_count];
    fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", info->name, below);
    fprintf(out, "%s_sum %.17g\n%s_count %" PRIu64 "\n", info->name, sum.seconds, info->name, below);
}

static void print_label(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void print_value(FILE *out, const struct rule_series *series, enum rule_metric metric, const char *rule,
                        uint64_t value)
{
    fprintf(out, "%s{rule=\"", series->name);
    print_label(out, rule);
    fputc('"', out);
    if (RULE_KINDS[metric])
        fprintf(out, ",kind=\"%s\"", RULE_KINDS[metric]);
    if (series->unit == 1)
        fprintf(out, "} %" PRIu64 "\n", value);
    else
        fprintf(out, "} %.9f\n", (double)value * series->unit);
}

/* What is 0 has no series: with ten thousand rules most never match. */
static void print_rules(FILE *out, const struct rule_series *series, const uint64_t *sums, size_t rule_count,
                        const char *(*rule_name)(void *context, uint32_t rule), void *context)
{
    print_head(out, series->name, series->help, "counter");
    for (size_t rule = 0; rule < rule_count; rule++)
        for (unsigned metric = series->from; metric <= (unsigned)series->to; metric++) {
            uint64_t value = sums[rule * RULE_METRIC_COUNT + metric];
            if (value)
                print_value(out, series, (enum rule_metric)metric, rule_name(context, (uint32_t)rule), value);
        }
}

void metrics_print(FILE *out, const struct metrics *const *all, size_t count,
                   const char *(*rule_name)(void *context, uint32_t rule), void *context, size_t rule_count)
{
    print_head(out, "warden_build_info", "1, with the version of the program as a label.", "gauge");
    fputs("warden_build_info{version=\"" WARDEN_VERSION "\"} 1\n", out);
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        print_metric(out, (enum metric)metric, all, count);
    for (int histogram = 0; histogram < HISTOGRAM_COUNT; histogram++)
        print_histogram(out, (enum histogram)histogram, all, count);
    if (!rule_name || !rule_count)
        return;
    uint64_t *sums = calloc(rule_count, sizeof(*sums) * RULE_METRIC_COUNT);
    if (!sums)
        return; /* the rest of the scrape is worth more than an error */
    for (size_t i = 0; i < count; i++)
        metrics_rules_add(all[i], context, sums, rule_count);
    for (size_t i = 0; i < sizeof(RULE_SERIES) / sizeof(*RULE_SERIES); i++)
        print_rules(out, &RULE_SERIES[i], sums, rule_count, rule_name, context);
    free(sums);
}
