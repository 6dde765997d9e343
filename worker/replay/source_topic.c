/* A topic as a source: a stretch of time, read without a group. Neighbours: worker/kafka/inspect_range.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/kafka/inspect.h"
#include "worker/replay/source_kind.h"

enum { TIMEOUT_MS = 15000 };

struct topic_source {
    struct source base;
    char *topic;
    struct inspect_range *range;
};

static bool add_record(struct source_block *block, const struct kafka_record *record)
{
    struct source_item *item = source_block_add(block);
    if (!item)
        return false;
    bool too_long = record->value.len > SOURCE_RECORD_MAX;
    *item = (struct source_item){.start = block->size,
                                 .len = too_long ? 0 : record->value.len,
                                 .position = (uint64_t)record->offset,
                                 .input = (uint32_t)record->partition,
                                 .timestamp_ms = record->timestamp_ms,
                                 .too_long = too_long,
                                 .is_null = !record->value.data};
    if (!item->len)
        return true;
    if (!source_block_reserve(block, block->size + item->len))
        return false;
    memcpy(block->data + block->size, record->value.data, item->len);
    block->size += item->len;
    return true;
}

static bool fill(struct source *source, struct source_block *block, struct wd_error *err)
{
    struct topic_source *topic = (struct topic_source *)source;
    if (!source_block_reserve(block, 1)) {
        wd_fail(err, WD_ERR_MEMORY, "no memory");
        return false;
    }
    while (block->size < SOURCE_BLOCK_BYTES) {
        const struct kafka_record *record;
        if (inspect_range_next(topic->range, &record, err) != WD_OK)
            return false;
        if (!record)
            break;
        if (!add_record(block, record)) {
            wd_fail(err, WD_ERR_MEMORY, "no memory");
            return false;
        }
    }
    return block->count > 0;
}

static void progress(struct source *source, uint64_t *done_out, uint64_t *total_out)
{
    inspect_range_progress(((struct topic_source *)source)->range, done_out, total_out);
}

static const char *input_name(const struct source *source, uint32_t input)
{
    return input == 0 ? ((const struct topic_source *)source)->topic : NULL;
}

static void place(const struct source *source, uint32_t input, uint64_t position, char *out, size_t size)
{
    snprintf(out, size, "%s/%" PRIu32 "@%" PRIu64, ((const struct topic_source *)source)->topic, input, position);
}

static void free_topic(struct source *source)
{
    struct topic_source *topic = (struct topic_source *)source;
    inspect_range_free(topic->range);
    free(topic->topic);
    free(topic);
}

static const struct source_kind TOPIC = {
    .fill = fill, .progress = progress, .place = place, .input_name = input_name, .free = free_topic};

static struct inspect_range *open_range(const struct config *config, const char *topic, int64_t from_ms, int64_t to_ms,
                                        struct wd_error *err)
{
    size_t count = config->kafka.properties.count;
    struct kafka_property *properties = calloc(count + 1, sizeof(*properties));
    if (!properties) {
        wd_fail(err, WD_ERR_MEMORY, "no memory");
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        properties[i] = (struct kafka_property){.name = config->kafka.properties.items[i].name,
                                                .value = config->kafka.properties.items[i].value};
    const struct inspect_options options = {
        .brokers = config->kafka.brokers, .properties = properties, .property_count = count, .timeout_ms = TIMEOUT_MS};
    struct inspect_range *range = inspect_range_new(&options, topic, from_ms, to_ms, err);
    free(properties);
    return range;
}

struct source *source_topic_new(const struct config *config, const char *topic, int64_t from_ms, int64_t to_ms,
                                struct wd_error *err)
{
    struct topic_source *source = calloc(1, sizeof(*source));
    if (!source || !source_init(&source->base, &TOPIC)) {
        free(source);
        wd_fail(err, WD_ERR_MEMORY, "no memory");
        return NULL;
    }
    source->topic = strdup(topic);
    if (!source->topic)
        wd_fail(err, WD_ERR_MEMORY, "no memory");
    else
        source->range = open_range(config, topic, from_ms, to_ms, err);
    if (source->range)
        return &source->base;
    source_free(&source->base);
    return NULL;
}
