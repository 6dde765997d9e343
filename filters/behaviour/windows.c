/* Windows over counts and sums: slices of time with their amounts. The window at the newest time T is (T - D, T]; a
 * slice lies in it while its last millisecond does.
 *
 *   u48 T, u48 base (a slice), COUNT: u64 total; entries by time: u16 slice - base, u32 count or f64 amount
 *
 * Entries that cannot matter are not kept: where the newer ones alone hold more than `most`, they do so as long as the
 * oldest of them stays, and what is older leaves the window first. Neighbours: distinct.c, window.h. */
#include "filters/behaviour/window.h"

static const struct list_shape COUNTS = {20, 6}, SUMS = {12, 10};

static struct list_shape shape_of(enum wd_window_kind kind)
{
    return kind == WD_WINDOW_COUNT ? COUNTS : SUMS;
}

static double entry_amount(const unsigned char *entry, enum wd_window_kind kind)
{
    return kind == WD_WINDOW_COUNT ? load32(entry + 2) : load_amount(entry + 2);
}

static void entry_add(unsigned char *entry, enum wd_window_kind kind, double amount)
{
    if (kind == WD_WINDOW_COUNT) {
        uint32_t n = load32(entry + 2);
        store32(entry + 2, n < UINT32_MAX ? n + 1 : n);
    } else
        store_double(entry + 2, load_amount(entry + 2) + amount);
}

/* What entries [from, end) hold. The total of counts is kept, so that a full window costs no more than an empty one. */
static double total_of(unsigned char *cell, enum wd_window_kind kind)
{
    if (kind == WD_WINDOW_COUNT)
        return (double)load64(cell_data(cell) + 12);
    double total = 0;
    for (size_t i = 0; i < list_count(cell, SUMS); i++)
        total += load_amount(list_entry(cell, SUMS, i) + 2);
    return total;
}

/* How many entries have left the window of `window` at T, and what they held. */
static size_t passed(unsigned char *cell, const struct window_times *times, enum wd_window_kind kind,
                     double *amount_out)
{
    struct list_shape shape = shape_of(kind);
    size_t count = list_count(cell, shape), cut = 0;
    int64_t base = load48(cell_data(cell) + 6);
    for (*amount_out = 0; cut < count; cut++) {
        const unsigned char *entry = list_entry(cell, shape, cut);
        if (base + load16(entry) >= times->first_slice)
            break;
        *amount_out += entry_amount(entry, kind);
    }
    return cut;
}

static void set_total(unsigned char *cell, enum wd_window_kind kind, double total)
{
    if (kind == WD_WINDOW_COUNT)
        store64(cell_data(cell) + 12, total > 0 ? (uint64_t)total : 0);
}

/* Adds to the slice of the event, behind the first `cut` entries, which go. */
static unsigned char *add_to_slice(struct wd_session *session, unsigned char *cell, const struct window_times *times,
                                   enum wd_window_kind kind, size_t cut, double amount)
{
    struct list_shape shape = shape_of(kind);
    window_rebase(cell, shape, cut, times);
    size_t count = list_count(cell, shape), at = count;
    int64_t slice = times->slice - load48(cell_data(cell) + 6);
    while (at > cut && load16(list_entry(cell, shape, at - 1)) > slice)
        at--;
    if (at > cut && load16(list_entry(cell, shape, at - 1)) == slice) {
        entry_add(list_entry(cell, shape, at - 1), kind, amount);
        return cut ? list_shift(session, cell, shape, cut, SIZE_MAX) : cell;
    }
    if (!(cell = list_shift(session, cell, shape, cut, at - cut)))
        return NULL;
    unsigned char *entry = list_entry(cell, shape, at - cut);
    memset(entry, 0, shape.stride);
    store16(entry, (uint32_t)slice);
    entry_add(entry, kind, amount);
    return cell;
}

/* Entries at the front without which the rest holds more than `most`. */
static size_t needless(unsigned char *cell, const struct wd_window *window, double *total)
{
    struct list_shape shape = shape_of(window->kind);
    size_t count = list_count(cell, shape), cut = 0;
    for (; cut + 1 < count; cut++) {
        double rest = *total - entry_amount(list_entry(cell, shape, cut), window->kind);
        if (!(rest > window->most))
            break;
        *total = rest;
    }
    return cut;
}

static double window_read(unsigned char *cell, const struct wd_window *window, const struct window_times *times)
{
    double gone;
    passed(cell, times, window->kind, &gone);
    double left = total_of(cell, window->kind) - gone;
    return left > 0 ? left : 0;
}

double window_amount(unsigned char *cell, const struct wd_window *window, const struct window_times *times)
{
    return window->kind == WD_WINDOW_DISTINCT ? distinct_read(cell, times) : window_read(cell, window, times);
}

static bool add_amount(struct wd_session *session, unsigned char *cell, const struct wd_window *window,
                       const struct window_times *times, double amount, double *total_out)
{
    double gone;
    size_t cut = passed(cell, times, window->kind, &gone);
    double total = total_of(cell, window->kind) - gone;
    if (times->inside) {
        cell = add_to_slice(session, cell, times, window->kind, cut, amount);
        total += window->kind == WD_WINDOW_COUNT ? 1 : amount;
    } else if (cut)
        cell = list_shift(session, cell, shape_of(window->kind), cut, SIZE_MAX);
    if (!cell)
        return false;
    if (window->kind == WD_WINDOW_SUM)
        total = total_of(cell, WD_WINDOW_SUM);
    *total_out = total;
    cut = needless(cell, window, &total);
    if (cut)
        cell = list_shift(session, cell, shape_of(window->kind), cut, SIZE_MAX);
    set_total(cell, window->kind, total);
    return true;
}

static struct window_times times_at(const struct wd_window *window, int64_t watermark_ms, int64_t now_ms)
{
    int64_t over = window->over_ms < 1 ? 1 : window->over_ms < TIME_MAX_MS ? window->over_ms : TIME_MAX_MS;
    struct window_times times = {.watermark_ms = now_ms > watermark_ms ? now_ms : watermark_ms};
    times.slice_ms = (over + WINDOW_SLICES - 1) / WINDOW_SLICES;
    int64_t first_ms = times.watermark_ms - over + 1;
    times.first_slice = first_ms > 0 ? first_ms / times.slice_ms : 0;
    times.slice = now_ms / times.slice_ms;
    times.inside = now_ms >= first_ms;
    times.until_ms = times.watermark_ms + over;
    return times;
}

/* A repeated event: what was true then, else what is so now. */
static bool answer_again(struct wd_session *session, const struct wd_window *window, double limit, double *amount_out)
{
    *amount_out = 0;
    switch (answer_get_amount(session, ANSWER_WINDOW, window->cell, amount_out)) {
    case WD_ANSWER_FOUND:
        return *amount_out > limit;
    case WD_ANSWER_ABSENT:
        return false;
    case WD_ANSWER_UNKNOWN:
        break;
    }
    unsigned char *cell = cell_find(session, window_cell_kind(window->kind), window->cell);
    if (!cell)
        return false;
    struct window_times times = times_at(window, load48(cell_data(cell)), session->now_ms);
    if (times.inside)
        *amount_out = window_amount(cell, window, &times);
    return times.inside && *amount_out > limit;
}

static bool take(struct wd_session *session, const struct wd_window *window, const uint64_t *items, size_t count,
                 double amount, double limit, double *amount_out)
{
    size_t head = window->kind == WD_WINDOW_COUNT ? COUNTS.head : SUMS.head;
    unsigned char *cell = cell_make(session, window_cell_kind(window->kind), window->cell, head);
    if (!cell)
        return false;
    struct window_times times = times_at(window, load48(cell_data(cell)), session->now_ms);
    store48(cell_data(cell), times.watermark_ms);
    cell_keep_until(session, cell, times.until_ms);
    double total = 0;
    if (window->kind == WD_WINDOW_DISTINCT ? !distinct_add(session, cell, window, &times, items, count, &total)
                                           : !add_amount(session, cell, window, &times, amount, &total))
        return false;
    *amount_out = times.inside ? total : 0;
    if (!times.inside || !(total > limit))
        return false;
    answer_put_amount(session, ANSWER_WINDOW, window->cell, total);
    return true;
}

bool wd_window_take(struct wd_session *session, const struct wd_window *window, const uint64_t *items, size_t count,
                    double amount, double limit, double *amount_out)
{
    double total = 0;
    if (!(amount > 0))
        amount = 0;
    if (amount > 1e15)
        amount = 1e15;
    bool is_over = session->repeated ? answer_again(session, window, limit, &total)
                                     : take(session, window, items, count, amount, limit, &total);
    if (amount_out)
        *amount_out = total;
    return is_over;
}
