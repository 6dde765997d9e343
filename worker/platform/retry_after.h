/* The Retry-After header: seconds or a date. Pure. Neighbours: transfer.c. */
#ifndef WORKER_PLATFORM_RETRY_AFTER_H
#define WORKER_PLATFORM_RETRY_AFTER_H

#include <stdint.h>
#include <time.h>

enum { RETRY_AFTER_MAX_MS = 3600 * 1000 }; /* a longer pause is taken as a mistake of the sender */

/* How long to wait, from 0 to RETRY_AFTER_MAX_MS; -1 where `value` is neither form. A date is relative to `date`, the
 * answer's own Date header, so that wrong clocks do not matter; to `now` where there is none. */
int64_t retry_after_ms(const char *value, const char *date, time_t now);

#endif
