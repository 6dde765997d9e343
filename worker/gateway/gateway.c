/* Health and metrics over HTTP. Only GET and HEAD, no bodies, few connections, short deadlines. Neighbours: run.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "worker/gateway/gateway.h"

enum { MAX_CONNECTIONS = 64, TIMEOUT_SECONDS = 10, MEMORY_PER_CONNECTION = 16 * 1024, SILENCE_LIMIT_MS = 30000 };

struct gateway {
    struct MHD_Daemon *daemon;
    struct worker *worker;
    uint16_t port;
};

struct page {
    unsigned status;
    const char *type;
    char *text; /* malloc'ed */
};

static struct page text_page(unsigned status, const char *text)
{
    return (struct page){.status = status, .type = "text/plain; charset=utf-8", .text = strdup(text)};
}

/* Alive: every shard's loop turns. A process that is not should be started again. */
static struct page livez(struct gateway *gateway)
{
    bool alive = worker_silence_ms(gateway->worker) < SILENCE_LIMIT_MS && !worker_has_ended(gateway->worker);
    return alive ? text_page(MHD_HTTP_OK, "ok\n")
                 : text_page(MHD_HTTP_SERVICE_UNAVAILABLE, "a shard has ended or its loop stands still\n");
}

/* Ready: every shard is a member of its consumer group, and rules are loaded. */
static struct page readyz(struct gateway *gateway)
{
    return worker_is_ready(gateway->worker)
               ? text_page(MHD_HTTP_OK, "ok\n")
               : text_page(MHD_HTTP_SERVICE_UNAVAILABLE, "not every shard is a member of the consumer group yet\n");
}

static struct page metrics(struct gateway *gateway)
{
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
    struct page (*make)(struct gateway *gateway);
} ROUTES[] = {{"/livez", livez}, {"/readyz", readyz}, {"/metrics", metrics}};

static struct page answer(struct gateway *gateway, const char *path, const char *method)
{
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return text_page(MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++)
        if (strcmp(path, ROUTES[i].path) == 0)
            return ROUTES[i].make(gateway);
    return text_page(MHD_HTTP_NOT_FOUND, "not found; there are /livez, /readyz and /metrics\n");
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
    struct page page = answer(context, url, method);
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
    if (page.status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
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
