/* Judging with what is remembered: opens the values of an event, lets it feed its signals, answers conditions, and puts
 * everything back where something fails. What always holds: on an error no value has changed; a repeated event changes
 * none. Neighbours: remember.h; scanner.c calls back between its steps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "filters/remember.h"

/* ---- copies, in case that something fails ---- */

struct kept_value {
    uint32_t len;
    bool changed;
    int64_t forget_at_ms;
};

static size_t rounded(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

/* One piece: the heads of all values, then their bytes. Kept from event to event. */
static bool keep_values(struct wd_scanner *scanner, struct wd_value *const *values, size_t count)
{
    size_t bytes = rounded(count * sizeof(struct kept_value));
    for (size_t i = 0; i < count; i++)
        bytes += rounded(values[i]->len);
    if (bytes > scanner->kept_room) {
        unsigned char *grown = realloc(scanner->kept, 2 * bytes);
        if (!grown)
            return false;
        scanner->kept = grown;
        scanner->kept_room = 2 * bytes;
    }
    struct kept_value *heads = (void *)scanner->kept;
    unsigned char *at = scanner->kept + rounded(count * sizeof(*heads));
    for (size_t i = 0; i < count; i++) {
        heads[i] = (struct kept_value){values[i]->len, values[i]->changed, values[i]->forget_at_ms};
        if (values[i]->len)
            memcpy(at, values[i]->bytes, values[i]->len);
        at += rounded(values[i]->len);
        values[i]->changed = false;
    }
    return true;
}

static void put_back(const struct wd_scanner *scanner, struct wd_value *const *values, size_t count)
{
    const struct kept_value *heads = (const void *)scanner->kept;
    const unsigned char *at = scanner->kept + rounded(count * sizeof(*heads));
    for (size_t i = 0; i < count; i++) {
        if (heads[i].len)
            memcpy(values[i]->bytes, at, heads[i].len);
        at += rounded(heads[i].len);
        values[i]->len = heads[i].len;
        values[i]->changed = heads[i].changed;
        values[i]->forget_at_ms = heads[i].forget_at_ms;
    }
}

/* ---- the author ---- */

struct wd_session *wd_author_session(struct remembering *remembering)
{
    int author = remembering->prepared->author;
    return author < 0 ? NULL : &remembering->sessions[author];
}

static int64_t age_of(const struct remembering *remembering, int64_t now_ms)
{
    const struct wd_author *author = &remembering->event->author;
    if (author->is_known && author->age_days >= 0)
        return (int64_t)(author->age_days * 86400000.0);
    int64_t since_ms = author->created_at_ms > 0 ? author->created_at_ms : remembering->profile.first_seen_ms;
    return since_ms > 0 ? now_ms - since_ms : 0;
}

static uint32_t present_level(const struct remembering *remembering, const struct wd_session *session)
{
    const struct behaviour *behaviour = remembering->behaviour;
    const struct wd_profile *profile = &remembering->profile;
    int64_t age_ms = age_of(remembering, session->now_ms);
    int64_t clean_ms = profile->first_seen_ms ? session->now_ms - profile->clean_since_ms : 0;
    uint32_t contents = profile->contents, level = 0;
    if (session->repeated && remembering->traits & TRAIT_NEW_CONTENT && contents)
        contents--;                         /* the event itself */
    clean_ms = clean_ms < 0 ? 0 : clean_ms; /* a later match than the event */
    for (; level < behaviour->level_count; level++) {
        const struct trust_level *wanted = &behaviour->levels[level];
        if (age_ms >= wanted->min_age_ms && clean_ms >= wanted->clean_for_ms && contents >= wanted->min_contents)
            break;
    }
    return level;
}

static void read_author(struct remembering *remembering)
{
    struct wd_session *session = wd_author_session(remembering);
    double level = 0;
    remembering->level = (uint32_t)remembering->behaviour->level_count;
    if (!session || !remembering->behaviour->asks_profile)
        return;
    remembering->profile = wd_profile_read(session);
    enum wd_answer_known known = wd_remembered_answer(session, remembering->behaviour->level_cell, &level);
    if (known == WD_ANSWER_UNKNOWN)
        remembering->level = present_level(remembering, session);
    else if (known == WD_ANSWER_FOUND && (uint32_t)level < remembering->level)
        remembering->level = (uint32_t)level;
}

/* ---- signals ---- */

static size_t items_of(struct remembering *remembering, struct evaluation *evaluation, const struct signal *signal,
                       uint64_t items[static ITEMS_MAX])
{
    const struct wd_event *event = remembering->event;
    struct wd_str texts[VALUES_MAX], place;
    size_t count = 0;
    switch (signal->thing) {
    case THING_MENTIONS:
        for (; count < event->mention_count && count < ITEMS_MAX; count++)
            items[count] = wd_item_hash(event->mentions[count]);
        return count;
    case THING_AUTHORS:
        items[0] = wd_item_hash(event->author.id);
        return event->author.id.len ? 1 : 0;
    case THING_PLACES:
        place = wd_place_text(remembering->arena, event);
        items[0] = wd_item_hash(place);
        return place.len ? 1 : 0;
    case THING_LINKS:
        memcpy(items, remembering->prepared->links, remembering->prepared->link_count * sizeof(*items));
        return remembering->prepared->link_count;
    default:
        count = wd_field_values(signal->field, evaluation, texts, VALUES_MAX);
        for (size_t i = 0; i < count; i++)
            items[i] = wd_item_hash(texts[i]);
        return count;
    }
}

static bool take_window(struct remembering *remembering, struct evaluation *evaluation, const struct feeding *feeding,
                        double limit, double *amount_out)
{
    const struct signal *signal = &remembering->behaviour->signals[feeding->signal];
    struct wd_session *session = &remembering->sessions[feeding->keys[0]];
    uint64_t items[ITEMS_MAX];
    double sum = 0;
    size_t count = 0;
    if (signal->window.kind == WD_WINDOW_DISTINCT)
        count = items_of(remembering, evaluation, signal, items);
    else if (signal->window.kind == WD_WINDOW_SUM && (!wd_field_number(signal->field, evaluation, &sum) || sum < 0))
        sum = 0;
    return wd_window_take(session, &signal->window, items, count, sum, limit, amount_out);
}

static bool take_similar(struct remembering *remembering, const struct feeding *feeding, double limit,
                         double *amount_out)
{
    struct wd_similar similar = remembering->behaviour->signals[feeding->signal].similar;
    uint32_t count = 0;
    similar.more_than = (uint32_t)limit;
    bool above = wd_similar_take(&remembering->sessions[feeding->keys[0]], &similar, feeding->fingerprint,
                                 remembering->content, remembering->traits & TRAIT_EDIT, &count);
    *amount_out = count;
    return above;
}

static bool take_crowd(struct remembering *remembering, const struct feeding *feeding, double limit, double *amount_out)
{
    struct wd_crowd crowd = remembering->behaviour->signals[feeding->signal].crowd;
    struct wd_session *buckets[WD_CROWD_BUCKETS];
    uint32_t authors = 0;
    crowd.authors = (uint32_t)limit + 1;
    for (size_t i = 0; i < WD_CROWD_BUCKETS; i++)
        buckets[i] = &remembering->sessions[feeding->keys[i]];
    bool above = wd_crowd_take(buckets, &crowd, feeding->fingerprint, remembering->author, &authors);
    *amount_out = authors;
    return above;
}

static void take(struct remembering *remembering, struct evaluation *evaluation, const struct feeding *feeding)
{
    const struct behaviour *behaviour = remembering->behaviour;
    struct signal_answer *answer = &remembering->scanner->memory->answers[feeding->signal];
    double limit = behaviour->least_limits[feeding->signal * (behaviour->level_count + 1) + remembering->level];
    double amount = 0;
    bool above = false;
    switch (behaviour->signals[feeding->signal].kind) {
    case SIGNAL_WINDOW:
        above = take_window(remembering, evaluation, feeding, limit, &amount);
        break;
    case SIGNAL_SIMILAR:
        above = take_similar(remembering, feeding, limit, &amount);
        break;
    case SIGNAL_CROWD:
        above = take_crowd(remembering, feeding, limit, &amount);
        break;
    }
    if (answer->generation != evaluation->generation)
        *answer = (struct signal_answer){.generation = evaluation->generation};
    answer->is_above |= above;
    if (amount > answer->amount)
        answer->amount = amount;
    remembering->is_level_asked |= behaviour->signals[feeding->signal].is_by_level;
}

bool wd_remember_signals(struct remembering *remembering, struct evaluation *evaluation)
{
    read_author(remembering);
    for (size_t i = 0; i < remembering->prepared->feeding_count; i++)
        take(remembering, evaluation, &remembering->prepared->feedings[i]);
    return !remembering->out_of_memory && !evaluation->out_of_memory;
}

/* ---- conditions ---- */

static bool is_in_bounds(const struct score_bound *bound, double score)
{
    bool low = bound->low_excluded ? score > bound->low : score >= bound->low;
    return low && (bound->high_excluded ? score < bound->high : score <= bound->high);
}

static bool scores_are(const struct remembering *remembering, struct wd_session *session, const struct leaf *leaf)
{
    const struct score_params *params = leaf->params;
    for (size_t i = 0; i < params->count; i++)
        if (!is_in_bounds(&params->bounds[i],
                          wd_score_read(session, &remembering->behaviour->score_cells[params->bounds[i].score])))
            return false;
    return true;
}

static bool is_first(const struct remembering *remembering, const struct first_content_params *params)
{
    bool is_new = remembering->traits & TRAIT_NEW_CONTENT;
    return is_new && (remembering->profile.contents == 0) == params->yes;
}

static bool present_answer(const struct remembering *remembering, struct wd_session *session, const struct leaf *leaf)
{
    if (wd_behaviour_leaf_of(leaf) == LEAF_FIRST_CONTENT)
        return is_first(remembering, leaf->params);
    if (wd_behaviour_leaf_of(leaf) == LEAF_SCORE)
        return scores_are(remembering, session, leaf);
    const struct strikes_params *params = leaf->params;
    const struct wd_ladder *ladder = &remembering->behaviour->ladder_cells[params->ladder];
    return wd_within(params->bounds, wd_strikes_read(session, ladder, params->within_ms));
}

/* Of what was so before the event: a repeated event gets the answer that it got. */
static bool answer_question(struct remembering *remembering, const struct leaf *leaf)
{
    struct wd_session *session = wd_author_session(remembering);
    uint32_t index = remembering->behaviour->question_of_leaf[leaf->index];
    struct signal_answer *answer = &remembering->scanner->memory->questions[index];
    double ignored;
    if (!session)
        return false;
    if (answer->generation == remembering->scanner->memory->generation)
        return answer->is_above;
    uint32_t cell = remembering->behaviour->questions[index];
    enum wd_answer_known known = wd_remembered_answer(session, cell, &ignored);
    bool yes = known == WD_ANSWER_UNKNOWN ? present_answer(remembering, session, leaf) : known == WD_ANSWER_FOUND;
    if (yes)
        wd_remember_answer(session, cell, 1);
    *answer = (struct signal_answer){.generation = remembering->scanner->memory->generation, .is_above = yes};
    return yes;
}

static bool answer_signal(const struct remembering *remembering, const struct signal_params *params)
{
    const struct signal_answer *answer = &remembering->scanner->memory->answers[params->signal];
    return answer->generation == remembering->scanner->memory->generation && answer->is_above &&
           answer->amount > params->limits[remembering->level];
}

bool wd_answer_behaviour(struct remembering *remembering, const struct leaf *leaf)
{
    switch (wd_behaviour_leaf_of(leaf)) {
    case LEAF_SIGNAL:
        return answer_signal(remembering, leaf->params);
    case LEAF_TRUST:
        remembering->is_level_asked = true;
        return wd_author_session(remembering) &&
               ((const struct trust_params *)leaf->params)->levels >> remembering->level & 1;
    default:
        return answer_question(remembering, leaf);
    }
}

/* ---- the door ---- */

static void open_sessions(struct remembering *remembering, const struct wd_origin *origin, int64_t now_ms,
                          struct wd_value *const *values)
{
    for (size_t i = 0; i < remembering->session_count; i++)
        wd_session_open(&remembering->sessions[i], values[i], *origin, now_ms);
}

static bool close_sessions(struct remembering *remembering)
{
    bool fine = true;
    for (size_t i = 0; i < remembering->session_count; i++)
        fine = wd_session_close(&remembering->sessions[i]) && fine;
    return fine;
}

/* An event is repeated where some value had seen it and none is new to it. */
static bool is_repeated(const struct remembering *remembering)
{
    bool some = false;
    for (size_t i = 0; i < remembering->session_count; i++) {
        if (remembering->sessions[i].value->changed)
            return false;
        some |= remembering->sessions[i].repeated;
    }
    return some;
}

static void note_changes(const struct wd_scanner *scanner, struct wd_value *const *values, size_t count)
{
    const struct kept_value *heads = (const void *)scanner->kept;
    for (size_t i = 0; i < count; i++)
        values[i]->changed |= heads[i].changed;
}

static enum wd_status scan(struct remembering *remembering, const struct wd_ruleset *set, int64_t now_ms,
                           const struct wd_origin *origin, struct wd_value *const *values,
                           struct wd_verdict *verdict_out, struct wd_error *err)
{
    struct wd_scanner *scanner = remembering->scanner;
    size_t count = remembering->session_count;
    if (!keep_values(scanner, values, count))
        return wd_fail(err, WD_ERR_MEMORY, "no memory to copy the values of an event");
    open_sessions(remembering, origin, now_ms, values);
    enum wd_status status =
        wd_scan_with(scanner, set, remembering->arena, remembering->event, now_ms, remembering, verdict_out, err);
    if (status == WD_OK && !close_sessions(remembering))
        status = wd_fail(err, WD_ERR_MEMORY, "no memory for what is remembered of an event");
    if (status != WD_OK) {
        put_back(scanner, values, count);
        return status;
    }
    verdict_out->repeated = is_repeated(remembering);
    note_changes(scanner, values, count);
    return WD_OK;
}

static void begin(struct remembering *remembering, struct wd_scanner *scanner, const struct wd_ruleset *set,
                  struct wd_arena *arena, const struct wd_event *event, const struct prepared *prepared)
{
    remembering->scanner = scanner; /* field by field: the sessions are filled when they are opened */
    remembering->behaviour = set->behaviour;
    remembering->prepared = prepared;
    remembering->event = event;
    remembering->arena = arena;
    remembering->author = wd_item_hash(event->author.id);
    remembering->content = wd_item_hash(event->content_id);
    remembering->traits = prepared->traits;
    remembering->session_count = prepared->key_count;
    remembering->profile = (struct wd_profile){0};
    remembering->level = (uint32_t)set->behaviour->level_count;
    remembering->is_level_asked = remembering->out_of_memory = false;
    remembering->due = NULL;
    remembering->due_end = &remembering->due;
}

enum wd_status wd_scan_remembering(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                   const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                   const struct wd_recall *recall, struct wd_value *const *values,
                                   struct wd_verdict *verdict_out, struct wd_error *err)
{
    const struct prepared *prepared = recall->prepared;
    if (!set->behaviour || !prepared || (!values && recall->count)) {
        enum wd_status status = wd_scan(scanner, set, arena, event, now_ms, verdict_out, err);
        verdict_out->without_state = set->behaviour && !values;
        return status;
    }
    if (prepared->serial != set->serial)
        return wd_fail(err, WD_ERR_INVALID, "the values were recalled for another rule set");
    struct remembering remembering;
    begin(&remembering, scanner, set, arena, event, prepared);
    return scan(&remembering, set, now_ms, origin, values, verdict_out, err);
}

enum wd_status wd_explain_remembering(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                      const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                      const struct wd_recall *recall, struct wd_value *const *values, uint32_t rule,
                                      struct wd_explanation *explanation_out, struct wd_error *err)
{
    if (!set->behaviour || !recall->prepared)
        return wd_explain(scanner, set, arena, event, now_ms, rule, explanation_out, err);
    struct remembering remembering;
    begin(&remembering, scanner, set, arena, event, recall->prepared);
    if (!keep_values(scanner, values, recall->count))
        return wd_fail(err, WD_ERR_MEMORY, "no memory to copy the values of an event");
    open_sessions(&remembering, origin, now_ms, values);
    enum wd_status status =
        wd_explain_with(scanner, set, arena, event, now_ms, &remembering, rule, explanation_out, err);
    put_back(scanner, values, recall->count);
    return status;
}
