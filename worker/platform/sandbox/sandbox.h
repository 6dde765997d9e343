/* A stand-in for the Social+ API over real HTTP, with state, faults and a log of every call (docs/sandbox.md). It runs
 * on a thread of its own; every function here may be called from any thread. */
#ifndef WORKER_PLATFORM_SANDBOX_H
#define WORKER_PLATFORM_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>

struct sandbox;

/* Zero is a good value for every field but `token`. Strings are copied. */
struct sandbox_options {
    const char *address;     /* numeric; NULL: "127.0.0.1". Elsewhere than on loopback the calls under /__sandbox/ are
                                still answered to loopback only (webhooks and health apart) */
    uint16_t port;           /* 0: any free one */
    const char *token;       /* the admin token that it accepts; required */
    const char *api_key;     /* for POST /api/v4/sessions and global bans; NULL: none is accepted */
    size_t log_limit;        /* calls kept in the log, oldest dropped first; 0: 500,000 */
    size_t log_body_limit;   /* bytes of each body kept in the log; 0: 2,048 */
    size_t max_connections;  /* 0: 8,192 */
    uint32_t latency_min_ms; /* every API answer is held back for a time from this range */
    uint32_t latency_max_ms; /* below latency_min_ms: the same as it */
    uint64_t seed;           /* of everything random; 0: 1 */
    bool strict_objects;     /* ids that nobody created or seeded are 404; otherwise they come into being when named */
    const char *faults;      /* JSON as for POST /__sandbox/faults; NULL: none */
};

/* WD_ERR_INVALID: an option or the faults; WD_ERR_IO: the address is taken or may not be used. */
struct sandbox *sandbox_start(const struct sandbox_options *options, struct wd_error *err);
uint16_t sandbox_port(const struct sandbox *sandbox);
/* Ends open connections and frees everything. NULL is fine. */
void sandbox_stop(struct sandbox *sandbox);

/* How many moderation calls were carried out (not refused, not 'already'), whether or not the answer got through, by
 * action name as in wd_action_kind_name; 0 for a name that it does not know. */
uint64_t sandbox_carried_out(const struct sandbox *sandbox, const char *action);

/* What became of every API and webhook call so far. received = the sum of the other four. */
struct sandbox_counts {
    uint64_t received;
    uint64_t done;    /* carried out or read, and answered so */
    uint64_t already; /* answered that it was so before */
    uint64_t refused; /* token, permission, path, method, body, missing object */
    uint64_t faulted; /* answered by a fault, whether or not it was carried out as well */
};
struct sandbox_counts sandbox_counts(const struct sandbox *sandbox);

/* Replaces all faults by those in `json` (docs/sandbox.md); NULL or "[]" clears them and lets hanging calls go.
 * WD_ERR_INVALID says what is wrong; the faults in force then stay. */
enum wd_status sandbox_faults_set(struct sandbox *sandbox, const char *json, struct wd_error *err);

/* Tokens besides the first, and what happens to tokens in real life. `name` stands for the token in the log. */
enum wd_status sandbox_token_add(struct sandbox *sandbox, const char *name, const char *token, struct wd_error *err);
/* Names the token to end by its name ("admin" is the first); it is refused `grace_ms` from now (0: at once). */
enum wd_status sandbox_token_revoke(struct sandbox *sandbox, const char *name, int64_t grace_ms, struct wd_error *err);

#endif
