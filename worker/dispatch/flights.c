/* Gathering units into calls. Neighbours: dispatch.c says when, platform/join.h what fits together. */
#include <stdlib.h>
#include <string.h>

#include "worker/dispatch/flights.h"
#include "worker/platform/join.h"

enum { SPARE_MAX = 1024 };

void flights_init(struct flights *flights, int64_t wait_ms, size_t users_max)
{
    *flights = (struct flights){.wait_ms = users_max > 1 ? wait_ms : 0, .users_max = users_max};
    TAILQ_INIT(&flights->gathering);
    TAILQ_INIT(&flights->flying);
}

static void free_queue(struct flight_queue *queue)
{
    while (!TAILQ_EMPTY(queue)) {
        struct flight *flight = TAILQ_FIRST(queue);
        TAILQ_REMOVE(queue, flight, link);
        free(flight->text);
        free(flight);
    }
}

void flights_fini(struct flights *flights)
{
    free_queue(&flights->gathering);
    free_queue(&flights->flying);
    while (flights->spare) {
        struct flight *flight = flights->spare;
        flights->spare = flight->next;
        free(flight);
    }
}

/* ---- who may board ---- */

static bool may_share(const struct flights *flights, const struct call *call)
{
    return flights->wait_ms > 0 && call->request.batch && !call->alone;
}

static struct flight **bucket_of(struct flights *flights, uint64_t frame)
{
    return &flights->open[frame % FLIGHT_BUCKETS];
}

static void open_up(struct flights *flights, struct flight *flight)
{
    struct flight **bucket = bucket_of(flights, flight->frame);
    flight->is_open = true;
    flight->next = *bucket;
    *bucket = flight;
    flights->open_count++;
}

static void shut(struct flights *flights, struct flight *flight)
{
    if (!flight->is_open)
        return;
    struct flight **at = bucket_of(flights, flight->frame);
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    flight->is_open = false;
    flights->open_count--;
}

static size_t users_max(const struct flights *flights, const struct flight *flight)
{
    return flight->batch->max < flights->users_max ? flight->batch->max : flights->users_max;
}

struct flight *flights_find(const struct flights *flights, const struct unit *unit)
{
    const struct call *call = unit_call(unit);
    if (!flights->open_count || !may_share(flights, call))
        return NULL;
    uint64_t frame = platform_call_frame(&call->request);
    for (struct flight *flight = flights->open[frame % FLIGHT_BUCKETS]; flight; flight = flight->next)
        if (flight->frame == frame && platform_call_share_bytes(&call->request) <= flight->room_bytes &&
            platform_calls_fit(&flight_call(flight)->request, &call->request))
            return flight;
    return NULL;
}

static void leave_gathering(struct flights *flights, struct flight *flight)
{
    TAILQ_REMOVE(&flights->gathering, flight, link);
    flights->gathering_count--;
}

void flight_board(struct flight *flight, struct unit *unit)
{
    unit->flight = flight;
    TAILQ_INSERT_TAIL(&flight->units, unit, queue_link);
    flight->count++;
}

void flights_join(struct flights *flights, struct flight *flight, struct unit *unit, int64_t now_ms)
{
    flight_board(flight, unit);
    unit->state = flight->state == FLIGHT_AT_GATE ? UNIT_AT_GATE : UNIT_GATHERING;
    flight->room_bytes -= platform_call_share_bytes(&unit_call(unit)->request);
    if (flight->count < users_max(flights, flight))
        return;
    shut(flights, flight);
    if (flight->state == FLIGHT_GATHERING) {
        leave_gathering(flights, flight);
        flights_put_back(flights, flight, now_ms);
    }
}

static struct flight *make(struct flights *flights)
{
    struct flight *flight = flights->spare;
    if (!flight)
        flight = malloc(sizeof(*flight));
    else {
        flights->spare = flight->next;
        flights->spare_count--;
    }
    if (!flight)
        return NULL;
    *flight = (struct flight){0};
    TAILQ_INIT(&flight->units);
    return flight;
}

struct flight *flights_begin(struct flights *flights, struct unit *unit, int64_t now_ms)
{
    struct flight *flight = make(flights);
    if (!flight)
        return NULL;
    const struct call *call = unit_call(unit);
    flight_board(flight, unit);
    flight->due_ms = now_ms + flights->wait_ms;
    if (!may_share(flights, call)) {
        flights_set(flight, FLIGHT_NEW);
        return flight;
    }
    flight->batch = call->request.batch;
    flight->frame = platform_call_frame(&call->request);
    flight->room_bytes = platform_call_room_bytes(&call->request);
    open_up(flights, flight);
    flights_set(flight, FLIGHT_GATHERING);
    TAILQ_INSERT_TAIL(&flights->gathering, flight, link);
    flights->gathering_count++;
    return flight;
}

void flights_part(struct flights *flights, struct unit *unit)
{
    struct flight *flight = unit->flight;
    TAILQ_REMOVE(&flight->units, unit, queue_link);
    unit->flight = NULL;
    flight->count--;
    if (flight->batch)
        flight->room_bytes += platform_call_share_bytes(&unit_call(unit)->request);
    if (flight->count) {
        flights_reopen(flights, flight);
        return;
    }
    shut(flights, flight);
    if (flight->state == FLIGHT_GATHERING)
        leave_gathering(flights, flight);
}

/* ---- its way ---- */

struct flight *flights_due(struct flights *flights, int64_t now_ms)
{
    struct flight *flight = TAILQ_FIRST(&flights->gathering);
    if (!flight || flight->due_ms > now_ms)
        return NULL;
    leave_gathering(flights, flight);
    return flight;
}

void flights_put_back(struct flights *flights, struct flight *flight, int64_t now_ms)
{
    flight->due_ms = now_ms;
    flights_set(flight, FLIGHT_GATHERING);
    TAILQ_INSERT_HEAD(&flights->gathering, flight, link);
    flights->gathering_count++;
}

int64_t flights_wait_ms(const struct flights *flights, int64_t now_ms)
{
    const struct flight *flight = TAILQ_FIRST(&flights->gathering);
    if (!flight)
        return -1;
    return flight->due_ms > now_ms ? flight->due_ms - now_ms : 0;
}

void flights_set(struct flight *flight, enum flight_state state)
{
    static const enum unit_state OF_UNITS[] = {UNIT_GATHERING, UNIT_GATHERING, UNIT_AT_GATE, UNIT_IN_FLIGHT};
    struct unit *unit;
    flight->state = state;
    TAILQ_FOREACH(unit, &flight->units, queue_link)
    {
        unit->state = OF_UNITS[state];
    }
}

void flights_depart(struct flights *flights, struct flight *flight, int64_t now_ms)
{
    struct unit *unit;
    shut(flights, flight);
    flights_set(flight, FLIGHT_FLYING);
    flight->users = flight->count;
    flight->sent_ms = now_ms;
    TAILQ_FOREACH(unit, &flight->units, queue_link)
    {
        struct call *call = unit_call(unit);
        call->attempts++;
        call->sent_ms = now_ms;
        call->users_in_call = flight->users;
    }
    TAILQ_INSERT_TAIL(&flights->flying, flight, link);
}

void flights_arrive(struct flights *flights, struct flight *flight)
{
    TAILQ_REMOVE(&flights->flying, flight, link);
    free(flight->text);
    flight->text = NULL;
}

void flights_reopen(struct flights *flights, struct flight *flight)
{
    if (flight->batch && !flight->is_open && flight->count < users_max(flights, flight))
        open_up(flights, flight);
}

void flights_release(struct flights *flights, struct flight *flight)
{
    shut(flights, flight);
    free(flight->text);
    if (flights->spare_count >= SPARE_MAX) {
        free(flight);
        return;
    }
    flight->next = flights->spare;
    flights->spare = flight;
    flights->spare_count++;
}
