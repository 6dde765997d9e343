/* The decoder on golden records: input JSON to a dump of the events; and what holds for every record. Run with
 * WARDEN_UPDATE_GOLDEN=1 to write the dumps anew, then read the difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/decode_dump.h"

enum { ARENA_BYTES = 4 << 20, RECORD_BYTES = 1 << 20 };

struct fixture {
    struct wd_decoder *decoder;
    struct wd_arena *arena;
    struct wd_error err;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (!fixture)
        return -1;
    fixture->decoder = wd_decoder_new(RECORD_BYTES);
    fixture->arena = wd_arena_new(ARENA_BYTES);
    *state = fixture;
    return fixture->decoder && fixture->arena ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    wd_decoder_free(fixture->decoder);
    wd_arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static enum wd_decode_outcome decode(struct fixture *fixture, const char *text, struct wd_events *events)
{
    wd_arena_reset(fixture->arena);
    return wd_decode(fixture->decoder, fixture->arena, text, strlen(text), events, &fixture->err);
}

static const struct wd_event *decode_one(struct fixture *fixture, const char *text)
{
    struct wd_events events;
    enum wd_decode_outcome outcome = decode(fixture, text, &events);
    if (outcome != WD_DECODED)
        fail_msg("%s: %s", wd_decode_outcome_name(outcome), fixture->err.text);
    assert_int_equal(events.count, 1);
    return &events.items[0];
}

static void refused(struct fixture *fixture, const char *text, enum wd_decode_outcome wanted, const char *words)
{
    struct wd_events events;
    fixture->err = (struct wd_error){0};
    enum wd_decode_outcome outcome = decode(fixture, text, &events);
    if (outcome != wanted || !strstr(fixture->err.text, words))
        fail_msg("%s\n%s: %s", text, wd_decode_outcome_name(outcome), fixture->err.text);
    assert_int_equal(events.count, 0);
    assert_int_not_equal(fixture->err.status, WD_OK);
}

static void check_golden(struct fixture *fixture, const char *path)
{
    struct wd_events events;
    size_t len, expected_len;
    char expected_path[512];
    char *bytes = read_file(path, &len);
    wd_arena_reset(fixture->arena);
    enum wd_decode_outcome outcome = wd_decode(fixture->decoder, fixture->arena, bytes, len, &events, &fixture->err);
    char *dump = dump_events(outcome, &events);
    snprintf(expected_path, sizeof(expected_path), "%.*s.expected", (int)(strlen(path) - strlen(".json")), path);
    if (getenv("WARDEN_UPDATE_GOLDEN")) {
        FILE *file = fopen(expected_path, "wb");
        assert_non_null(file);
        fputs(dump, file);
        fclose(file);
    }
    char *expected = read_file(expected_path, &expected_len);
    if (strcmp(dump, expected) != 0)
        fail_msg("%s\ndecoded:\n%s\nexpected:\n%s", path, dump, expected);
    free(expected);
    free(dump);
    free(bytes);
}

static void golden_records_give_their_dumps(void **state)
{
    glob_t found;
    assert_int_equal(glob(SOURCE_DIR "/tests/golden/events/*.json", 0, NULL, &found), 0);
    assert_in_range(found.gl_pathc, 40, SIZE_MAX);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_golden(*state, found.gl_pathv[i]);
    globfree(&found);
}

static void a_cut_record_is_never_json(void **state)
{
    struct fixture *fixture = *state;
    struct wd_events events;
    size_t len;
    char *bytes = read_file(SOURCE_DIR "/tests/golden/events/message-v3.json", &len);
    while (len && bytes[len - 1] != '}')
        len--;
    for (size_t cut = 0; cut < len; cut++) {
        char *exact = malloc(cut ? cut : 1); /* so that a sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        wd_arena_reset(fixture->arena);
        assert_int_equal(wd_decode(fixture->decoder, fixture->arena, exact, cut, &events, NULL), WD_DECODE_BAD_JSON);
        free(exact);
    }
    free(bytes);
}

static void refusals_say_why_and_where(void **state)
{
    refused(*state, "", WD_DECODE_BAD_JSON, "no bytes");
    refused(*state, "{\"event\":\"x\" \"data\":{}}", WD_DECODE_BAD_JSON, "byte 13");
    assert_int_equal(((struct fixture *)*state)->err.column, 14);
    refused(*state, "{\"event\":\"message.didCreate\"}", WD_DECODE_NO_EVENT, "no 'data'");
    refused(*state, "{\"data\":{}}", WD_DECODE_NO_EVENT, "no 'event' name");
    refused(*state, "{\"event\":7,\"data\":{}}", WD_DECODE_NO_EVENT, "no 'event' name");
    refused(*state, "{\"event\":\"message.didCreate\",\"data\":[]}", WD_DECODE_NO_EVENT, "'data' is no object");
    refused(*state, "[]", WD_DECODE_NO_EVENT, "not an object");
    refused(*state, "{\"event\":\"message.didCreate\",\"data\":{\"messages\":[{\"userId\":\"u\"}]}}",
            WD_DECODE_MISSING_ID, "without 'messageId'");
    refused(*state, "{\"event\":\"post.didCreate\",\"data\":{\"posts\":[{\"postId\":\"p-7\"}]}}", WD_DECODE_MISSING_ID,
            "post 'p-7' without the id of its author");
    refused(*state, "{\"event\":\"post.didCreate\",\"data\":{\"posts\":{}}}", WD_DECODE_MISSING_ID, "is no list");
    refused(*state, "{\"event\":\"post.didCreate\",\"data\":{\"posts\":[3]}}", WD_DECODE_MISSING_ID, "no object");
}

static void second_values_are_refused_where_they_differ(void **state)
{
    refused(*state, "{\"event\":\"message.didCreate\",\"event\":\"message.didDelete\",\"data\":{}}",
            WD_DECODE_DUPLICATE_KEY, "'event'");
    refused(*state, "{\"event\":\"message.didCreate\",\"data\":{},\"data\":{\"messages\":[]}}", WD_DECODE_DUPLICATE_KEY,
            "'data'");
    refused(*state,
            "{\"event\":\"message.didCreate\",\"data\":{\"messages\":[{\"messageId\":\"m\",\"userId\":\"a\","
            "\"\\u0075serId\":\"b\"}]}}",
            WD_DECODE_DUPLICATE_KEY, "'userId'");
    refused(*state,
            "{\"event\":\"message.didCreate\",\"data\":{\"messages\":[{\"messageId\":\"m\",\"userId\":\"a\",\"data\":"
            "{\"text\":\"clean\",\"text\":\"dirty\"}}]}}",
            WD_DECODE_DUPLICATE_KEY, "'text'");
    const struct wd_event *event =
        decode_one(*state, "{\"event\":\"message.didCreate\",\"data\":{\"messages\":[{\"messageId\":\"m\",\"userId\":"
                           "\"a\",\"userId\":\"a\",\"other\":1,\"other\":2}]}}");
    assert_true(wd_str_is(event->author.id, "a"));
}

static char *nested(int depth)
{
    char *text = malloc((size_t)depth * 2 + 64);
    assert_non_null(text);
    char *at = text + sprintf(text, "{\"text\":\"x\",\"metadata\":");
    memset(at, '[', (size_t)depth - 1);
    memset(at + depth - 1, ']', (size_t)depth - 1);
    strcpy(at + 2 * (depth - 1), "}");
    return text;
}

static void depth_ends_at_64(void **state)
{
    char *text = nested(64);
    assert_true(wd_str_is(decode_one(*state, text)->texts[0].text, "x"));
    free(text);
    text = nested(65);
    refused(*state, text, WD_DECODE_TOO_DEEP, "64");
    free(text);
}

static void size_ends_at_the_limit(void **state)
{
    struct fixture *fixture = *state;
    struct wd_events events;
    const char *text = "{\"text\":\"abc\"}";
    struct wd_decoder *narrow = wd_decoder_new(strlen(text));
    assert_int_equal(wd_decode(narrow, fixture->arena, text, strlen(text), &events, NULL), WD_DECODED);
    assert_int_equal(wd_decode(narrow, fixture->arena, "{\"text\":\"abc\"} ", strlen(text) + 1, &events, &fixture->err),
                     WD_DECODE_TOO_LARGE);
    assert_int_equal(fixture->err.status, WD_ERR_TOO_LARGE);
    wd_decoder_free(narrow);
}

static void a_full_arena_is_too_large(void **state)
{
    struct fixture *fixture = *state;
    struct wd_events events;
    size_t len, decoded = 0;
    char *bytes = read_file(SOURCE_DIR "/tests/golden/events/message-escapes.json", &len);
    for (size_t cap = 0; cap < 8192; cap += 16) {
        struct wd_arena *arena = wd_arena_new(cap);
        enum wd_decode_outcome outcome = wd_decode(fixture->decoder, arena, bytes, len, &events, NULL);
        if (outcome != WD_DECODED && outcome != WD_DECODE_TOO_LARGE)
            fail_msg("cap %zu: %s", cap, wd_decode_outcome_name(outcome));
        assert_false(decoded && outcome != WD_DECODED); /* more room never hurts */
        decoded += outcome == WD_DECODED;
        wd_arena_free(arena);
    }
    assert_in_range(decoded, 1, 511);
    free(bytes);
}

static void events_outlive_the_next_record(void **state)
{
    struct fixture *fixture = *state;
    struct wd_events events, others;
    struct wd_arena *arena = wd_arena_new(ARENA_BYTES);
    size_t len;
    char *bytes = read_file(SOURCE_DIR "/tests/golden/events/post-children.json", &len);
    enum wd_decode_outcome outcome = wd_decode(fixture->decoder, arena, bytes, len, &events, NULL);
    char *before = dump_events(outcome, &events);
    decode(fixture, "{\"event\":\"follow.didCreate\",\"data\":{\"a\":\"bcd\"}}", &others);
    wd_decode_path(fixture->decoder, fixture->arena, others.items[0].object_json, wd_str_from("a"));
    char *after = dump_events(outcome, &events);
    assert_string_equal(before, after);
    free(before);
    free(after);
    free(bytes);
    wd_arena_free(arena);
}

static void path_is(struct fixture *fixture, struct wd_str object, const char *path, const char *wanted)
{
    struct wd_str found = wd_decode_path(fixture->decoder, fixture->arena, object, wd_str_from(path));
    if (!wanted ? found.data != NULL : !found.data || !wd_str_is(found, wanted))
        fail_msg("%s: '%.*s', wanted %s", path, WD_STR_ARG(found), wanted ? wanted : "nothing");
    if (found.data)
        assert_int_equal(found.data[found.len], '\0');
}

static void paths_lead_to_values(void **state)
{
    struct fixture *fixture = *state;
    const struct wd_event *event = decode_one(
        fixture,
        "{\"text\":\"x\",\"metadata\":{\"lang\":\"e\\u006e\",\"n\":-1.50e3,\"on\":true,\"none\":null,"
        "\"list\":[0,{\"a b\":[1, 2]},\"\\ud800\"],\"\":\"empty\",\"k\\u00e9y\":\"esc\",\"two\":1,\"two\":2}}");
    struct wd_str json = event->object_json;
    path_is(fixture, json, "metadata.lang", "en");
    path_is(fixture, json, "metadata.n", "-1.50e3");
    path_is(fixture, json, "metadata.on", "true");
    path_is(fixture, json, "metadata.none", NULL);
    path_is(fixture, json, "metadata.absent", NULL);
    path_is(fixture, json, "metadata.list.0", "0");
    path_is(fixture, json, "metadata.list.1", "{\"a b\":[1, 2]}");
    path_is(fixture, json, "metadata.list.1.a b.1", "2");
    path_is(fixture, json, "metadata.list.2", "\xEF\xBF\xBD");
    path_is(fixture, json, "metadata.list.3", NULL);
    path_is(fixture, json, "metadata.list.-1", NULL);
    path_is(fixture, json, "metadata.list.x", NULL);
    path_is(fixture, json, "metadata.list.9999999999999999999", NULL);
    path_is(fixture, json, "metadata.k\xC3\xA9y", "esc");
    path_is(fixture, json, "metadata.two", "2");
    path_is(fixture, json, "metadata.lang.x", NULL);
    path_is(fixture, json, "text", "x");
    path_is(fixture, json, "", NULL);
    path_is(fixture, json, ".", NULL);
    path_is(fixture, json, "a.b.c.d", NULL);
    path_is(fixture, (struct wd_str){0}, "text", NULL);
    path_is(fixture, wd_str_from("{\"a\":"), "a", NULL);
    path_is(fixture, wd_str_from("nonsense"), "a", NULL);
}

static void outcomes_have_names(void **state)
{
    (void)state;
    assert_string_equal(wd_decode_outcome_name(WD_DECODED), "decoded");
    assert_string_equal(wd_decode_outcome_name(WD_DECODE_DUPLICATE_KEY), "duplicate_key");
    assert_string_equal(wd_decode_outcome_name((enum wd_decode_outcome)99), "unknown");
}

#define WITH_DECODER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DECODER(golden_records_give_their_dumps),
        WITH_DECODER(a_cut_record_is_never_json),
        WITH_DECODER(refusals_say_why_and_where),
        WITH_DECODER(second_values_are_refused_where_they_differ),
        WITH_DECODER(depth_ends_at_64),
        WITH_DECODER(size_ends_at_the_limit),
        WITH_DECODER(a_full_arena_is_too_large),
        WITH_DECODER(events_outlive_the_next_record),
        WITH_DECODER(paths_lead_to_values),
        cmocka_unit_test(outcomes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
