/* Between libcurl's sockets and the loop. A kept connection goes out of libcurl's interest at the end of every call and
 * in again at the next; here it stays with the loop until something happens on it or it is closed, which saves two
 * system calls a call. That is safe only for descriptors whose closing is seen, so these functions also open and close
 * the sockets of connections; what else libcurl watches (its resolver) is forgotten at once. Belongs to one client. */
#ifndef WORKER_PLATFORM_SOCKETS_H
#define WORKER_PLATFORM_SOCKETS_H

#include <curl/curl.h>

#include "worker/loop.h"

struct sockets {
    struct loop *loop;
    loop_fd_fn *on_ready; /* for descriptors that a call waits for */
    void *context;
    bool *own; /* by descriptor: opened here and not closed yet */
    size_t room;
};

void sockets_init(struct sockets *sockets, struct loop *loop, loop_fd_fn *on_ready, void *context);
/* After curl_multi_cleanup(). */
void sockets_fini(struct sockets *sockets);

CURLMcode sockets_attach_multi(struct sockets *sockets, CURLM *multi);
CURLcode sockets_attach_easy(struct sockets *sockets, CURL *easy);

/* Lets libcurl look at every open socket as if it had become readable. */
void sockets_kick(struct sockets *sockets, CURLM *multi);

#endif
