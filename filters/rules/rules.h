/* A compiled rule set in memory. What always holds: nothing in it but the guards changes after loading, so threads
 * share it; all of it lives in the set's arena but the patterns and compiled expressions, which wd_ruleset_unref frees.
 * Neighbours: load.c makes it, compile.c indexes it, filters/scanner.c and filters/evaluate.c read it. */
#ifndef FILTERS_RULES_H
#define FILTERS_RULES_H

#include <stdatomic.h>
#include <stdint.h>

#include <warden/arena.h>
#include <warden/explain.h>
#include <warden/ruleset.h>
#include <warden/scanner.h>

#include "filters/patterns/patterns.h"
#include "filters/rules/leaves.h"

enum condition_kind { CONDITION_ALL, CONDITION_ANY, CONDITION_NOT, CONDITION_LEAF };

struct condition {
    enum condition_kind kind;
    const struct condition *const *children; /* ALL, ANY; NOT has one */
    size_t child_count;
    const struct leaf *leaf;
    int line, column;
    const char *text, *file; /* its words, see describe.h; NULL where nobody wants them */
};

/* One entry of `except`. */
struct exception {
    const char *name;                  /* NULL where the author gave none */
    const struct condition *condition; /* a leaf that reads texts allows its spans; any other exempts from the rule */
    bool allows_spans;
};

struct user_message {
    const char *language;
    const char *text;
};

struct rule_strikes {
    uint32_t ladder; /* index in the set's behaviour */
    uint32_t count;
};

struct rule {
    struct wd_rule_info info;
    uint32_t scope;  /* index into set->scopes */
    uint32_t stages; /* bit 1 << enum wd_stage */
    bool live;       /* mode is not off */
    bool match_when_undecided;
    bool has_allowed_spans;
    uint32_t needs; /* bits enum wd_feature: texts without one of them cannot make it match, short of a pattern's hit */
    bool is_indexed;                 /* some of its conditions reads patterns, and it is live */
    enum wd_index_class index_class; /* the costliest of them */
    const struct condition *when;
    const struct exception *exceptions;
    size_t exception_count;
    const struct wd_action *actions; /* a ban or remove with WD_SCOPE_NONE means the most local place of the event */
    size_t action_count;
    const struct wd_points *points;
    size_t point_count;
    const int *point_scores; /* one a point: the score that is remembered; -1: none */
    struct rule_strikes strikes[2];
    size_t strike_count;
    double expected_share; /* of the events that it is about; -1: the program's */
    const struct user_message *messages;
    size_t message_count;
    const struct rule_tests *tests;
};

/* Rules that are about the same event names share a scope. */
struct scope {
    const char *const *globs; /* "message.didCreate", "post.*", "*"; sorted */
    size_t glob_count;
    bool is_live;           /* some rule of it is */
    const uint32_t *always; /* rules that can match without any hit in a text */
    size_t always_count;
    const uint32_t *not_quiet; /* rules that match when undecided */
    size_t not_quiet_count;
};

/* A pattern that the index knows, shared by all leaves that ask for it. */
struct atom {
    uint32_t first_use, use_count; /* in set->uses */
    bool case_matters;             /* its hits in a text and in the folded text can differ */
};

/* What native matchers want of a text: some views of it, with some features. */
enum { SEARCHES_MAX = 20 };
struct searches {
    struct {
        uint32_t views, needs;
    } items[SEARCHES_MAX];
    size_t count;
    uint32_t asked[WD_VIEW_COUNT]; /* features that some search of the view needs */
};

struct wd_ruleset {
    atomic_size_t references;
    uint64_t serial; /* no two sets of a process have the same */
    struct wd_arena *arena;
    struct rule *rules;
    size_t rule_count;
    const struct leaf **leaves; /* that read texts, by leaf->index */
    size_t leaf_count;
    struct scope *scopes;
    size_t scope_count;
    struct wd_patterns *patterns; /* NULL where no live rule has any */
    struct atom *atoms;
    size_t atom_count;
    const struct leaf **uses;
    bool has_inline_case;                            /* some expression switches case sensitivity inside */
    uint32_t views_by_field[WD_TEXT_FIELD_COUNT];    /* that live rules match patterns in */
    uint32_t searched_by_field[WD_TEXT_FIELD_COUNT]; /* that live rules search by native matchers */
    struct searches searches_by_field[WD_TEXT_FIELD_COUNT];
    const char *const *exempt_roles;
    const char **notify_targets;
    struct compiled_expression *expressions; /* of field conditions: freed with the set */
    uint32_t match_limit;
    struct guards *guards;
    struct behaviour *behaviour; /* see behaviour.h; NULL: nothing is remembered */
    char digest[65];
};

/* Keeps a rule from hurting: the one thing in a set that changes, beside the references. */
struct guard {
    atomic_uint_fast64_t strikes; /* number of the minute << 16 | how often it was over its time in that minute */
    atomic_bool is_off;
    atomic_bool is_shadowed; /* by the valve: filters/valve.c */
};

struct guards {
    atomic_uint off_count;
    atomic_uint resets; /* of the valves */
    struct guard *rules;
};

/* Notes that a rule took too long, at `now_ns` of the clock. True where it is switched off by this, for one caller
 * only. Any thread. */
bool wd_guard_strike(const struct wd_ruleset *set, uint32_t rule, uint64_t now_ns);

static inline bool wd_guard_is_off(const struct wd_ruleset *set, uint32_t rule)
{
    return atomic_load_explicit(&set->guards->rules[rule].is_off, memory_order_relaxed);
}

/* Whether a pattern of event names ("post.*") covers a name. Decisions of people (approved, declined, reports taken
 * off) are covered by their own names and "*" alone. */
bool wd_glob_matches(const char *glob, struct wd_str name);
bool wd_scope_covers(const struct scope *scope, struct wd_str event_name);

#endif
