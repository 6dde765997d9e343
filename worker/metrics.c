/* The counters of a shard. Neighbours: metrics_print.c (the text form), metrics_table.h (what each metric is called).
 *
 * Only the owner writes; a scrape reads at any time, so every cell is an atomic, read and written without order
 * (relaxed): each number is true by itself, numbers of one scrape may be microseconds apart. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "worker/metrics.h"
#include "worker/metrics_table.h"

struct histogram_cells {
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS_MAX + 1]; /* the last one: everything above */
    _Atomic double sum;
};

struct metrics {
    _Alignas(64) _Atomic uint64_t values[METRIC_COUNT];
    struct histogram_cells histograms[HISTOGRAM_COUNT];
    pthread_mutex_t rules_lock; /* held by a reload and by readers from other threads, never by metrics_rule_add */
    _Atomic uint64_t *rules;    /* rule_count rows of RULE_METRIC_COUNT; replaced by the owner only */
    size_t rule_count;
    const void *rules_of; /* the set that they belong to; NULL: any */
};

/* Only the owner writes, so a load and a store are enough: no locked instruction on the way of an event. */
static void bump(_Atomic uint64_t *cell, uint64_t amount)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + amount, memory_order_relaxed);
}

static uint64_t value_of(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

struct metrics *metrics_new(void)
{
    struct metrics *metrics = aligned_alloc(_Alignof(struct metrics), sizeof(*metrics));
    if (!metrics)
        return NULL;
    memset(metrics, 0, sizeof(*metrics));
    if (pthread_mutex_init(&metrics->rules_lock, NULL) != 0) {
        free(metrics);
        return NULL;
    }
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    pthread_mutex_destroy(&metrics->rules_lock);
    free(metrics->rules);
    free(metrics);
}

void metrics_add(struct metrics *metrics, enum metric metric, uint64_t amount)
{
    bump(&metrics->values[metric], amount);
}

void metrics_set(struct metrics *metrics, enum metric metric, uint64_t value)
{
    atomic_store_explicit(&metrics->values[metric], value, memory_order_relaxed);
}

uint64_t metrics_get(const struct metrics *metrics, enum metric metric)
{
    return value_of(&metrics->values[metric]);
}

int metrics_set_rules(struct metrics *metrics, size_t rule_count)
{
    return metrics_set_rules_of(metrics, NULL, rule_count);
}

int metrics_set_rules_of(struct metrics *metrics, const void *set, size_t rule_count)
{
    _Atomic uint64_t *rules = NULL;
    if (rule_count) {
        rules = calloc(rule_count, sizeof(*rules) * RULE_METRIC_COUNT);
        if (!rules)
            return -1;
    }
    pthread_mutex_lock(&metrics->rules_lock);
    _Atomic uint64_t *old = metrics->rules;
    metrics->rules = rules;
    metrics->rule_count = rule_count;
    metrics->rules_of = set;
    pthread_mutex_unlock(&metrics->rules_lock);
    free(old);
    return 0;
}

void metrics_rule_add(struct metrics *metrics, uint32_t rule, enum rule_metric metric, uint64_t amount)
{
    if (rule < metrics->rule_count)
        bump(&metrics->rules[(size_t)rule * RULE_METRIC_COUNT + metric], amount);
}

uint64_t metrics_rule_get(const struct metrics *metrics, uint32_t rule, enum rule_metric metric)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&metrics->rules_lock; /* taking a lock changes no number */
    uint64_t value = 0;
    pthread_mutex_lock(lock);
    if (rule < metrics->rule_count)
        value = value_of(&metrics->rules[(size_t)rule * RULE_METRIC_COUNT + metric]);
    pthread_mutex_unlock(lock);
    return value;
}

void metrics_observe(struct metrics *metrics, enum histogram histogram, double seconds)
{
    struct histogram_cells *cells = &metrics->histograms[histogram];
    const struct histogram_info *info = &HISTOGRAMS[histogram];
    size_t bucket = 0;
    while (bucket < info->bucket_count && seconds > info->bounds[bucket])
        bucket++;
    bump(&cells->buckets[bucket], 1);
    double sum = atomic_load_explicit(&cells->sum, memory_order_relaxed);
    atomic_store_explicit(&cells->sum, sum + seconds, memory_order_relaxed);
}

void metrics_histogram_add(const struct metrics *metrics, enum histogram histogram, struct histogram_sum *sum)
{
    const struct histogram_cells *cells = &metrics->histograms[histogram];
    for (size_t i = 0; i <= HISTOGRAMS[histogram].bucket_count; i++)
        sum->buckets[i] += value_of(&cells->buckets[i]);
    sum->seconds += atomic_load_explicit(&cells->sum, memory_order_relaxed);
}

void metrics_rules_add(const struct metrics *metrics, const void *set, uint64_t *sums, size_t rule_count)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&metrics->rules_lock;
    pthread_mutex_lock(lock);
    size_t rules = rule_count < metrics->rule_count ? rule_count : metrics->rule_count;
    if (metrics->rules_of && metrics->rules_of != set)
        rules = 0; /* a shard that has not taken the new rules yet, or has already */
    for (size_t i = 0; i < rules * RULE_METRIC_COUNT; i++)
        sums[i] += value_of(&metrics->rules[i]);
    pthread_mutex_unlock(lock);
}
