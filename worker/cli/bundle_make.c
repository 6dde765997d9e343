/* `warden rules build`, `keygen`, `sign` and `verify`: bundles on the side of who publishes them. Neighbours:
 * worker/bundle. */
#include <stdlib.h>
#include <string.h>

#include "worker/bundle/files.h"
#include "worker/cli/bundle_trust.h"

static const char *only_operand(const struct cli_arguments *arguments, const char *what)
{
    if (cli_operand_count(arguments) == 1)
        return cli_operands(arguments)[0];
    cli_usage(arguments, "name one %s", what);
    return NULL;
}

/* ---- build ---- */

/* False after a complaint. */
static bool copy_option(const struct cli_arguments *arguments, const char *option, char *out, size_t size)
{
    const char *value = cli_value(arguments, option);
    if (value && strlen(value) >= size) {
        cli_usage(arguments, "--%s has more than %zu characters", option, size - 1);
        return false;
    }
    if (value)
        memcpy(out, value, strlen(value) + 1);
    return true;
}

static int write_bundle(const struct cli_arguments *arguments, const struct bundle_about *about, const char *bytes,
                        size_t len)
{
    char name[BUNDLE_ID_MAX + BUNDLE_VERSION_MAX + 8];
    struct wd_error err = {0};
    snprintf(name, sizeof(name), "%s-%s.tar", about->id, about->version);
    const char *path = cli_value(arguments, "output") ? cli_value(arguments, "output") : name;
    if (files_write(path, 0644, bytes, len, &err) != WD_OK)
        return trust_fail(arguments, &err);
    printf("%s: %s %s, digest %s\n", path, about->id, about->version, about->digest);
    return EXIT_FINE;
}

static int build(const struct cli_arguments *arguments)
{
    const char *folder = only_operand(arguments, "folder with rules");
    struct bundle_about about = {0};
    if (!folder || !copy_option(arguments, "id", about.id, sizeof(about.id)) ||
        !copy_option(arguments, "release", about.version, sizeof(about.version)))
        return EXIT_USAGE;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_error err = {0};
    char *bytes = NULL;
    size_t len = 0;
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    enum wd_status status = bundle_build(folder, &about, &bytes, &len, findings, &err);
    bool rules_are_wrong = wd_diagnostics_errors(findings) > 0;
    if (rules_are_wrong)
        wd_diagnostics_print(findings, stderr); /* warnings are lint's */
    wd_diagnostics_free(findings);
    if (status != WD_OK)
        return cli_fail(arguments, rules_are_wrong ? EXIT_CONFIG : EXIT_FINDINGS, "%s", err.text);
    int code = write_bundle(arguments, &about, bytes, len);
    free(bytes);
    return code;
}

/* ---- keys ---- */

static int keygen(const struct cli_arguments *arguments)
{
    const char *public_path = cli_value(arguments, "public"), *secret_path = cli_value(arguments, "secret");
    char public_text[MINISIGN_TEXT_MAX], secret_text[MINISIGN_TEXT_MAX];
    struct wd_error err = {0};
    if (!public_path || !secret_path)
        return cli_usage(arguments, "name both files: --secret FILE --public FILE");
    enum wd_status status = minisign_generate(public_text, secret_text, &err);
    if (status == WD_OK)
        status = files_write_new(secret_path, 0600, secret_text, strlen(secret_text), &err);
    explicit_bzero(secret_text, sizeof(secret_text));
    if (status == WD_OK)
        status = files_write_new(public_path, 0644, public_text, strlen(public_text), &err);
    if (status != WD_OK)
        return trust_fail(arguments, &err);
    printf("%s", public_text);
    return EXIT_FINE;
}

/* NULL after a complaint. Without the line's end. */
static char *read_password(const struct cli_arguments *arguments)
{
    char *password;
    size_t len;
    struct wd_error err = {0};
    if (files_read(cli_value(arguments, "password-file"), MINISIGN_TEXT_MAX, &password, &len, &err) != WD_OK) {
        trust_fail(arguments, &err);
        return NULL;
    }
    password[strcspn(password, "\r\n")] = '\0';
    return password;
}

static bool read_secret_key(const struct cli_arguments *arguments, struct minisign_secret *out)
{
    char *text = NULL, *password = NULL;
    size_t len = 0;
    struct wd_error err = {0};
    if (cli_has(arguments, "password-file") && !(password = read_password(arguments)))
        return false;
    enum wd_status status = files_read(cli_value(arguments, "secret"), MINISIGN_TEXT_MAX, &text, &len, &err);
    if (status == WD_OK)
        status = minisign_read_secret(text, len, password, out, &err);
    if (status != WD_OK)
        cli_fail(arguments, EXIT_FINDINGS, "%s: %s", cli_value(arguments, "secret"), err.text);
    if (text)
        explicit_bzero(text, len);
    if (password)
        explicit_bzero(password, strlen(password));
    free(text);
    free(password);
    return status == WD_OK;
}

/* ---- sign ---- */

/* Only what is a bundle is signed: the key vouches for rules, not for bytes. */
static enum wd_status make_signature(const struct minisign_secret *secret, const char *bytes, size_t len, char *out,
                                     struct wd_error *err)
{
    struct bundle bundle;
    char comment[MINISIGN_COMMENT_MAX + 1];
    enum wd_status status = bundle_open(bytes, len, &bundle, err);
    if (status != WD_OK)
        return status;
    snprintf(comment, sizeof(comment), "id=%s version=%s digest=%s", bundle.about.id, bundle.about.version,
             bundle.about.digest);
    bundle_close(&bundle);
    return minisign_sign(secret, bytes, len, comment, out, err);
}

static int sign(const struct cli_arguments *arguments)
{
    const char *path = only_operand(arguments, "bundle");
    struct minisign_secret secret;
    struct wd_error err = {0};
    char signature[MINISIGN_TEXT_MAX], *bytes = NULL, *signature_path = NULL;
    size_t len = 0;
    if (!path)
        return EXIT_USAGE;
    if (!cli_has(arguments, "secret"))
        return cli_usage(arguments, "name the secret key: --secret FILE");
    if (!read_secret_key(arguments, &secret))
        return EXIT_FINDINGS;
    enum wd_status status = files_read(path, ARCHIVE_BYTES_MAX, &bytes, &len, &err);
    if (status == WD_OK)
        status = make_signature(&secret, bytes, len, signature, &err);
    minisign_forget(&secret);
    free(bytes);
    if (status == WD_OK && asprintf(&signature_path, "%s.minisig", path) < 0)
        status = wd_fail(&err, WD_ERR_MEMORY, "no memory");
    if (status == WD_OK)
        status = files_write(signature_path, 0644, signature, strlen(signature), &err);
    if (status == WD_OK)
        printf("%s\n", signature_path);
    free(signature_path);
    return status == WD_OK ? EXIT_FINE : trust_fail(arguments, &err);
}

/* ---- verify ---- */

static int verify_with(const struct cli_arguments *arguments, const char *path, const struct trust *trust)
{
    struct install_source source = {.keys = trust->keys, .key_count = trust->count};
    struct wd_error err = {0};
    struct bundle bundle;
    char *bytes = NULL, *signature = NULL;
    if (!trust_read_signature(arguments, path, &signature, &source.signature_len))
        return EXIT_FINDINGS;
    source.signature = signature;
    enum wd_status status = files_read(path, ARCHIVE_BYTES_MAX, &bytes, &source.len, &err);
    source.bytes = bytes;
    if (status == WD_OK)
        status = install_check(&source, &bundle, &err);
    if (status == WD_OK) {
        trust_warn(arguments, trust);
        printf("%s %s, %zu files, digest %s: %s\n", bundle.about.id, bundle.about.version, bundle.count,
               bundle.about.digest, trust->count ? "signed by a trusted key" : "whole");
        bundle_close(&bundle);
    }
    free(signature);
    free(bytes);
    return status == WD_OK ? EXIT_FINE : trust_fail(arguments, &err);
}

static int verify(const struct cli_arguments *arguments)
{
    const char *path = only_operand(arguments, "bundle");
    struct trust trust;
    int code = EXIT_CONFIG;
    if (!path)
        return EXIT_USAGE;
    struct config *config = cli_load_config(arguments);
    if (config && trust_load(arguments, config, &trust, &code))
        code = verify_with(arguments, path, &trust);
    config_free(config);
    return code;
}

static const struct cli_option BUILD_OPTIONS[] = {
    {.name = "output", .letter = 'o', .argument = "FILE", .text = "The bundle to write; ID-VERSION.tar unless given."},
    {.name = "id", .argument = "ID", .text = "The bundle's id; that of the rule set unless given."},
    {.name = "release", .argument = "VERSION", .text = "The bundle's version; that of the rule set unless given."},
    {0},
};

const struct cli_command command_rules_build = {
    .name = "rules build",
    .operands = "FOLDER",
    .summary = "pack rule sets into a bundle",
    .text = "Loads the rules, runs their examples, and packs every visible file of the folder with a manifest of "
            "checksums. The same files give the same bytes.",
    .options = BUILD_OPTIONS,
    .run = build,
};

static const struct cli_option KEYGEN_OPTIONS[] = {
    {.name = "secret",
     .argument = "FILE",
     .text = "The new secret key. It is not encrypted: keep it where secrets are kept."},
    {.name = "public", .argument = "FILE", .text = "The new public key."},
    {0},
};

const struct cli_command command_rules_keygen = {
    .name = "rules keygen",
    .summary = "make a pair of keys for bundles",
    .text = "The files are those of minisign, which can make them as well: minisign -G. Nothing is written over.",
    .options = KEYGEN_OPTIONS,
    .run = keygen,
};

static const struct cli_option SIGN_OPTIONS[] = {
    {.name = "secret", .argument = "FILE", .text = "The secret key, as `warden rules keygen` or minisign makes it."},
    {.name = "password-file", .argument = "FILE", .text = "The file with the password of an encrypted key."},
    {0},
};

const struct cli_command command_rules_sign = {
    .name = "rules sign",
    .operands = "BUNDLE",
    .summary = "sign a bundle",
    .text = "Writes BUNDLE.minisig, which minisign can verify.",
    .options = SIGN_OPTIONS,
    .run = sign,
};

static const struct cli_option VERIFY_OPTIONS[] = {
    CLI_KEY_OPTION,
    CLI_CONFIG_OPTIONS,
    {0},
};

const struct cli_command command_rules_verify = {
    .name = "rules verify",
    .operands = "BUNDLE",
    .summary = "check a bundle and its signature",
    .text = "Reads BUNDLE.minisig beside it. Exits with 1 where anything is wrong, and, once a key is trusted, where "
            "there is no signature by one.",
    .options = VERIFY_OPTIONS,
    .run = verify,
};
