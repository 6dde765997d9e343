/* A text made ready for the index: folded, with a way back to the offsets of the original. One a scratch; its buffers
 * only grow. */
#ifndef FILTERS_PATTERNS_TEXT_H
#define FILTERS_PATTERNS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>
#include <warden/str.h>

#include "filters/patterns/watch.h"

struct wide;

struct folded_text {
    struct wd_str original;
    unsigned char *bytes; /* folded, with GRAM_PADDING zero bytes behind */
    size_t len;
    bool ascii;
    const struct wide *wide; /* to fold with; NULL: portable */
    bool aligned;            /* byte i of the folded text is byte i of the original */
    uint32_t *map;           /* where not aligned: by byte of the folded text, len + 1 of them */
    size_t capacity, map_capacity;
};

/* Stops where the watch is late: nothing may be looked up in the text then. */
enum wd_status folded_text_set(struct folded_text *text, struct wd_str original, struct watch *watch) WD_MUST_USE;
void folded_text_fini(struct folded_text *text);

static inline size_t folded_text_origin(const struct folded_text *text, size_t at)
{
    return text->aligned ? at : text->map[at];
}

/* Whether the character before (after) the offset of the original is a word character; false at the ends. */
bool text_word_before(struct wd_str original, size_t at);
bool text_word_after(struct wd_str original, size_t at);

#endif
