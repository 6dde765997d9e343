/* Backoff and circuit breaker. Neighbours: dispatch/lines.c asks before every call and reports after it. */
#include <string.h>

#include "worker/retry.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void random_seed(struct random_state *random, uint64_t seed)
{
    random->s[0] = splitmix(&seed);
    random->s[1] = splitmix(&seed);
}

/* xoroshiro128+ 1.0 (Blackman, Vigna). */
uint64_t random_next(struct random_state *random)
{
    uint64_t a = random->s[0], b = random->s[1], result = a + b;
    b ^= a;
    random->s[0] = (a << 24 | a >> 40) ^ b ^ (b << 16);
    random->s[1] = b << 37 | b >> 27;
    return result;
}

int64_t backoff_delay_ms(const struct backoff *backoff, unsigned attempt, struct random_state *random)
{
    int64_t ceiling = backoff->max_ms;
    unsigned doublings = attempt ? attempt - 1 : 0;
    if (doublings < 40 && backoff->base_ms << doublings < ceiling && backoff->base_ms < (int64_t)1 << 20)
        ceiling = backoff->base_ms << doublings;
    if (ceiling <= 0)
        return 0;
    return (int64_t)(random_next(random) % ((uint64_t)ceiling + 1));
}

const char *gate_state_name(enum gate_state state)
{
    static const char *const NAMES[] = {"flowing", "open", "probing", "ramping"};
    return NAMES[state];
}

void gate_init(struct gate *gate, const struct gate_options *options, int64_t now_ms)
{
    *gate = (struct gate){.options = *options, .tokens = options->burst, .tokens_at_ms = now_ms};
}

/* ---- token bucket ---- */

static void refill(struct gate *gate, int64_t now_ms)
{
    double gained = (double)(now_ms - gate->tokens_at_ms) * gate->options.rate_per_second / 1000;
    gate->tokens_at_ms = now_ms;
    gate->tokens = gate->tokens + gained < gate->options.burst ? gate->tokens + gained : gate->options.burst;
}

static int64_t wait_for_token(struct gate *gate, int64_t now_ms)
{
    if (gate->options.rate_per_second <= 0)
        return 0;
    refill(gate, now_ms);
    if (gate->tokens >= 1)
        return 0;
    return 1 + (int64_t)((1 - gate->tokens) * 1000 / gate->options.rate_per_second);
}

/* ---- failure window ---- */

static int64_t slot_of(const struct gate *gate, int64_t now_ms)
{
    int64_t width = gate->options.window_ms / GATE_BUCKETS;
    return now_ms / (width > 0 ? width : 1);
}

static void count_call(struct gate *gate, bool failed, int64_t now_ms)
{
    int64_t slot = slot_of(gate, now_ms);
    size_t at = (size_t)((uint64_t)slot % GATE_BUCKETS);
    if (gate->buckets[at].slot != slot) {
        gate->buckets[at].slot = slot;
        gate->buckets[at].calls = gate->buckets[at].failures = 0;
    }
    gate->buckets[at].calls++;
    gate->buckets[at].failures += failed;
}

static bool too_many_failures(const struct gate *gate, int64_t now_ms)
{
    int64_t slot = slot_of(gate, now_ms);
    uint64_t calls = 0, failures = 0;
    for (size_t i = 0; i < GATE_BUCKETS; i++) {
        if (gate->buckets[i].slot <= slot - GATE_BUCKETS)
            continue;
        calls += gate->buckets[i].calls;
        failures += gate->buckets[i].failures;
    }
    return calls >= gate->options.min_calls && (double)failures >= gate->options.failure_ratio * (double)calls &&
           failures > 0;
}

/* ---- states ---- */

int64_t gate_ask(struct gate *gate, int64_t now_ms)
{
    if (now_ms < gate->held_until_ms)
        return gate->held_until_ms - now_ms;
    if (gate->state == GATE_OPEN_CIRCUIT && now_ms < gate->probe_at_ms)
        return gate->probe_at_ms - now_ms;
    if (gate->state == GATE_PROBING)
        return GATE_ASK_AFTER_SETTLE;
    if (gate->state == GATE_RAMPING && gate->in_flight >= gate->ramp)
        return GATE_ASK_AFTER_SETTLE;
    return wait_for_token(gate, now_ms);
}

uint32_t gate_enter(struct gate *gate)
{
    gate->in_flight++;
    if (gate->options.rate_per_second > 0)
        gate->tokens -= 1;
    if (gate->state == GATE_OPEN_CIRCUIT) {
        gate->state = GATE_PROBING;
        gate->generation++;
    }
    return gate->generation;
}

void gate_trip(struct gate *gate, int64_t now_ms)
{
    gate->state = GATE_OPEN_CIRCUIT;
    gate->generation++;
    gate->probe_at_ms = now_ms + gate->options.probe_ms;
    memset(gate->buckets, 0, sizeof(gate->buckets));
}

static void step_up(struct gate *gate)
{
    if (gate->state == GATE_PROBING) {
        gate->state = GATE_RAMPING;
        gate->ramp = 1;
    }
    gate->ramp++;
    if (gate->ramp >= gate->options.ramp_to)
        gate->state = GATE_CLOSED_CIRCUIT;
}

bool gate_leave(struct gate *gate, uint32_t generation, bool failed, int64_t now_ms)
{
    gate->in_flight--;
    if (generation != gate->generation)
        return false;
    switch (gate->state) {
    case GATE_OPEN_CIRCUIT:
        return false;
    case GATE_PROBING:
    case GATE_RAMPING:
        if (failed)
            gate_trip(gate, now_ms);
        else
            step_up(gate);
        return failed;
    case GATE_CLOSED_CIRCUIT:
        break;
    }
    count_call(gate, failed, now_ms);
    if (!too_many_failures(gate, now_ms))
        return false;
    gate_trip(gate, now_ms);
    return true;
}

void gate_hold(struct gate *gate, int64_t until_ms)
{
    if (until_ms > gate->held_until_ms)
        gate->held_until_ms = until_ms;
    if (gate->state == GATE_PROBING) { /* a throttled probe says nothing about health: probe again afterwards */
        gate->state = GATE_OPEN_CIRCUIT;
        gate->generation++;
        gate->probe_at_ms = until_ms;
    }
}

bool gate_is_open(const struct gate *gate)
{
    return gate->state == GATE_OPEN_CIRCUIT || gate->state == GATE_PROBING;
}
