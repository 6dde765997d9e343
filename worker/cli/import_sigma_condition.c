/* Sigma's conditions: names of selections with and, or, not, brackets, and `1 of them`, `all of filter_*`. `not` binds
 * tightest, then `and`. What always holds: depth is bounded; each word is read once. Neighbours: import_sigma.c. */
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "worker/cli/import_sigma.h"

enum { DEPTH_MAX = 32, WORD_BYTES = 128 };

struct reading {
    struct sigma *sigma;
    const struct wd_node *node;
    const char *at;
    char word[WORD_BYTES]; /* that comes next; "" at the end */
    int depth;
    bool failed;
};

static void fail(struct reading *reading, const char *why)
{
    if (!reading->failed && !reading->sigma->rule->refused)
        import_refuse(reading->sigma->set, reading->sigma->rule, reading->node->line, reading->node->column,
                      "condition '%.60s': %s; the rule is left out", reading->node->text, why);
    reading->failed = true;
    reading->word[0] = '\0';
}

static void next(struct reading *reading)
{
    while (isspace((unsigned char)*reading->at))
        reading->at++;
    size_t len = strchr("()|", *reading->at) ? *reading->at != '\0' : strcspn(reading->at, " \t\r\n()|");
    if (len >= WORD_BYTES) {
        fail(reading, "a name is too long");
        return;
    }
    memcpy(reading->word, reading->at, len);
    reading->word[len] = '\0';
    reading->at += len;
}

static bool is_word(const struct reading *reading, const char *word)
{
    return strcasecmp(reading->word, word) == 0;
}

static void add_or(struct reading *reading, struct import_condition *in);

/* `1 of them`, `any of sel_*`, `all of them` */
static void add_several(struct reading *reading, struct import_condition *in)
{
    bool all = is_word(reading, "all");
    size_t count = 0;
    next(reading);
    if (!is_word(reading, "of")) {
        fail(reading, "'of' is expected");
        return;
    }
    next(reading);
    bool them = is_word(reading, "them");
    in = import_condition(reading->sigma->set, all ? IMPORT_ALL : IMPORT_ANY, in);
    for (const struct wd_node *node = reading->sigma->detection->first; node && in; node = node->next) {
        const char *name = node->key->text;
        bool is_one = strcmp(name, "condition") != 0 && (them ? name[0] != '_' : fnmatch(reading->word, name, 0) == 0);
        if (!is_one)
            continue;
        sigma_add_selection(reading->sigma, in, node);
        count++;
    }
    if (!count)
        fail(reading, "no selection has such a name");
    next(reading);
}

static void add_operand(struct reading *reading, struct import_condition *in)
{
    const struct wd_node *selection;
    if (!in || reading->failed)
        return;
    if (++reading->depth > DEPTH_MAX) {
        fail(reading, "too deep");
    } else if (is_word(reading, "not")) {
        next(reading);
        add_operand(reading, import_condition(reading->sigma->set, IMPORT_NOT, in));
    } else if (is_word(reading, "(")) {
        next(reading);
        add_or(reading, in);
        if (!is_word(reading, ")"))
            fail(reading, "')' is expected");
        next(reading);
    } else if (is_word(reading, "1") || is_word(reading, "any") || is_word(reading, "all")) {
        add_several(reading, in);
    } else if (strcmp(reading->word, "condition") != 0 &&
               (selection = wd_node_get(reading->sigma->detection, reading->word)) != NULL) {
        sigma_add_selection(reading->sigma, in, selection);
        next(reading);
    } else {
        fail(reading, "the name of a selection is expected");
    }
    reading->depth--;
}

static void add_and(struct reading *reading, struct import_condition *in)
{
    struct import_condition *all = import_condition(reading->sigma->set, IMPORT_ALL, in);
    add_operand(reading, all);
    while (is_word(reading, "and")) {
        next(reading);
        add_operand(reading, all);
    }
}

static void add_or(struct reading *reading, struct import_condition *in)
{
    struct import_condition *any = import_condition(reading->sigma->set, IMPORT_ANY, in);
    if (++reading->depth > DEPTH_MAX)
        fail(reading, "too deep");
    add_and(reading, any);
    while (is_word(reading, "or")) {
        next(reading);
        add_and(reading, any);
    }
    reading->depth--;
}

bool sigma_add_condition(struct sigma *sigma, struct import_condition *in, const struct wd_node *condition)
{
    struct reading reading = {.sigma = sigma, .node = condition, .at = condition->text ? condition->text : ""};
    next(&reading);
    add_or(&reading, in);
    if (!reading.failed && reading.word[0])
        fail(&reading, reading.word[0] == '|' ? "counting over time has no equal here" : "'and' or 'or' is expected");
    return !reading.failed && !sigma->rule->refused;
}
