/* Explanations as JSON. Neighbours: explain_report.c prints them for people. */
#include <string.h>

#include "worker/cli/explain_report.h"

static json_t *text_json(struct wd_str text)
{
    return text.data ? json_stringn(text.data, text.len) : json_null();
}

static json_t *spans_json(const struct wd_event *event, const struct wd_span *spans, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct wd_text *text = &event->texts[spans[i].text_index];
        struct wd_str found = {.data = text->text.data + spans[i].start, .len = spans[i].end - spans[i].start};
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i, s:o}", "field", wd_text_field_name(text->field),
                                              "view", wd_view_name(spans[i].view), "start", (int)spans[i].start, "end",
                                              (int)spans[i].end, "text", text_json(found)));
    }
    return list;
}

static json_t *condition_json(const struct wd_event *event, const struct wd_condition_answer *condition)
{
    static const char *const ANSWERS[] = {"false", "true", "undecided"};
    json_t *json =
        json_pack("{s:i, s:s, s:s?, s:s, s:s?, s:i, s:i, s:b}", "depth", condition->depth, "kind", condition->kind,
                  "text", condition->text, "answer", ANSWERS[condition->answer], "file", condition->file, "line",
                  condition->line, "column", condition->column, "exception", condition->in_exception);
    if (json && strcmp(condition->kind, "field") == 0)
        json_object_set_new(json, "value", text_json(condition->value));
    if (json && condition->remembered.data) {
        json_object_set_new(json, "remembered", text_json(condition->remembered));
        json_object_set_new(json, "amount", json_real(condition->amount));
    }
    if (json && condition->span_count) {
        json_object_set_new(json, "found", spans_json(event, condition->spans, condition->span_count));
        json_object_set_new(json, "allowed", json_integer((json_int_t)condition->allowed_count));
    }
    return json;
}

static json_t *actions_json(const struct wd_action *actions, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *json = json_pack("{s:s}", "action", wd_action_kind_name(actions[i].kind));
        if (json && actions[i].scope != WD_SCOPE_NONE)
            json_object_set_new(json, "scope", json_string(wd_scope_name(actions[i].scope)));
        if (json && actions[i].duration_ms)
            json_object_set_new(json, "duration_s", json_integer(actions[i].duration_ms / 1000));
        if (json && actions[i].notify_target.data)
            json_object_set_new(json, "target", text_json(actions[i].notify_target));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *rule_json(const struct wd_event *event, const struct explained *rule)
{
    char why[512];
    json_t *conditions = json_array(), *points = json_object();
    wd_explain_briefly(&rule->explanation, why, sizeof(why));
    for (size_t i = 0; i < rule->explanation.condition_count; i++)
        json_array_append_new(conditions, condition_json(event, &rule->explanation.conditions[i]));
    for (size_t i = 0; i < rule->explanation.point_count; i++)
        json_object_set_new(points, rule->explanation.points[i].score, json_real(rule->explanation.points[i].points));
    const struct wd_rule_match *match = rule->match;
    return json_pack("{s:s, s:s, s:b, s:b, s:b, s:s?, s:o, s:o, s:o}", "rule", rule->info->id, "mode",
                     wd_mode_name(rule->info->mode), "matches", match && match->is_match, "enforced",
                     match && match->enforced, "undecided", match && match->undecided, "because", match ? NULL : why,
                     "conditions", conditions, "actions",
                     actions_json(rule->explanation.actions, rule->explanation.action_count), "points", points);
}

static json_t *scores_json(const struct wd_verdict *verdict)
{
    json_t *list = json_array();
    for (size_t i = 0; i < verdict->score_count; i++) {
        const struct wd_score_result *score = &verdict->scores[i];
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f, s:o, s:b, s:b}", "score", score->name, "before",
                                              score->before, "points", score->points, "after", score->after, "band_at",
                                              score->band < 0 ? json_null() : json_real(score->band_at), "entered",
                                              score->entered, "enforced", score->enforced));
    }
    return list;
}

static json_t *ladders_json(const struct wd_verdict *verdict)
{
    json_t *list = json_array();
    for (size_t i = 0; i < verdict->ladder_count; i++) {
        const struct wd_ladder_result *ladder = &verdict->ladders[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:o, s:b}", "ladder", ladder->name, "strikes", (int)ladder->strikes,
                                        "step_after", ladder->step < 0 ? json_null() : json_integer(ladder->step_after),
                                        "enforced", ladder->enforced));
    }
    return list;
}

static json_t *held_json(const struct wd_verdict *verdict)
{
    json_t *list = json_array();
    for (size_t i = 0; i < verdict->held_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "action", wd_action_kind_name(verdict->held[i].action.kind),
                                              "reason", wd_hold_name(verdict->held[i].reason)));
    return list;
}

/* Of sets that remember. */
static void add_behaviour(json_t *json, const struct wd_verdict *verdict)
{
    if (!json || !(verdict->trust || verdict->score_count || verdict->ladder_count || verdict->held_count))
        return;
    json_object_set_new(json, "trust", verdict->trust ? json_string(verdict->trust) : json_null());
    json_object_set_new(json, "scores", scores_json(verdict));
    json_object_set_new(json, "ladders", ladders_json(verdict));
    json_object_set_new(json, "held", held_json(verdict));
}

json_t *explain_json_event(const struct wd_event *event, const struct wd_verdict *verdict,
                           const struct explained *rules, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, rule_json(event, &rules[i]));
    json_t *json = json_pack("{s:o, s:s, s:o, s:o, s:i, s:o, s:f, s:b, s:o, s:o}", "event", text_json(event->name),
                             "content_type", wd_content_type_name(event->content_type), "content_id",
                             text_json(event->content_id), "author", text_json(event->author.id), "matches",
                             (int)verdict->match_count, "rules", list, "score", verdict->score, "exempt",
                             verdict->exempt, "actions", actions_json(verdict->actions, verdict->action_count),
                             "shadow_actions", actions_json(verdict->shadow_actions, verdict->shadow_action_count));
    add_behaviour(json, verdict);
    return json;
}
