/* The inside of redis_link.c and redis_connect.c, for the two only. */
#ifndef WORKER_STATE_REDIS_LINK_INSIDE_H
#define WORKER_STATE_REDIS_LINK_INSIDE_H

#include <netdb.h>

#include "worker/state/redis_link.h"
#include "worker/state/redis_lookup.h"

enum { REDIS_HOST_MAX = 255, REDIS_WHY_MAX = 300 };

enum link_state { LINK_CLOSED, LINK_LOOKING_UP, LINK_CONNECTING, LINK_OPEN };

struct expected {
    redis_reply_fn *done;
    void *context;
    int64_t due_ms;
};

struct redis_link {
    struct redis_link_options options;
    char *address, host[REDIS_HOST_MAX + 1], port[8];
    enum link_state state;
    struct redis_socket socket;
    struct redis_lookup *lookup;   /* while LOOKING_UP */
    struct addrinfo *found, *next; /* while connecting: what the name stands for, and what is tried next */
    struct loop_timer *timer;
    redisReader *reader;
    char *out;
    size_t out_len, out_sent, out_room;
    struct expected *expected; /* a ring */
    size_t expected_first, expected_count, expected_room;
    int64_t may_connect_ms; /* not before */
    int64_t backoff_ms;
    bool failing; /* a failure was told and no end of it */
    bool freeing;
    unsigned generation; /* of the connection: a callback may close it */
    char why[REDIS_WHY_MAX];
};

/* redis_link.c */
/* Closes the connection; what was asked for ends. */
void redis_link_fail(struct redis_link *link, const char *why);
void redis_link_watch(struct redis_link *link);
bool redis_link_put(struct redis_link *link, const struct wd_str *words, size_t count);
bool redis_link_expect(struct redis_link *link, redis_reply_fn *done, void *context);
/* The end of a row of failures. */
void redis_link_note_up(struct redis_link *link);

/* redis_connect.c */
/* False: not now, or it has failed already. */
bool redis_link_connect(struct redis_link *link);
/* Whether the connection stands; where it does not, the next address is tried. */
bool redis_link_finish_connecting(struct redis_link *link);
void redis_link_forget_addresses(struct redis_link *link);

#endif
