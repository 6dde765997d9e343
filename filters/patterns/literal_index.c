/* See literal_index.h. */
#include "filters/patterns/literal_index.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/unicode.h"

static enum wd_status reserve(struct literal_index *index, size_t literals, size_t bytes)
{
    if (index->count + literals > index->capacity) {
        size_t capacity = (index->capacity + literals) * 2;
        struct indexed_literal *items = realloc(index->literals, capacity * sizeof *items);
        if (!items)
            return WD_ERR_MEMORY;
        index->literals = items;
        struct gram *grams = realloc(index->pending, capacity * sizeof *grams);
        if (!grams)
            return WD_ERR_MEMORY;
        index->pending = grams;
        index->capacity = capacity;
    }
    if (index->bytes_len + bytes > index->bytes_capacity) {
        size_t capacity = (index->bytes_capacity + bytes) * 2;
        char *grown = realloc(index->bytes, capacity);
        if (!grown)
            return WD_ERR_MEMORY;
        index->bytes = grown;
        index->bytes_capacity = capacity;
    }
    return index->bytes_len + bytes < UINT32_MAX ? WD_OK : WD_ERR_MEMORY;
}

/* Folds a string piece by piece; LITERAL_SPACES stays. Returns the length; `out` has room for len * 3 / 2 + 4. */
static size_t fold_string(const char *bytes, size_t len, char *out)
{
    size_t made = 0;
    for (size_t start = 0; start < len;) {
        size_t end = start;
        while (end < len && (unsigned char)bytes[end] != LITERAL_SPACES)
            end++;
        made += unicode_fold_text(bytes + start, end - start, out + made);
        if (end < len)
            out[made++] = (char)LITERAL_SPACES;
        start = end + 1;
    }
    return made;
}

/* 0 no, 1 yes, -1 not known. */
static int is_word(uint32_t c, bool trust_tables)
{
    uint8_t flags = unicode_flags(c);
    if ((flags & UNICODE_MIXED_WORD) || (c >= 0x80 && !trust_tables))
        return -1;
    return (flags & UNICODE_WORD) != 0;
}

/* `own` is the string's own character at that end. False: it cannot be told. */
static bool needs_of(uint8_t edges, int own, uint8_t no_word, uint8_t word, uint8_t *needs)
{
    if (edges & EDGE_NO_WORD)
        *needs |= no_word;
    if (!(edges & EDGE_BOUNDARY))
        return true;
    if (own < 0)
        return false;
    *needs |= own ? no_word : word;
    return true;
}

/* A run of white space at an end may be longer than what the pattern takes of it, so nothing is asked beside one. */
static bool all_needs(const struct literal *s, bool trust_tables, uint8_t *needs)
{
    uint32_t len;
    const unsigned char *bytes = (const unsigned char *)s->bytes;
    bool known = true;
    if (bytes[0] != LITERAL_SPACES)
        known = needs_of(s->before, is_word(utf8_decode(bytes, &len), trust_tables), NEED_NO_WORD_BEFORE,
                         NEED_WORD_BEFORE, needs);
    if (bytes[s->len - 1] != LITERAL_SPACES)
        known = needs_of(s->after, is_word(utf8_decode_before(bytes + s->len, &len), trust_tables), NEED_NO_WORD_AFTER,
                         NEED_WORD_AFTER, needs) &&
                known;
    return known;
}

static enum wd_status add_string(struct literal_index *index, const struct frequency *frequency,
                                 struct indexed_literal literal, const struct literal *s)
{
    if (reserve(index, 1, (size_t)s->len * 3 + 16) != WD_OK)
        return WD_ERR_MEMORY;
    /* The folded string goes behind the bytes in use; it is kept there only if the text is compared folded. */
    char *folded = index->bytes + index->bytes_len + (literal.as_is ? s->len : 0);
    struct literal folded_string = *s;
    folded_string.bytes = folded;
    folded_string.len = (uint32_t)fold_string(s->bytes, s->len, folded);
    struct literal_piece piece = {0};
    literal_piece(frequency, &folded_string, &piece);
    literal.bytes = (uint32_t)index->bytes_len;
    literal.gram = piece.gram;
    literal.piece = piece.start;
    literal.len = folded_string.len;
    literal.spaces = memchr(folded, LITERAL_SPACES, folded_string.len) != NULL;
    uint32_t width = piece.len < GRAM_WIDTH_MAX ? piece.len : GRAM_WIDTH_MAX;
    uint32_t gram = 0;
    for (uint32_t i = 0; i < width; i++)
        gram |= (uint32_t)(unsigned char)folded[piece.start + piece.gram + i] << 8 * i;
    if (literal.as_is) {
        /* The same part in the string as written: as many runs of white space before it. */
        uint32_t tokens = 0, at = 0;
        for (uint32_t i = 0; i < piece.start; i++)
            tokens += (unsigned char)folded[i] == LITERAL_SPACES;
        for (; tokens > 0; at++)
            tokens -= (unsigned char)s->bytes[at] == LITERAL_SPACES;
        literal.piece = at;
        literal.len = s->len;
        memcpy(index->bytes + index->bytes_len, s->bytes, s->len);
    }
    index->bytes_len += literal.len;
    index->pending[index->count] = (struct gram){.bytes = gram, .width = width, .id = (uint32_t)index->count};
    index->literals[index->count++] = literal;
    return WD_OK;
}

enum wd_status literal_index_add(struct literal_index *index, const struct frequency *frequency, uint32_t rule,
                                 const struct literal_set *clause, bool native, bool trust_tables)
{
    for (uint32_t i = 0; native && i < clause->count; i++) {
        uint8_t needs = 0;
        if (!all_needs(&clause->items[i], trust_tables, &needs))
            return WD_ERR_INVALID;
    }
    for (uint32_t i = 0; i < clause->count; i++) {
        struct indexed_literal literal = {.rule = rule, .rank = (uint16_t)i, .native = native};
        literal.as_is = native && clause->items[i].as_is;
        /* Edges read the original by the tables; without trust in them no text may be refused by one. */
        if (trust_tables)
            all_needs(&clause->items[i], trust_tables, &literal.needs);
        enum wd_status status = add_string(index, frequency, literal, &clause->items[i]);
        if (status != WD_OK)
            return status;
    }
    return WD_OK;
}

enum wd_status literal_index_finish(struct literal_index *index)
{
    enum wd_status status = gram_index_init(&index->grams, index->pending, index->count, index->wide);
    free(index->pending);
    index->pending = NULL;
    if (index->count > 0) {
        struct indexed_literal *literals = realloc(index->literals, index->count * sizeof *literals);
        char *bytes = realloc(index->bytes, index->bytes_len);
        index->literals = literals ? literals : index->literals;
        index->bytes = bytes ? bytes : index->bytes;
        index->capacity = index->count;
        index->bytes_capacity = index->bytes_len;
    }
    return status;
}

void literal_index_fini(struct literal_index *index)
{
    gram_index_fini(&index->grams);
    free(index->literals);
    free(index->bytes);
    free(index->pending);
    *index = (struct literal_index){0};
}

size_t literal_index_bytes(const struct literal_index *index)
{
    return gram_index_bytes(&index->grams) + index->capacity * sizeof *index->literals + index->bytes_capacity;
}

static size_t spaces_after(const unsigned char *base, size_t at, size_t len)
{
    while (at < len) {
        uint32_t used;
        if (!(unicode_flags(utf8_decode(base + at, &used)) & UNICODE_SPACE))
            break;
        at += used;
    }
    return at;
}

static size_t spaces_before(const unsigned char *base, size_t at)
{
    while (at > 0) {
        uint32_t used;
        if (!(unicode_flags(utf8_decode_before(base + at, &used)) & UNICODE_SPACE))
            break;
        at -= used;
    }
    return at;
}

/* string[from, len) against the text from `at` on; SIZE_MAX: no, else where it ends. */
static size_t match_forwards(const unsigned char *string, size_t from, size_t string_len, const unsigned char *base,
                             size_t at, size_t len)
{
    for (size_t i = from; i < string_len; i++) {
        if (string[i] == LITERAL_SPACES) {
            size_t next = spaces_after(base, at, len);
            if (next == at)
                return SIZE_MAX;
            at = next;
        } else if (at >= len || base[at++] != string[i]) {
            return SIZE_MAX;
        }
    }
    return at;
}

/* string[0, to) against the text that ends at `at`; SIZE_MAX: no, else where it starts. */
static size_t match_backwards(const unsigned char *string, size_t to, const unsigned char *base, size_t at)
{
    for (size_t i = to; i-- > 0;) {
        if (string[i] == LITERAL_SPACES) {
            size_t next = spaces_before(base, at);
            if (next == at)
                return SIZE_MAX;
            at = next;
        } else if (at == 0 || base[--at] != string[i]) {
            return SIZE_MAX;
        }
    }
    return at;
}

static bool edges_hold(uint8_t needs, struct wd_str original, size_t start, size_t end)
{
    if (needs & (NEED_NO_WORD_BEFORE | NEED_WORD_BEFORE)) {
        bool word = text_word_before(original, start);
        if (needs & (word ? NEED_NO_WORD_BEFORE : NEED_WORD_BEFORE))
            return false;
    }
    if (needs & (NEED_NO_WORD_AFTER | NEED_WORD_AFTER)) {
        bool word = text_word_after(original, end);
        if (needs & (word ? NEED_NO_WORD_AFTER : NEED_WORD_AFTER))
            return false;
    }
    return true;
}

bool literal_index_verify(const struct literal_index *index, const struct indexed_literal *literal,
                          const struct folded_text *text, size_t at, uint32_t *start_out, uint32_t *end_out)
{
    if (at < literal->gram)
        return false;
    const unsigned char *string = (const unsigned char *)index->bytes + literal->bytes;
    const unsigned char *base = text->bytes;
    size_t len = text->len, start = at - literal->gram, end;
    if (literal->as_is) {
        base = (const unsigned char *)text->original.data;
        len = text->original.len;
        start = folded_text_origin(text, start);
    }
    if (!literal->spaces) {
        if (literal->len > len - start || memcmp(base + start, string, literal->len) != 0)
            return false;
        end = start + literal->len;
    } else {
        end = match_forwards(string, literal->piece, literal->len, base, start, len);
        if (end == SIZE_MAX)
            return false;
        start = match_backwards(string, literal->piece, base, start);
        if (start == SIZE_MAX)
            return false;
    }
    if (!literal->as_is) {
        start = folded_text_origin(text, start);
        end = folded_text_origin(text, end);
    }
    if (literal->needs && !edges_hold(literal->needs, text->original, start, end))
        return false;
    *start_out = (uint32_t)start;
    *end_out = (uint32_t)end;
    return true;
}
