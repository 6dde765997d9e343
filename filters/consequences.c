/* What follows from an event for its author: what people decided is taken back, matches give points and strikes, scores
 * and ladders give actions. What always holds: shadow matches and exempt authors give nothing; each cell is changed
 * once an event. Neighbours: remember.h; judge.c plans what is due. */
#include <string.h>

#include "filters/remember.h"

struct drawing {
    struct remembering *remembering;
    struct wd_session *author;
    const struct wd_ruleset *set;
    struct wd_verdict *verdict;
    uint64_t content;
    bool is_new_report;
    double report_weight;
    struct wd_score_result *scores;
    struct wd_ladder_result *ladders;
};

/* ---- what is due ---- */

static bool is_about_content(enum wd_action_kind kind)
{
    return kind <= WD_ACTION_DECLINE;
}

static void add_due(struct drawing *drawing, const struct wd_action *action, bool enforced)
{
    struct remembering *remembering = drawing->remembering;
    struct due *due = wd_arena_alloc(remembering->arena, sizeof(*due));
    if (!due) {
        remembering->out_of_memory = true;
        return;
    }
    *due = (struct due){.action = action, .enforced = enforced || remembering->scanner->is_for_one_rule};
    *remembering->due_end = due;
    remembering->due_end = &due->next;
}

/* A band acts on content while it holds, on its author when it is entered. */
static void add_band(struct drawing *drawing, const struct action_list *actions, bool entered, bool enforced)
{
    bool on_content = drawing->remembering->traits & TRAIT_CONTENT;
    for (size_t i = 0; i < actions->count; i++)
        if (is_about_content(actions->items[i].kind) ? on_content : entered)
            add_due(drawing, &actions->items[i], enforced);
}

/* ---- points ---- */

static bool gives(const struct wd_rule_match *match)
{
    return match->enforced && match->is_match;
}

static void contribute(struct drawing *drawing, uint32_t cell, double points, const char *rule)
{
    wd_contribution_add(drawing->author, cell, points, drawing->content, wd_str_from(rule));
}

static double points_of_matches(struct drawing *drawing, size_t score)
{
    double sum = 0;
    for (size_t i = 0; i < drawing->verdict->match_count; i++) {
        const struct wd_rule_match *match = &drawing->verdict->matches[i];
        const struct rule *rule = &drawing->set->rules[match->rule];
        for (size_t j = 0; j < rule->point_count && gives(match); j++) {
            if (rule->point_scores[j] != (int)score)
                continue;
            sum += rule->points[j].points;
            contribute(drawing, drawing->set->behaviour->score_cells[score].cell, rule->points[j].points,
                       rule->info.id);
        }
    }
    return sum;
}

/* Who reports a content again says nothing new. The content remembers whether it was new. */
static bool is_new_report(struct remembering *remembering)
{
    const struct prepared *prepared = remembering->prepared;
    struct wd_str known[REPORTERS_MAX];
    double ignored;
    bool is_new = true;
    if (prepared->content < 0 || !prepared->reporter_id.data)
        return true;
    struct wd_session *content = &remembering->sessions[prepared->content];
    enum wd_answer_known answer = wd_remembered_answer(content, remembering->behaviour->report_cell, &ignored);
    if (answer != WD_ANSWER_UNKNOWN)
        return answer == WD_ANSWER_FOUND;
    size_t count = wd_reporters_read(content->value, known);
    for (size_t i = 0; i < count && is_new; i++)
        is_new = !wd_str_equal(known[i], prepared->reporter_id);
    if (is_new)
        wd_remember_answer(content, remembering->behaviour->report_cell, 1);
    return is_new;
}

/* The record of who reports can change before the event comes again: what it weighed is remembered beside it. */
static double weight_of_report(struct remembering *remembering)
{
    int reporter = remembering->prepared->reporter;
    double weight;
    if (reporter < 0)
        return 1;
    struct wd_session *session = &remembering->sessions[reporter];
    if (wd_remembered_answer(session, remembering->behaviour->report_cell, &weight) == WD_ANSWER_FOUND)
        return weight;
    weight = wd_reporter_weight(session);
    wd_remember_answer(session, remembering->behaviour->report_cell, weight);
    return weight;
}

static double points_of_report(struct drawing *drawing, size_t score)
{
    const struct behaviour *behaviour = drawing->set->behaviour;
    const struct reports *reports = &behaviour->scores[score].reports;
    if (!drawing->is_new_report || !(drawing->remembering->scanner->event_name->reports >> score & 1))
        return 0;
    double points = reports->points * (reports->reporter ? drawing->report_weight : 1);
    contribute(drawing, behaviour->score_cells[score].cell, points, "report");
    return points;
}

static void draw_score(struct drawing *drawing, size_t index)
{
    const struct behaviour *behaviour = drawing->set->behaviour;
    const struct score *score = &behaviour->scores[index];
    const struct wd_score_cell *cell = &behaviour->score_cells[index];
    double points = points_of_matches(drawing, index) + points_of_report(drawing, index);
    if (points == 0 && !(drawing->remembering->traits & TRAIT_CONTENT))
        return;
    struct wd_score_now now = wd_score_add(drawing->author, cell, points);
    if (points == 0 && now.band < 0)
        return;
    drawing->scores[drawing->verdict->score_count++] =
        (struct wd_score_result){.name = score->name,
                                 .before = now.before,
                                 .points = points,
                                 .after = now.after,
                                 .band = now.band,
                                 .band_at = now.band < 0 ? 0 : cell->bands[now.band].at,
                                 .entered = now.entered,
                                 .enforced = score->enforced};
    if (now.band >= 0)
        add_band(drawing, &score->band_actions[now.band], now.entered, score->enforced);
}

static void draw_scores(struct drawing *drawing)
{
    struct remembering *remembering = drawing->remembering;
    const struct behaviour *behaviour = drawing->set->behaviour;
    const struct prepared *prepared = remembering->prepared;
    bool is_report = remembering->scanner->event_name->reports != 0;
    bool is_new = drawing->is_new_report = is_report && is_new_report(remembering);
    drawing->report_weight = is_new ? weight_of_report(remembering) : 0;
    for (size_t i = 0; i < behaviour->score_count; i++)
        if (behaviour->scores[i].used)
            draw_score(drawing, i);
    if (is_new && prepared->content >= 0 && prepared->reporter_id.data)
        wd_reporters_add(&remembering->sessions[prepared->content], prepared->reporter_id);
}

/* ---- strikes ---- */

static uint32_t strikes_of_matches(struct drawing *drawing, size_t ladder)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < drawing->verdict->match_count; i++) {
        const struct wd_rule_match *match = &drawing->verdict->matches[i];
        const struct rule *rule = &drawing->set->rules[match->rule];
        for (size_t j = 0; j < rule->strike_count && gives(match); j++) {
            if (rule->strikes[j].ladder != ladder)
                continue;
            sum += rule->strikes[j].count;
            contribute(drawing, drawing->set->behaviour->ladder_cells[ladder].cell, rule->strikes[j].count,
                       rule->info.id);
        }
    }
    return sum;
}

static bool is_asked_for(const struct drawing *drawing, size_t ladder)
{
    for (size_t i = 0; i < drawing->verdict->match_count; i++) {
        const struct rule *rule = &drawing->set->rules[drawing->verdict->matches[i].rule];
        for (size_t j = 0; j < rule->strike_count; j++)
            if (rule->strikes[j].ladder == ladder && gives(&drawing->verdict->matches[i]))
                return true;
    }
    return false;
}

static void draw_ladder(struct drawing *drawing, size_t index)
{
    const struct ladder *ladder = &drawing->set->behaviour->ladders[index];
    const struct wd_ladder *cell = &drawing->set->behaviour->ladder_cells[index];
    uint32_t strikes = 0;
    int step = wd_strikes_add(drawing->author, cell, strikes_of_matches(drawing, index), drawing->content, &strikes);
    drawing->ladders[drawing->verdict->ladder_count++] =
        (struct wd_ladder_result){.name = ladder->name,
                                  .strikes = strikes,
                                  .step = step,
                                  .step_after = step < 0 ? 0 : cell->steps[step].after,
                                  .enforced = ladder->enforced};
    for (size_t i = 0; step >= 0 && i < ladder->step_actions[step].count; i++)
        add_due(drawing, &ladder->step_actions[step].items[i], ladder->enforced);
}

/* Only the ladders of rules that match: there can be one a rule. */
static void draw_ladders(struct drawing *drawing)
{
    const struct behaviour *behaviour = drawing->set->behaviour;
    for (size_t i = 0; i < behaviour->ladder_count && drawing->ladders; i++)
        if (is_asked_for(drawing, i))
            draw_ladder(drawing, i);
}

static size_t strikes_given(const struct drawing *drawing)
{
    size_t count = 0;
    for (size_t i = 0; i < drawing->verdict->match_count; i++)
        count += gives(&drawing->verdict->matches[i])
                     ? drawing->set->rules[drawing->verdict->matches[i].rule].strike_count
                     : 0;
    return count;
}

/* ---- what people decided ---- */

/* Where the decision comes again, those who had reported by then are judged, not who has since. */
static void judge_reporters(struct remembering *remembering)
{
    const struct prepared *prepared = remembering->prepared;
    bool right = remembering->traits & TRAIT_PROVES_REPORTS;
    double count = 0;
    if (!prepared->judged_count)
        return;
    struct wd_session *content = &remembering->sessions[prepared->content];
    enum wd_answer_known known = wd_remembered_answer(content, remembering->behaviour->report_cell, &count);
    if (known == WD_ANSWER_UNKNOWN) {
        count = (double)prepared->judged_count;
        wd_remember_answer(content, remembering->behaviour->report_cell, count);
    }
    for (size_t i = 0; i < prepared->judged_count && known != WD_ANSWER_ABSENT && (double)i < count; i++)
        if (prepared->judged[i] >= 0 && prepared->judged[i] != prepared->author)
            wd_reporter_judge(&remembering->sessions[prepared->judged[i]], right);
}

static void follow_people(struct drawing *drawing)
{
    const struct behaviour *behaviour = drawing->set->behaviour;
    uint32_t traits = drawing->remembering->traits;
    judge_reporters(drawing->remembering);
    if (!drawing->author)
        return;
    if (traits & TRAIT_CLEARS_CONTENT)
        wd_take_back_content(drawing->author, behaviour->score_cells, behaviour->score_count, drawing->content);
    if (traits & TRAIT_CLEARS_USER)
        wd_take_back_half(drawing->author);
    if (traits & (TRAIT_BANS | TRAIT_UNBANS))
        wd_forget_guilt(drawing->author, traits & TRAIT_UNBANS);
}

bool wd_is_held(struct remembering *remembering, const struct wd_action *action)
{
    struct wd_session *author = wd_author_session(remembering);
    if (!author)
        return false;
    switch (action->kind) {
    case WD_ACTION_FLAG:
    case WD_ACTION_HIDE:
    case WD_ACTION_DELETE:
    case WD_ACTION_DECLINE:
        return wd_is_cleared(author, remembering->content);
    case WD_ACTION_BAN:
    case WD_ACTION_MUTE:
    case WD_ACTION_REMOVE:
        return author->now_ms <= wd_profile_read(author).pardoned_ms;
    default:
        return false;
    }
}

/* ---- the author's record ---- */

static void note_profile(struct drawing *drawing)
{
    struct remembering *remembering = drawing->remembering;
    const struct behaviour *behaviour = drawing->set->behaviour;
    bool is_new = remembering->traits & TRAIT_NEW_CONTENT, is_match = false;
    for (size_t i = 0; i < drawing->verdict->match_count && !drawing->verdict->exempt; i++)
        is_match |= gives(&drawing->verdict->matches[i]);
    if (!behaviour->asks_profile)
        return;
    if (remembering->is_level_asked && remembering->level < behaviour->level_count)
        wd_remember_answer(drawing->author, behaviour->level_cell, remembering->level);
    if (is_new || is_match || !remembering->profile.first_seen_ms)
        wd_profile_note(drawing->author, is_new, is_match);
}

static bool make_room(struct drawing *drawing)
{
    const struct behaviour *behaviour = drawing->set->behaviour;
    struct wd_arena *arena = drawing->remembering->arena;
    size_t ladders = strikes_given(drawing);
    drawing->scores = wd_arena_alloc(arena, behaviour->score_count * sizeof(*drawing->scores) + 1);
    drawing->ladders = ladders ? wd_arena_alloc(arena, ladders * sizeof(*drawing->ladders)) : NULL;
    drawing->verdict->scores = drawing->scores;
    drawing->verdict->ladders = drawing->ladders;
    return drawing->scores && (drawing->ladders || !ladders);
}

bool wd_draw_consequences(struct remembering *remembering, struct wd_verdict *verdict)
{
    struct drawing drawing = {.remembering = remembering,
                              .author = wd_author_session(remembering),
                              .set = remembering->scanner->set,
                              .verdict = verdict,
                              .content = remembering->content};
    const struct behaviour *behaviour = remembering->behaviour;
    follow_people(&drawing);
    if (!drawing.author)
        return true;
    if (behaviour->level_count)
        verdict->trust =
            remembering->level < behaviour->level_count ? behaviour->levels[remembering->level].name : "new";
    if (!verdict->exempt) {
        if (!make_room(&drawing))
            return false;
        draw_scores(&drawing);
        draw_ladders(&drawing);
    }
    note_profile(&drawing);
    return !remembering->out_of_memory;
}
