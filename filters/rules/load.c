/* From files to a rule set: finds the files, checks them against the schema, reads them in order, compiles. What always
 * holds: a set is only handed out when there was no error, and everything that is wrong was reported by then.
 * Neighbours: schema.h (what may be written), loader.h (the parts), compile.c (the index), filters/scanner.c (the
 * user). */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/expression.h"
#include "filters/rules/lint.h"
#include "filters/rules/loader.h"
#include "filters/rules/overlay.h"
#include "filters/rules/ruletest.h"

enum { SET_BYTES_MAX = 2000000000, MATCH_LIMIT = 30000, SOURCES_MAX = 10000 };

static const char *const EXEMPT_ROLES[] = {"community-moderator", "channel-moderator", "global-admin",
                                           "super-moderator", NULL};

void *wd_loader_alloc(struct loader *loader, size_t count, size_t size)
{
    void *memory = wd_arena_zalloc(loader->arena, count, size);
    loader->out_of_memory |= !memory;
    return memory;
}

const char *wd_loader_text(struct loader *loader, const char *text)
{
    const char *copy = wd_arena_copy(loader->arena, wd_str_from(text)).data;
    loader->out_of_memory |= !copy;
    return copy;
}

struct source *wd_source_of(struct loader *loader, const struct wd_node *node)
{
    struct source *source = loader->sources;
    while (wd_document_name(source->document) != node->file)
        source++; /* every node stands in one of them */
    return source;
}

/* Findings that were in the caller's list before are none of ours. */
static bool has_errors(const struct loader *loader)
{
    return wd_diagnostics_errors(loader->reporter.findings) > loader->errors_before;
}

/* ---- files ---- */

static bool add_source(struct loader *loader, struct wd_document *document, const char *path)
{
    if (loader->source_count == SOURCES_MAX) {
        wd_diagnose(loader->reporter.findings, WD_ERROR, "too-many-files", path, 0, 0, "at most %d files together",
                    SOURCES_MAX);
        wd_document_free(document);
        return false;
    }
    struct source *grown = realloc(loader->sources, (loader->source_count + 1) * sizeof(*grown));
    const char *copy = wd_loader_text(loader, path);
    if (!grown || !copy) {
        loader->sources = grown ? grown : loader->sources;
        loader->out_of_memory = true;
        wd_document_free(document);
        return false;
    }
    loader->sources = grown;
    loader->sources[loader->source_count++] =
        (struct source){.document = document, .path = copy, .root = wd_document_root(document)};
    return true;
}

static void add_file(struct loader *loader, const char *path)
{
    struct wd_document *document;
    enum wd_status status = wd_document_load(path, &document, loader->reporter.findings);
    loader->out_of_memory |= status == WD_ERR_MEMORY;
    if (status == WD_OK)
        (void)add_source(loader, document, path);
}

static int is_rule_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* The order of bytes, whatever the locale. */
static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static void add_folder(struct loader *loader, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_rule_file, by_name);
    if (count < 0) {
        wd_diagnose(loader->reporter.findings, WD_ERROR, "file-unreadable", path, 0, 0, "the folder cannot be read");
        return;
    }
    if (!count)
        wd_diagnose(loader->reporter.findings, WD_WARNING, "empty-folder", path, 0, 0, "no *.yaml file in this folder");
    for (int i = 0; i < count; i++) {
        char *file = NULL;
        size_t len = strlen(path);
        while (len > 1 && path[len - 1] == '/')
            len--;
        if (asprintf(&file, "%.*s/%s", (int)len, path, entries[i]->d_name) >= 0) {
            add_file(loader, file);
            free(file);
        } else {
            loader->out_of_memory = true;
        }
        free(entries[i]);
    }
    free(entries);
}

static void add_path(struct loader *loader, const char *path)
{
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        add_folder(loader, path);
    else
        add_file(loader, path);
}

/* ---- rules ---- */

static int by_id_then_place(const void *left, const void *right)
{
    const struct rule *a = *(const struct rule *const *)left, *b = *(const struct rule *const *)right;
    int ids = strcmp(a->info.id, b->info.id);
    return ids ? ids : (a > b) - (a < b);
}

static void find_duplicate_ids(struct loader *loader)
{
    struct wd_ruleset *set = loader->set;
    const struct rule **sorted = calloc(set->rule_count + 1, sizeof(const struct rule *));
    if (!sorted) {
        loader->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < set->rule_count; i++)
        sorted[i] = &set->rules[i];
    qsort(sorted, set->rule_count, sizeof(const struct rule *), by_id_then_place);
    for (size_t i = 1, first = 0; i < set->rule_count; i++) {
        if (strcmp(sorted[i]->info.id, sorted[first]->info.id) != 0)
            first = i;
        else
            wd_diagnose(loader->reporter.findings, WD_ERROR, "duplicate-rule", sorted[i]->info.file,
                        sorted[i]->info.line, 1, "rule '%s' is already in %s, line %d: give one of them another id",
                        sorted[i]->info.id, sorted[first]->info.file, sorted[first]->info.line);
    }
    free(sorted);
}

static const struct wd_node *rules_of(const struct source *source)
{
    const struct wd_node *rules = wd_node_get(source->root, "rules");
    return rules && rules->kind == WD_NODE_LIST ? rules : NULL;
}

/* Rules that the schema refused were reported already; the others are read, so that all findings come at once. */
static bool load_source_rules(struct loader *loader, struct source *source)
{
    const struct wd_node *rules = rules_of(source);
    struct reporter silent = {.findings = loader->reporter.findings, .quiet = true};
    bool fine = true;
    for (const struct wd_node *node = rules ? rules->first : NULL; node; node = node->next) {
        const struct wd_node *whole = wd_apply_overrides(loader, node);
        if (!whole || !wd_check_node(&silent, whole, &wd_rule_key))
            continue;
        struct rule *rule = &loader->set->rules[loader->set->rule_count];
        *rule = (struct rule){0};
        loader->rule_index = (uint32_t)loader->set->rule_count;
        fine &= wd_load_rule(loader, source, whole, rule);
        if (loader->out_of_memory)
            return false;
        loader->set->rule_count++;
    }
    return fine;
}

static void check_source(struct loader *loader, struct source *source)
{
    if (source->root) {
        (void)wd_check_shape(&loader->reporter, source->root, &wd_file_shape);
        return;
    }
    wd_diagnose(loader->reporter.findings, WD_ERROR, "empty-file", source->path, 1, 1,
                "the file is empty: a rule set begins with ruleset: {id: ..., version: ..., format: 1}");
}

static void report_unused(struct loader *loader, const struct source *source)
{
    const struct wd_node *lists = wd_node_get(source->root, "lists"), *macros = wd_node_get(source->root, "macros");
    for (size_t i = 0; i < source->list_count; i++)
        if (!source->lists[i].used)
            wd_report(&loader->reporter, wd_node_get(lists, source->lists[i].name)->key, WD_WARNING, "unused-list",
                      "no rule uses list '%s'", source->lists[i].name);
    for (size_t i = 0; i < source->macro_count; i++)
        if (!source->macros[i].used)
            wd_report(&loader->reporter, wd_node_get(macros, source->macros[i].name)->key, WD_WARNING, "unused-macro",
                      "no rule uses macro '%s'", source->macros[i].name);
}

static bool load_sources(struct loader *loader)
{
    size_t rules = 0;
    for (size_t i = 0; i < loader->source_count; i++) {
        struct source *source = &loader->sources[i];
        check_source(loader, source);
        wd_load_header(loader, source);
        wd_load_lists(loader, source);
        rules += rules_of(source) ? rules_of(source)->count : 0;
    }
    loader->set->rules = wd_loader_alloc(loader, rules + 1, sizeof(struct rule));
    if (!loader->set->rules || !wd_gather_overrides(loader))
        return false;
    bool fine = wd_load_behaviour(loader);
    if (!loader->behaviour)
        return false;
    for (size_t i = 0; i < loader->source_count; i++)
        wd_load_macros(loader, &loader->sources[i]);
    for (size_t i = 0; i < loader->source_count && !loader->out_of_memory; i++)
        fine &= load_source_rules(loader, &loader->sources[i]);
    if (loader->out_of_memory)
        return false;
    find_duplicate_ids(loader);
    wd_load_tests_files(loader);
    wd_report_unused_overrides(loader);
    if (fine && !has_errors(loader))
        for (size_t i = 0; i < loader->source_count; i++)
            report_unused(loader, &loader->sources[i]);
    return fine;
}

/* ---- doors ---- */

static void set_free(struct wd_ruleset *set)
{
    if (!set)
        return;
    wd_patterns_free(set->patterns);
    wd_expressions_free(set->expressions);
    free(set->notify_targets);
    free(set->scopes);
    wd_arena_free(set->arena);
    free(set);
}

static const char *const *copy_roles(struct loader *loader, const char *const *roles)
{
    size_t count = 0;
    while (roles[count])
        count++;
    const char **copy = wd_loader_alloc(loader, count + 1, sizeof(*copy));
    for (size_t i = 0; i < count && copy; i++)
        copy[i] = wd_loader_text(loader, roles[i]);
    return copy;
}

static bool loader_init(struct loader *loader, const struct wd_ruleset_options *options,
                        struct wd_diagnostics *findings)
{
    static atomic_uint_fast64_t next_serial = 1;
    static const struct wd_ruleset_options DEFAULTS = {0};
    options = options ? options : &DEFAULTS;
    struct wd_ruleset *set = calloc(1, sizeof(*set));
    *loader = (struct loader){.reporter = {.findings = findings},
                              .set = set,
                              .options = options,
                              .errors_before = wd_diagnostics_errors(findings)};
    if (!set)
        return false;
    atomic_init(&set->references, 1);
    set->serial = atomic_fetch_add(&next_serial, 1);
    set->match_limit = options->match_limit ? (uint32_t)options->match_limit : MATCH_LIMIT;
    set->arena = loader->arena = wd_arena_new(SET_BYTES_MAX);
    if (!set->arena)
        return false;
    set->exempt_roles = copy_roles(loader, options->exempt_roles ? options->exempt_roles : EXEMPT_ROLES);
    return !loader->out_of_memory;
}

static void forget_nodes(struct wd_ruleset *set)
{
    for (size_t i = 0; i < set->leaf_count; i++)
        ((struct leaf *)set->leaves[i])->node = NULL; /* they go with the documents */
}

static enum wd_status finish(struct loader *loader, bool fine, struct wd_ruleset **out)
{
    struct wd_diagnostics *findings = loader->reporter.findings;
    fine = fine && !has_errors(loader) && wd_compile_rules(loader) && wd_digest_sources(loader);
    if (fine && loader->options->lint)
        wd_lint_rules(loader);
    fine = fine && !has_errors(loader) && !loader->out_of_memory;
    if (loader->out_of_memory)
        wd_diagnose(findings, WD_ERROR, "out-of-memory", "", 0, 0, "no memory for these rule sets");
    if (fine) {
        forget_nodes(loader->set);
        wd_finish_behaviour(loader);
        *out = loader->set;
    } else {
        set_free(loader->set);
    }
    for (size_t i = 0; i < loader->source_count; i++)
        wd_document_free(loader->sources[i].document);
    free(loader->sources);
    free(loader->leaves);
    free(loader->overrides);
    wd_diagnostics_sort(findings);
    return fine ? WD_OK : loader->out_of_memory ? WD_ERR_MEMORY : WD_ERR_INVALID;
}

enum wd_status wd_ruleset_load(const char *const *paths, size_t path_count, const struct wd_ruleset_options *options,
                               struct wd_ruleset **out, struct wd_diagnostics *findings)
{
    struct loader loader;
    *out = NULL;
    bool fine = loader_init(&loader, options, findings);
    loader.out_of_memory |= !fine;
    for (size_t i = 0; i < path_count && fine; i++)
        add_path(&loader, paths[i]);
    return finish(&loader, fine && load_sources(&loader), out);
}

enum wd_status wd_ruleset_load_text(const char *name, const char *yaml, size_t len,
                                    const struct wd_ruleset_options *options, struct wd_ruleset **out,
                                    struct wd_diagnostics *findings)
{
    struct loader loader;
    struct wd_document *document;
    *out = NULL;
    bool fine = loader_init(&loader, options, findings);
    loader.out_of_memory |= !fine;
    fine = fine && wd_document_parse(name, yaml, len, &document, findings) == WD_OK &&
           add_source(&loader, document, name) && load_sources(&loader);
    return finish(&loader, fine, out);
}

struct wd_ruleset *wd_ruleset_ref(struct wd_ruleset *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void wd_ruleset_unref(struct wd_ruleset *set)
{
    if (set && atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) == 1)
        set_free(set);
}
