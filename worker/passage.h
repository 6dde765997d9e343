/* A record on its way through the steps of pipeline.c, until what is to be done is kept as a work. For the pipeline's
 * own files: pipeline.c has the steps, recall.c gathers passages that wait for values, valves.c holds actions back. */
#ifndef WORKER_PASSAGE_H
#define WORKER_PASSAGE_H

#include <warden/behaviour.h>

#include "worker/shard_state.h"

/* What an event needs of what is remembered. */
struct recalled_event {
    bool wanted;
    bool counted;       /* its metrics are: it may be judged more than once */
    int64_t now_ms;     /* event time */
    size_t first_count; /* keys that it needed at first: what came back may name more */
    struct wd_recall recall;
    uint32_t *slots; /* of the batch (recall.c), one a key */
    size_t slot_room;
    struct wd_value **values; /* while it is judged */
};

/* `record`, `events` and `verdicts` are there only until the work is kept. */
struct passage {
    struct shard *shard;
    const struct kafka_record *record;
    struct partition *partition;
    uint64_t ticket;
    struct wd_arena *arena; /* of the events */
    struct wd_events events;
    size_t decoded;              /* events, of which those before the first that cannot be judged count */
    struct wd_verdict *verdicts; /* one an event */
    const char *failure_class;   /* the record can not be judged: why, for people in failure_text */
    const char *failure_text;
    struct work *work;
    struct recalled_event *recalled; /* one an event, of a passage that waits in a batch; else NULL */
};

/* judging.c */

/* Notes that the record cannot be judged; what was judged of it is still acted on. */
void passage_fail(struct passage *passage, const char *class, const char *why);
/* Fills the verdicts, without side effects but metrics and log. */
void passage_judge(struct passage *passage);

/* pipeline.c */

/* Judges a passage that waited for its values. May be called again: the last time counts. */
void pipeline_judge(struct passage *passage);
/* Goes on with one that waited for its values to be stored. */
void pipeline_act(struct passage *passage);

#endif
