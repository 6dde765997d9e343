/* Whose signatures count, for the commands about bundles. */
#ifndef WORKER_CLI_BUNDLE_TRUST_H
#define WORKER_CLI_BUNDLE_TRUST_H

#include "worker/bundle/install.h"
#include "worker/cli/commands.h"

#define CLI_KEY_OPTION                                                                                                 \
    {                                                                                                                  \
        .name = "key", .letter = 'k', .argument = "KEY",                                                               \
        .text = "A public key of minisign's, as its file or as text (RWQ...), that is trusted beside those of "        \
                "rules.trusted_keys; may be given several times."                                                      \
    }

struct trust {
    struct minisign_public keys[TRUST_KEYS_MAX];
    size_t count;
};

/* The keys of the configuration and of --key. False after a complaint; *code_out is then the exit code. */
bool trust_load(const struct cli_arguments *arguments, const struct config *config, struct trust *out, int *code_out);

/* The exit code for a failure, which is printed. */
int trust_fail(const struct cli_arguments *arguments, const struct wd_error *err);

/* Says on stderr that nobody vouches, where there are no keys. */
void trust_warn(const struct cli_arguments *arguments, const struct trust *trust);

/* The signature of "x.tar" is "x.tar.minisig", as minisign names it. *out malloc'ed, NULL where there is none. False
 * after a complaint. */
bool trust_read_signature(const struct cli_arguments *arguments, const char *bundle_path, char **out, size_t *len_out);

#endif
