/* Makes the JSON of a sample. Neighbours: judge.c decides what is captured, report*.c print it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/replay/capture.h"

enum { TEXT_SHOWN = 480, BEFORE_SPAN = 120, SPANS_SHOWN = 32 };

/* Moves an offset back to where a character begins. */
static size_t character_start(struct wd_str text, size_t at)
{
    while (at > 0 && at < text.len && ((unsigned char)text.data[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static bool is_shown(const struct capture *capture, const struct wd_rule_match *match)
{
    return match->is_match && (capture->only_rule < 0 || match->rule == (uint32_t)capture->only_rule);
}

struct span_list {
    struct wd_span items[SPANS_SHOWN];
    size_t count;
};

static int compare_spans(const void *a, const void *b)
{
    const struct wd_span *one = a, *other = b;
    if (one->start != other->start)
        return one->start < other->start ? -1 : 1;
    return one->end < other->end ? -1 : one->end > other->end;
}

/* The spans in one text, in order. */
static void collect_spans(const struct capture *capture, uint32_t text_index, struct span_list *list)
{
    list->count = 0;
    for (size_t m = 0; m < capture->verdict->match_count; m++) {
        const struct wd_rule_match *match = &capture->verdict->matches[m];
        for (size_t s = 0; is_shown(capture, match) && s < match->span_count; s++)
            if (match->spans[s].text_index == text_index && list->count < SPANS_SHOWN)
                list->items[list->count++] = match->spans[s];
    }
    qsort(list->items, list->count, sizeof(*list->items), compare_spans);
}

/* Overlapping spans become one, so that marks never cross. `start` and `end` of the shown piece. */
static json_t *spans_json(struct wd_str text, const struct span_list *list, size_t start, size_t end)
{
    json_t *spans = json_array();
    size_t last_end = start;
    for (size_t i = 0; i < list->count; i++) {
        size_t from = list->items[i].start > last_end ? list->items[i].start : last_end;
        size_t to = list->items[i].end < end ? list->items[i].end : end;
        from = character_start(text, from);
        if (from >= to)
            continue;
        json_array_append_new(spans, json_pack("{s:I, s:I, s:s}", "start", (json_int_t)(from - start), "end",
                                               (json_int_t)(to - start), "view", wd_view_name(list->items[i].view)));
        last_end = to;
    }
    return spans;
}

static json_t *text_json(const struct capture *capture, uint32_t index)
{
    const struct wd_text *text = &capture->event->texts[index];
    struct span_list list;
    collect_spans(capture, index, &list);
    size_t start = 0, end = text->text.len;
    if (end > TEXT_SHOWN) {
        if (list.count && list.items[0].start > BEFORE_SPAN)
            start = character_start(text->text, list.items[0].start - BEFORE_SPAN);
        if (end - start > TEXT_SHOWN)
            end = character_start(text->text, start + TEXT_SHOWN);
    }
    return json_pack("{s:s, s:s%, s:I, s:b, s:o}", "field", wd_text_field_name(text->field), "text",
                     text->text.data + start, end - start, "offset", (json_int_t)start, "cut",
                     start > 0 || end < text->text.len, "spans", spans_json(text->text, &list, start, end));
}

/* A text without a mark says nothing where there are others: the author's name, a title. */
static json_t *texts_json(const struct capture *capture)
{
    json_t *texts = json_array();
    struct span_list list;
    for (uint32_t i = 0; i < capture->event->text_count; i++) {
        if (capture->event->texts[i].field == WD_FIELD_AUTHOR_NAME) {
            collect_spans(capture, i, &list);
            if (!list.count)
                continue;
        }
        json_array_append_new(texts, text_json(capture, i));
    }
    return texts;
}

static json_t *rules_json(const struct capture *capture)
{
    json_t *rules = json_array();
    for (size_t m = 0; m < capture->verdict->match_count; m++)
        if (capture->verdict->matches[m].is_match)
            json_array_append_new(rules,
                                  json_string(wd_ruleset_rule(capture->set, capture->verdict->matches[m].rule)->id));
    return rules;
}

void capture_actions(const struct wd_action *actions, size_t count, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        const struct wd_action *action = &actions[i];
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", wd_action_kind_name(action->kind));
        if (used < size && action->scope != WD_SCOPE_NONE)
            used += (size_t)snprintf(out + used, size - used, " (%s)", wd_scope_name(action->scope));
        if (used < size && action->duration_ms)
            used += (size_t)snprintf(out + used, size - used, " for %lld s", (long long)(action->duration_ms / 1000));
        if (used < size && action->notify_target.data)
            used += (size_t)snprintf(out + used, size - used, " %.*s", WD_STR_ARG(action->notify_target));
    }
}

static json_t *actions_json(const struct wd_verdict *verdict)
{
    char actions[512];
    capture_actions(verdict->actions, verdict->action_count, actions, sizeof(actions));
    return json_string(actions);
}

json_t *capture_event(const struct capture *capture)
{
    const struct wd_event *event = capture->event;
    struct wd_str author = event->author.id, content = event->content_id;
    json_t *json = json_pack("{s:s, s:s%, s:s%, s:s%, s:o, s:o, s:o}", "place", capture->place, "event",
                             event->name.data ? event->name.data : "", event->name.len, "content_id",
                             content.data ? content.data : "", content.len, "author", author.data ? author.data : "",
                             author.len, "texts", texts_json(capture), "rules", rules_json(capture), "actions",
                             actions_json(capture->verdict));
    if (json && capture->before)
        json_object_set_new(json, "actions_before", actions_json(capture->before));
    if (json && capture->label)
        json_object_set_new(json, "label", json_string(capture->label));
    return json;
}
