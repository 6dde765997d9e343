/* See candidates.h. */
#include "filters/patterns/candidates.h"

#include <stdlib.h>

/* So many occurrences of native strings, beside one candidate a rule, are kept of a text. */
enum { OCCURRENCES_MAX = 32768 };

static bool is_live(const struct scan *scan, uint32_t index)
{
    const struct rule *rule = &scan->set->rules[index];
    const struct wd_scan_request *request = scan->request;
    if (!(rule->views & request->views) || (request->only_case_sensitive && rule->caseless))
        return false;
    return !request->skip || !(request->skip[index / 64] >> (index % 64) & 1);
}

static void push(struct scan *scan, struct found found)
{
    struct wd_pattern_scratch *scratch = scan->scratch;
    scan->full = scratch->found_count >= scan->set->count + OCCURRENCES_MAX;
    if (scan->full)
        return;
    if (scratch->found_count == scratch->found_capacity) {
        size_t capacity = scratch->found_capacity ? scratch->found_capacity * 2 : 256;
        struct found *grown = realloc(scratch->found, capacity * sizeof *grown);
        if (!grown) {
            scan->no_memory = true;
            return;
        }
        scratch->found = grown;
        scratch->found_capacity = capacity;
    }
    scratch->found[scratch->found_count++] = found;
    scratch->slots[found.rule] = (uint32_t)scratch->found_count;
}

static void add_candidate(struct scan *scan, uint32_t rule, uint64_t where)
{
    uint32_t slot = scan->scratch->slots[rule];
    if (!slot)
        push(scan, (struct found){.rule = rule, .rank = CANDIDATE_RANK, .where = where});
    else
        scan->scratch->found[slot - 1].where |= where;
}

static void add_occurrence(struct scan *scan, struct found found)
{
    uint32_t slot = scan->scratch->slots[found.rule];
    if (!slot || scan->set->rules[found.rule].all_hits) {
        push(scan, found);
        return;
    }
    struct found *best = &scan->scratch->found[slot - 1];
    if (found.start < best->start || (found.start == best->start && found.rank < best->rank))
        *best = found;
}

/* ---- literals ---- */

/* Whether an occurrence tells nothing new: its rule is a candidate, and the text is matched in one piece. */
static bool is_known(const struct scan *scan, const struct indexed_literal *literal)
{
    uint32_t slot = scan->scratch->slots[literal->rule];
    return !literal->native && slot && (!scan->is_long || scan->scratch->found[slot - 1].where == UINT64_MAX);
}

static void check_literal(struct scan *scan, const struct indexed_literal *literal, uint32_t at)
{
    const struct literal_index *index = scan->literals;
    struct found found = {.rule = literal->rule, .rank = literal->rank};
    if (!literal_index_may_be(index, literal, &scan->scratch->text, at))
        return;
    if (!is_live(scan, literal->rule) || is_known(scan, literal))
        return;
    if (!literal_index_verify(index, literal, &scan->scratch->text, at, &found.start, &found.end))
        return;
    if (literal->native)
        add_occurrence(scan, found);
    else
        add_candidate(scan, literal->rule,
                      scan->is_long ? part_of_text(found.start, scan->request->text.len) : UINT64_MAX);
}

/* The literals of a width whose gram begins in the block from `from` on. False: no more is to be looked for. */
static bool scan_block(struct scan *scan, uint32_t width, struct gram_text text, size_t from)
{
    const struct literal_index *index = scan->literals;
    uint32_t *positions = scan->scratch->positions;
    size_t count = gram_index_probe(&index->grams, width, text, from, positions);
    watch_late(&scan->scratch->watch, text.len - from < GRAM_BLOCK ? text.len - from : GRAM_BLOCK);
    for (size_t i = 0; i < count; i++) {
        struct gram_range range = gram_index_look_up(&index->grams, width, text.bytes + positions[i]);
        if (watch_late(&scan->scratch->watch, (size_t)(range.end - range.first) + 1) || scan->full)
            return false;
        for (const uint64_t *gram = range.first; gram < range.end; gram++)
            if ((uint32_t)*gram == range.bytes)
                check_literal(scan, &index->literals[*gram >> 32], positions[i]);
    }
    return !scan->scratch->watch.late;
}

static void scan_literals(struct scan *scan)
{
    struct gram_text text = {.bytes = scan->scratch->text.bytes, .len = scan->scratch->text.len};
    bool go_on = true;
    for (uint32_t width = 1; width <= GRAM_WIDTH_MAX; width++)
        for (size_t from = 0; from < text.len && go_on && scan->literals->grams.by_width[width].count;
             from += GRAM_BLOCK)
            go_on = scan_block(scan, width, text, from);
}

/* ---- skeletons, gates ---- */

static void add_found(void *context, uint32_t rule)
{
    struct scan *scan = context;
    bool looks_far = scan->set->rules[rule].code.looks_back > PATTERN_PIECE_BEHIND;
    if (is_live(scan, rule) && (scan->pass == PASS_ALL || (scan->pass == PASS_FAR) == looks_far))
        add_candidate(scan, rule, scan->where);
}

static bool passes_gate(struct scan *scan, uint32_t rule, const struct folded_text *text)
{
    uint32_t gate = scan->set->rules[rule].gate;
    struct gate_scratch *scratch = &scan->scratch->gates;
    return gate == GATE_NONE || (gate_may_pass(&scan->set->gates, gate, scratch) &&
                                 gate_passes(&scan->set->gates, gate, text, scratch, &scan->scratch->watch));
}

bool candidates_pass_gate(struct scan *scan, uint32_t rule)
{
    return passes_gate(scan, rule, &scan->scratch->text);
}

static enum wd_status read_gates(struct scan *scan, const struct folded_text *text)
{
    if (scan->set->gates.gate_count == 0)
        return WD_OK;
    enum wd_status status = gate_reserve(&scan->scratch->gates, text->original.len);
    if (status == WD_OK)
        gate_read_text(&scan->set->gates, text, &scan->scratch->gates, &scan->scratch->watch);
    return status;
}

/* Rules that are found without a place. */
static enum wd_status find_in(struct scan *scan, const struct folded_text *text)
{
    const struct wd_patterns *set = scan->set;
    struct wd_pattern_scratch *scratch = scan->scratch;
    struct skeleton_caller caller = {.found = add_found, .context = scan, .watch = &scratch->watch};
    bool cased = scan->request->only_case_sensitive;
    size_t other_count = cased ? set->cased_other_count : set->other_count;
    enum wd_status status = WD_OK;
    if (!cased || set->cased_skeletons)
        status = skeleton_scan(&set->skeletons, text, &scratch->skeleton, scratch->positions, &caller);
    if (status == WD_OK)
        status = read_gates(scan, text);
    for (size_t i = 0; status == WD_OK && i < other_count && !scratch->watch.late; i++)
        if (passes_gate(scan, set->others[i], text))
            add_found(scan, set->others[i]);
    return status;
}

/* ---- long texts ---- */

/* The first byte of the folded text that comes from `origin` or what follows it. */
static size_t folded_from(const struct folded_text *text, size_t origin)
{
    size_t low = 0, high = text->len;
    if (text->aligned)
        return origin;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text->map[middle] < origin)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What PCRE2 sees of a window, and a little before it, as a text. It has no map: nobody asks it for places. */
static struct folded_text piece_of(const struct folded_text *text, const struct pattern_window *window)
{
    size_t start = window->start > PATTERN_PIECE_BEHIND ? window->start - PATTERN_PIECE_BEHIND : 0;
    start = pattern_char_boundary(text->original, start);
    size_t from = folded_from(text, start), to = folded_from(text, window->end);
    struct folded_text piece = *text;
    piece.original = (struct wd_str){.data = text->original.data + start, .len = window->end - start};
    piece.bytes = text->bytes + from;
    piece.len = to - from;
    return piece;
}

/* A hit is within a window, so what it needs is there, too; only what a rule looks back to can be far before it. */
static enum wd_status find_in_windows(struct scan *scan)
{
    const struct folded_text *text = &scan->scratch->text;
    uint32_t bytes = scan->set->subject_bytes;
    struct pattern_window window = pattern_window_first(text->original, bytes);
    enum wd_status status = WD_OK;
    scan->pass = PASS_NEAR;
    do {
        struct folded_text piece = piece_of(text, &window);
        size_t middle = window.start + bytes / 2; /* of this window alone, unless it is the last */
        scan->where = part_of_text(middle < window.end ? middle : window.end - 1, text->original.len);
        status = find_in(scan, &piece);
    } while (status == WD_OK && !scan->scratch->watch.late && pattern_window_next(text->original, bytes, &window));
    scan->pass = PASS_FAR;
    scan->where = UINT64_MAX;
    if (status != WD_OK)
        return status;
    return scan->set->looks_far ? find_in(scan, text) : read_gates(scan, text);
}

enum wd_status candidates_find(struct scan *scan)
{
    bool apart = scan->request->only_case_sensitive && scan->set->cased_apart;
    scan->literals = apart ? &scan->set->cased_literals : &scan->set->literals;
    scan_literals(scan);
    scan->where = UINT64_MAX;
    return scan->is_long ? find_in_windows(scan) : find_in(scan, &scan->scratch->text);
}
