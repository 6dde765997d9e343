/* Decodes a record, has it judged by one rule set or by two, and counts. No time budget: what a rule says must not
 * depend on how busy the machine is. Neighbours: run.c has one of these for each thread. */
#include <stdlib.h>
#include <string.h>

#include "worker/replay/capture.h"
#include "worker/replay/judge.h"

enum { ARENA_MAX = 256 << 20, PLACE_MAX = 1024 };

bool replay_judge_init(struct replay_judge *judge, const struct replay_options *options, const int64_t *counterparts)
{
    const struct wd_scanner_options scanner = {.stage = WD_STAGE_WORKER};
    *judge = (struct replay_judge){
        .options = options,
        .decoder = wd_decoder_new(SOURCE_RECORD_MAX),
        .scanner = wd_scanner_new(&scanner),
        .scanner_before = wd_scanner_new(&scanner),
        .arena = wd_arena_new(ARENA_MAX),
        .values = wd_value_table_new(),
        .values_before = wd_value_table_new(),
        .counterparts = counterparts,
    };
    size_t before = options->against ? wd_ruleset_rule_count(options->against) : 0;
    judge->hits_before = calloc(before + 1, sizeof(*judge->hits_before));
    judge->hits_now = calloc(before + 1, sizeof(*judge->hits_now));
    bool fine = tally_init(&judge->tally, options->rules, options->against, options->samples);
    return fine && judge->decoder && judge->scanner && judge->scanner_before && judge->arena && judge->values &&
           judge->values_before && judge->hits_before && judge->hits_now;
}

void replay_judge_fini(struct replay_judge *judge)
{
    tally_fini(&judge->tally);
    wd_decoder_free(judge->decoder);
    wd_scanner_free(judge->scanner);
    wd_scanner_free(judge->scanner_before);
    wd_arena_free(judge->arena);
    wd_value_table_free(judge->values);
    wd_value_table_free(judge->values_before);
    free(judge->hits_before);
    free(judge->hits_now);
    *judge = (struct replay_judge){0};
}

/* ---- the record ---- */

struct record {
    struct wd_str bytes;
    int64_t timestamp_ms;
    enum replay_label label;
    bool is_null;
};

static struct wd_str member(struct replay_judge *judge, struct wd_str json, const char *name)
{
    return wd_decode_path(judge->decoder, judge->arena, json, wd_str_from(name));
}

static bool mentions(struct wd_str text, const char *word)
{
    return memmem(text.data, text.len, word, strlen(word)) != NULL;
}

/* `kcat -J` puts a record into an object whose first member is one of these, and the value into "payload". */
static bool is_envelope(struct wd_str line)
{
    static const char *const FIRST[] = {"{\"topic\":",  "{\"partition\":", "{\"offset\":", "{\"tstype\":", "{\"ts\":",
                                        "{\"broker\":", "{\"headers\":",   "{\"key\":",    "{\"payload\":"};
    for (size_t i = 0; i < sizeof(FIRST) / sizeof(FIRST[0]); i++)
        if (wd_str_starts_with(line, FIRST[i]))
            return mentions(line, "\"payload\":");
    return false;
}

static enum replay_label label_of(struct replay_judge *judge, struct wd_str json)
{
    if (!mentions(json, "\"label\""))
        return LABEL_NONE;
    struct wd_str label = member(judge, json, "label");
    return wd_str_is(label, "bad") ? LABEL_BAD : wd_str_is(label, "ok") ? LABEL_OK : LABEL_NONE;
}

static struct record open_record(struct replay_judge *judge, const struct source_block *block,
                                 const struct source_item *item)
{
    struct record record = {.bytes = {.data = block->data + item->start, .len = item->len},
                            .timestamp_ms = item->timestamp_ms,
                            .is_null = item->is_null};
    if (item->is_null)
        return record;
    record.label = label_of(judge, record.bytes);
    if (!is_envelope(record.bytes))
        return record;
    struct wd_str stamp = member(judge, record.bytes, "ts");
    record.timestamp_ms = stamp.data ? strtoll(stamp.data, NULL, 10) : 0;
    record.bytes = member(judge, record.bytes, "payload");
    record.is_null = !record.bytes.data;
    if (record.label == LABEL_NONE && !record.is_null)
        record.label = label_of(judge, record.bytes);
    return record;
}

/* ---- counting an event ---- */

/* One event, judged. */
struct judgement {
    const struct wd_event *event;
    struct wd_verdict now, before;
    const struct source_item *item;
    uint32_t object;
    enum replay_label label;
    enum replay_change change;
};

static bool has_match(const struct wd_verdict *verdict)
{
    for (size_t i = 0; i < verdict->match_count; i++)
        if (verdict->matches[i].is_match)
            return true;
    return false;
}

static void count_set(struct set_tally *set, const struct wd_verdict *verdict, enum replay_label label)
{
    bool matched = has_match(verdict);
    set->events_matched += matched;
    set->events_acted += verdict->action_count > 0;
    set->events_shadow_acted += verdict->shadow_action_count > 0;
    set->exempt += verdict->exempt && matched;
    set->matched_labelled[label] += matched;
    set->acted_labelled[label] += verdict->action_count > 0;
    for (size_t i = 0; i < verdict->action_count; i++)
        set->actions[verdict->actions[i].kind][verdict->actions[i].scope]++;
    for (size_t i = 0; i < verdict->shadow_action_count; i++)
        set->shadow_actions[verdict->shadow_actions[i].kind][verdict->shadow_actions[i].scope]++;
    bool undecided = false;
    for (size_t i = 0; i < verdict->match_count; i++) {
        const struct wd_rule_match *match = &verdict->matches[i];
        struct rule_tally *rule = &set->rules[match->rule];
        rule->undecided += match->undecided;
        undecided |= match->undecided;
        if (!match->is_match)
            continue;
        rule->matched++;
        rule->enforced += match->enforced;
        rule->shadow += !match->enforced;
        rule->matched_labelled[label]++;
    }
    set->undecided += undecided;
}

/* Rules of the same id that match in one of the sets only. */
static void count_rule_changes(struct replay_judge *judge, const struct judgement *judgement)
{
    uint64_t number = ++judge->event_number;
    const struct wd_verdict *now = &judgement->now, *before = &judgement->before;
    for (size_t i = 0; i < before->match_count; i++)
        if (before->matches[i].is_match)
            judge->hits_before[before->matches[i].rule] = number;
    for (size_t i = 0; i < now->match_count; i++) {
        if (!now->matches[i].is_match)
            continue;
        int64_t other = judge->counterparts[now->matches[i].rule];
        if (other >= 0)
            judge->hits_now[other] = number;
        if (other < 0 || judge->hits_before[other] != number)
            judge->tally.now.rules[now->matches[i].rule].gained++;
    }
    for (size_t i = 0; i < before->match_count; i++)
        if (before->matches[i].is_match && judge->hits_now[before->matches[i].rule] != number)
            judge->tally.before.rules[before->matches[i].rule].lost++;
}

static bool same_actions(const struct wd_action *a, size_t a_count, const struct wd_action *b, size_t b_count)
{
    for (size_t i = 0; a_count == b_count && i < a_count; i++)
        if (a[i].kind != b[i].kind || a[i].scope != b[i].scope || a[i].duration_ms != b[i].duration_ms ||
            !wd_str_equal(a[i].notify_target, b[i].notify_target))
            return false;
    return a_count == b_count;
}

static enum replay_change change_of(const struct wd_action *now, size_t now_count, const struct wd_action *before,
                                    size_t before_count)
{
    if (same_actions(now, now_count, before, before_count))
        return CHANGE_NONE;
    return !before_count ? CHANGE_NEW : !now_count ? CHANGE_GONE : CHANGE_CHANGED;
}

/* ---- samples ---- */

/* A mixing function that maps different numbers to different ones: no two places share a rank by it. */
static uint64_t mixed(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void draw(struct replay_judge *judge, struct sample_draw *into, const struct judgement *judgement,
                 int64_t only_rule, bool spans_before)
{
    static const char *const LABELS[LABEL_COUNT] = {NULL, "bad", "ok"};
    const struct source_item *item = judgement->item;
    uint64_t place = mixed(item->input) ^ item->position;
    uint64_t rank = mixed(mixed(place) + judgement->object);
    if (!sample_draw_wants(into, rank, place))
        return;
    char words[PLACE_MAX];
    source_place(judge->options->source, item->input, item->position, words, sizeof(words));
    const struct capture capture = {
        .place = words,
        .event = judgement->event,
        .set = spans_before ? judge->options->against : judge->options->rules,
        .verdict = spans_before ? &judgement->before : &judgement->now,
        .only_rule = only_rule,
        .label = LABELS[judgement->label],
    };
    json_t *json = capture_event(&capture);
    if (json && judge->options->against) {
        char actions[512];
        capture_actions(judgement->now.actions, judgement->now.action_count, actions, sizeof(actions));
        json_object_set_new(json, "actions", json_string(actions));
        capture_actions(judgement->before.actions, judgement->before.action_count, actions, sizeof(actions));
        json_object_set_new(json, "actions_before", json_string(actions));
    }
    if (json)
        sample_draw_add(into, rank, place, json);
}

static void draw_samples(struct replay_judge *judge, const struct judgement *judgement)
{
    struct tally *tally = &judge->tally;
    for (size_t i = 0; i < judgement->now.match_count; i++) {
        const struct wd_rule_match *match = &judgement->now.matches[i];
        if (match->is_match)
            draw(judge, &tally->draws[match->rule], judgement, match->rule, false);
    }
    if (judgement->change == CHANGE_NEW)
        draw(judge, tally_draw(tally, DRAW_NEW), judgement, -1, false);
    else if (judgement->change == CHANGE_GONE)
        draw(judge, tally_draw(tally, DRAW_GONE), judgement, -1, true);
    else if (judgement->change == CHANGE_CHANGED)
        draw(judge, tally_draw(tally, DRAW_CHANGED), judgement, -1, false);
    if (judgement->label == LABEL_OK && judgement->now.action_count)
        draw(judge, tally_draw(tally, DRAW_ACTED_OK), judgement, -1, false);
    if (judgement->label == LABEL_BAD && !judgement->now.action_count)
        draw(judge, tally_draw(tally, DRAW_MISSED_BAD), judgement, -1, false);
}

/* ---- the whole ---- */

static bool count_author(struct replay_judge *judge, const struct judgement *judgement)
{
    const struct author_counts counts = {.matched = has_match(&judgement->now),
                                         .acted = judgement->now.action_count > 0,
                                         .acted_before = judgement->before.action_count > 0};
    struct wd_str id = judgement->event->author.id;
    if (!id.len || !(counts.matched || counts.acted_before))
        return true;
    return authors_add(judge->tally.authors, id, &counts);
}

static bool count(struct replay_judge *judge, struct judgement *judgement, int64_t at_ms)
{
    struct tally *tally = &judge->tally;
    tally->labels[judgement->label]++;
    timeline_add(&tally->timeline, at_ms, TIMELINE_EVENTS, 1);
    if (judgement->now.action_count)
        timeline_add(&tally->timeline, at_ms, TIMELINE_ACTED, 1);
    if (judgement->before.action_count)
        timeline_add(&tally->timeline, at_ms, TIMELINE_ACTED_BEFORE, 1);
    count_set(&tally->now, &judgement->now, judgement->label);
    if (judge->options->against) {
        count_set(&tally->before, &judgement->before, judgement->label);
        count_rule_changes(judge, judgement);
        judgement->change = change_of(judgement->now.actions, judgement->now.action_count, judgement->before.actions,
                                      judgement->before.action_count);
        tally->changes[judgement->change]++;
        tally->shadow_changes[change_of(judgement->now.shadow_actions, judgement->now.shadow_action_count,
                                        judgement->before.shadow_actions, judgement->before.shadow_action_count)]++;
    }
    draw_samples(judge, judgement);
    return count_author(judge, judgement);
}

static enum wd_status scan(struct replay_judge *judge, bool is_before, const struct judgement *judgement, int64_t at_ms,
                           struct wd_verdict *out, struct wd_error *err)
{
    const struct wd_ruleset *set = is_before ? judge->options->against : judge->options->rules;
    struct wd_scanner *scanner = is_before ? judge->scanner_before : judge->scanner;
    const struct wd_event *event = judgement->event;
    const struct source_item *item = judgement->item;
    if (!set || !wd_ruleset_wants(set, event->name))
        return WD_OK;
    if (!wd_ruleset_remembers(set))
        return wd_scan(scanner, set, judge->arena, event, at_ms, out, err);
    struct wd_origin origin =
        wd_origin_of(wd_str_from("replay"), (int32_t)item->input, (int64_t)item->position, judgement->object);
    return wd_scan_with_table(scanner, set, judge->arena, event, at_ms, &origin,
                              is_before ? judge->values_before : judge->values, out, err);
}

/* False: no memory. */
static bool take_event(struct replay_judge *judge, struct judgement *judgement)
{
    const struct replay_options *options = judge->options;
    const struct wd_event *event = judgement->event;
    struct tally *tally = &judge->tally;
    struct wd_error err = {0};
    int64_t at_ms = wd_event_time_ms(event);
    tally->events++;
    tally->repaired += event->repaired;
    tally->unwanted += !wd_ruleset_wants(options->rules, event->name);
    enum wd_status status = scan(judge, false, judgement, at_ms, &judgement->now, &err);
    if (status == WD_OK)
        status = scan(judge, true, judgement, at_ms, &judgement->before, &err);
    if (status != WD_OK) {
        tally_add_failure(tally, judgement->item->input, judgement->item->position, wd_status_name(status), err.text);
        return status != WD_ERR_MEMORY;
    }
    return count(judge, judgement, at_ms);
}

bool replay_judge_take(struct replay_judge *judge, const struct source_block *block, const struct source_item *item)
{
    struct tally *tally = &judge->tally;
    struct wd_error err = {0};
    tally->records++;
    wd_arena_reset(judge->arena);
    if (item->too_long) {
        tally_add_failure(tally, item->input, item->position, "too_large", "the record is longer than 16 MiB");
        return true;
    }
    struct record record = open_record(judge, block, item);
    if (record.is_null) {
        tally->tombstones++;
        return true;
    }
    struct wd_events events = {0};
    enum wd_decode_outcome outcome =
        wd_decode(judge->decoder, judge->arena, record.bytes.data, record.bytes.len, &events, &err);
    if (outcome != WD_DECODED) {
        tally_add_failure(tally, item->input, item->position, wd_decode_outcome_name(outcome), err.text);
        return true;
    }
    for (size_t i = 0; i < events.count; i++) {
        events.items[i].kafka_timestamp_ms = record.timestamp_ms;
        struct judgement judgement = {
            .event = &events.items[i], .item = item, .object = (uint32_t)i, .label = record.label};
        if (!take_event(judge, &judgement))
            return false;
    }
    return true;
}
