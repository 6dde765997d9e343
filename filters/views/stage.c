/* The buffers that the steps write into. They grow and are kept, so that a steady stream of texts allocates nothing.
 * As long as every byte stays where it was there is no map (`mapped` is false); the first one that moves writes the
 * identity for all before it. */
#include <stdlib.h>
#include <string.h>

#include "filters/views/internal.h"

enum { FIRST_BYTES = 1024, KEPT_BYTES = 256 << 10 /* a larger buffer is not kept for the next text */ };

void wd_stage_fini(struct wd_stage *stage)
{
    free(stage->text);
    free(stage->map);
    *stage = (struct wd_stage){.watch = stage->watch};
}

void wd_stage_clear(struct wd_stage *stage)
{
    if (stage->cap > KEPT_BYTES)
        wd_stage_fini(stage);
    stage->len = 0;
    stage->mapped = false;
    stage->failed = false;
}

void wd_stage_clear_mapped(struct wd_stage *stage)
{
    wd_stage_clear(stage);
    stage->mapped = true;
}

/* Room for a whole text at once, which most views come close to: so nothing that is long is ever copied to grow. */
static bool fit_text(struct wd_stage *stage, size_t more, size_t whole)
{
    if (stage->text && more <= stage->cap - stage->len)
        return true;
    size_t cap = stage->cap ? stage->cap : FIRST_BYTES;
    while (cap < stage->len + more || cap < whole)
        cap *= 2;
    char *text = realloc(stage->text, cap);
    if (!text) {
        stage->failed = true;
        return false;
    }
    stage->text = text;
    stage->cap = cap;
    return true;
}

/* Both maps are one block: starts, then ends. */
static bool fit_map(struct wd_stage *stage)
{
    if (stage->map_cap >= stage->cap)
        return true;
    uint32_t *map = malloc(stage->cap * 2 * sizeof *map);
    if (!map) {
        stage->failed = true;
        return false;
    }
    if (stage->mapped && stage->len) {
        memcpy(map, stage->map, stage->len * sizeof *map);
        memcpy(map + stage->cap, stage->map_end, stage->len * sizeof *map);
    }
    free(stage->map);
    stage->map = map;
    stage->map_end = map + stage->cap;
    stage->map_cap = stage->cap;
    return true;
}

static bool is_late(struct wd_stage *stage)
{
    stage->failed |= wd_view_watch_step(stage->watch);
    return stage->failed;
}

/* Room for `more` bytes of a text of `whole` bytes, and for their map where there is one. */
static bool fit(struct wd_stage *stage, size_t more, size_t whole, bool with_map)
{
    return !is_late(stage) && fit_text(stage, more, whole) && (!with_map || fit_map(stage));
}

static void start_map(struct wd_stage *stage)
{
    for (size_t i = 0; i < stage->len; i++) {
        stage->map[i] = (uint32_t)i;
        stage->map_end[i] = (uint32_t)i + 1;
    }
    stage->mapped = true;
}

void wd_stage_keep(struct wd_stage *stage, const struct wd_piece *in, size_t from, size_t to)
{
    size_t count = to - from;
    if (count == 0)
        return;
    bool with_map = stage->mapped || in->map || stage->len != from;
    if (!fit(stage, count, in->len, with_map))
        return;
    memcpy(stage->text + stage->len, in->data + from, count);
    if (with_map) {
        if (!stage->mapped)
            start_map(stage);
        uint32_t *map = stage->map + stage->len, *map_end = stage->map_end + stage->len;
        if (in->map) {
            memcpy(map, in->map + from, count * sizeof *map);
            memcpy(map_end, in->map_end + from, count * sizeof *map);
        } else {
            for (size_t i = 0; i < count; i++) {
                map[i] = (uint32_t)(from + i);
                map_end[i] = (uint32_t)(from + i) + 1;
            }
        }
    }
    stage->len += count;
}

/* Bytes of the character that starts with this byte. */
static size_t character_length(char lead)
{
    unsigned char byte = (unsigned char)lead;
    return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/* Bytes [from, to) of `in` in the original: behind an override they can stand there in the opposite order. */
static void piece_span(const struct wd_piece *in, size_t from, size_t to, uint32_t *start_out, uint32_t *end_out)
{
    uint32_t start = wd_piece_start(in, from), end = wd_piece_end(in, from + 1);
    for (size_t i = from + 1; i < to; i++) {
        uint32_t other_start = wd_piece_start(in, i), other_end = wd_piece_end(in, i + 1);
        start = other_start < start ? other_start : start;
        end = other_end > end ? other_end : end;
    }
    *start_out = start;
    *end_out = end;
}

void wd_stage_put(struct wd_stage *stage, const struct wd_piece *in, size_t from, size_t to, const char *bytes,
                  size_t len)
{
    /* One character for one of the same length stays where it was; any other exchange needs a map even if the bytes are
     * as many, or a span could end within a character. */
    bool one_for_one =
        len == to - from && len > 0 && character_length(bytes[0]) == len && character_length(in->data[from]) == len;
    bool with_map = stage->mapped || in->map || stage->len != from || !one_for_one;
    if (!fit(stage, len, in->len, with_map))
        return;
    memcpy(stage->text + stage->len, bytes, len);
    if (with_map) {
        if (!stage->mapped)
            start_map(stage);
        uint32_t start, end;
        piece_span(in, from, to, &start, &end);
        for (size_t i = stage->len; i < stage->len + len; i++) {
            stage->map[i] = start;
            stage->map_end[i] = end;
        }
    }
    stage->len += len;
}

char *wd_stage_room(struct wd_stage *stage, size_t len)
{
    if (!fit(stage, len, len, false))
        return NULL;
    char *room = stage->text + stage->len;
    stage->len += len;
    return room;
}

void wd_stage_copy_text(struct wd_stage *stage, const struct wd_piece *in)
{
    char *room = wd_stage_room(stage, in->len);
    if (room)
        memcpy(room, in->data, in->len);
}

struct wd_piece wd_stage_piece(const struct wd_stage *stage, const struct wd_piece *in)
{
    return (struct wd_piece){.data = stage->text ? stage->text : "",
                             .len = stage->len,
                             .map = stage->mapped ? stage->map : NULL,
                             .map_end = stage->mapped ? stage->map_end : NULL,
                             .ascii = in->ascii};
}
