/* The third contestant of bench/actions: whole units through dispatch.c and the client, as a shard has them: every
 * author once, all in one channel, with and without company in a call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/actions.h"
#include "worker/dispatch/dispatch.h"
#include "worker/dispatch/flights.h"
#include "worker/platform/client.h"
#include "worker/platform/join.h"

enum { HELD_PER_CALL = 8 }; /* as in shard.c */

struct slot {
    struct unit unit;
    struct call call;
    struct wd_arena *arena;
    struct slot *next;
    char author[32], key[64];
};

struct stage {
    struct dispatch *dispatch;
    struct client *client;
    struct loop *loop;
    struct loop_timer *timer;
    const struct action_table *table;
    struct partition partition;
    struct work work;
    struct slot *idle;
    size_t started, ended, failed, calls;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_actions: %s\n", what);
    exit(1);
}

static struct stage *stage_now; /* one at a time */

static void on_done(void *context, const struct outcome *outcome)
{
    dispatch_settle(stage_now->dispatch, context, outcome, (int64_t)loop_now_ms(stage_now->loop));
    loop_timer_arm(stage_now->timer, 0);
}

static enum wd_status send_flight(void *context, struct flight *flight, struct wd_error *err)
{
    struct stage *stage = context;
    const struct platform_call *others[ACTION_BATCH_MAX];
    const struct unit *first = TAILQ_FIRST(&flight->units), *unit = first;
    struct platform_call joined = unit_call(first)->request;
    size_t count = 0;
    while ((unit = TAILQ_NEXT(unit, queue_link)))
        others[count++] = &unit_call(unit)->request;
    enum wd_status status = WD_OK;
    free(flight->text);
    flight->text = NULL;
    if (count)
        status = platform_calls_join(&unit_call(first)->request, others, count, &flight->text, &joined, err);
    if (status == WD_OK)
        status = client_submit(stage->client, &joined, unit_call(first)->idempotency_key, on_done, flight, err);
    stage->calls += status == WD_OK;
    return status;
}

static void on_ended(void *context, struct unit *unit)
{
    struct stage *stage = context;
    struct slot *slot = (struct slot *)unit;
    stage->ended++;
    stage->failed += slot->call.state != CALL_SUCCEEDED;
    slot->next = stage->idle;
    stage->idle = slot;
}

static void on_gate(void *context, const char *group, bool open, bool ours, const struct outcome *outcome)
{
    (void)context;
    (void)ours;
    (void)outcome;
    must(!open, group);
}

static void begin(struct stage *stage)
{
    static const struct wd_action ban = {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_CHANNEL};
    struct slot *slot = stage->idle;
    struct wd_error err;
    stage->idle = slot->next;
    wd_arena_reset(slot->arena);
    snprintf(slot->author, sizeof(slot->author), "user-%09zu", stage->started);
    snprintf(slot->key, sizeof(slot->key), "content.events/0/%zu/ban", stage->started++);
    struct wd_event event = {.content_type = WD_CONTENT_MESSAGE,
                             .content_id = wd_str_from("message-1"),
                             .author.id = wd_str_from(slot->author),
                             .place.channel_id = wd_str_from("channel-0001")};
    slot->call = (struct call){.action = ban, .idempotency_key = slot->key};
    slot->unit =
        (struct unit){.work = &stage->work, .author_id = event.author.id, .calls = &slot->call, .call_count = 1};
    must(action_table_call(stage->table, &ban, &event, slot->arena, &slot->call.request, &err) == WD_OK, "no call");
    must(dispatch_add(stage->dispatch, &slot->unit) == WD_OK, "no memory");
}

static void on_timer(void *context)
{
    struct stage *stage = context;
    int64_t wait = dispatch_run(stage->dispatch, (int64_t)loop_now_ms(stage->loop));
    if (wait >= 0)
        loop_timer_arm(stage->timer, (uint64_t)wait);
}

static struct slot *make_slots(struct stage *stage, size_t count)
{
    struct slot *slots = calloc(count, sizeof(*slots));
    must(slots != NULL, "no memory");
    for (size_t i = 0; i < count; i++) {
        slots[i].arena = wd_arena_new(1 << 20);
        slots[i].next = stage->idle;
        stage->idle = &slots[i];
    }
    return slots;
}

size_t dispatch_contest(const char *base_url, const struct action_table *table, struct token *token, size_t count,
                        size_t in_flight, int64_t batch_wait_ms)
{
    struct wd_error err;
    struct client_options client = {.base_url = base_url,
                                    .user_agent = "warden/bench",
                                    .connect_timeout_ms = 5000,
                                    .total_timeout_ms = 20000,
                                    .max_answer_bytes = 65536,
                                    .max_connections = in_flight};
    struct dispatch_options options = {.max_in_flight = in_flight,
                                       .max_attempts = 1,
                                       .gate = {.window_ms = 10000, .failure_ratio = 0.5, .min_calls = 20},
                                       .batch_wait_ms = batch_wait_ms,
                                       .batch_max = 100};
    struct stage stage = {.loop = loop_new(&err), .table = table};
    struct dispatch_port port = {.context = &stage, .send = send_flight, .ended = on_ended, .gate_changed = on_gate};
    stage_now = &stage;
    must(stage.loop != NULL, "no loop");
    stage.timer = loop_timer_new(stage.loop, on_timer, &stage);
    stage.client = client_new(&client, stage.loop, table, token, &err);
    stage.dispatch = dispatch_new(&options, &port, (int64_t)loop_now_ms(stage.loop));
    must(stage.timer && stage.client && stage.dispatch, "no memory");
    TAILQ_INIT(&stage.partition.lane);
    stage.work.partition = &stage.partition;
    size_t held = in_flight * HELD_PER_CALL;
    struct slot *slots = make_slots(&stage, held);
    while (stage.ended < count) {
        bool added = false;
        for (; stage.idle && stage.started < count; added = true)
            begin(&stage);
        if (added)
            loop_timer_arm(stage.timer, 0);
        loop_turn(stage.loop, 1000);
    }
    must(stage.failed == 0, "actions failed");
    client_free(stage.client);
    dispatch_free(stage.dispatch);
    loop_timer_free(stage.timer);
    loop_free(stage.loop);
    for (size_t i = 0; i < held; i++)
        wd_arena_free(slots[i].arena);
    free(slots);
    return stage.calls;
}
