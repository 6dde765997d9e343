/* Scores that decay: points halve every half life; below 0.001 there is no score. Computed from event times alone,
 * decayed when read. A band is entered at `at` and left below `leave`.
 *
 *   f64 score at T, u48 T, u8 band + 1 that holds
 */
#include <math.h>

#include "filters/behaviour/value.h"

enum { SCORE_BYTES = 15, ANSWER_SCORE_BYTES = 18, BANDS_MAX = 254 };
static const double NOTHING = 0.001;

struct score_state {
    double score; /* at T, which is not before the event */
    int64_t watermark_ms;
    int band;
};

static double decay(double score, int64_t age_ms, int64_t half_life_ms)
{
    return age_ms <= 0 ? score : score * exp2(-(double)age_ms / (double)(half_life_ms > 0 ? half_life_ms : 1));
}

static double at_least_something(double score)
{
    return score < NOTHING ? 0 : score;
}

/* Leaves bands that the score does not hold any more, and those that the definition does not have any more. */
static int leave_bands(const struct wd_score_cell *score, int band, double s)
{
    if (band >= (int)score->band_count)
        band = (int)score->band_count - 1;
    if (s <= 0)
        return -1;
    while (band >= 0 && s < score->bands[band].leave)
        band--;
    return band;
}

static int enter_bands(const struct wd_score_cell *score, int band, double s)
{
    for (int i = (int)score->band_count - 1; i > band; i--)
        if (s >= score->bands[i].at)
            return i;
    return band;
}

/* At the newer one of its own time and now. */
static struct score_state state_at(const struct wd_session *session, const struct wd_score_cell *score,
                                   unsigned char *cell)
{
    struct score_state state = {.watermark_ms = session->now_ms, .band = -1};
    if (!cell)
        return state;
    const unsigned char *data = cell_data(cell);
    int64_t seen_ms = load48(data + 8);
    state.score = at_least_something(decay(load_amount(data), session->now_ms - seen_ms, score->half_life_ms));
    state.watermark_ms = seen_ms > session->now_ms ? seen_ms : session->now_ms;
    state.band = leave_bands(score, data[14] - 1, state.score);
    return state;
}

double wd_score_read(struct wd_session *session, const struct wd_score_cell *score)
{
    return state_at(session, score, cell_find(session, WD_CELL_SCORE, score->cell)).score;
}

static bool answer_again(struct wd_session *session, const struct wd_score_cell *score, struct wd_score_now *now)
{
    unsigned char bytes[ANSWER_SCORE_BYTES];
    switch (answer_get(session, ANSWER_SCORE, score->cell, bytes, sizeof bytes)) {
    case WD_ANSWER_FOUND:
        now->before = load_amount(bytes);
        now->after = load_amount(bytes + 8);
        now->band = bytes[16] < score->band_count ? bytes[16] : (int)score->band_count - 1;
        now->entered = bytes[17] != 0 && now->band >= 0;
        return true;
    case WD_ANSWER_ABSENT:
        return true;
    case WD_ANSWER_UNKNOWN:
        break;
    }
    return false;
}

static void remember(struct wd_session *session, const struct wd_score_cell *score, const struct wd_score_now *now)
{
    if (now->band < 0)
        return;
    unsigned char bytes[ANSWER_SCORE_BYTES];
    store_double(bytes, now->before);
    store_double(bytes + 8, now->after);
    bytes[16] = (unsigned char)now->band;
    bytes[17] = now->entered;
    answer_put(session, ANSWER_SCORE, score->cell, bytes, sizeof bytes);
}

static void write_score(struct wd_session *session, const struct wd_score_cell *score, const struct score_state *state)
{
    unsigned char *cell = cell_make(session, WD_CELL_SCORE, score->cell, SCORE_BYTES);
    if (!cell)
        return;
    unsigned char *data = cell_data(cell);
    store_double(data, state->score);
    store48(data + 8, state->watermark_ms);
    data[14] = (unsigned char)((state->band < BANDS_MAX ? state->band : BANDS_MAX) + 1);
    double half_lives = state->score > NOTHING ? log2(state->score / NOTHING) : 0;
    double lasts_ms = half_lives * (double)score->half_life_ms;
    cell_keep_until(session, cell,
                    state->watermark_ms + (lasts_ms < (double)TIME_MAX_MS ? (int64_t)lasts_ms : TIME_MAX_MS));
}

struct wd_score_now wd_score_add(struct wd_session *session, const struct wd_score_cell *score, double points)
{
    struct wd_score_now now = {.band = -1};
    if (session->repeated && answer_again(session, score, &now))
        return now;
    unsigned char *cell = cell_find(session, WD_CELL_SCORE, score->cell);
    struct score_state state = state_at(session, score, cell);
    int stored_band = cell ? cell_data(cell)[14] - 1 : -1, before_band = state.band;
    now.before = now.after = state.score;
    now.band = state.band;
    if (session->repeated)
        return now;
    if (points > 0)
        state.score =
            at_least_something(state.score + decay(points < 1e15 ? points : 1e15, state.watermark_ms - session->now_ms,
                                                   score->half_life_ms));
    state.band = enter_bands(score, leave_bands(score, state.band, state.score), state.score);
    now.after = state.score;
    now.band = state.band;
    now.entered = state.band > before_band;
    if (points > 0 || (state.band != stored_band && state.score > 0))
        write_score(session, score, &state);
    remember(session, score, &now);
    return now;
}
