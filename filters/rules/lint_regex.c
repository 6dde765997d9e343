/* Finds `\b` beside a character that is no part of a word, as in `\b@admin` or `c\+\+\b`: there it asks for a letter or
 * digit on its other side, so that the very texts that the author thinks of do not match. What always holds: only what
 * is sure is reported; what is not understood counts as unknown. Neighbours: lint.c. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/lint.h"

enum element_kind {
    ELEMENT_CHARACTER,
    ELEMENT_OPEN,
    ELEMENT_CLOSE,
    ELEMENT_OR,
    ELEMENT_BOUNDARY,
    ELEMENT_EDGE,
    ELEMENT_FLAGS
};
enum side { SIDE_UNKNOWN, SIDE_WORD, SIDE_OTHER, SIDE_NOTHING };

/* One element of an expression, with its quantifier. */
struct element {
    enum element_kind kind;
    enum side side;   /* CHARACTER */
    bool optional;    /* it can match nothing */
    bool repeats;     /* it can come more than once */
    bool transparent; /* OPEN: its content stands in the text: no look-around */
    size_t at, len;   /* bytes of the expression */
};

struct reading {
    const char *text;
    size_t len, at;
    struct element *elements;
    size_t count;
};

static enum side side_of_character(unsigned char c)
{
    return c >= 0x80 ? SIDE_UNKNOWN : isalnum(c) || c == '_' ? SIDE_WORD : SIDE_OTHER;
}

/* ---- elements ---- */

static void read_escape(struct reading *reading, struct element *element)
{
    char c = reading->at + 1 < reading->len ? reading->text[reading->at + 1] : '\0';
    reading->at += 2;
    if (c == 'b')
        element->kind = ELEMENT_BOUNDARY;
    else if (c && strchr("AzZG", c))
        element->kind = ELEMENT_EDGE;
    else if (c && !isalnum((unsigned char)c))
        element->side = side_of_character((unsigned char)c);
    else if (c == 'w' || c == 'd')
        element->side = SIDE_WORD;
    while (c && strchr("xpPuogkN", c) && reading->at < reading->len && strchr("{<'", reading->text[reading->at])) {
        char close = reading->text[reading->at] == '{' ? '}' : reading->text[reading->at] == '<' ? '>' : '\'';
        const char *end = memchr(reading->text + reading->at + 1, close, reading->len - reading->at - 1);
        reading->at = end ? (size_t)(end - reading->text) + 1 : reading->len;
        c = '\0';
    }
}

/* [...]: OTHER where all that it lists are single characters outside of words. */
static void read_class(struct reading *reading, struct element *element)
{
    size_t at = reading->at + 1;
    bool negated = at < reading->len && reading->text[at] == '^', plain = !negated;
    at += negated;
    for (bool first = true; at < reading->len && (first || reading->text[at] != ']'); first = false) {
        unsigned char c = (unsigned char)reading->text[at];
        bool named = c == '[' && at + 1 < reading->len && reading->text[at + 1] == ':';
        if (c == '\\' && at + 1 < reading->len)
            c = (unsigned char)reading->text[++at];
        bool escaped = c != (unsigned char)reading->text[at] || (at && reading->text[at - 1] == '\\');
        plain &= !named && side_of_character(c) == SIDE_OTHER && !(escaped && isalnum(c));
        if (named) {
            const char *end = strstr(reading->text + at, ":]");
            at = end ? (size_t)(end - reading->text) + 1 : at;
        }
        at++;
    }
    reading->at = at + 1;
    element->side = plain ? SIDE_OTHER : SIDE_UNKNOWN;
}

static void read_open(struct reading *reading, struct element *element)
{
    const char *at = reading->text + reading->at;
    element->kind = ELEMENT_OPEN;
    element->transparent = true;
    reading->at++;
    if (at[1] != '?')
        return;
    const char *behind = at + 2;
    if (strchr("=!", *behind) || (*behind == '<' && strchr("=!", behind[1])))
        element->transparent = false;
    while (*behind && !strchr(":)=!>'", *behind))
        behind++;
    reading->at = (size_t)(behind - reading->text) + (*behind && *behind != ')');
    if (*behind == ')' && element->transparent) { /* (?i) */
        element->kind = ELEMENT_FLAGS;
        reading->at++;
    }
}

static void read_quantifier(struct reading *reading, struct element *element)
{
    const char *at = reading->text + reading->at;
    if (*at == '{' && isdigit((unsigned char)at[1])) {
        element->optional = at[1] == '0';
        reading->at += strcspn(at, "}") + 1;
    } else if (*at == '*' || *at == '?') {
        element->optional = true;
        reading->at++;
    } else if (*at == '+') {
        reading->at++;
    } else {
        return;
    }
    element->repeats = true;
    if (reading->at < reading->len && strchr("?+", reading->text[reading->at]))
        reading->at++;
}

static void read_element(struct reading *reading, struct element *element)
{
    char c = reading->text[reading->at];
    *element = (struct element){.at = reading->at};
    if (c == '\\') {
        read_escape(reading, element);
    } else if (c == '[') {
        read_class(reading, element);
    } else if (c == '(') {
        read_open(reading, element);
    } else {
        element->kind = c == ')' ? ELEMENT_CLOSE : c == '|' ? ELEMENT_OR : ELEMENT_CHARACTER;
        if (c == '^' || c == '$')
            element->kind = ELEMENT_EDGE;
        element->side = c == '.' ? SIDE_UNKNOWN : side_of_character((unsigned char)c);
        do
            reading->at++;
        while (((unsigned char)reading->text[reading->at] & 0xC0) == 0x80);
    }
    reading->at = reading->at < reading->len ? reading->at : reading->len;
    element->len = reading->at - element->at;
    if (element->kind == ELEMENT_CHARACTER || element->kind == ELEMENT_CLOSE)
        read_quantifier(reading, element);
}

/* ---- what stands beside ---- */

/* The end of the group, in the direction of `step`, that `at` stands in or begins; count where there is none. */
static size_t end_of_group(const struct reading *reading, size_t at, int step)
{
    int depth = 0;
    enum element_kind begins = step > 0 ? ELEMENT_OPEN : ELEMENT_CLOSE;
    enum element_kind ends = step > 0 ? ELEMENT_CLOSE : ELEMENT_OPEN;
    for (at += (size_t)step; at < reading->count; at += (size_t)step) {
        if (reading->elements[at].kind == ends && depth-- == 0)
            return at;
        depth += reading->elements[at].kind == begins;
    }
    return reading->count;
}

static enum side side_at(const struct reading *reading, size_t at, int step, size_t *shown_out);

/* OTHER where one of a group's alternatives shows that side: that one is in vain. */
static enum side side_of_group(const struct reading *reading, size_t at, int step, size_t *shown_out)
{
    size_t end = end_of_group(reading, at, step);
    if (end == reading->count)
        return SIDE_UNKNOWN;
    const struct element *open = &reading->elements[step > 0 ? at : end];
    const struct element *close = &reading->elements[step > 0 ? end : at];
    enum side all = side_at(reading, at + (size_t)step, step, shown_out);
    int depth = 0;
    for (size_t inside = at + (size_t)step; inside != end && all != SIDE_OTHER; inside += (size_t)step) {
        enum element_kind kind = reading->elements[inside].kind;
        depth += (kind == ELEMENT_OPEN) - (kind == ELEMENT_CLOSE);
        if (kind != ELEMENT_OR || depth)
            continue;
        enum side one = side_at(reading, inside + (size_t)step, step, shown_out);
        all = one == SIDE_OTHER || one == all ? one : SIDE_UNKNOWN;
    }
    return open->transparent && !close->optional ? all : SIDE_UNKNOWN;
}

/* Past the border of a group, as seen from inside. */
static enum side side_outside(const struct reading *reading, size_t border, int step, size_t *shown_out)
{
    if (border >= reading->count)
        return SIDE_NOTHING;
    const struct element *element = &reading->elements[border];
    bool goes_on = step > 0 ? !element->repeats : element->transparent;
    return goes_on ? side_at(reading, border + (size_t)step, step, shown_out) : SIDE_UNKNOWN;
}

/* What the element at `at` shows to a neighbour that looks in the direction of `step`. */
static enum side side_at(const struct reading *reading, size_t at, int step, size_t *shown_out)
{
    if (at >= reading->count)
        return SIDE_NOTHING;
    const struct element *element = &reading->elements[at];
    bool enters = element->kind == (step > 0 ? ELEMENT_OPEN : ELEMENT_CLOSE);
    switch (element->kind) {
    case ELEMENT_CHARACTER:
        *shown_out = element->side == SIDE_OTHER && !element->optional ? at : *shown_out;
        return element->optional ? SIDE_UNKNOWN : element->side;
    case ELEMENT_EDGE:
        return SIDE_NOTHING;
    case ELEMENT_FLAGS:
        return side_at(reading, at + (size_t)step, step, shown_out);
    case ELEMENT_OPEN:
    case ELEMENT_CLOSE:
        return enters ? side_of_group(reading, at, step, shown_out) : side_outside(reading, at, step, shown_out);
    case ELEMENT_OR:
        return side_outside(reading, end_of_group(reading, at, step), step, shown_out);
    default:
        return SIDE_UNKNOWN;
    }
}

static void report(struct loader *loader, const struct wd_node *node, const struct reading *reading, size_t boundary,
                   size_t shown, bool behind)
{
    const struct element *element = &reading->elements[shown];
    int column = wd_column_in_scalar(node, reading->elements[boundary].at);
    if (loader->reporter.quiet)
        return;
    wd_diagnose(
        loader->reporter.findings, WD_WARNING, "boundary-trap", node->file, node->line, column ? column : node->column,
        "\\b beside '%.*s', which is no part of a word, asks for a letter or digit %s it: leave the \\b out, "
        "or write %s",
        (int)element->len, reading->text + element->at, behind ? "before" : "behind", behind ? "(?<!\\w)" : "(?!\\w)");
}

/* What this reading does not understand: comments, free spacing, conditions, recursion. */
static bool is_beyond(const struct wd_node *node)
{
    const char *text = node->text;
    if (strstr(text, "\\Q") || strstr(text, "(*") || strlen(text) != node->text_len)
        return true;
    while ((text = strstr(text, "(?")) != NULL) {
        text += 2;
        size_t flags = strspn(text, "imsnJU^-");
        if (!strchr(":=!<>)P", text[flags]) || (*text == 'P' && text[1] != '<'))
            return true;
    }
    return false;
}

void wd_lint_boundaries(struct loader *loader, const struct wd_node *node)
{
    struct reading reading = {.text = node->text, .len = node->text_len};
    if (!strstr(node->text, "\\b") || is_beyond(node))
        return;
    reading.elements = calloc(node->text_len + 1, sizeof(*reading.elements));
    if (!reading.elements) {
        loader->out_of_memory = true;
        return;
    }
    while (reading.at < reading.len)
        read_element(&reading, &reading.elements[reading.count++]);
    for (size_t i = 0; i < reading.count; i++) {
        size_t shown_before = i, shown_behind = i;
        if (reading.elements[i].kind != ELEMENT_BOUNDARY)
            continue;
        enum side before = side_at(&reading, i - 1, -1, &shown_before);
        enum side behind = side_at(&reading, i + 1, 1, &shown_behind);
        if (behind == SIDE_OTHER && (before == SIDE_OTHER || before == SIDE_NOTHING))
            report(loader, node, &reading, i, shown_behind, true);
        else if (before == SIDE_OTHER && behind == SIDE_NOTHING)
            report(loader, node, &reading, i, shown_before, false);
    }
    free(reading.elements);
}
