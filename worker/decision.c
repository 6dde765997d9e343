/* Decision records as JSON. Neighbours: pipeline.c, which writes them to the decisions topic. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "worker/decision.h"

enum { DECISION_FORMAT = 1, SPANS_MAX = 16, MATCHES_MAX = 256 }; /* a record must fit into a Kafka message */

/* jansson's own type under our name: a decision is its JSON object. */
static json_t *json_of(struct decision *decision)
{
    return (json_t *)decision;
}

static json_t *text_or_null(struct wd_str s)
{
    json_t *text = s.data ? json_stringn(s.data, s.len) : json_null();
    return text ? text : json_null(); /* not UTF-8: ids of broken producers */
}

static json_t *span_json(const struct wd_event *event, const struct wd_span *span)
{
    const char *field =
        span->text_index < event->text_count ? wd_text_field_name(event->texts[span->text_index].field) : "";
    return json_pack("{s:s, s:i, s:i, s:i, s:s}", "field", field, "text_index", (int)span->text_index, "start",
                     (int)span->start, "end", (int)span->end, "view", wd_view_name(span->view));
}

static json_t *match_json(const struct wd_event *event, const struct wd_ruleset *rules,
                          const struct wd_rule_match *match)
{
    const struct wd_rule_info *rule = wd_ruleset_rule(rules, match->rule);
    json_t *spans = json_array();
    for (size_t i = 0; i < match->span_count && i < SPANS_MAX; i++)
        json_array_append_new(spans, span_json(event, &match->spans[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:o}", "rule", rule->id, "set", rule->set_id,
                     "version", rule->set_version, "severity", rule->severity, "mode", wd_mode_name(rule->mode),
                     "enforced", match->enforced, "matched", match->is_match, "undecided", match->undecided, "by_valve",
                     match->by_valve, "spans", spans);
}

static json_t *action_json(const struct wd_action *action)
{
    json_t *json = json_pack("{s:s}", "action", wd_action_kind_name(action->kind));
    if (!json)
        return NULL;
    if (action->scope != WD_SCOPE_NONE)
        json_object_set_new(json, "scope", json_string(wd_scope_name(action->scope)));
    if (action->duration_ms)
        json_object_set_new(json, "duration_ms", json_integer(action->duration_ms));
    if (action->notify_target.data)
        json_object_set_new(json, "target", text_or_null(action->notify_target));
    return json;
}

static json_t *actions_json(const struct wd_action *actions, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, action_json(&actions[i]));
    return list;
}

static json_t *held_json(const struct wd_held_action *held, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *json = action_json(&held[i].action);
        json_object_set_new(json, "reason", json_string(wd_hold_name(held[i].reason)));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *scores_json(const struct wd_score_result *scores, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct wd_score_result *score = &scores[i];
        json_t *json = json_pack("{s:s, s:f, s:f, s:f}", "score", score->name, "before", score->before, "points",
                                 score->points, "after", score->after);
        json_object_set_new(json, "band", score->band < 0 ? json_null() : json_integer(score->band));
        json_object_set_new(json, "band_at", score->band < 0 ? json_null() : json_real(score->band_at));
        json_object_set_new(json, "entered", json_boolean(score->entered));
        json_object_set_new(json, "enforced", json_boolean(score->enforced));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *ladders_json(const struct wd_ladder_result *ladders, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct wd_ladder_result *ladder = &ladders[i];
        json_t *json = json_pack("{s:s, s:i}", "ladder", ladder->name, "strikes", (int)ladder->strikes);
        json_object_set_new(json, "step", ladder->step < 0 ? json_null() : json_integer(ladder->step));
        json_object_set_new(json, "step_after", ladder->step < 0 ? json_null() : json_integer(ladder->step_after));
        json_object_set_new(json, "enforced", json_boolean(ladder->enforced));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *rule_ids_json(const struct wd_ruleset *rules, const uint32_t *ids, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(wd_ruleset_rule(rules, ids[i])->id));
    return list;
}

static void add_behaviour(json_t *json, const struct wd_verdict *verdict, const struct wd_ruleset *rules)
{
    json_object_set_new(json, "held", held_json(verdict->held, verdict->held_count));
    json_object_set_new(json, "scores", scores_json(verdict->scores, verdict->score_count));
    json_object_set_new(json, "ladders", ladders_json(verdict->ladders, verdict->ladder_count));
    json_object_set_new(json, "trust", verdict->trust ? json_string(verdict->trust) : json_null());
    json_object_set_new(json, "alarmed", rule_ids_json(rules, verdict->alarmed, verdict->alarmed_count));
    json_object_set_new(json, "repeated", json_boolean(verdict->repeated));
    json_object_set_new(json, "without_state", json_boolean(verdict->without_state));
}

struct decision *decision_new(const struct kafka_record *record, const struct wd_event *event, uint32_t index,
                              const struct wd_verdict *verdict, const struct wd_ruleset *rules, int64_t wall_ms)
{
    json_t *json =
        json_pack("{s:i, s:s, s:i, s:I, s:i, s:I, s:I}", "format", DECISION_FORMAT, "topic", record->topic, "partition",
                  (int)record->partition, "offset", (json_int_t)record->offset, "object", (int)index,
                  "record_timestamp_ms", (json_int_t)record->timestamp_ms, "decided_at_ms", (json_int_t)wall_ms);
    json_t *matches = json_array();
    if (!json || !matches) {
        json_decref(json);
        json_decref(matches);
        return NULL;
    }
    for (size_t i = 0; i < verdict->match_count && i < MATCHES_MAX; i++)
        json_array_append_new(matches, match_json(event, rules, &verdict->matches[i]));
    json_object_set_new(json, "event", text_or_null(event->name));
    json_object_set_new(json, "content_type", json_string(wd_content_type_name(event->content_type)));
    json_object_set_new(json, "content_id", text_or_null(event->content_id));
    json_object_set_new(json, "author_id", text_or_null(event->author.id));
    json_object_set_new(json, "channel_id", text_or_null(event->place.channel_id));
    json_object_set_new(json, "community_id", text_or_null(event->place.community_id));
    json_object_set_new(json, "created_at_ms", json_integer(event->created_at_ms));
    json_object_set_new(json, "ruleset_digest", json_string(wd_ruleset_digest(rules)));
    json_object_set_new(json, "matches", matches);
    json_object_set_new(json, "match_count", json_integer((json_int_t)verdict->match_count));
    json_object_set_new(json, "score", json_real(verdict->score));
    json_object_set_new(json, "exempt", json_boolean(verdict->exempt));
    json_object_set_new(json, "inapplicable", json_integer((json_int_t)verdict->inapplicable));
    json_object_set_new(json, "budget_ended", json_boolean(verdict->budget_ended));
    json_object_set_new(json, "switched_off", rule_ids_json(rules, verdict->switched_off, verdict->switched_off_count));
    json_object_set_new(json, "planned", actions_json(verdict->actions, verdict->action_count));
    json_object_set_new(json, "shadow_actions", actions_json(verdict->shadow_actions, verdict->shadow_action_count));
    add_behaviour(json, verdict, rules);
    return (struct decision *)json;
}

void decision_free(struct decision *decision)
{
    json_decref(json_of(decision));
}

struct wd_str decision_preview(const struct decision *decision, struct wd_arena *arena)
{
    const json_t *json = (const json_t *)decision;
    size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
    char *text = size ? wd_arena_alloc(arena, size) : NULL;
    if (!text || json_dumpb(json, text, size, JSON_COMPACT) != size)
        return (struct wd_str){0};
    return (struct wd_str){.data = text, .len = size};
}

static const char *result_name(const struct call *call)
{
    switch (call->state) {
    case CALL_SUCCEEDED:
        return call->outcome.class == OUTCOME_ALREADY ? "already_done" : "done";
    case CALL_FAILED:
        return "failed";
    case CALL_PENDING:
        break;
    }
    return "pending";
}

static json_t *call_json(const struct call *call)
{
    json_t *json = action_json(&call->action);
    if (!json)
        return NULL;
    json_object_set_new(json, "result", json_string(result_name(call)));
    json_object_set_new(json, "attempts", json_integer(call->attempts));
    json_object_set_new(json, "users_in_call", json_integer((json_int_t)call->users_in_call));
    json_object_set_new(json, "ambiguous_timeouts", json_integer(call->ambiguous));
    json_object_set_new(json, "http_status", json_integer(call->outcome.http_status));
    json_object_set_new(json, "platform_code", json_integer(call->outcome.platform_code));
    json_object_set_new(json, "idempotency_key",
                        call->idempotency_key ? json_string(call->idempotency_key) : json_null());
    json_object_set_new(json, "last_call_ms", json_integer(call->ended_ms - call->sent_ms));
    if (call->state == CALL_FAILED)
        json_object_set_new(json, "error", json_string(call->outcome.text));
    return json;
}

char *decision_finish(struct decision *decision, const struct unit *unit, const char *dead_letter, const char *worker,
                      int64_t wall_ms)
{
    json_t *json = json_of(decision), *actions = json_array();
    for (size_t i = 0; i < unit->call_count; i++)
        json_array_append_new(actions, call_json(&unit->calls[i]));
    json_object_set_new(json, "actions", actions);
    json_object_set_new(json, "dead_letter", dead_letter ? json_string(dead_letter) : json_null());
    json_object_set_new(json, "worker", json_string(worker));
    json_object_set_new(json, "finished_at_ms", json_integer(wall_ms));
    return json_dumps(json, JSON_COMPACT);
}
