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
    const struct wd_span *spans;
    size_t span_count;
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
};

#ifdef __cplusplus
}
#endif
#endif
