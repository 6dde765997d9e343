/* What the demo tells of behaviour: which rules caught what no text gave away, and who went up a ladder. Read from the
 * decisions topic, as anybody could. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/cli/demo.h"
#include "worker/kafka/inspect.h"

enum { CLIMBERS = 64, CLIMBERS_TOLD = 2, STEPS = 8, STEP_TEXT = 32, RULES_TOLD = 8, TIMEOUT_MS = 5000 };

struct climber {
    char author[64];
    size_t count;
    struct {
        int64_t at_ms;
        int strikes;
        char action[STEP_TEXT];
    } steps[STEPS];
};

/* Events that only rules about behaviour caught. */
struct alone {
    char rule[64];
    uint64_t events;
};

struct story {
    struct climber climbers[CLIMBERS]; /* the first that were met with */
    size_t climber_count;
    struct alone alone[RULES_TOLD];
    size_t alone_count;
};

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

/* ---- reading ---- */

static struct climber *climber_of(struct story *story, const char *author)
{
    for (size_t i = 0; i < story->climber_count; i++)
        if (strcmp(story->climbers[i].author, author) == 0)
            return &story->climbers[i];
    if (story->climber_count == CLIMBERS)
        return NULL;
    struct climber *climber = &story->climbers[story->climber_count++];
    snprintf(climber->author, sizeof(climber->author), "%s", author);
    return climber;
}

/* The last planned action is what the step added: content comes before the user. */
static void describe_action(const json_t *decision, char *out, size_t size)
{
    const json_t *planned = json_object_get(decision, "planned");
    const json_t *action = json_array_get(planned, json_array_size(planned) - 1);
    long long minutes = json_integer_value(json_object_get(action, "duration_ms")) / 60000;
    if (minutes)
        snprintf(out, size, "%s for %lld min", text_of(action, "action"), minutes);
    else
        snprintf(out, size, "%s", text_of(action, "action"));
}

static void take_ladder(struct story *story, const json_t *decision, const json_t *ladder)
{
    if (!json_is_integer(json_object_get(ladder, "step")) || !json_is_true(json_object_get(ladder, "enforced")))
        return;
    struct climber *climber = climber_of(story, text_of(decision, "author_id"));
    if (!climber || climber->count == STEPS)
        return;
    climber->steps[climber->count].at_ms = json_integer_value(json_object_get(decision, "created_at_ms"));
    climber->steps[climber->count].strikes = (int)json_integer_value(json_object_get(ladder, "strikes"));
    describe_action(decision, climber->steps[climber->count].action, STEP_TEXT);
    climber->count++;
}

static void take_match(struct story *story, const json_t *match)
{
    const char *rule = text_of(match, "rule");
    size_t i = 0;
    while (i < story->alone_count && strcmp(story->alone[i].rule, rule) != 0)
        i++;
    if (i == RULES_TOLD)
        return;
    if (i == story->alone_count)
        snprintf(story->alone[story->alone_count++].rule, sizeof(story->alone[0].rule), "%s", rule);
    story->alone[i].events++;
}

static void take_decision(void *context, const struct kafka_record *record)
{
    struct story *story = context;
    json_t *decision = json_loadb(record->value.data, record->value.len, 0, NULL);
    const json_t *ladders = json_object_get(decision, "ladders"), *matches = json_object_get(decision, "matches");
    for (size_t i = 0; i < json_array_size(ladders); i++)
        take_ladder(story, decision, json_array_get(ladders, i));
    bool by_behaviour = true;
    for (size_t i = 0; i < json_array_size(matches); i++) {
        const char *set = text_of(json_array_get(matches, i), "set");
        by_behaviour &= strcmp(set, "warden.demo") == 0 || strcmp(set, "warden.behaviour") == 0;
    }
    for (size_t i = 0; i < json_array_size(matches) && by_behaviour; i++)
        if (strcmp(text_of(json_array_get(matches, i), "set"), "warden.demo") == 0)
            take_match(story, json_array_get(matches, i));
    json_decref(decision);
}

/* ---- telling ---- */

static void tell_rules(const struct demo *demo, const struct story *story)
{
    const struct wd_ruleset *rules = worker_rules(demo->worker);
    for (size_t i = 0; i < story->alone_count; i++)
        for (uint32_t rule = 0; rule < wd_ruleset_rule_count(rules); rule++) {
            const struct wd_rule_info *info = wd_ruleset_rule(rules, rule);
            if (strcmp(info->id, story->alone[i].rule) == 0)
                printf("  %-24s %-40s %5llu events that no text gave away\n", info->id, info->title,
                       (unsigned long long)story->alone[i].events);
        }
}

/* Who went furthest comes first. */
static int by_strikes(const void *left, const void *right)
{
    const struct climber *a = left, *b = right;
    int most_a = a->steps[a->count - 1].strikes, most_b = b->steps[b->count - 1].strikes;
    return most_a != most_b ? most_b - most_a : strcmp(a->author, b->author);
}

static void tell_climber(const struct climber *climber)
{
    printf("  %-24s", climber->author);
    for (size_t i = 0; i < climber->count; i++) {
        time_t seconds = climber->steps[i].at_ms / 1000;
        struct tm time;
        char clock[16] = "";
        if (gmtime_r(&seconds, &time))
            strftime(clock, sizeof(clock), "%H:%M:%S", &time);
        printf("%s %s strike %d: %s", i ? "  >" : "", clock, climber->steps[i].strikes, climber->steps[i].action);
    }
    printf("\n");
}

void story_print(const struct demo *demo, const char *decisions_topic)
{
    struct inspect_options options = {.brokers = broker_addresses(demo->broker), .timeout_ms = TIMEOUT_MS};
    static struct story story; /* large */
    struct wd_error err = {0};
    if (inspect_read(&options, decisions_topic, take_decision, &story, &err) != WD_OK) {
        fprintf(stderr, "warden demo: %s\n", err.text);
        return;
    }
    if (story.alone_count)
        printf("\nCaught by behaviour alone\n");
    tell_rules(demo, &story);
    if (story.climber_count)
        printf("\nUp the ladder (times are the events' own)\n");
    qsort(story.climbers, story.climber_count, sizeof(*story.climbers), by_strikes);
    for (size_t i = 0; i < story.climber_count && i < CLIMBERS_TOLD; i++)
        tell_climber(&story.climbers[i]);
}
