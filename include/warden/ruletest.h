/* Runs the examples that stand inside rules (`tests: {match, no_match, sequence}`): for `warden rules test`, and for
 * programs that want to be sure of a set before they use it. */
#ifndef WARDEN_RULETEST_H
#define WARDEN_RULETEST_H

#include <warden/ruleset.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wd_rule_test_result {
    uint32_t rule;                    /* index for wd_ruleset_rule(), which tells the file */
    const char *kind;                 /* "match", "no_match", "sequence" */
    bool wants_match, wants_no_match; /* what it asks for; a step of a sequence can ask for neither */
    const char *file;                 /* that the example stands in */
    int line, column;
    bool passed;
    const char *text;   /* the first text of the example, "" where it has none */
    const char *reason; /* why it failed, in words; "" where it passed */
};

/* Called for each example; what it points to lives until it returns. */
typedef void wd_rule_test_fn(void *context, const struct wd_rule_test_result *result);

struct wd_rule_test_counts {
    size_t run, failed;
    size_t skipped;             /* examples of rules whose mode is off */
    size_t rules;               /* in the set */
    size_t rules_with_match;    /* with an example that must match */
    size_t rules_with_no_match; /* with one that must not */
};

/* Each example is judged for its own rule alone: other rules of the set do not matter, nor do the rule's mode (but for
 * off) or those of its scores and ladders. A sequence is judged with what its steps leave to be remembered, at the
 * times that it states; single examples with nothing. `report` may be NULL. WD_OK where they could be run, whatever
 * came out; WD_ERR_MEMORY, WD_ERR_TOO_LARGE. */
enum wd_status wd_ruleset_test(const struct wd_ruleset *set, wd_rule_test_fn *report, void *context,
                               struct wd_rule_test_counts *counts_out, struct wd_error *err) WD_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
