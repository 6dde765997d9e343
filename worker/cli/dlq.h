/* Dead letters for people: what dlq.c (reading) and dlq_replay.c share. */
#ifndef WORKER_CLI_DLQ_H
#define WORKER_CLI_DLQ_H

#include "worker/cli/commands.h"
#include "worker/kafka/inspect.h"

/* A record of the dead-letter topic as its headers tell. Lent as long as the record. */
struct letter {
    const struct kafka_record *record;
    struct wd_str topic, reason, error, attempts; /* topic: where it came from; data NULL where a header is missing */
    int64_t partition, offset;                    /* there; -1 where unknown */
    long long replays;                            /* how often it was replayed before it came here again */
    bool value_omitted;
};

enum { DLQ_COORDINATES_MAX = 256 };

struct dlq {
    const struct cli_arguments *arguments;
    struct config *config;
    struct kafka_property *properties;
    struct inspect_options inspect;
    int64_t from_ms, to_ms;
    long long partition, limit;       /* -1: any, 0: no limit */
    const char *topic, *reason, *key; /* NULL: any */
    struct {
        int32_t partition;
        int64_t offset;
    } coordinates[DLQ_COORDINATES_MAX]; /* of the dead-letter topic; from the operands */
    size_t coordinate_count;
    uint64_t done, total; /* offsets passed so far, of how many */
};

#define DLQ_FILTER_OPTIONS                                                                                             \
    CLI_CONFIG_OPTIONS,                                                                                                \
        {.name = "reason",                                                                                             \
         .letter = 'r',                                                                                                \
         .argument = "CLASS",                                                                                          \
         .text = "Only letters with this warden.reason, as action_refused or attempts_used_up."},                      \
        {.name = "topic", .letter = 't', .argument = "TOPIC", .text = "Only records that came from this topic."},      \
        {.name = "partition", .letter = 'p', .argument = "N", .text = "Only from this partition of it."},              \
        {.name = "key", .letter = 'k', .argument = "KEY", .text = "Only records with this key."},                      \
        {.name = "since", .argument = "TIME", .text = "Only letters from then on: 2026-11-01T12:00:00Z or 2h, 7d."},   \
        {.name = "until", .argument = "TIME", .text = "Only letters before."},                                         \
    {                                                                                                                  \
        .name = "limit", .letter = 'n', .argument = "N", .text = "At most so many letters."                            \
    }

/* Reads configuration, filters and operands (PARTITION/OFFSET). EXIT_FINE, or the command's exit code after a
 * complaint; dlq_close() in any case. */
int dlq_open(const struct cli_arguments *arguments, struct dlq *dlq);
void dlq_close(struct dlq *dlq);
/* Some filter or coordinate was given. */
bool dlq_is_filtered(const struct dlq *dlq);

/* Calls on_letter for every letter that the filters let through, until it returns false or the topic's present end is
 * reached. EXIT_FINE, or the command's exit code after a complaint. */
int dlq_read(struct dlq *dlq, bool (*on_letter)(void *context, const struct letter *letter), void *context);

/* A header that warden itself has put on a dead letter. */
bool dlq_is_own_header(struct wd_str name);

#endif
