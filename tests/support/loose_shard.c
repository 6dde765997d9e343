#include "tests/support/loose_shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "worker/shard_parts.h"

static void give_up(const char *what)
{
    fprintf(stderr, "loose_shard: %s\n", what);
    abort();
}

/* ---- what recall*.c ask of the files that are not here ---- */

int64_t shard_now_ms(const struct shard *shard)
{
    return (int64_t)loop_now_ms(shard->loop);
}

int64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void shard_partition_release(struct shard *shard, struct partition *partition)
{
    (void)shard;
    (void)partition; /* its owner frees it */
}

void pipeline_judge(struct passage *passage)
{
    passage_judge(passage);
}

void pipeline_act(struct passage *passage)
{
    struct loose_shard *loose = (struct loose_shard *)passage->shard;
    if (loose->on_act)
        loose->on_act(loose->context, passage);
}

static void on_poll_timer(void *context)
{
    (void)context; /* it ends a wait for the loop */
}

/* ---- doors ---- */

void loose_shard_init(struct loose_shard *loose, struct state_share *share, struct wd_ruleset *rules)
{
    const struct wd_scanner_options options = {.stage = WD_STAGE_WORKER};
    struct shard *shard = &loose->shard;
    struct wd_error err = {0};
    snprintf(shard->name, sizeof(shard->name), "loose");
    shard->config = &loose->config;
    shard->rules = rules;
    shard->loop = loop_new(&err);
    shard->metrics = metrics_new();
    shard->scanner = wd_scanner_new(&options);
    shard->decoder = wd_decoder_new(16 << 20);
    shard->poll_timer = shard->loop ? loop_timer_new(shard->loop, on_poll_timer, NULL) : NULL;
    if (!shard->metrics || !shard->scanner || !shard->decoder || !shard->poll_timer ||
        metrics_set_rules_of(shard->metrics, rules, wd_ruleset_rule_count(rules)) != 0)
        give_up("no memory");
    if (state_open(share, shard->loop, &shard->state, &err) != WD_OK)
        give_up(err.text);
    shard->recalls = recalls_new(shard);
    shard->recalling = true;
    if (!shard->recalls)
        give_up("no memory");
}

void loose_shard_fini(struct loose_shard *loose)
{
    struct shard *shard = &loose->shard;
    recalls_stop(shard->recalls);
    state_close(shard->state);
    recalls_free(shard->recalls);
    loop_timer_free(shard->poll_timer);
    loop_free(shard->loop);
    wd_decoder_free(shard->decoder);
    wd_scanner_free(shard->scanner);
    metrics_free(shard->metrics);
}

bool loose_shard_take(struct loose_shard *loose, struct partition *partition, const struct kafka_record *record,
                      void (*change)(void *context, struct wd_arena *arena, struct wd_events *events), void *context)
{
    struct recalls *recalls = loose->shard.recalls;
    struct passage passage = {.shard = &loose->shard, .partition = partition, .arena = recalls_arena(recalls)};
    struct wd_error err;
    passage.record = recalls_keep(recalls, record);
    if (!passage.record || wd_decode(loose->shard.decoder, passage.arena, passage.record->value.data,
                                     passage.record->value.len, &passage.events, &err) != WD_DECODED)
        return false;
    if (change)
        change(context, passage.arena, &passage.events);
    bool taken = recalls_add(recalls, &passage);
    recalls_settle(recalls);
    return taken;
}
