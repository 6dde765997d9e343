/* Values for people. Neighbours: filters/behaviour/walk.h reads the bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "filters/rules/behaviour.h"

/* ---- names ---- */

struct naming {
    const char *kind, *name;
    const struct wd_score_cell *score;
    const struct wd_ladder *ladder;
};

static struct naming naming_of(const struct wd_ruleset *set, uint32_t cell)
{
    const struct behaviour *behaviour = set ? set->behaviour : NULL;
    for (size_t i = 0; behaviour && i < behaviour->score_count; i++)
        if (behaviour->score_cells[i].cell == cell)
            return (struct naming){"score", behaviour->scores[i].name, .score = &behaviour->score_cells[i]};
    for (size_t i = 0; behaviour && i < behaviour->ladder_count; i++)
        if (behaviour->ladder_cells[i].cell == cell)
            return (struct naming){"ladder", behaviour->ladders[i].name, .ladder = &behaviour->ladder_cells[i]};
    for (size_t i = 0; behaviour && i < behaviour->signal_count; i++)
        if (behaviour->signals[i].cell == cell)
            return (struct naming){.kind = "signal", .name = behaviour->signals[i].text};
    return (struct naming){0};
}

static double decayed(double points, int64_t at_ms, int64_t now_ms, int64_t half_life_ms)
{
    if (half_life_ms <= 0)
        return points;
    return points * exp2(-(double)(now_ms - at_ms) / (double)half_life_ms);
}

/* ---- a value ---- */

struct describing {
    const struct wd_ruleset *set;
    int64_t now_ms;
    json_t *cells, *contributions;
};

static const char *kind_name(enum wd_cell_kind kind)
{
    static const char *const NAMES[] = {
        [WD_CELL_COUNT] = "count",       [WD_CELL_DISTINCT] = "distinct",   [WD_CELL_SUM] = "sum",
        [WD_CELL_SCORE] = "score",       [WD_CELL_STRIKES] = "strikes",     [WD_CELL_SIMILAR] = "repeat_of",
        [WD_CELL_CROWD] = "coordinated", [WD_CELL_PROFILE] = "profile",     [WD_CELL_CONTRIBUTIONS] = "contributions",
        [WD_CELL_CLEARED] = "cleared",   [WD_CELL_REPORTERS] = "reporters", [WD_CELL_RECORD] = "record",
        [WD_CELL_ORIGINS] = "origins",   [WD_CELL_ANSWERS] = "answers",     [WD_CELL_DROPPED] = "dropped",
    };
    return (size_t)kind < sizeof(NAMES) / sizeof(*NAMES) && NAMES[kind] ? NAMES[kind] : "unknown";
}

static void put_numbers(const struct describing *describing, const struct wd_cell_seen *seen,
                        const struct naming *naming, json_t *cell)
{
    switch (seen->kind) {
    case WD_CELL_SCORE:
        json_object_set_new(cell, "at_watermark", json_real(seen->amount));
        if (naming->score) {
            json_object_set_new(cell, "half_life_ms", json_integer(naming->score->half_life_ms));
            json_object_set_new(
                cell, "now",
                json_real(decayed(seen->amount, seen->watermark_ms, describing->now_ms, naming->score->half_life_ms)));
        }
        json_object_set_new(cell, "band", seen->band < 0 ? json_null() : json_integer(seen->band));
        break;
    case WD_CELL_PROFILE:
        json_object_set_new(cell, "contents", json_real(seen->amount));
        json_object_set_new(cell, "first_seen_ms", json_integer(seen->oldest_ms));
        json_object_set_new(cell, "clean_since_ms", json_integer(seen->watermark_ms));
        json_object_set_new(cell, "pardoned_ms", seen->pardoned_ms ? json_integer(seen->pardoned_ms) : json_null());
        break;
    case WD_CELL_RECORD:
        json_object_set_new(cell, "right", json_real(seen->amount));
        json_object_set_new(cell, "wrong", json_real(seen->wrong));
        break;
    default:
        json_object_set_new(cell, "amount", json_real(seen->amount));
        break;
    }
}

static void put_cell(void *context, const struct wd_cell_seen *seen)
{
    struct describing *describing = context;
    struct naming naming = seen->cell ? naming_of(describing->set, seen->cell) : (struct naming){0};
    json_t *cell = json_pack("{s:s}", "kind", kind_name(seen->kind));
    if (!cell)
        return;
    if (naming.name)
        json_object_set_new(cell, "name", json_string(naming.name));
    if (seen->cell)
        json_object_set_new(cell, "cell", json_integer(seen->cell));
    put_numbers(describing, seen, &naming, cell);
    if (seen->kind != WD_CELL_PROFILE && seen->watermark_ms)
        json_object_set_new(cell, "watermark_ms", json_integer(seen->watermark_ms));
    if (seen->kind != WD_CELL_PROFILE && seen->oldest_ms)
        json_object_set_new(cell, "oldest_ms", json_integer(seen->oldest_ms));
    json_array_append_new(describing->cells, cell);
}

/* A contribution to a score with what is left of it: the arithmetic of the score. */
static void put_contribution(void *context, const struct wd_contribution_seen *seen)
{
    struct describing *describing = context;
    struct naming naming = naming_of(describing->set, seen->cell);
    json_t *one = json_pack("{s:I, s:f, s:o}", "at_ms", (json_int_t)seen->at_ms, "points", seen->points, "rule",
                            json_stringn(seen->rule.data ? seen->rule.data : "", seen->rule.len));
    if (!one)
        return;
    json_object_set_new(one, "to", naming.name ? json_string(naming.name) : json_null());
    json_object_set_new(one, "cell", json_integer(seen->cell));
    if (naming.score) {
        double left = decayed(seen->points, seen->at_ms, describing->now_ms, naming.score->half_life_ms);
        json_object_set_new(one, "age_ms", json_integer(describing->now_ms - seen->at_ms));
        json_object_set_new(one, "left", json_real(left));
    }
    json_array_append_new(describing->contributions, one);
}

char *wd_value_describe(const struct wd_ruleset *set, struct wd_str key, const unsigned char *bytes, size_t len,
                        int64_t now_ms)
{
    struct describing describing = {.set = set, .now_ms = now_ms, .cells = json_array(), .contributions = json_array()};
    char *text = NULL;
    json_t *name = json_stringn(key.data ? key.data : "", key.len);
    if (describing.cells && describing.contributions) {
        wd_value_each_cell(bytes, len, put_cell, &describing);
        wd_value_each_contribution(bytes, len, put_contribution, &describing);
    }
    json_t *whole = json_pack("{s:o?, s:I, s:I, s:o, s:o}", "key", name, "bytes", (json_int_t)len, "now_ms",
                              (json_int_t)now_ms, "cells", describing.cells, "contributions", describing.contributions);
    if (whole)
        text = json_dumps(whole, JSON_COMPACT);
    json_decref(whole);
    return text;
}

/* ---- one score ---- */

struct score_search {
    const struct wd_score_cell *score;
    int64_t now_ms;
    double found;
};

static void look_at(void *context, const struct wd_cell_seen *seen)
{
    struct score_search *search = context;
    if (seen->kind == WD_CELL_SCORE && seen->cell == search->score->cell)
        search->found = decayed(seen->amount, seen->watermark_ms, search->now_ms, search->score->half_life_ms);
}

double wd_value_score(const struct wd_ruleset *set, const unsigned char *bytes, size_t len, const char *name,
                      int64_t now_ms)
{
    const struct behaviour *behaviour = set ? set->behaviour : NULL;
    for (size_t i = 0; behaviour && i < behaviour->score_count; i++) {
        if (strcmp(behaviour->scores[i].name, name) != 0)
            continue;
        struct score_search search = {.score = &behaviour->score_cells[i], .now_ms = now_ms};
        wd_value_each_cell(bytes, len, look_at, &search);
        return search.found;
    }
    return 0;
}
