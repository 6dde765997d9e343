/* Files of JSON lines as a source. A block is a stretch of whole lines; what a read brought of the next line waits in
 * `rest`. Neighbours: stream.c decompresses. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/replay/source_kind.h"
#include "worker/replay/stream.h"

struct file_source {
    struct source base;
    const char *const *paths;
    struct stream **streams; /* closed and NULL when read */
    size_t count, current;
    uint64_t line;           /* of the file: the one that comes next, less 1 */
    uint64_t finished_bytes; /* of the files that are closed */
    uint64_t total_bytes;    /* 0: unknown */
    char *rest;
    size_t rest_len, rest_room;
    bool skipping; /* in a line that is too long, up to its end */
};

static bool no_memory(struct wd_error *err)
{
    wd_fail(err, WD_ERR_MEMORY, "no memory");
    return false;
}

static bool keep_rest(struct file_source *files, const char *bytes, size_t len)
{
    if (len > files->rest_room) {
        char *rest = realloc(files->rest, len);
        if (!rest)
            return false;
        files->rest = rest;
        files->rest_room = len;
    }
    if (len)
        memcpy(files->rest, bytes, len);
    files->rest_len = len;
    return true;
}

/* A line without its end; empty ones are counted, not kept. */
static bool add_line(struct file_source *files, struct source_block *block, size_t start, size_t len)
{
    files->line++;
    while (len && block->data[start + len - 1] == '\r')
        len--;
    bool too_long = files->skipping || len > SOURCE_RECORD_MAX;
    files->skipping = false;
    if (!len && !too_long)
        return true;
    struct source_item *item = source_block_add(block);
    if (!item)
        return false;
    *item = (struct source_item){.start = start,
                                 .len = too_long ? 0 : len,
                                 .position = files->line,
                                 .input = (uint32_t)files->current,
                                 .too_long = too_long};
    return true;
}

/* Cuts what is in the block into lines. What is behind the last one is returned to `rest`. */
static bool cut_lines(struct file_source *files, struct source_block *block)
{
    size_t start = 0;
    const char *end;
    while (start < block->size && (end = memchr(block->data + start, '\n', block->size - start))) {
        size_t len = (size_t)(end - block->data) - start;
        if (!add_line(files, block, start, len))
            return false;
        start += len + 1;
    }
    size_t left = block->size - start;
    if (left > SOURCE_RECORD_MAX || files->skipping) { /* of such a line only its end matters */
        files->skipping = true;
        left = 0;
    }
    return keep_rest(files, block->data + start, left);
}

/* The last line may come without its end. */
static bool end_file(struct file_source *files, struct source_block *block)
{
    bool fine = true;
    if (files->rest_len || files->skipping) {
        fine = source_block_reserve(block, files->rest_len + 1);
        if (fine) {
            if (files->rest_len)
                memcpy(block->data, files->rest, files->rest_len);
            fine = add_line(files, block, 0, files->rest_len);
        }
        files->rest_len = 0;
    }
    files->finished_bytes += stream_position(files->streams[files->current]);
    stream_close(files->streams[files->current]);
    files->streams[files->current++] = NULL;
    files->line = 0;
    return fine;
}

static bool fill(struct source *source, struct source_block *block, struct wd_error *err)
{
    struct file_source *files = (struct file_source *)source;
    while (files->current < files->count && !block->count) {
        if (!source_block_reserve(block, files->rest_len + SOURCE_BLOCK_BYTES))
            return no_memory(err);
        if (files->rest_len)
            memcpy(block->data, files->rest, files->rest_len);
        ssize_t got = stream_read(files->streams[files->current], block->data + files->rest_len,
                                  block->room - files->rest_len, err);
        if (got < 0)
            return false;
        block->size = files->rest_len + (size_t)got;
        if (!(got ? cut_lines(files, block) : end_file(files, block)))
            return no_memory(err);
    }
    return block->count > 0;
}

static void progress(struct source *source, uint64_t *done_out, uint64_t *total_out)
{
    const struct file_source *files = (const struct file_source *)source;
    *done_out = files->finished_bytes;
    if (files->current < files->count)
        *done_out += stream_position(files->streams[files->current]);
    *total_out = files->total_bytes;
}

static const char *input_name(const struct source *source, uint32_t input)
{
    const struct file_source *files = (const struct file_source *)source;
    return input < files->count ? files->paths[input] : NULL;
}

static void place(const struct source *source, uint32_t input, uint64_t position, char *out, size_t size)
{
    snprintf(out, size, "%s:%" PRIu64, input_name(source, input), position);
}

static void free_files(struct source *source)
{
    struct file_source *files = (struct file_source *)source;
    for (size_t i = 0; i < files->count; i++)
        stream_close(files->streams[i]);
    free(files->streams);
    free(files->rest);
    free(files);
}

static const struct source_kind FILES = {
    .fill = fill, .progress = progress, .place = place, .input_name = input_name, .free = free_files};

struct source *source_files_new(const char *const *paths, size_t count, struct wd_error *err)
{
    struct file_source *files = calloc(1, sizeof(*files));
    if (!files || !source_init(&files->base, &FILES)) {
        free(files);
        no_memory(err);
        return NULL;
    }
    files->paths = paths;
    files->streams = calloc(count + 1, sizeof(struct stream *));
    bool fine = files->streams || no_memory(err), sizes_known = true;
    for (size_t i = 0; fine && i < count; i++, files->count++) {
        files->streams[i] = stream_open(paths[i], err);
        fine = files->streams[i] != NULL;
        sizes_known = sizes_known && fine && stream_size(files->streams[i]);
        files->total_bytes += fine ? stream_size(files->streams[i]) : 0;
    }
    if (!sizes_known)
        files->total_bytes = 0;
    if (fine)
        return &files->base;
    source_free(&files->base);
    return NULL;
}
