/* The event loop: descriptors, timers, wake-ups, and what callbacks may do to each other. No absolute times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "worker/loop.h"

static struct loop *new_loop(void)
{
    struct wd_error err = {0};
    struct loop *loop = loop_new(&err);
    assert_non_null(loop);
    return loop;
}

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void watch(struct loop *loop, int fd, unsigned interest, loop_fd_fn *callback, void *context)
{
    struct wd_error err = {0};
    if (loop_watch(loop, fd, interest, callback, context, &err) != WD_OK)
        fail_msg("%s", err.text);
}

struct seen {
    int calls;
    unsigned ready;
};

static void see(void *context, int fd, unsigned ready)
{
    (void)fd;
    struct seen *seen = context;
    seen->calls++;
    seen->ready = ready;
}

static void a_readable_descriptor_is_reported_until_it_is_read(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct seen seen = {0};
    watch(loop, ends[0], LOOP_READ, see, &seen);
    loop_turn(loop, 0);
    assert_int_equal(seen.calls, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_turn(loop, 0);
    loop_turn(loop, 0);
    assert_int_equal(seen.calls, 2);
    assert_int_equal(seen.ready, LOOP_READ);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    loop_turn(loop, 0);
    assert_int_equal(seen.calls, 2);
    loop_unwatch(loop, ends[0]);
    loop_unwatch(loop, ends[0]);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_turn(loop, 0);
    assert_int_equal(seen.calls, 2);
    close(ends[0]);
    close(ends[1]);
    loop_free(loop);
}

static void interest_can_be_changed_and_a_hangup_is_an_error(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct seen writer = {0}, reader = {0};
    watch(loop, ends[1], LOOP_WRITE, see, &writer);
    loop_turn(loop, 0);
    assert_int_equal(writer.ready, LOOP_WRITE);
    watch(loop, ends[1], 0, see, &writer);
    writer.calls = 0;
    loop_turn(loop, 0);
    assert_int_equal(writer.calls, 0);
    watch(loop, ends[0], LOOP_READ, see, &reader);
    loop_unwatch(loop, ends[1]);
    close(ends[1]);
    loop_turn(loop, 0);
    assert_int_equal(reader.calls, 1);
    assert_true(reader.ready & LOOP_ERROR);
    loop_unwatch(loop, ends[0]);
    close(ends[0]);
    loop_free(loop);
}

static void what_cannot_be_watched_is_refused(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    struct wd_error err = {0};
    struct seen seen = {0};
    assert_int_equal(loop_watch(loop, -1, LOOP_READ, see, &seen, &err), WD_ERR_INVALID);
    assert_int_equal(loop_watch(loop, 1000, LOOP_READ, see, &seen, &err), WD_ERR_INVALID);
    int file = open(SOURCE_DIR "/CMakeLists.txt", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(loop_watch(loop, file, LOOP_READ, see, &seen, &err), WD_ERR_INVALID);
    close(file);
    loop_turn(loop, 0);
    assert_int_equal(seen.calls, 0);
    loop_free(loop);
}

/* Two descriptors are ready in the same turn; whichever is served first unwatches, closes and reopens the other. */
struct pair {
    struct loop *loop;
    int fds[2];
    int calls, stale;
};

static void count_stale(void *context, int fd, unsigned ready)
{
    (void)fd;
    (void)ready;
    ((struct pair *)context)->stale++;
}

static void replace_the_other(void *context, int fd, unsigned ready)
{
    (void)ready;
    struct pair *pair = context;
    pair->calls++;
    int other = pair->fds[fd == pair->fds[0]];
    loop_unwatch(pair->loop, other);
    int quiet[2];
    assert_int_equal(pipe(quiet), 0);
    assert_int_equal(dup2(quiet[0], other), other); /* the same number, another pipe, nothing to read */
    close(quiet[0]);
    watch(pair->loop, other, LOOP_READ, count_stale, pair);
}

static void a_stale_event_does_not_reach_a_new_watch_of_the_same_number(void **state)
{
    (void)state;
    struct pair pair = {.loop = new_loop()};
    for (int i = 0; i < 2; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], "x", 1), 1);
        pair.fds[i] = ends[0];
        watch(pair.loop, ends[0], LOOP_READ, replace_the_other, &pair);
    }
    loop_turn(pair.loop, 0);
    assert_int_equal(pair.calls, 1);
    assert_int_equal(pair.stale, 0);
    loop_free(pair.loop);
}

static void a_number_closed_without_unwatch_can_be_watched_again(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    int first[2], second[2];
    struct seen seen = {0};
    assert_int_equal(pipe(first), 0);
    assert_int_equal(pipe(second), 0);
    watch(loop, first[0], LOOP_READ, see, &seen);
    int number = first[0];
    close(first[0]);
    assert_int_equal(dup2(second[0], number), number);
    watch(loop, number, LOOP_READ | LOOP_WRITE, see, &seen);
    assert_int_equal(write(second[1], "x", 1), 1);
    loop_turn(loop, 0);
    assert_int_equal(seen.calls, 1);
    loop_free(loop);
}

struct order {
    struct loop *loop;
    struct loop_timer *timers[64];
    int fired[256];
    int count;
};

struct numbered {
    struct order *order;
    int number;
    bool again, drop;
    int cancels; /* the number of a timer to cancel; -1: none */
};

static void note(void *context)
{
    struct numbered *self = context;
    self->order->fired[self->order->count++] = self->number;
    if (self->again)
        loop_timer_arm(self->order->timers[self->number], 0);
    if (self->cancels >= 0)
        loop_timer_cancel(self->order->timers[self->cancels]);
    if (self->drop) {
        loop_timer_free(self->order->timers[self->number]);
        self->order->timers[self->number] = NULL;
    }
}

static void turn_until(struct loop *loop, const int *count, int wanted)
{
    for (int i = 0; i < 10000 && *count < wanted; i++)
        loop_turn(loop, 100);
    assert_int_equal(*count, wanted);
}

static void timers_fire_once_in_order_of_deadline_and_never_early(void **state)
{
    (void)state;
    static const int delays[] = {30, 10, 20, 10, 0, 25};
    static const int expected[] = {4, 1, 3, 2, 5, 0};
    struct order order = {.loop = new_loop()};
    struct numbered context[6];
    uint64_t start = clock_ms();
    for (int i = 0; i < 6; i++) {
        context[i] = (struct numbered){.order = &order, .number = i, .cancels = -1};
        order.timers[i] = loop_timer_new(order.loop, note, &context[i]);
        assert_false(loop_timer_armed(order.timers[i]));
        loop_timer_arm(order.timers[i], (uint64_t)delays[i]);
        assert_true(loop_timer_armed(order.timers[i]));
    }
    turn_until(order.loop, &order.count, 6);
    assert_true(clock_ms() - start >= 30);
    assert_memory_equal(order.fired, expected, sizeof(expected));
    loop_turn(order.loop, 0);
    assert_int_equal(order.count, 6);
    for (int i = 0; i < 6; i++) {
        assert_false(loop_timer_armed(order.timers[i]));
        loop_timer_free(order.timers[i]);
    }
    loop_free(order.loop);
}

static void a_timer_that_arms_itself_for_now_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct order order = {.loop = new_loop()};
    struct numbered context = {.order = &order, .again = true, .cancels = -1};
    order.timers[0] = loop_timer_new(order.loop, note, &context);
    loop_timer_arm(order.timers[0], 0);
    for (int i = 1; i <= 3; i++) {
        loop_turn(order.loop, -1);
        assert_int_equal(order.count, i);
    }
    loop_timer_free(order.timers[0]);
    loop_turn(order.loop, 0);
    assert_int_equal(order.count, 3);
    loop_free(order.loop);
}

static void a_callback_may_cancel_others_and_free_itself(void **state)
{
    (void)state;
    struct order order = {.loop = new_loop()};
    struct numbered killer = {.order = &order, .number = 0, .drop = true, .cancels = 1};
    struct numbered victim = {.order = &order, .number = 1, .cancels = -1};
    order.timers[0] = loop_timer_new(order.loop, note, &killer);
    order.timers[1] = loop_timer_new(order.loop, note, &victim);
    loop_timer_arm(order.timers[0], 0);
    loop_timer_arm(order.timers[1], 0);
    loop_turn(order.loop, -1);
    assert_int_equal(order.count, 1);
    assert_false(loop_timer_armed(order.timers[1]));
    loop_timer_free(order.timers[1]);
    loop_free(order.loop);
}

static void rearming_moves_a_timer_and_huge_delays_do_not_overflow(void **state)
{
    (void)state;
    struct order order = {.loop = new_loop()};
    struct numbered near = {.order = &order, .number = 0, .cancels = -1};
    struct numbered far = {.order = &order, .number = 1, .cancels = -1};
    order.timers[0] = loop_timer_new(order.loop, note, &near);
    order.timers[1] = loop_timer_new(order.loop, note, &far);
    loop_timer_arm(order.timers[1], 0);
    loop_timer_arm(order.timers[1], UINT64_MAX);
    loop_timer_arm(order.timers[0], UINT64_MAX);
    loop_timer_arm(order.timers[0], 1);
    turn_until(order.loop, &order.count, 1);
    assert_int_equal(order.fired[0], 0);
    loop_turn(order.loop, 0);
    assert_int_equal(order.count, 1);
    assert_true(loop_timer_armed(order.timers[1]));
    loop_timer_free(order.timers[0]);
    loop_timer_free(order.timers[1]);
    loop_free(order.loop);
}

/* A model check: random arming and cancelling, then every armed timer fires, in the order of its deadline. The exact
 * deadline is not known here, only that it lies between the clock before and after the call, plus the delay. */
struct random_timer {
    struct loop_timer *timer;
    uint64_t *latest_low;
    uint64_t low_ns, high_ns;
    int *fired;
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void check_order(void *context)
{
    struct random_timer *self = context;
    assert_true(self->high_ns >= *self->latest_low);
    if (self->low_ns > *self->latest_low)
        *self->latest_low = self->low_ns;
    ++*self->fired;
}

static void the_heap_keeps_its_order_under_random_use(void **state)
{
    (void)state;
    enum { TIMERS = 500 };
    struct loop *loop = new_loop();
    struct random_timer timers[TIMERS];
    uint64_t latest_low = 0;
    int fired = 0, armed = 0;
    unsigned seed = 42;
    for (int i = 0; i < TIMERS; i++) {
        timers[i] = (struct random_timer){.latest_low = &latest_low, .fired = &fired};
        timers[i].timer = loop_timer_new(loop, check_order, &timers[i]);
    }
    for (int i = 0; i < 5000; i++) {
        struct random_timer *one = &timers[rand_r(&seed) % TIMERS];
        if (rand_r(&seed) % 4 == 0) {
            loop_timer_cancel(one->timer);
        } else {
            uint64_t delay_ms = (uint64_t)(rand_r(&seed) % 50);
            one->low_ns = clock_ns() + delay_ms * 1000000;
            loop_timer_arm(one->timer, delay_ms);
            one->high_ns = clock_ns() + delay_ms * 1000000;
        }
    }
    for (int i = 0; i < TIMERS; i++)
        armed += loop_timer_armed(timers[i].timer);
    turn_until(loop, &fired, armed);
    for (int i = 0; i < TIMERS; i++)
        loop_timer_free(timers[i].timer);
    loop_free(loop);
}

static void *wake_later(void *loop)
{
    usleep(20000);
    loop_wake(loop);
    return NULL;
}

static void a_wake_ends_the_wait_from_another_thread_and_before_it_begins(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    loop_wake(loop);
    loop_wake(loop);
    loop_turn(loop, -1); /* hangs where the wake is lost */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_later, loop), 0);
    uint64_t before = loop_now_ms(loop);
    loop_turn(loop, -1);
    assert_true(loop_now_ms(loop) >= before);
    pthread_join(thread, NULL);
    uint64_t start = clock_ms();
    loop_turn(loop, 5); /* the wakes are used up: this one waits */
    assert_true(clock_ms() - start >= 4);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_readable_descriptor_is_reported_until_it_is_read),
        cmocka_unit_test(interest_can_be_changed_and_a_hangup_is_an_error),
        cmocka_unit_test(what_cannot_be_watched_is_refused),
        cmocka_unit_test(a_stale_event_does_not_reach_a_new_watch_of_the_same_number),
        cmocka_unit_test(a_number_closed_without_unwatch_can_be_watched_again),
        cmocka_unit_test(timers_fire_once_in_order_of_deadline_and_never_early),
        cmocka_unit_test(a_timer_that_arms_itself_for_now_waits_for_the_next_turn),
        cmocka_unit_test(a_callback_may_cancel_others_and_free_itself),
        cmocka_unit_test(rearming_moves_a_timer_and_huge_delays_do_not_overflow),
        cmocka_unit_test(the_heap_keeps_its_order_under_random_use),
        cmocka_unit_test(a_wake_ends_the_wait_from_another_thread_and_before_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
