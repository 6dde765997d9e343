/* Judges a source on several threads; the calling thread reports progress meanwhile. Neighbours: judge.c (a thread's
 * work), tally.c (joining what they counted). */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pthread.h>

#include "worker/replay/judge.h"

enum { PROGRESS_PERIOD_MS = 250 };

struct crew;

struct hand {
    struct crew *crew;
    pthread_t thread;
    bool started;
    struct replay_judge judge;
    struct wd_error err; /* status WD_OK: none */
};

struct crew {
    const struct replay_options *options;
    int64_t *counterparts;
    struct hand *hands;
    size_t count;
    atomic_uint_least64_t records;
    atomic_bool has_failed;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t at_work; /* under the lock */
};

static double steady_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- a thread ---- */

static void work(struct hand *hand)
{
    struct source_block block = {0};
    struct crew *crew = hand->crew;
    while (!atomic_load(&crew->has_failed) && source_next(crew->options->source, &block, &hand->err)) {
        for (size_t i = 0; i < block.count; i++) {
            if (!replay_judge_take(&hand->judge, &block, &block.items[i])) {
                wd_fail(&hand->err, WD_ERR_MEMORY, "no memory");
                break;
            }
        }
        atomic_fetch_add(&crew->records, block.count);
        if (hand->err.status != WD_OK)
            break;
    }
    if (hand->err.status != WD_OK)
        atomic_store(&crew->has_failed, true);
    source_block_fini(&block);
}

static void *run_hand(void *context)
{
    struct hand *hand = context;
    struct crew *crew = hand->crew;
    work(hand);
    pthread_mutex_lock(&crew->lock);
    crew->at_work--;
    pthread_cond_signal(&crew->ended);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* ---- the crew ---- */

static void report(const struct crew *crew, double started, bool has_ended)
{
    const struct replay_options *options = crew->options;
    if (!options->on_progress)
        return;
    struct replay_progress progress = {
        .records = atomic_load(&crew->records), .seconds = steady_seconds() - started, .has_ended = has_ended};
    source_progress(options->source, &progress.done, &progress.total);
    options->on_progress(options->context, &progress);
}

/* Waits for the end of all threads that were started, reporting now and then. */
static void wait_for_all(struct crew *crew)
{
    double started = steady_seconds();
    pthread_mutex_lock(&crew->lock);
    while (crew->at_work) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += PROGRESS_PERIOD_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_cond_timedwait(&crew->ended, &crew->lock, &until) == ETIMEDOUT) {
            pthread_mutex_unlock(&crew->lock);
            report(crew, started, false);
            pthread_mutex_lock(&crew->lock);
        }
    }
    pthread_mutex_unlock(&crew->lock);
    for (size_t i = 0; i < crew->count; i++)
        if (crew->hands[i].started)
            pthread_join(crew->hands[i].thread, NULL);
    report(crew, started, true);
}

struct named_rule {
    const char *id;
    int64_t index;
};

static int compare_ids(const void *a, const void *b)
{
    const struct named_rule *one = a, *other = b;
    return strcmp(one->id, other->id);
}

/* For each rule the index of the one with its id in the other set, -1 where there is none. NULL: no memory. */
static int64_t *find_counterparts(const struct wd_ruleset *rules, const struct wd_ruleset *against)
{
    size_t count = wd_ruleset_rule_count(rules), others = against ? wd_ruleset_rule_count(against) : 0;
    int64_t *counterparts = calloc(count + 1, sizeof(*counterparts));
    struct named_rule *sorted = calloc(others + 1, sizeof(*sorted));
    if (!counterparts || !sorted) {
        free(counterparts);
        free(sorted);
        return NULL;
    }
    for (uint32_t i = 0; i < others; i++)
        sorted[i] = (struct named_rule){.id = wd_ruleset_rule(against, i)->id, .index = i};
    qsort(sorted, others, sizeof(*sorted), compare_ids);
    for (uint32_t i = 0; i < count; i++) {
        const struct named_rule wanted = {.id = wd_ruleset_rule(rules, i)->id};
        const struct named_rule *found = bsearch(&wanted, sorted, others, sizeof(*sorted), compare_ids);
        counterparts[i] = found ? found->index : -1;
    }
    free(sorted);
    return counterparts;
}

/* What is remembered depends on the order of events, across authors, too: then one thread takes them all. */
static size_t thread_count(const struct replay_options *options)
{
    bool remembers =
        wd_ruleset_remembers(options->rules) || (options->against && wd_ruleset_remembers(options->against));
    return remembers ? 1 : options->threads;
}

static enum wd_status start(struct crew *crew, struct wd_error *err)
{
    const size_t threads = thread_count(crew->options);
    crew->counterparts = find_counterparts(crew->options->rules, crew->options->against);
    crew->hands = calloc(threads, sizeof(*crew->hands));
    if (!crew->counterparts || !crew->hands)
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    for (; crew->count < threads; crew->count++) {
        struct hand *hand = &crew->hands[crew->count];
        hand->crew = crew;
        if (!replay_judge_init(&hand->judge, crew->options, crew->counterparts)) {
            replay_judge_fini(&hand->judge);
            return wd_fail(err, WD_ERR_MEMORY, "no memory");
        }
    }
    for (size_t i = 0; i < crew->count; i++) {
        pthread_mutex_lock(&crew->lock);
        int failed = pthread_create(&crew->hands[i].thread, NULL, run_hand, &crew->hands[i]);
        crew->hands[i].started = !failed;
        crew->at_work += !failed;
        pthread_mutex_unlock(&crew->lock);
        if (failed) {
            atomic_store(&crew->has_failed, true);
            return wd_fail(err, WD_ERR_IO, "cannot start a thread: %s", strerror(failed));
        }
    }
    return WD_OK;
}

/* The first tally takes the others in and is moved out. */
static enum wd_status join(struct crew *crew, struct tally *out, struct wd_error *err)
{
    for (size_t i = 0; i < crew->count; i++) {
        if (crew->hands[i].err.status != WD_OK) {
            *err = crew->hands[i].err;
            return err->status;
        }
    }
    for (size_t i = 1; i < crew->count; i++)
        if (!tally_merge(&crew->hands[0].judge.tally, &crew->hands[i].judge.tally))
            return wd_fail(err, WD_ERR_MEMORY, "no memory");
    *out = crew->hands[0].judge.tally;
    crew->hands[0].judge.tally = (struct tally){0};
    return WD_OK;
}

enum wd_status replay_run(const struct replay_options *options, struct tally *out, struct wd_error *err)
{
    struct crew crew = {.options = options};
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&crew.lock, NULL);
    pthread_cond_init(&crew.ended, &steady);
    pthread_condattr_destroy(&steady);
    json_object_seed(0); /* before threads make objects */
    enum wd_status status = start(&crew, err);
    wait_for_all(&crew);
    if (status == WD_OK)
        status = join(&crew, out, err);
    for (size_t i = 0; i < crew.count; i++)
        replay_judge_fini(&crew.hands[i].judge);
    free(crew.hands);
    free(crew.counterparts);
    pthread_cond_destroy(&crew.ended);
    pthread_mutex_destroy(&crew.lock);
    return status;
}
