/* Fingerprints of texts: eight minwise hashes of its shingles, eight bits of each. Two texts agree in a part with the
 * probability that a shingle of either is one of both.
 *
 * The text is brought to letters and digits: folded, look-alikes to the letters they look like, all digits to one,
 * anything else left out. Shingles are four of these in a row. One hash of 32 bits a shingle; part i is of the shingle
 * whose hash is nearest to the i-th of eight points that lie spread (nearest by exclusive or: a permutation each, at
 * the cost of one). */
#include "filters/behaviour/fingerprint.h"

#include "filters/views/internal.h"

enum { LETTERS_MAX = 4096, SHINGLE = 4, PARTS = 8, LETTER_ROOM = 16 };

struct letters {
    uint16_t at[LETTERS_MAX + LETTER_ROOM];
    size_t count;
};

static void put_letter(struct letters *letters, uint32_t c)
{
    if (letters->count < LETTERS_MAX + LETTER_ROOM)
        letters->at[letters->count++] = (uint16_t)(c ^ c >> 16);
}

static void put_ascii(struct letters *letters, unsigned char c)
{
    if (wd_is_ascii_letter(c))
        put_letter(letters, c | 0x20);
    else if (wd_is_ascii_digit(c))
        put_letter(letters, '0');
}

static bool is_flag(uint32_t c)
{
    return c >= 0x1F1E6 && c <= 0x1F1FF;
}

/* One that is folded. */
static void put_character(struct letters *letters, uint32_t c)
{
    const struct wd_look *look = wd_char_look(c);
    if (c < 0x80)
        put_ascii(letters, (unsigned char)c);
    else if (look->kind != WD_LOOK_NONE && !is_flag(c))
        for (const char *text = look->text; *text; text++)
            put_ascii(letters, (unsigned char)*text);
    else if (wd_char_properties(c) & WD_CHAR_DIGIT)
        put_letter(letters, '0');
    else if (wd_char_properties(c) & WD_CHAR_LETTER)
        put_letter(letters, c);
}

static void put_foreign(struct letters *letters, uint32_t c)
{
    const struct wd_fold *fold = wd_char_fold(c);
    if (!fold) {
        put_character(letters, c);
        return;
    }
    const char *folded = wd_table_fold_bytes + fold->offset;
    for (size_t at = 0; at < fold->length;)
        put_character(letters, wd_utf8_next(folded, fold->length, &at));
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

static void normalise(struct wd_str text, struct letters *letters)
{
    letters->count = 0;
    for (size_t at = 0; at < text.len && letters->count < LETTERS_MAX;) {
        unsigned char byte = (unsigned char)text.data[at];
        if (byte < 0x80) {
            uint8_t letter = ASCII_LETTERS[byte];
            letters->at[letters->count] = letter;
            letters->count += letter != 0; /* without a branch: what comes next is anybody's guess */
            at++;
        } else
            put_foreign(letters, wd_utf8_next(text.data, text.len, &at));
    }
}

typedef int32_t lanes __attribute__((vector_size(16)));

/* The three bits at the top spread the points over all hashes. */
static const lanes POINTS[2] = {{(int32_t)0x0B51C3E9, (int32_t)0x3A7D0F16, (int32_t)0x51E86B2D, (int32_t)0x7C249D73},
                                {(int32_t)0x8F93A84B, (int32_t)0xA6C25E90, (int32_t)0xD37F1634, (int32_t)0xE81AD4C7}};

static inline lanes least(lanes a, lanes b)
{
    lanes is_less = a < b;
    return (a & is_less) | (b & ~is_less);
}

static inline uint32_t shingle_hash(uint64_t shingle)
{
    shingle = (shingle ^ shingle >> 29) * 0xBF58476D1CE4E5B9ULL;
    shingle = (shingle ^ shingle >> 32) * 0x94D049BB133111EBULL;
    return (uint32_t)(shingle >> 32);
}

static uint64_t nearest_of(const struct letters *letters)
{
    /* As signed numbers the smallest one is that with the top bit set: the points have it flipped. */
    const lanes flip = {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
    lanes low = ~flip, high = ~flip; /* the greatest */
    uint64_t shingle = 0;
    size_t first = letters->count < SHINGLE ? letters->count : SHINGLE;
    for (size_t i = 0; i < first - 1; i++)
        shingle = shingle << 16 | letters->at[i];
    for (size_t i = first - 1; i < letters->count; i++) {
        shingle = shingle << 16 | letters->at[i];
        int32_t hash = (int32_t)shingle_hash(shingle);
        lanes all = {hash, hash, hash, hash};
        low = least(low, all ^ POINTS[0] ^ flip);
        high = least(high, all ^ POINTS[1] ^ flip);
    }
    low ^= POINTS[0];
    high ^= POINTS[1];
    uint64_t fingerprint = 0;
    for (int i = 0; i < PARTS / 2; i++)
        fingerprint |= (uint64_t)(low[i] & 0xFF) << 8 * i | (uint64_t)(high[i] & 0xFF) << (8 * i + 32);
    return fingerprint;
}

bool wd_fingerprint(struct wd_str folded, size_t min_length, uint64_t *out)
{
    struct letters letters;
    normalise(folded, &letters);
    if (letters.count == 0 || letters.count < min_length)
        return false;
    *out = nearest_of(&letters);
    return true;
}
