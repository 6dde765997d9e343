/* Relative paths: what is written in the configuration file is meant from the file's folder, so that a configuration
 * can be read from anywhere; what comes from the environment or --set is meant from where the program was started. Rule
 * sets and the action table that are not beside the file are taken from where warden installs its own, and in a source
 * tree from ./config. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/config_table.h"

static char *joined(const char *folder, size_t folder_len, const char *path)
{
    char *whole = NULL;
    if (!folder_len)
        return strdup(path);
    return asprintf(&whole, "%.*s/%s", (int)folder_len, folder, path) < 0 ? NULL : whole;
}

/* The length of the folder's part of a file's path; 0 for the current folder. */
static size_t folder_length(const char *file)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    return slash ? (size_t)(slash - file) : 0;
}

/* Where `path` is meant to be: a new string, NULL where memory is out. */
static char *resolved(const char *path, enum path_use use, const char *file)
{
    static const char *const SHIPPED[] = {WARDEN_DATA_DIR, "config"};
    bool at_root = file && strrchr(file, '/') == file;
    char *beside = at_root ? joined("", 1, path) : joined(file, folder_length(file), path);
    if (use == PATH_BESIDE || !beside || (file && access(beside, F_OK) == 0))
        return beside;
    for (size_t i = 0; i < sizeof(SHIPPED) / sizeof(*SHIPPED); i++) {
        char *shipped = joined(SHIPPED[i], strlen(SHIPPED[i]), path);
        if (!shipped || access(shipped, F_OK) == 0) {
            free(beside);
            return shipped;
        }
        free(shipped);
    }
    if (file)
        return beside; /* nowhere: the message will name the place that people expect */
    free(beside);
    return joined(WARDEN_DATA_DIR, strlen(WARDEN_DATA_DIR), path);
}

static bool resolve(char **path, enum path_use use, const char *file)
{
    if (!*path || **path == '/')
        return true;
    char *whole = resolved(*path, use, file);
    if (!whole)
        return false;
    free(*path);
    *path = whole;
    return true;
}

static bool resolve_option(struct config *config, const struct option *option, const char *file)
{
    void *slot = option_slot(config, option);
    bool fine = true;
    if (option->type == OPTION_LIST) {
        for (char **item = *(char ***)slot; item && *item; item++)
            fine = resolve(item, option->path, file) && fine;
        return fine;
    }
    if (option->type == OPTION_MAP) {
        struct config_map *map = slot;
        for (size_t i = 0; i < map->count; i++)
            fine = resolve(&map->items[i].value, option->path, file) && fine;
        return fine;
    }
    return resolve(slot, option->path, file);
}

bool config_resolve_paths(struct config *config, const char *file)
{
    bool fine = true;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        enum origin_kind kind = config->origins[i].kind;
        if (OPTIONS[i].path != PATH_NONE && (kind == ORIGIN_DEFAULT || kind == ORIGIN_FILE))
            fine = resolve_option(config, &OPTIONS[i], file) && fine;
    }
    return fine;
}
