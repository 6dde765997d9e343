/* One scan: fold, let the indexes name what could match, confirm. Always holds: a live rule that matches is either
 * found natively or named a candidate; what is reported was confirmed. */
#include "filters/patterns/set.h"

#include <stdlib.h>
#include <string.h>

enum { CANDIDATE_RANK = UINT16_MAX + 1 };
/* So many occurrences of native strings, beside one candidate a rule, are kept of a text. */
enum { OCCURRENCES_MAX = 32768 };

struct scan {
    const struct wd_patterns *set;
    struct wd_pattern_scratch *scratch;
    const struct wd_scan_request *request;
    bool no_memory, full;
};

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

static void add_candidate(struct scan *scan, uint32_t rule)
{
    if (!scan->scratch->slots[rule])
        push(scan, (struct found){.rule = rule, .rank = CANDIDATE_RANK});
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

static void check_literal(struct scan *scan, const struct indexed_literal *literal, uint32_t at)
{
    const struct literal_index *index = &scan->set->literals;
    struct found found = {.rule = literal->rule, .rank = literal->rank};
    if (!is_live(scan, literal->rule) || (!literal->native && scan->scratch->slots[literal->rule]))
        return;
    if (!literal_index_verify(index, literal, &scan->scratch->text, at, &found.start, &found.end))
        return;
    if (literal->native)
        add_occurrence(scan, found);
    else
        add_candidate(scan, literal->rule);
}

/* The literals of a width whose gram begins in the block from `from` on. False: no more is to be looked for. */
static bool scan_block(struct scan *scan, uint32_t width, struct gram_text text, size_t from)
{
    const struct literal_index *index = &scan->set->literals;
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
        for (size_t from = 0; from < text.len && go_on && scan->set->literals.grams.by_width[width].count;
             from += GRAM_BLOCK)
            go_on = scan_block(scan, width, text, from);
}

static void add_live_candidate(void *context, uint32_t rule)
{
    struct scan *scan = context;
    if (is_live(scan, rule))
        add_candidate(scan, rule);
}

static bool passes_gate(const struct scan *scan, uint32_t rule)
{
    uint32_t gate = scan->set->rules[rule].gate;
    return gate == GATE_NONE ||
           gate_passes(&scan->set->gates, gate, &scan->scratch->text, &scan->scratch->gates, &scan->scratch->watch);
}

bool wd_timing_is_late(struct wd_scan_timing *timing, uint64_t now_ns)
{
    if (now_ns <= timing->deadline_ns)
        return false;
    if (!timing->processor_clock)
        return true;
    uint64_t busy_ns = timing->processor_clock(timing->clock_context);
    if (!timing->processor_deadline_ns)
        timing->processor_deadline_ns = busy_ns + timing->reserve_ns;
    if (busy_ns >= timing->processor_deadline_ns)
        return true;
    timing->deadline_ns = now_ns + (timing->processor_deadline_ns - busy_ns);
    return false;
}

/* ---- order ---- */

static bool comes_before(const struct found *a, const struct found *b)
{
    if (a->rule != b->rule)
        return a->rule < b->rule;
    return a->start != b->start ? a->start < b->start : a->rank < b->rank;
}

static void sift_down(struct found *items, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && comes_before(&items[child], &items[child + 1]))
            child++;
        if (!comes_before(&items[at], &items[child]))
            return;
        struct found swap = items[at];
        items[at] = items[child];
        items[child] = swap;
    }
}

/* In place and without memory of its own, as qsort is not. */
static void sort_found(struct found *items, size_t count)
{
    if (count <= 32) {
        for (size_t i = 1; i < count; i++) {
            struct found item = items[i];
            size_t k = i;
            for (; k > 0 && comes_before(&item, &items[k - 1]); k--)
                items[k] = items[k - 1];
            items[k] = item;
        }
        return;
    }
    for (size_t i = count / 2; i-- > 0;)
        sift_down(items, i, count);
    for (size_t end = count - 1; end > 0; end--) {
        struct found swap = items[0];
        items[0] = items[end];
        items[end] = swap;
        sift_down(items, 0, end);
    }
}

/* ---- confirming ---- */

/* Reports the native hits of one rule, leftmost first and not overlapping; returns how many entries they were. */
static size_t report_native(struct scan *scan, const struct found *found, size_t count)
{
    uint32_t rule = found->rule, resume = 0;
    size_t used = 0, reported = 0;
    for (; used < count && found[used].rule == rule; used++) {
        if (found[used].start < resume || reported == PATTERN_HITS_MAX)
            continue;
        struct wd_hit hit = {.pattern = rule, .start = found[used].start, .end = found[used].end};
        if (pattern_hits_add(&scan->scratch->hits, hit) != WD_OK)
            scan->no_memory = true;
        resume = hit.end;
        reported++;
    }
    return used;
}

static enum wd_status confirm_candidate(struct scan *scan, uint32_t index)
{
    const struct rule *rule = &scan->set->rules[index];
    struct pcre_search search = {.text = scan->scratch->text.original,
                                 .pattern = index,
                                 .subject_bytes = scan->set->subject_bytes,
                                 .all_hits = rule->all_hits};
    return pcre_code_search(&rule->code, &scan->scratch->matcher, &search, &scan->scratch->hits);
}

/* Confirms a candidate and tells what it took. *now holds the time before and after. */
static enum wd_status confirm_timed(struct scan *scan, uint32_t index, uint64_t *now)
{
    struct wd_scan_timing *timing = scan->request->timing;
    enum wd_status status = confirm_candidate(scan, index);
    uint64_t before = *now, took;
    *now = timing->clock(timing->clock_context);
    took = *now - before;
    if (status == WD_OK && took > timing->suspicious_ns && !wd_timing_is_late(timing, *now)) {
        size_t hits = scan->scratch->hits.count;
        before = *now;
        status = confirm_candidate(scan, index);
        scan->scratch->hits.count = hits; /* it told the same again */
        *now = timing->clock(timing->clock_context);
        if (*now - before < took)
            took = *now - before;
    }
    if (timing->took)
        timing->took(timing->took_context, index, took);
    return status;
}

static enum wd_status confirm_all(struct scan *scan, struct wd_scan_result *result)
{
    struct wd_pattern_scratch *scratch = scan->scratch;
    struct wd_scan_timing *timing = scan->request->timing;
    uint64_t now = 0;
    result->budget_ended = scratch->watch.late || scan->full;
    sort_found(scratch->found, scratch->found_count);
    for (size_t i = 0; i < scratch->found_count;) {
        const struct found *found = &scratch->found[i];
        result->candidates++;
        if (found->rank != CANDIDATE_RANK) {
            i += report_native(scan, found, scratch->found_count - i);
            continue;
        }
        i++;
        if (result->budget_ended || !passes_gate(scan, found->rule))
            continue;
        if (timing && !now)
            now = timing->clock(timing->clock_context);
        result->budget_ended = timing && wd_timing_is_late(timing, now);
        if (result->budget_ended)
            continue;
        enum wd_status status = timing ? confirm_timed(scan, found->rule, &now) : confirm_candidate(scan, found->rule);
        if (status != WD_OK)
            return status;
    }
    result->budget_ended |= scratch->matcher.late || scratch->watch.late || scan->full;
    return scan->no_memory ? WD_ERR_MEMORY : WD_OK;
}

/* ---- the scan ---- */

static enum wd_status reserve(const struct wd_patterns *set, struct wd_pattern_scratch *scratch)
{
    if (!scratch->positions)
        scratch->positions = malloc(GRAM_POSITIONS_MAX * sizeof *scratch->positions);
    if (!scratch->positions)
        return WD_ERR_MEMORY;
    if (set->count > scratch->slots_capacity) {
        uint32_t *slots = calloc(set->count, sizeof *slots);
        if (!slots)
            return WD_ERR_MEMORY;
        free(scratch->slots);
        scratch->slots = slots;
        scratch->slots_capacity = set->count;
    }
    return WD_OK;
}

static enum wd_status find_all(struct scan *scan)
{
    const struct wd_patterns *set = scan->set;
    struct wd_pattern_scratch *scratch = scan->scratch;
    scan_literals(scan);
    struct skeleton_caller caller = {.found = add_live_candidate, .context = scan, .watch = &scratch->watch};
    enum wd_status status =
        skeleton_scan(&set->skeletons, &scratch->text, &scratch->skeleton, scratch->positions, &caller);
    if (status == WD_OK && set->gates.gate_count > 0) {
        status = gate_reserve(&scratch->gates, scratch->text.original.len);
        if (status == WD_OK)
            gate_read_text(&set->gates, &scratch->text, &scratch->gates, &scratch->watch);
    }
    for (size_t i = 0; status == WD_OK && i < set->other_count && !scratch->watch.late; i++)
        if (passes_gate(scan, set->others[i]))
            add_live_candidate(scan, set->others[i]);
    return status;
}

enum wd_status wd_patterns_scan(const struct wd_patterns *set, struct wd_pattern_scratch *scratch,
                                const struct wd_scan_request *request, struct wd_scan_result *result_out)
{
    *result_out = (struct wd_scan_result){0};
    if (request->text.len > UINT32_MAX / 4)
        return WD_ERR_TOO_LARGE;
    struct wd_str text = request->text.data ? request->text : (struct wd_str){.data = "", .len = 0};
    scratch->text.wide = set->wide;
    watch_start(&scratch->watch, request->timing);
    if (folded_text_set(&scratch->text, text, &scratch->watch) != WD_OK || reserve(set, scratch) != WD_OK)
        return WD_ERR_MEMORY;
    struct scan scan = {.set = set, .scratch = scratch, .request = request};
    scratch->hits.count = 0;
    scratch->found_count = 0;
    pcre2_set_match_limit(scratch->matcher.context, set->match_limit);
    scratch->matcher.match_limit = set->match_limit;
    scratch->matcher.quick_limit = set->quick_limit;
    scratch->matcher.timing = request->timing;
    scratch->matcher.attempts = scratch->matcher.attempts_a_reading = 0;
    scratch->matcher.read_ns = 0;
    scratch->matcher.late = false;
    enum wd_status status = scratch->watch.late ? WD_OK : find_all(&scan);
    if (status == WD_OK)
        status = confirm_all(&scan, result_out);
    for (size_t i = 0; i < scratch->found_count; i++)
        scratch->slots[scratch->found[i].rule] = 0;
    result_out->hits = scratch->hits.hits;
    result_out->hit_count = scratch->hits.count;
    return status;
}

struct wd_pattern_scratch *wd_pattern_scratch_new(void)
{
    struct wd_pattern_scratch *scratch = calloc(1, sizeof *scratch);
    if (scratch && pcre_matcher_init(&scratch->matcher) != WD_OK) {
        free(scratch);
        return NULL;
    }
    return scratch;
}

void wd_pattern_scratch_free(struct wd_pattern_scratch *scratch)
{
    if (!scratch)
        return;
    pcre_matcher_fini(&scratch->matcher);
    folded_text_fini(&scratch->text);
    skeleton_scratch_fini(&scratch->skeleton);
    gate_scratch_fini(&scratch->gates);
    free(scratch->hits.hits);
    free(scratch->positions);
    free(scratch->found);
    free(scratch->slots);
    free(scratch);
}
