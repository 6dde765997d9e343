/* Values given as one line of text: defaults, environment, --set. They become nodes and then go the way of a file's
 * values (config_value.c), so that one piece of code decides what is right. */
#include <stdlib.h>
#include <string.h>

#include "worker/config_table.h"

static void report(const struct config_giver *giver, const char *code, const char *text)
{
    wd_diagnose(giver->findings, WD_ERROR, code, giver->name, 0, 0, "%s", text);
}

/* A scalar that is a text as it stands, whatever it looks like. */
static struct wd_node text_node(const char *text)
{
    return (struct wd_node){.kind = WD_NODE_SCALAR,
                            .text = text,
                            .text_len = strlen(text),
                            .quoted = true,
                            .style = WD_STYLE_DOUBLE_QUOTED};
}

static bool is_text_type(enum option_type type)
{
    return type == OPTION_STRING || type == OPTION_ENUM || type == OPTION_FILE || type == OPTION_SECRET_FILE;
}

static void set_scalar(struct config *config, const struct option *option, const char *text,
                       const struct config_giver *giver)
{
    struct wd_node node = text_node(text);
    bool null = !option->default_text && (!*text || strcmp(text, "null") == 0);
    node.quoted = is_text_type(option->type) && !null;
    config_set_node(config, option, &node, giver);
}

/* [a, b] and {a: b}: as in a file. */
static void set_yaml(struct config *config, const struct option *option, const char *text,
                     const struct config_giver *giver)
{
    struct wd_document *document = NULL;
    if (wd_document_parse(giver->name ? giver->name : "default", text, strlen(text), &document, giver->findings) !=
        WD_OK)
        return;
    config_set_node(config, option, wd_document_root(document), giver);
    wd_document_free(document);
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

/* One piece of a,b or a=b,c=d as nodes; false where a pair has no '='. */
static bool fill_piece(const struct option *option, char *piece, struct wd_node *key, struct wd_node *value)
{
    if (option->type == OPTION_LIST) {
        *value = text_node(trim(piece));
        return true;
    }
    char *equals = strchr(piece, '=');
    if (!equals || equals == piece)
        return false;
    *equals = '\0';
    *key = text_node(trim(piece));
    *value = text_node(trim(equals + 1));
    value->key = key;
    return true;
}

static bool is_repeated(const struct wd_node *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].text, keys[count].text) == 0)
            return true;
    }
    return false;
}

/* Cuts `copy` at its commas into `count` nodes; a finding and false where a piece is wrong. */
static bool fill_pieces(const struct option *option, char *copy, struct wd_node *keys, struct wd_node *values,
                        const struct config_giver *giver, size_t *count_out)
{
    size_t count = 0;
    char *rest = copy;
    for (char *piece = strsep(&rest, ","); piece; piece = strsep(&rest, ",")) {
        if (!fill_piece(option, piece, &keys[count], &values[count])) {
            report(giver, "wrong-type", "write name=value pairs separated by commas, or {name: value, ...}");
            return false;
        }
        if (option->type == OPTION_MAP && is_repeated(keys, count)) {
            report(giver, "duplicate-key", "a name stands twice: keep one of them");
            return false;
        }
        if (count)
            values[count - 1].next = &values[count];
        count++;
    }
    *count_out = count;
    return true;
}

static void set_pieces(struct config *config, const struct option *option, const char *text,
                       const struct config_giver *giver)
{
    size_t most = 1, count = 0;
    for (const char *at = text; *at; at++)
        most += *at == ',';
    char *copy = strdup(text);
    struct wd_node *keys = calloc(most, sizeof(*keys)), *values = calloc(most, sizeof(*values));
    if (!copy || !keys || !values) {
        report(giver, "out-of-memory", "no memory for the configuration");
    } else if (!*trim(copy) || fill_pieces(option, copy, keys, values, giver, &count)) {
        struct wd_node node = {.kind = option->type == OPTION_LIST ? WD_NODE_LIST : WD_NODE_MAP,
                               .first = count ? values : NULL,
                               .count = count};
        config_set_node(config, option, &node, giver);
    }
    free(copy);
    free(keys);
    free(values);
}

void config_set_text(struct config *config, const struct option *option, const char *text,
                     const struct config_giver *giver)
{
    char opening = option->type == OPTION_LIST ? '[' : '{';
    if (option->type != OPTION_LIST && option->type != OPTION_MAP)
        set_scalar(config, option, text, giver);
    else if (text[strspn(text, " \t")] == opening)
        set_yaml(config, option, text, giver);
    else
        set_pieces(config, option, text, giver);
}

/* "config/warden.yaml:9 and --set kafka.properties.x": an entry does not hide where the others came from. */
static void join_origin(struct config *config, const struct option *option, const struct config_giver *giver)
{
    struct config_origin *origin = &config->origins[option - OPTIONS];
    char *joined = NULL;
    int length = -1;
    if (origin->kind == ORIGIN_FILE)
        length = asprintf(&joined, "%s:%d and %s", origin->name ? origin->name : "", origin->line, giver->name);
    else if (origin->kind != ORIGIN_DEFAULT)
        length = asprintf(&joined, "%s and %s", origin->name ? origin->name : "", giver->name);
    config_set_origin(config, option, giver->kind, length >= 0 ? joined : giver->name, 0, 0);
    if (length >= 0)
        free(joined);
}

void config_set_entry(struct config *config, const struct option *option, const char *name, const char *value,
                      const struct config_giver *giver)
{
    struct config_map *map = option_slot(config, option);
    for (const char *at = value; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            report(giver, "wrong-type", "the value holds a control character: take it out");
            return;
        }
    }
    bool added = false;
    for (size_t i = 0; i < map->count && !added; i++) {
        if (strcmp(map->items[i].name, name) != 0)
            continue;
        char *copy = strdup(value);
        if (copy) {
            free(map->items[i].value);
            map->items[i].value = copy;
        }
        added = copy != NULL;
    }
    if (!added && !config_map_add(map, name, value)) {
        report(giver, "out-of-memory", "no memory for the configuration");
        return;
    }
    join_origin(config, option, giver);
}
