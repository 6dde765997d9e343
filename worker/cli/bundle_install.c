/* `warden rules install` and `warden rules pull`: bundles on the side of who uses them. Neighbours: worker/bundle,
 * worker/platform/fetch.c. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "worker/bundle/files.h"
#include "worker/cli/bundle_trust.h"
#include "worker/platform/fetch.h"

enum { FETCH_TIMEOUT_S = 300, KEPT_VERSIONS = 3 };

/* A bundle with its signature, both malloc'ed. */
struct parcel {
    char *bytes, *signature;
    size_t len, signature_len;
};

static void parcel_fini(struct parcel *parcel)
{
    free(parcel->bytes);
    free(parcel->signature);
    *parcel = (struct parcel){0};
}

static struct install_source source_of(const struct parcel *parcel, const struct trust *trust)
{
    return (struct install_source){.bytes = parcel->bytes,
                                   .len = parcel->len,
                                   .signature = parcel->signature,
                                   .signature_len = parcel->signature_len,
                                   .keys = trust->keys,
                                   .key_count = trust->count};
}

/* ---- where it comes from; each returns an exit code ---- */

static int read_parcel(const struct cli_arguments *arguments, const char *path, struct parcel *out)
{
    struct wd_error err = {0};
    if (!trust_read_signature(arguments, path, &out->signature, &out->signature_len))
        return EXIT_FINDINGS;
    if (files_read(path, ARCHIVE_BYTES_MAX, &out->bytes, &out->len, &err) == WD_OK)
        return EXIT_FINE;
    return trust_fail(arguments, &err);
}

/* The signature first: a bundle without one is not even asked for where one is needed. */
static int fetch_parcel(const struct cli_arguments *arguments, const struct config *config, const char *url,
                        struct parcel *out)
{
    struct fetch_options options = {.ca_file = cli_value(arguments, "ca-file"),
                                    .proxy = config->platform.proxy,
                                    .max_bytes = SIGNATURE_BYTES_MAX,
                                    .timeout_s = FETCH_TIMEOUT_S};
    char *signature_url = NULL;
    struct wd_error err = {0};
    if (asprintf(&signature_url, "%s.minisig", url) < 0)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    enum wd_status status = fetch_file(signature_url, &options, &out->signature, &out->signature_len, &err);
    free(signature_url);
    options.max_bytes = ARCHIVE_BYTES_MAX;
    if (status == WD_OK || status == WD_ERR_NOT_FOUND)
        status = fetch_file(url, &options, &out->bytes, &out->len, &err);
    return status == WD_OK ? EXIT_FINE : trust_fail(arguments, &err);
}

static bool is_bundle_name(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".tar") == 0;
}

/* Takes `candidate` where it is right and newer than `best`. */
static void consider(const struct cli_arguments *arguments, const char *path, const struct trust *trust,
                     struct parcel *candidate, struct parcel *best, char *best_version)
{
    const struct install_source source = source_of(candidate, trust);
    struct bundle bundle;
    struct wd_error err = {0};
    if (install_check(&source, &bundle, &err) != WD_OK) {
        cli_fail(arguments, EXIT_FINDINGS, "%s is left out: %s", path, err.text);
        return;
    }
    if (!best->bytes || bundle_compare_versions(bundle.about.version, best_version) > 0) {
        snprintf(best_version, BUNDLE_VERSION_MAX + 1, "%s", bundle.about.version);
        parcel_fini(best);
        *best = *candidate;
        *candidate = (struct parcel){0};
    }
    bundle_close(&bundle);
}

/* The newest of a folder that is right. */
static int choose_parcel(const struct cli_arguments *arguments, const char *folder, const struct trust *trust,
                         struct parcel *out)
{
    char version[BUNDLE_VERSION_MAX + 1] = "";
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        struct parcel candidate = {0};
        char *path = NULL;
        if (is_bundle_name(entries[i]->d_name) && asprintf(&path, "%s/%s", folder, entries[i]->d_name) >= 0 &&
            read_parcel(arguments, path, &candidate) == EXIT_FINE)
            consider(arguments, path, trust, &candidate, out, version);
        parcel_fini(&candidate);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return out->bytes ? EXIT_FINE : cli_fail(arguments, EXIT_FINDINGS, "%s: there is no bundle to install", folder);
}

static int get_parcel(const struct cli_arguments *arguments, const struct config *config, const struct trust *trust,
                      const char *source, bool anywhere, struct parcel *out)
{
    struct stat info;
    if (anywhere && strstr(source, "://"))
        return fetch_parcel(arguments, config, source, out);
    if (anywhere && stat(source, &info) == 0 && S_ISDIR(info.st_mode))
        return choose_parcel(arguments, source, trust, out);
    return read_parcel(arguments, source, out);
}

/* ---- the commands ---- */

static int install_parcel(const struct cli_arguments *arguments, const struct trust *trust, const struct parcel *parcel,
                          size_t keep)
{
    const char *into = cli_value(arguments, "into");
    const struct install_target target = {.into = into, .force = cli_has(arguments, "force"), .keep = keep - 1};
    const struct install_source source = source_of(parcel, trust);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_error err = {0};
    struct bundle_about about = {0};
    enum install_result result;
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    trust_warn(arguments, trust);
    enum wd_status status = install_bundle(&source, &target, &result, &about, findings, &err);
    bool rules_are_wrong = wd_diagnostics_errors(findings) > 0;
    if (rules_are_wrong)
        wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    if (status != WD_OK)
        return cli_fail(arguments, rules_are_wrong ? EXIT_CONFIG : EXIT_FINDINGS, "%s", err.text);
    printf("%s %s %s: rules.paths: [%s/%s]\n", about.id, about.version,
           result == INSTALL_DONE ? "is installed" : "was installed already", into, about.id);
    return EXIT_FINE;
}

static int install_from(const struct cli_arguments *arguments, bool anywhere)
{
    struct parcel parcel = {0};
    struct trust trust;
    int code = EXIT_CONFIG;
    if (cli_operand_count(arguments) != 1)
        return cli_usage(arguments, "name one %s", anywhere ? "file, folder or URL" : "bundle");
    if (!cli_has(arguments, "into"))
        return cli_usage(arguments, "say where to: --into FOLDER");
    long long keep;
    if (!cli_number(arguments, "keep", 1, 1000, KEPT_VERSIONS, &keep))
        return EXIT_USAGE;
    struct config *config = cli_load_config(arguments);
    if (config && trust_load(arguments, config, &trust, &code)) {
        code = get_parcel(arguments, config, &trust, cli_operands(arguments)[0], anywhere, &parcel);
        if (code == EXIT_FINE)
            code = install_parcel(arguments, &trust, &parcel, (size_t)keep);
    }
    parcel_fini(&parcel);
    config_free(config);
    return code;
}

static int install(const struct cli_arguments *arguments)
{
    return install_from(arguments, false);
}

static int pull(const struct cli_arguments *arguments)
{
    return install_from(arguments, true);
}

#define INTO_OPTION                                                                                                    \
    {.name = "into", .argument = "FOLDER", .text = "Where bundles are installed; rules.paths then names FOLDER/ID."},  \
        {.name = "keep",                                                                                               \
         .argument = "COUNT",                                                                                          \
         .text = "So many earlier versions stay on the disk to go back to: 3 if not given, at least the one before."}, \
    {                                                                                                                  \
        .name = "force", .text = "Install an older version, too, or other contents of the same version."               \
    }

static const struct cli_option INSTALL_OPTIONS[] = {INTO_OPTION, CLI_KEY_OPTION, CLI_CONFIG_OPTIONS, {0}};

const struct cli_command command_rules_install = {
    .name = "rules install",
    .operands = "BUNDLE",
    .summary = "install a bundle",
    .text =
        "Checks signature and manifest, unpacks beside, loads the rules and runs their examples; only then the link "
        "FOLDER/ID points at them. On any failure what was installed stays. A running worker sees the change by "
        "itself.",
    .options = INSTALL_OPTIONS,
    .run = install,
};

static const struct cli_option PULL_OPTIONS[] = {
    INTO_OPTION,
    CLI_KEY_OPTION,
    {.name = "ca-file", .argument = "FILE", .text = "Certificates (PEM) to trust in place of the system's."},
    CLI_CONFIG_OPTIONS,
    {0},
};

const struct cli_command command_rules_pull = {
    .name = "rules pull",
    .operands = "SOURCE",
    .summary = "get a bundle and install it",
    .text = "SOURCE is https://..., a file, or a folder, of which the newest bundle is taken. The signature is "
            "SOURCE.minisig. "
            "Exits with 69 where the source cannot be reached: what was installed stays.",
    .options = PULL_OPTIONS,
    .run = pull,
};
