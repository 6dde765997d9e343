/* The memory behind the values of a configuration: every text, list and map belongs to it alone. Neighbours:
 * config_value.c fills, config.c frees. */
#include <stdlib.h>
#include <string.h>

#include "worker/config_table.h"

void config_free_list(char **list)
{
    for (char **item = list; item && *item; item++)
        free(*item);
    free(list);
}

void config_free_map(struct config_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        free(map->items[i].name);
        free(map->items[i].value);
    }
    free(map->items);
    *map = (struct config_map){0};
}

void config_clear(struct config *config, const struct option *option)
{
    void *slot = option_slot(config, option);
    switch (option->type) {
    case OPTION_STRING:
    case OPTION_ENUM:
    case OPTION_FILE:
    case OPTION_SECRET_FILE:
        free(*(char **)slot);
        *(char **)slot = NULL;
        return;
    case OPTION_LIST:
        config_free_list(*(char ***)slot);
        *(char ***)slot = NULL;
        return;
    case OPTION_MAP:
        config_free_map(slot);
        return;
    default:
        return;
    }
}

bool config_map_add(struct config_map *map, const char *name, const char *value)
{
    struct config_pair *items = realloc(map->items, (map->count + 1) * sizeof(*items));
    if (!items)
        return false;
    map->items = items;
    struct config_pair pair = {.name = strdup(name), .value = strdup(value)};
    if (!pair.name || !pair.value) {
        free(pair.name);
        free(pair.value);
        return false;
    }
    map->items[map->count++] = pair;
    return true;
}

void config_set_origin(struct config *config, const struct option *option, enum origin_kind kind, const char *name,
                       int line, int column)
{
    struct config_origin *origin = &config->origins[option - OPTIONS];
    free(origin->name);
    *origin = (struct config_origin){.kind = kind, .name = name ? strdup(name) : NULL, .line = line, .column = column};
}
