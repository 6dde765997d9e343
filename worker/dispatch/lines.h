/* The gates that calls go through, each with the line of flights that wait at it: one for the platform as a whole (our
 * token, permission, overall rate), one for each endpoint group (its breaker, Retry-After, rate). */
#ifndef WORKER_DISPATCH_LINES_H
#define WORKER_DISPATCH_LINES_H

#include "worker/dispatch/dispatch.h"
#include "worker/dispatch/flights.h"

struct gate_line {
    const char *group;
    struct gate gate;
    struct flight_queue waiting;
    struct gate_line *next;
};

struct gate_lines {
    const struct dispatch_options *options; /* the dispatch's */
    struct gate_line platform;              /* every call but notifications goes through it */
    struct gate_line *groups;
};

void lines_init(struct gate_lines *lines, const struct dispatch_options *options, int64_t now_ms);
void lines_fini(struct gate_lines *lines);

/* Where the flight has to wait; NULL: both its gates let it pass now. WD_ERR_MEMORY: there is none for its gate. */
enum wd_status lines_ask(struct gate_lines *lines, const struct flight *flight, int64_t now_ms,
                         struct gate_line **closed_out);
/* At the end of the line, or (`first`) at its head. */
void line_wait(struct gate_line *line, struct flight *flight, bool first);
void line_remove(struct gate_line *line, struct flight *flight);
/* The first in the line where the gate lets it pass, taken out; NULL: nobody. */
struct flight *line_next(struct gate_line *line, int64_t now_ms);
/* Passes the gates that lines_ask() found open. */
void lines_enter(struct gate_lines *lines, struct flight *flight, int64_t now_ms);
/* What an answer means for the gates; a change of theirs is told to `port`. */
void lines_leave(struct gate_lines *lines, struct flight *flight, const struct outcome *outcome,
                 const struct dispatch_port *port, int64_t now_ms);

/* Milliseconds until somebody in a line may pass; -1: not before something happens. */
int64_t lines_wait_ms(struct gate_lines *lines, int64_t now_ms);
/* Somebody waits. */
bool lines_are_busy(const struct gate_lines *lines);
size_t lines_open_count(const struct gate_lines *lines);
/* No call at all gets through but probes, and there is a probe: one on its way, or somebody who waits to be it. Where
 * nobody does (all who waited were given back with their partitions) only a newcomer can find out that it has healed.
 */
bool lines_are_shut(const struct gate_lines *lines);

/* The sooner of two waits, -1 being none. */
int64_t sooner(int64_t a, int64_t b);
/* Notification webhooks are other people's servers: the platform's token says nothing about them. */
bool is_platform_call(const struct call *call);

#endif
