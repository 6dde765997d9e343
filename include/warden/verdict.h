/* What the rules said about one event, and the actions that follow from it. Plain data; it lives in the arena that
 * the scan was given and points into the rule set and the event, so all three must outlive it. */
#ifndef WARDEN_VERDICT_H
#define WARDEN_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/event.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wd_action_kind {
    WD_ACTION_FLAG = 0,
    WD_ACTION_UNFLAG,
    WD_ACTION_HIDE,
    WD_ACTION_DELETE,
    WD_ACTION_APPROVE,
    WD_ACTION_DECLINE,
    WD_ACTION_MUTE, /* the author in the channel, for duration_ms */
    WD_ACTION_BAN,  /* the author, in `scope` */
    WD_ACTION_UNBAN,
    WD_ACTION_REMOVE,          /* the author from the channel or community */
    WD_ACTION_REVOKE_SESSIONS, /* of the author */
    WD_ACTION_NOTIFY,          /* POST the decision to the named notify target */
    WD_ACTION_KIND_COUNT
};
/* The name that rules and the action table write: "flag", ..., "revoke_sessions", "notify". */
const char *wd_action_kind_name(enum wd_action_kind kind);

enum wd_scope { WD_SCOPE_NONE = 0, WD_SCOPE_CHANNEL, WD_SCOPE_COMMUNITY, WD_SCOPE_GLOBAL, WD_SCOPE_COUNT };
/* "", "channel", "community", "global". */
const char *wd_scope_name(enum wd_scope scope);

struct wd_action {
    enum wd_action_kind kind;
    enum wd_scope scope;         /* ban, unban, mute, remove; NONE elsewhere */
    int64_t duration_ms;         /* mute; 0 elsewhere */
    struct wd_str notify_target; /* notify; absent elsewhere */
};

enum wd_mode { WD_MODE_OFF = 0, WD_MODE_SHADOW, WD_MODE_ENFORCE, WD_MODE_SAMPLE };
const char *wd_mode_name(enum wd_mode mode);

enum wd_view_kind {
    WD_VIEW_PLAIN = 0,
    WD_VIEW_FOLDED,
    WD_VIEW_STRIPPED,
    WD_VIEW_CONFUSABLE,
    WD_VIEW_LEET,
    WD_VIEW_SQUEEZED,
    WD_VIEW_DECODED,
    WD_VIEW_LINKS,
    WD_VIEW_COUNT
};
/* The name that rules write: "plain", "folded", ... */
const char *wd_view_name(enum wd_view_kind view);

/* Where a match is in the text that the user wrote: bytes [start, end) of event->texts[text_index]. */
struct wd_span {
    uint32_t text_index;
    uint32_t start, end;
    enum wd_view_kind view; /* the view in which it was found */
};

struct wd_rule_match {
    uint32_t rule;  /* index for wd_ruleset_rule() */
    bool enforced;  /* false: shadow, or not in the sample */
    bool undecided; /* a match limit or time budget ended it before it was decided */
    bool is_match;  /* false only for an undecided rule whose on_undecided is 'ignore' */
    bool by_valve;  /* shadow because it suddenly matched too large a share of events */
    const struct wd_span *spans;
    size_t span_count;
};

/* What the event did to a score of its author, or what the score's band does to the event. */
struct wd_score_result {
    const char *name;
    double before, points, after; /* at the event's time, decayed: without and with its points */
    int band;                     /* that holds after it, counted from 0; -1: none */
    double band_at;               /* its `at`; 0: none */
    bool entered;                 /* by this event */
    bool enforced;                /* false: the score is in shadow mode */
};

struct wd_ladder_result {
    const char *name;    /* of the ladder; of a rule's own ladder the rule's id */
    uint32_t strikes;    /* that count after the event */
    int step;            /* that fired, counted from 0; -1: none */
    uint32_t step_after; /* its `after`; 0: none */
    bool enforced;
};

/* Why an action is not carried out although it was planned. */
enum wd_hold { WD_HOLD_HUMAN = 0, WD_HOLD_QUOTA, WD_HOLD_BAN_RATE, WD_HOLD_COUNT };
/* "human_decision", "quota", "ban_rate". */
const char *wd_hold_name(enum wd_hold hold);

struct wd_held_action {
    struct wd_action action;
    enum wd_hold reason;
};

struct wd_verdict {
    const struct wd_rule_match *matches; /* in rule order */
    size_t match_count;
    const struct wd_action *actions; /* planned: deduplicated, strongest per target, in the order to carry out */
    size_t action_count;
    const struct wd_action *shadow_actions; /* what the shadow rules would have added */
    size_t shadow_action_count;
    double score;                    /* sum of the points of the enforced matches */
    bool exempt;                     /* the author is exempt: matches are recorded, nothing is planned */
    uint32_t candidates;             /* rules that the index let through, for metrics */
    const uint32_t *candidate_rules; /* which, in rule order; valid until the scanner's next event */
    uint32_t inapplicable; /* enforced actions that came to nothing: the event has no such place, author or content */
    bool budget_ended;     /* the time budget ended the scan: what was not found until then is undecided */
    /* Rules that this event made one time too many exceed their time: they are off from now on. Each is told once, in
     * the verdict of one thread: log it. */
    const uint32_t *switched_off;
    size_t switched_off_count;
    const struct wd_score_result *scores; /* that changed or whose band holds */
    size_t score_count;
    const struct wd_ladder_result *ladders; /* that got strikes by the event */
    size_t ladder_count;
    const struct wd_held_action *held; /* planned, and then not: none of them is in `actions` */
    size_t held_count;
    bool repeated;           /* all values that it touches had seen the event: it was delivered twice */
    bool without_state;      /* the set remembers, and there were no values: conditions on behaviour were not true */
    const char *trust;       /* level of the author; NULL: no set has levels, or there were no values */
    const uint32_t *alarmed; /* rules that the event put into shadow by the share valve; each is told once: log it */
    size_t alarmed_count;
};

#ifdef __cplusplus
}
#endif
#endif
