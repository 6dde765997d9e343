/* How a link comes to stand: its name looked up, addresses tried, login. Neighbours: redis_link.c, redis_lookup.c. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/state/redis_link_inside.h"

enum { SECRET_MAX = 4096 };

void redis_link_forget_addresses(struct redis_link *link)
{
    if (link->lookup) {
        loop_unwatch(link->options.loop, redis_lookup_fd(link->lookup));
        redis_lookup_free(link->lookup);
        link->lookup = NULL;
    }
    if (link->found)
        freeaddrinfo(link->found);
    link->found = link->next = NULL;
}

/* ---- login: the first commands of a connection ---- */

static void on_login(void *context, const struct redisReply *reply, const char *why)
{
    struct redis_link *link = context;
    (void)why;
    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return;
    char text[REDIS_WHY_MAX - 60];
    snprintf(text, sizeof(text), "the login was refused: %.180s", reply->str);
    redis_link_fail(link, text);
}

static void on_script(void *context, const struct redisReply *reply, const char *why)
{
    struct redis_link *link = context;
    (void)why;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR) { /* a refused login shows here, too; busy loading, out of memory */
        char text[REDIS_WHY_MAX - 60];
        snprintf(text, sizeof(text), "the server refuses: %.180s", reply->str);
        redis_link_fail(link, text);
        return;
    }
    redis_link_note_up(link);
}

/* The content of a secret's file without line ends; wiped by the caller. False: it cannot be read. */
static bool read_secret(const char *path, char out[SECRET_MAX])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t length = fread(out, 1, SECRET_MAX - 1, file);
    fclose(file);
    while (length && (out[length - 1] == '\n' || out[length - 1] == '\r'))
        length--;
    out[length] = '\0';
    return length > 0;
}

static bool send_login(struct redis_link *link)
{
    const struct state_options *state = link->options.state;
    char secret[SECRET_MAX];
    if (!state->password_file)
        return true;
    if (!read_secret(state->password_file, secret)) {
        redis_link_fail(link, "state.password_file cannot be read or is empty");
        return false;
    }
    struct wd_str words[3] = {{.data = "AUTH", .len = 4}};
    size_t count = 1;
    if (state->user)
        words[count++] = wd_str_from(state->user);
    words[count++] = wd_str_from(secret);
    bool fine = redis_link_put(link, words, count) && redis_link_expect(link, on_login, link);
    explicit_bzero(secret, sizeof(secret));
    return fine;
}

static bool send_first(struct redis_link *link)
{
    struct wd_str words[3] = {{.data = "SCRIPT", .len = 6}, {.data = "LOAD", .len = 4}};
    words[2] = wd_str_from(link->options.script);
    return send_login(link) && link->state != LINK_CLOSED && redis_link_put(link, words, 3) &&
           redis_link_expect(link, on_script, link);
}

/* ---- connecting ---- */

/* The next of the addresses that the name stands for. False: none is left. */
static bool try_next(struct redis_link *link, int *code_out)
{
    for (; link->next; link->next = link->next->ai_next) {
        int fd = socket(link->next->ai_family, link->next->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0 && (connect(fd, link->next->ai_addr, link->next->ai_addrlen) == 0 || errno == EINPROGRESS)) {
            int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            link->socket = (struct redis_socket){.fd = fd};
            link->next = link->next->ai_next;
            return true;
        }
        *code_out = errno;
        if (fd >= 0)
            close(fd);
    }
    return false;
}

/* Whether the connection stands; where it does not, the next address is tried. */
bool redis_link_finish_connecting(struct redis_link *link)
{
    int code = 0;
    socklen_t size = sizeof(code);
    if (getsockopt(link->socket.fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
        code = errno;
    if (code) {
        loop_unwatch(link->options.loop, link->socket.fd);
        redis_socket_close(&link->socket);
        if (try_next(link, &code))
            redis_link_watch(link);
        else
            redis_link_fail(link, strerror(code));
        return false;
    }
    redis_link_forget_addresses(link);
    link->state = LINK_OPEN;
    if (redis_socket_begin(&link->socket, link->options.tls, link->host))
        return true;
    redis_link_fail(link, "no memory for TLS");
    return false;
}

/* With what was found. False: it has failed. */
static bool try_first(struct redis_link *link)
{
    int code = 0;
    link->next = link->found;
    if (!try_next(link, &code)) {
        redis_link_fail(link, strerror(code));
        return false;
    }
    link->state = LINK_CONNECTING;
    redis_link_watch(link);
    return link->state != LINK_CLOSED;
}

static void on_looked_up(void *context, int fd, unsigned ready)
{
    struct redis_link *link = context;
    struct addrinfo *found;
    (void)fd;
    (void)ready;
    int code = redis_lookup_take(link->lookup, &found);
    redis_link_forget_addresses(link);
    link->found = found;
    if (code)
        redis_link_fail(link, gai_strerror(code));
    else
        (void)try_first(link);
}

/* False: it has failed. */
static bool look_up(struct redis_link *link)
{
    struct wd_error err = {0};
    if (redis_lookup_numeric(link->host, link->port, &link->found))
        return try_first(link);
    link->state = LINK_LOOKING_UP;
    link->lookup = redis_lookup_new(link->host, link->port);
    if (!link->lookup)
        wd_fail(&err, WD_ERR_MEMORY, "no memory to look up the name");
    else if (loop_watch(link->options.loop, redis_lookup_fd(link->lookup), LOOP_READ, on_looked_up, link, &err) ==
             WD_OK)
        return true;
    redis_link_fail(link, err.text);
    return false;
}

bool redis_link_connect(struct redis_link *link)
{
    if (redis_link_now_ms() < link->may_connect_ms)
        return false;
    link->reader = redisReaderCreate();
    if (!link->reader || !look_up(link))
        return false;
    link->reader->maxbuf = 0; /* keeps its buffer */
    if (!send_first(link)) {
        if (link->state != LINK_CLOSED)
            redis_link_fail(link, "no memory");
        return false;
    }
    loop_timer_arm(link->timer, (uint64_t)link->options.state->timeout_ms);
    return link->state != LINK_CLOSED;
}
