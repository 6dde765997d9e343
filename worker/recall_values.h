/* The values of a batch by key: each key once, whatever number of events needs it. Neighbour: recall.c. */
#ifndef WORKER_RECALL_VALUES_H
#define WORKER_RECALL_VALUES_H

#include "worker/passage.h"
#include "worker/state/state.h"

struct recall_slot {
    struct wd_str key; /* in the batch's arena */
    struct wd_value value;
    uint64_t version;
    bool is_there; /* recalled */
};

struct recall_values {
    struct recall_slot *slots; /* their values' memory is kept from batch to batch */
    size_t count, room;
    uint32_t *index; /* hash table of slot + 1 */
    size_t index_size;
    uint64_t seed;
    struct state_item *items; /* what the store is asked, and which slot each item is */
    uint32_t *item_slots;
    size_t item_count, item_room;
};

bool recall_values_init(struct recall_values *values); /* false: no memory */
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

#endif
