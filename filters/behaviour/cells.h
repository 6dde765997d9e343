/* Values that are remembered from event to event, and the cells in them: windows, scores, strikes, fingerprints. Pure:
 * no clock, no I/O; times are event times in milliseconds. What always holds: an event that a value has seen (its
 * origin) changes nothing a second time and gets the answers that it got the first time; a value of any bytes at all is
 * safe to read (one that cannot be read counts as empty). Neighbours: filters/scanner.c, and the kinds in this folder.
 */
#ifndef FILTERS_BEHAVIOUR_CELLS_H
#define FILTERS_BEHAVIOUR_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/behaviour.h>

#include "filters/behaviour/fingerprint.h"
#include "filters/behaviour/walk.h"

/* ---- a value that is open for one event ---- */

enum { WD_SESSION_CELLS = 24 };
struct wd_session {
    struct wd_value *value;
    struct wd_origin origin;
    int64_t now_ms;     /* within the times that a value can hold */
    bool repeated;      /* the value has seen the event */
    bool out_of_memory; /* something could not be written: the value is half changed, put back a copy of it */
    /* Within the room: something was written; the bytes hold no value yet; where the first cells are. */
    bool changed, fresh, has_origins;
    uint32_t soonest;    /* the minute in which the first of the cells ends */
    uint32_t remembered; /* where the answers of this event begin in their cell; 0: there are none */
    uint32_t known;
    struct {
        uint32_t tag, at;
    } cells[WD_SESSION_CELLS];
};
/* `value` with len 0 is empty. A session of a repeated event changes nothing: what takes events answers from what was
 * remembered; wd_score_read, wd_strikes_read and wd_profile_read tell the present state. Each cell is taken at most
 * once an event. `value` may move while it is open. */
void wd_session_open(struct wd_session *session, struct wd_value *value, struct wd_origin origin, int64_t now_ms);
/* Where something was changed: notes the origin, sets value->changed and value->forget_at_ms. Else leaves no trace.
 * False where out_of_memory. A session that is never closed leaves both fields alone. */
bool wd_session_close(struct wd_session *session);

/* Answers to questions that the caller answers by itself, of what was so before the event. The last 64 events that had
 * any true answer are remembered, with all of them. */
enum wd_answer_known {
    WD_ANSWER_ABSENT,  /* repeated, and it was not true then */
    WD_ANSWER_FOUND,   /* repeated, and it was */
    WD_ANSWER_UNKNOWN, /* not repeated, or the answers of so long ago are not remembered: the present state answers */
};
enum wd_answer_known wd_remembered_answer(struct wd_session *session, uint32_t cell, double *payload_out);
/* payload: not negative. Nothing in a session of a repeated event. */
void wd_remember_answer(struct wd_session *session, uint32_t cell, double payload);

/* ---- windows ---- */

enum wd_window_kind { WD_WINDOW_COUNT, WD_WINDOW_DISTINCT, WD_WINDOW_SUM };
struct wd_window {
    uint32_t cell;
    enum wd_window_kind kind;
    int64_t over_ms;
    double most; /* the largest limit that is ever asked for: what need not be told apart above it is not kept */
};
/* Adds what the event brings (COUNT: nothing is read; DISTINCT: `count` items, hashes; SUM: `amount`, not negative) and
 * answers whether the event lies in the window and the window then holds more than `limit`. *amount_out (may be NULL):
 * how much it holds, exact up to window->most and more than that where it is more; 0 for an event that lies before the
 * window. Of a true answer the amount is remembered. DISTINCT tells at most 4,096 apart. */
bool wd_window_take(struct wd_session *session, const struct wd_window *window, const uint64_t *items, size_t count,
                    double amount, double limit, double *amount_out);

/* ---- scores ---- */

struct wd_band_limits {
    double at, leave;
};
struct wd_score_cell {
    uint32_t cell;
    int64_t half_life_ms;
    const struct wd_band_limits *bands; /* by `at`, rising */
    size_t band_count;
};
struct wd_score_now {
    double before, after; /* without and with its points, at the newest time that the score has seen */
    int band;             /* that holds after it; -1: none */
    bool entered;         /* by this event */
};
/* Before the event's points. */
double wd_score_read(struct wd_session *session, const struct wd_score_cell *score);
struct wd_score_now wd_score_add(struct wd_session *session, const struct wd_score_cell *score, double points);

/* ---- strikes ---- */

struct wd_ladder_step {
    uint32_t after;
    int64_t within_ms; /* 0: as long as strikes are kept */
};
struct wd_ladder {
    uint32_t cell;
    int64_t expire_ms;
    const struct wd_ladder_step *steps;
    size_t step_count;
};
uint32_t wd_strikes_read(struct wd_session *session, const struct wd_ladder *ladder, int64_t within_ms);
/* Adds `count` strikes of a content; the step that fires, or -1. *strikes_out: how many count now, over expire_ms. */
int wd_strikes_add(struct wd_session *session, const struct wd_ladder *ladder, uint32_t count, uint64_t content,
                   uint32_t *strikes_out);

/* ---- likeness ---- */

struct wd_similar {
    uint32_t cell;
    int64_t within_ms;
    uint32_t more_than;
    unsigned distance; /* 0..3 */
};
/* is_edit: the content was there before; its entry is replaced and never counts as a repetition of itself. */
bool wd_similar_take(struct wd_session *session, const struct wd_similar *similar, uint64_t fingerprint,
                     uint64_t content, bool is_edit, uint32_t *count_out);

enum { WD_CROWD_BUCKETS = 4 };
struct wd_crowd {
    uint32_t cell;
    int64_t within_ms;
    uint32_t authors;
    unsigned distance;
};
/* Writes the key text of bucket `bucket`; `place` is empty for the whole network. Returns the length. */
size_t wd_crowd_key(const struct wd_crowd *crowd, uint64_t fingerprint, unsigned bucket, struct wd_str place, char *out,
                    size_t size);
bool wd_crowd_take(struct wd_session *const buckets[WD_CROWD_BUCKETS], const struct wd_crowd *crowd,
                   uint64_t fingerprint, uint64_t author, uint32_t *authors_out);

/* ---- authors ---- */

struct wd_profile {
    int64_t first_seen_ms;  /* 0: this is the first event */
    int64_t clean_since_ms; /* the last enforced match, or first seen */
    uint32_t contents;      /* made before this event */
    int64_t pardoned_ms;    /* 0: never */
};
struct wd_profile wd_profile_read(struct wd_session *session);
/* After the verdict: counts a content, notes an enforced match. */
void wd_profile_note(struct wd_session *session, bool is_content, bool is_match);

/* For the arithmetic that people are shown, and for taking back. */
void wd_contribution_add(struct wd_session *session, uint32_t cell, double points, uint64_t content,
                         struct wd_str rule);
/* What a human let stand: the points that this content gave are subtracted from the scores (as decayed as they are),
 * its strikes go, and it is cleared from now on. */
void wd_take_back_content(struct wd_session *session, const struct wd_score_cell *scores, size_t score_count,
                          uint64_t content);
/* user.didClearFlag: every score of the value halves, the newest strike of every ladder goes. */
void wd_take_back_half(struct wd_session *session);
/* Every score and ladder of the value is emptied; a pardon is noted at the time of the event. */
void wd_forget_guilt(struct wd_session *session, bool is_pardon);
bool wd_is_cleared(struct wd_session *session, uint64_t content);

/* ---- reports ---- */

/* On the content's value: who has reported it. */
void wd_reporters_add(struct wd_session *content, struct wd_str reporter);
size_t wd_reporters_read(const struct wd_value *content, struct wd_str out[8]); /* texts point into the value */
/* On the reporter's own value. */
double wd_reporter_weight(struct wd_session *reporter);
void wd_reporter_judge(struct wd_session *reporter, bool was_right);

/* ---- for people: a value as JSON-like lines, see <warden/behaviour.h> wd_value_describe() ---- */

uint64_t wd_item_hash(struct wd_str text); /* stable across machines and versions */

#endif
