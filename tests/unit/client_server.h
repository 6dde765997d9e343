/* A small real HTTP/1.1 server for tests and benchmarks of the client: one thread, told beforehand what to do with
 * every request, and keeping what it received. */
#ifndef TESTS_CLIENT_SERVER_H
#define TESTS_CLIENT_SERVER_H

#include <stddef.h>
#include <stdint.h>

struct http_server;

enum server_manner {
    SERVER_REPLIES,      /* sends `reply`, keeps the connection */
    SERVER_CLOSES,       /* sends `reply` (may be ""), then closes in order */
    SERVER_RESETS,       /* sends `reply` (may be ""), then resets the connection */
    SERVER_HOLDS,        /* never answers */
    SERVER_FLOODS,       /* sends `reply`, then `x` without end */
    SERVER_FLOODS_LINES, /* sends `reply`, then header lines without end */
};

struct http_server *server_start(void);
void server_stop(struct http_server *server);
const char *server_url(const struct http_server *server); /* "http://127.0.0.1:port" */

/* For requests from now on. `reply` is a whole answer, kept by reference. */
void server_behave(struct http_server *server, enum server_manner manner, const char *reply, int delay_ms);

/* Waits until `count` requests have come in all (at most some seconds); returns how many have. */
size_t server_wait_requests(struct http_server *server, size_t count);
size_t server_connections(struct http_server *server); /* accepted in all */
/* The text of request `index`, head and body; free() it. NULL: there is none, or it is no longer kept. */
char *server_request(struct http_server *server, size_t index);

/* A whole 200 answer with a small JSON body. */
extern const char SERVER_OK[];

#endif
