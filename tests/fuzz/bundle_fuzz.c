/* Bundles, manifests, keys and signatures as a stranger may send them. The first byte says what the rest is. Beside not
 * crashing: an archive that is accepted is written again byte by byte, and no signature is right for a key that never
 * signed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/bundle/manifest.h"
#include "worker/bundle/minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_at(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "bundle_fuzz.c:%d: a promise is broken\n", line);
    abort();
}
#define require(holds) require_at(holds, __LINE__)

static void try_archive(const char *bytes, size_t len)
{
    struct archive_file *files;
    size_t count, written_len;
    struct wd_error err;
    if (archive_read(bytes, len, &files, &count, &err) != WD_OK)
        return;
    char *written;
    enum wd_status status = archive_write(files, count, &written, &written_len, &err);
    require(status == WD_OK && written_len == len && memcmp(written, bytes, len) == 0);
    free(written);
    for (size_t i = 0; i < count; i++)
        require(archive_name_is_safe(files[i].name) && !strstr(files[i].name, ".."));
    archive_files_free(files);
}

static void try_manifest(const char *bytes, size_t len)
{
    static const struct archive_file FILES[] = {{.name = "a.yaml", .bytes = "a: 1\n", .len = 5}};
    struct bundle_about about;
    struct wd_error err;
    if (manifest_check(bytes, len, NULL, 0, &about, &err) == WD_OK)
        require(bundle_is_version(about.version) && bundle_compare_versions(about.version, about.version) == 0);
    if (manifest_check(bytes, len, FILES, 1, &about, &err) != WD_OK)
        return;
    char *again = manifest_write(&about, FILES, 1);
    require(again && manifest_check(again, strlen(again), FILES, 1, &about, &err) == WD_OK);
    free(again);
}

static void try_keys(const char *bytes, size_t len)
{
    struct minisign_public public;
    struct minisign_secret secret;
    struct wd_error err;
    (void)minisign_read_public(bytes, len, &public, &err);
    if (minisign_read_secret(bytes, len, NULL, &secret, &err) == WD_OK)
        minisign_forget(&secret);
}

static void try_signature(const char *bytes, size_t len)
{
    static const struct minisign_public NOBODY = {.id = {1, 2, 3, 4, 5, 6, 7, 8}};
    char comment[MINISIGN_COMMENT_MAX + 1];
    struct wd_error err;
    enum wd_status status = minisign_verify(&NOBODY, 1, "rules", 5, bytes, len, comment, &err);
    require(status == WD_ERR_INVALID || status == WD_ERR_REFUSED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const TRIES[])(const char *, size_t) = {try_archive, try_manifest, try_keys, try_signature};
    if (!size)
        return 0;
    char *bytes = malloc(size); /* without the NUL that nobody may rely on */
    if (!bytes)
        return 0;
    memcpy(bytes, data + 1, size - 1);
    TRIES[data[0] % 4](bytes, size - 1);
    free(bytes);
    return 0;
}
