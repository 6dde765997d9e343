/* The log of every call, oldest dropped first, and counts by action and outcome. Belongs to the sandbox's lock. */
#ifndef WORKER_SANDBOX_JOURNAL_H
#define WORKER_SANDBOX_JOURNAL_H

#include "worker/platform/sandbox/call.h"

struct journal;

struct journal *journal_new(size_t limit, size_t body_limit);
void journal_free(struct journal *journal);

/* A sequence number for the begin or end of a call: two calls overlapped where each began before the other ended. */
uint64_t journal_tick(struct journal *journal);

/* Writes the call down as decided (route, effect, answer) and gives it a number in call->number. */
void journal_begin(struct journal *journal, struct call *call, int64_t now_ms, uint64_t start);
/* The answer is about to leave, or will never. Calls dropped from the log meanwhile are ignored. */
void journal_end(struct journal *journal, const struct call *call, int64_t now_ms);

/* Forgets calls and counts; numbers go on. */
void journal_clear(struct journal *journal);

/* {"calls":[...],"next":N,"last":L,"dropped":D}: at most `limit` calls with numbers above `since`; action NULL: any. */
void journal_print(const struct journal *journal, uint64_t since, size_t limit, const char *action, struct buffer *out);
/* {"received":...,"actions":{"flag":{"done":...}}} */
void journal_print_stats(const struct journal *journal, struct buffer *out);

uint64_t journal_outcome_count(const struct journal *journal, enum call_outcome outcome);
uint64_t journal_carried_out(const struct journal *journal, const char *action);

#endif
