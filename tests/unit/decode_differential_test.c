/* The decoder against the reference: the same events on every golden record and on random ones, whole and damaged.
 * `test_decode_differential SEED COUNT` runs others; a difference prints the seed and the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/decode_dump.h"
#include "tests/unit/decode_random.h"
#include "tests/unit/decode_reference.h"

enum { ARENA_BYTES = 64 << 20, RECORD_BYTES = 1 << 20 };

static uint64_t seed = 20240501;
static int count = 10000;

struct pair {
    struct wd_decoder *decoder;
    struct wd_arena *ours, *theirs;
    size_t compared, decoded;
};

static struct pair pair_new(void)
{
    struct pair pair = {.decoder = wd_decoder_new(RECORD_BYTES),
                        .ours = wd_arena_new(ARENA_BYTES),
                        .theirs = wd_arena_new(ARENA_BYTES)};
    assert_non_null(pair.decoder);
    assert_non_null(pair.ours);
    assert_non_null(pair.theirs);
    return pair;
}

static void pair_free(struct pair *pair)
{
    wd_decoder_free(pair->decoder);
    wd_arena_free(pair->ours);
    wd_arena_free(pair->theirs);
}

/* Damage turns times into spellings that the reference does not know: those lines are left out. */
static void drop_times(char *text)
{
    char *to = text;
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        size_t len = end ? (size_t)(end - line) + 1 : strlen(line);
        const char *colon = memchr(line, ':', len);
        bool is_time = colon && colon - line > 6 && memcmp(colon - 6, "_at_ms", 6) == 0;
        if (!is_time) {
            memmove(to, line, len);
            to += len;
        }
        line += len;
    }
    *to = '\0';
}

/* false where there was a difference, which is printed. */
static bool compare(struct pair *pair, const char *bytes, size_t len, bool damaged)
{
    struct wd_events events;
    wd_arena_reset(pair->ours);
    wd_arena_reset(pair->theirs);
    enum wd_decode_outcome outcome = wd_decode(pair->decoder, pair->ours, bytes, len, &events, NULL);
    struct reference reference = reference_decode(pair->theirs, bytes, len);
    if (reference.has_duplicates || reference.undecided)
        return true;
    if (reference.outcome == WD_DECODE_TOO_DEEP && outcome == WD_DECODE_BAD_JSON)
        return true; /* both: which is met first depends on the order of reading */
    char *ours = dump_events(outcome, &events), *theirs = dump_events(reference.outcome, &reference.events);
    if (damaged) {
        drop_times(ours);
        drop_times(theirs);
    }
    bool same = strcmp(ours, theirs) == 0;
    if (!same)
        fprintf(stderr, "record: %.*s\nours:\n%s\nreference:\n%s\n", (int)len, bytes, ours, theirs);
    pair->compared++;
    pair->decoded += outcome == WD_DECODED && events.count > 0;
    free(ours);
    free(theirs);
    return same;
}

static void golden_records_decode_alike(void **state)
{
    (void)state;
    struct pair pair = pair_new();
    glob_t found;
    assert_int_equal(glob(SOURCE_DIR "/tests/golden/events/*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        size_t len;
        char *bytes = read_file(found.gl_pathv[i], &len);
        if (!compare(&pair, bytes, len, false))
            fail_msg("%s differs", found.gl_pathv[i]);
        free(bytes);
    }
    assert_in_range(pair.compared, 40, SIZE_MAX);
    globfree(&found);
    pair_free(&pair);
}

static void demo_records_decode_alike(void **state)
{
    (void)state;
    struct pair pair = pair_new();
    size_t len;
    char *bytes = read_file(SOURCE_DIR "/config/demo/events.jsonl", &len);
    for (char *line = bytes, *end; (end = memchr(line, '\n', len - (size_t)(line - bytes))); line = end + 1)
        if (!compare(&pair, line, (size_t)(end - line), false))
            fail_msg("line at byte %zu differs", (size_t)(line - bytes));
    assert_in_range(pair.compared, 480, 500);
    assert_in_range(pair.decoded, 460, 495);
    free(bytes);
    pair_free(&pair);
}

static void run_random(bool damaged)
{
    struct pair pair = pair_new();
    struct random_text text = {.state = seed * 2 + damaged};
    print_message("seed %" PRIu64 ", %d records\n", seed, count);
    for (int i = 0; i < count; i++) {
        random_record(&text);
        if (damaged)
            random_damage(&text);
        if (!compare(&pair, text.bytes, text.len, damaged))
            fail_msg("seed %" PRIu64 ": record %d differs", seed, i);
    }
    print_message("%zu compared, %zu of them with events\n", pair.compared, pair.decoded);
    assert_in_range(pair.compared, (size_t)count / 2, SIZE_MAX);
    assert_in_range(pair.decoded, (size_t)count / 20, SIZE_MAX);
    free(text.bytes);
    pair_free(&pair);
}

static void random_records_decode_alike(void **state)
{
    (void)state;
    run_random(false);
}

static void damaged_records_decode_alike(void **state)
{
    (void)state;
    run_random(true);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 10) | 1;
    if (argc > 2)
        count = (int)strtol(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_records_decode_alike),
        cmocka_unit_test(demo_records_decode_alike),
        cmocka_unit_test(random_records_decode_alike),
        cmocka_unit_test(damaged_records_decode_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
