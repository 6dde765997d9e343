/* Fingerprints of texts: eight minwise hashes of its shingles, eight bits of each. Two texts agree in a part with the
 * probability that a shingle of either is one of both.
 *
 * The text is brought to letters and digits: folded, look-alikes to the letters they look like, all digits to one,
 * anything else left out. Shingles are four of these in a row. One hash of 32 bits a shingle; part i is of the shingle
 * whose hash is nearest to the i-th of eight points that lie spread (nearest by exclusive or: a permutation each, at
 * the cost of one). */
#include "filters/behaviour/fingerprint.h"

#include <string.h>

#include "filters/behaviour/fingerprint_letters.h"
#include "filters/behaviour/fingerprint_wide.h"
#include "filters/views/internal.h"

enum { LETTERS_MAX = 4096, SHINGLE = FINGERPRINT_SHINGLE, PARTS = FINGERPRINT_PARTS, LETTER_ROOM = 16 };

struct letters {
    uint16_t at[LETTERS_MAX + LETTER_ROOM + FINGERPRINT_TO_SPARE];
    size_t count;
};

static void take_foreign(struct wd_str text, size_t *at, struct letters *letters)
{
    uint32_t c = wd_utf8_next(text.data, text.len, at);
    if (c < FINGERPRINT_NEAR && fingerprint_near[c] != FINGERPRINT_SEVERAL) {
        letters->at[letters->count] = fingerprint_near[c];
        letters->count += fingerprint_near[c] != 0;
        return;
    }
    struct fingerprint_letters some;
    some.count = 0;
    fingerprint_put(&some, c);
    for (size_t i = 0; i < some.count && letters->count < LETTERS_MAX + LETTER_ROOM; i++)
        letters->at[letters->count++] = some.at[i];
}

/* What an ASCII character is compared as; 0: not at all. */
static const uint8_t ASCII_LETTERS[128] = {
    ['0'] = '0', ['1'] = '0', ['2'] = '0', ['3'] = '0', ['4'] = '0', ['5'] = '0', ['6'] = '0', ['7'] = '0', ['8'] = '0',
    ['9'] = '0', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h',
    ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q',
    ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i',
    ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r',
    ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
};

/* Between foreign words there is one space as a rule. */
static bool are_some_ascii(struct wd_str text, size_t at)
{
    uint64_t some;
    if (text.len - at < sizeof some)
        return false;
    memcpy(&some, text.data + at, sizeof some);
    return !(some & UINT64_C(0x8080808080808080));
}

static void take_ascii(const struct fingerprint_wide *wide, struct wd_str text, size_t *at, struct letters *letters)
{
    if (wide && wide->letters && are_some_ascii(text, *at)) {
        letters->count +=
            wide->letters(ASCII_LETTERS, (const unsigned char *)text.data, text.len, at, letters->at + letters->count);
        if (letters->count > LETTERS_MAX)
            letters->count = LETTERS_MAX;
        return;
    }
    uint8_t letter = ASCII_LETTERS[(unsigned char)text.data[(*at)++]];
    letters->at[letters->count] = letter;
    letters->count += letter != 0; /* without a branch: what comes next is anybody's guess */
}

static void normalise(const struct fingerprint_wide *wide, struct wd_str text, struct letters *letters)
{
    letters->count = 0;
    for (size_t at = 0; at < text.len && letters->count < LETTERS_MAX;) {
        if ((unsigned char)text.data[at] < 0x80)
            take_ascii(wide, text, &at, letters);
        else
            take_foreign(text, &at, letters);
    }
}

typedef int32_t lanes __attribute__((vector_size(16)));

/* The three bits at the top spread the points over all hashes. */
static const uint32_t POINTS[PARTS] = {0x0B51C3E9, 0x3A7D0F16, 0x51E86B2D, 0x7C249D73,
                                       0x8F93A84B, 0xA6C25E90, 0xD37F1634, 0xE81AD4C7};

static inline lanes least(lanes a, lanes b)
{
    lanes is_less = a < b;
    return (a & is_less) | (b & ~is_less);
}

/* For each point the hash that is nearest to it. Texts of fewer letters than a shingle has are one. */
static void nearest(const struct letters *letters, uint32_t hashes_out[PARTS])
{
    /* As signed numbers the smallest one is that with the top bit set: the points have it flipped. */
    const lanes flip = {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
    lanes points[2], low = ~flip, high = ~flip; /* the greatest */
    uint64_t shingle = 0;
    size_t first = letters->count < SHINGLE ? letters->count : SHINGLE;
    memcpy(points, POINTS, sizeof points);
    points[0] ^= flip;
    points[1] ^= flip;
    for (size_t i = 0; i < first - 1; i++)
        shingle = shingle << 16 | letters->at[i];
    for (size_t i = first - 1; i < letters->count; i++) {
        shingle = shingle << 16 | letters->at[i];
        int32_t hash = (int32_t)fingerprint_hash(shingle);
        lanes all = {hash, hash, hash, hash};
        low = least(low, all ^ points[0]);
        high = least(high, all ^ points[1]);
    }
    points[0] ^= low;
    points[1] ^= high;
    memcpy(hashes_out, points, sizeof points);
}

bool wd_fingerprint(struct wd_str folded, size_t min_length, uint64_t *out)
{
    const struct fingerprint_wide *wide = fingerprint_wide();
    struct letters letters;
    uint32_t hashes[PARTS];
    normalise(wide, folded, &letters);
    if (letters.count == 0 || letters.count < min_length)
        return false;
    if (wide && letters.count >= SHINGLE)
        wide->nearest(POINTS, letters.at, letters.count, hashes);
    else
        nearest(&letters, hashes);
    *out = 0;
    for (int part = 0; part < PARTS; part++)
        *out |= (uint64_t)(hashes[part] & 0xFF) << 8 * part;
    return true;
}
