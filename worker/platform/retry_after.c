/* Retry-After: see retry_after.h. */
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "worker/platform/retry_after.h"

static int64_t from_seconds(const char *digits, size_t count)
{
    int64_t seconds = 0;
    for (size_t i = 0; i < count; i++) {
        seconds = seconds * 10 + (digits[i] - '0');
        if (seconds * 1000 > RETRY_AFTER_MAX_MS)
            return RETRY_AFTER_MAX_MS;
    }
    return seconds * 1000;
}

int64_t retry_after_ms(const char *value, const char *date, time_t now)
{
    value += strspn(value, " \t");
    size_t digits = strspn(value, "0123456789");
    if (digits > 0 && value[digits + strspn(value + digits, " \t")] == '\0')
        return from_seconds(value, digits);
    if (!strchr(value, ':')) /* every date form of HTTP has a time of day; "-5" and "soon" have not */
        return -1;
    time_t until = curl_getdate(value, NULL);
    time_t from = date && date[0] ? curl_getdate(date, NULL) : -1;
    if (until == -1)
        return -1;
    if (from == -1)
        from = now;
    if (until <= from)
        return 0;
    return until - from >= RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : (int64_t)(until - from) * 1000;
}
