/* Who is first: the units of each author in the order in which they came. Only an author's first unit may do anything;
 * it is taken out when it has ended, and then the next one has its turn. */
#ifndef WORKER_DISPATCH_AUTHORS_H
#define WORKER_DISPATCH_AUTHORS_H

#include "worker/work.h"

enum { AUTHOR_BUCKETS = 4096 };

struct authors {
    struct author *buckets[AUTHOR_BUCKETS]; /* only authors with units */
};

/* Puts the unit behind the author's earlier ones. *first_out: there are none, it is its turn. */
enum wd_status authors_enter(struct authors *authors, struct unit *unit, bool *first_out);
/* Takes the unit out; returns the unit whose turn has come with that, or NULL. */
struct unit *authors_leave(struct authors *authors, struct unit *unit);
/* Forgets all authors; the units stay the caller's. */
void authors_fini(struct authors *authors);

#endif
