/* An event as it is shown in a report: its texts, cut to what fits a line or two, with the matched spans. */
#ifndef WORKER_REPLAY_CAPTURE_H
#define WORKER_REPLAY_CAPTURE_H

#include <jansson.h>
#include <warden/ruleset.h>
#include <warden/verdict.h>

struct capture {
    const char *place; /* "events.jsonl:12" */
    const struct wd_event *event;
    const struct wd_ruleset *set; /* whose verdict's spans are shown */
    const struct wd_verdict *verdict;
    const struct wd_verdict *before; /* NULL: nothing is compared */
    int64_t only_rule;               /* the spans of this rule alone; -1: of all */
    const char *label;               /* NULL: none */
};

/* NULL where memory is out. */
json_t *capture_event(const struct capture *capture);

/* "flag, ban (channel)": for people and for comparing. Into `out`, cut where it does not fit; "" for none. */
void capture_actions(const struct wd_action *actions, size_t count, char *out, size_t size);

#endif
