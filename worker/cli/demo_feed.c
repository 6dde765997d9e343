/* The demo's producer: sample events at a steady rate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "worker/cli/demo.h"
#include "worker/kafka/producer.h"

enum { LINES_MAX = 100000, LINE_MAX_BYTES = 4 << 20 };

struct feed {
    struct producer *producer;
    const char *topic;
    char **lines;
    size_t line_count;
    int64_t *times_s; /* of each line: the newest time that it or one before it tells; 0: none so far */
    int64_t begin_s;  /* when the first pass happens */
    uint64_t sent, acknowledged;
};

/* ---- what a pass changes ---- */

enum { TIME_CHARACTERS = 24, PASS_SECONDS = 3600 };

/* A member whose value is another one in every pass: `"name":"` and, where not NULL, how the value has to begin. */
struct renewed {
    const char *member, *begins;
};
static const struct renewed IDS[] = {
    {"\"messageId\":\"", NULL}, {"\"postId\":\"", NULL},      {"\"commentId\":\"", NULL},     {"\"storyId\":\"", NULL},
    {"\"userId\":\"", "new-"},  {"\"creatorId\":\"", "new-"}, {"\"postedUserId\":\"", "new-"}};
static const struct renewed TIMES[] = {
    {"\"createdAt\":\"", NULL}, {"\"editedAt\":\"", NULL}, {"\"updatedAt\":\"", NULL}};

/* Where the value begins, or NULL where the member is none of these. */
static const char *value_of(const char *at, const struct renewed *members, size_t count)
{
    for (size_t i = 0; i < count && *at == '"'; i++) {
        size_t length = strlen(members[i].member);
        if (strncmp(at, members[i].member, length) == 0 &&
            (!members[i].begins || strncmp(at + length, members[i].begins, strlen(members[i].begins)) == 0))
            return at + length;
    }
    return NULL;
}

/* Reads a time, to the second; the end of what was read, or NULL where it is none. */
static const char *read_time(const char *value, int64_t *seconds_out)
{
    struct tm time = {0};
    const char *end = strptime(value, "%Y-%m-%dT%H:%M:%S", &time);
    *seconds_out = end ? timegm(&time) : 0;
    return end;
}

/* The newest time in a line, or `newest` where that is newer: accounts are older than what they write. */
static int64_t newest_time(const char *line, int64_t newest)
{
    for (; *line; line++) {
        const char *value = value_of(line, TIMES, sizeof(TIMES) / sizeof(TIMES[0]));
        int64_t seconds;
        if (value && read_time(value, &seconds) && seconds > newest)
            newest = seconds;
    }
    return newest;
}

/* Writes the time so much later; what is no time stays as it is. Returns how much of the line it took. */
static size_t put_time(FILE *out, const char *value, int64_t later_s)
{
    int64_t seconds;
    const char *end = read_time(value, &seconds);
    time_t moved = (time_t)(seconds + later_s);
    struct tm time;
    char text[TIME_CHARACTERS + 1];
    if (!end || !gmtime_r(&moved, &time) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &time))
        return 0;
    fputs(text, out);
    return (size_t)(end - value);
}

/* A copy of the line for a pass: content ids and new accounts have "-<pass>" behind them, and all of it happens so much
 * later than it says. */
static char *renew(const char *line, uint64_t pass, int64_t later_s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    while (*line) {
        const char *id = value_of(line, IDS, sizeof(IDS) / sizeof(IDS[0]));
        const char *time = id ? NULL : value_of(line, TIMES, sizeof(TIMES) / sizeof(TIMES[0]));
        if (id) {
            size_t head = (size_t)(id - line) + strcspn(id, "\"");
            fwrite(line, 1, head, out);
            fprintf(out, "-%llu", (unsigned long long)pass);
            line += head;
        } else if (time) {
            fwrite(line, 1, (size_t)(time - line), out);
            line = time + put_time(out, time, later_s);
        } else {
            fputc(*line++, out);
        }
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static bool read_lines(struct feed *feed, const char *path, struct wd_error *err)
{
    FILE *in = fopen(path, "re");
    if (!in) {
        wd_fail(err, WD_ERR_IO, "%s: %s (give a file of events, one JSON object a line, with --events)", path,
                strerror(errno));
        return false;
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    feed->lines = calloc(LINES_MAX, sizeof(char *));
    feed->times_s = calloc(LINES_MAX, sizeof(*feed->times_s));
    int64_t newest_s = 0;
    while (feed->lines && feed->times_s && feed->line_count < LINES_MAX && (length = getline(&line, &room, in)) > 0) {
        if (line[length - 1] == '\n')
            line[--length] = '\0';
        if (length == 0 || length > LINE_MAX_BYTES)
            continue;
        char *copy = strdup(line);
        if (!copy)
            continue;
        newest_s = newest_time(line, newest_s);
        feed->times_s[feed->line_count] = newest_s;
        feed->lines[feed->line_count++] = copy;
    }
    free(line);
    fclose(in);
    if (!feed->line_count)
        wd_fail(err, WD_ERR_INVALID, "%s: no events in it", path);
    return feed->line_count > 0;
}

struct feed *feed_new(const char *events_file, const char *brokers, const char *topic, uint64_t expected,
                      struct wd_error *err)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    if (!feed) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        return NULL;
    }
    feed->topic = topic;
    struct producer_options options = {
        .brokers = brokers, .client_id = "warden-demo-feed", .delivery_timeout_ms = 30000, .linger_ms = 5};
    if (read_lines(feed, events_file, err) && (feed->producer = producer_new(&options, err))) {
        feed->begin_s = time(NULL) - (int64_t)(expected / feed->line_count + 1) * PASS_SECONDS;
        return feed;
    }
    feed_free(feed);
    return NULL;
}

/* The text of the first of these string members, where there is one: the sample is ours, its members are written
 * without spaces. */
static struct wd_str find_member(const char *line, const char *const *names)
{
    for (; *names; names++) {
        char pattern[64];
        snprintf(pattern, sizeof(pattern), "\"%s\":\"", *names);
        const char *at = strstr(line, pattern);
        if (!at)
            continue;
        at += strlen(pattern);
        return (struct wd_str){.data = at, .len = strcspn(at, "\"")};
    }
    return (struct wd_str){0};
}

static void on_report(void *context, enum wd_status status, int32_t partition, int64_t offset, const char *text)
{
    (void)partition;
    (void)offset;
    (void)text;
    struct feed *feed = context;
    feed->acknowledged += status == WD_OK;
}

static bool send_one(struct feed *feed)
{
    static const char *const AUTHORS[] = {"creatorId", "postedUserId", "userId", NULL};
    uint64_t pass = feed->sent / feed->line_count, number = feed->sent % feed->line_count;
    int64_t later_s = feed->begin_s - feed->times_s[0] + (int64_t)pass * PASS_SECONDS;
    char *line = renew(feed->lines[number], pass, later_s);
    if (!line)
        return false;
    struct wd_error err;
    enum wd_status status =
        producer_send(feed->producer, feed->topic, -1, find_member(line, AUTHORS), wd_str_from(line), NULL, 0,
                      (feed->times_s[number] + later_s) * 1000, on_report, feed, &err);
    free(line);
    if (status == WD_OK)
        feed->sent++;
    return status == WD_OK;
}

void feed_until(struct feed *feed, uint64_t count)
{
    while (feed->sent < count && send_one(feed))
        ;
    producer_poll(feed->producer);
}

void feed_flush(struct feed *feed)
{
    struct wd_error err;
    if (producer_flush(feed->producer, 10000, &err) != WD_OK)
        fprintf(stderr, "warden demo: %s\n", err.text);
}

uint64_t feed_acknowledged(const struct feed *feed)
{
    return feed->acknowledged;
}

void feed_free(struct feed *feed)
{
    if (feed->producer)
        producer_free(feed->producer, 1000);
    for (size_t i = 0; i < feed->line_count; i++)
        free(feed->lines[i]);
    free(feed->lines);
    free(feed->times_s);
    free(feed);
}
