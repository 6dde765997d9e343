/* One event upon the cells and upon the model: both must say the same. See behaviour_world.h. */
#include "tests/unit/behaviour_world.h"

#include <math.h>
#include <stdio.h>

enum { AUTHOR_ROLE, PLACE_ROLE, CROWD_ROLE };
#define DAY_MS ((int64_t)24 * 3600 * 1000)

static const struct {
    int role;
    const char *name;
    double limit;
} QUESTIONS[QUESTION_COUNT] = {
    [Q_BURST] = {AUTHOR_ROLE, "burst", 3},      [Q_HOUR] = {AUTHOR_ROLE, "hour", 12},
    [Q_ITEMS] = {AUTHOR_ROLE, "items", 4},      [Q_SUM] = {AUTHOR_ROLE, "sum", 12},
    [Q_PLACE] = {PLACE_ROLE, "place", 3},       [Q_PLACE_AUTHORS] = {PLACE_ROLE, "place authors", 2},
    [Q_SPAM] = {AUTHOR_ROLE, "spam", 0},        [Q_ABUSE] = {AUTHOR_ROLE, "abuse", 0},
    [Q_LADDER] = {AUTHOR_ROLE, "ladder", 0},    [Q_SIMILAR] = {AUTHOR_ROLE, "similar", 0},
    [Q_OWN] = {AUTHOR_ROLE, "score before", 0}, [Q_CROWD] = {CROWD_ROLE, "crowd", 0},
};

static bool fail(struct history *history, size_t e, enum question q, const char *what, const struct answer *is,
                 const struct answer *should)
{
    snprintf(history->failure, sizeof history->failure,
             "event %zu, %s, %s: yes %d amount %.17g before %g step %d entered %d, should be %d %.17g %g %d %d", e,
             QUESTIONS[q].name, what, is->yes, is->amount, is->before, is->step, is->entered, should->yes,
             should->amount, should->before, should->step, should->entered);
    return false;
}

/* Scores: what is below 0.001 is forgotten by the cells, not by the sums of the model. Windows: more than `most` is not
 * told apart. */
static bool is_equal(enum question q, const struct answer *is, const struct answer *should)
{
    if (is->yes != should->yes || is->step != should->step || is->entered != should->entered)
        return false;
    if (q == Q_SPAM || q == Q_ABUSE)
        return fabs(is->amount - should->amount) < 0.01 && fabs(is->before - should->before) < 0.01;
    if (q < WINDOW_COUNT && should->amount > MODEL_WINDOWS[q].most)
        return is->amount > MODEL_WINDOWS[q].most;
    return is->amount == should->amount;
}

/* Compares, and with what was told at the first time where the event is repeated. */
static bool check(struct history *history, size_t e, enum question q, const struct answer *is,
                  const struct answer *should, bool repeated, enum wd_answer_known known)
{
    bool is_old = history->newest_ms - history->events[e].at_ms >= DAY_MS; /* what it was may be forgotten */
    if (repeated && is_old)
        return true;
    if (!is_equal(q, is, should))
        return fail(history, e, q, repeated ? "again" : "at first", is, should);
    history->telling[e][q] = *is;
    history->tells[e][QUESTIONS[q].role] |= !repeated;
    if (!repeated || known == WD_ANSWER_UNKNOWN || !history->is_told[e][QUESTIONS[q].role])
        return true;
    struct answer told = history->told[e][q];
    if (!told.yes)
        return is->yes ? fail(history, e, q, "was told before", is, &told) : true;
    history->answered_again++;
    bool same = is->yes && is->amount == told.amount && is->step == told.step && is->entered == told.entered;
    return same ? true : fail(history, e, q, "was told before", is, &told);
}

/* The answer of the model: what is remembered, or what is so. */
static struct answer expect(const struct model_value *model, const struct event *event, enum question q, bool repeated,
                            enum wd_answer_known *known_out)
{
    struct answer answer = {.step = -1};
    *known_out = repeated ? model_remembered(model, event, q, &answer) : WD_ANSWER_UNKNOWN;
    return answer;
}

static bool take_window(struct history *history, size_t e, struct twin *twin, struct wd_session *session,
                        enum question q)
{
    const struct event *event = &history->events[e];
    uint64_t author = (uint64_t)event->author;
    const uint64_t *items = q == Q_PLACE_AUTHORS ? &author : event->items;
    struct answer is = {.step = -1};
    is.yes = wd_window_take(session, &MODEL_WINDOWS[q], items, q == Q_PLACE_AUTHORS ? 1 : event->item_count,
                            event->amount, QUESTIONS[q].limit, &is.amount);
    enum wd_answer_known known;
    struct answer should = expect(&twin->model, event, q, session->repeated, &known);
    if (known == WD_ANSWER_UNKNOWN)
        should = model_window(&twin->model, q, event, QUESTIONS[q].limit, session->repeated);
    if (!session->repeated && should.yes)
        model_remember(&twin->model, event, q, is);
    return check(history, e, q, &is, &should, session->repeated, known);
}

static bool take_score(struct history *history, size_t e, struct twin *twin, struct wd_session *session, int score)
{
    const struct event *event = &history->events[e];
    enum question q = (enum question)(Q_SPAM + score);
    struct wd_score_now now = wd_score_add(session, &MODEL_SCORES[score], event->points[score]);
    struct answer is = {now.band >= 0, now.after, now.before, now.band, now.entered};
    if (event->points[score] > 0)
        wd_contribution_add(session, MODEL_SCORES[score].cell, event->points[score], event->content,
                            wd_str_from("rule"));
    enum wd_answer_known known;
    struct answer should = expect(&twin->model, event, q, session->repeated, &known);
    if (session->repeated && known == WD_ANSWER_UNKNOWN)
        should = model_present_score(&twin->model, score, event);
    if (!session->repeated)
        should = model_add_score(&twin->model, score, event);
    should.yes = should.step >= 0;
    if (!session->repeated && should.yes)
        model_remember(&twin->model, event, q, is);
    return check(history, e, q, &is, &should, session->repeated, known);
}

static bool take_strikes(struct history *history, size_t e, struct twin *twin, struct wd_session *session)
{
    const struct event *event = &history->events[e];
    uint32_t strikes;
    struct answer is = {.step = wd_strikes_add(session, &MODEL_LADDER, event->strikes, event->content, &strikes)};
    wd_contribution_add(session, MODEL_LADDER.cell, event->strikes, event->content, wd_str_from("rule"));
    is.yes = is.step >= 0;
    is.amount = strikes;
    enum wd_answer_known known;
    struct answer should = expect(&twin->model, event, Q_LADDER, session->repeated, &known);
    if (session->repeated && known != WD_ANSWER_FOUND)
        should.amount = model_strikes(&twin->model, 0, event);
    if (!session->repeated)
        should = model_add_strikes(&twin->model, event);
    if (!session->repeated && should.yes)
        model_remember(&twin->model, event, Q_LADDER, is);
    return check(history, e, Q_LADDER, &is, &should, session->repeated, known);
}

static bool take_text(struct history *history, size_t e, struct twin *twin, struct wd_session *session)
{
    const struct event *event = &history->events[e];
    uint32_t count;
    struct answer is = {.step = -1};
    is.yes = wd_similar_take(session, &MODEL_SIMILAR, event->fingerprint, event->content, event->is_edit, &count);
    is.amount = count;
    enum wd_answer_known known;
    struct answer should = expect(&twin->model, event, Q_SIMILAR, session->repeated, &known);
    if (session->repeated && known == WD_ANSWER_UNKNOWN)
        should = model_present_similar(&twin->model, event);
    if (!session->repeated)
        should = model_add_text(&twin->model, event);
    if (!session->repeated && should.yes)
        model_remember(&twin->model, event, Q_SIMILAR, is);
    return check(history, e, Q_SIMILAR, &is, &should, session->repeated, known);
}

/* A condition that the caller answers: the score and the strikes before the event. */
static bool ask_before(struct history *history, size_t e, struct twin *twin, struct wd_session *session)
{
    const struct event *event = &history->events[e];
    double amount = 0;
    enum wd_answer_known known, is_known = wd_remembered_answer(session, 77, &amount);
    struct answer should = expect(&twin->model, event, Q_OWN, session->repeated, &known);
    struct answer is = {.yes = is_known == WD_ANSWER_FOUND, .amount = amount, .step = -1};
    if (is_known != known)
        return fail(history, e, Q_OWN, "remembered", &is, &should);
    if (known == WD_ANSWER_UNKNOWN) {
        is.amount = wd_strikes_read(session, &MODEL_LADDER, 3600000);
        should.amount = model_strikes(&twin->model, 3600000, event);
        is.yes = wd_score_read(session, &MODEL_SCORES[0]) >= 20.3;
        should.yes = model_score(&twin->model, 0, event) >= 20.3;
    }
    if (!session->repeated && is.yes) {
        wd_remember_answer(session, 77, is.amount);
        model_remember(&twin->model, event, Q_OWN, is);
    }
    return check(history, e, Q_OWN, &is, &should, session->repeated, known);
}

static void decide(struct twin *twin, struct wd_session *session, const struct event *event)
{
    switch (event->decision) {
    case NO_DECISION:
        return;
    case LET_STAND:
        wd_take_back_content(session, MODEL_SCORES, SCORE_COUNT, event->about);
        break;
    case HALVE:
        wd_take_back_half(session);
        break;
    case EMPTY:
    case PARDON:
        wd_forget_guilt(session, event->decision == PARDON);
    }
    if (!session->repeated)
        model_decide(&twin->model, event);
}

static bool note_profile(struct history *history, size_t e, struct twin *twin, struct wd_session *session)
{
    const struct event *event = &history->events[e];
    wd_profile_note(session, true, event->is_match);
    if (!session->repeated)
        model_note_profile(&twin->model, event);
    struct wd_profile is = wd_profile_read(session), should = twin->model.profile;
    if (should.clean_since_ms == 0)
        should.clean_since_ms = should.first_seen_ms;
    bool same = is.first_seen_ms == should.first_seen_ms && is.clean_since_ms == should.clean_since_ms &&
                is.contents == should.contents && is.pardoned_ms == should.pardoned_ms;
    for (size_t i = 0; i < twin->model.cleared_count; i++)
        same &= wd_is_cleared(session, twin->model.cleared[i]);
    if (!same)
        snprintf(history->failure, sizeof history->failure, "event %zu: the profile is different", e);
    return same;
}

static bool close_twin(struct history *history, struct twin *twin, struct wd_session *session, size_t e, uint32_t cells)
{
    bool was_repeated = model_is_repeated(&twin->model, &history->events[e]);
    if (session->repeated != was_repeated || !wd_session_close(session)) {
        snprintf(history->failure, sizeof history->failure, "event %zu: repeated is %d", e, session->repeated);
        return false;
    }
    history->repeated += was_repeated;
    if (!was_repeated && cells)
        model_apply(&twin->model, &history->events[e], cells);
    return true;
}

static bool take_author(struct history *history, size_t e)
{
    const struct event *event = &history->events[e];
    struct twin *twin = world_value(history, event->author);
    struct wd_session session;
    wd_session_open(&session, &twin->value, event->origin, event->at_ms);
    uint32_t asked = history->asked;
    bool good = !(asked >> Q_OWN & 1) || ask_before(history, e, twin, &session);
    for (int q = Q_BURST; q <= Q_SUM && good; q++)
        good = !(asked >> q & 1) || take_window(history, e, twin, &session, (enum question)q);
    good = good && (!(asked >> Q_SIMILAR & 1) || take_text(history, e, twin, &session));
    for (int score = 0; score < SCORE_COUNT && good; score++)
        good = !(asked >> (Q_SPAM + score) & 1) || take_score(history, e, twin, &session, score);
    good = good && (!(asked >> Q_LADDER & 1) || event->strikes == 0 || take_strikes(history, e, twin, &session));
    if (good)
        decide(twin, &session, event);
    return good && note_profile(history, e, twin, &session) &&
           close_twin(history, twin, &session, e, asked | 1u << QUESTION_COUNT);
}

static bool take_place(struct history *history, size_t e)
{
    const struct event *event = &history->events[e];
    uint32_t asked = history->asked & (1u << Q_PLACE | 1u << Q_PLACE_AUTHORS);
    if (event->place < 0)
        return true;
    struct twin *twin = world_value(history, AUTHORS + event->place);
    struct wd_session session;
    wd_session_open(&session, &twin->value, event->origin, event->at_ms);
    bool good = !(asked >> Q_PLACE & 1) || take_window(history, e, twin, &session, Q_PLACE);
    good = good && (!(asked >> Q_PLACE_AUTHORS & 1) || take_window(history, e, twin, &session, Q_PLACE_AUTHORS));
    return good && close_twin(history, twin, &session, e, asked);
}

static bool take_crowd(struct history *history, size_t e)
{
    const struct event *event = &history->events[e];
    struct wd_session sessions[WD_CROWD_BUCKETS], *pointers[WD_CROWD_BUCKETS];
    struct model_value *models[WD_CROWD_BUCKETS];
    enum wd_answer_known known = WD_ANSWER_UNKNOWN;
    struct answer should = {.step = -1};
    for (int b = 0; b < WD_CROWD_BUCKETS; b++) {
        struct twin *twin = world_value(history, history->buckets[e][b]);
        wd_session_open(pointers[b] = &sessions[b], &twin->value, event->origin, event->at_ms);
        models[b] = &twin->model;
        if (!sessions[b].repeated || known == WD_ANSWER_FOUND)
            continue;
        struct answer answer;
        enum wd_answer_known here = model_remembered(models[b], event, Q_CROWD, &answer);
        if (here == WD_ANSWER_FOUND)
            should = answer;
        if (here != WD_ANSWER_UNKNOWN)
            known = here;
    }
    struct answer is = {.step = -1};
    uint32_t authors;
    is.yes = wd_crowd_take(pointers, &MODEL_CROWD, event->fingerprint, 1 + (uint64_t)event->author, &authors);
    is.amount = authors;
    if (known == WD_ANSWER_UNKNOWN)
        should = model_crowd(models, event);
    bool any_repeated = false, good = true;
    for (int b = 0; b < WD_CROWD_BUCKETS; b++) {
        any_repeated |= sessions[b].repeated;
        if (should.yes && !sessions[b].repeated)
            model_remember(models[b], event, Q_CROWD, is);
    }
    good = check(history, e, Q_CROWD, &is, &should, any_repeated, known);
    for (int b = 0; b < WD_CROWD_BUCKETS && good; b++)
        good = close_twin(history, world_value(history, history->buckets[e][b]), &sessions[b], e, 1u << Q_CROWD);
    return good;
}

bool world_take(struct history *history, size_t e)
{
    return take_author(history, e) && take_place(history, e) &&
           (!(history->asked >> Q_CROWD & 1) || take_crowd(history, e));
}
