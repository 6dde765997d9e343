/* Which store the configuration asks for. Neighbours: run.c opens it for the shards, cli/state.c for its commands. */
#ifndef WORKER_STATE_CHOICE_H
#define WORKER_STATE_CHOICE_H

#include <warden/ruleset.h>

#include "worker/config.h"
#include "worker/state/state.h"

/* Texts stay the configuration's. */
struct state_options state_options_of(const struct config *config, enum state_kind kind);
/* As `state.store` says; auto is lmdb. */
enum state_kind state_kind_asked(const struct config *config);

/* The store for a worker with these rules; *out NULL: none. Logs which and why. */
enum wd_status state_choose(const struct config *config, const struct wd_ruleset *rules, struct state_share **out,
                            struct wd_error *err);

#endif
