/* Sets of domains, of any size: one look-up a label of the host that is asked for. */
#include "filters/matchers/host.h"

static uint64_t step(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * 1099511628211U;
}

/* From the end to the start, so that the hash of each suffix comes on the way. */
static uint64_t hash_back(struct wd_str text)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = text.len; i-- > 0;)
        hash = step(hash, text.data[i]);
    return hash;
}

static size_t slot_of(uint64_t hash, size_t mask)
{
    return (hash ^ hash >> 32) & mask;
}

size_t wd_domain_slots(size_t count)
{
    size_t slots = 16;
    while (slots < count * 2)
        slots *= 2;
    return slots;
}

void wd_domain_set_fill(struct wd_domain_set *set, const struct wd_str *entries, size_t count, uint32_t *slots,
                        size_t slot_count)
{
    *set = (struct wd_domain_set){.entries = entries, .slots = slots, .slot_mask = slot_count - 1};
    for (size_t i = 0; i < count; i++) {
        size_t slot = slot_of(hash_back(entries[i]), set->slot_mask);
        while (slots[slot] && !wd_str_equal(entries[slots[slot] - 1], entries[i]))
            slot = (slot + 1) & set->slot_mask;
        if (!slots[slot])
            slots[slot] = (uint32_t)i + 1;
    }
}

static bool has_exactly(const struct wd_domain_set *set, struct wd_str name, uint64_t hash)
{
    for (size_t slot = slot_of(hash, set->slot_mask); set->slots[slot]; slot = (slot + 1) & set->slot_mask)
        if (wd_str_equal(set->entries[set->slots[slot] - 1], name))
            return true;
    return false;
}

bool wd_domain_set_has(const struct wd_domain_set *set, struct wd_str name, bool is_address)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = name.len; i-- > 0;) {
        hash = step(hash, name.data[i]);
        bool is_whole_label = i == 0 || name.data[i - 1] == '.';
        struct wd_str suffix = {name.data + i, name.len - i};
        if (is_whole_label && (i == 0 || !is_address) && has_exactly(set, suffix, hash))
            return true;
    }
    return false;
}
