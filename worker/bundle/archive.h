/* A tar archive in memory, in one form only: ustar, regular files, sorted names, times and owners zero. The same files
 * give the same bytes on every machine, and the reader refuses every other form, so that no two programs can see
 * different files in one archive. */
#ifndef WORKER_BUNDLE_ARCHIVE_H
#define WORKER_BUNDLE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include <warden/status.h>

enum {
    ARCHIVE_NAME_MAX = 99, /* bytes */
    ARCHIVE_FILES_MAX = 4096,
    ARCHIVE_BYTES_MAX = 64 << 20,
};

struct archive_file {
    const char *name; /* relative, with '/' */
    const char *bytes;
    size_t len;
};

/* A name that means the same file everywhere: letters, digits, '.', '_', '-' in parts that do not begin with a dot. */
bool archive_name_is_safe(const char *name);

/* `files` sorted by name without doubles, names safe. *out is malloc'ed. WD_ERR_INVALID, WD_ERR_TOO_LARGE,
 * WD_ERR_MEMORY. */
enum wd_status archive_write(const struct archive_file *files, size_t count, char **out, size_t *len_out,
                             struct wd_error *err) WD_MUST_USE;

/* The reverse. *files_out is malloc'ed with its names; the contents point into `bytes`. WD_ERR_INVALID says which entry
 * is wrong and how. */
enum wd_status archive_read(const char *bytes, size_t len, struct archive_file **files_out, size_t *count_out,
                            struct wd_error *err) WD_MUST_USE;
/* free() for what archive_read() gave. */
void archive_files_free(struct archive_file *files);

#endif
