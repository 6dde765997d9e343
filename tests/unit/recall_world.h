/* Records for the tests of worker/recall*.c, what a slow model (all values in one table, record after record) makes of
 * them, and workers that judge them in batches over a store: parts of shards, without Kafka and platform.
 *
 * Everything that a record needs belongs to its author's partition, so whatever happens to workers and partitions, its
 * outcome and the values at the end must be the model's. */
#ifndef TESTS_UNIT_RECALL_WORLD_H
#define TESTS_UNIT_RECALL_WORLD_H

#include "tests/support/loose_shard.h"
#include "tests/support/redis_servers.h"

enum { WORLD_PARTITIONS = 4, WORLD_AUTHORS = 12, WORLD_REPORTERS = 3, OUTCOME_MAX = 400 };
#define WORLD_TOPIC "events"
#define WORLD_START_MS INT64_C(1767225600000)

struct world_record {
    int partition;
    int64_t offset, timestamp_ms;
    char *json;
    char expected[OUTCOME_MAX]; /* the model's */
    unsigned acted;             /* how often it came out of a worker */
    unsigned strange;           /* of these, with another outcome */
    unsigned without_state;
};

struct world {
    struct wd_ruleset *set;
    struct wd_scanner *scanner;
    struct wd_decoder *decoder;
    struct wd_arena *arena;
    struct wd_value_table *table;
    struct world_record *records;
    size_t count, room;
    int64_t ends[WORLD_PARTITIONS]; /* offsets */
    uint32_t *at[WORLD_PARTITIONS]; /* offset -> record */
    uint64_t random;
    char (*contents)[32]; /* of all messages, by number */
    struct state_share *share;
    struct state_options options;
    unsigned disorder; /* records that came out before an earlier one of their partition */
};

/* A partition as one worker had it: it is kept to the end, because batches may still refer to it. */
struct holding {
    struct partition partition;
    int64_t position, acted; /* next to take; the last that came out */
    struct holding *next;
};

struct world_worker {
    struct loose_shard loose;
    struct world *world;
    struct holding *held[WORLD_PARTITIONS]; /* NULL: not its */
    struct holding *all;
};

/* `servers` NULL: a store in memory. */
void world_init(struct world *world, const struct redis_servers *servers, const char *prefix, uint64_t seed,
                int64_t timeout_ms);
void world_fini(struct world *world);
uint32_t world_random(struct world *world, uint32_t below);

/* What of verdicts may not depend on when and how often they are made. */
void world_write_outcome(const struct wd_events *events, const struct wd_verdict *verdicts, char out[OUTCOME_MAX]);

/* A record of any kind about an author; with the model's outcome. */
void world_add(struct world *world);
/* A message of `author` with a text. */
void world_add_message(struct world *world, unsigned author, const char *text);
/* A report of, and a decision about, the last message of an author. */
void world_add_report(struct world *world, unsigned author, unsigned reporter);
void world_add_approval(struct world *world, unsigned author);

void world_worker_init(struct world_worker *worker, struct world *world, size_t batch, const char *on_failure);
/* As when it is killed, where something is under way. */
void world_worker_fini(struct world_worker *worker);
/* The partition is the worker's, from the first record on that nobody has finished, and `again` before it: whose end
 * was not committed. */
void world_worker_assign(struct world_worker *worker, int partition, unsigned again);
void world_worker_revoke(struct world_worker *worker, int partition);
/* Hands in the next record of a partition. False: no room, none left, or not its partition. */
bool world_worker_feed(struct world_worker *worker, int partition);
/* All records of its partitions, in the order in which they were made, as far as there is room; how many. */
size_t world_worker_feed_all(struct world_worker *worker);
void world_worker_turn(struct world_worker *worker, int max_wait_ms);
/* Turns the loop for a while, or until nothing waits. */
void world_worker_turn_for(struct world_worker *worker, long ms);
/* Until a metric has a value, which it must reach. */
void world_worker_turn_until(struct world_worker *worker, enum metric metric, uint64_t value);
void world_worker_run_to_end(struct world_worker *worker);
uint64_t world_worker_metric(const struct world_worker *worker, enum metric metric);

/* Values in the store get new versions, and stay what they are: to the worker somebody else has changed them. How many
 * there were. */
size_t world_disturb(struct world *world, unsigned one_in);
/* Every record came out with the model's outcome, in order within each ownership, and the store holds the model's
 * values. Fails the test otherwise. */
void world_check(struct world *world);

#endif
