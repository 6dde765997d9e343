/* The form of one fault as both faults.c and faults_parse.c see it. */
#ifndef WORKER_SANDBOX_FAULTS_PARSE_H
#define WORKER_SANDBOX_FAULTS_PARSE_H

#include "worker/platform/sandbox/faults.h"

enum retry_after_form { RETRY_AFTER_NONE = 0, RETRY_AFTER_TEXT, RETRY_AFTER_DATE };

struct fault {
    unsigned id;
    enum fault_kind kind;
    bool execute;
    /* filters; NULL: any */
    char *method, *path, *action, *user, *object;
    /* how often */
    double share;
    uint64_t skip;             /* matching calls that are spared first */
    uint64_t count;            /* calls that are hit at most; UINT64_MAX: no end */
    uint64_t above_per_second; /* only calls over so many in a second; 0: all */
    /* when, from the time it was set */
    uint64_t after_ns, for_ns; /* for_ns 0: for ever */
    uint64_t period_ns, on_ns; /* flapping: on_ns of every period; period_ns 0: always on */
    /* what */
    int status, code;
    enum retry_after_form retry_after_form;
    char retry_after[64];
    int64_t retry_after_s;
    uint64_t latency_min_ns, latency_max_ns;
    uint64_t bytes, pause_ns;
    /* state */
    uint64_t set_ns, seen, applied, random;
    uint64_t window_ns, window_calls;
};

/* Fills *out from one JSON object; on failure nothing is left to free. */
enum wd_status fault_parse(const json_t *json, struct fault *out, struct wd_error *err);
void fault_fini(struct fault *fault);

#endif
