/* Inside the room: what windows of all kinds share. T is the newest event time that a window has seen, D its width. */
#ifndef FILTERS_BEHAVIOUR_WINDOW_H
#define FILTERS_BEHAVIOUR_WINDOW_H

#include "filters/behaviour/value.h"

enum { WINDOW_SLICES = 1024, WINDOW_ITEMS_MAX = 4096 };

struct window_times {
    int64_t watermark_ms; /* T, with the event */
    int64_t slice_ms;     /* D / 1024, rounded up */
    int64_t first_slice;  /* that has its last millisecond in (T - D, T] */
    int64_t slice;        /* of the event */
    int64_t until_ms;     /* T + D: from then on nothing of now lies in it */
    bool inside;          /* does the event lie in the window? */
};

static inline enum wd_cell_kind window_cell_kind(enum wd_window_kind kind)
{
    return kind == WD_WINDOW_COUNT ? WD_CELL_COUNT : kind == WD_WINDOW_SUM ? WD_CELL_SUM : WD_CELL_DISTINCT;
}

/* Entries hold u16 slices after a base: moves the base so that those from `cut` on and the event's slice fit. */
void window_rebase(unsigned char *cell, struct list_shape shape, size_t cut, const struct window_times *times);

/* What the cell holds in the window, nothing changed. */
double window_amount(unsigned char *cell, const struct wd_window *window, const struct window_times *times);
double distinct_read(unsigned char *cell, const struct window_times *times);
bool distinct_add(struct wd_session *session, unsigned char *cell, const struct wd_window *window,
                  const struct window_times *times, const uint64_t *items, size_t count, double *amount_out);

#endif
