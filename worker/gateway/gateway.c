/* Health and metrics over HTTP, and the request to reload. Bodies are dropped, connections are few, deadlines short.
 * Neighbours: reload.c (who may reload), worker/run.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "worker/gateway/gateway.h"
#include "worker/gateway/reload.h"

enum { MAX_CONNECTIONS = 64, TIMEOUT_SECONDS = 10, MEMORY_PER_CONNECTION = 16 * 1024, SILENCE_LIMIT_MS = 30000 };

struct gateway {
    struct MHD_Daemon *daemon;
    const struct config *config;
    struct worker *worker;
    uint16_t port;
};

struct page {
    unsigned status;
    const char *type;
    char *text;        /* malloc'ed */
    const char *allow; /* the methods, where it was none of them; else NULL */
};

static struct page text_page(unsigned status, const char *text)
{
    return (struct page){.status = status, .type = "text/plain; charset=utf-8", .text = strdup(text)};
}

/* Alive: every shard's loop turns. A process that is not should be started again. */
static struct page livez(struct gateway *gateway, struct MHD_Connection *connection)
{
    (void)connection;
    bool alive = worker_silence_ms(gateway->worker) < SILENCE_LIMIT_MS && !worker_has_ended(gateway->worker);
    return alive ? text_page(MHD_HTTP_OK, "ok\n")
                 : text_page(MHD_HTTP_SERVICE_UNAVAILABLE, "a shard has ended or its loop stands still\n");
}

static void print_time(int64_t at_ms, FILE *out)
{
    char words[40];
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) && strftime(words, sizeof(words), "%Y-%m-%dT%H:%M:%SZ", &parts))
        fputs(words, out);
}

/* What serves, and why it is not what stands in the files. */
static void print_rules(struct gateway *gateway, FILE *out)
{
    struct reload_status status;
    worker_reload_status(gateway->worker, &status);
    struct wd_ruleset *rules = worker_rules_ref(gateway->worker);
    fprintf(out, "rules: %zu, digest %s\n", wd_ruleset_rule_count(rules), wd_ruleset_digest(rules));
    wd_ruleset_unref(rules);
    fprintf(out, "reloads: %" PRIu64 " succeeded, %" PRIu64 " failed\n", status.succeeded, status.failed);
    if (!status.last_ms)
        return;
    fputs("last reload: ", out);
    print_time(status.last_ms, out);
    fprintf(out, " (%s): %s\n", status.cause, status.is_stale ? "failed, the old rules stay" : "succeeded");
    if (status.is_stale)
        fprintf(out, "  %s\n", status.problem);
}

static struct page readyz_verbose(struct gateway *gateway, bool is_ready)
{
    struct page page = {.status = is_ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                        .type = "text/plain; charset=utf-8"};
    size_t size;
    FILE *out = open_memstream(&page.text, &size);
    if (!out)
        return page;
    fprintf(out, "%s\nshards: %zu, %s\n", is_ready ? "ok" : "not ready", worker_shard_count(gateway->worker),
            worker_is_ready(gateway->worker) ? "all members of the consumer group"
                                             : "not all members of the consumer group yet");
    if (worker_state_fails(gateway->worker))
        fputs("state: the store fails; nothing new is taken until it works\n", out);
    print_rules(gateway, out);
    if (fclose(out) != 0) {
        free(page.text);
        page.text = NULL;
    }
    return page;
}

/* Ready: every shard is a member of its consumer group, rules are loaded (older ones than those in the files are
 * rules), and no store that fails holds everything up. */
static struct page readyz(struct gateway *gateway, struct MHD_Connection *connection)
{
    static const char VERBOSE[] = "verbose";
    const char *value;
    bool state_fails = worker_state_fails(gateway->worker);
    bool is_ready = worker_is_ready(gateway->worker) && !state_fails;
    if (MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, VERBOSE, strlen(VERBOSE), &value, NULL) ==
        MHD_YES)
        return readyz_verbose(gateway, is_ready);
    if (state_fails)
        return text_page(
            MHD_HTTP_SERVICE_UNAVAILABLE,
            "the state store fails: nothing new is taken until it works (state.on_failure); see the log\n");
    return is_ready
               ? text_page(MHD_HTTP_OK, "ok\n")
               : text_page(MHD_HTTP_SERVICE_UNAVAILABLE, "not every shard is a member of the consumer group yet\n");
}

/* True where the request has the token; else *page says why not. */
static bool is_allowed(struct gateway *gateway, struct MHD_Connection *connection, struct page *page)
{
    const char *authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    switch (gateway_may_reload(gateway->config->http.reload_token_file, authorization)) {
    case RELOAD_ALLOWED:
        return true;
    case RELOAD_OFF:
        *page = text_page(MHD_HTTP_FORBIDDEN, "http.reload_token_file is not configured\n");
        return false;
    case RELOAD_BROKEN:
        *page = text_page(MHD_HTTP_INTERNAL_SERVER_ERROR, "http.reload_token_file cannot be used: see the log\n");
        return false;
    case RELOAD_REFUSED:
        break;
    }
    *page = text_page(MHD_HTTP_UNAUTHORIZED, "send the token: Authorization: Bearer TOKEN\n");
    return false;
}

/* The answer comes before the reload: /readyz?verbose tells what came of it. */
static struct page reload(struct gateway *gateway, struct MHD_Connection *connection)
{
    struct page page;
    if (!is_allowed(gateway, connection, &page))
        return page;
    worker_ask_reload(gateway->worker);
    return text_page(MHD_HTTP_ACCEPTED, "rule sets are loaded anew; /readyz?verbose says what came of it\n");
}

static struct page reset_rules(struct gateway *gateway, struct MHD_Connection *connection)
{
    struct page page;
    if (!is_allowed(gateway, connection, &page))
        return page;
    worker_reset_rules(gateway->worker);
    return text_page(MHD_HTTP_OK, "rules that were in shadow for matching too much are enforced again\n");
}

static struct page metrics(struct gateway *gateway, struct MHD_Connection *connection)
{
    (void)connection;
    struct page page = {.status = MHD_HTTP_OK, .type = "text/plain; version=0.0.4; charset=utf-8"};
    size_t size;
    FILE *out = open_memstream(&page.text, &size);
    if (!out)
        return page;
    worker_print_metrics(gateway->worker, out);
    if (fclose(out) != 0) {
        free(page.text);
        page.text = NULL;
    }
    return page;
}

static const struct route {
    const char *path;
    bool is_post; /* else GET and HEAD */
    struct page (*make)(struct gateway *gateway, struct MHD_Connection *connection);
} ROUTES[] = {{"/livez", false, livez},
              {"/readyz", false, readyz},
              {"/metrics", false, metrics},
              {"/-/reload", true, reload},
              {"/-/rules/reset", true, reset_rules}};

static struct page answer(struct gateway *gateway, struct MHD_Connection *connection, const char *path,
                          const char *method)
{
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0, is_post = strcmp(method, "POST") == 0;
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
        if (strcmp(path, ROUTES[i].path) != 0)
            continue;
        if (ROUTES[i].is_post ? is_post : is_get)
            return ROUTES[i].make(gateway, connection);
        struct page page =
            text_page(MHD_HTTP_METHOD_NOT_ALLOWED, ROUTES[i].is_post ? "only POST\n" : "only GET and HEAD\n");
        page.allow = ROUTES[i].is_post ? "POST" : "GET, HEAD";
        return page;
    }
    return text_page(MHD_HTTP_NOT_FOUND,
                     "not found; there are /livez, /readyz, /metrics, /-/reload and /-/rules/reset\n");
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
    (void)version;
    (void)upload;
    static char seen;
    if (!*state) { /* headers are there; a body, if any, is read and dropped */
        *state = &seen;
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    struct page page = answer(context, connection, url, method);
    if (!page.text)
        return MHD_NO;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(page.text), page.text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(page.text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page.type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (page.allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, page.allow);
    if (page.status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    enum MHD_Result queued = MHD_queue_response(connection, page.status, response);
    MHD_destroy_response(response);
    return queued;
}

/* A listening socket of our own: it takes names and both address families, and says what is wrong. */
static int listen_on(const char *address, int64_t port, struct wd_error *err)
{
    char service[8];
    snprintf(service, sizeof(service), "%d", (int)port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    int failed = getaddrinfo(address, service, &hints, &found);
    if (failed) {
        wd_fail(err, WD_ERR_INVALID, "http.address '%s': %s", address, gai_strerror(failed));
        return -1;
    }
    int one = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 64) != 0) {
        wd_fail(err, WD_ERR_IO, "cannot listen on %s:%s: %s (choose another http.port, 0 for any free one)", address,
                service, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return 0;
    return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                             : ((struct sockaddr_in *)&bound)->sin_port);
}

struct gateway *gateway_start(const struct config *config, struct worker *worker, struct wd_error *err)
{
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    if (!gateway) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        return NULL;
    }
    gateway->worker = worker;
    gateway->config = config;
    int fd = listen_on(config->http.address, config->http.port, err);
    if (fd < 0) {
        free(gateway);
        return NULL;
    }
    gateway->port = port_of(fd);
    gateway->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, on_request, gateway, MHD_OPTION_LISTEN_SOCKET,
        fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION, MHD_OPTION_END);
    if (gateway->daemon)
        return gateway;
    wd_fail(err, WD_ERR_IO, "cannot start the HTTP server for health and metrics");
    close(fd);
    free(gateway);
    return NULL;
}

uint16_t gateway_port(const struct gateway *gateway)
{
    return gateway ? gateway->port : 0;
}

void gateway_stop(struct gateway *gateway)
{
    if (!gateway)
        return;
    MHD_stop_daemon(gateway->daemon);
    free(gateway);
}
