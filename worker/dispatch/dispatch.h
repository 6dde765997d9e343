/* Carries out units: side by side over authors, in order and one at a time for each author, within the window, through
 * the gates. No I/O of its own: calls leave through the port and come back through dispatch_settle().
 *
 * Units of one author are served in the order of dispatch_add(); ready ones are taken round-robin over partitions.
 * Calls that differ in nothing but the author may leave as one (flights.h); the window and the gates count that as one
 * call. One thread. All times are loop milliseconds. */
#ifndef WORKER_DISPATCH_DISPATCH_H
#define WORKER_DISPATCH_DISPATCH_H

#include "worker/retry.h"
#include "worker/work.h"

struct dispatch;
struct flight;

/* A limit for one endpoint group. */
struct dispatch_rate {
    const char *group;
    double rate_per_second;
};

struct dispatch_options {
    size_t max_in_flight; /* calls */
    unsigned max_attempts;
    struct backoff backoff;
    struct gate_options gate;                /* of every endpoint group; its rate holds where group_rates has none */
    double rate_per_second;                  /* of all calls to the platform together; 0: no limit */
    double burst;                            /* of every limit */
    const struct dispatch_rate *group_rates; /* the caller's; must outlive the dispatch */
    size_t group_rate_count;
    int64_t max_hold_ms;   /* a longer Retry-After is cut to this; 0: none is */
    int64_t batch_wait_ms; /* how long a call that may take several authors waits for company; 0: not at all */
    size_t batch_max;      /* authors in one call, where the row itself allows no fewer; 0 and 1: one */
    uint64_t seed;
};

struct dispatch_port {
    void *context;
    /* Sends the call for all units aboard, each of which is at unit->calls[unit->current]. WD_ERR_UNAVAILABLE: no
     * connection free, asked again later. Anything else but WD_OK makes the call fail for good. */
    enum wd_status (*send)(void *context, struct flight *flight, struct wd_error *err);
    /* The unit has ended: every call succeeded or failed for good, or it is an orphan. It is no longer dispatch's. */
    void (*ended)(void *context, struct unit *unit);
    /* A gate opened or closed again, for log and metrics. `outcome` is what made it so, NULL when it healed. `ours`:
     * the platform refused our token or permission. */
    void (*gate_changed)(void *context, const char *group, bool open, bool ours, const struct outcome *outcome);
};

struct dispatch *dispatch_new(const struct dispatch_options *options, const struct dispatch_port *port, int64_t now_ms);
/* The units that it still holds stay the caller's. */
void dispatch_free(struct dispatch *dispatch);

/* The unit has at least one pending call; calls that failed before are passed over. WD_ERR_MEMORY leaves it alone.
 * Nothing is sent before dispatch_run(). */
enum wd_status dispatch_add(struct dispatch *dispatch, struct unit *unit);

/* The end of the flight's call: it is not touched again. Nothing else is sent before dispatch_run(). */
void dispatch_settle(struct dispatch *dispatch, struct flight *flight, const struct outcome *outcome, int64_t now_ms);

/* Sends what may be sent now; returns after how many ms it wants to run again, -1: not before something happens. */
int64_t dispatch_run(struct dispatch *dispatch, int64_t now_ms);

/* Takes a unit out whose partition goes away. Returns false where a call is on the way: the unit stays as an orphan
 * that keeps its author busy and comes back through `ended`. */
bool dispatch_drop(struct dispatch *dispatch, struct unit *unit);

size_t dispatch_in_flight(const struct dispatch *dispatch); /* calls */
size_t dispatch_open_gates(const struct dispatch *dispatch);
/* Something waits for a gate to open or for its turn in a rate. */
bool dispatch_is_held(const struct dispatch *dispatch);
/* No call at all gets through but a probe that is on its way or waits for its time: more records would only pile up. */
bool dispatch_is_shut(const struct dispatch *dispatch);
/* The token was read anew: probe at once instead of waiting. */
void dispatch_probe_platform(struct dispatch *dispatch, int64_t now_ms);

#endif
