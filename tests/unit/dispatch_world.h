/* A platform that is played by the test, for dispatch: it takes every call that is sent and checks on the way what must
 * hold at any time: one call at a time for each author, in the order in which his units came; calls that share a flight
 * differ in nothing but the author; windows and limits. */
#ifndef TESTS_UNIT_DISPATCH_WORLD_H
#define TESTS_UNIT_DISPATCH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/dispatch/dispatch.h"
#include "worker/dispatch/flights.h"

enum { UNITS_MAX = 600, AUTHORS = 20, PARTITIONS = 3, CALLS_MAX = 3 };

struct world {
    struct dispatch *dispatch;
    struct dispatch_options options;
    int64_t now_ms;
    unsigned seed;
    struct partition partitions[PARTITIONS];
    struct work works[UNITS_MAX];
    struct unit units[UNITS_MAX];
    struct call calls[UNITS_MAX][CALLS_MAX];
    char texts[UNITS_MAX][CALLS_MAX][160]; /* path or body of calls that may share */
    char ids[AUTHORS][16];
    int author_of[UNITS_MAX];
    size_t unit_count;
    struct flight *flying[UNITS_MAX];
    size_t flying_count, widest, sent, users_sent, most_users;
    int busy[AUTHORS];       /* calls on the way */
    int last_ended[AUTHORS]; /* the unit that ended last: they end in the order in which they were added */
    bool ended[UNITS_MAX], dropped[UNITS_MAX];
    int64_t ended_ms[UNITS_MAX];
    size_t room; /* connections of the client */
    int opened, closed, ours;
};

extern const struct dispatch_options OPTIONS; /* without batches */
extern const struct outcome DONE, ALREADY, BROKEN, REFUSED, NEVER;
extern const struct action_batch IN_BODY, IN_QUERY; /* up to 100 and 10 authors */

struct world *world_new(unsigned seed, const struct dispatch_options *options);
void world_free(struct world *world);

/* A unit of `calls` calls that share nothing. */
struct unit *add(struct world *world, int author, int partition, size_t calls, const char *group);
/* A unit with one call that may share with others of the same batch, place and duration. */
struct unit *add_shared(struct world *world, int author, const struct action_batch *batch, int place, int duration);
/* Makes one call of a unit such a call. */
void share_call(struct world *world, struct unit *unit, size_t call, const struct action_batch *batch, int place,
                int duration);

/* Runs at world->now_ms. */
int64_t run_now(struct world *world);
void settle(struct world *world, size_t at, struct outcome outcome);
void settle_all(struct world *world, struct outcome outcome);
int number_of(const struct world *world, const struct unit *unit);
bool is_aboard(const struct world *world, const struct flight *flight, int author);
/* Mostly good, otherwise of every kind that an answer can be; `may_refuse`: of the permanent kind, too. */
struct outcome by_dice(struct world *world, bool may_refuse);

#endif
