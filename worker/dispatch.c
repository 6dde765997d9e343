/* Order per author, window, gates, retries. Neighbours: pipeline.c adds units and learns of their end; shard.c sends.
 *
 * A unit is in exactly one place: behind its author's earlier unit, in its partition's lane, at a gate, in the heap of
 * sleepers, or in flight. The first unit of an author is the only one that may leave the first of these. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/dispatch.h"

enum { AUTHOR_BUCKETS = 4096 };

struct author {
    struct author *next; /* in its bucket */
    uint64_t hash;
    struct unit_queue units;
    size_t id_len;
    char id[];
};

struct gate_line {
    const char *group;
    struct gate gate;
    struct unit_queue waiting;
    struct gate_line *next;
};

struct dispatch {
    struct dispatch_options options;
    struct dispatch_port port;
    struct random_state random;
    struct author *authors[AUTHOR_BUCKETS];
    struct partition_queue lanes;
    struct gate_line platform; /* every call but notifications goes through it: token, permission, overall rate */
    struct gate_line *lines;   /* one an endpoint group */
    struct unit **heap;        /* sleepers by due time */
    size_t heap_count, heap_room;
    size_t held; /* units added and not ended */
    size_t in_flight;
};

/* ---- authors ---- */

static uint64_t hash_id(struct wd_str id)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (unsigned char)id.data[i]) * 1099511628211u;
    return hash;
}

static struct author *author_get(struct dispatch *dispatch, struct wd_str id)
{
    uint64_t hash = hash_id(id);
    struct author **bucket = &dispatch->authors[hash % AUTHOR_BUCKETS];
    for (struct author *author = *bucket; author; author = author->next)
        if (author->hash == hash && wd_str_equal((struct wd_str){author->id, author->id_len}, id))
            return author;
    struct author *author = malloc(sizeof(*author) + id.len);
    if (!author)
        return NULL;
    *author = (struct author){.next = *bucket, .hash = hash, .id_len = id.len};
    TAILQ_INIT(&author->units);
    if (id.len)
        memcpy(author->id, id.data, id.len);
    *bucket = author;
    return author;
}

static void author_drop_if_idle(struct dispatch *dispatch, struct author *author)
{
    if (!TAILQ_EMPTY(&author->units))
        return;
    struct author **at = &dispatch->authors[author->hash % AUTHOR_BUCKETS];
    while (*at != author)
        at = &(*at)->next;
    *at = author->next;
    free(author);
}

/* ---- lanes: ready units by partition ---- */

static void lane_put(struct dispatch *dispatch, struct unit *unit, bool first)
{
    struct partition *partition = unit->work->partition;
    unit->state = UNIT_READY;
    if (first)
        TAILQ_INSERT_HEAD(&partition->lane, unit, queue_link);
    else
        TAILQ_INSERT_TAIL(&partition->lane, unit, queue_link);
    if (partition->in_lanes)
        return;
    partition->in_lanes = true;
    TAILQ_INSERT_TAIL(&dispatch->lanes, partition, lane_link);
}

static void lane_remove(struct dispatch *dispatch, struct unit *unit)
{
    struct partition *partition = unit->work->partition;
    TAILQ_REMOVE(&partition->lane, unit, queue_link);
    if (!TAILQ_EMPTY(&partition->lane))
        return;
    TAILQ_REMOVE(&dispatch->lanes, partition, lane_link);
    partition->in_lanes = false;
}

/* The first unit of the partition whose turn it is; the partition goes to the end of the round. */
static struct unit *lane_next(struct dispatch *dispatch)
{
    struct partition *partition = TAILQ_FIRST(&dispatch->lanes);
    if (!partition)
        return NULL;
    TAILQ_REMOVE(&dispatch->lanes, partition, lane_link);
    TAILQ_INSERT_TAIL(&dispatch->lanes, partition, lane_link);
    struct unit *unit = TAILQ_FIRST(&partition->lane);
    lane_remove(dispatch, unit);
    return unit;
}

/* ---- sleepers: a binary heap by due time ---- */

static void heap_place(struct dispatch *dispatch, size_t at, struct unit *unit)
{
    dispatch->heap[at] = unit;
    unit->heap_at = at;
}

static void heap_up(struct dispatch *dispatch, size_t at)
{
    struct unit *unit = dispatch->heap[at];
    while (at > 0 && dispatch->heap[(at - 1) / 2]->due_ms > unit->due_ms) {
        heap_place(dispatch, at, dispatch->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_place(dispatch, at, unit);
}

static void heap_down(struct dispatch *dispatch, size_t at)
{
    struct unit *unit = dispatch->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < dispatch->heap_count && dispatch->heap[child + 1]->due_ms < dispatch->heap[child]->due_ms)
            child++;
        if (child >= dispatch->heap_count || dispatch->heap[child]->due_ms >= unit->due_ms)
            break;
        heap_place(dispatch, at, dispatch->heap[child]);
        at = child;
    }
    heap_place(dispatch, at, unit);
}

/* dispatch_add() made sure of the room, so putting a unit to sleep cannot fail. */
static void heap_put(struct dispatch *dispatch, struct unit *unit, int64_t due_ms)
{
    assert(dispatch->heap_count < dispatch->heap_room);
    unit->state = UNIT_SLEEPING;
    unit->due_ms = due_ms;
    dispatch->heap_count++;
    heap_place(dispatch, dispatch->heap_count - 1, unit);
    heap_up(dispatch, dispatch->heap_count - 1);
}

static void heap_remove(struct dispatch *dispatch, struct unit *unit)
{
    size_t at = unit->heap_at;
    struct unit *last = dispatch->heap[--dispatch->heap_count];
    if (last == unit)
        return;
    heap_place(dispatch, at, last);
    heap_up(dispatch, at);
    heap_down(dispatch, last->heap_at);
}

static bool heap_reserve(struct dispatch *dispatch, size_t units)
{
    if (units <= dispatch->heap_room)
        return true;
    size_t room = dispatch->heap_room ? dispatch->heap_room * 2 : 256;
    struct unit **heap = realloc(dispatch->heap, room * sizeof(struct unit *));
    if (!heap)
        return false;
    dispatch->heap = heap;
    dispatch->heap_room = room;
    return true;
}

/* ---- gates ---- */

static struct gate_options line_options(const struct dispatch *dispatch, const char *group)
{
    struct gate_options options = dispatch->options.gate;
    for (size_t i = 0; i < dispatch->options.group_rate_count; i++)
        if (strcmp(dispatch->options.group_rates[i].group, group) == 0) {
            options.rate_per_second = dispatch->options.group_rates[i].rate_per_second;
            options.burst = dispatch->options.burst;
        }
    return options;
}

static struct gate_line *line_get(struct dispatch *dispatch, const char *group, int64_t now_ms)
{
    for (struct gate_line *line = dispatch->lines; line; line = line->next)
        if (strcmp(line->group, group) == 0)
            return line;
    struct gate_line *line = calloc(1, sizeof(*line));
    if (!line)
        return NULL;
    line->group = strdup(group);
    if (!line->group) {
        free(line);
        return NULL;
    }
    struct gate_options options = line_options(dispatch, group);
    gate_init(&line->gate, &options, now_ms);
    TAILQ_INIT(&line->waiting);
    line->next = dispatch->lines;
    dispatch->lines = line;
    return line;
}

/* Notification webhooks are other people's servers: the platform's token says nothing about them. */
static bool is_platform_call(const struct call *call)
{
    return call->action.kind != WD_ACTION_NOTIFY;
}

static void wait_at(struct gate_line *line, struct unit *unit, bool first)
{
    unit->state = UNIT_AT_GATE;
    unit->line = line;
    if (first)
        TAILQ_INSERT_HEAD(&line->waiting, unit, queue_link);
    else
        TAILQ_INSERT_TAIL(&line->waiting, unit, queue_link);
}

/* ---- ends ---- */

static void unit_end(struct dispatch *dispatch, struct unit *unit)
{
    struct author *author = unit->author;
    unit->state = UNIT_ENDED;
    dispatch->held--;
    TAILQ_REMOVE(&author->units, unit, author_link);
    struct unit *next = TAILQ_FIRST(&author->units);
    if (next && next->state == UNIT_BEHIND_AUTHOR)
        lane_put(dispatch, next, false);
    author_drop_if_idle(dispatch, author);
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
    unit->calls[unit->current].state = state;
    unit->current = next_pending(unit, unit->current + 1);
    if (unit->current < unit->call_count && !unit->orphan)
        lane_put(dispatch, unit, true);
    else
        unit_end(dispatch, unit);
}

/* ---- sending ---- */

enum sent { SENT, WAITS, NO_ROOM };

static enum sent try_send(struct dispatch *dispatch, struct unit *unit, int64_t now_ms)
{
    struct call *call = &unit->calls[unit->current];
    struct gate_line *line = line_get(dispatch, call->request.group, now_ms);
    if (!line) { /* no memory: try again a little later */
        heap_put(dispatch, unit, now_ms + 100);
        return WAITS;
    }
    if (is_platform_call(call) && gate_ask(&dispatch->platform.gate, now_ms) != 0) {
        wait_at(&dispatch->platform, unit, false);
        return WAITS;
    }
    if (gate_ask(&line->gate, now_ms) != 0) {
        wait_at(line, unit, false);
        return WAITS;
    }
    struct wd_error err = {0};
    enum wd_status status = dispatch->port.send(dispatch->port.context, unit, call, &err);
    if (status == WD_ERR_UNAVAILABLE) {
        lane_put(dispatch, unit, true);
        return NO_ROOM;
    }
    if (status != WD_OK) {
        call->outcome = (struct outcome){.class = OUTCOME_PERMANENT, .retry_after_ms = -1};
        snprintf(call->outcome.text, sizeof(call->outcome.text), "%.190s", err.text);
        call_end(dispatch, unit, CALL_FAILED);
        return SENT;
    }
    unit->state = UNIT_IN_FLIGHT;
    unit->line = line;
    unit->line_generation = gate_enter(&line->gate);
    if (is_platform_call(call))
        unit->platform_generation = gate_enter(&dispatch->platform.gate);
    call->attempts++;
    call->sent_ms = now_ms;
    dispatch->in_flight++;
    return SENT;
}

/* Lets through what waits at a gate, as far as it goes; returns false when the client has no room. */
static bool serve_line(struct dispatch *dispatch, struct gate_line *line, int64_t now_ms)
{
    while (dispatch->in_flight < dispatch->options.max_in_flight && !TAILQ_EMPTY(&line->waiting) &&
           gate_ask(&line->gate, now_ms) == 0) {
        struct unit *unit = TAILQ_FIRST(&line->waiting);
        TAILQ_REMOVE(&line->waiting, unit, queue_link);
        if (try_send(dispatch, unit, now_ms) == NO_ROOM)
            return false;
    }
    return true;
}

static int64_t sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static int64_t line_wait(struct gate_line *line, int64_t now_ms)
{
    if (TAILQ_EMPTY(&line->waiting))
        return -1;
    int64_t wait = gate_ask(&line->gate, now_ms);
    return wait == GATE_ASK_AFTER_SETTLE ? -1 : wait;
}

int64_t dispatch_run(struct dispatch *dispatch, int64_t now_ms)
{
    while (dispatch->heap_count && dispatch->heap[0]->due_ms <= now_ms) {
        struct unit *unit = dispatch->heap[0];
        heap_remove(dispatch, unit);
        lane_put(dispatch, unit, false);
    }
    bool room = serve_line(dispatch, &dispatch->platform, now_ms);
    for (struct gate_line *line = dispatch->lines; room && line; line = line->next)
        room = serve_line(dispatch, line, now_ms);
    while (room && dispatch->in_flight < dispatch->options.max_in_flight) {
        struct unit *unit = lane_next(dispatch);
        if (!unit)
            break;
        room = try_send(dispatch, unit, now_ms) != NO_ROOM;
    }
    int64_t wait = dispatch->heap_count ? dispatch->heap[0]->due_ms - now_ms : -1;
    if (dispatch->in_flight >= dispatch->options.max_in_flight)
        return wait;
    wait = sooner(wait, line_wait(&dispatch->platform, now_ms));
    for (struct gate_line *line = dispatch->lines; line; line = line->next)
        wait = sooner(wait, line_wait(line, now_ms));
    return wait;
}

/* ---- settling ---- */

static void report_gate(struct dispatch *dispatch, struct gate_line *line, bool was_open, const struct outcome *outcome)
{
    bool open = gate_is_open(&line->gate);
    if (open != was_open)
        dispatch->port.gate_changed(dispatch->port.context, line->group, open, outcome->class == OUTCOME_STOP,
                                    open ? outcome : NULL);
}

/* The platform gate knows only our own faults: it opens on a refusal and heals on any real answer. */
static void leave_platform(struct dispatch *dispatch, struct unit *unit, const struct outcome *outcome, int64_t now_ms)
{
    struct gate *gate = &dispatch->platform.gate;
    bool was_open = gate_is_open(gate), refused = outcome->class == OUTCOME_STOP;
    if (refused && gate->state != GATE_PROBING && !was_open)
        gate_trip(gate, now_ms);
    bool no_answer = outcome->class == OUTCOME_RETRY && outcome->http_status == 0;
    gate_leave(gate, unit->platform_generation, refused || (no_answer && gate->state != GATE_CLOSED_CIRCUIT), now_ms);
    report_gate(dispatch, &dispatch->platform, was_open, outcome);
}

static void leave_line(struct unit *unit, struct dispatch *dispatch, const struct outcome *outcome, int64_t now_ms)
{
    struct gate *gate = &unit->line->gate;
    bool was_open = gate_is_open(gate), own_fault = outcome->class == OUTCOME_STOP;
    if (outcome->throttled) {
        int64_t wait = outcome->retry_after_ms >= 0 ? outcome->retry_after_ms : dispatch->options.backoff.base_ms;
        if (dispatch->options.max_hold_ms && wait > dispatch->options.max_hold_ms)
            wait = dispatch->options.max_hold_ms;
        gate_hold(gate, now_ms + wait);
    }
    if (own_fault && !was_open && !is_platform_call(&unit->calls[unit->current]))
        gate_trip(gate, now_ms);
    bool failed = (outcome->class == OUTCOME_RETRY && !outcome->throttled) ||
                  (own_fault && !is_platform_call(&unit->calls[unit->current]));
    gate_leave(gate, unit->line_generation, failed, now_ms);
    report_gate(dispatch, unit->line, was_open, outcome);
}

static void retry_later(struct dispatch *dispatch, struct unit *unit, const struct outcome *outcome, int64_t now_ms)
{
    struct call *call = &unit->calls[unit->current];
    if (outcome->throttled || gate_is_open(&unit->line->gate)) {
        wait_at(unit->line, unit, true); /* costs no attempt */
        return;
    }
    call->failures++;
    if (call->failures >= dispatch->options.max_attempts)
        call_end(dispatch, unit, CALL_FAILED);
    else
        heap_put(dispatch, unit,
                 now_ms + backoff_delay_ms(&dispatch->options.backoff, call->failures, &dispatch->random));
}

void dispatch_settle(struct dispatch *dispatch, struct unit *unit, const struct outcome *outcome, int64_t now_ms)
{
    assert(unit->state == UNIT_IN_FLIGHT);
    struct call *call = &unit->calls[unit->current];
    dispatch->in_flight--;
    call->outcome = *outcome;
    call->ended_ms = now_ms;
    call->ambiguous += outcome->ambiguous;
    leave_line(unit, dispatch, outcome, now_ms);
    if (is_platform_call(call))
        leave_platform(dispatch, unit, outcome, now_ms);
    if (unit->orphan) {
        unit_end(dispatch, unit);
        return;
    }
    switch (outcome->class) {
    case OUTCOME_DONE:
    case OUTCOME_ALREADY:
        call_end(dispatch, unit, CALL_SUCCEEDED);
        break;
    case OUTCOME_PERMANENT:
        call_end(dispatch, unit, CALL_FAILED);
        break;
    case OUTCOME_STOP:
        wait_at(is_platform_call(call) ? &dispatch->platform : unit->line, unit, true);
        break;
    case OUTCOME_RETRY:
    case OUTCOME_CLASS_COUNT:
        retry_later(dispatch, unit, outcome, now_ms);
        break;
    }
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
    TAILQ_INIT(&dispatch->lanes);
    TAILQ_INIT(&dispatch->platform.waiting);
    dispatch->platform.group = "platform";
    struct gate_options token_only = options->gate;
    token_only.failure_ratio = 2; /* only a refusal opens it */
    token_only.rate_per_second = options->rate_per_second;
    token_only.burst = options->burst;
    gate_init(&dispatch->platform.gate, &token_only, now_ms);
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    for (size_t i = 0; i < AUTHOR_BUCKETS; i++)
        while (dispatch->authors[i]) {
            struct author *author = dispatch->authors[i];
            dispatch->authors[i] = author->next;
            free(author);
        }
    while (dispatch->lines) {
        struct gate_line *line = dispatch->lines;
        dispatch->lines = line->next;
        free((char *)line->group);
        free(line);
    }
    free(dispatch->heap);
    free(dispatch);
}

enum wd_status dispatch_add(struct dispatch *dispatch, struct unit *unit)
{
    /* every unit that is held may sleep at the same time */
    if (!heap_reserve(dispatch, dispatch->held + 1))
        return WD_ERR_MEMORY;
    struct author *author = author_get(dispatch, unit->author_id);
    if (!author)
        return WD_ERR_MEMORY;
    dispatch->held++;
    unit->author = author;
    unit->current = next_pending(unit, 0);
    assert(unit->current < unit->call_count);
    unit->orphan = false;
    bool first = TAILQ_EMPTY(&author->units);
    TAILQ_INSERT_TAIL(&author->units, unit, author_link);
    if (first)
        lane_put(dispatch, unit, false);
    else
        unit->state = UNIT_BEHIND_AUTHOR;
    return WD_OK;
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
        lane_remove(dispatch, unit);
        break;
    case UNIT_AT_GATE:
        TAILQ_REMOVE(&unit->line->waiting, unit, queue_link);
        break;
    case UNIT_SLEEPING:
        heap_remove(dispatch, unit);
        break;
    case UNIT_BEHIND_AUTHOR:
        break;
    }
    struct author *author = unit->author;
    TAILQ_REMOVE(&author->units, unit, author_link);
    struct unit *next = TAILQ_FIRST(&author->units);
    if (next && next->state == UNIT_BEHIND_AUTHOR)
        lane_put(dispatch, next, false);
    author_drop_if_idle(dispatch, author);
    unit->state = UNIT_ENDED;
    dispatch->held--;
    return true;
}

size_t dispatch_in_flight(const struct dispatch *dispatch)
{
    return dispatch->in_flight;
}

size_t dispatch_open_gates(const struct dispatch *dispatch)
{
    size_t open = gate_is_open(&dispatch->platform.gate);
    for (const struct gate_line *line = dispatch->lines; line; line = line->next)
        open += gate_is_open(&line->gate);
    return open;
}

bool dispatch_is_held(const struct dispatch *dispatch)
{
    bool held = !TAILQ_EMPTY(&dispatch->platform.waiting);
    for (const struct gate_line *line = dispatch->lines; line; line = line->next)
        held |= !TAILQ_EMPTY(&line->waiting);
    return held;
}

bool dispatch_is_shut(const struct dispatch *dispatch)
{
    if (gate_is_open(&dispatch->platform.gate))
        return true;
    for (const struct gate_line *line = dispatch->lines; line; line = line->next)
        if (!gate_is_open(&line->gate))
            return false;
    return dispatch->lines != NULL;
}

void dispatch_probe_platform(struct dispatch *dispatch, int64_t now_ms)
{
    if (dispatch->platform.gate.state == GATE_OPEN_CIRCUIT)
        dispatch->platform.gate.probe_at_ms = now_ms;
}
