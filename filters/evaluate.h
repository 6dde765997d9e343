/* Conditions on one event: what the scanner found in its texts, and the answers of a rule's condition tree.
 * What always holds: an evaluation lives as long as one event; an answer that a limit prevented is UNDECIDED, never NO.
 * Neighbours: scanner.c fills the hit lists; filters/rules/leaves.h has the kinds that read from here. */
#ifndef FILTERS_EVALUATE_H
#define FILTERS_EVALUATE_H

#include <warden/arena.h>
#include <warden/decode.h>
#include <warden/event.h>
#include <warden/verdict.h>

#include "filters/matchers/facts.h"
#include "filters/rules/expression.h"
#include "filters/rules/rules.h"
#include "filters/views/views.h"

/* A find in the text that the user wrote. */
struct found {
    struct found *next;
    struct wd_span span;
    uint64_t key; /* finds with the same key are one where a condition counts them */
};

/* What a leaf that reads texts has found. Valid where the generation is the event's. */
struct found_list {
    uint32_t generation;
    uint32_t count;
    bool undecided; /* a limit ended the search somewhere */
    bool searched;  /* leaves that search: done for this event */
    struct found *first, *last;
};

/* A text that native matchers read. */
struct kept_view {
    struct kept_view *next;
    uint32_t text_index;
    enum wd_text_field field;
    struct wd_view view;
    uint32_t features; /* bits enum wd_feature of its text */
    struct wd_text_facts facts;
};

struct remembering;

struct evaluation {
    const struct wd_ruleset *set;
    const struct wd_event *event;
    int64_t now_ms;
    struct wd_arena *arena;
    struct wd_scanner *scanner;      /* for its valves; NULL: they do not matter */
    struct remembering *remembering; /* NULL: nothing is */
    struct wd_decoder *decoder;
    struct expression_scratch *expressions;
    struct found_list *lists; /* by leaf->index */
    uint32_t generation;
    struct kept_view *views;
    uint32_t features;                                            /* of all texts that are searched, together */
    struct wd_effort effort;                                      /* of all native searches; knows the time budget */
    struct wd_scan_timing *timing;                                /* its clock; NULL: none */
    void (*rule_took)(void *context, uint32_t rule, uint64_t ns); /* NULL: nobody wants to know */
    void *rule_took_context;
    bool budget_ended;  /* what was not found until then is undecided */
    bool out_of_memory; /* the arena's cap was passed */
};

/* Notes a find of a leaf. Past WD_SPANS_MAX only rules whose exceptions need every find get more. */
void wd_note_found(struct evaluation *evaluation, const struct leaf *leaf, struct wd_span span);
void wd_note_undecided(struct evaluation *evaluation, const struct leaf *leaf);

/* A rule's answer; its spans (those that count, at most WD_SPANS_MAX, by text and start) go to *match_out where it is
 * not NO. */
enum { WD_SPANS_MAX = 32 };
enum truth wd_evaluate_rule(struct evaluation *evaluation, const struct rule *rule, struct wd_rule_match *match_out);

/* The parts of that answer, for explain.c: of one condition of the rule; what a leaf has found; and whether an
 * exception of the rule allows such a find. */
enum truth wd_answer_condition(struct evaluation *evaluation, const struct rule *rule,
                               const struct condition *condition);
const struct found *wd_finds_of_leaf(struct evaluation *evaluation, const struct leaf *leaf);
bool wd_find_is_allowed(struct evaluation *evaluation, const struct rule *rule, const struct found *found);

#endif
