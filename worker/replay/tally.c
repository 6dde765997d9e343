/* Making, merging and ending tallies, and the draw of samples. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/replay/tally.h"

/* ---- samples ---- */

static bool comes_before(uint64_t rank, uint64_t place, const struct sample *other)
{
    return rank != other->rank ? rank < other->rank : place < other->place;
}

bool sample_draw_wants(const struct sample_draw *draw, uint64_t rank, uint64_t place)
{
    return draw->count < draw->room || (draw->room && comes_before(rank, place, &draw->items[draw->count - 1]));
}

void sample_draw_add(struct sample_draw *draw, uint64_t rank, uint64_t place, json_t *json)
{
    if (!sample_draw_wants(draw, rank, place)) {
        json_decref(json);
        return;
    }
    if (draw->count == draw->room)
        json_decref(draw->items[--draw->count].json);
    size_t at = draw->count++;
    for (; at > 0 && comes_before(rank, place, &draw->items[at - 1]); at--)
        draw->items[at] = draw->items[at - 1];
    draw->items[at] = (struct sample){.rank = rank, .place = place, .json = json};
}

static void draw_merge(struct sample_draw *into, struct sample_draw *from)
{
    for (size_t i = 0; i < from->count; i++)
        sample_draw_add(into, from->items[i].rank, from->items[i].place, from->items[i].json);
    from->count = 0;
}

struct sample_draw *tally_draw(struct tally *tally, size_t draw)
{
    return &tally->draws[tally->now.rule_count + draw];
}

/* ---- records that cannot be judged ---- */

static bool failure_before(const struct failure_sample *a, const struct failure_sample *b)
{
    return a->input != b->input ? a->input < b->input : a->position < b->position;
}

static void keep_failure(struct tally *tally, const struct failure_sample *failure)
{
    size_t at = tally->failure_sample_count;
    if (at == FAILURES_SHOWN && !failure_before(failure, &tally->failure_samples[at - 1]))
        return;
    if (at == FAILURES_SHOWN)
        at--;
    else
        tally->failure_sample_count++;
    for (; at > 0 && failure_before(failure, &tally->failure_samples[at - 1]); at--)
        tally->failure_samples[at] = tally->failure_samples[at - 1];
    tally->failure_samples[at] = *failure;
}

void tally_add_failure(struct tally *tally, uint32_t input, uint64_t position, const char *reason, const char *text)
{
    struct failure_sample failure = {.input = input, .position = position};
    snprintf(failure.reason, sizeof(failure.reason), "%s", reason);
    snprintf(failure.text, sizeof(failure.text), "%s", text);
    tally->failures++;
    keep_failure(tally, &failure);
}

/* ---- the whole ---- */

static bool set_tally_init(struct set_tally *set, const struct wd_ruleset *rules)
{
    set->rule_count = rules ? wd_ruleset_rule_count(rules) : 0;
    set->rules = calloc(set->rule_count + 1, sizeof(*set->rules));
    return set->rules != NULL;
}

bool tally_init(struct tally *tally, const struct wd_ruleset *rules, const struct wd_ruleset *against, size_t samples)
{
    *tally = (struct tally){.authors = authors_new()};
    bool fine = set_tally_init(&tally->now, rules);
    fine = set_tally_init(&tally->before, against) && fine;
    tally->draws = calloc(tally->now.rule_count + DRAW_COUNT, sizeof(*tally->draws));
    if (!fine || !tally->authors || !tally->draws)
        return false;
    tally->draw_count = tally->now.rule_count + DRAW_COUNT;
    for (size_t i = 0; i < tally->draw_count; i++) {
        tally->draws[i].items = calloc(samples + 1, sizeof(struct sample));
        tally->draws[i].room = samples;
        if (!tally->draws[i].items)
            return false;
    }
    return true;
}

void tally_fini(struct tally *tally)
{
    for (size_t i = 0; i < tally->draw_count; i++) {
        for (size_t j = 0; j < tally->draws[i].count; j++)
            json_decref(tally->draws[i].items[j].json);
        free(tally->draws[i].items);
    }
    free(tally->draws);
    free(tally->now.rules);
    free(tally->before.rules);
    authors_free(tally->authors);
    *tally = (struct tally){0};
}

static void add_all(uint64_t *into, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        into[i] += from[i];
}

static void set_tally_merge(struct set_tally *into, const struct set_tally *from)
{
    enum { NUMBERS_A_RULE = sizeof(struct rule_tally) / sizeof(uint64_t) };
    for (size_t i = 0; i < into->rule_count; i++)
        add_all((uint64_t *)&into->rules[i], (const uint64_t *)&from->rules[i], NUMBERS_A_RULE);
    add_all(into->actions[0], from->actions[0], sizeof(into->actions) / sizeof(uint64_t));
    add_all(into->shadow_actions[0], from->shadow_actions[0], sizeof(into->shadow_actions) / sizeof(uint64_t));
    into->events_matched += from->events_matched;
    into->events_acted += from->events_acted;
    into->events_shadow_acted += from->events_shadow_acted;
    into->exempt += from->exempt;
    into->undecided += from->undecided;
    add_all(into->acted_labelled, from->acted_labelled, LABEL_COUNT);
    add_all(into->matched_labelled, from->matched_labelled, LABEL_COUNT);
}

bool tally_merge(struct tally *into, struct tally *from)
{
    into->records += from->records;
    into->tombstones += from->tombstones;
    into->events += from->events;
    into->repaired += from->repaired;
    into->unwanted += from->unwanted;
    into->failures += from->failures;
    for (size_t i = 0; i < from->failure_sample_count; i++)
        keep_failure(into, &from->failure_samples[i]);
    add_all(into->labels, from->labels, LABEL_COUNT);
    add_all(into->changes, from->changes, CHANGE_COUNT);
    add_all(into->shadow_changes, from->shadow_changes, CHANGE_COUNT);
    set_tally_merge(&into->now, &from->now);
    set_tally_merge(&into->before, &from->before);
    timeline_merge(&into->timeline, &from->timeline);
    for (size_t i = 0; i < into->draw_count; i++)
        draw_merge(&into->draws[i], &from->draws[i]);
    return authors_merge(into->authors, from->authors);
}
