/* The index against PCRE2 alone: random sets of patterns, random texts, and every pair must agree to the byte. The seed
 * is printed; WARDEN_TEST_SEED sets it, WARDEN_TEST_PAIRS how many pairs (300,000). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/patterns_oracle.h"
#include "tests/unit/patterns_random.h"

enum { SET_MAX = 24, TEXTS_A_SET = 16 };

struct tally {
    size_t pairs, matches, undecided, by_class[5], natively;
};

static struct random_text sources[SET_MAX];

/* Makes a set of patterns that PCRE2 accepts; the oracles go with it. */
static size_t make_patterns(struct random_source *random, struct wd_pattern *patterns, struct oracle **oracles)
{
    size_t wanted = 1 + random_below(random, SET_MAX), count = 0;
    while (count < wanted) {
        struct wd_pattern *pattern = &patterns[count];
        *pattern = (struct wd_pattern){.views = 1, .caseless = random_below(random, 3) > 0};
        pattern->all_hits = random_below(random, 4) == 0;
        uint32_t kind = random_below(random, 10);
        if (kind < 2) {
            pattern->kind = kind == 0 ? WD_PATTERN_WORD : WD_PATTERN_CONTAINS;
            random_words(random, &sources[count]);
        } else {
            random_pattern(random, &sources[count]);
        }
        pattern->text = (struct wd_str){.data = sources[count].bytes, .len = sources[count].len};
        oracles[count] = oracle_new(pattern);
        if (oracles[count])
            count++;
    }
    return count;
}

static _Noreturn void disagree(const struct wd_pattern *pattern, struct wd_str text, const struct oracle_hits *expected,
                               const struct wd_hit *hits, size_t count)
{
    fprintf(stderr, "pattern (kind %d, %s%s): %.*s\ntext: [%.*s]\nPCRE2:", pattern->kind,
            pattern->caseless ? "caseless" : "case-sensitive", pattern->all_hits ? ", all hits" : "",
            WD_STR_ARG(pattern->text), WD_STR_ARG(text));
    for (size_t i = 0; i < expected->count; i++)
        fprintf(stderr, " %u-%u", expected->hits[i].start, expected->hits[i].end);
    fprintf(stderr, "\nindex:");
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %u-%u%s", hits[i].start, hits[i].end, hits[i].undecided ? "?" : "");
    fprintf(stderr, "\n");
    fail_msg("the index and PCRE2 disagree");
    abort();
}

static void compare(const struct wd_pattern *pattern, struct oracle *oracle, struct wd_str text,
                    const struct wd_hit *hits, size_t count, struct tally *tally)
{
    struct oracle_hits expected;
    if (!oracle_agrees(oracle, text, hits, count, &expected))
        disagree(pattern, text, &expected, hits, count);
    tally->pairs++;
    tally->matches += expected.count > 0;
    tally->undecided += expected.undecided || (count == 1 && hits[0].undecided);
}

/* Texts are read in pieces of up to 64 bytes, so what matches should lie anywhere across their borders. */
static size_t filler_len(struct random_source *random)
{
    return random_below(random, 3) == 0 ? random_below(random, 140) : 0;
}

/* Never past a deadline, so that the results must be the same. */
static uint64_t early_clock(void *context)
{
    (void)context;
    return 0;
}

static void try_set(struct random_source *random, struct wd_pattern_scratch *scratch, struct tally *tally)
{
    struct wd_pattern patterns[SET_MAX];
    struct oracle *oracles[SET_MAX];
    size_t count = make_patterns(random, patterns, oracles);
    struct wd_patterns *set = NULL;
    struct wd_error err = {0};
    size_t bad = 0;
    /* What only some processors can and what all can must both agree with PCRE2. */
    struct wd_patterns_options options = {.vectors = (enum wd_vectors)random_below(random, 3)};
    /* And so must the code that a deadline can end, which takes over after `quick_limit` backtracks. */
    static struct wd_scan_timing timing = {.clock = early_clock, .deadline_ns = 1, .suspicious_ns = UINT64_MAX};
    bool timed = random_below(random, 2) == 0;
    options.quick_limit = random_below(random, 2);
    if (wd_patterns_new(patterns, count, &options, &set, &bad, &err) != WD_OK)
        fail_msg("pattern %.*s: %s", WD_STR_ARG(patterns[bad].text), err.text);
    for (size_t i = 0; i < count; i++)
        tally->by_class[wd_patterns_index_class(set, (uint32_t)i)]++;
    for (size_t t = 0; t < TEXTS_A_SET; t++) {
        struct random_text subject;
        random_subject(random, &sources[random_below(random, (uint32_t)count)], &subject);
        /* An exact copy, so that reading past the end is seen by AddressSanitizer. */
        size_t before = filler_len(random), len = before + subject.len;
        char *copy = malloc(len ? len : 1);
        for (size_t i = 0; i < before; i++)
            copy[i] = "qz ,"[random_below(random, 4)];
        memcpy(copy + before, subject.bytes, subject.len);
        /* Where only patterns to which case matters are asked for, the others may be left out. */
        struct wd_scan_request request = {.text = {.data = copy, .len = len},
                                          .views = 1,
                                          .only_case_sensitive = random_below(random, 4) == 0,
                                          .timing = timed ? &timing : NULL};
        struct wd_scan_result result;
        assert_int_equal(wd_patterns_scan(set, scratch, &request, &result), WD_OK);
        size_t at = 0;
        for (size_t i = 0; i < count; i++) {
            size_t first = at;
            while (at < result.hit_count && result.hits[at].pattern == i)
                at++;
            const struct wd_hit *hits = result.hit_count ? result.hits + first : NULL;
            if (!request.only_case_sensitive || !patterns[i].caseless || at > first)
                compare(&patterns[i], oracles[i], request.text, hits, at - first, tally);
        }
        assert_int_equal(at, result.hit_count);
        free(copy);
    }
    wd_patterns_free(set);
    for (size_t i = 0; i < count; i++)
        oracle_free(oracles[i]);
}

static void test_index_agrees_with_pcre2(void **state)
{
    (void)state;
    const char *seed = getenv("WARDEN_TEST_SEED"), *pairs = getenv("WARDEN_TEST_PAIRS");
    struct random_source random = {.state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u};
    size_t wanted = pairs ? strtoull(pairs, NULL, 0) : 300000;
    printf("seed %llu\n", (unsigned long long)random.state);
    fflush(stdout);
    struct wd_pattern_scratch *scratch = wd_pattern_scratch_new();
    assert_non_null(scratch);
    struct tally tally = {0};
    while (tally.pairs < wanted)
        try_set(&random, scratch, &tally);
    wd_pattern_scratch_free(scratch);
    printf("%zu pairs, %zu matches, %zu undecided; patterns:", tally.pairs, tally.matches, tally.undecided);
    for (int c = 0; c < 5; c++)
        printf(" %zu %s", tally.by_class[c], wd_index_class_name((enum wd_index_class)c));
    printf("\n");
    /* A run that never matches, or never uses an index, proves nothing. */
    assert_true(tally.matches > tally.pairs / 100);
    assert_true(tally.undecided < tally.pairs / 50);
    assert_true(tally.by_class[WD_INDEX_LITERAL] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_index_agrees_with_pcre2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
