/* What the commands on remembered values share. */
#ifndef WORKER_CLI_STATE_H
#define WORKER_CLI_STATE_H

#include "worker/cli/commands.h"
#include "worker/state_choice.h"

struct cli_state {
    const struct cli_arguments *arguments;
    struct config *config;
    struct wd_ruleset *rules; /* NULL where the command asks for none */
    struct state_share *share;
    struct loop *loop;
    struct state_store *store;
};

#define CLI_STATE_OPTIONS CLI_CONFIG_OPTIONS, CLI_RULES_OPTION

/* Opens the store of the configuration. An exit code: EXIT_FINE where it is open; cli_state_close() in any case. */
int cli_state_open(const struct cli_arguments *arguments, bool read_only, bool with_rules, struct cli_state *state);
void cli_state_close(struct cli_state *state);
/* Says what failed. */
int cli_state_fail(const struct cli_state *state, const struct wd_error *err);
/* The key of an author: a:USER, or its digest where that is too long. */
struct wd_str cli_author_key(const char *user, char room[201]);

/* state_lines.c: base64, malloc'ed; NULL: no memory, or it is none. */
char *base64_text(const unsigned char *bytes, size_t len);
unsigned char *base64_bytes(const char *text, size_t *len_out);

#endif
