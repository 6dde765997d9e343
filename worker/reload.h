/* Rule sets for a running worker: loaded at start, and loaded anew aside while the old ones serve. */
#ifndef WORKER_RELOAD_H
#define WORKER_RELOAD_H

#include <warden/diagnostics.h>
#include <warden/ruleset.h>

#include "worker/config.h"
#include "worker/metrics.h"

/* The rule sets that the configuration names, with its limits. Every finding goes to `findings`. */
enum wd_status rules_load(const struct config *config, struct wd_ruleset **out, struct wd_diagnostics *findings);

struct reloader;

/* Notes what the files look like now, before they are loaded for the first time. NULL: no memory. */
struct reloader *reloader_new(const struct config *config);
void reloader_free(struct reloader *reloader);

/* The thread that serves signals calls these two. */

/* True where the files have changed since the last attempt to load them and now stand still: asked every
 * rules.watch_interval. */
bool reloader_sees_change(struct reloader *reloader, int64_t now_ms);
/* Loads what is there now: every finding that is an error, every example that fails and files that change under its
 * hands are a failure, which is logged and kept for reloader_status(). NULL on failure, and the old set stays. `cause`
 * has static storage and is for people: "SIGHUP". */
struct wd_ruleset *reloader_load(struct reloader *reloader, const char *cause);

/* Thread-safe: asks the serving thread for a reload; whether somebody did. */
void reloader_ask(struct reloader *reloader);
bool reloader_is_asked(struct reloader *reloader);

struct reload_status {
    uint64_t succeeded, failed;    /* since the start */
    bool is_stale;                 /* the last attempt failed: what serves is older than the files */
    int64_t last_ms;               /* wall clock of the last attempt; 0: none yet */
    char cause[32], problem[1024]; /* of the last attempt; "" where it went well */
};
/* Thread-safe. */
void reloader_status(struct reloader *reloader, struct reload_status *out);
/* warden_rule_reloads_total and the like. */
const struct metrics *reloader_metrics(const struct reloader *reloader);

#endif
