/* Whole files in and out, with limits. For this room and its commands. */
#ifndef WORKER_BUNDLE_FILES_H
#define WORKER_BUNDLE_FILES_H

#include <stddef.h>
#include <sys/types.h>

#include <warden/status.h>

/* *out is malloc'ed, with a NUL behind it that is not counted. WD_ERR_NOT_FOUND, WD_ERR_TOO_LARGE, WD_ERR_IO,
 * WD_ERR_MEMORY. */
enum wd_status files_read(const char *path, size_t most, char **out, size_t *len_out, struct wd_error *err);

/* Into a new file beside it, to the disk, and then in its place: never half a file. */
enum wd_status files_write(const char *path, mode_t mode, const char *bytes, size_t len, struct wd_error *err);

/* The same where nothing may be there yet. */
enum wd_status files_write_new(const char *path, mode_t mode, const char *bytes, size_t len, struct wd_error *err);

#endif
