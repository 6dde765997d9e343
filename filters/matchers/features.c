/* Features of a text, sixteen bytes at a time; what only matters past ASCII is looked for in a second pass, which takes
 * the hints of all places at which two bytes can start a character. */
#include "filters/matchers/features.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "filters/matchers/characters.h"
#include "filters/matchers/hints.h"
#include "filters/matchers/matchers.h"
#include "filters/matchers/repeat.h"

enum {
    LANES = 16,
    BEHIND = 8 /* bytes that are looked at behind these */,
    ROUNDS_MAX = 255, /* counts fit into bytes */
    ROUND_BYTES = 4096,
    STEP_BYTES = 8 /* looked at in what a step takes */
};
typedef uint8_t lanes __attribute__((vector_size(LANES)));
typedef uint64_t halves __attribute__((vector_size(LANES)));

enum flag { AT = 1, HOST = 2, LINE = 4, RUN = 8, HIDDEN_HOST = 16, HIGH = 128 };
struct counts {
    uint32_t digits, upper, lower;
    uint8_t flags;
};

/* A part of a text with zeros behind its end, which are nothing of interest. */
struct window {
    const char *bytes;
    char copy[LANES + BEHIND];
};

static void look_at(struct window *window, struct wd_str text, size_t at)
{
    size_t left = text.len - at;
    window->bytes = text.data + at;
    if (left >= sizeof(window->copy))
        return;
    memset(window->copy, 0, sizeof(window->copy));
    memcpy(window->copy, text.data + at, left);
    window->bytes = window->copy;
}

static lanes load(const struct window *window, size_t shift)
{
    lanes bytes;
    memcpy(&bytes, window->bytes + shift, sizeof(bytes));
    return bytes;
}

static uint32_t sum(lanes counts)
{
    halves pairs = (halves)counts, low = {UINT64_C(0x00FF00FF00FF00FF), UINT64_C(0x00FF00FF00FF00FF)};
    pairs = (pairs & low) + (pairs >> 8 & low);
    return (uint32_t)(((pairs[0] + pairs[1]) * UINT64_C(0x0001000100010001)) >> 48);
}

static uint8_t any(lanes flags)
{
    halves two = (halves)flags;
    uint64_t bits = two[0] | two[1];
    bits |= bits >> 32;
    bits |= bits >> 16;
    return (uint8_t)(bits | bits >> 8);
}

static lanes masked(lanes condition, unsigned flag)
{
    return condition & (uint8_t)flag;
}

static lanes is(lanes c, uint8_t byte)
{
    return (lanes)(c == byte);
}

static lanes between(lanes c, uint8_t low, uint8_t high)
{
    return (lanes)((lanes)(c - low) <= (uint8_t)(high - low));
}

static lanes unseen_of(lanes c)
{
    return (lanes)(c < 0x20) & ~between(c, '\t', '\r') & (lanes)(c > 0);
}

/* HOST where a host or link may be written, HIDDEN_HOST where one may be in a view. */
static lanes host_flags(lanes c, lanes next)
{
    lanes beyond = (lanes)(next >= 0x7F) | unseen_of(next), colon = is(c, ':');
    lanes part_of_word =
        between(next | 0x20, 'a', 'z') | between(next, '0', '9') | is(next, '_') | is(next, '-') | beyond;
    /* 0xE3 and 0x80: an ideographic full stop, or near it */
    return masked((is(c, '.') & part_of_word) | (colon & is(next, '/')) | (is(c, 0xE3) & is(next, 0x80)), HOST) |
           masked((colon & beyond) | is(c, '%') | is(c, '&'), HIDDEN_HOST);
}

/* At most ROUNDS_MAX times LANES bytes from `at` on; returns where it ended. */
static size_t count_ascii(struct wd_str text, size_t at, struct counts *counts)
{
    lanes digits = {0}, upper = {0}, lower = {0}, flags = {0};
    for (int round = 0; round < ROUNDS_MAX && at < text.len; round++, at += LANES) {
        struct window window;
        look_at(&window, text, at);
        lanes c = load(&window, 0), next = load(&window, 1), capital = between(c, 'A', 'Z');
        digits -= between(c, '0', '9');
        upper -= capital;
        lower -= between(c, 'a', 'z');
        flags |= c & (uint8_t)HIGH;
        flags |= masked(is(c, '@'), AT) | masked(is(c, '\n'), LINE) | host_flags(c, next);
        flags |= masked((lanes)(c == next) & (lanes)(c == load(&window, 2)) & (lanes)(c > 0), RUN);
    }
    counts->digits += sum(digits);
    counts->upper += sum(upper);
    counts->lower += sum(lower);
    counts->flags |= any(flags);
    return at;
}

/* The last byte of a character of so many bytes that stands three times in a row. */
static lanes may_end_run(const struct window *window, lanes c, size_t bytes)
{
    return between(c, 0x80, 0xBF) & (lanes)(c == load(window, bytes)) & (lanes)(c == load(window, bytes * 2));
}

static bool may_repeat_character(struct wd_str text, struct wd_effort *effort)
{
    lanes flags = {0};
    for (size_t at = 0; at < text.len && wd_goes_on(effort, LANES / STEP_BYTES); at += LANES) {
        struct window window;
        look_at(&window, text, at);
        lanes c = load(&window, 0);
        flags |= may_end_run(&window, c, 2) | may_end_run(&window, c, 3) | may_end_run(&window, c, 4);
    }
    return any(flags);
}

/* Where the next byte is that is not ASCII; text.len: nowhere. */
static size_t skip_ascii(struct wd_str text, size_t at)
{
    enum { WORD = sizeof(uint64_t) };
    for (uint64_t word; text.len - at >= WORD; at += WORD) {
        memcpy(&word, text.data + at, WORD);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (at < text.len && !((unsigned char)text.data[at] & HIGH))
        at++;
    return at;
}

/* All hints of all characters; those that are asked for are enough. */
static uint8_t hints_of(struct wd_str text, unsigned asked, struct wd_effort *effort)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    unsigned hints = 0;
    size_t seen = 0;
    for (size_t at = 0; at + 1 < text.len && asked & ~hints; at++) {
        if (bytes[at] < HIGH && (at = skip_ascii(text, at)) + 1 >= text.len)
            break;
        if (at - seen >= ROUND_BYTES) {
            if (!wd_goes_on(effort, at - seen))
                break;
            seen = at;
        }
        unsigned some = wd_hint_prefixes[bytes[at]][bytes[at + 1] & 63];
        if (some & WD_HINT_MIXED && some & ~hints) {
            size_t next = at;
            some = wd_char_hints(wd_next_character(text, &next));
        }
        hints |= some;
    }
    return (uint8_t)hints;
}

static unsigned hint_if(uint32_t wanted, unsigned hint)
{
    return wanted ? hint : 0;
}

/* What the wanted features still depend on, past ASCII. */
static unsigned hints_for(uint32_t wanted, uint8_t flags)
{
    enum {
        DIGITS = WD_FEATURE_DIGITS_4 | WD_FEATURE_DIGITS_9 | WD_FEATURE_DIGITS_13,
        CAPITALS = WD_FEATURE_UPPER | WD_FEATURE_SHOUTING,
        WORDS = WD_FEATURE_WORD_TWICE | WD_FEATURE_WORD_THRICE
    };
    if (flags & (HOST | HIDDEN_HOST))
        wanted &= ~(uint32_t)WD_FEATURE_HOST_IN_A_VIEW;
    return hint_if(wanted & DIGITS, WD_HINT_DIGIT) | hint_if(wanted & CAPITALS, WD_HINT_UPPER) |
           hint_if(wanted & WD_FEATURE_EMOJI, WD_HINT_EMOJI) | hint_if(wanted & WD_FEATURE_MARKS, WD_HINT_MARK) |
           hint_if(wanted & WD_FEATURE_RUN, WD_HINT_EXTENDS) | hint_if(wanted & WORDS, WD_HINT_PARTS) |
           hint_if(wanted & WD_FEATURE_HOST_IN_A_VIEW, WD_HINT_HIDES_HOST);
}

static uint32_t feature_if(bool holds, enum wd_feature feature)
{
    return holds ? (uint32_t)feature : 0;
}

uint32_t wd_text_features(struct wd_str text, uint32_t wanted, struct wd_effort *effort)
{
    struct counts counts = {0};
    if (effort)
        effort->enough = false; /* that is for each search to say */
    for (size_t at = 0; at < text.len && wd_goes_on(effort, ROUND_BYTES / STEP_BYTES);)
        at = count_ascii(text, at, &counts);
    uint8_t flags = counts.flags;
    bool high = flags & HIGH;
    uint8_t hints = high ? hints_of(text, hints_for(wanted, flags), effort) : 0;
    bool run = flags & RUN || hints & WD_HINT_EXTENDS ||
               (high && wanted & WD_FEATURE_RUN && may_repeat_character(text, effort));
    uint32_t digits = hints & WD_HINT_DIGIT ? UINT32_MAX : counts.digits;
    bool upper = hints & WD_HINT_UPPER || counts.upper >= 2,
         shouting = hints & WD_HINT_UPPER || counts.upper >= counts.lower;
    bool hides = flags & (HOST | HIDDEN_HOST) || hints & WD_HINT_HIDES_HOST;
    bool asks_words = wanted & (WD_FEATURE_WORD_TWICE | WD_FEATURE_WORD_THRICE);
    unsigned words = asks_words ? wd_words_in_a_row(text, hints & WD_HINT_PARTS) : 0;
    bool is_long = wanted & WD_FEATURE_LONG && wd_may_have_wallets(text);
    if (effort && effort->ended)
        return UINT32_MAX;
    return feature_if(flags & AT, WD_FEATURE_AT) | feature_if(flags & HOST, WD_FEATURE_HOST) |
           feature_if(digits >= 4, WD_FEATURE_DIGITS_4) | feature_if(digits >= 9, WD_FEATURE_DIGITS_9) |
           feature_if(digits >= 13, WD_FEATURE_DIGITS_13) | feature_if(upper, WD_FEATURE_UPPER) |
           feature_if(high, WD_FEATURE_NON_ASCII) | feature_if(is_long, WD_FEATURE_LONG) |
           feature_if(flags & LINE, WD_FEATURE_LINES) | feature_if(hints & WD_HINT_EMOJI, WD_FEATURE_EMOJI) |
           feature_if(hints & WD_HINT_MARK, WD_FEATURE_MARKS) | feature_if(run, WD_FEATURE_RUN) |
           feature_if(words >= 2, WD_FEATURE_WORD_TWICE) | feature_if(words >= 3, WD_FEATURE_WORD_THRICE) |
           feature_if(upper && shouting, WD_FEATURE_SHOUTING) | feature_if(hides, WD_FEATURE_HOST_IN_A_VIEW);
}

/* ---- hosts alone ---- */

/* A bit for each byte whose highest bit is set. */
static unsigned mask_of(lanes flags)
{
#if defined(__SSE2__)
    return (unsigned)_mm_movemask_epi8((__m128i)flags);
#else
    unsigned mask = 0;
    for (unsigned i = 0; i < LANES; i++)
        mask |= (unsigned)(flags[i] >> 7) << i;
    return mask;
#endif
}

/* Whether the character that begins there hides a host. */
static bool hides_host(struct wd_str text, size_t at)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    if (at + 1 >= text.len)
        return false;
    unsigned hints = wd_hint_prefixes[bytes[at]][bytes[at + 1] & 63];
    return hints & WD_HINT_HIDES_HOST &&
           (!(hints & WD_HINT_MIXED) || wd_char_hints(wd_next_character(text, &at)) & WD_HINT_HIDES_HOST);
}

bool wd_may_have_host(struct wd_str text)
{
    for (size_t at = 0; at < text.len; at += LANES) {
        struct window window;
        look_at(&window, text, at);
        lanes c = load(&window, 0);
        unsigned signs = mask_of(is(c, '.') | is(c, ':') | is(c, '%') | is(c, '&') | is(c, 0xE3)), high = mask_of(c);
        if (signs && any(host_flags(c, load(&window, 1))))
            return true;
        /* characters begin with a byte whose two highest bits are set */
        for (unsigned first = high ? high & mask_of(c + c) : 0; first; first &= first - 1)
            if (hides_host(text, at + (size_t)__builtin_ctz(first)))
                return true;
    }
    return false;
}
