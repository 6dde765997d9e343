/* Valves: how often an action may be carried out in a day, and how often somebody may be banned in a minute. What they
 * hold back goes from a verdict's `actions` to its `held`, is counted and logged, and stands in the decision record.
 *
 * Counts are the store's, so a group that shares one shares them. Days and minutes are the wall clock's: valves are
 * about what is done to people, not about when events happened. Neighbour: recall_run.c asks for a whole batch at
 * once. */
#ifndef WORKER_VALVES_H
#define WORKER_VALVES_H

#include "worker/passage.h"

enum { VALVE_TOTAL = WD_ACTION_KIND_COUNT, VALVE_BAN_RATE, VALVE_COUNT };

struct valve_request {
    int64_t limits[VALVE_COUNT];  /* -1: none */
    int64_t wanted[VALVE_COUNT];  /* actions of the batch */
    int64_t allowed[VALVE_COUNT]; /* of these, what is left to give */
    int64_t used[VALVE_COUNT];    /* and given */
    int64_t wall_ms;              /* when it was asked */
    size_t left;                  /* answers */
    enum wd_status status;
    void (*done)(void *context, enum wd_status status);
    void *context;
    struct valve_question {
        struct valve_request *request;
        int valve;
    } questions[VALVE_COUNT];
};

/* Any of them. */
bool valves_are_set(const struct config *config);

void valve_request_reset(struct valve_request *request);
void valve_request_add(struct valve_request *request, const struct config *config, const struct wd_verdict *verdict);
/* Counts what is wanted; `done` is called at once or later. */
void valves_ask(struct shard *shard, struct valve_request *request, int64_t wall_ms,
                void (*done)(void *context, enum wd_status status), void *context);
/* Takes the verdict's actions out of what is allowed; what is too many is held. False: no memory. */
bool valves_apply(struct valve_request *request, struct wd_arena *arena, struct shard *shard,
                  const struct kafka_record *record, struct wd_verdict *verdict);
/* After the last verdict: what was counted and is not done, because a valve is shut or a partition has left, is not
 * counted any more. */
void valves_give_back(struct shard *shard, struct valve_request *request);

#endif
