/* Bundles onto the disk: only what a trusted key vouches for, whole or not at all. Under a folder INTO stand the link
 * ID, which rules.paths names, and the unpacked versions in .bundles; of what was installed before, the last stay. */
#ifndef WORKER_BUNDLE_INSTALL_H
#define WORKER_BUNDLE_INSTALL_H

#include "worker/bundle/bundle.h"
#include "worker/bundle/minisign.h"

enum { TRUST_KEYS_MAX = 64, SIGNATURE_BYTES_MAX = MINISIGN_TEXT_MAX };

/* The bytes of a bundle and of its signature file (NULL: it has none), and who may sign. */
struct install_source {
    const char *bytes, *signature;
    size_t len, signature_len;
    const struct minisign_public *keys;
    size_t key_count; /* 0: nobody is trusted, so signatures say nothing and are not asked for */
};

/* Signature first, then form, manifest and checksums. WD_ERR_REFUSED: not signed, or not by a trusted key. */
enum wd_status install_check(const struct install_source *source, struct bundle *out, struct wd_error *err) WD_MUST_USE;

struct install_target {
    const char *into;
    bool force;  /* an older version, or other contents of the same, too */
    size_t keep; /* so many earlier versions stay beside the installed one and the one before it */
};

enum install_result { INSTALL_DONE, INSTALL_WAS_THERE };

/* Unpacks beside, loads the rules, runs their examples, and only then points the link at them. An older version than
 * the one that is installed, or other contents under the same version, is WD_ERR_REFUSED without target->force. On any
 * failure what was installed stays as it is; after a success old versions are removed. *about_out is filled once the
 * bundle is known to be right. */
enum wd_status install_bundle(const struct install_source *source, const struct install_target *target,
                              enum install_result *result_out, struct bundle_about *about_out,
                              struct wd_diagnostics *findings, struct wd_error *err) WD_MUST_USE;

#endif
