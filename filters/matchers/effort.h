/* How much work searches do, and when they end before their text does. A search counts its steps (about one a byte that
 * it looks at, and what a costly check is worth in such) and asks now and then whether to go on: so that no text,
 * however long or hostile, holds an event up past its time. What always holds: a search that was told to end reports
 * nothing that is not there; what it has not found is undecided. Neighbours: filters/evaluate.c, which asks the clock.
 */
#ifndef FILTERS_MATCHERS_EFFORT_H
#define FILTERS_MATCHERS_EFFORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WD_EFFORT_PATIENCE = 8192, /* steps between two questions */
    WD_EFFORT_CHECKSUM = 500,  /* what a checksum or the look-up of a name that is not ASCII is worth in steps */
};

struct wd_effort {
    bool (*should_end)(void *context); /* NULL: never */
    void *context;
    uint64_t steps, ask_at;
    bool ended;
    bool enough; /* further finds would change nothing: the search may end, and nothing is undecided by that */
};

static inline bool wd_effort_ask(struct wd_effort *effort)
{
    effort->ended = effort->ended || (effort->should_end && effort->should_end(effort->context));
    effort->ask_at = effort->ended ? 0 : effort->steps + WD_EFFORT_PATIENCE;
    return !effort->ended && !effort->enough;
}

/* Notes steps; false where the search should end. `effort` may be NULL. */
static inline bool wd_goes_on(struct wd_effort *effort, size_t steps)
{
    if (!effort)
        return true;
    effort->steps += steps;
    return (effort->steps < effort->ask_at && !effort->enough) || wd_effort_ask(effort);
}

/* Whether it was told so before. */
static inline bool wd_has_to_end(const struct wd_effort *effort)
{
    return effort && (effort->ended || effort->enough);
}

/* Notes steps of a part that is short anyway. */
static inline void wd_note_steps(struct wd_effort *effort, size_t steps)
{
    if (effort)
        effort->steps += steps;
}

#endif
