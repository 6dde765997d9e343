/* Many calls at once on the shard's loop: libcurl's multi interface tells which sockets and which timer to watch, the
 * loop tells what is ready. What always holds: libcurl never queues (at most max_connections calls are given to it),
 * and a callback runs only after its handle is back in the pool, so that it may submit the next call or free the
 * client. Neighbours: transfer.c is one call, loop.h the loop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/platform/sockets.h"
#include "worker/platform/transfer.h"

enum { STREAMS_A_CONNECTION = 32, HTTP2_CONNECTIONS_MIN = 4, KICK_MS = 200 };

struct client {
    struct client_options options; /* own copies of the strings */
    struct loop *loop;
    struct sockets sockets;
    struct loop_timer *kick_timer; /* see on_kick() */
    struct loop_timer *timer;      /* libcurl's */
    const struct action_table *table;
    struct token *token;
    bool may_multiplex;         /* over TLS: HTTP/2 if the platform wants it */
    struct header_set *headers; /* of the newest generation seen */
    CURLM *multi;
    struct transfer *idle;   /* a stack: the handle used last is the warmest */
    struct transfer *active; /* doubly linked */
    size_t in_flight, webhooks_in_flight, webhooks_max;
    size_t host_connections; /* libcurl's limit now; 0: none */
    bool *freed;             /* set while finished calls are served: client_free() says so there */
};

static void link_active(struct client *client, struct transfer *transfer)
{
    transfer->previous = NULL;
    transfer->next = client->active;
    if (client->active)
        client->active->previous = transfer;
    client->active = transfer;
    client->in_flight++;
    client->webhooks_in_flight += transfer->is_webhook;
}

static void unlink_active(struct client *client, struct transfer *transfer)
{
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        client->active = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    client->in_flight--;
    client->webhooks_in_flight -= transfer->is_webhook;
}

static void push_idle(struct client *client, struct transfer *transfer)
{
    transfer->next = client->idle;
    client->idle = transfer;
}

static struct transfer *new_transfer(struct client *client, struct wd_error *err)
{
    struct transfer *transfer = transfer_new(&client->options, err);
    if (!transfer || sockets_attach_easy(&client->sockets, transfer->easy) == CURLE_OK)
        return transfer;
    (void)wd_fail(err, WD_ERR_INVALID, "libcurl refuses the sockets' callbacks");
    transfer_free(transfer);
    return NULL;
}

static struct transfer *pop_idle(struct client *client, struct wd_error *err)
{
    struct transfer *transfer = client->idle;
    if (!transfer)
        return new_transfer(client, err);
    client->idle = transfer->next;
    return transfer;
}

/* How many connections HTTP/2 may take: enough for servers that allow few streams. */
static size_t http2_connections(const struct client *client)
{
    size_t count = client->options.max_connections / STREAMS_A_CONNECTION + 1;
    return count < HTTP2_CONNECTIONS_MIN ? HTTP2_CONNECTIONS_MIN : count;
}

static CURLMcode limit_connections(struct client *client, size_t count)
{
    client->host_connections = count;
    return curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)count);
}

/* Only an answer tells which HTTP the platform speaks behind TLS. */
static void learn_version(struct client *client, const struct transfer *transfer)
{
    long version = 0;
    if (transfer->is_webhook || !client->may_multiplex ||
        curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version) != CURLE_OK || version == 0)
        return;
    size_t wanted = version >= CURL_HTTP_VERSION_2_0 ? http2_connections(client) : 0;
    if (wanted != client->host_connections)
        (void)limit_connections(client, wanted); /* where it fails the old limit stands */
}

/* Takes finished calls from libcurl and tells their owners. Returns at once when an owner has freed the client. */
static void serve_finished(struct client *client)
{
    bool freed = false;
    bool *outer = client->freed;
    client->freed = &freed;
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &left));) {
        struct transfer *transfer = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(client->multi, transfer->easy); /* `message` is gone now */
        struct outcome outcome;
        transfer_outcome(transfer, result, client->table, &outcome);
        learn_version(client, transfer);
        client_done_fn *done = transfer->done;
        void *context = transfer->context;
        unlink_active(client, transfer);
        transfer_recycle(transfer);
        push_idle(client, transfer);
        done(context, &outcome);
        if (freed) {
            if (outer)
                *outer = true;
            return;
        }
    }
    client->freed = outer;
}

/* Between libcurl and the loop. */

static void on_ready(void *context, int fd, unsigned ready)
{
    struct client *client = context;
    int running, bits = 0;
    bits |= ready & LOOP_READ ? CURL_CSELECT_IN : 0;
    bits |= ready & LOOP_WRITE ? CURL_CSELECT_OUT : 0;
    bits |= ready & LOOP_ERROR ? CURL_CSELECT_ERR : 0;
    curl_multi_socket_action(client->multi, fd, bits, &running);
    serve_finished(client);
}

static void on_time(void *context)
{
    struct client *client = context;
    int running;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    serve_finished(client);
}

/* libcurl 7.88 at times reads the frames of one stream and forgets that others of the same connection came with them:
 * without a further byte on the socket those calls would sleep until their deadline. */
static void on_kick(void *context)
{
    struct client *client = context;
    if (client->in_flight == 0 || client->host_connections == 0)
        return;
    loop_timer_arm(client->kick_timer, KICK_MS);
    sockets_kick(&client->sockets, client->multi);
    serve_finished(client);
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct client *client = context;
    if (timeout_ms < 0)
        loop_timer_cancel(client->timer);
    else
        loop_timer_arm(client->timer, (uint64_t)timeout_ms);
    return 0;
}

/* Beginning and end. */

static bool copy_string(const char *from, const char **to)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static enum wd_status copy_options(const struct client_options *options, struct client_options *out,
                                   struct wd_error *err)
{
    char *base_url = NULL;
    *out = *options;
    out->base_url = out->ca_file = out->user_agent = out->proxy = out->check_path = NULL;
    if (options->connect_timeout_ms <= 0 || options->total_timeout_ms <= 0 || options->max_answer_bytes == 0 ||
        options->max_connections == 0)
        return wd_fail(err, WD_ERR_INVALID, "time-outs and limits of the HTTP client have to be above 0");
    if (options->ca_file && access(options->ca_file, R_OK) != 0)
        return wd_fail(err, WD_ERR_INVALID, "platform.ca_file %s cannot be read: %s", options->ca_file,
                       strerror(errno));
    enum wd_status status = transfer_read_base_url(options->base_url, &base_url, err);
    if (status != WD_OK)
        return status;
    out->base_url = base_url;
    if (!copy_string(options->ca_file, &out->ca_file) || !copy_string(options->user_agent, &out->user_agent) ||
        !copy_string(options->proxy, &out->proxy) || !copy_string(options->check_path, &out->check_path))
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the HTTP client");
    return WD_OK;
}

static void free_options(struct client_options *options)
{
    free((char *)options->base_url);
    free((char *)options->ca_file);
    free((char *)options->user_agent);
    free((char *)options->proxy);
    free((char *)options->check_path);
}

static enum wd_status start(struct client *client, struct wd_error *err)
{
    sockets_init(&client->sockets, client->loop, on_ready, client);
    client->timer = loop_timer_new(client->loop, on_time, client);
    client->kick_timer = loop_timer_new(client->loop, on_kick, client);
    client->headers = header_set_new(client->token);
    client->multi = curl_multi_init();
    if (!client->timer || !client->kick_timer || !client->headers || !client->multi)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the HTTP client");
    CURLMcode result = sockets_attach_multi(&client->sockets, client->multi);
    result = result ? result : curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    result = result ? result : curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    result = result ? result : curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    result =
        result ? result : curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)client->options.max_connections);
    client->may_multiplex = !client->options.http1_only && strncasecmp(client->options.base_url, "https://", 8) == 0;
    client->webhooks_max = client->options.max_connections / 4 + 1;
    if (client->webhooks_max > http2_connections(client))
        client->webhooks_max = http2_connections(client);
    result = result ? result : limit_connections(client, client->may_multiplex ? http2_connections(client) : 0);
    if (result)
        return wd_fail(err, WD_ERR_INVALID, "libcurl refuses an option: %s", curl_multi_strerror(result));
    /* A bad option shows here and not at the first call. */
    struct transfer *first = new_transfer(client, err);
    if (!first)
        return err ? err->status : WD_ERR_MEMORY;
    push_idle(client, first);
    return WD_OK;
}

struct client *client_new(const struct client_options *options, struct loop *loop, const struct action_table *table,
                          struct token *token, struct wd_error *err)
{
    if (transfer_global_init(err) != WD_OK)
        return NULL;
    struct client *client = calloc(1, sizeof(*client));
    if (!client) {
        (void)wd_fail(err, WD_ERR_MEMORY, "no memory for the HTTP client");
        return NULL;
    }
    client->loop = loop;
    client->table = table;
    client->token = token;
    if (copy_options(options, &client->options, err) == WD_OK && start(client, err) == WD_OK)
        return client;
    client_free(client);
    return NULL;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    if (client->freed)
        *client->freed = true;
    for (struct transfer *next, *transfer = client->active; transfer; transfer = next) {
        next = transfer->next;
        /* A name that is still being resolved would hold us up for as long as the resolver takes. */
        curl_easy_setopt(transfer->easy, CURLOPT_QUICK_EXIT, 1L);
        curl_multi_remove_handle(client->multi, transfer->easy);
        transfer_free(transfer);
    }
    for (struct transfer *next, *transfer = client->idle; transfer; transfer = next) {
        next = transfer->next;
        transfer_free(transfer);
    }
    curl_multi_cleanup(client->multi); /* closes the connections, through sockets.c */
    sockets_fini(&client->sockets);
    loop_timer_free(client->timer);
    loop_timer_free(client->kick_timer);
    header_set_release(client->headers);
    free_options(&client->options);
    free(client);
}

/* Calls. */

static enum wd_status refresh_headers(struct client *client, struct wd_error *err)
{
    if (header_set_generation(client->headers) == token_generation(client->token))
        return WD_OK;
    struct header_set *headers = header_set_new(client->token);
    if (!headers)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the new token");
    header_set_release(client->headers); /* calls on their way hold it still */
    client->headers = headers;
    return WD_OK;
}

enum wd_status client_submit(struct client *client, const struct platform_call *call, const char *idempotency_key,
                             client_done_fn *done, void *context, struct wd_error *err)
{
    if (client->in_flight >= client->options.max_connections)
        return wd_fail(err, WD_ERR_UNAVAILABLE, "%zu calls are on the way, as many as platform.max_connections allows",
                       client->in_flight);
    enum wd_status status = refresh_headers(client, err);
    if (status != WD_OK)
        return status;
    struct transfer *transfer = pop_idle(client, err);
    if (!transfer)
        return WD_ERR_MEMORY;
    status = transfer_prepare(transfer, call, idempotency_key, client->headers, err);
    if (status == WD_OK && transfer->is_webhook && client->webhooks_in_flight >= client->webhooks_max)
        status = wd_fail(err, WD_ERR_UNAVAILABLE, "%zu webhook calls are on the way, as many as may be",
                         client->webhooks_in_flight);
    if (status == WD_OK) {
        transfer->done = done;
        transfer->context = context;
        CURLMcode result = curl_multi_add_handle(client->multi, transfer->easy);
        if (result == CURLM_OK) {
            link_active(client, transfer);
            if (client->host_connections && !loop_timer_armed(client->kick_timer))
                loop_timer_arm(client->kick_timer, KICK_MS);
            return WD_OK;
        }
        status = wd_fail(err, WD_ERR_MEMORY, "libcurl refuses the call: %s", curl_multi_strerror(result));
    }
    transfer_recycle(transfer);
    push_idle(client, transfer);
    return status;
}

size_t client_in_flight(const struct client *client)
{
    return client->in_flight;
}

/* One blocking call. */

static enum wd_status judge_check(const struct client_options *options, const struct outcome *outcome,
                                  struct wd_error *err)
{
    if (outcome->http_status >= 200 && outcome->http_status < 300)
        return WD_OK;
    if (outcome->http_status == 401 || outcome->http_status == 403)
        return wd_fail(err, WD_ERR_REFUSED,
                       "%s refuses the admin token (HTTP %d): put a valid one into platform.token_file",
                       options->base_url, outcome->http_status);
    if (outcome->http_status)
        return wd_fail(err, WD_ERR_UNAVAILABLE, "%s answers the check with HTTP %d: is platform.base_url right?",
                       options->base_url, outcome->http_status);
    return wd_fail(err, WD_ERR_UNAVAILABLE, "%s: %s", options->base_url, outcome->text);
}

static enum wd_status run_check(const struct client_options *options, struct header_set *headers, struct wd_error *err)
{
    const char *path = options->check_path ? options->check_path : "/api/v3/communities";
    struct platform_call call = {.method = HTTP_GET, .path = wd_str_from(path)};
    struct transfer *transfer = transfer_new(options, err);
    if (!transfer)
        return err ? err->status : WD_ERR_MEMORY;
    enum wd_status status = transfer_prepare(transfer, &call, "check", headers, err);
    if (status == WD_OK) {
        struct outcome outcome;
        transfer_outcome(transfer, curl_easy_perform(transfer->easy), NULL, &outcome);
        status = judge_check(options, &outcome, err);
    }
    transfer_free(transfer);
    return status;
}

enum wd_status client_check_token(const struct client_options *options, struct token *token, struct wd_error *err)
{
    struct client_options own = {0};
    enum wd_status status = transfer_global_init(err);
    if (status == WD_OK)
        status = copy_options(options, &own, err);
    if (status == WD_OK) {
        struct header_set *headers = header_set_new(token);
        status = headers ? run_check(&own, headers, err) : wd_fail(err, WD_ERR_MEMORY, "no memory for the token");
        header_set_release(headers);
    }
    free_options(&own);
    return status;
}
