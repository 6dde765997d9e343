/* When to call and when to hold back. Pure: the time and the random numbers are arguments.
 *
 * Backoff: full jitter, delay = random(0, min(max, base * 2^attempt)) (Brooker, "Exponential Backoff And Jitter",
 * 2015). A gate stands before each group of endpoints: it closes for a stated time (Retry-After), opens as a circuit
 * breaker when too large a share of calls fails, lets one probe through, then ramps up slowly. */
#ifndef WORKER_RETRY_H
#define WORKER_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random_state {
    uint64_t s[2]; /* xoroshiro128+; not for secrets */
};
void random_seed(struct random_state *random, uint64_t seed);
uint64_t random_next(struct random_state *random);

struct backoff {
    int64_t base_ms, max_ms;
};
/* Delay before attempt number `attempt` + 1; attempt counts from 1. */
int64_t backoff_delay_ms(const struct backoff *backoff, unsigned attempt, struct random_state *random);

struct gate_options {
    int64_t window_ms;      /* failures are counted over this time */
    double failure_ratio;   /* opens when failures / calls reach it ... */
    uint32_t min_calls;     /* ... and there were at least so many calls */
    int64_t probe_ms;       /* time between probes while open */
    uint32_t ramp_to;       /* concurrency at which ramping up is over */
    double rate_per_second; /* token bucket; 0: no limit */
    double burst;           /* size of the bucket */
};

enum gate_state { GATE_CLOSED_CIRCUIT = 0, GATE_OPEN_CIRCUIT, GATE_PROBING, GATE_RAMPING };
const char *gate_state_name(enum gate_state state); /* "flowing", "open", "probing", "ramping" */

enum { GATE_BUCKETS = 10 };
struct gate {
    struct gate_options options;
    enum gate_state state;
    int64_t held_until_ms; /* Retry-After: nothing before */
    int64_t probe_at_ms;
    uint32_t in_flight, ramp;
    uint32_t generation; /* counts the openings and probes: an answer to an older call says nothing about now */
    double tokens;
    int64_t tokens_at_ms;
    struct {
        int64_t slot; /* which stretch of time this bucket counts */
        uint32_t calls, failures;
    } buckets[GATE_BUCKETS];
};

void gate_init(struct gate *gate, const struct gate_options *options, int64_t now_ms);

/* 0: go (gate_enter must follow at once). > 0: ask again after so many milliseconds. GATE_ASK_AFTER_SETTLE: ask again
 * when a call of this gate has ended. Moves an open circuit to probing when its time has come. */
enum { GATE_ASK_AFTER_SETTLE = -1 };
int64_t gate_ask(struct gate *gate, int64_t now_ms);
/* Returns the generation to leave with. */
uint32_t gate_enter(struct gate *gate);
/* Every entered call leaves once. `failed`: counts for the breaker. Returns true when this opened the circuit. */
bool gate_leave(struct gate *gate, uint32_t generation, bool failed, int64_t now_ms);
/* Nothing passes before `until_ms` (Retry-After); never shortens an earlier hold. */
void gate_hold(struct gate *gate, int64_t until_ms);
/* Opens the circuit at once: a fault of ours (token, permission) that probes must show to be healed. */
void gate_trip(struct gate *gate, int64_t now_ms);
/* True while the circuit is not closed: failures cost no attempts then. */
bool gate_is_open(const struct gate *gate);

#endif
