/* How often each author was met with: a hash table from id to counts. One thread; tables of several are merged. */
#ifndef WORKER_REPLAY_AUTHORS_H
#define WORKER_REPLAY_AUTHORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

struct author_counts {
    uint64_t matched;      /* events with a matching rule */
    uint64_t acted;        /* events with actions */
    uint64_t acted_before; /* ... by the rules that are compared with */
};

struct authors;

struct authors *authors_new(void);
void authors_free(struct authors *authors);
/* False: no memory. Ids are copied. */
bool authors_add(struct authors *authors, struct wd_str id, const struct author_counts *counts);
bool authors_merge(struct authors *into, const struct authors *from);
size_t authors_count(const struct authors *authors);

struct author_row {
    struct wd_str id; /* lives as long as the table */
    struct author_counts counts;
};
/* The first `most` by actions, matches, actions before, id; returns how many there are. */
size_t authors_top(const struct authors *authors, struct author_row *rows, size_t most);

#endif
