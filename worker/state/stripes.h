/* A table in stripes, and the order in which a batch visits them: each stripe once, the memory of all its keys fetched
 * side by side. Shared by memory.c, for which it is the store, and lmdb.c, for which it is a cache. */
#ifndef WORKER_STATE_STRIPES_H
#define WORKER_STATE_STRIPES_H

#include "worker/state/state.h"
#include "worker/state/table.h"

enum { STRIPE_BITS = 6, STRIPES = 1 << STRIPE_BITS };

struct stripes {
    uint64_t seed[2]; /* of the hash: nobody outside can choose keys that meet */
    struct block_pool pool;
    struct table tables[STRIPES];
};

/* NULL: no memory, or the system gives no random numbers. */
struct stripes *stripes_new(uint64_t max_bytes);
void stripes_free(struct stripes *stripes);
/* Adds to the numbers of `out`. */
void stripes_size(struct stripes *stripes, struct state_size *out);

/* A batch sorted by stripe; kept from batch to batch for its memory. Zeroed is empty. */
struct stripe_order {
    uint64_t *hashes; /* by item */
    uint32_t *order;  /* items, stripe after stripe */
    size_t room;
    uint32_t begins[STRIPES + 1]; /* in `order` */
};

bool stripe_order_make(struct stripe_order *order, const struct stripes *stripes, const struct state_item *items,
                       size_t count); /* false: no memory */
void stripe_order_fini(struct stripe_order *order);
/* Fetches the memory that the items of the whole batch need, side by side. Takes each stripe's lock for a moment. */
void stripe_order_prefetch(const struct stripe_order *order, struct stripes *stripes);

uint64_t stripes_hash(const struct stripes *stripes, struct wd_str key);
unsigned stripe_of(uint64_t hash);

#endif
