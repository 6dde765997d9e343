/* libcurl's sockets on the loop: see sockets.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/platform/sockets.h"

void sockets_init(struct sockets *sockets, struct loop *loop, loop_fd_fn *on_ready, void *context)
{
    *sockets = (struct sockets){.loop = loop, .on_ready = on_ready, .context = context};
}

void sockets_fini(struct sockets *sockets)
{
    free(sockets->own);
    *sockets = (struct sockets){0};
}

static bool is_own(const struct sockets *sockets, int fd)
{
    return fd >= 0 && (size_t)fd < sockets->room && sockets->own[fd];
}

/* Where memory is out the descriptor is not remembered: slower, not wrong. */
static void remember(struct sockets *sockets, int fd)
{
    size_t needed = (size_t)fd + 1;
    if (needed > sockets->room) {
        size_t room = needed * 2;
        bool *own = realloc(sockets->own, room * sizeof(*own));
        if (!own)
            return;
        memset(own + sockets->room, 0, (room - sockets->room) * sizeof(*own));
        sockets->own = own;
        sockets->room = room;
    }
    sockets->own[fd] = true;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    remember(context, fd);
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    struct sockets *sockets = context;
    loop_unwatch(sockets->loop, fd);
    if (is_own(sockets, fd))
        sockets->own[fd] = false;
    return close(fd);
}

/* Something on a connection that no call uses, mostly its end: libcurl looks at it before it uses it again. */
static void on_idle_ready(void *context, int fd, unsigned ready)
{
    (void)ready;
    struct sockets *sockets = context;
    loop_unwatch(sockets->loop, fd);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    (void)easy;
    (void)socket_context;
    struct sockets *sockets = context;
    if (what == CURL_POLL_REMOVE) {
        if (!is_own(sockets, fd) || loop_watch(sockets->loop, fd, LOOP_READ, on_idle_ready, sockets, NULL) != WD_OK)
            loop_unwatch(sockets->loop, fd);
        return 0;
    }
    unsigned interest = (what & CURL_POLL_IN ? LOOP_READ : 0U) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0U);
    return loop_watch(sockets->loop, fd, interest, sockets->on_ready, sockets->context, NULL) == WD_OK ? 0 : -1;
}

CURLMcode sockets_attach_multi(struct sockets *sockets, CURLM *multi)
{
    CURLMcode result = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
    return result ? result : curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets);
}

CURLcode sockets_attach_easy(struct sockets *sockets, CURL *easy)
{
    CURLcode result = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    return result ? result : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
}

void sockets_kick(struct sockets *sockets, CURLM *multi)
{
    int running;
    for (size_t fd = 0; fd < sockets->room; fd++)
        if (sockets->own[fd])
            curl_multi_socket_action(multi, (curl_socket_t)fd, CURL_CSELECT_IN, &running);
}
