/* From a condition's node to a line such as `words: [cheap likes, spam]`. What always holds: it is short, and no
 * character of it controls a terminal. Neighbours: describe.h. */
#include <string.h>

#include "filters/rules/describe.h"

enum { TEXT_BYTES = 120 };

struct text {
    char bytes[TEXT_BYTES + 8];
    size_t len;
    bool is_full;
};

static void add(struct text *text, const char *bytes)
{
    for (; *bytes && !text->is_full; bytes++) {
        if (text->len >= TEXT_BYTES && ((unsigned char)*bytes & 0xC0) != 0x80) {
            memcpy(text->bytes + text->len, "...", 4);
            text->len += 3;
            text->is_full = true;
        } else {
            text->bytes[text->len++] = (unsigned char)*bytes < ' ' || *bytes == 0x7f ? ' ' : *bytes;
        }
    }
}

static void add_value(struct text *text, const struct wd_node *node)
{
    if (node->kind == WD_NODE_SCALAR) {
        add(text, node->quoted ? "'" : "");
        add(text, node->text);
        add(text, node->quoted ? "'" : "");
        return;
    }
    bool is_list = node->kind == WD_NODE_LIST;
    add(text, is_list ? "[" : "{");
    for (const struct wd_node *child = node->first; child && !text->is_full; child = child->next) {
        if (!is_list) {
            add(text, child->key->text);
            add(text, ": ");
        }
        add_value(text, child);
        add(text, child->next ? ", " : "");
    }
    add(text, is_list ? "]" : "}");
}

/* Of a condition with others in it only its name: they follow. */
static bool holds_conditions(const struct wd_node *child)
{
    static const char *const KEYS[] = {"all", "any", "not"};
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(*KEYS); i++)
        if (strcmp(child->key->text, KEYS[i]) == 0)
            return true;
    return false;
}

void wd_describe_condition(struct loader *loader, const struct wd_node *node, struct condition *condition)
{
    condition->line = node->line;
    condition->column = node->column;
    if (!loader->options->describe)
        return;
    struct text text = {.len = 0};
    for (const struct wd_node *child = node->first; child; child = child->next) {
        add(&text, child == node->first ? "" : ", ");
        add(&text, child->key->text);
        if (holds_conditions(child))
            continue;
        add(&text, ": ");
        add_value(&text, child);
    }
    text.bytes[text.len] = '\0';
    condition->text = wd_loader_text(loader, text.bytes);
    condition->file = wd_loader_text(loader, node->file);
}
