/* View 'stripped': what nobody sees goes (zero-width characters, soft hyphens, variation selectors, bidi controls,
 * control characters), and so do combining marks beyond what the script uses: marks that no script calls its own, marks
 * of other scripts on a Latin, Greek or Cyrillic letter, and more than four on any. Works on folded text, in which the
 * accents that a language has are composed already. Beside it the reading order of U+202E. */
#include <string.h>

#include <unicode/uscript.h>

#include "filters/views/internal.h"

enum { MARKS_MAX = 4 };

/* The bit that a mark must have to stand on a letter of this alphabet; 0: any mark may. */
static uint32_t mark_of(uint32_t script)
{
    if (script == USCRIPT_LATIN)
        return WD_CHAR_MARK_OF_LATIN;
    if (script == USCRIPT_GREEK)
        return WD_CHAR_MARK_OF_GREEK;
    return script == USCRIPT_CYRILLIC ? WD_CHAR_MARK_OF_CYRILLIC : 0;
}

struct base {
    uint32_t c; /* the last character that is not a mark */
    int marks;  /* behind it so far */
};

/* Is this character to go? Keeps `base` up to date. */
static bool goes(uint32_t c, struct base *base)
{
    uint32_t properties = wd_char_properties(c);
    if (properties & WD_CHAR_INVISIBLE)
        return true;
    if (!(properties & WD_CHAR_MARK)) {
        *base = (struct base){.c = c};
        return false;
    }
    if (properties & WD_CHAR_GENERAL_MARK)
        return true;
    uint32_t base_properties = wd_char_properties(base->c);
    uint32_t needed = mark_of(WD_CHAR_SCRIPT(base_properties));
    if (needed && (base_properties & WD_CHAR_LETTER) && !(properties & needed))
        return true;
    return ++base->marks > MARKS_MAX;
}

static bool is_plain_ascii(unsigned char byte)
{
    return byte < 0x7F && (byte >= 0x20 || (byte >= '\t' && byte <= '\r'));
}

struct wd_piece wd_view_strip(struct wd_piece in, struct wd_stage *out)
{
    if (in.ascii && !wd_scan_has_control(in.data, in.len))
        return in;
    struct base base = {0};
    size_t kept = 0; /* everything before it is in `out` or was left out */
    bool changed = false;
    for (size_t at = 0; at < in.len && !wd_view_watch_step(out->watch);) {
        unsigned char byte = (unsigned char)in.data[at];
        if (is_plain_ascii(byte)) {
            base = (struct base){.c = byte};
            at++;
            continue;
        }
        size_t start = at;
        uint32_t c = wd_utf8_next(in.data, in.len, &at);
        if (!goes(c, &base))
            continue;
        if (!changed)
            wd_stage_clear(out);
        changed = true;
        wd_stage_keep(out, &in, kept, start);
        kept = at;
    }
    if (!changed)
        return in;
    wd_stage_keep(out, &in, kept, in.len);
    return wd_stage_piece(out, &in);
}

enum { RIGHT_TO_LEFT_OVERRIDE = 0x202E };

static bool ends_override(uint32_t c)
{
    return c == 0x202C || c == 0x202D || c == RIGHT_TO_LEFT_OVERRIDE || c == 0x2069 || c == 0x2029 || c == '\n' ||
           c == '\r';
}

static size_t override_end(const struct wd_piece *in, size_t at)
{
    while (at < in->len) {
        size_t next = at;
        if (ends_override(wd_utf8_next(in->data, in->len, &next)))
            return at;
        at = next;
    }
    return at;
}

/* Bytes of the sign at `at` that takes an override back; it is gone with the override. */
static size_t closing_length(const struct wd_piece *in, size_t at)
{
    return at + 3 <= in->len && memcmp(in->data + at, "\xE2\x80\xAC", 3) == 0 ? 3 : 0;
}

/* Appends [from, to) by clusters from its end to its start. A cluster is found going forward, so the ends are looked
 * for backwards from each character: a mark belongs to the first character before it that is none. */
static void put_reversed(const struct wd_piece *in, size_t from, size_t to, struct wd_stage *out)
{
    size_t end = to;
    while (end > from && !out->failed) {
        size_t start = end;
        uint32_t c;
        do {
            c = wd_utf8_previous(in->data, &start);
        } while (start > from && (wd_char_properties(c) & (WD_CHAR_MARK | WD_CHAR_INVISIBLE)));
        wd_stage_keep(out, in, start, end);
        end = start;
    }
}

struct wd_piece wd_view_unreverse(struct wd_piece in, struct wd_stage *out)
{
    static const char sign[] = "\xE2\x80\xAE";
    size_t kept = 0;
    bool changed = false;
    if (in.ascii)
        return in;
    for (size_t at = 0; at + 3 <= in.len; at++) {
        if (in.data[at] != sign[0] || in.data[at + 1] != sign[1] || in.data[at + 2] != sign[2])
            continue;
        if (!changed)
            wd_stage_clear(out);
        changed = true;
        wd_stage_keep(out, &in, kept, at);
        size_t end = override_end(&in, at + 3);
        put_reversed(&in, at + 3, end, out);
        kept = end + closing_length(&in, end);
        at = kept - 1;
    }
    if (!changed)
        return in;
    wd_stage_keep(out, &in, kept, in.len);
    return wd_stage_piece(out, &in);
}
