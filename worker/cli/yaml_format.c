/* Line by line: what begins an entry of a block is moved to its column; what continues a scalar or a collection in
 * brackets moves along with the line that it belongs to; comments go with what they stand before. Inside a line nothing
 * changes but white space at its end. Neighbours: rules_fmt.c.
 *
 * Style: two columns a level, dashes below the key that they belong to, at most one blank line in a row. */
#include <stdlib.h>
#include <string.h>

#include "worker/cli/yaml_format.h"

enum { STEP = 2, LEVELS_MAX = 2 * WD_DOCUMENT_DEPTH_MAX };

struct source_line {
    const char *data;
    size_t len;     /* without the line's end */
    size_t indent;  /* columns of spaces before the first character */
    bool continues; /* belongs to a scalar or brackets that began above */
};

struct level {
    size_t old_column, new_column;
    bool is_list;
};

struct formatter {
    struct source_line *lines;
    size_t line_count;
    struct level levels[LEVELS_MAX];
    size_t depth;
    char *out;
    size_t used, room;
    bool out_of_memory;
};

/* ---- lines ---- */

static bool split(struct formatter *formatter, const char *text, size_t len)
{
    size_t count = 1;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    formatter->lines = calloc(count, sizeof(*formatter->lines));
    if (!formatter->lines)
        return false;
    for (const char *at = text, *end = text + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct source_line *line = &formatter->lines[formatter->line_count++];
        line->data = at;
        line->len = (size_t)((stop ? stop : end) - at);
        at = stop ? stop + 1 : end;
        if (line->len && line->data[line->len - 1] == '\r')
            line->len--;
        while (line->indent < line->len && line->data[line->indent] == ' ')
            line->indent++;
    }
    return true;
}

static bool is_blank(const struct source_line *line)
{
    return strspn(line->data, " \t\r\n") >= line->len || !line->len;
}

static bool is_comment(const struct source_line *line)
{
    return line->indent < line->len && line->data[line->indent] == '#';
}

/* Columns count characters, so a node's place in bytes has to be looked for. */
static char character_at(const struct formatter *formatter, int line, int column)
{
    if (line < 1 || (size_t)line > formatter->line_count)
        return '\0';
    const struct source_line *source = &formatter->lines[line - 1];
    int at = 1;
    for (size_t i = 0; i < source->len; i++) {
        if (((unsigned char)source->data[i] & 0xc0) == 0x80)
            continue;
        if (at++ == column)
            return source->data[i];
    }
    return '\0';
}

static void mark(struct formatter *formatter, const struct wd_node *node)
{
    for (int line = node->line + 1; line <= node->end_line && (size_t)line <= formatter->line_count; line++)
        formatter->lines[line - 1].continues = true;
}

/* Marks the lines that continue a scalar or brackets. NOLINTNEXTLINE(misc-no-recursion): the document's depth is
 * bounded */
static void mark_continued(struct formatter *formatter, const struct wd_node *node)
{
    char first = character_at(formatter, node->line, node->column);
    bool is_flow = node->kind != WD_NODE_SCALAR && (first == '{' || first == '[');
    if (node->kind == WD_NODE_SCALAR || is_flow) {
        mark(formatter, node);
        return;
    }
    for (const struct wd_node *child = node->first; child; child = child->next) {
        if (child->key)
            mark(formatter, child->key);
        mark_continued(formatter, child);
    }
}

/* ---- output ---- */

static void put(struct formatter *formatter, const char *bytes, size_t len)
{
    if (formatter->used + len + 1 > formatter->room) {
        size_t room = 2 * (formatter->used + len + 1);
        char *out = realloc(formatter->out, room);
        if (!out) {
            formatter->out_of_memory = true;
            return;
        }
        formatter->out = out;
        formatter->room = room;
    }
    memcpy(formatter->out + formatter->used, bytes, len);
    formatter->used += len;
}

static void put_line(struct formatter *formatter, const struct source_line *line, size_t indent)
{
    size_t len = line->len;
    while (!line->continues && len > line->indent && (line->data[len - 1] == ' ' || line->data[len - 1] == '\t'))
        len--;
    for (size_t i = 0; i < indent; i++)
        put(formatter, " ", 1);
    put(formatter, line->data + line->indent, len - line->indent);
    put(formatter, "\n", 1);
}

/* ---- levels ---- */

static struct level *top(struct formatter *formatter)
{
    return formatter->depth ? &formatter->levels[formatter->depth - 1] : NULL;
}

/* The column of what begins at `column`: of an entry of a level that is open, or of a new level below it. */
static size_t enter(struct formatter *formatter, size_t column, bool is_list)
{
    while (top(formatter) && (top(formatter)->old_column > column ||
                              (top(formatter)->old_column == column && top(formatter)->is_list && !is_list)))
        formatter->depth--;
    const struct level *above = top(formatter);
    if (above && above->old_column == column && above->is_list == is_list)
        return above->new_column;
    size_t next = !above ? 0 : is_list && !above->is_list ? above->new_column : above->new_column + STEP;
    if (formatter->depth < LEVELS_MAX)
        formatter->levels[formatter->depth++] =
            (struct level){.old_column = column, .new_column = next, .is_list = is_list};
    return next;
}

static bool is_dash(const struct source_line *line, size_t at)
{
    return line->data[at] == '-' && (at + 1 == line->len || line->data[at + 1] == ' ');
}

/* A line that begins an entry: "key: ...", "- ...", "- - key: ...". Several spaces behind a dash become one. */
static size_t put_entry(struct formatter *formatter, const struct source_line *line)
{
    size_t at = line->indent, indent = 0;
    bool is_first = true;
    struct source_line rest = *line;
    while (at < line->len && is_dash(line, at)) {
        size_t column = enter(formatter, at, true);
        if (is_first)
            indent = column;
        for (size_t i = 0; is_first && i < column; i++)
            put(formatter, " ", 1);
        put(formatter, "-", 1);
        is_first = false;
        for (at++; at < line->len && line->data[at] == ' '; at++)
            ;
        if (at < line->len)
            put(formatter, " ", 1);
    }
    if (at < line->len && line->data[at] != '#') {
        size_t column = enter(formatter, at, false);
        indent = is_first ? column : indent;
    }
    rest.indent = at;
    put_line(formatter, &rest, is_first ? indent : 0);
    return indent;
}

/* ---- the whole ---- */

/* The column at which the entry behind a comment will stand; the comment's own where nothing follows. */
static size_t column_of_next(struct formatter *formatter, size_t number)
{
    for (size_t i = number + 1; i < formatter->line_count; i++) {
        const struct source_line *line = &formatter->lines[i];
        if (is_blank(line) || is_comment(line))
            continue;
        struct formatter copy = *formatter; /* only the levels are used */
        bool is_list = is_dash(line, line->indent);
        return enter(&copy, line->indent, is_list);
    }
    return 0;
}

static void format_lines(struct formatter *formatter)
{
    size_t old_indent = 0, new_indent = 0;
    bool blank_before = true; /* none at the beginning */
    for (size_t i = 0; i < formatter->line_count; i++) {
        const struct source_line *line = &formatter->lines[i];
        if (line->continues) {
            size_t moved = line->indent + new_indent;
            put_line(formatter, line, is_blank(line) ? 0 : moved > old_indent ? moved - old_indent : 0);
            blank_before = false;
        } else if (is_blank(line)) {
            if (!blank_before)
                put(formatter, "\n", 1);
            blank_before = true;
        } else {
            if (is_comment(line)) {
                put_line(formatter, line, column_of_next(formatter, i));
            } else {
                old_indent = line->indent;
                new_indent = put_entry(formatter, line);
            }
            blank_before = false;
        }
    }
    while (formatter->used > 1 && formatter->out[formatter->used - 1] == '\n' &&
           formatter->out[formatter->used - 2] == '\n')
        formatter->used--;
    put(formatter, "", 1); /* the NUL, which is not counted */
    formatter->used -= formatter->out_of_memory ? 0 : 1;
}

/* NOLINTNEXTLINE(misc-no-recursion): the document's depth is bounded */
static bool same_nodes(const struct wd_node *a, const struct wd_node *b)
{
    if (!a || !b)
        return !a && !b;
    if (a->kind != b->kind || a->quoted != b->quoted || a->count != b->count)
        return false;
    if (a->kind == WD_NODE_SCALAR && (a->text_len != b->text_len || memcmp(a->text, b->text, a->text_len) != 0))
        return false;
    const struct wd_node *other = b->first;
    for (const struct wd_node *child = a->first; child; child = child->next, other = other->next)
        if ((child->key && (!other->key || !same_nodes(child->key, other->key))) || !same_nodes(child, other))
            return false;
    return true;
}

/* A comment must not get lost either: there are as many '#' and '"' as before. */
static size_t count_of(const char *text, size_t len, char wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == wanted;
    return count;
}

static enum wd_status check_kept(const char *name, const struct wd_node *before, const char *text, size_t len,
                                 const struct formatter *formatter, struct wd_error *err)
{
    struct wd_document *document = NULL;
    struct wd_diagnostics *ignored = wd_diagnostics_new();
    enum wd_status status = WD_OK;
    if (!ignored)
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    bool kept = wd_document_parse(name, formatter->out, formatter->used, &document, ignored) == WD_OK &&
                same_nodes(before, wd_document_root(document)) &&
                count_of(text, len, '#') == count_of(formatter->out, formatter->used, '#');
    if (!kept)
        status =
            wd_fail(err, WD_ERR_INVALID, "%s has a form that cannot be formatted without changing what it means", name);
    wd_document_free(document);
    wd_diagnostics_free(ignored);
    return status;
}

enum wd_status yaml_format(const char *name, const char *text, size_t len, char **out, size_t *len_out,
                           struct wd_diagnostics *findings, struct wd_error *err)
{
    struct wd_document *document = NULL;
    enum wd_status status = wd_document_parse(name, text, len, &document, findings);
    if (status != WD_OK)
        return wd_fail(err, status, "%s cannot be read", name);
    struct formatter *formatter = calloc(1, sizeof(*formatter));
    if (formatter && split(formatter, text, len)) {
        if (wd_document_root(document))
            mark_continued(formatter, wd_document_root(document));
        format_lines(formatter);
        status = formatter->out_of_memory ? wd_fail(err, WD_ERR_MEMORY, "no memory")
                                          : check_kept(name, wd_document_root(document), text, len, formatter, err);
    } else {
        status = wd_fail(err, WD_ERR_MEMORY, "no memory");
    }
    if (status == WD_OK) {
        *out = formatter->out;
        *len_out = formatter->used;
    } else if (formatter) {
        free(formatter->out);
    }
    if (formatter)
        free(formatter->lines);
    free(formatter);
    wd_document_free(document);
    return status;
}
