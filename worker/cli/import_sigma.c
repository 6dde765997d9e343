/* Rules in the manner of Sigma: named selections of fields and values, and a condition over their names. What always
 * holds: the selections and the condition are kept whole, or the rule is refused; who matches is flagged, since Sigma
 * knows no actions. Neighbours: import_sigma_condition.c reads the condition. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <warden/event.h>

#include "worker/cli/import_sigma.h"

static void refuse(struct sigma *sigma, const struct wd_node *node, const char *why)
{
    const struct wd_node *place = node->key ? node->key : node;
    if (!sigma->rule->refused)
        import_refuse(sigma->set, sigma->rule, place->line, place->column, "'%.60s': %s; the rule is left out",
                      place->text ? place->text : "...", why);
}

/* ---- a field and its values ---- */

struct comparison {
    const char *field;
    bool is_text; /* one of the texts that conditions on texts read */
    bool contains, begins, ends, regex, cased, all, exists, ignore_case;
    const char *order; /* "gt" */
};

static bool take_modifier(struct comparison *comparison, const char *word)
{
    const struct {
        const char *name;
        bool *flag;
    } FLAGS[] = {{"contains", &comparison->contains}, {"startswith", &comparison->begins},
                 {"endswith", &comparison->ends},     {"re", &comparison->regex},
                 {"cased", &comparison->cased},       {"all", &comparison->all},
                 {"exists", &comparison->exists},     {"i", &comparison->ignore_case}};
    static const char *const ORDERS[][2] = {{"gt", "gt"}, {"gte", "ge"}, {"lt", "lt"}, {"lte", "le"}};
    for (size_t i = 0; i < sizeof(FLAGS) / sizeof(*FLAGS); i++)
        if (strcmp(FLAGS[i].name, word) == 0)
            return *FLAGS[i].flag = true;
    for (size_t i = 0; i < sizeof(ORDERS) / sizeof(*ORDERS); i++)
        if (strcmp(ORDERS[i][0], word) == 0) {
            comparison->order = ORDERS[i][1];
            return true;
        }
    return false;
}

static bool is_text_field(const char *name)
{
    for (int field = 0; field < WD_TEXT_FIELD_COUNT; field++)
        if (strcmp(wd_text_field_name((enum wd_text_field)field), name) == 0)
            return true;
    return false;
}

/* `text|contains|all` */
static bool read_key(struct sigma *sigma, const char *key, struct comparison *out)
{
    char words[256], *rest = NULL;
    snprintf(words, sizeof(words), "%s", key);
    *out = (struct comparison){.field = NULL};
    const char *field = strtok_r(words, "|", &rest);
    for (char *word = strtok_r(NULL, "|", &rest); word; word = strtok_r(NULL, "|", &rest))
        if (!take_modifier(out, word))
            return false;
    out->field = field ? import_text(sigma->set, "%s", field) : NULL;
    out->is_text = field && is_text_field(field);
    return out->field != NULL;
}

static bool has_wildcard(const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' && text[1])
            text++;
        else if (*text == '*' || *text == '?')
            return true;
    }
    return false;
}

/* A value with `*` and `?` as an expression; a backslash before one of them takes its meaning away. */
static const char *expression_of(struct sigma *sigma, const char *value)
{
    size_t len = strlen(value);
    char *plain = wd_arena_alloc(sigma->set->arena, 8 * len + 1), *out = plain;
    sigma->set->out_of_memory |= !plain;
    for (size_t i = 0; plain && i < len; i++) {
        if (value[i] == '*' || value[i] == '?') {
            out += sprintf(out, value[i] == '*' ? "(?s:.*)" : "(?s:.)");
            continue;
        }
        if (value[i] == '\\' && strchr("*?\\", value[i + 1]) && value[i + 1])
            i++;
        if (strchr("\\^$.[]|()?*+{}#", value[i]))
            *out++ = '\\';
        *out++ = value[i];
    }
    if (plain)
        *out = '\0';
    return plain;
}

/* A * at the side where anything may follow says nothing: without it the expression stays quick. */
static const char *whole_expression(struct sigma *sigma, const struct comparison *comparison, const char *value)
{
    if (comparison->regex)
        return import_text(sigma->set, "%s", value);
    bool open_begin = comparison->contains || comparison->ends, open_end = comparison->contains || comparison->begins;
    size_t len = strlen(value);
    for (; *value == '*'; value++, len--)
        open_begin = true;
    while (len && value[len - 1] == '*' && (len < 2 || value[len - 2] != '\\')) {
        open_end = true;
        len--;
    }
    const char *middle = expression_of(sigma, import_text(sigma->set, "%.*s", (int)len, value));
    return import_text(sigma->set, "%s%s%s", open_begin ? "" : "\\A", middle ? middle : "", open_end ? "" : "\\z");
}

static const char *quoted(struct sigma *sigma, const char *text)
{
    char *bytes = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&bytes, &len);
    if (!out || !text)
        return NULL;
    rule_lines_quote(out, wd_str_from(text));
    fclose(out);
    const char *kept = import_text(sigma->set, "%s", bytes ? bytes : "''");
    free(bytes);
    return kept;
}

static bool minds_case(const struct comparison *comparison)
{
    return comparison->cased || (comparison->regex && !comparison->ignore_case);
}

/* One value. A number, or true and false, are compared as such. */
static void add_value(struct sigma *sigma, const struct comparison *comparison, struct import_condition *in,
                      const struct wd_node *value)
{
    double number;
    int64_t whole;
    bool yes, is_plain = wd_node_int(value, &whole) || wd_node_double(value, &number) || wd_node_bool(value, &yes);
    struct import_condition *leaf = import_leaf(sigma->set, in, comparison->is_text ? "regex" : "field");
    if (!leaf)
        return;
    if (comparison->is_text) {
        leaf->text = whole_expression(sigma, comparison, value->text);
        leaf->more = import_text(sigma->set, "fields: [%s]%s", comparison->field,
                                 minds_case(comparison) ? ", case: sensitive" : "");
        return;
    }
    leaf->plain = comparison->field;
    if (comparison->exists)
        leaf->more = import_text(sigma->set, "exists: %s", value->text);
    else if (wd_node_is_null(value) || !value->text_len)
        leaf->more = "exists: false";
    else if (comparison->order)
        leaf->more = import_text(sigma->set, "%s: %s", comparison->order, value->text);
    else if (is_plain)
        leaf->more = import_text(sigma->set, "eq: %s", value->text);
    else
        leaf->more =
            import_text(sigma->set, "matches: %s%s", quoted(sigma, whole_expression(sigma, comparison, value->text)),
                        minds_case(comparison) ? ", case: sensitive" : "");
}

static void add_comparison(struct sigma *sigma, struct import_condition *in, const struct wd_node *node)
{
    struct comparison comparison;
    if (!read_key(sigma, node->key->text, &comparison)) {
        refuse(sigma, node, "a modifier that has no equal here");
        return;
    }
    const struct wd_node *first = node->kind == WD_NODE_LIST ? node->first : node;
    size_t count = node->kind == WD_NODE_LIST ? node->count : 1;
    bool plain = comparison.is_text && comparison.contains && !comparison.all;
    for (const struct wd_node *value = first; value; value = node->kind == WD_NODE_LIST ? value->next : NULL) {
        if (value->kind != WD_NODE_SCALAR) {
            refuse(sigma, node, "values are texts, numbers, or a list of them");
            return;
        }
        plain &= !has_wildcard(value->text) && !strchr(value->text, '\\') && value->text_len;
    }
    struct import_condition *leaf = plain ? import_leaf(sigma->set, in, "contains") : NULL;
    if (leaf)
        leaf->more = import_text(sigma->set, "fields: [%s]%s", comparison.field,
                                 minds_case(&comparison) ? ", case: sensitive" : "");
    if (!plain && count > 1)
        in = import_condition(sigma->set, comparison.all ? IMPORT_ALL : IMPORT_ANY, in);
    for (const struct wd_node *value = first; value && in; value = node->kind == WD_NODE_LIST ? value->next : NULL) {
        if (plain)
            import_add_value(sigma->set, leaf, value->text, value->text_len);
        else
            add_value(sigma, &comparison, in, value);
    }
}

/* ---- a selection ---- */

static void add_map(struct sigma *sigma, struct import_condition *in, const struct wd_node *map)
{
    struct import_condition *all = map->count > 1 ? import_condition(sigma->set, IMPORT_ALL, in) : in;
    for (const struct wd_node *node = map->first; node && all; node = node->next)
        add_comparison(sigma, all, node);
}

void sigma_add_selection(struct sigma *sigma, struct import_condition *in, const struct wd_node *selection)
{
    struct import_condition *keywords = NULL;
    if (selection->kind == WD_NODE_MAP && selection->count) {
        add_map(sigma, in, selection);
        return;
    }
    if (selection->kind != WD_NODE_LIST || !selection->count) {
        refuse(sigma, selection, "a selection is a map of fields, or a list");
        return;
    }
    struct import_condition *any = selection->count > 1 ? import_condition(sigma->set, IMPORT_ANY, in) : in;
    for (const struct wd_node *node = selection->first; node && any; node = node->next) {
        if (node->kind == WD_NODE_MAP)
            add_map(sigma, any, node);
        else if (node->kind != WD_NODE_SCALAR || !node->text_len)
            refuse(sigma, selection, "a selection is a map of fields, or a list");
        else if (has_wildcard(node->text)) {
            const struct comparison anywhere = {.contains = true};
            struct import_condition *leaf = import_leaf(sigma->set, any, "regex");
            if (leaf)
                leaf->text = whole_expression(sigma, &anywhere, node->text);
        } else {
            keywords = keywords ? keywords : import_leaf(sigma->set, any, "contains");
            import_add_value(sigma->set, keywords, node->text, node->text_len);
        }
    }
}

/* ---- a rule ---- */

static void take_detection(struct sigma *sigma, const struct wd_node *detection)
{
    const struct wd_node *condition = wd_node_get(detection, "condition");
    sigma->detection = detection;
    if (!condition) {
        refuse(sigma, detection, "a detection needs selections and a condition");
        return;
    }
    if (wd_node_get(detection, "timeframe")) {
        refuse(sigma, wd_node_get(detection, "timeframe"), "events are not counted over time by such a rule");
        return;
    }
    struct import_condition *in = sigma->rule->when;
    for (const struct wd_node *one = condition->kind == WD_NODE_LIST ? condition->first : condition; one && in;
         one = condition->kind == WD_NODE_LIST ? one->next : NULL)
        if (!sigma_add_condition(sigma, in, one))
            return;
}

static void take_level(struct sigma *sigma, const struct wd_node *level)
{
    const char *text = level && level->text ? level->text : "";
    static const char *const LEVELS[] = {"low", "medium", "high", "critical"};
    for (size_t i = 0; i < 4; i++)
        if (strcmp(LEVELS[i], text) == 0)
            sigma->rule->severity = LEVELS[i];
    if (strcmp(text, "informational") == 0)
        sigma->rule->severity = "low";
}

static void take_tags(struct sigma *sigma, const struct wd_node *tags)
{
    const char *list = NULL;
    for (const struct wd_node *tag = tags && tags->kind == WD_NODE_LIST ? tags->first : NULL; tag; tag = tag->next)
        if (tag->text && tag->text_len)
            list = import_text(sigma->set, "%s%s%s", list ? list : "", list ? ", " : "", quoted(sigma, tag->text));
    sigma->rule->tags = list ? import_text(sigma->set, "[%s]", list) : NULL;
}

static void note_rest(struct sigma *sigma, const struct wd_node *root)
{
    static const char *const KNOWN[] = {"title",   "id",         "name",      "description",    "status",  "author",
                                        "tags",    "references", "detection", "level",          "date",    "modified",
                                        "license", "related",    "fields",    "falsepositives", "taxonomy"};
    for (const struct wd_node *node = root->first; node; node = node->next) {
        bool known = false;
        for (size_t i = 0; i < sizeof(KNOWN) / sizeof(*KNOWN) && !known; i++)
            known = strcmp(KNOWN[i], node->key->text) == 0;
        if (strcmp(node->key->text, "logsource") == 0)
            import_note(sigma->set, node->key->line, node->key->column,
                        "'logsource' is not looked at: the rule is about new and changed content, or name a scope");
        else if (!known)
            import_leave_out(sigma->set, node->key->line, node->key->column, "'%.60s' is left out: it has no equal",
                             node->key->text);
    }
}

static void take_rule(void *context, const struct wd_node *root, const char *comment)
{
    struct sigma *sigma = context;
    struct import_set *set = sigma->set;
    struct import_rule *rule = sigma->rule = import_add_rule(set, root->line, root->column);
    (void)comment;
    if (!rule)
        return;
    rule->id = import_text(set, "%s.%zu", set->header->id, set->read);
    rule->when = import_condition(set, IMPORT_ANY, NULL);
    import_add_action(rule, "flag");
    const struct wd_node *detection = root->kind == WD_NODE_MAP ? wd_node_get(root, "detection") : NULL;
    if (!detection || detection->kind != WD_NODE_MAP) {
        import_refuse(set, rule, root->line, root->column, "a rule has a 'detection' of selections and a condition");
        return;
    }
    const struct wd_node *title = wd_node_get(root, "title");
    rule->title = title && title->text ? import_text(set, "%s", title->text) : NULL;
    take_level(sigma, wd_node_get(root, "level"));
    take_tags(sigma, wd_node_get(root, "tags"));
    take_detection(sigma, detection);
    if (!rule->refused)
        note_rest(sigma, root);
}

void import_sigma(struct import_set *set, const char *text, size_t len, const struct import_options *options)
{
    struct sigma sigma = {.set = set};
    (void)options;
    import_documents(set, text, len, take_rule, &sigma);
}
