/* Building the skeleton index: which patterns have the shape, which letters become one. */
#include "filters/patterns/skeleton.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/frequency.h"
#include "filters/patterns/unicode.h"

enum {
    ELEMENTS_MAX = 64,
    ELEMENTS_MIN = 3,
    CLASS_MAX = 6,
    FAMILY_MAX = 10,
    MERGED = 3 /* so much more often than its letters alone is a skeleton found */
};

struct ascii_set {
    uint64_t bits[2];
};

struct skeleton_offer {
    uint32_t rule;
    enum skeleton_kind kind;
    double literal_cost;
    size_t count;
    struct ascii_set elements[ELEMENTS_MAX];
};

static void set_add(struct ascii_set *set, uint32_t c)
{
    set->bits[c / 64] |= (uint64_t)1 << c % 64;
}

static bool set_has(const struct ascii_set *set, uint32_t c)
{
    return set->bits[c / 64] >> (c % 64) & 1;
}

static bool set_empty(const struct ascii_set *set)
{
    return !(set->bits[0] | set->bits[1]);
}

/* The folded ASCII characters that one step of the pattern matches; empty where it is not so simple. NUL has no letter
 * of its own in a skeleton, so it makes a step not so simple. */
static struct ascii_set element_of(const struct syntax_node *node)
{
    struct ascii_set set = {{0}}, none = {{0}};
    if (node->kind == SYNTAX_REPEAT && node->min > 0)
        node = node->first;
    if (node->kind == SYNTAX_CHAR) {
        uint32_t c = unicode_fold(node->character);
        if (c > 0 && c < 128)
            set_add(&set, c);
        return set;
    }
    if (node->kind != SYNTAX_CLASS || syntax_class_size(node->set) > 2 * CLASS_MAX)
        return none;
    for (size_t r = 0; r < node->set->range_count; r++) {
        for (uint32_t c = node->set->ranges[r].first; c <= node->set->ranges[r].last; c++) {
            if (c == 0 || unicode_fold(c) >= 128)
                return none;
            set_add(&set, unicode_fold(c));
        }
    }
    return set;
}

static bool is_separator(const struct syntax_node *node)
{
    if (node->kind == SYNTAX_REPEAT)
        node = node->first;
    return node->kind == SYNTAX_CLASS && node->set->is_nonword;
}

static bool has_no_width(const struct syntax_node *node)
{
    return node->kind == SYNTAX_EMPTY || node->kind == SYNTAX_EDGE || node->kind == SYNTAX_LOOK;
}

/* Reads one stretch of elements; returns the node after it. */
static const struct syntax_node *read_stretch(const struct syntax_node *node, struct skeleton_offer *offer)
{
    offer->count = 0;
    offer->kind = SKELETON_TIGHT;
    enum skeleton_kind pending = SKELETON_TIGHT;
    for (; node && offer->count < ELEMENTS_MAX; node = node->next) {
        struct ascii_set set = element_of(node);
        if (!set_empty(&set)) {
            if (offer->count > 0 && pending == SKELETON_SPACED)
                offer->kind = SKELETON_SPACED;
            offer->elements[offer->count++] = set;
        } else if (is_separator(node)) {
            pending = SKELETON_SPACED;
        } else if (!has_no_width(node)) {
            break;
        }
    }
    return node;
}

static bool best_stretch(const struct syntax_tree *tree, struct skeleton_offer *best)
{
    const struct syntax_node *node = tree->root;
    best->count = 0;
    if (!tree->understood || node->kind != SYNTAX_SEQUENCE)
        return false;
    for (node = node->first; node;) {
        struct skeleton_offer offer;
        const struct syntax_node *after = read_stretch(node, &offer);
        if (offer.count > best->count)
            *best = offer;
        node = after == node || (after && offer.count < ELEMENTS_MAX) ? after->next : after;
    }
    return best->count >= ELEMENTS_MIN;
}

static unsigned char find(const struct skeleton_index *index, unsigned char c)
{
    while (index->parent[c] != c)
        c = index->parent[c];
    return c;
}

static size_t family_size(const struct skeleton_index *index, unsigned char root)
{
    size_t size = 0;
    for (unsigned c = 0; c < 128; c++)
        size += find(index, (unsigned char)c) == root;
    return size;
}

/* Makes the members of every element one; false, and nothing done, where a family would get too large to tell
 * anything. */
static bool unite(struct skeleton_index *index, const struct skeleton_offer *offer)
{
    unsigned char before[128];
    memcpy(before, index->parent, sizeof before);
    for (size_t i = 0; i < offer->count; i++) {
        int first = -1;
        for (unsigned c = 0; c < 128; c++) {
            if (!set_has(&offer->elements[i], c))
                continue;
            unsigned char root = find(index, (unsigned char)c);
            if (first < 0)
                first = root;
            else
                index->parent[root] = find(index, (unsigned char)first);
        }
        if (family_size(index, find(index, (unsigned char)first)) > FAMILY_MAX) {
            memcpy(index->parent, before, sizeof before);
            return false;
        }
    }
    return true;
}

enum wd_status skeleton_offer(struct skeleton_index *index, const struct syntax_tree *tree, uint32_t rule,
                              double literal_cost, bool *taken_out)
{
    struct skeleton_offer offer;
    *taken_out = false;
    if (index->offer_count == 0)
        for (unsigned c = 0; c < 128; c++)
            index->parent[c] = (unsigned char)c;
    if (!best_stretch(tree, &offer) || !unite(index, &offer))
        return WD_OK;
    if (index->offer_count == index->offer_capacity) {
        size_t capacity = index->offer_capacity * 2 + 16;
        struct skeleton_offer *grown = realloc(index->offers, capacity * sizeof *grown);
        if (!grown)
            return WD_ERR_MEMORY;
        index->offers = grown;
        index->offer_capacity = capacity;
    }
    offer.rule = rule;
    offer.literal_cost = literal_cost;
    index->offers[index->offer_count++] = offer;
    *taken_out = true;
    return WD_OK;
}

/* A family is written as its most common letter, so that the frequency table has something to go by. */
static void name_families(struct skeleton_index *index)
{
    unsigned char name[128] = {0};
    for (unsigned c = 1; c < 128; c++) {
        unsigned char root = find(index, (unsigned char)c);
        unsigned known = frequency_first[frequency_symbol_of[name[root]]];
        if (!name[root] || frequency_first[frequency_symbol_of[c]] < known)
            name[root] = (unsigned char)c;
    }
    for (unsigned c = 0; c < 128; c++) {
        unsigned char letter = c ? name[find(index, (unsigned char)c)] : 1;
        bool nonword = !(unicode_flags(c) & UNICODE_WORD) || c == '_';
        index->letter[SKELETON_TIGHT][c] = letter;
        index->letter[SKELETON_SPACED][c] = nonword && !index->doubtful[c] ? 0 : letter;
    }
    for (unsigned c = 0; c < 128; c++)
        for (size_t k = 0; k < SKELETON_KINDS; k++)
            index->entries[k][c] = index->letter[k][c] | (index->doubtful[c] ? SKELETON_OTHER : 0);
    memset(index->letter[SKELETON_TIGHT] + 128, SKELETON_OTHER, 128);
    memset(index->letter[SKELETON_SPACED] + 128, 0, 128);
}

static void find_doubtful(struct skeleton_index *index)
{
    for (size_t i = 0; i < index->offer_count; i++)
        for (size_t k = 0; index->offers[i].kind == SKELETON_SPACED && k < index->offers[i].count; k++)
            for (unsigned c = 0; c < 128; c++)
                if (set_has(&index->offers[i].elements[k], c) && (!(unicode_flags(c) & UNICODE_WORD) || c == '_'))
                    index->doubtful[c] = true;
}

static size_t skeleton_of(const struct skeleton_index *index, const struct skeleton_offer *offer, unsigned char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < offer->count; i++) {
        const uint64_t *bits = offer->elements[i].bits;
        unsigned c = bits[0] ? (unsigned)__builtin_ctzll(bits[0]) : 64 + (unsigned)__builtin_ctzll(bits[1]);
        unsigned char letter = index->letter[SKELETON_TIGHT][c];
        if (len == 0 || out[len - 1] != letter)
            out[len++] = letter;
    }
    return len;
}

static void accept(struct skeleton_index *index, const struct skeleton_offer *offer, const unsigned char *skeleton,
                   size_t len, size_t gram_at)
{
    struct skeleton_literal literal = {
        .rule = offer->rule, .bytes = (uint32_t)index->bytes_len, .len = (uint16_t)len, .gram = (uint16_t)gram_at};
    uint32_t width = len < GRAM_WIDTH_MAX ? (uint32_t)len : GRAM_WIDTH_MAX, gram = 0;
    for (uint32_t i = 0; i < width; i++)
        gram |= (uint32_t)skeleton[gram_at + i] << 8 * i;
    memcpy(index->bytes + index->bytes_len, skeleton, len);
    index->bytes_len += len;
    index->pending[offer->kind][index->count[offer->kind]++] =
        (struct gram){.bytes = gram, .width = width, .id = (uint32_t)index->literal_count};
    index->literals[index->literal_count++] = literal;
}

static enum wd_status reserve(struct skeleton_index *index)
{
    size_t count = index->offer_count;
    index->literals = malloc(count * sizeof *index->literals);
    index->bytes = malloc(count * ELEMENTS_MAX);
    for (size_t k = 0; k < SKELETON_KINDS; k++)
        index->pending[k] = malloc(count * sizeof *index->pending[k]);
    return index->literals && index->bytes && index->pending[0] && index->pending[1] ? WD_OK : WD_ERR_MEMORY;
}

enum wd_status skeleton_finish(struct skeleton_index *index, skeleton_refused *refused, void *context)
{
    if (index->offer_count == 0)
        return WD_OK;
    if (reserve(index) != WD_OK)
        return WD_ERR_MEMORY;
    find_doubtful(index);
    name_families(index);
    enum wd_status status = WD_OK;
    for (size_t i = 0; i < index->offer_count && status == WD_OK; i++) {
        const struct skeleton_offer *offer = &index->offers[i];
        unsigned char skeleton[ELEMENTS_MAX];
        size_t len = skeleton_of(index, offer, skeleton), gram = 0;
        double cost = len >= ELEMENTS_MIN ? frequency_of_rarest(NULL, (const char *)skeleton, len, &gram) * MERGED : 0;
        if (len < ELEMENTS_MIN || cost > offer->literal_cost)
            refused(context, offer->rule);
        else
            accept(index, offer, skeleton, len, gram);
    }
    for (size_t k = 0; k < SKELETON_KINDS; k++) {
        if (status == WD_OK)
            status = gram_index_init(&index->grams[k], index->pending[k], index->count[k], index->wide);
        free(index->pending[k]);
        index->pending[k] = NULL;
    }
    free(index->offers);
    index->offers = NULL;
    return status;
}

void skeleton_fini(struct skeleton_index *index)
{
    for (size_t k = 0; k < SKELETON_KINDS; k++) {
        gram_index_fini(&index->grams[k]);
        free(index->pending[k]);
    }
    free(index->literals);
    free(index->bytes);
    free(index->offers);
    *index = (struct skeleton_index){0};
}

size_t skeleton_bytes(const struct skeleton_index *index)
{
    return gram_index_bytes(&index->grams[0]) + gram_index_bytes(&index->grams[1]) + index->bytes_len +
           index->literal_count * sizeof *index->literals;
}
