/* Words that come again and again, whatever their (ASCII) case and what stands between. */
#include <limits.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "filters/matchers/characters.h"
#include "filters/matchers/hints.h"
#include "filters/matchers/repeat.h"
#include "filters/views/tables.h"

#define FIVE(c) [c] = true, [(c) + 1] = true, [(c) + 2] = true, [(c) + 3] = true, [(c) + 4] = true
static const bool IS_WORD_BYTE[256] = {
    FIVE('0'),    FIVE('5'), FIVE('A'), FIVE('F'), FIVE('K'), FIVE('P'), FIVE('U'),    ['Z'] = true,
    ['_'] = true, FIVE('a'), FIVE('f'), FIVE('k'), FIVE('p'), FIVE('u'), ['z'] = true, ['\''] = true,
};

static bool is_word_character(uint32_t c)
{
    if (c < 0x80)
        return IS_WORD_BYTE[c];
    return wd_char_properties(c) & WD_CHAR_WORD;
}

/* Behind the ASCII characters of a word that stand at `at`, or behind the first so many of them. */
static size_t skip_word_bytes(struct wd_str text, size_t at)
{
    size_t end = text.len - at > WD_EFFORT_PATIENCE ? at + WD_EFFORT_PATIENCE : text.len;
    while (at < end && IS_WORD_BYTE[(unsigned char)text.data[at]])
        at++;
    return at;
}

/* The next word at or behind *at, which moves behind it; false: there is none, or the search should end. A text may be
 * one word, or none, from end to end. */
static bool next_word(struct wd_str text, struct wd_effort *effort, size_t *at, size_t *start_out,
                      size_t *characters_out)
{
    size_t next = *at, counted = *at;
    *characters_out = 0;
    while (next < text.len) {
        if (next - counted >= WD_EFFORT_PATIENCE) {
            if (!wd_goes_on(effort, next - counted))
                return false;
            counted = next;
        }
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
            return wd_goes_on(effort, before - counted + 1);
        }
        *characters_out += is_word;
    }
    *at = next;
    return wd_goes_on(effort, next - counted + 1) && *characters_out > 0;
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

/* The same of words of any length: a part after the other, so that it can be ended; then they count as different. */
static bool same_long_word(struct wd_str a, struct wd_str b, struct wd_effort *effort)
{
    if (a.len != b.len)
        return false;
    for (size_t at = 0; at < a.len; at += WD_EFFORT_PATIENCE) {
        size_t len = a.len - at < WD_EFFORT_PATIENCE ? a.len - at : WD_EFFORT_PATIENCE;
        if (!wd_goes_on(effort, len) ||
            !same_word((struct wd_str){a.data + at, len}, (struct wd_str){b.data + at, len}))
            return false;
    }
    return true;
}

void wd_find_repeated_words(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder)
{
    struct wd_str last = {NULL, 0};
    size_t at = 0, first = 0, end = 0, start = 0, characters;
    uint32_t times = 0;
    for (;;) {
        bool more = next_word(text, finder->effort, &at, &start, &characters);
        struct wd_str word = {text.data + start, at - start};
        bool same = more && times && same_long_word(last, word, finder->effort);
        if (wd_has_to_end(finder->effort))
            return;
        if (same) {
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

/* ---- a quick look ---- */

enum { BLOCK = 64 };

/* Which of a block's bytes stand in words: those of ASCII words, and all that are not ASCII but of signs (hints.h). */
struct block {
    uint64_t words, signs_of_3, signs_of_4; /* signs: bits of their first bytes */
};

#ifdef __SSE2__
static unsigned bits_of(__m128i condition)
{
    return (unsigned)_mm_movemask_epi8(condition);
}

static struct block look_at(const char *bytes)
{
    struct block block = {0};
    for (int part = 0; part < 4; part++) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(bytes + (ptrdiff_t)part * 16));
        __m128i next = _mm_loadu_si128((const __m128i *)(const void *)(bytes + (ptrdiff_t)part * 16 + 1));
        __m128i small = _mm_or_si128(c, _mm_set1_epi8(0x20));
        /* As signed bytes all that is not ASCII is below zero. */
        __m128i letter =
            _mm_and_si128(_mm_cmpgt_epi8(small, _mm_set1_epi8('a' - 1)), _mm_cmplt_epi8(small, _mm_set1_epi8('z' + 1)));
        __m128i digit =
            _mm_and_si128(_mm_cmpgt_epi8(c, _mm_set1_epi8('0' - 1)), _mm_cmplt_epi8(c, _mm_set1_epi8('9' + 1)));
        __m128i other = _mm_or_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8('_')), _mm_cmpeq_epi8(c, _mm_set1_epi8('\'')));
        __m128i symbol = _mm_or_si128(_mm_cmpeq_epi8(next, _mm_set1_epi8((char)0x80)),
                                      _mm_and_si128(_mm_cmpgt_epi8(next, _mm_set1_epi8((char)0x86)),
                                                    _mm_cmplt_epi8(next, _mm_set1_epi8((char)0xB0))));
        __m128i of_3 = _mm_and_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8((char)0xE2)), symbol);
        __m128i of_4 = _mm_and_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8((char)0xF0)),
                                     _mm_cmpeq_epi8(next, _mm_set1_epi8((char)0x9F)));
        __m128i word = _mm_or_si128(_mm_or_si128(letter, digit), _mm_or_si128(other, c));
        block.words |= (uint64_t)bits_of(word) << part * 16;
        block.signs_of_3 |= (uint64_t)bits_of(of_3) << part * 16;
        block.signs_of_4 |= (uint64_t)bits_of(of_4) << part * 16;
    }
    return block;
}
#else
static struct block look_at(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    struct block block = {0};
    for (int i = 0; i < BLOCK; i++) {
        block.words |= (uint64_t)(IS_WORD_BYTE[bytes[i]] || bytes[i] >= 0x80) << i;
        block.signs_of_3 |= (uint64_t)wd_starts_sign_of_3(bytes[i], bytes[i + 1]) << i;
        block.signs_of_4 |= (uint64_t)wd_starts_sign_of_4(bytes[i], bytes[i + 1]) << i;
    }
    return block;
}
#endif

/* Bits of the bytes from `at` on that stand in words. *behind: of the block before, what its end says of this one. */
static uint64_t word_bits(struct wd_str text, size_t at, uint64_t *behind)
{
    char copy[BLOCK + 1] = {0};
    const char *bytes = text.data + at;
    if (text.len - at <= BLOCK)
        bytes = memcpy(copy, bytes, text.len - at);
    struct block block = look_at(bytes);
    uint64_t of_4 = block.signs_of_4, first = block.signs_of_3 | of_4;
    uint64_t signs = first | first << 1 | first << 2 | of_4 << 3 | *behind;
    *behind = first >> 63 | first >> 62 | of_4 >> 61;
    return block.words & ~signs;
}

/* A word: where it starts, its length, its first byte without case, and how often it stood there so far. */
struct short_word {
    size_t start, len;
    unsigned char first;
    unsigned times;
};

/* Takes the next word; the times of the one before come on where it is the same. */
static void take_word(struct wd_str text, struct short_word *last, size_t start, size_t end)
{
    struct short_word word = {start, end - start, (unsigned char)(text.data[start] | 0x20), 1};
    bool alike = (word.len == last->len) & (word.first == last->first);
    bool same = alike && same_word((struct wd_str){text.data + last->start, last->len},
                                   (struct wd_str){text.data + start, word.len});
    word.times = same ? last->times + 1 : 1;
    *last = word;
}

static unsigned repeat_simple_words(struct wd_str text)
{
    struct short_word last = {0};
    unsigned most = 0;
    uint64_t was_word = 0 /* bit 0: the byte before the block is of a word */, behind = 0;
    size_t start = 0;
    for (size_t at = 0; at < text.len; at += BLOCK) {
        uint64_t bits = word_bits(text, at, &behind), before = bits << 1 | was_word;
        uint64_t starts = bits & ~before, ends = before & ~bits;
        for (; ends; ends &= ends - 1) {
            size_t end = at + (size_t)__builtin_ctzll(ends);
            if (!was_word) {
                start = at + (size_t)__builtin_ctzll(starts);
                starts &= starts - 1;
            }
            was_word = 0;
            take_word(text, &last, start, end);
            most = last.times > most ? last.times : most;
        }
        start = starts ? at + (size_t)__builtin_ctzll(starts) : start;
        was_word = bits >> 63;
    }
    if (was_word && text.len % BLOCK == 0)
        take_word(text, &last, start, text.len);
    return last.times > most ? last.times : most;
}

/* Word by word as the search does. */
static unsigned repeat_words(struct wd_str text)
{
    struct wd_str last = {NULL, 0};
    size_t at = 0, start = 0, characters;
    unsigned times = 0, most = 0;
    while (next_word(text, NULL, &at, &start, &characters)) {
        struct wd_str word = {text.data + start, at - start};
        times = last.len && same_word(last, word) ? times + 1 : 1;
        most = times > most ? times : most;
        last = word;
    }
    return most;
}

unsigned wd_words_in_a_row(struct wd_str text, bool parted)
{
    enum { LOOKED_AT_MAX = 4096 }; /* past it the search itself looks, which can be ended */
    if (text.len > LOOKED_AT_MAX)
        return UINT_MAX;
    return parted ? repeat_words(text) : repeat_simple_words(text);
}
