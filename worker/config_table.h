/* The table of all options, and what config_*.c share. Inside the configuration only.
 *
 * To add an option: a field in struct config, a row in config_table.c, then `warden config docs|yaml|schema` for the
 * generated files (a test says which are out of date). Nothing else knows options by name but config_check.c. */
#ifndef WORKER_CONFIG_TABLE_H
#define WORKER_CONFIG_TABLE_H

#include <warden/document.h>

#include "worker/config.h"

enum option_type {
    OPTION_STRING,      /* char *; `least` and `most` are its length in bytes */
    OPTION_INT,         /* int64_t */
    OPTION_BOOL,        /* bool */
    OPTION_DURATION,    /* int64_t milliseconds */
    OPTION_SIZE,        /* int64_t bytes */
    OPTION_DOUBLE,      /* double */
    OPTION_ENUM,        /* char *, one of `choices` */
    OPTION_LIST,        /* char **, NULL-terminated */
    OPTION_MAP,         /* struct config_map */
    OPTION_FILE,        /* char *, a path */
    OPTION_SECRET_FILE, /* char *, the path of a file that holds a secret */
};

/* Where a relative path of the configuration file is looked for. */
enum path_use {
    PATH_NONE,    /* not a path */
    PATH_BESIDE,  /* beside the configuration file */
    PATH_SHIPPED, /* beside the configuration file, else where warden's own files are installed, else in ./config */
};

/* Values that must not be shown: what stands in their place. */
enum mask_use { MASK_NONE, MASK_URL_PATH };

struct option {
    const char *section, *name;
    enum option_type type;
    size_t offset;            /* in struct config */
    const char *default_text; /* as it would be written in the file; NULL: null, and null may be written */
    int64_t least, most;
    double least_number, most_number; /* OPTION_DOUBLE */
    const char *const *choices;       /* OPTION_ENUM; NULL-terminated */
    enum path_use path;
    enum mask_use mask;
    bool needs_restart;
    const char *text; /* whole sentences */
};

struct option_section {
    const char *name, *text;
};

extern const struct option OPTIONS[];
extern const size_t OPTION_COUNT;
extern const struct option_section SECTIONS[];
extern const size_t SECTION_COUNT;

const char *option_type_name(enum option_type type);
/* The option at "section.name", or NULL. */
const struct option *option_find(const char *section, const char *name);

enum origin_kind { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_SET };

struct config_origin {
    enum origin_kind kind;
    char *name;       /* file, "environment WARDEN_...", "--set ..."; NULL for defaults */
    int line, column; /* of the value, in a file */
};

/* Somebody who gives values. */
struct config_giver {
    enum origin_kind kind;
    const char *name;
    struct wd_diagnostics *findings;
};

static inline void *option_slot(struct config *config, const struct option *option)
{
    return (char *)config + option->offset;
}

static inline const void *option_value(const struct config *config, const struct option *option)
{
    return (const char *)config + option->offset;
}

/* config_value.c: typed values. Each reports what is wrong and leaves the old value in place. */
void config_set_node(struct config *config, const struct option *option, const struct wd_node *node,
                     const struct config_giver *giver);
/* From one line of text: lists may be written a,b or [a, b], maps a=b,c=d or {a: b}. */
void config_set_text(struct config *config, const struct option *option, const char *text,
                     const struct config_giver *giver);
/* One entry of a map, beside those that are there. */
void config_set_entry(struct config *config, const struct option *option, const char *name, const char *value,
                      const struct config_giver *giver);
/* A number as it would be written, with the largest unit that fits; what may be written, in the same form. */
void config_number_text(const struct option *option, int64_t value, char *out, size_t size);
void config_describe_range(const struct option *option, char *least, char *most, size_t size);

/* config_memory.c: what values are kept in. */
void config_clear(struct config *config, const struct option *option);
void config_free_list(char **list);
void config_free_map(struct config_map *map);
bool config_map_add(struct config_map *map, const char *name, const char *value); /* false: no memory */
void config_set_origin(struct config *config, const struct option *option, enum origin_kind kind, const char *name,
                       int line, int column);

/* config_paths.c: turns relative paths into ones that can be opened from here. False: no memory. */
bool config_resolve_paths(struct config *config, const char *file);

/* config_check.c: what a single value cannot tell. */
void config_check(const struct config *config, struct wd_diagnostics *findings);
/* A finding at the place where the value of section.name came from. */
void config_report(const struct config *config, const char *section, const char *name, struct wd_diagnostics *findings,
                   const char *code, const char *format, ...) WD_PRINTF(6, 7);
/* A property whose value is a secret. */
bool config_is_secret_property(const char *name);

#endif
