/* What a rule set remembers of authors, places and contents: scores, ladders, levels of trust, and the signals that its
 * conditions read. What always holds: the id of a cell follows from what it means, so that equal conditions of any sets
 * share it and a set that is loaded anew finds it again; all of it is immutable after loading.
 * Neighbours: behaviour_load.c reads the section, behaviour_leaves.c the conditions, behaviour_compile.c makes cells;
 * filters/recall.c and filters/remember.c use them. */
#ifndef FILTERS_RULES_BEHAVIOUR_H
#define FILTERS_RULES_BEHAVIOUR_H

#include "filters/behaviour/cells.h"
#include "filters/rules/fields.h"
#include "filters/rules/rules.h"

/* Hosts, or values of a field, of one event that each have a window. */
enum { FEEDINGS_OF_A_SIGNAL = 4 };
enum { BANDS_MAX = 16, STEPS_MAX = 16, LEVELS_MAX = 8, SCORES_MAX = 32, STRIKES_MAX = 64 };

struct action_list {
    const struct wd_action *items;
    size_t count;
};

/* ---- scores ---- */

struct reports {
    const char *const *globs; /* events that report; none: the score takes no reports */
    size_t glob_count;
    double points;                       /* of a report of weight 1 */
    const struct field_params *reporter; /* NULL: nobody knows who reports */
};

struct score {
    const char *name;
    const struct action_list *band_actions; /* one a band of the cell */
    bool enforced;                          /* its bands; points are counted all the same */
    struct reports reports;
    const struct wd_node *node; /* while loading */
    bool used;
};

/* ---- ladders ---- */

struct ladder {
    const char *name;                       /* a rule's own: the rule's id */
    const struct action_list *step_actions; /* one a step of the cell */
    bool enforced, is_own;
    const struct wd_node *node; /* while loading; a rule's own: NULL */
    bool used;
};

/* ---- trust ---- */

struct trust_level {
    const char *name;
    int64_t min_age_ms, clean_for_ms;
    uint32_t min_contents;
};

/* ---- signals: cells that events feed ---- */

enum subject {
    SUBJECT_AUTHOR,
    SUBJECT_PLACE,
    SUBJECT_AUTHOR_IN_PLACE,
    SUBJECT_HOST,
    SUBJECT_CONTENT,
    SUBJECT_NETWORK,
    SUBJECT_COUNT,
    SUBJECT_FIELD = SUBJECT_COUNT
};
extern const char *const wd_subject_names[]; /* but for FIELD; NULL-terminated */

enum thing { THING_EVENTS, THING_MENTIONS, THING_AUTHORS, THING_LINKS, THING_PLACES, THING_FIELD };

enum signal_kind { SIGNAL_WINDOW, SIGNAL_SIMILAR, SIGNAL_CROWD };

struct signal {
    enum signal_kind kind;
    enum subject per;
    const struct field_params *per_field; /* SUBJECT_FIELD */
    const char *per_field_name;
    enum thing thing;                 /* WINDOW: what it counts or, as a field, sums up */
    const struct field_params *field; /* THING_FIELD */
    const char *field_name;
    uint32_t min_length;      /* SIMILAR, CROWD: characters of a text that has a fingerprint */
    const char *const *globs; /* events that feed it */
    size_t glob_count;
    struct wd_window window;
    struct wd_similar similar;
    struct wd_crowd crowd;
    bool is_by_level; /* its limits depend on trust */
    const char *text; /* its canonical text */
    uint32_t cell;
};

/* The condition is true where the signal's amount is above the limit of the author's level. */
struct signal_params {
    struct signal definition; /* as the condition states it, until it is compiled */
    uint32_t signal;          /* index in the set's */
    const double *limits;     /* by level; the last is for `new` */
    size_t limit_count;
};

/* score: {spam: {ge: 40}} */
struct score_bound {
    uint32_t score;
    double low, high;
    bool low_excluded, high_excluded;
};
struct score_params {
    const struct score_bound *bounds;
    size_t count;
};
struct strikes_params {
    uint32_t ladder;
    int64_t within_ms;
    const struct wd_bounds *bounds;
};
struct trust_params {
    uint32_t levels; /* bit a level; the one behind the last is `new` */
};
struct first_content_params {
    bool yes;
};

/* ---- all of a set ---- */

/* Leaves by what answers them. */
enum behaviour_leaf { LEAF_SIGNAL, LEAF_SCORE, LEAF_STRIKES, LEAF_TRUST, LEAF_FIRST_CONTENT };

struct behaviour_scope {
    const uint32_t *triggers; /* leaves whose answer makes their rule a candidate, by index in `leaves` */
    size_t trigger_count;
};

struct behaviour {
    struct score *scores;
    struct wd_score_cell *score_cells; /* one a score */
    size_t score_count;
    struct ladder *ladders;
    struct wd_ladder *ladder_cells; /* one a ladder */
    size_t ladder_count;
    struct trust_level *levels; /* the highest first */
    size_t level_count;
    struct signal *signals;
    size_t signal_count;
    double *least_limits; /* by signal and level: the lowest that is asked; infinite where none is */
    const struct leaf **leaves;
    size_t leaf_count;
    uint32_t *question_of_leaf; /* by leaf: for those that are no signals, which question they ask */
    uint32_t *questions;        /* the distinct ones: the cells that their answers are remembered under */
    size_t question_count;
    uint32_t level_cell;            /* the same for the author level */
    uint32_t report_cell;           /* and for what a report was worth */
    size_t feedings_most;           /* values that all signals together can be fed in */
    struct behaviour_scope *scopes; /* one a scope of the set */
    bool asks_profile;              /* trust or first_content */
    bool has_reports;
};

/* For the tables: the `behaviour` section, and rule keys. */
extern const struct shape wd_behaviour_shape, wd_escalate_shape, wd_strikes_shape;
extern const struct key wd_score_element, wd_ladder_element, wd_level_element;
extern const struct leaf_kind wd_rate_leaf, wd_repeat_of_leaf, wd_coordinated_leaf, wd_score_leaf, wd_strikes_leaf,
    wd_trust_leaf, wd_first_content_leaf;
enum truth wd_evaluate_behaviour(const struct leaf *leaf, struct evaluation *evaluation);
#define BEHAVIOUR_KIND(kind_name, schema, text, table, prepare_it)                                                     \
    {                                                                                                                  \
        .shape = {"a '" kind_name "' condition", schema, text, table, false}, .reads = READS_BEHAVIOUR,                \
        .prepare = (prepare_it), .evaluate = wd_evaluate_behaviour,                                                    \
    }
enum behaviour_leaf wd_behaviour_leaf_of(const struct leaf *leaf);

struct loader;
struct source;
/* Reads the sections of all sources: before macros and rules, which name what is in them. */
bool wd_load_behaviour(struct loader *loader);
/* `strikes`, `escalate` and `expected_share` of a rule. */
bool wd_load_rule_behaviour(struct loader *loader, const struct wd_node *node, struct rule *rule);
/* Gives every live condition its cell. set->behaviour stays NULL where nothing needs to be remembered. */
bool wd_compile_behaviour(struct loader *loader);
/* Fills behaviour->scopes. */
bool wd_find_triggers(struct loader *loader);
/* Forgets nodes, which go with the documents. */
void wd_finish_behaviour(struct loader *loader);
/* What is defined and not used, or named and not defined. */
void wd_lint_behaviour(struct loader *loader);

/* For the parts that read conditions: a plain number, and the length of a window, which is reported where it cannot be.
 */
double wd_node_number(const struct wd_node *node, double otherwise);
bool wd_window_length(struct loader *loader, const struct wd_node *node, int64_t *out_ms);

/* 32 bits of a hash of the text, never 0. The same on every machine. */
uint32_t wd_cell_id(const char *text);
/* Index of a ladder of the section; reports at `node`, and -1, where there is none. */
int wd_find_ladder(struct loader *loader, const struct wd_node *node, const char *name);
/* Reports that a node names no level of trust; false. */
bool wd_report_unknown_level(struct loader *loader, const struct wd_node *node);
/* Index of a score; -1: no section defines it. */
int wd_find_score(const struct loader *loader, const char *name);
/* Index of a trust level by name; level_count for "new"; -1: there is none. */
int wd_trust_level_named(const struct loader *loader, const char *name);

#endif
