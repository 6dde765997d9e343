/* What the parts of the scanner share: its scratch memory, and what it knows by event name. One thread.
 * Neighbours: scanner.c (texts and candidates), scanner_memory.c, recall.c and remember.c (with values), valve.c. */
#ifndef FILTERS_SCANNER_INTERNAL_H
#define FILTERS_SCANNER_INTERNAL_H

#include "filters/evaluate.h"
#include "filters/patterns/patterns.h"

/* Further rules that one event switches off, or puts into shadow, are so, but not told in its verdict. */
enum { SWITCHED_OFF_MAX = 64 };
enum { CACHED_NAMES = 64, CACHED_NAME_BYTES = 64 };

/* What a name says of an event. */
enum event_trait {
    TRAIT_CONTENT = 1 << 0,        /* content that is new or changed, or about to be */
    TRAIT_NEW_CONTENT = 1 << 1,    /* somebody has made a message, post, comment or story */
    TRAIT_EDIT = 1 << 2,           /* content was there before */
    TRAIT_CLEARS_CONTENT = 1 << 3, /* a person has found the content to be fine */
    TRAIT_CLEARS_USER = 1 << 4,    /* or the user */
    TRAIT_BANS = 1 << 5,
    TRAIT_UNBANS = 1 << 6,
    TRAIT_PROVES_REPORTS = 1 << 7, /* what was reported was taken down, or its author banned */
};
enum { TRAITS_OF_PEOPLE = TRAIT_CLEARS_CONTENT | TRAIT_CLEARS_USER | TRAIT_BANS | TRAIT_UNBANS };
uint32_t wd_event_traits(struct wd_str name);
/* True where the object of the event has come to be, or is about to, by it. */
bool wd_event_makes_object(struct wd_str name);

/* What an event name means to a set. */
struct cached_name {
    uint64_t *scopes;  /* bit per scope that covers it */
    uint64_t *signals; /* bit per signal that it feeds */
    uint32_t reports;  /* bit per score that takes it for a report */
    uint32_t traits;   /* bits enum event_trait */
    size_t len;        /* 0: empty */
    char name[CACHED_NAME_BYTES];
};

/* How often a rule has matched among the events that it is about; see valve.c. */
struct share {
    uint32_t epoch; /* of its scope's counter */
    uint32_t now, before;
};

/* What a signal holds, by the event under way. */
struct signal_answer {
    uint32_t generation;
    bool is_above; /* the lowest limit that was asked */
    double amount;
};

/* As long as a set: made anew for another one. */
struct wd_scanner_memory {
    uint64_t serial;          /* of the set */
    struct found_list *lists; /* by leaf */
    uint32_t *touched;        /* by rule: the generation in which it became a candidate */
    uint32_t *candidates;
    uint32_t generation;
    struct cached_name names[CACHED_NAMES + 1]; /* the last: for names that are too long */
    uint64_t *skip;                             /* bit per atom: all rules that ask for it are switched off */
    uint32_t skipped_for;                       /* off_count of the set when that was made */
    uint64_t *name_bits;                        /* all of names[].scopes and .signals */
    struct share *rule_shares, *scope_shares;   /* by rule and scope */
    uint32_t shares_since;                      /* resets of the set's valves when they began */
    struct signal_answer *answers, *questions;  /* by signal, and by question */
};

/* Values as they were before the event, in case that it fails. */
struct wd_snapshot;

struct wd_scanner {
    struct wd_scanner_options options;
    struct wd_view_scratch *views;
    struct wd_pattern_scratch *patterns;
    struct expression_scratch *expressions;
    struct wd_decoder *decoder;
    struct wd_scan_timing timing;
    bool is_timed, is_sampled;
    const struct wd_ruleset *set; /* of the event under way */
    uint32_t switched_off[SWITCHED_OFF_MAX];
    size_t switched_off_count;
    uint32_t alarmed[SWITCHED_OFF_MAX];
    size_t alarmed_count;

    struct wd_scanner_memory *memory; /* of the set; NULL: none yet */
    size_t candidate_count;
    const struct cached_name *event_name; /* of the event */
    bool is_for_one_rule; /* for examples: this one alone matters, whatever its mode is and who the author */
    uint32_t one_rule;
    unsigned char *kept; /* see remember.c */
    size_t kept_room;
};

/* Makes the scanner's memory fit the set. False: no memory. */
bool wd_scanner_fit(struct wd_scanner *scanner, const struct wd_ruleset *set);
const struct cached_name *wd_scanner_name(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_str name);

/* ---- candidates ---- */

static inline bool wd_is_in_scope(const struct wd_scanner *scanner, uint32_t index)
{
    const struct rule *rule = &scanner->set->rules[index];
    return scanner->event_name->scopes[rule->scope / 64] >> rule->scope % 64 & 1 &&
           rule->stages & 1U << scanner->options.stage && !wd_guard_is_off(scanner->set, index);
}

static inline void wd_touch(struct wd_scanner *scanner, uint32_t rule)
{
    if (scanner->memory->touched[rule] == scanner->memory->generation)
        return;
    scanner->memory->touched[rule] = scanner->memory->generation;
    scanner->memory->candidates[scanner->candidate_count++] = rule;
}

/* scan_texts.c: makes the views of a text that live rules read, and notes what patterns find in them.
 * WD_ERR_TOO_LARGE is for the caller to report. */
enum wd_status wd_scan_text(struct wd_scanner *scanner, struct evaluation *evaluation, uint32_t text_index);

/* ---- valve.c ---- */

/* Counts the event for the scopes that cover it. */
void wd_valve_count_event(struct wd_scanner *scanner);
/* Counts an enforced match; true where the rule is in shadow because of its share, from now on or already. */
bool wd_valve_holds(struct wd_scanner *scanner, uint32_t rule);

#endif
