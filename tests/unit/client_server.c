/* The test server: see client_server.h. It runs on the same event loop as the worker, in a thread of its own. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/client_server.h"
#include "worker/loop.h"

enum { REQUEST_ROOM = 4096, KEPT_MAX = 4096 };

const char SERVER_OK[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

struct connection {
    struct http_server *server;
    struct connection *next, *previous;
    int fd;
    struct loop_timer *timer;
    char request[REQUEST_ROOM + 1];
    size_t length;
    enum server_manner manner;
    const char *reply;
};

struct http_server {
    struct loop *loop;
    pthread_t thread;
    atomic_bool stopping;
    int listener;
    char url[64];
    struct connection *connections;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t arrived;
    enum server_manner manner;
    const char *reply;
    int delay_ms;
    size_t request_count, connection_count;
    char *kept[KEPT_MAX];
};

static void connection_close(struct connection *connection, bool reset)
{
    struct http_server *server = connection->server;
    if (reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    loop_unwatch(server->loop, connection->fd);
    close(connection->fd);
    loop_timer_free(connection->timer);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    free(connection);
}

static void on_flood(void *context, int fd, unsigned ready)
{
    static const char body[8192] = {[0 ... 8191] = 'x'};
    static const char lines[] = "X-Filler: 0123456789012345678901234567890123456789\r\n";
    struct connection *connection = context;
    bool is_lines = connection->manner == SERVER_FLOODS_LINES;
    if ((ready & LOOP_ERROR) ||
        (send(fd, is_lines ? lines : body, is_lines ? sizeof(lines) - 1 : sizeof(body), MSG_NOSIGNAL) < 0 &&
         errno != EAGAIN))
        connection_close(connection, false);
}

static void answer(void *context)
{
    struct connection *connection = context;
    size_t length = strlen(connection->reply);
    if (length && send(connection->fd, connection->reply, length, MSG_NOSIGNAL) != (ssize_t)length) {
        connection_close(connection, true);
        return;
    }
    if (connection->manner == SERVER_CLOSES || connection->manner == SERVER_RESETS) {
        if (connection->manner == SERVER_RESETS && length)
            usleep(20000); /* a reset throws away what the other side has not read yet */
        connection_close(connection, connection->manner == SERVER_RESETS);
    } else if (connection->manner != SERVER_REPLIES) {
        (void)loop_watch(connection->server->loop, connection->fd, LOOP_WRITE, on_flood, connection, NULL);
    }
}

static void keep(struct connection *connection, int *delay_ms)
{
    struct http_server *server = connection->server;
    pthread_mutex_lock(&server->mutex);
    if (server->request_count < KEPT_MAX)
        server->kept[server->request_count] = strdup(connection->request);
    server->request_count++;
    connection->manner = server->manner;
    connection->reply = server->reply;
    *delay_ms = server->delay_ms;
    pthread_cond_broadcast(&server->arrived);
    pthread_mutex_unlock(&server->mutex);
}

static bool is_whole(const struct connection *connection)
{
    const char *end = strstr(connection->request, "\r\n\r\n");
    if (!end)
        return false;
    const char *length = strcasestr(connection->request, "\r\nContent-Length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return connection->length >= (size_t)(end - connection->request) + 4 + body;
}

static void on_readable(void *context, int fd, unsigned ready)
{
    (void)ready;
    struct connection *connection = context;
    ssize_t got = recv(fd, connection->request + connection->length, REQUEST_ROOM - connection->length, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            connection_close(connection, false);
        return;
    }
    connection->length += (size_t)got;
    connection->request[connection->length] = '\0';
    if (!is_whole(connection))
        return;
    int delay_ms;
    keep(connection, &delay_ms);
    connection->length = 0;
    if (connection->manner == SERVER_HOLDS)
        return;
    if (delay_ms)
        loop_timer_arm(connection->timer, (uint64_t)delay_ms);
    else
        answer(connection);
}

static void on_connect(void *context, int fd, unsigned ready)
{
    (void)ready;
    struct http_server *server = context;
    int accepted;
    while ((accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct connection *connection = calloc(1, sizeof(*connection));
        int on = 1;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        connection->server = server;
        connection->fd = accepted;
        connection->timer = loop_timer_new(server->loop, answer, connection);
        connection->next = server->connections;
        if (server->connections)
            server->connections->previous = connection;
        server->connections = connection;
        (void)loop_watch(server->loop, accepted, LOOP_READ, on_readable, connection, NULL);
        pthread_mutex_lock(&server->mutex);
        server->connection_count++;
        pthread_mutex_unlock(&server->mutex);
    }
}

static void *serve(void *context)
{
    struct http_server *server = context;
    while (!atomic_load(&server->stopping))
        loop_turn(server->loop, -1);
    return NULL;
}

static bool listen_on_loopback(struct http_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, length) != 0 ||
        listen(server->listener, 4096) != 0 || getsockname(server->listener, (struct sockaddr *)&address, &length) != 0)
        return false;
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return true;
}

struct http_server *server_start(void)
{
    struct http_server *server = calloc(1, sizeof(*server));
    if (!server)
        return NULL;
    server->reply = SERVER_OK;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->arrived, NULL);
    server->loop = loop_new(NULL);
    if (!server->loop || !listen_on_loopback(server) ||
        loop_watch(server->loop, server->listener, LOOP_READ, on_connect, server, NULL) != WD_OK ||
        pthread_create(&server->thread, NULL, serve, server) != 0) {
        perror("test server");
        abort();
    }
    return server;
}

void server_stop(struct http_server *server)
{
    atomic_store(&server->stopping, true);
    loop_wake(server->loop);
    pthread_join(server->thread, NULL);
    while (server->connections)
        connection_close(server->connections, false);
    close(server->listener);
    loop_free(server->loop);
    for (size_t i = 0; i < KEPT_MAX; i++)
        free(server->kept[i]);
    pthread_cond_destroy(&server->arrived);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

const char *server_url(const struct http_server *server)
{
    return server->url;
}

void server_behave(struct http_server *server, enum server_manner manner, const char *reply, int delay_ms)
{
    pthread_mutex_lock(&server->mutex);
    server->manner = manner;
    server->reply = reply;
    server->delay_ms = delay_ms;
    pthread_mutex_unlock(&server->mutex);
}

size_t server_wait_requests(struct http_server *server, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&server->mutex);
    while (server->request_count < count)
        if (pthread_cond_timedwait(&server->arrived, &server->mutex, &until) != 0)
            break;
    size_t seen = server->request_count;
    pthread_mutex_unlock(&server->mutex);
    return seen;
}

size_t server_connections(struct http_server *server)
{
    pthread_mutex_lock(&server->mutex);
    size_t count = server->connection_count;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

char *server_request(struct http_server *server, size_t index)
{
    pthread_mutex_lock(&server->mutex);
    char *text = index < KEPT_MAX && server->kept[index] ? strdup(server->kept[index]) : NULL;
    pthread_mutex_unlock(&server->mutex);
    return text;
}
