/* Examples, case and boundaries; the comparison of rules is lint_shadow.c's. What always holds: a condition that a
 * macro puts into many rules is looked at once. Neighbours: lint.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/lint.h"
#include "filters/rules/ruletest.h"

/* ---- examples ---- */

static void lint_examples(struct loader *loader, const struct rule *rule)
{
    bool match = false, no_match = false;
    for (size_t i = 0; i < rule->tests->count; i++) {
        match |= wd_test_wants_match(&rule->tests->items[i]);
        no_match |= wd_test_wants_no_match(&rule->tests->items[i]);
    }
    bool is_stable = rule->info.status && strcmp(rule->info.status, "stable") == 0;
    const char *lacks = match      ? "no example that must not match"
                        : no_match ? "no example that must match"
                                   : "no examples";
    if (is_stable && !(match && no_match))
        wd_diagnose(loader->reporter.findings, WD_ERROR, "missing-examples", rule->info.file, rule->info.line, 1,
                    "rule '%s' is stable and has %s: add 'tests' with match and no_match, or call it experimental",
                    rule->info.id, lacks);
    else if (!rule->info.status && !match && !no_match && rule->live)
        wd_diagnose(loader->reporter.findings, WD_WARNING, "no-examples", rule->info.file, rule->info.line, 1,
                    "rule '%s' has no examples: add 'tests' with match and no_match, or call it experimental",
                    rule->info.id);
}

/* ---- case ---- */

static bool has_capitals(const struct leaf *leaf)
{
    for (size_t i = 0; i < leaf->pattern_count; i++)
        for (size_t at = 0; at < leaf->patterns[i].text.len; at++)
            if (isupper((unsigned char)leaf->patterns[i].text.data[at]))
                return true;
    return false;
}

/* Views but these two have small letters only. */
static void lint_case(struct loader *loader, const struct leaf *leaf)
{
    const uint32_t written = 1U << WD_VIEW_PLAIN | 1U << WD_VIEW_DECODED;
    if (leaf->kind->reads != READS_PATTERNS || !leaf->pattern_count || leaf->patterns[0].caseless ||
        !(leaf->views & ~written))
        return;
    bool never = has_capitals(leaf) && !(leaf->views & written) && leaf->patterns[0].kind != WD_PATTERN_REGEX;
    wd_report(&loader->reporter, leaf->node, WD_WARNING, "case-trap", "%s",
              never ? "case is sensitive, and these views have small letters only: capitals never match; add view plain"
                    : "case is sensitive, but some of these views have small letters only, in which text of any case "
                      "matches: use views plain and decoded alone");
}

/* ---- words where nobody puts spaces ---- */

static void lint_words(struct loader *loader, const struct leaf *leaf)
{
    for (size_t i = 0; i < leaf->pattern_count && leaf->patterns[i].kind == WD_PATTERN_WORD; i++) {
        if (!wd_is_unspaced(leaf->patterns[i].text))
            continue;
        wd_report(
            &loader->reporter, leaf->node, WD_WARNING, "word-trap",
            "'%.*s' is in a script that puts no spaces between words, so inside a sentence it does not stand as a "
            "whole word: put such entries under 'contains'",
            WD_STR_ARG(leaf->patterns[i].text));
        return;
    }
}

/* ---- all conditions, each once ---- */

struct seen {
    const struct leaf **leaves;
    size_t count, room;
};

static bool remember(struct seen *seen, const struct leaf *leaf)
{
    if (seen->count == seen->room) {
        size_t room = seen->room ? 2 * seen->room : 256;
        const struct leaf **grown = realloc(seen->leaves, room * sizeof(const struct leaf *));
        if (!grown)
            return false;
        seen->leaves = grown;
        seen->room = room;
    }
    seen->leaves[seen->count++] = leaf;
    return true;
}

static bool gather(struct seen *seen, const struct condition *condition)
{
    for (size_t i = 0; i < condition->child_count; i++)
        if (!gather(seen, condition->children[i]))
            return false;
    return condition->kind != CONDITION_LEAF || remember(seen, condition->leaf);
}

static bool gather_rule(struct seen *seen, const struct rule *rule)
{
    bool fine = gather(seen, rule->when);
    for (size_t i = 0; i < rule->exception_count && fine; i++)
        fine = gather(seen, rule->exceptions[i].condition);
    return fine;
}

static int by_node(const void *left, const void *right)
{
    const struct leaf *a = *(const struct leaf *const *)left, *b = *(const struct leaf *const *)right;
    return (a->node > b->node) - (a->node < b->node);
}

static void lint_leaf(struct loader *loader, const struct leaf *leaf)
{
    static const char *const EXPRESSIONS[] = {"regex", "matches"};
    for (size_t i = 0; i < 2; i++) {
        const struct wd_node *expression = wd_node_get(leaf->node, EXPRESSIONS[i]);
        if (expression && expression->kind == WD_NODE_SCALAR)
            wd_lint_boundaries(loader, expression);
    }
    lint_case(loader, leaf);
    lint_words(loader, leaf);
}

void wd_lint_rules(struct loader *loader)
{
    struct seen seen = {0};
    for (size_t i = 0; i < loader->set->rule_count; i++) {
        lint_examples(loader, &loader->set->rules[i]);
        loader->out_of_memory |= !gather_rule(&seen, &loader->set->rules[i]);
    }
    if (seen.count)
        qsort(seen.leaves, seen.count, sizeof(const struct leaf *), by_node);
    for (size_t i = 0; i < seen.count; i++)
        if (!i || seen.leaves[i]->node != seen.leaves[i - 1]->node)
            lint_leaf(loader, seen.leaves[i]);
    free(seen.leaves);
    wd_lint_shadows(loader);
    wd_lint_behaviour(loader);
}
