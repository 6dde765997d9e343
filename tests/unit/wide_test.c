/* Each step of wide.h, in each way that this processor can, against plain C: random bytes, every length around the
 * borders of vectors, buffers that end where the contract says, so that AddressSanitizer sees one byte too many. The
 * seed is printed; WARDEN_TEST_SEED sets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filters/patterns/grams.h"
#include "filters/patterns/wide.h"
#include "tests/unit/patterns_random.h"

enum { LENGTH_MAX = 200, TIMES = 20, LEVELS = 6 };

static struct random_source random_bytes;

/* Bytes of a few letters, so that there are runs; some past ASCII. `behind` more follow, which mean nothing. */
static unsigned char *some_bytes(size_t len, size_t behind)
{
    unsigned char *bytes = malloc(len + behind + 1);
    unsigned char few = (unsigned char)(1 + random_below(&random_bytes, 40));
    unsigned non_ascii = random_below(&random_bytes, 3) ? 0 : random_below(&random_bytes, 10);
    for (size_t i = 0; i < len + behind; i++) {
        bytes[i] = (unsigned char)(1 + ('A' + random_below(&random_bytes, few)) % 126);
        if (random_below(&random_bytes, 20) < non_ascii)
            bytes[i] = (unsigned char)(0x80 + random_below(&random_bytes, 0x80));
    }
    return realloc(bytes, len + behind ? len + behind : 1);
}

static void folds(const struct wide *wide, size_t len)
{
    unsigned char *from = some_bytes(len, 0), *to = malloc(len + WIDE_BYTES);
    size_t ascii = 0, done = wide->fold_ascii(from, len, to);
    while (ascii < len && from[ascii] < 0x80)
        ascii++;
    assert_true(done <= ascii);
    assert_true(ascii - done < WIDE_BYTES / 2); /* no more than a vector is left to the caller */
    for (size_t i = 0; i < done; i++)
        assert_int_equal(to[i], from[i] >= 'A' && from[i] <= 'Z' ? from[i] + 32 : from[i]);
    free(from);
    free(to);
}

static void makes_skeletons(const struct wide *wide, size_t len)
{
    unsigned char entries[128], *text = some_bytes(len, WIDE_BYTES), *out = malloc(len + WIDE_BYTES);
    unsigned char *expected = malloc(len + 1), other = (unsigned char)(random_below(&random_bytes, 2) * 128);
    bool marked, some_marked = false;
    unsigned left_out = random_below(&random_bytes, 5);
    for (unsigned c = 0; c < 128; c++) {
        entries[c] = (unsigned char)(random_below(&random_bytes, 5) < left_out ? 0 : 1 + c % 64);
        entries[c] |= random_below(&random_bytes, 40) ? 0 : 128;
    }
    size_t count = 0, made = wide->skeleton(entries, other, text, len, out, &marked);
    for (size_t i = 0; i < len; i++) {
        unsigned char letter = text[i] < 128 ? entries[text[i]] & 127 : other;
        some_marked |= text[i] < 128 && entries[text[i]] >= 128;
        if (letter && (count == 0 || expected[count - 1] != letter))
            expected[count++] = letter;
    }
    assert_int_equal(made, count);
    assert_memory_equal(out, expected, count);
    assert_int_equal(marked, some_marked);
    free(text);
    free(out);
    free(expected);
}

static void finds_runs(const struct wide *wide, size_t len)
{
    unsigned char table[256], wanted[LEVELS], have[LEVELS];
    unsigned char *text = some_bytes(len, 0), *work = malloc(len + (size_t)2 * WIDE_BYTES);
    unsigned often = 1 + random_below(&random_bytes, 30);
    for (unsigned c = 0; c < 256; c++) {
        table[c] = 0;
        for (unsigned bit = 0; bit < 8; bit++)
            table[c] |= (unsigned char)((random_below(&random_bytes, often) > 0) << bit);
    }
    for (size_t level = 0; level < LEVELS; level++)
        wanted[level] = (unsigned char)(level + 1 < LEVELS ? random_below(&random_bytes, 256) : 0);
    wide->runs(table, text, len, work, LEVELS, wanted, have);
    bool goes_on = true;
    for (size_t level = 0; level < LEVELS; level++) {
        unsigned char expected = 0;
        for (size_t i = 0; i + ((size_t)1 << level) <= len; i++) {
            unsigned char all = UINT8_MAX;
            for (size_t k = 0; k < (size_t)1 << level; k++)
                all &= table[text[i + k]];
            expected |= all;
        }
        assert_true(have[level] == expected || (!goes_on && have[level] == 0));
        goes_on = goes_on && (expected & wanted[level]);
    }
    free(text);
    free(work);
}

static bool repeats(const unsigned char *text, size_t len, size_t period, size_t wanted)
{
    size_t run = 0;
    for (size_t i = 0; i + period < len && run < wanted; i++)
        run = text[i] == text[i + period] ? run + 1 : 0;
    return run >= wanted;
}

static void sees_repeats(const struct wide *wide, size_t len)
{
    unsigned char *text = some_bytes(len, WIDE_BYTES);
    size_t planted = 1 + random_below(&random_bytes, 40), from = 1 + random_below(&random_bytes, 40);
    size_t to = from + random_below(&random_bytes, 20), times = 3 + random_below(&random_bytes, 6), first = from;
    if (random_below(&random_bytes, 2)) {
        size_t start = random_below(&random_bytes, (uint32_t)len + 1);
        size_t end = start + random_below(&random_bytes, (uint32_t)(len - start) + 1);
        for (size_t i = start; i + planted < end; i++)
            text[i + planted] = text[i];
    }
    while (first <= to && !repeats(text, len, first, first * times))
        first++;
    size_t next = wide->next_repeat(text, len, from, to, times);
    assert_true(next >= from && next <= first);
    free(text);
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static bool is_in(const uint32_t *list, size_t count, uint32_t number)
{
    return bsearch(&number, list, count, sizeof *list, compare_numbers) != NULL;
}

/* What the filter lets through beside the grams is little, or it would be of no use. */
static void filters_grams(const struct wide *wide, size_t len, size_t *passed, size_t *places)
{
    enum { GRAMS_MAX = 100 };
    uint32_t grams[GRAMS_MAX], width = 2 + random_below(&random_bytes, 3);
    size_t count = 1 + random_below(&random_bytes, GRAMS_MAX);
    unsigned char *text = some_bytes(len, WIDE_BYTES);
    for (size_t i = 0; i < count; i++) {
        unsigned char *gram = some_bytes(4, 0);
        bool from_text = len >= 4 && random_below(&random_bytes, 8) == 0;
        grams[i] = gram_load(from_text ? text + random_below(&random_bytes, (uint32_t)len - 3) : gram, width);
        free(gram);
    }
    qsort(grams, count, sizeof *grams, compare_numbers);
    void *filter = wide->filter_new(grams, count, width);
    uint32_t *positions = malloc((len + WIDE_BYTES) * sizeof *positions);
    if (filter) {
        size_t found = wide->filter_probe(filter, text, len, positions), at = 0;
        for (uint32_t i = 0; i + width <= len; i++) {
            bool there = at < found && positions[at] == i, is_gram = is_in(grams, count, gram_load(text + i, width));
            at += there;
            assert_true(there || !is_gram);
            *passed += there && !is_gram;
            *places += !is_gram;
        }
        assert_int_equal(at, found);
    }
    free(filter);
    free(positions);
    free(text);
}

/* A quarter of the bits. */
static uint32_t thinned(struct random_source *random)
{
    uint32_t some = random_below(random, UINT32_MAX);
    return some & random_below(random, UINT32_MAX);
}

static void probes_bitmaps(const struct wide *wide, size_t len)
{
    enum { BITS = 12 };
    uint32_t bitmap[(1 << BITS) / 32], width = 2 + random_below(&random_bytes, 3);
    unsigned char *text = some_bytes(len, WIDE_BYTES);
    for (size_t i = 0; i < sizeof bitmap / sizeof *bitmap; i++)
        bitmap[i] = thinned(&random_bytes);
    uint32_t *positions = malloc((len + WIDE_BYTES) * sizeof *positions);
    size_t found = wide->bitmap_probe(bitmap, BITS, width, text, len, positions), at = 0;
    for (uint32_t i = 0; i + width <= len; i++) {
        uint32_t slot = gram_hash(gram_load(text + i, width), BITS);
        bool there = at < found && positions[at] == i;
        assert_int_equal(there, bitmap[slot / 32] >> slot % 32 & 1);
        at += there;
    }
    assert_int_equal(at, found);
    free(positions);
    free(text);
}

static void check(const struct wide *wide)
{
    size_t passed = 0, places = 0;
    for (size_t len = 0; len <= LENGTH_MAX; len++) {
        for (int i = 0; i < TIMES; i++) {
            folds(wide, len);
            makes_skeletons(wide, len);
            finds_runs(wide, len);
            sees_repeats(wide, len);
            filters_grams(wide, len, &passed, &places);
            probes_bitmaps(wide, len);
        }
    }
    printf("%s: the filter let %zu of %zu other places through\n", wide->name, passed, places);
    assert_true(places > 1000 && passed < places / 20);
}

static void each_way_does_the_same(void **state)
{
    (void)state;
    const char *seed = getenv("WARDEN_TEST_SEED");
    random_bytes.state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
    printf("seed %llu\n", (unsigned long long)random_bytes.state);
    const struct wide *best = wide_of(WD_VECTORS_BEST), *narrower = wide_of(WD_VECTORS_AVX2);
    assert_null(wide_of(WD_VECTORS_NONE));
    if (!best)
        skip();
    check(best);
    if (narrower != best)
        check(narrower);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_way_does_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
