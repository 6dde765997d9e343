/* One thread's way from a line to its tally. */
#ifndef WORKER_REPLAY_JUDGE_H
#define WORKER_REPLAY_JUDGE_H

#include <warden/behaviour.h>

#include "worker/replay/replay.h"

struct replay_judge {
    const struct replay_options *options;
    struct wd_decoder *decoder;
    struct wd_scanner *scanner, *scanner_before;
    struct wd_arena *arena;
    struct wd_value_table *values, *values_before; /* what each set remembers */
    struct tally tally;
    const int64_t *counterparts; /* rule of `against` with the id of a rule of `rules`; -1: none */
    uint64_t *hits_before;       /* by rule of `against`: number of the event in which it last matched */
    uint64_t *hits_now;          /* the same, as matched by the rule of `rules` with the same id */
    uint64_t event_number;
};

/* False: no memory; replay_judge_fini() all the same. */
bool replay_judge_init(struct replay_judge *judge, const struct replay_options *options, const int64_t *counterparts);
void replay_judge_fini(struct replay_judge *judge);
/* False: no memory. What is wrong with the record itself is counted. */
bool replay_judge_take(struct replay_judge *judge, const struct source_block *block, const struct source_item *item);

#endif
