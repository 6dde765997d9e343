/* Making and releasing works; for pipeline.c. */
#ifndef WORKER_WORK_KEEP_H
#define WORKER_WORK_KEEP_H

#include "worker/shard_state.h"

/* Copies the record. NULL where memory is out or the record passes worker.event_memory. */
struct work *work_keep(struct shard *shard, struct partition *partition, uint64_t ticket,
                       const struct kafka_record *record);
/* Counts anew what the work takes, against worker.max_held_bytes: when it is kept and when its calls are planned. */
void work_measure(struct shard *shard, struct work *work);
/* Frees the work and, where it was the last of a partition that went away, the partition. */
void work_release(struct shard *shard, struct work *work);

/* Marks the work for the dead-letter topic; the first call wins. `class` has static storage. */
void work_fail(struct work *work, const char *class, const char *reason);

#endif
