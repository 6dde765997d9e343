/* The model: see behaviour_model.h. Nothing here is fast; everything is as the definitions are worded. */
#include "tests/unit/behaviour_model.h"

#include <math.h>
#include <string.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

const struct wd_window MODEL_WINDOWS[WINDOW_COUNT] = {
    [Q_BURST] = {.cell = 1, .kind = WD_WINDOW_COUNT, .over_ms = 10 * SECOND, .most = 4},
    [Q_HOUR] = {.cell = 2, .kind = WD_WINDOW_COUNT, .over_ms = HOUR, .most = 12},
    [Q_ITEMS] = {.cell = 3, .kind = WD_WINDOW_DISTINCT, .over_ms = 5 * MINUTE, .most = 6},
    [Q_SUM] = {.cell = 4, .kind = WD_WINDOW_SUM, .over_ms = 1500, .most = 30},
    [Q_PLACE] = {.cell = 5, .kind = WD_WINDOW_COUNT, .over_ms = 999, .most = 1e9},
    [Q_PLACE_AUTHORS] = {.cell = 6, .kind = WD_WINDOW_DISTINCT, .over_ms = DAY, .most = 2},
};
static const struct wd_band_limits BANDS[] = {
    {20.3, 15.2}, {40.3, 30.2}, {70.3, 20.2}}; /* no sum of points is one of these */
const struct wd_score_cell MODEL_SCORES[SCORE_COUNT] = {
    {.cell = 11, .half_life_ms = 20 * MINUTE, .bands = BANDS, .band_count = 3},
    {.cell = 12, .half_life_ms = 30 * HOUR, .bands = BANDS, .band_count = 2},
};
static const struct wd_ladder_step STEPS[] = {{1, 0}, {3, HOUR}, {5, DAY}, {8, 0}};
const struct wd_ladder MODEL_LADDER = {.cell = 13, .expire_ms = 2 * DAY, .steps = STEPS, .step_count = 4};
const struct wd_similar MODEL_SIMILAR = {.cell = 14, .within_ms = 10 * MINUTE, .more_than = 2, .distance = 2};
const struct wd_crowd MODEL_CROWD = {.cell = 15, .within_ms = 30 * SECOND, .authors = 3, .distance = 3};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- delivered twice ---- */

bool model_is_repeated(const struct model_value *value, const struct event *event)
{
    for (size_t i = 0; i < value->applied_count; i++) {
        struct wd_origin seen = value->applied[i].event->origin;
        if (seen.source == event->origin.source && seen.sequence >= event->origin.sequence)
            return true;
    }
    return false;
}

enum wd_answer_known model_remembered(const struct model_value *value, const struct event *event,
                                      enum question question, struct answer *answer_out)
{
    *answer_out = (struct answer){.step = -1};
    for (size_t i = 0; i < value->ring_count; i++) {
        const struct model_memory *memory = &value->ring[i];
        if (memory->origin.source != event->origin.source || memory->origin.sequence != event->origin.sequence ||
            !memory->known[question])
            continue;
        *answer_out = memory->answers[question];
        return WD_ANSWER_FOUND;
    }
    return value->dropped[event->origin.source] >= event->origin.sequence ? WD_ANSWER_UNKNOWN : WD_ANSWER_ABSENT;
}

void model_remember(struct model_value *value, const struct event *event, enum question question, struct answer answer)
{
    size_t last = value->ring_count - 1;
    if (value->ring_count == 0 || value->ring[last].origin.source != event->origin.source ||
        value->ring[last].origin.sequence != event->origin.sequence) {
        if (value->ring_count == RING_EVENTS) {
            uint64_t *dropped = &value->dropped[value->ring[0].origin.source];
            if (value->ring[0].origin.sequence > *dropped)
                *dropped = value->ring[0].origin.sequence;
            value->dropped_ms = event->at_ms;
            memmove(value->ring, value->ring + 1, (RING_EVENTS - 1) * sizeof *value->ring);
            value->ring_count--;
        }
        last = value->ring_count++;
        value->ring[last] = (struct model_memory){.origin = event->origin};
    }
    value->ring[last].known[question] = true;
    value->ring[last].answers[question] = answer;
    value->ring_ms = later(value->ring_ms, event->at_ms);
}

/* A day and the rest of a minute after `at_ms`. */
static bool is_a_day_before(int64_t at_ms, int64_t now_ms)
{
    return (at_ms / MINUTE + 24 * 60 + 1) * MINUTE <= now_ms;
}

void model_apply(struct model_value *value, const struct event *event, uint32_t cells)
{
    size_t n = value->applied_count;
    value->applied[n].event = event;
    value->applied[n].cells = cells;
    for (int q = 0; q < WINDOW_COUNT; q++) {
        int64_t newest = event->at_ms;
        for (size_t i = 0; i < n; i++)
            if (value->applied[i].cells >> q & 1)
                newest = later(newest, value->applied[i].event->at_ms);
        value->applied[n].inside[q] = event->at_ms > newest - MODEL_WINDOWS[q].over_ms;
    }
    value->applied_count++;
    value->newest_ms = later(value->newest_ms, event->at_ms);
    if (is_a_day_before(value->ring_ms, value->newest_ms))
        value->ring_count = 0, value->ring_ms = 0;
    if (is_a_day_before(value->dropped_ms, value->newest_ms))
        memset(value->dropped, 0, sizeof value->dropped);
}

/* ---- windows ---- */

/* The last millisecond of the slice that holds `at_ms`. */
static int64_t counts_at(int64_t at_ms, int64_t over_ms)
{
    int64_t slice = (over_ms + 1023) / 1024;
    return at_ms / slice * slice + slice - 1;
}

static size_t gather(uint64_t *items, size_t count, enum question question, const struct event *event)
{
    uint64_t own = (uint64_t)event->author;
    const uint64_t *more = question == Q_PLACE_AUTHORS ? &own : event->items;
    for (size_t k = 0; k < (question == Q_PLACE_AUTHORS ? 1 : event->item_count); k++) {
        size_t i = 0;
        while (i < count && items[i] != more[k])
            i++;
        if (i == count)
            items[count++] = more[k];
    }
    return count;
}

struct answer model_window(const struct model_value *value, enum question question, const struct event *event,
                           double limit, bool repeated)
{
    const struct wd_window *window = &MODEL_WINDOWS[question];
    static uint64_t items[APPLIED_MAX * ITEMS_MAX];
    size_t item_count = 0;
    double sum = 0, number = 0;
    int64_t newest = event->at_ms;
    for (size_t i = 0; i < value->applied_count; i++)
        if (value->applied[i].cells >> question & 1)
            newest = later(newest, value->applied[i].event->at_ms);
    for (size_t i = 0; i < value->applied_count; i++) {
        const struct event *other = value->applied[i].event;
        if (!(value->applied[i].cells >> question & 1) || !value->applied[i].inside[question] ||
            counts_at(other->at_ms, window->over_ms) <= newest - window->over_ms)
            continue;
        number++;
        sum += other->amount;
        item_count = gather(items, item_count, question, other);
    }
    bool inside = event->at_ms > newest - window->over_ms;
    if (inside && !repeated) {
        number++;
        sum += event->amount;
        item_count = gather(items, item_count, question, event);
    }
    double amount = window->kind == WD_WINDOW_COUNT ? number : window->kind == WD_WINDOW_SUM ? sum : (double)item_count;
    return (struct answer){.yes = inside && amount > limit, .amount = inside ? amount : 0, .step = -1};
}

/* ---- scores ---- */

static double sum_points(const struct model_value *value, int score, int64_t at_ms)
{
    double sum = 0;
    for (size_t i = 0; i < value->charge_count; i++) {
        const struct model_charge *charge = &value->charges[i];
        if (charge->target == Q_SPAM + score && charge->counts)
            sum += charge->points * exp2(-(double)(at_ms - charge->at_ms) / (double)MODEL_SCORES[score].half_life_ms);
    }
    return sum < 0.001 ? 0 : sum;
}

double model_score(const struct model_value *value, int score, const struct event *event)
{
    return sum_points(value, score, later(value->score_ms[score], event->at_ms));
}

static int level_left(const struct model_value *value, int score, double s)
{
    int level = value->score_ms[score] == 0 || s == 0 ? -1 : value->level[score];
    while (level >= 0 && s < MODEL_SCORES[score].bands[level].leave)
        level--;
    return level;
}

struct answer model_present_score(const struct model_value *value, int score, const struct event *event)
{
    double s = model_score(value, score, event);
    return (struct answer){.amount = s, .before = s, .step = level_left(value, score, s)};
}

static void charge(struct model_value *value, const struct event *event, int target, double points)
{
    value->charges[value->charge_count++] =
        (struct model_charge){event->at_ms, points, event->content, target, true, true};
    int remembered = 0; /* the last sixteen, of whatever kind */
    for (size_t i = value->charge_count; i-- > 0;)
        if (value->charges[i].remembered && ++remembered > 16)
            value->charges[i].remembered = false;
}

struct answer model_add_score(struct model_value *value, int score, const struct event *event)
{
    double points = event->points[score];
    struct answer answer = model_present_score(value, score, event);
    int before = answer.step, stored = value->score_ms[score] ? value->level[score] : -1;
    if (points > 0)
        charge(value, event, Q_SPAM + score, points);
    int64_t newest = later(value->score_ms[score], event->at_ms);
    answer.amount = sum_points(value, score, newest);
    for (int band = (int)MODEL_SCORES[score].band_count - 1; band > answer.step; band--)
        if (answer.amount >= MODEL_SCORES[score].bands[band].at)
            answer.step = band;
    answer.entered = answer.step > before;
    answer.yes = answer.step >= 0;
    if (points > 0 || (answer.step != stored && answer.amount > 0)) {
        value->score_ms[score] = newest;
        value->level[score] = answer.step;
    }
    return answer;
}

/* ---- strikes ---- */

static uint32_t strikes_within(const struct model_value *value, int64_t newest, int64_t within_ms)
{
    if (within_ms == 0 || within_ms > MODEL_LADDER.expire_ms)
        within_ms = MODEL_LADDER.expire_ms;
    uint32_t count = 0;
    for (size_t i = 0; i < value->charge_count; i++)
        if (value->charges[i].target == Q_LADDER && value->charges[i].counts &&
            value->charges[i].at_ms > newest - within_ms)
            count += (uint32_t)value->charges[i].points;
    return count;
}

uint32_t model_strikes(const struct model_value *value, int64_t within_ms, const struct event *event)
{
    return strikes_within(value, later(value->ladder_ms, event->at_ms), within_ms);
}

struct answer model_add_strikes(struct model_value *value, const struct event *event)
{
    int64_t newest = later(value->ladder_ms, event->at_ms);
    uint32_t before[8];
    struct answer answer = {.step = -1};
    for (size_t i = 0; i < MODEL_LADDER.step_count; i++)
        before[i] = strikes_within(value, newest, MODEL_LADDER.steps[i].within_ms);
    charge(value, event, Q_LADDER, event->strikes);
    value->ladder_ms = newest;
    for (size_t i = 0; i < MODEL_LADDER.step_count; i++) {
        uint32_t after = MODEL_LADDER.steps[i].after;
        if (before[i] < after && strikes_within(value, newest, MODEL_LADDER.steps[i].within_ms) >= after)
            answer.step = (int)i; /* the steps rise */
    }
    answer.yes = answer.step >= 0;
    answer.amount = strikes_within(value, newest, 0);
    return answer;
}

/* ---- decisions, profile ---- */

static void take_newest_strike(struct model_value *value)
{
    struct model_charge *newest = NULL;
    for (size_t i = 0; i < value->charge_count; i++) {
        struct model_charge *charge = &value->charges[i];
        if (charge->target == Q_LADDER && charge->counts && charge->points > 0 &&
            charge->at_ms > value->ladder_ms - MODEL_LADDER.expire_ms && (!newest || charge->at_ms >= newest->at_ms))
            newest = charge;
    }
    if (newest)
        newest->points--;
}

static void note_cleared(struct model_value *value, uint64_t content)
{
    for (size_t i = 0; i < value->cleared_count; i++)
        if (value->cleared[i] == content)
            return;
    if (value->cleared_count == 16)
        memmove(value->cleared, value->cleared + 1, --value->cleared_count * sizeof *value->cleared);
    value->cleared[value->cleared_count++] = content;
}

void model_decide(struct model_value *value, const struct event *event)
{
    for (size_t i = 0; i < value->charge_count; i++) {
        struct model_charge *charge = &value->charges[i];
        bool is_strike = charge->target == Q_LADDER;
        if (event->decision == LET_STAND && charge->content == event->about) {
            charge->counts &= !is_strike && !charge->remembered;
            charge->remembered = false;
        } else if (event->decision == HALVE && !is_strike) {
            charge->points /= 2;
        } else if (event->decision == EMPTY || event->decision == PARDON) {
            charge->counts = charge->remembered = false;
        }
    }
    if (event->decision == LET_STAND)
        note_cleared(value, event->about);
    if (event->decision == HALVE)
        take_newest_strike(value);
    if (event->decision == EMPTY || event->decision == PARDON) {
        value->score_ms[0] = value->score_ms[1] = value->ladder_ms = 0;
        value->level[0] = value->level[1] = -1;
    }
    if (event->decision == PARDON)
        value->profile.pardoned_ms = later(value->profile.pardoned_ms, event->at_ms);
}

void model_note_profile(struct model_value *value, const struct event *event)
{
    struct wd_profile *profile = &value->profile;
    if (profile->first_seen_ms == 0 || event->at_ms < profile->first_seen_ms)
        profile->first_seen_ms = event->at_ms;
    if (event->is_match)
        profile->clean_since_ms = later(profile->clean_since_ms, event->at_ms);
    profile->contents++;
}

/* ---- likeness ---- */

static uint32_t count_like(const struct model_value *value, const struct event *event, int64_t newest)
{
    uint32_t count = 1;
    for (size_t i = 0; i < value->text_count; i++) {
        const struct model_text *text = &value->texts[i];
        if (!text->stands || text->at_ms <= newest - MODEL_SIMILAR.within_ms || text->content == event->content)
            continue;
        unsigned differ = 0;
        for (int part = 0; part < 8; part++)
            differ += (text->fingerprint >> 8 * part & 255) != (event->fingerprint >> 8 * part & 255);
        count += differ <= MODEL_SIMILAR.distance;
    }
    return count;
}

struct answer model_present_similar(const struct model_value *value, const struct event *event)
{
    int64_t newest = later(value->texts_ms, event->at_ms);
    bool inside = event->at_ms > newest - MODEL_SIMILAR.within_ms;
    double count = inside ? count_like(value, event, newest) : 0;
    return (struct answer){.yes = count > MODEL_SIMILAR.more_than, .amount = count, .step = -1};
}

struct answer model_add_text(struct model_value *value, const struct event *event)
{
    int64_t newest = value->texts_ms = later(value->texts_ms, event->at_ms);
    struct answer no = {.step = -1};
    if (event->at_ms <= newest - MODEL_SIMILAR.within_ms)
        return no;
    bool adds = true;
    for (size_t i = 0; i < value->text_count; i++) {
        struct model_text *text = &value->texts[i];
        if (!text->stands || text->content != event->content || text->at_ms <= newest - MODEL_SIMILAR.within_ms)
            continue;
        if (event->is_edit && text->fingerprint == event->fingerprint)
            return no;
        if (text->at_ms > event->at_ms)
            adds = false;
        else
            text->stands = false;
    }
    if (adds)
        value->texts[value->text_count++] = (struct model_text){event->at_ms, event->fingerprint, event->content, true};
    return model_present_similar(value, event);
}

struct answer model_crowd(struct model_value *const buckets[WD_CROWD_BUCKETS], const struct event *event)
{
    int64_t newest = event->at_ms;
    for (int b = 0; b < WD_CROWD_BUCKETS; b++)
        for (size_t i = 0; i < buckets[b]->applied_count; i++)
            newest = later(newest, buckets[b]->applied[i].event->at_ms);
    int64_t since = newest - MODEL_CROWD.within_ms;
    if (event->at_ms <= since)
        return (struct answer){.step = -1};
    uint64_t authors = (uint64_t)1 << event->author; /* a bit each */
    for (int b = 0; b < WD_CROWD_BUCKETS; b++)
        for (size_t i = 0; i < buckets[b]->applied_count; i++) {
            const struct event *other = buckets[b]->applied[i].event;
            unsigned differ = 0;
            for (int part = 0; part < 8; part++)
                differ += (other->fingerprint >> 8 * part & 255) != (event->fingerprint >> 8 * part & 255);
            if (other->at_ms > since && differ <= MODEL_CROWD.distance)
                authors |= (uint64_t)1 << other->author;
        }
    double count = __builtin_popcountll(authors);
    return (struct answer){.yes = count >= MODEL_CROWD.authors, .amount = count, .step = -1};
}
