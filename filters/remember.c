/* Judging with what is remembered. Neighbours: recall.c, scanner.c. */
#include <stdlib.h>

#include <warden/behaviour.h>

#include "filters/rules/rules.h"

enum wd_status wd_scan_remembering(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                   const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                   const struct wd_recall *recall, struct wd_value *const *values,
                                   struct wd_verdict *verdict_out, struct wd_error *err)
{
    (void)origin, (void)recall, (void)values;
    return wd_scan(scanner, set, arena, event, now_ms, verdict_out, err);
}

char *wd_value_describe(const struct wd_ruleset *set, struct wd_str key, const unsigned char *bytes, size_t len,
                        int64_t now_ms)
{
    (void)set, (void)key, (void)bytes, (void)len, (void)now_ms;
    return strdup("{}");
}

double wd_value_score(const struct wd_ruleset *set, const unsigned char *bytes, size_t len, const char *name,
                      int64_t now_ms)
{
    (void)set, (void)bytes, (void)len, (void)name, (void)now_ms;
    return 0;
}
