/* The inside of recall.c and recall_run.c, for the two only. */
#ifndef WORKER_RECALL_BATCH_H
#define WORKER_RECALL_BATCH_H

#include "worker/recall.h"
#include "worker/recall_values.h"
#include "worker/valves.h"

struct batch {
    struct recalls *recalls;
    struct wd_arena *arena, *verdicts;
    struct passage *passages;
    size_t count;
    struct recall_values values;
    size_t cursor;       /* the passage that is judged next */
    int64_t newest_ms;   /* event time */
    bool without_values; /* the store fails: by text alone */
    unsigned conflicts;  /* rounds that had some */
    struct valve_request valves;
};

struct recalls {
    struct shard *shard;
    size_t batch_max;
    struct batch batches[2];
    struct batch *gathering; /* one of the two */
    struct batch *active;    /* the other one, where it is on its way */
    bool stopped;            /* answers are not listened to any more */
    bool close_wanted;       /* the gathered one follows the active one at once */
    struct loop_timer *retry_timer;
    bool down;             /* the store fails */
    int64_t skip_until_ms; /* loop time */
    int64_t asked_ns;
    char problem[256];
};

/* recall_run.c: the way of a batch that is closed, until its records are acted on. */
void batch_start(struct batch *batch);
/* recall.c */
void batch_reset(struct batch *batch);
void batch_release(struct passage *passage); /* the passage's hold on its partition */
bool batch_may_skip(const struct recalls *recalls);

#endif
