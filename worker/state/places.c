/* See places.h. Linear probing; a removed slot is filled by those behind it. */
#include "worker/state/places.h"

enum { FIRST_CAPACITY = 64 };

void places_fini(struct places *places)
{
    block_array_free(places->pool, places->slots, places->capacity * sizeof(*places->slots));
    *places = (struct places){.pool = places->pool};
}

void places_prefetch(const struct places *places, uint64_t hash)
{
    if (places->capacity)
        __builtin_prefetch(&places->slots[hash & (places->capacity - 1)]);
}

/* Where a hash is, or the free slot where it would be; there is always a free one. */
static size_t slot_of(const struct place_slot *slots, size_t capacity, uint64_t hash)
{
    size_t at = hash & (capacity - 1);
    while (slots[at].place && slots[at].hash != hash)
        at = (at + 1) & (capacity - 1);
    return at;
}

uint64_t places_find(const struct places *places, uint64_t hash)
{
    return places->capacity ? places->slots[slot_of(places->slots, places->capacity, hash)].place : 0;
}

static bool grow(struct places *places, size_t capacity)
{
    struct place_slot *slots = block_array_new(places->pool, capacity * sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < places->capacity; i++)
        if (places->slots[i].place)
            slots[slot_of(slots, capacity, places->slots[i].hash)] = places->slots[i];
    block_array_free(places->pool, places->slots, places->capacity * sizeof(*slots));
    places->slots = slots;
    places->capacity = capacity;
    return true;
}

bool places_reserve(struct places *places, size_t more)
{
    size_t capacity = places->capacity ? places->capacity : FIRST_CAPACITY;
    while (places->count + more > capacity / 4 * 3)
        capacity *= 2;
    return capacity == places->capacity || grow(places, capacity);
}

uint64_t places_put(struct places *places, uint64_t hash, uint64_t place)
{
    struct place_slot *slot = &places->slots[slot_of(places->slots, places->capacity, hash)];
    uint64_t before = slot->place;
    places->count += !before;
    *slot = (struct place_slot){.hash = hash, .place = place};
    return before;
}

uint64_t places_remove(struct places *places, uint64_t hash)
{
    if (!places->capacity)
        return 0;
    size_t mask = places->capacity - 1, hole = slot_of(places->slots, places->capacity, hash);
    uint64_t before = places->slots[hole].place;
    if (!before)
        return 0;
    for (size_t at = (hole + 1) & mask; places->slots[at].place; at = (at + 1) & mask) {
        size_t home = places->slots[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it would stand before its home */
        places->slots[hole] = places->slots[at];
        hole = at;
    }
    places->slots[hole] = (struct place_slot){0};
    places->count--;
    return before;
}
