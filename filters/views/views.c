/* Puts the views of a text together: runs the steps of views.h in their order, each only if a wanted view needs it, and
 * merges equal texts. */
#include <stdlib.h>
#include <string.h>

#include "filters/views/internal.h"

/* The steps behind decoding; there are two chains where a text has a right-to-left override. */
struct chain {
    struct wd_stage folded, stripped, confusable, leet[2];
    struct wd_squeeze_stages squeezed[2]; /* of each reading of leet */
};

enum { CHAIN_COUNT = 2, LONG_BYTES = 1 << 14 };

struct wd_view_scratch {
    struct wd_stage folded, decoded[2], unreversed;
    struct chain chains[CHAIN_COUNT];
    struct wd_links links;
    struct wd_view_watch watch;
};

typedef void stage_visit(struct wd_stage *stage, void *context);

static void visit_chain(struct chain *chain, stage_visit *visit, void *context)
{
    visit(&chain->folded, context);
    visit(&chain->stripped, context);
    visit(&chain->confusable, context);
    for (int i = 0; i < 2; i++) {
        visit(&chain->leet[i], context);
        for (int j = 0; j < 2; j++) {
            visit(&chain->squeezed[i].joined[j], context);
            visit(&chain->squeezed[i].shortened[j], context);
        }
    }
}

static void visit_stages(struct wd_view_scratch *scratch, stage_visit *visit, void *context)
{
    visit(&scratch->folded, context);
    visit(&scratch->decoded[0], context);
    visit(&scratch->decoded[1], context);
    visit(&scratch->unreversed, context);
    visit(&scratch->links.stage, context);
    for (int i = 0; i < CHAIN_COUNT; i++)
        visit_chain(&scratch->chains[i], visit, context);
}

static void set_watch(struct wd_stage *stage, void *watch)
{
    stage->watch = watch;
}

static void give_back(struct wd_stage *stage, void *nothing)
{
    (void)nothing;
    wd_stage_fini(stage);
}

struct wd_view_scratch *wd_view_scratch_new(void)
{
    struct wd_view_scratch *scratch = calloc(1, sizeof(*scratch));
    if (scratch)
        visit_stages(scratch, set_watch, &scratch->watch);
    return scratch;
}

void wd_views_stop_when(struct wd_view_scratch *scratch, bool (*is_late)(void *context), void *context)
{
    scratch->watch.is_late = is_late;
    scratch->watch.context = context;
}

bool wd_views_stopped(const struct wd_view_scratch *scratch)
{
    return scratch->watch.late;
}

void wd_view_scratch_free(struct wd_view_scratch *scratch)
{
    if (!scratch)
        return;
    visit_stages(scratch, give_back, NULL);
    free(scratch);
}

/* One call of wd_views_make. */
struct making {
    struct wd_piece original;
    uint32_t wanted;
    struct wd_view *views;
    size_t count;
    struct wd_view_watch *watch;
    bool failed;
};

/* Takes note of how a step went; true: no further one is to be taken. Looking at the clock costs as much as a step for
 * a short text, so only long ones are asked about. */
static bool has_failed(struct making *making, bool step_failed)
{
    bool is_long = making->original.len > LONG_BYTES;
    making->failed |= step_failed || making->watch->late || (is_long && wd_view_watch_look(making->watch));
    return making->failed;
}

static bool wants(const struct making *making, enum wd_view_kind kind)
{
    return making->wanted & 1u << kind;
}

enum {
    OF_SQUEEZED = 1 << WD_VIEW_SQUEEZED,
    OF_LEET = OF_SQUEEZED | 1 << WD_VIEW_LEET,
    OF_CONFUSABLE = OF_LEET | 1 << WD_VIEW_CONFUSABLE,
    OF_STRIPPED = OF_CONFUSABLE | 1 << WD_VIEW_STRIPPED | 1 << WD_VIEW_LINKS,
    OF_DECODED = OF_STRIPPED | 1 << WD_VIEW_DECODED,
    OF_FOLDED = OF_STRIPPED | 1 << WD_VIEW_FOLDED,
};

/* Is a view wanted that is built upon this step? */
static bool needs(const struct making *making, uint32_t views)
{
    return making->wanted & views;
}

static bool same_text(struct wd_str a, const struct wd_piece *piece)
{
    return a.len == piece->len && (a.data == piece->data || memcmp(a.data, piece->data, a.len) == 0);
}

/* Adds a text of a view, if that view is wanted, or merges it into an equal one. */
static void add(struct making *making, enum wd_view_kind kind, struct wd_piece piece)
{
    if (!wants(making, kind) || making->failed)
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

static void squeeze(struct making *making, struct wd_squeeze_stages *stages, struct wd_piece leet)
{
    struct wd_piece pieces[2];
    wd_view_squeeze(leet, stages, pieces);
    for (int i = 0; i < 2; i++) {
        has_failed(making, stages->joined[i].failed || stages->shortened[i].failed);
        add(making, WD_VIEW_SQUEEZED, pieces[i]);
    }
}

/* The steps from a folded text on. */
static void run_chain(struct making *making, struct chain *chain, struct wd_piece folded, struct wd_links *links)
{
    struct wd_piece stripped = wd_view_strip(folded, &chain->stripped);
    has_failed(making, chain->stripped.failed);
    add(making, WD_VIEW_STRIPPED, stripped);
    if (links && wants(making, WD_VIEW_LINKS) && !making->failed) {
        wd_view_links(stripped, links);
        has_failed(making, links->stage.failed);
    }
    if (!needs(making, OF_CONFUSABLE) || making->failed)
        return;
    struct wd_piece confusable = wd_view_confuse(stripped, &making->original, &chain->confusable);
    has_failed(making, chain->confusable.failed);
    add(making, WD_VIEW_CONFUSABLE, confusable);
    if (!needs(making, OF_LEET) || making->failed)
        return;
    struct wd_piece leet[2];
    size_t readings = wd_view_leet(confusable, chain->leet, leet);
    has_failed(making, chain->leet[0].failed || chain->leet[1].failed);
    for (size_t i = 0; i < readings && !making->failed; i++)
        add(making, WD_VIEW_LEET, leet[i]);
    for (size_t i = 0; i < readings && needs(making, OF_SQUEEZED) && !making->failed; i++)
        squeeze(making, &chain->squeezed[i], leet[i]);
}

static struct wd_piece fold(struct making *making, struct wd_piece in, struct wd_stage *stage)
{
    struct wd_piece folded = wd_view_fold(in, stage);
    folded.only_case &= in.data == making->original.data; /* of a decoded text it would say nothing of the original */
    has_failed(making, stage->failed);
    return folded;
}

/* The second chain, where there is a right-to-left override. */
static void run_unreversed(struct making *making, struct wd_view_scratch *scratch, struct wd_piece decoded)
{
    struct chain *chain = &scratch->chains[1];
    struct wd_piece unreversed = wd_view_unreverse(decoded, &scratch->unreversed);
    has_failed(making, scratch->unreversed.failed);
    if (unreversed.data == decoded.data || making->failed)
        return;
    struct wd_piece folded = fold(making, unreversed, &chain->folded);
    if (!making->failed)
        run_chain(making, chain, folded, NULL);
}

static void run(struct making *making, struct wd_view_scratch *scratch)
{
    struct wd_piece original = making->original, decoded = original, folded = original;
    add(making, WD_VIEW_PLAIN, original);
    if (needs(making, OF_FOLDED))
        folded = fold(making, original, &scratch->folded);
    add(making, WD_VIEW_FOLDED, folded);
    if (!needs(making, OF_DECODED) || making->failed)
        return;
    decoded = wd_view_decode(original, scratch->decoded);
    has_failed(making, scratch->decoded[0].failed || scratch->decoded[1].failed);
    add(making, WD_VIEW_DECODED, decoded);
    if (!needs(making, OF_STRIPPED) || making->failed)
        return;
    if (decoded.data != original.data)
        folded = fold(making, decoded, &scratch->chains[0].folded);
    if (making->failed)
        return;
    scratch->links.count = 0;
    run_chain(making, &scratch->chains[0], folded, &scratch->links);
    if (!making->failed)
        run_unreversed(making, scratch, decoded);
    for (size_t i = 0; i < scratch->links.count && !making->failed; i++)
        add(making, WD_VIEW_LINKS, wd_links_piece(&scratch->links, i));
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
        .original = {.data = text.data, .len = text.len, .ascii = wd_scan_is_ascii(text.data, text.len)},
        .wanted = wanted & ((1u << WD_VIEW_COUNT) - 1),
        .views = views_out,
        .watch = &scratch->watch,
    };
    if (scratch->watch.late) /* stages were left in the middle */
        visit_stages(scratch, give_back, NULL);
    scratch->watch.late = false;
    run(&making, scratch);
    if (making.failed && !scratch->watch.late) {
        visit_stages(scratch, give_back, NULL); /* starts afresh the next time */
        return WD_ERR_MEMORY;
    }
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
