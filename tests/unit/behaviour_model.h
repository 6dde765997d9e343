/* A slow model of what values remember: it keeps every event that a value has seen and answers each question by looping
 * over them, as the definitions are worded. behaviour_model_test.c holds the cells against it. */
#ifndef TESTS_UNIT_BEHAVIOUR_MODEL_H
#define TESTS_UNIT_BEHAVIOUR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/behaviour/cells.h"

enum question {
    Q_BURST, /* windows of an author */
    Q_HOUR,
    Q_ITEMS,
    Q_SUM,
    Q_PLACE, /* windows of a place */
    Q_PLACE_AUTHORS,
    WINDOW_COUNT,
    Q_SPAM = WINDOW_COUNT, /* scores */
    Q_ABUSE,
    Q_LADDER,
    Q_SIMILAR,
    Q_OWN, /* answered by the caller: was the first score at least 20.3 before the event? */
    Q_CROWD,
    QUESTION_COUNT
};
enum { SCORE_COUNT = 2, ITEMS_MAX = 3 };

extern const struct wd_window MODEL_WINDOWS[WINDOW_COUNT];
extern const struct wd_score_cell MODEL_SCORES[SCORE_COUNT];
extern const struct wd_ladder MODEL_LADDER;
extern const struct wd_similar MODEL_SIMILAR;
extern const struct wd_crowd MODEL_CROWD;

enum decision { NO_DECISION, LET_STAND, HALVE, EMPTY, PARDON };

struct event {
    struct wd_origin origin;
    int64_t at_ms;
    int author, place;
    uint64_t content, fingerprint, items[ITEMS_MAX];
    size_t item_count;
    double amount, points[SCORE_COUNT];
    uint32_t strikes;
    bool is_edit, is_match;
    enum decision decision;
    uint64_t about; /* content of a decision */
};

struct answer {
    bool yes;
    double amount, before; /* score: after and before; ladder: strikes */
    int step;              /* or band; -1: none */
    bool entered;
};

enum { APPLIED_MAX = 200, RING_EVENTS = 64, SOURCES_MAX = 8 };

struct model_value {
    struct {
        const struct event *event;
        uint32_t cells; /* the questions that the set of then asked of this value, a bit each */
        bool inside[WINDOW_COUNT];
    } applied[APPLIED_MAX];
    size_t applied_count;
    int64_t newest_ms;
    /* every point and strike, with what became of it */
    struct model_charge {
        int64_t at_ms;
        double points;
        uint64_t content;
        int target;      /* Q_SPAM, Q_ABUSE or Q_LADDER */
        bool counts;     /* towards its score or ladder */
        bool remembered; /* among the contributions that can be taken back */
    } charges[APPLIED_MAX * 3];
    size_t charge_count;
    int64_t score_ms[SCORE_COUNT], ladder_ms; /* newest times; 0: there is nothing */
    int level[SCORE_COUNT];
    struct model_text {
        int64_t at_ms;
        uint64_t fingerprint, content;
        bool stands;
    } texts[APPLIED_MAX];
    size_t text_count;
    int64_t texts_ms;
    uint64_t cleared[APPLIED_MAX];
    size_t cleared_count;
    struct wd_profile profile;
    /* what was true, by event, the oldest first */
    struct model_memory {
        struct wd_origin origin;
        bool known[QUESTION_COUNT];
        struct answer answers[QUESTION_COUNT];
    } ring[RING_EVENTS];
    size_t ring_count;
    int64_t ring_ms, dropped_ms;
    uint64_t dropped[SOURCES_MAX]; /* by source: answers up to this sequence may be missing; 0: none */
};

/* What an event finds: the present one of the value, before the event. */
bool model_is_repeated(const struct model_value *value, const struct event *event);
enum wd_answer_known model_remembered(const struct model_value *value, const struct event *event,
                                      enum question question, struct answer *answer_out);

/* With the event (repeated: without it). They change nothing. */
struct answer model_window(const struct model_value *value, enum question question, const struct event *event,
                           double limit, bool repeated);
struct answer model_crowd(struct model_value *const buckets[WD_CROWD_BUCKETS], const struct event *event);
double model_score(const struct model_value *value, int score, const struct event *event);
uint32_t model_strikes(const struct model_value *value, int64_t within_ms, const struct event *event);
struct answer model_present_score(const struct model_value *value, int score, const struct event *event);
struct answer model_present_similar(const struct model_value *value, const struct event *event);

/* These change the value by the event. */
struct answer model_add_score(struct model_value *value, int score, const struct event *event);
struct answer model_add_strikes(struct model_value *value, const struct event *event);
struct answer model_add_text(struct model_value *value, const struct event *event);
void model_decide(struct model_value *value, const struct event *event);
void model_note_profile(struct model_value *value, const struct event *event);
void model_remember(struct model_value *value, const struct event *event, enum question question, struct answer answer);
void model_apply(struct model_value *value, const struct event *event, uint32_t cells);

#endif
