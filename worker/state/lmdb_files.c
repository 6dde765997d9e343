/* The files that the segments of the log lie in, one behind the other. A segment is written and on the disk before the
 * transaction that names it in the environment is committed, and its file goes after the one that takes the last name
 * away: so what the environment names is there, whole, and what it does not name is nothing. (Large values within the
 * environment itself cost three copies and three times the processor.) Files are never changed where something that is
 * named lies, so whoever has them open sees what its view names, also once they are removed. Neighbours: lmdb_flush.c
 * appends, lmdb_load.c opens what is there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/state/lmdb.h"

enum { NAME_MOST = 4096 };
static const uint64_t FILE_LEAST = UINT64_C(256) << 10, FILE_MOST = UINT64_C(256) << 20;

static struct log_file *file_of(const struct lmdb_files *files, uint64_t number)
{
    return &files->files[number % LOG_FILES];
}

static void name_file(const struct lmdb *lmdb, uint64_t number, char name[NAME_MOST])
{
    snprintf(name, NAME_MOST, "%s/log-%010llu", lmdb->path, (unsigned long long)number);
}

static void close_file(struct log_file *file)
{
    if (file->map)
        munmap((void *)file->map, file->mapped);
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct log_file){.fd = -1};
}

bool lmdb_files_init(struct lmdb *lmdb)
{
    struct lmdb_files *files = &lmdb->files;
    uint64_t bytes = lmdb->max_bytes / 64;
    files->file_bytes = bytes < FILE_LEAST ? FILE_LEAST : bytes > FILE_MOST ? FILE_MOST : bytes;
    files->first = files->next = 1;
    files->files = calloc(LOG_FILES, sizeof(*files->files));
    return files->files != NULL;
}

void lmdb_files_fini(struct lmdb *lmdb)
{
    struct lmdb_files *files = &lmdb->files;
    for (uint64_t number = files->first; files->files && number < files->next; number++)
        if (file_of(files, number)->number == number)
            close_file(file_of(files, number));
    free(files->files);
}

/* ---- opening ---- */

static int map_file(struct lmdb *lmdb, struct log_file *file, uint64_t bytes)
{
    file->mapped = bytes < lmdb->files.file_bytes ? lmdb->files.file_bytes : bytes;
    void *map = mmap(NULL, file->mapped, PROT_READ, MAP_SHARED, file->fd, 0);
    if (map == MAP_FAILED)
        return errno;
    (void)madvise(map, file->mapped, MADV_RANDOM); /* what is read in order is asked for */
    file->map = map;
    return 0;
}

static int open_file(struct lmdb *lmdb, uint64_t number, int flags, uint64_t bytes)
{
    char name[NAME_MOST];
    struct log_file *file = file_of(&lmdb->files, number);
    if (file->number && file->number != number)
        return MDB_MAP_FULL; /* more files than are told apart */
    name_file(lmdb, number, name);
    *file = (struct log_file){.number = number, .fd = open(name, flags | O_CLOEXEC, 0600)};
    int code = file->fd < 0 ? errno : map_file(lmdb, file, bytes);
    if (code)
        close_file(file);
    return code;
}

/* A name of a file is on the disk when its folder is. */
static int sync_folder(const struct lmdb *lmdb)
{
    int fd = open(lmdb->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return code;
}

int lmdb_files_take(struct lmdb *lmdb, uint64_t segment, const struct log_row *row, bool read_only)
{
    struct lmdb_files *files = &lmdb->files;
    struct log_file *file = file_of(files, row->file);
    if (file->number != row->file) {
        struct stat status;
        int flags = read_only ? O_RDONLY : O_RDWR, code = open_file(lmdb, row->file, flags, 0);
        if (!code && fstat(file->fd, &status) != 0)
            code = errno;
        if (!code && (uint64_t)status.st_size > file->mapped) {
            munmap((void *)file->map, file->mapped);
            file->map = NULL;
            code = map_file(lmdb, file, (uint64_t)status.st_size);
        }
        if (code)
            return code;
        file->there = (uint64_t)status.st_size;
        files->first = files->next == 1 ? row->file : files->first;
        files->next = row->file + 1;
    }
    if (row->offset > file->there || row->len > file->there - row->offset)
        return MDB_CORRUPTED;
    if (row->offset + row->len > file->used) {
        files->bytes += row->offset + row->len - file->used;
        file->used = file->end = row->offset + row->len;
    }
    file->next_segment = segment + 1;
    return 0;
}

/* 0: it is none. */
static uint64_t number_of_file(const char *name)
{
    char *end = NULL;
    if (strncmp(name, "log-", 4) != 0)
        return 0;
    uint64_t number = strtoull(name + 4, &end, 10);
    return *end ? 0 : number;
}

int lmdb_files_remove_strays(struct lmdb *lmdb)
{
    DIR *folder = opendir(lmdb->path);
    char name[NAME_MOST];
    if (!folder)
        return errno;
    for (struct dirent *entry; (entry = readdir(folder));) {
        uint64_t number = number_of_file(entry->d_name);
        if (!number || file_of(&lmdb->files, number)->number == number)
            continue;
        name_file(lmdb, number, name);
        (void)unlink(name);
    }
    closedir(folder);
    return 0;
}

const unsigned char *lmdb_files_bytes(const struct lmdb *lmdb, const struct log_row *row)
{
    const struct log_file *file = file_of(&lmdb->files, row->file);
    return file->number == row->file && file->map && row->offset + row->len <= file->mapped ? file->map + row->offset
                                                                                            : NULL;
}

void lmdb_files_ask_for(const struct lmdb *lmdb, const struct log_row *row, uint64_t bytes)
{
    const unsigned char *at = lmdb_files_bytes(lmdb, row);
    if (!at)
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = (uintptr_t)at + row->len;
    uintptr_t begin = (bytes < row->len ? end - bytes : (uintptr_t)at) & ~(page - 1);
    (void)madvise((void *)begin, end - begin, MADV_WILLNEED); /* NOLINT(performance-no-int-to-ptr) */
}

/* ---- appending ---- */

static int write_whole(int fd, const unsigned char *bytes, size_t len, uint64_t offset)
{
    while (len) {
        ssize_t wrote = pwrite(fd, bytes, len, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? errno : EIO;
        bytes += wrote;
        len -= (size_t)wrote;
        offset += (uint64_t)wrote;
    }
    return 0;
}

static int sync_file(struct log_file *file)
{
    int code = file->is_written && fdatasync(file->fd) != 0 ? errno : 0;
    file->is_written = file->is_written && code;
    return code;
}

/* The file that the next segment goes to. */
static int file_for(struct lmdb *lmdb, size_t bytes, struct log_file **out)
{
    struct lmdb_files *files = &lmdb->files;
    struct log_file *file = files->next > files->first ? file_of(files, files->next - 1) : NULL;
    int code = 0;
    *out = file;
    if (file && (!file->end || file->end + bytes <= files->file_bytes) && file->end + bytes <= file->mapped)
        return 0;
    if (file)
        code = sync_file(file);
    if (!code)
        code = open_file(lmdb, files->next, O_RDWR | O_CREAT | O_TRUNC, bytes);
    if (!code)
        code = sync_folder(lmdb);
    if (!code)
        *out = file_of(files, files->next++);
    return code;
}

int lmdb_files_append(struct lmdb *lmdb, const struct segment *segment, struct log_row *row_out)
{
    struct log_file *file;
    if (lmdb_bytes(lmdb) + lmdb->files.appended + segment->used > lmdb->max_bytes)
        return MDB_MAP_FULL;
    int code = file_for(lmdb, segment->used, &file);
    if (!code)
        code = write_whole(file->fd, segment->bytes, segment->used, file->end);
    if (code)
        return code;
    *row_out = (struct log_row){.file = file->number, .offset = file->end, .len = segment->used};
    file->end += segment->used;
    file->is_written = true;
    lmdb->files.appended += segment->used;
    return 0;
}

int lmdb_files_sync(struct lmdb *lmdb)
{
    struct lmdb_files *files = &lmdb->files;
    return files->next > files->first ? sync_file(file_of(files, files->next - 1)) : 0;
}

void lmdb_files_end(struct lmdb *lmdb, bool is_committed, uint64_t next_segment)
{
    struct lmdb_files *files = &lmdb->files;
    for (uint64_t number = files->first; number < files->next; number++) {
        struct log_file *file = file_of(files, number);
        if (file->end == file->used)
            continue;
        if (is_committed) {
            files->bytes += file->end - file->used;
            file->used = file->end;
            file->next_segment = next_segment;
        }
        file->end = file->used; /* what was not committed is written over */
    }
    files->appended = 0;
}

void lmdb_files_drop(struct lmdb *lmdb, uint64_t clean_to)
{
    struct lmdb_files *files = &lmdb->files;
    char name[NAME_MOST];
    while (files->first + 1 < files->next) {
        struct log_file *file = file_of(files, files->first);
        if (file->number == files->first && file->next_segment > clean_to)
            break;
        if (file->number == files->first) {
            name_file(lmdb, files->first, name);
            (void)unlink(name);
            files->bytes -= file->used;
            close_file(file);
        }
        files->first++;
    }
}
