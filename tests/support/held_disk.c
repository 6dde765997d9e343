#include "tests/support/held_disk.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_held;
    int code;
    unsigned most_us, begun, ended, seed;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .seed = 1};

int __wrap_fdatasync(int fd)
{
    pthread_mutex_lock(&disk.lock);
    disk.begun++;
    pthread_cond_broadcast(&disk.changed);
    while (disk.is_held)
        pthread_cond_wait(&disk.changed, &disk.lock);
    int code = disk.code;
    unsigned delay_us = disk.most_us ? (unsigned)rand_r(&disk.seed) % disk.most_us : 0;
    pthread_mutex_unlock(&disk.lock);
    if (delay_us)
        usleep(delay_us);
    int result = code ? -1 : __real_fdatasync(fd);
    pthread_mutex_lock(&disk.lock);
    disk.ended++;
    pthread_mutex_unlock(&disk.lock);
    if (code)
        errno = code;
    return result;
}

static void set(bool is_held, int code, unsigned most_us)
{
    pthread_mutex_lock(&disk.lock);
    disk.is_held = is_held;
    disk.code = code;
    disk.most_us = most_us;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

void disk_hold(void)
{
    set(true, 0, 0);
}

void disk_release(void)
{
    set(false, 0, 0);
}

void disk_fail(int code)
{
    set(false, code, 0);
}

void disk_delay(unsigned most_us)
{
    set(false, 0, most_us);
}

static unsigned read_of(const unsigned *number)
{
    pthread_mutex_lock(&disk.lock);
    unsigned value = *number;
    pthread_mutex_unlock(&disk.lock);
    return value;
}

unsigned disk_syncs_begun(void)
{
    return read_of(&disk.begun);
}

unsigned disk_syncs_ended(void)
{
    return read_of(&disk.ended);
}

void disk_await_begun(unsigned count)
{
    for (int ms = 0; ms < 20000 && disk_syncs_begun() < count; ms++)
        usleep(1000);
}
