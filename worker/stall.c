/* The watchdog's judgement on one partition. Neighbours: watchdog.c looks at the partitions and tells. */
#include "worker/stall.h"

static enum stall_news begin_anew(struct stall *stall, const struct stall_sight *sight, int64_t now_ms)
{
    bool was_told = stall->is_told;
    *stall = (struct stall){
        .is_known = true, .had_unfinished = sight->has_unfinished, .position = sight->position, .since_ms = now_ms};
    return was_told ? STALL_OVER : STALL_NOTHING;
}

static enum stall_news tell(struct stall *stall)
{
    if (stall->is_told)
        return STALL_GOES_ON;
    stall->is_told = true;
    return STALL_BEGUN;
}

/* Nothing is delivered: a stall only where the end still moves in the second half of the time. */
static enum stall_news look_at_end(struct stall *stall, const struct stall_sight *sight, int64_t now_ms,
                                   int64_t timeout_ms)
{
    if (!stall->is_half_over && now_ms - stall->since_ms >= timeout_ms / 2) {
        stall->is_half_over = true;
        stall->end_at_half = sight->end;
    }
    if (now_ms - stall->since_ms < timeout_ms)
        return STALL_NOTHING;
    return stall->is_told || sight->end > stall->end_at_half ? tell(stall) : begin_anew(stall, sight, now_ms);
}

enum stall_news stall_look(struct stall *stall, const struct stall_sight *sight, int64_t now_ms, int64_t timeout_ms)
{
    bool is_idle = !sight->has_unfinished && sight->end <= sight->position;
    bool has_begun = sight->has_unfinished && !stall->had_unfinished && !stall->is_told;
    if (!stall->is_known || sight->position != stall->position || sight->is_held || is_idle || has_begun ||
        timeout_ms == 0)
        return begin_anew(stall, sight, now_ms);
    if (!sight->has_unfinished)
        return look_at_end(stall, sight, now_ms, timeout_ms);
    return now_ms - stall->since_ms >= timeout_ms ? tell(stall) : STALL_NOTHING;
}
