/* Answers every condition of a rule, where a scan stops at the first that decides. What always holds: the answers are
 * those of evaluate.c. Neighbours: scanner.c (wd_explain), filters/rules/describe.c made the texts. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filters/explain.h"
#include "filters/remember.h"
#include "filters/rules/fields.h"

struct writing {
    struct evaluation *evaluation;
    const struct rule *rule;
    struct wd_condition_answer *conditions;
    size_t count;
    bool in_exception;
};

static size_t count_conditions(const struct condition *condition)
{
    size_t count = 1;
    for (size_t i = 0; i < condition->child_count; i++)
        count += count_conditions(condition->children[i]);
    return count;
}

static enum wd_answer answer_of(enum truth truth)
{
    return truth == YES ? WD_ANSWER_YES : truth == NO ? WD_ANSWER_NO : WD_ANSWER_UNDECIDED;
}

static const char *kind_of(const struct condition *condition)
{
    static const char *const NAMES[] = {[CONDITION_ALL] = "all", [CONDITION_ANY] = "any", [CONDITION_NOT] = "not"};
    return condition->kind == CONDITION_LEAF ? condition->leaf->kind->shape.keys[0].name : NAMES[condition->kind];
}

static bool write_finds(struct writing *writing, const struct leaf *leaf, struct wd_condition_answer *out)
{
    struct wd_span *spans = wd_arena_alloc(writing->evaluation->arena, WD_SPANS_MAX * sizeof(*spans));
    if (!spans)
        return false;
    for (const struct found *found = wd_finds_of_leaf(writing->evaluation, leaf); found; found = found->next) {
        out->allowed_count += !leaf->in_exception && wd_find_is_allowed(writing->evaluation, writing->rule, found);
        if (out->span_count < WD_SPANS_MAX)
            spans[out->span_count++] = found->span;
    }
    out->spans = spans;
    return true;
}

static bool write_condition(struct writing *writing, const struct condition *condition, int depth)
{
    struct wd_condition_answer *out = &writing->conditions[writing->count++];
    *out = (struct wd_condition_answer){
        .depth = depth,
        .in_exception = writing->in_exception,
        .line = condition->line,
        .column = condition->column,
        .text = condition->text,
        .file = condition->file,
        .kind = kind_of(condition),
        .answer = answer_of(wd_answer_condition(writing->evaluation, writing->rule, condition)),
    };
    if (condition->kind == CONDITION_LEAF && condition->leaf->kind == &wd_field_leaf)
        out->value = wd_field_text(condition->leaf, writing->evaluation);
    if (condition->kind == CONDITION_LEAF && condition->leaf->kind->reads == READS_BEHAVIOUR &&
        writing->evaluation->remembering)
        out->remembered = wd_behaviour_text(writing->evaluation->remembering, condition->leaf, &out->amount);
    if (condition->kind == CONDITION_LEAF && wd_reads_texts(condition->leaf) &&
        !write_finds(writing, condition->leaf, out))
        return false;
    for (size_t i = 0; i < condition->child_count; i++)
        if (!write_condition(writing, condition->children[i], depth + 1))
            return false;
    return true;
}

static enum wd_why why_of(struct evaluation *evaluation, const struct rule *rule,
                          const struct wd_condition_answer *when)
{
    struct wd_rule_match ignored = {0};
    enum truth truth = wd_evaluate_rule(evaluation, rule, &ignored);
    return truth == YES                   ? WD_WHY_MATCHES
           : truth == UNDECIDED           ? WD_WHY_UNDECIDED
           : when->answer == WD_ANSWER_NO ? WD_WHY_CONDITION
                                          : WD_WHY_EXCEPTION;
}

bool wd_explain_rule(struct evaluation *evaluation, const struct rule *rule, struct wd_explanation *out)
{
    size_t count = count_conditions(rule->when);
    for (size_t i = 0; i < rule->exception_count; i++)
        count += count_conditions(rule->exceptions[i].condition);
    struct writing writing = {.evaluation = evaluation,
                              .rule = rule,
                              .conditions = wd_arena_zalloc(evaluation->arena, count, sizeof(*out->conditions))};
    if (!writing.conditions || !write_condition(&writing, rule->when, 0))
        return false;
    writing.in_exception = true;
    for (size_t i = 0; i < rule->exception_count; i++)
        if (!write_condition(&writing, rule->exceptions[i].condition, 0))
            return false;
    out->conditions = writing.conditions;
    out->condition_count = writing.count;
    out->why = why_of(evaluation, rule, &writing.conditions[0]);
    return !evaluation->out_of_memory;
}

/* ---- in one line ---- */

struct line {
    char *buffer;
    size_t size, used;
};

static void __attribute__((format(printf, 2, 3))) put(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int wrote =
        line->used < line->size ? vsnprintf(line->buffer + line->used, line->size - line->used, format, args) : 0;
    va_end(args);
    line->used += wrote > 0 ? (size_t)wrote : 0;
}

static void put_condition(struct line *line, const struct wd_condition_answer *condition)
{
    put(line, "'%s' (line %d) is %s", condition->text ? condition->text : condition->kind, condition->line,
        condition->answer == WD_ANSWER_YES  ? "true"
        : condition->answer == WD_ANSWER_NO ? "false"
                                            : "undecided");
    if (strcmp(condition->kind, "field") == 0 && condition->value.data)
        put(line, ": it is '%.*s'", WD_STR_ARG(condition->value));
    else if (strcmp(condition->kind, "field") == 0)
        put(line, ": the event has none");
    if (condition->remembered.data)
        put(line, ": %.*s", WD_STR_ARG(condition->remembered));
    if (condition->answer == WD_ANSWER_NO && condition->allowed_count)
        put(line, ": what it found, 'except' allows");
}

/* Goes from a condition that is false to the one in it that made it so. */
static void put_reason(struct line *line, const struct wd_explanation *explanation, size_t at)
{
    const struct wd_condition_answer *conditions = explanation->conditions;
    size_t children[2] = {0, 0}, count = 0, false_count = 0, allowed = 0;
    for (size_t i = at + 1; i < explanation->condition_count && conditions[i].depth > conditions[at].depth; i++) {
        if (conditions[i].depth != conditions[at].depth + 1)
            continue;
        allowed = conditions[i].allowed_count ? i : allowed;
        if (!count++)
            children[0] = i;
        if (conditions[i].answer == WD_ANSWER_NO && !false_count++)
            children[1] = i;
    }
    if (strcmp(conditions[at].kind, "all") == 0 && false_count)
        put_reason(line, explanation, children[1]);
    else if (strcmp(conditions[at].kind, "any") == 0 && count == 1)
        put_reason(line, explanation, children[0]);
    else if (strcmp(conditions[at].kind, "any") == 0 && allowed)
        put_condition(line, &conditions[allowed]);
    else if (strcmp(conditions[at].kind, "any") == 0)
        put(line, "none of the %zu conditions of 'any' (line %d) is true", count, conditions[at].line);
    else if (strcmp(conditions[at].kind, "not") == 0)
        put_condition(line, &conditions[children[0]]);
    else
        put_condition(line, &conditions[at]);
}

static void put_exception(struct line *line, const struct wd_explanation *explanation)
{
    for (size_t i = 0; i < explanation->condition_count; i++) {
        const struct wd_condition_answer *condition = &explanation->conditions[i];
        if (!condition->in_exception || condition->depth || condition->answer != WD_ANSWER_YES || condition->span_count)
            continue;
        put(line, "'except' exempts the event: ");
        put_condition(line, condition);
        return;
    }
    put(line, "'except' exempts the event");
}

void wd_explain_briefly(const struct wd_explanation *explanation, char *buffer, size_t size)
{
    static const char *const WORDS[] = {
        [WD_WHY_MATCHES] = "",
        [WD_WHY_UNDECIDED] = "a match limit ended it before it was decided",
        [WD_WHY_STAGE] = "the rule is for the other stage",
        [WD_WHY_OFF] = "its mode is off",
        [WD_WHY_SWITCHED_OFF] = "it was switched off: it took too long",
    };
    struct line line = {.buffer = buffer, .size = size};
    buffer[0] = '\0';
    if (explanation->why == WD_WHY_CONDITION)
        put_reason(&line, explanation, 0);
    else if (explanation->why == WD_WHY_EXCEPTION)
        put_exception(&line, explanation);
    else if (explanation->why != WD_WHY_EVENT)
        put(&line, "%s", WORDS[explanation->why]);
    for (size_t i = 0; explanation->why == WD_WHY_EVENT && i < explanation->event_count && i < 8; i++)
        put(&line, "%s%s", i ? ", " : "the rule is about other events: ", explanation->events[i]);
}
