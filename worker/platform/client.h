/* HTTP calls to the platform, any number at once, on the shard's own loop (libcurl multi). Nothing outside
 * worker/platform includes curl.h. Belongs to one thread. It decides nothing about retries: one submit is one call. */
#ifndef WORKER_PLATFORM_CLIENT_H
#define WORKER_PLATFORM_CLIENT_H

#include "worker/loop.h"
#include "worker/platform/table.h"
#include "worker/platform/token.h"

struct client;

struct client_options {
    const char *base_url; /* "https://apix.us.amity.co" */
    const char *ca_file;  /* NULL: the system's */
    const char *user_agent;
    int connect_timeout_ms;
    int total_timeout_ms;
    size_t max_answer_bytes; /* an answer over it is classified by its status alone */
    size_t max_connections;  /* calls on the way at once, and connections kept */
    bool http1_only;         /* false: HTTP/2 over TLS where the platform offers it; cleartext is always HTTP/1.1 */
    const char *proxy;       /* "http://proxy:3128"; NULL: none, whatever the environment says */
    const char *check_path;  /* for client_check_token: action_table_check_path(); NULL: /api/v3/communities */
};

/* Copies the strings. `loop`, `table` and `token` must outlive the client. WD_ERR_INVALID: base_url is not http or
 * https, or has more than scheme, host, port and path; the certificate file cannot be read. */
struct client *client_new(const struct client_options *options, struct loop *loop, const struct action_table *table,
                          struct token *token, struct wd_error *err);
/* Calls still on the way are ended; their callbacks are not called. May be called from a callback. */
void client_free(struct client *client);

typedef void client_done_fn(void *context, const struct outcome *outcome);

/* Sends `call` with `Idempotency-Key: idempotency_key`. Method, path and body must stay alive until the callback,
 * which runs exactly once, later, from the loop: never from inside this function. `call` itself and the key are copied.
 * The admin token goes to the platform only, never to a webhook. WD_ERR_UNAVAILABLE: max_connections calls are on the
 * way already, or, for a webhook, as many webhook calls as may be (about a quarter). WD_ERR_INVALID: the key cannot
 * stand in a header. A call goes out at most once: where a kept connection turns out to be dead, that is an outcome
 * (retry, ambiguous), not a silent second try. */
enum wd_status client_submit(struct client *client, const struct platform_call *call, const char *idempotency_key,
                             client_done_fn *done, void *context, struct wd_error *err);

size_t client_in_flight(const struct client *client);

/* One blocking call for commands (`warden check`): verifies that the token is accepted. WD_ERR_REFUSED: the platform
 * answered and refused it. WD_ERR_UNAVAILABLE: the platform cannot be reached, or does not answer as it should. */
enum wd_status client_check_token(const struct client_options *options, struct token *token, struct wd_error *err);

#endif
