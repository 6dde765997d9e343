/* See stripes.h. */
#include "worker/state/stripes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BYTES_ARE_SWAPPED (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)

enum { STRIPE_SHIFT = 36 }; /* above what tables take as the place, below what they keep as a tag */

struct stripes *stripes_new(uint64_t max_bytes)
{
    struct stripes *stripes = aligned_alloc(_Alignof(struct stripes), sizeof(*stripes));
    if (!stripes || getrandom(stripes->seed, sizeof(stripes->seed), 0) != sizeof(stripes->seed)) {
        free(stripes);
        return NULL;
    }
    stripes->seed[1] |= 1;
    block_pool_init(&stripes->pool);
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        table_init(&stripes->tables[stripe], &stripes->pool, max_bytes / STRIPES);
    return stripes;
}

void stripes_free(struct stripes *stripes)
{
    for (unsigned stripe = 0; stripes && stripe < STRIPES; stripe++)
        table_fini(&stripes->tables[stripe]);
    if (stripes)
        block_pool_fini(&stripes->pool);
    free(stripes);
}

void stripes_size(struct stripes *stripes, struct state_size *out)
{
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        struct table *table = &stripes->tables[stripe];
        pthread_mutex_lock(&table->lock);
        out->values += table->count;
        out->bytes += table->bytes;
        out->forgotten += table->forgotten;
        out->evicted += table->evicted;
        pthread_mutex_unlock(&table->lock);
    }
}

/* ---- hashing ---- */

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const char *data, size_t len)
{
    uint64_t word = 0;
    memcpy(&word, data, len < 8 ? len : 8);
    return word;
}

/* word_at() of the last `left` bytes of a key, 8 at most: out of the eight that end there, where there are so many. */
static uint64_t last_word(struct wd_str key, size_t left)
{
    if (key.len < 8 || !left || BYTES_ARE_SWAPPED)
        return word_at(key.data + key.len - left, left);
    return word_at(key.data + key.len - 8, 8) >> 8 * (8 - left);
}

uint64_t stripes_hash(const struct stripes *stripes, struct wd_str key)
{
    uint64_t hash = stripes->seed[0] ^ key.len;
    const char *at = key.data;
    size_t left = key.len;
    for (; left > 16; at += 16, left -= 16)
        hash = fold(word_at(at, 8) ^ hash, word_at(at + 8, 8) ^ stripes->seed[1]);
    uint64_t first = left > 8 ? word_at(at, 8) : last_word(key, left), second = left > 8 ? last_word(key, left - 8) : 0;
    hash = fold(first ^ hash, second ^ stripes->seed[1]);
    return fold(hash ^ UINT64_C(0x9E3779B97F4A7C15), stripes->seed[1] ^ UINT64_C(0xE7037ED1A0B428DB));
}

unsigned stripe_of(uint64_t hash)
{
    return (unsigned)(hash >> STRIPE_SHIFT) & (STRIPES - 1);
}

/* ---- batches ---- */

static bool make_room(struct stripe_order *order, size_t count)
{
    if (count <= order->room)
        return true;
    uint64_t *hashes = realloc(order->hashes, count * sizeof(*hashes));
    if (hashes)
        order->hashes = hashes;
    uint32_t *items = realloc(order->order, count * sizeof(*items));
    if (items)
        order->order = items;
    if (!hashes || !items)
        return false;
    order->room = count;
    return true;
}

bool stripe_order_make(struct stripe_order *order, const struct stripes *stripes, const struct state_item *items,
                       size_t count)
{
    if (!make_room(order, count))
        return false;
    uint32_t at[STRIPES] = {0};
    for (size_t i = 0; i < count; i++) {
        order->hashes[i] = stripes_hash(stripes, items[i].key);
        at[stripe_of(order->hashes[i])]++;
    }
    uint32_t sum = 0;
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        order->begins[stripe] = sum;
        sum += at[stripe];
        at[stripe] = order->begins[stripe];
    }
    order->begins[STRIPES] = sum;
    for (size_t i = 0; i < count; i++)
        order->order[at[stripe_of(order->hashes[i])]++] = (uint32_t)i;
    return true;
}

void stripe_order_fini(struct stripe_order *order)
{
    free(order->hashes);
    free(order->order);
}

void stripe_order_prefetch(const struct stripe_order *order, struct stripes *stripes)
{
    for (unsigned stripe = 0; stripe < STRIPES; stripe++)
        for (uint32_t i = order->begins[stripe]; i < order->begins[stripe + 1]; i++)
            table_prefetch_slot(&stripes->tables[stripe], order->hashes[order->order[i]]);
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        struct table *table = &stripes->tables[stripe];
        if (order->begins[stripe] == order->begins[stripe + 1])
            continue;
        pthread_mutex_lock(&table->lock);
        for (uint32_t i = order->begins[stripe]; i < order->begins[stripe + 1]; i++)
            table_prefetch_entry(table, order->hashes[order->order[i]]);
        pthread_mutex_unlock(&table->lock);
    }
}
