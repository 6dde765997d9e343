/* Reading and writing whole files. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/bundle/files.h"

static enum wd_status system_failure(struct wd_error *err, const char *path)
{
    return wd_fail(err, errno == ENOENT ? WD_ERR_NOT_FOUND : WD_ERR_IO, "%s: %s", path, strerror(errno));
}

static enum wd_status read_all(int fd, const char *path, size_t most, char **out, size_t *len_out, struct wd_error *err)
{
    size_t room = 64 * 1024, len = 0;
    char *bytes = malloc(room + 1);
    while (bytes) {
        if (len == room) {
            char *more = realloc(bytes, 2 * room + 1);
            if (!more)
                break;
            bytes = more;
            room *= 2;
        }
        ssize_t got = read(fd, bytes + len, room - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(bytes);
            return system_failure(err, path);
        }
        len += (size_t)got;
        if (len > most) {
            free(bytes);
            return wd_fail(err, WD_ERR_TOO_LARGE, "%s has more than %zu bytes", path, most);
        }
        if (got)
            continue;
        bytes[len] = '\0';
        *out = bytes;
        *len_out = len;
        return WD_OK;
    }
    free(bytes);
    return wd_fail(err, WD_ERR_MEMORY, "%s: no memory", path);
}

enum wd_status files_read(const char *path, size_t most, char **out, size_t *len_out, struct wd_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return system_failure(err, path);
    enum wd_status status = read_all(fd, path, most, out, len_out, err);
    close(fd);
    return status;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t done = write(fd, bytes, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        bytes += done;
        len -= (size_t)done;
    }
    return fsync(fd) == 0;
}

enum wd_status files_write_new(const char *path, mode_t mode, const char *bytes, size_t len, struct wd_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return system_failure(err, path);
    bool fine = write_all(fd, bytes, len);
    enum wd_status status = fine ? WD_OK : system_failure(err, path);
    if (close(fd) != 0 && fine)
        status = system_failure(err, path);
    if (status != WD_OK)
        unlink(path);
    return status;
}

enum wd_status files_write(const char *path, mode_t mode, const char *bytes, size_t len, struct wd_error *err)
{
    char *beside = NULL;
    if (asprintf(&beside, "%s.%d.new", path, (int)getpid()) < 0)
        return wd_fail(err, WD_ERR_MEMORY, "%s: no memory", path);
    enum wd_status status = files_write_new(beside, mode, bytes, len, err);
    if (status == WD_OK && rename(beside, path) != 0) {
        status = system_failure(err, path);
        unlink(beside);
    }
    free(beside);
    return status;
}
