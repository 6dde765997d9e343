/* The inside of the Redis store, for redis*.c only.
 *
 * A call (get, put) becomes commands; a command goes to the node that its keys belong to, is sent again where the
 * server names another one, and ends with its reply. A call ends when all of its commands have. */
#ifndef WORKER_STATE_REDIS_H
#define WORKER_STATE_REDIS_H

#include "worker/state/backend.h"
#include "worker/state/redis_link.h"

enum { REDIS_SLOTS = 16384, REDIS_NODES_MAX = 1024, REDIS_RECORD_HEADER = 16 };

struct redis;
struct redis_call;

/* What is known of the servers. */
enum redis_layout { REDIS_UNKNOWN, REDIS_STANDALONE, REDIS_CLUSTER };

struct redis_node {
    struct redis_link *link;
    bool touched; /* has commands to flush */
};

struct redis {
    struct state_store *store;
    struct redis_link_options link_options;
    struct redis_node *nodes;
    size_t node_count;
    enum redis_layout layout;
    size_t only;                     /* standalone: the node */
    bool asking;                     /* for the layout */
    bool stale;                      /* the layout has changed since it was asked for: ask again before the next call */
    size_t next_seed;                /* of the addresses, to ask next */
    uint16_t *slots;                 /* slot -> node; Cluster only */
    struct redis_call *first, *last; /* calls that wait for the layout */
    uint64_t random;                 /* for versions */
};

/* redis_layout.c */

/* Begins to ask a server for the layout; redis_go_on() follows. */
void redis_ask_layout(struct redis *redis);
/* The node that a key belongs to; NULL: none is known. */
struct redis_node *redis_node_of(struct redis *redis, struct wd_str key);
/* The node of that address, made where it is new. NULL: no memory. */
struct redis_node *redis_node_at(struct redis *redis, const char *address);
/* "MOVED 123 host:port": the slot's new node. NULL: it cannot be read. */
struct redis_node *redis_note_moved(struct redis *redis, struct redis_node *from, const char *text);
unsigned redis_slot_of(struct wd_str key);
void redis_flush(struct redis *redis);

/* redis.c */

/* redis_walk.c */
enum wd_status redis_each(struct state_store *store, state_each_fn *each, void *context, struct wd_error *err);

/* The layout is known, or `why` it is not. */
void redis_go_on(struct redis *redis, const char *why);

#endif
