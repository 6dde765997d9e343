/* Rules on an event. wd_scan is the whole way: texts -> views -> hits of patterns -> rules that a hit touched (and the
 * few that can match without one) -> conditions -> matches -> planned actions.
 *
 * What always holds: the cost of an event depends on its texts and hits, not on how many rules there are; arrays as
 * long as the rule set are never cleared, entries count only where they carry the generation of the event. Memory that
 * is not in the arena is kept from event to event. Neighbours: filters/patterns finds hits, filters/views makes texts,
 * judge.c goes on from the candidates. */
#include <stdlib.h>
#include <string.h>

#include "filters/judge.h"
#include "filters/matchers/features.h"

/* Further rules that one event switches off are off, but not told in its verdict. */
enum { SWITCHED_OFF_MAX = 64 };
enum { CACHED_NAMES = 64, CACHED_NAME_BYTES = 64, DECODER_BYTES_MAX = 64 * 1024 * 1024 };

/* Which scopes cover an event name. */
struct cached_name {
    uint64_t *scopes; /* bit per scope */
    size_t len;       /* 0: empty */
    char name[CACHED_NAME_BYTES];
};

struct wd_scanner {
    struct wd_scanner_options options;
    struct wd_view_scratch *views;
    struct wd_pattern_scratch *patterns;
    struct expression_scratch *expressions;
    struct wd_decoder *decoder;
    struct wd_scan_timing timing;
    bool is_timed;
    const struct wd_ruleset *set; /* of the event under way */
    uint32_t switched_off[SWITCHED_OFF_MAX];
    size_t switched_off_count;

    /* as long as a set: made anew for another one */
    uint64_t serial;
    struct found_list *lists; /* by leaf */
    uint32_t *touched;        /* by rule: the generation in which it became a candidate */
    uint32_t *candidates;
    size_t candidate_count;
    uint32_t generation;
    struct cached_name names[CACHED_NAMES];
    uint64_t *skip;               /* bit per atom: all rules that ask for it are switched off */
    uint32_t skipped_for;         /* off_count of the set when that was made */
    uint64_t *scope_bits;         /* all of names[].scopes, and one more for names that are too long */
    const uint64_t *event_scopes; /* of the event */
};

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

static void drop_set_memory(struct wd_scanner *scanner)
{
    free(scanner->lists);
    free(scanner->touched);
    free(scanner->candidates);
    free(scanner->scope_bits);
    free(scanner->skip);
    scanner->lists = NULL;
    scanner->touched = scanner->candidates = NULL;
    scanner->scope_bits = scanner->skip = NULL;
    scanner->serial = 0;
}

void wd_scanner_free(struct wd_scanner *scanner)
{
    if (!scanner)
        return;
    drop_set_memory(scanner);
    wd_view_scratch_free(scanner->views);
    wd_pattern_scratch_free(scanner->patterns);
    wd_expression_scratch_free(scanner->expressions);
    wd_decoder_free(scanner->decoder);
    free(scanner);
}

/* ---- fitting to a rule set ---- */

static size_t scope_words(const struct wd_ruleset *set)
{
    return set->scope_count / 64 + 1;
}

static bool fit_to_set(struct wd_scanner *scanner, const struct wd_ruleset *set)
{
    if (scanner->serial == set->serial)
        return true;
    drop_set_memory(scanner);
    scanner->lists = calloc(set->leaf_count + 1, sizeof(*scanner->lists));
    scanner->touched = calloc(set->rule_count + 1, sizeof(*scanner->touched));
    scanner->candidates = calloc(set->rule_count + 1, sizeof(*scanner->candidates));
    scanner->scope_bits = calloc((CACHED_NAMES + 1) * scope_words(set), sizeof(*scanner->scope_bits));
    scanner->skip = calloc(set->atom_count / 64 + 1, sizeof(*scanner->skip));
    if (!scanner->lists || !scanner->touched || !scanner->candidates || !scanner->scope_bits || !scanner->skip) {
        drop_set_memory(scanner);
        return false;
    }
    for (size_t i = 0; i < CACHED_NAMES; i++)
        scanner->names[i] = (struct cached_name){.scopes = scanner->scope_bits + i * scope_words(set)};
    scanner->generation = scanner->skipped_for = 0;
    scanner->serial = set->serial;
    return true;
}

static void next_generation(struct wd_scanner *scanner, const struct wd_ruleset *set)
{
    if (++scanner->generation)
        return;
    memset(scanner->lists, 0, set->leaf_count * sizeof(*scanner->lists)); /* once in four billion events */
    memset(scanner->touched, 0, set->rule_count * sizeof(*scanner->touched));
    scanner->generation = 1;
}

static void cover(const struct wd_ruleset *set, struct wd_str name, uint64_t *bits)
{
    memset(bits, 0, scope_words(set) * sizeof(*bits));
    for (size_t i = 0; i < set->scope_count; i++)
        if (set->scopes[i].is_live && wd_scope_covers(&set->scopes[i], name))
            bits[i / 64] |= UINT64_C(1) << i % 64;
}

static const uint64_t *scopes_of_event(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_str name)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.data[i]) * 1099511628211U;
    struct cached_name *cached = &scanner->names[(hash ^ hash >> 32) % CACHED_NAMES];
    if (name.len == 0 || name.len > CACHED_NAME_BYTES) {
        uint64_t *bits = scanner->scope_bits + CACHED_NAMES * scope_words(set);
        cover(set, name, bits);
        return bits;
    }
    if (cached->len != name.len || memcmp(cached->name, name.data, name.len) != 0) {
        cover(set, name, cached->scopes);
        memcpy(cached->name, name.data, name.len);
        cached->len = name.len;
    }
    return cached->scopes;
}

/* ---- candidates ---- */

static bool is_in_scope(const struct wd_scanner *scanner, uint32_t index)
{
    const struct rule *rule = &scanner->set->rules[index];
    return scanner->event_scopes[rule->scope / 64] >> rule->scope % 64 & 1 &&
           rule->stages & 1U << scanner->options.stage && !wd_guard_is_off(scanner->set, index);
}

static void touch(struct wd_scanner *scanner, uint32_t rule)
{
    if (scanner->touched[rule] == scanner->generation)
        return;
    scanner->touched[rule] = scanner->generation;
    scanner->candidates[scanner->candidate_count++] = rule;
}

static void touch_listed(struct wd_scanner *scanner, const struct wd_ruleset *set, uint32_t features, bool undecided)
{
    for (size_t i = 0; i < set->scope_count; i++) {
        const struct scope *scope = &set->scopes[i];
        const uint32_t *rules = undecided ? scope->not_quiet : scope->always;
        size_t count = undecided ? scope->not_quiet_count : scope->always_count;
        for (size_t j = 0; j < count; j++)
            if ((undecided || !(set->rules[rules[j]].needs & ~features)) && is_in_scope(scanner, rules[j]))
                touch(scanner, rules[j]);
    }
}

/* ---- texts ---- */

static bool out_of_budget(void *context)
{
    const struct wd_scanner *scanner = context;
    return scanner->timing.clock(scanner->timing.clock_context) > scanner->timing.deadline_ns;
}

/* ---- time of rules ---- */

static void rule_took(void *context, uint32_t rule, uint64_t ns)
{
    struct wd_scanner *scanner = context;
    if (scanner->options.costs) {
        scanner->options.costs[rule].tries++;
        scanner->options.costs[rule].ns += ns;
    }
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
    if (scanner->skipped_for == count)
        return;
    scanner->skipped_for = count;
    for (uint32_t atom = 0; atom < set->atom_count; atom++) {
        bool all_off = true;
        for (uint32_t i = 0; i < set->atoms[atom].use_count && all_off; i++)
            all_off = wd_guard_is_off(set, set->uses[set->atoms[atom].first_use + i]->rule);
        if (all_off)
            scanner->skip[atom / 64] |= UINT64_C(1) << atom % 64;
    }
}

/* The text that is being scanned. */
struct reading {
    struct wd_scanner *scanner;
    struct evaluation *evaluation;
    uint32_t text_index;
    enum wd_text_field field;
    const struct wd_view *view;
    uint32_t kinds;          /* views whose text this is */
    uint32_t caseless_kinds; /* the same for patterns to which case does not matter */
    bool case_matters_only;
};

static void take_hit(struct reading *reading, const struct wd_hit *hit)
{
    const struct wd_ruleset *set = reading->evaluation->set;
    const struct atom *atom = &set->atoms[hit->pattern];
    if (reading->case_matters_only && !atom->case_matters)
        return; /* found in the plain text already */
    uint32_t kinds = atom->case_matters ? reading->kinds : reading->caseless_kinds;
    struct wd_span span = {.text_index = reading->text_index, .view = reading->view->kind};
    wd_view_to_original(reading->view, hit->start, hit->end, &span.start, &span.end);
    for (uint32_t i = 0; i < atom->use_count; i++) {
        const struct leaf *leaf = set->uses[atom->first_use + i];
        if (!(leaf->fields & 1U << reading->field) || !(leaf->views & kinds) ||
            !is_in_scope(reading->scanner, leaf->rule))
            continue;
        if (hit->undecided)
            wd_note_undecided(reading->evaluation, leaf);
        else
            wd_note_found(reading->evaluation, leaf, span);
        if (!leaf->in_exception) /* an exception by itself makes nothing match */
            touch(reading->scanner, leaf->rule);
    }
}

static enum wd_status scan_view(struct reading *reading)
{
    struct evaluation *evaluation = reading->evaluation;
    uint32_t wanted = evaluation->set->views_by_field[reading->field];
    struct wd_scan_request request = {.text = reading->view->text,
                                      .views = (reading->kinds | reading->caseless_kinds) & wanted,
                                      .only_case_sensitive = reading->case_matters_only,
                                      .skip = reading->scanner->skipped_for ? reading->scanner->skip : NULL,
                                      .timing = reading->scanner->is_timed ? &reading->scanner->timing : NULL};
    struct wd_scan_result result;
    if (!request.views || !evaluation->set->patterns || evaluation->budget_ended)
        return WD_OK;
    enum wd_status status = wd_patterns_scan(evaluation->set->patterns, reading->scanner->patterns, &request, &result);
    if (status != WD_OK)
        return status;
    for (size_t i = 0; i < result.hit_count; i++)
        take_hit(reading, &result.hits[i]);
    evaluation->budget_ended |= result.budget_ended;
    return WD_OK;
}

static bool is_searched(const struct searches *searches, uint32_t kinds, uint32_t features)
{
    for (size_t i = 0; i < searches->count; i++)
        if (searches->items[i].views & kinds && !(searches->items[i].needs & ~features))
            return true;
    return false;
}

/* Native matchers read a view when a rule asks, after the view scratch was used for the next text: so it is copied, but
 * for the plain text, which the event holds. */
static bool keep_view(struct evaluation *evaluation, const struct reading *reading)
{
    const struct wd_view *view = reading->view;
    if (!(evaluation->set->searched_by_field[reading->field] & view->kinds))
        return true;
    uint32_t features = wd_text_features(view->text) | (view->kinds >> WD_VIEW_LINKS & 1 ? WD_FEATURE_LINK : 0U);
    evaluation->features |= features;
    if (!is_searched(&evaluation->set->searches_by_field[reading->field], view->kinds, features))
        return true;
    struct kept_view *kept = wd_arena_alloc(evaluation->arena, sizeof(*kept));
    if (!kept)
        return false;
    *kept = (struct kept_view){.next = evaluation->views,
                               .text_index = reading->text_index,
                               .field = reading->field,
                               .view = *view,
                               .features = features};
    evaluation->views = kept;
    if (view->kinds & 1U << WD_VIEW_PLAIN) {
        kept->view.text = evaluation->event->texts[reading->text_index].text;
        kept->view.map = kept->view.map_end = NULL;
        return true;
    }
    kept->view.text = wd_arena_copy(evaluation->arena, view->text);
    size_t bytes = view->text.len * sizeof(*view->map);
    uint32_t *map = view->map ? wd_arena_alloc(evaluation->arena, bytes + 1) : NULL;
    uint32_t *map_end = view->map_end ? wd_arena_alloc(evaluation->arena, bytes + 1) : NULL;
    if (map)
        memcpy(map, view->map, bytes);
    if (map_end)
        memcpy(map_end, view->map_end, bytes);
    kept->view.map = map;
    kept->view.map_end = map_end;
    return kept->view.text.data && !view->map == !map && !view->map_end == !map_end;
}

/* Where a text differs from the plain one only by case, a caseless pattern says the same of both: it is tried on the
 * plain text for both. */
static bool is_plain_but_case(const struct wd_ruleset *set, const struct wd_view *views, size_t i)
{
    bool has_plain = views[0].kinds & 1U << WD_VIEW_PLAIN;
    return i > 0 && has_plain && !set->has_inline_case && views[i].differs_only_by_case;
}

static uint32_t kinds_but_case(const struct wd_ruleset *set, const struct wd_view *views, size_t count)
{
    uint32_t kinds = 0;
    for (size_t i = 1; i < count; i++)
        kinds |= is_plain_but_case(set, views, i) ? views[i].kinds : 0;
    return kinds;
}

static enum wd_status scan_text(struct wd_scanner *scanner, struct evaluation *evaluation, uint32_t text_index)
{
    const struct wd_ruleset *set = evaluation->set;
    const struct wd_text *text = &evaluation->event->texts[text_index];
    uint32_t wanted = set->views_by_field[text->field] | set->searched_by_field[text->field];
    struct wd_view views[WD_VIEWS_MAX];
    size_t count = 0;
    if (!wanted || !text->text.len)
        return WD_OK;
    wd_views_stop_when(scanner->views, evaluation->out_of_budget, scanner);
    enum wd_status status = wd_views_make(scanner->views, text->text, wanted, views, &count);
    evaluation->budget_ended |= wd_views_stopped(scanner->views);
    uint32_t case_kinds = status == WD_OK ? kinds_but_case(set, views, count) : 0;
    for (size_t i = 0; i < count && status == WD_OK; i++) {
        struct reading reading = {.scanner = scanner,
                                  .evaluation = evaluation,
                                  .text_index = text_index,
                                  .field = text->field,
                                  .view = &views[i],
                                  .kinds = views[i].kinds,
                                  .caseless_kinds = views[i].kinds | (i == 0 ? case_kinds : 0),
                                  .case_matters_only = is_plain_but_case(set, views, i)};
        status = keep_view(evaluation, &reading) ? scan_view(&reading) : WD_ERR_TOO_LARGE;
    }
    return status;
}

/* ---- an event ---- */

static void begin_timing(struct wd_scanner *scanner, struct evaluation *evaluation)
{
    const struct wd_scanner_options *options = &scanner->options;
    scanner->is_timed = options->clock && (options->event_budget_ns || options->rule_budget_ns || options->costs);
    if (!scanner->is_timed)
        return;
    bool rules = options->rule_budget_ns || options->costs;
    scanner->timing = (struct wd_scan_timing){
        .clock = options->clock,
        .clock_context = options->clock_context,
        .deadline_ns = UINT64_MAX,
        .suspicious_ns = options->rule_budget_ns ? options->rule_budget_ns : UINT64_MAX,
        .took = rules ? pattern_took : NULL,
        .took_context = scanner,
    };
    evaluation->timing = &scanner->timing;
    evaluation->rule_took = rules ? rule_took : NULL;
    evaluation->budget_context = scanner;
    if (!options->event_budget_ns)
        return;
    scanner->timing.deadline_ns = options->clock(options->clock_context) + options->event_budget_ns;
    evaluation->out_of_budget = out_of_budget;
}

static void begin(struct wd_scanner *scanner, struct evaluation *evaluation)
{
    next_generation(scanner, evaluation->set);
    evaluation->generation = scanner->generation;
    scanner->candidate_count = 0;
    scanner->switched_off_count = 0;
    scanner->set = evaluation->set;
    scanner->event_scopes = scopes_of_event(scanner, evaluation->set, evaluation->event->name);
    skip_switched_off(scanner);
    begin_timing(scanner, evaluation);
}

static bool tell_switched_off(const struct wd_scanner *scanner, struct wd_arena *arena, struct wd_verdict *verdict)
{
    size_t bytes = scanner->switched_off_count * sizeof(*scanner->switched_off);
    uint32_t *told = bytes ? wd_arena_alloc(arena, bytes) : NULL;
    if (!told)
        return !bytes;
    memcpy(told, scanner->switched_off, bytes);
    verdict->switched_off = told;
    verdict->switched_off_count = scanner->switched_off_count;
    return true;
}

/* What native matchers can hope for: in hyperlink items always a host; anything in texts that nobody came to read. */
static uint32_t features_of_event(const struct evaluation *evaluation)
{
    uint32_t links = evaluation->event->link_count ? WD_FEATURE_HOST | WD_FEATURE_LINK : 0U;
    return evaluation->budget_ended ? UINT32_MAX : evaluation->features | links;
}

enum wd_status wd_scan(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                       const struct wd_event *event, int64_t now_ms, struct wd_verdict *verdict_out,
                       struct wd_error *err)
{
    *verdict_out = (struct wd_verdict){0};
    if (!fit_to_set(scanner, set))
        return wd_fail(err, WD_ERR_MEMORY, "no memory to scan with %zu rules", set->rule_count);
    struct evaluation evaluation = {.set = set,
                                    .event = event,
                                    .now_ms = now_ms,
                                    .arena = arena,
                                    .decoder = scanner->decoder,
                                    .expressions = scanner->expressions,
                                    .lists = scanner->lists};
    begin(scanner, &evaluation);
    enum wd_status status = WD_OK;
    for (size_t i = 0; i < event->text_count && status == WD_OK; i++)
        status = scan_text(scanner, &evaluation, (uint32_t)i);
    if (status == WD_ERR_MEMORY)
        return wd_fail(err, status, "no memory to scan a text");
    touch_listed(scanner, set, features_of_event(&evaluation), false);
    if (evaluation.budget_ended)
        touch_listed(scanner, set, 0, true);
    if (status != WD_OK || !wd_judge(&evaluation, scanner->candidates, scanner->candidate_count, verdict_out))
        return wd_fail(err, WD_ERR_TOO_LARGE, "the event needs more memory than one event may take");
    if (!tell_switched_off(scanner, arena, verdict_out))
        return wd_fail(err, WD_ERR_TOO_LARGE, "the event needs more memory than one event may take");
    verdict_out->budget_ended = evaluation.budget_ended;
    return WD_OK;
}
