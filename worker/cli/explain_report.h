/* Why rules match an event, for people and for programs. Neighbours: rules_explain.c. */
#ifndef WORKER_CLI_EXPLAIN_REPORT_H
#define WORKER_CLI_EXPLAIN_REPORT_H

#include <jansson.h>

#include <warden/explain.h>

#include "worker/cli/judge.h"

/* A rule of interest, and what was found about it. */
struct explained {
    const struct wd_rule_info *info;
    const struct wd_rule_match *match; /* NULL: it does not match */
    struct wd_explanation explanation;
};

void explain_print_event(const struct wd_event *event, const struct wd_verdict *verdict);
void explain_print_rule(const struct wd_event *event, const struct explained *rule);
/* Score and actions; `rules` are all that match, at least. */
void explain_print_outcome(const struct wd_verdict *verdict, const struct explained *rules, size_t count);

/* What the event has done to what is remembered: trust, the arithmetic of scores, ladders, what people forbid. Nothing
 * where nothing is. */
void explain_print_behaviour(const struct judge *judge, const struct wd_event *event, const struct wd_verdict *verdict);

/* The same as JSON. */
json_t *explain_json_event(const struct wd_event *event, const struct wd_verdict *verdict,
                           const struct explained *rules, size_t count);

#endif
