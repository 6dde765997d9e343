/* What a work writes to Kafka before its offset is finished: its dead letter and its decision records. */
#ifndef WORKER_DELIVER_H
#define WORKER_DELIVER_H

#include "worker/shard_state.h"

/* Both start what is to be written and return how many deliveries are awaited (0: nothing to write); each report comes
 * back through pipeline_resume() once all are there. What could not even be queued counts as a failed delivery. */
size_t deliver_dead_letter(struct shard *shard, struct work *work);
size_t deliver_decisions(struct shard *shard, struct work *work);

#endif
