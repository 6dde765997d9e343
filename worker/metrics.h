/* Counters and gauges of one process in Prometheus' text form.
 *
 * A metric is described once in a table in metrics.c. Every shard owns a `struct metrics` that only it writes (relaxed
 * atomics, no locks); a scrape sums them. Label values that are not known beforehand (rule ids, endpoint groups) are
 * kept in small tables of their own. */
#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metric {
    METRIC_RECORDS = 0,          /* warden_records_total: records taken from Kafka */
    METRIC_RECORD_BYTES,         /* warden_record_bytes_total */
    METRIC_EVENTS,               /* warden_events_total: content objects evaluated */
    METRIC_EVENTS_UNWANTED,      /* warden_events_unwanted_total: no rule is about them */
    METRIC_RECORDS_FINISHED,     /* warden_records_finished_total */
    METRIC_DECODE_FAILURES,      /* warden_decode_failures_total */
    METRIC_REPAIRED,             /* warden_events_repaired_total */
    METRIC_CANDIDATES,           /* warden_rule_candidates_total */
    METRIC_MATCHES,              /* warden_rule_matches_total, enforced */
    METRIC_SHADOW_MATCHES,       /* warden_rule_shadow_matches_total */
    METRIC_UNDECIDED,            /* warden_rule_undecided_total */
    METRIC_SWITCHED_OFF,         /* warden_rules_switched_off_total */
    METRIC_ACTIONS_PLANNED,      /* warden_actions_planned_total */
    METRIC_CALLS,                /* warden_api_calls_total */
    METRIC_CALLS_BATCHED,        /* warden_api_calls_batched_total: for several users each */
    METRIC_ACTIONS_BATCHED,      /* warden_actions_batched_total: attempts made in such calls */
    METRIC_CALLS_DONE,           /* warden_api_calls_done_total */
    METRIC_CALLS_ALREADY,        /* warden_api_calls_already_done_total */
    METRIC_CALLS_RETRIED,        /* warden_api_calls_retried_total */
    METRIC_CALLS_PERMANENT,      /* warden_api_calls_permanent_total */
    METRIC_CALLS_STOPPED,        /* warden_api_calls_stopped_total: 401, 403 */
    METRIC_CALLS_AMBIGUOUS,      /* warden_api_calls_ambiguous_total */
    METRIC_DECISIONS,            /* warden_decisions_total */
    METRIC_DEAD_LETTERS,         /* warden_dead_letters_total */
    METRIC_COMMITS,              /* warden_commits_total */
    METRIC_COMMIT_FAILURES,      /* warden_commit_failures_total */
    METRIC_REBALANCES,           /* warden_rebalances_total */
    METRIC_IN_FLIGHT,            /* warden_in_flight_records (gauge) */
    METRIC_HELD_BYTES,           /* warden_held_bytes (gauge) */
    METRIC_PARTITIONS,           /* warden_assigned_partitions (gauge) */
    METRIC_LAG,                  /* warden_consumer_lag_records (gauge) */
    METRIC_STALLED,              /* warden_stalled_partitions (gauge): the watchdog's */
    METRIC_BREAKER_OPEN,         /* warden_breaker_open (gauge): 1 while calls are held back */
    METRIC_RULE_RELOADS,         /* warden_rule_reloads_total: while running, of the whole process */
    METRIC_RULE_RELOAD_FAILURES, /* warden_rule_reload_failures_total */
    METRIC_RULES_STALE,          /* warden_rules_stale (gauge): 1 while the files could not be loaded as they are */
    METRIC_STATE_BATCHES,        /* warden_state_batches_total: of records that were recalled and stored together */
    METRIC_STATE_RECALLED,       /* warden_state_values_recalled_total */
    METRIC_STATE_STORED,         /* warden_state_values_stored_total */
    METRIC_STATE_CONFLICTS,      /* warden_state_conflicts_total */
    METRIC_STATE_FAILURES,       /* warden_state_failures_total */
    METRIC_STATE_DOWN,           /* warden_state_down (gauge): 1 while the store fails */
    METRIC_STATE_VALUES,         /* warden_state_values (gauge), where the kind can tell, as the next four */
    METRIC_STATE_BYTES,          /* warden_state_bytes (gauge) */
    METRIC_STATE_MAX_BYTES,      /* warden_state_max_bytes (gauge) */
    METRIC_STATE_FORGOTTEN,      /* warden_state_values_forgotten_total */
    METRIC_STATE_EVICTED,        /* warden_state_values_evicted_total */
    METRIC_STATE_LOCAL_IN_GROUP, /* warden_state_local_in_group (gauge): 1 while others of the group remember apart */
    METRIC_EVENTS_REPEATED,      /* warden_events_repeated_total: their values had seen them */
    METRIC_EVENTS_WITHOUT_STATE, /* warden_events_without_state_total */
    METRIC_ACTIONS_HELD,         /* warden_actions_held_total: by valves and human decisions */
    METRIC_RULES_ALARMED,        /* warden_rules_alarmed_total: put into shadow by the share valve */
    METRIC_COUNT
};

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);
void metrics_add(struct metrics *metrics, enum metric metric, uint64_t amount);
void metrics_set(struct metrics *metrics, enum metric metric, uint64_t value); /* gauges */
uint64_t metrics_get(const struct metrics *metrics, enum metric metric);

/* Per rule: rule is the index in the rule set, of which there are `rule_count` (0 for none). A reload makes new
 * ones. Printed where it is not 0. metrics_rule_get may be called by any thread. */
enum rule_metric {
    RULE_CANDIDATE = 0, /* warden_rule_evaluations_total{rule}: events that the index let through to it */
    RULE_MATCHED,       /* warden_rule_hits_total{rule,kind}, this and the next three */
    RULE_ENFORCED,
    RULE_SHADOW,
    RULE_UNDECIDED,
    RULE_TIMED,       /* warden_rule_timed_total{rule}: tries whose time was taken, in a sample of the events */
    RULE_NANOSECONDS, /* warden_rule_seconds_total{rule}: the time of these */
    RULE_METRIC_COUNT
};
int metrics_set_rules(struct metrics *metrics, size_t rule_count); /* 0, or -1 where memory is out */
/* The same for the rules of `set`, which must live as long as it is set here: metrics_print() counts only what belongs
 * to the set that it is given as context. */
int metrics_set_rules_of(struct metrics *metrics, const void *set, size_t rule_count);
/* The same in two parts: the counters are made and freed by any thread, and changed by the owner without a wait. The
 * owner gets the old ones (NULL: there were none); false: somebody reads them just now, and nothing has changed. */
struct rule_counters;
struct rule_counters *rule_counters_new(const void *set, size_t rule_count); /* NULL: no memory */
void rule_counters_free(struct rule_counters *counters);
bool metrics_exchange_rules(struct metrics *metrics, struct rule_counters **counters);
void metrics_rule_add(struct metrics *metrics, uint32_t rule, enum rule_metric metric, uint64_t amount);
uint64_t metrics_rule_get(const struct metrics *metrics, uint32_t rule, enum rule_metric metric);

/* Histograms in fixed buckets of seconds: record age at finish, call duration, evaluation time, calls to the state. */
enum histogram {
    HISTOGRAM_CALL_SECONDS = 0,
    HISTOGRAM_RECORD_SECONDS,
    HISTOGRAM_SCAN_SECONDS,
    HISTOGRAM_STATE_SECONDS,
    HISTOGRAM_STATE_SYNC_SECONDS,
    HISTOGRAM_COUNT
};
void metrics_observe(struct metrics *metrics, enum histogram histogram, double seconds);

/* Prints the sum of `count` metrics in Prometheus' text form. `rule_name(context, rule)` gives the label of a rule;
 * NULL: no rule series. Where rules were set with metrics_set_rules_of(), `context` is the set. */
void metrics_print(FILE *out, const struct metrics *const *all, size_t count,
                   const char *(*rule_name)(void *context, uint32_t rule), void *context, size_t rule_count);

#endif
