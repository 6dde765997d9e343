/* Says when a partition has come to a stand, and ends the shard where the configuration asks for it. Neighbours:
 * stall.c judges, shard.c calls a few times a second. */
#include "worker/log.h"
#include "worker/recall.h"
#include "worker/shard_parts.h"

static void tell_stall(struct shard *shard, const struct partition *partition, const struct stall_sight *sight)
{
    log_write(
        LOG_ERROR, "stalled",
        shard->config->worker.stall_exit
            ? "a partition stands still though nothing holds it back: the worker ends, so that another one takes it"
            : "a partition stands still though nothing holds it back; worker.stall_exit would hand it to another",
        LOG_STR("shard", shard->name), LOG_STR("topic", partition->topic), LOG_INT("partition", partition->number),
        LOG_INT("offset", sight->position), LOG_INT("end", sight->end),
        LOG_INT("unfinished", offsets_unfinished(partition->offsets)),
        LOG_INT("stall_timeout_ms", shard->config->worker.stall_timeout_ms), LOG_END);
    if (!shard->config->worker.stall_exit)
        return;
    shard->gave_up = true;
    atomic_store(&shard->stop_asked, true); /* what is finished is still committed on the way out */
}

static void look_at(struct shard *shard, struct partition *partition, bool is_held)
{
    struct stall_sight sight = {
        .position = offsets_position(partition->offsets),
        .end = consumer_high_watermark(shard->consumer, partition->topic, partition->number),
        .has_unfinished = offsets_unfinished(partition->offsets) > 0,
        .is_held = is_held,
    };
    enum stall_news news =
        stall_look(&partition->stall, &sight, shard_now_ms(shard), shard->config->worker.stall_timeout_ms);
    if (news == STALL_BEGUN)
        tell_stall(shard, partition, &sight);
    else if (news == STALL_OVER)
        log_write(LOG_INFO, "stall-over", "the partition moves again", LOG_STR("shard", shard->name),
                  LOG_STR("topic", partition->topic), LOG_INT("partition", partition->number), LOG_END);
}

void watchdog_look(struct shard *shard)
{
    bool is_held = shard->draining || shard->in_revoke || dispatch_is_held(shard->dispatch) ||
                   (shard->recalls && recalls_are_held(shard->recalls));
    uint64_t stalled = 0;
    struct partition *partition;
    TAILQ_FOREACH(partition, &shard->partitions, link)
    {
        look_at(shard, partition, is_held);
        stalled += partition->stall.is_told;
    }
    metrics_set(shard->metrics, METRIC_STALLED, stalled);
}
