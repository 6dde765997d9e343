/* Looking up a host's addresses without waiting for the name server: in a thread of its own, which lives for one
 * question. The C library can not be asked otherwise. Neighbour: redis_connect.c. */
#ifndef WORKER_STATE_REDIS_LOOKUP_H
#define WORKER_STATE_REDIS_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>

struct redis_lookup;

/* An address in numbers needs no name server: answered at once. False: it is a name. */
bool redis_lookup_numeric(const char *host, const char *port, struct addrinfo **found_out);
/* NULL: no memory, or no thread. */
struct redis_lookup *redis_lookup_new(const char *host, const char *port);
/* Readable when the answer is there. */
int redis_lookup_fd(const struct redis_lookup *lookup);
/* The answer: 0, or a code of getaddrinfo(). *found_out is the caller's. */
int redis_lookup_take(struct redis_lookup *lookup, struct addrinfo **found_out);
/* The question may still be open: then its thread frees what is left. NULL: nothing. */
void redis_lookup_free(struct redis_lookup *lookup);

#endif
