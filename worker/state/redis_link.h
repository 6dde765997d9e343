/* One connection to a Redis server on a loop: connecting, TLS, login, pipelined commands, their replies in order, time
 * limits, reconnecting with backoff. hiredis reads the replies. Neighbours: redis.c asks, redis_layout.c chooses among
 * links, redis_connect.c connects, redis_tls.c moves bytes.
 *
 * What always holds: every command that was taken ends in exactly one call of its function; a link whose oldest command
 * is not answered in time is closed, so that replies can never be taken for those of other commands. */
#ifndef WORKER_STATE_REDIS_LINK_H
#define WORKER_STATE_REDIS_LINK_H

#include <hiredis/read.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>
#include <warden/str.h>

#include "worker/loop.h"
#include "worker/state/state.h"

struct redis_link;
struct redis_tls; /* of a share; NULL: plain */

/* `reply` NULL: the link failed first, `why` says how; whether the command was carried out is not known. A reply may be
 * an error of the server's. It is the link's, until the function returns. */
struct redisReply;
typedef void redis_reply_fn(void *context, const struct redisReply *reply, const char *why);

struct redis_link_options {
    const struct state_options *state;
    struct redis_tls *tls;
    struct loop *loop;
    const char *script; /* loaded at each connection */
    /* The first of a row of failures, and the end of one; for logs. */
    void (*on_change)(void *context, const char *address, bool up, const char *why);
    void *context;
};

/* `address`: host:port, [host]:port. NULL: no memory. It connects when it is first asked for something. */
struct redis_link *redis_link_new(const struct redis_link_options *options, const char *address);
/* Commands that are under way end first. */
void redis_link_free(struct redis_link *link);
const char *redis_link_address(const struct redis_link *link);
bool redis_link_is_open(const struct redis_link *link);
int64_t redis_link_now_ms(void); /* the clock of its time limits */

/* Takes a command; it leaves at redis_link_flush(). False: the link is down and its next attempt is not due, or no
 * memory; the function is not called. */
bool redis_link_send(struct redis_link *link, const struct wd_str *words, size_t count, redis_reply_fn *done,
                     void *context);
void redis_link_flush(struct redis_link *link);
/* Why the last attempt failed; "" where none has. */
const char *redis_link_why(const struct redis_link *link);

/* redis_tls.c */
enum wd_status redis_tls_new(const struct state_options *options, struct redis_tls **out, struct wd_error *err);
void redis_tls_free(struct redis_tls *tls);

/* A connected socket, with TLS where the share wants it. */
struct redis_socket {
    int fd; /* -1: none */
    void *ssl;
    bool shaking;          /* TLS is not set up yet */
    bool read_wants_write; /* TLS cannot read before it has written */
    bool write_wants_read;
};
enum redis_io { REDIS_IO_DONE, REDIS_IO_LATER, REDIS_IO_CLOSED, REDIS_IO_FAILED };
/* After connect(): begins the handshake. */
bool redis_socket_begin(struct redis_socket *socket, struct redis_tls *tls, const char *host);
enum redis_io redis_socket_shake(struct redis_socket *socket, char *why, size_t size);
enum redis_io redis_socket_read(struct redis_socket *socket, void *bytes, size_t size, size_t *count_out);
enum redis_io redis_socket_write(struct redis_socket *socket, const void *bytes, size_t size, size_t *count_out);
void redis_socket_close(struct redis_socket *socket);

#endif
