/* The action table in use: from an action and an event to a call, from an answer to an outcome. Immutable, so that all
 * shards share it. Neighbours: table_load.c fills it, template.c and answer.c do the details. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/platform/table_rows.h"

static const char *const METHODS[] = {"GET", "POST", "PUT", "DELETE"};

_Static_assert(sizeof(METHODS) / sizeof(*METHODS) == HTTP_METHOD_COUNT, "one name a method");

const char *http_method_name(enum http_method method)
{
    return (size_t)method < HTTP_METHOD_COUNT ? METHODS[method] : "unknown";
}

void action_table_free(struct action_table *table)
{
    if (!table)
        return;
    wd_arena_free(table->arena);
    free(table);
}

uint32_t action_table_group_count(const struct action_table *table)
{
    return table->group_count;
}

const char *action_table_group_name(const struct action_table *table, uint32_t group_index)
{
    return group_index < table->group_count ? table->groups[group_index] : NULL;
}

const char *action_table_check_path(const struct action_table *table)
{
    return table->check_path;
}

const struct action_batch *action_table_batch(const struct action_table *table, uint32_t entry)
{
    return entry < table->row_count && table->rows[entry].batch.field ? &table->rows[entry].batch : NULL;
}

static void fill_call(const struct action_table *table, uint16_t place, struct platform_call *call)
{
    const struct table_row *row = &table->rows[place - 1];
    *call = (struct platform_call){
        .method = row->method,
        .group = table->groups[row->group],
        .group_index = row->group,
        .entry = (uint32_t)place - 1,
        .batch = row->batch.field ? &row->batch : NULL,
    };
}

enum wd_status action_table_call(const struct action_table *table, const struct wd_action *action,
                                 const struct wd_event *event, struct wd_arena *arena, struct platform_call *call_out,
                                 struct wd_error *err)
{
    if (action->kind == WD_ACTION_NOTIFY)
        return wd_fail(err, WD_ERR_INVALID, "notify goes to a webhook, not to the platform");
    uint16_t place = table->places[action->kind][event->content_type][action->scope];
    if (!place)
        return wd_fail(err, WD_ERR_NOT_FOUND, "the action table has no row for %s%s%s on a %s",
                       wd_action_kind_name(action->kind), action->scope ? " in scope " : "",
                       wd_scope_name(action->scope), wd_content_type_name(event->content_type));
    struct platform_call call;
    fill_call(table, place, &call);
    const struct table_row *row = &table->rows[call.entry];
    struct template_values values;
    template_values_init(&values, action, event);
    enum wd_status status = template_expand_path(&row->path, &values, arena, &call.path, &call.author, err);
    if (status == WD_OK && row->body.first) /* a row with a batch names the author once: in one of the two */
        status = template_expand_body(&row->body, &values, arena, &call.body, &call.author, err);
    if (status != WD_OK)
        return wd_error_prefix(err, status, "%s on a %s", wd_action_kind_name(action->kind),
                               wd_content_type_name(event->content_type));
    *call_out = call;
    return WD_OK;
}

/* "http://" or "https://", a host, no user name, no bytes that a URL cannot hold. */
static bool is_webhook_url(struct wd_str url)
{
    size_t scheme = wd_str_starts_with(url, "https://") ? 8 : wd_str_starts_with(url, "http://") ? 7 : 0;
    if (!scheme || url.len == scheme)
        return false;
    bool in_authority = true;
    for (size_t i = scheme; i < url.len; i++) {
        unsigned char c = (unsigned char)url.data[i];
        if (c <= 0x20 || c >= 0x7F || c == '\\')
            return false;
        if (c == '/' || c == '?' || c == '#') {
            if (in_authority && i == scheme)
                return false;
            in_authority = false;
        }
        if (c == '@' && in_authority)
            return false;
    }
    return true;
}

enum wd_status action_table_notify_call(const struct action_table *table, struct wd_str url, struct wd_str payload,
                                        struct platform_call *call_out, struct wd_error *err)
{
    uint16_t place = table->places[WD_ACTION_NOTIFY][WD_CONTENT_OTHER][WD_SCOPE_NONE];
    if (!place)
        return wd_fail(err, WD_ERR_NOT_FOUND, "the action table has no row for notify");
    if (!is_webhook_url(url))
        return wd_fail(err, WD_ERR_INVALID,
                       "the webhook is not an http:// or https:// URL without a user name: see platform.notify");
    fill_call(table, place, call_out);
    call_out->path = url;
    call_out->body = payload;
    return WD_OK;
}

static void describe(struct outcome *out, const struct answer_body *body)
{
    int length = snprintf(out->text, sizeof(out->text), "HTTP %d", out->http_status);
    if (body->code)
        length += snprintf(out->text + length, sizeof(out->text) - (size_t)length, ", code %d", body->code);
    if (body->is_broken)
        snprintf(out->text + length, sizeof(out->text) - (size_t)length, ", an answer that breaks off");
    if (body->message[0])
        snprintf(out->text + length, sizeof(out->text) - (size_t)length, ": %s", body->message);
}

/* Without the platform's code a refusal may as well be an 'already': so it is asked again, as after no answer. The
 * token is refused whatever the body says. */
static bool is_unclear(int http_status, const struct answer_body *body)
{
    return body->is_broken && http_status >= 400 && http_status < 500 && http_status != 401;
}

void action_table_classify(const struct action_table *table, uint32_t entry, int http_status, struct wd_str body,
                           int64_t retry_after_ms, struct outcome *out)
{
    static const struct answer_list none;
    const struct answer_list *own = entry < table->row_count ? &table->rows[entry].answers : &none;
    bool is_success = http_status >= 200 && http_status < 300;
    struct answer_body read = {0};
    if (!is_success || own->reads_success || table->answers.reads_success)
        answer_body_read(&read, body);
    const struct answer_condition *condition = answer_list_find(own, http_status, &read);
    if (!condition)
        condition = answer_list_find(&table->answers, http_status, &read);
    *out = (struct outcome){
        .class = condition ? condition->class : answer_class_of_status(http_status),
        .http_status = http_status,
        .platform_code = read.code,
        .retry_after_ms = retry_after_ms,
    };
    if (is_unclear(http_status, &read))
        out->class = OUTCOME_RETRY;
    bool named_a_time = retry_after_ms >= 0;
    out->throttled = out->class == OUTCOME_RETRY && (http_status == 429 || (http_status == 503 && named_a_time));
    describe(out, &read);
}
