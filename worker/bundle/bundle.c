/* Makes bundles of folders and opens them again. Neighbours: archive.c, manifest.c, install.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <warden/ruletest.h>

#include "worker/bundle/files.h"
#include "worker/bundle/manifest.h"

enum { DEPTH_MAX = 8 };

/* ---- collecting ---- */

struct collection {
    const char *folder;
    struct archive_file *files; /* names and contents are malloc'ed */
    size_t count, bytes;
};

static void forget(struct collection *collection)
{
    for (size_t i = 0; i < collection->count; i++) {
        free((char *)collection->files[i].name);
        free((char *)collection->files[i].bytes);
    }
    free(collection->files);
}

static enum wd_status collect_file(struct collection *collection, const char *path, const char *name,
                                   struct wd_error *err)
{
    if (collection->count == ARCHIVE_FILES_MAX - 1)
        return wd_fail(err, WD_ERR_TOO_LARGE, "%s holds more than %d files", collection->folder, ARCHIVE_FILES_MAX - 1);
    if (!archive_name_is_safe(name))
        return wd_fail(err, WD_ERR_INVALID,
                       "'%s' cannot be in a bundle: names are at most %d letters, digits, '.', '_' and '-'", name,
                       ARCHIVE_NAME_MAX);
    if (strcmp(name, BUNDLE_MANIFEST) == 0)
        return WD_OK; /* of an installed bundle: a new one is made */
    struct archive_file *file = &collection->files[collection->count];
    char *bytes;
    enum wd_status status = files_read(path, ARCHIVE_BYTES_MAX - collection->bytes, &bytes, &file->len, err);
    if (status != WD_OK)
        return status;
    file->bytes = bytes;
    file->name = strdup(name);
    collection->bytes += file->len;
    collection->count++;
    return file->name ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory");
}

static enum wd_status collect(struct collection *collection, const char *below, int depth, struct wd_error *err);

static enum wd_status collect_entry(struct collection *collection, const char *name, int depth, struct wd_error *err)
{
    char path[4096];
    struct stat info;
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", collection->folder, name) >= sizeof(path))
        return wd_fail(err, WD_ERR_TOO_LARGE, "the path of '%s' is too long", name);
    if (lstat(path, &info) != 0)
        return wd_fail(err, WD_ERR_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return collect(collection, name, depth + 1, err);
    if (S_ISREG(info.st_mode))
        return collect_file(collection, path, name, err);
    return wd_fail(err, WD_ERR_INVALID, "%s is neither a file nor a folder", path);
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX */
static enum wd_status collect(struct collection *collection, const char *below, int depth, struct wd_error *err)
{
    char path[4096];
    if (depth > DEPTH_MAX)
        return wd_fail(err, WD_ERR_TOO_LARGE, "folders are nested deeper than %d", DEPTH_MAX);
    snprintf(path, sizeof(path), "%s%s%s", collection->folder, *below ? "/" : "", below);
    DIR *folder = opendir(path);
    if (!folder)
        return wd_fail(err, WD_ERR_IO, "%s: %s", path, strerror(errno));
    enum wd_status status = WD_OK;
    struct dirent *entry;
    while (status == WD_OK && (entry = readdir(folder))) {
        char name[1024];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s%s%s", below, *below ? "/" : "", entry->d_name);
        status = collect_entry(collection, name, depth, err);
    }
    closedir(folder);
    return status;
}

static int by_name(const void *a, const void *b)
{
    const struct archive_file *one = a, *other = b;
    return strcmp(one->name, other->name);
}

/* ---- the rules ---- */

/* Id and version where there is only one set. */
static enum wd_status name_after_set(const struct wd_ruleset *set, struct bundle_about *about, struct wd_error *err)
{
    if (!wd_ruleset_rule_count(set))
        return wd_fail(err, WD_ERR_INVALID, "there is no rule");
    const struct wd_rule_info *first = wd_ruleset_rule(set, 0);
    for (uint32_t i = 0; i < wd_ruleset_rule_count(set); i++)
        if (strcmp(wd_ruleset_rule(set, i)->set_id, first->set_id) != 0 && (!*about->id || !*about->version))
            return wd_fail(err, WD_ERR_INVALID, "there are several rule sets (%s, %s): name the bundle and its version",
                           first->set_id, wd_ruleset_rule(set, i)->set_id);
    if (!*about->id)
        snprintf(about->id, sizeof(about->id), "%s", first->set_id);
    if (!*about->version)
        snprintf(about->version, sizeof(about->version), "%s", first->set_version ? first->set_version : "");
    if (!archive_name_is_safe(about->id) || strchr(about->id, '/'))
        return wd_fail(err, WD_ERR_INVALID, "'%s' cannot be the id of a bundle: letters, digits, '.', '_', '-'",
                       about->id);
    if (!bundle_is_version(about->version))
        return wd_fail(err, WD_ERR_INVALID, "'%s' is no version like 1.4.0", about->version);
    return WD_OK;
}

static enum wd_status run_examples(const struct wd_ruleset *set, struct wd_error *err)
{
    struct wd_rule_test_counts counts = {0};
    enum wd_status status = wd_ruleset_test(set, NULL, NULL, &counts, err);
    if (status == WD_OK && counts.failed)
        return wd_fail(err, WD_ERR_INVALID, "%zu of %zu examples fail: `warden rules test` says which", counts.failed,
                       counts.run);
    return status;
}

enum wd_status bundle_try_rules(const char *folder, bool lint, struct bundle_about *about,
                                struct wd_diagnostics *findings, struct wd_error *err)
{
    const struct wd_ruleset_options options = {.lint = lint};
    struct wd_ruleset *set = NULL;
    if (wd_ruleset_load(&folder, 1, &options, &set, findings) != WD_OK)
        return wd_fail(err, WD_ERR_INVALID, "the rules cannot be used: see the findings");
    enum wd_status status = name_after_set(set, about, err);
    if (status == WD_OK)
        status = run_examples(set, err);
    snprintf(about->digest, sizeof(about->digest), "%s", wd_ruleset_digest(set));
    wd_ruleset_unref(set);
    return status;
}

/* ---- building ---- */

static enum wd_status write_bundle(const struct collection *collection, const struct bundle_about *about, char **out,
                                   size_t *len_out, struct wd_error *err)
{
    char *manifest = manifest_write(about, collection->files, collection->count);
    struct archive_file *all = calloc(collection->count + 1, sizeof(*all));
    enum wd_status status = WD_OK;
    if (manifest && all) {
        memcpy(all, collection->files, collection->count * sizeof(*all));
        all[collection->count] =
            (struct archive_file){.name = BUNDLE_MANIFEST, .bytes = manifest, .len = strlen(manifest)};
        qsort(all, collection->count + 1, sizeof(*all), by_name);
        status = archive_write(all, collection->count + 1, out, len_out, err);
    } else {
        status = wd_fail(err, WD_ERR_MEMORY, "no memory");
    }
    free(manifest);
    free(all);
    return status;
}

enum wd_status bundle_build(const char *folder, struct bundle_about *about, char **out, size_t *len_out,
                            struct wd_diagnostics *findings, struct wd_error *err)
{
    struct collection collection = {.folder = folder, .files = calloc(ARCHIVE_FILES_MAX, sizeof(struct archive_file))};
    if (!collection.files)
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    enum wd_status status = bundle_try_rules(folder, true, about, findings, err);
    if (status == WD_OK)
        status = collect(&collection, "", 0, err);
    if (status == WD_OK) {
        qsort(collection.files, collection.count, sizeof(*collection.files), by_name);
        status = write_bundle(&collection, about, out, len_out, err);
    }
    forget(&collection);
    return status;
}

/* ---- opening ---- */

enum wd_status bundle_read_manifest(const char *bytes, size_t len, struct bundle_about *out, struct wd_error *err)
{
    return manifest_check(bytes, len, NULL, 0, out, err);
}

enum wd_status bundle_open(const char *bytes, size_t len, struct bundle *out, struct wd_error *err)
{
    *out = (struct bundle){0};
    enum wd_status status = archive_read(bytes, len, &out->files, &out->count, err);
    if (status != WD_OK)
        return status;
    size_t at = 0;
    while (at < out->count && strcmp(out->files[at].name, BUNDLE_MANIFEST) != 0)
        at++;
    if (at == out->count) {
        status = wd_fail(err, WD_ERR_INVALID, "the bundle has no " BUNDLE_MANIFEST);
    } else {
        out->manifest = out->files[at];
        memmove(out->files + at, out->files + at + 1, (out->count - at - 1) * sizeof(*out->files));
        out->count--;
        status = manifest_check(out->manifest.bytes, out->manifest.len, out->files, out->count, &out->about, err);
    }
    if (status != WD_OK)
        bundle_close(out);
    return status;
}

void bundle_close(struct bundle *bundle)
{
    archive_files_free(bundle->files);
    *bundle = (struct bundle){0};
}
