/* A pattern and a text out of the bytes: the index must say what PCRE2 alone says. First byte: flags; then the pattern
 * up to a NUL byte; then the text. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/patterns/unicode.h"
#include "tests/unit/patterns_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 512, PATTERN_MAX = 200 };

static void differ(const struct wd_pattern *pattern, struct wd_str text, const struct wd_scan_result *result,
                   const struct oracle_hits *expected)
{
    fprintf(stderr, "pattern (kind %d, caseless %d, all %d): %.*s\ntext: %.*s\n", pattern->kind, pattern->caseless,
            pattern->all_hits, WD_STR_ARG(pattern->text), WD_STR_ARG(text));
    fprintf(stderr, "index: %zu hits, PCRE2: %zu hits\n", result->hit_count, expected->count);
    abort();
}

/* Words are compared with \s+ for blanks only; other white space in them would need a cleverer oracle. */
static bool is_plain_text(struct wd_str text)
{
    bool blank = true;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < ' ' && c > 0) || c >= 0x80 || c == '\\')
            return false;
        blank = blank && c == ' ';
    }
    return !blank;
}

/* Never past a deadline. */
static uint64_t early_clock(void *context)
{
    (void)context;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    if (!nul || nul - data - 1 > PATTERN_MAX || data + size - nul - 1 > TEXT_MAX)
        return 0;
    struct wd_pattern pattern = {.views = 1, .caseless = data[0] & 1, .all_hits = data[0] & 2};
    pattern.kind = data[0] & 4 ? data[0] & 8 ? WD_PATTERN_WORD : WD_PATTERN_CONTAINS : WD_PATTERN_REGEX;
    pattern.text = (struct wd_str){.data = (const char *)data + 1, .len = (size_t)(nul - data - 1)};
    struct wd_str text = {.data = (const char *)nul + 1, .len = (size_t)(data + size - nul - 1)};
    if (!utf8_is_valid(text.data, text.len) || !utf8_is_valid(pattern.text.data, pattern.text.len) ||
        (pattern.kind != WD_PATTERN_REGEX && !is_plain_text(pattern.text)))
        return 0;
    struct wd_patterns *set = NULL;
    struct wd_error err;
    size_t bad;
    struct oracle *oracle = oracle_new(&pattern);
    struct wd_patterns_options options = {.vectors = data[0] & 16 ? data[0] & 128 ? WD_VECTORS_AVX2 : WD_VECTORS_NONE
                                                                  : WD_VECTORS_BEST,
                                          .quick_limit = data[0] & 64 ? 1 : 0};
    enum wd_status status = wd_patterns_new(&pattern, 1, &options, &set, &bad, &err);
    if ((status == WD_OK) != (oracle != NULL)) {
        fprintf(stderr, "%.*s: PCRE2 %s it\n", WD_STR_ARG(pattern.text), oracle ? "takes" : "refuses");
        abort();
    }
    if (oracle) {
        struct wd_pattern_scratch *scratch = wd_pattern_scratch_new();
        struct wd_scan_timing timing = {.clock = early_clock, .deadline_ns = 1, .suspicious_ns = UINT64_MAX};
        struct wd_scan_request request = {.text = text, .views = 1, .timing = data[0] & 32 ? &timing : NULL};
        struct wd_scan_result result;
        struct oracle_hits expected;
        if (!scratch || wd_patterns_scan(set, scratch, &request, &result) != WD_OK)
            abort();
        if (!oracle_agrees(oracle, text, result.hits, result.hit_count, &expected))
            differ(&pattern, text, &result, &expected);
        wd_pattern_scratch_free(scratch);
    }
    oracle_free(oracle);
    wd_patterns_free(set);
    return 0;
}
