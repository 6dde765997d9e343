/* The running sandbox: one thread, an epoll loop around libmicrohttpd, calls that wait for their answer. Everything
 * below `lock` may be touched by other threads while they hold it; the rest belongs to the thread. */
#ifndef WORKER_SANDBOX_SERVER_H
#define WORKER_SANDBOX_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "worker/platform/sandbox/faults.h"
#include "worker/platform/sandbox/journal.h"
#include "worker/platform/sandbox/platform.h"
#include "worker/platform/sandbox/sandbox.h"

struct sandbox {
    pthread_t thread;
    struct MHD_Daemon *daemon;
    int listen_fd;
    int epoll_fd;  /* wake_fd, hangup_fd and the daemon's own epoll */
    int hangup_fd; /* an epoll of the connections that wait, for peers that go away */
    int wake_fd;
    uint16_t port;
    struct call **waiting; /* a heap by due_ns */
    size_t waiting_count, waiting_capacity;
    atomic_bool stopping, release_hanging;

    pthread_mutex_t lock;
    struct platform platform;
    struct faults *faults;
    struct journal *journal;
};

uint64_t server_now_ns(void);
/* Ends the wait of the loop. Any thread. */
void server_wake(struct sandbox *sandbox);

/* http.c: the callbacks of libmicrohttpd. */
struct MHD_Daemon *http_listen(struct sandbox *sandbox, size_t max_connections);

/* answer.c: what becomes of a call whose request is complete. */
void answer_decide(struct call *call);
enum MHD_Result answer_send(struct call *call);
/* Writes the end of a call into the log, once. */
void answer_end(struct call *call);

/* waiting.c: calls that are held back. */
/* Suspends the connection until `due_ns`, then sets the stage to `next`. While stopping the call is ended instead. */
void waiting_add(struct call *call, uint64_t due_ns);
void waiting_remove(struct call *call);
/* Nanoseconds until the first call is due, UINT64_MAX without any. */
uint64_t waiting_next_ns(const struct sandbox *sandbox);
/* Lets go what is due. */
void waiting_fire(struct sandbox *sandbox);
/* Ends waiting calls whose client has gone. */
void waiting_poll_hangups(struct sandbox *sandbox);
/* Ends calls that hang, or all. */
void waiting_end_all(struct sandbox *sandbox, bool only_hanging);

/* control.c: everything under /__sandbox/ but the webhooks. The lock is held. */
void control_serve(struct sandbox *sandbox, struct call *call);

#endif
