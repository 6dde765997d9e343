/* Samples of messages: what is read of which kind of line, and that only speed depends on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <warden/ruleset.h>

#include "filters/rules/loader.h"

static char path[] = "/tmp/warden-sample-XXXXXX";

static void write_sample(const char *text, size_t len)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static void assert_read(const char *file, const char *wanted)
{
    struct wd_error err = {.text = ""};
    char *text = NULL;
    write_sample(file, strlen(file));
    assert_int_equal(wd_sample_read(path, &text, &err), WD_OK);
    assert_string_equal(text, wanted);
    free(text);
}

static void each_line_is_a_text(void **state)
{
    (void)state;
    assert_read("", "");
    assert_read("hello\nsecond line", "hello\nsecond line\n");
    assert_read("caf\xc3\xa9\nno \xff text\nlast\n", "caf\xc3\xa9\nlast\n"); /* what is no UTF-8 is passed over */
    assert_read("{broken\nfine\n", "fine\n");
}

static void of_events_their_prose(void **state)
{
    (void)state;
    assert_read("{\"text\":\"caf\\u00e9 \\\"x\\\"\",\"label\":\"bad\"}", "caf\xc3\xa9 \"x\"\n");
    assert_read(
        "{\"event\":\"message.didCreate\",\"data\":{\"messages\":[{\"messageId\":\"m\",\"data\":{\"text\":\"one\"}},"
        "{\"data\":{\"text\":\"two\",\"title\":\"three\"}}]}}\nplain\n",
        "one\ntwo\nthree\nplain\n");
    assert_read("{\"topic\":\"t\",\"offset\":3,\"payload\":\"{\\\"text\\\":\\\"inside\\\"}\"}", "inside\n");
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    char deep[4096] = "";
    for (int i = 0; i < 300; i++)
        strcat(deep, "{\"a\":");
    strcat(deep, "{\"text\":\"deep\"}");
    for (int i = 0; i < 300; i++)
        strcat(deep, "}");
    assert_read(deep, "");
}

static void what_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct wd_error err = {.text = ""};
    char *text = NULL;
    assert_int_equal(wd_sample_read("/nonexistent/sample", &text, &err), WD_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "no such file"));
    assert_int_equal(wd_sample_read("/tmp", &text, &err), WD_ERR_IO);
    assert_non_null(strstr(err.text, "directory"));
    size_t len = (16 << 20) + 1;
    char *much = malloc(len);
    assert_non_null(much);
    memset(much, 'x', len);
    write_sample(much, len);
    free(much);
    assert_int_equal(wd_sample_read(path, &text, &err), WD_ERR_TOO_LARGE);
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_is_a_text),
        cmocka_unit_test(of_events_their_prose),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(what_cannot_be_read_is_said),
    };
    int file = mkstemp(path);
    if (file < 0)
        return 1;
    close(file);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failures;
}
