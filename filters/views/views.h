/* Text views: the same text as an evader's reader would see it, each with a map back to the bytes that the user wrote.
 * Pure functions over tables; the scratch belongs to one thread and keeps its buffers.
 *
 * Evaders combine tricks, so most views are built one upon the other:
 *
 *     original -> folded                                                       (and original itself: plain)
 *     original -> decoded -> folded -> stripped -> confusable -> leet -> squeezed
 *                                            \-> links
 *
 *   plain       what the user wrote
 *   folded      NFKC_Casefold: small letters, full-width, circled and mathematical letters plain, accents composed
 *   decoded     percent escapes and HTML entities decoded, up to twice
 *   stripped    of the folded text: without characters that nobody sees and without marks that no language puts there
 *   confusable  of the stripped text: look-alikes are the ASCII letter that they look like, but only in Latin words, in
 *               words that mix scripts, and in words wholly of look-alikes among Latin ones
 *   leet        of the confusable text: digits and symbols within words are letters (4 @ a, 3 e, 1 ! | i, 0 o, 5 $ s,
 *               7 + t, 8 b, 6 9 g, 2 z, ( c); a second text reads 1 ! | as l
 *   squeezed    of the leet text: single letters with separators between them are joined, three and more of one letter
 *               are two; in a second text they are one, and an `a` or `i` at the edge of spaced letters is a word
 *   links       of the stripped text, a text a link: `host/path?query`; where the displayed text of a link names
 * another host, one more: `displayed -> host/path?query`
 *
 * Where the text has a right-to-left override (U+202E), stripped to squeezed have each text a second time with the
 * overridden run in reading order. All views from stripped on are in folded case. ASCII text costs next to nothing:
 * steps that would change nothing are skipped, and a view that equals another is not a text of its own (see `kinds`).
 */
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
    uint32_t kinds; /* bit 1 << enum wd_view_kind for each wanted view that has this text, `kind` among them */
    struct wd_str text;
    /* For byte i of text, map[i] is the first byte of the original that it came from and map_end[i] the byte after the
     * last; NULL: the same offsets as the original. */
    const uint32_t *map, *map_end;
    bool same_as_plain; /* equal to the original: scanning it again tells nothing new */
    /* Character by character the original, but for simple case folding (the pairs of PCRE2's caseless matching). */
    bool differs_only_by_case;
};

struct wd_view_scratch;
/* NULL: no memory. One thread at a time. */
struct wd_view_scratch *wd_view_scratch_new(void);
void wd_view_scratch_free(struct wd_view_scratch *scratch);

/* Asked now and then while views are made, `is_late` says whether to stop: what is made then are the views that were
 * finished before, and wd_views_stopped is true until the next call. NULL: go on to the end. */
void wd_views_stop_when(struct wd_view_scratch *scratch, bool (*is_late)(void *context), void *context);
bool wd_views_stopped(const struct wd_view_scratch *scratch);

enum {
    WD_VIEWS_MAX = 40,           /* texts that all views of one text can make together; further links are left out */
    WD_VIEWS_TEXT_MAX = 1 << 20, /* bytes of the longest text */
};

/* Makes the wanted views (bit 1 << enum wd_view_kind each) of `text` (valid UTF-8, without NUL). A view whose text
 * equals one that was made before is merged into it: every wanted view is in the `kinds` of at least one text, but for
 * links where there is none, for any view of an absent text, and for those left out by wd_views_stop_when. Plain and
 * folded come first. They live in the scratch until its next call. WD_ERR_MEMORY; WD_ERR_TOO_LARGE where text is over
 * WD_VIEWS_TEXT_MAX. */
enum wd_status wd_views_make(struct wd_view_scratch *scratch, struct wd_str text, uint32_t wanted,
                             struct wd_view views_out[WD_VIEWS_MAX], size_t *count_out) WD_MUST_USE;

/* Bytes [start, end) of a view as a span of the original; start <= end <= view->text.len. An empty span stays empty. */
void wd_view_to_original(const struct wd_view *view, uint32_t start, uint32_t end, uint32_t *start_out,
                         uint32_t *end_out);
/* Widens a span to whole grapheme clusters (UAX 29, with the conjuncts of Indic scripts), as a redaction wants it. */
void wd_span_to_clusters(struct wd_str original, uint32_t *start, uint32_t *end);

#endif
