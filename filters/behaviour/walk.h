/* What a value holds, for people: its cells with their numbers and the contributions to its scores. Reads any bytes
 * safely; of a value that cannot be read nothing is told. Neighbours: cells.h, and filters/ for names. */
#ifndef FILTERS_BEHAVIOUR_WALK_H
#define FILTERS_BEHAVIOUR_WALK_H

#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

/* The numbers stand in stored values: they never change. */
enum wd_cell_kind {
    WD_CELL_COUNT = 1,
    WD_CELL_DISTINCT = 2,
    WD_CELL_SUM = 3,
    WD_CELL_SCORE = 4,
    WD_CELL_STRIKES = 5,
    WD_CELL_SIMILAR = 6,
    WD_CELL_CROWD = 7,
    WD_CELL_PROFILE = 8,
    WD_CELL_CONTRIBUTIONS = 9,
    WD_CELL_CLEARED = 10,
    WD_CELL_REPORTERS = 11,
    WD_CELL_RECORD = 12, /* of a reporter: right and wrong reports */
    WD_CELL_ORIGINS = 13,
    WD_CELL_ANSWERS = 14,
    WD_CELL_DROPPED = 15, /* which answers are not remembered any more */
};

struct wd_cell_seen {
    uint32_t cell; /* 0 for kinds of which a value has one */
    enum wd_cell_kind kind;
    /* COUNT, DISTINCT, SUM: what the window held at its watermark; SCORE: at its watermark; RECORD: right reports; the
     * other kinds: how many entries. */
    double amount;
    double wrong;          /* RECORD: wrong reports */
    int64_t watermark_ms;  /* PROFILE: clean since; 0: has none */
    int64_t oldest_ms;     /* of the entries; PROFILE: first seen; 0: unknown */
    int64_t pardoned_ms;   /* PROFILE: 0 never */
    int band;              /* SCORE: that held at the watermark; -1: none */
    int64_t keep_until_ms; /* event time from which on the cell may be dropped; 0: with the value */
};
void wd_value_each_cell(const unsigned char *bytes, size_t len,
                        void (*each)(void *context, const struct wd_cell_seen *seen), void *context);

struct wd_contribution_seen {
    int64_t at_ms;
    uint32_t cell;      /* of the score or ladder */
    double points;      /* for a ladder: strikes */
    uint64_t content;   /* wd_item_hash of it */
    struct wd_str rule; /* points into the value */
};
/* The oldest first. */
void wd_value_each_contribution(const unsigned char *bytes, size_t len,
                                void (*each)(void *context, const struct wd_contribution_seen *seen), void *context);

#endif
