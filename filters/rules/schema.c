/* Checks nodes against the description in schema.h. What always holds: everything that is wrong is reported once, at
 * its own place, and readers may trust nodes that passed. Neighbours: keys.c (the tables), conditions.c. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/leaves.h"
#include "filters/rules/schema.h"

static void report(struct reporter *reporter, const struct wd_node *node, int column, enum wd_severity severity,
                   const char *code, const char *format, va_list args)
{
    char text[1024];
    if (reporter->quiet)
        return;
    vsnprintf(text, sizeof(text), format, args);
    wd_diagnose(reporter->findings, severity, code, node->file, node->line, column, "%s", text);
}

void wd_report(struct reporter *reporter, const struct wd_node *node, enum wd_severity severity, const char *code,
               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(reporter, node, node->column, severity, code, format, args);
    va_end(args);
}

void wd_report_at(struct reporter *reporter, const struct wd_node *node, int column, const char *code,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(reporter, node, column, WD_ERROR, code, format, args);
    va_end(args);
}

const char *wd_suggestion(char *buffer, size_t size, const char *word, const char *const *candidates)
{
    const char *near = NULL;
    size_t len = strlen(word);
    for (size_t i = 0; candidates[i] && len >= 3; i++) /* cut short is likelier than misspelled */
        if (strncmp(candidates[i], word, len) == 0 && (!near || strlen(candidates[i]) < strlen(near)))
            near = candidates[i];
    near = near ? near : wd_did_you_mean(word, candidates);
    buffer[0] = '\0';
    if (near)
        snprintf(buffer, size, " (did you mean '%s'?)", near);
    return buffer;
}

/* "x, y, z" */
static void join(char *buffer, size_t size, const char *const *words)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; words[i] && used < size; i++) {
        int wrote = snprintf(buffer + used, size - used, "%s%s", i ? ", " : "", words[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* How a finding names the node: its key where it has one. */
static const char *called(char *buffer, size_t size, const struct wd_node *node)
{
    if (!node->key)
        return "this entry";
    snprintf(buffer, size, "'%s'", node->key->text);
    return buffer;
}

static bool wrong(struct reporter *reporter, const struct wd_node *node, const char *wanted)
{
    char name[128], got[80];
    if (node->kind != WD_NODE_SCALAR)
        snprintf(got, sizeof(got), "%s %s", node->count ? "a" : "an empty",
                 node->kind == WD_NODE_LIST ? "list" : "map");
    else if (!node->text_len)
        snprintf(got, sizeof(got), "empty");
    else
        snprintf(got, sizeof(got), "'%.60s'", node->text);
    wd_report(reporter, node, WD_ERROR, "wrong-type", "%s must be %s, not %s", called(name, sizeof(name), node), wanted,
              got);
    return false;
}

static bool is_identifier(const char *text)
{
    if (!isalnum((unsigned char)text[0]))
        return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            return false;
    return strlen(text) <= 128;
}

static bool check_choice(struct reporter *reporter, const struct wd_node *node, const struct key *key)
{
    char all[512], near[128], name[128];
    for (size_t i = 0; key->choices[i]; i++)
        if (strcmp(key->choices[i], node->text) == 0)
            return true;
    join(all, sizeof(all), key->choices);
    wd_report(reporter, node, WD_ERROR, "bad-value", "%s must be %s%s, not '%.60s'%s", called(name, sizeof(name), node),
              key->choices[1] ? "one of " : "", all, node->text,
              wd_suggestion(near, sizeof(near), node->text, key->choices));
    return false;
}

static bool check_number(struct reporter *reporter, const struct wd_node *node, const struct key *key)
{
    double value = 0;
    int64_t whole = 0;
    bool is_whole = wd_node_int(node, &whole);
    if (key->type == KEY_INTEGER && !is_whole)
        return wrong(reporter, node, "a whole number");
    if (is_whole)
        value = (double)whole;
    else if (!wd_node_double(node, &value))
        return wrong(reporter, node, "a number");
    if (!(key->low < key->high) || (value >= key->low && value <= key->high))
        return true;
    char name[128];
    wd_report(reporter, node, WD_ERROR, "bad-value", "%s must be between %.10g and %.10g, not %s",
              called(name, sizeof(name), node), key->low, key->high, node->text);
    return false;
}

bool wd_node_percent(const struct wd_node *node, double *share_out)
{
    if (node->kind != WD_NODE_SCALAR || node->text_len < 2 || node->text_len > 8 ||
        node->text[node->text_len - 1] != '%')
        return false;
    char digits[8] = {0};
    memcpy(digits, node->text, node->text_len - 1);
    struct wd_node number = {.kind = WD_NODE_SCALAR, .text = digits, .text_len = node->text_len - 1};
    double value;
    if (!wd_node_double(&number, &value) || value < 0 || value > 100)
        return false;
    *share_out = value / 100;
    return true;
}

static bool check_scalar(struct reporter *reporter, const struct wd_node *node, const struct key *key)
{
    int64_t number;
    double share;
    bool yes;
    switch (key->type) {
    case KEY_SCALAR:
        return true;
    case KEY_TEXT:
        return (node->text_len && !wd_node_is_null(node)) || wrong(reporter, node, "a text");
    case KEY_IDENTIFIER:
        return is_identifier(node->text) ||
               wrong(reporter, node, "a name of letters, digits, '.', '_' and '-' that begins with a letter or digit");
    case KEY_INTEGER:
    case KEY_NUMBER:
        return check_number(reporter, node, key);
    case KEY_BOOLEAN:
        return wd_node_bool(node, &yes) || wrong(reporter, node, "true or false");
    case KEY_CHOICE:
        return check_choice(reporter, node, key);
    case KEY_PERCENT:
        return wd_node_percent(node, &share) || wrong(reporter, node, "a share from 0% to 100%, as in 5%");
    case KEY_DURATION:
        return (wd_node_duration(node, &number) && number > 0) ||
               wrong(reporter, node, "a time above 0 with its unit (ms, s, m, h, d), as in 10m");
    default:
        return wrong(reporter, node, "a list or map");
    }
}

static bool check_list(struct reporter *reporter, const struct wd_node *node, const struct key *key)
{
    if (node->kind != WD_NODE_LIST)
        return wrong(reporter, node, "a list, as in [a, b]");
    if (!node->count && !key->may_be_empty)
        return wrong(reporter, node, "a list with at least one entry");
    bool fine = true;
    for (const struct wd_node *child = node->first; child; child = child->next)
        fine &= wd_check_node(reporter, child, key->element);
    return fine;
}

static bool check_named(struct reporter *reporter, const struct wd_node *node, const struct key *key)
{
    if (node->kind != WD_NODE_MAP)
        return wrong(reporter, node, "a map from names to values");
    bool fine = true;
    for (const struct wd_node *child = node->first; child; child = child->next) {
        if (!is_identifier(child->key->text)) {
            wd_report(reporter, child->key, WD_ERROR, "bad-value",
                      "'%.60s' is no name: use letters, digits, '.', '_' and '-'", child->key->text);
            fine = false;
        }
        fine &= wd_check_node(reporter, child, key->element);
    }
    return fine;
}

static enum wd_node_kind kind_of(const struct key *key)
{
    if (key->type == KEY_LIST)
        return WD_NODE_LIST;
    return key->type == KEY_MAP || key->type == KEY_NAMED || key->type == KEY_CONDITION ? WD_NODE_MAP : WD_NODE_SCALAR;
}

static const struct key *find_key(const struct shape *shape, const char *name)
{
    for (const struct key *key = shape->keys; key->name; key++)
        if (strcmp(key->name, name) == 0)
            return key;
    return NULL;
}

/* A name that only means something with a parameter, as `mute` in place of {mute: 1h}. */
static bool lacks_parameter(struct reporter *reporter, const struct wd_node *node, const struct key *key)
{
    for (const struct key *one = key->alternatives; one->doc && node->kind == WD_NODE_SCALAR; one++) {
        if (one->type == KEY_CHOICE)
            for (size_t i = 0; one->choices[i]; i++)
                if (strcmp(one->choices[i], node->text) == 0)
                    return false;
        if (one->type != KEY_MAP || !find_key(one->shape, node->text))
            continue;
        wd_report(reporter, node, WD_ERROR, "bad-value", "'%s' needs a value: %s", node->text, one->doc);
        return true;
    }
    return false;
}

static bool check_either(struct reporter *reporter, const struct wd_node *node, const struct key *key)
{
    if (lacks_parameter(reporter, node, key))
        return false;
    for (const struct key *one = key->alternatives; one->doc; one++)
        if (kind_of(one) == node->kind)
            return wd_check_node(reporter, node, one);
    char wanted[256];
    size_t used = 0;
    for (const struct key *one = key->alternatives; one->doc && used < sizeof(wanted); one++)
        used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "%s%s", used ? ", or " : "", one->doc);
    return wrong(reporter, node, wanted);
}

bool wd_check_node(struct reporter *reporter, const struct wd_node *node, const struct key *key)
{
    switch (key->type) {
    case KEY_MAP:
        return wd_check_shape(reporter, node, key->shape);
    case KEY_LIST:
        return check_list(reporter, node, key);
    case KEY_NAMED:
        return check_named(reporter, node, key);
    case KEY_CONDITION:
        return wd_check_condition(reporter, node);
    case KEY_EITHER:
        return check_either(reporter, node, key);
    case KEY_ANYTHING:
        return true;
    default:
        return node->kind == WD_NODE_SCALAR ? check_scalar(reporter, node, key)
                                            : wrong(reporter, node, "a single value");
    }
}

static void unknown_key(struct reporter *reporter, const struct wd_node *key_node, const struct shape *shape)
{
    const char *names[64] = {NULL};
    char near[128], all[512];
    size_t count = 0;
    for (const struct key *key = shape->keys; key->name && count + 1 < sizeof(names) / sizeof(*names); key++)
        names[count++] = key->name;
    join(all, sizeof(all), names);
    wd_suggestion(near, sizeof(near), key_node->text, names);
    wd_report(reporter, key_node, WD_ERROR, "unknown-key", "'%.60s' is no key of %s%s%s%s", key_node->text, shape->name,
              near, near[0] ? "" : "; it has: ", near[0] ? "" : all);
}

bool wd_check_shape(struct reporter *reporter, const struct wd_node *node, const struct shape *shape)
{
    if (node->kind != WD_NODE_MAP) {
        char wanted[128];
        snprintf(wanted, sizeof(wanted), "a map of keys and values (%s)", shape->name);
        return wrong(reporter, node, wanted);
    }
    bool fine = true;
    for (const struct wd_node *child = node->first; child; child = child->next) {
        const struct key *key = find_key(shape, child->key->text);
        if (!key)
            unknown_key(reporter, child->key, shape);
        fine = key && wd_check_node(reporter, child, key) && fine;
    }
    for (const struct key *key = shape->keys; key->name; key++) {
        if (!key->required || wd_node_get(node, key->name))
            continue;
        wd_report(reporter, node, WD_ERROR, "missing-key", "%s needs '%s': %s", shape->name, key->name, key->doc);
        fine = false;
    }
    if (shape->exactly_one_key && node->count != 1) {
        wd_report(reporter, node, WD_ERROR, "bad-value", "%s has exactly one key, not %zu", shape->name, node->count);
        fine = false;
    }
    return fine;
}
