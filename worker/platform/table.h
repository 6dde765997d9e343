/* The action table: which HTTP call carries an action out on the platform, and what its answers mean. Loaded from
 * config/platforms/<name>.yaml, so that an operator can change it without a new build. Immutable after loading and
 * shared by all shards. */
#ifndef WORKER_PLATFORM_TABLE_H
#define WORKER_PLATFORM_TABLE_H

#include <warden/arena.h>
#include <warden/diagnostics.h>
#include <warden/event.h>
#include <warden/verdict.h>

#include "worker/outcome.h"

struct action_table;

enum wd_status action_table_load(const char *path, struct action_table **out, struct wd_diagnostics *findings);
void action_table_free(struct action_table *table);

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_METHOD_COUNT };
const char *http_method_name(enum http_method method);

/* A call ready to be sent. In the arena; the table must outlive it. */
struct platform_call {
    enum http_method method;
    struct wd_str path; /* with query, percent-encoded, begins with '/'; for notify the whole URL */
    struct wd_str body; /* JSON; absent where the call has none */
    const char *group;  /* endpoint group: breaker, gate and rate limit are per group */
    uint32_t entry;     /* which row: for classifying the answer */
};

/* Fills a call for `action` on the object, author and place of `event`.
 * WD_ERR_NOT_FOUND: the table has no row for this action on this content type. WD_ERR_INVALID: the row needs a value
 * that the event lacks (as a channel ban outside a channel). Both are permanent for this action. */
enum wd_status action_table_call(const struct action_table *table, const struct wd_action *action,
                                 const struct wd_event *event, struct wd_arena *arena, struct platform_call *call_out,
                                 struct wd_error *err);

/* Classifies an answer by the row's own list, then the table's general one. `body` is bounded by the client. */
void action_table_classify(const struct action_table *table, uint32_t entry, int http_status, struct wd_str body,
                           int64_t retry_after_ms, struct outcome *out);

#endif
