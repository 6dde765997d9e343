/* The thread that waits for the disk so that shards need not: it writes what has changed as soon as it is much, so that
 * a sync finds little left, and whenever a handle asks for a sync without waiting (state_sync_begin()).
 *
 * What always holds: a sync that ends well was written by a flush that began after it had been asked for; all that
 * asked before a flush began share it; who closes its handle waits for nothing. A failure of what was only written
 * ahead is left for the next sync to tell. Neighbour: lmdb_flush.c. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "worker/state/lmdb.h"

/* ---- what the thread does, under its lock but for writing ---- */

/* False: nobody waits. */
static bool take_syncs(struct lmdb_writer *writer)
{
    bool any = false;
    struct lmdb_sync *sync;
    LIST_FOREACH(sync, &writer->handles, link)
    {
        if (sync->stage != SYNC_ASKED)
            continue;
        sync->stage = SYNC_TAKEN;
        any = true;
    }
    return any;
}

static void end_syncs(struct lmdb_writer *writer, int code)
{
    struct lmdb_sync *sync;
    LIST_FOREACH(sync, &writer->handles, link)
    {
        if (sync->stage != SYNC_TAKEN)
            continue;
        sync->stage = SYNC_ENDED;
        sync->code = code;
        (void)eventfd_write(sync->fd, 1); /* cannot fail: it is read before the next one */
    }
}

/* After a failure: what fails, as a full disk does, would fail again at once. Syncs have a pace of their own. */
static void rest(struct lmdb_writer *writer)
{
    enum { REST_S = 1 };
    clock_gettime(CLOCK_MONOTONIC, &writer->rests_until);
    writer->rests_until.tv_sec += REST_S;
    writer->rests = true;
}

static void wait_for_work(struct lmdb_writer *writer)
{
    if (!writer->rests) {
        pthread_cond_wait(&writer->woken, &writer->lock);
    } else if (pthread_cond_timedwait(&writer->woken, &writer->lock, &writer->rests_until) == ETIMEDOUT) {
        writer->rests = false;
        atomic_store(&writer->asked, false);
    }
}

static void *run(void *context)
{
    struct lmdb *lmdb = context;
    struct lmdb_writer *writer = &lmdb->writer;
    pthread_setname_np(pthread_self(), "state-writer");
    pthread_mutex_lock(&writer->lock);
    while (!writer->stops) {
        if (!take_syncs(writer) && (writer->rests || !atomic_load(&writer->asked))) {
            wait_for_work(writer);
            continue;
        }
        pthread_mutex_unlock(&writer->lock);
        int code = lmdb_flush(lmdb);
        pthread_mutex_lock(&writer->lock);
        end_syncs(writer, code);
        if (code) {
            rest(writer);
            continue;
        }
        writer->rests = false;
        atomic_store(&writer->asked, false);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* ---- the thread ---- */

bool lmdb_writer_start(struct lmdb *lmdb)
{
    struct lmdb_writer *writer = &lmdb->writer;
    pthread_condattr_t attributes;
    sigset_t all, before;
    LIST_INIT(&writer->handles);
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

/* ---- handles, in their own threads ---- */

static void on_ended(void *context, int fd, unsigned ready)
{
    struct state_store *store = context;
    struct lmdb *lmdb = store->share->own;
    struct lmdb_sync *sync = &((struct lmdb_handle *)store->own)->sync;
    struct wd_error err = {0};
    eventfd_t count;
    (void)ready;
    (void)eventfd_read(fd, &count);
    pthread_mutex_lock(&lmdb->writer.lock);
    bool has_ended = sync->stage == SYNC_ENDED;
    int code = sync->code;
    if (has_ended)
        sync->stage = SYNC_NONE;
    pthread_mutex_unlock(&lmdb->writer.lock);
    if (!has_ended)
        return;
    state_done_fn *done = sync->done;
    sync->done = NULL; /* it may begin the next one */
    enum wd_status status = code ? lmdb_fail(lmdb, code, &err) : WD_OK;
    done(sync->context, status, &err);
}

enum wd_status lmdb_sync_init(struct state_store *store, struct wd_error *err)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_sync *sync = &((struct lmdb_handle *)store->own)->sync;
    sync->fd = -1;
    if (store->share->options.read_only)
        return WD_OK;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return wd_fail(err, WD_ERR_IO, "the state in %s: no eventfd: %s", lmdb->path, strerror(errno));
    enum wd_status status = loop_watch(store->loop, fd, LOOP_READ, on_ended, store, err);
    if (status != WD_OK) {
        close(fd);
        return status;
    }
    sync->fd = fd;
    pthread_mutex_lock(&lmdb->writer.lock);
    LIST_INSERT_HEAD(&lmdb->writer.handles, sync, link);
    pthread_mutex_unlock(&lmdb->writer.lock);
    return WD_OK;
}

void lmdb_sync_fini(struct state_store *store)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_sync *sync = &((struct lmdb_handle *)store->own)->sync;
    struct wd_error err = {0};
    if (sync->fd < 0)
        return;
    pthread_mutex_lock(&lmdb->writer.lock);
    LIST_REMOVE(sync, link);
    pthread_mutex_unlock(&lmdb->writer.lock);
    loop_unwatch(store->loop, sync->fd);
    close(sync->fd);
    if (sync->done)
        sync->done(sync->context, wd_fail(&err, WD_ERR_UNAVAILABLE, "the state is closed"), &err);
}

void lmdb_sync_begin(struct state_store *store, state_done_fn *done, void *context)
{
    struct lmdb *lmdb = store->share->own;
    struct lmdb_sync *sync = &((struct lmdb_handle *)store->own)->sync;
    struct wd_error err = {0};
    if (sync->fd < 0) { /* who only reads has nothing to write */
        done(context, WD_OK, &err);
        return;
    }
    assert(!sync->done);
    sync->done = done;
    sync->context = context;
    pthread_mutex_lock(&lmdb->writer.lock);
    sync->stage = SYNC_ASKED;
    pthread_cond_signal(&lmdb->writer.woken);
    pthread_mutex_unlock(&lmdb->writer.lock);
}
