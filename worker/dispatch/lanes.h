/* Units that are ready to call, a lane for each partition. Partitions take turns, so that a busy one cannot hold the
 * others up. */
#ifndef WORKER_DISPATCH_LANES_H
#define WORKER_DISPATCH_LANES_H

#include "worker/work.h"

struct lanes {
    struct partition_queue turns; /* partitions with ready units, the next one first */
};

void lanes_init(struct lanes *lanes);
/* Into the lane of its partition, at the end or (`first`) at the front. The unit becomes UNIT_READY. */
void lanes_put(struct lanes *lanes, struct unit *unit, bool first);
void lanes_remove(struct lanes *lanes, struct unit *unit);
/* The unit whose turn it is, or NULL. It stays where it is until lanes_take(). */
struct unit *lanes_peek(const struct lanes *lanes);
/* Takes what lanes_peek() returned; the next turn is another partition's. */
struct unit *lanes_take(struct lanes *lanes);

#endif
