/* See redis_lookup.h. The memory of a question has two holders, the thread and who asked; the second to let go frees
 * it. */
#include "worker/state/redis_lookup.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct redis_lookup {
    char *host, *port;
    int fd;
    struct addrinfo *found;
    int code;
    atomic_bool is_answered;
    atomic_int holders;
};

static int look_up(const char *host, const char *port, int flags, struct addrinfo **found_out)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    *found_out = NULL;
    return getaddrinfo(host, port, &hints, found_out);
}

bool redis_lookup_numeric(const char *host, const char *port, struct addrinfo **found_out)
{
    return look_up(host, port, AI_NUMERICHOST | AI_NUMERICSERV, found_out) == 0;
}

static void let_go(struct redis_lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->holders, 1) != 1)
        return;
    if (lookup->found)
        freeaddrinfo(lookup->found);
    if (lookup->fd >= 0)
        close(lookup->fd);
    free(lookup->host);
    free(lookup->port);
    free(lookup);
}

static void *run(void *context)
{
    struct redis_lookup *lookup = context;
    lookup->code = look_up(lookup->host, lookup->port, 0, &lookup->found);
    atomic_store(&lookup->is_answered, true);
    (void)eventfd_write(lookup->fd, 1);
    let_go(lookup);
    return NULL;
}

/* Signals are for the threads that expect them. */
static bool start(struct redis_lookup *lookup)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&all);
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, &attributes, run, lookup) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

struct redis_lookup *redis_lookup_new(const char *host, const char *port)
{
    struct redis_lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
        return NULL;
    lookup->host = strdup(host);
    lookup->port = strdup(port);
    lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_store(&lookup->holders, 2);
    if (lookup->host && lookup->port && lookup->fd >= 0 && start(lookup))
        return lookup;
    atomic_store(&lookup->holders, 1);
    let_go(lookup);
    return NULL;
}

int redis_lookup_fd(const struct redis_lookup *lookup)
{
    return lookup->fd;
}

int redis_lookup_take(struct redis_lookup *lookup, struct addrinfo **found_out)
{
    *found_out = NULL;
    if (!atomic_load(&lookup->is_answered))
        return EAI_AGAIN;
    *found_out = lookup->found;
    lookup->found = NULL;
    return lookup->code;
}

void redis_lookup_free(struct redis_lookup *lookup)
{
    if (lookup)
        let_go(lookup);
}
