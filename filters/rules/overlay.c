/* Overrides are applied to nodes: a copy of the rule's map, in which values are replaced or lists made longer, goes
 * through the same checks and readers as any rule. What always holds: documents stay as they were; every node keeps the
 * file and line where it was written. Neighbours: load.c. */
#include <stdlib.h>
#include <string.h>

#include "filters/rules/overlay.h"

static const struct wd_node *list_of(const struct source *source, const char *key)
{
    const struct wd_node *list = wd_node_get(source->root, key);
    return list && list->kind == WD_NODE_LIST ? list : NULL;
}

static bool add_override(struct loader *loader, const struct wd_node *node)
{
    const struct wd_node *rule = wd_node_get(node, "rule");
    if (!rule || rule->kind != WD_NODE_SCALAR)
        return true; /* reported by the schema */
    for (size_t i = 0; i < loader->override_count; i++) {
        if (strcmp(loader->overrides[i].rule, rule->text) != 0)
            continue;
        wd_report(&loader->reporter, rule, WD_ERROR, "duplicate-override",
                  "rule '%s' is already overridden in %s, line %d: put both changes into one override", rule->text,
                  loader->overrides[i].node->file, loader->overrides[i].node->line);
        return true;
    }
    struct override *grown = realloc(loader->overrides, (loader->override_count + 1) * sizeof(*grown));
    if (!grown) {
        loader->out_of_memory = true;
        return false;
    }
    loader->overrides = grown;
    loader->overrides[loader->override_count++] = (struct override){.node = node, .rule = rule->text};
    return true;
}

bool wd_gather_overrides(struct loader *loader)
{
    for (size_t i = 0; i < loader->source_count; i++) {
        const struct wd_node *list = list_of(&loader->sources[i], "overrides");
        for (const struct wd_node *node = list ? list->first : NULL; node; node = node->next)
            if (!add_override(loader, node))
                return false;
    }
    return true;
}

/* ---- copies ---- */

static void append_child(struct wd_node *parent, struct wd_node **last, struct wd_node *child)
{
    child->next = NULL;
    if (*last)
        (*last)->next = child;
    else
        parent->first = child;
    *last = child;
    parent->count++;
}

/* A copy of a list or map with copies of its children; grandchildren are shared. */
static struct wd_node *copy_parent(struct loader *loader, const struct wd_node *node, struct wd_node **last)
{
    struct wd_node *copy = wd_loader_alloc(loader, 1, sizeof(*copy));
    if (!copy)
        return NULL;
    *copy = *node;
    copy->first = NULL;
    copy->count = 0;
    *last = NULL;
    for (const struct wd_node *child = node->first; child; child = child->next) {
        struct wd_node *child_copy = wd_loader_alloc(loader, 1, sizeof(*child_copy));
        if (!child_copy)
            return NULL;
        *child_copy = *child;
        append_child(copy, last, child_copy);
    }
    return copy;
}

static struct wd_node *child_named(struct wd_node *map, const char *key)
{
    return (struct wd_node *)wd_node_get(map, key); /* a copy of ours */
}

/* Puts `value` in place of the child of that key, or behind all. */
static bool put(struct loader *loader, struct wd_node *map, struct wd_node **last, const struct wd_node *value)
{
    struct wd_node *old = child_named(map, value->key->text);
    if (old) {
        const struct wd_node *next = old->next;
        *old = *value;
        old->next = next;
        return true;
    }
    struct wd_node *copy = wd_loader_alloc(loader, 1, sizeof(*copy));
    if (!copy)
        return false;
    *copy = *value;
    append_child(map, last, copy);
    return true;
}

static bool append(struct loader *loader, struct wd_node *map, struct wd_node **last, const struct wd_node *value)
{
    struct wd_node *old = child_named(map, value->key->text);
    if (!old || old->kind != WD_NODE_LIST || value->kind != WD_NODE_LIST)
        return put(loader, map, last, value);
    struct wd_node *end;
    struct wd_node *longer = copy_parent(loader, old, &end);
    if (!longer)
        return false;
    for (const struct wd_node *child = value->first; child; child = child->next) {
        struct wd_node *copy = wd_loader_alloc(loader, 1, sizeof(*copy));
        if (!copy)
            return false;
        *copy = *child;
        append_child(longer, &end, copy);
    }
    const struct wd_node *next = old->next;
    *old = *longer;
    old->next = next;
    return true;
}

static struct override *override_of(struct loader *loader, const struct wd_node *rule)
{
    const struct wd_node *id = wd_node_get(rule, "id");
    for (size_t i = 0; i < loader->override_count && id && id->kind == WD_NODE_SCALAR; i++)
        if (strcmp(loader->overrides[i].rule, id->text) == 0)
            return &loader->overrides[i];
    return NULL;
}

const struct wd_node *wd_apply_overrides(struct loader *loader, const struct wd_node *rule)
{
    struct override *override = override_of(loader, rule);
    if (!override)
        return rule;
    override->used = true;
    struct wd_node *last;
    struct wd_node *whole = copy_parent(loader, rule, &last);
    const struct wd_node *replace = wd_node_get(override->node, "replace"),
                         *more = wd_node_get(override->node, "append");
    for (const struct wd_node *value = replace && replace->kind == WD_NODE_MAP ? replace->first : NULL; value && whole;
         value = value->next)
        whole = put(loader, whole, &last, value) ? whole : NULL;
    for (const struct wd_node *value = more && more->kind == WD_NODE_MAP ? more->first : NULL; value && whole;
         value = value->next)
        whole = append(loader, whole, &last, value) ? whole : NULL;
    return whole;
}

void wd_report_unused_overrides(struct loader *loader)
{
    const char *ids[256] = {NULL};
    for (size_t i = 0; i < loader->set->rule_count && i < 255; i++)
        ids[i] = loader->set->rules[i].info.id;
    for (size_t i = 0; i < loader->override_count; i++) {
        char near[128];
        if (loader->overrides[i].used)
            continue;
        wd_report(&loader->reporter, wd_node_get(loader->overrides[i].node, "rule"), WD_ERROR, "unknown-rule",
                  "there is no rule '%s' to override%s: load its set together with this file",
                  loader->overrides[i].rule, wd_suggestion(near, sizeof(near), loader->overrides[i].rule, ids));
    }
}
