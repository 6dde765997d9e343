/* Windows over distinct items: for each item the slice of its newest event, the oldest first.
 *
 *   u48 T, u48 base (a slice); entries: u16 slice - base, u64 item
 *
 * Kept are the newest most + 1 (at most 4,096): with all of them in the window it holds more than `most`, and what is
 * older leaves first. Neighbours: windows.c, window.h. */
#include "filters/behaviour/window.h"

static const struct list_shape ITEMS = {12, 10};

void window_rebase(unsigned char *cell, struct list_shape shape, size_t cut, const struct window_times *times)
{
    size_t count = list_count(cell, shape);
    int64_t base = load48(cell_data(cell) + 6), to = times->slice;
    if (count > cut) {
        if (times->slice >= base && times->slice - base <= UINT16_MAX)
            return;
        int64_t first = base + load16(list_entry(cell, shape, cut));
        to = first < to ? first : to;
    }
    for (size_t i = cut; i < count; i++) {
        unsigned char *entry = list_entry(cell, shape, i);
        int64_t moved = base + load16(entry) - to;
        store16(entry, moved < 0 ? 0 : moved > UINT16_MAX ? UINT16_MAX : (uint32_t)moved);
    }
    store48(cell_data(cell) + 6, to);
}

static size_t passed(unsigned char *cell, const struct window_times *times)
{
    size_t count = list_count(cell, ITEMS), cut = 0;
    int64_t base = load48(cell_data(cell) + 6);
    while (cut < count && base + load16(list_entry(cell, ITEMS, cut)) < times->first_slice)
        cut++;
    return cut;
}

double distinct_read(unsigned char *cell, const struct window_times *times)
{
    return (double)(list_count(cell, ITEMS) - passed(cell, times));
}

static size_t find_item(unsigned char *cell, uint64_t item)
{
    size_t count = list_count(cell, ITEMS);
    const unsigned char *entry = list_entry(cell, ITEMS, 0) + 2;
    for (size_t i = 0; i < count; i++, entry += ITEMS.stride)
        if (load64(entry) == item)
            return i;
    return SIZE_MAX;
}

/* Moves the entry `from` to where its new slice belongs, which is later. */
static void renew(unsigned char *cell, size_t from, int64_t slice)
{
    size_t count = list_count(cell, ITEMS), to = from;
    uint64_t item = load64(list_entry(cell, ITEMS, from) + 2);
    while (to + 1 < count && load16(list_entry(cell, ITEMS, to + 1)) <= slice)
        to++;
    unsigned char *entry = list_entry(cell, ITEMS, from);
    memmove(entry, entry + ITEMS.stride, (to - from) * ITEMS.stride);
    entry = list_entry(cell, ITEMS, to);
    store16(entry, (uint32_t)slice);
    store64(entry + 2, item);
}

static unsigned char *add_item(struct wd_session *session, unsigned char *cell, int64_t slice, uint64_t item,
                               size_t most)
{
    size_t found = find_item(cell, item), count = list_count(cell, ITEMS), at = count;
    if (found != SIZE_MAX) {
        if (load16(list_entry(cell, ITEMS, found)) < slice)
            renew(cell, found, slice);
        return cell;
    }
    while (at > 0 && load16(list_entry(cell, ITEMS, at - 1)) > slice)
        at--;
    size_t cut = count >= most ? count - most + 1 : 0;
    if (cut > at) /* older than all that is kept */
        return cell;
    if (!(cell = list_shift(session, cell, ITEMS, cut, at - cut)))
        return NULL;
    unsigned char *entry = list_entry(cell, ITEMS, at - cut);
    store16(entry, (uint32_t)slice);
    store64(entry + 2, item);
    return cell;
}

bool distinct_add(struct wd_session *session, unsigned char *cell, const struct wd_window *window,
                  const struct window_times *times, const uint64_t *items, size_t count, double *amount_out)
{
    size_t most = window->most < 0 ? 1 : window->most < WINDOW_ITEMS_MAX ? (size_t)window->most + 1 : WINDOW_ITEMS_MAX;
    size_t cut = passed(cell, times);
    if (cut && !(cell = list_shift(session, cell, ITEMS, cut, SIZE_MAX)))
        return false;
    if (times->inside && count > 0) {
        window_rebase(cell, ITEMS, 0, times);
        int64_t slice = times->slice - load48(cell_data(cell) + 6);
        for (size_t i = 0; i < count; i++)
            if (!(cell = add_item(session, cell, slice, items[i], most)))
                return false;
    }
    *amount_out = (double)list_count(cell, ITEMS);
    return true;
}
