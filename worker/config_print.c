/* The effective values and where each came from. What always holds: no secret is printed, only the paths of files, and
 * of a webhook's URL only its host. Neighbours: config_table.c; cli/config_command.c. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "worker/config_table.h"

/* A value without what must not be shown: "https://host/..." of a webhook's URL. */
static void print_masked(const struct option *option, const char *value, char *out, size_t size)
{
    const char *scheme = strstr(value, "://");
    if (option->mask == MASK_NONE || !scheme)
        snprintf(out, size, "%s", option->mask == MASK_NONE ? value : "...");
    else
        snprintf(out, size, "%.*s/...", (int)(scheme + 3 + strcspn(scheme + 3, "/?#") - value), value);
}

/* A property that slipped past every check is still not shown. */
static json_t *pair_to_json(const struct option *option, const struct config_pair *pair)
{
    char masked[4096];
    bool secret = !option->path && config_is_secret_property(pair->name);
    print_masked(option, secret ? "..." : pair->value, masked, sizeof(masked));
    return json_string(masked);
}

static json_t *number_to_json(const struct option *option, int64_t value)
{
    char text[32];
    config_number_text(option, value, text, sizeof(text));
    return json_string(text);
}

static json_t *list_to_json(char *const *list)
{
    json_t *array = json_array();
    for (; list && *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

static json_t *map_to_json(const struct option *option, const struct config_map *map)
{
    json_t *object = json_object();
    for (size_t i = 0; i < map->count; i++)
        json_object_set_new(object, map->items[i].name, pair_to_json(option, &map->items[i]));
    return object;
}

static json_t *value_to_json(const struct config *config, const struct option *option)
{
    const void *value = option_value(config, option);
    switch (option->type) {
    case OPTION_INT:
        return json_integer(*(const int64_t *)value);
    case OPTION_DURATION:
    case OPTION_SIZE:
        return number_to_json(option, *(const int64_t *)value);
    case OPTION_BOOL:
        return json_boolean(*(const bool *)value);
    case OPTION_DOUBLE:
        return json_real(*(const double *)value);
    case OPTION_LIST:
        return list_to_json(*(char **const *)value);
    case OPTION_MAP:
        return map_to_json(option, value);
    default:
        return *(char *const *)value ? json_string(*(char *const *)value) : json_null();
    }
}

static json_t *origin_to_json(const struct config *config, const struct option *option)
{
    const struct config_origin *origin = config->origins ? &config->origins[option - OPTIONS] : NULL;
    if (!origin || origin->kind == ORIGIN_DEFAULT || !origin->name)
        return json_string("default");
    if (origin->kind == ORIGIN_FILE)
        return json_sprintf("%s:%d", origin->name, origin->line);
    return json_string(origin->name);
}

/* Plain words for people: "a", ["a", "b"] and {"a": "b"} without the quotes of a single text. */
static void print_line(const struct option *option, const json_t *value, const char *origin, FILE *out)
{
    char name[128];
    snprintf(name, sizeof(name), "%s.%s", option->section, option->name);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    bool bare = json_is_string(value) && json_string_length(value);
    fprintf(out, "%-28s = %-40s # %s\n", name, bare ? json_string_value(value) : text ? text : "", origin);
    free(text);
}

void config_print(const struct config *config, FILE *out, bool as_json)
{
    json_t *whole = json_object();
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        json_t *value = value_to_json(config, &OPTIONS[i]), *origin = origin_to_json(config, &OPTIONS[i]);
        if (!as_json) {
            print_line(&OPTIONS[i], value, json_string_value(origin), out);
            json_decref(value);
            json_decref(origin);
            continue;
        }
        json_t *section = json_object_get(whole, OPTIONS[i].section);
        if (!section) {
            section = json_object();
            json_object_set_new(whole, OPTIONS[i].section, section);
        }
        json_object_set_new(section, OPTIONS[i].name, json_pack("{s:o, s:o}", "value", value, "source", origin));
    }
    if (as_json) {
        json_dumpf(whole, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        fputc('\n', out);
    }
    json_decref(whole);
}
