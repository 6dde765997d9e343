/* What leaves as one call: a unit's current call alone, or those of several units that differ in nothing but the author
 * (the action table says which rows take several). A flight gathers units for a short time, may wait at a gate, and
 * takes more aboard until it leaves; then its units stay aboard until the answer is there, so each of their authors
 * is busy for as long as the call is under way. An author has at most one unit aboard, since only his first unit may do
 * anything. */
#ifndef WORKER_DISPATCH_FLIGHTS_H
#define WORKER_DISPATCH_FLIGHTS_H

#include "worker/work.h"

struct gate_line;

enum flight_state { FLIGHT_NEW = 0, FLIGHT_GATHERING, FLIGHT_AT_GATE, FLIGHT_FLYING };

struct flight {
    enum flight_state state;
    struct unit_queue units;
    size_t count; /* units aboard */
    size_t users; /* how many there were when it left: answers are about all of them */
    char *text;   /* path or body of a call for several; the port's, freed with the flight */
    int64_t sent_ms;
    const struct action_batch *batch; /* of its row; NULL: it takes one unit */

    struct gate_line *line; /* the gate that it waits at or went through */
    uint32_t line_generation, platform_generation;
    int64_t due_ms;           /* while gathering: when it leaves */
    TAILQ_ENTRY(flight) link; /* gathering, at a gate or flying */
    struct flight *next;      /* in its bucket of open flights, or among the spare ones */
    bool is_open;             /* takes more units aboard */
    uint64_t frame;           /* what its calls have in common */
    size_t room_bytes;        /* for further authors */
};
TAILQ_HEAD(flight_queue, flight);

enum { FLIGHT_BUCKETS = 256 };

struct flights {
    int64_t wait_ms; /* 0: nothing is put together */
    size_t users_max;
    struct flight *open[FLIGHT_BUCKETS];
    size_t open_count;
    struct flight_queue gathering; /* by due time */
    size_t gathering_count;
    struct flight_queue flying;
    struct flight *spare;
    size_t spare_count;
};

void flights_init(struct flights *flights, int64_t wait_ms, size_t users_max);
/* Frees all flights but those at gates; the units stay the caller's. */
void flights_fini(struct flights *flights);

/* The call that the unit is at. */
static inline struct call *unit_call(const struct unit *unit)
{
    return &unit->calls[unit->current];
}
/* One of the calls aboard: group, row and kind are the same for all. */
static inline struct call *flight_call(const struct flight *flight)
{
    return unit_call(TAILQ_FIRST(&flight->units));
}

/* Puts the unit aboard a flight that is in no queue, as it is. */
void flight_board(struct flight *flight, struct unit *unit);

/* The open flight that can take this unit, or NULL. */
struct flight *flights_find(const struct flights *flights, const struct unit *unit);
/* Takes it aboard; a flight that is full then is due at once. */
void flights_join(struct flights *flights, struct flight *flight, struct unit *unit, int64_t now_ms);
/* A new flight with this unit: gathering where others may join, else FLIGHT_NEW. NULL: no memory. */
struct flight *flights_begin(struct flights *flights, struct unit *unit, int64_t now_ms);
/* Takes the unit off a flight that has not left. An empty flight remains, for the caller to release. */
void flights_part(struct flights *flights, struct unit *unit);

/* The first flight that is due, taken out of the gathering ones; NULL: none is. */
struct flight *flights_due(struct flights *flights, int64_t now_ms);
/* It could not leave: it is due again at once, before the others. */
void flights_put_back(struct flights *flights, struct flight *flight, int64_t now_ms);
int64_t flights_wait_ms(const struct flights *flights, int64_t now_ms); /* -1: none gathers */

/* Sets the state of the flight and of all units aboard. */
void flights_set(struct flight *flight, enum flight_state state);
/* It leaves: nobody boards any more. */
void flights_depart(struct flights *flights, struct flight *flight, int64_t now_ms);
/* It has come back and is in no queue; the answer is about all who were aboard. */
void flights_arrive(struct flights *flights, struct flight *flight);
/* Takes more units aboard again, where it may. */
void flights_reopen(struct flights *flights, struct flight *flight);
/* The flight is empty, or its units are elsewhere; it is in no queue. */
void flights_release(struct flights *flights, struct flight *flight);

#endif
