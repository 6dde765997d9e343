/* Counters in memory: few (an action and a day each), so a list is enough. Neighbours: memory.c and lmdb.c share one
 * set among the shards of a process; redis counts by itself. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/state/backend.h"

struct counter {
    struct counter *next;
    int64_t amount, ends_ms;
    size_t key_len;
    char key[];
};

struct state_counters {
    pthread_mutex_t lock;
    struct counter *first;
};

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct state_counters *state_counters_new(void)
{
    struct state_counters *counters = calloc(1, sizeof(*counters));
    if (counters)
        pthread_mutex_init(&counters->lock, NULL);
    return counters;
}

static void drop_ended(struct state_counters *counters, int64_t before_ms)
{
    for (struct counter **at = &counters->first; *at;) {
        struct counter *counter = *at;
        if (counter->ends_ms > before_ms) {
            at = &counter->next;
            continue;
        }
        *at = counter->next;
        free(counter);
    }
}

void state_counters_free(struct state_counters *counters)
{
    if (!counters)
        return;
    drop_ended(counters, INT64_MAX);
    pthread_mutex_destroy(&counters->lock);
    free(counters);
}

static struct counter *find(struct state_counters *counters, struct wd_str key, int64_t ends_ms)
{
    for (struct counter *counter = counters->first; counter; counter = counter->next)
        if (counter->key_len == key.len && memcmp(counter->key, key.data, key.len) == 0)
            return counter;
    struct counter *counter = malloc(sizeof(*counter) + key.len);
    if (!counter)
        return NULL;
    *counter = (struct counter){.next = counters->first, .ends_ms = ends_ms, .key_len = key.len};
    memcpy(counter->key, key.data, key.len);
    counters->first = counter;
    return counter;
}

bool state_counters_add(struct state_counters *counters, struct wd_str key, int64_t delta, int64_t ttl_ms,
                        int64_t *amount_out)
{
    int64_t now_ms = wall_ms();
    pthread_mutex_lock(&counters->lock);
    drop_ended(counters, now_ms);
    struct counter *counter = find(counters, key, now_ms + ttl_ms);
    if (counter)
        *amount_out = counter->amount += delta;
    pthread_mutex_unlock(&counters->lock);
    return counter != NULL;
}

void state_counters_each(struct state_counters *counters,
                         void (*each)(void *context, const struct state_counter *counter), void *context)
{
    pthread_mutex_lock(&counters->lock);
    for (struct counter *counter = counters->first; counter; counter = counter->next) {
        struct state_counter view = {.key = {.data = counter->key, .len = counter->key_len},
                                     .amount = counter->amount,
                                     .ends_ms = counter->ends_ms};
        each(context, &view);
    }
    pthread_mutex_unlock(&counters->lock);
}

bool state_counters_restore(struct state_counters *counters, const struct state_counter *kept)
{
    pthread_mutex_lock(&counters->lock);
    struct counter *counter = find(counters, kept->key, kept->ends_ms);
    if (counter)
        counter->amount = kept->amount;
    pthread_mutex_unlock(&counters->lock);
    return counter != NULL;
}
