/* From the examples of a rule to events. What always holds: the events live as long as the set; where an example says
 * nothing, they are plain: a new message by a test author in a test channel, or the first event of the rule's scope.
 * Neighbours: rule.c calls this, ruletest_file.c has more, ruletest.c runs the events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "filters/rules/loader.h"
#include "filters/rules/ruletest.h"

const int64_t wd_test_time_ms = 1767225600000; /* 2026-01-01: the virtual clock of all examples */

/* {n} is the number of the event among those of its step. */
static const char *numbered(struct loader *loader, const char *text)
{
    char number[24];
    size_t digits = (size_t)snprintf(number, sizeof(number), "%lld", (long long)loader->test_number), count = 0;
    for (const char *at = text; (at = strstr(at, "{n}")); at += 3)
        count++;
    if (!count || !loader->test_number)
        return wd_loader_text(loader, text);
    char *whole = wd_loader_alloc(loader, strlen(text) + count * digits + 1, 1), *to = whole;
    while (*text && whole) {
        bool is_number = strncmp(text, "{n}", 3) == 0;
        memcpy(to, is_number ? number : text, is_number ? digits : 1);
        to += is_number ? digits : 1;
        text += is_number ? 3 : 1;
    }
    return whole;
}

static struct wd_str kept(struct loader *loader, const struct wd_node *node)
{
    return node ? wd_str_from(numbered(loader, node->text)) : (struct wd_str){0};
}

static struct wd_str kept_or(struct loader *loader, const struct wd_node *node, const char *otherwise)
{
    return node ? kept(loader, node) : wd_str_from(otherwise);
}

static const struct wd_str *kept_list(struct loader *loader, const struct wd_node *list, size_t *count_out)
{
    struct wd_str *items = wd_loader_alloc(loader, list ? list->count + 1 : 1, sizeof(*items));
    *count_out = 0;
    for (const struct wd_node *node = list ? list->first : NULL; node && items; node = node->next)
        items[(*count_out)++] = kept(loader, node);
    return items;
}

static int64_t integer(const struct wd_node *node, int64_t otherwise)
{
    int64_t value;
    return wd_node_int(node, &value) ? value : otherwise;
}

/* ---- metadata ---- */

static json_t *json_of(const struct wd_node *node)
{
    int64_t whole;
    double number;
    bool yes;
    if (node->kind == WD_NODE_SCALAR) {
        if (wd_node_is_null(node))
            return json_null();
        if (wd_node_bool(node, &yes))
            return json_boolean(yes);
        if (wd_node_int(node, &whole))
            return json_integer(whole);
        return wd_node_double(node, &number) ? json_real(number) : json_stringn(node->text, node->text_len);
    }
    json_t *json = node->kind == WD_NODE_MAP ? json_object() : json_array();
    for (const struct wd_node *child = node->first; child && json; child = child->next) {
        int failed = node->kind == WD_NODE_MAP ? json_object_set_new(json, child->key->text, json_of(child))
                                               : json_array_append_new(json, json_of(child));
        if (failed) {
            json_decref(json);
            json = NULL;
        }
    }
    return json;
}

/* {"metadata": ...} as text. */
static struct wd_str metadata_json(struct loader *loader, const struct wd_node *metadata)
{
    if (!metadata)
        return (struct wd_str){0};
    json_t *object = json_object();
    char *text = object && json_object_set_new(object, "metadata", json_of(metadata)) == 0
                     ? json_dumps(object, JSON_COMPACT)
                     : NULL;
    struct wd_str copy = wd_str_from(text ? wd_loader_text(loader, text) : NULL);
    loader->out_of_memory |= !text;
    free(text);
    json_decref(object);
    return copy;
}

/* ---- parts of an event ---- */

static struct wd_str event_name(struct loader *loader, const struct wd_node *node, const struct rule *rule)
{
    const struct wd_node *own = wd_node_get(node, "event");
    if (own)
        return kept(loader, own);
    static const struct wd_str MESSAGE = {"message.didCreate", sizeof("message.didCreate") - 1};
    const struct scope *scope = &loader->set->scopes[rule->scope];
    if (wd_scope_covers(scope, MESSAGE))
        return MESSAGE;
    const char *glob = scope->globs[0];
    size_t len = strlen(glob);
    if (glob[len - 1] != '*')
        return wd_str_from(glob);
    char *name = wd_loader_alloc(loader, len + sizeof("didCreate"), 1);
    if (!name)
        return (struct wd_str){0};
    memcpy(name, glob, len - 1);
    memcpy(name + len - 1, "didCreate", sizeof("didCreate"));
    return wd_str_from(name);
}

static enum wd_content_type content_type(const struct wd_node *node, struct wd_str event)
{
    const struct wd_node *own = wd_node_get(node, "type");
    for (int type = 0; type < WD_CONTENT_TYPE_COUNT; type++) {
        const char *name = wd_content_type_name((enum wd_content_type)type);
        size_t len = strlen(name);
        bool by_event = event.len > len && memcmp(event.data, name, len) == 0 && event.data[len] == '.';
        if (own ? strcmp(own->text, name) == 0 : by_event)
            return (enum wd_content_type)type;
    }
    return WD_CONTENT_OTHER;
}

static void load_texts(struct loader *loader, const struct wd_node *node, struct wd_event *event)
{
    struct wd_text *texts = wd_loader_alloc(loader, WD_TEXT_FIELD_COUNT, sizeof(*texts));
    if (!texts)
        return;
    event->texts = texts;
    if (node->kind == WD_NODE_SCALAR) {
        texts[event->text_count++] = (struct wd_text){.field = WD_FIELD_TEXT, .text = kept(loader, node)};
        return;
    }
    for (int field = WD_FIELD_TEXT; field < WD_FIELD_AUTHOR_NAME; field++) {
        const struct wd_node *text = wd_node_get(node, wd_text_field_name((enum wd_text_field)field));
        if (text)
            texts[event->text_count++] =
                (struct wd_text){.field = (enum wd_text_field)field, .text = kept(loader, text)};
    }
    if (event->author.display_name.data)
        texts[event->text_count++] =
            (struct wd_text){.field = WD_FIELD_AUTHOR_NAME, .text = event->author.display_name};
}

static void load_author(struct loader *loader, const struct wd_node *node, int64_t now_ms, struct wd_event *event)
{
    const struct wd_node *age = wd_node_get(node, "age_days");
    struct wd_author *author = &event->author;
    int64_t whole;
    author->id = kept_or(loader, wd_node_get(node, "id"), "test-author");
    author->display_name = kept(loader, wd_node_get(node, "display_name"));
    author->roles = kept_list(loader, wd_node_get(node, "roles"), &author->role_count);
    author->flag_count = integer(wd_node_get(node, "flag_count"), node ? 0 : -1);
    author->is_known = node != NULL;
    (void)wd_node_bool(wd_node_get(node, "is_global_ban"), &author->is_global_ban);
    author->age_days = -1;
    if (wd_node_int(age, &whole))
        author->age_days = (double)whole;
    else if (age)
        (void)wd_node_double(age, &author->age_days);
    if (author->age_days >= 0)
        author->created_at_ms = now_ms - (int64_t)(author->age_days * 86400000.0);
    event->author_json = metadata_json(loader, wd_node_get(node, "metadata"));
}

static void load_place(struct loader *loader, const struct wd_node *node, struct wd_event *event)
{
    bool chats = event->content_type == WD_CONTENT_MESSAGE || event->content_type == WD_CONTENT_CHANNEL;
    struct wd_place *place = &event->place;
    place->channel_id = kept_or(loader, wd_node_get(node, "channel_id"), !node && chats ? "test-channel" : NULL);
    place->community_id = kept(loader, wd_node_get(node, "community_id"));
    place->target_type = kept(loader, wd_node_get(node, "target_type"));
    place->target_id = kept(loader, wd_node_get(node, "target_id"));
}

static void load_links(struct loader *loader, const struct wd_node *list, struct wd_event *event)
{
    struct wd_link *links = list ? wd_loader_alloc(loader, list->count + 1, sizeof(*links)) : NULL;
    for (const struct wd_node *node = list ? list->first : NULL; node && links; node = node->next)
        links[event->link_count++].url = kept(loader, node);
    event->links = links;
}

void wd_load_test_event(struct loader *loader, const struct wd_node *node, const struct rule *rule, int64_t at_ms,
                        struct wd_event *event)
{
    event->name = event->raw_name = event_name(loader, node, rule);
    event->content_type = content_type(node, event->name);
    event->content_id = kept_or(loader, wd_node_get(node, "content_id"), "test-content");
    event->data_type = wd_str_from("text");
    load_author(loader, wd_node_get(node, "author"), at_ms, event);
    load_place(loader, wd_node_get(node, "place"), event);
    load_texts(loader, node, event);
    load_links(loader, wd_node_get(node, "links"), event);
    event->mentions = kept_list(loader, wd_node_get(node, "mentions"), &event->mention_count);
    event->tags = kept_list(loader, wd_node_get(node, "tags"), &event->tag_count);
    event->flag_count = integer(wd_node_get(node, "flag_count"), 0);
    event->object_json = metadata_json(loader, wd_node_get(node, "metadata"));
    event->created_at_ms = at_ms;
}

/* ---- steps of a sequence ---- */

/* "10s" counts from the begin, "+10s" from the step before. */
static bool step_time(struct loader *loader, const struct wd_node *node, int64_t *at_ms)
{
    const struct wd_node *at = wd_node_get(node, "at");
    if (!at)
        return true;
    bool relative = at->text[0] == '+';
    struct wd_node time = *at;
    time.text += relative;
    time.text_len -= relative;
    int64_t ms, sum;
    if (!wd_node_duration(&time, &ms) || __builtin_add_overflow(relative ? *at_ms : wd_test_time_ms, ms, &sum)) {
        wd_report(&loader->reporter, at, WD_ERROR, "wrong-type",
                  "'at' is a time, as in 10s, or +10s after the step before");
        return false;
    }
    *at_ms = sum;
    return true;
}

static bool load_expected(struct loader *loader, const struct wd_node *list, struct rule_test *test)
{
    const char *names[WD_ACTION_KIND_COUNT + 1] = {NULL};
    bool fine = true;
    for (int kind = 0; kind < WD_ACTION_KIND_COUNT; kind++)
        names[kind] = wd_action_kind_name((enum wd_action_kind)kind);
    test->expects = list != NULL;
    for (const struct wd_node *node = list ? list->first : NULL; node; node = node->next) {
        int kind = 0;
        char near[128];
        while (kind < WD_ACTION_KIND_COUNT && strcmp(names[kind], node->text) != 0)
            kind++;
        if (kind < WD_ACTION_KIND_COUNT) {
            test->expected |= 1U << kind;
            continue;
        }
        wd_report(&loader->reporter, node, WD_ERROR, "bad-value", "there is no action '%.60s'%s", node->text,
                  wd_suggestion(near, sizeof(near), node->text, names));
        fine = false;
    }
    return fine;
}

/* ---- all examples of a rule ---- */

static size_t count_of(const struct wd_node *list)
{
    return list ? list->count : 0;
}

static size_t times_of(const struct wd_node *step)
{
    int64_t times = integer(wd_node_get(step, "times"), 1);
    return times > 0 ? (size_t)times : 1;
}

static size_t events_of(const struct wd_node *steps)
{
    size_t count = 0;
    for (const struct wd_node *step = steps ? steps->first : NULL; step; step = step->next)
        count += times_of(step);
    return count;
}

static bool load_examples(struct loader *loader, const struct wd_node *list, enum rule_test_kind kind,
                          const struct rule *rule, struct rule_test *items)
{
    for (const struct wd_node *node = list ? list->first : NULL; node; node = node->next) {
        *items = (struct rule_test){.kind = kind, .line = node->line, .column = node->column, .at_ms = wd_test_time_ms};
        wd_load_test_event(loader, node, rule, wd_test_time_ms, &items++->event);
    }
    return !loader->out_of_memory;
}

/* Each content of a sequence is one of its own, where the step does not say otherwise. */
static void number_content(struct loader *loader, const struct wd_node *node, size_t number, struct wd_event *event)
{
    char id[40];
    snprintf(id, sizeof(id), "test-content-%zu", number);
    if (!wd_node_get(node, "content_id"))
        event->content_id = wd_str_from(wd_loader_text(loader, id));
}

/* One step, which can be many events; only the last is asked about. */
static bool load_step(struct loader *loader, const struct wd_node *node, const struct rule *rule, int64_t *at_ms,
                      struct rule_test *items, size_t *count)
{
    size_t times = times_of(node);
    int64_t every_ms = 0;
    bool fine = step_time(loader, node, at_ms);
    (void)wd_node_duration(wd_node_get(node, "every"), &every_ms);
    for (size_t i = 1; i <= times && !loader->out_of_memory; i++) {
        struct rule_test *test = &items[(*count)++];
        *test = (struct rule_test){.kind = RULE_TEST_STEP, .line = node->line, .column = node->column, .at_ms = *at_ms};
        loader->test_number = (int64_t)i;
        wd_load_test_event(loader, node, rule, *at_ms, &test->event);
        loader->test_number = 0;
        number_content(loader, node, *count, &test->event);
        if (i == 1)
            (void)wd_node_bool(wd_node_get(node, "fresh"), &test->is_fresh);
        if (i < times && __builtin_add_overflow(*at_ms, every_ms, at_ms))
            return false;
        test->is_many = i < times;
        if (i < times)
            continue;
        test->asks_match = wd_node_bool(wd_node_get(node, "match"), &test->must_match);
        fine = load_expected(loader, wd_node_get(node, "expect"), test) && fine;
    }
    return fine;
}

bool wd_load_rule_tests(struct loader *loader, const struct wd_node *tests, struct rule *rule)
{
    const struct wd_node *match = wd_node_get(tests, "match"), *no_match = wd_node_get(tests, "no_match"),
                         *steps = wd_node_get(tests, "sequence");
    struct rule_tests *kept_tests = wd_loader_alloc(loader, 1, sizeof(*kept_tests));
    struct rule_test *items =
        wd_loader_alloc(loader, count_of(match) + count_of(no_match) + events_of(steps) + 1, sizeof(*items));
    if (!kept_tests || !items)
        return false;
    *kept_tests =
        (struct rule_tests){.items = items, .match_count = count_of(match), .no_match_count = count_of(no_match)};
    kept_tests->count = kept_tests->match_count + kept_tests->no_match_count;
    rule->tests = kept_tests;
    bool fine = load_examples(loader, match, RULE_TEST_MATCH, rule, items) &&
                load_examples(loader, no_match, RULE_TEST_NO_MATCH, rule, items + kept_tests->match_count);
    int64_t at_ms = wd_test_time_ms;
    size_t first = kept_tests->count;
    for (const struct wd_node *node = steps ? steps->first : NULL; node && !loader->out_of_memory; node = node->next)
        fine = load_step(loader, node, rule, &at_ms, items, &kept_tests->count) && fine;
    if (kept_tests->count > first)
        items[first].is_fresh = true;
    return fine && !loader->out_of_memory;
}
