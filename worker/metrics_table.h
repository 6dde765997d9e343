/* What the metrics are called and say, and how metrics_print.c reads the cells of metrics.c. Inside the two only. */
#ifndef WORKER_METRICS_TABLE_H
#define WORKER_METRICS_TABLE_H

#include "worker/metrics.h"

enum { HISTOGRAM_BUCKETS_MAX = 16 };

/* How the values of several shards become one. */
enum metric_join { JOIN_SUM, JOIN_MAX };

struct metric_info {
    const char *name, *type, *help;
    enum metric_join join;
};

struct histogram_info {
    const char *name, *help;
    size_t bucket_count;
    double bounds[HISTOGRAM_BUCKETS_MAX]; /* upper bounds in seconds, ascending */
};

extern const struct metric_info METRICS[METRIC_COUNT];
extern const struct histogram_info HISTOGRAMS[HISTOGRAM_COUNT];

struct histogram_sum {
    uint64_t buckets[HISTOGRAM_BUCKETS_MAX + 1];
    double seconds;
};

/* Adds the cells of `metrics` to a sum. Any thread. */
void metrics_histogram_add(const struct metrics *metrics, enum histogram histogram, struct histogram_sum *sum);
/* `sums` holds rule_count rows of RULE_METRIC_COUNT. Adds nothing where the counters belong to another set. */
void metrics_rules_add(const struct metrics *metrics, const void *set, uint64_t *sums, size_t rule_count);

#endif
