/* A stand-in for the Social+ API over real HTTP on loopback, with state, faults and a log of every call. It runs on a
 * thread of its own. */
#ifndef WORKER_PLATFORM_SANDBOX_H
#define WORKER_PLATFORM_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>

struct sandbox;

struct sandbox_options {
    const char *address; /* "127.0.0.1" */
    uint16_t port;       /* 0: any free one */
    const char *token;   /* the admin token that it accepts */
    const char *api_key; /* for POST /api/v4/sessions */
    size_t log_limit;    /* calls kept in the log */
};

struct sandbox *sandbox_start(const struct sandbox_options *options, struct wd_error *err);
uint16_t sandbox_port(const struct sandbox *sandbox);
void sandbox_stop(struct sandbox *sandbox);

/* How many moderation calls were carried out (not refused, not faulted), by action name as in wd_action_kind_name. */
uint64_t sandbox_carried_out(const struct sandbox *sandbox, const char *action);

#endif
