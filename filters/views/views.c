/* Puts the views of a text together: runs the steps of views.h in their order, each only if a wanted view needs it, and
 * merges equal texts. */
#include <stdlib.h>
#include <string.h>

#include "filters/views/internal.h"

/* The steps behind decoding; there are two chains where a text has a right-to-left override. */
struct chain {
    struct wd_stage folded, stripped;
};

enum { CHAIN_COUNT = 2 };

struct wd_view_scratch {
    struct wd_stage folded, unreversed;
    struct chain chains[CHAIN_COUNT];
};

struct wd_view_scratch *wd_view_scratch_new(void)
{
    return calloc(1, sizeof(struct wd_view_scratch));
}

static void chain_fini(struct chain *chain)
{
    wd_stage_fini(&chain->folded);
    wd_stage_fini(&chain->stripped);
}

void wd_view_scratch_free(struct wd_view_scratch *scratch)
{
    if (!scratch)
        return;
    wd_stage_fini(&scratch->folded);
    wd_stage_fini(&scratch->unreversed);
    for (int i = 0; i < CHAIN_COUNT; i++)
        chain_fini(&scratch->chains[i]);
    free(scratch);
}

/* One call of wd_views_make. */
struct making {
    struct wd_piece original;
    uint32_t wanted;
    struct wd_view *views;
    size_t count;
    bool failed;
};

static bool wants(const struct making *making, enum wd_view_kind kind)
{
    return making->wanted & 1u << kind;
}

/* Does any view from `first` on have to be made? */
static bool wants_from(const struct making *making, enum wd_view_kind first)
{
    return making->wanted >> first;
}

static bool same_text(struct wd_str a, const struct wd_piece *piece)
{
    return a.len == piece->len && (a.data == piece->data || memcmp(a.data, piece->data, a.len) == 0);
}

/* Adds a text of a view, if that view is wanted, or merges it into an equal one. */
static void add(struct making *making, enum wd_view_kind kind, struct wd_piece piece)
{
    if (!wants(making, kind))
        return;
    for (size_t i = 0; i < making->count; i++) {
        if (same_text(making->views[i].text, &piece)) {
            making->views[i].kinds |= 1u << kind;
            return;
        }
    }
    if (making->count == WD_VIEWS_MAX)
        return;
    making->views[making->count++] = (struct wd_view){
        .kind = kind,
        .kinds = 1u << kind,
        .text = {piece.data, piece.len},
        .map = piece.map,
        .map_end = piece.map_end,
        .same_as_plain = same_text((struct wd_str){making->original.data, making->original.len}, &piece),
        .differs_only_by_case = piece.only_case,
    };
}

/* Stages say only once at the end that memory ran out. */
static struct wd_piece checked(struct making *making, struct wd_piece piece, const struct wd_stage *stage)
{
    making->failed |= stage->failed;
    return piece;
}

static void run_chain(struct making *making, struct chain *chain, struct wd_piece folded)
{
    struct wd_piece stripped = checked(making, wd_view_strip(folded, &chain->stripped), &chain->stripped);
    add(making, WD_VIEW_STRIPPED, stripped);
}

static void run(struct making *making, struct wd_view_scratch *scratch)
{
    add(making, WD_VIEW_PLAIN, making->original);
    struct wd_piece folded = checked(making, wd_view_fold(making->original, &scratch->folded), &scratch->folded);
    add(making, WD_VIEW_FOLDED, folded);
    if (!wants_from(making, WD_VIEW_STRIPPED))
        return;
    run_chain(making, &scratch->chains[0], folded);
    struct wd_piece unreversed =
        checked(making, wd_view_unreverse(making->original, &scratch->unreversed), &scratch->unreversed);
    if (unreversed.data == making->original.data)
        return;
    struct chain *chain = &scratch->chains[1];
    run_chain(making, chain, checked(making, wd_view_fold(unreversed, &chain->folded), &chain->folded));
}

enum wd_status wd_views_make(struct wd_view_scratch *scratch, struct wd_str text, uint32_t wanted,
                             struct wd_view views_out[WD_VIEWS_MAX], size_t *count_out)
{
    *count_out = 0;
    if (!text.data)
        return WD_OK;
    if (text.len > WD_VIEWS_TEXT_MAX)
        return WD_ERR_TOO_LARGE;
    struct making making = {
        .original = {.data = text.data, .len = text.len},
        .wanted = wanted & ((1u << WD_VIEW_COUNT) - 1),
        .views = views_out,
    };
    run(&making, scratch);
    if (making.failed)
        return WD_ERR_MEMORY;
    *count_out = making.count;
    return WD_OK;
}

void wd_view_to_original(const struct wd_view *view, uint32_t start, uint32_t end, uint32_t *start_out,
                         uint32_t *end_out)
{
    if (!view->map || view->text.len == 0) {
        *start_out = start;
        *end_out = end;
        return;
    }
    if (start >= end) { /* an empty match stands before a character, or behind the last one */
        *start_out = *end_out = start < view->text.len ? view->map[start] : view->map_end[view->text.len - 1];
        return;
    }
    uint32_t low = view->map[start], high = view->map_end[start];
    for (uint32_t i = start + 1; i < end; i++) {
        low = view->map[i] < low ? view->map[i] : low;
        high = view->map_end[i] > high ? view->map_end[i] : high;
    }
    *start_out = low;
    *end_out = high;
}
