/* The event loop of a thread: file descriptors, timers, and wake-ups from other threads, over epoll.
 *
 * Everything but loop_wake() is called from the loop's own thread. Callbacks may add and remove handlers, their own
 * included. Times are milliseconds of CLOCK_MONOTONIC. */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <warden/status.h>

struct loop;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4 };

typedef void loop_fd_fn(void *context, int fd, unsigned ready); /* ready: LOOP_* bits */
typedef void loop_timer_fn(void *context);

struct loop *loop_new(struct wd_error *err);
/* All timers must have been freed before. Descriptors that are still watched stay open. */
void loop_free(struct loop *loop);

/* Watches `fd` for `interest` (LOOP_READ | LOOP_WRITE); a second call for the same fd changes it. Errors and hang-ups
 * are always reported, as LOOP_ERROR. The fd stays the caller's: unwatch it before closing it. WD_ERR_INVALID for what
 * cannot be watched (a closed descriptor, an ordinary file). */
enum wd_status loop_watch(struct loop *loop, int fd, unsigned interest, loop_fd_fn *callback, void *context,
                          struct wd_error *err);
void loop_unwatch(struct loop *loop, int fd);

/* A timer that is not armed yet (NULL where memory is out); arming again moves it, cannot fail, and counts from the
 * moment of the call. It fires once, never early: arm it again from the callback for a period. It may be freed from
 * its own callback. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *callback, void *context);
void loop_timer_free(struct loop_timer *timer);
void loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);
void loop_timer_cancel(struct loop_timer *timer);
bool loop_timer_armed(const struct loop_timer *timer);

/* The time at which the wait of the current turn ended. */
uint64_t loop_now_ms(const struct loop *loop);

/* One turn: waits at most `max_wait_ms` (0: not at all, negative: until something happens), serves what is ready. */
void loop_turn(struct loop *loop, int max_wait_ms);

/* Ends the wait of the current or next turn. Thread-safe and async-signal-safe. */
void loop_wake(struct loop *loop);

#endif
