/* Start, loop and stop of the sandbox, and its functions for other threads. libmicrohttpd is driven from our own epoll
 * loop: its internal epoll thread stalls when exactly as many connections are busy as it asks events for. Neighbours:
 * http.c, waiting.c, control.c. */
#include "worker/platform/sandbox/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "worker/platform/sandbox/server.h"

enum { LOG_LIMIT = 500000, LOG_BODY_LIMIT = 2048, MAX_CONNECTIONS = 8192, LISTEN_BACKLOG = 4096 };

uint64_t server_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Waits until something is ready, `wait_ns` at most. Kernels without epoll_pwait2 wait in whole milliseconds. */
static void wait_for_work(struct sandbox *sandbox, uint64_t wait_ns)
{
    static atomic_bool is_coarse;
    struct epoll_event events[4];
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
    if (!atomic_load(&is_coarse)) {
        if (epoll_pwait2(sandbox->epoll_fd, events, 4, &wait, NULL) >= 0 || errno != ENOSYS)
            return;
        atomic_store(&is_coarse, true);
    }
    epoll_wait(sandbox->epoll_fd, events, 4, (int)((wait_ns + 999999) / 1000000));
}

static void *run(void *context)
{
    struct sandbox *sandbox = context;
    while (!atomic_load(&sandbox->stopping)) {
        uint64_t wait_ns = waiting_next_ns(sandbox), value;
        MHD_UNSIGNED_LONG_LONG http_ms;
        if (MHD_get_timeout(sandbox->daemon, &http_ms) == MHD_YES && http_ms < wait_ns / 1000000)
            wait_ns = http_ms * 1000000u;
        wait_for_work(sandbox, wait_ns < 1000000000u ? wait_ns : 1000000000u);
        while (read(sandbox->wake_fd, &value, sizeof(value)) > 0)
            ;
        waiting_poll_hangups(sandbox);
        waiting_fire(sandbox);
        if (atomic_exchange(&sandbox->release_hanging, false))
            waiting_end_all(sandbox, true);
        MHD_run(sandbox->daemon);
    }
    waiting_end_all(sandbox, false);
    MHD_run(sandbox->daemon);
    return NULL;
}

void server_wake(struct sandbox *sandbox)
{
    uint64_t one = 1;
    (void)!write(sandbox->wake_fd, &one, sizeof(one));
}

static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *len_out)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        *len_out = sizeof(*four);
        return true;
    }
    if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
        return false;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    *len_out = sizeof(*six);
    return true;
}

static enum wd_status open_listener(struct sandbox *sandbox, const char *address, uint16_t port, struct wd_error *err)
{
    struct sockaddr_storage name;
    socklen_t len;
    int one = 1;
    if (!parse_address(address, port, &name, &len))
        return wd_fail(err, WD_ERR_INVALID, "'%.60s' is not a numeric address, as 127.0.0.1", address);
    int fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return wd_fail(err, WD_ERR_IO, "socket: %s", strerror(errno));
    sandbox->listen_fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* inherited by what is accepted */
    if (bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, LISTEN_BACKLOG) != 0)
        return wd_fail(err, WD_ERR_IO, "cannot listen on %s, port %u: %s", address, port, strerror(errno));
    len = sizeof(name);
    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return wd_fail(err, WD_ERR_IO, "getsockname: %s", strerror(errno));
    sandbox->port = ntohs(name.ss_family == AF_INET ? ((struct sockaddr_in *)&name)->sin_port
                                                    : ((struct sockaddr_in6 *)&name)->sin6_port);
    return WD_OK;
}

/* Thousands of connections need as many descriptors; the soft limit is usually 1,024. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool watch(struct sandbox *sandbox, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl(sandbox->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static enum wd_status open_loop(struct sandbox *sandbox, const struct sandbox_options *options, struct wd_error *err)
{
    raise_descriptor_limit();
    enum wd_status status =
        open_listener(sandbox, options->address ? options->address : "127.0.0.1", options->port, err);
    if (status != WD_OK)
        return status;
    sandbox->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    sandbox->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
    sandbox->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    sandbox->daemon = http_listen(sandbox, options->max_connections ? options->max_connections : MAX_CONNECTIONS);
    if (!sandbox->daemon)
        return wd_fail(err, WD_ERR_IO, "the HTTP server does not start on port %u", sandbox->port);
    sandbox->listen_fd = -1; /* the daemon's now */
    int http_fd = MHD_get_daemon_info(sandbox->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    if (!watch(sandbox, http_fd) || !watch(sandbox, sandbox->wake_fd) || !watch(sandbox, sandbox->hangup_fd))
        return wd_fail(err, WD_ERR_IO, "epoll: %s", strerror(errno));
    return WD_OK;
}

static enum wd_status open_state(struct sandbox *sandbox, const struct sandbox_options *options, struct wd_error *err)
{
    if (!options->token || !*options->token)
        return wd_fail(err, WD_ERR_INVALID, "the sandbox needs an admin token that it accepts");
    enum wd_status status = platform_init(&sandbox->platform, options->api_key, options->strict_objects, err);
    if (status != WD_OK)
        return status;
    sandbox->journal = journal_new(options->log_limit ? options->log_limit : LOG_LIMIT,
                                   options->log_body_limit ? options->log_body_limit : LOG_BODY_LIMIT);
    sandbox->faults = faults_new(options->seed ? options->seed : 1, options->latency_min_ms, options->latency_max_ms);
    if (!sandbox->journal || !sandbox->faults)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the sandbox");
    status = tokens_add_admin(sandbox->platform.tokens, "admin", options->token, NULL, INT64_MAX, err);
    if (status == WD_OK && options->faults)
        status = sandbox_faults_set(sandbox, options->faults, err);
    return status;
}

static void close_all(struct sandbox *sandbox)
{
    if (sandbox->daemon)
        MHD_stop_daemon(sandbox->daemon);
    int fds[] = {sandbox->listen_fd, sandbox->epoll_fd, sandbox->hangup_fd, sandbox->wake_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    faults_free(sandbox->faults);
    journal_free(sandbox->journal);
    platform_fini(&sandbox->platform);
    free(sandbox->waiting);
    pthread_mutex_destroy(&sandbox->lock);
    free(sandbox);
}

struct sandbox *sandbox_start(const struct sandbox_options *options, struct wd_error *err)
{
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
    if (!sandbox) {
        wd_fail(err, WD_ERR_MEMORY, "no memory for the sandbox");
        return NULL;
    }
    sandbox->listen_fd = sandbox->epoll_fd = sandbox->hangup_fd = sandbox->wake_fd = -1;
    pthread_mutex_init(&sandbox->lock, NULL);
    enum wd_status status = open_state(sandbox, options, err);
    if (status == WD_OK)
        status = open_loop(sandbox, options, err);
    if (status == WD_OK && pthread_create(&sandbox->thread, NULL, run, sandbox) != 0)
        status = wd_fail(err, WD_ERR_IO, "the sandbox's thread does not start");
    if (status == WD_OK)
        return sandbox;
    close_all(sandbox);
    return NULL;
}

uint16_t sandbox_port(const struct sandbox *sandbox)
{
    return sandbox->port;
}

void sandbox_stop(struct sandbox *sandbox)
{
    if (!sandbox)
        return;
    atomic_store(&sandbox->stopping, true);
    server_wake(sandbox);
    pthread_join(sandbox->thread, NULL);
    close_all(sandbox);
}

/* The functions for other threads take what they are given as const, but not the lock in it. */
static struct sandbox *locked(const struct sandbox *sandbox)
{
    struct sandbox *mine = (struct sandbox *)sandbox;
    pthread_mutex_lock(&mine->lock);
    return mine;
}

uint64_t sandbox_carried_out(const struct sandbox *sandbox, const char *action)
{
    struct sandbox *mine = locked(sandbox);
    uint64_t count = journal_carried_out(mine->journal, action);
    pthread_mutex_unlock(&mine->lock);
    return count;
}

struct sandbox_counts sandbox_counts(const struct sandbox *sandbox)
{
    struct sandbox *mine = locked(sandbox);
    struct sandbox_counts counts = {.done = journal_outcome_count(mine->journal, CALL_DONE),
                                    .already = journal_outcome_count(mine->journal, CALL_ALREADY),
                                    .refused = journal_outcome_count(mine->journal, CALL_REFUSED),
                                    .faulted = journal_outcome_count(mine->journal, CALL_FAULTED)};
    pthread_mutex_unlock(&mine->lock);
    counts.received = counts.done + counts.already + counts.refused + counts.faulted;
    return counts;
}

enum wd_status sandbox_faults_set(struct sandbox *sandbox, const char *json, struct wd_error *err)
{
    json_error_t where;
    json_t *value = json ? json_loads(json, JSON_REJECT_DUPLICATES, &where) : json_array();
    if (!value)
        return wd_fail(err, WD_ERR_INVALID, "faults: %s at byte %d", json ? where.text : "no memory",
                       json ? where.position : 0);
    locked(sandbox);
    enum wd_status status = faults_replace(sandbox->faults, value, server_now_ns(), err);
    pthread_mutex_unlock(&sandbox->lock);
    json_decref(value);
    if (status == WD_OK && sandbox->wake_fd >= 0) {
        atomic_store(&sandbox->release_hanging, true);
        server_wake(sandbox);
    }
    return status;
}

enum wd_status sandbox_token_add(struct sandbox *sandbox, const char *name, const char *token, struct wd_error *err)
{
    locked(sandbox);
    enum wd_status status = tokens_add_admin(sandbox->platform.tokens, name, token, NULL, INT64_MAX, err);
    pthread_mutex_unlock(&sandbox->lock);
    return status;
}

enum wd_status sandbox_token_revoke(struct sandbox *sandbox, const char *name, int64_t grace_ms, struct wd_error *err)
{
    locked(sandbox);
    enum wd_status status = tokens_end(sandbox->platform.tokens, name, platform_now_ms() + grace_ms, err);
    pthread_mutex_unlock(&sandbox->lock);
    return status;
}
