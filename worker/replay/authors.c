/* Open addressing, linear probing, at most two thirds full. Ids come from outside, so the hash has a seed. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "worker/replay/authors.h"

struct author {
    uint64_t hash;
    char *id; /* NULL: a free place */
    size_t len;
    struct author_counts counts;
};

struct authors {
    struct author *places;
    size_t room, count; /* room is a power of two */
    uint64_t seed;
};

enum { FIRST_ROOM = 1024 };

struct authors *authors_new(void)
{
    struct authors *authors = calloc(1, sizeof(*authors));
    if (!authors)
        return NULL;
    if (getrandom(&authors->seed, sizeof(authors->seed), GRND_NONBLOCK) < 0)
        authors->seed = (uintptr_t)authors;
    authors->room = FIRST_ROOM;
    authors->places = calloc(authors->room, sizeof(*authors->places));
    if (authors->places)
        return authors;
    free(authors);
    return NULL;
}

void authors_free(struct authors *authors)
{
    if (!authors)
        return;
    for (size_t i = 0; i < authors->room; i++)
        free(authors->places[i].id);
    free(authors->places);
    free(authors);
}

static uint64_t hash_of(const struct authors *authors, struct wd_str id)
{
    uint64_t hash = authors->seed ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (unsigned char)id.data[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static struct author *place_of(struct author *places, size_t room, uint64_t hash, struct wd_str id)
{
    size_t at = hash & (room - 1);
    while (places[at].id && (places[at].hash != hash ||
                             !wd_str_equal((struct wd_str){.data = places[at].id, .len = places[at].len}, id)))
        at = (at + 1) & (room - 1);
    return &places[at];
}

static bool grow(struct authors *authors)
{
    size_t room = 2 * authors->room;
    struct author *places = calloc(room, sizeof(*places));
    if (!places)
        return false;
    for (size_t i = 0; i < authors->room; i++) {
        const struct author *old = &authors->places[i];
        if (old->id)
            *place_of(places, room, old->hash, (struct wd_str){.data = old->id, .len = old->len}) = *old;
    }
    free(authors->places);
    authors->places = places;
    authors->room = room;
    return true;
}

bool authors_add(struct authors *authors, struct wd_str id, const struct author_counts *counts)
{
    if (3 * (authors->count + 1) > 2 * authors->room && !grow(authors))
        return false;
    uint64_t hash = hash_of(authors, id);
    struct author *author = place_of(authors->places, authors->room, hash, id);
    if (!author->id) {
        char *copy = malloc(id.len + 1);
        if (!copy)
            return false;
        memcpy(copy, id.data ? id.data : "", id.len);
        copy[id.len] = '\0';
        *author = (struct author){.hash = hash, .id = copy, .len = id.len};
        authors->count++;
    }
    author->counts.matched += counts->matched;
    author->counts.acted += counts->acted;
    author->counts.acted_before += counts->acted_before;
    return true;
}

bool authors_merge(struct authors *into, const struct authors *from)
{
    for (size_t i = 0; i < from->room; i++) {
        const struct author *author = &from->places[i];
        if (author->id && !authors_add(into, (struct wd_str){.data = author->id, .len = author->len}, &author->counts))
            return false;
    }
    return true;
}

size_t authors_count(const struct authors *authors)
{
    return authors->count;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a > b ? -1 : a < b;
}

/* Below 0: `a` comes first. */
static int compare(const struct author_row *a, const struct author_row *b)
{
    int order = compare_numbers(a->counts.acted, b->counts.acted);
    order = order ? order : compare_numbers(a->counts.matched, b->counts.matched);
    order = order ? order : compare_numbers(a->counts.acted_before, b->counts.acted_before);
    return order ? order : strcmp(a->id.data, b->id.data);
}

size_t authors_top(const struct authors *authors, struct author_row *rows, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < authors->room; i++) {
        const struct author *author = &authors->places[i];
        struct author_row row = {.id = {.data = author->id, .len = author->len}, .counts = author->counts};
        if (!author->id || (count == most && (!most || compare(&rows[count - 1], &row) <= 0)))
            continue;
        size_t at = count < most ? count++ : count - 1;
        for (; at > 0 && compare(&row, &rows[at - 1]) < 0; at--)
            rows[at] = rows[at - 1];
        rows[at] = row;
    }
    return count;
}
