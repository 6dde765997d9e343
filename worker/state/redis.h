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

enum { REDIS_KEYS_A_COMMAND = 64, REDIS_FULL_KEY_MAX = STATE_KEY_MAX + 64 };

enum redis_call_kind { CALL_GET, CALL_PUT, CALL_COUNT };

struct redis_command {
    struct redis_call *call;
    size_t first, count; /* of the call's items */
    unsigned redirections;
    bool whole_script; /* the server did not know its digest */
};

struct redis_call {
    struct redis *redis;
    enum redis_call_kind kind;
    struct state_item *items;
    size_t count;
    int64_t now_ms;
    state_done_fn *done;
    void *context;
    struct redis_command *commands;
    size_t command_count, command_room, left;
    uint64_t *versions; /* put: the new ones */
    struct wd_error err;
    struct redis_call *next; /* among those that wait for the layout */
    /* count */
    char counter[REDIS_FULL_KEY_MAX];
    size_t counter_len;
    int64_t delta, ttl_ms, amount;
    state_count_fn *counted;
};

/* What is known of the servers. */
enum redis_layout { REDIS_UNKNOWN, REDIS_STANDALONE, REDIS_CLUSTER };

struct redis_node {
    struct redis_link *link;
    bool touched;           /* has commands to flush */
    struct state_size size; /* as it said last */
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
    int64_t ask_size_ms;             /* not before: how much the servers hold */
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
/* Whether a node has slots now; replicas and nodes that left do not. */
bool redis_has_slots(const struct redis *redis, size_t node);

/* redis.c */

/* redis_command.c */

extern const char REDIS_PUT_SCRIPT[];
/* Its digest, for EVALSHA. False: no memory. */
bool redis_prepare_script(void);
/* The words of a command, and the room that they point into. */
struct redis_words {
    struct wd_str words[3 + REDIS_KEYS_A_COMMAND * 4];
    size_t count;
    char keys[REDIS_KEYS_A_COMMAND][REDIS_FULL_KEY_MAX];
    char lives[REDIS_KEYS_A_COMMAND][24];
    unsigned char expected[REDIS_KEYS_A_COMMAND][8];
    char number[24], second_number[24];
    unsigned char *values; /* the caller frees it */
};
bool redis_make_words(struct redis_words *words, const struct redis_command *command); /* false: no memory */
/* With the prefix; `mark` sets counters apart from values. */
struct wd_str redis_full_key(const struct redis *redis, struct wd_str key, const char *mark,
                             char out[REDIS_FULL_KEY_MAX]);
/* The first of the command's keys. */
struct wd_str redis_key_of(const struct redis_command *command, char room[REDIS_FULL_KEY_MAX]);
/* False: it is no reply to such a command. */
bool redis_take_reply(struct redis_command *command, const struct redisReply *reply);

/* redis_size.c */
void redis_size(struct state_store *store, struct state_size *out);

/* redis_walk.c */
enum wd_status redis_each(struct state_store *store, state_each_fn *each, void *context, struct wd_error *err);

/* The layout is known, or `why` it is not. */
void redis_go_on(struct redis *redis, const char *why);

#endif
