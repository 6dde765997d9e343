/* Reads the configuration: defaults, file, environment, --set, in this order, each over the one before; then paths are
 * resolved and what single values cannot tell is checked. Every finding of every source is reported at once.
 * Neighbours: config_table.c (the options), config_value.c and config_text.c (values), config_paths.c, config_check.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/config_table.h"

enum { NAMES_MAX = 64, NAME_LONGEST = 128 };

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        config_clear(config, &OPTIONS[i]);
        if (config->origins)
            free(config->origins[i].name);
    }
    free(config->origins);
    free(config);
}

static struct config *config_with_defaults(struct wd_diagnostics *findings)
{
    size_t errors_before = wd_diagnostics_errors(findings);
    struct config *config = calloc(1, sizeof(*config));
    if (config)
        config->origins = calloc(OPTION_COUNT, sizeof(*config->origins));
    if (!config || !config->origins) {
        wd_diagnose(findings, WD_ERROR, "out-of-memory", "", 0, 0, "no memory for the configuration");
        config_free(config);
        return NULL;
    }
    const struct config_giver giver = {.kind = ORIGIN_DEFAULT, .findings = findings};
    for (size_t i = 0; i < OPTION_COUNT; i++)
        config_set_text(config, &OPTIONS[i], OPTIONS[i].default_text ? OPTIONS[i].default_text : "", &giver);
    if (wd_diagnostics_errors(findings) == errors_before)
        return config;
    config_free(config); /* no memory: what follows relies on every value being there */
    return NULL;
}

/* ---- names that do not exist ---- */

static bool section_exists(const char *name)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (strcmp(SECTIONS[i].name, name) == 0)
            return true;
    }
    return false;
}

static const char *near_section(const char *name)
{
    const char *names[NAMES_MAX] = {NULL};
    for (size_t i = 0; i < SECTION_COUNT; i++)
        names[i] = SECTIONS[i].name;
    return wd_did_you_mean(name, names);
}

static const char *near_option(const char *section, const char *name)
{
    const char *names[NAMES_MAX] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT && count + 1 < NAMES_MAX; i++) {
        if (strcmp(OPTIONS[i].section, section) == 0)
            names[count++] = OPTIONS[i].name;
    }
    return wd_did_you_mean(name, names);
}

static const char *section_that_has(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(OPTIONS[i].name, name) == 0)
            return OPTIONS[i].section;
    }
    return NULL;
}

/* What to do about an unknown section.name, in words; `form` shows how a name is written in this source. */
static void advise(const char *section, const char *name, char *out, size_t size)
{
    char with_file[NAME_LONGEST];
    snprintf(with_file, sizeof(with_file), "%s_file", name);
    const char *near = near_option(section, name);
    const char *elsewhere = section_that_has(name);
    if (option_find(section, with_file))
        snprintf(out, size, ": secrets come from files only, name the file as %s.%s", section, with_file);
    else if (elsewhere)
        snprintf(out, size, " (did you mean '%s.%s'?)", elsewhere, name);
    else if (near)
        snprintf(out, size, " (did you mean '%s'?)", near);
    else
        snprintf(out, size, ": `warden config docs` lists all options");
}

static void report_unknown_option(const struct config_giver *giver, int line, int column, const char *section,
                                  const char *name)
{
    char advice[3 * NAME_LONGEST];
    advise(section, name, advice, sizeof(advice));
    wd_diagnose(giver->findings, WD_ERROR, "unknown-key", giver->name, line, column,
                "there is no option '%.*s' in section '%s'%s", NAME_LONGEST, name, section, advice);
}

static void report_unknown_section(const struct config_giver *giver, int line, int column, const char *name)
{
    const char *dot = strchr(name, '.'), *near = near_section(name), *home = section_that_has(name);
    char section[NAME_LONGEST], advice[3 * NAME_LONGEST] = ": `warden config docs` lists all options";
    snprintf(section, sizeof(section), "%.*s", dot ? (int)(dot - name) : 0, name);
    if (dot && option_find(section, dot + 1))
        snprintf(advice, sizeof(advice), ": write '%s:' on a line of its own and '%s:' below it, indented", section,
                 dot + 1);
    else if (home)
        snprintf(advice, sizeof(advice), ": '%s' belongs into section '%s'", name, home);
    else if (near)
        snprintf(advice, sizeof(advice), " (did you mean '%s'?)", near);
    wd_diagnose(giver->findings, WD_ERROR, "unknown-key", giver->name, line, column, "there is no section '%.*s'%s",
                NAME_LONGEST, name, advice);
}

/* ---- file ---- */

static void read_section(struct config *config, const struct wd_node *section, const struct config_giver *giver)
{
    const char *name = section->key->text;
    if (section->kind == WD_NODE_SCALAR && wd_node_is_null(section))
        return; /* all of its options are commented out */
    if (section->kind != WD_NODE_MAP) {
        wd_diagnose(giver->findings, WD_ERROR, "wrong-type", giver->name, section->line, section->column,
                    "section '%s' needs its options below it, indented, as in 'name: value'", name);
        return;
    }
    for (const struct wd_node *value = section->first; value; value = value->next) {
        const struct option *option = option_find(name, value->key->text);
        if (option)
            config_set_node(config, option, value, giver);
        else
            report_unknown_option(giver, value->key->line, value->key->column, name, value->key->text);
    }
}

static void read_file(struct config *config, const char *path, struct wd_diagnostics *findings)
{
    struct wd_document *document = NULL;
    if (wd_document_load(path, &document, findings) != WD_OK)
        return;
    const struct config_giver giver = {.kind = ORIGIN_FILE, .name = path, .findings = findings};
    const struct wd_node *root = wd_document_root(document);
    if (root && root->kind != WD_NODE_MAP && !wd_node_is_null(root))
        wd_diagnose(findings, WD_ERROR, "wrong-type", path, root->line, root->column,
                    "a configuration begins with sections, as in 'kafka:'");
    for (const struct wd_node *section = root && root->kind == WD_NODE_MAP ? root->first : NULL; section;
         section = section->next) {
        if (section_exists(section->key->text))
            read_section(config, section, &giver);
        else
            report_unknown_section(&giver, section->key->line, section->key->column, section->key->text);
    }
    wd_document_free(document);
}

/* ---- environment and --set ---- */

static void lower(char *text)
{
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

/* WARDEN_SECTION__KEY=value. Names without the two underscores are not options ($WARDEN_CONFIG). */
static void read_variable(struct config *config, const char *entry, struct wd_diagnostics *findings)
{
    const char *equals = strchr(entry, '=');
    if (strncmp(entry, "WARDEN_", 7) != 0 || !equals || equals - entry >= NAME_LONGEST)
        return;
    char variable[NAME_LONGEST], label[NAME_LONGEST + 16], *section = variable + 7;
    snprintf(variable, sizeof(variable), "%.*s", (int)(equals - entry), entry);
    snprintf(label, sizeof(label), "environment %s", variable);
    char *name = strstr(section, "__");
    if (!name)
        return;
    *name = '\0';
    name += 2;
    lower(section);
    lower(name);
    const struct config_giver giver = {.kind = ORIGIN_ENVIRONMENT, .name = label, .findings = findings};
    const struct option *option = option_find(section, name);
    if (option)
        config_set_text(config, option, equals + 1, &giver);
    else if (section_exists(section))
        report_unknown_option(&giver, 0, 0, section, name);
    else
        report_unknown_section(&giver, 0, 0, section);
}

/* section.name=value, or section.map.entry=value. */
static void read_set(struct config *config, const char *set, struct wd_diagnostics *findings)
{
    char key[NAME_LONGEST], label[NAME_LONGEST + 8];
    const char *equals = strchr(set, '=');
    size_t length = equals ? (size_t)(equals - set) : strlen(set);
    snprintf(key, sizeof(key), "%.*s", (int)(length < sizeof(key) ? length : sizeof(key) - 1), set);
    snprintf(label, sizeof(label), "--set %s", key);
    const struct config_giver giver = {.kind = ORIGIN_SET, .name = label, .findings = findings};
    char *name = strchr(key, '.');
    if (!equals || !name || length >= sizeof(key)) {
        wd_diagnose(findings, WD_ERROR, "bad-set", label, 0, 0, "write it as --set section.name=value");
        return;
    }
    *name++ = '\0';
    char *entry = strchr(name, '.');
    if (entry)
        *entry++ = '\0';
    const struct option *option = option_find(key, name);
    if (!section_exists(key))
        report_unknown_section(&giver, 0, 0, key);
    else if (!option)
        report_unknown_option(&giver, 0, 0, key, name);
    else if (entry && option->type == OPTION_MAP && *entry)
        config_set_entry(config, option, entry, equals + 1, &giver);
    else if (entry)
        wd_diagnose(findings, WD_ERROR, "unknown-key", label, 0, 0, "%s.%s has no parts of its own", key, name);
    else
        config_set_text(config, option, equals + 1, &giver);
}

/* ---- all of it ---- */

const char *config_default_file(const char *const *environment)
{
    static const char INSTALLED[] = WARDEN_CONFIG_DIR "/warden.yaml";
    for (const char *const *entry = environment; entry && *entry; entry++) {
        if (strncmp(*entry, "WARDEN_CONFIG=", 14) == 0 && (*entry)[14])
            return *entry + 14;
    }
    return access(INSTALLED, F_OK) == 0 ? INSTALLED : NULL;
}

enum wd_status config_load(const struct config_source *source, struct config **out, struct wd_diagnostics *findings)
{
    *out = NULL;
    size_t errors_before = wd_diagnostics_errors(findings);
    struct config *config = config_with_defaults(findings);
    if (!config)
        return WD_ERR_MEMORY;
    if (source->file)
        read_file(config, source->file, findings);
    for (const char *const *entry = source->environment; entry && *entry; entry++)
        read_variable(config, *entry, findings);
    for (const char *const *set = source->sets; set && *set; set++)
        read_set(config, *set, findings);
    if (!config_resolve_paths(config, source->file))
        wd_diagnose(findings, WD_ERROR, "out-of-memory", "", 0, 0, "no memory for the configuration");
    config_check(config, findings);
    wd_diagnostics_sort(findings);
    if (wd_diagnostics_errors(findings) > errors_before) {
        config_free(config);
        return WD_ERR_INVALID;
    }
    *out = config;
    return WD_OK;
}
