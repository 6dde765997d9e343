/* One HTTP call to the sandbox, from its first byte to the end of its answer. http.c fills the request, api.c and the
 * handlers the answer, answer.c sends it. */
#ifndef WORKER_SANDBOX_CALL_H
#define WORKER_SANDBOX_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "worker/platform/sandbox/buffer.h"
#include "worker/platform/sandbox/faults.h"
#include "worker/platform/sandbox/objects.h"

struct sandbox;
struct route;
struct token_entry;
struct MHD_Connection;

enum { CALL_SEGMENT_MAX = 8, CALL_QUERY_MAX = 128, CALL_USER_MAX = 101, CALL_BODY_MAX = 1 << 20 };

enum call_outcome { CALL_DONE = 0, CALL_ALREADY, CALL_REFUSED, CALL_FAULTED, CALL_OUTCOME_COUNT };
/* "done", "already", "refused", "faulted". */
const char *call_outcome_name(enum call_outcome outcome);

/* Where a call is in its life; answer.c says what happens next. */
enum call_stage {
    CALL_COLLECTING = 0, /* the request is still coming in */
    CALL_WAITING,        /* held back: the connection is suspended and a timer is running */
    CALL_READY,          /* the answer may go out */
    CALL_ENDING,         /* no answer: the connection is closed */
    CALL_ANSWERED        /* handed to the HTTP library */
};

struct query_value {
    const char *name, *value;
};

struct call {
    struct sandbox *sandbox;
    struct MHD_Connection *connection;
    int fd;

    /* request */
    char method[12];
    char *uri; /* as sent: path and query */
    size_t path_len;
    const char *authorization, *api_key, *idempotency_key, *content_type, *user_agent; /* alive while the call is */
    struct buffer body;
    bool body_too_large, is_loopback, is_malformed;
    char *decoded; /* the bytes that segments and query point into */
    const char *segments[CALL_SEGMENT_MAX];
    size_t segment_count;
    struct query_value query[CALL_QUERY_MAX];
    size_t query_count;
    json_t *json; /* the body, NULL where it is none */

    /* what it is about */
    const struct route *route;
    const struct token_entry *token;
    char token_name[80]; /* as in the log, "" without one; outlives the token */
    const char *action;  /* "" where it is no moderation call */
    enum object_type object_type, place_type;
    const char *object_id, *place_id;
    const char *user_ids[CALL_USER_MAX];
    size_t user_count;
    bool changed[CALL_USER_MAX]; /* in a place: for which of them the call changed something */

    /* answer */
    int status, code;
    enum call_outcome outcome;
    bool executed; /* carried out, whatever the answer says */
    struct buffer answer;
    const char *answer_type; /* NULL: application/json */
    struct fault_effect effect;

    /* life */
    enum call_stage stage;
    uint64_t number; /* in the log; 0: not logged */
    uint64_t due_ns;
    size_t timer_index; /* in the heap, + 1; 0: none */
    bool suspended, watched, reset, gone, ended;
    uint64_t sent; /* bytes of the answer that the body reader gave out */
    bool piece_due;
};

/* The value of a query parameter, or NULL. */
const char *call_query(const struct call *call, const char *name);

/* Answers. The last one wins. */
void call_refuse(struct call *call, int status, int code, const char *message);
void call_already(struct call *call, int status, int code, const char *message);
/* 422, 500000, 'parameters validation error': `detail` says which. */
void call_invalid(struct call *call, const char *detail);
void call_not_found(struct call *call, const char *what);
void call_no_memory(struct call *call);
/* 200 with what the handler has written to call->answer, {"success":true} where it wrote nothing. */
void call_done(struct call *call);

#endif
