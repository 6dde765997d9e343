/* Answers a rule's conditions from what was found in the event. What always holds: a find inside a span that an
 * exception allows does not count; an answer that a limit prevented is UNDECIDED. Neighbours: scanner.c notes the finds
 * of patterns; native matchers are run from here, when a rule asks for them. */
#include <stdlib.h>

#include "filters/evaluate.h"

enum { FINDS_NEEDED_MAX = 20, FINDS_MAX = 1024 /* where exceptions need them all */, STEPS_OF_A_SEARCH = 64 };

/* ---- finds ---- */

static struct found_list *list_of(struct evaluation *evaluation, const struct leaf *leaf)
{
    struct found_list *list = &evaluation->lists[leaf->index];
    if (list->generation != evaluation->generation)
        *list = (struct found_list){.generation = evaluation->generation};
    return list;
}

static bool is_known(const struct found_list *list, uint64_t key)
{
    const struct found *found = list->first;
    while (found && found->key != key)
        found = found->next;
    return found != NULL;
}

static void note(struct evaluation *evaluation, const struct leaf *leaf, struct wd_span span, uint64_t key)
{
    struct found_list *list = list_of(evaluation, leaf);
    bool needs_all = evaluation->set->rules[leaf->rule].has_allowed_spans;
    if (list->count >= (needs_all ? FINDS_MAX : WD_SPANS_MAX)) {
        list->undecided |= needs_all; /* one of those that are left out can be one that no exception allows */
        evaluation->effort.enough = true;
        return;
    }
    if (leaf->finds_needed > 1 && !needs_all && is_known(list, key))
        return; /* others like it must not take the place of different ones */
    struct found *found = wd_arena_alloc(evaluation->arena, sizeof(*found));
    if (!found) {
        evaluation->out_of_memory = true;
        return;
    }
    *found = (struct found){.span = span, .key = key};
    if (list->last)
        list->last->next = found;
    else
        list->first = found;
    list->last = found;
    list->count++;
}

void wd_note_found(struct evaluation *evaluation, const struct leaf *leaf, struct wd_span span)
{
    note(evaluation, leaf, span, 0);
}

void wd_note_undecided(struct evaluation *evaluation, const struct leaf *leaf)
{
    list_of(evaluation, leaf)->undecided = true;
}

/* ---- native matchers ---- */

struct span_sink {
    struct evaluation *evaluation;
    const struct leaf *leaf;
    struct kept_view *view;
};

void wd_span_found_as(struct span_sink *sink, size_t start, size_t end, uint64_t key)
{
    const struct wd_view *view = &sink->view->view;
    struct wd_span span = {.text_index = sink->view->text_index, .view = view->kind};
    wd_view_to_original(view, (uint32_t)start, (uint32_t)end, &span.start, &span.end);
    note(sink->evaluation, sink->leaf, span, key);
}

void wd_span_found(struct span_sink *sink, size_t start, size_t end)
{
    wd_span_found_as(sink, start, end, 0);
}

struct wd_effort *wd_effort_of(struct span_sink *sink)
{
    return &sink->evaluation->effort;
}

struct wd_text_facts *wd_facts_of(struct span_sink *sink)
{
    return &sink->view->facts;
}

static struct wd_str written_text(const struct span_sink *sink)
{
    return sink->evaluation->event->texts[sink->view->text_index].text;
}

char wd_written_before(const struct span_sink *sink, size_t at)
{
    uint32_t start, end;
    wd_view_to_original(&sink->view->view, (uint32_t)at, (uint32_t)at + (at < sink->view->view.text.len), &start, &end);
    return start ? written_text(sink).data[start - 1] : ' ';
}

char wd_written_behind(const struct span_sink *sink, size_t at)
{
    uint32_t start, end;
    wd_view_to_original(&sink->view->view, (uint32_t)at - (at > 0), (uint32_t)at, &start, &end);
    struct wd_str text = written_text(sink);
    return end < text.len ? text.data[end] : ' ';
}

static void search(struct evaluation *evaluation, const struct leaf *leaf)
{
    list_of(evaluation, leaf)->searched = true;
    for (struct kept_view *kept = evaluation->views; kept; kept = kept->next) {
        if (!(leaf->fields & 1U << kept->field) || !(leaf->views & kept->view.kinds) || leaf->needs & ~kept->features)
            continue;
        evaluation->effort.enough = false;
        if (evaluation->budget_ended || !wd_goes_on(&evaluation->effort, STEPS_OF_A_SEARCH))
            break;
        struct span_sink sink = {.evaluation = evaluation, .leaf = leaf, .view = kept};
        leaf->kind->search(leaf, kept->view.text, &sink);
        evaluation->out_of_memory |= kept->facts.out_of_memory;
    }
    evaluation->budget_ended |= evaluation->effort.ended;
}

static const struct found_list *finds_of(struct evaluation *evaluation, const struct leaf *leaf)
{
    struct found_list *list = list_of(evaluation, leaf);
    if (leaf->kind->search && !list->searched)
        search(evaluation, leaf);
    return list;
}

/* ---- allowed spans ---- */

/* Allowed spans by text and start; `end` is made the furthest end of any span up to here, so that one look-up tells
 * whether some span covers a find. */
struct allowed {
    struct wd_span *spans;
    size_t count;
    bool is_incomplete; /* a limit ended the search for them */
};

static int by_text_and_start(const void *left, const void *right)
{
    const struct wd_span *a = left, *b = right;
    if (a->text_index != b->text_index)
        return a->text_index < b->text_index ? -1 : 1;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

static void gather_allowed(struct evaluation *evaluation, const struct rule *rule, struct allowed *out)
{
    size_t count = 0;
    *out = (struct allowed){0};
    for (size_t i = 0; i < rule->exception_count && rule->has_allowed_spans; i++) {
        if (!rule->exceptions[i].allows_spans)
            continue;
        const struct found_list *list = finds_of(evaluation, rule->exceptions[i].condition->leaf);
        count += list->count;
        out->is_incomplete |= list->undecided || evaluation->budget_ended;
    }
    if (!count)
        return;
    out->spans = wd_arena_alloc(evaluation->arena, count * sizeof(*out->spans));
    if (!out->spans) {
        evaluation->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < rule->exception_count; i++) {
        if (!rule->exceptions[i].allows_spans)
            continue;
        const struct found *found = finds_of(evaluation, rule->exceptions[i].condition->leaf)->first;
        for (; found && out->count < count; found = found->next)
            out->spans[out->count++] = found->span;
    }
    qsort(out->spans, out->count, sizeof(*out->spans), by_text_and_start);
    for (size_t i = 1; i < out->count; i++)
        if (out->spans[i].text_index == out->spans[i - 1].text_index && out->spans[i].end < out->spans[i - 1].end)
            out->spans[i].end = out->spans[i - 1].end;
}

static bool is_allowed(const struct allowed *allowed, const struct wd_span *span)
{
    size_t low = 0, high = allowed->count; /* the last allowed span that begins at or before the find */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct wd_span *at = &allowed->spans[middle];
        bool before =
            at->text_index < span->text_index || (at->text_index == span->text_index && at->start <= span->start);
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    const struct wd_span *last = low ? &allowed->spans[low - 1] : NULL;
    return last && last->text_index == span->text_index && last->end >= span->end;
}

/* ---- conditions ---- */

/* Different finds of a condition that counts them. */
struct tally {
    size_t needed, count;
    uint64_t keys[FINDS_NEEDED_MAX];
};

static bool is_enough_with(struct tally *tally, uint64_t key)
{
    for (size_t i = 0; i < tally->count && tally->needed > 1; i++)
        if (tally->keys[i] == key)
            return false;
    if (tally->count + 1 < tally->needed && tally->count < FINDS_NEEDED_MAX)
        tally->keys[tally->count] = key;
    return ++tally->count >= tally->needed;
}

static bool is_allowed_link(const struct rule *rule, const struct wd_link *link)
{
    uint64_t key;
    for (size_t i = 0; i < rule->exception_count; i++) {
        const struct leaf *leaf = rule->exceptions[i].allows_spans ? rule->exceptions[i].condition->leaf : NULL;
        if (leaf && leaf->kind->takes_link && leaf->kind->takes_link(leaf, link, &key))
            return true;
    }
    return false;
}

static bool links_are_enough(const struct evaluation *evaluation, const struct leaf *leaf, struct tally *tally)
{
    const struct wd_event *event = evaluation->event;
    const struct rule *rule = &evaluation->set->rules[leaf->rule];
    uint64_t key;
    for (size_t i = 0; i < event->link_count; i++)
        if (leaf->kind->takes_link(leaf, &event->links[i], &key) &&
            (leaf->in_exception || !is_allowed_link(rule, &event->links[i])) && is_enough_with(tally, key))
            return true;
    return false;
}

static enum truth evaluate_texts(struct evaluation *evaluation, const struct leaf *leaf, const struct allowed *allowed)
{
    const struct found_list *list = finds_of(evaluation, leaf);
    struct tally tally = {.needed = leaf->finds_needed ? leaf->finds_needed : 1};
    for (const struct found *found = list->first; found; found = found->next)
        if ((leaf->in_exception || !is_allowed(allowed, &found->span)) && is_enough_with(&tally, found->key))
            return YES;
    if (leaf->kind->takes_link && links_are_enough(evaluation, leaf, &tally))
        return YES;
    return list->undecided || evaluation->budget_ended ? UNDECIDED : NO;
}

/* Depth is bounded by the document's. */
static enum truth evaluate(struct evaluation *evaluation, const struct condition *condition,
                           const struct allowed *allowed)
{
    if (condition->kind == CONDITION_LEAF) {
        const struct leaf *leaf = condition->leaf;
        return wd_reads_texts(leaf) ? evaluate_texts(evaluation, leaf, allowed)
                                    : leaf->kind->evaluate(leaf, evaluation);
    }
    bool all = condition->kind == CONDITION_ALL;
    enum truth decides = all ? NO : YES, answer = all ? YES : NO;
    if (condition->kind == CONDITION_NOT) {
        enum truth inner = evaluate(evaluation, condition->children[0], allowed);
        return inner == UNDECIDED ? UNDECIDED : inner == YES ? NO : YES;
    }
    for (size_t i = 0; i < condition->child_count; i++) {
        enum truth child = evaluate(evaluation, condition->children[i], allowed);
        if (child == decides)
            return child;
        answer = child == UNDECIDED ? UNDECIDED : answer;
    }
    return answer;
}

static enum truth is_exempt(struct evaluation *evaluation, const struct rule *rule)
{
    static const struct allowed NOTHING = {0};
    enum truth answer = NO;
    for (size_t i = 0; i < rule->exception_count && answer != YES; i++) {
        if (rule->exceptions[i].allows_spans)
            continue;
        enum truth one = evaluate(evaluation, rule->exceptions[i].condition, &NOTHING);
        answer = one != NO ? one : answer;
    }
    return answer;
}

/* ---- spans of a match ---- */

struct gathering {
    struct evaluation *evaluation;
    const struct allowed *allowed;
    struct wd_span spans[WD_SPANS_MAX];
    size_t count;
};

static void gather_spans(struct gathering *gathering, const struct condition *condition)
{
    if (condition->kind == CONDITION_NOT)
        return; /* what is there although it should not be is no reason */
    for (size_t i = 0; i < condition->child_count; i++)
        gather_spans(gathering, condition->children[i]);
    if (condition->kind != CONDITION_LEAF || !wd_reads_texts(condition->leaf))
        return;
    const struct found *found = finds_of(gathering->evaluation, condition->leaf)->first;
    for (; found && gathering->count < WD_SPANS_MAX; found = found->next)
        if (!is_allowed(gathering->allowed, &found->span))
            gathering->spans[gathering->count++] = found->span;
}

static void keep_spans(struct gathering *gathering, struct wd_rule_match *match)
{
    if (!gathering->count)
        return;
    struct wd_span *spans = wd_arena_alloc(gathering->evaluation->arena, gathering->count * sizeof(*spans));
    if (!spans) {
        gathering->evaluation->out_of_memory = true;
        return;
    }
    qsort(gathering->spans, gathering->count, sizeof(*spans), by_text_and_start);
    for (size_t i = 0; i < gathering->count; i++)
        if (!match->span_count || by_text_and_start(&spans[match->span_count - 1], &gathering->spans[i]) != 0)
            spans[match->span_count++] = gathering->spans[i];
    match->spans = spans;
}

enum truth wd_evaluate_rule(struct evaluation *evaluation, const struct rule *rule, struct wd_rule_match *match_out)
{
    struct allowed allowed;
    gather_allowed(evaluation, rule, &allowed);
    enum truth answer = evaluate(evaluation, rule->when, &allowed);
    if (answer == NO)
        return NO;
    enum truth exempt = is_exempt(evaluation, rule);
    if (exempt == YES)
        return NO;
    answer = exempt == UNDECIDED || allowed.is_incomplete ? UNDECIDED : answer;
    struct gathering gathering = {.evaluation = evaluation, .allowed = &allowed};
    gather_spans(&gathering, rule->when);
    keep_spans(&gathering, match_out);
    return answer;
}

/* ---- for explain.c ---- */

enum truth wd_answer_condition(struct evaluation *evaluation, const struct rule *rule,
                               const struct condition *condition)
{
    struct allowed allowed;
    gather_allowed(evaluation, rule, &allowed);
    return evaluate(evaluation, condition, &allowed);
}

const struct found *wd_finds_of_leaf(struct evaluation *evaluation, const struct leaf *leaf)
{
    return finds_of(evaluation, leaf)->first;
}

bool wd_find_is_allowed(struct evaluation *evaluation, const struct rule *rule, const struct found *found)
{
    struct allowed allowed;
    gather_allowed(evaluation, rule, &allowed);
    return is_allowed(&allowed, &found->span);
}
