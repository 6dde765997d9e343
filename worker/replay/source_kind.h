/* What a kind of source brings with it; for source*.c only. */
#ifndef WORKER_REPLAY_SOURCE_KIND_H
#define WORKER_REPLAY_SOURCE_KIND_H

#include <pthread.h>

#include "worker/replay/source.h"

struct source {
    pthread_mutex_t lock; /* held while a block is filled */
    bool has_ended;
    struct wd_error failure; /* status WD_OK: none */
    const struct source_kind *kind;
};

/* All of them but place and name are called with the lock held. */
struct source_kind {
    /* Fills an empty block with one item or more; false at the end and on failure. */
    bool (*fill)(struct source *source, struct source_block *block, struct wd_error *err);
    void (*progress)(struct source *source, uint64_t *done_out, uint64_t *total_out);
    void (*place)(const struct source *source, uint32_t input, uint64_t position, char *out, size_t size);
    const char *(*input_name)(const struct source *source, uint32_t input);
    void (*free)(struct source *source);
};

/* False where the lock cannot be made. */
bool source_init(struct source *source, const struct source_kind *kind);

/* Room for so many bytes in all, for one more item. False: no memory. */
bool source_block_reserve(struct source_block *block, size_t bytes);
struct source_item *source_block_add(struct source_block *block);

#endif
