/* ISO 8601 to milliseconds: see time_text.h. */
#include "filters/event/time_text.h"

#include <stdint.h>
#include <string.h>

struct scan {
    const char *at, *end;
};

static bool take_char(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Exactly `digits` digits, within [low, high]. */
static bool take_number(struct scan *scan, int digits, int low, int high, int *out)
{
    int value = 0;
    if (scan->end - scan->at < digits)
        return false;
    for (int i = 0; i < digits; i++, scan->at++) {
        if (*scan->at < '0' || *scan->at > '9')
            return false;
        value = value * 10 + (*scan->at - '0');
    }
    *out = value;
    return value >= low && value <= high;
}

static int days_in_month(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : DAYS[month - 1];
}

/* Days since 1970-01-01. Counts years from March, so that the leap day is the last of its year. */
static int64_t days_from_date(int year, int month, int day)
{
    int from_march = (month + 9) % 12;
    int64_t years = month <= 2 ? year - 1 : year;
    int64_t leap_days = years / 4 - years / 100 + years / 400;
    const int64_t epoch = 719468; /* the same count for 1970-01-01 */
    return years * 365 + leap_days + (from_march * 153 + 2) / 5 + (day - 1) - epoch;
}

/* Any number of digits; the first three count. */
static bool take_fraction(struct scan *scan, int *ms_out)
{
    int ms = 0, digits = 0;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++, digits++)
        if (digits < 3)
            ms = ms * 10 + (*scan->at - '0');
    for (int i = digits; i < 3; i++)
        ms *= 10;
    *ms_out = ms;
    return digits > 0;
}

/* Z, +07, +0700, +07:00 or nothing. */
static bool take_zone(struct scan *scan, int *minutes_out)
{
    int hours, minutes = 0;
    *minutes_out = 0;
    if (scan->at == scan->end || take_char(scan, 'Z') || take_char(scan, 'z'))
        return true;
    bool west = *scan->at == '-';
    if (!west && *scan->at != '+')
        return false;
    scan->at++;
    if (!take_number(scan, 2, 0, 23, &hours))
        return false;
    if (scan->at < scan->end) {
        take_char(scan, ':');
        if (!take_number(scan, 2, 0, 59, &minutes))
            return false;
    }
    *minutes_out = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

static bool take_clock(struct scan *scan, int64_t *ms_out)
{
    int hour, minute, second = 0, fraction = 0, zone;
    if (!take_number(scan, 2, 0, 23, &hour) || !take_char(scan, ':') || !take_number(scan, 2, 0, 59, &minute))
        return false;
    if (take_char(scan, ':') && !take_number(scan, 2, 0, 60, &second))
        return false;
    if ((take_char(scan, '.') || take_char(scan, ',')) && !take_fraction(scan, &fraction))
        return false;
    if (!take_zone(scan, &zone))
        return false;
    *ms_out = ((hour * 60 + minute - zone) * (int64_t)60 + second) * 1000 + fraction;
    return true;
}

/* As the platform writes times, 2024-05-01T10:20:30.456Z, eight bytes at once. False: it is another way, or no time. */
static bool take_usual(struct wd_str text, int64_t *ms_out)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    enum { LEN = sizeof form - 1 };
    unsigned char d[LEN]; /* a digit's value; 0 where something else has to stand and does */
    if (text.len != LEN)
        return false;
    uint64_t wrong = 0;
    for (int i = 0; i < LEN; i += 8) {
        uint64_t given, expected, digits = 0;
        memcpy(&given, text.data + i, 8);
        memcpy(&expected, form + i, 8);
        for (int k = 0; k < 8; k++)
            ((unsigned char *)&digits)[k] = form[i + k] == '0' ? 0x7F - 9 : 0x7F;
        given ^= expected;
        wrong |= given | (given + digits);
        memcpy(d + i, &given, 8);
    }
    int year = d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3], month = d[5] * 10 + d[6], day = d[8] * 10 + d[9];
    int hour = d[11] * 10 + d[12], minute = d[14] * 10 + d[15], second = d[17] * 10 + d[18];
    if (wrong & UINT64_C(0x8080808080808080) || year < 1 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60)
        return false;
    *ms_out = days_from_date(year, month, day) * 86400000 + ((hour * 60 + minute) * (int64_t)60 + second) * 1000 +
              d[20] * 100 + d[21] * 10 + d[22];
    return true;
}

bool time_parse(struct wd_str text, int64_t *ms_out)
{
    if (text.len == 0)
        return false;
    if (take_usual(text, ms_out))
        return true;
    struct scan scan = {.at = text.data, .end = text.data + text.len};
    int year, month, day;
    int64_t clock_ms = 0;
    if (!take_number(&scan, 4, 1, 9999, &year) || !take_char(&scan, '-') || !take_number(&scan, 2, 1, 12, &month) ||
        !take_char(&scan, '-') || !take_number(&scan, 2, 1, days_in_month(year, month), &day))
        return false;
    if (scan.at < scan.end) {
        if (!take_char(&scan, 'T') && !take_char(&scan, 't') && !take_char(&scan, ' '))
            return false;
        if (!take_clock(&scan, &clock_ms))
            return false;
    }
    if (scan.at != scan.end)
        return false;
    *ms_out = days_from_date(year, month, day) * 86400000 + clock_ms;
    return true;
}
