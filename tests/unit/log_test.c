/* Log lines: whatever comes in, a line is whole, valid and bounded; repeats are held back and counted. What goes to
 * stderr is read back through a pipe and, in JSON form, parsed by jansson, which refuses invalid UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "worker/log.h"
#include "worker/log_line.h"

enum { CAPTURE_MAX = 1 << 20 };

struct capture {
    int saved, read_end;
    char text[CAPTURE_MAX];
    size_t length;
};
static struct capture capture;

static void capture_begin(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETPIPE_SZ, CAPTURE_MAX);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    capture.saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    capture.read_end = ends[0];
    capture.length = 0;
}

static void capture_read(void)
{
    ssize_t count;
    while ((count = read(capture.read_end, capture.text + capture.length, CAPTURE_MAX - 1 - capture.length)) > 0)
        capture.length += (size_t)count;
    capture.text[capture.length] = '\0';
}

static void capture_end(void)
{
    dup2(capture.saved, STDERR_FILENO);
    close(capture.saved);
    capture_read();
    close(capture.read_end);
}

static size_t lines_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* The n-th captured line as JSON; the caller drops it. */
static json_t *line_json(size_t n)
{
    const char *at = capture.text;
    for (; n; n--)
        at = strchr(at, '\n') + 1;
    json_error_t error;
    json_t *json = json_loadb(at, (size_t)(strchr(at, '\n') - at), JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s in: %s", error.text, at);
    return json;
}

static void a_json_line_holds_what_was_said(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    log_write(LOG_WARN, "test-json", "some \"text\"", LOG_STR("topic", "a\tb"), LOG_INT("offset", INT64_MIN),
              LOG_NUM("ratio", 0.1), LOG_STR("nothing", NULL), LOG_NUM("huge", INFINITY), LOG_END);
    capture_end();
    assert_int_equal(lines_of(capture.text), 1);
    json_t *line = line_json(0);
    const char *time = json_string_value(json_object_get(line, "time"));
    assert_int_equal(strlen(time), strlen("2026-01-02T03:04:05.678Z"));
    assert_int_equal(time[10], 'T');
    assert_int_equal(time[19], '.');
    assert_int_equal(time[23], 'Z');
    assert_string_equal(json_string_value(json_object_get(line, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(line, "event")), "test-json");
    assert_string_equal(json_string_value(json_object_get(line, "message")), "some \"text\"");
    assert_string_equal(json_string_value(json_object_get(line, "topic")), "a\tb");
    assert_true(json_integer_value(json_object_get(line, "offset")) == INT64_MIN);
    assert_true(json_real_value(json_object_get(line, "ratio")) == 0.1);
    assert_true(json_is_null(json_object_get(line, "nothing")));
    assert_string_equal(json_string_value(json_object_get(line, "huge")), "inf");
    json_decref(line);
}

static void a_text_line_is_for_people(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    capture_begin();
    log_write(LOG_ERROR, "test-text", "could not\ncommit", LOG_STR("topic", "content.events"), LOG_STR("text", "a b"),
              LOG_STR("empty", ""), LOG_INT("n", 7), LOG_END);
    capture_end();
    assert_string_equal(capture.text + strlen("2026-01-02T03:04:05.678Z"),
                        " ERROR could not\\ncommit event=test-text topic=content.events text=\"a b\" empty=\"\" n=7\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    log_configure(LOG_WARN, LOG_FORMAT_JSON);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    capture_begin();
    log_write(LOG_INFO, "test-level", "no", LOG_END);
    log_write(LOG_DEBUG, "test-level", "no", LOG_END);
    capture_end();
    assert_int_equal(capture.length, 0);
}

/* Every kind of byte sequence that is no UTF-8, and what must stand in its place. */
static void bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
#define FFFD "\xef\xbf\xbd"
    static const struct {
        const char *in, *want;
    } CASES[] = {
        {"a\x80z", "a" FFFD "z"},                  /* lone continuation */
        {"\xc0\xaf", FFFD FFFD},                   /* overlong */
        {"\xe0\x80\x80", FFFD FFFD FFFD},          /* overlong, three bytes */
        {"\xed\xa0\x80", FFFD FFFD FFFD},          /* surrogate */
        {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD}, /* past U+10FFFF */
        {"\xf5", FFFD},                            /* no lead byte */
        {"ab\xe2\x82", "ab" FFFD FFFD},            /* cut short */
        {"\xff\xfe", FFFD FFFD},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"}, /* fine as it is */
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        struct log_line line;
        log_line_begin(&line, true, &(struct timespec){0}, LOG_INFO, "e", NULL);
        log_line_str(&line, "v", CASES[i].in);
        log_line_end(&line);
        json_t *json = json_loadb(line.bytes, line.used, 0, NULL);
        assert_non_null(json);
        assert_string_equal(json_string_value(json_object_get(json, "v")), CASES[i].want);
        json_decref(json);
    }
}

static void control_and_bidi_characters_never_reach_a_terminal(void **state)
{
    (void)state;
    struct log_line line;
    log_line_begin(&line, false, &(struct timespec){0}, LOG_INFO, "e", "\x1b[2J\xe2\x80\xae");
    log_line_str(&line, "v", "\x7f\xc2\x9b");
    log_line_end(&line);
    for (size_t i = 0; i + 1 < line.used; i++)
        assert_in_range((unsigned char)line.bytes[i], ' ', '~');
    assert_non_null(memmem(line.bytes, line.used, "\\u001b[2J\\u202e", 15));
    assert_non_null(memmem(line.bytes, line.used, "\\u007f\\u009b", 12));
}

static void random_bytes_give_valid_bounded_json(void **state)
{
    (void)state;
    unsigned seed = 20240711;
    static char value[6000];
    for (int round = 0; round < 3000; round++) {
        struct log_line line;
        log_line_begin(&line, true, &(struct timespec){.tv_sec = round}, LOG_INFO, "e", "m");
        int fields = rand_r(&seed) % 12;
        for (int field = 0; field < fields; field++) {
            char name[8];
            snprintf(name, sizeof(name), "f%d", field);
            size_t length = (size_t)rand_r(&seed) % (sizeof(value) - 1);
            for (size_t i = 0; i < length; i++)
                value[i] = (char)(rand_r(&seed) % 255 + 1);
            value[length] = '\0';
            log_line_str(&line, name, value);
        }
        log_line_end(&line);
        assert_true(line.used <= LOG_LINE_MAX);
        json_error_t error;
        json_t *json = json_loadb(line.bytes, line.used, JSON_REJECT_DUPLICATES, &error);
        if (!json)
            fail_msg("round %d: %s", round, error.text);
        json_t *left_out = json_object_get(json, "fields_left_out");
        size_t whole = json_object_size(json) - 4 - (left_out ? 1 : 0);
        assert_int_equal(whole + (size_t)json_integer_value(left_out), fields);
        json_decref(json);
    }
}

static void a_long_value_is_cut_and_a_huge_line_says_what_is_missing(void **state)
{
    (void)state;
    static char long_value[3000];
    memset(long_value, 'x', sizeof(long_value) - 1);
    for (int json = 0; json < 2; json++) {
        struct log_line line;
        log_line_begin(&line, json, &(struct timespec){0}, LOG_INFO, "e", long_value);
        for (int i = 0; i < 6; i++)
            log_line_str(&line, (const char *[]){"a", "b", "c", "d", "e", "f"}[i], long_value);
        log_line_end(&line);
        assert_true(line.used <= LOG_LINE_MAX);
        assert_int_equal(line.bytes[line.used - 1], '\n');
        assert_non_null(memmem(line.bytes, line.used, "x...", 4));
        assert_non_null(memmem(line.bytes, line.used, "fields_left_out", 15));
    }
}

static void repeats_are_held_back_and_counted(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    enum { CALLS = 5000 };
    for (int i = 0; i < CALLS; i++)
        log_write(LOG_WARN, "test-storm", "again", LOG_INT("i", i), LOG_END);
    log_write(LOG_WARN, "test-other", "another kind is not held back", LOG_END);
    log_write(LOG_ERROR, "test-storm", "nor is another level", LOG_END);
    log_flush();
    log_flush(); /* nothing is counted twice */
    capture_end();
    size_t lines = lines_of(capture.text), storm = 0, others = 0;
    json_int_t held_back = 0;
    for (size_t i = 0; i < lines; i++) {
        json_t *line = line_json(i);
        bool is_storm = strcmp(json_string_value(json_object_get(line, "event")), "test-storm") == 0 &&
                        strcmp(json_string_value(json_object_get(line, "level")), "warn") == 0;
        others += !is_storm;
        storm += json_object_get(line, "i") != NULL;
        held_back += json_integer_value(json_object_get(line, "more_of_these"));
        json_decref(line);
    }
    assert_int_equal(others, 2);
    assert_in_range(storm, LOG_BURST, LOG_BURST + 60); /* one more a second, however slow the machine */
    assert_int_equal(held_back + (json_int_t)storm, CALLS);
}

static void a_kind_comes_back_after_a_pause(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    for (int i = 0; i < 100; i++)
        log_write(LOG_INFO, "test-pause", "storm", LOG_END);
    usleep(1100 * 1000);
    log_write(LOG_INFO, "test-pause", "after", LOG_END);
    capture_end();
    size_t lines = lines_of(capture.text);
    json_t *last = line_json(lines - 1);
    assert_string_equal(json_string_value(json_object_get(last, "message")), "after");
    assert_int_equal(json_integer_value(json_object_get(last, "more_of_these")) + (json_int_t)lines, 101);
    json_decref(last);
}

static void the_count_of_a_storm_that_is_over_comes_with_another_line(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    for (int i = 0; i < 100; i++)
        log_write(LOG_INFO, "test-over", "storm", LOG_END);
    log_write(LOG_INFO, "test-early", NULL, LOG_END);
    capture_read();
    assert_null(strstr(capture.text, "more_of_these")); /* it may still be going on */
    usleep(3100 * 1000);
    log_write(LOG_INFO, "test-late", NULL, LOG_END);
    capture_end();
    json_t *last = line_json(lines_of(capture.text) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "event")), "test-over");
    assert_int_equal(json_integer_value(json_object_get(last, "more_of_these")), 100 - LOG_BURST);
    json_decref(last);
}

/* More kinds than there are places: none is silenced by the others, and no count is lost. */
static void many_kinds_share_the_table(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    static char names[300][16];
    capture_begin();
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof(names[i]), "kind-%d", i);
        for (int n = 0; n < LOG_BURST + 2; n++)
            log_write(LOG_INFO, names[i], NULL, LOG_INT("own", 1), LOG_END);
    }
    log_flush();
    capture_end();
    size_t lines = lines_of(capture.text), own = 0;
    json_int_t held_back = 0;
    for (size_t i = 0; i < lines; i++) {
        json_t *line = line_json(i);
        own += json_object_get(line, "own") != NULL;
        held_back += json_integer_value(json_object_get(line, "more_of_these"));
        json_decref(line);
    }
    assert_true(own >= (size_t)300 * LOG_BURST);
    assert_int_equal(own + (size_t)held_back, 300 * (LOG_BURST + 2));
}

static void *write_lines(void *name)
{
    for (int i = 0; i < 200; i++) {
        log_write(LOG_DEBUG, name, "from a thread", LOG_INT("i", i), LOG_END);
        log_write(LOG_WARN, "test-shared", "from all threads", LOG_END);
        if (i % 50 == 0)
            log_flush();
    }
    return NULL;
}

static void lines_of_threads_never_mix(void **state)
{
    (void)state;
    log_configure(LOG_DEBUG, LOG_FORMAT_JSON);
    capture_begin();
    static char names[4][16];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        snprintf(names[i], sizeof(names[i]), "thread-%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    log_flush();
    capture_end();
    size_t debug = 0, lines = lines_of(capture.text);
    json_int_t shared = 0;
    for (size_t i = 0; i < lines; i++) {
        json_t *line = line_json(i); /* fails where two lines were mixed */
        if (strcmp(json_string_value(json_object_get(line, "level")), "debug") == 0)
            debug++;
        else if (strcmp(json_string_value(json_object_get(line, "message")), "from all threads") == 0)
            shared += 1 + json_integer_value(json_object_get(line, "more_of_these"));
        else
            shared += json_integer_value(json_object_get(line, "more_of_these"));
        json_decref(line);
    }
    assert_int_equal(debug, 800); /* debug lines are never held back */
    assert_int_equal(shared, 800);
    log_configure(LOG_INFO, LOG_FORMAT_AUTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_holds_what_was_said),
        cmocka_unit_test(a_text_line_is_for_people),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(control_and_bidi_characters_never_reach_a_terminal),
        cmocka_unit_test(random_bytes_give_valid_bounded_json),
        cmocka_unit_test(a_long_value_is_cut_and_a_huge_line_says_what_is_missing),
        cmocka_unit_test(repeats_are_held_back_and_counted),
        cmocka_unit_test(a_kind_comes_back_after_a_pause),
        cmocka_unit_test(the_count_of_a_storm_that_is_over_comes_with_another_line),
        cmocka_unit_test(many_kinds_share_the_table),
        cmocka_unit_test(lines_of_threads_never_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
