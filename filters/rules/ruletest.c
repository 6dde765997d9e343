/* Runs the examples of a set's rules. Neighbours: ruletest_load.c made their events, filters/scanner.c judges them. */
#include <stdio.h>
#include <string.h>

#include <warden/ruletest.h>

#include "filters/plan.h"
#include "filters/rules/behaviour.h"
#include "filters/rules/ruletest.h"
#include "filters/scanner_internal.h"

enum { TEST_MEMORY = 64 * 1024 * 1024 };

struct run {
    const struct wd_ruleset *set;
    struct wd_scanner *scanners[2]; /* by stage */
    struct wd_arena *arena;
    wd_rule_test_fn *report;
    void *context;
    struct wd_rule_test_counts *counts;
    struct wd_value_table *table, *behind; /* what is remembered, and the same without the last event */
    struct wd_origin origin;
    char reason[1024];
};

bool wd_test_wants_match(const struct rule_test *test)
{
    if (test->kind != RULE_TEST_STEP)
        return test->kind == RULE_TEST_MATCH;
    return (test->expects && test->expected) || (test->asks_match && test->must_match);
}

bool wd_test_wants_no_match(const struct rule_test *test)
{
    if (test->kind != RULE_TEST_STEP)
        return test->kind == RULE_TEST_NO_MATCH;
    return (test->expects && !test->expected) || (test->asks_match && !test->must_match);
}

static const struct wd_rule_match *match_of(const struct wd_verdict *verdict, uint32_t rule)
{
    for (size_t i = 0; i < verdict->match_count; i++)
        if (verdict->matches[i].rule == rule)
            return &verdict->matches[i];
    return NULL;
}

static void say_where(struct run *run, const struct wd_event *event, const struct wd_rule_match *match)
{
    if (!match->span_count) {
        snprintf(run->reason, sizeof(run->reason), "must not match, and does");
        return;
    }
    const struct wd_span *span = &match->spans[0];
    const char *text = event->texts[span->text_index].text.data;
    snprintf(run->reason, sizeof(run->reason), "must not match, and does: '%.*s' (%s, view %s)",
             (int)(span->end - span->start), text + span->start,
             wd_text_field_name(event->texts[span->text_index].field), wd_view_name(span->view));
}

/* The kinds of action that the rule alone leads to. */
static bool planned_kinds(struct run *run, const struct rule *rule, const struct wd_event *event, bool matches,
                          uint32_t *kinds_out)
{
    struct wd_plan plan = {0};
    const struct wd_action *actions;
    size_t count = 0;
    for (size_t i = 0; i < rule->action_count && matches; i++)
        if (!wd_plan_add(&plan, run->arena, event, &rule->actions[i]))
            return false;
    if (!wd_plan_finish(&plan, run->arena, &actions, &count))
        return false;
    *kinds_out = 0;
    for (size_t i = 0; i < count; i++)
        *kinds_out |= 1U << actions[i].kind;
    return true;
}

static void list_kinds(char *out, size_t size, uint32_t kinds)
{
    size_t used = 0;
    snprintf(out, size, "nothing");
    for (int kind = 0; kind < WD_ACTION_KIND_COUNT && used < size; kind++)
        if (kinds & 1U << kind)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                     wd_action_kind_name((enum wd_action_kind)kind));
}

/* What is planned: of a set that remembers also what scores and ladders lead to. */
static bool kinds_of(struct run *run, const struct rule *rule, const struct rule_test *test, bool matches,
                     const struct wd_verdict *verdict, uint32_t *kinds_out)
{
    if (!run->set->behaviour)
        return planned_kinds(run, rule, &test->event, matches, kinds_out);
    *kinds_out = 0;
    for (size_t i = 0; i < verdict->action_count; i++)
        *kinds_out |= 1U << verdict->actions[i].kind;
    return true;
}

static bool judge_step(struct run *run, const struct rule *rule, const struct rule_test *test, bool matches,
                       const struct wd_verdict *verdict, bool *passed)
{
    uint32_t kinds = 0;
    *passed = !test->asks_match || matches == test->must_match;
    if (!*passed)
        snprintf(run->reason, sizeof(run->reason), matches ? "must not match, and does" : "must match, and does not");
    if (test->expects && !kinds_of(run, rule, test, matches, verdict, &kinds))
        return false;
    if (!*passed || !test->expects || kinds == test->expected)
        return true;
    char wanted[160], got[160];
    *passed = false;
    list_kinds(wanted, sizeof(wanted), test->expected);
    list_kinds(got, sizeof(got), kinds);
    snprintf(run->reason, sizeof(run->reason), "must lead to %s, and leads to %s", wanted, got);
    return true;
}

/* Which condition kept the rule from matching. */
static enum wd_status say_why_not(struct run *run, struct wd_scanner *scanner, const struct rule_test *test,
                                  uint32_t index, struct wd_error *err)
{
    struct wd_explanation explanation;
    char why[400];
    enum wd_status status = wd_explain_with_table(scanner, run->set, run->arena, &test->event, test->at_ms,
                                                  &run->origin, run->behind, index, &explanation, err);
    if (status != WD_OK)
        return status;
    wd_explain_briefly(&explanation, why, sizeof(why));
    size_t used = strlen(run->reason);
    snprintf(run->reason + used, sizeof(run->reason) - used, ": %s", why);
    return WD_OK;
}

/* Single examples and the first steps begin with nothing remembered. */
static bool forget(struct run *run)
{
    wd_value_table_free(run->table);
    wd_value_table_free(run->behind);
    run->table = wd_value_table_new();
    run->behind = wd_value_table_new();
    return run->table && run->behind;
}

static enum wd_status judge_example(struct run *run, struct wd_scanner *scanner, uint32_t index,
                                    const struct rule_test *test, bool matches, const struct wd_rule_match *match,
                                    const struct wd_verdict *verdict, bool *passed, struct wd_error *err)
{
    if (test->kind == RULE_TEST_STEP) {
        if (!judge_step(run, &run->set->rules[index], test, matches, verdict, passed))
            return wd_fail(err, WD_ERR_TOO_LARGE, "an example needs too much memory");
        return *passed || matches ? WD_OK : say_why_not(run, scanner, test, index, err);
    }
    bool decided = !match || !match->undecided;
    *passed = decided && matches == (test->kind == RULE_TEST_MATCH);
    if (!*passed && !decided)
        snprintf(run->reason, sizeof(run->reason), "a match limit ended it before it was decided");
    else if (!*passed && matches)
        say_where(run, &test->event, match);
    else if (!*passed) {
        snprintf(run->reason, sizeof(run->reason), "must match, and does not");
        return say_why_not(run, scanner, test, index, err);
    }
    return WD_OK;
}

/* The event for the table that is one behind, for explanations. */
static enum wd_status follow(struct run *run, struct wd_scanner *scanner, const struct rule_test *test,
                             struct wd_error *err)
{
    struct wd_verdict ignored;
    if (!run->set->behaviour || test->kind != RULE_TEST_STEP)
        return WD_OK;
    return wd_scan_with_table(scanner, run->set, run->arena, &test->event, test->at_ms, &run->origin, run->behind,
                              &ignored, err);
}

static void tell(struct run *run, uint32_t index, const struct rule_test *test, bool passed)
{
    static const char *const KINDS[] = {"match", "no_match", "sequence"};
    run->counts->run++;
    run->counts->failed += !passed;
    struct wd_rule_test_result result = {.rule = index,
                                         .kind = KINDS[test->kind],
                                         .wants_match = wd_test_wants_match(test),
                                         .wants_no_match = wd_test_wants_no_match(test),
                                         .file = test->file ? test->file : run->set->rules[index].info.file,
                                         .line = test->line,
                                         .column = test->column,
                                         .passed = passed,
                                         .text = test->event.text_count ? test->event.texts[0].text.data : "",
                                         .reason = run->reason};
    if (run->report)
        run->report(run->context, &result);
}

static bool is_asked(const struct rule_test *test)
{
    return test->kind != RULE_TEST_STEP || test->asks_match || test->expects || !test->is_many;
}

static enum wd_status run_test(struct run *run, uint32_t index, const struct rule_test *test, struct wd_error *err)
{
    const struct rule *rule = &run->set->rules[index];
    enum wd_stage stage = rule->stages & 1U << WD_STAGE_WORKER ? WD_STAGE_WORKER : WD_STAGE_PREHOOK;
    struct wd_scanner *scanner = run->scanners[stage];
    struct wd_verdict verdict;
    bool passed = true;
    wd_arena_reset(run->arena);
    run->origin.sequence++;
    scanner->is_for_one_rule = true;
    scanner->one_rule = index;
    if (run->set->behaviour && (test->kind != RULE_TEST_STEP || test->is_fresh) && !forget(run))
        return wd_fail(err, WD_ERR_MEMORY, "no memory to run the examples");
    enum wd_status status = wd_scan_with_table(scanner, run->set, run->arena, &test->event, test->at_ms, &run->origin,
                                               run->table, &verdict, err);
    if (status != WD_OK)
        return wd_error_prefix(err, status, "example of rule %s, line %d", rule->info.id, test->line);
    const struct wd_rule_match *match = match_of(&verdict, index);
    bool matches = match && match->is_match;
    run->reason[0] = '\0';
    status = judge_example(run, scanner, index, test, matches, match, &verdict, &passed, err);
    if (status == WD_OK && is_asked(test))
        tell(run, index, test, passed);
    return status == WD_OK ? follow(run, scanner, test, err) : status;
}

static bool has_one(const struct rule_tests *tests, bool (*is_such)(const struct rule_test *))
{
    for (size_t i = 0; i < tests->count; i++)
        if (is_such(&tests->items[i]))
            return true;
    return false;
}

static enum wd_status run_all(struct run *run, struct wd_error *err)
{
    for (uint32_t i = 0; i < run->set->rule_count; i++) {
        const struct rule *rule = &run->set->rules[i];
        run->counts->rules_with_match += has_one(rule->tests, wd_test_wants_match);
        run->counts->rules_with_no_match += has_one(rule->tests, wd_test_wants_no_match);
        if (!rule->live) {
            run->counts->skipped += rule->tests->count;
            continue;
        }
        if (run->set->behaviour && !forget(run))
            return wd_fail(err, WD_ERR_MEMORY, "no memory to run the examples");
        for (size_t j = 0; j < rule->tests->count; j++) {
            enum wd_status status = run_test(run, i, &rule->tests->items[j], err);
            if (status != WD_OK)
                return status;
        }
    }
    return WD_OK;
}

enum wd_status wd_ruleset_test(const struct wd_ruleset *set, wd_rule_test_fn *report, void *context,
                               struct wd_rule_test_counts *counts_out, struct wd_error *err)
{
    const struct wd_scanner_options worker = {.stage = WD_STAGE_WORKER}, prehook = {.stage = WD_STAGE_PREHOOK};
    *counts_out = (struct wd_rule_test_counts){.rules = set->rule_count};
    struct run run = {.set = set,
                      .scanners = {wd_scanner_new(&worker), wd_scanner_new(&prehook)},
                      .arena = wd_arena_new(TEST_MEMORY),
                      .table = wd_value_table_new(),
                      .behind = wd_value_table_new(),
                      .origin = {.source = 1},
                      .report = report,
                      .context = context,
                      .counts = counts_out};
    enum wd_status status = run.scanners[0] && run.scanners[1] && run.arena && run.table && run.behind
                                ? run_all(&run, err)
                                : wd_fail(err, WD_ERR_MEMORY, "no memory to run the examples");
    wd_scanner_free(run.scanners[0]);
    wd_scanner_free(run.scanners[1]);
    wd_value_table_free(run.table);
    wd_value_table_free(run.behind);
    wd_arena_free(run.arena);
    return status;
}
