/* ISO 8601 times against timegm: every day of every year, every offset, fractions, and what is no time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "filters/event/time_text.h"

static int64_t parse(const char *text)
{
    int64_t ms = -1;
    if (!time_parse(wd_str_from(text), &ms))
        fail_msg("'%s' should be a time", text);
    return ms;
}

static void refuses(const char *text)
{
    int64_t ms = 77;
    if (time_parse(wd_str_from(text), &ms))
        fail_msg("'%s' should be no time", text);
    assert_int_equal(ms, 77);
}

static int64_t timegm_ms(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return (int64_t)timegm(&tm) * 1000;
}

/* Whether timegm keeps the day, or moves it into the next month because there is no such day. */
static bool exists(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    timegm(&tm);
    return tm.tm_mday == day;
}

static void every_day_is_that_of_timegm(void **state)
{
    (void)state;
    char text[32];
    for (int year = 1; year <= 9999; year++)
        for (int month = 1; month <= 12; month++)
            for (int day = 1; day <= 31; day++) {
                /* Written by hand: 3.7 million printfs are the slow part otherwise. */
                int digits[] = {year / 1000, year / 100 % 10, year / 10 % 10, year % 10};
                for (int i = 0; i < 4; i++)
                    text[i] = (char)('0' + digits[i]);
                text[4] = text[7] = '-';
                text[5] = (char)('0' + month / 10);
                text[6] = (char)('0' + month % 10);
                text[8] = (char)('0' + day / 10);
                text[9] = (char)('0' + day % 10);
                text[10] = '\0';
                int64_t ms = -1;
                bool is_time = time_parse((struct wd_str){.data = text, .len = 10}, &ms);
                if (day <= 28 ? !is_time : is_time != exists(year, month, day))
                    fail_msg("%s: %s", text, is_time ? "taken" : "refused");
                if (is_time && ms != timegm_ms(year, month, day))
                    fail_msg("%s gives %lld", text, (long long)ms);
            }
}

static void every_second_of_a_day_counts(void **state)
{
    (void)state;
    char text[64];
    int64_t midnight = timegm_ms(2024, 2, 29);
    for (int second = 0; second < 86400; second++) {
        snprintf(text, sizeof(text), "2024-02-29T%02d:%02d:%02dZ", second / 3600, second / 60 % 60, second % 60);
        assert_int_equal(parse(text), midnight + second * 1000LL);
    }
}

static void every_offset_shifts(void **state)
{
    (void)state;
    static const char *const FORMS[] = {"2024-03-01T00:30:00%c%02d:%02d", "2024-03-01t00:30:00%c%02d%02d"};
    char text[64];
    int64_t there = timegm_ms(2024, 3, 1) + 30 * 60000;
    for (int minutes = 0; minutes < 24 * 60; minutes++)
        for (int form = 0; form < 2; form++)
            for (int east = 0; east < 2; east++) {
                snprintf(text, sizeof(text), FORMS[form], east ? '+' : '-', minutes / 60, minutes % 60);
                assert_int_equal(parse(text), there + (east ? -1 : 1) * minutes * 60000LL);
            }
    assert_int_equal(parse("2024-03-01T00:30:00+07"), there - 7 * 3600000LL);
}

static void fractions_are_cut_to_milliseconds(void **state)
{
    (void)state;
    char text[64];
    int64_t whole = parse("2024-05-01T12:34:56Z");
    for (int ms = 0; ms < 1000; ms++) {
        snprintf(text, sizeof(text), "2024-05-01T12:34:56.%03dZ", ms);
        assert_int_equal(parse(text), whole + ms);
        snprintf(text, sizeof(text), "2024-05-01 12:34:56,%03d999999z", ms);
        assert_int_equal(parse(text), whole + ms);
    }
    assert_int_equal(parse("2024-05-01T12:34:56.5Z"), whole + 500);
    assert_int_equal(parse("2024-05-01T12:34:56.07"), whole + 70);
}

static void times_before_the_epoch_are_negative(void **state)
{
    (void)state;
    assert_int_equal(parse("1969-12-31T23:59:59.999Z"), -1);
    assert_int_equal(parse("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parse("1970-01-01T01:00+01:00"), 0);
    assert_int_equal(parse("2016-12-31T23:59:60Z"), timegm_ms(2017, 1, 1));
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "",
        "2024",
        "2024-05",
        "2024-13-01",
        "2024-00-01",
        "2024-05-00",
        "2024-04-31",
        "2023-02-29",
        "1900-02-29",
        "0000-01-01",
        "2024-5-01",
        "2024-05-01T",
        "2024-05-01T12",
        "2024-05-01T24:00:00Z",
        "2024-05-01T12:60:00Z",
        "2024-05-01T12:34:61Z",
        "2024-05-01T12:34:56.Z",
        "2024-05-01T12:34:56Zx",
        "2024-05-01T12:34:56+",
        "2024-05-01T12:34:56+7",
        "2024-05-01T12:34:56+24:00",
        "2024-05-01T12:34:56+07:60",
        "2024-05-01T12:34:56+07:0",
        "2024-05-01x12:34:56Z",
        " 2024-05-01",
        "2024-05-01 ",
        "yesterday",
        "1714566896789",
        "+024-05-01",
        "2024-05-01T-2:00:00Z",
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
        refuses(WRONG[i]);
    int64_t ms;
    assert_false(time_parse((struct wd_str){0}, &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_is_that_of_timegm),
        cmocka_unit_test(every_second_of_a_day_counts),
        cmocka_unit_test(every_offset_shifts),
        cmocka_unit_test(fractions_are_cut_to_milliseconds),
        cmocka_unit_test(times_before_the_epoch_are_negative),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
