/* Rule sets over history, without any side effect: what they would have done, and what another version did. */
#ifndef WORKER_REPLAY_REPLAY_H
#define WORKER_REPLAY_REPLAY_H

#include <stdio.h>

#include "worker/replay/source.h"
#include "worker/replay/tally.h"

struct replay_progress {
    uint64_t records, done, total; /* done of total: as source_progress() */
    double seconds;
    bool has_ended;
};

struct replay_options {
    const struct wd_ruleset *rules;
    const struct wd_ruleset *against; /* NULL: nothing is compared */
    struct source *source;
    size_t threads;
    size_t samples; /* of each kind */
    /* From the calling thread, a few times a second and once at the end; may be NULL. */
    void (*on_progress)(void *context, const struct replay_progress *progress);
    void *context;
};

/* Judges everything. The result does not depend on `threads`: a set that remembers takes one. On success tally_fini()
 * is the caller's. */
enum wd_status replay_run(const struct replay_options *options, struct tally *out, struct wd_error *err) WD_MUST_USE;

/* The report: one JSON object, from which the other forms are printed, so that their numbers agree. NULL: no memory. */
json_t *replay_report(const struct replay_options *options, struct tally *tally);
void replay_print_table(const json_t *report, FILE *out);
/* One file that needs no other and runs no script. */
void replay_print_html(const json_t *report, FILE *out);

#endif
