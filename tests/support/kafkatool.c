/* A tool for tests of whole processes; not installed. It runs the embedded broker for others, fills topics, reads them,
 * and tells offsets. It goes through the doors of worker/kafka, as the program does.
 *
 *   kafkatool mock [--brokers N] [--topic NAME:PARTITIONS]... [--port-file F]     until stdin ends; commands on stdin
 *   kafkatool produce --at ADDRESSES --topic T [--json] [--rate R]                records from stdin
 *   kafkatool consume --at ADDRESSES --topic T                                    JSON lines, first to end
 *   kafkatool offsets --at ADDRESSES --topic T [--group G]                        JSON lines, one a partition
 *   kafkatool create-topic --at ADDRESSES --topic T:PARTITIONS
 *   kafkatool wait-ready --at ADDRESSES [--timeout-ms N]
 *
 * Everywhere: --property NAME=VALUE. Neighbours: tests/support/cluster.py, which drives it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/support/kafkatool.h"

static const struct option OPTIONS[] = {
    {"at", required_argument, NULL, 'a'},
    {"topic", required_argument, NULL, 't'},
    {"group", required_argument, NULL, 'g'},
    {"brokers", required_argument, NULL, 'b'},
    {"port-file", required_argument, NULL, 'f'},
    {"rate", required_argument, NULL, 'r'},
    {"timeout-ms", required_argument, NULL, 'T'},
    {"property", required_argument, NULL, 'p'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

int tool_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("kafkatool: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return 1;
}

static struct inspect_options inspection(const struct tool_options *options)
{
    return (struct inspect_options){.brokers = options->at,
                                    .properties = options->properties,
                                    .property_count = options->property_count,
                                    .timeout_ms = options->timeout_ms};
}

/* ------------------------------------------------------------------------------------------------- consume */

/* Bytes that are no UTF-8 are named by a second key. */
static void set_bytes(json_t *object, const char *name, struct wd_str bytes)
{
    json_t *text = bytes.data ? json_stringn(bytes.data, bytes.len) : json_null();
    if (!text)
        json_object_set_new(object, "not_utf8", json_true());
    json_object_set_new(object, name, text ? text : json_null());
}

static void print_record(void *context, const struct kafka_record *record)
{
    (void)context;
    json_t *line = json_pack("{s:i, s:I, s:I}", "partition", (int)record->partition, "offset",
                             (json_int_t)record->offset, "timestamp", (json_int_t)record->timestamp_ms);
    set_bytes(line, "key", record->key);
    set_bytes(line, "value", record->value);
    json_t *headers = json_array();
    for (size_t i = 0; i < record->header_count; i++) {
        const struct kafka_header *header = &record->headers[i];
        json_t *value = header->value.data ? json_stringn(header->value.data, header->value.len) : json_null();
        json_array_append_new(headers,
                              json_pack("[s%, o]", header->name.data, header->name.len, value ? value : json_null()));
    }
    json_object_set_new(line, "headers", headers);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

static int consume(const struct tool_options *options)
{
    struct wd_error err;
    struct inspect_options inspect = inspection(options);
    if (inspect_read(&inspect, options->topics[0], print_record, NULL, &err) != WD_OK)
        return tool_fail("%s", err.text);
    return 0;
}

static int offsets(const struct tool_options *options)
{
    struct wd_error err;
    struct inspect_options inspect = inspection(options);
    struct inspect_partition *partitions = NULL;
    size_t count = 0;
    if (inspect_topic(&inspect, options->topics[0], options->group, &partitions, &count, &err) != WD_OK)
        return tool_fail("%s", err.text);
    for (size_t i = 0; i < count; i++) {
        const struct inspect_partition *p = &partitions[i];
        json_t *line = json_pack("{s:i, s:I, s:I, s:I, s:s?}", "partition", (int)p->partition, "first",
                                 (json_int_t)p->first_offset, "end", (json_int_t)p->end_offset, "committed",
                                 (json_int_t)p->committed_offset, "metadata", p->committed_metadata);
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    }
    free(partitions);
    return 0;
}

/* --------------------------------------------------------------------------------------------------- topics */

bool tool_split_topic(const char *argument, char *name, size_t size, int *partitions_out)
{
    const char *colon = strrchr(argument, ':');
    size_t length = colon ? (size_t)(colon - argument) : strlen(argument);
    char *end = NULL;
    long partitions = colon ? strtol(colon + 1, &end, 10) : 1;
    if (length == 0 || length >= size || partitions < 1 || partitions > 10000 || (end && *end))
        return false;
    memcpy(name, argument, length);
    name[length] = '\0';
    *partitions_out = (int)partitions;
    return true;
}

/* A broker says 'created' before its own listing has it. */
static enum wd_status wait_for_topic(const struct inspect_options *inspect, const char *name, struct wd_error *err)
{
    enum wd_status status;
    for (int tries = 0;; tries++) {
        struct inspect_partition *partitions = NULL;
        size_t count = 0;
        status = inspect_topic(inspect, name, NULL, &partitions, &count, err);
        free(partitions);
        if (status != WD_ERR_NOT_FOUND || tries == 100)
            return status;
        usleep(100 * 1000);
    }
}

static int create_topics(const struct tool_options *options)
{
    struct wd_error err;
    struct inspect_options inspect = inspection(options);
    for (size_t i = 0; i < options->topic_count; i++) {
        char name[256];
        int partitions;
        if (!tool_split_topic(options->topics[i], name, sizeof(name), &partitions))
            return tool_fail("--topic %s: NAME:PARTITIONS is wanted", options->topics[i]);
        if (inspect_create_topic(&inspect, name, partitions, -1, &err) != WD_OK ||
            wait_for_topic(&inspect, name, &err) != WD_OK)
            return tool_fail("%s", err.text);
    }
    return 0;
}

static int wait_ready(const struct tool_options *options)
{
    struct wd_error err = {.text = ""};
    struct inspect_options inspect = inspection(options);
    struct timespec began, now;
    clock_gettime(CLOCK_MONOTONIC, &began);
    inspect.timeout_ms = 1000;
    int brokers = 0;
    while (inspect_ping(&inspect, &brokers, &err) != WD_OK) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - began.tv_sec) * 1000 >= options->timeout_ms)
            return tool_fail("%s", err.text);
        usleep(100 * 1000);
    }
    printf("%d\n", brokers);
    return 0;
}

/* ------------------------------------------------------------------------------------------------- arguments */

static bool add_property(struct tool_options *options, char *argument)
{
    char *equals = strchr(argument, '=');
    if (!equals || options->property_count == TOOL_PROPERTIES_MAX)
        return false;
    *equals = '\0';
    options->properties[options->property_count++] = (struct kafka_property){argument, equals + 1};
    return true;
}

static bool read_options(int argc, char **argv, struct tool_options *options)
{
    int letter;
    while ((letter = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        bool ok = true;
        switch (letter) {
        case 'a':
            options->at = optarg;
            break;
        case 't':
            ok = options->topic_count < TOOL_TOPICS_MAX;
            if (ok)
                options->topics[options->topic_count++] = optarg;
            break;
        case 'g':
            options->group = optarg;
            break;
        case 'b':
            options->broker_count = (int)strtol(optarg, NULL, 10);
            break;
        case 'f':
            options->port_file = optarg;
            break;
        case 'r':
            options->rate = strtol(optarg, NULL, 10);
            break;
        case 'T':
            options->timeout_ms = (int)strtol(optarg, NULL, 10);
            break;
        case 'p':
            ok = add_property(options, optarg);
            break;
        case 'j':
            options->json = true;
            break;
        default:
            ok = false;
        }
        if (!ok)
            return false;
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct tool_options *options);
        bool needs_address, needs_topic;
    } COMMANDS[] = {
        {"mock", tool_mock, false, false},
        {"produce", tool_produce, true, true},
        {"consume", consume, true, true},
        {"offsets", offsets, true, true},
        {"create-topic", create_topics, true, true},
        {"wait-ready", wait_ready, true, false},
    };
    struct tool_options options = {.broker_count = 1, .timeout_ms = 15000};
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        if (strcmp(name, COMMANDS[i].name) != 0)
            continue;
        if (!read_options(argc - 1, argv + 1, &options))
            return tool_fail("%s: wrong arguments", name), 2;
        if ((COMMANDS[i].needs_address && !options.at) || (COMMANDS[i].needs_topic && options.topic_count == 0))
            return tool_fail("%s: --at or --topic is missing", name), 2;
        int code = COMMANDS[i].run(&options);
        return fflush(stdout) == 0 ? code : tool_fail("%s: %s", name, strerror(errno));
    }
    return tool_fail("unknown command '%s'; the head of tests/support/kafkatool.c lists them", name), 2;
}
