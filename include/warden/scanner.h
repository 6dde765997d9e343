/* Judges events by a rule set. A scanner belongs to one thread and holds its scratch memory (views, match data, JIT
 * stack); the rule set is given with each call, so that a reload is a change of one pointer. Pure: no clock, no I/O. */
#ifndef WARDEN_SCANNER_H
#define WARDEN_SCANNER_H

#include <warden/arena.h>
#include <warden/decode.h>
#include <warden/event.h>
#include <warden/ruleset.h>
#include <warden/verdict.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wd_scanner;

/* Monotonic nanoseconds; called often, so it should be cheap. */
typedef uint64_t wd_clock_fn(void *context);

enum wd_stage { WD_STAGE_WORKER = 0, WD_STAGE_PREHOOK };

struct wd_scanner_options {
    enum wd_stage stage;
    wd_clock_fn *clock; /* NULL: no time budget */
    /* Nanoseconds of processor time of the scanner's thread; asked for only where an event takes long, so it need not
     * be cheap. With it an event is ended by what was worked on it (at most the budget, at least half of it), not by
     * what its thread had to wait. NULL: `clock` is all. */
    wd_clock_fn *processor_clock;
    void *clock_context;      /* of both */
    uint64_t event_budget_ns; /* 0: no limit */
    /* A rule that takes longer than this for one text, WD_RULE_STRIKES times within a minute of the clock, is switched
     * off in its rule set, for all threads, for as long as the set lives: see wd_verdict.switched_off. 0: no limit. */
    uint64_t rule_budget_ns;
    /* Where each rule's cost is added up, by rule, for the one set that is scanned with; the caller's. NULL: nowhere.
     * Needs the clock. */
    struct wd_rule_cost *costs;
    /* Told the time of every try of a rule, as above, for one event in `sample_every` (0: for none). Needs the clock.
     */
    void (*tried)(void *context, uint32_t rule, uint64_t ns);
    void *tried_context;
    uint32_t sample_every;
    /* A rule that matches more than this share of the last WD_SHARE_EVENTS events that it is about goes into shadow,
     * for all threads, until wd_ruleset_reset_valves(): see wd_verdict.alarmed. A rule may state its own
     * expected_share. 0: off. */
    double rule_share;
    uint32_t rule_share_min_events; /* judged before a share means something; 0: half of WD_SHARE_EVENTS */
};

enum { WD_SHARE_EVENTS = 2000 };

enum { WD_RULE_STRIKES = 20 };

/* What a rule cost after the index had let it through. Expressions that several rules share count a part for each. */
struct wd_rule_cost {
    uint64_t tries; /* texts on which one of its expressions was tried, and events for which it was judged */
    uint64_t ns;
};

struct wd_scanner *wd_scanner_new(const struct wd_scanner_options *options);
void wd_scanner_free(struct wd_scanner *scanner);

/* What a scanner keeps for one rule set, which it makes by itself with the first event for that set. A program that
 * must not stop for it makes it in another thread, hands it over with the set, and gets back what the old set had. */
struct wd_scanner_memory;
struct wd_scanner_memory *wd_scanner_memory_new(const struct wd_ruleset *set); /* NULL: no memory */
void wd_scanner_memory_free(struct wd_scanner_memory *memory);
/* The scanner takes `memory` and gives what it had, which may be NULL, to the caller. */
struct wd_scanner_memory *wd_scanner_exchange_memory(struct wd_scanner *scanner, struct wd_scanner_memory *memory);

/* Fills *verdict_out from `event`; everything it points to is in `arena`, the rule set or the event.
 * `now_ms` is when the event happened: wd_event_time_ms() of <warden/behaviour.h>.
 * WD_ERR_TOO_LARGE where the arena's cap is passed; WD_ERR_MEMORY. */
enum wd_status wd_scan(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                       const struct wd_event *event, int64_t now_ms, struct wd_verdict *verdict_out,
                       struct wd_error *err) WD_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
