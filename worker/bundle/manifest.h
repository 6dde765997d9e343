/* The manifest of a bundle, as JSON. For bundle.c. */
#ifndef WORKER_BUNDLE_MANIFEST_H
#define WORKER_BUNDLE_MANIFEST_H

#include "worker/bundle/bundle.h"

/* malloc'ed, NUL-terminated; NULL: no memory. */
char *manifest_write(const struct bundle_about *about, const struct archive_file *files, size_t count);

/* `files` are all of the archive but the manifest, sorted by name: each must be listed once, with its length and
 * checksum, and nothing else. `files` NULL: only `about` is read. */
enum wd_status manifest_check(const char *bytes, size_t len, const struct archive_file *files, size_t count,
                              struct bundle_about *out, struct wd_error *err);

#endif
