/* View 'folded': NFKC_Casefold. A code point that stands alone goes through a table; where characters join (a letter
 * and its combining accents, Hangul pieces) ICU normalises that piece. Pieces are cut at 64 code points, like Unicode's
 * stream-safe format, since sorting a long run of marks is quadratic. */
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include "filters/views/internal.h"

enum { JOIN_MAX = 64, RESULT_MAX = JOIN_MAX * 20 };

/* The end of the piece that starts at `at`: up to the next character that joins nothing before it. */
static size_t joined_end(const struct wd_piece *in, size_t at)
{
    size_t next = at;
    wd_utf8_next(in->data, in->len, &next);
    for (int count = 1; next < in->len && count < JOIN_MAX; count++) {
        size_t end = next;
        if ((unsigned char)in->data[next] < 0x80)
            return next;
        uint32_t c = wd_utf8_next(in->data, in->len, &end);
        if (wd_char_properties(c) & WD_CHAR_BOUNDARY)
            return next;
        next = end;
    }
    return next;
}

/* UTF-16 of [from, to), and of its simple case folding. */
static int32_t read_joined(const struct wd_piece *in, size_t from, size_t to, UChar *source, UChar *folded,
                           int32_t *folded_len_out)
{
    int32_t len = 0, folded_len = 0;
    while (from < to) {
        uint32_t c = wd_utf8_next(in->data, to, &from);
        UChar32 simple = u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT);
        U16_APPEND_UNSAFE(source, len, (UChar32)c);
        U16_APPEND_UNSAFE(folded, folded_len, simple);
    }
    *folded_len_out = folded_len;
    return len;
}

/* Appends the folding of the piece [from, to) whose characters join; false: it is more than simple case folding. */
static bool fold_joined(const struct wd_piece *in, size_t from, size_t to, struct wd_stage *out)
{
    UChar source[JOIN_MAX * 2], simple[JOIN_MAX * 2], result[RESULT_MAX];
    UErrorCode status = U_ZERO_ERROR;
    int32_t simple_len;
    int32_t source_len = read_joined(in, from, to, source, simple, &simple_len);
    const UNormalizer2 *casefold = unorm2_getNFKCCasefoldInstance(&status);
    int32_t len = U_SUCCESS(status) ? unorm2_normalize(casefold, source, source_len, result, RESULT_MAX, &status) : 0;
    if (U_FAILURE(status)) { /* ICU has no memory */
        out->failed = true;
        return false;
    }
    bool only_case = len == simple_len && memcmp(result, simple, (size_t)len * sizeof *result) == 0;
    if (only_case && len == source_len && memcmp(result, source, (size_t)len * sizeof *result) == 0) {
        wd_stage_keep(out, in, from, to);
        return true;
    }
    char bytes[RESULT_MAX * 3];
    int32_t used = 0;
    for (int32_t at = 0; at < len;) {
        UChar32 c;
        U16_NEXT(result, at, len, c);
        U8_APPEND_UNSAFE(bytes, used, c);
    }
    wd_stage_put(out, in, from, to, bytes, (size_t)used);
    return only_case;
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Does byte `next` (or the end) join nothing to what stands before it? */
static bool boundary_at(const struct wd_piece *in, size_t next)
{
    if (next >= in->len || (unsigned char)in->data[next] < 0x80)
        return true;
    return wd_char_properties(wd_utf8_next(in->data, in->len, &next)) & WD_CHAR_BOUNDARY;
}

/* The first byte that folding changes or that has to be looked at more closely; len: none, or it is late. */
static size_t first_change(const struct wd_piece *in, struct wd_view_watch *watch)
{
    size_t at = 0, previous = 0;
    while (at < in->len && !wd_view_watch_step(watch)) {
        unsigned char byte = (unsigned char)in->data[at];
        if (byte < 0x80) {
            if (is_capital((char)byte))
                return at;
            previous = at++;
            continue;
        }
        size_t start = at;
        uint32_t c = wd_utf8_next(in->data, in->len, &at);
        if (!(wd_char_properties(c) & WD_CHAR_BOUNDARY))
            return previous;
        if (wd_char_fold(c))
            return start;
        previous = start;
    }
    return in->len;
}

/* Folds what starts at *at and moves behind it; false: it is more than simple case folding. */
static bool fold_one(const struct wd_piece *in, size_t *at, struct wd_stage *out)
{
    size_t start = *at, next = start;
    uint32_t c = wd_utf8_next(in->data, in->len, &next);
    if (!(wd_char_properties(c) & WD_CHAR_BOUNDARY) || !boundary_at(in, next)) {
        *at = joined_end(in, start);
        return fold_joined(in, start, *at, out);
    }
    *at = next;
    const struct wd_fold *fold = wd_char_fold(c);
    if (!fold) {
        wd_stage_keep(out, in, start, next);
        return true;
    }
    wd_stage_put(out, in, start, next, wd_table_fold_bytes + fold->offset, fold->length);
    return fold->simple;
}

/* The run of characters from `at` that fold to themselves and join nothing; the last one is left out where something
 * could join it. */
static size_t unchanged_end(const struct wd_piece *in, size_t at, struct wd_view_watch *watch)
{
    struct wd_piece rest = {.data = in->data + at, .len = in->len - at};
    return at + first_change(&rest, watch);
}

/* ASCII stays where it is. */
static struct wd_piece fold_ascii(struct wd_piece in, struct wd_stage *out)
{
    if (!wd_scan_has_capital(in.data, in.len))
        return in;
    wd_stage_clear(out);
    char *room = wd_stage_room(out, in.len);
    if (room)
        wd_scan_lower(room, in.data, in.len);
    struct wd_piece piece = in; /* with its map */
    piece.data = room;
    piece.only_case = !in.map;
    return piece;
}

struct wd_piece wd_view_fold(struct wd_piece in, struct wd_stage *out)
{
    if (in.ascii)
        return fold_ascii(in, out);
    size_t at = first_change(&in, out->watch);
    if (at == in.len)
        return in;
    bool only_case = !in.map;
    wd_stage_clear(out);
    wd_stage_keep(out, &in, 0, at);
    while (at < in.len && !out->failed) {
        only_case &= fold_one(&in, &at, out);
        size_t end = unchanged_end(&in, at, out->watch);
        wd_stage_keep(out, &in, at, end);
        at = end;
    }
    if (!out->failed && out->len == in.len && memcmp(out->text, in.data, in.len) == 0)
        return in;
    struct wd_piece piece = wd_stage_piece(out, &in);
    piece.ascii = wd_scan_is_ascii(piece.data, piece.len);
    piece.only_case = only_case;
    return piece;
}
