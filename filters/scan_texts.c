/* The texts of an event: their views, the hits of patterns in them, and what native matchers will read of them. What
 * always holds: a view is made and read only where a live rule asks for it. Neighbours: scanner.c has the whole way of
 * an event; filters/views makes views, filters/patterns finds hits. */
#include <string.h>

#include "filters/matchers/features.h"
#include "filters/scanner_internal.h"

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
    uint32_t plain_features; /* of the text as it was written, where somebody searches it */
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
            !wd_is_in_scope(reading->scanner, leaf->rule))
            continue;
        if (hit->undecided)
            wd_note_undecided(reading->evaluation, leaf);
        else
            wd_note_found(reading->evaluation, leaf, span);
        if (!leaf->in_exception) /* an exception by itself makes nothing match */
            wd_touch(reading->scanner, leaf->rule);
    }
}

static enum wd_status scan_view(struct reading *reading)
{
    struct evaluation *evaluation = reading->evaluation;
    uint32_t wanted = evaluation->set->views_by_field[reading->field];
    struct wd_scan_request request = {.text = reading->view->text,
                                      .views = (reading->kinds | reading->caseless_kinds) & wanted,
                                      .only_case_sensitive = reading->case_matters_only,
                                      .skip =
                                          reading->scanner->memory->skipped_for ? reading->scanner->memory->skip : NULL,
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

/* What those who search these views ask of a text. */
static uint32_t wanted_features(const struct searches *searches, uint32_t kinds)
{
    uint32_t wanted = 0;
    for (int view = 0; view < WD_VIEW_COUNT; view++)
        wanted |= kinds >> view & 1 ? searches->asked[view] : 0;
    return wanted;
}

static uint32_t features_of_view(const struct reading *reading, uint32_t wanted)
{
    uint32_t link = reading->view->kinds >> WD_VIEW_LINKS & 1 ? WD_FEATURE_LINK : 0U;
    if (!(wanted & ~(uint32_t)WD_FEATURE_LINK))
        return link;
    bool is_plain = reading->view->kinds >> WD_VIEW_PLAIN & 1;
    return (is_plain ? reading->plain_features
                     : wd_text_features(reading->view->text, wanted, &reading->evaluation->effort)) |
           link;
}

/* Native matchers read a view when a rule asks, after the view scratch was used for the next text: so it is copied, but
 * for the plain text, which the event holds. */
static bool keep_view(struct evaluation *evaluation, const struct reading *reading)
{
    const struct wd_view *view = reading->view;
    if (!(evaluation->set->searched_by_field[reading->field] & view->kinds))
        return true;
    const struct searches *searches = &evaluation->set->searches_by_field[reading->field];
    uint32_t features = features_of_view(reading, wanted_features(searches, view->kinds));
    evaluation->features |= features;
    if (!is_searched(searches, view->kinds, features))
        return true;
    struct kept_view *kept = wd_arena_alloc(evaluation->arena, sizeof(*kept));
    if (!kept)
        return false;
    *kept = (struct kept_view){.next = evaluation->views,
                               .text_index = reading->text_index,
                               .field = reading->field,
                               .view = *view,
                               .features = features,
                               .facts = {.arena = evaluation->arena}};
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

/* The views in which a native matcher can find something, from what the plain text has. */
static uint32_t views_to_search(const struct searches *searches, uint32_t plain_features)
{
    enum { OF_HOSTS = 1U << WD_VIEW_STRIPPED | 1U << WD_VIEW_LINKS };
    uint32_t views = 0, in_views = wd_features_in_views(plain_features);
    for (size_t i = 0; i < searches->count; i++) {
        uint32_t needs = searches->items[i].needs, kinds = searches->items[i].views;
        views |= needs & ~in_views ? kinds & ~(uint32_t)OF_HOSTS : kinds;
    }
    return views;
}

/* Looking at the clock takes as long as a short text. */
static bool has_ended(struct evaluation *evaluation, const struct wd_text *text)
{
    enum { LONG_BYTES = 1 << 14 };
    const struct wd_effort *effort = &evaluation->effort;
    if (text->text.len > LONG_BYTES && effort->should_end)
        evaluation->budget_ended |= effort->should_end(effort->context);
    return evaluation->budget_ended;
}

enum wd_status wd_scan_text(struct wd_scanner *scanner, struct evaluation *evaluation, uint32_t text_index)
{
    const struct wd_ruleset *set = evaluation->set;
    const struct wd_text *text = &evaluation->event->texts[text_index];
    const struct searches *searches = &set->searches_by_field[text->field];
    struct wd_view views[WD_VIEWS_MAX];
    size_t count = 0;
    if (!text->text.len)
        return WD_OK;
    uint32_t searched = set->searched_by_field[text->field], features = 0;
    if (searched) {
        uint32_t asked = wanted_features(searches, UINT32_MAX);
        bool of_hosts = asked & (WD_FEATURE_HOST | WD_FEATURE_LINK);
        features =
            wd_text_features(text->text, asked | (of_hosts ? WD_FEATURE_HOST_IN_A_VIEW : 0U), &evaluation->effort);
        searched = views_to_search(searches, features);
    }
    uint32_t wanted = set->views_by_field[text->field] | searched;
    if (!wanted)
        return WD_OK;
    wd_views_stop_when(scanner->views, evaluation->effort.should_end, evaluation->effort.context);
    enum wd_status status = wd_views_make(scanner->views, text->text, wanted, views, &count);
    evaluation->budget_ended |= wd_views_stopped(scanner->views);
    uint32_t case_kinds = status == WD_OK ? kinds_but_case(set, views, count) : 0;
    for (size_t i = 0; i < count && status == WD_OK && !has_ended(evaluation, text); i++) {
        struct reading reading = {.scanner = scanner,
                                  .evaluation = evaluation,
                                  .text_index = text_index,
                                  .field = text->field,
                                  .view = &views[i],
                                  .kinds = views[i].kinds,
                                  .caseless_kinds = views[i].kinds | (i == 0 ? case_kinds : 0),
                                  .case_matters_only = is_plain_but_case(set, views, i),
                                  .plain_features = features};
        status = keep_view(evaluation, &reading) ? scan_view(&reading) : WD_ERR_TOO_LARGE;
    }
    return status;
}
