#include "tests/unit/patterns_oracle.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct oracle {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    bool all_hits;
};

/* (?<!\w)\Qtext\E(?!\w) with \s+ for white space; the texts that tests use have no \E and only ASCII white space. */
static char *as_regex(const struct wd_pattern *pattern)
{
    char *out = calloc(1, pattern->text.len * 8 + 64), *at = out;
    bool word = pattern->kind == WD_PATTERN_WORD;
    at = stpcpy(at, word ? "(?<!\\w)\\Q" : "\\Q");
    size_t len = pattern->text.len, i = 0;
    while (word && len > 0 && pattern->text.data[len - 1] == ' ')
        len--;
    while (word && i < len && pattern->text.data[i] == ' ')
        i++;
    while (i < len) {
        if (!word || pattern->text.data[i] != ' ') {
            *at++ = pattern->text.data[i++];
            continue;
        }
        while (i < len && pattern->text.data[i] == ' ')
            i++;
        at = stpcpy(at, "\\E\\s+\\Q");
    }
    stpcpy(at, word ? "\\E(?!\\w)" : "\\E");
    return out;
}

struct oracle *oracle_new(const struct wd_pattern *pattern)
{
    int error;
    size_t offset;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (pattern->caseless ? PCRE2_CASELESS : 0);
    char *made = pattern->kind == WD_PATTERN_REGEX ? NULL : as_regex(pattern);
    struct wd_str text = made ? wd_str_from(made) : pattern->text;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.data, text.len, options, &error, &offset, NULL);
    free(made);
    if (!code)
        return NULL;
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    struct oracle *oracle = calloc(1, sizeof *oracle);
    oracle->code = code;
    oracle->data = pcre2_match_data_create(1, NULL);
    oracle->context = pcre2_match_context_create(NULL);
    oracle->all_hits = pattern->all_hits;
    pcre2_set_match_limit(oracle->context, 30000);
    return oracle;
}

void oracle_free(struct oracle *oracle)
{
    if (!oracle)
        return;
    pcre2_code_free(oracle->code);
    pcre2_match_data_free(oracle->data);
    pcre2_match_context_free(oracle->context);
    free(oracle);
}

static void match(struct oracle *oracle, struct wd_str text, uint32_t options, struct oracle_hits *out)
{
    out->count = 0;
    out->undecided = false;
    for (size_t from = 0; from <= text.len && out->count < ORACLE_HITS_MAX;) {
        int rc =
            pcre2_match(oracle->code, (PCRE2_SPTR)text.data, text.len, from, options, oracle->data, oracle->context);
        if (rc == PCRE2_ERROR_NOMATCH)
            return;
        if (rc < 0) {
            out->undecided = true;
            return;
        }
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(oracle->data);
        size_t start = at[0], end = at[1] > at[0] ? at[1] : at[0];
        out->hits[out->count].start = (uint32_t)start;
        out->hits[out->count++].end = (uint32_t)end;
        if (!oracle->all_hits)
            return;
        from = end > start ? end : start + 1;
        while (end == start && from < text.len && ((unsigned char)text.data[from] & 0xC0) == 0x80)
            from++;
    }
}

static bool is_same(const struct oracle_hits *expected, const struct wd_hit *hits, size_t count)
{
    bool same = expected->count == count;
    for (size_t i = 0; same && i < count; i++)
        same = hits[i].start == expected->hits[i].start && hits[i].end == expected->hits[i].end;
    return same;
}

bool oracle_agrees(struct oracle *oracle, struct wd_str text, const struct wd_hit *hits, size_t count,
                   struct oracle_hits *expected_out)
{
    match(oracle, text, 0, expected_out);
    if (expected_out->undecided || (count == 1 && hits[0].undecided) || is_same(expected_out, hits, count))
        return true;
    struct oracle_hits interpreted;
    match(oracle, text, PCRE2_NO_JIT, &interpreted);
    return interpreted.undecided || is_same(&interpreted, hits, count);
}
