/* What the two contestants of bench/actions share. */
#ifndef BENCH_ACTIONS_H
#define BENCH_ACTIONS_H

#include <stddef.h>

#define BENCH_PATH "/api/v3/channels/channel-0001/users/ban"
#define BENCH_BODY "{\"userIds\":[\"user-000000001\"]}"

/* Runs `count` calls with at most `in_flight` on the way; ends the program on any failure. */
void bare_run(const char *base_url, size_t count, size_t in_flight);

#endif
