/* View 'squeezed', in two steps. Joining: in a row of three or more single letters the separators between them go
 * (`s.h.i.t`, `s h i t`, a letter a line). Runs: three and more of one letter become two or one. There are two texts:
 *   wide    rows are joined whole, runs become two
 *   narrow  an `a` or `i` at the edge of a row with spaces stays a word (`a s h i t`), runs become one */
#include <string.h>

#include "filters/views/internal.h"

enum { GAP_MAX = 4, ROW_MIN = 3, RUN_MIN = 3 };

enum kind { OTHER = 0, LETTER, DIGIT, ATTACHED };

static enum kind kind_of(uint32_t c)
{
    if (c < 0x80)
        return wd_is_ascii_letter(c) ? LETTER : wd_is_ascii_digit(c) ? DIGIT : OTHER;
    uint32_t properties = wd_char_properties(c);
    if (properties & WD_CHAR_LETTER)
        return LETTER;
    if (properties & WD_CHAR_MARK)
        return ATTACHED;
    enum wd_break_class class = (enum wd_break_class)(properties & WD_CHAR_BREAK_MASK);
    if (class == WD_BREAK_EXTEND || class == WD_BREAK_SPACING_MARK || class == WD_BREAK_ZWJ)
        return ATTACHED;
    return properties & WD_CHAR_DIGIT ? DIGIT : OTHER;
}

static bool is_space(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r');
    return wd_char_properties(c) & WD_CHAR_SPACE;
}

struct letter {
    size_t start, end; /* with its marks; start == end: there is none */
    uint32_t c;
};

/* The single letter at `at`, before which no letter or digit may stand. */
static struct letter single_letter(const struct wd_piece *in, size_t at)
{
    struct letter letter = {.start = at, .end = at};
    size_t end = at;
    if (at >= in->len)
        return letter;
    letter.c = wd_utf8_next(in->data, in->len, &end);
    if (kind_of(letter.c) != LETTER)
        return letter;
    while (end < in->len) {
        size_t next = end;
        enum kind kind = kind_of(wd_utf8_next(in->data, in->len, &next));
        if (kind == OTHER)
            break;
        if (kind != ATTACHED)
            return letter;
        end = next;
    }
    letter.end = end;
    return letter;
}

/* The single letter behind the separators at `at`; tells whether these are only space. */
static struct letter next_in_row(const struct wd_piece *in, size_t at, bool *space_out)
{
    *space_out = true;
    for (int gap = 0; at < in->len; gap++) {
        size_t next = at;
        uint32_t c = wd_utf8_next(in->data, in->len, &next);
        if (kind_of(c) != OTHER)
            return gap > 0 ? single_letter(in, at) : (struct letter){0};
        if (gap == GAP_MAX)
            break;
        *space_out &= is_space(c);
        at = next;
    }
    return (struct letter){0};
}

static bool is_one_letter_word(uint32_t c)
{
    return c == 'a' || c == 'i';
}

struct row {
    struct letter first, last;
    struct letter second;      /* where a row starts that leaves out the first letter */
    struct letter before_last; /* where one ends that leaves out the last */
    int length;
    bool first_apart, last_apart; /* can be words of their own */
};

/* The row that starts with the single letter `first`. In `a s.h.i.t` the first letter is a word for sure. */
static struct row read_row(const struct wd_piece *in, struct letter first, struct wd_view_watch *watch)
{
    struct row row = {.first = first, .last = first, .second = first, .before_last = first, .length = 1};
    bool space = false;
    for (;;) {
        struct letter next = next_in_row(in, row.last.end, &space);
        if (next.start == next.end || wd_view_watch_step(watch))
            break;
        if (row.length == 1) {
            row.second = next;
            row.first_apart = space && is_one_letter_word(first.c);
        }
        if (row.length == 2 && row.first_apart && !space) {
            row.first = row.before_last = row.second;
            row.first_apart = false;
            row.length = 1;
        }
        row.before_last = row.last;
        row.last = next;
        row.length++;
        row.last_apart = space && is_one_letter_word(next.c);
    }
    return row;
}

/* Leaves the edges out that the narrow reading takes for words. */
static void narrow_row(struct row *row)
{
    if (row->first_apart && row->length > ROW_MIN) {
        row->first = row->second;
        row->length--;
    }
    if (row->last_apart && row->length > ROW_MIN) {
        row->last = row->before_last;
        row->length--;
    }
}

static void put_row(const struct wd_piece *in, const struct row *row, struct wd_stage *out)
{
    struct letter letter = row->first;
    bool space;
    while (letter.start < row->last.start && !out->failed) {
        wd_stage_keep(out, in, letter.start, letter.end);
        letter = next_in_row(in, letter.end, &space);
    }
    wd_stage_keep(out, in, row->last.start, row->last.end);
}

/* The start of the next single letter at or behind `at`, where no letter or digit stands before `at`. None when it is
 * late. */
static struct letter find_single(const struct wd_piece *in, size_t at, struct wd_view_watch *watch)
{
    bool free = true; /* nothing that makes a letter part of a word stands before */
    while (at < in->len && !wd_view_watch_step(watch)) {
        size_t next = at;
        uint32_t c = wd_utf8_next(in->data, in->len, &next);
        enum kind kind = kind_of(c);
        if (free && kind == LETTER) {
            struct letter letter = single_letter(in, at);
            if (letter.end > letter.start)
                return letter;
        }
        /* the t of `don't` belongs to its word */
        free = kind == OTHER && (free || (c != '\'' && c != 0x2019));
        at = next;
    }
    return (struct letter){.start = in->len, .end = in->len};
}

static struct wd_piece join_rows(struct wd_piece in, bool narrow, struct wd_stage *out)
{
    size_t kept = 0;
    bool changed = false;
    for (struct letter letter = find_single(&in, 0, out->watch); letter.start < in.len;) {
        struct row row = read_row(&in, letter, out->watch);
        size_t end = row.last.end;
        if (narrow)
            narrow_row(&row);
        if (row.length >= ROW_MIN) {
            if (!changed)
                wd_stage_clear(out);
            changed = true;
            wd_stage_keep(out, &in, kept, row.first.start);
            put_row(&in, &row, out);
            kept = row.last.end;
        }
        letter = find_single(&in, end, out->watch);
    }
    if (!changed)
        return in;
    wd_stage_keep(out, &in, kept, in.len);
    return wd_stage_piece(out, &in);
}

/* The three w before a dot are how a web address starts. */
static bool is_www(const struct wd_piece *in, size_t start, size_t end)
{
    return end - start == 3 && in->data[start] == 'w' && end < in->len && in->data[end] == '.' &&
           (start == 0 || !wd_is_ascii_letter((unsigned char)in->data[start - 1]));
}

/* `count` equal characters from start to end; a run that is shortened has enough of them, and letters. */
struct run {
    size_t start, end, count;
    uint32_t c;
};

static bool is_shortened(const struct wd_piece *in, const struct run *run)
{
    return run->count >= RUN_MIN && kind_of(run->c) == LETTER && !is_www(in, run->start, run->end);
}

/* The next run that is shortened at or behind `at`. */
static bool find_run(const struct wd_piece *in, size_t at, struct wd_view_watch *watch, struct run *out)
{
    struct run run = {.start = at, .end = at};
    while (at < in->len && !wd_view_watch_step(watch)) {
        size_t next = at;
        uint32_t c = wd_utf8_next(in->data, in->len, &next);
        if (c != run.c || run.count == 0) {
            if (is_shortened(in, &run))
                break;
            run = (struct run){.start = at, .c = c};
        }
        run.count++;
        run.end = at = next;
    }
    *out = run;
    return is_shortened(in, &run);
}

static struct wd_piece shorten_runs(struct wd_piece in, size_t most, struct wd_stage *out)
{
    size_t kept = 0;
    bool changed = false;
    struct run run;
    for (size_t at = 0; find_run(&in, at, out->watch, &run) && !out->watch->late; at = run.end) {
        if (!changed)
            wd_stage_clear(out);
        changed = true;
        size_t step = (run.end - run.start) / run.count;
        size_t last = run.start + (most - 1) * step; /* the last letter that stays, which stands for all that go */
        wd_stage_keep(out, &in, kept, last);
        wd_stage_put(out, &in, last, run.end, in.data + last, step);
        kept = run.end;
    }
    if (!changed)
        return in;
    wd_stage_keep(out, &in, kept, in.len);
    return wd_stage_piece(out, &in);
}

/* Can there be a row to join, a run to shorten? */
static void survey(const struct wd_piece *in, struct wd_view_watch *watch, bool *row_out, bool *run_out)
{
    if (in->ascii) {
        *row_out = wd_scan_has_row(in->data, in->len);
        *run_out = wd_scan_has_triple(in->data, in->len);
        return;
    }
    int singles = 0;
    struct run run;
    for (struct letter letter = find_single(in, 0, watch); letter.start < in->len && singles < ROW_MIN; singles++)
        letter = find_single(in, letter.end, watch);
    *row_out = singles >= ROW_MIN;
    *run_out = find_run(in, 0, watch, &run);
}

void wd_view_squeeze(struct wd_piece in, struct wd_squeeze_stages *stages, struct wd_piece pieces_out[2])
{
    bool row, run;
    survey(&in, stages->joined[0].watch, &row, &run);
    for (int narrow = 0; narrow < 2; narrow++) {
        struct wd_piece joined = row ? join_rows(in, narrow, &stages->joined[narrow]) : in;
        bool shorten = run || joined.data != in.data; /* joining makes new runs */
        pieces_out[narrow] = shorten ? shorten_runs(joined, narrow ? 1 : 2, &stages->shortened[narrow]) : joined;
    }
}
