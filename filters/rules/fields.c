/* The 'field' condition: which fields there are, and the reading of comparisons from a rule. What always holds: a
 * comparison that was read fits the type of its field. Neighbours: field_values.c compares, leaves.c has the kinds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/evaluate.h"
#include "filters/rules/fields.h"
#include "filters/rules/loader.h"

const struct field wd_fields[] = {
    [FIELD_EVENT] = {"event", FIELD_TEXT, "name of the event without v3. or v5., as in message.didCreate"},
    [FIELD_CONTENT_TYPE] = {"content.type", FIELD_TEXT, "message, post, comment, story, user, channel, community"},
    [FIELD_CONTENT_ID] = {"content.id", FIELD_TEXT, "id of the content"},
    [FIELD_PARENT_ID] = {"content.parent_id", FIELD_TEXT, "id of what it answers"},
    [FIELD_DATA_TYPE] = {"content.data_type", FIELD_TEXT, "text, image, custom, ..."},
    [FIELD_AUTHOR_ID] = {"author.id", FIELD_TEXT, "user id of the author"},
    [FIELD_AUTHOR_DISPLAY_NAME] = {"author.display_name", FIELD_TEXT, "name shown of the author"},
    [FIELD_AUTHOR_ROLES] = {"author.roles", FIELD_TEXTS, "roles of the author"},
    [FIELD_AUTHOR_AGE_DAYS] = {"author.age_days", FIELD_NUMBER, "days from the making of the account to the event"},
    [FIELD_AUTHOR_FLAG_COUNT] = {"author.flag_count", FIELD_NUMBER, "how often the author was reported"},
    [FIELD_AUTHOR_IS_GLOBAL_BAN] = {"author.is_global_ban", FIELD_BOOLEAN, "the author is banned everywhere"},
    [FIELD_AUTHOR_IS_KNOWN] = {"author.is_known", FIELD_BOOLEAN, "the event carried the author's user object"},
    [FIELD_CHANNEL_ID] = {"place.channel_id", FIELD_TEXT, "channel of the content"},
    [FIELD_COMMUNITY_ID] = {"place.community_id", FIELD_TEXT, "community of the content"},
    [FIELD_TARGET_TYPE] = {"place.target_type", FIELD_TEXT, "user, community or content"},
    [FIELD_TARGET_ID] = {"place.target_id", FIELD_TEXT, "id of the target"},
    [FIELD_FLAG_COUNT] = {"flag_count", FIELD_NUMBER, "how often the content was reported"},
    [FIELD_TAGS] = {"tags", FIELD_TEXTS, "tags of the content"},
    [FIELD_MENTIONS] = {"mentions", FIELD_TEXTS, "ids of the mentioned users"},
    [FIELD_MENTION_COUNT] = {"mentions.count", FIELD_NUMBER, "different users that are mentioned"},
    [FIELD_MENTIONS_CHANNEL] = {"mentions.channel", FIELD_BOOLEAN, "everybody in the channel is mentioned"},
    [FIELD_LINK_COUNT] = {"links.count", FIELD_NUMBER, "hyperlink items of the content"},
    [FIELD_ATTACHMENT_COUNT] = {"attachments.count", FIELD_NUMBER, "attachments of the content"},
    [FIELD_ATTACHMENT_TYPES] = {"attachments.types", FIELD_TEXTS, "their types: image, file, ..."},
    [FIELD_IS_DELETED] = {"is_deleted", FIELD_BOOLEAN, "the content is deleted"},
    [FIELD_IS_EDITED] = {"is_edited", FIELD_BOOLEAN, "the content was edited"},
    [NAMED_FIELD_COUNT] = {NULL, FIELD_TEXT, NULL},
};

/* Any value of the JSON as sent. */
static const struct {
    const char *prefix;
    enum field_id id;
    bool with_prefix; /* the path in the JSON begins with "metadata." too */
} JSON_PREFIXES[] = {
    {"metadata.", FIELD_OBJECT_JSON, true},
    {"json.", FIELD_OBJECT_JSON, false},
    {"author.metadata.", FIELD_AUTHOR_JSON, true},
    {"author.json.", FIELD_AUTHOR_JSON, false},
};

const char *wd_field_type_name(enum field_type type)
{
    static const char *const NAMES[] = {"text", "number", "boolean", "list of texts", "any"};
    return NAMES[type];
}

/* ---- the condition's parameters ---- */

static const char *const OPERATORS[] = {"eq", "ne", "lt", "gt", "le", "ge", "in", "matches", "exists"};

/* Which operators a type of field has. */
static const uint32_t OPERATORS_OF[] = {
    [FIELD_TEXT] = 1U << OP_EQ | 1U << OP_NE | 1U << OP_IN | 1U << OP_MATCHES | 1U << OP_EXISTS,
    [FIELD_NUMBER] = 1U << OP_EQ | 1U << OP_NE | 1U << OP_LT | 1U << OP_GT | 1U << OP_LE | 1U << OP_GE | 1U << OP_IN |
                     1U << OP_EXISTS,
    [FIELD_BOOLEAN] = 1U << OP_EQ | 1U << OP_NE | 1U << OP_EXISTS,
    [FIELD_TEXTS] = 1U << OP_EQ | 1U << OP_NE | 1U << OP_IN | 1U << OP_MATCHES | 1U << OP_EXISTS,
    [FIELD_JSON] = (1U << OPERATOR_COUNT) - 1,
};

static const char *const CASES[] = {"ignore", "sensitive", NULL};
static const struct key IN_ELEMENT = {.name = "", .type = KEY_SCALAR, .doc = "a value"};
static const struct key IN_ALTERNATIVES[] = {
    {.name = "", .type = KEY_LIST, .element = &IN_ELEMENT, .doc = "a list of values"},
    {.name = "", .type = KEY_IDENTIFIER, .doc = "the name of a list of this file"},
    {.doc = NULL},
};
static const struct key FIELD_KEYS[] = {
    {.name = "field", .type = KEY_TEXT, .required = true, .doc = "what to compare, as in author.age_days"},
    {.name = "eq", .type = KEY_SCALAR, .doc = "equal to"},
    {.name = "ne", .type = KEY_SCALAR, .doc = "not equal to; true where the field is absent"},
    {.name = "lt", .type = KEY_NUMBER, .doc = "less than"},
    {.name = "gt", .type = KEY_NUMBER, .doc = "greater than"},
    {.name = "le", .type = KEY_NUMBER, .doc = "at most"},
    {.name = "ge", .type = KEY_NUMBER, .doc = "at least"},
    {.name = "in", .type = KEY_EITHER, .alternatives = IN_ALTERNATIVES, .doc = "one of: a list, or the name of one"},
    {.name = "matches", .type = KEY_TEXT, .doc = "a PCRE2 expression"},
    {.name = "exists", .type = KEY_BOOLEAN, .doc = "the event has it, or has it not"},
    {.name = "case", .type = KEY_CHOICE, .choices = CASES, .doc = "for matches: ignore (default) or sensitive"},
    LEAF_NAME_KEY,
    {.name = NULL},
};

/* ---- loading ---- */

bool wd_find_field(struct loader *loader, const struct wd_node *name, struct field_params *params)
{
    const char *names[NAMED_FIELD_COUNT + 1] = {NULL};
    for (int i = 0; i < NAMED_FIELD_COUNT; i++) {
        names[i] = wd_fields[i].name;
        if (strcmp(name->text, wd_fields[i].name) == 0) {
            params->id = (enum field_id)i;
            params->type = wd_fields[i].type;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(JSON_PREFIXES) / sizeof(*JSON_PREFIXES); i++) {
        size_t len = strlen(JSON_PREFIXES[i].prefix);
        if (strncmp(name->text, JSON_PREFIXES[i].prefix, len) != 0 || !name->text[len])
            continue;
        const char *path = JSON_PREFIXES[i].with_prefix ? strstr(name->text, "metadata.") : name->text + len;
        params->id = JSON_PREFIXES[i].id;
        params->type = FIELD_JSON;
        params->path = wd_str_from(wd_loader_text(loader, path));
        return params->path.data != NULL;
    }
    char near[128];
    wd_report(
        &loader->reporter, name, WD_ERROR, "unknown-field",
        "there is no field '%.60s'%s: see `warden rules fields`; values of the JSON are metadata.NAME or json.PATH",
        name->text, wd_suggestion(near, sizeof(near), name->text, names));
    return false;
}

static bool load_values(struct loader *loader, const struct wd_node *node, struct comparison *comparison)
{
    const struct list *list = NULL;
    if (node->kind == WD_NODE_SCALAR && !(list = wd_find_list(loader, node, 1U << LIST_IDS | 1U << LIST_WORDS)))
        return false;
    size_t count = list ? list->entry_count : node->count;
    struct wd_str *texts = wd_loader_alloc(loader, count + 1, sizeof(*texts));
    if (!texts)
        return false;
    const struct wd_node *value = list ? NULL : node->first;
    for (size_t i = 0; i < count; i++, value = value ? value->next : NULL) {
        texts[i] = list ? list->entries[i].text : wd_str_from(wd_loader_text(loader, value->text));
        if (!texts[i].data)
            return false;
    }
    qsort(texts, count, sizeof(*texts), wd_compare_bytes);
    comparison->texts = texts;
    comparison->text_count = count;
    return true;
}

static bool load_expression(struct loader *loader, const struct wd_node *node, bool caseless,
                            struct comparison *comparison)
{
    if (!wd_check_regex(loader, node, caseless))
        return false;
    struct wd_error err = {0};
    struct wd_str pattern = {.data = node->text, .len = node->text_len};
    if (wd_expression_new(pattern, caseless, &loader->set->expressions, &err) != WD_OK) {
        wd_report(&loader->reporter, node, WD_ERROR, "bad-regex", "%s", err.text);
        return false;
    }
    comparison->expression = loader->set->expressions;
    return true;
}

/* Whether a plain number is wanted or given. */
static bool load_operand(struct loader *loader, const struct wd_node *node, const struct field_params *params,
                         struct comparison *comparison)
{
    int64_t whole;
    bool numeric = wd_node_int(node, &whole);
    if (numeric)
        comparison->number = (double)whole;
    else
        numeric = wd_node_double(node, &comparison->number);
    comparison->is_number = numeric;
    bool yes;
    if (params->type == FIELD_NUMBER && !numeric) {
        wd_report(&loader->reporter, node, WD_ERROR, "wrong-type", "%s is a number: '%.60s' is none",
                  wd_fields[params->id].name, node->text);
        return false;
    }
    if (params->type == FIELD_BOOLEAN && !wd_node_bool(node, &yes)) {
        wd_report(&loader->reporter, node, WD_ERROR, "wrong-type", "%s is true or false, not '%.60s'",
                  wd_fields[params->id].name, node->text);
        return false;
    }
    comparison->text = wd_str_from(wd_loader_text(loader, node->text));
    return comparison->text.data != NULL;
}

static bool load_comparison(struct loader *loader, const struct wd_node *node, const struct field_params *params,
                            bool caseless, struct comparison *comparison)
{
    switch (comparison->operator_id) {
    case OP_IN:
        return load_values(loader, node, comparison);
    case OP_MATCHES:
        return load_expression(loader, node, caseless, comparison);
    case OP_EXISTS:
        return wd_node_bool(node, &comparison->yes);
    default:
        return load_operand(loader, node, params, comparison);
    }
}

static bool has_operator(struct loader *loader, const struct wd_node *node, const struct field_params *params,
                         enum operator_id operator_id)
{
    if (OPERATORS_OF[params->type] & 1U << operator_id)
        return true;
    char all[128] = "";
    for (size_t i = 0, used = 0; i < OPERATOR_COUNT && used < sizeof(all); i++)
        if (OPERATORS_OF[params->type] & 1U << i)
            used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", OPERATORS[i]);
    wd_report(&loader->reporter, node->key, WD_ERROR, "bad-operator", "%s is a %s: it can be compared by %s, not %s",
              wd_fields[params->id].name, wd_field_type_name(params->type), all, OPERATORS[operator_id]);
    return false;
}

static bool prepare_field(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    struct field_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    struct comparison *comparisons = wd_loader_alloc(loader, OPERATOR_COUNT, sizeof(*comparisons));
    if (!params || !comparisons || !wd_find_field(loader, wd_node_get(node, "field"), params))
        return false;
    const struct wd_node *own_case = wd_node_get(node, "case");
    bool caseless = !own_case || strcmp(own_case->text, "sensitive") != 0, fine = true;
    for (int i = 0; i < OPERATOR_COUNT; i++) {
        const struct wd_node *operand = wd_node_get(node, OPERATORS[i]);
        if (!operand)
            continue;
        comparisons[params->count].operator_id = (enum operator_id)i;
        fine = has_operator(loader, operand, params, (enum operator_id)i) &&
               load_comparison(loader, operand, params, caseless, &comparisons[params->count]) && fine;
        params->count++;
    }
    if (!params->count) {
        wd_report(&loader->reporter, node, WD_ERROR, "missing-key",
                  "a 'field' condition needs a comparison: eq, ne, lt, gt, le, ge, in, matches or exists");
        return false;
    }
    params->comparisons = comparisons;
    leaf->params = params;
    return fine;
}

const struct leaf_kind wd_field_leaf = {
    .shape = {"a 'field' condition", "condition_field", "A field of the event compares.", FIELD_KEYS, false},
    .reads = READS_EVENT,
    .prepare = prepare_field,
    .evaluate = wd_evaluate_field,
};
