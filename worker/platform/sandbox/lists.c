/* The platform's own word lists, its activity report, and the webhook receiver for notify. Neighbours: platform.c. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/platform/sandbox/platform.h"

enum { REGEX_COUNT_MAX = 100, REGEX_MAX = 500, PAGE_DEFAULT = 20, PAGE_MAX = 100 };

static struct word_list *list_of(struct platform *platform, const struct call *call)
{
    return strcmp(call->segments[2], "blocklists") == 0 ? &platform->blocklist : &platform->allowlist;
}

static void print_rule(const struct list_rule *rule, struct buffer *out)
{
    buffer_format(out, "{\"ruleId\":\"%llu\",\"regex\":", (unsigned long long)rule->id);
    buffer_json(out, rule->regex);
    buffer_format(out, ",\"isMatchExactWord\":%s,\"isEnabled\":true,\"isDeleted\":false}",
                  rule->exact_word ? "true" : "false");
}

static void print_rules(const struct word_list *list, size_t from, size_t to, struct buffer *out)
{
    buffer_text(out, "\"results\":[");
    for (size_t i = from; i < to; i++) {
        if (i > from)
            buffer_text(out, ",");
        print_rule(&list->items[i], out);
    }
    buffer_text(out, "]");
}

/* A page token is "p" and the place in the list. False: it is none of ours. */
static bool read_page(const struct call *call, size_t count, size_t *from_out, size_t *limit_out)
{
    const char *token = call_query(call, "options[token]");
    const char *limit = call_query(call, "options[limit]");
    char *end = NULL;
    *from_out = 0;
    *limit_out = PAGE_DEFAULT;
    if (token && *token) {
        if (token[0] != 'p' || token[1] < '0' || token[1] > '9')
            return false;
        *from_out = strtoull(token + 1, &end, 10);
        if (*end || *from_out > count)
            return false;
    }
    if (limit) {
        *limit_out = strtoull(limit, &end, 10);
        if (*limit < '0' || *limit > '9' || *end || *limit_out < 1 || *limit_out > PAGE_MAX)
            return false;
    }
    return true;
}

static void serve_list(struct platform *platform, struct call *call)
{
    const struct word_list *list = list_of(platform, call);
    size_t from, limit;
    if (!read_page(call, list->count, &from, &limit)) {
        call_invalid(call, "options[token] or options[limit] (1 to 100) is wrong");
        return;
    }
    size_t to = list->count - from < limit ? list->count : from + limit;
    buffer_text(&call->answer, "{");
    print_rules(list, from, to, &call->answer);
    buffer_text(&call->answer, ",\"paging\":{");
    if (to < list->count)
        buffer_format(&call->answer, "\"next\":\"p%zu\"", to);
    if (from > 0)
        buffer_format(&call->answer, "%s\"previous\":\"p%zu\"", to < list->count ? "," : "",
                      from > limit ? from - limit : 0);
    buffer_text(&call->answer, "}}");
    call_done(call);
}

static bool are_regexs_valid(struct call *call)
{
    const json_t *regexs = json_object_get(call->json, "regexs");
    const json_t *exact = json_object_get(call->json, "isMatchExactWord");
    size_t count = json_array_size(regexs);
    bool is_valid =
        json_is_array(regexs) && count >= 1 && count <= REGEX_COUNT_MAX && (!exact || json_is_boolean(exact));
    for (size_t i = 0; is_valid && i < count; i++) {
        const json_t *regex = json_array_get(regexs, i);
        is_valid = json_is_string(regex) && json_string_length(regex) >= 1 && json_string_length(regex) <= REGEX_MAX;
    }
    if (!is_valid)
        call_invalid(call, "regexs must be 1 to 100 texts of 1 to 500 bytes, isMatchExactWord true or false");
    return is_valid;
}

static void serve_add(struct platform *platform, struct call *call)
{
    struct word_list *list = list_of(platform, call);
    if (!are_regexs_valid(call))
        return;
    const json_t *regexs = json_object_get(call->json, "regexs");
    size_t from = list->count, more = json_array_size(regexs);
    struct list_rule *items = realloc(list->items, (from + more) * sizeof(*items));
    if (!items) {
        call_no_memory(call);
        return;
    }
    list->items = items;
    for (size_t i = 0; i < more; i++) {
        struct list_rule *rule = &items[list->count];
        *rule = (struct list_rule){.id = ++platform->last_rule_id,
                                   .regex = strdup(json_string_value(json_array_get(regexs, i))),
                                   .exact_word = json_is_true(json_object_get(call->json, "isMatchExactWord"))};
        if (!rule->regex) {
            call_no_memory(call);
            return;
        }
        list->count++;
    }
    buffer_text(&call->answer, "{");
    print_rules(list, from, list->count, &call->answer);
    buffer_text(&call->answer, "}");
    call_done(call);
}

static void serve_verify(struct platform *platform, struct call *call)
{
    (void)platform;
    if (are_regexs_valid(call))
        call_done(call);
}

static void print_csv(const char *text, struct buffer *out)
{
    if (!strpbrk(text, ",\"\r\n")) {
        buffer_text(out, text);
        return;
    }
    buffer_text(out, "\"");
    for (; *text; text++)
        buffer_add(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    buffer_text(out, "\"");
}

static bool print_activity(void *context, struct object *user)
{
    struct buffer *out = context;
    const json_t *last = json_object_get(user->data, "lastActive");
    const json_t *name = json_object_get(user->data, "displayName");
    print_csv(user->id, out);
    buffer_format(out, ",public-%016llx,", (unsigned long long)user->hash);
    print_csv(json_is_string(name) ? json_string_value(name) : user->id, out);
    buffer_text(out, ",");
    print_csv(json_is_string(last) ? json_string_value(last) : "null", out);
    buffer_text(out, "\n");
    return true;
}

static void serve_report(struct platform *platform, struct call *call)
{
    if (objects_count(platform->objects, OBJECT_USER) < (size_t)platform->report_min_users) {
        call_refuse(call, 400, 400000, "the report needs at least 5,000 users");
        return;
    }
    buffer_text(&call->answer, "user_id,user_public_id,display_name,last_active_utc\n");
    objects_each(platform->objects, OBJECT_USER, print_activity, &call->answer);
    call->answer_type = "text/csv; charset=utf-8";
    call_done(call);
}

static void serve_webhook(struct platform *platform, struct call *call)
{
    (void)platform;
    buffer_text(&call->answer, "{}");
    call_done(call);
}

#define ABOUT_NONE "", OBJECT_NONE, OBJECT_NONE

const struct route LIST_ROUTES[] = {
    {"GET", "/api/v3/blocklists", ABOUT_NONE, ACCESS_ADMIN, serve_list},
    {"POST", "/api/v3/blocklists", ABOUT_NONE, ACCESS_ADMIN, serve_add},
    {"POST", "/api/v3/blocklists/verify", ABOUT_NONE, ACCESS_ADMIN, serve_verify},
    {"GET", "/api/v3/allowlists", ABOUT_NONE, ACCESS_ADMIN, serve_list},
    {"POST", "/api/v3/allowlists", ABOUT_NONE, ACCESS_ADMIN, serve_add},
    {"POST", "/api/v3/allowlists/verify", ABOUT_NONE, ACCESS_ADMIN, serve_verify},
    {"GET", "/api/v1/reports/user-last-activity", ABOUT_NONE, ACCESS_ADMIN, serve_report},
    {"POST", "/__sandbox/webhooks/*", "notify", OBJECT_NONE, OBJECT_NONE, ACCESS_NONE, serve_webhook},
    {0},
};
