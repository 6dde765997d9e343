/* See literals.h. Bottom up: a node is either a small ordered set of strings (`exact`), or it has sets that all its
 * matches begin and end with, and the best clause found inside. */
#include "filters/patterns/literals.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/unicode.h"

enum {
    ARENA_BYTES = 4 * 1024 * 1024,
    LITERAL_BYTES_MAX = 32 * 1024,
    SET_MAX = 4096,  /* strings in a set of alternatives; products of two sets make at most LITERALS_MAX */
    REPEATS_MAX = 64 /* times that a repetition is written out */
};

struct literal_finder {
    const struct frequency *frequency;
    bool trust_tables;
    bool full; /* the arena overflowed: nothing found may be used */
    size_t used;
    _Alignas(16) char arena[ARENA_BYTES];
};

struct facts {
    bool exact;    /* `strings` are all that the node matches */
    bool faithful; /* and in the order in which PCRE2 would prefer them, with no condition left out */
    struct literal_set strings;
    struct literal_set prefix, suffix; /* where not exact */
    struct literal_set clause;
    double cost;
};

static const double nothing_known = 1e9;

struct literal_finder *literal_finder_new(const struct frequency *frequency, bool trust_tables)
{
    struct literal_finder *finder = malloc(sizeof *finder);
    if (finder) {
        finder->frequency = frequency;
        finder->trust_tables = trust_tables;
    }
    return finder;
}

void literal_finder_free(struct literal_finder *finder)
{
    free(finder);
}

static void *arena_take(struct literal_finder *finder, size_t bytes)
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

static struct literal_set set_new(struct literal_finder *finder, size_t capacity)
{
    struct literal_set set = {.items = arena_take(finder, capacity * sizeof *set.items)};
    return set;
}

static struct literal_set set_of_empty(struct literal_finder *finder, uint8_t before, uint8_t after)
{
    struct literal_set set = set_new(finder, 1);
    if (set.items) {
        set.items[0] = (struct literal){.bytes = "", .before = before, .after = after};
        set.count = 1;
    }
    return set;
}

static bool has_empty(const struct literal_set *set)
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

struct product {
    struct literal_set set;
    bool possible; /* false: too large, or undecidable white space */
    bool faithful;
};

static bool join(struct literal_finder *finder, const struct literal *a, const struct literal *b, struct literal *out)
{
    *out = (struct literal){.len = a->len + b->len, .folded = a->folded || b->folded, .as_is = a->as_is || b->as_is};
    out->before = a->len ? a->before : a->before | b->before;
    out->after = b->len ? b->after : a->after | b->after;
    if (a->len == 0 || b->len == 0) {
        out->bytes = a->len ? a->bytes : b->bytes;
        return true;
    }
    char *bytes = arena_take(finder, out->len);
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

static struct product multiply(struct literal_finder *finder, const struct literal_set *a, const struct literal_set *b)
{
    struct product product = {.faithful = true};
    size_t size = (size_t)a->count * b->count;
    if (size > SET_MAX || (size > LITERALS_MAX && a->count > 1 && b->count > 1) || finder->full)
        return product;
    product.set = set_new(finder, size + 1);
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
    double best = nothing_known;
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

static double cost_of(struct literal_finder *finder, const struct literal_set *set)
{
    double total = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        struct literal_piece piece;
        double cost = set->items[i].len ? literal_piece(finder->frequency, &set->items[i], &piece) : nothing_known;
        if (cost >= nothing_known)
            return nothing_known;
        total += cost;
    }
    return set->count ? total : nothing_known;
}

static void consider(struct facts *facts, const struct literal_set *clause, double cost)
{
    if (cost < facts->cost && clause->count > 0) {
        facts->clause = *clause;
        facts->cost = cost;
    }
}

static void consider_set(struct literal_finder *finder, struct facts *facts, const struct literal_set *set)
{
    consider(facts, set, cost_of(finder, set));
}

/* ---- nodes ---- */

static struct facts analyse(struct literal_finder *finder, const struct syntax_node *node);

static struct facts facts_of_edges(struct literal_finder *finder, uint8_t before, uint8_t after, bool faithful)
{
    struct facts facts = {.exact = true, .faithful = faithful, .cost = nothing_known};
    facts.strings = set_of_empty(finder, before, after);
    return facts;
}

static struct facts facts_of_anything(struct literal_finder *finder)
{
    struct facts facts = {.cost = nothing_known};
    facts.prefix = facts.suffix = set_of_empty(finder, 0, 0);
    return facts;
}

static void add_character(struct literal_finder *finder, struct literal_set *set, uint32_t c, bool caseless)
{
    bool cased = unicode_flags(c) & UNICODE_CASED;
    unsigned char bytes[4];
    uint32_t len = utf8_encode(caseless ? unicode_fold(c) : c, bytes);
    for (uint32_t i = 0; i < set->count; i++)
        if (set->items[i].len == len && memcmp(set->items[i].bytes, bytes, len) == 0)
            return;
    char *kept = arena_take(finder, 4);
    if (!kept)
        return;
    memcpy(kept, bytes, len);
    set->items[set->count++] =
        (struct literal){.bytes = kept, .len = len, .folded = cased && caseless, .as_is = cased && !caseless};
}

static bool is_known(const struct literal_finder *finder, uint32_t c)
{
    return c < 0x80 || finder->trust_tables;
}

static struct facts analyse_character(struct literal_finder *finder, const struct syntax_node *node)
{
    if (!is_known(finder, node->character))
        return facts_of_anything(finder);
    struct facts facts = {.exact = true, .faithful = true, .cost = nothing_known, .strings = set_new(finder, 1)};
    if (facts.strings.items)
        add_character(finder, &facts.strings, node->character, node->caseless);
    return facts;
}

enum { SMALL_CLASS = 8 };

static struct facts analyse_class(struct literal_finder *finder, const struct syntax_node *node)
{
    const struct syntax_class *set = node->set;
    size_t size = syntax_class_size(set);
    if (size == 0 || size > SMALL_CLASS * 2)
        return facts_of_anything(finder);
    struct facts facts = {.exact = true, .faithful = true, .cost = nothing_known, .strings = set_new(finder, size)};
    if (!facts.strings.items)
        return facts;
    for (size_t r = 0; r < set->range_count; r++) {
        for (uint32_t c = set->ranges[r].first; c <= set->ranges[r].last; c++) {
            if (!is_known(finder, c))
                return facts_of_anything(finder);
            add_character(finder, &facts.strings, c, node->caseless);
        }
    }
    return facts.strings.count <= SMALL_CLASS ? facts : facts_of_anything(finder);
}

/* Ends the running set: what came before it is no longer beside what follows. */
static void break_run(struct literal_finder *finder, struct facts *facts, const struct literal_set *run)
{
    consider_set(finder, facts, run);
    if (facts->exact) {
        facts->prefix = *run;
        facts->exact = false;
    }
}

static struct facts analyse_sequence(struct literal_finder *finder, const struct syntax_node *node)
{
    struct facts facts = {.exact = true, .faithful = true, .cost = nothing_known};
    struct literal_set run = set_of_empty(finder, 0, 0);
    for (const struct syntax_node *child = node->first; child && !finder->full; child = child->next) {
        struct facts part = analyse(finder, child);
        if (finder->full)
            break;
        consider(&facts, &part.clause, part.cost);
        struct product product = multiply(finder, &run, part.exact ? &part.strings : &part.prefix);
        facts.faithful = facts.faithful && part.faithful && product.faithful;
        if (product.possible) {
            run = product.set;
            if (part.exact)
                continue;
        }
        break_run(finder, &facts, &run);
        if (!part.exact && !product.possible)
            consider_set(finder, &facts, &part.prefix);
        run = part.exact ? part.strings : part.suffix;
    }
    if (facts.exact) {
        facts.strings = run;
    } else {
        consider_set(finder, &facts, &run);
        facts.suffix = run;
    }
    return facts;
}

static bool append_set(struct literal_set *to, const struct literal_set *from, size_t capacity)
{
    if (to->count + from->count > capacity)
        return false;
    if (from->count) /* an empty set may have no items at all */
        if (from->count > 0)
            memcpy(to->items + to->count, from->items, from->count * sizeof *from->items);
    to->count += from->count;
    return true;
}

struct branches {
    struct facts *items;
    size_t count;
    bool exact, faithful;
};

static struct branches analyse_branches(struct literal_finder *finder, const struct syntax_node *node)
{
    struct branches branches = {.exact = true, .faithful = true};
    size_t count = 0;
    for (const struct syntax_node *child = node->first; child; child = child->next)
        count++;
    branches.items = arena_take(finder, count * sizeof *branches.items);
    for (const struct syntax_node *child = node->first; child && !finder->full; child = child->next) {
        struct facts part = analyse(finder, child);
        if (part.exact)
            consider_set(finder, &part, &part.strings);
        branches.exact = branches.exact && part.exact;
        branches.faithful = branches.faithful && part.faithful;
        branches.items[branches.count++] = part;
    }
    return branches;
}

static const struct literal_set *end_of(const struct facts *facts, bool suffix)
{
    return facts->exact ? &facts->strings : suffix ? &facts->suffix : &facts->prefix;
}

/* What the branches begin (or end) with, put together; the empty string where that is too much. */
static struct literal_set union_of(struct literal_finder *finder, const struct branches *branches, bool suffix)
{
    size_t total = 0;
    for (size_t i = 0; i < branches->count; i++)
        total += end_of(&branches->items[i], suffix)->count;
    if (total > SET_MAX)
        return set_of_empty(finder, 0, 0);
    struct literal_set all = set_new(finder, total);
    for (size_t i = 0; all.items && i < branches->count; i++)
        append_set(&all, end_of(&branches->items[i], suffix), total);
    return all;
}

/* One string of each branch's clause must be there, if every branch has one. */
static void consider_branches(struct literal_finder *finder, struct facts *facts, const struct branches *branches)
{
    size_t total = 0;
    double cost = 0;
    for (size_t i = 0; i < branches->count; i++) {
        total += branches->items[i].clause.count;
        cost += branches->items[i].cost;
    }
    if (cost >= nothing_known || total > SET_MAX)
        return;
    struct literal_set clause = set_new(finder, total);
    for (size_t i = 0; clause.items && i < branches->count; i++)
        append_set(&clause, &branches->items[i].clause, total);
    consider(facts, &clause, cost);
}

static struct facts analyse_either(struct literal_finder *finder, const struct syntax_node *node)
{
    struct branches branches = analyse_branches(finder, node);
    struct facts facts = {.exact = branches.exact, .faithful = branches.faithful, .cost = nothing_known};
    if (finder->full)
        return facts;
    consider_branches(finder, &facts, &branches);
    facts.prefix = union_of(finder, &branches, false);
    facts.strings = facts.prefix;
    /* More strings than a set may have: the union is then the empty string, which is right only as a prefix. */
    size_t total = 0;
    for (size_t i = 0; i < branches.count; i++)
        total += branches.items[i].exact ? branches.items[i].strings.count : 1;
    facts.exact = facts.exact && total <= SET_MAX;
    facts.suffix = union_of(finder, &branches, true);
    return facts;
}

/* Strings of the set up to `times` times one after the other, the longer first unless lazy. */
static struct product optional_repeats(struct literal_finder *finder, const struct literal_set *set, uint32_t times,
                                       bool lazy)
{
    struct product product = {.set = set_of_empty(finder, 0, 0), .possible = true, .faithful = true};
    for (uint32_t i = 0; i < times && product.possible; i++) {
        struct product longer = multiply(finder, set, &product.set);
        struct literal_set empty = set_of_empty(finder, 0, 0);
        product.faithful = product.faithful && longer.faithful;
        product.possible = longer.possible && !finder->full;
        if (!product.possible)
            break;
        struct literal_set both = set_new(finder, longer.set.count + 1);
        if (!both.items)
            return (struct product){0};
        append_set(&both, lazy ? &empty : &longer.set, longer.set.count + 1);
        append_set(&both, lazy ? &longer.set : &empty, longer.set.count + 1);
        product.set = both;
    }
    return product;
}

/* The set `times` times, or as often as it can be done; *times is set to that. */
static struct product power(struct literal_finder *finder, const struct literal_set *set, uint32_t *times)
{
    struct product product = {.set = *set, .possible = true, .faithful = true};
    for (uint32_t i = 1; i < *times; i++) {
        struct product next = i < REPEATS_MAX ? multiply(finder, &product.set, set) : (struct product){0};
        if (!next.possible) {
            *times = i;
            break;
        }
        next.faithful = next.faithful && product.faithful;
        product = next;
    }
    return product;
}

static struct facts repeat_finite(struct literal_finder *finder, const struct syntax_node *node,
                                  const struct facts *part, bool *done)
{
    struct facts facts = {.exact = true, .cost = nothing_known};
    uint32_t times = node->min;
    struct product fixed = {.set = set_of_empty(finder, 0, 0), .possible = true, .faithful = true};
    if (node->min > 0)
        fixed = power(finder, &part->strings, &times);
    struct product rest = optional_repeats(finder, &part->strings, node->max - node->min, node->lazy);
    *done = times == node->min && rest.possible && !finder->full;
    if (!*done)
        return facts;
    struct product all = multiply(finder, &fixed.set, &rest.set);
    *done = all.possible;
    facts.strings = all.set;
    facts.faithful = part->faithful && fixed.faithful && rest.faithful && all.faithful &&
                     !(node->possessive && (all.set.count > 1 || node->max != node->min));
    return facts;
}

static struct facts spaces_token(struct literal_finder *finder)
{
    static const char token[] = {(char)LITERAL_SPACES, 0};
    struct facts facts = {.exact = true, .faithful = true, .cost = nothing_known, .strings = set_new(finder, 1)};
    if (facts.strings.items) {
        facts.strings.items[0] = (struct literal){.bytes = token, .len = 1};
        facts.strings.count = 1;
    }
    return facts;
}

static struct facts analyse_repeat(struct literal_finder *finder, const struct syntax_node *node)
{
    const struct syntax_node *child = node->first;
    if (child->kind == SYNTAX_CLASS && child->set->is_space && node->min == 1 && node->max == SYNTAX_UNLIMITED &&
        finder->trust_tables)
        return spaces_token(finder);
    struct facts part = analyse(finder, child);
    bool plain = !finder->full && part.exact && !has_empty(&part.strings);
    if (node->max == 0 || finder->full)
        return facts_of_edges(finder, 0, 0, true);
    if (plain && node->max != SYNTAX_UNLIMITED && node->max - node->min <= REPEATS_MAX) {
        bool done;
        struct facts facts = repeat_finite(finder, node, &part, &done);
        if (done || finder->full)
            return facts;
    }
    struct facts facts = facts_of_anything(finder);
    if (node->min == 0)
        return facts;
    consider(&facts, &part.clause, part.cost);
    if (plain) {
        uint32_t times = node->min;
        facts.prefix = facts.suffix = power(finder, &part.strings, &times).set;
        consider_set(finder, &facts, &facts.prefix);
    } else if (!part.exact) {
        facts.prefix = part.prefix;
        facts.suffix = part.suffix;
    }
    return facts;
}

static struct facts analyse_look(struct literal_finder *finder, const struct syntax_node *node)
{
    const struct syntax_node *body = node->first;
    if (body->kind == SYNTAX_SEQUENCE && body->first && !body->first->next)
        body = body->first;
    if (node->negative) {
        bool no_word = body->kind == SYNTAX_CLASS && body->set->is_word;
        return facts_of_edges(finder, no_word && node->behind ? EDGE_NO_WORD : 0,
                              no_word && !node->behind ? EDGE_NO_WORD : 0, no_word);
    }
    struct facts part = analyse(finder, node->first);
    struct facts facts = facts_of_edges(finder, 0, 0, false);
    if (finder->full)
        return facts;
    consider(&facts, &part.clause, part.cost);
    if (part.exact)
        consider_set(finder, &facts, &part.strings);
    return facts;
}

static struct facts analyse(struct literal_finder *finder, const struct syntax_node *node)
{
    switch (node->kind) {
    case SYNTAX_EMPTY:
        return facts_of_edges(finder, 0, 0, false);
    case SYNTAX_EDGE:
        return facts_of_edges(finder, EDGE_BOUNDARY, EDGE_BOUNDARY, true);
    case SYNTAX_CHAR:
        return analyse_character(finder, node);
    case SYNTAX_CLASS:
        return analyse_class(finder, node);
    case SYNTAX_SEQUENCE:
        return analyse_sequence(finder, node);
    case SYNTAX_EITHER:
        return analyse_either(finder, node);
    case SYNTAX_REPEAT:
        return analyse_repeat(finder, node);
    case SYNTAX_LOOK:
        return analyse_look(finder, node);
    case SYNTAX_GROUP: {
        struct facts facts = analyse(finder, node->first);
        if (node->possessive && (!facts.exact || facts.strings.count != 1))
            facts.faithful = false;
        return facts;
    }
    case SYNTAX_ANY:
    case SYNTAX_BACK:
    case SYNTAX_OPAQUE:
        break;
    }
    return facts_of_anything(finder);
}

/* ---- results ---- */

static bool can_be_native(const struct literal_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct literal *s = &set->items[i];
        if (s->len == 0 || (s->folded && s->as_is) || (unsigned char)s->bytes[0] == LITERAL_SPACES ||
            (unsigned char)s->bytes[s->len - 1] == LITERAL_SPACES)
            return false;
    }
    return set->count > 0;
}

struct literal_result literals_find(struct literal_finder *finder, const struct syntax_tree *tree)
{
    finder->full = false;
    finder->used = 0;
    struct literal_result result = {.cost = nothing_known};
    if (!tree->understood)
        return result;
    struct facts facts = analyse(finder, tree->root);
    if (finder->full)
        return result;
    if (facts.exact)
        consider_set(finder, &facts, &facts.strings);
    if (facts.cost < nothing_known) {
        result.clause = facts.clause;
        result.cost = facts.cost;
    }
    if (facts.exact && facts.faithful && finder->trust_tables && !tree->moves_start && can_be_native(&facts.strings)) {
        result.clause = facts.strings;
        result.cost = cost_of(finder, &facts.strings);
        result.native = true;
    }
    return result;
}

struct literal_result literals_of_text(struct literal_finder *finder, struct wd_str text, bool word, bool caseless)
{
    finder->full = false;
    finder->used = 0;
    struct literal_result result = {.cost = nothing_known};
    char *bytes = arena_take(finder, text.len * 3 / 2 + 4);
    struct literal_set set = set_new(finder, 1);
    if (!bytes || !set.items)
        return result;
    const unsigned char *at = (const unsigned char *)text.data, *end = at + text.len;
    struct literal *s = &set.items[0];
    *s = (struct literal){.bytes = bytes, .before = word ? EDGE_NO_WORD : 0, .after = word ? EDGE_NO_WORD : 0};
    while (at < end) {
        uint32_t used, c = utf8_decode(at, &used);
        at += used;
        if (word && (unicode_flags(c) & UNICODE_SPACE)) {
            if ((unsigned char)bytes[s->len - 1] != LITERAL_SPACES)
                bytes[s->len++] = (char)LITERAL_SPACES;
            continue;
        }
        if (unicode_flags(c) & UNICODE_CASED)
            *(caseless ? &s->folded : &s->as_is) = true;
        s->len += utf8_encode(caseless ? unicode_fold(c) : c, (unsigned char *)bytes + s->len);
    }
    set.count = 1;
    result = (struct literal_result){.clause = set, .cost = cost_of(finder, &set), .native = finder->trust_tables};
    return result;
}
