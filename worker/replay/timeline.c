/* Buckets begin at multiples of their width and the width is the least power of two (of minutes) that fits the whole
 * range into the room: so it follows from the range alone. */
#include <string.h>

#include "worker/replay/timeline.h"

static bool fits(int64_t least, int64_t last)
{
    return last - least < TIMELINE_BUCKETS;
}

/* Two stretches become one. */
static void widen(struct timeline *timeline)
{
    struct timeline wide = *timeline;
    wide.width_ms *= 2;
    wide.least_index /= 2;
    wide.last_index /= 2;
    wide.first_index = wide.least_index;
    memset(wide.counts, 0, sizeof(wide.counts));
    for (int64_t i = timeline->least_index; i <= timeline->last_index; i++)
        for (int s = 0; s < TIMELINE_SERIES_COUNT; s++)
            wide.counts[i / 2 - wide.first_index][s] += timeline->counts[i - timeline->first_index][s];
    *timeline = wide;
}

/* Moves the counts so that both ends have a place. The range fits. */
static void move_to(struct timeline *timeline, int64_t least, int64_t last)
{
    if (least >= timeline->first_index && last < timeline->first_index + TIMELINE_BUCKETS)
        return;
    size_t used = (size_t)(timeline->last_index - timeline->least_index + 1) * sizeof(timeline->counts[0]);
    char *counts = (char *)timeline->counts;
    size_t from = (size_t)(timeline->least_index - timeline->first_index) * sizeof(timeline->counts[0]);
    size_t to = (size_t)(timeline->least_index - least) * sizeof(timeline->counts[0]);
    memmove(counts + to, counts + from, used);
    memset(counts, 0, to);
    memset(counts + to + used, 0, sizeof(timeline->counts) - to - used);
    timeline->first_index = least;
}

/* Makes room for the stretch of time at which an event lies. */
static void stretch(struct timeline *timeline, int64_t at_ms)
{
    if (!timeline->width_ms) {
        timeline->width_ms = TIMELINE_FIRST_WIDTH_MS;
        timeline->first_index = timeline->least_index = timeline->last_index = at_ms / timeline->width_ms;
        timeline->first_ms = timeline->last_ms = at_ms;
    }
    int64_t index = at_ms / timeline->width_ms;
    while (!fits(index < timeline->least_index ? index : timeline->least_index,
                 index > timeline->last_index ? index : timeline->last_index)) {
        widen(timeline);
        index = at_ms / timeline->width_ms;
    }
    int64_t least = index < timeline->least_index ? index : timeline->least_index;
    int64_t last = index > timeline->last_index ? index : timeline->last_index;
    move_to(timeline, least, last);
    timeline->least_index = least;
    timeline->last_index = last;
}

void timeline_add(struct timeline *timeline, int64_t at_ms, enum timeline_series series, uint64_t amount)
{
    if (at_ms <= 0)
        return;
    stretch(timeline, at_ms);
    timeline->first_ms = at_ms < timeline->first_ms ? at_ms : timeline->first_ms;
    timeline->last_ms = at_ms > timeline->last_ms ? at_ms : timeline->last_ms;
    timeline->counts[at_ms / timeline->width_ms - timeline->first_index][series] += amount;
}

void timeline_merge(struct timeline *into, const struct timeline *from)
{
    if (!from->width_ms)
        return;
    struct timeline other = *from;
    if (!into->width_ms) {
        *into = other;
        return;
    }
    while (into->width_ms < other.width_ms)
        widen(into);
    while (other.width_ms < into->width_ms)
        widen(&other);
    stretch(into, from->first_ms);
    stretch(into, from->last_ms);
    while (other.width_ms < into->width_ms)
        widen(&other);
    into->first_ms = from->first_ms < into->first_ms ? from->first_ms : into->first_ms;
    into->last_ms = from->last_ms > into->last_ms ? from->last_ms : into->last_ms;
    for (int64_t i = other.least_index; i <= other.last_index; i++)
        for (int s = 0; s < TIMELINE_SERIES_COUNT; s++)
            into->counts[i - into->first_index][s] += other.counts[i - other.first_index][s];
}

uint64_t timeline_count(const struct timeline *timeline)
{
    return timeline->width_ms ? (uint64_t)(timeline->last_index - timeline->least_index + 1) : 0;
}

const uint64_t *timeline_bucket(const struct timeline *timeline, uint64_t number, int64_t *start_ms_out)
{
    int64_t index = timeline->least_index + (int64_t)number;
    *start_ms_out = index * timeline->width_ms;
    return timeline->counts[index - timeline->first_index];
}
