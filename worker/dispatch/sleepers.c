/* The heap of sleeping units. Neighbours: dispatch.c. */
#include <assert.h>
#include <stdlib.h>

#include "worker/dispatch/sleepers.h"

static void place(struct sleepers *sleepers, size_t at, struct unit *unit)
{
    sleepers->heap[at] = unit;
    unit->heap_at = at;
}

static void sift_up(struct sleepers *sleepers, size_t at)
{
    struct unit *unit = sleepers->heap[at];
    while (at > 0 && sleepers->heap[(at - 1) / 2]->due_ms > unit->due_ms) {
        place(sleepers, at, sleepers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(sleepers, at, unit);
}

static void sift_down(struct sleepers *sleepers, size_t at)
{
    struct unit *unit = sleepers->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < sleepers->count && sleepers->heap[child + 1]->due_ms < sleepers->heap[child]->due_ms)
            child++;
        if (child >= sleepers->count || sleepers->heap[child]->due_ms >= unit->due_ms)
            break;
        place(sleepers, at, sleepers->heap[child]);
        at = child;
    }
    place(sleepers, at, unit);
}

bool sleepers_reserve(struct sleepers *sleepers, size_t units)
{
    if (units <= sleepers->room)
        return true;
    size_t room = sleepers->room ? sleepers->room * 2 : 256;
    struct unit **heap = realloc(sleepers->heap, room * sizeof(struct unit *));
    if (!heap)
        return false;
    sleepers->heap = heap;
    sleepers->room = room;
    return true;
}

void sleepers_put(struct sleepers *sleepers, struct unit *unit, int64_t due_ms)
{
    assert(sleepers->count < sleepers->room);
    unit->state = UNIT_SLEEPING;
    unit->due_ms = due_ms;
    sleepers->count++;
    place(sleepers, sleepers->count - 1, unit);
    sift_up(sleepers, sleepers->count - 1);
}

void sleepers_remove(struct sleepers *sleepers, struct unit *unit)
{
    size_t at = unit->heap_at;
    struct unit *last = sleepers->heap[--sleepers->count];
    if (last == unit)
        return;
    place(sleepers, at, last);
    sift_up(sleepers, at);
    sift_down(sleepers, last->heap_at);
}

struct unit *sleepers_wake(struct sleepers *sleepers, int64_t now_ms)
{
    if (!sleepers->count || sleepers->heap[0]->due_ms > now_ms)
        return NULL;
    struct unit *unit = sleepers->heap[0];
    sleepers_remove(sleepers, unit);
    return unit;
}

int64_t sleepers_wait_ms(const struct sleepers *sleepers, int64_t now_ms)
{
    return sleepers->count ? sleepers->heap[0]->due_ms - now_ms : -1;
}

void sleepers_fini(struct sleepers *sleepers)
{
    free(sleepers->heap);
}
