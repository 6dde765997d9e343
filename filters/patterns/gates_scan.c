/* What a text has that gates ask for. Features are read once for all gates, by character; runs by doubling: a run of 8
 * begins where two runs of 4 follow each other. */
#include "filters/patterns/gates.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "filters/patterns/unicode.h"
#include "filters/patterns/wide.h"

enum { FEATURES_PADDING = 64 };

typedef uint32_t vector4 __attribute__((vector_size(16)));

enum wd_status gate_reserve(struct gate_scratch *scratch, size_t text_len)
{
    size_t need = text_len + FEATURES_PADDING;
    if (need <= scratch->capacity)
        return WD_OK;
    free(scratch->features);
    scratch->features = malloc(need * 2 * sizeof *scratch->features);
    scratch->capacity = scratch->features ? need * 2 : 0;
    return scratch->features ? WD_OK : WD_ERR_MEMORY;
}

void gate_scratch_fini(struct gate_scratch *scratch)
{
    free(scratch->features);
    *scratch = (struct gate_scratch){0};
}

static inline uint32_t features_of(const struct gate_index *index, uint32_t c)
{
    return c < GATE_BLOCKS_END ? index->blocks[c / UNICODE_BLOCK] & index->kinds[unicode_flags(c) & 7] : UINT32_MAX;
}

/* The features of every character of the original: case matters to some of them. */
static size_t read_features(const struct gate_index *index, struct wd_str text, uint32_t *out, struct watch *watch)
{
    const unsigned char *at = (const unsigned char *)text.data, *end = at + text.len;
    size_t count = 0, steps = 0;
    while (at < end && !watch_late_step(watch, &steps)) {
        if (*at < 0x80) {
            out[count++] = index->ascii[*at++];
            continue;
        }
        uint32_t used, c = utf8_decode(at, &used);
        out[count++] = features_of(index, c);
        at += used;
    }
    return count;
}

static uint32_t fold_lanes(vector4 v)
{
    return v[0] | v[1] | v[2] | v[3];
}

/* features[i] becomes what holds for twice as many characters from i on, `stride` being how many it holds for now;
 * zeros follow the last. Returns what holds anywhere. */
static uint32_t double_runs(uint32_t *features, size_t count, size_t stride)
{
    vector4 sum = {0};
    for (size_t i = 0; i < count; i += 4) {
        vector4 here, there;
        memcpy(&here, features + i, sizeof here);
        memcpy(&there, features + i + stride, sizeof there);
        here &= there;
        memcpy(features + i, &here, sizeof here);
        sum |= here;
    }
    return fold_lanes(sum);
}

/* Features of the characters at every `stride` bytes. A run of that many characters or more covers one of the places.
 */
static uint32_t sample(const struct gate_index *index, struct wd_str text, size_t stride)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    uint32_t sum = 0;
    for (size_t i = 0; i < text.len; i += stride) {
        size_t at = i;
        while ((bytes[at] & 0xC0) == 0x80)
            at--;
        sum |= index->leads[bytes[at]];
    }
    return sum;
}

static uint32_t sample_all(const struct gate_index *index, struct wd_str text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    uint32_t sums[4] = {0};
    size_t i = 0;
    for (; i + 4 <= text.len; i += 4)
        for (size_t k = 0; k < 4; k++)
            sums[k] |= index->leads[bytes[i + k]];
    for (; i < text.len; i++)
        sums[0] |= index->leads[bytes[i]];
    return sums[0] | sums[1] | sums[2] | sums[3];
}

/* Of ASCII this tells all; a character of more bytes makes runs longer than they are. */
static void read_wide(const struct gate_index *index, const struct folded_text *text, struct gate_scratch *scratch,
                      struct watch *watch)
{
    struct wd_str original = text->original;
    memset(scratch->have, 0, sizeof scratch->have);
    for (size_t group = 0; group < (index->feature_count + 7) / 8 && !watch_late(watch, original.len / 8); group++) {
        unsigned char have[GATE_LEVELS];
        index->wide->runs(index->tables[group], (const unsigned char *)original.data, original.len,
                          (unsigned char *)scratch->features, GATE_LEVELS, index->wanted[group], have);
        for (size_t level = 0; level < GATE_LEVELS; level++)
            scratch->have[level] |= (uint32_t)have[level] << 8 * group;
    }
    scratch->exact = text->ascii;
}

void gate_read_text(const struct gate_index *index, const struct folded_text *text, struct gate_scratch *scratch,
                    struct watch *watch)
{
    scratch->exact = false;
    if (index->wide) {
        read_wide(index, text, scratch, watch);
        return;
    }
    for (size_t level = 0; level < GATE_LEVELS; level++) {
        scratch->have[level] = 0;
        if (index->used[level] && !watch_late(watch, text->original.len >> level))
            scratch->have[level] =
                level == 0 ? sample_all(index, text->original) : sample(index, text->original, (size_t)1 << level);
    }
}

static void read_exactly(const struct gate_index *index, const struct folded_text *text, struct gate_scratch *scratch,
                         struct watch *watch)
{
    size_t count = read_features(index, text->original, scratch->features, watch);
    memset(scratch->features + count, 0, FEATURES_PADDING * sizeof *scratch->features);
    memset(scratch->have, 0, sizeof scratch->have);
    scratch->exact = true;
    scratch->have[0] = double_runs(scratch->features, count, 0);
    for (size_t level = 1; level < GATE_LEVELS && (index->used_later[level - 1] & scratch->have[level - 1]); level++) {
        if (watch_late(watch, count))
            return;
        scratch->have[level] = double_runs(scratch->features, count, (size_t)1 << (level - 1));
    }
}

/* ---- repeats ---- */

/* Is there a stretch of `run` bytes, around `at`, that equals the one `period` bytes further on? */
static bool run_around(const struct folded_text *text, size_t at, size_t period, size_t run)
{
    const unsigned char *bytes = text->bytes;
    size_t from = at, to = at;
    while (to + period < text->len && bytes[to] == bytes[to + period])
        to++;
    while (from > 0 && bytes[from - 1] == bytes[from - 1 + period])
        from--;
    return to - from >= run;
}

static bool same4(const unsigned char *a, const unsigned char *b)
{
    uint32_t left, right;
    memcpy(&left, a, 4);
    memcpy(&right, b, 4);
    return left == right;
}

/* A run of at least 4 bytes covers a multiple of (its length - 3) together with the 3 bytes after it, so only multiples
 * are looked at. */
static bool has_period(const struct folded_text *text, size_t period, size_t run)
{
    size_t step = run >= 4 ? run - 3 : 1;
    for (size_t at = 0; at + period + (run < 4 ? run : 4) <= text->len; at += step) {
        bool same =
            run >= 4 ? same4(text->bytes + at, text->bytes + at + period) : text->bytes[at] == text->bytes[at + period];
        if (same && run_around(text, at, period, run))
            return true;
    }
    return false;
}

/* Of a long text each period takes a walk of its own; past so long a run looking at its multiples is faster there. */
enum { WIDE_RUN_MIN = 3, WIDE_RUN_MAX = 64, LONG_BYTES = 1000 };

/* The first period from `period` to `max` that the text may have; max + 1: none. */
static size_t next_period(const struct folded_text *text, const struct gate_repeat *repeat, const struct wide *wide,
                          size_t period, size_t max)
{
    size_t run = period * repeat->times;
    bool is_long = text->len > LONG_BYTES;
    if (!wide || run < WIDE_RUN_MIN || (is_long && run > WIDE_RUN_MAX))
        return period;
    return wide->next_repeat(text->bytes, text->len, period, is_long ? period : max, repeat->times);
}

static bool has_repeat(const struct folded_text *text, const struct gate_repeat *repeat, const struct wide *wide,
                       struct watch *watch)
{
    size_t longest = text->len / ((size_t)repeat->times + 1);
    size_t max = (size_t)repeat->max_characters * (text->ascii ? 1 : 4);
    if (max > longest)
        max = longest;
    for (size_t period = repeat->min; period <= max;) {
        if (text->len > LONG_BYTES && watch_late(watch, text->len))
            return true;
        size_t next = next_period(text, repeat, wide, period, max);
        if (next == period && has_period(text, period, period * repeat->times))
            return true;
        period = next == period ? period + 1 : next;
    }
    return false;
}

/* ---- equal words ---- */

static inline size_t space_at(const struct folded_text *text, size_t at)
{
    static const bool ascii_space[128] = {
        [' '] = true, ['\t'] = true, ['\n'] = true, ['\v'] = true, ['\f'] = true, ['\r'] = true};
    unsigned char c = text->bytes[at];
    if (c < 0x80)
        return ascii_space[c];
    uint32_t used;
    return unicode_flags(utf8_decode(text->bytes + at, &used)) & UNICODE_SPACE ? used : 0;
}

/* The words of a text so far, as far as has_equal_words needs to know. */
struct word_chain {
    size_t start, len; /* of the last word */
    uint32_t whole;    /* so many whole words up to and with it are equal */
};

/* A word of the pattern that is neither the first nor the last stands between white space, the last follows some. So
 * of `count` equal words after the first, count - 1 are whole and the next begins with the same. */
static inline bool add_word(struct word_chain *chain, const unsigned char *bytes, size_t start, size_t len,
                            uint32_t count)
{
    bool begins = chain->len > 0 && len >= chain->len && bytes[start] == bytes[chain->start] &&
                  memcmp(bytes + start, bytes + chain->start, chain->len) == 0;
    if (begins && chain->whole + 1 >= count)
        return true;
    *chain = (struct word_chain){start, len, begins && len == chain->len ? chain->whole + 1 : 1};
    return false;
}

#if defined(__SSE2__)
static inline __m128i is_byte(__m128i v, unsigned char byte)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8((char)byte));
}

/* White space past ASCII begins with one of these: U+0085, U+00A0; U+1680; U+2000 to U+205F; U+3000. */
static inline __m128i may_begin_space(__m128i v, __m128i next)
{
    __m128i lead = _mm_or_si128(_mm_or_si128(is_byte(v, 0xC2), is_byte(v, 0xE1)),
                                _mm_or_si128(is_byte(v, 0xE2), is_byte(v, 0xE3)));
    __m128i second = _mm_or_si128(_mm_or_si128(is_byte(next, 0x80), is_byte(next, 0x81)),
                                  _mm_or_si128(is_byte(next, 0x85), is_byte(next, 0xA0)));
    return _mm_and_si128(lead, _mm_or_si128(second, is_byte(next, 0x9A)));
}

static inline __m128i is_ascii_space(__m128i v)
{
    __m128i from_tab = _mm_sub_epi8(v, _mm_set1_epi8('\t'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(from_tab, _mm_set1_epi8('\r' - '\t')), from_tab);
    return _mm_or_si128(control, is_byte(v, ' '));
}

/* Bit i: byte i of the 64 is ASCII white space. *others_out, unless the text is ASCII: it may begin another one. */
static inline uint64_t spaces_in_64(const unsigned char *bytes, bool ascii, uint64_t *others_out)
{
    uint64_t spaces = 0, others = 0;
    for (size_t i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(bytes + 16 * i));
        spaces |= (uint64_t)(uint32_t)_mm_movemask_epi8(is_ascii_space(v)) << 16 * i;
        if (ascii)
            continue;
        __m128i next = _mm_loadu_si128((const __m128i *)(bytes + 16 * i + 1));
        others |= (uint64_t)(uint32_t)_mm_movemask_epi8(may_begin_space(v, next)) << 16 * i;
    }
    *others_out = others;
    return spaces;
}

static bool is_any_space(const struct folded_text *text, size_t block, uint64_t others)
{
    for (; others && block + (size_t)__builtin_ctzll(others) < text->len; others &= others - 1)
        if (space_at(text, block + (size_t)__builtin_ctzll(others)))
            return true;
    return false;
}

/* Whether so many words in a row begin with the same byte; true also where there is white space past ASCII. */
static bool has_alike_words(const struct folded_text *text, uint32_t count, struct watch *watch)
{
    uint64_t before = 1, others;
    uint32_t alike = 0;
    unsigned char last = 0;
    for (size_t block = 0; block < text->len && !watch_late(watch, 16); block += 64) {
        size_t left = text->len - block;
        uint64_t spaces = spaces_in_64(text->bytes + block, text->ascii, &others);
        uint64_t starts = ~spaces & (spaces << 1 | before) & (left < 64 ? ((uint64_t)1 << left) - 1 : UINT64_MAX);
        before = spaces >> 63;
        if (others && is_any_space(text, block, others))
            return true;
        for (; starts; starts &= starts - 1) {
            unsigned char first = text->bytes[block + (size_t)__builtin_ctzll(starts)];
            alike = first == last ? alike + 1 : 1;
            last = first;
            if (alike >= count)
                return true;
        }
    }
    return watch->late;
}

static bool has_equal_words(const struct folded_text *text, uint32_t count, struct watch *watch)
{
    struct word_chain chain = {0};
    size_t start = 0;
    if (!has_alike_words(text, count, watch))
        return false;
    for (size_t block = 0; block < text->len; block += 64) {
        if (watch_late(watch, 16))
            return true;
        uint64_t others, spaces = spaces_in_64(text->bytes + block, text->ascii, &others);
        for (spaces |= others; spaces; spaces &= spaces - 1) {
            size_t at = block + (size_t)__builtin_ctzll(spaces);
            size_t used = at >= text->len || text->ascii ? 1 : space_at(text, at);
            if (at >= text->len)
                break;
            if (used && at > start && add_word(&chain, text->bytes, start, at - start, count))
                return true;
            start = used ? at + used : start;
        }
    }
    return start < text->len && add_word(&chain, text->bytes, start, text->len - start, count);
}
#else
static bool has_equal_words(const struct folded_text *text, uint32_t count, struct watch *watch)
{
    struct word_chain chain = {0};
    for (size_t at = 0, start = 0; at < text->len;) {
        size_t used;
        if (watch_late(watch, at - start))
            return true;
        while (at < text->len && (used = space_at(text, at)) > 0)
            at += used;
        start = at;
        while (at < text->len && !space_at(text, at))
            at += utf8_len(text->bytes[at]);
        if (at > start && add_word(&chain, text->bytes, start, at - start, count))
            return true;
    }
    return false;
}
#endif

/* ---- pairs ---- */

/* Whether a pair begins at `at`, of a text in ASCII. */
static inline bool is_pair(const struct gate_index *index, const struct gate_pairs *pairs, struct wd_str text,
                           size_t at)
{
    return at + 1 < text.len && index->ascii[(unsigned char)text.data[at]] & pairs->first &&
           index->ascii[(unsigned char)text.data[at + 1]] & pairs->second;
}

static bool pairs_around(const struct gate_index *index, const struct gate_pairs *pairs, struct wd_str text, size_t at)
{
    size_t start = at, end = at;
    while (is_pair(index, pairs, text, end))
        end += 2;
    while (start >= 2 && is_pair(index, pairs, text, start - 2))
        start -= 2;
    return (end - start) / 2 >= pairs->times;
}

/* The two characters from one of the places on, or those from the next, are a pair of the row that is looked for. */
static bool has_pairs(const struct gate_index *index, const struct gate_pairs *pairs, struct wd_str text,
                      struct watch *watch)
{
    for (size_t at = 0; at < text.len; at += 2 * (size_t)pairs->times - 1) {
        if (watch_late(watch, 2) || (is_pair(index, pairs, text, at) && pairs_around(index, pairs, text, at)))
            return true;
        bool between = index->ascii[(unsigned char)text.data[at]] & pairs->second;
        if (between && pairs_around(index, pairs, text, at + 1))
            return true;
    }
    return false;
}

static bool has_features(const struct gate *gate, const struct gate_scratch *scratch)
{
    uint32_t missing = 0;
    for (size_t level = 0; level < GATE_LEVELS; level++)
        missing |= gate->need[level] & ~scratch->have[level];
    return missing == 0;
}

bool gate_passes(const struct gate_index *index, uint32_t number, const struct folded_text *text,
                 struct gate_scratch *scratch, struct watch *watch)
{
    const struct gate *gate = &index->gates[number];
    if (!gate_may_pass(index, number, scratch) || !has_features(gate, scratch))
        return false;
    if (gate->repeat.times > 0 && !has_repeat(text, &gate->repeat, index->wide, watch))
        return false;
    if (gate->equal_words > 0 && !has_equal_words(text, gate->equal_words, watch))
        return false;
    if (gate->pairs.times > 0 && text->ascii && !has_pairs(index, &gate->pairs, text->original, watch))
        return false;
    if (scratch->exact || !gate->asks_for_features)
        return true;
    read_exactly(index, text, scratch, watch);
    return watch->late || has_features(gate, scratch);
}
