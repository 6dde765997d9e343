/* Gates and who waits at them. Neighbours: retry.c is the gate itself, dispatch.c asks before every call. */
#include <stdlib.h>
#include <string.h>

#include "worker/dispatch/lines.h"

int64_t sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

bool is_platform_call(const struct call *call)
{
    return call->action.kind != WD_ACTION_NOTIFY;
}

void lines_init(struct gate_lines *lines, const struct dispatch_options *options, int64_t now_ms)
{
    *lines = (struct gate_lines){.options = options, .platform.group = "platform"};
    TAILQ_INIT(&lines->platform.waiting);
    struct gate_options token_only = options->gate;
    token_only.failure_ratio = 2; /* only a refusal opens it */
    token_only.rate_per_second = options->rate_per_second;
    token_only.burst = options->burst;
    gate_init(&lines->platform.gate, &token_only, now_ms);
}

static void free_waiting(struct gate_line *line)
{
    while (!TAILQ_EMPTY(&line->waiting)) {
        struct flight *flight = TAILQ_FIRST(&line->waiting);
        TAILQ_REMOVE(&line->waiting, flight, link);
        free(flight->text);
        free(flight);
    }
}

void lines_fini(struct gate_lines *lines)
{
    free_waiting(&lines->platform);
    while (lines->groups) {
        struct gate_line *line = lines->groups;
        lines->groups = line->next;
        free_waiting(line);
        free((char *)line->group);
        free(line);
    }
}

static struct gate_options options_of(const struct dispatch_options *options, const char *group)
{
    struct gate_options gate = options->gate;
    for (size_t i = 0; i < options->group_rate_count; i++)
        if (strcmp(options->group_rates[i].group, group) == 0) {
            gate.rate_per_second = options->group_rates[i].rate_per_second;
            gate.burst = options->burst;
        }
    return gate;
}

static struct gate_line *line_of(struct gate_lines *lines, const char *group, int64_t now_ms)
{
    for (struct gate_line *line = lines->groups; line; line = line->next)
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
    struct gate_options options = options_of(lines->options, group);
    gate_init(&line->gate, &options, now_ms);
    TAILQ_INIT(&line->waiting);
    line->next = lines->groups;
    lines->groups = line;
    return line;
}

/* ---- before a call ---- */

enum wd_status lines_ask(struct gate_lines *lines, const struct flight *flight, int64_t now_ms,
                         struct gate_line **closed_out)
{
    const struct call *call = flight_call(flight);
    struct gate_line *line = line_of(lines, call->request.group, now_ms);
    if (!line)
        return WD_ERR_MEMORY;
    *closed_out = NULL;
    if (is_platform_call(call) && gate_ask(&lines->platform.gate, now_ms) != 0)
        *closed_out = &lines->platform;
    else if (gate_ask(&line->gate, now_ms) != 0)
        *closed_out = line;
    return WD_OK;
}

void line_wait(struct gate_line *line, struct flight *flight, bool first)
{
    flights_set(flight, FLIGHT_AT_GATE);
    flight->line = line;
    if (first)
        TAILQ_INSERT_HEAD(&line->waiting, flight, link);
    else
        TAILQ_INSERT_TAIL(&line->waiting, flight, link);
}

void line_remove(struct gate_line *line, struct flight *flight)
{
    TAILQ_REMOVE(&line->waiting, flight, link);
}

struct flight *line_next(struct gate_line *line, int64_t now_ms)
{
    struct flight *flight = TAILQ_FIRST(&line->waiting);
    if (!flight || gate_ask(&line->gate, now_ms) != 0)
        return NULL;
    line_remove(line, flight);
    return flight;
}

void lines_enter(struct gate_lines *lines, struct flight *flight, int64_t now_ms)
{
    const struct call *call = flight_call(flight);
    flight->line = line_of(lines, call->request.group, now_ms);
    flight->line_generation = gate_enter(&flight->line->gate);
    if (is_platform_call(call))
        flight->platform_generation = gate_enter(&lines->platform.gate);
}

/* ---- after a call ---- */

static void report(struct gate_line *line, bool was_open, const struct outcome *outcome,
                   const struct dispatch_port *port)
{
    bool open = gate_is_open(&line->gate);
    if (open != was_open)
        port->gate_changed(port->context, line->group, open, outcome->class == OUTCOME_STOP, open ? outcome : NULL);
}

/* The platform gate knows only our own faults: it opens on a refusal and heals on any real answer. */
static void leave_platform(struct gate_line *line, uint32_t generation, const struct outcome *outcome,
                           const struct dispatch_port *port, int64_t now_ms)
{
    struct gate *gate = &line->gate;
    bool was_open = gate_is_open(gate), refused = outcome->class == OUTCOME_STOP;
    if (refused && gate->state != GATE_PROBING && !was_open)
        gate_trip(gate, now_ms);
    bool no_answer = outcome->class == OUTCOME_RETRY && outcome->http_status == 0;
    gate_leave(gate, generation, refused || (no_answer && gate->state != GATE_CLOSED_CIRCUIT), now_ms);
    report(line, was_open, outcome, port);
}

static void hold(const struct gate_lines *lines, struct gate *gate, const struct outcome *outcome, int64_t now_ms)
{
    int64_t wait = outcome->retry_after_ms >= 0 ? outcome->retry_after_ms : lines->options->backoff.base_ms;
    if (lines->options->max_hold_ms && wait > lines->options->max_hold_ms)
        wait = lines->options->max_hold_ms;
    gate_hold(gate, now_ms + wait);
}

void lines_leave(struct gate_lines *lines, struct flight *flight, const struct outcome *outcome,
                 const struct dispatch_port *port, int64_t now_ms)
{
    struct gate *gate = &flight->line->gate;
    bool is_platform = is_platform_call(flight_call(flight));
    bool was_open = gate_is_open(gate), own_fault = outcome->class == OUTCOME_STOP && !is_platform;
    if (outcome->throttled)
        hold(lines, gate, outcome, now_ms);
    if (own_fault && !was_open)
        gate_trip(gate, now_ms);
    bool failed = (outcome->class == OUTCOME_RETRY && !outcome->throttled) || own_fault;
    gate_leave(gate, flight->line_generation, failed, now_ms);
    report(flight->line, was_open, outcome, port);
    if (is_platform)
        leave_platform(&lines->platform, flight->platform_generation, outcome, port, now_ms);
}

/* ---- all of them ---- */

static int64_t wait_of(struct gate_line *line, int64_t now_ms)
{
    if (TAILQ_EMPTY(&line->waiting))
        return -1;
    int64_t wait = gate_ask(&line->gate, now_ms);
    return wait == GATE_ASK_AFTER_SETTLE ? -1 : wait;
}

int64_t lines_wait_ms(struct gate_lines *lines, int64_t now_ms)
{
    int64_t wait = wait_of(&lines->platform, now_ms);
    for (struct gate_line *line = lines->groups; line; line = line->next)
        wait = sooner(wait, wait_of(line, now_ms));
    return wait;
}

bool lines_are_busy(const struct gate_lines *lines)
{
    bool busy = !TAILQ_EMPTY(&lines->platform.waiting);
    for (const struct gate_line *line = lines->groups; line; line = line->next)
        busy |= !TAILQ_EMPTY(&line->waiting);
    return busy;
}

size_t lines_open_count(const struct gate_lines *lines)
{
    size_t open = gate_is_open(&lines->platform.gate);
    for (const struct gate_line *line = lines->groups; line; line = line->next)
        open += gate_is_open(&line->gate);
    return open;
}

static bool have_a_probe(const struct gate_lines *lines)
{
    bool probing = lines->platform.gate.state == GATE_PROBING;
    for (const struct gate_line *line = lines->groups; line; line = line->next)
        probing |= line->gate.state == GATE_PROBING;
    return probing || lines_are_busy(lines);
}

bool lines_are_shut(const struct gate_lines *lines)
{
    if (!have_a_probe(lines))
        return false;
    if (gate_is_open(&lines->platform.gate))
        return true;
    for (const struct gate_line *line = lines->groups; line; line = line->next)
        if (!gate_is_open(&line->gate))
            return false;
    return lines->groups != NULL;
}
