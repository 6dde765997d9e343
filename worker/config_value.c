/* Typed values: from a node of a file or a line of text into struct config. What always holds: a value that is wrong in
 * any way is reported and the old one stays, so that checks after it see a whole configuration.
 * Neighbours: config.c gives the values, config_table.c says what they may be, config_memory.c holds them. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "worker/config_table.h"

enum { SHOWN_MAX = 60 }; /* of a wrong value, in a message */

/* A finding about `node`; only files have lines. */
#define REPORT(giver, node, code, ...)                                                                                 \
    wd_diagnose((giver)->findings, WD_ERROR, (code), (giver)->name, (giver)->kind == ORIGIN_FILE ? (node)->line : 0,   \
                (giver)->kind == ORIGIN_FILE ? (node)->column : 0, __VA_ARGS__)

static void report_memory(const struct config_giver *giver)
{
    wd_diagnose(giver->findings, WD_ERROR, "out-of-memory", giver->name, 0, 0, "no memory for the configuration");
}

static void taken(struct config *config, const struct option *option, const struct wd_node *node,
                  const struct config_giver *giver)
{
    bool in_file = giver->kind == ORIGIN_FILE;
    config_set_origin(config, option, giver->kind, giver->name, in_file ? node->line : 0, in_file ? node->column : 0);
}

/* ---- what a value should be, in words ---- */

static void describe_wanted(const struct option *option, char *out, size_t size)
{
    switch (option->type) {
    case OPTION_BOOL:
        snprintf(out, size, "write one of them");
        return;
    case OPTION_INT:
        snprintf(out, size, "write a whole number from %" PRId64 " to %" PRId64, option->least, option->most);
        return;
    case OPTION_DOUBLE:
        snprintf(out, size, "write a number from %g to %g", option->least_number, option->most_number);
        return;
    case OPTION_DURATION:
        snprintf(out, size, "write a number with its unit, as in 500ms, 5s, 10m, 2h or 7d");
        return;
    case OPTION_SIZE:
        snprintf(out, size, "write bytes, as in 512, 64KiB, 1MiB or 1GiB");
        return;
    case OPTION_LIST:
        snprintf(out, size, "write a list, as in [one, two]");
        return;
    case OPTION_MAP:
        snprintf(out, size, "write a map, as in {name: value}");
        return;
    default:
        snprintf(out, size, "write a text");
    }
}

static const char *kind_of(const struct wd_node *node)
{
    if (node->kind == WD_NODE_LIST)
        return "a list";
    if (node->kind == WD_NODE_MAP)
        return "a map";
    return wd_node_is_null(node) ? "nothing" : "a single value";
}

/* What stands there is of the wrong kind. The value itself is only shown where it is short and cannot be a secret. */
static void report_wrong(const struct option *option, const struct wd_node *node, const char *code,
                         const struct config_giver *giver)
{
    char wanted[160];
    describe_wanted(option, wanted, sizeof(wanted));
    bool is_value = node->kind == WD_NODE_SCALAR && !wd_node_is_null(node);
    if (is_value && option->type != OPTION_MAP && option->type != OPTION_LIST)
        REPORT(giver, node, code, "%s.%s: '%.*s' is not %s%s: %s", option->section, option->name, SHOWN_MAX, node->text,
               option->type == OPTION_BOOL ? "" : "a ", option_type_name(option->type), wanted);
    else
        REPORT(giver, node, code, "%s.%s has %s here: %s", option->section, option->name, kind_of(node), wanted);
}

/* ---- numbers ---- */

void config_number_text(const struct option *option, int64_t value, char *out, size_t size)
{
    static const struct {
        const char *name;
        int64_t factor;
    } TIMES[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}},
      SIZES[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}, {"", 1}};
    bool has_unit = option->type == OPTION_DURATION || option->type == OPTION_SIZE;
    for (size_t i = 0; has_unit && value && i < sizeof(TIMES) / sizeof(*TIMES); i++) {
        int64_t factor = option->type == OPTION_SIZE ? SIZES[i].factor : TIMES[i].factor;
        const char *name = option->type == OPTION_SIZE ? SIZES[i].name : TIMES[i].name;
        if (value % factor == 0) {
            snprintf(out, size, "%" PRId64 "%s", value / factor, name);
            return;
        }
    }
    snprintf(out, size, "%" PRId64, value);
}

void config_describe_range(const struct option *option, char *least, char *most, size_t size)
{
    if (option->type == OPTION_DOUBLE) {
        snprintf(least, size, "%g", option->least_number);
        snprintf(most, size, "%g", option->most_number);
        return;
    }
    config_number_text(option, option->least, least, size);
    config_number_text(option, option->most, most, size);
}

static void report_range(const struct option *option, const struct wd_node *node, const struct config_giver *giver)
{
    char least[32], most[32];
    config_describe_range(option, least, most, sizeof(least));
    REPORT(giver, node, "out-of-range", "%s.%s: '%.*s' is out of range: it may be %s to %s", option->section,
           option->name, SHOWN_MAX, node->text, least, most);
}

/* Numbers too large for an int64_t are out of range, not of a wrong type. */
static bool is_long_number(const struct wd_node *node)
{
    const char *at = node->text + (*node->text == '-' || *node->text == '+');
    return strlen(at) > 18 && strspn(at, "0123456789_") == strlen(at);
}

/* "60s" is a text in YAML, with or without quotes; a number in quotes is none. */
static bool read_number(const struct option *option, const struct wd_node *node, int64_t *out)
{
    struct wd_node plain = *node;
    plain.quoted = false;
    if (option->type == OPTION_DURATION)
        return wd_node_duration(&plain, out);
    if (option->type == OPTION_SIZE)
        return wd_node_size(&plain, out);
    return wd_node_int(node, out);
}

static bool set_number(struct config *config, const struct option *option, const struct wd_node *node,
                       const struct config_giver *giver)
{
    int64_t value;
    if (node->kind != WD_NODE_SCALAR || !read_number(option, node, &value)) {
        if (node->kind == WD_NODE_SCALAR && !node->quoted && is_long_number(node))
            report_range(option, node, giver);
        else
            report_wrong(option, node, option->type == OPTION_DURATION ? "bad-duration" : "wrong-type", giver);
        return false;
    }
    if (value < option->least || value > option->most) {
        report_range(option, node, giver);
        return false;
    }
    *(int64_t *)option_slot(config, option) = value;
    return true;
}

static bool set_double(struct config *config, const struct option *option, const struct wd_node *node,
                       const struct config_giver *giver)
{
    double value;
    if (node->kind != WD_NODE_SCALAR || !wd_node_double(node, &value)) {
        report_wrong(option, node, "wrong-type", giver);
        return false;
    }
    if (!(value >= option->least_number && value <= option->most_number)) {
        report_range(option, node, giver);
        return false;
    }
    *(double *)option_slot(config, option) = value;
    return true;
}

static bool set_bool(struct config *config, const struct option *option, const struct wd_node *node,
                     const struct config_giver *giver)
{
    if (node->kind == WD_NODE_SCALAR && wd_node_bool(node, option_slot(config, option)))
        return true;
    report_wrong(option, node, "wrong-type", giver);
    return false;
}

/* ---- texts ---- */

static bool put_text(char **slot, const char *text, const struct config_giver *giver)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) {
        report_memory(giver);
        return false;
    }
    free(*slot);
    *slot = copy;
    return true;
}

static bool has_control_characters(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    }
    return false;
}

/* A text without control characters: nothing that is configured has use for them, and some would end a header. */
static bool is_clean_text(const struct option *option, const struct wd_node *node, const struct config_giver *giver)
{
    if (node->kind != WD_NODE_SCALAR || wd_node_is_null(node)) {
        report_wrong(option, node, "wrong-type", giver);
        return false;
    }
    if (has_control_characters(node->text)) {
        REPORT(giver, node, "wrong-type", "%s.%s holds a line break or another control character: take it out",
               option->section, option->name);
        return false;
    }
    return true;
}

/* A token put where its file should be named. JSON Web Tokens begin with the base64 of '{"'. */
static bool looks_like_a_secret(const char *text)
{
    return strlen(text) > 512 || (strncmp(text, "eyJ", 3) == 0 && strchr(text, '.'));
}

static bool check_length(const struct option *option, const struct wd_node *node, const struct config_giver *giver)
{
    if (option->type == OPTION_STRING) {
        if ((int64_t)node->text_len >= option->least && (int64_t)node->text_len <= option->most)
            return true;
        if (!node->text_len)
            REPORT(giver, node, "out-of-range", "%s.%s must not be empty", option->section, option->name);
        else
            REPORT(giver, node, "out-of-range", "%s.%s has %zu bytes: it may have %" PRId64 " to %" PRId64,
                   option->section, option->name, node->text_len, option->least, option->most);
        return false;
    }
    if (!node->text_len) {
        REPORT(giver, node, "out-of-range", "%s.%s must not be empty%s", option->section, option->name,
               option->default_text ? "" : ": write null for none");
        return false;
    }
    if (looks_like_a_secret(node->text)) {
        REPORT(giver, node, "secret-in-configuration",
               "%s.%s names a file, and this looks like the secret itself: put it into a file of its own",
               option->section, option->name);
        return false;
    }
    return true;
}

static bool set_string(struct config *config, const struct option *option, const struct wd_node *node,
                       const struct config_giver *giver)
{
    char **slot = option_slot(config, option);
    if (!option->default_text && node->kind == WD_NODE_SCALAR && wd_node_is_null(node))
        return put_text(slot, NULL, giver);
    return is_clean_text(option, node, giver) && check_length(option, node, giver) && put_text(slot, node->text, giver);
}

static bool set_enum(struct config *config, const struct option *option, const struct wd_node *node,
                     const struct config_giver *giver)
{
    if (!is_clean_text(option, node, giver))
        return false;
    char choices[200] = "";
    size_t used = 0;
    for (const char *const *choice = option->choices; *choice; choice++) {
        if (strcmp(node->text, *choice) == 0)
            return put_text(option_slot(config, option), *choice, giver);
        used += (size_t)snprintf(choices + used, sizeof(choices) - used, "%s%s", used ? ", " : "", *choice);
    }
    const char *near = wd_did_you_mean(node->text, option->choices);
    REPORT(giver, node, "unknown-choice", "%s.%s: '%.*s' is not one of %s%s%s%s", option->section, option->name,
           SHOWN_MAX, node->text, choices, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    return false;
}

/* ---- lists and maps ---- */

static bool set_list(struct config *config, const struct option *option, const struct wd_node *node,
                     const struct config_giver *giver)
{
    if (node->kind != WD_NODE_LIST) {
        report_wrong(option, node, "wrong-type", giver);
        return false;
    }
    char **list = calloc(node->count + 1, sizeof(*list));
    size_t count = 0;
    bool fine = list != NULL;
    for (const struct wd_node *item = node->first; item && list; item = item->next) {
        if (!is_clean_text(option, item, giver)) {
            fine = false;
        } else if (!item->text_len) {
            REPORT(giver, item, "out-of-range", "%s.%s holds an empty entry: take it out", option->section,
                   option->name);
            fine = false;
        } else if (!(list[count] = strdup(item->text))) {
            report_memory(giver);
            fine = false;
        } else {
            count++;
        }
    }
    if (!list)
        report_memory(giver);
    if (!fine) {
        config_free_list(list);
        return false;
    }
    config_clear(config, option);
    *(char ***)option_slot(config, option) = list;
    return true;
}

static bool set_map(struct config *config, const struct option *option, const struct wd_node *node,
                    const struct config_giver *giver)
{
    if (node->kind != WD_NODE_MAP && !(node->kind == WD_NODE_SCALAR && wd_node_is_null(node))) {
        report_wrong(option, node, "wrong-type", giver);
        return false;
    }
    struct config_map map = {0};
    bool fine = true;
    for (const struct wd_node *value = node->first; value; value = value->next) {
        if (value->kind != WD_NODE_SCALAR || wd_node_is_null(value) || has_control_characters(value->text)) {
            REPORT(giver, value, "wrong-type", "%s.%s: '%.*s' has %s here: write a text", option->section, option->name,
                   SHOWN_MAX, value->key->text,
                   value->kind == WD_NODE_SCALAR && *value->text ? "control characters" : kind_of(value));
            fine = false;
        } else if (!config_map_add(&map, value->key->text, value->text)) {
            report_memory(giver);
            fine = false;
        }
    }
    if (!fine) {
        config_free_map(&map);
        return false;
    }
    config_clear(config, option);
    *(struct config_map *)option_slot(config, option) = map;
    return true;
}

/* ---- the doors ---- */

void config_set_node(struct config *config, const struct option *option, const struct wd_node *node,
                     const struct config_giver *giver)
{
    typedef bool set_fn(struct config *, const struct option *, const struct wd_node *, const struct config_giver *);
    static set_fn *const SET[] = {
        [OPTION_STRING] = set_string,   [OPTION_INT] = set_number,         [OPTION_BOOL] = set_bool,
        [OPTION_DURATION] = set_number, [OPTION_SIZE] = set_number,        [OPTION_DOUBLE] = set_double,
        [OPTION_ENUM] = set_enum,       [OPTION_LIST] = set_list,          [OPTION_MAP] = set_map,
        [OPTION_FILE] = set_string,     [OPTION_SECRET_FILE] = set_string,
    };
    if (SET[option->type](config, option, node, giver))
        taken(config, option, node, giver);
}
