/* The options for people and editors: the commented warden.yaml, docs/configuration.md, the JSON Schema. All three come
 * from the table and are kept in the repository; a test compares them with what is made here. */
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "worker/config_table.h"

enum { LINE_WIDTH = 100 };

static const char *const FORM_NOTE = "Made from the table of options in worker/config_table.c: change it there.";

/* Writes words, breaking lines before LINE_WIDTH; each line begins with `head`. */
static void print_wrapped(FILE *out, const char *head, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column && column + 1 + word > LINE_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column ? " " : head, (int)word, text);
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static bool has_range(const struct option *option)
{
    return option->type == OPTION_INT || option->type == OPTION_DURATION || option->type == OPTION_SIZE ||
           option->type == OPTION_DOUBLE;
}

/* "1s to 30m", "earliest, latest", "" */
static void describe_allowed(const struct option *option, const char *quote, char *out, size_t size)
{
    char least[32], most[32];
    size_t used = 0;
    *out = '\0';
    if (has_range(option)) {
        config_describe_range(option, least, most, sizeof(least));
        snprintf(out, size, "%s%s%s to %s%s%s", quote, least, quote, quote, most, quote);
    }
    for (const char *const *choice = option->choices; choice && *choice; choice++)
        used += (size_t)snprintf(out + used, size - used, "%s%s%s%s", used ? ", " : "", quote, *choice, quote);
}

/* The default as it is written in YAML; texts that YAML would read as something else are quoted. */
static void default_as_yaml(const struct option *option, char *out, size_t size)
{
    const char *text = option->default_text ? option->default_text : "null";
    bool is_text = option->type == OPTION_STRING && option->default_text;
    bool quote = is_text && (!*text || strchr("[{&*!|>'\"%@`#,?:-", *text));
    snprintf(out, size, quote ? "\"%s\"" : "%s", text);
}

/* ---- YAML ---- */

static void print_yaml_option(const struct option *option, FILE *out)
{
    char allowed[256], value[256], line[400];
    fputc('\n', out);
    print_wrapped(out, "  # ", option->text);
    describe_allowed(option, "", allowed, sizeof(allowed));
    if (*allowed) {
        snprintf(line, sizeof(line), "Allowed: %s.", allowed);
        print_wrapped(out, "  # ", line);
    }
    default_as_yaml(option, value, sizeof(value));
    fprintf(out, "  %s: %s\n", option->name, value);
}

static void describe_yaml(FILE *out)
{
    fputs("# yaml-language-server: $schema=schema/warden.schema.json\n#\n", out);
    print_wrapped(out, "# ",
                  "The configuration of warden: every option with its default. Leave out what should stay as it is.");
    print_wrapped(out, "# ",
                  "Over this file goes the environment (WARDEN_KAFKA__BROKERS=...), and over that --set "
                  "kafka.brokers=... Secrets are never written here: name their files.");
    print_wrapped(out, "# ", "`warden check` says what is wrong, `warden config print` what is in effect and why.");
    print_wrapped(out, "# ", FORM_NOTE);
    for (size_t s = 0; s < SECTION_COUNT; s++) {
        fputc('\n', out);
        print_wrapped(out, "# ", SECTIONS[s].text);
        fprintf(out, "%s:\n", SECTIONS[s].name);
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            if (strcmp(OPTIONS[i].section, SECTIONS[s].name) == 0)
                print_yaml_option(&OPTIONS[i], out);
        }
    }
}

/* ---- Markdown ---- */

static void print_markdown_option(const struct option *option, FILE *out)
{
    char allowed[256], value[256];
    describe_allowed(option, "`", allowed, sizeof(allowed));
    default_as_yaml(option, value, sizeof(value));
    fprintf(out, "| `%s` | %s%s%s | `%s` | %s | %s |\n", option->name, option_type_name(option->type),
            *allowed ? ": " : "", allowed, value, option->needs_restart ? "yes" : "no", option->text);
}

static void describe_markdown(FILE *out)
{
    fprintf(out, "# Configuration\n\n<!-- %s Then run: warden config docs -->\n\n", FORM_NOTE);
    fputs(
        "`warden` reads one YAML file: the one named with `-c`, else `$WARDEN_CONFIG`, else the installed\n"
        "`warden.yaml` (in `/etc/warden` for a package, below the prefix's `etc` otherwise), else none at all. Values\n"
        "are taken in this order, the last wins:\n\n"
        "1. the defaults below;\n"
        "2. the file;\n"
        "3. the environment: `WARDEN_`, section, two underscores, key, as in `WARDEN_KAFKA__BROKERS`;\n"
        "4. the command line: `--set kafka.brokers=...`.\n\n"
        "Lists may be written `a,b` or `[a, b]` in the environment and with `--set`, maps `a=b,c=d` or\n"
        "`{a: b, c: d}`; `--set kafka.properties.security.protocol=ssl` sets one entry of a map. Durations have a\n"
        "unit: `500ms`, `5s`, `10m`, `2h`, `7d`. Sizes: `512`, `64KiB`, `1MiB`, `1GiB`. Nothing is substituted inside\n"
        "values.\n\n"
        "Secrets are never values: options that end in `_file`, and `kafka.property_files`, name files that hold\n"
        "them. A relative path in the file is meant from the file's own folder; in the environment and on the\n"
        "command line from the current one. `platform.table` and `rules.paths` of the file or by default are looked\n"
        "for beside the file, then in the installed `share/warden`, then in `./config` (a source tree).\n\n"
        "`warden check` reports everything that is wrong as `file:line:column: code: message`;\n"
        "`warden config print` shows what is in effect and where it came from.\n",
        out);
    for (size_t s = 0; s < SECTION_COUNT; s++) {
        fprintf(out, "\n## %s\n\n%s\n\n| key | value | default | restart | meaning |\n|---|---|---|---|---|\n",
                SECTIONS[s].name, SECTIONS[s].text);
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            if (strcmp(OPTIONS[i].section, SECTIONS[s].name) == 0)
                print_markdown_option(&OPTIONS[i], out);
        }
    }
}

/* ---- JSON Schema ---- */

static json_t *text_schema(const struct option *option)
{
    json_t *schema = json_pack("{s:s}", "type", "string");
    if (option->type != OPTION_STRING) {
        json_object_set_new(schema, "minLength", json_integer(1));
        return schema;
    }
    json_object_set_new(schema, "minLength", json_integer(option->least));
    json_object_set_new(schema, "maxLength", json_integer(option->most));
    return schema;
}

static json_t *enum_schema(const struct option *option)
{
    json_t *choices = json_array();
    for (const char *const *choice = option->choices; *choice; choice++)
        json_array_append_new(choices, json_string(*choice));
    return json_pack("{s:o}", "enum", choices);
}

static json_t *value_schema(const struct option *option)
{
    switch (option->type) {
    case OPTION_INT:
        return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)option->least, "maximum",
                         (json_int_t)option->most);
    case OPTION_DOUBLE:
        return json_pack("{s:s, s:f, s:f}", "type", "number", "minimum", option->least_number, "maximum",
                         option->most_number);
    case OPTION_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case OPTION_DURATION:
        if (option->least > 0)
            return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9][0-9_]*(ms|s|m|h|d)$");
        return json_pack("{s:[{s:i}, {s:s, s:s}]}", "anyOf", "const", 0, "type", "string", "pattern",
                         "^[0-9][0-9_]*(ms|s|m|h|d)$");
    case OPTION_SIZE:
        return json_pack("{s:[{s:s, s:I, s:I}, {s:s, s:s}]}", "anyOf", "type", "integer", "minimum",
                         (json_int_t)option->least, "maximum", (json_int_t)option->most, "type", "string", "pattern",
                         "^[0-9][0-9_]*(KiB|MiB|GiB)?$");
    case OPTION_ENUM:
        return enum_schema(option);
    case OPTION_LIST:
        return json_pack("{s:s, s:{s:s, s:i}}", "type", "array", "items", "type", "string", "minLength", 1);
    case OPTION_MAP:
        return json_pack("{s:s, s:{s:[s,s,s]}}", "type", "object", "additionalProperties", "type", "string", "number",
                         "boolean");
    default:
        return text_schema(option);
    }
}

/* Options without a default may be null. */
static json_t *option_schema(const struct option *option)
{
    json_t *schema = value_schema(option);
    if (!option->default_text)
        schema = json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
    json_object_set_new(schema, "description", json_string(option->text));
    return schema;
}

static json_t *section_schema(const struct option_section *section)
{
    json_t *properties = json_object();
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(OPTIONS[i].section, section->name) == 0)
            json_object_set_new(properties, OPTIONS[i].name, option_schema(&OPTIONS[i]));
    }
    return json_pack("{s:s, s:[s,s], s:b, s:o}", "description", section->text, "type", "object", "null",
                     "additionalProperties", 0, "properties", properties);
}

static void describe_schema(FILE *out)
{
    json_t *properties = json_object();
    for (size_t i = 0; i < SECTION_COUNT; i++)
        json_object_set_new(properties, SECTIONS[i].name, section_schema(&SECTIONS[i]));
    json_t *schema =
        json_pack("{s:s, s:s, s:s, s:[s,s], s:b, s:o}", "$schema", "https://json-schema.org/draft/2020-12/schema",
                  "title", "warden.yaml", "$comment", FORM_NOTE, "type", "object", "null", "additionalProperties", 0,
                  "properties", properties);
    json_dumpf(schema, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(schema);
}

void config_describe(enum config_form form, FILE *out)
{
    if (form == CONFIG_FORM_YAML)
        describe_yaml(out);
    else if (form == CONFIG_FORM_MARKDOWN)
        describe_markdown(out);
    else
        describe_schema(out);
}
