/* PCRE2 with a match limit, a JIT stack of 256 KB, windows for long texts, and a deadline. Always holds: an attempt
 * that PCRE2 gives up is 'undecided', never 'no match'. */
#include "filters/patterns/confirm.h"

#include <stdlib.h>

enum { JIT_STACK_MIN = 32 * 1024, JIT_STACK_MAX = 256 * 1024 };
/* The clock is read after each attempt, and after twice as many the next time as long as they are short: most take far
 * less than 1 microsecond, but one can take milliseconds under the match limit. */
enum { ATTEMPTS_A_READING_MAX = 16, SHORT_NS = 2000 };
/* What an attempt of the plain program may take, in characters walked over, where there is a watched one. */
enum { QUICK_STEPS = 200000 };
/* Memory of the interpreter where there is no JIT, in KiB. */
enum { INTERPRETER_HEAP_KIB = 4096 };

static bool is_late(struct pcre_matcher *matcher)
{
    struct wd_scan_timing *timing = matcher->timing;
    if (!timing || timing->deadline_ns == UINT64_MAX || ++matcher->attempts < matcher->attempts_a_reading)
        return matcher->late;
    uint64_t now = timing->clock(timing->clock_context);
    if (now - matcher->read_ns > SHORT_NS)
        matcher->attempts_a_reading = 1;
    else if (matcher->attempts_a_reading < ATTEMPTS_A_READING_MAX)
        matcher->attempts_a_reading = matcher->attempts_a_reading ? 2 * matcher->attempts_a_reading : 1;
    matcher->attempts = 0;
    matcher->read_ns = now;
    matcher->late = wd_timing_is_late(timing, now);
    return matcher->late;
}

static int at_attempt(pcre2_callout_block *block, void *matcher)
{
    (void)block;
    return is_late(matcher) ? PCRE2_ERROR_CALLOUT : 0;
}

enum wd_status pcre_matcher_init(struct pcre_matcher *matcher)
{
    matcher->data = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    matcher->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    if (!matcher->data || !matcher->context) {
        pcre_matcher_fini(matcher);
        return WD_ERR_MEMORY;
    }
    /* Without JIT in this PCRE2 there is no stack either, and none is needed. */
    if (matcher->stack)
        pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
    pcre2_set_heap_limit(matcher->context, INTERPRETER_HEAP_KIB);
    pcre2_set_callout(matcher->context, at_attempt, matcher);
    return WD_OK;
}

void pcre_matcher_fini(struct pcre_matcher *matcher)
{
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    pcre2_jit_stack_free(matcher->stack);
    *matcher = (struct pcre_matcher){0};
}

enum wd_status pattern_hits_add(struct pattern_hits *list, struct wd_hit hit)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        struct wd_hit *grown = realloc(list->hits, capacity * sizeof *grown);
        if (!grown)
            return WD_ERR_MEMORY;
        list->hits = grown;
        list->capacity = capacity;
    }
    list->hits[list->count++] = hit;
    return WD_OK;
}

size_t pattern_char_boundary(struct wd_str text, size_t at)
{
    while (at > 0 && at < text.len && ((unsigned char)text.data[at] & 0xC0) == 0x80)
        at--;
    return at;
}

struct pattern_window pattern_window_first(struct wd_str text, uint32_t subject_bytes)
{
    if (text.len <= subject_bytes)
        return (struct pattern_window){.start = 0, .end = text.len, .accept_before = SIZE_MAX};
    size_t end = pattern_char_boundary(text, subject_bytes);
    return (struct pattern_window){
        .start = 0, .end = end, .accept_before = pattern_char_boundary(text, end - PATTERN_WINDOW_OVERLAP)};
}

bool pattern_window_next(struct wd_str text, uint32_t subject_bytes, struct pattern_window *window)
{
    if (window->accept_before == SIZE_MAX)
        return false;
    size_t start = window->accept_before;
    if (text.len - start <= subject_bytes) {
        *window = (struct pattern_window){.start = start, .end = text.len, .accept_before = SIZE_MAX};
        return true;
    }
    size_t end = pattern_char_boundary(text, start + subject_bytes);
    *window = (struct pattern_window){
        .start = start, .end = end, .accept_before = pattern_char_boundary(text, end - PATTERN_WINDOW_OVERLAP)};
    return true;
}

/* A hit in the window has what the index found at or behind its start, or so far before it as the pattern looks back.
 */
static bool may_be_in(const struct pattern_window *window, const struct pcre_search *job, size_t looks_back)
{
    if (job->where == UINT64_MAX || window->end == window->start)
        return true;
    size_t from = window->start > looks_back ? window->start - looks_back : 0, len = job->text.len;
    uint64_t first = part_of_text(from, len), last = part_of_text(window->end - 1, len);
    return job->where & (last | (last - first));
}

static size_t after_char(struct wd_str text, size_t at)
{
    at++;
    while (at < text.len && ((unsigned char)text.data[at] & 0xC0) == 0x80)
        at++;
    return at;
}

struct subject {
    const char *text;
    size_t len;
};

static int run(const struct pcre_program *program, struct pcre_matcher *matcher, const struct subject *subject,
               size_t from, uint32_t options)
{
    PCRE2_SPTR text = (PCRE2_SPTR)subject->text;
    options |= PCRE2_NO_UTF_CHECK;
    if (program->jit)
        return pcre2_jit_match(program->code, text, subject->len, from, options, matcher->data, matcher->context);
    return pcre2_match(program->code, text, subject->len, from, options, matcher->data, matcher->context);
}

static bool has_deadline(const struct pcre_matcher *matcher)
{
    return matcher->timing && matcher->timing->deadline_ns != UINT64_MAX;
}

/* Between two backtracks that PCRE2 counts lies at most one walk over the subject. */
static uint32_t quick_limit(const struct pcre_matcher *matcher, size_t len)
{
    size_t limit = matcher->quick_limit ? matcher->quick_limit : QUICK_STEPS / (len + 1) + 1;
    return limit < matcher->match_limit ? (uint32_t)limit : matcher->match_limit;
}

/* The plain program first; where an attempt is not soon at its end, the one that the deadline can end. */
static int match_once(const struct pcre_code *compiled, struct pcre_matcher *matcher, const struct subject *subject,
                      size_t from, uint32_t options)
{
    if (!compiled->watched.code || !has_deadline(matcher))
        return run(&compiled->plain, matcher, subject, from, options);
    pcre2_set_match_limit(matcher->context, quick_limit(matcher, subject->len));
    int rc = run(&compiled->plain, matcher, subject, from, options);
    pcre2_set_match_limit(matcher->context, matcher->match_limit);
    return rc == PCRE2_ERROR_MATCHLIMIT ? run(&compiled->watched, matcher, subject, from, options) : rc;
}

struct window_result {
    size_t resume; /* where the next hit may start */
    size_t found;
    bool undecided;
};

static enum wd_status confirm_window(const struct pcre_code *compiled, struct pcre_matcher *matcher,
                                     const struct pcre_search *job, const struct pattern_window *window,
                                     struct pattern_hits *hits, struct window_result *result)
{
    /* A line-start pattern must see its window as a text of its own, or a long line would have no start in later
     * windows. */
    size_t base = compiled->line_start ? window->start : 0;
    struct subject subject = {.text = job->text.data + base, .len = window->end - base};
    uint32_t options = window->end < job->text.len ? PCRE2_NOTEOL : 0;
    size_t from = result->resume > window->start ? result->resume : window->start;
    while (from <= window->end && result->found < PATTERN_HITS_MAX) {
        int rc = match_once(compiled, matcher, &subject, from - base, options);
        if (rc == PCRE2_ERROR_NOMATCH)
            return WD_OK;
        if (rc == PCRE2_ERROR_NOMEMORY)
            return WD_ERR_MEMORY;
        if (rc < 0) {
            result->undecided = true;
            return WD_OK;
        }
        const PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(matcher->data);
        size_t start = ovector[0] + base, end = ovector[1] + base;
        if (start >= window->accept_before)
            return WD_OK;
        struct wd_hit hit = {
            .pattern = job->pattern, .start = (uint32_t)start, .end = (uint32_t)(end > start ? end : start)};
        if (pattern_hits_add(hits, hit) != WD_OK)
            return WD_ERR_MEMORY;
        result->found++;
        from = end > start ? end : after_char(job->text, start);
        result->resume = from;
        if (!job->all_hits)
            return WD_OK;
    }
    return WD_OK;
}

enum wd_status pcre_code_search(const struct pcre_code *compiled, struct pcre_matcher *matcher,
                                const struct pcre_search *job, struct pattern_hits *hits)
{
    struct window_result result = {0};
    struct pattern_window window = pattern_window_first(job->text, job->subject_bytes);
    do {
        enum wd_status status = WD_OK;
        if (may_be_in(&window, job, compiled->looks_back))
            status = confirm_window(compiled, matcher, job, &window, hits, &result);
        if (status != WD_OK)
            return status;
        if (result.found > 0 && !job->all_hits)
            return WD_OK;
        if (!pattern_window_next(job->text, job->subject_bytes, &window))
            break;
        matcher->attempts = ATTEMPTS_A_READING_MAX; /* so that the clock is read */
        result.undecided |= is_late(matcher);
    } while (!matcher->late);
    if (result.undecided && result.found == 0)
        return pattern_hits_add(hits, (struct wd_hit){.pattern = job->pattern, .undecided = true});
    return WD_OK;
}
