/* Which values an event needs. What always holds: the keys of one event are distinct; an event that no rule about
 * behaviour covers needs none. Neighbours: remember.c judges with the values. */
#include "filters/rules/rules.h"

#include <warden/behaviour.h>

enum { CLOCKS_DIFFER_MS = 5 * 60 * 1000 };

int64_t wd_event_time_ms(const struct wd_event *event)
{
    int64_t made = event->created_at_ms, received = event->kafka_timestamp_ms;
    if (made <= 0)
        return received > 0 ? received : 0;
    return received > 0 && made > received + CLOCKS_DIFFER_MS ? received + CLOCKS_DIFFER_MS : made;
}

struct wd_origin wd_origin_of(struct wd_str topic, int32_t partition, int64_t offset, uint32_t object)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < topic.len; i++)
        hash = (hash ^ (unsigned char)topic.data[i]) * 1099511628211U;
    hash = (hash ^ (unsigned char)'/') * 1099511628211U;
    for (int i = 0; i < 4; i++)
        hash = (hash ^ ((uint32_t)partition >> 8 * i & 0xFF)) * 1099511628211U;
    return (struct wd_origin){.source = hash, .sequence = (uint64_t)offset << 16 | (object & 0xFFFF)};
}

bool wd_ruleset_remembers(const struct wd_ruleset *set)
{
    (void)set;
    return false;
}

enum wd_status wd_recall(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                         const struct wd_event *event, int64_t now_ms, struct wd_recall *recall_out,
                         struct wd_error *err)
{
    (void)scanner, (void)set, (void)arena, (void)event, (void)now_ms, (void)err;
    *recall_out = (struct wd_recall){0};
    return WD_OK;
}

enum wd_status wd_recall_further(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                 const struct wd_event *event, struct wd_value *const *values, struct wd_recall *recall,
                                 struct wd_error *err)
{
    (void)scanner, (void)set, (void)arena, (void)event, (void)values, (void)recall, (void)err;
    return WD_OK;
}
