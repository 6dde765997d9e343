/* See recall_world.h: records and their model. Neighbour: recall_world_workers.c. */
#include "tests/unit/recall_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const int64_t FAR_MS = INT64_C(400) * 24 * 3600 * 1000;

static const char RULES[] =
    "ruleset: {id: t, version: 1.0.0, format: 1, default_mode: enforce}\n"
    "behaviour:\n"
    "  scores:\n"
    "    spam:\n"
    "      half_life: 30m\n"
    "      bands: [{at: 12, actions: [flag]}, {at: 30, leave: 15, actions: [hide, {mute: 1h}]}]\n"
    "      reports: {events: [message.didFlag], points: 4, reporter: json.reporter}\n"
    "  ladders:\n"
    "    default: {expire: 7d, steps: [{after: 2, actions: [flag]}, {after: 4, within: 24h, actions: [{mute: 1h}]}]}\n"
    "rules:\n"
    "- id: fast\n"
    "  when: {rate: {of: message.didCreate, over: 60s, per: author, more_than: 5}}\n"
    "  actions: [flag]\n"
    "  score: {spam: 5}\n"
    "- {id: word, when: {words: [hideme]}, actions: [hide], score: {spam: 6}, strikes: 1}\n"
    "- id: again\n"
    "  when: {repeat_of: {within: 10m, more_than: 2, distance: 2}}\n"
    "  actions: [flag]\n"
    "  score: {spam: 3}\n";

/* ---- records and their model ---- */

uint32_t world_random(struct world *world, uint32_t below)
{
    world->random = world->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(world->random >> 33) % below;
}

static void add_actions(uint64_t kinds[2], const struct wd_action *action)
{
    kinds[0] |= UINT64_C(1) << action->kind;
    kinds[1] += (uint64_t)action->duration_ms;
}

/* Actions that are held are planned ones: what people decide between two deliveries of a record holds them. */
void world_write_outcome(const struct wd_events *events, const struct wd_verdict *verdicts, char out[OUTCOME_MAX])
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t n = 0; n < events->count && at < OUTCOME_MAX - 80; n++) {
        const struct wd_verdict *verdict = &verdicts[n];
        uint64_t kinds[2] = {0};
        for (size_t i = 0; i < verdict->match_count && at < OUTCOME_MAX - 80; i++)
            at += (size_t)snprintf(out + at, OUTCOME_MAX - at, "r%u ", verdict->matches[i].rule);
        for (size_t i = 0; i < verdict->action_count; i++)
            add_actions(kinds, &verdict->actions[i]);
        for (size_t i = 0; i < verdict->held_count; i++)
            add_actions(kinds, &verdict->held[i].action);
        for (size_t i = 0; i < verdict->ladder_count && at < OUTCOME_MAX - 80; i++)
            at += (size_t)snprintf(out + at, OUTCOME_MAX - at, "step%d ", verdict->ladders[i].step);
        at += (size_t)snprintf(out + at, OUTCOME_MAX - at, "actions %llx/%llu;", (unsigned long long)kinds[0],
                               (unsigned long long)kinds[1]);
    }
}

static void judge_by_model(struct world *world, struct world_record *record)
{
    struct wd_events events;
    struct wd_verdict verdicts[4];
    struct wd_error err = {0};
    wd_arena_reset(world->arena);
    assert_int_equal(wd_decode(world->decoder, world->arena, record->json, strlen(record->json), &events, &err),
                     WD_DECODED);
    assert_true(events.count > 0 && events.count <= 4);
    for (size_t i = 0; i < events.count; i++) {
        struct wd_event *event = &events.items[i];
        event->kafka_timestamp_ms = record->timestamp_ms;
        const struct wd_origin origin =
            wd_origin_of(wd_str_from(WORLD_TOPIC), record->partition, record->offset, (uint32_t)i);
        if (wd_scan_with_table(world->scanner, world->set, world->arena, event, wd_event_time_ms(event), &origin,
                               world->table, &verdicts[i], &err) != WD_OK)
            fail_msg("%s", err.text);
    }
    world_write_outcome(&events, verdicts, record->expected);
}

static void add(struct world *world, unsigned author, const char *name, const char *content, const char *rest)
{
    if (world->count == world->room) {
        world->room = world->room ? 2 * world->room : 256;
        world->records = realloc(world->records, world->room * sizeof(*world->records));
        world->contents = realloc(world->contents, world->room * sizeof(*world->contents));
        for (int i = 0; i < WORLD_PARTITIONS; i++)
            world->at[i] = realloc(world->at[i], world->room * sizeof(*world->at[i]));
    }
    struct world_record *record = &world->records[world->count];
    int partition = (int)(author % WORLD_PARTITIONS);
    int64_t seconds = (int64_t)world->count * 2;
    *record = (struct world_record){
        .partition = partition, .offset = world->ends[partition], .timestamp_ms = WORLD_START_MS + seconds * 1000};
    world->at[partition][world->ends[partition]++] = (uint32_t)world->count;
    time_t now = (time_t)(record->timestamp_ms / 1000);
    struct tm parts;
    char when[40];
    gmtime_r(&now, &parts);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    record->json = malloc(1000);
    snprintf(
        record->json, 1000,
        "{\"event\": \"%s\", \"data\": {\"messages\": [{\"messageId\": \"%s\", \"channelId\": \"c-%u\", \"userId\": "
        "\"u-%u\", \"type\": \"text\", %s, \"createdAt\": \"%s\"}]}}",
        name, content, author, author, rest, when);
    world->count++;
    judge_by_model(world, record);
}

static void last_content(const struct world *world, unsigned author, char out[32])
{
    int length = snprintf(out, 32, "m-%u-", author);
    for (size_t i = world->count; i-- > 0;)
        if (strncmp(world->contents[i], out, (size_t)length) == 0) {
            memcpy(out, world->contents[i], 32);
            return;
        }
    snprintf(out, 32, "m-%u-none", author);
}

void world_add_message(struct world *world, unsigned author, const char *text)
{
    char content[32], rest[300];
    snprintf(content, sizeof(content), "m-%u-%zu", author, world->count);
    snprintf(rest, sizeof(rest), "\"data\": {\"text\": \"%s\"}", text);
    add(world, author, "message.didCreate", content, rest);
    memcpy(world->contents[world->count - 1], content, sizeof(content));
}

static void add_about(struct world *world, unsigned author, const char *name, const char *rest)
{
    char content[32];
    last_content(world, author, content);
    add(world, author, name, content, rest);
    world->contents[world->count - 1][0] = '\0';
}

/* Reporters are of the partition, too: `r-0-1` reports in partition 0. */
void world_add_report(struct world *world, unsigned author, unsigned reporter)
{
    char rest[120];
    snprintf(rest, sizeof(rest), "\"data\": {\"text\": \"x\"}, \"reporter\": \"r-%u-%u\"", author % WORLD_PARTITIONS,
             reporter);
    add_about(world, author, "message.didFlag", rest);
}

void world_add_approval(struct world *world, unsigned author)
{
    add_about(world, author, "message.didApprove", "\"data\": {\"text\": \"x\"}");
}

void world_add(struct world *world)
{
    static const char *const TEXTS[] = {"the same words by me again and again here", "please hideme now",
                                        "alpha bravo charlie delta echo", "hello to everybody in this channel"};
    unsigned author = world_random(world, WORLD_AUTHORS);
    uint32_t dice = world_random(world, 10);
    if (dice == 0)
        world_add_report(world, author, world_random(world, WORLD_REPORTERS));
    else if (dice == 1)
        world_add_approval(world, author);
    else
        world_add_message(world, author, TEXTS[world_random(world, 4)]);
}

/* ---- the world ---- */

void world_init(struct world *world, const struct redis_servers *servers, const char *prefix, uint64_t seed,
                int64_t timeout_ms)
{
    *world = (struct world){.random = seed};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (wd_ruleset_load_text("t.yaml", RULES, strlen(RULES), NULL, &world->set, findings) != WD_OK) {
        wd_diagnostics_print(findings, stderr);
        fail_msg("the rules do not load");
    }
    wd_diagnostics_free(findings);
    world->scanner = wd_scanner_new(NULL);
    world->decoder = wd_decoder_new(1 << 20);
    world->arena = wd_arena_new(8 << 20);
    world->table = wd_value_table_new();
    world->options = (struct state_options){.kind = servers ? STATE_REDIS : STATE_MEMORY,
                                            .addresses = servers ? (char *const *)servers->addresses : NULL,
                                            .prefix = prefix,
                                            .timeout_ms = timeout_ms,
                                            .max_bytes = 64 << 20,
                                            .grace_ms = FAR_MS};
    struct wd_error err = {0};
    if (state_share_open(&world->options, &world->share, &err) != WD_OK)
        fail_msg("%s", err.text);
}

void world_fini(struct world *world)
{
    state_share_close(world->share);
    for (size_t i = 0; i < world->count; i++)
        free(world->records[i].json);
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        free(world->at[i]);
    free(world->records);
    free(world->contents);
    wd_value_table_free(world->table);
    wd_arena_free(world->arena);
    wd_decoder_free(world->decoder);
    wd_scanner_free(world->scanner);
    wd_ruleset_unref(world->set);
}
