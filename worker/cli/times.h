/* Times as people give them to options. */
#ifndef WORKER_CLI_TIMES_H
#define WORKER_CLI_TIMES_H

#include <stdint.h>

#include "worker/cli/cli.h"

/* The value of an option as milliseconds since 1970: 2026-11-01, 2026-11-01T12:30:00Z (UTC in any case), or how long
 * ago: 7d, 12h, 30m, 10s. `fallback_ms` where it is not given. false after a complaint. */
bool cli_time(const struct cli_arguments *arguments, const char *option, int64_t fallback_ms, int64_t *ms_out);

#endif
