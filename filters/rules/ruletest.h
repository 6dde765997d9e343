/* Examples inside rules, kept with the set so that they can be run at any time. Neighbours: rule.c, ruletest.c. */
#ifndef FILTERS_RULES_RULETEST_H
#define FILTERS_RULES_RULETEST_H

#include "filters/rules/rules.h"

enum rule_test_kind { RULE_TEST_MATCH, RULE_TEST_NO_MATCH, RULE_TEST_STEP };

struct rule_test {
    enum rule_test_kind kind;
    const char *file; /* NULL: the rule's */
    int line, column;
    int64_t at_ms; /* the time of the event */
    struct wd_event event;
    bool is_fresh;   /* STEP: what was remembered is forgotten first */
    bool is_many;    /* STEP: one of several like it, and not the last */
    bool asks_match; /* STEP: the rule must match, or must not */
    bool must_match;
    bool expects;      /* STEP: the actions below are all that may be planned */
    uint32_t expected; /* bit 1 << enum wd_action_kind */
};

struct rule_tests {
    const struct rule_test *items;
    size_t count;
    size_t match_count, no_match_count;
};

/* Whether an example asks for a match, or asks that there is none. */
bool wd_test_wants_match(const struct rule_test *test);
bool wd_test_wants_no_match(const struct rule_test *test);

struct loader;
/* Reads a rule's `tests` (NULL: it has none). */
bool wd_load_rule_tests(struct loader *loader, const struct wd_node *tests, struct rule *rule);
/* The event of one example, at the time of the virtual clock. */
void wd_load_test_event(struct loader *loader, const struct wd_node *node, const struct rule *rule, int64_t at_ms,
                        struct wd_event *event);
extern const int64_t wd_test_time_ms;

/* Reads the tests_file of every source and adds its examples to the rules that they name. */
void wd_load_tests_files(struct loader *loader);

#endif
