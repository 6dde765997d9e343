/* See valves.h. */
#include "worker/valves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/log.h"
#include "worker/state/state.h"

static const int64_t DAY_TTL_MS = INT64_C(48) * 3600 * 1000, MINUTE_TTL_MS = INT64_C(3) * 60 * 1000;

bool valves_are_set(const struct config *config)
{
    return config->valves.per_day.count > 0 || config->valves.bans_per_minute > 0;
}

static int64_t limit_of(const struct config *config, int valve)
{
    if (valve == VALVE_BAN_RATE)
        return config->valves.bans_per_minute > 0 ? config->valves.bans_per_minute : -1;
    const char *name = valve == VALVE_TOTAL ? "total" : wd_action_kind_name((enum wd_action_kind)valve);
    for (size_t i = 0; i < config->valves.per_day.count; i++)
        if (strcmp(config->valves.per_day.items[i].name, name) == 0)
            return strtoll(config->valves.per_day.items[i].value, NULL, 10); /* config_check.c has seen it */
    return -1;
}

/* The valves that an action passes. A notification is done to nobody. */
static bool passes(const struct wd_action *action, int valve)
{
    if (valve == VALVE_TOTAL)
        return action->kind != WD_ACTION_NOTIFY;
    return valve == VALVE_BAN_RATE ? action->kind == WD_ACTION_BAN : (int)action->kind == valve;
}

/* ---- counting ---- */

void valve_request_reset(struct valve_request *request)
{
    memset(request->wanted, 0, sizeof(request->wanted));
    memset(request->used, 0, sizeof(request->used));
}

void valve_request_add(struct valve_request *request, const struct config *config, const struct wd_verdict *verdict)
{
    (void)config;
    for (size_t i = 0; i < verdict->action_count; i++)
        for (int valve = 0; valve < VALVE_COUNT; valve++)
            request->wanted[valve] += passes(&verdict->actions[i], valve);
}

static size_t key_of(int valve, int64_t wall_ms, char *out, size_t size)
{
    char when[32];
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(when, sizeof(when), valve == VALVE_BAN_RATE ? "%Y-%m-%dT%H:%M" : "%Y-%m-%d", &parts);
    const char *name = valve == VALVE_BAN_RATE ? "ban_rate"
                       : valve == VALVE_TOTAL  ? "total"
                                               : wd_action_kind_name((enum wd_action_kind)valve);
    return (size_t)snprintf(out, size, "valve:%s:%s", name, when);
}

static void count(struct shard *shard, const struct valve_request *request, int valve, int64_t delta,
                  state_count_fn *counted, void *context)
{
    char key[80];
    size_t length = key_of(valve, request->wall_ms, key, sizeof(key));
    state_count(shard->state, (struct wd_str){.data = key, .len = length}, delta,
                valve == VALVE_BAN_RATE ? MINUTE_TTL_MS : DAY_TTL_MS, counted, context);
}

static void end_answer(struct valve_request *request)
{
    if (--request->left == 0)
        request->done(request->context, request->status);
}

static void on_count(void *context, enum wd_status status, int64_t amount)
{
    struct valve_question *question = context;
    struct valve_request *request = question->request;
    int64_t limit = request->limits[question->valve], wanted = request->wanted[question->valve];
    int64_t free_before = limit - (amount - wanted);
    request->allowed[question->valve] = free_before < 0 ? 0 : free_before < wanted ? free_before : wanted;
    if (status != WD_OK) {
        request->status = status;
        request->allowed[question->valve] = wanted; /* without a count nothing is held back */
    }
    end_answer(request);
}

void valves_ask(struct shard *shard, struct valve_request *request, int64_t wall_ms,
                void (*done)(void *context, enum wd_status status), void *context)
{
    request->done = done;
    request->context = context;
    request->status = WD_OK;
    request->wall_ms = wall_ms;
    request->left = 1; /* this function */
    for (int valve = 0; valve < VALVE_COUNT; valve++) {
        request->limits[valve] = limit_of(shard->config, valve);
        if (request->limits[valve] < 0 || !request->wanted[valve])
            continue;
        request->questions[valve] = (struct valve_question){.request = request, .valve = valve};
        request->left++;
        count(shard, request, valve, request->wanted[valve], on_count, &request->questions[valve]);
    }
    end_answer(request);
}

static void ignore_count(void *context, enum wd_status status, int64_t amount)
{
    (void)context;
    (void)status; /* then less is left than could be */
    (void)amount;
}

void valves_give_back(struct shard *shard, struct valve_request *request)
{
    for (int valve = 0; valve < VALVE_COUNT && request->status == WD_OK; valve++) {
        int64_t unused = request->wanted[valve] - request->used[valve];
        if (request->limits[valve] < 0 || unused <= 0)
            continue;
        count(shard, request, valve, -unused, ignore_count, NULL);
        request->wanted[valve] = request->used[valve];
    }
}

/* ---- holding back ---- */

/* The valve that is shut for the action, or -1; takes it out of what is allowed. */
static int shut_for(struct valve_request *request, const struct wd_action *action)
{
    for (int valve = 0; valve < VALVE_COUNT; valve++)
        if (request->limits[valve] >= 0 && passes(action, valve) && request->allowed[valve] <= 0)
            return valve;
    for (int valve = 0; valve < VALVE_COUNT; valve++)
        if (request->limits[valve] >= 0 && passes(action, valve)) {
            request->allowed[valve]--;
            request->used[valve]++;
        }
    return -1;
}

static void tell_held(struct shard *shard, const struct kafka_record *record, const struct wd_action *action,
                      enum wd_hold reason)
{
    metrics_add(shard->metrics, METRIC_ACTIONS_HELD, 1);
    log_write(LOG_WARN, "action-held", "a valve holds back an action; its decision record says so, too",
              LOG_STR("shard", shard->name), LOG_STR("action", wd_action_kind_name(action->kind)),
              LOG_STR("reason", wd_hold_name(reason)), LOG_STR("topic", record->topic),
              LOG_INT("partition", record->partition), LOG_INT("offset", record->offset), LOG_END);
}

bool valves_apply(struct valve_request *request, struct wd_arena *arena, struct shard *shard,
                  const struct kafka_record *record, struct wd_verdict *verdict)
{
    if (!verdict->action_count || !valves_are_set(shard->config))
        return true;
    struct wd_action *actions = wd_arena_alloc(arena, verdict->action_count * sizeof(*actions));
    struct wd_held_action *held = wd_arena_alloc(arena, (verdict->held_count + verdict->action_count) * sizeof(*held));
    if (!actions || !held)
        return false;
    size_t kept = 0, held_count = verdict->held_count;
    if (held_count)
        memcpy(held, verdict->held, held_count * sizeof(*held));
    for (size_t i = 0; i < verdict->action_count; i++) {
        int valve = shut_for(request, &verdict->actions[i]);
        if (valve < 0) {
            actions[kept++] = verdict->actions[i];
            continue;
        }
        enum wd_hold reason = valve == VALVE_BAN_RATE ? WD_HOLD_BAN_RATE : WD_HOLD_QUOTA;
        held[held_count++] = (struct wd_held_action){.action = verdict->actions[i], .reason = reason};
        tell_held(shard, record, &verdict->actions[i], reason);
    }
    verdict->actions = actions;
    verdict->action_count = kept;
    verdict->held = held;
    verdict->held_count = held_count;
    return true;
}
