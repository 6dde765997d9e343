/* Reads rule files and lists for their digest. Symbolic links are followed, as config maps need it; depth and number of
 * files are bounded, past a size only length and time of change count. Neighbours: reload.c. */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "worker/rules_files.h"

enum { DEPTH_MAX = 8, FILES_MAX = 10000, READ_SIZE = 64 * 1024 };
static const size_t BYTES_MAX = (size_t)256 << 20;

struct look {
    EVP_MD_CTX *hash;
    size_t files, bytes;
    const char *only_rules; /* of the rule files this one alone; NULL: all */
    char buffer[READ_SIZE];
};

static void add(struct look *look, const void *bytes, size_t len)
{
    EVP_DigestUpdate(look->hash, bytes, len);
}

/* With its length, so that no two sequences of texts look alike. */
static void add_text(struct look *look, const char *text)
{
    size_t len = strlen(text);
    add(look, &len, sizeof(len));
    add(look, text, len);
}

static void add_contents(struct look *look, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = -1;
    size_t len = 0;
    while (fd >= 0 && (got = read(fd, look->buffer, sizeof(look->buffer))) > 0) {
        add(look, look->buffer, (size_t)got);
        len += (size_t)got;
    }
    if (got < 0)
        add_text(look, "unreadable");
    add(look, &len, sizeof(len));
    look->bytes += len;
    if (fd >= 0)
        close(fd);
}

static bool is_rule_file(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static void add_file(struct look *look, const char *path, const struct stat *info)
{
    if (look->only_rules && is_rule_file(path) && strcmp(path, look->only_rules) != 0)
        return;
    if (look->files++ >= FILES_MAX)
        return;
    add_text(look, path);
    if (look->bytes + (size_t)info->st_size <= BYTES_MAX) {
        add_contents(look, path);
        return;
    }
    add(look, &info->st_size, sizeof(info->st_size));
    add(look, &info->st_mtim, sizeof(info->st_mtim));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* False: no memory. */
static bool walk(struct look *look, const char *path, int depth) /* NOLINT(misc-no-recursion): DEPTH_MAX */
{
    struct stat info;
    if (stat(path, &info) != 0) {
        add_text(look, path);
        add_text(look, "missing");
        return true;
    }
    if (S_ISREG(info.st_mode))
        add_file(look, path, &info);
    if (!S_ISDIR(info.st_mode) || depth == DEPTH_MAX || look->files > FILES_MAX)
        return true;
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_visible, by_name);
    if (count < 0)
        add_text(look, "unreadable");
    bool fine = true;
    for (int i = 0; i < count; i++) {
        char *below = NULL;
        fine = fine && asprintf(&below, "%s/%s", path, entries[i]->d_name) >= 0 && walk(look, below, depth + 1);
        free(below);
        free(entries[i]);
    }
    free(entries);
    return fine;
}

/* A single rule file can name lists beside and below it: the whole folder, but for other rule files. */
static bool look_at(struct look *look, const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return walk(look, path, 0);
    char *copy = strdup(path), *own = NULL;
    bool fine = copy != NULL;
    if (fine) {
        const char *folder = dirname(copy);
        const char *slash = strrchr(path, '/');
        fine = asprintf(&own, "%s/%s", folder, slash ? slash + 1 : path) >= 0;
        look->only_rules = own;
        if (fine)
            fine = walk(look, folder, 0);
        look->only_rules = NULL;
    }
    free(own);
    free(copy);
    return fine;
}

bool rules_files_look(const char *const *paths, struct rules_files *out)
{
    struct look *look = calloc(1, sizeof(*look));
    bool fine = look && (look->hash = EVP_MD_CTX_new()) && EVP_DigestInit_ex(look->hash, EVP_sha256(), NULL) == 1;
    for (; fine && paths && *paths; paths++)
        fine = look_at(look, *paths);
    fine = fine && EVP_DigestFinal_ex(look->hash, out->digest, NULL) == 1;
    if (look)
        EVP_MD_CTX_free(look->hash);
    free(look);
    return fine;
}

bool rules_files_equal(const struct rules_files *a, const struct rules_files *b)
{
    return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}
