/* A recursive-descent reader of PCRE2 patterns; see syntax.h for what its tree promises. Options that change how text
 * is read (x, xx) and everything with effects beyond its place (verbs, callouts, conditions) make it give up. */
#include "filters/patterns/syntax.h"

#include <stdlib.h>
#include <string.h>

#include "filters/patterns/syntax_class.h"
#include "filters/patterns/unicode.h"

enum { NODES_MAX = 4096, CLASSES_MAX = 512, DEPTH_MAX = 100, REPEAT_MAX = 65535 };

struct syntax_parser {
    struct syntax_reader reader; /* first, so that class reading can share it */
    struct syntax_node nodes[NODES_MAX];
    struct syntax_class classes[CLASSES_MAX];
    size_t node_count, class_count;
    struct syntax_tree tree;
    uint32_t captures, depth;
    bool caseless, dot_all;
};

struct syntax_parser *syntax_parser_new(void)
{
    return malloc(sizeof(struct syntax_parser));
}

void syntax_parser_free(struct syntax_parser *parser)
{
    free(parser);
}

static struct syntax_node *give_up(struct syntax_parser *p)
{
    p->reader.failed = true;
    return &p->nodes[0];
}

static struct syntax_node *node_new(struct syntax_parser *p, enum syntax_kind kind)
{
    if (p->node_count == NODES_MAX)
        return give_up(p);
    struct syntax_node *node = &p->nodes[p->node_count++];
    *node = (struct syntax_node){.kind = kind, .caseless = p->caseless, .matches_newline = p->dot_all};
    return node;
}

static bool at_end(const struct syntax_parser *p)
{
    return p->reader.failed || p->reader.at >= p->reader.end;
}

static bool take(struct syntax_parser *p, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(p->reader.end - p->reader.at) < n || memcmp(p->reader.at, text, n) != 0)
        return false;
    p->reader.at += n;
    return true;
}

static bool skip_past(struct syntax_parser *p, char c)
{
    while (!at_end(p))
        if (*p->reader.at++ == c)
            return true;
    give_up(p);
    return false;
}

static struct syntax_node *character_node(struct syntax_parser *p, uint32_t c)
{
    struct syntax_node *node = node_new(p, SYNTAX_CHAR);
    node->character = c;
    return node;
}

static struct syntax_node *class_node(struct syntax_parser *p, const struct syntax_class *set)
{
    if (p->class_count == CLASSES_MAX)
        return give_up(p);
    struct syntax_node *node = node_new(p, SYNTAX_CLASS);
    node->set = &p->classes[p->class_count++];
    *node->set = *set;
    return node;
}

static struct syntax_node *parse_alternatives(struct syntax_parser *p);

static uint32_t read_number(struct syntax_parser *p, bool *found_out)
{
    uint32_t n = 0;
    *found_out = false;
    while (!at_end(p) && *p->reader.at >= '0' && *p->reader.at <= '9' && n <= REPEAT_MAX) {
        n = n * 10 + (uint32_t)(*p->reader.at++ - '0');
        *found_out = true;
    }
    return n;
}

/* \1 to \9 are back-references; higher numbers may be octal and are not told apart. */
static struct syntax_node *parse_numbered_reference(struct syntax_parser *p)
{
    bool found;
    uint32_t n = read_number(p, &found);
    if (!found || n == 0 || n > 9)
        return give_up(p);
    p->tree.rigid = true;
    struct syntax_node *node = node_new(p, SYNTAX_BACK);
    node->capture = n;
    return node;
}

/* \g{1} \g1 \g{-1} \g{name} \k<name> are back-references by other means, \g<1> and \g'1' calls: anything. */
static struct syntax_node *parse_named_reference(struct syntax_parser *p)
{
    struct syntax_node *node = node_new(p, SYNTAX_OPAQUE);
    p->tree.rigid = true;
    if (at_end(p))
        return give_up(p);
    char open = *p->reader.at;
    if (open == '{' || open == '<' || open == '\'') {
        p->reader.at++;
        skip_past(p, open == '{' ? '}' : open == '<' ? '>' : '\'');
        return node;
    }
    if (open == '-' || open == '+')
        p->reader.at++;
    bool found;
    read_number(p, &found);
    return found ? node : give_up(p);
}

static struct syntax_node *parse_assertion_escape(struct syntax_parser *p, char c)
{
    if (c == 'b')
        return node_new(p, SYNTAX_EDGE);
    if (c == 'G')
        p->tree.rigid = true;
    if (c == 'K' || c == 'G')
        p->tree.moves_start = true;
    return node_new(p, SYNTAX_EMPTY);
}

/* \Q...\E: the characters as they are. */
static void parse_quoted(struct syntax_parser *p, struct syntax_node **last)
{
    while (!at_end(p) && !take(p, "\\E")) {
        struct syntax_node *node = character_node(p, syntax_read_character(&p->reader));
        (*last)->next = node;
        *last = node;
    }
}

static struct syntax_node *parse_escape(struct syntax_parser *p)
{
    const char *start = p->reader.at - 1;
    if (at_end(p))
        return give_up(p);
    char c = *p->reader.at;
    if (c >= '1' && c <= '9')
        return parse_numbered_reference(p);
    if (strchr("bBAZzGK", c)) {
        p->reader.at++;
        return parse_assertion_escape(p, c);
    }
    if (c == 'g' || c == 'k') {
        p->reader.at++;
        return parse_named_reference(p);
    }
    if (c == 'R' || c == 'X') {
        p->reader.at++;
        return node_new(p, SYNTAX_OPAQUE);
    }
    struct syntax_class set;
    uint32_t character = 0;
    switch (syntax_read_escape(&p->reader, start, &set, &character)) {
    case ESCAPE_CHARACTER:
        return character_node(p, character);
    case ESCAPE_CLASS:
        return class_node(p, &set);
    case ESCAPE_UNKNOWN:
        break;
    }
    return give_up(p);
}

/* The letters of (?im-s); true if all are known. Stops at the character after them. */
static bool read_options(struct syntax_parser *p)
{
    bool on = true;
    if (take(p, "^")) {
        p->caseless = p->dot_all = false;
        p->tree.case_switched_off = true;
    }
    for (; !at_end(p) && *p->reader.at != ')' && *p->reader.at != ':'; p->reader.at++) {
        switch (*p->reader.at) {
        case '-':
            on = false;
            break;
        case 'i':
            p->caseless = on;
            p->tree.case_switched_off = p->tree.case_switched_off || !on;
            break;
        case 's':
            p->dot_all = on;
            break;
        case 'm':
            break;
        default: /* x, xx, n, J, U change how the rest is read */
            return false;
        }
    }
    return !at_end(p);
}

static struct syntax_node *wrap_group(struct syntax_parser *p, struct syntax_node *node)
{
    bool caseless = p->caseless, dot_all = p->dot_all;
    node->first = parse_alternatives(p);
    p->caseless = caseless;
    p->dot_all = dot_all;
    if (!take(p, ")"))
        return give_up(p);
    return node;
}

static struct syntax_node *parse_look(struct syntax_parser *p, bool behind, bool negative)
{
    struct syntax_node *node = node_new(p, SYNTAX_LOOK);
    node->behind = behind;
    node->negative = negative;
    return wrap_group(p, node);
}

static struct syntax_node *parse_capture(struct syntax_parser *p)
{
    struct syntax_node *node = node_new(p, SYNTAX_GROUP);
    node->capture = ++p->captures;
    return wrap_group(p, node);
}

/* After "(?". */
static struct syntax_node *parse_special_group(struct syntax_parser *p)
{
    if (take(p, "#"))
        return give_up(p); /* a quantifier after a comment belongs to what is before it */
    if (take(p, ":"))
        return wrap_group(p, node_new(p, SYNTAX_GROUP));
    if (take(p, "=") || take(p, "!"))
        return parse_look(p, false, p->reader.at[-1] == '!');
    if (take(p, "<=") || take(p, "<!"))
        return parse_look(p, true, p->reader.at[-1] == '!');
    if (take(p, ">")) {
        struct syntax_node *node = node_new(p, SYNTAX_GROUP);
        node->possessive = true;
        return wrap_group(p, node);
    }
    bool named = take(p, "P<") || take(p, "<");
    if (named || take(p, "'")) {
        skip_past(p, named ? '>' : '\'');
        return parse_capture(p);
    }
    if (at_end(p) || !strchr("^-ims", *p->reader.at) || !read_options(p))
        return give_up(p);
    return NULL;
}

/* After "(". Options without a body reach to the end of the enclosing group, as PCRE2 has it. */
static struct syntax_node *parse_group(struct syntax_parser *p)
{
    if (++p->depth > DEPTH_MAX)
        return give_up(p);
    struct syntax_node *node = NULL;
    bool caseless = p->caseless, dot_all = p->dot_all;
    if (!at_end(p) && *p->reader.at == '*') {
        node = give_up(p);
    } else if (!take(p, "?")) {
        node = parse_capture(p);
    } else {
        node = parse_special_group(p);
        if (!node && take(p, ")")) {
            node = node_new(p, SYNTAX_EMPTY);
        } else if (!node && take(p, ":")) {
            node = wrap_group(p, node_new(p, SYNTAX_GROUP));
            p->caseless = caseless;
            p->dot_all = dot_all;
        } else if (!node) {
            node = give_up(p);
        }
    }
    p->depth--;
    return node;
}

static struct syntax_node *parse_atom(struct syntax_parser *p)
{
    const char *start = p->reader.at;
    switch (*p->reader.at) {
    case '^':
    case '$':
        p->reader.at++;
        return node_new(p, SYNTAX_EMPTY);
    case '.':
        p->reader.at++;
        return node_new(p, SYNTAX_ANY);
    case '\\':
        p->reader.at++;
        return parse_escape(p);
    case '(':
        p->reader.at++;
        return parse_group(p);
    case '[': {
        struct syntax_class set;
        p->reader.at++;
        if (!syntax_read_class(&p->reader, start, &set))
            return give_up(p);
        return class_node(p, &set);
    }
    case '*':
    case '+':
    case '?':
        return give_up(p);
    default:
        return character_node(p, syntax_read_character(&p->reader));
    }
}

/* {n} {n,} {n,m}; anything else is literal text (and {,m} is that or not by version: not understood). */
static bool read_braces(struct syntax_parser *p, uint32_t *min_out, uint32_t *max_out)
{
    const char *start = p->reader.at;
    bool has_min, has_max = true;
    p->reader.at++;
    *min_out = *max_out = read_number(p, &has_min);
    if (take(p, ",")) {
        *max_out = read_number(p, &has_max);
        if (!has_max)
            *max_out = SYNTAX_UNLIMITED;
    }
    if (has_min && take(p, "}"))
        return true;
    if (!at_end(p) && strchr(", \t", *start == '{' ? start[1] : ' '))
        give_up(p);
    if (!at_end(p) && strchr(" \t", *p->reader.at))
        give_up(p);
    p->reader.at = start;
    return false;
}

static bool read_quantifier(struct syntax_parser *p, uint32_t *min_out, uint32_t *max_out)
{
    if (at_end(p))
        return false;
    *min_out = 0;
    *max_out = SYNTAX_UNLIMITED;
    switch (*p->reader.at) {
    case '*':
        break;
    case '+':
        *min_out = 1;
        break;
    case '?':
        *max_out = 1;
        break;
    case '{':
        return read_braces(p, min_out, max_out);
    default:
        return false;
    }
    p->reader.at++;
    return true;
}

static struct syntax_node *quantified(struct syntax_parser *p, struct syntax_node *atom)
{
    uint32_t min, max;
    while (read_quantifier(p, &min, &max)) {
        struct syntax_node *node = node_new(p, SYNTAX_REPEAT);
        node->min = min;
        node->max = max;
        node->first = atom;
        if (take(p, "?"))
            node->lazy = true;
        else if (take(p, "+"))
            node->possessive = true;
        atom = node;
    }
    return atom;
}

static struct syntax_node *parse_sequence(struct syntax_parser *p)
{
    struct syntax_node *sequence = node_new(p, SYNTAX_SEQUENCE);
    struct syntax_node head = {0}, *last = &head;
    while (!at_end(p) && *p->reader.at != '|' && *p->reader.at != ')') {
        /* A quantifier after \E belongs to the last quoted character. A lone \E and \Q\E are nothing, and what follows
         * them quantifies what was before: too odd to be worth reading. */
        struct syntax_node *before = last;
        struct syntax_node *node;
        if (take(p, "\\E"))
            return give_up(p);
        if (take(p, "\\Q")) {
            parse_quoted(p, &last);
            if (last == before)
                return give_up(p);
            node = last;
            before = &head;
            while (before->next != node)
                before = before->next;
        } else {
            node = parse_atom(p);
        }
        before->next = quantified(p, node);
        last = before->next;
    }
    sequence->first = head.next;
    return sequence;
}

static struct syntax_node *parse_alternatives(struct syntax_parser *p)
{
    if (++p->depth > DEPTH_MAX)
        return give_up(p);
    struct syntax_node *first = parse_sequence(p);
    p->depth--;
    if (at_end(p) || *p->reader.at != '|')
        return first;
    struct syntax_node *either = node_new(p, SYNTAX_EITHER), *last = first;
    either->first = first;
    while (!at_end(p) && take(p, "|")) {
        p->depth++;
        last->next = parse_sequence(p);
        p->depth--;
        last = last->next;
    }
    return either;
}

struct syntax_tree syntax_parse(struct syntax_parser *p, struct wd_str pattern, bool caseless)
{
    p->reader = (struct syntax_reader){.at = pattern.data ? pattern.data : "", .caseless = caseless};
    p->reader.end = p->reader.at + pattern.len;
    p->node_count = p->class_count = 0;
    p->captures = p->depth = 0;
    p->caseless = caseless;
    p->dot_all = false;
    p->tree = (struct syntax_tree){0};
    p->nodes[p->node_count++] = (struct syntax_node){.kind = SYNTAX_OPAQUE};
    p->tree.root = parse_alternatives(p);
    p->tree.understood = !p->reader.failed && p->reader.at == p->reader.end;
    if (!p->tree.understood) {
        p->nodes[0] = (struct syntax_node){.kind = SYNTAX_OPAQUE};
        p->tree.root = &p->nodes[0];
    }
    return p->tree;
}
