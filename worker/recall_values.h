/* The values of a batch by key: each key once, whatever number of events needs it. Where the batch runs ahead, what the
 * batches before it hold is laid over what was recalled. Neighbours: recall.c, recall_order.c. */
#ifndef WORKER_RECALL_VALUES_H
#define WORKER_RECALL_VALUES_H

#include "worker/passage.h"
#include "worker/state/state.h"

struct recall_slot {
    struct wd_str key; /* in the batch's arena */
    struct wd_value value;
    uint64_t version, hash;
    uint64_t covered_by; /* the batch whose value this was at first; 0: the store's */
    uint32_t covered_slot;
    bool is_there; /* recalled */
    bool is_held;  /* this batch has changed it: those behind must not use what they recalled before it was stored */
};

struct recall_values {
    struct recall_slot *slots; /* their values' memory is kept from batch to batch */
    size_t count, room;
    uint32_t *index; /* hash table of slot + 1 */
    size_t index_size;
    uint64_t seed; /* the same for all batches of a thread */
    size_t covered;
    struct state_item *items; /* what the store is asked, and which slot each item is */
    uint32_t *item_slots;
    size_t item_count, item_room;
};

bool recall_values_init(struct recall_values *values, uint64_t seed); /* false: no memory */
void recall_values_fini(struct recall_values *values);
/* Forgets all keys. */
void recall_values_reset(struct recall_values *values);
/* Forgets what was recalled, not the keys. */
void recall_values_forget(struct recall_values *values);

/* Gives every key of the event a slot. False: no memory. */
bool recall_values_take(struct recall_values *values, struct wd_arena *arena, struct recalled_event *event);
/* The values of the event, in the order of its keys. NULL: no memory. Valid until a slot is added. */
struct wd_value **recall_values_of(struct recall_values *values, struct wd_arena *arena,
                                   const struct recalled_event *event);

/* Fills `items` with what is not there; how many. Then recall_values_note_got(). */
size_t recall_values_missing(struct recall_values *values);
void recall_values_note_got(struct recall_values *values);
/* Fills `items` with what has changed; how many. Then recall_values_note_stored(): how many were conflicts, which are
 * missing from then on. */
size_t recall_values_changed(struct recall_values *values);
size_t recall_values_note_stored(struct recall_values *values);

/* Judging is over: what has changed is held. */
void recall_values_hold(struct recall_values *values);
/* After recall_values_note_got(): takes what `earlier`, batch `number`, holds in place of what was got; from the newest
 * of the batches before this one to the oldest. False: no memory. */
bool recall_values_cover(struct recall_values *values, const struct recall_values *earlier, uint64_t number);
/* When `earlier` is stored: what was taken from it has its versions from then on. */
void recall_values_settle(struct recall_values *values, const struct recall_values *earlier, uint64_t number);

#endif
