/* Looks at the clock while the index reads a text, so that a deadline holds there, too. Work is counted in steps of
 * some nanoseconds each, and the clock is read after so many of them. Neighbours: scan.c owns one; skeleton_scan.c,
 * gates_scan.c count. */
#ifndef FILTERS_PATTERNS_WATCH_H
#define FILTERS_PATTERNS_WATCH_H

#include "filters/patterns/patterns.h"

enum { WATCH_STEPS = 10000 };

struct watch {
    struct wd_scan_timing *timing; /* NULL: no deadline */
    size_t steps;
    bool late;
};

static inline void watch_start(struct watch *watch, struct wd_scan_timing *timing)
{
    bool has_deadline = timing && timing->deadline_ns != UINT64_MAX;
    *watch = (struct watch){.timing = has_deadline ? timing : NULL};
}

/* Whether the deadline has passed, `steps` after the last time this was asked. */
static inline bool watch_late(struct watch *watch, size_t steps)
{
    watch->steps += steps;
    if (!watch->timing || watch->late || watch->steps < WATCH_STEPS)
        return watch->late;
    watch->steps = 0;
    watch->late = wd_timing_is_late(watch->timing, watch->timing->clock(watch->timing->clock_context));
    return watch->late;
}

/* The same for tight loops: *steps, a variable of the loop's own, is counted first. */
static inline bool watch_late_step(struct watch *watch, size_t *steps)
{
    if (++*steps < WATCH_STEPS)
        return false;
    size_t taken = *steps;
    *steps = 0;
    return watch_late(watch, taken);
}

#endif
