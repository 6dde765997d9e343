/* Prints the description of rule files: as a JSON Schema for editors and validators, and as a listing for people. What
 * always holds: the same tables that the loader checks by are printed, nothing else. Neighbours: keys.c, leaves.c. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <warden/ruleschema.h>

#include "filters/rules/fields.h"
#include "filters/rules/leaves.h"

static const char IDENTIFIER_PATTERN[] = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";

/* The schema under way: `definitions` has one entry a shape. Where memory is out, a value is NULL and jansson's
 * functions refuse it, so that the dump fails in the end. */
struct printer {
    json_t *definitions;
};

static json_t *schema_of(struct printer *printer, const struct key *key);

static json_t *typed(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

static json_t *with_pattern(const char *pattern)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *reference(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "#/$defs/%s", name);
    return json_pack("{s:s}", "$ref", path);
}

/* YAML gives "1" where a text may be written 1: so a choice of numbers allows both. */
static json_t *choice(const struct key *key)
{
    json_t *values = json_array();
    for (size_t i = 0; key->choices[i]; i++) {
        const char *value = key->choices[i];
        if (value[0] >= '0' && value[0] <= '9')
            json_array_append_new(values, json_integer(value[0] - '0'));
        if (strcmp(value, "off") == 0) /* what YAML 1.1 readers make of a plain off */
            json_array_append_new(values, json_false());
        json_array_append_new(values, json_string(value));
    }
    return json_pack("{s:o}", "enum", values);
}

static json_t *number(const struct key *key)
{
    json_t *schema = typed(key->type == KEY_INTEGER ? "integer" : "number");
    if (key->low < key->high) {
        json_object_set_new(schema, "minimum", json_real(key->low));
        json_object_set_new(schema, "maximum", json_real(key->high));
    }
    return schema;
}

static json_t *list(struct printer *printer, const struct key *key)
{
    json_t *schema = json_pack("{s:s, s:o}", "type", "array", "items", schema_of(printer, key->element));
    if (!key->may_be_empty)
        json_object_set_new(schema, "minItems", json_integer(1));
    return schema;
}

static json_t *named(struct printer *printer, const struct key *key)
{
    return json_pack("{s:s, s:{s:s}, s:o}", "type", "object", "propertyNames", "pattern", IDENTIFIER_PATTERN,
                     "additionalProperties", schema_of(printer, key->element));
}

static json_t *either(struct printer *printer, const struct key *key)
{
    json_t *all = json_array();
    for (const struct key *one = key->alternatives; one->doc; one++)
        json_array_append_new(all, schema_of(printer, one));
    return json_pack("{s:o}", "anyOf", all);
}

/* A text that YAML may read as a number or truth value. */
static json_t *text(void)
{
    return json_pack("{s:[s,s,s], s:i}", "type", "string", "number", "boolean", "minLength", 1);
}

static void define(struct printer *printer, const struct shape *shape)
{
    if (json_object_get(printer->definitions, shape->schema_name))
        return;
    json_t *schema = json_pack("{s:s, s:s}", "description", shape->doc, "type", "object");
    json_object_set(printer->definitions, shape->schema_name, schema); /* before its keys: shapes can be recursive */
    json_t *properties = json_object(), *required = json_array();
    for (const struct key *key = shape->keys; key->name; key++) {
        json_t *property = schema_of(printer, key);
        if (!json_object_get(property, "$ref")) /* a reference must stand alone for older readers */
            json_object_set_new(property, "description", json_string(key->doc));
        json_object_set_new(properties, key->name, property);
        if (key->required)
            json_array_append_new(required, json_string(key->name));
    }
    json_object_set_new(schema, "properties", properties);
    json_object_set_new(schema, "required", required);
    json_object_set_new(schema, "additionalProperties", json_false());
    if (shape->exactly_one_key) {
        json_object_set_new(schema, "minProperties", json_integer(1));
        json_object_set_new(schema, "maxProperties", json_integer(1));
    }
    json_decref(schema);
}

static json_t *shape_reference(struct printer *printer, const struct shape *shape)
{
    define(printer, shape);
    return reference(shape->schema_name);
}

static void define_condition(struct printer *printer)
{
    json_t *kinds = json_array();
    if (json_object_get(printer->definitions, "condition")) {
        json_decref(kinds);
        return;
    }
    json_object_set_new(printer->definitions, "condition",
                        json_pack("{s:s, s:O}", "description", "What makes a rule match.", "anyOf", kinds));
    for (size_t i = 0; wd_combinations[i].name; i++)
        json_array_append_new(kinds, shape_reference(printer, &wd_combinations[i]));
    for (size_t i = 0; wd_leaf_kinds[i]; i++)
        json_array_append_new(kinds, shape_reference(printer, &wd_leaf_kinds[i]->shape));
    json_decref(kinds);
}

static json_t *schema_of(struct printer *printer, const struct key *key)
{
    switch (key->type) {
    case KEY_TEXT:
        return text();
    case KEY_IDENTIFIER:
        return with_pattern(IDENTIFIER_PATTERN);
    case KEY_INTEGER:
    case KEY_NUMBER:
        return number(key);
    case KEY_BOOLEAN:
        return typed("boolean");
    case KEY_SCALAR:
        return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
    case KEY_CHOICE:
        return choice(key);
    case KEY_PERCENT:
        return with_pattern("^[0-9.]+%$");
    case KEY_DURATION:
        return with_pattern("^[0-9_]*[1-9][0-9_]*(ms|s|m|h|d)$");
    case KEY_MAP:
        return shape_reference(printer, key->shape);
    case KEY_LIST:
        return list(printer, key);
    case KEY_NAMED:
        return named(printer, key);
    case KEY_CONDITION:
        define_condition(printer);
        return reference("condition");
    case KEY_EITHER:
        return either(printer, key);
    case KEY_ANYTHING:
        return json_object();
    }
    return NULL;
}

enum wd_status wd_ruleset_schema_print(FILE *out)
{
    struct printer printer = {.definitions = json_object()};
    define(&printer, &wd_file_shape);
    json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:O}", "$schema", "https://json-schema.org/draft/2020-12/schema",
                             "title", "warden rule set", "description", wd_file_shape.doc, "$ref", "#/$defs/file",
                             "$defs", printer.definitions);
    int failed = root ? json_dumpf(root, out, JSON_INDENT(2)) : -1;
    json_decref(root);
    json_decref(printer.definitions);
    if (!failed)
        fputc('\n', out);
    return failed ? WD_ERR_MEMORY : ferror(out) ? WD_ERR_IO : WD_OK;
}

/* ---- the listing for people ---- */

static void print_shape(FILE *out, const struct shape *shape)
{
    fprintf(out, "\n%s: %s\n", shape->keys[0].name, shape->doc);
    for (const struct key *key = shape->keys; key->name; key++) {
        fprintf(out, "  %-16s %s%s", key->name, key->doc, key->choices ? " (" : "");
        for (size_t i = 0; key->choices && key->choices[i]; i++)
            fprintf(out, "%s%s", i ? ", " : "", key->choices[i]);
        fprintf(out, "%s\n", key->choices ? ")" : "");
    }
}

enum wd_status wd_ruleset_fields_print(FILE *out)
{
    fprintf(out, "Texts, for 'fields':");
    for (int field = 0; field < WD_TEXT_FIELD_COUNT; field++)
        fprintf(out, " %s", wd_text_field_name((enum wd_text_field)field));
    fprintf(out, "\nViews, for 'views':");
    for (int view = 0; view < WD_VIEW_COUNT; view++)
        fprintf(out, " %s", wd_view_name((enum wd_view_kind)view));
    fprintf(out, "\n\nFields, for {field: NAME, ...}:\n");
    for (const struct field *field = wd_fields; field->name; field++)
        fprintf(out, "  %-22s %-14s %s\n", field->name, wd_field_type_name(field->type), field->doc);
    fprintf(out, "  %-22s %-14s %s\n", "metadata.NAME", "any", "value of the content's metadata");
    fprintf(out, "  %-22s %-14s %s\n", "author.metadata.NAME", "any", "value of the author's metadata");
    fprintf(out, "  %-22s %-14s %s\n", "json.PATH", "any",
            "any value of the content object as sent: json.items.0.type");
    fprintf(out, "  %-22s %-14s %s\n", "author.json.PATH", "any", "any value of the author's user object as sent");
    fprintf(out, "\nConditions:\n");
    for (size_t i = 0; wd_combinations[i].name; i++)
        print_shape(out, &wd_combinations[i]);
    for (size_t i = 0; wd_leaf_kinds[i]; i++)
        print_shape(out, &wd_leaf_kinds[i]->shape);
    fprintf(out, "\nActions:");
    for (int kind = 0; kind < WD_ACTION_KIND_COUNT; kind++)
        fprintf(out, " %s", wd_action_kind_name((enum wd_action_kind)kind));
    fputc('\n', out);
    return ferror(out) ? WD_ERR_IO : WD_OK;
}
