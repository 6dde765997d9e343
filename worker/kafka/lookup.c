/* Reading committed offsets without holding up the owner's loop. Neighbours: assignment.c asks. */
#include <stdint.h>
#include <sys/eventfd.h>

#include "worker/kafka/lookup.h"

static void *run(void *context)
{
    struct lookup *lookup = context;
    lookup->code = rd_kafka_committed(lookup->client, lookup->list, lookup->timeout_ms);
    atomic_store(&lookup->is_done, true);
    (void)eventfd_write(lookup->event_fd, 1);
    return NULL;
}

bool lookup_start(struct lookup *lookup, rd_kafka_t *client, rd_kafka_topic_partition_list_t *list, int timeout_ms,
                  int event_fd)
{
    lookup->client = client;
    lookup->list = list;
    lookup->timeout_ms = timeout_ms;
    lookup->event_fd = event_fd;
    atomic_store(&lookup->is_done, false);
    lookup->is_under_way = pthread_create(&lookup->thread, NULL, run, lookup) == 0;
    if (!lookup->is_under_way)
        lookup_end(lookup);
    return lookup->is_under_way;
}

bool lookup_take(struct lookup *lookup)
{
    if (!lookup->is_under_way || !atomic_load(&lookup->is_done))
        return false;
    pthread_join(lookup->thread, NULL);
    lookup->is_under_way = false;
    return true;
}

void lookup_end(struct lookup *lookup)
{
    if (lookup->is_under_way)
        pthread_join(lookup->thread, NULL);
    lookup->is_under_way = false;
    if (lookup->list)
        rd_kafka_topic_partition_list_destroy(lookup->list);
    lookup->list = NULL;
}
