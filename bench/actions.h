/* What the contestants of bench/actions share. */
#ifndef BENCH_ACTIONS_H
#define BENCH_ACTIONS_H

#include <stddef.h>
#include <stdint.h>

struct action_table;
struct token;

#define BENCH_PATH "/api/v3/channels/channel-0001/users/ban"
#define BENCH_BODY "{\"userIds\":[\"user-000000001\"]}"

/* Runs `count` calls with at most `in_flight` on the way; ends the program on any failure. */
void bare_run(const char *base_url, size_t count, size_t in_flight);

/* Carries out `count` actions on as many authors of one channel with at most `in_flight` calls on the way; returns how
 * many calls that took. batch_wait_ms 0: one each. */
size_t dispatch_contest(const char *base_url, const struct action_table *table, struct token *token, size_t count,
                        size_t in_flight, int64_t batch_wait_ms);

#endif
