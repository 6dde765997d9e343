/* Ready units by partition. Neighbours: dispatch.c. */
#include "worker/dispatch/lanes.h"

void lanes_init(struct lanes *lanes)
{
    TAILQ_INIT(&lanes->turns);
}

void lanes_put(struct lanes *lanes, struct unit *unit, bool first)
{
    struct partition *partition = unit->work->partition;
    unit->state = UNIT_READY;
    if (first)
        TAILQ_INSERT_HEAD(&partition->lane, unit, queue_link);
    else
        TAILQ_INSERT_TAIL(&partition->lane, unit, queue_link);
    if (partition->in_lanes)
        return;
    partition->in_lanes = true;
    TAILQ_INSERT_TAIL(&lanes->turns, partition, lane_link);
}

void lanes_remove(struct lanes *lanes, struct unit *unit)
{
    struct partition *partition = unit->work->partition;
    TAILQ_REMOVE(&partition->lane, unit, queue_link);
    if (!TAILQ_EMPTY(&partition->lane))
        return;
    TAILQ_REMOVE(&lanes->turns, partition, lane_link);
    partition->in_lanes = false;
}

struct unit *lanes_peek(const struct lanes *lanes)
{
    const struct partition *partition = TAILQ_FIRST(&lanes->turns);
    return partition ? TAILQ_FIRST(&partition->lane) : NULL;
}

struct unit *lanes_take(struct lanes *lanes)
{
    struct partition *partition = TAILQ_FIRST(&lanes->turns);
    TAILQ_REMOVE(&lanes->turns, partition, lane_link);
    TAILQ_INSERT_TAIL(&lanes->turns, partition, lane_link);
    struct unit *unit = TAILQ_FIRST(&partition->lane);
    lanes_remove(lanes, unit);
    return unit;
}
