/* See literal_sets.h. A condition between two strings that are joined is judged when they are: it holds, it never can
 * (then the string cannot occur), or it depends on the text (then the product is no longer faithful). */
#include "filters/patterns/literal_sets.h"

#include <string.h>

#include "filters/patterns/unicode.h"

void *literal_arena_take(struct literal_finder *finder, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > sizeof finder->arena - finder->used) {
        finder->full = true;
        return NULL;
    }
    void *block = finder->arena + finder->used;
    finder->used += bytes;
    return block;
}

struct literal_set literal_set_new(struct literal_finder *finder, size_t capacity)
{
    struct literal_set set = {.items = literal_arena_take(finder, capacity * sizeof *set.items)};
    return set;
}

struct literal_set literal_set_of_empty(struct literal_finder *finder, uint8_t before, uint8_t after)
{
    struct literal_set set = literal_set_new(finder, 1);
    if (set.items) {
        set.items[0] = (struct literal){.bytes = "", .before = before, .after = after};
        set.count = 1;
    }
    return set;
}

bool literal_set_has_empty(const struct literal_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (set->items[i].len == 0)
            return true;
    return set->count == 0;
}

/* ---- conditions inside a string ---- */

enum neighbour { NEIGHBOUR_WORD, NEIGHBOUR_OTHER, NEIGHBOUR_UNKNOWN };

static enum neighbour kind_of(const struct literal_finder *finder, uint32_t c)
{
    uint8_t flags = unicode_flags(c);
    if ((flags & UNICODE_MIXED_WORD) || (c >= 0x80 && !finder->trust_tables))
        return NEIGHBOUR_UNKNOWN;
    return flags & UNICODE_WORD ? NEIGHBOUR_WORD : NEIGHBOUR_OTHER;
}

static enum neighbour first_kind(const struct literal_finder *finder, const struct literal *s)
{
    uint32_t len;
    if ((unsigned char)s->bytes[0] == LITERAL_SPACES)
        return NEIGHBOUR_OTHER;
    return kind_of(finder, utf8_decode((const unsigned char *)s->bytes, &len));
}

static enum neighbour last_kind(const struct literal_finder *finder, const struct literal *s)
{
    uint32_t len;
    if ((unsigned char)s->bytes[s->len - 1] == LITERAL_SPACES)
        return NEIGHBOUR_OTHER;
    return kind_of(finder, utf8_decode_before((const unsigned char *)s->bytes + s->len, &len));
}

enum verdict { ALWAYS, NEVER, DEPENDS };

/* Whether edges asked for between two neighbours hold. */
static enum verdict judge_edges(uint8_t left_after, uint8_t right_before, enum neighbour left, enum neighbour right)
{
    uint8_t edges = left_after | right_before;
    if (!edges)
        return ALWAYS;
    if (left == NEIGHBOUR_UNKNOWN || right == NEIGHBOUR_UNKNOWN)
        return DEPENDS;
    if ((edges & EDGE_BOUNDARY) && (left == NEIGHBOUR_WORD) == (right == NEIGHBOUR_WORD))
        return NEVER;
    /* `after` of the left forbids a word character on its right, and the other way round. */
    if ((left_after & EDGE_NO_WORD) && right == NEIGHBOUR_WORD)
        return NEVER;
    if ((right_before & EDGE_NO_WORD) && left == NEIGHBOUR_WORD)
        return NEVER;
    return ALWAYS;
}

static bool is_space_at_end(const struct literal *a)
{
    uint32_t len;
    if ((unsigned char)a->bytes[a->len - 1] == LITERAL_SPACES)
        return true;
    return unicode_flags(utf8_decode_before((const unsigned char *)a->bytes + a->len, &len)) & UNICODE_SPACE;
}

static bool is_space_at_start(const struct literal *b)
{
    uint32_t len;
    if ((unsigned char)b->bytes[0] == LITERAL_SPACES)
        return true;
    return unicode_flags(utf8_decode((const unsigned char *)b->bytes, &len)) & UNICODE_SPACE;
}

/* A run of white space must have something else on both sides, so that where it begins and ends is never in doubt. */
static bool runs_into_spaces(const struct literal *a, const struct literal *b)
{
    bool token = (unsigned char)a->bytes[a->len - 1] == LITERAL_SPACES || (unsigned char)b->bytes[0] == LITERAL_SPACES;
    return token && is_space_at_end(a) && is_space_at_start(b);
}

/* ---- products of sets ---- */

static bool join(struct literal_finder *finder, const struct literal *a, const struct literal *b, struct literal *out)
{
    *out = (struct literal){.len = a->len + b->len, .folded = a->folded || b->folded, .as_is = a->as_is || b->as_is};
    out->before = a->len ? a->before : a->before | b->before;
    out->after = b->len ? b->after : a->after | b->after;
    if (a->len == 0 || b->len == 0) {
        out->bytes = a->len ? a->bytes : b->bytes;
        return true;
    }
    char *bytes = literal_arena_take(finder, out->len);
    if (!bytes)
        return false;
    memcpy(bytes, a->bytes, a->len);
    memcpy(bytes + a->len, b->bytes, b->len);
    out->bytes = bytes;
    return true;
}

/* A look-around of nothing beside a character decides at once. */
static enum verdict judge_no_word(bool asked, enum neighbour kind)
{
    if (!asked || kind == NEIGHBOUR_OTHER)
        return ALWAYS;
    return kind == NEIGHBOUR_WORD ? NEVER : DEPENDS;
}

static enum verdict judge_join(const struct literal_finder *finder, const struct literal *a, const struct literal *b)
{
    if (a->len && b->len)
        return judge_edges(a->after, b->before, last_kind(finder, a), first_kind(finder, b));
    if (b->len)
        return judge_no_word(a->after & EDGE_NO_WORD, first_kind(finder, b));
    if (a->len)
        return judge_no_word(b->before & EDGE_NO_WORD, last_kind(finder, a));
    return ALWAYS;
}

struct literal_product literal_sets_multiply(struct literal_finder *finder, const struct literal_set *a,
                                             const struct literal_set *b)
{
    struct literal_product product = {.faithful = true};
    size_t size = (size_t)a->count * b->count;
    if (size > SET_MAX || (size > LITERALS_MAX && a->count > 1 && b->count > 1) || finder->full)
        return product;
    product.set = literal_set_new(finder, size + 1);
    if (!product.set.items)
        return product;
    for (uint32_t i = 0; i < size; i++) {
        const struct literal *left = &a->items[i / b->count], *right = &b->items[i % b->count];
        if (left->len + right->len > LITERAL_BYTES_MAX || (left->len && right->len && runs_into_spaces(left, right)))
            return product;
        enum verdict verdict = judge_join(finder, left, right);
        if (verdict == NEVER)
            continue;
        if (verdict == DEPENDS)
            product.faithful = false;
        if (!join(finder, left, right, &product.set.items[product.set.count]))
            return product;
        product.set.count++;
    }
    product.possible = product.set.count > 0;
    return product;
}

/* ---- what a clause is worth ---- */

double literal_piece(const struct frequency *frequency, const struct literal *s, struct literal_piece *best_out)
{
    double best = LITERAL_COST_UNKNOWN;
    for (uint32_t start = 0; start < s->len;) {
        uint32_t end = start;
        while (end < s->len && (unsigned char)s->bytes[end] != LITERAL_SPACES)
            end++;
        if (end > start) {
            size_t gram;
            double cost = frequency_of_rarest(frequency, s->bytes + start, end - start, &gram);
            cost *= (start == 0 && s->before) || start > 0 ? 0.5 : 1;
            cost *= (end == s->len && s->after) || end < s->len ? 0.5 : 1;
            if (cost < best) {
                best = cost;
                *best_out = (struct literal_piece){.start = start, .len = end - start, .gram = (uint32_t)gram};
            }
        }
        start = end + 1;
    }
    return best;
}

double literal_set_cost(struct literal_finder *finder, const struct literal_set *set)
{
    double total = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        struct literal_piece piece;
        double cost =
            set->items[i].len ? literal_piece(finder->frequency, &set->items[i], &piece) : LITERAL_COST_UNKNOWN;
        if (cost >= LITERAL_COST_UNKNOWN)
            return LITERAL_COST_UNKNOWN;
        total += cost;
    }
    return set->count ? total : LITERAL_COST_UNKNOWN;
}
