/* One scan: fold, let the indexes name what could match, confirm. Always holds: a live rule that matches is either
 * found natively or named a candidate; what is reported was confirmed. */
#include "filters/patterns/candidates.h"

#include <stdlib.h>
#include <string.h>

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

static enum wd_status confirm_candidate(struct scan *scan, const struct found *found)
{
    uint32_t index = found->rule;
    const struct rule *rule = &scan->set->rules[index];
    struct pcre_search search = {.text = scan->scratch->text.original,
                                 .where = found->where,
                                 .pattern = index,
                                 .subject_bytes = scan->set->subject_bytes,
                                 .all_hits = rule->all_hits};
    return pcre_code_search(&rule->code, &scan->scratch->matcher, &search, &scan->scratch->hits);
}

/* Confirms a candidate and tells what it took. *now holds the time before and after. */
static enum wd_status confirm_timed(struct scan *scan, const struct found *found, uint64_t *now)
{
    struct wd_scan_timing *timing = scan->request->timing;
    enum wd_status status = confirm_candidate(scan, found);
    uint64_t before = *now, took;
    *now = timing->clock(timing->clock_context);
    took = *now - before;
    if (status == WD_OK && took > timing->suspicious_ns && !wd_timing_is_late(timing, *now)) {
        size_t hits = scan->scratch->hits.count;
        before = *now;
        status = confirm_candidate(scan, found);
        scan->scratch->hits.count = hits; /* it told the same again */
        *now = timing->clock(timing->clock_context);
        if (*now - before < took)
            took = *now - before;
    }
    if (timing->took)
        timing->took(timing->took_context, found->rule, took);
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
        if (result->budget_ended || !candidates_pass_gate(scan, found->rule) || scan->request->only_candidates)
            continue;
        if (timing && !now)
            now = timing->clock(timing->clock_context);
        result->budget_ended = timing && wd_timing_is_late(timing, now);
        if (result->budget_ended)
            continue;
        enum wd_status status = timing ? confirm_timed(scan, found, &now) : confirm_candidate(scan, found);
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
    struct scan scan = {.set = set, .scratch = scratch, .request = request, .is_long = text.len > set->subject_bytes};
    scratch->hits.count = 0;
    scratch->found_count = 0;
    pcre2_set_match_limit(scratch->matcher.context, set->match_limit);
    scratch->matcher.match_limit = set->match_limit;
    scratch->matcher.quick_limit = set->quick_limit;
    scratch->matcher.timing = request->timing;
    scratch->matcher.attempts = scratch->matcher.attempts_a_reading = 0;
    scratch->matcher.read_ns = 0;
    scratch->matcher.late = false;
    enum wd_status status = scratch->watch.late ? WD_OK : candidates_find(&scan);
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
