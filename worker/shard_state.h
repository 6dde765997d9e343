/* The inside of a shard, for shard.c and pipeline.c only. */
#ifndef WORKER_SHARD_STATE_H
#define WORKER_SHARD_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <warden/arena.h>
#include <warden/decode.h>
#include <warden/scanner.h>

#include "worker/dispatch/dispatch.h"
#include "worker/doze.h"
#include "worker/handover.h"
#include "worker/kafka/consumer.h"
#include "worker/kafka/producer.h"
#include "worker/loop.h"
#include "worker/platform/client.h"
#include "worker/shard.h"
#include "worker/work.h"

struct commit;
struct recalls;
struct state_store;

struct shard {
    struct shard_options options;
    const struct config *config;
    char name[64]; /* for logs and decision records */
    pthread_t thread;
    bool started;

    struct loop *loop;
    struct consumer *consumer;
    struct producer *producer;
    struct client *client;
    struct dispatch *dispatch;
    struct metrics *metrics;
    struct wd_decoder *decoder;
    struct wd_scanner *scanner;
    struct wd_arena *scratch; /* of the record that is being evaluated */
    struct wd_ruleset *rules;
    struct state_store *state; /* NULL: nothing is remembered */
    struct recalls *recalls;   /* NULL as well */
    bool recalling;            /* records go through it: the rules remember, or valves are set */
    struct handover handover;  /* of the next ones, from another thread; taken between two turns of the loop */

    struct partition_queue partitions;
    struct partition_queue gone; /* went away while calls of their works were on the way */
    uint64_t epoch;
    struct work_queue waiting; /* works whose delivery failed and is tried again */
    size_t held_works, held_bytes;
    struct wd_arena *spare_arenas[64];
    size_t spare_count;

    struct loop_timer *poll_timer, *commit_timer, *dispatch_timer, *token_timer, *watch_timer;
    struct doze doze;
    bool listening;       /* the consumer's event fd is watched */
    bool in_revoke;       /* the consumer's revoke callback is on the stack: do not poll it again */
    bool commit_pending;  /* an asynchronous commit is under way */
    bool syncing;         /* the state that a commit rests on is on its way to the disk */
    struct commit *begun; /* which goes when it is there; NULL: none, or it was dropped */
    int64_t syncing_since_ns;
    bool slow_sync_told;
    bool commit_hurries;   /* an action's record is finished, and no commit that tells of it has begun */
    bool paused;           /* all partitions are paused */
    int64_t full_since_ms; /* the window has been full since; -1: it is not */
    int64_t
        uncommitted_since_ms;  /* something has been finished since and no commit acknowledged; -1: all is committed */
    uint64_t token_generation; /* the token that calls use */
    struct dispatch_rate *group_rates;
    struct kafka_property *properties; /* as the Kafka room wants them; names and values are the config's */
    bool draining;
    int64_t drain_until_ms; /* while draining */
    bool gave_up;           /* ends by itself, but in order */
    bool failed;            /* something that only a restart can mend */
    int64_t dead_letter_window_ms;
    uint32_t dead_letters_in_window;

    atomic_bool stop_asked, ended, ready, clean;
    bool partitions_counted;
    atomic_int_least64_t topic_partitions; /* of the topics of which it has some */
    atomic_bool recalls_locally;           /* records are judged by what only this process remembers */
    atomic_bool state_fails;               /* and nothing new is taken */
    atomic_int_least64_t turned_ms;
};

/* pipeline.c */

/* Takes a record through the steps, as far as it goes without waiting. */
void pipeline_take(struct shard *shard, const struct kafka_record *record);
/* Goes on with a work whose wait is over. */
void pipeline_resume(struct shard *shard, struct work *work);
/* Forgets a work without finishing its offset (its partition went away). */
void pipeline_forget(struct shard *shard, struct work *work);
/* Tries failed deliveries again whose time has come. */
void pipeline_retry_deliveries(struct shard *shard);

/* membership.c */
struct partition *shard_partition(struct shard *shard, const char *topic, int32_t number);
/* Frees a partition that went away once its last work has gone. */
void shard_partition_release(struct shard *shard, struct partition *partition);
/* shard.c */
int64_t wall_clock_ms(void);

#endif
