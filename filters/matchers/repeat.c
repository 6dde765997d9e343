/* Repetition. Pieces of text that follow one another are found by their period: in a run of copies of p bytes every
 * byte equals the one p further on, so that it is enough to look at one place in every (copies - 1) * p, and to walk to
 * both sides where that place fits. What always holds: linear time, since what a run covers is not walked again. */
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

static bool is_wanted_piece(const struct runs *runs, size_t start, size_t period)
{
    if (runs->repeat->unit == WD_REPEAT_CHARACTERS)
        return is_one_character(runs->text, start, start + period);
    size_t characters = count_characters(runs->text, start, start + period);
    return characters >= runs->repeat->min_length && characters <= runs->repeat->max_length;
}

/* Reports the run whose bytes in [start, end) equal those a period further on, if it has enough copies. */
static void take_run(struct runs *runs, size_t start, size_t end, size_t period)
{
    struct wd_str text = runs->text;
    size_t last = end + period, needed = runs->repeat->at_least * period;
    for (size_t shift = 0; shift < period && last - start >= needed; shift++, start++) {
        if (wd_continues_character(text.data[start]) || !is_wanted_piece(runs, start, period))
            continue;
        last = start + (last - start) / period * period;
        runs->finder->found(runs->finder->context, start, last);
        if (last - start > runs->covered_end - runs->covered_start) {
            runs->covered_start = start;
            runs->covered_end = last;
        }
        return;
    }
}

static size_t walk_ahead(struct wd_str text, size_t at, size_t period)
{
    while (at + period + 8 <= text.len && memcmp(text.data + at, text.data + at + period, 8) == 0)
        at += 8;
    while (at + period < text.len && text.data[at] == text.data[at + period])
        at++;
    return at;
}

static void find_runs(struct runs *runs, size_t period)
{
    struct wd_str text = runs->text;
    size_t stride = (runs->repeat->at_least - 1) * period, lowest = 0;
    for (size_t at = stride - 1; at + period < text.len; at += stride) {
        if (at >= runs->covered_start && at < runs->covered_end) {
            lowest = at;
            at = runs->covered_end;
            if (at + period >= text.len)
                return;
        }
        if (text.data[at] != text.data[at + period])
            continue;
        size_t start = at, end = walk_ahead(text, at, period);
        while (start > lowest && text.data[start - 1] == text.data[start - 1 + period])
            start--;
        if (end - start >= stride)
            take_run(runs, start, end, period);
        lowest = at = end;
    }
}

static bool is_ascii(struct wd_str text)
{
    unsigned char all = 0;
    for (size_t i = 0; i < text.len; i++)
        all |= (unsigned char)text.data[i];
    return all < 0x80;
}

static void find_pieces(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder)
{
    enum { CHARACTER_BYTES_MAX = 16 };
    struct runs runs = {.text = text, .repeat = repeat, .finder = finder};
    bool characters = repeat->unit == WD_REPEAT_CHARACTERS;
    size_t low = characters ? 1 : repeat->min_length, high = characters ? 1 : repeat->max_length;
    if (high > WD_CHUNK_MAX)
        high = WD_CHUNK_MAX;
    if (!is_ascii(text))
        high = characters ? CHARACTER_BYTES_MAX : high * 4;
    for (size_t period = low ? low : 1; period <= high && period * repeat->at_least <= text.len; period++)
        find_runs(&runs, period);
}

/* ---- words ---- */

#define FIVE(c) [c] = true, [(c) + 1] = true, [(c) + 2] = true, [(c) + 3] = true, [(c) + 4] = true
static const bool IS_WORD_BYTE[256] = {
    FIVE('0'),    FIVE('5'), FIVE('A'), FIVE('F'), FIVE('K'), FIVE('P'), FIVE('U'),    ['Z'] = true,
    ['_'] = true, FIVE('a'), FIVE('f'), FIVE('k'), FIVE('p'), FIVE('u'), ['z'] = true, ['\''] = true,
};

static bool is_word_character(uint32_t c)
{
    if (c < 0x80)
        return IS_WORD_BYTE[c];
    return u_isalnum((UChar32)c) || (U_MASK(u_charType((UChar32)c)) & U_GC_M_MASK);
}

/* Behind the ASCII characters of a word that stand at `at`. */
static size_t skip_word_bytes(struct wd_str text, size_t at)
{
    while (at < text.len && IS_WORD_BYTE[(unsigned char)text.data[at]])
        at++;
    return at;
}

static bool next_word(struct wd_str text, size_t *at, size_t *start_out, size_t *characters_out)
{
    size_t next = *at;
    *characters_out = 0;
    while (next < text.len) {
        size_t ascii = skip_word_bytes(text, next);
        if (ascii > next) {
            if (!*characters_out)
                *start_out = next;
            *characters_out += ascii - next;
            next = ascii;
            continue;
        }
        size_t before = next;
        bool is_word = is_word_character(wd_next_character(text, &next));
        if (is_word && !*characters_out)
            *start_out = before;
        if (!is_word && *characters_out) {
            *at = before;
            return true;
        }
        *characters_out += is_word;
    }
    *at = next;
    return *characters_out > 0;
}

static bool same_word(struct wd_str a, struct wd_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        bool same = a.data[i] == b.data[i] || ((a.data[i] ^ b.data[i]) == 0x20 && wd_is_letter_byte(a.data[i]));
        if (!same)
            return false;
    }
    return true;
}

static void find_words(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder)
{
    struct wd_str last = {NULL, 0};
    size_t at = 0, first = 0, end = 0, start = 0, characters;
    uint32_t times = 0;
    for (;;) {
        bool more = next_word(text, &at, &start, &characters);
        struct wd_str word = {text.data + start, at - start};
        if (more && times && same_word(last, word)) {
            times++;
            end = at;
            continue;
        }
        if (times >= repeat->at_least)
            finder->found(finder->context, first, end);
        if (!more)
            return;
        times = characters >= repeat->min_length && characters <= repeat->max_length;
        last = word;
        first = start;
        end = at;
    }
}

/* ---- lines ---- */

enum { LINES_MAX = 512, LINE_SLOTS = 1024 };

struct line {
    struct wd_str text;
    uint32_t times; /* 0: the slot is free */
};

static struct wd_str trimmed(struct wd_str line)
{
    while (line.len && (line.data[0] == ' ' || line.data[0] == '\t' || line.data[0] == '\r')) {
        line.data++;
        line.len--;
    }
    while (line.len &&
           (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\t' || line.data[line.len - 1] == '\r'))
        line.len--;
    return line;
}

static struct line *slot_of(struct line *lines, struct wd_str text)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211U;
    size_t slot = (hash ^ hash >> 32) % LINE_SLOTS;
    while (lines[slot].times && !wd_str_equal(lines[slot].text, text))
        slot = (slot + 1) % LINE_SLOTS;
    return &lines[slot];
}

static void find_lines(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder)
{
    struct line lines[LINE_SLOTS];
    size_t different = 0;
    if (!memchr(text.data, '\n', text.len))
        return;
    for (size_t i = 0; i < LINE_SLOTS; i++)
        lines[i].times = 0;
    for (size_t at = 0; at < text.len;) {
        const char *stop = memchr(text.data + at, '\n', text.len - at);
        size_t end = stop ? (size_t)(stop - text.data) : text.len;
        struct wd_str line = trimmed((struct wd_str){text.data + at, end - at});
        at = end + 1;
        size_t characters = count_characters(line, 0, line.len);
        if (!line.len || characters < repeat->min_length || characters > repeat->max_length)
            continue;
        struct line *slot = slot_of(lines, line);
        if (!slot->times && different == LINES_MAX)
            continue;
        different += !slot->times;
        slot->text = line;
        size_t start = (size_t)(line.data - text.data);
        if (++slot->times >= repeat->at_least)
            finder->found(finder->context, start, start + line.len);
    }
}

void wd_find_repeats(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder)
{
    if (text.len < repeat->at_least || repeat->at_least < 2)
        return;
    switch (repeat->unit) {
    case WD_REPEAT_WORDS:
        find_words(text, repeat, finder);
        break;
    case WD_REPEAT_LINES:
        find_lines(text, repeat, finder);
        break;
    default:
        find_pieces(text, repeat, finder);
    }
}
