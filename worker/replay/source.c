/* What all sources share: the lock, blocks, and that a failure stays. Neighbours: source_files.c, source_topic.c. */
#include <stdlib.h>
#include <string.h>

#include "worker/replay/source_kind.h"

bool source_init(struct source *source, const struct source_kind *kind)
{
    source->kind = kind;
    return pthread_mutex_init(&source->lock, NULL) == 0;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    pthread_mutex_destroy(&source->lock);
    source->kind->free(source);
}

void source_block_fini(struct source_block *block)
{
    free(block->data);
    free(block->items);
    *block = (struct source_block){0};
}

bool source_block_reserve(struct source_block *block, size_t bytes)
{
    if (bytes <= block->room)
        return true;
    size_t room = block->room ? block->room : SOURCE_BLOCK_BYTES;
    while (room < bytes)
        room *= 2;
    char *data = realloc(block->data, room);
    if (!data)
        return false;
    block->data = data;
    block->room = room;
    return true;
}

struct source_item *source_block_add(struct source_block *block)
{
    if (block->count == block->item_room) {
        size_t room = block->item_room ? 2 * block->item_room : 512;
        struct source_item *items = realloc(block->items, room * sizeof(*items));
        if (!items)
            return NULL;
        block->items = items;
        block->item_room = room;
    }
    struct source_item *item = &block->items[block->count++];
    *item = (struct source_item){0};
    return item;
}

bool source_next(struct source *source, struct source_block *block, struct wd_error *err)
{
    struct wd_error failure = {0};
    block->size = block->count = 0;
    pthread_mutex_lock(&source->lock);
    bool filled = !source->has_ended && source->kind->fill(source, block, &failure);
    if (!filled && !source->has_ended) {
        source->has_ended = true;
        source->failure = failure;
    }
    if (!filled && source->failure.status != WD_OK && err)
        *err = source->failure;
    pthread_mutex_unlock(&source->lock);
    return filled;
}

void source_progress(struct source *source, uint64_t *done_out, uint64_t *total_out)
{
    pthread_mutex_lock(&source->lock);
    source->kind->progress(source, done_out, total_out);
    pthread_mutex_unlock(&source->lock);
}

void source_place(const struct source *source, uint32_t input, uint64_t position, char *out, size_t size)
{
    source->kind->place(source, input, position, out, size);
}

const char *source_input_name(const struct source *source, uint32_t input)
{
    return source->kind->input_name(source, input);
}
