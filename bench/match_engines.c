/* Our index, and PCRE2 JIT rule by rule, as engines of bench/match. */
#include "bench/match.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "filters/patterns/patterns.h"

/* ---- the index ---- */

struct index_engine {
    struct wd_patterns *set;
    struct wd_pattern_scratch *scratch;
};

static void *build_index(const struct match_rule *rules, size_t count, enum wd_vectors vectors)
{
    struct wd_patterns_options options = {.vectors = vectors};
    struct index_engine *engine = calloc(1, sizeof *engine);
    struct wd_pattern *patterns = calloc(count ? count : 1, sizeof *patterns);
    if (!engine || !patterns)
        abort();
    for (size_t i = 0; i < count; i++)
        patterns[i] = (struct wd_pattern){.text = rules[i].pattern, .caseless = rules[i].caseless, .views = 1};
    struct wd_error err;
    size_t bad = 0;
    if (wd_patterns_new(patterns, count, &options, &engine->set, &bad, &err) != WD_OK) {
        fprintf(stderr, "match: rule %zu: %s\n", bad, err.text);
        exit(1);
    }
    free(patterns);
    engine->scratch = wd_pattern_scratch_new();
    return engine;
}

static void *index_build(const struct match_rule *rules, size_t count)
{
    return build_index(rules, count, WD_VECTORS_BEST);
}

static void *avx2_build(const struct match_rule *rules, size_t count)
{
    return build_index(rules, count, WD_VECTORS_AVX2);
}

static void *portable_build(const struct match_rule *rules, size_t count)
{
    return build_index(rules, count, WD_VECTORS_NONE);
}

static size_t index_scan(void *state, struct wd_str text, match_found *found, void *context)
{
    struct index_engine *engine = state;
    struct wd_scan_request request = {.text = text, .views = 1};
    struct wd_scan_result result;
    if (wd_patterns_scan(engine->set, engine->scratch, &request, &result) != WD_OK)
        abort();
    size_t matches = 0;
    for (size_t i = 0; i < result.hit_count; i++) {
        if (result.hits[i].undecided)
            continue;
        matches++;
        if (found)
            found(context, result.hits[i].pattern);
    }
    return matches;
}

static void index_free(void *state)
{
    struct index_engine *engine = state;
    wd_pattern_scratch_free(engine->scratch);
    wd_patterns_free(engine->set);
    free(engine);
}

const struct match_engine match_index = {"index", "exact", index_build, index_scan, index_free};
const struct match_engine match_avx2 = {"avx2", "exact, with at most AVX2", avx2_build, index_scan, index_free};
const struct match_engine match_portable = {"portable", "exact, with neither AVX-512 nor AVX2", portable_build,
                                            index_scan, index_free};

/* ---- PCRE2, rule by rule ---- */

struct match_single {
    pcre2_code **codes;
    size_t count;
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static pcre2_code *compile_single(const struct match_rule *rule, bool anchored)
{
    int error;
    size_t offset;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | (rule->caseless ? PCRE2_CASELESS : 0);
    char *pattern = NULL;
    int len = asprintf(&pattern, "%s%.*s", anchored && match_is_line_scan(rule->pattern) ? "(?m:^)" : "",
                       WD_STR_ARG(rule->pattern));
    if (len < 0)
        abort();
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, (size_t)len, options, &error, &offset, NULL);
    free(pattern);
    return code;
}

struct match_single *match_single_new(const struct match_rule *rules, size_t count, bool anchored)
{
    struct match_single *single = calloc(1, sizeof *single);
    if (!single || !(single->codes = calloc(count ? count : 1, sizeof(pcre2_code *))))
        abort();
    single->count = count;
    for (size_t i = 0; i < count; i++) {
        single->codes[i] = compile_single(&rules[i], anchored);
        if (!single->codes[i] || pcre2_jit_compile(single->codes[i], PCRE2_JIT_COMPLETE) != 0) {
            fprintf(stderr, "match: PCRE2 refuses rule %zu\n", i);
            exit(1);
        }
    }
    single->data = pcre2_match_data_create(1, NULL);
    single->context = pcre2_match_context_create(NULL);
    single->stack = pcre2_jit_stack_create(32 * 1024, 256 * 1024, NULL);
    pcre2_jit_stack_assign(single->context, NULL, single->stack);
    return single;
}

bool match_single_try(struct match_single *single, size_t rule, struct wd_str text)
{
    return pcre2_jit_match(single->codes[rule], (PCRE2_SPTR)text.data, text.len, 0, PCRE2_NO_UTF_CHECK, single->data,
                           single->context) >= 0;
}

void match_single_free(struct match_single *single)
{
    for (size_t i = 0; i < single->count; i++)
        pcre2_code_free(single->codes[i]);
    free(single->codes);
    pcre2_match_data_free(single->data);
    pcre2_match_context_free(single->context);
    pcre2_jit_stack_free(single->stack);
    free(single);
}

static void *pcre2_build(const struct match_rule *rules, size_t count)
{
    return match_single_new(rules, count, false);
}

static size_t pcre2_scan(void *state, struct wd_str text, match_found *found, void *context)
{
    struct match_single *single = state;
    size_t matches = 0;
    for (size_t i = 0; i < single->count; i++) {
        if (!match_single_try(single, i, text))
            continue;
        matches++;
        if (found)
            found(context, (uint32_t)i);
    }
    return matches;
}

static void pcre2_free(void *state)
{
    match_single_free(state);
}

const struct match_engine match_pcre2 = {"pcre2", "the definition, rule by rule", pcre2_build, pcre2_scan, pcre2_free};
