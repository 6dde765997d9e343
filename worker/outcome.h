/* How a call to the outside ended, in the five classes that decide what happens to the offset. */
#ifndef WORKER_OUTCOME_H
#define WORKER_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

enum outcome_class {
    OUTCOME_DONE = 0,  /* carried out now */
    OUTCOME_ALREADY,   /* the platform says that it was so before */
    OUTCOME_RETRY,     /* may succeed later: 5xx, timeout, connection, 429 */
    OUTCOME_PERMANENT, /* this action can never succeed: dead letter */
    OUTCOME_STOP,      /* our own fault (token, permission): nobody calls until it heals; never a dead letter */
    OUTCOME_CLASS_COUNT
};
/* "done", "already_done", "retry", "permanent", "stop". */
const char *outcome_class_name(enum outcome_class class);

struct outcome {
    enum outcome_class class;
    int http_status;        /* 0 where no answer came */
    int platform_code;      /* as 400311; 0 where there is none */
    int64_t retry_after_ms; /* -1 where the answer named none */
    bool ambiguous;         /* the request was sent but no answer came: it may have been carried out */
    bool throttled;         /* 429, or 503 with Retry-After: costs no attempt, closes the gate for everybody */
    char text[200];         /* for the log and the decision record; never holds a secret */
};

#endif
