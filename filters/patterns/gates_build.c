/* Building gates: what every match of a pattern must have, read from its tree. */
#include "filters/patterns/gate_features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/patterns/unicode.h"

struct demands {
    struct gate_demand items[GATE_DEMANDS_MAX];
    size_t count;
    struct gate_demand pair[2]; /* so often in a row; `run` of the first 0: none */
    struct gate gate;
};

static const struct syntax_node *single(const struct syntax_node *node)
{
    while ((node->kind == SYNTAX_SEQUENCE || node->kind == SYNTAX_GROUP) && node->first && !node->first->next)
        node = node->first;
    return node;
}

/* Appends a pattern for the one character that the node matches. */
static bool add_source(struct gate_demand *demand, const struct syntax_node *node)
{
    size_t used = strlen(demand->source);
    int len;
    if (used > 0 && demand->caseless != node->caseless)
        return false;
    demand->caseless = node->caseless;
    const char *bar = used > 0 ? "|" : "";
    if (node->kind == SYNTAX_CHAR)
        len = snprintf(demand->source + used, GATE_SOURCE_MAX - used, "%s\\x{%x}", bar, node->character);
    else if (node->kind == SYNTAX_CLASS && !memchr(node->set->source.data, '\0', node->set->source.len))
        len = snprintf(demand->source + used, GATE_SOURCE_MAX - used, "%s%.*s", bar, WD_STR_ARG(node->set->source));
    else
        return false;
    return len > 0 && (size_t)len < GATE_SOURCE_MAX - used;
}

static uint32_t capped_product(uint32_t a, uint32_t b)
{
    uint64_t product = (uint64_t)a * b;
    return product > 1000 ? 1000 : (uint32_t)product;
}

static void add_demand(struct demands *demands, const struct gate_demand *demand)
{
    if (demand->run == 0)
        return;
    for (size_t i = 0; i < demands->count; i++) {
        struct gate_demand *known = &demands->items[i];
        if (known->caseless != demand->caseless || strcmp(known->source, demand->source) != 0)
            continue;
        if (known->run < demand->run)
            known->run = demand->run;
        return;
    }
    if (demands->count < GATE_DEMANDS_MAX)
        demands->items[demands->count++] = *demand;
}

/* One step of a sequence: a character of a class, so many times. */
static bool read_step(const struct syntax_node *node, struct gate_demand *demand, uint32_t *min_out)
{
    *min_out = 1;
    node = single(node);
    if (node->kind == SYNTAX_REPEAT) {
        *min_out = node->min;
        node = single(node->first);
    }
    return add_source(demand, node);
}

/* A repeated group of two single characters. */
static void demand_pairs(struct demands *demands, const struct syntax_node *body, uint32_t times)
{
    enum { PAIRS_MIN = 3 };
    struct gate_demand pair[2] = {{.run = times}, {.run = times}};
    size_t count = 0;
    for (const struct syntax_node *child = body->first; child; child = child->next) {
        if (child->kind == SYNTAX_EMPTY || child->kind == SYNTAX_EDGE || child->kind == SYNTAX_LOOK)
            continue;
        if (count == 2 || !add_source(&pair[count++], single(child)))
            return;
    }
    if (count == 2 && times >= PAIRS_MIN)
        memcpy(demands->pair, pair, sizeof demands->pair);
}

/* A repeated group of nothing but single characters is a run of the union of their classes. */
static void demand_group_run(struct demands *demands, const struct syntax_node *body, uint32_t times)
{
    struct gate_demand demand = {.run = 0};
    if (body->kind != SYNTAX_SEQUENCE)
        return;
    demand_pairs(demands, body, times);
    for (const struct syntax_node *child = body->first; child; child = child->next) {
        uint32_t min;
        if (child->kind == SYNTAX_EMPTY || child->kind == SYNTAX_EDGE || child->kind == SYNTAX_LOOK)
            continue;
        if (!read_step(child, &demand, &min))
            return;
        demand.run += capped_product(min, 1);
    }
    demand.run = capped_product(demand.run, times);
    add_demand(demands, &demand);
}

static bool is_plain_letter(const struct syntax_node *node)
{
    node = single(node);
    if (node->kind == SYNTAX_REPEAT)
        node = single(node->first);
    uint32_t c = node->character;
    return node->kind == SYNTAX_CHAR && (c >= 0x80 || (unicode_flags(c) & UNICODE_WORD));
}

/* Single characters one after the other, as in \d{3}-\d{2}-\d{4}, are a run of the union of their classes, too. Only
 * where it is long, and where no letter is named, which a literal tells better. */
static void demand_sequence_run(struct demands *demands, const struct syntax_node *sequence)
{
    enum { LONG_RUN = 8 };
    struct gate_demand demand = {.run = 0};
    for (const struct syntax_node *child = sequence->first; child; child = child->next) {
        uint32_t min;
        if (child->kind == SYNTAX_EMPTY || child->kind == SYNTAX_EDGE || child->kind == SYNTAX_LOOK)
            continue;
        if (!is_plain_letter(child) && read_step(child, &demand, &min)) {
            demand.run = capped_product(demand.run + min, 1);
            continue;
        }
        if (demand.run >= LONG_RUN)
            add_demand(demands, &demand);
        demand = (struct gate_demand){.run = 0};
    }
    if (demand.run >= LONG_RUN)
        add_demand(demands, &demand);
}

struct width {
    uint32_t min, max; /* characters */
};

static uint32_t capped_sum(uint32_t a, uint32_t b)
{
    return a > SYNTAX_UNLIMITED - b ? SYNTAX_UNLIMITED : a + b;
}

static uint32_t scaled(uint32_t width, uint32_t times)
{
    uint64_t product = (uint64_t)width * times;
    return width == SYNTAX_UNLIMITED || product > SYNTAX_UNLIMITED || (times == SYNTAX_UNLIMITED && width)
               ? SYNTAX_UNLIMITED
               : (uint32_t)product;
}

static struct width width_of(const struct syntax_node *node);

static struct width width_of_children(const struct syntax_node *node, bool either)
{
    struct width all = {0, 0};
    bool first = true;
    for (const struct syntax_node *child = node->first; child; child = child->next, first = false) {
        struct width w = width_of(child);
        if (!either) {
            all.min = capped_sum(all.min, w.min);
            all.max = capped_sum(all.max, w.max);
        } else {
            all.min = first || w.min < all.min ? w.min : all.min;
            all.max = w.max > all.max ? w.max : all.max;
        }
    }
    return all;
}

static struct width width_of(const struct syntax_node *node)
{
    switch (node->kind) {
    case SYNTAX_CHAR:
    case SYNTAX_CLASS:
    case SYNTAX_ANY:
        return (struct width){1, 1};
    case SYNTAX_SEQUENCE:
        return width_of_children(node, false);
    case SYNTAX_EITHER:
        return width_of_children(node, true);
    case SYNTAX_GROUP:
        return width_of(node->first);
    case SYNTAX_REPEAT: {
        struct width w = width_of(node->first);
        return (struct width){scaled(w.min, node->min), scaled(w.max, node->max)};
    }
    case SYNTAX_EMPTY:
    case SYNTAX_EDGE:
    case SYNTAX_LOOK:
        return (struct width){0, 0};
    case SYNTAX_BACK:
    case SYNTAX_OPAQUE:
        break;
    }
    return (struct width){0, SYNTAX_UNLIMITED};
}

static bool is_run_of(const struct syntax_node *node, bool word)
{
    node = single(node);
    return node->kind == SYNTAX_REPEAT && node->min == 1 && node->max == SYNTAX_UNLIMITED &&
           single(node->first)->kind == SYNTAX_CLASS &&
           (word ? single(node->first)->set->is_word : single(node->first)->set->is_space);
}

/* (\w+)(?:\s+\1\b){n,}: so many whole words in a row are equal. */
static void demand_equal_words(struct demands *demands, const struct syntax_node *group, const struct syntax_node *next)
{
    if (next->kind != SYNTAX_REPEAT || next->min < 2 || !is_run_of(group->first, true))
        return;
    const struct syntax_node *body = single(next->first);
    if (body->kind != SYNTAX_SEQUENCE || !body->first || !is_run_of(body->first, false))
        return;
    const struct syntax_node *back = body->first->next;
    if (back && single(back)->kind == SYNTAX_BACK && single(back)->capture == group->capture &&
        (!back->next || (back->next->kind == SYNTAX_EDGE && !back->next->next)))
        demands->gate.equal_words = next->min;
}

/* (X)\1{n,}: a piece n + 1 times in a row; and if X is one character, a run of it. */
static void demand_repeats(struct demands *demands, const struct syntax_node *group, const struct syntax_node *next)
{
    if (next->kind != SYNTAX_REPEAT || next->min < 2 || single(next->first)->kind != SYNTAX_BACK ||
        single(next->first)->capture != group->capture)
        return;
    struct width width = width_of(group->first);
    if (width.min > 0)
        demands->gate.repeat = (struct gate_repeat){width.min, width.max, next->min};
    struct gate_demand demand = {.run = capped_product(next->min, 1) + 1};
    const struct syntax_node *body = single(group->first);
    if (add_source(&demand, body) && body->caseless == single(next->first)->caseless)
        add_demand(demands, &demand);
}

static void collect(struct demands *demands, const struct syntax_node *node);

static void collect_repeat(struct demands *demands, const struct syntax_node *node)
{
    if (node->min == 0 || node->max == 0)
        return;
    const struct syntax_node *body = single(node->first);
    struct gate_demand demand = {.run = node->min};
    if (add_source(&demand, body)) {
        add_demand(demands, &demand);
        return;
    }
    collect(demands, node->first);
    demand_group_run(demands, body, node->min);
}

/* What every match must have. Plain characters are left to the literals. */
static void collect(struct demands *demands, const struct syntax_node *node)
{
    switch (node->kind) {
    case SYNTAX_SEQUENCE:
        demand_sequence_run(demands, node);
        for (const struct syntax_node *child = node->first; child; child = child->next) {
            collect(demands, child);
            if (child->kind == SYNTAX_GROUP && child->capture && child->next) {
                demand_repeats(demands, child, child->next);
                demand_equal_words(demands, child, child->next);
            }
        }
        break;
    case SYNTAX_CLASS: {
        struct gate_demand demand = {.run = 1};
        if (add_source(&demand, node))
            add_demand(demands, &demand);
        break;
    }
    case SYNTAX_REPEAT:
        collect_repeat(demands, node);
        break;
    case SYNTAX_GROUP:
        collect(demands, node->first);
        break;
    case SYNTAX_LOOK:
        if (!node->negative)
            collect(demands, node->first);
        break;
    default:
        break;
    }
}

static size_t level_of(uint32_t run)
{
    size_t level = 0;
    while (level + 1 < GATE_LEVELS && (2u << level) <= run)
        level++;
    return level;
}

static enum wd_status keep_gate(struct gate_index *index, const struct gate *gate, uint32_t *gate_out)
{
    if (index->gate_count == index->gate_capacity) {
        size_t capacity = index->gate_capacity * 2 + 16;
        struct gate *grown = realloc(index->gates, capacity * sizeof *grown);
        if (!grown)
            return WD_ERR_MEMORY;
        index->gates = grown;
        index->gate_capacity = capacity;
    }
    *gate_out = (uint32_t)index->gate_count;
    struct gate *kept = &index->gates[index->gate_count++];
    *kept = *gate;
    for (size_t level = 0; level < GATE_LEVELS; level++)
        if (kept->need[level])
            kept->hardest = (uint8_t)level;
    return WD_OK;
}

static enum wd_status add_pairs(struct gate_index *index, struct demands *demands)
{
    int first = -1, second = -1;
    if (demands->pair[0].run == 0)
        return WD_OK;
    if (gate_feature_of(index, &demands->pair[0], &first) != WD_OK ||
        gate_feature_of(index, &demands->pair[1], &second) != WD_OK)
        return WD_ERR_MEMORY;
    if (first >= 0 && second >= 0)
        demands->gate.pairs = (struct gate_pairs){1u << first, 1u << second, demands->pair[0].run};
    return WD_OK;
}

enum wd_status gate_add(struct gate_index *index, const struct syntax_tree *tree, uint32_t *gate_out)
{
    struct demands demands = {.count = 0};
    *gate_out = GATE_NONE;
    if (!tree->understood)
        return WD_OK;
    if (gate_builder_init(index) != WD_OK)
        return WD_ERR_MEMORY;
    collect(&demands, tree->root);
    bool any = demands.gate.repeat.times > 0 || demands.gate.equal_words > 0;
    for (size_t i = 0; i < demands.count; i++) {
        int feature;
        if (gate_feature_of(index, &demands.items[i], &feature) != WD_OK)
            return WD_ERR_MEMORY;
        if (feature < 0)
            continue;
        size_t level = level_of(demands.items[i].run);
        demands.gate.need[level] |= 1u << feature;
        index->used[level] |= 1u << feature;
        demands.gate.asks_for_features = true;
        any = true;
    }
    if (add_pairs(index, &demands) != WD_OK)
        return WD_ERR_MEMORY;
    any |= demands.gate.pairs.times > 0;
    return any ? keep_gate(index, &demands.gate, gate_out) : WD_OK;
}

/* The bytes of a character that follow its first never end a run. */
static void make_tables(struct gate_index *index)
{
    for (size_t group = 0; group < GATE_FEATURES / 8; group++) {
        for (unsigned byte = 0; byte < 256; byte++)
            index->tables[group][byte] =
                (byte & 0xC0) == 0x80 ? UINT8_MAX : (unsigned char)(index->leads[byte] >> 8 * group);
        for (size_t level = 0; level < GATE_LEVELS; level++)
            index->wanted[group][level] = (unsigned char)(index->used_later[level] >> 8 * group);
    }
}

void gate_finish(struct gate_index *index)
{
    gate_builder_free(index->builder);
    index->builder = NULL;
    memcpy(index->leads, index->ascii, sizeof index->ascii);
    for (uint32_t c = 0x80; c < GATE_BLOCKS_END && index->blocks; c += 64) {
        unsigned char bytes[4];
        utf8_encode(c, bytes);
        index->leads[bytes[0]] |= index->blocks[c / UNICODE_BLOCK];
    }
    for (unsigned lead = 0xF0; lead < 256; lead++)
        index->leads[lead] = UINT32_MAX;
    for (size_t level = GATE_LEVELS - 1; level > 0; level--)
        index->used_later[level - 1] = index->used_later[level] | index->used[level];
    make_tables(index);
}

bool gate_asks_for_run(const struct gate *gate)
{
    for (size_t level = 1; level < GATE_LEVELS; level++)
        if (gate->need[level])
            return true;
    return gate->repeat.times > 0 || gate->equal_words > 0 || gate->pairs.times > 0;
}

void gate_index_fini(struct gate_index *index)
{
    gate_builder_free(index->builder);
    free(index->blocks);
    free(index->gates);
    *index = (struct gate_index){0};
}

size_t gate_index_bytes(const struct gate_index *index)
{
    return index->gate_capacity * sizeof *index->gates +
           (index->blocks ? SUBJECT_END / UNICODE_BLOCK * sizeof *index->blocks : 0);
}
