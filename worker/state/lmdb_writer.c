/* A thread that writes what has changed as soon as it is much, so that state_sync() finds little left, and no shard
 * waits long. What it writes is as good as synced; a failure it leaves for state_sync() to tell. Neighbour:
 * lmdb_flush.c. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "worker/state/lmdb.h"

/* After a failure: what fails, as a full disk does, would fail again at once. */
static void rest(struct lmdb_writer *writer)
{
    enum { REST_S = 1 };
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REST_S;
    while (!writer->stops && pthread_cond_timedwait(&writer->woken, &writer->lock, &until) != ETIMEDOUT)
        ;
}

static void *run(void *context)
{
    struct lmdb *lmdb = context;
    struct lmdb_writer *writer = &lmdb->writer;
    pthread_setname_np(pthread_self(), "state-writer");
    pthread_mutex_lock(&writer->lock);
    while (!writer->stops) {
        if (!atomic_load(&writer->asked)) {
            pthread_cond_wait(&writer->woken, &writer->lock);
            continue;
        }
        pthread_mutex_unlock(&writer->lock);
        int code = lmdb_flush(lmdb);
        pthread_mutex_lock(&writer->lock);
        if (code)
            rest(writer);
        atomic_store(&writer->asked, false);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

bool lmdb_writer_start(struct lmdb *lmdb)
{
    struct lmdb_writer *writer = &lmdb->writer;
    pthread_condattr_t attributes;
    sigset_t all, before;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all); /* signals are for who started the process */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    writer->is_started = pthread_create(&writer->thread, NULL, run, lmdb) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return writer->is_started;
}

void lmdb_writer_stop(struct lmdb *lmdb)
{
    struct lmdb_writer *writer = &lmdb->writer;
    if (!writer->is_started)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stops = true;
    pthread_cond_signal(&writer->woken);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->woken);
    pthread_mutex_destroy(&writer->lock);
    writer->is_started = false;
}

void lmdb_writer_ask(struct lmdb *lmdb)
{
    struct lmdb_writer *writer = &lmdb->writer;
    if (!writer->is_started || atomic_exchange(&writer->asked, true))
        return;
    pthread_mutex_lock(&writer->lock);
    pthread_cond_signal(&writer->woken);
    pthread_mutex_unlock(&writer->lock);
}
