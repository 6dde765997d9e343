/* A shard that has partitions, a store and a loop, and no broker: what it would commit is noted. Records are numbers;
 * each adds one to what its partition has in the store, once. */
#ifndef TESTS_UNIT_COMMITS_WORLD_H
#define TESTS_UNIT_COMMITS_WORLD_H

#include "worker/shard_parts.h"
#include "worker/state/state.h"

enum { SENT_MAX = 64 };

struct sent {
    bool waited; /* with consumer_commit_sync() */
    int32_t partition;
    int64_t offset;
    unsigned syncs; /* of the disk that had ended by then */
};

struct commits_world {
    struct shard shard;
    struct config config;
    struct state_share *share; /* NULL: nothing is remembered */
    struct sent sent[SENT_MAX];
    size_t sent_count;
    bool can_commit;
    enum wd_status refuses; /* what asynchronous commits come to when they are to be sent */
    void (*on_commit)(void *context, int64_t offset);
    void *context;
};

/* What a partition has in the store. */
struct commits_value {
    int64_t seen, sum; /* the last record; how many were added */
};

/* One world at a time. */
void commits_world_open(struct commits_world *world, enum state_kind kind);
void commits_world_close(struct commits_world *world);
void commits_assign(struct commits_world *world, int32_t partition, int64_t position);
void commits_revoke(struct commits_world *world, int32_t partition, bool lost);
/* Judges, stores and finishes the next `count` records from `first` on. */
void commits_take(struct commits_world *world, int32_t partition, int64_t first, int64_t count);
struct commits_value commits_value_of(struct state_store *store, int32_t partition);
/* The broker answers to the last commit that was sent without waiting. */
void commits_answer(struct commits_world *world, enum wd_status status);
void commits_turn_until_synced(struct commits_world *world);

#endif
