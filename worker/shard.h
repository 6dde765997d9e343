/* A shard: one thread and one consumer-group member, with everything it needs to take records from its partitions
 * through the pipeline. Shards share only the rule set, the action table and the token. */
#ifndef WORKER_SHARD_H
#define WORKER_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/ruleset.h>
#include <warden/status.h>

#include "worker/config.h"
#include "worker/metrics.h"
#include "worker/platform/table.h"
#include "worker/platform/token.h"

struct shard;
struct state_share;

struct shard_options {
    const struct config *config;
    const struct action_table *table;
    struct token *token;
    struct state_share *state; /* NULL: nothing is remembered */
    struct wd_ruleset *rules;  /* the shard takes a reference of its own */
    unsigned number;           /* 0-based */
    unsigned count;
    void (*on_end)(void *context); /* from the shard's thread, when it has ended by itself */
    void *context;
};

/* Makes the consumer, the producer and the client, so that mistakes in the configuration show here. */
struct shard *shard_new(const struct shard_options *options, struct wd_error *err);
enum wd_status shard_start(struct shard *shard, struct wd_error *err);

/* Thread-safe. Asks it to drain and end: nothing new is taken, what is under way is finished within the drain time,
 * finished offsets are committed, the group is left. */
void shard_stop(struct shard *shard);
/* Thread-safe. Offers rules to be used from the next turn of the loop on, between two records; of several offers only
 * the last counts. The shard takes a reference of its own. False: no memory, the old ones stay. */
bool shard_offer_rules(struct shard *shard, struct wd_ruleset *rules);
/* Any thread but the shard's: frees the rules that the shard no longer needs. It never does that itself. */
void shard_collect_rules(struct shard *shard);
/* Waits for the thread to end; true when it ended cleanly with everything drained. */
bool shard_join(struct shard *shard);
void shard_free(struct shard *shard);

/* Thread-safe readings. */
const struct metrics *shard_metrics(const struct shard *shard);
bool shard_is_ready(const struct shard *shard);      /* member of the group, rules loaded */
int64_t shard_silence_ms(const struct shard *shard); /* since the loop last turned */
bool shard_has_ended(const struct shard *shard);
/* What it remembers is this process's alone: how many partitions its topics have, its own included; else 0. */
int64_t shard_topic_partitions(const struct shard *shard);
bool shard_state_fails(const struct shard *shard); /* the state store does, and nothing new is taken */

#endif
