/* Times as people give them to options: points in UTC, or ages. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "worker/cli/times.h"

/* The number before a unit as in "7d"; -1 where it is none. */
static int64_t ago_ms(const char *text)
{
    static const struct {
        char unit;
        int64_t ms;
    } UNITS[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    for (size_t i = 0; !errno && end != text && number >= 0 && number < 1000000 && i < 4; i++)
        if (end[0] == UNITS[i].unit && !end[1])
            return number * UNITS[i].ms;
    return -1;
}

/* 2026-11-01, 2026-11-01T12:30:00Z (UTC in any case), or how long ago: 7d, 12h, 30m. False: none of these. */
static bool parse_time(const char *text, int64_t *ms_out)
{
    int64_t ago = ago_ms(text);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ago >= 0) {
        *ms_out = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - ago;
        return true;
    }
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%d", &parts);
    if (end && *end == 'T')
        end = strptime(end, "T%H:%M:%S", &parts);
    if (end && *end == 'Z')
        end++;
    if (!end || *end)
        return false;
    *ms_out = (int64_t)timegm(&parts) * 1000;
    return true;
}

bool cli_time(const struct cli_arguments *arguments, const char *option, int64_t fallback_ms, int64_t *ms_out)
{
    const char *text = cli_value(arguments, option);
    *ms_out = fallback_ms;
    if (!text || parse_time(text, ms_out))
        return true;
    cli_usage(arguments, "--%s '%s' is neither a time (2026-11-01T12:00:00Z, 2026-11-01) nor an age (7d, 12h, 30m)",
              option, text);
    return false;
}
