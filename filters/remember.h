/* An event's dealings with what is remembered: which values it needs, what its signals then hold, and what follows from
 * its matches for its author. What always holds: everything is read and changed through sessions (cells.h), so that an
 * event that was delivered before changes nothing. Neighbours: recall.c prepares, remember.c asks the signals,
 * consequences.c gives points and strikes, judge.c plans what they lead to. */
#ifndef FILTERS_REMEMBER_H
#define FILTERS_REMEMBER_H

#include "filters/evaluate.h"
#include "filters/rules/behaviour.h"
#include "filters/scanner_internal.h"

enum {
    KEYS_MAX = 64,
    HOSTS_MAX = FEEDINGS_OF_A_SIGNAL,
    LINKS_MAX = 16,
    VALUES_MAX = FEEDINGS_OF_A_SIGNAL,
    REPORTERS_MAX = 8,
    ITEMS_MAX = 256
};
enum { NO_KEY = -1 };

/* A signal that the event feeds, and the keys of the values that hold it. */
struct feeding {
    uint32_t signal;
    uint16_t keys[WD_CROWD_BUCKETS]; /* windows and likeness have one */
    uint64_t fingerprint;            /* likeness */
};

/* What wd_recall finds out and wd_scan_remembering needs again. */
struct prepared {
    uint64_t serial; /* of the set */
    uint32_t traits; /* of the event's name */
    struct wd_str keys[KEYS_MAX];
    size_t key_count;
    int author, content, reporter; /* indices of keys, or NO_KEY */
    int judged[REPORTERS_MAX]; /* the keys of reporters that a decision proves right or wrong, the first one first */
    size_t judged_count;
    bool is_further; /* they were looked for */
    struct wd_str reporter_id;
    uint64_t links[LINKS_MAX]; /* hashes of the distinct links */
    size_t link_count;
    struct feeding *feedings;
    size_t feeding_count;
};

/* An action that follows from a score or ladder. */
struct due {
    struct due *next;
    const struct wd_action *action;
    bool enforced;
};

struct remembering {
    struct wd_scanner *scanner;
    const struct behaviour *behaviour;
    const struct prepared *prepared;
    const struct wd_event *event;
    struct wd_arena *arena;
    uint64_t author, content; /* hashes of their ids */
    uint32_t traits;
    struct wd_session sessions[KEYS_MAX]; /* one a key */
    size_t session_count;
    struct wd_profile profile; /* where somebody asks */
    uint32_t level;            /* of trust; level_count: new */
    bool is_level_asked;       /* the verdict depends on it */
    struct due *due, **due_end;
    bool out_of_memory;
};

/* The author's session; NULL: the event has no author. */
struct wd_session *wd_author_session(struct remembering *remembering);

/* Lets the event feed its signals. False where memory is out. */
bool wd_remember_signals(struct remembering *remembering, struct evaluation *evaluation);
/* Whether a condition on behaviour is true. */
bool wd_answer_behaviour(struct remembering *remembering, const struct leaf *leaf);
/* Everything that follows from the matches of *verdict for what is remembered: fills its scores and ladders, and
 * remembering->due. False where memory is out. */
bool wd_draw_consequences(struct remembering *remembering, struct wd_verdict *verdict);
/* Whether a person's decision forbids the action. */
bool wd_is_held(struct remembering *remembering, const struct wd_action *action);

/* "channel/ID", for the most local place of an event; absent where it has none. */
struct wd_str wd_place_text(struct wd_arena *arena, const struct wd_event *event);
/* What a condition on behaviour was answered from, in words; *amount_out: the first number of it. */
struct wd_str wd_behaviour_text(struct remembering *remembering, const struct leaf *leaf, double *amount_out);

/* wd_scan and wd_explain with or without (NULL) values. */
enum wd_status wd_scan_with(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                            const struct wd_event *event, int64_t now_ms, struct remembering *remembering,
                            struct wd_verdict *verdict_out, struct wd_error *err);
enum wd_status wd_explain_with(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                               const struct wd_event *event, int64_t now_ms, struct remembering *remembering,
                               uint32_t index, struct wd_explanation *explanation_out, struct wd_error *err);

/* wd_explain with values, which stay as they are. */
enum wd_status wd_explain_remembering(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                      const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                      const struct wd_recall *recall, struct wd_value *const *values, uint32_t rule,
                                      struct wd_explanation *explanation_out, struct wd_error *err);

#endif
