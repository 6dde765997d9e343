/* The tally as one JSON object. Neighbours: report_table.c and report_html.c print it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "worker/replay/replay.h"

enum { AUTHORS_SHOWN = 20, DAY_MS = 24 * 60 * 60 * 1000, LEAST_SPAN_MS = 60 * 1000 };

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* Four digits behind the point are enough for a share, and the same on every machine. */
static json_t *share(uint64_t part, uint64_t whole)
{
    return whole ? json_real(round((double)part / (double)whole * 10000) / 10000) : json_null();
}

static json_t *time_json(int64_t at_ms)
{
    char words[40];
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(words, sizeof(words), "%Y-%m-%dT%H:%M:%SZ", &parts))
        return json_null();
    return json_string(words);
}

static int64_t span_ms(const struct tally *tally)
{
    return tally->timeline.width_ms ? tally->timeline.last_ms - tally->timeline.first_ms : 0;
}

/* Null where the events say too little about time. */
static json_t *per_day(const struct tally *tally, uint64_t count)
{
    int64_t span = span_ms(tally);
    if (span < LEAST_SPAN_MS)
        return json_null();
    return json_real(round((double)count * DAY_MS / (double)span * 10) / 10);
}

static json_t *period_json(const struct tally *tally)
{
    if (!tally->timeline.width_ms)
        return json_null();
    return json_pack("{s:o, s:o, s:f}", "from", time_json(tally->timeline.first_ms), "to",
                     time_json(tally->timeline.last_ms), "days",
                     round((double)span_ms(tally) / DAY_MS * 10000) / 10000);
}

static json_t *inputs_json(const struct source *source)
{
    json_t *inputs = json_array();
    const char *name;
    for (uint32_t i = 0; (name = source_input_name(source, i)); i++) {
        json_t *json = json_string(name);
        json_array_append_new(inputs, json ? json : json_string("a name that is not UTF-8"));
    }
    return inputs;
}

static json_t *failures_json(const struct tally *tally, const struct source *source)
{
    json_t *first = json_array();
    for (size_t i = 0; i < tally->failure_sample_count; i++) {
        const struct failure_sample *failure = &tally->failure_samples[i];
        char place[1024];
        source_place(source, failure->input, failure->position, place, sizeof(place));
        json_t *text = json_string(failure->text);
        json_array_append_new(first, json_pack("{s:s, s:s, s:o}", "place", place, "reason", failure->reason, "text",
                                               text ? text : json_string("")));
    }
    return json_pack("{s:o, s:o}", "count", number(tally->failures), "first", first);
}

/* ---- sets ---- */

/* "org.example.spam 1.4.0", each once; rules of one set stand together. */
static json_t *set_names(const struct wd_ruleset *set)
{
    json_t *names = json_array();
    const char *last = NULL;
    for (uint32_t i = 0; i < wd_ruleset_rule_count(set); i++) {
        const struct wd_rule_info *rule = wd_ruleset_rule(set, i);
        if (rule->set_id == last)
            continue;
        last = rule->set_id;
        json_array_append_new(names, json_sprintf("%s %s", rule->set_id, rule->set_version));
    }
    return names;
}

static json_t *ruleset_json(const struct wd_ruleset *set)
{
    if (!set)
        return json_null();
    return json_pack("{s:s, s:o, s:o}", "digest", wd_ruleset_digest(set), "rules", number(wd_ruleset_rule_count(set)),
                     "sets", set_names(set));
}

static json_t *outcome_json(const struct set_tally *set)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "matched", number(set->events_matched), "acted",
                     number(set->events_acted), "shadow_acted", number(set->events_shadow_acted), "exempt",
                     number(set->exempt), "undecided", number(set->undecided));
}

static json_t *actions_json(const struct tally *tally, bool compares)
{
    json_t *actions = json_array();
    for (int kind = 0; kind < WD_ACTION_KIND_COUNT; kind++) {
        for (int scope = 0; scope < WD_SCOPE_COUNT; scope++) {
            uint64_t now = tally->now.actions[kind][scope], shadow = tally->now.shadow_actions[kind][scope];
            uint64_t before = tally->before.actions[kind][scope];
            uint64_t before_shadow = tally->before.shadow_actions[kind][scope];
            if (!now && !shadow && !before && !before_shadow)
                continue;
            json_t *action =
                json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "action", wd_action_kind_name((enum wd_action_kind)kind),
                          "scope", wd_scope_name((enum wd_scope)scope), "count", number(now), "shadow", number(shadow),
                          "per_day", per_day(tally, now), "shadow_per_day", per_day(tally, shadow));
            if (compares) {
                json_object_set_new(action, "before", number(before));
                json_object_set_new(action, "before_shadow", number(before_shadow));
            }
            json_array_append_new(actions, action);
        }
    }
    return actions;
}

static json_t *changes_json(const uint64_t *changes)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "same", number(changes[CHANGE_NONE]), "new", number(changes[CHANGE_NEW]),
                     "gone", number(changes[CHANGE_GONE]), "changed", number(changes[CHANGE_CHANGED]));
}

/* ---- labels ---- */

/* `hits`: events that were found, by label. */
static json_t *precision_json(const uint64_t *hits, const uint64_t *labels)
{
    uint64_t bad = hits[LABEL_BAD], ok = hits[LABEL_OK];
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "bad_found", number(bad), "bad_missed",
                     number(labels[LABEL_BAD] - bad), "ok_found", number(ok), "precision", share(bad, bad + ok),
                     "recall", share(bad, labels[LABEL_BAD]));
}

static bool has_labels(const struct tally *tally)
{
    return tally->labels[LABEL_BAD] || tally->labels[LABEL_OK];
}

static json_t *labels_json(const struct tally *tally, bool compares)
{
    if (!has_labels(tally))
        return json_null();
    json_t *labels = json_pack("{s:o, s:o, s:o, s:o, s:o}", "bad", number(tally->labels[LABEL_BAD]), "ok",
                               number(tally->labels[LABEL_OK]), "unlabelled", number(tally->labels[LABEL_NONE]),
                               "acted", precision_json(tally->now.acted_labelled, tally->labels), "matched",
                               precision_json(tally->now.matched_labelled, tally->labels));
    if (compares) {
        json_object_set_new(labels, "acted_before", precision_json(tally->before.acted_labelled, tally->labels));
        json_object_set_new(labels, "matched_before", precision_json(tally->before.matched_labelled, tally->labels));
    }
    return labels;
}

/* ---- rules ---- */

static json_t *rule_json(const struct wd_rule_info *rule, const char *state)
{
    return json_pack("{s:s, s:s?, s:s?, s:s, s:s?, s:s?, s:s}", "id", rule->id, "title", rule->title, "severity",
                     rule->severity, "mode", wd_mode_name(rule->mode), "set", rule->set_id, "version",
                     rule->set_version, "state", state);
}

static void add_counts(json_t *json, const struct rule_tally *rule)
{
    json_object_set_new(json, "matched", number(rule->matched));
    json_object_set_new(json, "enforced", number(rule->enforced));
    json_object_set_new(json, "shadow", number(rule->shadow));
    json_object_set_new(json, "undecided", number(rule->undecided));
}

/* From id to index. */
static json_t *index_rules(const struct wd_ruleset *set)
{
    json_t *index = json_object();
    for (uint32_t i = 0; set && i < wd_ruleset_rule_count(set); i++)
        json_object_set_new(index, wd_ruleset_rule(set, i)->id, json_integer(i));
    return index;
}

/* `known`: the rules of the other set. */
static json_t *present_rule_json(const struct replay_options *options, const struct tally *tally, uint32_t index,
                                 const json_t *known)
{
    const struct wd_rule_info *rule = wd_ruleset_rule(options->rules, index);
    const struct rule_tally *counts = &tally->now.rules[index];
    const json_t *place = json_object_get(known, rule->id);
    bool is_known = place != NULL;
    size_t other = (size_t)json_integer_value(place);
    json_t *json = rule_json(rule, !options->against || is_known ? "present" : "added");
    add_counts(json, counts);
    if (options->against) {
        json_object_set_new(json, "matched_before", number(is_known ? tally->before.rules[other].matched : 0));
        json_object_set_new(json, "gained", number(counts->gained));
        json_object_set_new(json, "lost", number(is_known ? tally->before.rules[other].lost : 0));
    }
    if (has_labels(tally))
        json_object_set_new(json, "labels", precision_json(counts->matched_labelled, tally->labels));
    return json;
}

static json_t *removed_rule_json(const struct wd_rule_info *rule, const struct rule_tally *before)
{
    static const struct rule_tally NONE;
    json_t *json = rule_json(rule, "removed");
    add_counts(json, &NONE);
    json_object_set_new(json, "matched_before", number(before->matched));
    json_object_set_new(json, "gained", number(0));
    json_object_set_new(json, "lost", number(before->lost));
    return json;
}

static json_t *rules_json(const struct replay_options *options, const struct tally *tally)
{
    json_t *rules = json_array(), *now = index_rules(options->rules), *before = index_rules(options->against);
    for (uint32_t i = 0; i < tally->now.rule_count; i++)
        json_array_append_new(rules, present_rule_json(options, tally, i, before));
    for (uint32_t i = 0; i < tally->before.rule_count; i++) {
        const struct wd_rule_info *rule = wd_ruleset_rule(options->against, i);
        if (!json_object_get(now, rule->id))
            json_array_append_new(rules, removed_rule_json(rule, &tally->before.rules[i]));
    }
    json_decref(now);
    json_decref(before);
    return rules;
}

/* ---- authors, time, samples ---- */

static json_t *authors_json(const struct tally *tally, bool compares)
{
    struct author_row rows[AUTHORS_SHOWN];
    size_t count = authors_top(tally->authors, rows, AUTHORS_SHOWN);
    json_t *top = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct author_counts *counts = &rows[i].counts;
        json_t *row = json_pack("{s:s%, s:o, s:o}", "author", rows[i].id.data, rows[i].id.len, "acted",
                                number(counts->acted), "matched", number(counts->matched));
        if (row && compares)
            json_object_set_new(row, "acted_before", number(counts->acted_before));
        if (row)
            json_array_append_new(top, row);
    }
    return json_pack("{s:o, s:o}", "count", number(authors_count(tally->authors)), "top", top);
}

static json_t *timeline_json(const struct tally *tally, bool compares)
{
    json_t *buckets = json_array();
    for (uint64_t i = 0; i < timeline_count(&tally->timeline); i++) {
        int64_t start_ms;
        const uint64_t *counts = timeline_bucket(&tally->timeline, i, &start_ms);
        json_t *bucket = json_pack("{s:o, s:o, s:o}", "start", time_json(start_ms), "events",
                                   number(counts[TIMELINE_EVENTS]), "acted", number(counts[TIMELINE_ACTED]));
        if (compares)
            json_object_set_new(bucket, "acted_before", number(counts[TIMELINE_ACTED_BEFORE]));
        json_array_append_new(buckets, bucket);
    }
    return json_pack("{s:I, s:o}", "width_s", (json_int_t)(tally->timeline.width_ms / 1000), "buckets", buckets);
}

static json_t *draw_json(const struct sample_draw *draw)
{
    json_t *samples = json_array();
    for (size_t i = 0; i < draw->count; i++)
        json_array_append(samples, draw->items[i].json);
    return samples;
}

static json_t *samples_json(const struct replay_options *options, struct tally *tally)
{
    static const char *const NAMES[DRAW_COUNT] = {
        [DRAW_NEW] = "new",
        [DRAW_GONE] = "gone",
        [DRAW_CHANGED] = "changed",
        [DRAW_ACTED_OK] = "acted_on_ok",
        [DRAW_MISSED_BAD] = "missed_bad",
    };
    json_t *samples = json_object(), *rules = json_object();
    for (uint32_t i = 0; i < tally->now.rule_count; i++)
        if (tally->draws[i].count)
            json_object_set_new(rules, wd_ruleset_rule(options->rules, i)->id, draw_json(&tally->draws[i]));
    for (size_t i = 0; i < DRAW_COUNT; i++)
        json_object_set_new(samples, NAMES[i], draw_json(tally_draw(tally, i)));
    json_object_set_new(samples, "rules", rules);
    return samples;
}

json_t *replay_report(const struct replay_options *options, struct tally *tally)
{
    bool compares = options->against != NULL;
    json_t *report = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "ruleset", ruleset_json(options->rules),
                               "against", ruleset_json(options->against), "inputs", inputs_json(options->source),
                               "records", number(tally->records), "tombstones", number(tally->tombstones), "unreadable",
                               failures_json(tally, options->source), "events", number(tally->events), "repaired",
                               number(tally->repaired), "unwanted", number(tally->unwanted));
    if (!report)
        return NULL;
    json_object_set_new(report, "period", period_json(tally));
    json_object_set_new(report, "outcome", outcome_json(&tally->now));
    if (compares) {
        json_object_set_new(report, "outcome_before", outcome_json(&tally->before));
        json_object_set_new(report, "changes", changes_json(tally->changes));
        json_object_set_new(report, "shadow_changes", changes_json(tally->shadow_changes));
    }
    json_object_set_new(report, "actions", actions_json(tally, compares));
    json_object_set_new(report, "labels", labels_json(tally, compares));
    json_object_set_new(report, "rules", rules_json(options, tally));
    json_object_set_new(report, "authors", authors_json(tally, compares));
    json_object_set_new(report, "timeline", timeline_json(tally, compares));
    json_object_set_new(report, "samples", samples_json(options, tally));
    return report;
}
