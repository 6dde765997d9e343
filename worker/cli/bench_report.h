/* What `warden rules bench` has measured, and how it is told. Neighbours: rules_bench.c measures. */
#ifndef WORKER_CLI_BENCH_REPORT_H
#define WORKER_CLI_BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <warden/ruleset.h>
#include <warden/scanner.h>

struct bench_rule {
    struct wd_rule_cost cost;
    uint64_t matches; /* events that it matched */
};

struct bench_report {
    const struct wd_ruleset *set;
    double load_seconds;
    uint64_t records, refused, events, texts, text_bytes;
    uint64_t matching_events, candidates, undecided;
    double decode_ns, judge_ns; /* of all records: medians of the rounds */
    double longest_event_ns;    /* judging one event: the least of the rounds */
    unsigned rounds;
    const struct bench_rule *rules; /* by rule */
};

/* The `top` costliest rules and what could be done about them. */
void bench_report_print(const struct bench_report *report, unsigned top);
void bench_report_print_json(const struct bench_report *report, unsigned top);

#endif
