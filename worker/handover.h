/* Rules on their way to a shard and back. Whoever loads them makes, and later frees, all that goes with them: so that
 * the shard only exchanges pointers between two records, whatever the number of rules.
 *
 * What always holds: the shard's thread allocates nothing, frees nothing and waits for nobody here. */
#ifndef WORKER_HANDOVER_H
#define WORKER_HANDOVER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <warden/ruleset.h>
#include <warden/scanner.h>

#include "worker/metrics.h"

/* A rule set with what a shard keeps for it. */
struct rules_parcel {
    struct wd_ruleset *rules;
    struct wd_scanner_memory *memory;
    struct rule_counters *counters;
    struct rules_parcel *next; /* among those that were given back */
};

struct handover {
    _Atomic(struct rules_parcel *) offered; /* NULL: nothing new */
    _Atomic(struct rules_parcel *) returned;
};

/* Any thread. The handover takes a reference of its own; of several offers only the last counts. Frees what the shard
 * has given back. False: no memory, and nothing was offered. */
bool handover_offer(struct handover *handover, struct wd_ruleset *rules);
/* Any thread but the shard's. Frees what the shard has given back. */
void handover_collect(struct handover *handover);
/* Once the shard's thread has ended. */
void handover_fini(struct handover *handover);

/* Whether there is something to take. */
bool handover_is_offered(const struct handover *handover);
/* The shard's thread, between two records: exchanges *rules, the scanner's memory and the counters for what was
 * offered. False: nothing was, or somebody reads the counters just now and the offer stands. */
bool handover_take(struct handover *handover, struct wd_ruleset **rules, struct wd_scanner *scanner,
                   struct metrics *metrics);

#endif
