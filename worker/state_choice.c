/* See state_choice.h. */
#include "worker/state_choice.h"

#include <string.h>

#include "worker/log.h"
#include "worker/valves.h"

struct state_options state_options_of(const struct config *config, enum state_kind kind)
{
    bool is_memory = kind == STATE_MEMORY;
    return (struct state_options){.kind = kind,
                                  .path = config->state.path,
                                  .max_bytes =
                                      (uint64_t)(is_memory ? config->state.memory_bytes : config->state.max_bytes),
                                  .cache_bytes = (uint64_t)config->state.memory_bytes,
                                  .grace_ms = config->state.grace_ms,
                                  .addresses = config->state.addresses,
                                  .user = config->state.user,
                                  .password_file = config->state.password_file,
                                  .prefix = config->state.prefix,
                                  .tls = config->state.tls,
                                  .ca_file = config->state.ca_file,
                                  .cert_file = config->state.cert_file,
                                  .key_file = config->state.key_file,
                                  .timeout_ms = config->state.timeout_ms};
}

enum state_kind state_kind_asked(const struct config *config)
{
    static const enum state_kind KINDS[] = {STATE_NONE, STATE_MEMORY, STATE_LMDB, STATE_REDIS};
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++)
        if (strcmp(config->state.store, state_kind_name(KINDS[i])) == 0)
            return KINDS[i];
    return STATE_LMDB;
}

static enum wd_status open_kind(const struct config *config, enum state_kind kind, struct state_share **out,
                                struct wd_error *err)
{
    struct state_options options = state_options_of(config, kind);
    enum wd_status status = state_share_open(&options, out, err);
    if (status == WD_OK)
        log_write(LOG_INFO, "state", "what rules remember is kept here", LOG_STR("store", state_kind_name(kind)),
                  LOG_STR("path", kind == STATE_LMDB ? config->state.path : ""), LOG_END);
    return status;
}

/* lmdb, and memory where that cannot be; but never beside another worker that has the folder. */
static enum wd_status open_best(const struct config *config, struct state_share **out, struct wd_error *err)
{
    struct wd_error why = {0};
    enum wd_status status = open_kind(config, STATE_LMDB, out, &why);
    if (status == WD_OK)
        return WD_OK;
    if (status == WD_ERR_UNAVAILABLE || status == WD_ERR_MEMORY) {
        *err = why;
        return status;
    }
    log_write(LOG_WARN, "state-in-memory",
              "state.store: auto cannot use lmdb, so what rules remember ends with the process: set state.path to a "
              "folder that can be written, or state.store to memory or redis",
              LOG_STR("error", why.text), LOG_END);
    return open_kind(config, STATE_MEMORY, out, err);
}

enum wd_status state_choose(const struct config *config, const struct wd_ruleset *rules, struct state_share **out,
                            struct wd_error *err)
{
    bool is_auto = strcmp(config->state.store, "auto") == 0;
    enum state_kind kind = state_kind_asked(config);
    *out = NULL;
    if (is_auto && wd_ruleset_remembers(rules))
        return open_best(config, out, err);
    if (is_auto || kind == STATE_NONE) {
        /* valves count, all the same */
        return valves_are_set(config) ? open_kind(config, STATE_MEMORY, out, err) : WD_OK;
    }
    return open_kind(config, kind, out, err);
}
