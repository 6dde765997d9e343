/* The model's makers, and what all readers share. Neighbours: import_set.h. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "worker/cli/import_set.h"

static void *take(struct import_set *set, size_t size)
{
    void *memory = wd_arena_zalloc(set->arena, 1, size);
    set->out_of_memory |= !memory;
    return memory;
}

struct import_rule *import_add_rule(struct import_set *set, int line, int column)
{
    struct import_rule *rule = take(set, sizeof(*rule));
    set->read++;
    if (!rule)
        return NULL;
    *rule = (struct import_rule){.line = line, .column = column};
    if (set->last)
        set->last->next = rule;
    else
        set->rules = rule;
    return set->last = rule;
}

struct import_condition *import_condition(struct import_set *set, enum import_kind kind, struct import_condition *in)
{
    struct import_condition *condition = take(set, sizeof(*condition));
    if (!condition)
        return NULL;
    condition->kind = kind;
    if (in && in->last)
        in->last->next = condition;
    else if (in)
        in->first = condition;
    if (in)
        in->last = condition;
    return condition;
}

struct import_condition *import_leaf(struct import_set *set, struct import_condition *in, const char *key)
{
    struct import_condition *leaf = import_condition(set, IMPORT_LEAF, in);
    if (leaf)
        leaf->key = key;
    return leaf;
}

const char *import_text(struct import_set *set, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    const char *kept = length < 0 ? NULL : wd_arena_copy(set->arena, wd_str_from(text)).data;
    if (length >= 0)
        free(text);
    set->out_of_memory |= !kept;
    return kept;
}

void import_add_value(struct import_set *set, struct import_condition *leaf, const char *text, size_t len)
{
    enum { STEP = 64 };
    if (!leaf)
        return;
    if (leaf->value_count % STEP == 0) {
        size_t room = leaf->value_count < STEP ? STEP : leaf->value_count * 2;
        bool grows = leaf->value_count < STEP || (leaf->value_count & (leaf->value_count - 1)) == 0;
        struct wd_str *values = grows ? wd_arena_zalloc(set->arena, room, sizeof(*values)) : leaf->values;
        set->out_of_memory |= !values;
        if (!values)
            return;
        if (grows && leaf->value_count)
            memcpy(values, leaf->values, leaf->value_count * sizeof(*values));
        leaf->values = values;
    }
    struct wd_str copy = wd_arena_copy(set->arena, (struct wd_str){.data = text, .len = len});
    set->out_of_memory |= !copy.data;
    leaf->values[leaf->value_count++] = copy;
}

void import_add_action(struct import_rule *rule, const char *action)
{
    for (size_t i = 0; i < rule->action_count; i++)
        if (strcmp(rule->actions[i], action) == 0)
            return;
    if (rule->action_count < IMPORT_ACTIONS_MAX)
        rule->actions[rule->action_count++] = action;
}

void import_add_example(struct import_examples *examples, bool match, const char *text)
{
    size_t *count = match ? &examples->match_count : &examples->no_match_count;
    const char **list = match ? examples->match : examples->no_match;
    if (text && *count < IMPORT_EXAMPLES_MAX)
        list[(*count)++] = text;
}

/* ---- what cannot be kept ---- */

#define FORMATTED(text, format)                                                                                        \
    char text[512];                                                                                                    \
    va_list args;                                                                                                      \
    va_start(args, format);                                                                                            \
    vsnprintf(text, sizeof(text), format, args);                                                                       \
    va_end(args)

void import_refuse(struct import_set *set, struct import_rule *rule, int line, int column, const char *format, ...)
{
    FORMATTED(text, format);
    rule->refused = true;
    wd_diagnose(set->findings, WD_ERROR, "not-imported", set->name, line, column, "%s", text);
}

void import_leave_out(struct import_set *set, int line, int column, const char *format, ...)
{
    FORMATTED(text, format);
    set->left_out++;
    wd_diagnose(set->findings, WD_WARNING, "left-out", set->name, line, column, "%s", text);
}

void import_note(struct import_set *set, int line, int column, const char *format, ...)
{
    FORMATTED(text, format);
    wd_diagnose(set->findings, WD_NOTE, "changed", set->name, line, column, "%s", text);
}

/* ---- texts ---- */

const char *import_escaped(struct import_set *set, const char *text, size_t len)
{
    char *escaped = wd_arena_alloc(set->arena, 3 * len + 1), *out = escaped;
    set->out_of_memory |= !escaped;
    for (size_t i = 0; escaped && i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (isspace(c)) {
            memcpy(out, "\\s+", 3);
            out += 3;
            while (i + 1 < len && isspace((unsigned char)text[i + 1]))
                i++;
            continue;
        }
        if (strchr("\\^$.[]|()?*+{}#", c))
            *out++ = '\\';
        *out++ = (char)c;
    }
    if (escaped)
        *out = '\0';
    return escaped;
}

/* ---- documents ---- */

static bool is_separator(const char *line, size_t len)
{
    while (len && strchr(" \t\r", line[len - 1]))
        len--;
    return len >= 3 && strncmp(line, "---", 3) == 0 && (len == 3 || line[3] == ' ');
}

/* What the comment says that stands before everything else in a chunk; NULL: nothing. */
static const char *first_comment(struct import_set *set, const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *from = text, *to = stop ? stop : end;
        text = stop ? stop + 1 : end;
        while (from < to && strchr(" \t\r", *from))
            from++;
        if (from < to && *from != '#')
            return NULL;
        while (from < to && strchr(" \t#", *from))
            from++;
        while (from < to && strchr(" \t\r#=-", to[-1])) /* lines of dashes around it are no words */
            to--;
        if (from < to)
            return wd_arena_copy(set->arena, (struct wd_str){.data = from, .len = (size_t)(to - from)}).data;
    }
    return NULL;
}

/* Parsed with as many empty lines before it as stand before it in the file, so that places are those of the file. */
static void take_document(struct import_set *set, const char *text, size_t len, int first_line,
                          import_document_fn *take_root, void *context)
{
    struct wd_document *document = NULL;
    size_t before = (size_t)first_line - 1;
    char *padded = malloc(before + len + 1);
    if (!padded) {
        set->out_of_memory = true;
        return;
    }
    memset(padded, '\n', before);
    memcpy(padded + before, text, len);
    struct wd_diagnostics *found = wd_diagnostics_new();
    enum wd_status status =
        found ? wd_document_parse(set->name, padded, before + len, &document, found) : WD_ERR_MEMORY;
    set->out_of_memory |= status == WD_ERR_MEMORY;
    for (size_t i = 0; found && i < wd_diagnostics_count(found); i++) {
        const struct wd_diagnostic *one = wd_diagnostics_at(found, i);
        wd_diagnose(set->findings, one->severity, one->code, one->file, one->line, one->column, "%s", one->message);
    }
    if (status == WD_OK && wd_document_root(document))
        take_root(context, wd_document_root(document), first_comment(set, text, len));
    else if (status != WD_OK)
        set->read++;
    wd_diagnostics_free(found);
    wd_document_free(document);
    free(padded);
}

void import_documents(struct import_set *set, const char *text, size_t len, import_document_fn *take_root,
                      void *context)
{
    const char *at = text, *end = text + len, *begin = text;
    int line = 1, first_line = 1;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (is_separator(at, (size_t)((stop ? stop : end) - at))) {
            take_document(set, begin, (size_t)(at - begin), first_line, take_root, context);
            begin = stop ? stop + 1 : end;
            first_line = line + 1;
        }
        at = stop ? stop + 1 : end;
        line++;
    }
    take_document(set, begin, (size_t)(end - begin), first_line, take_root, context);
}
