/* Where the events of a replay come from: files of JSON lines, or a topic. Threads take them in blocks; which thread
 * gets which does not matter, since every item knows its place. Neighbours: source_files.c, source_topic.c, run.c. */
#ifndef WORKER_REPLAY_SOURCE_H
#define WORKER_REPLAY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>

#include "worker/config.h"

enum { SOURCE_RECORD_MAX = 16 << 20, SOURCE_BLOCK_BYTES = 256 << 10 };

struct source_item {
    size_t start, len;    /* in the block's data */
    uint64_t position;    /* line, from 1, or offset */
    uint32_t input;       /* file or partition: for source_place() */
    int64_t timestamp_ms; /* of the record in Kafka; 0: none */
    bool too_long;        /* longer than SOURCE_RECORD_MAX: its bytes are not here */
    bool is_null;         /* a tombstone */
};

/* A piece of the source; belongs to one thread, which fills it again and again. Zeroed at first. */
struct source_block {
    char *data;
    size_t size, room;
    struct source_item *items;
    size_t count, item_room;
};
void source_block_fini(struct source_block *block);

struct source;

/* `paths` ("-": standard input) must outlive it. All are opened at once, so that a slip in the last is seen first. */
struct source *source_files_new(const char *const *paths, size_t count, struct wd_error *err);

/* Records with a timestamp in [from_ms, to_ms). Reads without a group, commits nothing. */
struct source *source_topic_new(const struct config *config, const char *topic, int64_t from_ms, int64_t to_ms,
                                struct wd_error *err);
void source_free(struct source *source);

/* The next items, in the order of each input. Any thread. False at the end and on failure: then `err` is filled and
 * every later call fails as well. */
bool source_next(struct source *source, struct source_block *block, struct wd_error *err);

/* How much of how much is done, in a unit of its own; total 0: unknown. Any thread. */
void source_progress(struct source *source, uint64_t *done_out, uint64_t *total_out);

/* "events.jsonl:12", "content.events/3@1200". */
void source_place(const struct source *source, uint32_t input, uint64_t position, char *out, size_t size);
/* The names of the inputs; NULL behind the last. */
const char *source_input_name(const struct source *source, uint32_t input);

#endif
