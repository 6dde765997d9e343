/* The event loop: epoll for descriptors, a binary heap for timers, an eventfd for wake-ups.
 *
 * What always holds: an event of a descriptor that was unwatched, or closed and opened again, earlier in the same turn
 * reaches nobody (generations); a timer never fires early; a timer that is armed during a turn fires in a later one, so
 * that a turn ends. Neighbours: shard.c runs it, worker/platform/client.c puts libcurl on it. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "worker/loop.h"

enum { EVENTS_A_TURN = 256, NOT_IN_HEAP = -1, NS_A_MS = 1000000 };

struct watch {
    loop_fd_fn *callback; /* NULL: not watched */
    void *context;
    unsigned interest;
    uint32_t generation;
};

struct loop_timer {
    struct loop *loop;
    loop_timer_fn *callback;
    void *context;
    uint64_t deadline_ns;
    uint64_t sequence; /* of arming: equal deadlines fire in the order of arming */
    ptrdiff_t at;      /* place in the heap */
};

struct loop {
    int epoll_fd, wake_fd;
    uint64_t now_ms;
    struct watch *watches; /* by fd */
    size_t watch_room;
    struct loop_timer **heap; /* room for every timer that exists, so that arming cannot fail */
    size_t heap_count, heap_room, timer_count;
    uint64_t next_sequence;
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_A_MS + (uint64_t)now.tv_nsec;
}

struct loop *loop_new(struct wd_error *err)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop) {
        (void)wd_fail(err, WD_ERR_MEMORY, "no memory for an event loop");
        return NULL;
    }
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) != 0) {
        (void)wd_fail(err, WD_ERR_IO, "cannot make an event loop: %s", strerror(errno));
        loop_free(loop);
        return NULL;
    }
    loop->now_ms = clock_ns() / NS_A_MS;
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    assert(loop->timer_count == 0); /* a timer that outlives its loop would write into freed memory */
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    free(loop->watches);
    free(loop->heap);
    free(loop);
}

/* Descriptors. */

static bool make_room_for_fd(struct loop *loop, int fd)
{
    size_t needed = (size_t)fd + 1;
    if (needed <= loop->watch_room)
        return true;
    size_t room = loop->watch_room ? loop->watch_room : 64;
    while (room < needed)
        room *= 2;
    struct watch *watches = realloc(loop->watches, room * sizeof(*watches));
    if (!watches)
        return false;
    memset(watches + loop->watch_room, 0, (room - loop->watch_room) * sizeof(*watches));
    loop->watches = watches;
    loop->watch_room = room;
    return true;
}

static int epoll_put(struct loop *loop, int fd, bool known, unsigned interest)
{
    struct epoll_event event = {.data.u64 = (uint64_t)loop->watches[fd].generation << 32 | (uint32_t)fd};
    if (interest & LOOP_READ)
        event.events |= EPOLLIN;
    if (interest & LOOP_WRITE)
        event.events |= EPOLLOUT;
    int result = epoll_ctl(loop->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    /* The fd was closed (which takes it out of epoll) and its number is in use again. */
    if (result != 0 && known && errno == ENOENT)
        result = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    return result;
}

enum wd_status loop_watch(struct loop *loop, int fd, unsigned interest, loop_fd_fn *callback, void *context,
                          struct wd_error *err)
{
    assert(callback);
    if (fd < 0)
        return wd_fail(err, WD_ERR_INVALID, "cannot watch file descriptor %d", fd);
    if (!make_room_for_fd(loop, fd))
        return wd_fail(err, WD_ERR_MEMORY, "no memory to watch file descriptor %d", fd);
    struct watch *watch = &loop->watches[fd];
    bool known = watch->callback != NULL;
    if (!known)
        watch->generation++;
    if ((!known || watch->interest != interest) && epoll_put(loop, fd, known, interest) != 0)
        return wd_fail(err, errno == EPERM || errno == EBADF ? WD_ERR_INVALID : WD_ERR_IO,
                       "cannot watch file descriptor %d: %s", fd, strerror(errno));
    watch->callback = callback;
    watch->context = context;
    watch->interest = interest;
    return WD_OK;
}

void loop_unwatch(struct loop *loop, int fd)
{
    if (fd < 0 || (size_t)fd >= loop->watch_room || !loop->watches[fd].callback)
        return;
    loop->watches[fd].callback = NULL;
    loop->watches[fd].generation++;
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* fails where it was closed already: nothing to do */
}

/* Timers: a binary heap, earliest first. */

static bool fires_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->sequence < b->sequence;
}

static void heap_put(struct loop *loop, size_t at, struct loop_timer *timer)
{
    loop->heap[at] = timer;
    timer->at = (ptrdiff_t)at;
}

static void heap_up(struct loop *loop, size_t at, struct loop_timer *timer)
{
    while (at > 0 && fires_before(timer, loop->heap[(at - 1) / 2])) {
        heap_put(loop, at, loop->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(loop, at, timer);
}

static void heap_down(struct loop *loop, size_t at, struct loop_timer *timer)
{
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= loop->heap_count)
            break;
        if (child + 1 < loop->heap_count && fires_before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!fires_before(loop->heap[child], timer))
            break;
        heap_put(loop, at, loop->heap[child]);
        at = child;
    }
    heap_put(loop, at, timer);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *callback, void *context)
{
    assert(callback);
    struct loop_timer *timer = malloc(sizeof(*timer));
    if (!timer)
        return NULL;
    if (loop->timer_count == loop->heap_room) {
        size_t room = loop->heap_room ? loop->heap_room * 2 : 16;
        struct loop_timer **heap = realloc(loop->heap, room * sizeof(struct loop_timer *));
        if (!heap) {
            free(timer);
            return NULL;
        }
        loop->heap = heap;
        loop->heap_room = room;
    }
    loop->timer_count++;
    *timer = (struct loop_timer){.loop = loop, .callback = callback, .context = context, .at = NOT_IN_HEAP};
    return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    loop_timer_cancel(timer);
    timer->loop->timer_count--;
    free(timer);
}

void loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms)
{
    struct loop *loop = timer->loop;
    loop_timer_cancel(timer);
    uint64_t delay_ns;
    if (__builtin_mul_overflow(delay_ms, (uint64_t)NS_A_MS, &delay_ns) ||
        __builtin_add_overflow(clock_ns(), delay_ns, &timer->deadline_ns))
        timer->deadline_ns = UINT64_MAX;
    timer->sequence = loop->next_sequence++;
    heap_up(loop, loop->heap_count++, timer);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    if (timer->at == NOT_IN_HEAP)
        return;
    struct loop *loop = timer->loop;
    size_t at = (size_t)timer->at;
    timer->at = NOT_IN_HEAP;
    struct loop_timer *last = loop->heap[--loop->heap_count];
    if (last == timer)
        return;
    if (at > 0 && fires_before(last, loop->heap[(at - 1) / 2]))
        heap_up(loop, at, last);
    else
        heap_down(loop, at, last);
}

bool loop_timer_armed(const struct loop_timer *timer)
{
    return timer->at != NOT_IN_HEAP;
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

/* A turn. */

static int wait_ms(const struct loop *loop, int max_wait_ms)
{
    if (loop->heap_count == 0)
        return max_wait_ms;
    uint64_t now_ns = clock_ns();
    uint64_t deadline_ns = loop->heap[0]->deadline_ns;
    if (deadline_ns <= now_ns)
        return 0;
    uint64_t until_ms = (deadline_ns - now_ns - 1) / NS_A_MS + 1; /* rounded up: waking early would only spin */
    int until = until_ms > INT_MAX ? INT_MAX : (int)until_ms;
    return max_wait_ms < 0 || until < max_wait_ms ? until : max_wait_ms;
}

static void serve_event(struct loop *loop, const struct epoll_event *event)
{
    if (event->data.u64 == UINT64_MAX) {
        uint64_t wakes;
        while (read(loop->wake_fd, &wakes, sizeof(wakes)) < 0 && errno == EINTR)
            continue;
        return;
    }
    int fd = (int)(uint32_t)event->data.u64;
    const struct watch *watch = &loop->watches[fd];
    if (!watch->callback || watch->generation != (uint32_t)(event->data.u64 >> 32))
        return;
    unsigned ready = 0;
    if (event->events & EPOLLIN)
        ready |= LOOP_READ;
    if (event->events & EPOLLOUT)
        ready |= LOOP_WRITE;
    ready &= watch->interest; /* an earlier callback of this turn may have changed it */
    if (event->events & (EPOLLERR | EPOLLHUP))
        ready |= LOOP_ERROR;
    if (ready)
        watch->callback(watch->context, fd, ready);
}

static void serve_timers(struct loop *loop)
{
    uint64_t now_ns = clock_ns();
    uint64_t first_new = loop->next_sequence;
    while (loop->heap_count > 0) {
        struct loop_timer *timer = loop->heap[0];
        if (timer->deadline_ns > now_ns || timer->sequence >= first_new)
            return;
        loop_timer_cancel(timer);
        timer->callback(timer->context); /* may free the timer */
    }
}

void loop_turn(struct loop *loop, int max_wait_ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_A_TURN, wait_ms(loop, max_wait_ms));
    loop->now_ms = clock_ns() / NS_A_MS;
    for (int i = 0; i < count; i++) /* count is -1 where a signal ended the wait */
        serve_event(loop, &events[i]);
    serve_timers(loop);
}

void loop_wake(struct loop *loop)
{
    int saved = errno;
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
    errno = saved;
}
