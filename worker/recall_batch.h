/* The inside of recall.c, recall_order.c and recall_run.c, for the three only. */
#ifndef WORKER_RECALL_BATCH_H
#define WORKER_RECALL_BATCH_H

#include "worker/recall.h"
#include "worker/recall_values.h"
#include "worker/valves.h"

/* Where a batch is on its way. From STORING on it is the front. */
enum batch_stage {
    BATCH_GATHERING,
    BATCH_CLOSED,    /* to be recalled, from the beginning */
    BATCH_RECALLING, /* values are asked for */
    BATCH_RECALLED,  /* they are there: to be judged, or judged further */
    BATCH_JUDGED,    /* to be stored */
    BATCH_STORING,
    BATCH_COUNTING, /* for the valves */
    BATCH_FAILED,   /* the front: tried again by retry_timer */
    BATCH_DONE      /* acted on; its values are kept while one behind it may have recalled older ones */
};

struct batch {
    struct recalls *recalls;
    uint64_t number; /* in the order in which they are judged, stored and acted on; from 1 */
    enum batch_stage stage;
    struct wd_arena *arena, *verdicts;
    struct passage *passages;
    size_t count, passage_room;
    struct recall_values values;
    uint64_t asked_behind; /* the front when values were last asked for: what batches before it stored has been seen */
    int64_t asked_ns;
    bool is_fresh;       /* what was recalled last is not covered yet by what batches before this one hold */
    bool sent_back;      /* while RECALLING: what comes is not used, and it is recalled anew */
    size_t cursor;       /* the passage that is judged next */
    int64_t newest_ms;   /* event time */
    bool without_values; /* the store fails: by text alone */
    unsigned conflicts;  /* rounds that had some */
    struct valve_request valves;
};

enum { BATCHES_MAX = 4 };

/* Batches oldest to gathering exist, one of each number; batch n is batches[n % batch_count]. */
struct recalls {
    struct shard *shard;
    size_t batch_max;
    struct batch batches[BATCHES_MAX];
    size_t batch_count;
    uint64_t oldest;       /* those before the front are DONE and kept */
    uint64_t front;        /* the one that may be stored; the gathering one where none is on its way */
    uint64_t gathering;    /* the newest */
    struct batch *judging; /* while one is judged */
    bool advancing, moved; /* recalls_advance() */
    bool stopped;          /* answers are not listened to any more */
    bool close_wanted;     /* the gathering one follows as soon as there is another one to gather in */
    bool alone;            /* something has failed: none runs ahead until the front is answered */
    unsigned cautious;     /* so many more batches have none behind them run ahead, because values had changed */
    struct loop_timer *retry_timer;
    bool down;             /* the store fails */
    int64_t skip_until_ms; /* loop time */
    char problem[256];
};

/* recall_order.c: which batch may do what now. */

static inline struct batch *recalls_batch(struct recalls *recalls, uint64_t number)
{
    return &recalls->batches[number % recalls->batch_count];
}
/* Moves every batch as far as it may go; callbacks of the store end here. May be called from within itself. */
void recalls_advance(struct recalls *recalls);
/* Sets the stage, and lets recalls_advance() look again. */
void batch_set_stage(struct batch *batch, enum batch_stage stage);
bool batch_is_front(const struct batch *batch);
/* What those behind the front have recalled and judged is dropped: the values that it rested on will not be. */
void recalls_send_back(struct recalls *recalls);
/* Somebody else has changed what the front has used: it is judged again, and for a while none runs ahead of it. */
void recalls_note_conflicts(struct recalls *recalls);
/* The front is acted on. */
void recalls_note_done(struct recalls *recalls);

/* recall_run.c: the steps of a batch. */
void batch_recall(struct batch *batch);
void batch_judge(struct batch *batch);
void batch_store(struct batch *batch);

/* recall.c */
void batch_reset(struct batch *batch);
void batch_release(struct passage *passage); /* the passage's hold on its partition */
bool batch_may_skip(const struct recalls *recalls);

#endif
