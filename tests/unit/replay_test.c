/* The parts of a replay that count: what they say must not depend on the order or on how the work was shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/replay/authors.h"
#include "worker/replay/source.h"
#include "worker/replay/timeline.h"

static uint64_t dice(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t total(const struct timeline *timeline, enum timeline_series series)
{
    uint64_t sum = 0;
    int64_t start;
    for (uint64_t i = 0; i < timeline_count(timeline); i++)
        sum += timeline_bucket(timeline, i, &start)[series];
    return sum;
}

static void assert_same(const struct timeline *a, const struct timeline *b)
{
    assert_int_equal(a->width_ms, b->width_ms);
    assert_int_equal(a->first_ms, b->first_ms);
    assert_int_equal(a->last_ms, b->last_ms);
    assert_int_equal(timeline_count(a), timeline_count(b));
    for (uint64_t i = 0; i < timeline_count(a); i++) {
        int64_t start, other;
        assert_memory_equal(timeline_bucket(a, i, &start), timeline_bucket(b, i, &other),
                            sizeof(uint64_t) * TIMELINE_SERIES_COUNT);
        assert_int_equal(start, other);
    }
}

static void timelines_do_not_depend_on_order_or_sharing(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (int round = 0; round < 300; round++) {
        enum { COUNT = 200 };
        int64_t times[COUNT], range = (int64_t)1 << dice(&seed) % 44;
        static struct timeline whole, shared[3], backwards;
        memset(&whole, 0, sizeof(whole));
        memset(&backwards, 0, sizeof(backwards));
        memset(shared, 0, sizeof(shared));
        for (int i = 0; i < COUNT; i++) {
            times[i] = 1 + (int64_t)(dice(&seed) % (uint64_t)range) + (round % 2 ? 1700000000000 : 0);
            timeline_add(&whole, times[i], TIMELINE_EVENTS, 1);
            timeline_add(&shared[dice(&seed) % 3], times[i], TIMELINE_EVENTS, 1);
        }
        for (int i = COUNT - 1; i >= 0; i--)
            timeline_add(&backwards, times[i], TIMELINE_EVENTS, 1);
        timeline_merge(&shared[2], &shared[0]);
        timeline_merge(&shared[2], &shared[1]);
        assert_same(&whole, &backwards);
        assert_same(&whole, &shared[2]);
        assert_int_equal(total(&whole, TIMELINE_EVENTS), COUNT);
        assert_true(timeline_count(&whole) <= TIMELINE_BUCKETS);
    }
}

static void times_that_are_none_do_not_count(void **state)
{
    (void)state;
    static struct timeline timeline;
    timeline_add(&timeline, 0, TIMELINE_EVENTS, 1);
    timeline_add(&timeline, -5, TIMELINE_EVENTS, 1);
    assert_int_equal(timeline_count(&timeline), 0);
}

static void authors_are_counted_and_ranked(void **state)
{
    (void)state;
    struct authors *authors = authors_new(), *others = authors_new();
    char name[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "user-%04d", i);
        struct author_counts counts = {.matched = 1, .acted = i == 4321 ? 7 : i == 17 ? 3 : 0};
        assert_true(authors_add(i % 2 ? authors : others, wd_str_from(name), &counts));
        assert_true(authors_add(others, wd_str_from(name), &(struct author_counts){.matched = 1}));
    }
    assert_true(authors_merge(authors, others));
    assert_int_equal(authors_count(authors), 5000);
    struct author_row rows[4];
    assert_int_equal(authors_top(authors, rows, 4), 4);
    assert_string_equal(rows[0].id.data, "user-4321");
    assert_int_equal(rows[0].counts.acted, 7);
    assert_int_equal(rows[0].counts.matched, 2);
    assert_string_equal(rows[1].id.data, "user-0017");
    assert_string_equal(rows[2].id.data, "user-0000"); /* equals are in the order of their ids */
    assert_string_equal(rows[3].id.data, "user-0001");
    assert_int_equal(authors_top(authors, rows, 0), 0);
    authors_free(authors);
    authors_free(others);
}

static void write_file(char *path, const char *bytes, size_t len)
{
    strcpy(path, "/tmp/warden-replay-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static void lines_keep_their_numbers(void **state)
{
    (void)state;
    char first[64], second[64], place[128];
    write_file(first, "one\n\ntwo\r\n\r\nthree", 17);
    write_file(second, "\nfour\n", 6);
    const char *paths[] = {first, second};
    struct wd_error err = {0};
    struct source *source = source_files_new(paths, 2, &err);
    assert_non_null(source);
    struct source_block block = {0};
    static const struct {
        const char *text;
        uint64_t line;
        uint32_t input;
    } WANTED[] = {{"one", 1, 0}, {"two", 3, 0}, {"three", 5, 0}, {"four", 2, 1}};
    size_t seen = 0;
    while (source_next(source, &block, &err)) {
        for (size_t i = 0; i < block.count; i++, seen++) {
            assert_true(seen < 4);
            assert_int_equal(block.items[i].len, strlen(WANTED[seen].text));
            assert_memory_equal(block.data + block.items[i].start, WANTED[seen].text, block.items[i].len);
            assert_int_equal(block.items[i].position, WANTED[seen].line);
            assert_int_equal(block.items[i].input, WANTED[seen].input);
        }
    }
    assert_int_equal(err.status, WD_OK);
    assert_int_equal(seen, 4);
    uint64_t done, all;
    source_progress(source, &done, &all);
    assert_int_equal(done, 23);
    assert_int_equal(all, 23);
    source_place(source, 1, 2, place, sizeof(place));
    assert_memory_equal(place, second, strlen(second));
    assert_string_equal(place + strlen(second), ":2");
    source_block_fini(&block);
    source_free(source);
    unlink(first);
    unlink(second);
}

/* A line over the limit is told of, takes bounded memory, and spoils none of its neighbours. */
static void long_lines_are_skipped(void **state)
{
    (void)state;
    size_t long_len = SOURCE_RECORD_MAX + 3 * SOURCE_BLOCK_BYTES + 77;
    char *bytes = malloc(long_len + 16), path[64];
    assert_non_null(bytes);
    memcpy(bytes, "before\n", 7); /* NOLINT: bytes, not a string */
    memset(bytes + 7, 'x', long_len);
    memcpy(bytes + 7 + long_len, "\nafter", 6); /* NOLINT */
    write_file(path, bytes, long_len + 13);
    free(bytes);
    const char *paths[] = {path};
    struct wd_error err = {0};
    struct source *source = source_files_new(paths, 1, &err);
    struct source_block block = {0};
    size_t seen = 0, too_long = 0;
    while (source_next(source, &block, &err)) {
        for (size_t i = 0; i < block.count; i++) {
            seen++;
            too_long += block.items[i].too_long;
            assert_int_equal(block.items[i].position, seen);
            assert_int_equal(block.items[i].len, seen == 1 ? 6 : seen == 2 ? 0 : 5);
        }
        assert_true(block.room <= 4 * (size_t)SOURCE_RECORD_MAX);
    }
    assert_int_equal(seen, 3);
    assert_int_equal(too_long, 1);
    source_block_fini(&block);
    source_free(source);
    unlink(path);
}

static void damage_is_an_error_that_stays(void **state)
{
    (void)state;
    char path[64];
    write_file(path, "\x1f\x8b\x08\0\0\0\0\0\0\x03 this is not deflate at all", 38);
    const char *paths[] = {path};
    struct wd_error err = {0}, again = {0};
    struct source *source = source_files_new(paths, 1, &err);
    struct source_block block = {0};
    assert_false(source_next(source, &block, &err));
    assert_int_equal(err.status, WD_ERR_IO);
    assert_non_null(strstr(err.text, "damaged gzip"));
    assert_false(source_next(source, &block, &again));
    assert_int_equal(again.status, WD_ERR_IO);
    source_block_fini(&block);
    source_free(source);
    unlink(path);
    assert_null(source_files_new(paths, 1, &err));
    assert_int_equal(err.status, WD_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timelines_do_not_depend_on_order_or_sharing),
        cmocka_unit_test(times_that_are_none_do_not_count),
        cmocka_unit_test(authors_are_counted_and_ranked),
        cmocka_unit_test(lines_keep_their_numbers),
        cmocka_unit_test(long_lines_are_skipped),
        cmocka_unit_test(damage_is_an_error_that_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
