/* When a partition has come to a stand though nothing holds it back. Pure: no clock, no I/O.
 *
 * Records that are there and not finished for too long are a stall; so are records that keep coming and are not
 * delivered. A lag alone is not: the end of a partition may be a transaction's marker, which nobody ever gets to see.
 */
#ifndef WORKER_STALL_H
#define WORKER_STALL_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed at first. */
struct stall {
    bool is_known, is_told;
    bool had_unfinished;
    bool is_half_over;
    int64_t position;
    int64_t since_ms;    /* has stood still since */
    int64_t end_at_half; /* the partition's end when half of the time was over */
};

struct stall_sight {
    int64_t position;    /* the first offset that is not finished; -1: nothing known yet */
    int64_t end;         /* high watermark; -1: unknown */
    bool has_unfinished; /* records were delivered and are not finished */
    bool is_held;        /* by a gate, a rate limit or the end of the worker: nothing is expected of it */
};

enum stall_news { STALL_NOTHING = 0, STALL_BEGUN, STALL_GOES_ON, STALL_OVER };

/* To be called a few times within `timeout_ms` at least; 0: never stalled. */
enum stall_news stall_look(struct stall *stall, const struct stall_sight *sight, int64_t now_ms, int64_t timeout_ms);

#endif
