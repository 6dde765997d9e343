/* Records that need what is remembered, a batch at a time: their values are recalled together, the records judged in
 * order, what has changed is stored, and only then are they acted on and finished. While one batch is stored the next
 * ones are recalled and judged already, where the store is another process (recall_order.c).
 *
 * What always holds: batches are judged, stored and acted on in order, and a batch is stored only when the one before
 * it is acted on, so each record sees what the ones before it did; a record whose partition goes away is dropped
 * unfinished: its next owner judges it the same, because its values have seen it. Neighbours: pipeline.c, valves.c,
 * worker/state/. */
#ifndef WORKER_RECALL_H
#define WORKER_RECALL_H

#include "worker/passage.h"

struct recalls;

/* NULL: no memory. The shard has a store. */
struct recalls *recalls_new(struct shard *shard);
/* What the store still answers is not listened to any more: before it is closed. */
void recalls_stop(struct recalls *recalls);
/* Drops what is waiting; after the store is closed, and before the partitions are freed. */
void recalls_free(struct recalls *recalls);

/* Whether one more record may be taken. */
bool recalls_have_room(const struct recalls *recalls);
/* Where a record is decoded that may have to wait, and a copy of it there; NULL: it passes worker.event_memory. */
struct wd_arena *recalls_arena(struct recalls *recalls);
const struct kafka_record *recalls_keep(struct recalls *recalls, const struct kafka_record *record);
/* Takes a copy of the passage into the batch that is gathered. False: it needs nothing that is remembered, or it has
 * failed (passage->failure_class): it goes on by itself. */
bool recalls_add(struct recalls *recalls, struct passage *passage);
/* After a record that was not taken: gives its memory back where it can. */
void recalls_settle(struct recalls *recalls);
/* Nothing more comes for now: the gathered batch goes on its way as soon as it may. */
void recalls_close_batch(struct recalls *recalls);

bool recalls_are_idle(const struct recalls *recalls);  /* nothing waits */
bool recalls_are_held(const struct recalls *recalls);  /* the store fails, and nothing new is taken until it works */
size_t recalls_waiting(const struct recalls *recalls); /* records */
size_t recalls_bytes(const struct recalls *recalls);   /* that they take */
const char *recalls_problem(const struct recalls *recalls); /* of the store; "" where it works */

/* Where the verdicts of the passage that is judged go. */
struct wd_arena *recalls_verdict_arena(struct recalls *recalls);

#endif
