/* From conditions on behaviour to cells: equal ones share a signal, each signal has an id that follows from its words;
 * and which answers make which rules candidates. What always holds: a rule that can match only by an answer is reached
 * by one of its triggers. Neighbours: behaviour.h, compile.c; filters/remember.c uses it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/rules/loader.h"

/* Keys that signals may need beside the usual ones: an event needs at most 64 in all. */
enum { SIGNAL_KEYS_MAX = 40 };

/* ---- leaves ---- */

static size_t count_leaves(const struct condition *condition)
{
    size_t count = condition->kind == CONDITION_LEAF && condition->leaf->kind->reads == READS_BEHAVIOUR;
    for (size_t i = 0; i < condition->child_count; i++)
        count += count_leaves(condition->children[i]);
    return count;
}

static void list_leaves(struct behaviour *behaviour, const struct condition *condition)
{
    if (condition->kind == CONDITION_LEAF && condition->leaf->kind->reads == READS_BEHAVIOUR) {
        ((struct leaf *)condition->leaf)->index = (uint32_t)behaviour->leaf_count;
        behaviour->leaves[behaviour->leaf_count++] = condition->leaf;
    }
    for (size_t i = 0; i < condition->child_count; i++)
        list_leaves(behaviour, condition->children[i]);
}

static bool gather_leaves(struct loader *loader)
{
    const struct wd_ruleset *set = loader->set;
    size_t count = 0;
    for (size_t i = 0; i < set->rule_count; i++) {
        count += count_leaves(set->rules[i].when);
        for (size_t j = 0; j < set->rules[i].exception_count; j++)
            count += count_leaves(set->rules[i].exceptions[j].condition);
    }
    loader->behaviour->leaves = wd_loader_alloc(loader, count + 1, sizeof(const struct leaf *));
    if (!loader->behaviour->leaves)
        return false;
    for (size_t i = 0; i < set->rule_count; i++) {
        if (!set->rules[i].live)
            continue;
        list_leaves(loader->behaviour, set->rules[i].when);
        for (size_t j = 0; j < set->rules[i].exception_count; j++)
            list_leaves(loader->behaviour, set->rules[i].exceptions[j].condition);
    }
    return true;
}

/* ---- signals ---- */

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void put_globs(FILE *out, const struct signal *signal)
{
    if (wd_are_default_events(signal->globs, signal->glob_count)) {
        fputs(" of=content", out);
        return;
    }
    fputs(" of=", out);
    for (size_t i = 0; i < signal->glob_count; i++)
        fprintf(out, "%s%s", i ? "," : "", signal->globs[i]);
}

static void put_signal(FILE *out, const struct signal *signal)
{
    static const char *const KINDS[] = {
        [WD_WINDOW_COUNT] = "count", [WD_WINDOW_DISTINCT] = "distinct", [WD_WINDOW_SUM] = "sum"};
    static const char *const THINGS[] = {"events", "mentions", "authors", "links", "places", NULL};
    const char *per = signal->per == SUBJECT_FIELD ? signal->per_field_name : wd_subject_names[signal->per];
    switch (signal->kind) {
    case SIGNAL_WINDOW:
        fprintf(out, "%s %s over=%lld per=%s", KINDS[signal->window.kind],
                signal->thing == THING_FIELD ? signal->field_name : THINGS[signal->thing],
                (long long)signal->window.over_ms, per);
        break;
    case SIGNAL_SIMILAR:
        fprintf(out, "repeat within=%lld distance=%u min_length=%u", (long long)signal->similar.within_ms,
                signal->similar.distance, signal->min_length);
        break;
    case SIGNAL_CROWD:
        fprintf(out, "coordinated within=%lld distance=%u min_length=%u per=%s", (long long)signal->crowd.within_ms,
                signal->crowd.distance, signal->min_length, per);
        break;
    }
    put_globs(out, signal);
}

/* What the signal is, in words that are the same for the same meaning. */
static const char *canonical_text(struct loader *loader, const struct signal *signal)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out)
        put_signal(out, signal);
    bool failed = !out || fclose(out) != 0;
    const char *copy = failed ? NULL : wd_loader_text(loader, text);
    loader->out_of_memory |= failed;
    free(text);
    return copy;
}

static bool settle_events(struct loader *loader, const struct leaf *leaf, struct signal *signal)
{
    const struct scope *scope = &loader->set->scopes[loader->set->rules[leaf->rule].scope];
    if (!signal->glob_count) {
        signal->globs = scope->globs;
        signal->glob_count = scope->glob_count;
        return true;
    }
    const char **sorted = wd_loader_alloc(loader, signal->glob_count, sizeof(*sorted));
    if (!sorted)
        return false;
    memcpy(sorted, signal->globs, signal->glob_count * sizeof(*sorted));
    qsort(sorted, signal->glob_count, sizeof(*sorted), by_name);
    signal->globs = sorted;
    return true;
}

/* Two texts with one hash are as good as impossible; the later then takes another. */
static uint32_t free_cell(const struct behaviour *behaviour, const char *text)
{
    uint32_t cell = wd_cell_id(text);
    for (size_t i = 0; i < behaviour->signal_count; i++)
        if (behaviour->signals[i].cell == cell)
            cell++, i = SIZE_MAX;
    return cell;
}

static void set_cell(struct signal *signal, uint32_t cell)
{
    signal->cell = signal->window.cell = signal->similar.cell = signal->crowd.cell = cell;
}

static bool intern_signal(struct loader *loader, const struct leaf *leaf)
{
    struct behaviour *behaviour = loader->behaviour;
    struct signal_params *params = (struct signal_params *)leaf->params;
    struct signal signal = params->definition;
    if (!settle_events(loader, leaf, &signal))
        return false;
    signal.text = canonical_text(loader, &signal);
    if (!signal.text)
        return false;
    size_t i = 0;
    while (i < behaviour->signal_count && strcmp(behaviour->signals[i].text, signal.text) != 0)
        i++;
    if (i == behaviour->signal_count) {
        set_cell(&signal, free_cell(behaviour, signal.text));
        behaviour->signals[behaviour->signal_count++] = signal;
    }
    params->signal = (uint32_t)i;
    return true;
}

static bool intern_signals(struct loader *loader)
{
    struct behaviour *behaviour = loader->behaviour;
    size_t levels = behaviour->level_count + 1;
    behaviour->signals = wd_loader_alloc(loader, behaviour->leaf_count + 1, sizeof(*behaviour->signals));
    behaviour->least_limits = wd_loader_alloc(loader, (behaviour->leaf_count + 1) * levels, sizeof(double));
    if (!behaviour->signals || !behaviour->least_limits)
        return false;
    for (size_t i = 0; i < (behaviour->leaf_count + 1) * levels; i++)
        behaviour->least_limits[i] = INFINITY;
    for (size_t i = 0; i < behaviour->leaf_count; i++) {
        const struct leaf *leaf = behaviour->leaves[i];
        if (wd_behaviour_leaf_of(leaf) != LEAF_SIGNAL)
            continue;
        if (!intern_signal(loader, leaf))
            return false;
        const struct signal_params *params = leaf->params;
        struct signal *signal = &behaviour->signals[params->signal];
        double *least = behaviour->least_limits + params->signal * levels;
        for (size_t level = 0; level < levels; level++) {
            least[level] = fmin(least[level], params->limits[level]);
            signal->window.most = fmax(signal->window.most, params->limits[level]);
            signal->is_by_level |= params->limits[level] != params->limits[0];
        }
    }
    return true;
}

static bool check_keys(struct loader *loader)
{
    const struct behaviour *behaviour = loader->behaviour;
    size_t keys = 0;
    for (size_t i = 0; i < behaviour->signal_count; i++) {
        const struct signal *signal = &behaviour->signals[i];
        keys += signal->kind == SIGNAL_CROWD   ? WD_CROWD_BUCKETS
                : signal->per == SUBJECT_FIELD ? FEEDINGS_OF_A_SIGNAL
                                               : 0;
    }
    if (keys <= SIGNAL_KEYS_MAX)
        return true;
    wd_diagnose(loader->reporter.findings, WD_ERROR, "too-many-keys", loader->sources[0].path, 1, 1,
                "these sets have too many different 'coordinated' conditions and 'per' a field: at most %d of both "
                "together",
                SIGNAL_KEYS_MAX / WD_CROWD_BUCKETS);
    return false;
}

static void count_feedings(struct behaviour *behaviour)
{
    for (size_t i = 0; i < behaviour->signal_count; i++) {
        enum subject per = behaviour->signals[i].per;
        behaviour->feedings_most += per == SUBJECT_HOST || per == SUBJECT_FIELD ? FEEDINGS_OF_A_SIGNAL : 1;
    }
}

/* ---- questions ---- */

static void put_question(FILE *out, const struct behaviour *behaviour, const struct leaf *leaf)
{
    if (wd_behaviour_leaf_of(leaf) == LEAF_FIRST_CONTENT) {
        fprintf(out, "first_content %d", ((const struct first_content_params *)leaf->params)->yes);
    } else if (wd_behaviour_leaf_of(leaf) == LEAF_STRIKES) {
        const struct strikes_params *params = leaf->params;
        fprintf(out, "strikes %s within=%lld %lld..%lld", behaviour->ladders[params->ladder].name,
                (long long)params->within_ms, (long long)params->bounds->low, (long long)params->bounds->high);
    } else if (wd_behaviour_leaf_of(leaf) == LEAF_SCORE) {
        const struct score_params *params = leaf->params;
        fputs("score", out);
        for (size_t i = 0; i < params->count; i++)
            fprintf(out, " %s %d%.9g..%.9g%d", behaviour->scores[params->bounds[i].score].name,
                    params->bounds[i].low_excluded, params->bounds[i].low, params->bounds[i].high,
                    params->bounds[i].high_excluded);
    }
}

static uint32_t question_cell(struct loader *loader, const struct leaf *leaf)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out)
        put_question(out, loader->behaviour, leaf);
    bool failed = !out || fclose(out) != 0;
    uint32_t cell = failed ? 0 : wd_cell_id(text);
    loader->out_of_memory |= failed;
    free(text);
    return cell;
}

static bool intern_questions(struct loader *loader)
{
    struct behaviour *behaviour = loader->behaviour;
    behaviour->level_cell = wd_cell_id("level of trust");
    behaviour->report_cell = wd_cell_id("report");
    behaviour->questions = wd_loader_alloc(loader, behaviour->leaf_count + 1, sizeof(*behaviour->questions));
    behaviour->question_of_leaf = wd_loader_alloc(loader, behaviour->leaf_count + 1, sizeof(uint32_t));
    for (size_t i = 0; i < behaviour->leaf_count && !loader->out_of_memory; i++) {
        enum behaviour_leaf kind = wd_behaviour_leaf_of(behaviour->leaves[i]);
        if (kind == LEAF_SIGNAL || kind == LEAF_TRUST)
            continue;
        uint32_t cell = question_cell(loader, behaviour->leaves[i]);
        size_t known = 0;
        while (known < behaviour->question_count && behaviour->questions[known] != cell)
            known++;
        if (known == behaviour->question_count)
            behaviour->questions[behaviour->question_count++] = cell;
        behaviour->question_of_leaf[i] = (uint32_t)known;
    }
    return !loader->out_of_memory;
}

/* ---- what is used at all ---- */

static void note_uses(struct loader *loader)
{
    struct behaviour *behaviour = loader->behaviour;
    for (size_t i = 0; i < loader->set->rule_count; i++) {
        const struct rule *rule = &loader->set->rules[i];
        for (size_t j = 0; j < rule->point_count && rule->live; j++)
            if (rule->point_scores[j] >= 0)
                behaviour->scores[rule->point_scores[j]].used = true;
        for (size_t j = 0; j < rule->strike_count && rule->live; j++)
            behaviour->ladders[rule->strikes[j].ladder].used = true;
    }
    for (size_t i = 0; i < behaviour->score_count; i++) {
        behaviour->has_reports |= behaviour->scores[i].reports.glob_count > 0;
        behaviour->scores[i].used |= behaviour->scores[i].reports.glob_count > 0;
    }
    for (size_t i = 0; i < behaviour->leaf_count; i++) {
        enum behaviour_leaf kind = wd_behaviour_leaf_of(behaviour->leaves[i]);
        behaviour->asks_profile |= kind == LEAF_TRUST || kind == LEAF_FIRST_CONTENT;
    }
    behaviour->asks_profile |= behaviour->level_count && behaviour->leaf_count;
}

static bool is_needed(const struct behaviour *behaviour)
{
    bool needed = behaviour->leaf_count > 0;
    for (size_t i = 0; i < behaviour->score_count; i++)
        needed |= behaviour->scores[i].used;
    for (size_t i = 0; i < behaviour->ladder_count; i++)
        needed |= behaviour->ladders[i].used;
    return needed;
}

static void forget_behaviour_nodes(struct behaviour *behaviour)
{
    for (size_t i = 0; i < behaviour->leaf_count; i++)
        ((struct leaf *)behaviour->leaves[i])->node = NULL; /* they go with the documents */
    for (size_t i = 0; i < behaviour->score_count; i++)
        behaviour->scores[i].node = NULL;
    for (size_t i = 0; i < behaviour->ladder_count; i++)
        behaviour->ladders[i].node = NULL;
}

void wd_finish_behaviour(struct loader *loader)
{
    forget_behaviour_nodes(loader->behaviour);
}

bool wd_compile_behaviour(struct loader *loader)
{
    if (!gather_leaves(loader) || !intern_signals(loader) || !check_keys(loader) || !intern_questions(loader) ||
        !wd_find_triggers(loader))
        return false;
    count_feedings(loader->behaviour);
    note_uses(loader);
    loader->set->behaviour = is_needed(loader->behaviour) ? loader->behaviour : NULL;
    return true;
}
