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

enum { ACTION_BATCH_MAX = 1000, PLATFORM_PATH_BYTES_MAX = 8000 }; /* paths: what servers commonly take */

/* *out only with WD_OK; every mistake is a finding with its place. */
enum wd_status action_table_load(const char *path, struct action_table **out, struct wd_diagnostics *findings);
void action_table_free(struct action_table *table);

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_METHOD_COUNT };
const char *http_method_name(enum http_method method);

/* How calls of one row for several authors of the same place may be put together. */
struct action_batch {
    const char *field; /* "userIds": the list in the body, or the query parameter */
    uint32_t max;      /* authors in one call */
    bool in_query;
    bool already_for_all; /* an 'already' for several authors is true of each of them */
};

/* A call ready to be sent. In the arena; the table must outlive it. */
struct platform_call {
    enum http_method method;
    struct wd_str path;               /* with query, percent-encoded, begins with '/'; for notify the whole URL */
    struct wd_str body;               /* JSON; absent where the call has none */
    const struct action_batch *batch; /* how it may be put together with others (join.h); NULL: not at all */
    struct wd_str author;             /* with a batch: the author as it stands in path or body, pointing there */
    const char *group;                /* endpoint group: breaker, gate and rate limit are per group */
    uint32_t group_index;             /* the same as a number below action_table_group_count() */
    uint32_t entry;                   /* which row: for classifying the answer */
};

/* The endpoint groups of all rows. */
uint32_t action_table_group_count(const struct action_table *table);
const char *action_table_group_name(const struct action_table *table, uint32_t group_index);

/* The harmless GET that `warden check` tries the token with. */
const char *action_table_check_path(const struct action_table *table);

/* Fills a call for `action` on the object, author and place of `event`.
 * WD_ERR_NOT_FOUND: the table has no row for this action on this content type. WD_ERR_INVALID: the row needs a value
 * that the event lacks (as a channel ban outside a channel), or the action is notify (see below). Both are permanent
 * for this action. WD_ERR_TOO_LARGE: the arena is full. */
enum wd_status action_table_call(const struct action_table *table, const struct wd_action *action,
                                 const struct wd_event *event, struct wd_arena *arena, struct platform_call *call_out,
                                 struct wd_error *err);

/* The call that posts `payload` (JSON) to a webhook. Points to `url` and `payload`. WD_ERR_INVALID: not an http or
 * https URL, or one that holds a user name. The URL may be a secret: it stands in no error text. */
enum wd_status action_table_notify_call(const struct action_table *table, struct wd_str url, struct wd_str payload,
                                        struct platform_call *call_out, struct wd_error *err);

/* NULL: calls of this row are for one author each. */
const struct action_batch *action_table_batch(const struct action_table *table, uint32_t entry);

/* Classifies an answer by the row's own list, then the table's general one, then by what HTTP says of the status.
 * `body` is bounded by the client. */
void action_table_classify(const struct action_table *table, uint32_t entry, int http_status, struct wd_str body,
                           int64_t retry_after_ms, struct outcome *out);

#endif
