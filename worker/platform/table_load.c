/* Reads an action table from YAML and reports every mistake with its place. Neighbours: table.c uses what is read here,
 * config/schema/platform.schema.json says the same to editors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/platform/table_rows.h"

enum { TABLE_BYTES_MAX = 4 << 20, ROWS_MAX = 4096 };

static const char DEFAULT_CHECK_PATH[] = "/api/v3/communities";
static const char *const TABLE_KEYS[] = {"platform", "check", "answers", "actions", NULL};
static const char *const CHECK_KEYS[] = {"path", NULL};
static const char *const BATCH_KEYS[] = {"field", "max", "already_for_all", NULL};
enum row_key {
    ROW_ACTION,
    ROW_CONTENT,
    ROW_SCOPE,
    ROW_METHOD,
    ROW_PATH,
    ROW_BODY,
    ROW_GROUP,
    ROW_ANSWERS,
    ROW_BATCH,
    ROW_KEY_COUNT
};
static const char *const ROW_KEYS[] = {"action", "content", "scope",   "method", "path",
                                       "body",   "group",   "answers", "batch",  NULL};

struct loader {
    struct action_table *table;
    const char *file;
    struct wd_diagnostics *findings;
    bool failed;
};

#define REPORT(loader, code, node, ...)                                                                                \
    do {                                                                                                               \
        (loader)->failed = true;                                                                                       \
        wd_diagnose((loader)->findings, WD_ERROR, code, (loader)->file, (node)->line, (node)->column, __VA_ARGS__);    \
    } while (0)

static void report_unknown(struct loader *loader, const char *code, const struct wd_node *node, const char *what,
                           const char *const *known)
{
    const char *near = wd_did_you_mean(node->text, known);
    REPORT(loader, code, node, "'%s' is not %s%s%s%s", node->text, what, near ? " (did you mean '" : "",
           near ? near : "", near ? "'?)" : "");
}

static void check_keys(struct loader *loader, const struct wd_node *map, const char *const *known, const char *what)
{
    for (const struct wd_node *value = map->first; value; value = value->next) {
        bool found = false;
        for (size_t i = 0; known[i] && !found; i++)
            found = strcmp(value->key->text, known[i]) == 0;
        if (!found)
            report_unknown(loader, "unknown-key", value->key, what, known);
    }
}

/* Names: a scalar, or a list of scalars, out of an enumeration. */

struct name_set {
    const char *what; /* "an action" */
    const char *names[16];
    size_t count;
};

static struct name_set action_names(void)
{
    struct name_set set = {.what = "an action", .count = WD_ACTION_KIND_COUNT};
    for (size_t i = 0; i < set.count; i++)
        set.names[i] = wd_action_kind_name((enum wd_action_kind)i);
    return set;
}

/* The last name is "any". */
static struct name_set content_names(void)
{
    struct name_set set = {.what = "a content type", .count = WD_CONTENT_TYPE_COUNT + 1};
    for (size_t i = 0; i < WD_CONTENT_TYPE_COUNT; i++)
        set.names[i] = wd_content_type_name((enum wd_content_type)i);
    set.names[WD_CONTENT_TYPE_COUNT] = "any";
    return set;
}

static struct name_set scope_names(void)
{
    struct name_set set = {.what = "a scope", .count = WD_SCOPE_COUNT};
    for (size_t i = 0; i < WD_SCOPE_COUNT; i++)
        set.names[i] = wd_scope_name((enum wd_scope)i);
    set.names[WD_SCOPE_NONE] = "none";
    return set;
}

static struct name_set method_names(void)
{
    struct name_set set = {.what = "a method", .count = HTTP_METHOD_COUNT};
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++)
        set.names[i] = http_method_name((enum http_method)i);
    return set;
}

/* The index of the scalar's name, or -1 with a finding. */
static int read_name(struct loader *loader, const struct wd_node *node, const struct name_set *set)
{
    if (node->kind != WD_NODE_SCALAR) {
        REPORT(loader, "bad-value", node, "want %s here", set->what);
        return -1;
    }
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(node->text, set->names[i]) == 0)
            return (int)i;
    report_unknown(loader, "bad-value", node, set->what, set->names);
    return -1;
}

/* One bit a name; 0 with findings. */
static unsigned read_names(struct loader *loader, const struct wd_node *node, const struct name_set *set)
{
    unsigned bits = 0;
    if (node->kind == WD_NODE_LIST) {
        if (!node->first)
            REPORT(loader, "bad-value", node, "an empty list: want %s", set->what);
        for (const struct wd_node *item = node->first; item; item = item->next) {
            int index = read_name(loader, item, set);
            bits |= index >= 0 ? 1U << index : 0;
        }
        return bits;
    }
    int index = read_name(loader, node, set);
    return index >= 0 ? 1U << index : 0;
}

/* Rows. */

static void read_group(struct loader *loader, const struct wd_node *node, uint32_t *out)
{
    struct action_table *table = loader->table;
    if (node->kind != WD_NODE_SCALAR || node->text_len == 0 || node->text_len > 40 ||
        strspn(node->text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != node->text_len) {
        REPORT(loader, "bad-value", node, "a group is a name of at most 40 lower-case letters, digits, '_' and '-'");
        return;
    }
    for (uint32_t i = 0; i < table->group_count; i++)
        if (strcmp(table->groups[i], node->text) == 0) {
            *out = i;
            return;
        }
    struct wd_str copy = wd_arena_copy(table->arena, (struct wd_str){.data = node->text, .len = node->text_len});
    if (table->group_count == TABLE_GROUPS_MAX || !copy.data) {
        REPORT(loader, "too-large", node, "more than %d groups", TABLE_GROUPS_MAX);
        return;
    }
    *out = table->group_count;
    table->groups[table->group_count++] = copy.data;
}

/* "<field>={author_id}" as a whole parameter of the query. */
static bool is_in_query(const struct wd_node *path, const char *field)
{
    const char *at = path && path->kind == WD_NODE_SCALAR ? strchr(path->text, '?') : NULL;
    size_t len = strlen(field);
    while (at) {
        at++;
        if (strncmp(at, field, len) == 0 && strncmp(at + len, "={author_id}", 12) == 0 &&
            (at[len + 12] == '\0' || at[len + 12] == '&'))
            return true;
        at = strchr(at, '&');
    }
    return false;
}

/* `<field>: ["{author_id}"]` at the top of the body. */
static bool is_in_body(const struct wd_node *body, const char *field)
{
    const struct wd_node *list = body && body->kind == WD_NODE_MAP ? wd_node_get(body, field) : NULL;
    return list && list->kind == WD_NODE_LIST && list->count == 1 && list->first->kind == WD_NODE_SCALAR &&
           strcmp(list->first->text, "{author_id}") == 0;
}

static void read_batch(struct loader *loader, const struct wd_node *node, const struct wd_node *const *keys,
                       struct action_batch *out)
{
    if (node->kind != WD_NODE_MAP) {
        REPORT(loader, "bad-value", node, "want {field: userIds, max: 100}");
        return;
    }
    check_keys(loader, node, BATCH_KEYS, "known in a batch");
    const struct wd_node *field = wd_node_get(node, "field"), *max = wd_node_get(node, "max");
    const struct wd_node *already = wd_node_get(node, "already_for_all");
    int64_t number = 0;
    if (!field || field->kind != WD_NODE_SCALAR || !max) {
        REPORT(loader, "missing-key", node, "a batch has a 'field' and a 'max'");
        return;
    }
    if (!wd_node_int(max, &number) || number < 2 || number > ACTION_BATCH_MAX)
        REPORT(loader, "bad-value", max, "'max' is a number from 2 to %d", ACTION_BATCH_MAX);
    out->in_query = is_in_query(keys[ROW_PATH], field->text);
    if (!out->in_query && !is_in_body(keys[ROW_BODY], field->text))
        REPORT(loader, "bad-value", field,
               "'%s' must be a list of the body with the one entry \"{author_id}\", or a parameter of the query",
               field->text);
    struct wd_str copy = wd_arena_copy(loader->table->arena, wd_str_from(field->text));
    out->field = copy.data;
    out->max = (uint32_t)number;
    if (already && !wd_node_bool(already, &out->already_for_all))
        REPORT(loader, "bad-value", already, "'already_for_all' is true or false");
}

static void require(struct loader *loader, const struct wd_node *row, const struct wd_node *const *keys,
                    enum row_key key)
{
    if (!keys[key])
        REPORT(loader, "missing-key", row, "this row has no '%s'", ROW_KEYS[key]);
}

/* The webhook's URL stands in the configuration and the body is the decision: such a row has neither path nor body. */
static void check_notify_row(struct loader *loader, const struct wd_node *const *keys)
{
    static const enum row_key unwanted[] = {ROW_CONTENT, ROW_SCOPE, ROW_PATH, ROW_BODY, ROW_BATCH};
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
        if (keys[unwanted[i]])
            REPORT(loader, "bad-row", keys[unwanted[i]]->key,
                   "a notify row has no '%s': it posts the decision to the URL in platform.notify of the configuration",
                   ROW_KEYS[unwanted[i]]);
}

static void read_call(struct loader *loader, const struct wd_node *node, const struct wd_node *const *keys, int kind,
                      struct table_row *row)
{
    struct action_table *table = loader->table;
    if (kind == WD_ACTION_NOTIFY)
        check_notify_row(loader, keys);
    else if (kind >= 0)
        require(loader, node, keys, ROW_PATH);
    require(loader, node, keys, ROW_METHOD);
    require(loader, node, keys, ROW_GROUP);
    if (keys[ROW_METHOD]) {
        struct name_set methods = method_names();
        int method = read_name(loader, keys[ROW_METHOD], &methods);
        row->method = method >= 0 ? (enum http_method)method : HTTP_POST;
        if (method == HTTP_GET)
            REPORT(loader, "bad-value", keys[ROW_METHOD], "GET changes nothing: want POST, PUT or DELETE");
    }
    if (keys[ROW_GROUP])
        read_group(loader, keys[ROW_GROUP], &row->group);
    if (keys[ROW_PATH] &&
        !template_compile_path(&row->path, keys[ROW_PATH], loader->file, table->arena, loader->findings))
        loader->failed = true;
    if (keys[ROW_BODY] &&
        !template_compile_body(&row->body, keys[ROW_BODY], loader->file, table->arena, loader->findings))
        loader->failed = true;
    if (keys[ROW_ANSWERS] &&
        !answer_list_read(&row->answers, keys[ROW_ANSWERS], loader->file, table->arena, loader->findings))
        loader->failed = true;
    if (!keys[ROW_BATCH])
        return;
    read_batch(loader, keys[ROW_BATCH], keys, &row->batch);
    if (template_count(&row->path, PLACEHOLDER_AUTHOR_ID) + template_count(&row->body, PLACEHOLDER_AUTHOR_ID) > 1)
        REPORT(loader, "bad-value", keys[ROW_BATCH],
               "a call for several authors can name {author_id} only in its list: take it out elsewhere, or the batch");
}

static void enter_places(struct loader *loader, const struct wd_node *node, int kind, unsigned contents,
                         unsigned scopes, uint16_t place)
{
    struct action_table *table = loader->table;
    for (unsigned content = 0; content < WD_CONTENT_TYPE_COUNT; content++)
        for (unsigned scope = 0; scope < WD_SCOPE_COUNT; scope++) {
            if (!(contents >> content & 1) || !(scopes >> scope & 1))
                continue;
            uint16_t *at = &table->places[kind][content][scope];
            if (*at && *at != place) {
                REPORT(loader, "duplicate-row", node, "%s%s%s on a %s has a row already, at line %d",
                       wd_action_kind_name((enum wd_action_kind)kind), scope ? " in scope " : "",
                       wd_scope_name((enum wd_scope)scope), wd_content_type_name((enum wd_content_type)content),
                       table->rows[*at - 1].line);
                return;
            }
            *at = place;
        }
}

static void read_row(struct loader *loader, const struct wd_node *node)
{
    if (node->kind != WD_NODE_MAP) {
        REPORT(loader, "bad-row", node, "want a map with action, content, method, path, ...");
        return;
    }
    struct action_table *table = loader->table;
    check_keys(loader, node, ROW_KEYS, "known in a row");
    const struct wd_node *keys[ROW_KEY_COUNT];
    for (size_t i = 0; i < ROW_KEY_COUNT; i++)
        keys[i] = wd_node_get(node, ROW_KEYS[i]);
    struct name_set actions = action_names(), contents = content_names(), scopes = scope_names();
    require(loader, node, keys, ROW_ACTION);
    int kind = keys[ROW_ACTION] ? read_name(loader, keys[ROW_ACTION], &actions) : -1;
    unsigned any = 1U << WD_CONTENT_TYPE_COUNT;
    unsigned content_bits = keys[ROW_CONTENT] ? read_names(loader, keys[ROW_CONTENT], &contents) : any;
    unsigned scope_bits = keys[ROW_SCOPE] ? read_names(loader, keys[ROW_SCOPE], &scopes) : 1U << WD_SCOPE_NONE;
    struct table_row *row = &table->rows[table->row_count++];
    row->line = node->line;
    read_call(loader, node, keys, kind, row);
    if (kind >= 0)
        enter_places(loader, node, kind, content_bits & any ? any - 1 : content_bits, scope_bits,
                     (uint16_t)table->row_count);
}

static void read_rows(struct loader *loader, const struct wd_node *list)
{
    struct action_table *table = loader->table;
    if (list->kind != WD_NODE_LIST || list->count == 0) {
        REPORT(loader, "bad-value", list, "'actions' is a list of rows");
        return;
    }
    table->rows = list->count <= ROWS_MAX ? wd_arena_zalloc(table->arena, list->count, sizeof(*table->rows)) : NULL;
    if (!table->rows) {
        REPORT(loader, "too-large", list, "more than %d rows", ROWS_MAX);
        return;
    }
    for (const struct wd_node *row = list->first; row; row = row->next)
        read_row(loader, row);
}

static void read_check(struct loader *loader, const struct wd_node *node)
{
    struct template path;
    const struct wd_node *text = node->kind == WD_NODE_MAP ? wd_node_get(node, "path") : NULL;
    if (!text) {
        REPORT(loader, "bad-value", node, "want {path: /a/harmless/call}");
        return;
    }
    check_keys(loader, node, CHECK_KEYS, "known here");
    if (!template_compile_path(&path, text, loader->file, loader->table->arena, loader->findings)) {
        loader->failed = true;
        return;
    }
    if (strchr(text->text, '{'))
        REPORT(loader, "bad-path", text, "the check has no event, so its path can have no placeholders");
    struct wd_str copy = wd_arena_copy(loader->table->arena, wd_str_from(text->text));
    loader->table->check_path = copy.data ? copy.data : DEFAULT_CHECK_PATH;
}

static void read_table(struct loader *loader, const struct wd_document *document)
{
    const struct wd_node *root = wd_document_root(document);
    if (!root || root->kind != WD_NODE_MAP) {
        static const struct wd_node top = {.line = 1, .column = 1};
        REPORT(loader, "bad-value", root ? root : &top, "want a map with 'answers' and 'actions'");
        return;
    }
    check_keys(loader, root, TABLE_KEYS, "known at the top of an action table");
    const struct wd_node *check = wd_node_get(root, "check"), *answers = wd_node_get(root, "answers");
    const struct wd_node *actions = wd_node_get(root, "actions");
    if (check)
        read_check(loader, check);
    if (answers &&
        !answer_list_read(&loader->table->answers, answers, loader->file, loader->table->arena, loader->findings))
        loader->failed = true;
    if (actions)
        read_rows(loader, actions);
    else
        REPORT(loader, "missing-key", root, "the table has no 'actions'");
}

static struct action_table *table_new(void)
{
    struct action_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    table->check_path = DEFAULT_CHECK_PATH;
    table->arena = wd_arena_new(TABLE_BYTES_MAX);
    if (table->arena)
        return table;
    free(table);
    return NULL;
}

enum wd_status action_table_load(const char *path, struct action_table **out, struct wd_diagnostics *findings)
{
    struct wd_document *document;
    *out = NULL;
    enum wd_status status = wd_document_load(path, &document, findings);
    if (status != WD_OK)
        return status;
    struct loader loader = {.table = table_new(), .file = path, .findings = findings};
    if (!loader.table) {
        wd_document_free(document);
        return WD_ERR_MEMORY;
    }
    read_table(&loader, document);
    wd_document_free(document);
    if (loader.failed) {
        action_table_free(loader.table);
        return WD_ERR_INVALID;
    }
    *out = loader.table;
    return WD_OK;
}
