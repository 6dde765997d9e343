/* `kafkatool produce`: records from stdin, "key<TAB>value" a line, or with --json an object a line: {"key", "value",
 * "partition", "timestamp", "headers": [[name, value], ...]}, all but value optional.
 *
 * An empty line waits until everything before it is acknowledged and then prints how many records that are. At the end
 * of stdin the total is printed; the exit code is 1 if a record was refused. No more than a few thousand records are in
 * flight, so that the embedded broker keeps up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "tests/support/kafkatool.h"

enum { IN_FLIGHT_MAX = 5000, HEADERS_MAX = 32, FLUSH_MS = 120000 };

struct feed {
    struct producer *producer;
    const char *topic;
    long sent, acknowledged, refused;
    char reason[256];
};

static void on_report(void *context, enum wd_status status, int32_t partition, int64_t offset, const char *text)
{
    struct feed *feed = context;
    (void)partition;
    (void)offset;
    feed->acknowledged += status == WD_OK;
    feed->refused += status != WD_OK;
    if (status != WD_OK)
        snprintf(feed->reason, sizeof(feed->reason), "%s", text);
}

static void nap(long nanoseconds)
{
    nanosleep(&(struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}, NULL);
}

static int send_record(struct feed *feed, int32_t partition, struct wd_str key, struct wd_str value,
                       const struct kafka_header *headers, size_t header_count, int64_t timestamp_ms)
{
    struct wd_error err;
    enum wd_status status;
    while (producer_in_flight(feed->producer) >= IN_FLIGHT_MAX && producer_poll(feed->producer) == 0)
        nap(1000000);
    while ((status = producer_send(feed->producer, feed->topic, partition, key, value, headers, header_count,
                                   timestamp_ms, on_report, feed, &err)) == WD_ERR_UNAVAILABLE) {
        producer_poll(feed->producer);
        nap(1000000);
    }
    if (status != WD_OK)
        return tool_fail("%s", err.text);
    feed->sent++;
    return 0;
}

static int send_tabbed(struct feed *feed, char *line, size_t length)
{
    const char *tab = memchr(line, '\t', length);
    struct wd_str key = {0}, value = {line, length};
    if (tab) {
        key = (struct wd_str){line, (size_t)(tab - line)};
        value = (struct wd_str){tab + 1, length - key.len - 1};
    }
    return send_record(feed, -1, key, value, NULL, 0, 0);
}

static struct wd_str text_of(const json_t *value)
{
    return json_is_string(value) ? (struct wd_str){json_string_value(value), json_string_length(value)}
                                 : (struct wd_str){0};
}

static int send_json(struct feed *feed, const char *line, size_t length)
{
    json_error_t error;
    json_t *object = json_loadb(line, length, JSON_ALLOW_NUL, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        return tool_fail("record %ld: %s", feed->sent + 1, object ? "not an object" : error.text);
    }
    struct kafka_header headers[HEADERS_MAX];
    size_t count = 0, index;
    json_t *pair;
    json_array_foreach(json_object_get(object, "headers"), index, pair) if (count < HEADERS_MAX) headers[count++] =
        (struct kafka_header){text_of(json_array_get(pair, 0)), text_of(json_array_get(pair, 1))};
    const json_t *partition = json_object_get(object, "partition");
    int code = send_record(feed, json_is_integer(partition) ? (int32_t)json_integer_value(partition) : -1,
                           text_of(json_object_get(object, "key")), text_of(json_object_get(object, "value")), headers,
                           count, json_integer_value(json_object_get(object, "timestamp")));
    json_decref(object);
    return code;
}

static int wait_for_all(struct feed *feed)
{
    struct wd_error err;
    enum wd_status status = producer_flush(feed->producer, FLUSH_MS, &err);
    printf("%ld\n", feed->acknowledged);
    fflush(stdout);
    if (status != WD_OK)
        return tool_fail("%s", err.text);
    return feed->refused ? tool_fail("%ld records were refused: %s", feed->refused, feed->reason) : 0;
}

static int feed_lines(struct feed *feed, const struct tool_options *options)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int code = 0;
    while (code == 0 && (length = getline(&line, &room, stdin)) > 0) {
        if (line[length - 1] == '\n')
            length--;
        if (length == 0)
            code = wait_for_all(feed);
        else
            code = options->json ? send_json(feed, line, (size_t)length) : send_tabbed(feed, line, (size_t)length);
        if (options->rate > 0 && length > 0) {
            producer_poll(feed->producer);
            nap(1000000000L / options->rate);
        }
    }
    free(line);
    return code;
}

int tool_produce(const struct tool_options *options)
{
    struct wd_error err;
    struct producer_options producer_options = {.brokers = options->at,
                                                .client_id = "kafkatool",
                                                .properties = options->properties,
                                                .property_count = options->property_count,
                                                .delivery_timeout_ms = FLUSH_MS,
                                                .linger_ms = 5};
    struct feed feed = {.topic = options->topics[0]};
    feed.producer = producer_new(&producer_options, &err);
    if (!feed.producer)
        return tool_fail("%s", err.text);
    int code = feed_lines(&feed, options);
    if (code == 0)
        code = wait_for_all(&feed);
    producer_free(feed.producer, 1000);
    return code;
}
