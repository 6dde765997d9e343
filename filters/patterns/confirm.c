/* PCRE2 with our settings: UTF, UCP, LF newlines, JIT where the machine allows it, a match limit, a JIT stack of
 * 256 KB, windows for long texts. Always holds: an attempt that PCRE2 gives up is 'undecided', never 'no match'. */
#include "filters/patterns/confirm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JIT_STACK_MIN = 32 * 1024, JIT_STACK_MAX = 256 * 1024 };
/* The clock is read after each attempt, and after twice as many the next time as long as they are short: most take far
 * less than 1 microsecond, but one can take milliseconds under the match limit. */
enum { ATTEMPTS_A_READING_MAX = 32, SHORT_NS = 2000 };
/* Memory of the interpreter where there is no JIT, in KiB. */
enum { INTERPRETER_HEAP_KIB = 4096 };

enum wd_status pcre_compiler_init(struct pcre_compiler *compiler, struct wd_error *err)
{
    *compiler = (struct pcre_compiler){0};
    compiler->context = pcre2_compile_context_create(NULL);
    if (!compiler->context || pcre2_set_newline(compiler->context, PCRE2_NEWLINE_LF) != 0) {
        pcre_compiler_fini(compiler);
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the pattern compiler");
    }
    return WD_OK;
}

void pcre_compiler_fini(struct pcre_compiler *compiler)
{
    pcre2_compile_context_free(compiler->context);
    *compiler = (struct pcre_compiler){0};
}

static enum wd_status compile_failure(int code, size_t offset, struct wd_error *err)
{
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return wd_fail(err, WD_ERR_MEMORY, "no memory to compile a pattern");
    char words[256];
    if (pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof words) < 0)
        snprintf(words, sizeof words, "error %d of PCRE2", code);
    enum wd_status status = wd_fail(err, WD_ERR_INVALID, "%s at byte %zu of the pattern", words, offset);
    if (err)
        err->column = offset < INT32_MAX ? (int)offset + 1 : 0;
    return status;
}

static enum wd_status compile_text(struct pcre_compiler *compiler, struct wd_str pattern, bool caseless, size_t prefix,
                                   pcre2_code **out, struct wd_error *err)
{
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (caseless ? PCRE2_CASELESS : 0);
    int code = 0;
    size_t offset = 0;
    *out = pcre2_compile((PCRE2_SPTR)(pattern.data ? pattern.data : ""), pattern.len, options, &code, &offset,
                         compiler->context);
    if (!*out)
        return compile_failure(code, offset >= prefix ? offset - prefix : 0, err);
    return WD_OK;
}

enum wd_status pcre_code_check(struct pcre_compiler *compiler, struct wd_str pattern, bool caseless,
                               struct wd_error *err)
{
    pcre2_code *code = NULL;
    enum wd_status status = compile_text(compiler, pattern, caseless, 0, &code, err);
    pcre2_code_free(code);
    return status;
}

static enum wd_status compile_behind(struct wd_str prefix, struct pcre_compiler *compiler, struct wd_str pattern,
                                     bool caseless, pcre2_code **out, struct wd_error *err)
{
    char *joined = malloc(prefix.len + pattern.len);
    if (!joined)
        return wd_fail(err, WD_ERR_MEMORY, "no memory to compile a pattern");
    memcpy(joined, prefix.data, prefix.len);
    memcpy(joined + prefix.len, pattern.data, pattern.len);
    struct wd_str text = {.data = joined, .len = prefix.len + pattern.len};
    enum wd_status status = compile_text(compiler, text, caseless, prefix.len, out, err);
    free(joined);
    return status;
}

/* Where nothing repeats, an attempt from each start is short and the match limit is enough. Else PCRE2 is made to call
 * back at each start (its search for possible starts still comes first), so that the deadline holds within a search.
 * What a pattern begins with as in (*VERB) must stay its beginning. */
static bool may_be_slow(struct wd_str pattern)
{
    if (pattern.len >= 2 && memcmp(pattern.data, "(*", 2) == 0)
        return false;
    for (size_t i = 0; i < pattern.len; i++)
        if (strchr("*+{", pattern.data[i]))
            return true;
    return false;
}

enum wd_status pcre_code_init(struct pcre_code *compiled, struct pcre_compiler *compiler, struct wd_str pattern,
                              bool caseless, bool line_start, struct wd_error *err)
{
    *compiled = (struct pcre_code){.line_start = line_start};
    const char *prefix = line_start ? "(?m:^)(?C)" : may_be_slow(pattern) ? "(?C)" : "";
    enum wd_status status = *prefix
                                ? compile_behind(wd_str_from(prefix), compiler, pattern, caseless, &compiled->code, err)
                                : compile_text(compiler, pattern, caseless, 0, &compiled->code, err);
    if (status != WD_OK)
        return status;
    compiled->jit = pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE) == 0;
    return WD_OK;
}

void pcre_code_fini(struct pcre_code *compiled)
{
    pcre2_code_free(compiled->code);
    compiled->code = NULL;
}

size_t pcre_code_bytes(const struct pcre_code *compiled)
{
    size_t size = 0, jit = 0;
    if (!compiled->code)
        return 0;
    pcre2_pattern_info(compiled->code, PCRE2_INFO_SIZE, &size);
    pcre2_pattern_info(compiled->code, PCRE2_INFO_JITSIZE, &jit);
    return size + jit;
}

static bool is_late(struct pcre_matcher *matcher)
{
    const struct wd_scan_timing *timing = matcher->timing;
    if (!timing || timing->deadline_ns == UINT64_MAX || ++matcher->attempts < matcher->attempts_a_reading)
        return matcher->late;
    uint64_t now = timing->clock(timing->clock_context);
    if (now - matcher->read_ns > SHORT_NS)
        matcher->attempts_a_reading = 1;
    else if (matcher->attempts_a_reading < ATTEMPTS_A_READING_MAX)
        matcher->attempts_a_reading = matcher->attempts_a_reading ? 2 * matcher->attempts_a_reading : 1;
    matcher->attempts = 0;
    matcher->read_ns = now;
    matcher->late = now > timing->deadline_ns;
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

/* A piece of the text that one call of PCRE2 sees: it may start anywhere from `start` on and sees bytes up to `end`;
 * hits that start at or after `accept_before` belong to the next window, which sees more of what follows them. */
struct window {
    size_t start, end, accept_before;
};

static size_t char_boundary_before(struct wd_str text, size_t at)
{
    while (at > 0 && at < text.len && ((unsigned char)text.data[at] & 0xC0) == 0x80)
        at--;
    return at;
}

static struct window first_window(struct wd_str text, uint32_t subject_bytes)
{
    if (text.len <= subject_bytes)
        return (struct window){.start = 0, .end = text.len, .accept_before = SIZE_MAX};
    size_t end = char_boundary_before(text, subject_bytes);
    return (struct window){
        .start = 0, .end = end, .accept_before = char_boundary_before(text, end - PATTERN_WINDOW_OVERLAP)};
}

/* False after the last one. */
static bool next_window(struct wd_str text, uint32_t subject_bytes, struct window *window)
{
    if (window->accept_before == SIZE_MAX)
        return false;
    size_t start = window->accept_before;
    if (text.len - start <= subject_bytes) {
        *window = (struct window){.start = start, .end = text.len, .accept_before = SIZE_MAX};
        return true;
    }
    size_t end = char_boundary_before(text, start + subject_bytes);
    *window = (struct window){
        .start = start, .end = end, .accept_before = char_boundary_before(text, end - PATTERN_WINDOW_OVERLAP)};
    return true;
}

static size_t after_char(struct wd_str text, size_t at)
{
    at++;
    while (at < text.len && ((unsigned char)text.data[at] & 0xC0) == 0x80)
        at++;
    return at;
}

/* A line-start pattern must see its window as a text of its own, or a long line would have no start in later windows.
 */
static int match_once(const struct pcre_code *compiled, struct pcre_matcher *matcher, const char *text, size_t end,
                      size_t from, uint32_t options)
{
    if (compiled->jit)
        return pcre2_jit_match(compiled->code, (PCRE2_SPTR)text, end, from, options | PCRE2_NO_UTF_CHECK, matcher->data,
                               matcher->context);
    return pcre2_match(compiled->code, (PCRE2_SPTR)text, end, from, options | PCRE2_NO_UTF_CHECK, matcher->data,
                       matcher->context);
}

struct window_result {
    size_t resume; /* where the next hit may start */
    size_t found;
    bool undecided;
};

static enum wd_status confirm_window(const struct pcre_code *compiled, struct pcre_matcher *matcher,
                                     const struct pcre_search *job, const struct window *window,
                                     struct pattern_hits *hits, struct window_result *result)
{
    size_t base = compiled->line_start ? window->start : 0;
    uint32_t options = window->end < job->text.len ? PCRE2_NOTEOL : 0;
    size_t from = result->resume > window->start ? result->resume : window->start;
    while (from <= window->end && result->found < PATTERN_HITS_MAX) {
        int rc = match_once(compiled, matcher, job->text.data + base, window->end - base, from - base, options);
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
    struct window window = first_window(job->text, job->subject_bytes);
    do {
        enum wd_status status = confirm_window(compiled, matcher, job, &window, hits, &result);
        if (status != WD_OK)
            return status;
        if (result.found > 0 && !job->all_hits)
            return WD_OK;
        if (!next_window(job->text, job->subject_bytes, &window))
            break;
        matcher->attempts = ATTEMPTS_A_READING_MAX; /* so that the clock is read */
        result.undecided |= is_late(matcher);
    } while (!matcher->late);
    if (result.undecided && result.found == 0)
        return pattern_hits_add(hits, (struct wd_hit){.pattern = job->pattern, .undecided = true});
    return WD_OK;
}
