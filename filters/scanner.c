/* Rules on an event. wd_scan is the whole way: texts -> views -> hits of patterns -> rules that a hit touched (and the
 * few that can match without one) -> conditions -> matches -> planned actions.
 *
 * What always holds: the cost of an event depends on its texts and hits, not on how many rules there are; arrays as
 * long as the rule set are never cleared, entries count only where they carry the generation of the event. Memory that
 * is not in the arena is kept from event to event. Neighbours: filters/patterns finds hits, filters/views makes texts,
 * judge.c goes on from the candidates. */
#include <stdlib.h>
#include <string.h>

#include "filters/explain.h"
#include "filters/judge.h"
#include "filters/matchers/features.h"
#include "filters/remember.h"
#include "filters/scanner_internal.h"

enum { DECODER_BYTES_MAX = 64 * 1024 * 1024 };

struct wd_scanner *wd_scanner_new(const struct wd_scanner_options *options)
{
    struct wd_scanner *scanner = calloc(1, sizeof(*scanner));
    if (!scanner)
        return NULL;
    if (options)
        scanner->options = *options;
    scanner->views = wd_view_scratch_new();
    scanner->patterns = wd_pattern_scratch_new();
    scanner->expressions = wd_expression_scratch_new();
    scanner->decoder = wd_decoder_new(DECODER_BYTES_MAX);
    if (scanner->views && scanner->patterns && scanner->expressions && scanner->decoder)
        return scanner;
    wd_scanner_free(scanner);
    return NULL;
}

void wd_scanner_free(struct wd_scanner *scanner)
{
    if (!scanner)
        return;
    wd_scanner_memory_free(scanner->memory);
    wd_view_scratch_free(scanner->views);
    wd_pattern_scratch_free(scanner->patterns);
    wd_expression_scratch_free(scanner->expressions);
    wd_decoder_free(scanner->decoder);
    free(scanner->kept);
    free(scanner);
}

static void next_generation(struct wd_scanner *scanner, const struct wd_ruleset *set)
{
    struct wd_scanner_memory *memory = scanner->memory;
    if (++memory->generation)
        return;
    memset(memory->lists, 0, set->leaf_count * sizeof(*memory->lists)); /* once in four billion events */
    memset(memory->touched, 0, set->rule_count * sizeof(*memory->touched));
    for (size_t i = 0; set->behaviour && i < set->behaviour->signal_count; i++)
        memory->answers[i] = (struct signal_answer){0};
    for (size_t i = 0; set->behaviour && i < set->behaviour->question_count; i++)
        memory->questions[i] = (struct signal_answer){0};
    memory->generation = 1;
}

/* ---- candidates ---- */

static void touch_listed(struct wd_scanner *scanner, const struct wd_ruleset *set, uint32_t features, bool undecided)
{
    for (size_t i = 0; i < set->scope_count; i++) {
        const struct scope *scope = &set->scopes[i];
        const uint32_t *rules = undecided ? scope->not_quiet : scope->always;
        size_t count = undecided ? scope->not_quiet_count : scope->always_count;
        for (size_t j = 0; j < count; j++)
            if ((undecided || !(set->rules[rules[j]].needs & ~features)) && wd_is_in_scope(scanner, rules[j]))
                wd_touch(scanner, rules[j]);
    }
}

/* Rules that what is remembered makes candidates, as a hit in a text does. */
static void touch_by_behaviour(struct wd_scanner *scanner, const struct wd_ruleset *set,
                               struct remembering *remembering)
{
    const struct behaviour *behaviour = set->behaviour;
    for (size_t i = 0; i < set->scope_count; i++) {
        if (!(scanner->event_name->scopes[i / 64] >> i % 64 & 1))
            continue;
        for (size_t j = 0; j < behaviour->scopes[i].trigger_count; j++) {
            const struct leaf *leaf = behaviour->leaves[behaviour->scopes[i].triggers[j]];
            if (wd_is_in_scope(scanner, leaf->rule) && wd_answer_behaviour(remembering, leaf))
                wd_touch(scanner, leaf->rule);
        }
    }
}

/* An example is judged for its own rule alone. */
static void keep_one(struct wd_scanner *scanner)
{
    uint32_t *candidates = scanner->memory->candidates;
    size_t kept = 0;
    for (size_t i = 0; i < scanner->candidate_count; i++)
        if (candidates[i] == scanner->one_rule)
            candidates[kept++] = candidates[i];
    scanner->candidate_count = kept;
}

/* ---- texts ---- */

static bool out_of_budget(void *context)
{
    struct wd_scanner *scanner = context;
    return wd_timing_is_late(&scanner->timing, scanner->timing.clock(scanner->timing.clock_context));
}

/* ---- time of rules ---- */

static void rule_took(void *context, uint32_t rule, uint64_t ns)
{
    struct wd_scanner *scanner = context;
    if (scanner->options.costs) {
        scanner->options.costs[rule].tries++;
        scanner->options.costs[rule].ns += ns;
    }
    if (scanner->is_sampled)
        scanner->options.tried(scanner->options.tried_context, rule, ns);
    if (!scanner->options.rule_budget_ns || ns <= scanner->options.rule_budget_ns ||
        !wd_guard_strike(scanner->set, rule, scanner->timing.clock(scanner->timing.clock_context)))
        return;
    if (scanner->switched_off_count < SWITCHED_OFF_MAX)
        scanner->switched_off[scanner->switched_off_count++] = rule;
}

static void pattern_took(void *context, uint32_t pattern, uint64_t ns)
{
    struct wd_scanner *scanner = context;
    const struct atom *atom = &scanner->set->atoms[pattern];
    bool is_slow = scanner->options.rule_budget_ns && ns > scanner->options.rule_budget_ns;
    for (uint32_t i = 0; i < atom->use_count; i++)
        rule_took(scanner, scanner->set->uses[atom->first_use + i]->rule, is_slow ? ns : ns / atom->use_count);
}

/* Expressions of which all rules are off need not be tried. */
static void skip_switched_off(struct wd_scanner *scanner)
{
    const struct wd_ruleset *set = scanner->set;
    uint32_t count = atomic_load_explicit(&set->guards->off_count, memory_order_relaxed);
    if (scanner->memory->skipped_for == count)
        return;
    scanner->memory->skipped_for = count;
    for (uint32_t atom = 0; atom < set->atom_count; atom++) {
        bool all_off = true;
        for (uint32_t i = 0; i < set->atoms[atom].use_count && all_off; i++)
            all_off = wd_guard_is_off(set, set->uses[set->atoms[atom].first_use + i]->rule);
        if (all_off)
            scanner->memory->skip[atom / 64] |= UINT64_C(1) << atom % 64;
    }
}

/* ---- an event ---- */

static void begin_timing(struct wd_scanner *scanner, struct evaluation *evaluation)
{
    const struct wd_scanner_options *options = &scanner->options;
    scanner->is_sampled =
        options->clock && options->sample_every && scanner->memory->generation % options->sample_every == 0;
    bool rules = options->rule_budget_ns || options->costs || scanner->is_sampled;
    scanner->is_timed = options->clock && (options->event_budget_ns || rules);
    if (!scanner->is_timed)
        return;
    scanner->timing = (struct wd_scan_timing){
        .clock = options->clock,
        .clock_context = options->clock_context,
        .processor_clock = options->processor_clock,
        .deadline_ns = UINT64_MAX,
        .suspicious_ns = options->rule_budget_ns ? options->rule_budget_ns : UINT64_MAX,
        .took = rules ? pattern_took : NULL,
        .took_context = scanner,
    };
    evaluation->timing = &scanner->timing;
    evaluation->rule_took = rules ? rule_took : NULL;
    evaluation->rule_took_context = scanner;
    if (!options->event_budget_ns)
        return;
    /* Asking for processor time takes longer than an ordinary event does. So it is asked for only when half of the
     * budget has passed by the other clock: what was worked until then is at most that half. */
    scanner->timing.reserve_ns = options->processor_clock ? options->event_budget_ns / 2 : 0;
    uint64_t first_ns = options->event_budget_ns - scanner->timing.reserve_ns;
    scanner->timing.deadline_ns = options->clock(options->clock_context) + first_ns;
    evaluation->effort = (struct wd_effort){.should_end = out_of_budget, .context = scanner};
}

static void begin(struct wd_scanner *scanner, struct evaluation *evaluation)
{
    next_generation(scanner, evaluation->set);
    evaluation->generation = scanner->memory->generation;
    scanner->candidate_count = 0;
    scanner->switched_off_count = 0;
    scanner->set = evaluation->set;
    scanner->alarmed_count = 0;
    scanner->event_name = wd_scanner_name(scanner, evaluation->set, evaluation->event->name);
    skip_switched_off(scanner);
    begin_timing(scanner, evaluation);
}

static const uint32_t *told(const uint32_t *rules, size_t count, struct wd_arena *arena)
{
    uint32_t *copy = wd_arena_alloc(arena, count * sizeof(*copy) + 1);
    return copy ? memcpy(copy, rules, count * sizeof(*copy)) : NULL;
}

static bool tell_guards(const struct wd_scanner *scanner, struct wd_arena *arena, struct wd_verdict *verdict)
{
    verdict->switched_off_count = scanner->switched_off_count;
    verdict->alarmed_count = scanner->alarmed_count;
    if (scanner->switched_off_count)
        verdict->switched_off = told(scanner->switched_off, scanner->switched_off_count, arena);
    if (scanner->alarmed_count)
        verdict->alarmed = told(scanner->alarmed, scanner->alarmed_count, arena);
    return !verdict->switched_off == !verdict->switched_off_count && !verdict->alarmed == !verdict->alarmed_count;
}

/* What native matchers can hope for: in hyperlink items always a host; anything in texts that nobody came to read. */
static uint32_t features_of_event(const struct evaluation *evaluation)
{
    uint32_t links = evaluation->event->link_count ? WD_FEATURE_HOST | WD_FEATURE_LINK : 0U;
    return evaluation->budget_ended ? UINT32_MAX : evaluation->features | links;
}

/* Everything that patterns find in the texts. WD_ERR_TOO_LARGE is for the caller to report. */
static enum wd_status scan_texts(struct wd_scanner *scanner, struct evaluation *evaluation, struct wd_error *err)
{
    if (!wd_scanner_fit(scanner, evaluation->set))
        return wd_fail(err, WD_ERR_MEMORY, "no memory to scan with %zu rules", evaluation->set->rule_count);
    evaluation->decoder = scanner->decoder;
    evaluation->expressions = scanner->expressions;
    evaluation->lists = scanner->memory->lists;
    begin(scanner, evaluation);
    enum wd_status status = WD_OK;
    for (size_t i = 0; i < evaluation->event->text_count && status == WD_OK; i++)
        status = wd_scan_text(scanner, evaluation, (uint32_t)i);
    return status == WD_ERR_MEMORY ? wd_fail(err, status, "no memory to scan a text") : status;
}

enum wd_status wd_scan_with(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                            const struct wd_event *event, int64_t now_ms, struct remembering *remembering,
                            struct wd_verdict *verdict_out, struct wd_error *err)
{
    *verdict_out = (struct wd_verdict){0};
    struct evaluation evaluation = {
        .set = set, .event = event, .now_ms = now_ms, .arena = arena, .scanner = scanner, .remembering = remembering};
    enum wd_status status = scan_texts(scanner, &evaluation, err);
    if (status == WD_ERR_MEMORY)
        return status;
    touch_listed(scanner, set, features_of_event(&evaluation), false);
    if (evaluation.budget_ended)
        touch_listed(scanner, set, 0, true);
    bool fine = status == WD_OK && (!remembering || wd_remember_signals(remembering, &evaluation));
    if (fine && remembering)
        touch_by_behaviour(scanner, set, remembering);
    if (scanner->is_for_one_rule)
        keep_one(scanner);
    wd_valve_count_event(scanner);
    fine = fine && wd_judge(&evaluation, scanner->memory->candidates, scanner->candidate_count, verdict_out) &&
           tell_guards(scanner, arena, verdict_out);
    if (!fine)
        return wd_fail(err, WD_ERR_TOO_LARGE, "the event needs more memory than one event may take");
    verdict_out->budget_ended = evaluation.budget_ended;
    return WD_OK;
}

enum wd_status wd_scan(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                       const struct wd_event *event, int64_t now_ms, struct wd_verdict *verdict_out,
                       struct wd_error *err)
{
    return wd_scan_with(scanner, set, arena, event, now_ms, NULL, verdict_out, err);
}

static enum wd_why why_not_asked(const struct wd_scanner *scanner, const struct wd_ruleset *set, uint32_t index)
{
    const struct rule *rule = &set->rules[index];
    if (!rule->live)
        return WD_WHY_OFF;
    if (wd_guard_is_off(set, index))
        return WD_WHY_SWITCHED_OFF;
    if (!(rule->stages & 1U << scanner->options.stage))
        return WD_WHY_STAGE;
    return wd_is_in_scope(scanner, index) ? WD_WHY_MATCHES : WD_WHY_EVENT;
}

enum wd_status wd_explain_with(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                               const struct wd_event *event, int64_t now_ms, struct remembering *remembering,
                               uint32_t index, struct wd_explanation *explanation_out, struct wd_error *err)
{
    const struct rule *rule = &set->rules[index];
    const struct scope *scope = &set->scopes[rule->scope];
    struct evaluation evaluation = {
        .set = set, .event = event, .now_ms = now_ms, .arena = arena, .remembering = remembering};
    enum wd_status status = scan_texts(scanner, &evaluation, err);
    if (status == WD_ERR_MEMORY)
        return status;
    *explanation_out = (struct wd_explanation){.events = scope->globs,
                                               .event_count = scope->glob_count,
                                               .actions = rule->actions,
                                               .action_count = rule->action_count,
                                               .points = rule->points,
                                               .point_count = rule->point_count};
    explanation_out->why = why_not_asked(scanner, set, index);
    if (status == WD_OK && explanation_out->why != WD_WHY_MATCHES)
        return WD_OK;
    if (status != WD_OK || (remembering && !wd_remember_signals(remembering, &evaluation)) ||
        !wd_explain_rule(&evaluation, rule, explanation_out))
        return wd_fail(err, WD_ERR_TOO_LARGE, "the event needs more memory than one event may take");
    return WD_OK;
}

enum wd_status wd_explain(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                          const struct wd_event *event, int64_t now_ms, uint32_t index,
                          struct wd_explanation *explanation_out, struct wd_error *err)
{
    return wd_explain_with(scanner, set, arena, event, now_ms, NULL, index, explanation_out, err);
}
