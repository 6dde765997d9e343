/* The decoder on input made to hurt: it must end (a decoder that is worse than linear runs into the test's deadline),
 * read nothing outside the record, and allocate nothing once it has warmed up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <warden/decode.h>

#include "filters/event/json_text.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS_ALLOCATIONS 0
#endif
#endif
#if !defined(COUNTS_ALLOCATIONS) && defined(__GLIBC__)
#define COUNTS_ALLOCATIONS 1
#endif

#if COUNTS_ALLOCATIONS
/* glibc's own entries, behind counting ones that also serve the C++ part and simdjson. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
static size_t allocations;

void *malloc(size_t bytes)
{
    allocations++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    allocations++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
    allocations++;
    return __libc_realloc(old, bytes);
}
#endif

enum { ARENA_BYTES = 512 << 20, RECORD_BYTES = 64 << 20 };

struct text {
    char *bytes;
    size_t len, capacity;
};

static void add(struct text *text, const char *piece)
{
    size_t len = strlen(piece);
    if (text->len + len + 1 > text->capacity) {
        text->capacity = 2 * (text->len + len + 1);
        text->bytes = realloc(text->bytes, text->capacity);
        assert_non_null(text->bytes);
    }
    memcpy(text->bytes + text->len, piece, len + 1);
    text->len += len;
}

static void repeat(struct text *text, const char *piece, size_t times)
{
    while (times-- > 0)
        add(text, piece);
}

static void ends_with(struct text *text, enum wd_decode_outcome wanted, size_t event_count)
{
    struct wd_decoder *decoder = wd_decoder_new(RECORD_BYTES);
    struct wd_arena *arena = wd_arena_new(ARENA_BYTES);
    struct wd_events events;
    struct wd_error err = {0};
    enum wd_decode_outcome outcome = wd_decode(decoder, arena, text->bytes, text->len, &events, &err);
    if (outcome != wanted || events.count != event_count)
        fail_msg("%.60s...: %s, %zu events: %s", text->bytes, wd_decode_outcome_name(outcome), events.count, err.text);
    wd_decoder_free(decoder);
    wd_arena_free(arena);
    free(text->bytes);
    *text = (struct text){0};
}

static void deep_nesting_ends(void **state)
{
    (void)state;
    struct text text = {0};
    repeat(&text, "[", 5000000);
    ends_with(&text, WD_DECODE_TOO_DEEP, 0);
    repeat(&text, "{\"a\":", 2000000);
    ends_with(&text, WD_DECODE_TOO_DEEP, 0);
}

static void a_million_objects_end(void **state)
{
    (void)state;
    struct text text = {0};
    add(&text, "{\"event\":\"message.didCreate\",\"data\":{\"messages\":[{}");
    repeat(&text, ",{}", 1000000);
    add(&text, "]}}");
    ends_with(&text, WD_DECODE_MISSING_ID, 0);
    add(&text, "{\"event\":\"post.didCreate\",\"data\":{\"postChildren\":[{}");
    repeat(&text, ",{}", 1000000);
    add(&text, "]}}");
    ends_with(&text, WD_DECODED, 0);
    add(&text, "{\"text\":\"x\",\"metadata\":[{}");
    repeat(&text, ",{}", 1000000);
    add(&text, "]}");
    ends_with(&text, WD_DECODED, 1);
}

static void many_objects_with_many_authors_end(void **state)
{
    (void)state;
    struct text text = {0};
    char piece[128];
    add(&text, "{\"event\":\"message.didCreate\",\"data\":{\"users\":[{}");
    for (int i = 0; i < 50000; i++) {
        snprintf(piece, sizeof(piece), ",{\"userId\":\"u%d\",\"userInternalId\":\"i%d\",\"displayName\":\"n\"}", i, i);
        add(&text, piece);
    }
    add(&text, "],\"messages\":[{\"messageId\":\"m\",\"userId\":\"nobody\"}");
    for (int i = 0; i < 50000; i++) {
        snprintf(piece, sizeof(piece), ",{\"messageId\":\"m%d\",\"userId\":\"%c%d\"}", i, i % 2 ? 'u' : 'i', 49999 - i);
        add(&text, piece);
    }
    add(&text, "]}}");
    ends_with(&text, WD_DECODED, 50001);
}

static void many_second_values_end(void **state)
{
    (void)state;
    struct text text = {0};
    add(&text, "{\"text\":\"x\"");
    repeat(&text, ",\"j\":0", 300000);
    repeat(&text, ",\"text\":\"x\"", 300000);
    add(&text, "}");
    ends_with(&text, WD_DECODED, 1);
    add(&text, "{\"text\":\"x\",\"tags\":[");
    repeat(&text, "[0],", 300000);
    add(&text, "0]");
    repeat(&text, ",\"tags\":1", 300000);
    add(&text, "}");
    ends_with(&text, WD_DECODE_DUPLICATE_KEY, 0);
}

static void long_tokens_end(void **state)
{
    (void)state;
    struct text text = {0};
    add(&text, "{\"text\":\"x\",\"flagCount\":1");
    repeat(&text, "0", 5000000);
    add(&text, "e9999999999999}");
    ends_with(&text, WD_DECODED, 1);
    add(&text, "{\"text\":\"");
    repeat(&text, "\\u0000\\ud800", 1000000);
    add(&text, "\"}");
    ends_with(&text, WD_DECODED, 1);
    add(&text, "{\"text\":\"x\"");
    repeat(&text, "        ", 1000000);
    add(&text, "}");
    ends_with(&text, WD_DECODED, 1);
    add(&text, "{\"text\":\"x\",\"tags\":[\"a\\n\"");
    repeat(&text, ",\"\\n\",\"b\"", 500000);
    add(&text, "]}");
    ends_with(&text, WD_DECODED, 1);
    add(&text, "{\"text\":\"");
    repeat(&text, "\xFF", 3000000);
    add(&text, "\"}");
    ends_with(&text, WD_DECODED, 1);
}

/* The record ends where readable memory ends, at every length around the widths of vectors. */
static void nothing_past_the_record_is_read(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    struct wd_decoder *decoder = wd_decoder_new(RECORD_BYTES);
    struct wd_arena *arena = wd_arena_new(ARENA_BYTES);
    for (size_t letters = 0; letters < 300; letters++) {
        char text[400];
        int len = snprintf(
            text, sizeof(text), "{\"text\":\"%.*s\"}", (int)letters,
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        struct wd_events events;
        for (int cut = 0; cut < 3; cut++) {
            char *at = pages + page - (len - cut);
            memcpy(at, text, (size_t)(len - cut));
            wd_arena_reset(arena);
            enum wd_decode_outcome outcome = wd_decode(decoder, arena, at, (size_t)(len - cut), &events, NULL);
            assert_int_equal(outcome, cut ? WD_DECODE_BAD_JSON : WD_DECODED);
        }
    }
    wd_decoder_free(decoder);
    wd_arena_free(arena);
    munmap(pages, 2 * page);
}

static void a_steady_stream_allocates_nothing(void **state)
{
    (void)state;
#if COUNTS_ALLOCATIONS
    static const char *const RECORDS[] = {
        "{\"event\":\"v3.post.didCreate\",\"data\":{\"posts\":[{\"postId\":\"p\",\"postedUserId\":\"u\",\"data\":{"
        "\"text\":"
        "\"a\\u00e9\",\"title\":\"t\"},\"tags\":[\"x\"],\"createdAt\":\"2024-05-01T12:34:56.789Z\"}],\"users\":[{"
        "\"userId\":"
        "\"u\",\"displayName\":\"U\",\"roles\":[\"r\"]}]}}",
        "{\"text\":\"\xFF\"}",
        "{\"event\":",
        "{\"event\":\"message.didCreate\",\"data\":{\"messages\":[{}]}}",
    };
    struct wd_decoder *decoder = wd_decoder_new(RECORD_BYTES);
    struct wd_arena *arena = wd_arena_new(ARENA_BYTES);
    struct wd_error err;
    size_t before = 0;
    for (int round = 0; round < 100; round++) {
        before = round == 1 ? allocations : before;
        for (size_t i = 0; i < sizeof(RECORDS) / sizeof(RECORDS[0]); i++) {
            struct wd_events events;
            wd_arena_reset(arena);
            wd_decode(decoder, arena, RECORDS[i], strlen(RECORDS[i]), &events, &err);
            if (events.count)
                wd_decode_path(decoder, arena, events.items[0].object_json, wd_str_from("data.text"));
        }
    }
    assert_int_equal(allocations, before);
    wd_decoder_free(decoder);
    wd_arena_free(arena);
#else
    skip();
#endif
}

static void numbers_keep_their_value(void **state)
{
    (void)state;
    int64_t whole = 5;
    double real = 5;
    assert_true(json_parse_int("-9223372036854775808", 20, &whole));
    assert_true(whole == INT64_MIN);
    assert_false(json_parse_int("9223372036854775808", 19, &whole));
    assert_false(json_parse_int("1.0", 3, &whole));
    assert_true(json_parse_double("-12.5e-1", 8, &real));
    assert_true(real == -1.25);
    assert_true(json_parse_double("0.1", 3, &real));
    assert_true(real == 0.1);
    assert_true(json_parse_double("123456789012345678901234567890", 30, &real));
    assert_true(real > 1.2345e29 && real < 1.2346e29);
    assert_false(json_parse_double("1e999", 5, &real));
    assert_true(json_parse_double("1e-999", 6, &real));
    assert_true(real == 0);
    static const char *const WRONG[] = {"", "-", "+1", ".5", "1.", "1e", "1e+", "a", "-a"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
        assert_int_equal(json_number_length(WRONG[i]), 0);
    assert_int_equal(json_number_length("01"), 1); /* the rest is somebody else's error */
    assert_int_equal(json_number_length("-0.5e-7]"), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deep_nesting_ends),
        cmocka_unit_test(a_million_objects_end),
        cmocka_unit_test(many_objects_with_many_authors_end),
        cmocka_unit_test(many_second_values_end),
        cmocka_unit_test(long_tokens_end),
        cmocka_unit_test(nothing_past_the_record_is_read),
        cmocka_unit_test(a_steady_stream_allocates_nothing),
        cmocka_unit_test(numbers_keep_their_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
