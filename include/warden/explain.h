/* Why a rule matches an event, or why not: each of its conditions with its answer. For people who write rules: slower
 * than a scan, and only sets that were loaded with `describe` know their conditions' words. */
#ifndef WARDEN_EXPLAIN_H
#define WARDEN_EXPLAIN_H

#include <warden/behaviour.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wd_answer { WD_ANSWER_NO, WD_ANSWER_YES, WD_ANSWER_UNDECIDED };

/* A condition of the tree. They stand in the order in which they are written, each before those that are in it. */
struct wd_condition_answer {
    int depth;         /* 0: `when`, or an entry of `except` */
    bool in_exception; /* it is an entry of `except`, or in one */
    int line, column;  /* where it is written */
    const char *text;  /* as it is written, shortened; NULL where the set was loaded without `describe` */
    const char *file;  /* that it is written in; NULL likewise */
    const char *kind;  /* "all", "any", "not", or the key of a condition: "words" */
    enum wd_answer answer;
    struct wd_str value;         /* what the event has in the field that is compared; absent elsewhere */
    struct wd_str remembered;    /* conditions on behaviour, with values: "holds 5, and the limit is 3"; else absent */
    double amount;               /* the first number of it */
    const struct wd_span *spans; /* what it found */
    size_t span_count;
    size_t allowed_count; /* so many of these do not count: an exception allows them */
};

enum wd_why {
    WD_WHY_MATCHES,
    WD_WHY_CONDITION, /* `when` is not true */
    WD_WHY_EXCEPTION, /* an entry of `except` exempts the event */
    WD_WHY_UNDECIDED, /* a limit ended it */
    WD_WHY_EVENT,     /* the rule is about other events */
    WD_WHY_STAGE,     /* the rule is for the other stage */
    WD_WHY_OFF,       /* its mode is off */
    WD_WHY_SWITCHED_OFF,
};

struct wd_points {
    const char *score;
    double points;
};

struct wd_explanation {
    enum wd_why why;
    const struct wd_condition_answer *conditions; /* none where `why` is EVENT or later */
    size_t condition_count;
    const char *const *events; /* that the rule is about; "*" at an end stands for any rest */
    size_t event_count;
    const struct wd_action *actions; /* that it asks for; a scope of NONE is the event's most local place */
    size_t action_count;
    const struct wd_points *points;
    size_t point_count;
};

/* All of it lives in `arena`, the rule set and the event. The same errors as wd_scan. */
enum wd_status wd_explain(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                          const struct wd_event *event, int64_t now_ms, uint32_t rule,
                          struct wd_explanation *explanation_out, struct wd_error *err) WD_MUST_USE;

/* The same with what a table remembers, which stays as it is: the event is explained as if it came next. */
enum wd_status wd_explain_with_table(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                     const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                     struct wd_value_table *table, uint32_t rule,
                                     struct wd_explanation *explanation_out, struct wd_error *err) WD_MUST_USE;

/* The condition that decided, in one line: "'words: [sale]' (line 12) is false". "" where the rule matches. */
void wd_explain_briefly(const struct wd_explanation *explanation, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif
#endif
