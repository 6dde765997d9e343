/* See literals.h. Bottom up: a node is either a small ordered set of strings (`exact`), or it has sets that all its
 * matches begin and end with, and the best clause found inside. */
#include "filters/patterns/literal_sets.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/unicode.h"

struct facts {
    bool exact;    /* `strings` are all that the node matches */
    bool faithful; /* and in the order in which PCRE2 would prefer them, with no condition left out */
    struct literal_set strings;
    struct literal_set prefix, suffix; /* where not exact */
    struct literal_set clause;
    double cost;
};

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

static void consider(struct facts *facts, const struct literal_set *clause, double cost)
{
    if (cost < facts->cost && clause->count > 0) {
        facts->clause = *clause;
        facts->cost = cost;
    }
}

static void consider_set(struct literal_finder *finder, struct facts *facts, const struct literal_set *set)
{
    consider(facts, set, literal_set_cost(finder, set));
}

/* ---- nodes ---- */

static struct facts analyse(struct literal_finder *finder, const struct syntax_node *node);

static struct facts facts_of_edges(struct literal_finder *finder, uint8_t before, uint8_t after, bool faithful)
{
    struct facts facts = {.exact = true, .faithful = faithful, .cost = LITERAL_COST_UNKNOWN};
    facts.strings = literal_set_of_empty(finder, before, after);
    return facts;
}

static struct facts facts_of_anything(struct literal_finder *finder)
{
    struct facts facts = {.cost = LITERAL_COST_UNKNOWN};
    facts.prefix = facts.suffix = literal_set_of_empty(finder, 0, 0);
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
    char *kept = literal_arena_take(finder, 4);
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
    struct facts facts = {
        .exact = true, .faithful = true, .cost = LITERAL_COST_UNKNOWN, .strings = literal_set_new(finder, 1)};
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
    struct facts facts = {
        .exact = true, .faithful = true, .cost = LITERAL_COST_UNKNOWN, .strings = literal_set_new(finder, size)};
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
    struct facts facts = {.exact = true, .faithful = true, .cost = LITERAL_COST_UNKNOWN};
    struct literal_set run = literal_set_of_empty(finder, 0, 0);
    for (const struct syntax_node *child = node->first; child && !finder->full; child = child->next) {
        struct facts part = analyse(finder, child);
        if (finder->full)
            break;
        consider(&facts, &part.clause, part.cost);
        struct literal_product product = literal_sets_multiply(finder, &run, part.exact ? &part.strings : &part.prefix);
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
    branches.items = literal_arena_take(finder, count * sizeof *branches.items);
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
        return literal_set_of_empty(finder, 0, 0);
    struct literal_set all = literal_set_new(finder, total);
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
    if (cost >= LITERAL_COST_UNKNOWN || total > SET_MAX)
        return;
    struct literal_set clause = literal_set_new(finder, total);
    for (size_t i = 0; clause.items && i < branches->count; i++)
        append_set(&clause, &branches->items[i].clause, total);
    consider(facts, &clause, cost);
}

static struct facts analyse_either(struct literal_finder *finder, const struct syntax_node *node)
{
    struct branches branches = analyse_branches(finder, node);
    struct facts facts = {.exact = branches.exact, .faithful = branches.faithful, .cost = LITERAL_COST_UNKNOWN};
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
static struct literal_product optional_repeats(struct literal_finder *finder, const struct literal_set *set,
                                               uint32_t times, bool lazy)
{
    struct literal_product product = {.set = literal_set_of_empty(finder, 0, 0), .possible = true, .faithful = true};
    for (uint32_t i = 0; i < times && product.possible; i++) {
        struct literal_product longer = literal_sets_multiply(finder, set, &product.set);
        struct literal_set empty = literal_set_of_empty(finder, 0, 0);
        product.faithful = product.faithful && longer.faithful;
        product.possible = longer.possible && !finder->full;
        if (!product.possible)
            break;
        struct literal_set both = literal_set_new(finder, longer.set.count + 1);
        if (!both.items)
            return (struct literal_product){0};
        append_set(&both, lazy ? &empty : &longer.set, longer.set.count + 1);
        append_set(&both, lazy ? &longer.set : &empty, longer.set.count + 1);
        product.set = both;
    }
    return product;
}

/* The set `times` times, or as often as it can be done; *times is set to that. */
static struct literal_product power(struct literal_finder *finder, const struct literal_set *set, uint32_t *times)
{
    struct literal_product product = {.set = *set, .possible = true, .faithful = true};
    for (uint32_t i = 1; i < *times; i++) {
        struct literal_product next =
            i < REPEATS_MAX ? literal_sets_multiply(finder, &product.set, set) : (struct literal_product){0};
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
    struct facts facts = {.exact = true, .cost = LITERAL_COST_UNKNOWN};
    uint32_t times = node->min;
    struct literal_product fixed = {.set = literal_set_of_empty(finder, 0, 0), .possible = true, .faithful = true};
    if (node->min > 0)
        fixed = power(finder, &part->strings, &times);
    struct literal_product rest = optional_repeats(finder, &part->strings, node->max - node->min, node->lazy);
    *done = times == node->min && rest.possible && !finder->full;
    if (!*done)
        return facts;
    struct literal_product all = literal_sets_multiply(finder, &fixed.set, &rest.set);
    *done = all.possible;
    facts.strings = all.set;
    facts.faithful = part->faithful && fixed.faithful && rest.faithful && all.faithful &&
                     !(node->possessive && (all.set.count > 1 || node->max != node->min));
    return facts;
}

static struct facts spaces_token(struct literal_finder *finder)
{
    static const char token[] = {(char)LITERAL_SPACES, 0};
    struct facts facts = {
        .exact = true, .faithful = true, .cost = LITERAL_COST_UNKNOWN, .strings = literal_set_new(finder, 1)};
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
    bool plain = !finder->full && part.exact && !literal_set_has_empty(&part.strings);
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
    struct literal_result result = {.cost = LITERAL_COST_UNKNOWN};
    if (!tree->understood)
        return result;
    struct facts facts = analyse(finder, tree->root);
    if (finder->full)
        return result;
    if (facts.exact)
        consider_set(finder, &facts, &facts.strings);
    if (facts.cost < LITERAL_COST_UNKNOWN) {
        result.clause = facts.clause;
        result.cost = facts.cost;
    }
    if (facts.exact && facts.faithful && finder->trust_tables && !tree->moves_start && can_be_native(&facts.strings)) {
        result.clause = facts.strings;
        result.cost = literal_set_cost(finder, &facts.strings);
        result.native = true;
    }
    return result;
}

struct literal_result literals_of_text(struct literal_finder *finder, struct wd_str text, bool word, bool caseless)
{
    finder->full = false;
    finder->used = 0;
    struct literal_result result = {.cost = LITERAL_COST_UNKNOWN};
    char *bytes = literal_arena_take(finder, text.len * 3 / 2 + 4);
    struct literal_set set = literal_set_new(finder, 1);
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
    result =
        (struct literal_result){.clause = set, .cost = literal_set_cost(finder, &set), .native = finder->trust_tables};
    return result;
}
