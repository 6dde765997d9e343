/* ISO 8601 times as the platform writes them. Pure. */
#ifndef FILTERS_EVENT_TIME_TEXT_H
#define FILTERS_EVENT_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <warden/str.h>

/* "2024-05-01", "2024-05-01T12:34Z", "2024-05-01 12:34:56.789+07:00" to milliseconds since 1970-01-01 UTC. Without a
 * zone it is UTC; fractions are cut to milliseconds; second 60 counts as the next minute. false where it is no time. */
bool time_parse(struct wd_str text, int64_t *ms_out);

#endif
