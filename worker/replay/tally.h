/* What a replay counts. Every thread has a tally of its own; all of it is sums and smallest-of, so that the merged one
 * does not depend on which thread saw what. Neighbours: judge.c counts, report.c tells. */
#ifndef WORKER_REPLAY_TALLY_H
#define WORKER_REPLAY_TALLY_H

#include <jansson.h>
#include <warden/decode.h>
#include <warden/ruleset.h>

#include "worker/replay/authors.h"
#include "worker/replay/timeline.h"

enum replay_label { LABEL_NONE, LABEL_BAD, LABEL_OK, LABEL_COUNT };

/* What became of the planned actions of an event, seen from the rules that are compared with. */
enum replay_change { CHANGE_NONE, CHANGE_NEW, CHANGE_GONE, CHANGE_CHANGED, CHANGE_COUNT };

struct rule_tally {
    uint64_t matched, enforced, shadow, undecided;
    uint64_t matched_labelled[LABEL_COUNT];
    /* Events in which the rule of the same id matches in one of the two sets only. */
    uint64_t gained, lost;
};

struct set_tally {
    struct rule_tally *rules;
    size_t rule_count;
    uint64_t actions[WD_ACTION_KIND_COUNT][WD_SCOPE_COUNT];
    uint64_t shadow_actions[WD_ACTION_KIND_COUNT][WD_SCOPE_COUNT];
    uint64_t events_matched, events_acted, events_shadow_acted, exempt, undecided;
    uint64_t acted_labelled[LABEL_COUNT], matched_labelled[LABEL_COUNT];
};

/* An event that is shown. Which ones: those with the smallest `rank`, a hash of their place, which is a fair draw. */
struct sample {
    uint64_t rank, place; /* `place` orders equal ranks */
    json_t *json;
};

struct sample_draw {
    struct sample *items; /* by rank */
    size_t count, room;
};

enum { FAILURES_SHOWN = 10 };
struct failure_sample {
    uint32_t input;
    uint64_t position;
    char reason[24], text[160];
};

/* The draws behind those of the rules. */
enum { DRAW_NEW, DRAW_GONE, DRAW_CHANGED, DRAW_ACTED_OK, DRAW_MISSED_BAD, DRAW_COUNT };

struct tally {
    uint64_t records, tombstones, events, repaired, unwanted;
    uint64_t failures;
    struct failure_sample failure_samples[FAILURES_SHOWN]; /* the first ones, by place */
    size_t failure_sample_count;
    uint64_t labels[LABEL_COUNT]; /* events, by label */
    uint64_t changes[CHANGE_COUNT], shadow_changes[CHANGE_COUNT];
    struct set_tally now, before;
    struct timeline timeline;
    struct authors *authors;
    struct sample_draw *draws; /* one a rule of `now`, then DRAW_COUNT */
    size_t draw_count;
};

/* `against` may be NULL. False: no memory; tally_fini() all the same. */
bool tally_init(struct tally *tally, const struct wd_ruleset *rules, const struct wd_ruleset *against, size_t samples);
void tally_fini(struct tally *tally);
/* Samples move over; `from` is still to be ended. False: no memory. */
bool tally_merge(struct tally *into, struct tally *from);

struct sample_draw *tally_draw(struct tally *tally, size_t draw); /* DRAW_* */
/* Would a sample of this rank be kept? Asked first, because making one is the expensive part. */
bool sample_draw_wants(const struct sample_draw *draw, uint64_t rank, uint64_t place);
/* Takes `json` over. */
void sample_draw_add(struct sample_draw *draw, uint64_t rank, uint64_t place, json_t *json);

void tally_add_failure(struct tally *tally, uint32_t input, uint64_t position, const char *reason, const char *text);

#endif
