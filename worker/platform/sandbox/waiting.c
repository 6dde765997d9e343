/* Calls whose answer is held back: the connection is suspended, a heap knows when to go on, and an epoll of its own
 * tells when the client has gone meanwhile. Thousands may wait at a time. Neighbours: answer.c, sandbox.c. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "worker/platform/sandbox/server.h"

static void place(struct sandbox *sandbox, struct call *call, size_t index)
{
    sandbox->waiting[index] = call;
    call->timer_index = index + 1;
}

static void sift_up(struct sandbox *sandbox, size_t index)
{
    struct call *call = sandbox->waiting[index];
    for (; index > 0 && sandbox->waiting[(index - 1) / 2]->due_ns > call->due_ns; index = (index - 1) / 2)
        place(sandbox, sandbox->waiting[(index - 1) / 2], index);
    place(sandbox, call, index);
}

static void sift_down(struct sandbox *sandbox, size_t index)
{
    struct call *call = sandbox->waiting[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= sandbox->waiting_count)
            break;
        if (child + 1 < sandbox->waiting_count && sandbox->waiting[child + 1]->due_ns < sandbox->waiting[child]->due_ns)
            child++;
        if (sandbox->waiting[child]->due_ns >= call->due_ns)
            break;
        place(sandbox, sandbox->waiting[child], index);
        index = child;
    }
    place(sandbox, call, index);
}

static bool reserve(struct sandbox *sandbox)
{
    if (sandbox->waiting_count < sandbox->waiting_capacity)
        return true;
    size_t capacity = sandbox->waiting_capacity ? sandbox->waiting_capacity * 2 : 256;
    struct call **waiting = realloc(sandbox->waiting, capacity * sizeof(struct call *));
    if (!waiting)
        return false;
    sandbox->waiting = waiting;
    sandbox->waiting_capacity = capacity;
    return true;
}

void waiting_add(struct call *call, uint64_t due_ns)
{
    struct sandbox *sandbox = call->sandbox;
    if (atomic_load(&sandbox->stopping) || !reserve(sandbox)) {
        call->stage = CALL_ENDING;
        return;
    }
    call->stage = CALL_WAITING;
    call->due_ns = due_ns;
    place(sandbox, call, sandbox->waiting_count++);
    sift_up(sandbox, sandbox->waiting_count - 1);
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = call};
    call->watched = epoll_ctl(sandbox->hangup_fd, EPOLL_CTL_ADD, call->fd, &event) == 0;
    call->suspended = true;
    MHD_suspend_connection(call->connection);
}

void waiting_remove(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    if (!call->timer_index)
        return;
    size_t index = call->timer_index - 1;
    call->timer_index = 0;
    struct call *last = sandbox->waiting[--sandbox->waiting_count];
    if (last != call) {
        place(sandbox, last, index);
        sift_up(sandbox, index);
        sift_down(sandbox, last->timer_index - 1);
    }
    if (call->watched)
        epoll_ctl(sandbox->hangup_fd, EPOLL_CTL_DEL, call->fd, NULL);
    call->watched = false;
}

static void let_go(struct call *call, enum call_stage stage)
{
    waiting_remove(call);
    call->stage = stage;
    if (call->suspended)
        MHD_resume_connection(call->connection);
    call->suspended = false;
}

uint64_t waiting_next_ns(const struct sandbox *sandbox)
{
    if (sandbox->waiting_count == 0)
        return UINT64_MAX;
    uint64_t now_ns = server_now_ns(), due_ns = sandbox->waiting[0]->due_ns;
    return due_ns > now_ns ? due_ns - now_ns : 0;
}

static bool ends_without_answer(const struct call *call)
{
    return call->effect.kind == FAULT_HANG || call->effect.kind == FAULT_RESET;
}

void waiting_fire(struct sandbox *sandbox)
{
    uint64_t now_ns = server_now_ns();
    while (sandbox->waiting_count && sandbox->waiting[0]->due_ns <= now_ns) {
        struct call *call = sandbox->waiting[0];
        call->piece_due = true;
        let_go(call, ends_without_answer(call) ? CALL_ENDING : CALL_READY);
    }
}

void waiting_poll_hangups(struct sandbox *sandbox)
{
    struct epoll_event events[64];
    int count;
    do {
        count = sandbox->waiting_count ? epoll_wait(sandbox->hangup_fd, events, 64, 0) : 0;
        for (int i = 0; i < count; i++) {
            struct call *call = events[i].data.ptr;
            call->gone = true;
            let_go(call, CALL_ENDING);
            answer_end(call);
        }
    } while (count == 64);
}

void waiting_end_all(struct sandbox *sandbox, bool only_hanging)
{
    for (size_t i = sandbox->waiting_count; i-- > 0;) {
        /* Removing moves others around: start again from the end. */
        struct call *call = sandbox->waiting[i];
        if (only_hanging && call->effect.kind != FAULT_HANG)
            continue;
        let_go(call, CALL_ENDING);
        i = sandbox->waiting_count;
    }
}
