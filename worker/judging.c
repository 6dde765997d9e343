/* The step `judge`: the events of a record to verdicts, with their metrics and what must be said loudly. A record that
 * waited for its values may be judged more than once (recall.c): the last time counts, its metrics the first time.
 * Neighbours: pipeline.c, recall.c. */
#include "worker/log.h"
#include "worker/passage.h"
#include "worker/recall.h"

void passage_fail(struct passage *passage, const char *class, const char *why)
{
    passage->failure_class = class;
    passage->failure_text = wd_arena_copy(passage->arena, wd_str_from(why)).data;
    if (!passage->failure_text)
        passage->failure_text = "no memory left for the reason";
    metrics_add(passage->shard->metrics, METRIC_DECODE_FAILURES, 1);
}

/* ---- metrics ---- */

static void count_matches(struct shard *shard, const struct wd_verdict *verdict)
{
    metrics_add(shard->metrics, METRIC_CANDIDATES, verdict->candidates);
    for (uint32_t i = 0; i < verdict->candidates; i++)
        metrics_rule_add(shard->metrics, verdict->candidate_rules[i], RULE_CANDIDATE, 1);
    for (size_t i = 0; i < verdict->match_count; i++) {
        const struct wd_rule_match *match = &verdict->matches[i];
        if (match->undecided) {
            metrics_add(shard->metrics, METRIC_UNDECIDED, 1);
            metrics_rule_add(shard->metrics, match->rule, RULE_UNDECIDED, 1);
        }
        if (!match->is_match)
            continue;
        metrics_add(shard->metrics, match->enforced ? METRIC_MATCHES : METRIC_SHADOW_MATCHES, 1);
        metrics_rule_add(shard->metrics, match->rule, RULE_MATCHED, 1);
        metrics_rule_add(shard->metrics, match->rule, match->enforced ? RULE_ENFORCED : RULE_SHADOW, 1);
    }
}

static void count_verdict(struct shard *shard, const struct wd_event *event, const struct wd_verdict *verdict)
{
    metrics_add(shard->metrics, METRIC_EVENTS, 1);
    metrics_add(shard->metrics, METRIC_REPAIRED, event->repaired);
    metrics_add(shard->metrics, METRIC_EVENTS_REPEATED, verdict->repeated);
    metrics_add(shard->metrics, METRIC_EVENTS_WITHOUT_STATE, verdict->without_state);
    metrics_add(shard->metrics, METRIC_ACTIONS_HELD, verdict->held_count);
    count_matches(shard, verdict);
}

/* Loudly: a rule that is off protects nobody. The decision record of the event says it, too. */
static void tell_rule(struct shard *shard, const struct passage *passage, uint32_t index, const char *event,
                      const char *words)
{
    const struct wd_rule_info *rule = wd_ruleset_rule(shard->rules, index);
    log_write(LOG_ERROR, event, words, LOG_STR("rule", rule->id), LOG_STR("file", rule->file),
              LOG_INT("line", rule->line), LOG_STR("topic", passage->record->topic),
              LOG_INT("partition", passage->record->partition), LOG_INT("offset", passage->record->offset), LOG_END);
}

static void tell_changed_rules(struct shard *shard, const struct passage *passage, const struct wd_verdict *verdict)
{
    for (size_t i = 0; i < verdict->switched_off_count; i++)
        tell_rule(shard, passage, verdict->switched_off[i], "rule-switched-off",
                  "a rule took longer than rules.rule_budget too often: it is off until the rules are loaded anew; "
                  "`warden rules lint` tells why");
    for (size_t i = 0; i < verdict->alarmed_count; i++)
        tell_rule(shard, passage, verdict->alarmed[i], "rule-alarm",
                  "a rule suddenly matches more than its share of events: it is in shadow until POST /-/rules/reset or "
                  "a reload");
    metrics_add(shard->metrics, METRIC_SWITCHED_OFF, verdict->switched_off_count);
    metrics_add(shard->metrics, METRIC_RULES_ALARMED, verdict->alarmed_count);
}

/* ---- judging ---- */

/* Directly: nothing is remembered, by this set or at all. */
static enum wd_status scan_alone(struct passage *passage, struct wd_event *event, struct wd_verdict *verdict,
                                 struct wd_error *err)
{
    struct shard *shard = passage->shard;
    event->kafka_timestamp_ms = passage->record->timestamp_ms;
    int64_t now_ms = wd_event_time_ms(event);
    if (wd_ruleset_remembers(shard->rules)) {
        const struct wd_recall nothing = {0};
        const struct wd_origin nowhere = {0};
        return wd_scan_remembering(shard->scanner, shard->rules, passage->arena, event, now_ms, &nowhere, &nothing,
                                   NULL, verdict, err);
    }
    return wd_scan(shard->scanner, shard->rules, passage->arena, event, now_ms, verdict, err);
}

static enum wd_status scan_recalled(struct passage *passage, size_t index, struct wd_verdict *verdict,
                                    struct wd_error *err)
{
    struct shard *shard = passage->shard;
    const struct wd_event *event = &passage->events.items[index];
    const struct recalled_event *recalled = &passage->recalled[index];
    const struct wd_origin origin = wd_origin_of(wd_str_from(passage->record->topic), passage->record->partition,
                                                 passage->record->offset, (uint32_t)index);
    return wd_scan_remembering(shard->scanner, shard->rules, recalls_verdict_arena(shard->recalls), event,
                               recalled->now_ms, &origin, &recalled->recall, recalled->values, verdict, err);
}

static enum wd_status scan_event(struct passage *passage, size_t index, struct wd_error *err)
{
    struct shard *shard = passage->shard;
    struct wd_event *event = &passage->events.items[index];
    struct wd_verdict *verdict = &passage->verdicts[index];
    bool is_new = !passage->recalled || !passage->recalled[index].counted;
    if (passage->recalled ? !passage->recalled[index].wanted : !wd_ruleset_wants(shard->rules, event->name)) {
        metrics_add(shard->metrics, METRIC_EVENTS, is_new);
        metrics_add(shard->metrics, METRIC_EVENTS_UNWANTED, is_new);
    } else {
        enum wd_status status =
            passage->recalled ? scan_recalled(passage, index, verdict, err) : scan_alone(passage, event, verdict, err);
        if (status != WD_OK)
            return status;
        if (is_new)
            count_verdict(shard, event, verdict);
        tell_changed_rules(shard, passage, verdict);
    }
    if (passage->recalled)
        passage->recalled[index].counted = true;
    return WD_OK;
}

void passage_judge(struct passage *passage)
{
    struct shard *shard = passage->shard;
    struct wd_arena *arena = passage->arena;
    struct wd_error err = {0};
    if (passage->recalled) {
        arena = recalls_verdict_arena(shard->recalls);
        passage->events.count = passage->decoded;
        passage->failure_class = NULL;
    }
    size_t count = passage->events.count;
    if (!count)
        return;
    passage->verdicts = wd_arena_zalloc(arena, count, sizeof(*passage->verdicts));
    if (!passage->verdicts) {
        wd_fail(&err, WD_ERR_TOO_LARGE, "%zu objects in one record pass worker.event_memory", count);
        passage->events.count = 0;
        passage_fail(passage, "too_large", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (scan_event(passage, i, &err) != WD_OK) {
            passage->events.count = i; /* what was judged before it is still acted on */
            passage_fail(passage, "cannot_be_judged", err.text);
            return;
        }
}
