/* The head of a rule file: id, semantic version, what it requires of the program. Neighbour: load.c. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/loader.h"

struct version {
    int64_t numbers[3];
    bool is_before_release; /* 1.0.0-rc.1 */
};

static bool read_number(const char **at, int64_t *out)
{
    if (!isdigit((unsigned char)**at))
        return false;
    for (*out = 0; isdigit((unsigned char)**at); ++*at) {
        if (*out > 1000000)
            return false;
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

/* MAJOR[.MINOR[.PATCH]][-before][+build]; *parts_out: how many numbers there were. */
static bool read_version(const char **at, struct version *out, int *parts_out)
{
    *out = (struct version){0};
    *parts_out = 0;
    do {
        if (*parts_out == 3 || !read_number(at, &out->numbers[*parts_out]))
            return false;
        ++*parts_out;
    } while (**at == '.' && ++*at);
    for (const char *sign = "-+"; *sign; sign++) {
        if (**at != *sign)
            continue;
        out->is_before_release |= *sign == '-';
        ++*at;
        size_t len = strspn(*at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");
        if (!len)
            return false;
        *at += len;
    }
    return true;
}

static int compare_versions(const struct version *a, const struct version *b)
{
    for (int i = 0; i < 3; i++)
        if (a->numbers[i] != b->numbers[i])
            return a->numbers[i] < b->numbers[i] ? -1 : 1;
    return (int)b->is_before_release - (int)a->is_before_release;
}

/* One of ">=0.1", "<2", "=1.2.3"; advances past it. */
static bool read_requirement(const char **at, const struct version *program, bool *fulfilled)
{
    static const char *const SIGNS[] = {">=", "<=", ">", "<", "="};
    struct version wanted;
    int parts, sign = 0;
    *at += strspn(*at, " ");
    while (sign < 5 && strncmp(*at, SIGNS[sign], strlen(SIGNS[sign])) != 0)
        sign++;
    if (sign == 5)
        return false;
    *at += strlen(SIGNS[sign]);
    *at += strspn(*at, " ");
    if (!read_version(at, &wanted, &parts))
        return false;
    *at += strspn(*at, " ");
    int order = compare_versions(program, &wanted);
    const bool answers[] = {order >= 0, order <= 0, order > 0, order < 0, order == 0};
    *fulfilled = answers[sign];
    return true;
}

static void check_requirements(struct loader *loader, const struct wd_node *node)
{
    struct version program;
    int parts;
    const char *own = WARDEN_VERSION, *at = node->text;
    (void)read_version(&own, &program, &parts);
    for (;;) {
        bool fulfilled = false;
        if (!read_requirement(&at, &program, &fulfilled) || (*at && *at != ',')) {
            wd_report(&loader->reporter, node, WD_ERROR, "bad-requires",
                      "'requires' is a list of versions with >=, <=, >, < or =, as in \">=0.1, <2\"");
            return;
        }
        if (!fulfilled) {
            wd_report(&loader->reporter, node, WD_ERROR, "needs-other-version",
                      "this set requires warden %s, and this is %s", node->text, WARDEN_VERSION);
            return;
        }
        if (!*at++)
            return;
    }
}

static enum wd_mode mode_named(const char *name)
{
    for (int i = WD_MODE_OFF; i <= WD_MODE_ENFORCE; i++)
        if (strcmp(wd_mode_name((enum wd_mode)i), name) == 0)
            return (enum wd_mode)i;
    return WD_MODE_ENFORCE;
}

static const char *scalar_text(const struct wd_node *map, const char *key)
{
    const struct wd_node *node = wd_node_get(map, key);
    return node && node->kind == WD_NODE_SCALAR ? node->text : NULL;
}

void wd_load_header(struct loader *loader, struct source *source)
{
    const struct wd_node *header = wd_node_get(source->root, "ruleset");
    const char *id = scalar_text(header, "id"), *version = scalar_text(header, "version"),
               *mode = scalar_text(header, "default_mode");
    source->id = wd_loader_text(loader, id ? id : "");
    source->version = wd_loader_text(loader, version ? version : "");
    source->default_mode = mode ? mode_named(mode) : WD_MODE_ENFORCE;
    struct version parsed;
    int parts = 0;
    const char *at = version;
    if (version && (!read_version(&at, &parsed, &parts) || parts != 3 || *at))
        wd_report(&loader->reporter, wd_node_get(header, "version"), WD_ERROR, "bad-version",
                  "'%.60s' is no semantic version: write three numbers, as in 1.4.0", version);
    const struct wd_node *requires = wd_node_get(header, "requires");
    if (requires && requires->kind == WD_NODE_SCALAR)
        check_requirements(loader, requires);
    for (struct source *other = loader->sources; other < source && id; other++)
        if (other->id && strcmp(other->id, id) == 0)
            wd_report(&loader->reporter, wd_node_get(header, "id"), WD_ERROR, "duplicate-set",
                      "set '%.60s' is already in %s: give one of them another id", id, other->path);
}
