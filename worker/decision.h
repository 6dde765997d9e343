/* The decision record: what was found in one content object and what was done about it, as JSON
 * (config/schema/decision.schema.json). Begun when the verdict is there, finished when its actions have ended. */
#ifndef WORKER_DECISION_H
#define WORKER_DECISION_H

#include <warden/event.h>
#include <warden/ruleset.h>
#include <warden/verdict.h>

#include "worker/kafka/consumer.h"
#include "worker/work.h"

struct decision;

/* Everything is copied; NULL where memory is out. `record` names the coordinates. */
struct decision *decision_new(const struct kafka_record *record, const struct wd_event *event, uint32_t index,
                              const struct wd_verdict *verdict, const struct wd_ruleset *rules, int64_t wall_ms);
void decision_free(struct decision *decision);

/* What is known before any action: the body of a notification. In the arena; data NULL where memory is out. */
struct wd_str decision_preview(const struct decision *decision, struct wd_arena *arena);

/* The whole record, with the outcome of each of the unit's calls. `dead_letter` is the reason or NULL. malloc'ed,
 * NUL-terminated; NULL where memory is out. */
char *decision_finish(struct decision *decision, const struct unit *unit, const char *dead_letter, const char *worker,
                      int64_t wall_ms);

#endif
