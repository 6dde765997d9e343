/* A hash table of authors, each with a queue. Neighbours: dispatch.c. */
#include <stdlib.h>
#include <string.h>

#include "worker/dispatch/authors.h"

struct author {
    struct author *next; /* in its bucket */
    uint64_t hash;
    struct unit_queue units;
    size_t id_len;
    char id[];
};

static uint64_t hash_id(struct wd_str id)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (unsigned char)id.data[i]) * 1099511628211u;
    return hash;
}

static struct author *find_or_make(struct authors *authors, struct wd_str id)
{
    uint64_t hash = hash_id(id);
    struct author **bucket = &authors->buckets[hash % AUTHOR_BUCKETS];
    for (struct author *author = *bucket; author; author = author->next)
        if (author->hash == hash && wd_str_equal((struct wd_str){author->id, author->id_len}, id))
            return author;
    struct author *author = malloc(sizeof(*author) + id.len);
    if (!author)
        return NULL;
    *author = (struct author){.next = *bucket, .hash = hash, .id_len = id.len};
    TAILQ_INIT(&author->units);
    if (id.len)
        memcpy(author->id, id.data, id.len);
    *bucket = author;
    return author;
}

static void drop(struct authors *authors, struct author *author)
{
    struct author **at = &authors->buckets[author->hash % AUTHOR_BUCKETS];
    while (*at != author)
        at = &(*at)->next;
    *at = author->next;
    free(author);
}

enum wd_status authors_enter(struct authors *authors, struct unit *unit, bool *first_out)
{
    struct author *author = find_or_make(authors, unit->author_id);
    if (!author)
        return WD_ERR_MEMORY;
    unit->author = author;
    *first_out = TAILQ_EMPTY(&author->units);
    TAILQ_INSERT_TAIL(&author->units, unit, author_link);
    return WD_OK;
}

struct unit *authors_leave(struct authors *authors, struct unit *unit)
{
    struct author *author = unit->author;
    bool was_first = TAILQ_FIRST(&author->units) == unit;
    TAILQ_REMOVE(&author->units, unit, author_link);
    unit->author = NULL;
    struct unit *next = TAILQ_FIRST(&author->units);
    if (!next)
        drop(authors, author);
    return was_first ? next : NULL;
}

void authors_fini(struct authors *authors)
{
    for (size_t i = 0; i < AUTHOR_BUCKETS; i++)
        while (authors->buckets[i]) {
            struct author *author = authors->buckets[i];
            authors->buckets[i] = author->next;
            free(author);
        }
}
