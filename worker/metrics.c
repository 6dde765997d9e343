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
    pthread_mutex_t rules_lock;  /* held by a reload and by readers from other threads, never by metrics_rule_add */
    struct rule_counters *rules; /* NULL: none; replaced by the owner only */
};

struct rule_counters {
    const void *set; /* that they belong to; NULL: any */
    size_t count;
    _Atomic uint64_t cells[]; /* `count` rows of RULE_METRIC_COUNT */
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
    rule_counters_free(metrics->rules);
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

/* Written to here, so that the owner meets no page for the first time. */
struct rule_counters *rule_counters_new(const void *set, size_t rule_count)
{
    size_t bytes = rule_count * RULE_METRIC_COUNT * sizeof(_Atomic uint64_t);
    struct rule_counters *counters = malloc(sizeof(*counters) + bytes);
    if (!counters)
        return NULL;
    memset(counters, 0, sizeof(*counters) + bytes);
    counters->set = set;
    counters->count = rule_count;
    return counters;
}

void rule_counters_free(struct rule_counters *counters)
{
    free(counters);
}

static struct rule_counters *exchange(struct metrics *metrics, struct rule_counters *counters)
{
    struct rule_counters *old = metrics->rules;
    metrics->rules = counters;
    pthread_mutex_unlock(&metrics->rules_lock);
    return old;
}

bool metrics_exchange_rules(struct metrics *metrics, struct rule_counters **counters)
{
    if (pthread_mutex_trylock(&metrics->rules_lock) != 0)
        return false;
    *counters = exchange(metrics, *counters);
    return true;
}

int metrics_set_rules_of(struct metrics *metrics, const void *set, size_t rule_count)
{
    struct rule_counters *counters = rule_counters_new(set, rule_count);
    if (!counters)
        return -1;
    pthread_mutex_lock(&metrics->rules_lock);
    rule_counters_free(exchange(metrics, counters));
    return 0;
}

static _Atomic uint64_t *cell_of(const struct rule_counters *rules, uint32_t rule, enum rule_metric metric)
{
    return rules && rule < rules->count ? (_Atomic uint64_t *)&rules->cells[(size_t)rule * RULE_METRIC_COUNT + metric]
                                        : NULL;
}

void metrics_rule_add(struct metrics *metrics, uint32_t rule, enum rule_metric metric, uint64_t amount)
{
    _Atomic uint64_t *cell = cell_of(metrics->rules, rule, metric);
    if (cell)
        bump(cell, amount);
}

uint64_t metrics_rule_get(const struct metrics *metrics, uint32_t rule, enum rule_metric metric)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&metrics->rules_lock; /* taking a lock changes no number */
    pthread_mutex_lock(lock);
    const _Atomic uint64_t *cell = cell_of(metrics->rules, rule, metric);
    uint64_t value = cell ? value_of(cell) : 0;
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
    const struct rule_counters *counters = metrics->rules;
    size_t rules = counters ? counters->count : 0;
    rules = rule_count < rules ? rule_count : rules;
    if (counters && counters->set && counters->set != set)
        rules = 0; /* a shard that has not taken the new rules yet, or has already */
    for (size_t i = 0; i < rules * RULE_METRIC_COUNT; i++)
        sums[i] += value_of(&counters->cells[i]);
    pthread_mutex_unlock(lock);
}
