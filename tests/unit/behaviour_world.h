/* Random histories: events of several sources in any order, taken in batches by the cells and by the model at once,
 * with crashes in between. Neighbours: behaviour_model.h, behaviour_model_test.c. */
#ifndef TESTS_UNIT_BEHAVIOUR_WORLD_H
#define TESTS_UNIT_BEHAVIOUR_WORLD_H

#include "tests/unit/behaviour_model.h"

enum { AUTHORS = 4, PLACES = 2, BUCKET_VALUES = 64, VALUES = AUTHORS + PLACES + BUCKET_VALUES, SOURCES = 3 };
enum { EVENTS_MAX = 160, ROLES = 3 }; /* author, place, crowd */

/* A value as the cells have it and as the model has it. */
struct twin {
    struct wd_value value;
    struct model_value model;
    size_t batch; /* for which it was taken from the store */
};

struct history {
    uint64_t seed, random;
    struct event events[EVENTS_MAX];
    size_t event_count;
    struct {
        size_t events[EVENTS_MAX], count, next;
    } sources[SOURCES];
    char bucket_keys[BUCKET_VALUES][48];
    int buckets[EVENTS_MAX][WD_CROWD_BUCKETS]; /* of an event, as values */
    struct twin stored[VALUES], batch[VALUES];
    /* what an event was told when what it changed was stored; by role */
    bool is_told[EVENTS_MAX][ROLES], tells[EVENTS_MAX][ROLES];
    struct answer told[EVENTS_MAX][QUESTION_COUNT], telling[EVENTS_MAX][QUESTION_COUNT];
    int64_t newest_ms,
        prune_ms;   /* of all events; until when a store may prune: what is delivered again is not a day late */
    uint32_t asked; /* the questions of the present rule set */
    bool may_reload, may_prune;
    int crashes; /* that there were */
    size_t batch_max, batch_number;
    size_t repeated, answered_again; /* how often it came to that */
    char failure[200];               /* empty: none */
};

uint64_t draw(struct history *history, uint64_t below);
/* Makes the events of a seed. */
void history_init(struct history *history, uint64_t seed);
/* Delivers all of them; false: failure says what was different. */
bool history_run(struct history *history);
void history_fini(struct history *history);
/* A value for this batch: as the store has it where nobody has asked for it yet. */
struct twin *world_value(struct history *history, int value);
/* One event, upon the values of the batch. */
bool world_take(struct history *history, size_t event);

#endif
