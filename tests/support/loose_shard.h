/* The part of a shard that recalls, judges and stores (worker/recall*.c, judging.c, valves.c) without Kafka and without
 * a platform: records are handed in, and what would be planned for them is told. For bench/state and the tests of
 * recall.c; who uses it compiles loose_shard.c with those files. */
#ifndef TESTS_SUPPORT_LOOSE_SHARD_H
#define TESTS_SUPPORT_LOOSE_SHARD_H

#include "worker/passage.h"
#include "worker/recall.h"
#include "worker/state/state.h"

struct loose_shard {
    struct shard shard; /* loop, state, recalls, metrics, rules, scanner and decoder are set */
    struct config config;
    /* A passage that is stored, with its verdicts; NULL: nobody is told. */
    void (*on_act)(void *context, const struct passage *passage);
    void *context;
};

/* What differs from an empty configuration is set in `config` before (state.batch, valves, ...). Ends the process where
 * something cannot be had. */
void loose_shard_init(struct loose_shard *loose, struct state_share *share, struct wd_ruleset *rules);
void loose_shard_fini(struct loose_shard *loose);
/* Takes a record's passage that has one of `loose`'s arenas; see pipeline.c's steps up to `recall`. `change` may change
 * the events that were decoded; NULL. False: no events, or it could not be decoded. */
bool loose_shard_take(struct loose_shard *loose, struct partition *partition, const struct kafka_record *record,
                      void (*change)(void *context, struct wd_arena *arena, struct wd_events *events), void *context);

#endif
