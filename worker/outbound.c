/* A shard's calls to the platform: the port through which dispatch/ sends and learns. Neighbours: platform/client.h
 * carries out one call; the gates' state becomes log lines and metrics here. */
#include <stdlib.h>

#include "worker/dispatch/flights.h"
#include "worker/idempotency.h"
#include "worker/log.h"
#include "worker/platform/join.h"
#include "worker/shard_parts.h"

enum { DOUBT_RETRY_MS = 50 };

void outbound_run(struct shard *shard)
{
    int64_t wait = -1;
    if (shard_is_member(shard))
        wait = dispatch_run(shard->dispatch, shard_now_ms(shard));
    if (!shard_is_member(shard)) /* or not any more */
        wait = DOUBT_RETRY_MS;
    if (wait >= 0)
        loop_timer_arm(shard->dispatch_timer, (uint64_t)wait);
    else
        loop_timer_cancel(shard->dispatch_timer);
}

void outbound_mind_token(struct shard *shard)
{
    struct wd_error err = {0};
    token_reload(shard->options.token, &err);
    if (err.status != WD_OK)
        log_write(LOG_WARN, "token-unreadable", "the token file cannot be read; the old token stays in use",
                  LOG_STR("error", err.text), LOG_END);
    uint64_t generation = token_generation(shard->options.token);
    if (generation == shard->token_generation)
        return;
    shard->token_generation = generation;
    log_write(LOG_INFO, "token-read", "the token file has changed: calls use the new token from now on",
              LOG_STR("shard", shard->name), LOG_END);
    dispatch_probe_platform(shard->dispatch, shard_now_ms(shard));
    loop_timer_arm(shard->dispatch_timer, 0);
}

static void count_outcome(struct shard *shard, const struct flight *flight, const struct outcome *outcome)
{
    static const enum metric BY_CLASS[OUTCOME_CLASS_COUNT] = {
        METRIC_CALLS_DONE, METRIC_CALLS_ALREADY, METRIC_CALLS_RETRIED, METRIC_CALLS_PERMANENT, METRIC_CALLS_STOPPED};
    metrics_add(shard->metrics, BY_CLASS[outcome->class], 1);
    metrics_add(shard->metrics, METRIC_CALLS_AMBIGUOUS, outcome->ambiguous);
    metrics_observe(shard->metrics, HISTOGRAM_CALL_SECONDS, (double)(shard_now_ms(shard) - flight->sent_ms) / 1000);
}

static void on_call_done(void *context, const struct outcome *outcome)
{
    struct flight *flight = context;
    struct shard *shard = TAILQ_FIRST(&flight->units)->work->shard;
    count_outcome(shard, flight, outcome);
    if (outcome->class == OUTCOME_STOP)
        outbound_mind_token(shard);
    dispatch_settle(shard->dispatch, flight, outcome, shard_now_ms(shard));
    loop_timer_arm(shard->dispatch_timer, 0);
}

/* The first unit's call with the authors of the others beside its own. */
static enum wd_status join_calls(struct flight *flight, struct platform_call *joined_out, struct wd_error *err)
{
    const struct platform_call *others[ACTION_BATCH_MAX];
    const struct unit *first = TAILQ_FIRST(&flight->units), *unit = first;
    size_t count = 0;
    while ((unit = TAILQ_NEXT(unit, queue_link)) && count < ACTION_BATCH_MAX)
        others[count++] = &unit_call(unit)->request;
    free(flight->text); /* of an attempt that found no connection */
    flight->text = NULL;
    return platform_calls_join(&unit_call(first)->request, others, count, &flight->text, joined_out, err);
}

static enum wd_status send_joint(struct shard *shard, struct flight *flight, struct wd_error *err)
{
    struct platform_call joined;
    char key[JOINT_KEY_ROOM];
    enum wd_status status = idempotency_key_joint(&flight->units, key, err);
    if (status == WD_OK)
        status = join_calls(flight, &joined, err);
    if (status == WD_OK)
        status = client_submit(shard->client, &joined, key, on_call_done, flight, err);
    if (status != WD_OK)
        return status;
    metrics_add(shard->metrics, METRIC_CALLS_BATCHED, 1);
    metrics_add(shard->metrics, METRIC_ACTIONS_BATCHED, flight->count);
    return WD_OK;
}

static enum wd_status send_call(void *context, struct flight *flight, struct wd_error *err)
{
    struct shard *shard = context;
    const struct call *call = flight_call(flight);
    if (!shard_is_member(shard)) /* it was stopped between two calls */
        return wd_fail(err, WD_ERR_UNAVAILABLE, "the group has to answer first");
    enum wd_status status = flight->count > 1 ? send_joint(shard, flight, err)
                                              : client_submit(shard->client, &call->request, call->idempotency_key,
                                                              on_call_done, flight, err);
    if (status == WD_OK)
        metrics_add(shard->metrics, METRIC_CALLS, 1);
    return status;
}

static void on_unit_ended(void *context, struct unit *unit)
{
    struct shard *shard = context;
    struct work *work = unit->work;
    work->units_left--;
    if (work->partition->gone)
        pipeline_forget(shard, work);
    else if (work->units_left == 0)
        pipeline_resume(shard, work);
}

static void on_gate_changed(void *context, const char *group, bool open, bool ours, const struct outcome *outcome)
{
    struct shard *shard = context;
    metrics_set(shard->metrics, METRIC_BREAKER_OPEN, dispatch_open_gates(shard->dispatch));
    if (!open)
        log_write(LOG_INFO, "endpoint-answers", "the endpoint answers again: calls ramp up",
                  LOG_STR("shard", shard->name), LOG_STR("group", group), LOG_END);
    else if (ours)
        log_write(LOG_ERROR, "platform-refused-us",
                  "the platform refuses our token or permission: no calls until it heals; check platform.token_file",
                  LOG_STR("shard", shard->name), LOG_STR("group", group), LOG_INT("http_status", outcome->http_status),
                  LOG_INT("code", outcome->platform_code), LOG_STR("answer", outcome->text), LOG_END);
    else
        log_write(LOG_WARN, "circuit-opened", "too many calls fail: only probes are sent until the endpoint heals",
                  LOG_STR("shard", shard->name), LOG_STR("group", group), LOG_INT("http_status", outcome->http_status),
                  LOG_STR("last_error", outcome->text), LOG_END);
}

struct dispatch_port outbound_port(struct shard *shard)
{
    return (struct dispatch_port){
        .context = shard, .send = send_call, .ended = on_unit_ended, .gate_changed = on_gate_changed};
}
