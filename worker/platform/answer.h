/* What an answer of the platform means: lists of conditions on HTTP status, platform code and message, in YAML:
 *
 *     already: [400315, {status: 400, message: already deleted}]     # three digits: status; six: platform code
 *     retry: [5xx, 429]
 *
 * Within a list the condition that asks for most wins: message over code over status over class of statuses; of two
 * that ask for the same the first. Pure. Neighbours: table.c. */
#ifndef WORKER_PLATFORM_ANSWER_H
#define WORKER_PLATFORM_ANSWER_H

#include <warden/arena.h>
#include <warden/diagnostics.h>
#include <warden/document.h>

#include "worker/outcome.h"

struct answer_condition {
    enum outcome_class class;
    int status_from, status_to; /* both 0: any answer that is not 2xx */
    int code;                   /* 0: any */
    const char *message;        /* part of the platform's message, in any case; NULL: any */
    int weight;
};

struct answer_list {
    const struct answer_condition *items;
    size_t count;
    bool reads_success; /* a condition looks into the body of a 2xx answer */
};

/* Reports every mistake and returns false where there was one. */
bool answer_list_read(struct answer_list *out, const struct wd_node *node, const char *file, struct wd_arena *arena,
                      struct wd_diagnostics *findings);

/* What the platform's error body says: {"code": 400300, "message": "..."}. All absent where it is something else. */
struct answer_body {
    bool is_broken; /* begins as a JSON object and does not end as one: what it said is not known */
    int code;
    char message[160]; /* one line, cut at a character */
};
void answer_body_read(struct answer_body *out, struct wd_str json);

/* NULL where no condition holds. `body` may be NULL. */
const struct answer_condition *answer_list_find(const struct answer_list *list, int http_status,
                                                const struct answer_body *body);

/* What HTTP itself says, for answers that no list names. */
enum outcome_class answer_class_of_status(int http_status);

#endif
