/* The way of a record, from Kafka to its finished offset. Read STEPS first: everything else here is its rows.
 *
 * Most records pass all steps at once and leave nothing behind. A record with something to do becomes a `struct work`
 * in the step `plan`; from there on a step may wait and is gone on with by pipeline_resume(). What always holds: an
 * offset is finished only in the last step, when every action succeeded or the record is safely a dead letter, and
 * every decision record is written. Neighbours: shard.c feeds records in, dispatch/ carries out, deliver.c writes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/decision.h"
#include "worker/deliver.h"
#include "worker/idempotency.h"
#include "worker/log.h"
#include "worker/mutation.h"
#include "worker/passage.h"
#include "worker/recall.h"
#include "worker/shard_parts.h"
#include "worker/work_keep.h"

enum step_result { STEP_NEXT, STEP_WAIT, STEP_LEAVE };

static enum step_result admit(struct passage *passage);
static enum step_result decode(struct passage *passage);
static enum step_result recall(struct passage *passage);
static enum step_result judge(struct passage *passage);
static enum step_result remember(struct passage *passage);
static enum step_result plan(struct passage *passage);
static enum step_result act(struct passage *passage);
static enum step_result await_actions(struct passage *passage);
static enum step_result bury(struct passage *passage);
static enum step_result await_burial(struct passage *passage);
static enum step_result report(struct passage *passage);
static enum step_result await_report(struct passage *passage);
static enum step_result finish(struct passage *passage);

static const struct step {
    const char *name;
    enum step_result (*run)(struct passage *passage);
} STEPS[] = {
    {"admit", admit},                 /* skip what an earlier owner of the partition has finished */
    {"decode", decode},               /* bytes -> events */
    {"recall", recall},               /* what is remembered of them; waits in a batch */
    {"judge", judge},                 /* events -> verdicts, without side effects */
    {"remember", remember},           /* what has changed of it is stored; waits with its batch */
    {"plan", plan},                   /* verdicts -> API calls; nothing to do: straight to the end */
    {"act", act},                     /* hand the calls to dispatch/ */
    {"await_actions", await_actions}, /* every call succeeded or failed for good */
    {"bury", bury},                   /* what failed for good becomes a dead letter */
    {"await_burial", await_burial},
    {"report", report}, /* decision records */
    {"await_report", await_report},
    {"finish", finish}, /* the offset may be committed */
};
enum {
    STEP_COUNT = sizeof(STEPS) / sizeof(STEPS[0]),
    STEP_JUDGE = 3,
    STEP_PLAN = 5,
    STEP_BURY = 8,
    STEP_REPORT = 10,
    STEP_FINISH = 12
};

static void run_steps(struct passage *passage, int step)
{
    for (; step < STEP_COUNT; step++) {
        if (passage->work)
            passage->work->step = step;
        enum step_result result = STEPS[step].run(passage);
        if (result != STEP_NEXT)
            return;
    }
}

void pipeline_take(struct shard *shard, const struct kafka_record *record)
{
    struct passage passage = {.shard = shard, .record = record, .arena = shard->scratch};
    metrics_add(shard->metrics, METRIC_RECORDS, 1);
    metrics_add(shard->metrics, METRIC_RECORD_BYTES, record->value.len);
    wd_arena_reset(shard->scratch);
    run_steps(&passage, 0);
    if (shard->recalling)
        recalls_settle(shard->recalls);
}

void pipeline_judge(struct passage *passage)
{
    run_steps(passage, STEP_JUDGE);
}

void pipeline_act(struct passage *passage)
{
    run_steps(passage, STEP_PLAN);
}

void pipeline_resume(struct shard *shard, struct work *work)
{
    if (work->partition->gone) { /* its offset is somebody else's now */
        pipeline_forget(shard, work);
        return;
    }
    if (work->abandoned)
        return; /* stays where it is until its partition has gone */
    struct passage passage = {.shard = shard, .partition = work->partition, .ticket = work->ticket, .work = work};
    run_steps(&passage, work->step);
}

/* ---- admit ---- */

static enum step_result admit(struct passage *passage)
{
    struct shard *shard = passage->shard;
    const struct kafka_record *record = passage->record;
    passage->partition = shard_partition(shard, record->topic, record->partition);
    if (!passage->partition)
        return STEP_LEAVE; /* fetched before a revoke was handled: its new owner takes it */
    switch (offsets_deliver(passage->partition->offsets, record->offset, &passage->ticket)) {
    case OFFSETS_NEW:
        return STEP_NEXT;
    case OFFSETS_FINISHED_EARLIER:
    case OFFSETS_BELOW_POSITION:
        metrics_add(shard->metrics, METRIC_RECORDS_FINISHED, 1);
        return STEP_LEAVE;
    case OFFSETS_FULL: /* fetching stops before the limit (shard.c): so this is lack of memory */
        break;
    }
    log_write(LOG_ERROR, "out-of-memory", "no memory to track a record; the shard ends so that nothing is lost",
              LOG_STR("shard", shard->name), LOG_END);
    shard->failed = true;
    return STEP_LEAVE;
}

/* ---- decode ---- */

/* What may wait is kept; what is judged at once is only lent. */
static bool keep_record(struct passage *passage)
{
    struct shard *shard = passage->shard;
    if (!shard->recalling)
        return true;
    const struct kafka_record *kept = recalls_keep(shard->recalls, passage->record);
    if (!kept)
        return false;
    passage->record = kept;
    passage->arena = recalls_arena(shard->recalls);
    return true;
}

static enum step_result cannot_decode(struct passage *passage, const char *class, const char *why)
{
    passage->events.count = 0;
    passage_fail(passage, class, why);
    return STEP_NEXT;
}

static enum step_result decode(struct passage *passage)
{
    struct shard *shard = passage->shard;
    struct wd_error err = {0};
    if (!passage->record->value.data)
        return STEP_NEXT; /* a tombstone: no events */
    if (passage->record->value.len > (size_t)shard->config->kafka.max_record_bytes) {
        wd_fail(&err, WD_ERR_TOO_LARGE, "the record has %zu bytes, more than kafka.max_record_bytes = %lld",
                passage->record->value.len, (long long)shard->config->kafka.max_record_bytes);
        return cannot_decode(passage, wd_decode_outcome_name(WD_DECODE_TOO_LARGE), err.text);
    }
    if (!keep_record(passage))
        return cannot_decode(passage, wd_decode_outcome_name(WD_DECODE_TOO_LARGE),
                             "keeping the record passes worker.event_memory");
    enum wd_decode_outcome outcome = wd_decode(shard->decoder, passage->arena, passage->record->value.data,
                                               passage->record->value.len, &passage->events, &err);
    if (outcome != WD_DECODED)
        return cannot_decode(passage, wd_decode_outcome_name(outcome), err.text);
    return STEP_NEXT;
}

/* ---- recall, judge, remember ---- */

static enum step_result recall(struct passage *passage)
{
    bool waits = passage->shard->recalling && recalls_add(passage->shard->recalls, passage);
    return waits ? STEP_WAIT : STEP_NEXT;
}

static enum step_result judge(struct passage *passage)
{
    passage_judge(passage);
    return STEP_NEXT;
}

static enum step_result remember(struct passage *passage)
{
    return passage->recalled ? STEP_WAIT : STEP_NEXT; /* recall.c goes on when its batch is stored */
}

/* ---- plan ---- */

static bool is_worth_a_record(const struct wd_verdict *verdict)
{
    if (verdict->match_count || verdict->switched_off_count || verdict->alarmed_count || verdict->action_count ||
        verdict->held_count)
        return true;
    for (size_t i = 0; i < verdict->ladder_count; i++)
        if (verdict->ladders[i].step >= 0)
            return true;
    for (size_t i = 0; i < verdict->score_count; i++)
        if (verdict->scores[i].entered)
            return true;
    return false;
}

static size_t count_units(const struct passage *passage)
{
    size_t count = 0;
    for (size_t i = 0; i < passage->events.count; i++)
        count += is_worth_a_record(&passage->verdicts[i]);
    return count;
}

static const char *notify_url(const struct config *config, struct wd_str target)
{
    for (size_t i = 0; i < config->platform.notify.count; i++)
        if (wd_str_is(target, config->platform.notify.items[i].name))
            return config->platform.notify.items[i].value;
    return NULL;
}

static enum wd_status plan_notification(struct passage *passage, const struct unit *unit, struct call *call,
                                        struct wd_error *err)
{
    struct wd_arena *arena = passage->work->arena;
    const char *url = notify_url(passage->shard->config, call->action.notify_target);
    call->action.notify_target = wd_arena_copy(arena, call->action.notify_target);
    if (!url)
        return wd_fail(err, WD_ERR_NOT_FOUND, "no webhook is configured as platform.notify.%.*s",
                       WD_STR_ARG(call->action.notify_target));
    struct wd_str payload = decision_preview(unit->decision, arena);
    if (!payload.data)
        return wd_fail(err, WD_ERR_TOO_LARGE, "the record's memory is used up (worker.event_memory)");
    return action_table_notify_call(passage->shard->options.table, wd_str_from(url), payload, &call->request, err);
}

/* A call that can not even be made (no such row in the action table, a value missing) fails for good. */
static void plan_call(struct passage *passage, struct unit *unit, const struct wd_event *event, struct call *call)
{
    struct shard *shard = passage->shard;
    struct work *work = passage->work;
    struct wd_error err = {0};
    enum wd_status status;
    if (call->action.kind == WD_ACTION_NOTIFY)
        status = plan_notification(passage, unit, call, &err);
    else
        status = action_table_call(shard->options.table, &call->action, event, work->arena, &call->request, &err);
    call->idempotency_key = idempotency_key(work, unit, &call->action);
    if (status == WD_OK && call->idempotency_key)
        return;
    call->state = CALL_FAILED;
    call->outcome = (struct outcome){.class = OUTCOME_PERMANENT, .retry_after_ms = -1};
    snprintf(call->outcome.text, sizeof(call->outcome.text), "%.190s",
             status != WD_OK ? err.text : "the record's memory is used up (worker.event_memory)");
}

static bool plan_unit(struct passage *passage, struct unit *unit, size_t index)
{
    struct shard *shard = passage->shard;
    struct work *work = passage->work;
    const struct wd_event *event = &passage->events.items[index];
    const struct wd_verdict *verdict = &passage->verdicts[index];
    unit->work = work;
    unit->index = (uint32_t)index;
    unit->state = UNIT_ENDED;
    unit->author_id = wd_arena_copy(work->arena, event->author.id);
    unit->decision = decision_new(passage->record, event, unit->index, verdict, shard->rules, wall_clock_ms());
    unit->calls = wd_arena_zalloc(work->arena, verdict->action_count, sizeof(*unit->calls));
    if (!unit->decision || !unit->calls)
        return false;
    unit->call_count = verdict->action_count;
    metrics_add(shard->metrics, METRIC_ACTIONS_PLANNED, unit->call_count);
    for (size_t i = 0; i < unit->call_count; i++) {
        unit->calls[i].action = verdict->actions[i];
        plan_call(passage, unit, event, &unit->calls[i]);
    }
    return true;
}

static bool plan_units(struct passage *passage, size_t units)
{
    struct work *work = passage->work;
    work->units = wd_arena_zalloc(work->arena, units, sizeof(*work->units));
    if (!work->units)
        return units == 0;
    for (size_t i = 0; i < passage->events.count; i++) {
        if (!is_worth_a_record(&passage->verdicts[i]))
            continue;
        work->unit_count++;
        if (!plan_unit(passage, &work->units[work->unit_count - 1], i))
            return false;
    }
    return true;
}

static enum step_result plan(struct passage *passage)
{
    struct shard *shard = passage->shard;
    size_t units = count_units(passage);
    if (!units && !passage->failure_class) {
        offsets_finish(passage->partition->offsets, passage->ticket);
        metrics_add(shard->metrics, METRIC_RECORDS_FINISHED, 1);
        return STEP_LEAVE;
    }
    passage->work = work_keep(shard, passage->partition, passage->ticket, passage->record);
    if (!passage->work) {
        log_write(LOG_ERROR, "out-of-memory", "no memory to keep a record; the shard ends so that nothing is lost",
                  LOG_STR("shard", shard->name), LOG_STR("topic", passage->record->topic),
                  LOG_INT("partition", passage->record->partition), LOG_INT("offset", passage->record->offset),
                  LOG_END);
        shard->failed = true;
        return STEP_LEAVE;
    }
    if (passage->failure_class)
        work_fail(passage->work, passage->failure_class, passage->failure_text);
    if (!plan_units(passage, units))
        work_fail(passage->work, "too_large", "planning its actions passes worker.event_memory");
    work_measure(shard, passage->work);
    return STEP_NEXT;
}

/* ---- act ---- */

static bool has_pending_call(const struct unit *unit)
{
    for (size_t i = 0; i < unit->call_count; i++)
        if (unit->calls[i].state == CALL_PENDING)
            return true;
    return false;
}

static enum step_result act(struct passage *passage)
{
    struct work *work = passage->work;
    for (size_t i = 0; i < work->unit_count; i++) {
        struct unit *unit = &work->units[i];
        if (!has_pending_call(unit))
            continue;
        if (dispatch_add(passage->shard->dispatch, unit) == WD_OK)
            work->units_left++;
        else
            work_fail(work, "out_of_memory", "no memory to carry out its actions");
    }
    work->step++; /* an ended unit goes on with await_actions */
    if (!work->units_left)
        return STEP_NEXT;
    loop_timer_arm(passage->shard->dispatch_timer, 0);
    return STEP_WAIT;
}

static enum step_result await_actions(struct passage *passage)
{
    struct work *work = passage->work;
    if (work->units_left)
        return STEP_WAIT;
    for (size_t i = 0; i < work->unit_count; i++)
        for (size_t j = 0; j < work->units[i].call_count; j++) {
            const struct call *call = &work->units[i].calls[j];
            if (call->state != CALL_FAILED)
                continue;
            char reason[400];
            snprintf(reason, sizeof(reason), "%s failed after %u attempts: HTTP %d, code %d: %s",
                     wd_action_kind_name(call->action.kind), call->attempts, call->outcome.http_status,
                     call->outcome.platform_code, call->outcome.text);
            work_fail(work, call->outcome.class == OUTCOME_RETRY ? "attempts_used_up" : "action_refused", reason);
        }
    return STEP_NEXT;
}

/* ---- deliveries ---- */

enum { DELIVERY_RETRY_MS = 1000 };

/* Comes back to `step` after a while. */
static enum step_result try_again(struct passage *passage, int step)
{
    struct work *work = passage->work;
    work->step = step;
    work->reports_failed = 0;
    work->due_ms = (int64_t)loop_now_ms(passage->shard->loop) + DELIVERY_RETRY_MS;
    work->waiting = true;
    TAILQ_INSERT_TAIL(&passage->shard->waiting, work, waiting_link);
    return STEP_WAIT;
}

void pipeline_retry_deliveries(struct shard *shard)
{
    int64_t now_ms = (int64_t)loop_now_ms(shard->loop);
    struct work *work;
    while ((work = TAILQ_FIRST(&shard->waiting)) && work->due_ms <= now_ms) { /* all wait equally long: in order */
        TAILQ_REMOVE(&shard->waiting, work, waiting_link);
        work->waiting = false;
        pipeline_resume(shard, work);
    }
}

/* An outage must not empty the topic into the dead-letter topic. */
static bool dead_letter_quota_left(struct shard *shard)
{
    enum { WINDOW_MS = 60000 };
    int64_t now_ms = (int64_t)loop_now_ms(shard->loop);
    if (now_ms - shard->dead_letter_window_ms >= WINDOW_MS) {
        shard->dead_letter_window_ms = now_ms;
        shard->dead_letters_in_window = 0;
    }
    if (shard->dead_letters_in_window >= (uint64_t)shard->config->worker.max_dead_letters_per_minute) {
        log_write(LOG_ERROR, "dead-letter-limit",
                  "more dead letters than worker.max_dead_letters_per_minute: the rest waits; look at why",
                  LOG_STR("shard", shard->name), LOG_END);
        return false;
    }
    shard->dead_letters_in_window++;
    return true;
}

static enum step_result bury(struct passage *passage)
{
    struct work *work = passage->work;
    if (!work->failure)
        return STEP_NEXT;
    /* Somebody who is no member any more writes no letters: the new owner does. */
    if (!shard_is_member(passage->shard) || !dead_letter_quota_left(passage->shard))
        return try_again(passage, STEP_BURY);
    size_t awaited = deliver_dead_letter(passage->shard, work);
    work->step++;
    return awaited ? STEP_WAIT : STEP_NEXT;
}

static enum step_result await_burial(struct passage *passage)
{
    struct work *work = passage->work;
    if (!work->failure)
        return STEP_NEXT;
    if (work->reports_failed)
        return try_again(passage, STEP_BURY);
    metrics_add(passage->shard->metrics, METRIC_DEAD_LETTERS, 1);
    log_write(LOG_WARN, "dead-letter", "a record went to the dead-letter topic",
              LOG_STR("topic", work->partition->topic), LOG_INT("partition", work->partition->number),
              LOG_INT("offset", work->offset), LOG_STR("reason", work->failure_class), LOG_STR("error", work->failure),
              LOG_END);
    return STEP_NEXT;
}

static enum step_result report(struct passage *passage)
{
    const char *topic = passage->shard->config->worker.decisions_topic;
    if (!topic || !topic[0])
        return STEP_NEXT;
    size_t awaited = deliver_decisions(passage->shard, passage->work);
    passage->work->step++;
    return awaited ? STEP_WAIT : STEP_NEXT;
}

static enum step_result await_report(struct passage *passage)
{
    return passage->work->reports_failed ? try_again(passage, STEP_REPORT) : STEP_NEXT;
}

/* ---- finish ---- */

/* For a mutation only: a ticket of an earlier assignment is taken for one of the present. */
static void finish_in_present(struct shard *shard, const struct work *work)
{
    struct partition *present = shard_partition(shard, work->partition->topic, work->partition->number);
    if (present && offsets_awaits(present->offsets, work->ticket))
        offsets_finish(present->offsets, work->ticket);
}

static enum step_result finish(struct passage *passage)
{
    struct shard *shard = passage->shard;
    struct work *work = passage->work;
    if (MUTATED(MUTATION_IGNORE_EPOCH))
        finish_in_present(shard, work);
    else
        offsets_finish(passage->partition->offsets, passage->ticket);
    shard_hurry_commit(shard);
    metrics_add(shard->metrics, METRIC_RECORDS_FINISHED, 1);
    metrics_observe(shard->metrics, HISTOGRAM_RECORD_SECONDS,
                    (double)((int64_t)loop_now_ms(shard->loop) - work->taken_ms) / 1000);
    work_release(shard, work);
    return STEP_LEAVE;
}

void pipeline_forget(struct shard *shard, struct work *work)
{
    bool held = work->reports_left > 0;
    for (size_t i = 0; i < work->unit_count; i++) {
        struct unit *unit = &work->units[i];
        if (unit->state != UNIT_ENDED)
            held |= !dispatch_drop(shard->dispatch, unit);
    }
    if (held)
        return; /* its last call or report brings it back here */
    if (MUTATED(MUTATION_IGNORE_EPOCH))
        finish_in_present(shard, work);
    work_release(shard, work);
}
