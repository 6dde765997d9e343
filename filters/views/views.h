/* Text views: the same text as an evader's reader would see it, each with a map back to the bytes that the user wrote.
 * Pure functions over tables; the scratch belongs to one thread and keeps its buffers. */
#ifndef FILTERS_VIEWS_H
#define FILTERS_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/status.h>
#include <warden/str.h>
#include <warden/verdict.h>

/* One text of a view. A view can have several (squeezed: runs to 2 and runs to 1; links: one a link). */
struct wd_view {
    enum wd_view_kind kind;
    uint32_t kinds; /* bit 1 << enum wd_view_kind for each wanted view whose text this is: its own, and those that were
                     * left out because they equal it */
    struct wd_str text;
    /* For byte i of text, map[i] is the first byte of the original that it came from and map_end[i] the byte after the
     * last; NULL: the same offsets as the original. */
    const uint32_t *map, *map_end;
    bool same_as_plain;       /* equal to the original: scanning it again tells nothing new */
    bool differs_only_by_case; /* equal to the original's simple case folding */
};

struct wd_view_scratch;
struct wd_view_scratch *wd_view_scratch_new(void);
void wd_view_scratch_free(struct wd_view_scratch *scratch);

enum { WD_VIEWS_MAX = 40 }; /* texts that all views of one text can make together */

/* Makes the wanted views (bit 1 << enum wd_view_kind each) of `text` (valid UTF-8, without NUL). Views that equal one
 * that was made before are left out, so `count_out` can be 0. They live in the scratch until its next call.
 * WD_ERR_MEMORY; WD_ERR_TOO_LARGE where text is over 1 MiB. */
enum wd_status wd_views_make(struct wd_view_scratch *scratch, struct wd_str text, uint32_t wanted,
                             struct wd_view views_out[WD_VIEWS_MAX], size_t *count_out) WD_MUST_USE;

/* Bytes [start, end) of a view as a span of the original. For a redaction it is widened to whole grapheme clusters by
 * wd_span_to_clusters. */
void wd_view_to_original(const struct wd_view *view, uint32_t start, uint32_t end, uint32_t *start_out,
                         uint32_t *end_out);
void wd_span_to_clusters(struct wd_str original, uint32_t *start, uint32_t *end);

#endif
