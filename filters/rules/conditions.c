/* Conditions: all, any, not, macro, and the leaves of leaves.c. Reads them from nodes into trees; macros are put in
 * place where they are named, since fields and views are those of the rule that uses them. What always holds: a rule
 * has at most CONDITIONS_MAX conditions after that. Neighbours: rule.c, leaves.c; filters/evaluate.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/describe.h"
#include "filters/rules/loader.h"

enum { CONDITIONS_MAX = 10000 };

static const struct key CONDITION_ENTRY = {.name = "", .type = KEY_CONDITION, .doc = "a condition"};
static const struct key ALL_KEYS[] = {
    {.name = "all", .type = KEY_LIST, .required = true, .element = &CONDITION_ENTRY, .doc = "true where all are"},
    LEAF_NAME_KEY,
    {.name = NULL},
};
static const struct key ANY_KEYS[] = {
    {.name = "any", .type = KEY_LIST, .required = true, .element = &CONDITION_ENTRY, .doc = "true where one is"},
    LEAF_NAME_KEY,
    {.name = NULL},
};
static const struct key NOT_KEYS[] = {
    {.name = "not", .type = KEY_CONDITION, .required = true, .doc = "true where this is false"},
    LEAF_NAME_KEY,
    {.name = NULL},
};
static const struct key MACRO_KEYS[] = {
    {.name = "macro", .type = KEY_IDENTIFIER, .required = true, .doc = "name of a macro of this file"},
    LEAF_NAME_KEY,
    {.name = NULL},
};

enum { COMBINATION_ALL, COMBINATION_ANY, COMBINATION_NOT, COMBINATION_MACRO, COMBINATION_COUNT };
const struct shape wd_combinations[] = {
    {"an 'all' condition", "condition_all", "True where every condition in it is.", ALL_KEYS, false},
    {"an 'any' condition", "condition_any", "True where one condition in it is.", ANY_KEYS, false},
    {"a 'not' condition", "condition_not", "True where the condition in it is false.", NOT_KEYS, false},
    {"a 'macro' condition", "condition_macro", "The named condition.", MACRO_KEYS, false},
    {.name = NULL},
};

/* What a condition node is: one of the combinations, or a kind of leaf. */
struct head {
    const struct shape *shape;
    int combination; /* -1: a leaf */
    const struct leaf_kind *leaf;
};

static struct head head_named(const char *name)
{
    for (int i = 0; wd_combinations[i].name; i++)
        if (strcmp(wd_combinations[i].keys[0].name, name) == 0)
            return (struct head){.shape = &wd_combinations[i], .combination = i};
    for (size_t i = 0; wd_leaf_kinds[i]; i++)
        if (strcmp(wd_leaf_kinds[i]->shape.keys[0].name, name) == 0)
            return (struct head){.shape = &wd_leaf_kinds[i]->shape, .combination = -1, .leaf = wd_leaf_kinds[i]};
    return (struct head){0};
}

static struct head head_of(const struct wd_node *node)
{
    for (const struct wd_node *child = node->first; child; child = child->next) {
        struct head head = head_named(child->key->text);
        if (head.shape)
            return head;
    }
    return (struct head){0};
}

/* "all, any, ..." and the same as candidates for 'did you mean'. */
static void head_names(const char *names[static 64])
{
    size_t count = 0;
    for (size_t i = 0; wd_combinations[i].name; i++)
        names[count++] = wd_combinations[i].keys[0].name;
    for (size_t i = 0; wd_leaf_kinds[i] && count < 63; i++)
        names[count++] = wd_leaf_kinds[i]->shape.keys[0].name;
    names[count] = NULL;
}

static bool no_head(struct reporter *reporter, const struct wd_node *node)
{
    const char *names[64], *word = node->first ? node->first->key->text : "";
    char near[128], all[512] = "";
    head_names(names);
    for (size_t i = 0, used = 0; names[i] && used < sizeof(all); i++)
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", names[i]);
    wd_suggestion(near, sizeof(near), word, names);
    wd_report(reporter, node->first ? node->first->key : node, WD_ERROR, "unknown-condition",
              "'%.60s' is no condition%s%s%s", word, near, near[0] ? "" : "; there are: ", near[0] ? "" : all);
    return false;
}

bool wd_check_condition(struct reporter *reporter, const struct wd_node *node)
{
    if (node->kind != WD_NODE_MAP) {
        wd_report(reporter, node, WD_ERROR, "wrong-type", "a condition must be a map, as in {words: [spam]}");
        return false;
    }
    struct head head = head_of(node);
    if (!head.shape)
        return no_head(reporter, node);
    for (const struct wd_node *child = node->first; child; child = child->next) {
        const struct shape *other = head_named(child->key->text).shape;
        if (!other || other == head.shape)
            continue;
        wd_report(reporter, child->key, WD_ERROR, "two-conditions",
                  "'%s' and '%s' are two conditions: put both into a list under 'all' or 'any'",
                  head.shape->keys[0].name, child->key->text);
        return false;
    }
    return wd_check_shape(reporter, node, head.shape);
}

/* ---- leaves ---- */

static bool remember_leaf(struct loader *loader, struct leaf *leaf)
{
    if (loader->leaf_count == loader->leaf_room) {
        size_t room = loader->leaf_room ? loader->leaf_room * 2 : 256;
        const struct leaf **leaves = realloc(loader->leaves, room * sizeof(const struct leaf *));
        if (!leaves) {
            loader->out_of_memory = true;
            return false;
        }
        loader->leaves = leaves;
        loader->leaf_room = room;
    }
    leaf->index = (uint32_t)loader->leaf_count;
    loader->leaves[loader->leaf_count++] = leaf;
    return true;
}

static uint32_t views_of_leaf(const struct loader *loader, const struct wd_node *node, const struct leaf_kind *kind)
{
    const struct wd_node *own = wd_node_get(node, "views");
    if (kind->views)
        return kind->views;
    if (kind->reads == READS_WRITTEN)
        return 1U << WD_VIEW_PLAIN;
    if (own)
        return wd_load_views(own);
    const struct wd_node *own_case = wd_node_get(node, "case");
    bool minds_case = own_case && strcmp(own_case->text, "sensitive") == 0; /* in the folded text there is none */
    if ((kind->reads == READS_TEXTS || minds_case) && !loader->views_given)
        return 1U << WD_VIEW_PLAIN;
    return loader->rule_views;
}

static const struct leaf *load_leaf(struct loader *loader, const struct wd_node *node, const struct leaf_kind *kind)
{
    struct leaf *leaf = wd_loader_alloc(loader, 1, sizeof(*leaf));
    if (!leaf)
        return NULL;
    const struct wd_node *fields = wd_node_get(node, "fields");
    *leaf = (struct leaf){
        .kind = kind,
        .rule = loader->rule_index,
        .fields = fields ? wd_load_fields(fields) : loader->rule_fields,
        .views = views_of_leaf(loader, node, kind),
        .in_exception = loader->in_exception,
        .node = node,
    };
    if (!kind->prepare(loader, node, leaf))
        return NULL;
    return !wd_reads_texts(leaf) || remember_leaf(loader, leaf) ? leaf : NULL;
}

/* ---- trees ---- */

static const struct condition *load_children(struct loader *loader, const struct wd_node *list,
                                             struct condition *condition)
{
    const struct condition **children = wd_loader_alloc(loader, list->count, sizeof(const struct condition *));
    if (!children)
        return NULL;
    bool fine = true;
    for (const struct wd_node *child = list->first; child; child = child->next) {
        children[condition->child_count] = wd_load_condition(loader, child);
        fine &= children[condition->child_count++] != NULL;
    }
    condition->children = children;
    return fine ? condition : NULL;
}

static const struct condition *load_negation(struct loader *loader, const struct wd_node *node,
                                             struct condition *condition)
{
    const struct condition **child = wd_loader_alloc(loader, 1, sizeof(const struct condition *));
    if (!child)
        return NULL;
    *child = wd_load_condition(loader, node);
    condition->children = child;
    condition->child_count = 1;
    return *child ? condition : NULL;
}

static struct macro *find_macro(struct loader *loader, const struct wd_node *name)
{
    const struct source *source = wd_source_of(loader, name);
    const char *names[64] = {NULL};
    for (size_t i = 0; i < source->macro_count; i++) {
        if (strcmp(source->macros[i].name, name->text) == 0)
            return &source->macros[i];
        if (i < 63)
            names[i] = source->macros[i].name;
    }
    char near[128];
    wd_report(&loader->reporter, name, WD_ERROR, "unknown-macro", "there is no macro '%s' in this file%s", name->text,
              wd_suggestion(near, sizeof(near), name->text, names));
    return NULL;
}

/* The first reading reports what is wrong inside the macro; later ones are silent about it. */
static const struct condition *expand_macro(struct loader *loader, const struct wd_node *name)
{
    struct macro *macro = find_macro(loader, name);
    if (!macro || macro->state == MACRO_BROKEN)
        return NULL;
    macro->used = true;
    if (macro->state == MACRO_OPEN) {
        wd_report(&loader->reporter, name, WD_ERROR, "macro-cycle", "macro '%s' names itself, here or by way of others",
                  name->text);
        return NULL;
    }
    if (macro->state == MACRO_CHECKED) {
        bool quiet = loader->reporter.quiet;
        loader->reporter.quiet = true;
        const struct condition *again = wd_load_condition(loader, macro->node);
        loader->reporter.quiet = quiet;
        return again;
    }
    macro->state = MACRO_OPEN;
    const struct condition *condition = wd_load_condition(loader, macro->node);
    macro->state = condition ? MACRO_CHECKED : MACRO_BROKEN;
    return condition;
}

/* The macro's condition. Who wants to see the words gets the name, too: as a condition around it. */
static const struct condition *named_macro(struct loader *loader, const struct wd_node *node)
{
    const struct condition *inner = expand_macro(loader, wd_node_get(node, "macro"));
    if (!inner || !loader->options->describe || loader->in_exception)
        return inner;
    struct condition *named = wd_loader_alloc(loader, 1, sizeof(*named));
    const struct condition **children = wd_loader_alloc(loader, 1, sizeof(const struct condition *));
    if (!named || !children)
        return NULL;
    children[0] = inner;
    *named = (struct condition){.kind = CONDITION_ALL, .children = children, .child_count = 1};
    wd_describe_condition(loader, node, named);
    return named;
}

static bool too_many_conditions(struct loader *loader, const struct wd_node *node)
{
    if (++loader->rule_conditions <= CONDITIONS_MAX)
        return false;
    if (loader->rule_conditions == CONDITIONS_MAX + 1) {
        bool quiet = loader->reporter.quiet;
        loader->reporter.quiet = false;
        wd_report(&loader->reporter, node, WD_ERROR, "too-many-conditions",
                  "with its macros a rule has more than %d conditions here: use lists", CONDITIONS_MAX);
        loader->reporter.quiet = quiet;
    }
    return true;
}

const struct condition *wd_load_condition(struct loader *loader, const struct wd_node *node)
{
    if (too_many_conditions(loader, node))
        return NULL;
    struct head head = head_of(node);
    if (head.combination == COMBINATION_MACRO && !head.leaf)
        return named_macro(loader, node);
    struct condition *condition = wd_loader_alloc(loader, 1, sizeof(*condition));
    if (!condition)
        return NULL;
    wd_describe_condition(loader, node, condition);
    switch (head.combination) {
    case COMBINATION_ALL:
        condition->kind = CONDITION_ALL;
        return load_children(loader, wd_node_get(node, "all"), condition);
    case COMBINATION_ANY:
        condition->kind = CONDITION_ANY;
        return load_children(loader, wd_node_get(node, "any"), condition);
    case COMBINATION_NOT:
        condition->kind = CONDITION_NOT;
        return load_negation(loader, wd_node_get(node, "not"), condition);
    default:
        condition->kind = CONDITION_LEAF;
        condition->leaf = load_leaf(loader, node, head.leaf);
        return condition->leaf ? condition : NULL;
    }
}

void wd_load_macros(struct loader *loader, struct source *source)
{
    const struct wd_node *macros = wd_node_get(source->root, "macros");
    if (!macros || macros->kind != WD_NODE_MAP || !macros->count)
        return;
    source->macros = wd_loader_alloc(loader, macros->count, sizeof(*source->macros));
    if (!source->macros)
        return;
    struct reporter silent = {.findings = loader->reporter.findings, .quiet = true};
    for (const struct wd_node *node = macros->first; node; node = node->next)
        source->macros[source->macro_count++] =
            (struct macro){.name = node->key->text,
                           .node = node,
                           .state = wd_check_condition(&silent, node) ? MACRO_NEW : MACRO_BROKEN};
    size_t leaves = loader->leaf_count;
    for (size_t i = 0; i < source->macro_count; i++) {
        struct macro *macro = &source->macros[i];
        if (macro->state != MACRO_NEW)
            continue;
        loader->rule_conditions = 0;
        macro->state = MACRO_OPEN;
        macro->state = wd_load_condition(loader, macro->node) ? MACRO_CHECKED : MACRO_BROKEN;
    }
    for (size_t i = 0; i < source->macro_count; i++)
        source->macros[i].used = false; /* that one macro names another is no use of it yet */
    loader->leaf_count = leaves;
}
