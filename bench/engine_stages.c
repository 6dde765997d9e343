/* The ways through the records that bench/engine compares: their differences are the stages. The stages between
 * decoding and conditions are called as filters/scanner.c calls them. */
#include "bench/engine.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "filters/patterns/patterns.h"
#include "filters/rules/rules.h"
#include "filters/views/views.h"

struct engine_inside {
    struct wd_view_scratch *views;
    struct wd_pattern_scratch *patterns;
};

enum depth { DEPTH_VIEWS, DEPTH_CANDIDATES, DEPTH_CONFIRMED };

struct engine_inside *engine_inside_new(void)
{
    struct engine_inside *inside = calloc(1, sizeof(*inside));
    if (!inside)
        return NULL;
    inside->views = wd_view_scratch_new();
    inside->patterns = wd_pattern_scratch_new();
    if (inside->views && inside->patterns)
        return inside;
    engine_inside_free(inside);
    return NULL;
}

void engine_inside_free(struct engine_inside *inside)
{
    if (!inside)
        return;
    wd_view_scratch_free(inside->views);
    wd_pattern_scratch_free(inside->patterns);
    free(inside);
}

struct wd_str engine_record(const struct engine *engine, size_t i)
{
    const struct engine_records *records = &engine->records;
    return (struct wd_str){.data = records->bytes + records->starts[i],
                           .len = records->starts[i + 1] - records->starts[i] - 1};
}

void engine_pass_jansson(struct engine *engine)
{
    for (size_t i = 0; i < engine->records.count; i++) {
        struct wd_str record = engine_record(engine, i);
        json_decref(json_loadb(record.data, record.len, 0, NULL));
    }
}

static bool decode(struct engine *engine, size_t i, struct wd_events *events_out)
{
    struct wd_str record = engine_record(engine, i);
    wd_arena_reset(engine->arena);
    *events_out = (struct wd_events){0};
    return wd_decode(engine->decoder, engine->arena, record.data, record.len, events_out, NULL) == WD_DECODED;
}

void engine_pass_decode(struct engine *engine)
{
    struct wd_events events;
    for (size_t i = 0; i < engine->records.count; i++)
        (void)decode(engine, i, &events);
}

static void scan_view(struct engine *engine, const struct wd_view *view, uint32_t kinds, uint32_t wanted,
                      bool case_only, enum depth depth)
{
    struct wd_scan_request request = {.text = view->text,
                                      .views = kinds & wanted,
                                      .only_case_sensitive = case_only,
                                      .only_candidates = depth == DEPTH_CANDIDATES};
    struct wd_scan_result result;
    if (request.views && engine->set->patterns &&
        wd_patterns_scan(engine->set->patterns, engine->inside->patterns, &request, &result) != WD_OK)
        engine->refused++;
}

static void read_text(struct engine *engine, const struct wd_text *text, enum depth depth)
{
    const struct wd_ruleset *set = engine->set;
    struct wd_view views[WD_VIEWS_MAX];
    size_t count = 0;
    uint32_t wanted = set->views_by_field[text->field], case_kinds = 0;
    if (!wanted || !text->text.len ||
        wd_views_make(engine->inside->views, text->text, wanted, views, &count) != WD_OK || depth == DEPTH_VIEWS)
        return;
    bool has_plain = count && views[0].kinds & 1U << WD_VIEW_PLAIN;
    for (size_t i = 1; i < count; i++)
        if (has_plain && !set->has_inline_case && views[i].differs_only_by_case)
            case_kinds |= views[i].kinds;
    for (size_t i = 0; i < count; i++) {
        bool case_only = i && has_plain && !set->has_inline_case && views[i].differs_only_by_case;
        scan_view(engine, &views[i], views[i].kinds | (i ? 0 : case_kinds), wanted, case_only, depth);
    }
}

static void pass_to(struct engine *engine, enum depth depth)
{
    struct wd_events events;
    for (size_t i = 0; i < engine->records.count; i++) {
        if (!decode(engine, i, &events))
            continue;
        for (size_t e = 0; e < events.count; e++)
            for (size_t t = 0; t < events.items[e].text_count; t++)
                read_text(engine, &events.items[e].texts[t], depth);
    }
}

void engine_pass_views(struct engine *engine)
{
    pass_to(engine, DEPTH_VIEWS);
}

void engine_pass_candidates(struct engine *engine)
{
    pass_to(engine, DEPTH_CANDIDATES);
}

void engine_pass_confirmed(struct engine *engine)
{
    pass_to(engine, DEPTH_CONFIRMED);
}

static void pass_whole(struct engine *engine, struct wd_scanner *scanner)
{
    struct wd_events events;
    engine->events = engine->matches = engine->candidates = engine->refused = 0;
    engine->ended = engine->switched_off = 0;
    for (size_t i = 0; i < engine->records.count; i++) {
        engine->refused += !decode(engine, i, &events);
        for (size_t e = 0; e < events.count; e++) {
            const struct wd_event *event = &events.items[e];
            struct wd_verdict verdict;
            engine->events++;
            if (wd_scan(scanner, engine->set, engine->arena, event, event->created_at_ms, &verdict, NULL) != WD_OK) {
                engine->refused++;
                continue;
            }
            engine->matches += verdict.match_count;
            engine->candidates += verdict.candidates;
            engine->ended += verdict.budget_ended;
            engine->switched_off += verdict.switched_off_count;
        }
    }
}

void engine_pass_whole(struct engine *engine)
{
    pass_whole(engine, engine->scanner);
}

void engine_pass_guarded(struct engine *engine)
{
    pass_whole(engine, engine->guarded);
}

void engine_pass_strict(struct engine *engine)
{
    pass_whole(engine, engine->strict);
}

void engine_pass_patient(struct engine *engine)
{
    pass_whole(engine, engine->patient);
}
