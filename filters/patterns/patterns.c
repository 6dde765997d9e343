/* Building a set: each pattern is read, sorted into the index that sieves it best, and, unless it is native, compiled.
 * Scanning is in scan.c. */
#include "filters/patterns/set.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/unicode.h"
#include "filters/patterns/wide.h"

enum { DEFAULT_MATCH_LIMIT = 30000, DEFAULT_SUBJECT_BYTES = 4096, PATTERN_TEXT_MAX = 16 * 1024 };

struct builder {
    struct wd_patterns *set;
    struct pcre_compiler compiler;
    struct syntax_parser *parser;
    struct literal_finder *finder;
    struct frequency *frequency;
    uint32_t *later; /* rules whose index is chosen when all patterns have been seen */
    size_t later_count, later_capacity;
    bool trust_tables;
    struct wd_error *err;
};

static bool is_ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void append_literal(char **at, struct wd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool word = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!word && c > ' ' && c < 0x7F)
            *(*at)++ = '\\';
        *(*at)++ = (char)c;
    }
}

static char *literal_pattern(const struct wd_pattern *pattern, size_t *len_out)
{
    char *out = malloc(pattern->text.len * 3 + 32);
    if (!out)
        return NULL;
    char *at = out;
    bool word = pattern->kind == WD_PATTERN_WORD;
    struct wd_str rest = pattern->text;
    if (word)
        at = stpcpy(at, "(?<!\\w)");
    while (rest.len > 0) {
        size_t n = 0;
        while (n < rest.len && !(word && is_ascii_space(rest.data[n])))
            n++;
        append_literal(&at, (struct wd_str){.data = rest.data, .len = n});
        size_t spaces = n;
        while (spaces < rest.len && is_ascii_space(rest.data[spaces]))
            spaces++;
        if (n < rest.len)
            at = stpcpy(at, "\\s+");
        rest = (struct wd_str){.data = rest.data + spaces, .len = rest.len - spaces};
    }
    if (word)
        at = stpcpy(at, "(?!\\w)");
    *len_out = (size_t)(at - out);
    return out;
}

static enum wd_status no_memory(struct builder *builder)
{
    return wd_fail(builder->err, WD_ERR_MEMORY, "no memory for %zu patterns", builder->set->count);
}

static bool is_space(uint32_t c)
{
    return unicode_flags(c) & UNICODE_SPACE;
}

/* White space at the ends of a word means nothing. */
static struct wd_str trimmed(struct wd_str text)
{
    uint32_t used;
    while (text.len > 0 && is_space(utf8_decode((const unsigned char *)text.data, &used))) {
        text.data += used;
        text.len -= used;
    }
    while (text.len > 0 && is_space(utf8_decode_before((const unsigned char *)text.data + text.len, &used)))
        text.len -= used;
    return text;
}

static enum wd_status read_text(struct builder *builder, const struct wd_pattern *pattern, struct wd_str *text_out)
{
    if (pattern->text.len > PATTERN_TEXT_MAX)
        return wd_fail(builder->err, WD_ERR_INVALID, "a text to look for has %zu bytes; the limit is %d",
                       pattern->text.len, PATTERN_TEXT_MAX);
    if (pattern->text.len > 0 && !utf8_is_valid(pattern->text.data, pattern->text.len))
        return wd_fail(builder->err, WD_ERR_INVALID, "a text to look for is not valid UTF-8");
    *text_out = pattern->kind == WD_PATTERN_WORD ? trimmed(pattern->text) : pattern->text;
    if (text_out->len == 0)
        return wd_fail(builder->err, WD_ERR_INVALID, "a text to look for must not be empty");
    return WD_OK;
}

/* Only where this PCRE2 knows other characters than our tables do. */
static enum wd_status compile_text(struct builder *builder, struct rule *rule, const struct wd_pattern *pattern,
                                   struct wd_str text)
{
    struct wd_pattern shortened = *pattern;
    shortened.text = text;
    struct wd_str made = {0};
    char *bytes = literal_pattern(&shortened, &made.len);
    if (!bytes)
        return no_memory(builder);
    made.data = bytes;
    enum wd_status status =
        pcre_code_init(&rule->code, &builder->compiler, made, pattern->caseless, false, builder->err);
    free(bytes);
    return status;
}

static enum wd_status add_literals(struct builder *builder, uint32_t index, const struct literal_set *clause,
                                   bool native)
{
    struct wd_patterns *set = builder->set;
    bool trusted = native || builder->trust_tables;
    enum wd_status status = literal_index_add(&set->literals, builder->frequency, index, clause, native, trusted);
    if (status == WD_OK && !set->rules[index].caseless)
        status = literal_index_add(&set->cased_literals, builder->frequency, index, clause, native, trusted);
    return status;
}

static enum wd_status add_text_rule(struct builder *builder, uint32_t index, const struct wd_pattern *pattern)
{
    struct rule *rule = &builder->set->rules[index];
    struct wd_str text = {0};
    enum wd_status status = read_text(builder, pattern, &text);
    if (status != WD_OK)
        return status;
    struct literal_result literals =
        literals_of_text(builder->finder, text, pattern->kind == WD_PATTERN_WORD, pattern->caseless);
    if (literals.native) {
        rule->native = true;
        rule->index_class = WD_INDEX_LITERAL;
        status = add_literals(builder, index, &literals.clause, true);
        return status == WD_OK ? WD_OK : no_memory(builder);
    }
    rule->index_class = WD_INDEX_ALWAYS;
    return compile_text(builder, rule, pattern, text);
}

static enum wd_status add_native_regex(struct builder *builder, uint32_t index, const struct wd_pattern *pattern,
                                       const struct literal_result *literals, bool *done)
{
    struct rule *rule = &builder->set->rules[index];
    enum wd_status status = add_literals(builder, index, &literals->clause, true);
    if (status == WD_ERR_MEMORY)
        return no_memory(builder);
    *done = status == WD_OK;
    rule->native = *done;
    rule->index_class = WD_INDEX_LITERAL;
    return *done ? pcre_code_check(&builder->compiler, pattern->text, pattern->caseless, builder->err) : WD_OK;
}

/* Patterns whose literal is to be expected oftener than this in 100 bytes are better off with a skeleton, if it is
 * rarer; */
static const double good_literal = 0.0005;
/* those above this one want a gate as well, */
static const double poor_literal = 0.02;
/* and those above this one have no use for their literal if there is a gate. */
static const double useless_literal = 0.5;

static bool is_line_scan(const struct syntax_node *node)
{
    if (node->kind != SYNTAX_LOOK || node->negative || node->behind || node->first->kind != SYNTAX_SEQUENCE)
        return false;
    const struct syntax_node *dots = node->first->first;
    if (!dots || dots->kind != SYNTAX_REPEAT || dots->first->kind != SYNTAX_ANY || dots->min != 0 ||
        dots->max != SYNTAX_UNLIMITED || dots->possessive)
        return false;
    /* What follows must take up something: then it cannot match only at the very end, which is no line's start. */
    for (const struct syntax_node *rest = dots->next; rest; rest = rest->next)
        if (rest->kind == SYNTAX_CHAR || rest->kind == SYNTAX_CLASS)
            return true;
    return false;
}

/* `(?=.*a)(?=.*b)`: wherever it matches it also matches at the start of the line, so only line starts need be tried.
 * That saves trying every place of every line, each as long as the line. */
static bool only_line_starts_matter(const struct syntax_tree *tree, const struct rule *rule)
{
    const struct syntax_node *root = tree->root;
    if (!tree->understood || tree->rigid || tree->moves_start || rule->all_hits || root->kind != SYNTAX_SEQUENCE)
        return false;
    for (const struct syntax_node *node = root->first; node; node = node->next)
        if (!is_line_scan(node))
            return false;
    return root->first != NULL;
}

static enum wd_status put_off(struct builder *builder, uint32_t index)
{
    if (builder->later_count == builder->later_capacity) {
        size_t capacity = builder->later_capacity * 2 + 64;
        uint32_t *grown = realloc(builder->later, capacity * sizeof *grown);
        if (!grown)
            return no_memory(builder);
        builder->later = grown;
        builder->later_capacity = capacity;
    }
    builder->later[builder->later_count++] = index;
    return WD_OK;
}

static enum wd_status index_by_literal(struct builder *builder, uint32_t index, const struct literal_result *literals)
{
    builder->set->rules[index].index_class = WD_INDEX_LITERAL;
    enum wd_status status = add_literals(builder, index, &literals->clause, false);
    return status == WD_OK ? WD_OK : no_memory(builder);
}

static enum wd_status add_regex_rule(struct builder *builder, uint32_t index, const struct wd_pattern *pattern)
{
    struct rule *rule = &builder->set->rules[index];
    struct syntax_tree tree = {0};
    struct literal_result literals = {0};
    if (pattern->text.len == 0 || utf8_is_valid(pattern->text.data, pattern->text.len)) {
        tree = syntax_parse(builder->parser, pattern->text, pattern->caseless);
        literals = literals_find(builder->finder, &tree);
    }
    /* What could look at case after all is tried again on a text that differs in case. */
    rule->caseless = pattern->caseless && tree.understood && !tree.case_switched_off;
    bool done = false;
    enum wd_status status = WD_OK;
    if (literals.native)
        status = add_native_regex(builder, index, pattern, &literals, &done);
    if (done || status != WD_OK)
        return status;
    status = pcre_code_init(&rule->code, &builder->compiler, pattern->text, pattern->caseless,
                            tree.understood && only_line_starts_matter(&tree, rule), builder->err);
    if (status != WD_OK)
        return status;
    if (literals.clause.count > 0 && literals.cost < good_literal)
        return index_by_literal(builder, index, &literals);
    bool taken = false;
    rule->index_class = WD_INDEX_SKELETON;
    if (builder->trust_tables && tree.understood)
        status = skeleton_offer(&builder->set->skeletons, &tree, index,
                                literals.clause.count > 0 ? literals.cost : useless_literal, &taken);
    if (status != WD_OK)
        return no_memory(builder);
    return taken ? WD_OK : put_off(builder, index);
}

/* For patterns without a good literal and without a skeleton: a gate, a literal behind a gate, or neither. */
static enum wd_status sieve_somehow(struct builder *builder, uint32_t index, const struct wd_pattern *pattern)
{
    struct rule *rule = &builder->set->rules[index];
    struct syntax_tree tree = syntax_parse(builder->parser, pattern->text, pattern->caseless);
    struct literal_result literals = literals_find(builder->finder, &tree);
    if (literals.clause.count > 0 && literals.cost < poor_literal)
        return index_by_literal(builder, index, &literals);
    if (builder->trust_tables && gate_add(&builder->set->gates, &tree, &rule->gate) != WD_OK)
        return no_memory(builder);
    bool run = rule->gate != GATE_NONE && gate_asks_for_run(&builder->set->gates.gates[rule->gate]);
    if (literals.clause.count > 0 && (!run || literals.cost < useless_literal))
        return index_by_literal(builder, index, &literals);
    rule->index_class = rule->gate == GATE_NONE ? WD_INDEX_ALWAYS : run ? WD_INDEX_RUN : WD_INDEX_CLASS;
    return WD_OK;
}

struct refusal {
    struct builder *builder;
    enum wd_status status;
};

static void skeleton_says_no(void *context, uint32_t rule)
{
    struct refusal *refusal = context;
    if (refusal->status == WD_OK)
        refusal->status = put_off(refusal->builder, rule);
}

static enum wd_status sieve_the_rest(struct builder *builder, const struct wd_pattern *patterns)
{
    struct refusal refusal = {.builder = builder, .status = WD_OK};
    if (skeleton_finish(&builder->set->skeletons, skeleton_says_no, &refusal) != WD_OK || refusal.status != WD_OK)
        return no_memory(builder);
    for (size_t i = 0; i < builder->later_count; i++) {
        uint32_t index = builder->later[i];
        enum wd_status status = sieve_somehow(builder, index, &patterns[index]);
        if (status != WD_OK)
            return status;
    }
    gate_finish(&builder->set->gates);
    return WD_OK;
}

static enum wd_status add_rule(struct builder *builder, uint32_t index, const struct wd_pattern *pattern)
{
    struct rule *rule = &builder->set->rules[index];
    rule->gate = GATE_NONE;
    rule->views = pattern->views;
    rule->caseless = pattern->caseless;
    rule->all_hits = pattern->all_hits;
    builder->set->count = (size_t)index + 1;
    if (pattern->kind == WD_PATTERN_REGEX)
        return add_regex_rule(builder, index, pattern);
    return add_text_rule(builder, index, pattern);
}

static void list_others_that_are(struct wd_patterns *set, bool caseless)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->rules[i].index_class >= WD_INDEX_CLASS && set->rules[i].caseless == caseless)
            set->others[set->other_count++] = (uint32_t)i;
}

static enum wd_status list_others(struct builder *builder)
{
    struct wd_patterns *set = builder->set;
    set->others = malloc((set->count ? set->count : 1) * sizeof *set->others);
    if (!set->others)
        return no_memory(builder);
    list_others_that_are(set, false);
    set->cased_other_count = set->other_count;
    list_others_that_are(set, true);
    for (size_t i = 0; i < set->count; i++) {
        const struct rule *rule = &set->rules[i];
        set->looks_far |= rule->code.looks_back > PATTERN_PIECE_BEHIND;
        set->cased_skeletons |= rule->index_class == WD_INDEX_SKELETON && !rule->caseless;
    }
    uint32_t *shorter = realloc(set->others, (set->other_count ? set->other_count : 1) * sizeof *shorter);
    set->others = shorter ? shorter : set->others;
    return WD_OK;
}

/* An index of their own for rules to which case matters is worth its memory where they are the smaller part. */
enum { CASED_SHARE = 4 };

static enum wd_status finish_literals(struct builder *builder)
{
    struct wd_patterns *set = builder->set;
    set->cased_apart = set->cased_literals.count * CASED_SHARE <= set->literals.count;
    if (!set->cased_apart)
        literal_index_fini(&set->cased_literals);
    if (literal_index_finish(&set->literals) != WD_OK || literal_index_finish(&set->cased_literals) != WD_OK)
        return no_memory(builder);
    return WD_OK;
}

static struct frequency *read_sample(const char *sample)
{
    size_t len = strlen(sample);
    char *folded = malloc(len * 3 / 2 + 4);
    if (!folded || !utf8_is_valid(sample, len)) {
        free(folded);
        return NULL;
    }
    struct frequency *frequency = frequency_new(folded, unicode_fold_text(sample, len, folded));
    free(folded);
    return frequency;
}

static enum wd_status builder_init(struct builder *builder, size_t count, const struct wd_patterns_options *options)
{
    enum wd_status status = pcre_compiler_init(&builder->compiler, builder->err);
    if (status != WD_OK)
        return status;
    builder->trust_tables = unicode_tables_fit();
    if (options && options->frequencies)
        builder->frequency = read_sample(options->frequencies);
    builder->set = calloc(1, sizeof *builder->set);
    builder->parser = syntax_parser_new();
    builder->finder = literal_finder_new(builder->frequency, builder->trust_tables);
    if (builder->set)
        builder->set->rules = calloc(count ? count : 1, sizeof *builder->set->rules);
    if (!builder->set || !builder->set->rules || !builder->parser || !builder->finder)
        return wd_fail(builder->err, WD_ERR_MEMORY, "no memory for %zu patterns", count);
    return WD_OK;
}

static void builder_fini(struct builder *builder)
{
    pcre_compiler_fini(&builder->compiler);
    syntax_parser_free(builder->parser);
    literal_finder_free(builder->finder);
    frequency_free(builder->frequency);
    free(builder->later);
}

static void set_options(struct wd_patterns *set, const struct wd_patterns_options *options)
{
    set->wide = wide_of(options ? options->vectors : WD_VECTORS_BEST);
    set->literals.wide = set->cased_literals.wide = set->skeletons.wide = set->gates.wide = set->wide;
    set->match_limit = options && options->match_limit ? options->match_limit : DEFAULT_MATCH_LIMIT;
    set->quick_limit = options ? options->quick_limit : 0;
    set->subject_bytes = options && options->subject_bytes ? options->subject_bytes : DEFAULT_SUBJECT_BYTES;
    if (set->subject_bytes < 2 * PATTERN_WINDOW_OVERLAP)
        set->subject_bytes = 2 * PATTERN_WINDOW_OVERLAP;
}

enum wd_status wd_patterns_new(const struct wd_pattern *patterns, size_t count,
                               const struct wd_patterns_options *options, struct wd_patterns **out, size_t *bad_out,
                               struct wd_error *err)
{
    struct builder builder = {.err = err};
    enum wd_status status = builder_init(&builder, count, options);
    if (status == WD_OK)
        set_options(builder.set, options);
    for (size_t i = 0; i < count && status == WD_OK; i++) {
        status = add_rule(&builder, (uint32_t)i, &patterns[i]);
        if (status != WD_OK && bad_out)
            *bad_out = i;
    }
    if (status == WD_OK)
        status = sieve_the_rest(&builder, patterns);
    if (status == WD_OK)
        status = list_others(&builder);
    if (status == WD_OK)
        status = finish_literals(&builder);
    if (status == WD_OK)
        *out = builder.set;
    else
        wd_patterns_free(builder.set);
    builder_fini(&builder);
    return status;
}

void wd_patterns_free(struct wd_patterns *set)
{
    if (!set)
        return;
    for (size_t i = 0; set->rules && i < set->count; i++)
        pcre_code_fini(&set->rules[i].code);
    literal_index_fini(&set->literals);
    literal_index_fini(&set->cased_literals);
    skeleton_fini(&set->skeletons);
    gate_index_fini(&set->gates);
    free(set->others);
    free(set->rules);
    free(set);
}

enum wd_index_class wd_patterns_index_class(const struct wd_patterns *set, uint32_t pattern)
{
    return (enum wd_index_class)set->rules[pattern].index_class;
}

const char *wd_index_class_name(enum wd_index_class index_class)
{
    switch (index_class) {
    case WD_INDEX_LITERAL:
        return "literal";
    case WD_INDEX_SKELETON:
        return "skeleton";
    case WD_INDEX_CLASS:
        return "class";
    case WD_INDEX_RUN:
        return "run";
    case WD_INDEX_ALWAYS:
        return "always";
    }
    return "";
}

size_t wd_patterns_memory(const struct wd_patterns *set)
{
    size_t bytes = sizeof *set + set->count * sizeof *set->rules;
    bytes += set->other_count * sizeof *set->others + literal_index_bytes(&set->literals) +
             literal_index_bytes(&set->cased_literals) + skeleton_bytes(&set->skeletons) +
             gate_index_bytes(&set->gates);
    for (size_t i = 0; i < set->count; i++)
        bytes += pcre_code_bytes(&set->rules[i].code);
    return bytes;
}
