/* A bundle: rule files with a manifest in one archive, as teams publish it. The manifest names every file with its
 * SHA-256, the id and version, and the digest of what the rules mean. */
#ifndef WORKER_BUNDLE_BUNDLE_H
#define WORKER_BUNDLE_BUNDLE_H

#include <warden/diagnostics.h>

#include "worker/bundle/archive.h"

enum { BUNDLE_ID_MAX = 128, BUNDLE_VERSION_MAX = 64, BUNDLE_FORMAT = 1 };
#define BUNDLE_MANIFEST "manifest.json"

struct bundle_about {
    char id[BUNDLE_ID_MAX + 1];
    char version[BUNDLE_VERSION_MAX + 1]; /* semantic version */
    char digest[65];                      /* of the rules; "" where it is not known */
};

/* Collects every visible file of `folder` and what is below, loads the rules, runs their examples and writes the
 * archive. Where `about` has no id or version, they are those of the only set in it. *out is malloc'ed. Findings about
 * the rules go to `findings`. */
enum wd_status bundle_build(const char *folder, struct bundle_about *about, char **out, size_t *len_out,
                            struct wd_diagnostics *findings, struct wd_error *err) WD_MUST_USE;

struct bundle {
    struct bundle_about about;
    struct archive_file *files; /* all but the manifest; contents in the archive's bytes */
    size_t count;
    struct archive_file manifest;
};

/* Checks form, manifest and every checksum; the bytes must outlive the bundle. WD_ERR_INVALID says what is wrong. */
enum wd_status bundle_open(const char *bytes, size_t len, struct bundle *out, struct wd_error *err) WD_MUST_USE;
void bundle_close(struct bundle *bundle);

/* The manifest alone. */
enum wd_status bundle_read_manifest(const char *bytes, size_t len, struct bundle_about *out, struct wd_error *err);

/* Loads the rules of a folder, with the checks of lint where wanted, and runs their examples; fills what `about` lacks
 * and its digest. */
enum wd_status bundle_try_rules(const char *folder, bool lint, struct bundle_about *about,
                                struct wd_diagnostics *findings, struct wd_error *err);

/* Below 0: `a` is older than `b`. Versions as of semver.org. */
int bundle_compare_versions(const char *a, const char *b);
bool bundle_is_version(const char *text);

#endif
