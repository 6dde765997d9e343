/* One rule from its node. Neighbours: conditions.c, actions.c; load.c calls it for each rule; compile.c comes after. */
#include <stdlib.h>
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/loader.h"
#include "filters/rules/ruletest.h"

static const uint32_t DEFAULT_FIELDS = ((1U << WD_TEXT_FIELD_COUNT) - 1) & ~(1U << WD_FIELD_AUTHOR_NAME);
static const uint32_t DEFAULT_VIEWS = 1U << WD_VIEW_PLAIN | 1U << WD_VIEW_FOLDED;

static uint32_t bits_of(const struct wd_node *list, int count, const char *(*name)(int))
{
    uint32_t bits = 0;
    for (const struct wd_node *node = list->first; node; node = node->next)
        for (int i = 0; i < count; i++)
            if (strcmp(name(i), node->text) == 0)
                bits |= 1U << i;
    return bits;
}

static const char *field_name(int field)
{
    return wd_text_field_name((enum wd_text_field)field);
}

static const char *view_name(int view)
{
    return wd_view_name((enum wd_view_kind)view);
}

uint32_t wd_load_fields(const struct wd_node *list)
{
    return bits_of(list, WD_TEXT_FIELD_COUNT, field_name);
}

uint32_t wd_load_views(const struct wd_node *list)
{
    return bits_of(list, WD_VIEW_COUNT, view_name);
}

/* ---- scope ---- */

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool same_globs(const struct scope *a, const struct scope *b)
{
    if (a->glob_count != b->glob_count)
        return false;
    for (size_t i = 0; i < a->glob_count; i++)
        if (strcmp(a->globs[i], b->globs[i]) != 0)
            return false;
    return true;
}

bool wd_check_globs(struct loader *loader, const struct wd_node *list)
{
    bool fine = true;
    for (const struct wd_node *node = list->first; node; node = node->next) {
        const char *star = strchr(node->text, '*');
        if (star && star[1]) {
            wd_report(&loader->reporter, node, WD_ERROR, "bad-value",
                      "'%.60s': a * can only stand at the end of an event name, as in \"post.*\"", node->text);
            fine = false;
        }
        if (node->text[0] == 'v' && (node->text[1] == '3' || node->text[1] == '5') && node->text[2] == '.') {
            wd_report(&loader->reporter, node, WD_ERROR, "bad-value",
                      "'%.60s': event names are written without v3. or v5., so '%.60s'", node->text, node->text + 3);
            fine = false;
        }
    }
    return fine;
}

/* What a rule that names no events is about: content that is new or changed, or is about to be. */
static const char *const DEFAULT_EVENTS[] = {
    "channel.didCreate", "channel.didUpdate",    "channel.shouldCreate", "channel.shouldUpdate", "comment.didCreate",
    "comment.didReply",  "comment.didUpdate",    "community.didCreate",  "community.didUpdate",  "message.didCreate",
    "message.didUpdate", "message.shouldCreate", "message.shouldUpdate", "post.didCreate",       "post.didUpdate",
    "post.shouldCreate", "post.shouldUpdate",    "story.didCreate",      "story.didUpdate",      "user.didCreate",
    "user.didUpdate",
};
enum { DEFAULT_EVENT_COUNT = sizeof(DEFAULT_EVENTS) / sizeof(*DEFAULT_EVENTS) };

/* Sorted like those of any scope. */
bool wd_are_default_events(const char *const *globs, size_t count)
{
    size_t same = 0;
    while (same < count && same < DEFAULT_EVENT_COUNT && strcmp(globs[same], DEFAULT_EVENTS[same]) == 0)
        same++;
    return same == count && count == DEFAULT_EVENT_COUNT;
}

/* The index of the set's scope with these event names, made where there is none yet. */
static uint32_t intern_scope(struct loader *loader, const struct wd_node *list)
{
    struct wd_ruleset *set = loader->set;
    struct scope scope = {.glob_count = list ? list->count : DEFAULT_EVENT_COUNT};
    const char **globs = wd_loader_alloc(loader, scope.glob_count, sizeof(*globs));
    struct scope *grown = realloc(set->scopes, (set->scope_count + 1) * sizeof(*grown));
    if (grown)
        set->scopes = grown;
    if (!globs || !grown) {
        loader->out_of_memory = true;
        return 0;
    }
    const struct wd_node *node = list ? list->first : NULL;
    for (size_t i = 0; i < scope.glob_count; i++, node = node ? node->next : NULL)
        globs[i] = node ? node->text : DEFAULT_EVENTS[i];
    qsort(globs, scope.glob_count, sizeof(*globs), by_name);
    scope.globs = globs;
    for (size_t i = 0; i < set->scope_count; i++)
        if (same_globs(&set->scopes[i], &scope))
            return (uint32_t)i;
    for (size_t i = 0; i < scope.glob_count; i++)
        globs[i] = wd_loader_text(loader, globs[i]);
    set->scopes[set->scope_count] = scope;
    return (uint32_t)set->scope_count++;
}

static bool load_scope(struct loader *loader, const struct wd_node *node, struct rule *rule)
{
    const struct wd_node *scope = wd_node_get(node, "scope"), *views = wd_node_get(node, "views");
    const struct wd_node *events = wd_node_get(scope, "events"), *fields = wd_node_get(scope, "fields");
    loader->rule_fields = fields ? wd_load_fields(fields) : DEFAULT_FIELDS;
    loader->rule_views = views ? wd_load_views(views) : DEFAULT_VIEWS;
    loader->views_given = views != NULL;
    rule->scope = intern_scope(loader, events);
    return !events || wd_check_globs(loader, events);
}

/* ---- mode, stage, texts ---- */

static void load_mode(const struct source *source, const struct wd_node *node, struct rule *rule)
{
    rule->info.mode = source->default_mode;
    rule->info.sample_share = 1;
    if (node && node->kind == WD_NODE_MAP) {
        rule->info.mode = WD_MODE_SAMPLE;
        (void)wd_node_percent(node->first, &rule->info.sample_share);
    } else if (node) {
        for (int i = WD_MODE_OFF; i <= WD_MODE_ENFORCE; i++)
            if (strcmp(wd_mode_name((enum wd_mode)i), node->text) == 0)
                rule->info.mode = (enum wd_mode)i;
    }
    rule->live = rule->info.mode != WD_MODE_OFF;
}

static uint32_t stages_of(const struct wd_node *node)
{
    if (!node || strcmp(node->text, "both") == 0)
        return 1U << WD_STAGE_WORKER | 1U << WD_STAGE_PREHOOK;
    return strcmp(node->text, "worker") == 0 ? 1U << WD_STAGE_WORKER : 1U << WD_STAGE_PREHOOK;
}

static const char *text_or(struct loader *loader, const struct wd_node *rule, const char *key, const char *otherwise)
{
    const struct wd_node *node = wd_node_get(rule, key);
    return wd_loader_text(loader, node ? node->text : otherwise);
}

static void load_info(struct loader *loader, const struct source *source, const struct wd_node *node, struct rule *rule)
{
    const struct wd_node *undecided = wd_node_get(node, "on_undecided");
    rule->info.id = text_or(loader, node, "id", "");
    rule->info.title = text_or(loader, node, "title", rule->info.id ? rule->info.id : "");
    rule->info.severity = text_or(loader, node, "severity", "medium");
    const struct wd_node *status = wd_node_get(node, "status");
    rule->info.status = status ? wd_loader_text(loader, status->text) : NULL;
    rule->info.set_id = source->id;
    rule->info.set_version = source->version;
    rule->info.file = source->path;
    rule->info.line = node->line;
    load_mode(source, wd_node_get(node, "mode"), rule);
    rule->stages = stages_of(wd_node_get(node, "stage"));
    rule->match_when_undecided = undecided && strcmp(undecided->text, "match") == 0;
}

static void load_points(struct loader *loader, const struct wd_node *map, struct rule *rule)
{
    struct wd_points *points = map ? wd_loader_alloc(loader, map->count + 1, sizeof(*points)) : NULL;
    if (!points)
        return;
    for (const struct wd_node *node = map->first; node; node = node->next) {
        int64_t whole;
        struct wd_points *one = &points[rule->point_count++];
        one->score = wd_loader_text(loader, node->key->text);
        if (wd_node_int(node, &whole))
            one->points = (double)whole;
        else
            (void)wd_node_double(node, &one->points);
    }
    rule->points = points;
}

static void load_messages(struct loader *loader, const struct wd_node *map, struct rule *rule)
{
    struct user_message *messages = map ? wd_loader_alloc(loader, map->count + 1, sizeof(*messages)) : NULL;
    if (!messages)
        return;
    for (const struct wd_node *node = map->first; node; node = node->next)
        messages[rule->message_count++] = (struct user_message){.language = wd_loader_text(loader, node->key->text),
                                                                .text = wd_loader_text(loader, node->text)};
    rule->messages = messages;
}

/* ---- exceptions ---- */

static bool load_exceptions(struct loader *loader, const struct wd_node *list, struct rule *rule)
{
    struct exception *exceptions = list ? wd_loader_alloc(loader, list->count + 1, sizeof(*exceptions)) : NULL;
    if (!exceptions)
        return !list;
    bool fine = true;
    for (const struct wd_node *node = list->first; node; node = node->next) {
        struct exception *exception = &exceptions[rule->exception_count++];
        const struct wd_node *name = wd_node_get(node, "name");
        exception->name = name ? wd_loader_text(loader, name->text) : NULL;
        loader->in_exception = true;
        exception->condition = wd_load_condition(loader, node);
        loader->in_exception = false;
        fine &= exception->condition != NULL;
        exception->allows_spans = exception->condition && exception->condition->kind == CONDITION_LEAF &&
                                  wd_reads_texts(exception->condition->leaf);
        rule->has_allowed_spans |= exception->allows_spans;
    }
    rule->exceptions = exceptions;
    return fine;
}

bool wd_load_rule(struct loader *loader, struct source *source, const struct wd_node *node, struct rule *rule)
{
    loader->rule_conditions = 0;
    load_info(loader, source, node, rule);
    bool fine = load_scope(loader, node, rule);
    rule->when = wd_load_condition(loader, wd_node_get(node, "when"));
    fine &= rule->when != NULL;
    fine &= load_exceptions(loader, wd_node_get(node, "except"), rule);
    fine &= wd_load_action_list(loader, wd_node_get(node, "actions"), &rule->actions, &rule->action_count);
    load_points(loader, wd_node_get(node, "score"), rule);
    fine &= wd_load_rule_behaviour(loader, node, rule);
    load_messages(loader, wd_node_get(node, "user_message"), rule);
    fine &= wd_load_rule_tests(loader, wd_node_get(node, "tests"), rule);
    return fine && !loader->out_of_memory;
}
