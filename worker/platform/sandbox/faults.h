/* Faults: which calls go wrong, how and when. A fault has filters, a schedule and a share; the same seed and the same
 * calls in the same order give the same faults. Belongs to the sandbox's lock. The JSON is described in
 * docs/sandbox.md. */
#ifndef WORKER_SANDBOX_FAULTS_H
#define WORKER_SANDBOX_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <warden/status.h>

#include "worker/platform/sandbox/buffer.h"

enum fault_kind {
    FAULT_NONE = 0,
    FAULT_STATUS,      /* answers with a status: 429, 5xx, 401, ... */
    FAULT_SLOW,        /* the right answer, late */
    FAULT_HANG,        /* no answer */
    FAULT_SLOW_BODY,   /* the right answer, a few bytes at a time */
    FAULT_CUT_BODY,    /* half of the right answer, then the end of the connection */
    FAULT_RESET,       /* a TCP reset instead of an answer */
    FAULT_CLOSE,       /* the right answer, and the connection is closed after it */
    FAULT_HUGE_BODY,   /* megabytes, where the right answer is 200 */
    FAULT_BROKEN_JSON, /* the right status and half of a JSON text */
    FAULT_KIND_COUNT
};
const char *fault_kind_name(enum fault_kind kind);

struct faults;

/* What the faults make of one call. */
struct fault_effect {
    enum fault_kind kind; /* FAULT_SLOW never stands here: see delay_ns */
    unsigned fault_id;    /* 0: none but delays */
    bool execute;         /* carry the action out all the same */
    uint64_t delay_ns;    /* before the answer, whatever it is */
    int status, code;
    char retry_after[64]; /* empty: none */
    uint64_t bytes;       /* huge body: length; slow body: bytes at a time */
    uint64_t pause_ns;    /* slow body: between pieces; hang: the longest */
};

/* What a fault can ask about a call. `action` may be "". */
struct fault_subject {
    const char *method, *path, *action;
    const char *object_id;
    const char *const *user_ids;
    size_t user_count;
};

struct faults *faults_new(uint64_t seed, uint32_t latency_min_ms, uint32_t latency_max_ms);
void faults_free(struct faults *faults);
void faults_clear(struct faults *faults);

/* Adds one fault, or all of a list, or all of {"faults":[...],"seed":N}: all or none. */
enum wd_status faults_add(struct faults *faults, const json_t *json, uint64_t now_ns, struct wd_error *err);
/* The same, instead of those that are there; they stay where it fails. */
enum wd_status faults_replace(struct faults *faults, const json_t *json, uint64_t now_ns, struct wd_error *err);
/* Range of the delay of every call. */
void faults_set_latency(struct faults *faults, uint32_t min_ms, uint32_t max_ms);

void faults_decide(struct faults *faults, const struct fault_subject *subject, uint64_t now_ns,
                   struct fault_effect *effect_out);

/* {"faults":[{"id":1,"kind":"status","seen":12,"applied":3},...]} */
void faults_print(const struct faults *faults, struct buffer *out);

#endif
