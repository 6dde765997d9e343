/* Repetition. Pieces of text that follow one another are found by their period: in a run of copies of p bytes every
 * byte equals the one p further on, so that it is enough to look at one place in every (copies - 1) * p, and to walk to
 * both sides where that place fits. What always holds: linear time, since what a run covers is not walked again.
 * Neighbours: repeat_words.c and repeat_lines.c for words and lines. */
#include "filters/matchers/repeat.h"
#include "filters/matchers/characters.h"
#include "filters/matchers/matchers.h"

/* ---- runs of a period ---- */

struct runs {
    struct wd_str text;
    const struct wd_repeat *repeat;
    const struct wd_finder *finder;
    size_t covered_start, covered_end; /* the longest run so far: other periods within it tell nothing new */
};

static bool extends_character(uint32_t c)
{
    if (c < 0x300)
        return false;
    int8_t type = u_charType((UChar32)c);
    return type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_COMBINING_SPACING_MARK ||
           (c >= 0x1F3FB && c <= 0x1F3FF); /* skin tones */
}

static size_t count_characters(struct wd_str text, size_t start, size_t end)
{
    size_t count = 0;
    for (size_t i = start; i < end; i++)
        count += !wd_continues_character(text.data[i]);
    return count;
}

/* Whether the piece is one character with all of its marks. */
static bool is_one_character(struct wd_str text, size_t start, size_t end)
{
    if (extends_character(wd_next_character(text, &start)))
        return false;
    while (start < end)
        if (!extends_character(wd_next_character(text, &start)))
            return false;
    return start == end;
}

static bool is_wanted_length(const struct runs *runs, size_t start, size_t period)
{
    size_t characters = count_characters(runs->text, start, start + period);
    return characters >= runs->repeat->min_length && characters <= runs->repeat->max_length;
}

/* The first place in [start, last) at which a copy can begin and enough of them fit; `last` where there is none. Within
 * a run every piece of a period has as many characters, so that one is counted for all. */
static size_t first_copy(const struct runs *runs, size_t start, size_t last, size_t period)
{
    struct wd_str text = runs->text;
    bool characters = runs->repeat->unit == WD_REPEAT_CHARACTERS;
    if (!characters && !is_wanted_length(runs, start, period))
        return last;
    size_t needed = runs->repeat->at_least * period;
    for (size_t shift = 0; shift < period && last - start >= needed; shift++, start++)
        if (!wd_continues_character(text.data[start]) && (!characters || is_one_character(text, start, start + period)))
            return start;
    return last;
}

/* Reports the run whose bytes in [start, end) equal those a period further on, if it has enough copies. */
static void take_run(struct runs *runs, size_t start, size_t end, size_t period)
{
    size_t last = end + period, first = first_copy(runs, start, last, period);
    wd_note_steps(runs->finder->effort, period);
    if (first == last)
        return;
    last = first + (last - first) / period * period;
    runs->finder->found(runs->finder->context, first, last);
    if (last - first > runs->covered_end - runs->covered_start) {
        runs->covered_start = first;
        runs->covered_end = last;
    }
}

static inline uint32_t four_at(const char *bytes)
{
    uint32_t four;
    memcpy(&four, bytes, sizeof(four));
    return four;
}

/* Whether the place can lie in a run of at least `stride` bytes. Of a run of 8 and more four are to one side of it:
 * looked at together, without a branch, they tell what fits by chance, which in some scripts is every other byte. */
static inline bool may_be_in_run(struct wd_str text, size_t at, size_t period, size_t stride)
{
    const char *here = text.data + at, *there = here + period;
    if (stride < 8 || at < 3)
        return *here == *there;
    bool behind = four_at(here - 3) == four_at(there - 3); /* all that can be where the text ends within four bytes */
    return at + period + 4 > text.len ? behind : behind | (four_at(here) == four_at(there));
}

static size_t walk_ahead(const struct runs *runs, size_t at, size_t period)
{
    struct wd_str text = runs->text;
    size_t counted = at;
    while (at + period + 8 <= text.len && memcmp(text.data + at, text.data + at + period, 8) == 0) {
        at += 8;
        if (at - counted > WD_EFFORT_PATIENCE) {
            if (!wd_goes_on(runs->finder->effort, at - counted))
                return at;
            counted = at;
        }
    }
    while (at + period < text.len && text.data[at] == text.data[at + period])
        at++;
    wd_note_steps(runs->finder->effort, at - counted);
    return at;
}

/* Takes the run around a place, if there is one, back to `lowest` at most. Where to go on: behind it, or the place. */
static size_t try_place(struct runs *runs, size_t at, size_t period, size_t lowest)
{
    struct wd_str text = runs->text;
    size_t stride = (runs->repeat->at_least - 1) * period;
    if (at + period >= text.len || !may_be_in_run(text, at, period, stride))
        return at;
    size_t start = at, end = walk_ahead(runs, at, period);
    while (start > lowest && text.data[start - 1] == text.data[start - 1 + period])
        start--;
    wd_note_steps(runs->finder->effort, at - start + 8);
    if (end - start >= stride)
        take_run(runs, start, end, period);
    return end;
}

/* `at` lies in what the longest run covers: only runs that reach over its edges tell something new. */
static size_t pass_covered(struct runs *runs, size_t period, size_t *lowest)
{
    size_t end = runs->covered_end;
    if (runs->covered_start > *lowest)
        *lowest = try_place(runs, runs->covered_start - 1, period, *lowest);
    return *lowest > end ? *lowest : end;
}

static void find_runs(struct runs *runs, size_t period)
{
    size_t stride = (runs->repeat->at_least - 1) * period, lowest = 0;
    for (size_t at = stride - 1; at + period < runs->text.len; at += stride) {
        if (at >= runs->covered_start && at < runs->covered_end)
            at = pass_covered(runs, period, &lowest);
        size_t next = try_place(runs, at, period, lowest);
        if (!wd_goes_on(runs->finder->effort, 1))
            return;
        if (next > at)
            lowest = at = next;
    }
}

static bool is_ascii(struct wd_str text)
{
    uint64_t all = 0, eight;
    size_t i = 0;
    for (; i + sizeof(eight) <= text.len; i += sizeof(eight)) {
        memcpy(&eight, text.data + i, sizeof(eight));
        all |= eight;
    }
    for (; i < text.len; i++)
        all |= (unsigned char)text.data[i];
    return !(all & UINT64_C(0x8080808080808080));
}

/* Whether any place of any period fits: no branch a place, and in most texts there is none. */
static bool some_place_fits(const struct runs *runs, size_t low, size_t high)
{
    struct wd_str text = runs->text;
    unsigned fits = 0;
    for (size_t period = low; period <= high && period * runs->repeat->at_least <= text.len; period++) {
        size_t stride = (runs->repeat->at_least - 1) * period;
        for (size_t at = stride - 1; at + period < text.len; at += stride)
            fits |= may_be_in_run(text, at, period, stride);
    }
    return fits;
}

static void find_pieces(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder)
{
    enum { CHARACTER_BYTES_MAX = 16, SHORT = 1024 };
    struct runs runs = {.text = text, .repeat = repeat, .finder = finder};
    bool characters = repeat->unit == WD_REPEAT_CHARACTERS;
    size_t low = characters ? 1 : repeat->min_length, high = characters ? 1 : repeat->max_length;
    if (high > WD_CHUNK_MAX)
        high = WD_CHUNK_MAX;
    if (!is_ascii(text))
        high = characters ? CHARACTER_BYTES_MAX : high * 4;
    low = low ? low : 1;
    if (text.len <= SHORT && !some_place_fits(&runs, low, high))
        return;
    for (size_t period = low; period <= high && period * repeat->at_least <= text.len; period++) {
        find_runs(&runs, period);
        if (!wd_goes_on(finder->effort, 1))
            return;
    }
}

void wd_find_repeats(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder)
{
    if (text.len < repeat->at_least || repeat->at_least < 2)
        return;
    switch (repeat->unit) {
    case WD_REPEAT_WORDS:
        wd_find_repeated_words(text, repeat, finder);
        break;
    case WD_REPEAT_LINES:
        wd_find_repeated_lines(text, repeat, finder);
        break;
    default:
        find_pieces(text, repeat, finder);
    }
}
