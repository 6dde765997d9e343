/* The command `warden run`, and the same as an object for the demo. */
#ifndef WORKER_RUN_H
#define WORKER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <warden/diagnostics.h>
#include <warden/ruleset.h>
#include <warden/status.h>

#include "worker/config.h"
#include "worker/metrics.h"
#include "worker/reload.h"

struct worker;

/* Loads rules, action table and token and makes the shards; every finding goes to `findings`. NULL and `err` where it
 * cannot start. */
struct worker *worker_new(const struct config *config, struct wd_diagnostics *findings, struct wd_error *err);
enum wd_status worker_start(struct worker *worker, struct wd_error *err);
/* Asks every shard to drain and end. Safe in any thread. */
void worker_stop(struct worker *worker);
/* Waits until every shard has ended; true when all of them ended cleanly. */
bool worker_join(struct worker *worker);
void worker_free(struct worker *worker);

/* Thread-safe readings for gateway and demo. */
size_t worker_shard_count(const struct worker *worker);
const struct metrics *worker_metrics(const struct worker *worker, size_t shard);
/* The rules, for a process in which nothing loads them anew (the demo). */
const struct wd_ruleset *worker_rules(const struct worker *worker);
/* The rules that serve now; wd_ruleset_unref() is the caller's. */
struct wd_ruleset *worker_rules_ref(struct worker *worker);
/* Has the rule sets loaded anew, soon; worker_reload_status() tells what came of it. */
void worker_ask_reload(struct worker *worker);
void worker_reload_status(struct worker *worker, struct reload_status *out);
bool worker_is_ready(const struct worker *worker);
/* The state store fails, and some shard takes nothing new until it works. */
bool worker_state_fails(const struct worker *worker);
/* Rules that the share valve put into shadow are enforced again. */
void worker_reset_rules(struct worker *worker);
/* The longest time for which a shard's loop has not turned. */
int64_t worker_silence_ms(const struct worker *worker);
bool worker_has_ended(const struct worker *worker); /* some shard has ended, asked to or not */
/* Prometheus' text form of all shards together. */
void worker_print_metrics(struct worker *worker, FILE *out);

/* Runs until SIGTERM or SIGINT; returns an exit code. */
int run_command(const struct config *config);

#endif
