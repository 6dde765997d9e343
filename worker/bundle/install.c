/* Unpacking and switching over. What always holds: the link points at a folder that is complete and was tried, or at
 * what it pointed at before. Neighbours: bundle.c, minisign.c, prune.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "worker/bundle/files.h"
#include "worker/bundle/install.h"
#include "worker/bundle/prune.h"

enum { PATH_ROOM = 4096, TAG_DIGITS = 16 };

struct installation {
    const struct bundle *bundle;
    const char *into;
    char name[BUNDLE_ID_MAX + BUNDLE_VERSION_MAX + TAG_DIGITS + 3]; /* of the unpacked version */
    char link[PATH_ROOM], target[PATH_ROOM], staging[PATH_ROOM];
};

static enum wd_status system_failure(struct wd_error *err, const char *path)
{
    return wd_fail(err, WD_ERR_IO, "%s: %s", path, strerror(errno));
}

enum wd_status install_check(const struct install_source *source, struct bundle *out, struct wd_error *err)
{
    if (source->key_count && !source->signature)
        return wd_fail(err, WD_ERR_REFUSED,
                       "the bundle is not signed, and bundles must be, since there are trusted keys");
    if (source->key_count) {
        enum wd_status status = minisign_verify(source->keys, source->key_count, source->bytes, source->len,
                                                source->signature, source->signature_len, NULL, err);
        if (status != WD_OK)
            return status;
    }
    return bundle_open(source->bytes, source->len, out, err);
}

/* ---- paths ---- */

/* The folder of a version has the start of its archive's digest in its name: other contents are another folder. */
static enum wd_status find_paths(struct installation *work, const struct install_source *source, struct wd_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char tag[TAG_DIGITS + 1];
    if (EVP_Digest(source->bytes, source->len, digest, NULL, EVP_sha256(), NULL) != 1)
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    for (int i = 0; i < TAG_DIGITS / 2; i++)
        snprintf(tag + 2 * i, 3, "%02x", digest[i]);
    const struct bundle_about *about = &work->bundle->about;
    snprintf(work->name, sizeof(work->name), "%s-%s-%s", about->id, about->version, tag);
    int longest = snprintf(work->target, sizeof(work->target), "%s/.bundles/%s", work->into, work->name);
    snprintf(work->link, sizeof(work->link), "%s/%s", work->into, about->id);
    snprintf(work->staging, sizeof(work->staging), "%s/.bundles/.new-XXXXXX", work->into);
    if ((size_t)longest + ARCHIVE_NAME_MAX + 2 > PATH_ROOM)
        return wd_fail(err, WD_ERR_TOO_LARGE, "the path of the folder is too long");
    return WD_OK;
}

/* ---- unpacking ---- */

/* Folders of a name that is known to be safe. */
static enum wd_status make_folders(const char *root, const char *name, struct wd_error *err)
{
    char path[2 * PATH_ROOM];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof(path), "%s/%.*s", root, (int)(slash - name), name);
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return system_failure(err, path);
    }
    return WD_OK;
}

static enum wd_status unpack_file(const char *root, const struct archive_file *file, struct wd_error *err)
{
    char path[2 * PATH_ROOM];
    enum wd_status status = make_folders(root, file->name, err);
    snprintf(path, sizeof(path), "%s/%s", root, file->name);
    return status == WD_OK ? files_write_new(path, 0644, file->bytes, file->len, err) : status;
}

static enum wd_status unpack(const struct installation *work, struct wd_error *err)
{
    if (chmod(work->staging, 0755) != 0) /* mkdtemp's is for its maker alone; the worker is another user */
        return system_failure(err, work->staging);
    enum wd_status status = unpack_file(work->staging, &work->bundle->manifest, err);
    for (size_t i = 0; status == WD_OK && i < work->bundle->count; i++)
        status = unpack_file(work->staging, &work->bundle->files[i], err);
    return status;
}

static enum wd_status try_staging(const struct installation *work, struct wd_diagnostics *findings,
                                  struct wd_error *err)
{
    struct bundle_about tried = work->bundle->about;
    enum wd_status status = bundle_try_rules(work->staging, false, &tried, findings, err);
    if (status == WD_OK && strcmp(tried.digest, work->bundle->about.digest) != 0)
        return wd_fail(err, WD_ERR_INVALID,
                       "the rules mean something else here than where the bundle was built (digest %.16s..., not "
                       "%.16s...): is warden of another version?",
                       tried.digest, work->bundle->about.digest);
    return status;
}

static enum wd_status sync_folder(const char *path, struct wd_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;
    enum wd_status status = fine ? WD_OK : system_failure(err, path);
    if (fd >= 0)
        close(fd);
    return status;
}

/* ---- what is there ---- */

/* *is_there_out: the link points at this very version, whose files are as they were. */
static enum wd_status check_present(const struct installation *work, bool *is_there_out, struct wd_error *err)
{
    *is_there_out = false;
    if (access(work->target, F_OK) != 0)
        return WD_OK;
    for (size_t i = 0; i < work->bundle->count; i++) {
        const struct archive_file *file = &work->bundle->files[i];
        char path[2 * PATH_ROOM], *bytes = NULL;
        size_t len = 0;
        snprintf(path, sizeof(path), "%s/%s", work->target, file->name);
        enum wd_status status = files_read(path, ARCHIVE_BYTES_MAX, &bytes, &len, err);
        bool same = status == WD_OK && len == file->len && memcmp(bytes, file->bytes, len) == 0;
        free(bytes);
        if (!same)
            return wd_fail(err, WD_ERR_REFUSED, "%s was changed after it was installed: remove %s first", path,
                           work->target);
    }
    *is_there_out = true;
    return WD_OK;
}

/* The manifest of what the link points at; false where nothing is installed. */
static bool installed(const struct installation *work, struct bundle_about *out)
{
    char path[PATH_ROOM + sizeof(BUNDLE_MANIFEST) + 1], *bytes = NULL;
    size_t len;
    struct wd_error ignored;
    snprintf(path, sizeof(path), "%s/" BUNDLE_MANIFEST, work->link);
    if (files_read(path, ARCHIVE_BYTES_MAX, &bytes, &len, &ignored) != WD_OK)
        return false;
    bool fine = bundle_read_manifest(bytes, len, out, &ignored) == WD_OK;
    free(bytes);
    return fine;
}

/* The name in .bundles that the link points at; "" where there is none. */
static void read_link(const struct installation *work, char name_out[static PATH_ROOM])
{
    static const char FOLDER[] = ".bundles/";
    ssize_t len = readlink(work->link, name_out, PATH_ROOM - 1);
    name_out[len > 0 ? len : 0] = '\0';
    if (strncmp(name_out, FOLDER, strlen(FOLDER)) == 0)
        memmove(name_out, name_out + strlen(FOLDER), strlen(name_out) - strlen(FOLDER) + 1);
    else
        name_out[0] = '\0';
}

static bool link_points_there(const struct installation *work)
{
    char name[PATH_ROOM];
    read_link(work, name);
    return strcmp(name, work->name) == 0;
}

static enum wd_status check_upgrade(const struct installation *work, bool force, struct wd_error *err)
{
    struct bundle_about present;
    struct stat info;
    if (lstat(work->link, &info) != 0)
        return WD_OK;
    if (!S_ISLNK(info.st_mode))
        return wd_fail(err, WD_ERR_REFUSED, "%s is there and was not made by warden: move it away", work->link);
    if (force)
        return WD_OK;
    if (!installed(work, &present))
        return wd_fail(err, WD_ERR_REFUSED,
                       "%s points at something whose version cannot be read: --force installs all the same",
                       work->link);
    int order = bundle_compare_versions(work->bundle->about.version, present.version);
    if (order < 0)
        return wd_fail(err, WD_ERR_REFUSED, "version %s is installed, this is %s: --force goes back", present.version,
                       work->bundle->about.version);
    if (order == 0 && !link_points_there(work))
        return wd_fail(err, WD_ERR_REFUSED,
                       "other contents are installed under the same version %s: raise the version, or --force",
                       present.version);
    return WD_OK;
}

/* ---- switching over ---- */

static enum wd_status point_link(const struct installation *work, struct wd_error *err)
{
    char where[PATH_ROOM], beside[PATH_ROOM + 32];
    snprintf(where, sizeof(where), ".bundles/%s", work->name);
    snprintf(beside, sizeof(beside), "%s.%d.new", work->link, (int)getpid());
    unlink(beside);
    if (symlink(where, beside) != 0)
        return system_failure(err, beside);
    if (rename(beside, work->link) != 0) {
        enum wd_status status = system_failure(err, work->link);
        unlink(beside);
        return status;
    }
    return sync_folder(work->into, err);
}

static enum wd_status put_in_place(struct installation *work, struct wd_diagnostics *findings, struct wd_error *err)
{
    char bundles[2 * PATH_ROOM];
    snprintf(bundles, sizeof(bundles), "%s/.bundles", work->into);
    if (!mkdtemp(work->staging))
        return system_failure(err, work->staging);
    enum wd_status status = unpack(work, err);
    if (status == WD_OK)
        status = try_staging(work, findings, err);
    if (status == WD_OK)
        status = sync_folder(work->staging, err);
    if (status == WD_OK && rename(work->staging, work->target) != 0)
        status = system_failure(err, work->target);
    if (status != WD_OK) {
        prune_tree(work->staging);
        return status;
    }
    return sync_folder(bundles, err);
}

static enum wd_status install_locked(struct installation *work, const struct install_target *target,
                                     enum install_result *result_out, struct wd_diagnostics *findings,
                                     struct wd_error *err)
{
    bool is_there;
    char before[PATH_ROOM];
    enum wd_status status = check_upgrade(work, target->force, err);
    if (status == WD_OK)
        status = check_present(work, &is_there, err);
    if (status != WD_OK)
        return status;
    if (is_there && link_points_there(work)) {
        *result_out = INSTALL_WAS_THERE;
        return WD_OK;
    }
    read_link(work, before);
    if (!is_there)
        status = put_in_place(work, findings, err);
    if (status == WD_OK)
        status = point_link(work, err);
    if (status != WD_OK)
        return status;
    (void)utimensat(AT_FDCWD, work->target, NULL, 0); /* when it was in use last: for prune_bundles */
    prune_bundles(work->into, work->bundle->about.id, work->name, before, target->keep);
    *result_out = INSTALL_DONE;
    return WD_OK;
}

/* One installation at a time under a folder. */
static enum wd_status install_here(struct installation *work, const struct install_target *target,
                                   enum install_result *result_out, struct wd_diagnostics *findings,
                                   struct wd_error *err)
{
    char bundles[2 * PATH_ROOM];
    snprintf(bundles, sizeof(bundles), "%s/.bundles", work->into);
    if ((mkdir(work->into, 0755) != 0 && errno != EEXIST) || (mkdir(bundles, 0755) != 0 && errno != EEXIST))
        return system_failure(err, bundles);
    int lock = open(bundles, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
        enum wd_status status = lock >= 0 && errno == EWOULDBLOCK
                                    ? wd_fail(err, WD_ERR_REFUSED, "%s: another installation is under way", bundles)
                                    : system_failure(err, bundles);
        if (lock >= 0)
            close(lock);
        return status;
    }
    enum wd_status status = install_locked(work, target, result_out, findings, err);
    close(lock);
    return status;
}

enum wd_status install_bundle(const struct install_source *source, const struct install_target *target,
                              enum install_result *result_out, struct bundle_about *about_out,
                              struct wd_diagnostics *findings, struct wd_error *err)
{
    struct bundle bundle;
    enum wd_status status = install_check(source, &bundle, err);
    if (status != WD_OK)
        return status;
    *about_out = bundle.about;
    struct installation *work = calloc(1, sizeof(*work));
    if (work) {
        work->bundle = &bundle;
        work->into = target->into;
        status = find_paths(work, source, err);
        if (status == WD_OK)
            status = install_here(work, target, result_out, findings, err);
    } else {
        status = wd_fail(err, WD_ERR_MEMORY, "no memory");
    }
    free(work);
    bundle_close(&bundle);
    return status;
}
