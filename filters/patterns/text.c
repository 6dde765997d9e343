/* Folding: 16 ASCII bytes at a time, other characters by the tables of unicode.h. */
#include "filters/patterns/text.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/grams.h"
#include "filters/patterns/unicode.h"
#include "filters/patterns/wide.h"

typedef unsigned char vector16 __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

static enum wd_status reserve(struct folded_text *text, size_t len)
{
    size_t need = len + len / 2 + 4 + GRAM_PADDING;
    if (need <= text->capacity)
        return WD_OK;
    unsigned char *bytes = realloc(text->bytes, need * 2);
    if (!bytes)
        return WD_ERR_MEMORY;
    text->bytes = bytes;
    text->capacity = need * 2;
    return WD_OK;
}

static enum wd_status reserve_map(struct folded_text *text, size_t len)
{
    size_t need = len + len / 2 + 8;
    if (need <= text->map_capacity)
        return WD_OK;
    uint32_t *map = realloc(text->map, need * 2 * sizeof *map);
    if (!map)
        return WD_ERR_MEMORY;
    text->map = map;
    text->map_capacity = need * 2;
    return WD_OK;
}

/* Folds 16 bytes; false: some are not ASCII, and nothing is done. */
static inline bool fold_ascii_group(const unsigned char *from, unsigned char *to)
{
    vector16 v;
    memcpy(&v, from, 16);
    halves high = (halves)(v & 0x80);
    if (high[0] | high[1])
        return false;
    vector16 capital = (vector16)((v - 'A') < 26);
    v |= capital & 0x20;
    memcpy(to, &v, 16);
    return true;
}

/* Folds groups of 16 bytes while they are ASCII, the last one with some bytes again; returns how many were done. */
static size_t fold_ascii_groups(const unsigned char *from, size_t len, unsigned char *to)
{
    size_t i = 0;
    for (; i + 16 <= len; i += 16)
        if (!fold_ascii_group(from + i, to + i))
            return i;
    return len >= 16 && fold_ascii_group(from + len - 16, to + len - 16) ? len : i;
}

static inline unsigned char fold_ascii(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* The slow way: some character changes its length, so every byte gets an origin. */
static enum wd_status fold_with_map(struct folded_text *text, struct watch *watch)
{
    if (reserve_map(text, text->original.len) != WD_OK)
        return WD_ERR_MEMORY;
    const unsigned char *from = (const unsigned char *)text->original.data;
    size_t out = 0, steps = 0;
    for (size_t i = 0; i < text->original.len && !watch_late_step(watch, &steps);) {
        uint32_t used, c = utf8_decode(from + i, &used);
        uint32_t made = utf8_encode(unicode_fold(c), text->bytes + out);
        for (uint32_t k = 0; k < made; k++)
            text->map[out + k] = (uint32_t)i;
        out += made;
        i += used;
    }
    text->map[out] = (uint32_t)text->original.len;
    text->len = out;
    text->aligned = false;
    return WD_OK;
}

static inline void copy_char(const unsigned char *from, uint32_t len, unsigned char *to)
{
    for (uint32_t k = 0; k < len; k++)
        to[k] = from[k];
}

/* Copies characters of scripts that have no case; returns how many bytes they were. */
static size_t copy_unfolding(const unsigned char *from, size_t len, unsigned char *to)
{
    size_t i = 0;
    while (i < len && from[i] >= 0x80 && !unicode_lead_folds[from[i]]) {
        uint32_t used = utf8_len(from[i]);
        copy_char(from + i, used, to + i);
        i += used;
    }
    return i;
}

/* Folds bytes up to the first one past ASCII; returns how many. */
static size_t fold_ascii_run(const struct wide *wide, const unsigned char *from, size_t len, unsigned char *to)
{
    size_t i = wide ? wide->fold_ascii(from, len, to) : 0;
    i += fold_ascii_groups(from + i, len - i, to + i);
    for (; i < len && from[i] < 0x80; i++)
        to[i] = fold_ascii(from[i]);
    return i;
}

/* False where a character changes its length. */
static bool fold_in_step(struct folded_text *text, struct watch *watch)
{
    const unsigned char *from = (const unsigned char *)text->original.data;
    size_t len = text->original.len, i = 0, steps = 0;
    unsigned char *to = text->bytes;
    text->ascii = true;
    while (i < len && !watch_late_step(watch, &steps)) {
        if (from[i] < 0x80) {
            i += fold_ascii_run(text->wide, from + i, len - i, to + i);
            continue;
        }
        text->ascii = false;
        if (!unicode_lead_folds[from[i]]) {
            i += copy_unfolding(from + i, len - i, to + i);
            continue;
        }
        uint32_t used, c = utf8_decode(from + i, &used), folded = unicode_fold(c);
        if (folded == c)
            copy_char(from + i, used, to + i);
        else if (utf8_encode(folded, to + i) != used)
            return false;
        i += used;
    }
    text->len = len;
    text->aligned = true;
    return true;
}

enum wd_status folded_text_set(struct folded_text *text, struct wd_str original, struct watch *watch)
{
    text->original = original;
    if (reserve(text, original.len) != WD_OK)
        return WD_ERR_MEMORY;
    if (!fold_in_step(text, watch) && fold_with_map(text, watch) != WD_OK)
        return WD_ERR_MEMORY;
    memset(text->bytes + text->len, 0, GRAM_PADDING);
    return WD_OK;
}

void folded_text_fini(struct folded_text *text)
{
    free(text->bytes);
    free(text->map);
    *text = (struct folded_text){0};
}

static bool is_word(uint32_t c)
{
    return unicode_flags(c) & UNICODE_WORD;
}

bool text_word_before(struct wd_str original, size_t at)
{
    uint32_t used;
    return at > 0 && is_word(utf8_decode_before((const unsigned char *)original.data + at, &used));
}

bool text_word_after(struct wd_str original, size_t at)
{
    uint32_t used;
    return at < original.len && is_word(utf8_decode((const unsigned char *)original.data + at, &used));
}
