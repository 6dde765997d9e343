/* Writes and checks manifests. Keys that are doubled or unknown are refused: what a person reads in it is what counts.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "worker/bundle/manifest.h"

enum { HEX = 65 };

static bool checksum(const struct archive_file *file, char *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(file->bytes ? file->bytes : "", file->len, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    for (int i = 0; i < 32; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[HEX - 1] = '\0';
    return true;
}

char *manifest_write(const struct bundle_about *about, const struct archive_file *files, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char sum[HEX];
        if (!checksum(&files[i], sum) ||
            json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "path", files[i].name, "size",
                                                  (json_int_t)files[i].len, "sha256", sum)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    json_t *manifest = json_pack("{s:i, s:s, s:s, s:s, s:o}", "format", BUNDLE_FORMAT, "id", about->id, "version",
                                 about->version, "digest", about->digest, "files", list);
    char *text = manifest ? json_dumps(manifest, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
    json_decref(manifest);
    return text;
}

static bool copy_text(const json_t *json, const char *key, char *out, size_t size)
{
    const json_t *value = json_object_get(json, key);
    const char *text = json_string_value(value);
    if (!text || !*text || json_string_length(value) >= size || strlen(text) != json_string_length(value))
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool is_hex(const char *text)
{
    return strlen(text) == HEX - 1 && strspn(text, "0123456789abcdef") == HEX - 1;
}

static enum wd_status read_about(const json_t *manifest, struct bundle_about *out, struct wd_error *err)
{
    if (json_integer_value(json_object_get(manifest, "format")) != BUNDLE_FORMAT)
        return wd_fail(err, WD_ERR_INVALID, "the manifest is not of format %d: a newer warden may read it",
                       BUNDLE_FORMAT);
    if (json_object_size(manifest) != 5 || !copy_text(manifest, "id", out->id, sizeof(out->id)) ||
        !copy_text(manifest, "version", out->version, sizeof(out->version)) ||
        !copy_text(manifest, "digest", out->digest, sizeof(out->digest)))
        return wd_fail(err, WD_ERR_INVALID, "the manifest has not exactly format, id, version, digest and files");
    if (!archive_name_is_safe(out->id) || strchr(out->id, '/') || !bundle_is_version(out->version) ||
        !is_hex(out->digest))
        return wd_fail(err, WD_ERR_INVALID, "the manifest's id, version or digest is none");
    return WD_OK;
}

static enum wd_status check_file(const json_t *entry, const struct archive_file *file, struct wd_error *err)
{
    char sum[HEX], listed[HEX], path[ARCHIVE_NAME_MAX + 1];
    if (json_object_size(entry) != 3 || !copy_text(entry, "path", path, sizeof(path)) ||
        !copy_text(entry, "sha256", listed, sizeof(listed)) || !json_is_integer(json_object_get(entry, "size")))
        return wd_fail(err, WD_ERR_INVALID, "an entry of the manifest has not exactly path, size and sha256");
    if (strcmp(path, file->name) != 0)
        return wd_fail(err, WD_ERR_INVALID, "the manifest lists '%s' where the archive has '%s'", path, file->name);
    if (!checksum(file, sum))
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    if (json_integer_value(json_object_get(entry, "size")) != (json_int_t)file->len || strcmp(sum, listed) != 0)
        return wd_fail(err, WD_ERR_INVALID, "'%s' is not the file that the manifest lists: it was changed", path);
    return WD_OK;
}

static enum wd_status check_files(const json_t *list, const struct archive_file *files, size_t count,
                                  struct wd_error *err)
{
    if (!json_is_array(list) || json_array_size(list) != count)
        return wd_fail(err, WD_ERR_INVALID, "the manifest lists %zu files, the archive has %zu", json_array_size(list),
                       count);
    for (size_t i = 0; i < count; i++) {
        enum wd_status status = check_file(json_array_get(list, i), &files[i], err);
        if (status != WD_OK)
            return status;
    }
    return WD_OK;
}

enum wd_status manifest_check(const char *bytes, size_t len, const struct archive_file *files, size_t count,
                              struct bundle_about *out, struct wd_error *err)
{
    json_error_t problem;
    json_t *manifest = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &problem);
    if (!manifest)
        return wd_fail(err, WD_ERR_INVALID, "the manifest is no JSON: line %d: %s", problem.line, problem.text);
    enum wd_status status = read_about(manifest, out, err);
    if (status == WD_OK && files)
        status = check_files(json_object_get(manifest, "files"), files, count, err);
    json_decref(manifest);
    return status;
}
