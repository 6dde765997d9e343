/* See recall_values.h. */
#include "worker/recall_values.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 256, KEPT_BYTES = 16 * 1024 };

static uint64_t hash_key(uint64_t hash, struct wd_str key)
{
    uint64_t word = 0;
    size_t at = 0;
    for (; key.len - at > sizeof(word); at += sizeof(word)) {
        memcpy(&word, key.data + at, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    if (key.len >= sizeof(word)) /* the last ones lie over those before */
        memcpy(&word, key.data + key.len - sizeof(word), sizeof(word));
    else
        memcpy(&word, key.data, key.len);
    hash = (hash ^ word ^ key.len) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

bool recall_values_init(struct recall_values *values, uint64_t seed)
{
    *values = (struct recall_values){.index_size = (size_t)2 * FIRST_SLOTS, .seed = seed};
    values->index = calloc(values->index_size, sizeof(*values->index));
    return values->index != NULL;
}

void recall_values_fini(struct recall_values *values)
{
    for (size_t i = 0; i < values->room; i++)
        free(values->slots[i].value.bytes);
    free(values->slots);
    free(values->index);
    free(values->items);
    free(values->item_slots);
}

void recall_values_reset(struct recall_values *values)
{
    if (values->index)
        memset(values->index, 0, values->index_size * sizeof(*values->index));
    for (size_t i = 0; i < values->count; i++) {
        struct wd_value *value = &values->slots[i].value;
        if (value->capacity > KEPT_BYTES) {
            free(value->bytes);
            *value = (struct wd_value){0};
        }
    }
    values->count = values->covered = 0;
}

void recall_values_forget(struct recall_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        values->slots[i].is_there = values->slots[i].is_held = false;
}

/* ---- slots ---- */

static void enter(struct recall_values *values, uint32_t slot)
{
    size_t mask = values->index_size - 1;
    size_t at = values->slots[slot].hash & mask;
    while (values->index[at])
        at = (at + 1) & mask;
    values->index[at] = slot + 1;
}

static bool widen(struct recall_values *values)
{
    size_t room = values->room ? values->room * 2 : FIRST_SLOTS;
    struct recall_slot *slots = realloc(values->slots, room * sizeof(*slots));
    if (!slots)
        return false;
    memset(slots + values->room, 0, (room - values->room) * sizeof(*slots));
    values->slots = slots;
    values->room = room;
    if (2 * room <= values->index_size)
        return true;
    uint32_t *index = calloc(2 * room, sizeof(*index));
    if (!index) {
        return false;
    }
    free(values->index);
    values->index = index;
    values->index_size = 2 * room;
    for (uint32_t slot = 0; slot < values->count; slot++)
        enter(values, slot);
    return true;
}

static bool find(const struct recall_values *values, struct wd_str key, uint64_t hash, uint32_t *slot_out)
{
    size_t mask = values->index_size - 1;
    for (size_t at = hash & mask; values->index[at]; at = (at + 1) & mask) {
        *slot_out = values->index[at] - 1;
        const struct recall_slot *slot = &values->slots[*slot_out];
        if (slot->hash == hash && wd_str_equal(slot->key, key))
            return true;
    }
    return false;
}

/* False: no memory. */
static bool slot_of(struct recall_values *values, struct wd_str key, uint32_t *slot_out)
{
    uint64_t hash = hash_key(values->seed, key);
    if (find(values, key, hash, slot_out))
        return true;
    if ((values->count == values->room || 2 * values->count >= values->index_size) && !widen(values))
        return false;
    *slot_out = (uint32_t)values->count++;
    struct recall_slot *slot = &values->slots[*slot_out];
    slot->key = key;
    slot->hash = hash;
    slot->version = slot->covered_by = 0;
    slot->is_there = slot->is_held = false;
    slot->value.len = 0;
    slot->value.changed = false;
    enter(values, *slot_out);
    return true;
}

bool recall_values_take(struct recall_values *values, struct wd_arena *arena, struct recalled_event *event)
{
    size_t count = event->recall.count;
    if (count > event->slot_room) {
        event->slots = wd_arena_alloc(arena, count * sizeof(*event->slots));
        event->slot_room = event->slots ? count : 0;
    }
    if (count && !event->slots)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!slot_of(values, event->recall.keys[i], &event->slots[i]))
            return false;
    return true;
}

struct wd_value **recall_values_of(struct recall_values *values, struct wd_arena *arena,
                                   const struct recalled_event *event)
{
    struct wd_value **found = wd_arena_alloc(arena, (event->recall.count + 1) * sizeof(struct wd_value *));
    for (size_t i = 0; found && i < event->recall.count; i++)
        found[i] = &values->slots[event->slots[i]].value;
    return found;
}

/* ---- items ---- */

static bool item_room(struct recall_values *values)
{
    if (values->item_room >= values->count)
        return true;
    struct state_item *items = realloc(values->items, values->room * sizeof(*items));
    if (items)
        values->items = items;
    uint32_t *slots = realloc(values->item_slots, values->room * sizeof(*slots));
    if (slots)
        values->item_slots = slots;
    if (!items || !slots)
        return false;
    values->item_room = values->room;
    return true;
}

static void add_item(struct recall_values *values, size_t index)
{
    struct recall_slot *slot = &values->slots[index];
    values->items[values->item_count] =
        (struct state_item){.key = slot->key, .value = &slot->value, .version = slot->version};
    values->item_slots[values->item_count++] = (uint32_t)index;
}

size_t recall_values_missing(struct recall_values *values)
{
    values->item_count = 0;
    if (!item_room(values))
        abort(); /* a few kilobytes; without them nothing could be judged ever again */
    for (size_t i = 0; i < values->count; i++)
        if (!values->slots[i].is_there)
            add_item(values, i);
    return values->item_count;
}

void recall_values_note_got(struct recall_values *values)
{
    for (size_t i = 0; i < values->item_count; i++) {
        struct recall_slot *slot = &values->slots[values->item_slots[i]];
        slot->version = values->items[i].version;
        slot->covered_by = 0;
        slot->value.changed = false;
        slot->is_there = true;
    }
}

size_t recall_values_changed(struct recall_values *values)
{
    values->item_count = 0;
    if (!item_room(values))
        abort();
    for (size_t i = 0; i < values->count; i++)
        if (values->slots[i].is_there && values->slots[i].value.changed)
            add_item(values, i);
    return values->item_count;
}

size_t recall_values_note_stored(struct recall_values *values)
{
    size_t conflicts = 0;
    for (size_t i = 0; i < values->item_count; i++) {
        struct recall_slot *slot = &values->slots[values->item_slots[i]];
        slot->version = values->items[i].version;
        slot->value.changed = false;
        slot->is_there = !values->items[i].conflict;
        slot->is_held &= slot->is_there;
        conflicts += values->items[i].conflict;
    }
    return conflicts;
}

/* ---- what earlier batches hold ---- */

void recall_values_hold(struct recall_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        values->slots[i].is_held |= values->slots[i].is_there && values->slots[i].value.changed;
}

static bool copy_value(struct wd_value *to, const struct wd_value *from)
{
    if (from->len > to->capacity) {
        unsigned char *wider = realloc(to->bytes, from->len);
        if (!wider)
            return false;
        to->bytes = wider;
        to->capacity = from->len;
    }
    if (from->len)
        memcpy(to->bytes, from->bytes, from->len);
    to->len = from->len;
    to->forget_at_ms = from->forget_at_ms;
    to->changed = false;
    return true;
}

bool recall_values_cover(struct recall_values *values, const struct recall_values *earlier, uint64_t number)
{
    for (size_t i = 0; i < values->item_count; i++) {
        struct recall_slot *slot = &values->slots[values->item_slots[i]];
        uint32_t at;
        if (slot->covered_by || !find(earlier, slot->key, slot->hash, &at) || !earlier->slots[at].is_held)
            continue;
        if (!copy_value(&slot->value, &earlier->slots[at].value))
            return false;
        slot->version = earlier->slots[at].version;
        slot->covered_by = number;
        slot->covered_slot = at;
        values->covered++;
    }
    return true;
}

void recall_values_settle(struct recall_values *values, const struct recall_values *earlier, uint64_t number)
{
    for (size_t i = 0; values->covered && i < values->count; i++)
        if (values->slots[i].covered_by == number)
            values->slots[i].version = earlier->slots[values->slots[i].covered_slot].version;
}
