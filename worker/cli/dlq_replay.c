/* `warden dlq replay`: sends dead letters back to the topic that they came from. Neighbours: dlq.c reads them.
 *
 * What always holds: a letter counts as replayed only when the broker has acknowledged it; letters go out in the order
 * in which they lie in their partition, with the key that they had, so that an author's records stay in order. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "worker/cli/dlq.h"
#include "worker/kafka/producer.h"

enum { IN_FLIGHT_MAX = 1000, DELIVERY_TIMEOUT_MS = 30000, FLUSH_MS = 40000, HEADERS_ADDED = 2, PROGRESS_MS = 500 };

struct replay {
    struct dlq dlq;
    struct producer *producer;
    const char *to; /* NULL: where they came from */
    bool dry_run, is_terminal;
    uint64_t matched, sent, acknowledged, failed, without_value, without_source;
    char why[256]; /* of the first failure */
    int64_t told_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell_progress(struct replay *replay)
{
    if (!replay->is_terminal || now_ms() - replay->told_ms < PROGRESS_MS)
        return;
    replay->told_ms = now_ms();
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " letters read, %" PRIu64 " replayed ", replay->dlq.done,
            replay->dlq.total, replay->acknowledged);
}

static void note_failure(struct replay *replay, const char *text)
{
    if (replay->failed++ == 0)
        snprintf(replay->why, sizeof(replay->why), "%.250s", text);
}

static void on_report(void *context, enum wd_status status, int32_t partition, int64_t offset, const char *text)
{
    (void)partition;
    (void)offset;
    struct replay *replay = context;
    if (status == WD_OK)
        replay->acknowledged++;
    else
        note_failure(replay, text);
}

static void wait_a_little(struct replay *replay)
{
    if (producer_poll(replay->producer) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* The original headers and the mark: where it was and how often it has been replayed. */
static size_t put_headers(const struct letter *letter, const char *place, const char *count, struct kafka_header *out)
{
    const struct kafka_record *record = letter->record;
    size_t n = 0;
    for (size_t i = 0; i < record->header_count; i++)
        if (!dlq_is_own_header(record->headers[i].name))
            out[n++] = record->headers[i];
    out[n++] = (struct kafka_header){wd_str_from("warden.replayed_from"), wd_str_from(place)};
    out[n++] = (struct kafka_header){wd_str_from("warden.replays"), wd_str_from(count)};
    return n;
}

static bool send_letter(struct replay *replay, const struct letter *letter, const char *topic)
{
    const struct kafka_record *record = letter->record;
    char place[320], count[24];
    struct kafka_header *headers = calloc(record->header_count + HEADERS_ADDED, sizeof(*headers));
    if (!headers) {
        note_failure(replay, "no memory");
        return false;
    }
    snprintf(place, sizeof(place), "%s/%d/%" PRId64, record->topic, (int)record->partition, record->offset);
    snprintf(count, sizeof(count), "%lld", (letter->replays > 0 ? letter->replays : 0) + 1);
    size_t header_count = put_headers(letter, place, count, headers);
    struct wd_error err = {0};
    enum wd_status status;
    while (producer_in_flight(replay->producer) >= IN_FLIGHT_MAX)
        wait_a_little(replay);
    while ((status = producer_send(replay->producer, topic, -1, record->key, record->value, headers, header_count, 0,
                                   on_report, replay, &err)) == WD_ERR_UNAVAILABLE)
        wait_a_little(replay);
    free(headers);
    if (status != WD_OK)
        note_failure(replay, err.text);
    else
        replay->sent++;
    return status == WD_OK;
}

/* After a failure nothing more is sent: later records of an author must not overtake an earlier one. */
static bool replay_one(void *context, const struct letter *letter)
{
    struct replay *replay = context;
    replay->matched++;
    tell_progress(replay);
    if (letter->value_omitted) {
        replay->without_value++;
        return true;
    }
    char topic[256] = "";
    if (replay->to)
        snprintf(topic, sizeof(topic), "%s", replay->to);
    else if (letter->topic.len < sizeof(topic))
        snprintf(topic, sizeof(topic), "%.*s", WD_STR_ARG(letter->topic));
    if (!*topic) {
        replay->without_source++;
        return true;
    }
    if (replay->dry_run) {
        printf("%s/%d/%" PRId64 " -> %s\n", letter->record->topic, (int)letter->record->partition,
               letter->record->offset, topic);
        return !ferror(stdout);
    }
    return send_letter(replay, letter, topic) && replay->failed == 0;
}

static int start_producer(struct replay *replay)
{
    struct wd_error err = {0};
    struct producer_options options = {.brokers = replay->dlq.inspect.brokers,
                                       .client_id = "warden-dlq",
                                       .properties = replay->dlq.properties,
                                       .property_count = replay->dlq.inspect.property_count,
                                       .delivery_timeout_ms = DELIVERY_TIMEOUT_MS,
                                       .linger_ms = 5};
    replay->producer = producer_new(&options, &err);
    return replay->producer ? EXIT_FINE : cli_fail(replay->dlq.arguments, EXIT_CONFIG, "%s", err.text);
}

static int finish(struct replay *replay)
{
    struct wd_error err = {0};
    if (replay->producer && producer_flush(replay->producer, FLUSH_MS, &err) != WD_OK)
        note_failure(replay, err.text);
    if (replay->is_terminal && replay->told_ms)
        fputc('\n', stderr);
    fprintf(stderr, "%" PRIu64 " letters, %" PRIu64 " %s", replay->matched,
            replay->dry_run ? replay->matched - replay->without_value - replay->without_source : replay->acknowledged,
            replay->dry_run ? "would be replayed" : "replayed");
    if (replay->without_value)
        fprintf(stderr, ", %" PRIu64 " have lost their value (too large) and cannot be", replay->without_value);
    if (replay->without_source)
        fprintf(stderr, ", %" PRIu64 " do not say where they came from (use --to)", replay->without_source);
    fputc('\n', stderr);
    if (replay->failed)
        return cli_fail(replay->dlq.arguments, EXIT_FINDINGS,
                        "not everything could be written; what was replayed is replayed: %s", replay->why);
    return replay->matched ? EXIT_FINE : EXIT_NOTHING;
}

static int run(const struct cli_arguments *arguments)
{
    struct replay replay = {.to = cli_value(arguments, "to"),
                            .dry_run = cli_has(arguments, "dry-run"),
                            .is_terminal = isatty(STDERR_FILENO)};
    int code = dlq_open(arguments, &replay.dlq);
    if (code == EXIT_FINE && !dlq_is_filtered(&replay.dlq) && !cli_has(arguments, "all"))
        code = cli_usage(arguments, "name letters (PARTITION/OFFSET), give a filter, or say --all");
    if (code == EXIT_FINE && !replay.dry_run)
        code = start_producer(&replay);
    if (code == EXIT_FINE) {
        code = dlq_read(&replay.dlq, replay_one, &replay);
        int finished = finish(&replay);
        code = code == EXIT_FINE ? finished : code;
    }
    if (replay.producer)
        producer_free(replay.producer, 1000);
    dlq_close(&replay.dlq);
    return code;
}

static const struct cli_option OPTIONS[] = {
    DLQ_FILTER_OPTIONS,
    {.name = "all", .letter = 'a', .text = "Every letter that is in the topic."},
    {.name = "to", .argument = "TOPIC", .text = "Send to this topic and not to where they came from."},
    {.name = "dry-run", .text = "Only say what would be sent where."},
    {0},
};

const struct cli_command command_dlq_replay = {
    .name = "dlq replay",
    .operands = "[PARTITION/OFFSET...]",
    .summary = "send dead letters back to the topic that they came from",
    .text = "With their key, value and headers, and the headers warden.replayed_from and warden.replays as a mark. The "
            "letters stay in the dead-letter topic, so a second replay sends them again. Exits with 4 where no letter "
            "fits, with 1 where one could not be written; the rest is then not sent.",
    .options = OPTIONS,
    .run = run,
};
