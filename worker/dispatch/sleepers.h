/* Units that wait for their next attempt: a binary heap by due time. */
#ifndef WORKER_DISPATCH_SLEEPERS_H
#define WORKER_DISPATCH_SLEEPERS_H

#include "worker/work.h"

struct sleepers {
    struct unit **heap;
    size_t count, room;
};

/* Makes room for so many sleepers in all: sleepers_put() cannot fail within it. False: no memory. */
bool sleepers_reserve(struct sleepers *sleepers, size_t units);
/* The unit becomes UNIT_SLEEPING. */
void sleepers_put(struct sleepers *sleepers, struct unit *unit, int64_t due_ms);
void sleepers_remove(struct sleepers *sleepers, struct unit *unit);
/* Takes out a unit that is due; NULL: none is. */
struct unit *sleepers_wake(struct sleepers *sleepers, int64_t now_ms);
/* Milliseconds until the first one is due; -1: nobody sleeps. */
int64_t sleepers_wait_ms(const struct sleepers *sleepers, int64_t now_ms);
void sleepers_fini(struct sleepers *sleepers);

#endif
