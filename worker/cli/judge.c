/* A record through decoder and scanner, without a worker around it. No time budget: what a rule says must not depend on
 * how busy the machine is. */
#include <stdlib.h>

#include "worker/cli/judge.h"

enum { RECORD_MAX = 16 << 20, ARENA_MAX = 256 << 20 };

bool judge_init(struct judge *judge, const struct wd_ruleset *set)
{
    const struct wd_scanner_options options = {.stage = WD_STAGE_WORKER};
    *judge = (struct judge){
        .set = set,
        .table = wd_value_table_new(),
        .decoder = wd_decoder_new(RECORD_MAX),
        .scanner = wd_scanner_new(&options),
        .arena = wd_arena_new(ARENA_MAX),
    };
    if (judge->decoder && judge->scanner && judge->arena && judge->table)
        return true;
    judge_fini(judge);
    return false;
}

void judge_fini(struct judge *judge)
{
    wd_decoder_free(judge->decoder);
    wd_scanner_free(judge->scanner);
    wd_arena_free(judge->arena);
    wd_value_table_free(judge->table);
    *judge = (struct judge){0};
}

struct wd_origin judge_origin(const struct judge *judge, size_t object)
{
    return wd_origin_of(wd_str_from("records"), 0, (int64_t)judge->records, (uint32_t)object);
}

bool judge_record(struct judge *judge, const char *bytes, size_t len, const char **reason_out, struct wd_error *err)
{
    wd_arena_reset(judge->arena);
    judge->records++;
    judge->events = (struct wd_events){0};
    enum wd_decode_outcome outcome = wd_decode(judge->decoder, judge->arena, bytes, len, &judge->events, err);
    if (outcome != WD_DECODED) {
        *reason_out = wd_decode_outcome_name(outcome);
        return false;
    }
    judge->verdicts = wd_arena_zalloc(judge->arena, judge->events.count, sizeof(*judge->verdicts));
    if (!judge->verdicts && judge->events.count) {
        *reason_out =
            wd_status_name(wd_fail(err, WD_ERR_TOO_LARGE, "the record needs more than %d MiB", ARENA_MAX >> 20));
        return false;
    }
    for (size_t i = 0; i < judge->events.count; i++) {
        const struct wd_event *event = &judge->events.items[i];
        struct wd_origin origin = judge_origin(judge, i);
        enum wd_status status =
            wd_scan_with_table(judge->scanner, judge->set, judge->arena, event, wd_event_time_ms(event), &origin,
                               judge->table, &judge->verdicts[i], err);
        if (status != WD_OK) {
            *reason_out = wd_status_name(status);
            return false;
        }
    }
    return true;
}
