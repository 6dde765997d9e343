/* The actions of a rule. Neighbours: keys.c says what can be written; filters/plan.c merges them. */
#include <stdlib.h>
#include <string.h>

#include "filters/rules/loader.h"

static enum wd_action_kind kind_named(const char *name)
{
    int kind = 0;
    while (kind < WD_ACTION_KIND_COUNT && strcmp(wd_action_kind_name((enum wd_action_kind)kind), name) != 0)
        kind++;
    return (enum wd_action_kind)kind;
}

static enum wd_scope scope_named(const char *name)
{
    int scope = WD_SCOPE_NONE;
    while (scope < WD_SCOPE_COUNT && strcmp(wd_scope_name((enum wd_scope)scope), name) != 0)
        scope++;
    return (enum wd_scope)scope;
}

/* A place in the set's NULL-terminated list of targets, so that it can be shown which are used. */
static const char *notify_target(struct loader *loader, const char *name)
{
    size_t count = 0;
    const char **targets = loader->set->notify_targets;
    for (; targets && targets[count]; count++)
        if (strcmp(targets[count], name) == 0)
            return targets[count];
    const char **grown = realloc(targets, (count + 2) * sizeof(*grown));
    const char *copy = wd_loader_text(loader, name);
    if (grown)
        loader->set->notify_targets = grown;
    if (!grown || !copy) {
        loader->out_of_memory = true;
        return NULL;
    }
    grown[count] = copy;
    grown[count + 1] = NULL;
    return copy;
}

static void load_action(struct loader *loader, const struct wd_node *node, struct wd_action *action)
{
    const struct wd_node *value = node->kind == WD_NODE_MAP ? node->first : NULL;
    *action = (struct wd_action){.kind = kind_named(value ? value->key->text : node->text)};
    if (action->kind == WD_ACTION_MUTE)
        action->scope = WD_SCOPE_CHANNEL;
    if (!value)
        return;
    if (action->kind == WD_ACTION_MUTE)
        (void)wd_node_duration(value, &action->duration_ms);
    else if (action->kind == WD_ACTION_NOTIFY)
        action->notify_target = wd_str_from(notify_target(loader, value->text));
    else
        action->scope = scope_named(value->text);
}

static bool same_action(const struct wd_action *a, const struct wd_action *b)
{
    return a->kind == b->kind && a->scope == b->scope && wd_str_equal(a->notify_target, b->notify_target);
}

bool wd_load_action_list(struct loader *loader, const struct wd_node *list, const struct wd_action **actions_out,
                         size_t *count_out)
{
    struct wd_action *actions = wd_loader_alloc(loader, list->count + 1, sizeof(*actions));
    if (!actions)
        return false;
    bool fine = true;
    size_t count = 0;
    for (const struct wd_node *node = list->first; node; node = node->next) {
        load_action(loader, node, &actions[count]);
        for (size_t i = 0; i < count; i++) {
            if (!same_action(&actions[i], &actions[count]))
                continue;
            wd_report(&loader->reporter, node, WD_ERROR, "duplicate-action", "'%s' stands in this list twice",
                      wd_action_kind_name(actions[count].kind));
            fine = false;
        }
        count++;
    }
    *actions_out = actions;
    *count_out = count;
    return fine;
}
