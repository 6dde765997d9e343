/* What an author is charged with: the last 16 contributions to scores and ladders, and how human decisions take them
 * back.
 *
 *   CONTRIBUTIONS  for each, the oldest first: u48 time, u32 cell, f64 points, u64 content, u8 length, rule
 *   CLEARED        u64 content: those that a human let stand
 */
#include <math.h>

#include "filters/behaviour/value.h"

enum { CONTRIBUTIONS_MAX = 16, CONTRIBUTION_HEAD = 27, RULE_BYTES_MAX = 47, CLEARED_MAX = 16 };
static const struct list_shape CLEARED = {0, 8};
static const struct list_shape STRIKES = {6, 14};

static size_t contribution_size(const unsigned char *contribution)
{
    return CONTRIBUTION_HEAD + contribution[26];
}

bool contributions_are_sound(const unsigned char *data, size_t len)
{
    for (size_t at = 0; at < len; at += contribution_size(data + at))
        if (len - at < CONTRIBUTION_HEAD || len - at < contribution_size(data + at))
            return false;
    return true;
}

static size_t count_contributions(const unsigned char *data, size_t len)
{
    size_t count = 0;
    for (size_t at = 0; at < len; at += contribution_size(data + at))
        count++;
    return count;
}

static unsigned char *cut_contribution(struct wd_session *session, unsigned char *cell, size_t at)
{
    unsigned char *contribution = cell_data(cell) + at;
    size_t size = contribution_size(contribution), len = cell_len(cell);
    memmove(contribution, contribution + size, len - at - size);
    return cell_resize(session, cell, len - size);
}

/* As long as what it contributes to. */
static void keep_with_target(struct wd_session *session, unsigned char *cell, uint32_t target)
{
    unsigned char *of_target = cell_find(session, WD_CELL_SCORE, target);
    if (!of_target)
        of_target = cell_find(session, WD_CELL_STRIKES, target);
    uint32_t until = of_target ? load32(of_target + 7) : 0;
    if (until > load32(cell + 7))
        store32(cell + 7, until);
    else if (load32(cell + 7) == 0)
        cell_keep_until(session, cell, session->now_ms);
}

void wd_contribution_add(struct wd_session *session, uint32_t target, double points, uint64_t content,
                         struct wd_str rule)
{
    if (session->repeated)
        return;
    unsigned char *cell = cell_make(session, WD_CELL_CONTRIBUTIONS, 0, 0);
    while (cell && count_contributions(cell_data(cell), cell_len(cell)) >= CONTRIBUTIONS_MAX)
        cell = cut_contribution(session, cell, 0);
    size_t len = cell ? cell_len(cell) : 0, rule_len = rule.len < RULE_BYTES_MAX ? rule.len : RULE_BYTES_MAX;
    if (!cell || !(cell = cell_resize(session, cell, len + CONTRIBUTION_HEAD + rule_len)))
        return;
    unsigned char *at = cell_data(cell) + len;
    store48(at, session->now_ms);
    store32(at + 6, target);
    store_double(at + 10, points);
    store64(at + 18, content);
    at[26] = (unsigned char)rule_len;
    if (rule_len)
        memcpy(at + CONTRIBUTION_HEAD, rule.data, rule_len);
    keep_with_target(session, cell, target);
}

static const struct wd_score_cell *find_score(const struct wd_score_cell *scores, size_t score_count, uint32_t id)
{
    for (size_t i = 0; i < score_count; i++)
        if (scores[i].cell == id)
            return &scores[i];
    return NULL;
}

/* Points of then are less by now. */
static void subtract_points(struct wd_session *session, const struct wd_score_cell *scores, size_t score_count,
                            const unsigned char *contribution)
{
    const struct wd_score_cell *score = find_score(scores, score_count, load32(contribution + 6));
    unsigned char *cell = score ? cell_find(session, WD_CELL_SCORE, score->cell) : NULL;
    if (!cell)
        return;
    int64_t age_ms = load48(cell_data(cell) + 8) - load48(contribution);
    double half_life = (double)(score->half_life_ms > 0 ? score->half_life_ms : 1);
    double points = load_amount(contribution + 10) * (age_ms > 0 ? exp2(-(double)age_ms / half_life) : 1);
    double left = load_amount(cell_data(cell)) - points;
    store_double(cell_data(cell), left < 0.001 ? 0 : left);
}

static void remove_strikes_of(struct wd_session *session, uint64_t content)
{
    unsigned char *cell = NULL;
    while ((cell = cell_next(session, WD_CELL_STRIKES, cell)))
        for (size_t i = list_count(cell, STRIKES); i-- > 0;)
            if (load64(list_entry(cell, STRIKES, i) + 6) == content)
                cell = list_remove(session, cell, STRIKES, i);
}

static void note_cleared(struct wd_session *session, uint64_t content)
{
    unsigned char *cell = cell_make(session, WD_CELL_CLEARED, 0, 0);
    if (!cell)
        return;
    size_t count = list_count(cell, CLEARED);
    for (size_t i = 0; i < count; i++)
        if (load64(list_entry(cell, CLEARED, i)) == content)
            return;
    size_t cut = count >= CLEARED_MAX;
    if (!(cell = list_shift(session, cell, CLEARED, cut, count - cut)))
        return;
    store64(list_entry(cell, CLEARED, count - cut), content);
    cell_keep_until(session, cell, session->now_ms + PROFILE_KEEP_MS);
}

void wd_take_back_content(struct wd_session *session, const struct wd_score_cell *scores, size_t score_count,
                          uint64_t content)
{
    if (session->repeated)
        return;
    note_cleared(session, content);
    unsigned char *cell = cell_find(session, WD_CELL_CONTRIBUTIONS, 0);
    for (size_t at = 0; cell && at < cell_len(cell);) {
        const unsigned char *contribution = cell_data(cell) + at;
        if (load64(contribution + 18) == content) {
            subtract_points(session, scores, score_count, contribution);
            cell = cut_contribution(session, cell, at);
        } else
            at += contribution_size(contribution);
    }
    remove_strikes_of(session, content);
}

static void halve_points(unsigned char *at)
{
    double half = load_amount(at) / 2;
    store_double(at, half < 0.001 ? 0 : half);
}

void wd_take_back_half(struct wd_session *session)
{
    if (session->repeated)
        return;
    unsigned char *cell = NULL;
    while ((cell = cell_next(session, WD_CELL_SCORE, cell))) {
        halve_points(cell_data(cell));
        session->changed = true;
    }
    cell = cell_find(session, WD_CELL_CONTRIBUTIONS, 0);
    for (size_t at = 0; cell && at < cell_len(cell); at += contribution_size(cell_data(cell) + at))
        if (cell_find(session, WD_CELL_SCORE, load32(cell_data(cell) + at + 6)))
            store_double(cell_data(cell) + at + 10, load_amount(cell_data(cell) + at + 10) / 2);
    for (cell = NULL; (cell = cell_next(session, WD_CELL_STRIKES, cell));) {
        if (list_count(cell, STRIKES) == 0)
            continue;
        cell = list_remove(session, cell, STRIKES, list_count(cell, STRIKES) - 1);
        session->changed = true;
    }
}

static void drop_all(struct wd_session *session, enum wd_cell_kind kind)
{
    unsigned char *cell;
    while ((cell = cell_next(session, kind, NULL))) {
        cell_drop(session, cell);
        session->changed = true;
    }
}

void wd_forget_guilt(struct wd_session *session, bool is_pardon)
{
    if (session->repeated)
        return;
    drop_all(session, WD_CELL_SCORE);
    drop_all(session, WD_CELL_STRIKES);
    drop_all(session, WD_CELL_CONTRIBUTIONS);
    if (is_pardon)
        profile_pardon(session);
}

bool wd_is_cleared(struct wd_session *session, uint64_t content)
{
    unsigned char *cell = cell_find(session, WD_CELL_CLEARED, 0);
    for (size_t i = 0; cell && i < list_count(cell, CLEARED); i++)
        if (load64(list_entry(cell, CLEARED, i)) == content)
            return true;
    return false;
}
