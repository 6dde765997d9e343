/* Counts over time without knowing beforehand how much time there is: at most TIMELINE_BUCKETS equal stretches, whose
 * width doubles when an event lies outside. The result does not depend on the order. */
#ifndef WORKER_REPLAY_TIMELINE_H
#define WORKER_REPLAY_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

enum { TIMELINE_BUCKETS = 240, TIMELINE_FIRST_WIDTH_MS = 60000 };
enum timeline_series { TIMELINE_EVENTS, TIMELINE_ACTED, TIMELINE_ACTED_BEFORE, TIMELINE_SERIES_COUNT };

struct timeline {
    int64_t width_ms;    /* 0: nothing was counted yet */
    int64_t first_index; /* of bucket 0: its time divided by the width */
    int64_t least_index, last_index;
    int64_t first_ms, last_ms; /* the earliest and latest time counted */
    uint64_t counts[TIMELINE_BUCKETS][TIMELINE_SERIES_COUNT];
};

/* `at_ms` since 1970; 0 and what is before is no time and is not counted. */
void timeline_add(struct timeline *timeline, int64_t at_ms, enum timeline_series series, uint64_t amount);
void timeline_merge(struct timeline *into, const struct timeline *from);
/* Buckets in use, from timeline_bucket(timeline, 0) on. */
uint64_t timeline_count(const struct timeline *timeline);
const uint64_t *timeline_bucket(const struct timeline *timeline, uint64_t number, int64_t *start_ms_out);

#endif
