/* Regular expressions as the author wrote them: whether they compile, and where in the file they do not.
 * Neighbours: leaves.c and fields.c, whose patterns these are. */
#include <string.h>

#include "filters/rules/expression.h"
#include "filters/rules/loader.h"

int wd_column_in_scalar(const struct wd_node *node, size_t offset)
{
    bool one_line = node->line == node->end_line && !memchr(node->text, '\n', node->text_len);
    if (!one_line || (node->style != WD_STYLE_PLAIN && node->style != WD_STYLE_SINGLE_QUOTED))
        return 0;
    bool quoted = node->style == WD_STYLE_SINGLE_QUOTED;
    int column = node->column + quoted;
    for (size_t i = 0; i < offset && i < node->text_len; i++) {
        column += ((unsigned char)node->text[i] & 0xC0) != 0x80;
        column += quoted && node->text[i] == '\''; /* written twice */
    }
    return column;
}

bool wd_check_regex(struct loader *loader, const struct wd_node *node, bool caseless)
{
    struct wd_str pattern = {.data = node->text, .len = node->text_len};
    struct wd_error err = {0};
    bool can_be_empty = false;
    if (wd_expression_check(pattern, caseless, &can_be_empty, &err) == WD_OK) {
        if (can_be_empty)
            wd_report(&loader->reporter, node, WD_WARNING, "matches-empty",
                      "this expression matches the empty text, so any text at all: is a + meant in place of a *?");
        return wd_check_growth(loader, node, caseless);
    }
    size_t offset = err.column > 0 ? (size_t)err.column - 1 : 0;
    int column = wd_column_in_scalar(node, offset);
    if (column)
        wd_report_at(&loader->reporter, node, column, "bad-regex", "%s", err.text);
    else
        wd_report(&loader->reporter, node, WD_ERROR, "bad-regex", "%s, at offset %zu of the expression", err.text,
                  offset);
    return false;
}
