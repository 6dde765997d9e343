/* A record with something to do: what is kept of it until its last action is settled and its offset is finished.
 *
 * A record becomes one unit for each of its content objects that calls for actions; a unit's calls are carried out one
 * after the other, in the planned order. Everything lives in the work's arena. */
#ifndef WORKER_WORK_H
#define WORKER_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <warden/arena.h>
#include <warden/verdict.h>

#include "worker/kafka/consumer.h"
#include "worker/offsets.h"
#include "worker/outcome.h"
#include "worker/platform/table.h"
#include "worker/stall.h"

struct author;
struct decision;
struct flight;
struct shard;
struct unit;
struct work;

TAILQ_HEAD(unit_queue, unit);
TAILQ_HEAD(work_queue, work);

/* One assigned partition. It outlives its assignment while calls of its works are still on the way: then `gone` is
 * true, and whatever ends touches neither its offsets nor the commit. */
struct partition {
    char *topic;
    int32_t number;
    uint64_t epoch; /* of the assignment that gave it to us */
    bool gone;
    bool leaving; /* is being given back: nothing of it is begun any more */
    bool paused;
    size_t recalling; /* of its records, in batches (recall.c) */
    struct offsets *offsets;
    uint64_t committed_version; /* offsets_version at the last acknowledged commit */
    uint64_t asked_version;     /* ... at the last commit asked for */
    struct work_queue works;
    struct unit_queue lane;           /* units that are ready to call (dispatch/lanes.c) */
    TAILQ_ENTRY(partition) lane_link; /* among partitions with ready units */
    bool in_lanes;
    TAILQ_ENTRY(partition) link;
    struct stall stall; /* watchdog.c */
};
TAILQ_HEAD(partition_queue, partition);

enum call_state { CALL_PENDING = 0, CALL_SUCCEEDED, CALL_FAILED };

struct call {
    struct wd_action action;
    struct platform_call request;
    const char *idempotency_key;
    enum call_state state;
    struct outcome outcome;    /* of the last attempt */
    unsigned attempts;         /* calls that were sent */
    unsigned failures;         /* attempts that count against the limit */
    size_t users_in_call;      /* of the last attempt: how many authors shared the call */
    bool alone;                /* shares no call any more */
    unsigned ambiguous;        /* attempts that may have been carried out without an answer */
    int64_t sent_ms, ended_ms; /* loop time of the last attempt */
};

enum unit_state {
    UNIT_BEHIND_AUTHOR = 0, /* an earlier unit of its author has not ended */
    UNIT_READY,
    UNIT_GATHERING, /* waits a moment for others to share its call */
    UNIT_AT_GATE,
    UNIT_SLEEPING,
    UNIT_IN_FLIGHT,
    UNIT_ENDED
};

/* Something that is written to Kafka for a work (deliver.c). */
struct delivery {
    struct work *work;
    const char *topic;
};

struct unit {
    struct work *work;
    uint32_t index; /* which object of the record */
    struct wd_str author_id;
    struct call *calls;
    size_t call_count, current;
    struct decision *decision;
    struct delivery report;

    /* dispatch/ only */
    enum unit_state state;
    bool orphan; /* its partition went away while a call was on the way */
    struct author *author;
    TAILQ_ENTRY(unit) author_link;
    TAILQ_ENTRY(unit) queue_link; /* in a lane or aboard a flight */
    struct flight *flight;        /* while gathering, at a gate or in flight */
    int64_t due_ms;
    size_t heap_at;
};

struct work {
    struct shard *shard;
    struct partition *partition;
    uint64_t ticket;
    int64_t offset, timestamp_ms;
    int64_t taken_ms; /* loop time */
    struct wd_arena *arena;
    struct wd_str key, value;
    struct kafka_header *headers;
    size_t header_count;
    struct unit *units;
    size_t unit_count, units_left;
    const char *failure; /* why it becomes a dead letter; NULL: it does not */
    const char *failure_class;
    size_t reports_left; /* deliveries that are awaited in the current step */
    size_t reports_failed;
    struct delivery letter;
    bool omit_value; /* the dead-letter topic refuses the record itself */
    int step;
    int64_t due_ms; /* when a failed delivery is tried again */
    size_t bytes;   /* counted against worker.max_held_bytes */
    TAILQ_ENTRY(work) partition_link;
    TAILQ_ENTRY(work) waiting_link;
    bool waiting;
    bool abandoned; /* its partition is leaving and some of its calls were taken back: it must not finish */
};

#endif
