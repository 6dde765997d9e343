/* Opening and closing the LMDB store: its folder, its environment, its threads. Neighbours: lmdb_load.c reads what is
 * there, lmdb.c works with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/state/lmdb.h"

enum { MAX_READERS = 1024, DATABASES = 3, PATH_LONGEST = 3800, MAP_LEAST = 16 << 20 };

static bool make_folder(const char *path)
{
    char part[PATH_LONGEST + 1];
    size_t length = strlen(path);
    for (size_t i = 1; i <= length && i <= PATH_LONGEST; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

/* One process writes: another worker with the same folder would not see what is only in this one's table. */
static enum wd_status own_folder(struct lmdb *lmdb, struct wd_error *err)
{
    char name[PATH_LONGEST + 16];
    if (strlen(lmdb->path) > PATH_LONGEST)
        return wd_fail(err, WD_ERR_INVALID, "state.path is longer than %d bytes", PATH_LONGEST);
    if (!make_folder(lmdb->path))
        return wd_fail(err, WD_ERR_IO, "cannot make the folder %s (state.path): %s", lmdb->path, strerror(errno));
    snprintf(name, sizeof(name), "%s/owner", lmdb->path);
    lmdb->owner_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lmdb->owner_fd < 0)
        return wd_fail(err, WD_ERR_IO, "cannot write to %s (state.path): %s", lmdb->path, strerror(errno));
    if (flock(lmdb->owner_fd, LOCK_EX | LOCK_NB) == 0)
        return WD_OK;
    return wd_fail(err, WD_ERR_UNAVAILABLE,
                   "another process works with the state in %s: stop it, or give this one a folder of its own",
                   lmdb->path);
}

static void forget_places(struct lmdb *lmdb)
{
    lmdb_files_fini(lmdb);
    lmdb->files = (struct lmdb_files){0};
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        places_fini(&lmdb->places[stripe]);
    lmdb->log_bytes = lmdb->live_bytes = 0;
}

static int begin_once(struct lmdb *lmdb, bool read_only)
{
    MDB_txn *txn = NULL;
    int code = lmdb_files_init(lmdb) ? mdb_txn_begin(lmdb->env, NULL, read_only ? MDB_RDONLY : 0, &txn) : ENOMEM;
    if (!code)
        code = lmdb_open_databases(lmdb, txn, read_only);
    if (!code)
        code = lmdb_load(lmdb, txn, read_only);
    if (!code && !read_only)
        return mdb_txn_commit(txn);
    if (!code)
        lmdb->view = txn;
    else if (txn)
        mdb_txn_abort(txn);
    return code;
}

/* Who only reads sees the state of this moment until the end. The oldest file may go while it is looked for: then it is
 * looked for again, in a later state. */
static int begin(struct lmdb *lmdb, bool read_only)
{
    enum { TRIES = 100 };
    int code = begin_once(lmdb, read_only);
    for (int i = 0; code == ENOENT && read_only && i < TRIES; i++) {
        forget_places(lmdb);
        code = begin_once(lmdb, read_only);
    }
    return code;
}

static int open_environment(struct lmdb *lmdb, const struct state_options *options)
{
    int code = mdb_env_create(&lmdb->env);
    if (!code)
        code = mdb_env_set_mapsize(lmdb->env, options->max_bytes < MAP_LEAST ? MAP_LEAST : options->max_bytes);
    if (!code)
        code = mdb_env_set_maxdbs(lmdb->env, DATABASES);
    if (!code)
        code = mdb_env_set_maxreaders(lmdb->env, MAX_READERS);
    if (!code) /* not through the map (MDB_WRITEMAP): a full disk would end the process */
        code = mdb_env_open(lmdb->env, options->path, MDB_NOTLS | MDB_NORDAHEAD | (options->read_only ? MDB_RDONLY : 0),
                            0600);
    if (!code && !options->read_only) /* readers that were killed hold nothing back */
        (void)mdb_reader_check(lmdb->env, NULL);
    return code ? code : begin(lmdb, options->read_only);
}

static void lmdb_free(struct lmdb *lmdb)
{
    if (!lmdb)
        return;
    lmdb_writer_stop(lmdb);
    if (lmdb->view)
        mdb_txn_abort(lmdb->view);
    if (lmdb->env)
        mdb_env_close(lmdb->env);
    forget_places(lmdb);
    stripes_free(lmdb->stripes);
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        free(lmdb->changed[stripe].hashes);
    for (struct segment *segment = lmdb->spare, *next; segment; segment = next) {
        next = segment->next;
        segment_free(segment);
    }
    if (lmdb->owner_fd >= 0)
        close(lmdb->owner_fd);
    pthread_mutex_destroy(&lmdb->flush_lock);
    free(lmdb);
}

static void set_bounds(struct lmdb *lmdb, const struct state_options *options)
{
    static const uint64_t EARLY_BYTES = UINT64_C(4) << 20;
    lmdb->max_bytes = options->max_bytes;
    lmdb->max_changed_bytes = options->cache_bytes / 8;
    if (lmdb->max_changed_bytes > options->max_bytes / 32)
        lmdb->max_changed_bytes = options->max_bytes / 32;
    lmdb->early_bytes = lmdb->max_changed_bytes / 2 < EARLY_BYTES ? lmdb->max_changed_bytes / 2 : EARLY_BYTES;
}

enum wd_status lmdb_share_open(struct state_share *share, struct wd_error *err)
{
    const struct state_options *options = &share->options;
    struct lmdb *lmdb = calloc(1, sizeof(*lmdb));
    if (!lmdb)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    lmdb->owner_fd = -1;
    lmdb->path = options->path;
    lmdb->grace_ms = options->grace_ms;
    lmdb->shared_counters = share->counters;
    set_bounds(lmdb, options);
    pthread_mutex_init(&lmdb->flush_lock, NULL);
    lmdb->stripes = stripes_new(options->cache_bytes);
    for (unsigned stripe = 0; lmdb->stripes && stripe < STRIPES; stripe++)
        lmdb->places[stripe].pool = &lmdb->stripes->pool;
    enum wd_status status = lmdb->stripes ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for the state");
    if (status == WD_OK && !options->read_only)
        status = own_folder(lmdb, err);
    int code = status == WD_OK ? open_environment(lmdb, options) : 0;
    if (code)
        status = lmdb_fail(lmdb, code, err);
    if (status == WD_OK && !options->read_only && !lmdb_writer_start(lmdb))
        status = wd_fail(err, WD_ERR_MEMORY, "cannot start a thread for the state");
    if (status != WD_OK) {
        lmdb_free(lmdb);
        return status;
    }
    share->own = lmdb;
    return WD_OK;
}

/* What is not on the disk yet was asked for by nobody: no offset was committed for it. */
void lmdb_share_close(struct state_share *share)
{
    struct lmdb *lmdb = share->own;
    lmdb_writer_stop(lmdb);
    if (!share->options.read_only)
        lmdb_flush(lmdb);
    lmdb_free(lmdb);
}
