/* Looking texts up in the skeleton index. A character that may be either a letter or a separator (`!` in
 * `[i1!]+[\W_]*`) is doubtful: near one, every reading is tried. */
#include "filters/patterns/skeleton.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/wide.h"

enum { READINGS_MAX = 256 };

struct reading {
    const struct skeleton_index *index;
    const struct skeleton_scratch *scratch;
    const struct skeleton_caller *caller;
    uint32_t width;
    unsigned tried; /* of one start */
};

static enum wd_status reserve(struct skeleton_scratch *scratch, size_t len)
{
    size_t need = len + GRAM_PADDING + 1;
    if (need <= scratch->capacity)
        return WD_OK;
    free(scratch->bytes);
    free(scratch->doubtful);
    scratch->bytes = malloc(need * 2);
    scratch->doubtful = malloc(need * 2 * sizeof *scratch->doubtful);
    scratch->capacity = scratch->bytes && scratch->doubtful ? need * 2 : 0;
    return scratch->capacity ? WD_OK : WD_ERR_MEMORY;
}

void skeleton_scratch_fini(struct skeleton_scratch *scratch)
{
    free(scratch->bytes);
    free(scratch->doubtful);
    *scratch = (struct skeleton_scratch){0};
}

static void end_skeleton(struct skeleton_scratch *scratch, size_t len)
{
    scratch->len = len;
    memset(scratch->bytes + len, 0, GRAM_PADDING);
}

/* Only ASCII can be part of a literal, so other bytes need no decoding. */
static void make_tight(const struct skeleton_index *index, const struct folded_text *text,
                       struct skeleton_scratch *scratch, struct watch *watch)
{
    const unsigned char *letter = index->letter[SKELETON_TIGHT];
    unsigned char *out = scratch->bytes, last = 0;
    size_t len = 0, steps = 0;
    for (size_t i = 0; i < text->len && !watch_late_step(watch, &steps); i++) {
        unsigned char made = letter[text->bytes[i]];
        out[len] = made;
        len += made != last;
        last = made;
    }
    end_skeleton(scratch, len);
}

/* True: some character is doubtful, so make_doubtful must be used. */
static bool make_spaced(const struct skeleton_index *index, const struct folded_text *text,
                        struct skeleton_scratch *scratch, struct watch *watch)
{
    const unsigned char *letter = index->letter[SKELETON_SPACED];
    unsigned char *out = scratch->bytes, last = 0;
    bool doubt = false;
    size_t len = 0, steps = 0;
    for (size_t i = 0; i < text->len && !watch_late_step(watch, &steps); i++) {
        unsigned char c = text->bytes[i], made = letter[c];
        doubt |= index->doubtful[c];
        out[len] = made;
        len += made != last && made;
        last = made ? made : last;
    }
    end_skeleton(scratch, len);
    return doubt;
}

/* Runs are made of neighbours that are alike, and a run is doubtful if all of it is. */
static void make_doubtful(const struct skeleton_index *index, const struct folded_text *text,
                          struct skeleton_scratch *scratch, struct watch *watch)
{
    size_t len = 0, steps = 0;
    for (size_t i = 0; i < text->len && !watch_late_step(watch, &steps); i++) {
        unsigned char c = text->bytes[i], made = index->letter[SKELETON_SPACED][c];
        if (!made)
            continue;
        if (len > 0 && scratch->bytes[len - 1] == made) {
            scratch->doubtful[len - 1] = scratch->doubtful[len - 1] && index->doubtful[c];
            continue;
        }
        scratch->bytes[len] = made;
        scratch->doubtful[len++] = index->doubtful[c];
    }
    end_skeleton(scratch, len);
}

/* The skeleton of a kind; true: some character is doubtful. */
static bool make(const struct skeleton_index *index, enum skeleton_kind kind, const struct folded_text *text,
                 struct skeleton_scratch *scratch, struct watch *watch)
{
    bool doubt = false;
    watch_late(watch, text->len / 8);
    if (index->wide)
        end_skeleton(scratch, index->wide->skeleton(index->entries[kind], index->letter[kind][128], text->bytes,
                                                    text->len, scratch->bytes, &doubt));
    else if (kind == SKELETON_TIGHT)
        make_tight(index, text, scratch, watch);
    else
        doubt = make_spaced(index, text, scratch, watch);
    return doubt;
}

/* Literals whose gram of `width` begins in the block from `from` on. */
static void look_up_block(const struct skeleton_index *index, const struct gram_index *grams, uint32_t width,
                          const struct skeleton_scratch *scratch, size_t from, uint32_t *positions,
                          const struct skeleton_caller *caller)
{
    struct gram_text text = {.bytes = scratch->bytes, .len = scratch->len};
    size_t count = gram_index_probe(grams, width, text, from, positions);
    watch_late(caller->watch, text.len - from < GRAM_BLOCK ? text.len - from : GRAM_BLOCK);
    for (size_t i = 0; i < count; i++) {
        struct gram_range range = gram_index_look_up(grams, width, scratch->bytes + positions[i]);
        if (watch_late(caller->watch, (size_t)(range.end - range.first) + 1))
            return;
        for (const uint64_t *gram = range.first; gram < range.end; gram++) {
            const struct skeleton_literal *literal = &index->literals[*gram >> 32];
            if ((uint32_t)*gram != range.bytes || positions[i] < literal->gram)
                continue;
            size_t start = positions[i] - literal->gram;
            if (literal->len <= scratch->len - start &&
                memcmp(scratch->bytes + start, index->bytes + literal->bytes, literal->len) == 0)
                caller->found(caller->context, literal->rule);
        }
    }
}

static void look_up(const struct skeleton_index *index, enum skeleton_kind kind, const struct skeleton_scratch *scratch,
                    uint32_t *positions, const struct skeleton_caller *caller)
{
    const struct gram_index *grams = &index->grams[kind];
    for (uint32_t width = 3; width <= GRAM_WIDTH_MAX; width++)
        for (size_t from = 0; from < scratch->len && grams->by_width[width].count && !caller->watch->late;
             from += GRAM_BLOCK)
            look_up_block(index, grams, width, scratch, from, positions, caller);
}

static void all_spaced(const struct skeleton_index *index, const struct skeleton_caller *caller)
{
    const struct gram_index *grams = &index->grams[SKELETON_SPACED];
    for (uint32_t width = 3; width <= GRAM_WIDTH_MAX; width++)
        for (size_t i = 0; i < grams->by_width[width].count; i++)
            caller->found(caller->context, index->literals[grams->by_width[width].grams[i] >> 32].rule);
}

static void try_gram(const struct reading *reading, const unsigned char *gram)
{
    const struct gram_index *grams = &reading->index->grams[SKELETON_SPACED];
    if (!gram_may_be(&grams->by_width[reading->width], gram_load(gram, reading->width)))
        return;
    struct gram_range range = gram_index_look_up(grams, reading->width, gram);
    if (range.first < range.end && watch_late(reading->caller->watch, (size_t)(range.end - range.first)))
        return;
    for (const uint64_t *entry = range.first; entry < range.end; entry++)
        if ((uint32_t)*entry == range.bytes)
            reading->caller->found(reading->caller->context, reading->index->literals[*entry >> 32].rule);
}

/* Reads on from unit `at` with `depth` letters of the gram taken. False: too many readings. */
static bool read_on(struct reading *reading, size_t at, uint32_t depth, unsigned char gram[GRAM_WIDTH_MAX])
{
    const struct skeleton_scratch *scratch = reading->scratch;
    if (++reading->tried > READINGS_MAX)
        return false;
    if (depth >= reading->width || depth >= GRAM_WIDTH_MAX) {
        try_gram(reading, gram);
        return true;
    }
    for (; at < scratch->len; at++) {
        if (scratch->bytes[at] == gram[depth - 1])
            continue; /* one more of the same */
        gram[depth] = scratch->bytes[at];
        if (!read_on(reading, at + 1, depth + 1, gram))
            return false;
        if (!scratch->doubtful[at])
            return true;
    }
    return true;
}

/* A reading that leaves nothing out is a piece of the skeleton as it stands. Others leave out a doubtful letter among
 * the width - 1 that follow their first. */
static bool look_up_doubtful(struct reading *reading, uint32_t *positions)
{
    const struct skeleton_scratch *scratch = reading->scratch;
    const struct gram_index *grams = &reading->index->grams[SKELETON_SPACED];
    struct gram_text text = {.bytes = scratch->bytes, .len = scratch->len};
    for (size_t from = 0; from < text.len && !reading->caller->watch->late; from += GRAM_BLOCK) {
        size_t count = gram_index_probe(grams, reading->width, text, from, positions);
        watch_late(reading->caller->watch, count + 1);
        for (size_t i = 0; i < count && !reading->caller->watch->late; i++)
            try_gram(reading, scratch->bytes + positions[i]);
    }
    size_t next = 0; /* starts before it have been tried */
    for (size_t d = 1; d < scratch->len; d++) {
        if (!scratch->doubtful[d])
            continue;
        if (watch_late(reading->caller->watch, reading->tried))
            return true;
        size_t start = d >= reading->width ? d - reading->width + 1 : 0;
        for (size_t i = start > next ? start : next; i < d; i++) {
            unsigned char gram[GRAM_WIDTH_MAX] = {scratch->bytes[i]};
            reading->tried = 0;
            if (!read_on(reading, i + 1, 1, gram))
                return false;
        }
        next = d;
    }
    return true;
}

static void scan_spaced(const struct skeleton_index *index, const struct folded_text *text,
                        struct skeleton_scratch *scratch, uint32_t *positions, const struct skeleton_caller *caller)
{
    if (!make(index, SKELETON_SPACED, text, scratch, caller->watch)) {
        look_up(index, SKELETON_SPACED, scratch, positions, caller);
        return;
    }
    make_doubtful(index, text, scratch, caller->watch);
    struct reading reading = {.index = index, .scratch = scratch, .caller = caller};
    for (reading.width = 3; reading.width <= GRAM_WIDTH_MAX; reading.width++) {
        if (!index->grams[SKELETON_SPACED].by_width[reading.width].count)
            continue;
        if (!look_up_doubtful(&reading, positions)) {
            all_spaced(index, caller);
            return;
        }
    }
}

enum wd_status skeleton_scan(const struct skeleton_index *index, const struct folded_text *text,
                             struct skeleton_scratch *scratch, uint32_t *positions,
                             const struct skeleton_caller *caller)
{
    if (index->literal_count == 0)
        return WD_OK;
    if (reserve(scratch, text->len) != WD_OK)
        return WD_ERR_MEMORY;
    if (index->count[SKELETON_TIGHT] > 0) {
        make(index, SKELETON_TIGHT, text, scratch, caller->watch);
        look_up(index, SKELETON_TIGHT, scratch, positions, caller);
    }
    if (index->count[SKELETON_SPACED] > 0)
        scan_spaced(index, text, scratch, positions, caller);
    return WD_OK;
}
