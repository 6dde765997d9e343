/* Inside the room: the text that a step reads (wd_piece), the buffer that it writes (wd_stage), UTF-8. Every step keeps
 * the map back to the original by itself: wd_stage_keep and wd_stage_put compose it with the map of what they read. */
#ifndef FILTERS_VIEWS_INTERNAL_H
#define FILTERS_VIEWS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/views/tables.h"
#include "filters/views/views.h"

/* A text with its map to the original; map NULL: the same offsets. */
struct wd_piece {
    const char *data;
    size_t len;
    const uint32_t *map, *map_end;
    bool ascii;     /* no byte over 0x7F: most steps have nothing to do */
    bool only_case; /* equal to the original's simple case folding */
};

/* Whether the time for an event is up. It is asked between the steps for a long text, and within them once in so many
 * writes, or characters that were looked at. */
struct wd_view_watch {
    bool (*is_late)(void *context); /* NULL: nobody says */
    void *context;
    uint32_t steps;
    bool late;
};
enum { WD_VIEW_WATCH_STEPS = 1024 };

static inline bool wd_view_watch_look(struct wd_view_watch *watch)
{
    watch->steps = 0;
    watch->late = watch->late || (watch->is_late && watch->is_late(watch->context));
    return watch->late;
}

static inline bool wd_view_watch_step(struct wd_view_watch *watch)
{
    return ++watch->steps >= WD_VIEW_WATCH_STEPS ? wd_view_watch_look(watch) : watch->late;
}

/* A growing text with its map. The map is written only from the first byte on that is not where it was. */
struct wd_stage {
    char *text;
    uint32_t *map, *map_end;
    size_t len, cap, map_cap;
    bool mapped;
    bool failed; /* no memory or no time: what follows is dropped, the caller reports it once at the end */
    struct wd_view_watch *watch; /* of the scratch that it is in */
};

/* Gives the memory back; the stage can be used again. */
void wd_stage_fini(struct wd_stage *stage);
void wd_stage_clear(struct wd_stage *stage);
/* The same, with a map from the first byte on: for stages that hold several texts. */
void wd_stage_clear_mapped(struct wd_stage *stage);
/* Room for `len` bytes at the end, without a map; NULL: no memory. */
char *wd_stage_room(struct wd_stage *stage, size_t len);
/* The bytes of `in` without its map: for a step that changes bytes in place and goes on using the map of `in`. */
void wd_stage_copy_text(struct wd_stage *stage, const struct wd_piece *in);
/* Appends bytes [from, to) of `in` as they are. */
void wd_stage_keep(struct wd_stage *stage, const struct wd_piece *in, size_t from, size_t to);
/* Appends `len` bytes that stand for [from, to) of `in`. */
void wd_stage_put(struct wd_stage *stage, const struct wd_piece *in, size_t from, size_t to, const char *bytes,
                  size_t len);
/* What was written, read from `in`: ASCII if that was. */
struct wd_piece wd_stage_piece(const struct wd_stage *stage, const struct wd_piece *in);

/* Offsets in the original of byte `at`, and of the end of byte `at - 1`. */
static inline uint32_t wd_piece_start(const struct wd_piece *piece, size_t at)
{
    return piece->map ? piece->map[at] : (uint32_t)at;
}

static inline uint32_t wd_piece_end(const struct wd_piece *piece, size_t at)
{
    return piece->map ? piece->map_end[at - 1] : (uint32_t)at;
}

/* The code point at *at, which moves behind it. Never reads past len; a byte that is not UTF-8 counts as itself. */
static inline uint32_t wd_utf8_next(const char *data, size_t len, size_t *at)
{
    const unsigned char *s = (const unsigned char *)data + *at;
    size_t left = len - *at;
    if (s[0] >= 0xC2 && s[0] < 0xE0 && left > 1) {
        *at += 2;
        return (uint32_t)(s[0] & 0x1F) << 6 | (s[1] & 0x3F);
    }
    if (s[0] >= 0xE0 && s[0] < 0xF0 && left > 2) {
        *at += 3;
        return (uint32_t)(s[0] & 0x0F) << 12 | (uint32_t)(s[1] & 0x3F) << 6 | (s[2] & 0x3F);
    }
    if (s[0] >= 0xF0 && s[0] < 0xF5 && left > 3) {
        *at += 4;
        uint32_t c = (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3F) << 12 | (uint32_t)(s[2] & 0x3F) << 6 |
                     (s[3] & 0x3F);
        return c <= 0x10FFFF ? c : 0xFFFD;
    }
    *at += 1;
    return s[0];
}

/* The code point that ends at *at > 0, which moves to its start. */
static inline uint32_t wd_utf8_previous(const char *data, size_t *at)
{
    size_t end = *at, start = end - 1;
    while (start > 0 && end - start < 4 && ((unsigned char)data[start] & 0xC0) == 0x80)
        start--;
    *at = start;
    size_t next = start;
    uint32_t c = wd_utf8_next(data, end, &next);
    if (next == end)
        return c;
    *at = end - 1;
    return (unsigned char)data[end - 1];
}

/* Bytes of `c` in UTF-8, 1 to 4. */
static inline size_t wd_utf8_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static inline bool wd_is_ascii_letter(uint32_t c)
{
    return (c | 0x20) - 'a' < 26u;
}

static inline bool wd_is_ascii_digit(uint32_t c)
{
    return c - '0' < 10u;
}

/* scan.c: the first four take any bytes, the others ASCII. */
bool wd_scan_is_ascii(const char *data, size_t len);
bool wd_scan_has_stand_in(const char *data, size_t len);
bool wd_scan_has_capital(const char *data, size_t len);
void wd_scan_lower(char *out, const char *data, size_t len);
bool wd_scan_has_control(const char *data, size_t len);
bool wd_scan_has_triple(const char *data, size_t len);
bool wd_scan_has_row(const char *data, size_t len);

/* The steps. Each reads `in`, writes `out` and returns the text to go on with: `in` itself where nothing changed, so
 * that a text without anything to do is never copied. */
struct wd_piece wd_view_fold(struct wd_piece in, struct wd_stage *out);
struct wd_piece wd_view_strip(struct wd_piece in, struct wd_stage *out);
/* Runs behind a right-to-left override (U+202E), turned round. */
struct wd_piece wd_view_unreverse(struct wd_piece in, struct wd_stage *out);

struct wd_piece wd_view_decode(struct wd_piece in, struct wd_stage out[2]);
/* `original` is what the maps of `in` lead to: the case that the user wrote is looked up there. */
struct wd_piece wd_view_confuse(struct wd_piece in, const struct wd_piece *original, struct wd_stage *out);
/* Returns the number of readings, 1 or 2. */
size_t wd_view_leet(struct wd_piece in, struct wd_stage out[2], struct wd_piece pieces_out[2]);

struct wd_squeeze_stages {
    struct wd_stage joined[2], shortened[2];
};
/* Writes the wide and the narrow reading; they can be equal. */
void wd_view_squeeze(struct wd_piece in, struct wd_squeeze_stages *stages, struct wd_piece pieces_out[2]);

enum { WD_LINKS_MAX = 24 };
/* The texts of all links, one behind the other. */
struct wd_links {
    struct wd_stage stage;
    size_t count, starts[WD_LINKS_MAX], ends[WD_LINKS_MAX];
};
void wd_view_links(struct wd_piece in, struct wd_links *links);
struct wd_piece wd_links_piece(const struct wd_links *links, size_t index);

/* The byte after the grapheme cluster that starts at `at` < len. */
size_t wd_cluster_end(const char *data, size_t len, size_t at);

#endif
