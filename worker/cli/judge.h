/* Judging single texts and events by a rule set, for the commands that need no network. */
#ifndef WORKER_CLI_JUDGE_H
#define WORKER_CLI_JUDGE_H

#include <warden/arena.h>
#include <warden/behaviour.h>
#include <warden/decode.h>
#include <warden/ruleset.h>
#include <warden/scanner.h>

struct judge {
    const struct wd_ruleset *set;
    struct wd_value_table *table; /* what the set remembers of the records that were judged, in their order */
    uint64_t records;
    struct wd_decoder *decoder;
    struct wd_scanner *scanner;
    struct wd_arena *arena; /* of the record last judged */
    struct wd_events events;
    struct wd_verdict *verdicts; /* one an event; in the arena */
};

/* False where memory is out. `set` must outlive the judge. */
bool judge_init(struct judge *judge, const struct wd_ruleset *set);
void judge_fini(struct judge *judge);

/* Where the object with this index of the record last judged comes from. */
struct wd_origin judge_origin(const struct judge *judge, size_t object);

/* Decodes a record (a bare {"text":...} or a whole event) and judges each of its events: events and verdicts stay until
 * the next call. On failure `err` says what is wrong and *reason_out is a stable name for it. */
bool judge_record(struct judge *judge, const char *bytes, size_t len, const char **reason_out, struct wd_error *err);

#endif
