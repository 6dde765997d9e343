/* Removes earlier versions that nobody will go back to. What always holds: only folders whose manifest names the bundle
 * are touched, oldest use first. Neighbours: install.c, which sets a folder's time when the link begins to point at
 * it. */
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "worker/bundle/bundle.h"
#include "worker/bundle/files.h"
#include "worker/bundle/prune.h"

enum { PATH_ROOM = 4096, OPEN_FOLDERS = 16 };

struct version {
    char *name;
    struct timespec used;
};

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void prune_tree(const char *path)
{
    nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

static bool is_of_bundle(const char *folder, const char *id)
{
    char path[PATH_ROOM], *bytes = NULL;
    size_t len;
    struct wd_error ignored;
    struct bundle_about about;
    int wrote = snprintf(path, sizeof(path), "%s/" BUNDLE_MANIFEST, folder);
    if (wrote < 0 || wrote >= PATH_ROOM || files_read(path, ARCHIVE_BYTES_MAX, &bytes, &len, &ignored) != WD_OK)
        return false;
    bool is = bundle_read_manifest(bytes, len, &about, &ignored) == WD_OK && strcmp(about.id, id) == 0;
    free(bytes);
    return is;
}

static int by_use_latest_first(const void *left, const void *right)
{
    const struct version *a = left, *b = right;
    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? 1 : -1;
    if (a->used.tv_nsec != b->used.tv_nsec)
        return a->used.tv_nsec < b->used.tv_nsec ? 1 : -1;
    return strcmp(b->name, a->name);
}

void prune_bundles(const char *into, const char *id, const char *current, const char *before, size_t keep)
{
    char path[PATH_ROOM];
    struct dirent **entries = NULL;
    snprintf(path, sizeof(path), "%s/.bundles", into);
    int found = scandir(path, &entries, NULL, NULL);
    struct version *versions = calloc(found > 0 ? (size_t)found : 1, sizeof(*versions));
    size_t count = 0;
    for (int i = 0; i < found; i++) {
        struct stat about;
        char *name = entries[i]->d_name;
        int wrote = snprintf(path, sizeof(path), "%s/.bundles/%s", into, name);
        bool fits = wrote > 0 && wrote < PATH_ROOM;
        if (fits && strncmp(name, ".new-", 5) == 0)
            prune_tree(path);
        else if (fits && versions && name[0] != '.' && strcmp(name, current) != 0 && strcmp(name, before) != 0 &&
                 is_of_bundle(path, id) && stat(path, &about) == 0)
            versions[count++] = (struct version){.name = name, .used = about.st_mtim};
    }
    if (count)
        qsort(versions, count, sizeof(*versions), by_use_latest_first);
    for (size_t i = keep; i < count; i++) {
        snprintf(path, sizeof(path), "%s/.bundles/%s", into, versions[i].name);
        prune_tree(path);
    }
    free(versions);
    for (int i = 0; i < found; i++)
        free(entries[i]);
    free(entries);
}
