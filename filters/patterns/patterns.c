/* The set: built once, shared by threads, scanned with a scratch that belongs to one. */
#include "filters/patterns/patterns.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/confirm.h"

struct rule {
    struct compiled compiled;
    uint32_t views;
    bool caseless, all_hits;
};

struct wd_patterns {
    struct rule *rules;
    size_t count;
    uint32_t match_limit, subject_bytes;
};

struct wd_pattern_scratch {
    struct matcher matcher;
    struct hit_list hits;
};

static bool is_ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void append_literal(char **at, struct wd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool word = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!word && c > ' ' && c < 0x7F)
            *(*at)++ = '\\';
        *(*at)++ = (char)c;
    }
}

static char *literal_pattern(const struct wd_pattern *pattern, size_t *len_out)
{
    char *out = malloc(pattern->text.len * 3 + 32);
    if (!out)
        return NULL;
    char *at = out;
    bool word = pattern->kind == WD_PATTERN_WORD;
    struct wd_str rest = pattern->text;
    if (word)
        at = stpcpy(at, "(?<!\\w)");
    while (rest.len > 0) {
        size_t n = 0;
        while (n < rest.len && !(word && is_ascii_space(rest.data[n])))
            n++;
        append_literal(&at, (struct wd_str){.data = rest.data, .len = n});
        size_t spaces = n;
        while (spaces < rest.len && is_ascii_space(rest.data[spaces]))
            spaces++;
        if (n < rest.len)
            at = stpcpy(at, "\\s+");
        rest = (struct wd_str){.data = rest.data + spaces, .len = rest.len - spaces};
    }
    if (word)
        at = stpcpy(at, "(?!\\w)");
    *len_out = (size_t)(at - out);
    return out;
}

static enum wd_status compile_rule(struct rule *rule, struct compiler *compiler, const struct wd_pattern *pattern,
                                   struct wd_error *err)
{
    rule->views = pattern->views;
    rule->caseless = pattern->caseless;
    rule->all_hits = pattern->all_hits;
    if (pattern->kind == WD_PATTERN_REGEX)
        return compiled_init(&rule->compiled, compiler, pattern->text, pattern->caseless, false, err);
    if (pattern->text.len == 0)
        return wd_fail(err, WD_ERR_INVALID, "a text to look for must not be empty");
    struct wd_str text = {0};
    char *made = literal_pattern(pattern, &text.len);
    if (!made)
        return wd_fail(err, WD_ERR_MEMORY, "no memory to compile a pattern");
    text.data = made;
    enum wd_status status = compiled_init(&rule->compiled, compiler, text, pattern->caseless, false, err);
    free(made);
    return status;
}

enum wd_status wd_patterns_new(const struct wd_pattern *patterns, size_t count,
                               const struct wd_patterns_options *options, struct wd_patterns **out, size_t *bad_out,
                               struct wd_error *err)
{
    struct compiler compiler;
    enum wd_status status = compiler_init(&compiler, err);
    if (status != WD_OK)
        return status;
    struct wd_patterns *set = calloc(1, sizeof *set);
    if (set)
        set->rules = calloc(count ? count : 1, sizeof *set->rules);
    if (!set || !set->rules) {
        wd_patterns_free(set);
        compiler_fini(&compiler);
        return wd_fail(err, WD_ERR_MEMORY, "no memory for %zu patterns", count);
    }
    set->match_limit = options && options->match_limit ? options->match_limit : 30000;
    set->subject_bytes = options && options->subject_bytes ? options->subject_bytes : 4096;
    if (set->subject_bytes < 2 * PATTERN_WINDOW_OVERLAP)
        set->subject_bytes = 2 * PATTERN_WINDOW_OVERLAP;
    for (size_t i = 0; i < count && status == WD_OK; i++) {
        status = compile_rule(&set->rules[i], &compiler, &patterns[i], err);
        set->count = i + 1;
        if (status != WD_OK && bad_out)
            *bad_out = i;
    }
    compiler_fini(&compiler);
    if (status != WD_OK) {
        wd_patterns_free(set);
        return status;
    }
    *out = set;
    return WD_OK;
}

void wd_patterns_free(struct wd_patterns *set)
{
    if (!set)
        return;
    for (size_t i = 0; set->rules && i < set->count; i++)
        compiled_fini(&set->rules[i].compiled);
    free(set->rules);
    free(set);
}

struct wd_pattern_scratch *wd_pattern_scratch_new(void)
{
    struct wd_pattern_scratch *scratch = calloc(1, sizeof *scratch);
    if (scratch && matcher_init(&scratch->matcher) != WD_OK) {
        free(scratch);
        return NULL;
    }
    return scratch;
}

void wd_pattern_scratch_free(struct wd_pattern_scratch *scratch)
{
    if (!scratch)
        return;
    matcher_fini(&scratch->matcher);
    free(scratch->hits.hits);
    free(scratch);
}

static bool is_live(const struct rule *rule, size_t index, const struct wd_scan_request *request)
{
    if (!(rule->views & request->views) || (request->only_case_sensitive && rule->caseless))
        return false;
    return !request->skip || !(request->skip[index / 64] >> (index % 64) & 1);
}

enum wd_status wd_patterns_scan(const struct wd_patterns *set, struct wd_pattern_scratch *scratch,
                                const struct wd_scan_request *request, struct wd_scan_result *result_out)
{
    *result_out = (struct wd_scan_result){0};
    if (request->text.len > UINT32_MAX / 4)
        return WD_ERR_TOO_LARGE;
    struct wd_str text = request->text.data ? request->text : (struct wd_str){.data = "", .len = 0};
    scratch->hits.count = 0;
    pcre2_set_match_limit(scratch->matcher.context, set->match_limit);
    for (size_t i = 0; i < set->count; i++) {
        const struct rule *rule = &set->rules[i];
        if (!is_live(rule, i, request))
            continue;
        result_out->candidates++;
        if (request->out_of_budget && request->out_of_budget(request->budget_context)) {
            result_out->budget_ended = true;
            break;
        }
        struct confirm_job job = {
            .text = text, .pattern = (uint32_t)i, .subject_bytes = set->subject_bytes, .all_hits = rule->all_hits};
        enum wd_status status = confirm(&rule->compiled, &scratch->matcher, &job, &scratch->hits);
        if (status != WD_OK)
            return status;
    }
    result_out->hits = scratch->hits.hits;
    result_out->hit_count = scratch->hits.count;
    return WD_OK;
}

enum wd_index_class wd_patterns_index_class(const struct wd_patterns *set, uint32_t pattern)
{
    (void)set;
    (void)pattern;
    return WD_INDEX_ALWAYS;
}

const char *wd_index_class_name(enum wd_index_class index_class)
{
    switch (index_class) {
    case WD_INDEX_LITERAL:
        return "literal";
    case WD_INDEX_SKELETON:
        return "skeleton";
    case WD_INDEX_CLASS:
        return "class";
    case WD_INDEX_RUN:
        return "run";
    case WD_INDEX_ALWAYS:
        return "always";
    }
    return "";
}

size_t wd_patterns_memory(const struct wd_patterns *set)
{
    size_t bytes = sizeof *set + set->count * sizeof *set->rules;
    for (size_t i = 0; i < set->count; i++)
        bytes += compiled_bytes(&set->rules[i].compiled);
    return bytes;
}
