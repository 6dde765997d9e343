/* From a unit to its calls and from their answers to its end. Neighbours: pipeline.c adds units and learns of their
 * end; outbound.c sends; authors.c, lanes.c, sleepers.c, flights.c and lines.c are the places where a unit can be.
 *
 * A unit is in exactly one place: behind its author's earlier unit, in its partition's lane, asleep, or aboard a flight
 * that gathers, waits at a gate or is under way. The first unit of an author is the only one that may leave the first
 * of these. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/dispatch/authors.h"
#include "worker/dispatch/flights.h"
#include "worker/dispatch/lanes.h"
#include "worker/dispatch/lines.h"
#include "worker/dispatch/sleepers.h"

enum { MEMORY_RETRY_MS = 100 };

struct dispatch {
    struct dispatch_options options;
    struct dispatch_port port;
    struct random_state random;
    struct authors authors;
    struct lanes lanes;
    struct sleepers sleepers;
    struct flights flights;
    struct gate_lines lines;
    size_t held; /* units added and not ended */
    size_t in_flight;
};

/* ---- ends ---- */

/* Takes the unit from its author and lets the next one go on. */
static void let_go(struct dispatch *dispatch, struct unit *unit)
{
    struct unit *next = authors_leave(&dispatch->authors, unit);
    if (next)
        lanes_put(&dispatch->lanes, next, false);
    unit->state = UNIT_ENDED;
    dispatch->held--;
}

static void unit_end(struct dispatch *dispatch, struct unit *unit)
{
    let_go(dispatch, unit);
    dispatch->port.ended(dispatch->port.context, unit);
}

/* Calls that could not even be made have failed already and are passed over. */
static size_t next_pending(const struct unit *unit, size_t from)
{
    while (from < unit->call_count && unit->calls[from].state != CALL_PENDING)
        from++;
    return from;
}

static void call_end(struct dispatch *dispatch, struct unit *unit, enum call_state state)
{
    unit_call(unit)->state = state;
    unit->current = next_pending(unit, unit->current + 1);
    if (unit->current < unit->call_count && !unit->orphan)
        lanes_put(&dispatch->lanes, unit, true);
    else
        unit_end(dispatch, unit);
}

/* What was said of several may be true of one of them only: each is asked for by itself, which costs no attempt. */
static void try_alone(struct dispatch *dispatch, struct unit *unit)
{
    unit_call(unit)->alone = true;
    lanes_put(&dispatch->lanes, unit, true);
}

static void call_refused(struct dispatch *dispatch, struct unit *unit, size_t users)
{
    if (users > 1)
        try_alone(dispatch, unit);
    else
        call_end(dispatch, unit, CALL_FAILED);
}

/* ---- sending ---- */

/* Takes the first unit off a flight that is in no queue. */
static struct unit *disembark(struct flight *flight)
{
    struct unit *unit = TAILQ_FIRST(&flight->units);
    TAILQ_REMOVE(&flight->units, unit, queue_link);
    unit->flight = NULL;
    flight->count--;
    return unit;
}

static void cannot_be_sent(struct dispatch *dispatch, struct flight *flight, const struct wd_error *err)
{
    size_t users = flight->count;
    while (flight->count) {
        struct unit *unit = disembark(flight);
        struct call *call = unit_call(unit);
        call->outcome = (struct outcome){.class = OUTCOME_PERMANENT, .retry_after_ms = -1};
        snprintf(call->outcome.text, sizeof(call->outcome.text), "%.190s", err->text);
        call_refused(dispatch, unit, users);
    }
    flights_release(&dispatch->flights, flight);
}

static void no_memory_for_gate(struct dispatch *dispatch, struct flight *flight, int64_t now_ms)
{
    while (flight->count)
        sleepers_put(&dispatch->sleepers, disembark(flight), now_ms + MEMORY_RETRY_MS);
    flights_release(&dispatch->flights, flight);
}

/* The flight is in no queue. False: the client has no room. */
static bool try_send(struct dispatch *dispatch, struct flight *flight, int64_t now_ms)
{
    struct gate_line *closed = NULL;
    if (lines_ask(&dispatch->lines, flight, now_ms, &closed) != WD_OK) {
        no_memory_for_gate(dispatch, flight, now_ms);
        return true;
    }
    if (closed) {
        line_wait(closed, flight, false);
        return true;
    }
    struct wd_error err = {0};
    enum wd_status status = dispatch->port.send(dispatch->port.context, flight, &err);
    if (status == WD_ERR_UNAVAILABLE) {
        flights_put_back(&dispatch->flights, flight, now_ms);
        return false;
    }
    if (status != WD_OK) {
        cannot_be_sent(dispatch, flight, &err);
        return true;
    }
    lines_enter(&dispatch->lines, flight, now_ms);
    flights_depart(&dispatch->flights, flight, now_ms);
    dispatch->in_flight++;
    return true;
}

/* What gathers has its place in the window already. */
static bool has_room(const struct dispatch *dispatch)
{
    return dispatch->in_flight + dispatch->flights.gathering_count < dispatch->options.max_in_flight;
}

/* Lets through what waits at a gate, as far as it goes; false: the client has no room. */
static bool serve_line(struct dispatch *dispatch, struct gate_line *line, int64_t now_ms)
{
    struct flight *flight;
    while (has_room(dispatch) && (flight = line_next(line, now_ms)))
        if (!try_send(dispatch, flight, now_ms))
            return false;
    return true;
}

/* Company for a flight that is there already takes no place in the window; false: the client has no room. */
static bool serve_lanes(struct dispatch *dispatch, int64_t now_ms)
{
    struct unit *unit;
    while ((unit = lanes_peek(&dispatch->lanes))) {
        struct flight *flight = flights_find(&dispatch->flights, unit);
        if (flight) {
            flights_join(&dispatch->flights, flight, lanes_take(&dispatch->lanes), now_ms);
            continue;
        }
        if (!has_room(dispatch))
            break;
        lanes_take(&dispatch->lanes);
        flight = flights_begin(&dispatch->flights, unit, now_ms);
        if (!flight)
            sleepers_put(&dispatch->sleepers, unit, now_ms + MEMORY_RETRY_MS);
        else if (flight->state == FLIGHT_NEW && !try_send(dispatch, flight, now_ms))
            return false;
    }
    return true;
}

static bool serve_gathered(struct dispatch *dispatch, int64_t now_ms)
{
    struct flight *flight;
    while ((flight = flights_due(&dispatch->flights, now_ms)))
        if (!try_send(dispatch, flight, now_ms))
            return false;
    return true;
}

int64_t dispatch_run(struct dispatch *dispatch, int64_t now_ms)
{
    struct unit *unit;
    while ((unit = sleepers_wake(&dispatch->sleepers, now_ms)))
        lanes_put(&dispatch->lanes, unit, false);
    bool room = serve_line(dispatch, &dispatch->lines.platform, now_ms);
    for (struct gate_line *line = dispatch->lines.groups; room && line; line = line->next)
        room = serve_line(dispatch, line, now_ms);
    room = room && serve_lanes(dispatch, now_ms) && serve_gathered(dispatch, now_ms);
    if (room && has_room(dispatch) && lanes_peek(&dispatch->lanes))
        return 0; /* calls that could not be made together are there to be made alone */
    int64_t wait = sleepers_wait_ms(&dispatch->sleepers, now_ms);
    if (room) /* else a call that ends makes it run again */
        wait = sooner(wait, flights_wait_ms(&dispatch->flights, now_ms));
    return has_room(dispatch) ? sooner(wait, lines_wait_ms(&dispatch->lines, now_ms)) : wait;
}

/* ---- settling ---- */

/* Nobody is given up for what may be another's fault: half of the attempts may be made in company, the last one never.
 */
static void retry_later(struct dispatch *dispatch, struct unit *unit, size_t users, int64_t now_ms)
{
    struct call *call = unit_call(unit);
    call->failures++;
    if (call->failures >= dispatch->options.max_attempts && users == 1) {
        call_end(dispatch, unit, CALL_FAILED);
        return;
    }
    call->alone |= 2 * call->failures >= dispatch->options.max_attempts;
    sleepers_put(&dispatch->sleepers, unit,
                 now_ms + backoff_delay_ms(&dispatch->options.backoff, call->failures, &dispatch->random));
}

static void settle_unit(struct dispatch *dispatch, struct unit *unit, const struct flight *flight,
                        const struct outcome *outcome, int64_t now_ms)
{
    switch (outcome->class) {
    case OUTCOME_DONE:
        call_end(dispatch, unit, CALL_SUCCEEDED);
        break;
    case OUTCOME_ALREADY:
        if (flight->users > 1 && !flight->batch->already_for_all)
            try_alone(dispatch, unit);
        else
            call_end(dispatch, unit, CALL_SUCCEEDED);
        break;
    case OUTCOME_PERMANENT:
        call_refused(dispatch, unit, flight->users);
        break;
    case OUTCOME_STOP:
    case OUTCOME_RETRY:
    case OUTCOME_CLASS_COUNT:
        retry_later(dispatch, unit, flight->users, now_ms);
        break;
    }
}

/* The gate at which the flight waits as it is, which costs no attempt; NULL: its units go on by themselves. */
static struct gate_line *gate_to_wait_at(struct dispatch *dispatch, struct flight *flight,
                                         const struct outcome *outcome)
{
    if (outcome->class == OUTCOME_STOP)
        return is_platform_call(flight_call(flight)) ? &dispatch->lines.platform : flight->line;
    if (outcome->class == OUTCOME_RETRY && (outcome->throttled || gate_is_open(&flight->line->gate)))
        return flight->line;
    return NULL;
}

static void note_outcome(struct call *call, const struct outcome *outcome, int64_t now_ms)
{
    call->outcome = *outcome;
    call->ended_ms = now_ms;
    call->ambiguous += outcome->ambiguous;
}

void dispatch_settle(struct dispatch *dispatch, struct flight *flight, const struct outcome *outcome, int64_t now_ms)
{
    assert(flight->state == FLIGHT_FLYING);
    dispatch->in_flight--;
    lines_leave(&dispatch->lines, flight, outcome, &dispatch->port, now_ms);
    struct gate_line *gate = gate_to_wait_at(dispatch, flight, outcome);
    flights_arrive(&dispatch->flights, flight);
    for (size_t left = flight->count; left; left--) {
        struct unit *unit = disembark(flight);
        note_outcome(unit_call(unit), outcome, now_ms);
        if (unit->orphan)
            unit_end(dispatch, unit);
        else if (gate)
            flight_board(flight, unit);
        else
            settle_unit(dispatch, unit, flight, outcome, now_ms);
    }
    if (!flight->count) {
        flights_release(&dispatch->flights, flight);
        return;
    }
    line_wait(gate, flight, true);
    flights_reopen(&dispatch->flights, flight);
}

/* ---- doors ---- */

struct dispatch *dispatch_new(const struct dispatch_options *options, const struct dispatch_port *port, int64_t now_ms)
{
    struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
    if (!dispatch)
        return NULL;
    dispatch->options = *options;
    dispatch->port = *port;
    random_seed(&dispatch->random, options->seed);
    lanes_init(&dispatch->lanes);
    flights_init(&dispatch->flights, options->batch_wait_ms, options->batch_max);
    lines_init(&dispatch->lines, &dispatch->options, now_ms);
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    authors_fini(&dispatch->authors);
    sleepers_fini(&dispatch->sleepers);
    flights_fini(&dispatch->flights);
    lines_fini(&dispatch->lines);
    free(dispatch);
}

enum wd_status dispatch_add(struct dispatch *dispatch, struct unit *unit)
{
    bool first;
    /* every unit that is held may sleep at the same time */
    if (!sleepers_reserve(&dispatch->sleepers, dispatch->held + 1) ||
        authors_enter(&dispatch->authors, unit, &first) != WD_OK)
        return WD_ERR_MEMORY;
    dispatch->held++;
    unit->current = next_pending(unit, 0);
    assert(unit->current < unit->call_count);
    unit->orphan = false;
    if (first)
        lanes_put(&dispatch->lanes, unit, false);
    else
        unit->state = UNIT_BEHIND_AUTHOR;
    return WD_OK;
}

static void take_off_flight(struct dispatch *dispatch, struct unit *unit)
{
    struct flight *flight = unit->flight;
    flights_part(&dispatch->flights, unit);
    if (flight->count)
        return;
    if (flight->state == FLIGHT_AT_GATE)
        line_remove(flight->line, flight);
    flights_release(&dispatch->flights, flight);
}

bool dispatch_drop(struct dispatch *dispatch, struct unit *unit)
{
    switch (unit->state) {
    case UNIT_IN_FLIGHT:
        unit->orphan = true;
        return false;
    case UNIT_ENDED:
        return true;
    case UNIT_READY:
        lanes_remove(&dispatch->lanes, unit);
        break;
    case UNIT_GATHERING:
    case UNIT_AT_GATE:
        take_off_flight(dispatch, unit);
        break;
    case UNIT_SLEEPING:
        sleepers_remove(&dispatch->sleepers, unit);
        break;
    case UNIT_BEHIND_AUTHOR:
        break;
    }
    let_go(dispatch, unit);
    return true;
}

size_t dispatch_in_flight(const struct dispatch *dispatch)
{
    return dispatch->in_flight;
}

size_t dispatch_open_gates(const struct dispatch *dispatch)
{
    return lines_open_count(&dispatch->lines);
}

bool dispatch_is_held(const struct dispatch *dispatch)
{
    return lines_are_busy(&dispatch->lines);
}

bool dispatch_is_shut(const struct dispatch *dispatch)
{
    return lines_are_shut(&dispatch->lines);
}

void dispatch_probe_platform(struct dispatch *dispatch, int64_t now_ms)
{
    if (dispatch->lines.platform.gate.state == GATE_OPEN_CIRCUIT)
        dispatch->lines.platform.gate.probe_at_ms = now_ms;
}
