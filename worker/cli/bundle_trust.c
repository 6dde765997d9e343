/* Keys and signatures for the commands about bundles. Neighbours: bundle_make.c, bundle_install.c. */
#include <stdlib.h>
#include <string.h>

#include "worker/bundle/files.h"
#include "worker/cli/bundle_trust.h"

static bool add_key(struct trust *trust, const char *text, size_t len, struct wd_error *err)
{
    if (trust->count == TRUST_KEYS_MAX) {
        wd_fail(err, WD_ERR_TOO_LARGE, "more than %d keys", TRUST_KEYS_MAX);
        return false;
    }
    if (minisign_read_public(text, len, &trust->keys[trust->count], err) != WD_OK)
        return false;
    trust->count++;
    return true;
}

/* A key itself, else the file that holds it. */
static bool add_given_key(struct trust *trust, const char *given, struct wd_error *err)
{
    char *text;
    size_t len;
    struct wd_error ignored;
    if (trust->count < TRUST_KEYS_MAX &&
        minisign_read_public(given, strlen(given), &trust->keys[trust->count], &ignored) == WD_OK) {
        trust->count++;
        return true;
    }
    if (files_read(given, MINISIGN_TEXT_MAX, &text, &len, err) != WD_OK)
        return false;
    bool fine = add_key(trust, text, len, err);
    free(text);
    return fine;
}

bool trust_load(const struct cli_arguments *arguments, const struct config *config, struct trust *out, int *code_out)
{
    struct wd_error err = {0};
    *out = (struct trust){0};
    for (char **key = config->rules.trusted_keys; key && *key; key++) {
        if (!add_key(out, *key, strlen(*key), &err)) {
            *code_out = cli_fail(arguments, EXIT_CONFIG, "rules.trusted_keys: '%s': %s", *key, err.text);
            return false;
        }
    }
    for (const char *const *key = cli_values(arguments, "key"); *key; key++) {
        if (!add_given_key(out, *key, &err)) {
            *code_out = cli_fail(arguments, EXIT_CONFIG, "--key %s: %s", *key, err.text);
            return false;
        }
    }
    return true;
}

int trust_fail(const struct cli_arguments *arguments, const struct wd_error *err)
{
    return cli_fail(arguments, err->status == WD_ERR_UNAVAILABLE ? EXIT_UNREACHABLE : EXIT_FINDINGS, "%s", err->text);
}

void trust_warn(const struct cli_arguments *arguments, const struct trust *trust)
{
    if (!trust->count)
        cli_fail(arguments, EXIT_FINE,
                 "no key is trusted, so nobody vouches for this bundle (rules.trusted_keys, --key)");
}

bool trust_read_signature(const struct cli_arguments *arguments, const char *bundle_path, char **out, size_t *len_out)
{
    char *path = NULL;
    struct wd_error err = {0};
    *out = NULL;
    *len_out = 0;
    if (asprintf(&path, "%s.minisig", bundle_path) < 0) {
        cli_fail(arguments, EXIT_FINDINGS, "no memory");
        return false;
    }
    enum wd_status status = files_read(path, SIGNATURE_BYTES_MAX, out, len_out, &err);
    free(path);
    if (status == WD_OK || status == WD_ERR_NOT_FOUND)
        return true;
    trust_fail(arguments, &err);
    return false;
}
