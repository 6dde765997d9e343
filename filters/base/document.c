/* YAML into a tree of nodes, by libyaml's event interface. What always holds: a document is only handed out when it had
 * no finding; every node and text lives in the document's arena; depth, nodes and bytes are bounded.
 * Neighbours: scalar.c reads typed values from its nodes; filters/rules and the worker's configuration use it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include <warden/arena.h>
#include <warden/document.h>

#include "filters/base/file.h"

enum { ARENA_CAP_BYTES = 512 * 1024 * 1024 };

struct wd_document {
    struct wd_arena *arena;
    const char *name;
    const struct wd_node *root;
};

/* A list or map whose end has not come yet. */
struct open_node {
    struct wd_node *node;
    struct wd_node *last; /* child */
    struct wd_node *key;  /* map: the key whose value is awaited */
};

struct builder {
    struct wd_document *document;
    struct wd_diagnostics *findings;
    const char *text; /* the whole input */
    size_t len;
    struct open_node open[WD_DOCUMENT_DEPTH_MAX];
    size_t depth, nodes;
    bool has_findings, ended;
};

#define REPORT(b, line, column, code, ...)                                                                             \
    (b->has_findings = true, wd_diagnose(b->findings, WD_ERROR, code, b->document->name, line, column, __VA_ARGS__))

static enum wd_status out_of_memory(struct builder *b)
{
    REPORT(b, 0, 0, "out-of-memory", "no memory for this file");
    return WD_ERR_MEMORY;
}

static int mark_line(yaml_mark_t mark)
{
    return (int)mark.line + 1;
}

static int mark_column(yaml_mark_t mark)
{
    return (int)mark.column + 1;
}

/* ---- duplicate keys ---- */

struct key_entry {
    const struct wd_node *key;
    size_t order;
};

static int by_text_then_order(const void *left, const void *right)
{
    const struct key_entry *a = left, *b = right;
    int texts = strcmp(a->key->text, b->key->text);
    return texts ? texts : (a->order > b->order) - (a->order < b->order);
}

static enum wd_status find_duplicate_keys(struct builder *b, const struct wd_node *map)
{
    if (map->count < 2)
        return WD_OK;
    struct key_entry *keys = calloc(map->count, sizeof(*keys));
    if (!keys)
        return out_of_memory(b);
    size_t count = 0;
    for (const struct wd_node *value = map->first; value; value = value->next, count++)
        keys[count] = (struct key_entry){.key = value->key, .order = count};
    qsort(keys, count, sizeof(*keys), by_text_then_order);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (strcmp(keys[i].key->text, keys[first].key->text) != 0)
            first = i;
        else
            REPORT(b, keys[i].key->line, keys[i].key->column, "duplicate-key",
                   "'%s' stands here a second time (first on line %d): keep one of them", keys[i].key->text,
                   keys[first].key->line);
    }
    free(keys);
    return WD_OK;
}

/* ---- building the tree ---- */

static struct wd_node *new_node(struct builder *b, enum wd_node_kind kind, const yaml_event_t *event)
{
    if (++b->nodes > WD_DOCUMENT_NODES_MAX)
        return NULL;
    struct wd_node *node = wd_arena_zalloc(b->document->arena, 1, sizeof(*node));
    if (!node)
        return NULL;
    node->kind = kind;
    node->file = b->document->name;
    node->line = mark_line(event->start_mark);
    node->column = mark_column(event->start_mark);
    node->end_line = mark_line(event->end_mark);
    return node;
}

static enum wd_status no_node(struct builder *b, const yaml_event_t *event)
{
    if (b->nodes <= WD_DOCUMENT_NODES_MAX)
        return out_of_memory(b);
    REPORT(b, mark_line(event->start_mark), mark_column(event->start_mark), "too-many-nodes",
           "the file has more than %d values: split it, or move long lists to files of their own",
           WD_DOCUMENT_NODES_MAX);
    return WD_ERR_TOO_LARGE;
}

static bool awaits_key(const struct builder *b)
{
    const struct open_node *top = b->depth ? &b->open[b->depth - 1] : NULL;
    return top && top->node->kind == WD_NODE_MAP && !top->key;
}

/* Puts a value (a key has been put aside before) where it belongs. */
static void attach(struct builder *b, struct wd_node *node)
{
    if (!b->depth) {
        b->document->root = node;
        return;
    }
    struct open_node *top = &b->open[b->depth - 1];
    node->key = top->key;
    top->key = NULL;
    if (top->last)
        top->last->next = node;
    else
        top->node->first = node;
    top->last = node;
    top->node->count++;
}

static void refuse_anchor_and_tag(struct builder *b, const yaml_event_t *event, const yaml_char_t *anchor,
                                  const yaml_char_t *tag)
{
    int line = mark_line(event->start_mark), column = mark_column(event->start_mark);
    if (anchor)
        REPORT(b, line, column, "yaml-anchor", "anchors (&%s) are not supported: repeat the value", anchor);
    if (tag)
        REPORT(b, line, column, "yaml-tag", "tags (%s) are not supported: leave it out", tag);
}

static enum wd_scalar_style style_of(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return WD_STYLE_SINGLE_QUOTED;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return WD_STYLE_DOUBLE_QUOTED;
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE:
        return WD_STYLE_BLOCK;
    default:
        return WD_STYLE_PLAIN;
    }
}

static enum wd_status add_scalar(struct builder *b, const yaml_event_t *event)
{
    refuse_anchor_and_tag(b, event, event->data.scalar.anchor, event->data.scalar.tag);
    struct wd_node *node = new_node(b, WD_NODE_SCALAR, event);
    if (!node)
        return no_node(b, event);
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (memchr(value, '\0', len))
        REPORT(b, node->line, node->column, "yaml-nul", "text must not hold the character NUL (\\0): take it out");
    struct wd_str copy = wd_arena_copy(b->document->arena, (struct wd_str){.data = value, .len = len});
    if (!copy.data)
        return out_of_memory(b);
    node->text = copy.data;
    node->text_len = copy.len;
    node->style = style_of(event->data.scalar.style);
    node->quoted = node->style != WD_STYLE_PLAIN;
    if (!awaits_key(b)) {
        attach(b, node);
        return WD_OK;
    }
    if (!node->quoted && strcmp(node->text, "<<") == 0)
        REPORT(b, node->line, node->column, "yaml-merge", "merge keys (<<) are not supported: repeat the keys");
    b->open[b->depth - 1].key = node;
    return WD_OK;
}

static enum wd_status open_collection(struct builder *b, const yaml_event_t *event, enum wd_node_kind kind)
{
    int line = mark_line(event->start_mark), column = mark_column(event->start_mark);
    if (awaits_key(b)) {
        REPORT(b, line, column, "yaml-key", "a key must be a plain text, not a list or map");
        return WD_ERR_INVALID;
    }
    if (b->depth == WD_DOCUMENT_DEPTH_MAX) {
        REPORT(b, line, column, "too-deep", "lists and maps are nested deeper than %d", WD_DOCUMENT_DEPTH_MAX);
        return WD_ERR_TOO_LARGE;
    }
    struct wd_node *node = new_node(b, kind, event);
    if (!node)
        return no_node(b, event);
    attach(b, node);
    b->open[b->depth++] = (struct open_node){.node = node};
    return WD_OK;
}

static enum wd_status close_collection(struct builder *b, const yaml_event_t *event)
{
    struct wd_node *node = b->open[--b->depth].node;
    node->end_line = mark_line(event->end_mark);
    return node->kind == WD_NODE_MAP ? find_duplicate_keys(b, node) : WD_OK;
}

static enum wd_status take_event(struct builder *b, const yaml_event_t *event, bool *done)
{
    int line = mark_line(event->start_mark), column = mark_column(event->start_mark);
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return add_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        refuse_anchor_and_tag(b, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        return open_collection(b, event, WD_NODE_LIST);
    case YAML_MAPPING_START_EVENT:
        refuse_anchor_and_tag(b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        return open_collection(b, event, WD_NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_collection(b, event);
    case YAML_ALIAS_EVENT:
        REPORT(b, line, column, "yaml-alias", "aliases (*%s) are not supported: repeat the value",
               event->data.alias.anchor);
        return WD_ERR_INVALID;
    case YAML_DOCUMENT_START_EVENT:
        if (b->ended) {
            REPORT(b, line, column, "yaml-documents", "a file holds one document: move the rest to another file");
            return WD_ERR_INVALID;
        }
        return WD_OK;
    case YAML_DOCUMENT_END_EVENT:
        b->ended = true;
        return WD_OK;
    case YAML_STREAM_END_EVENT:
        *done = true;
        return WD_OK;
    default:
        return WD_OK;
    }
}

/* ---- syntax errors ---- */

static void place_of_offset(const struct builder *b, size_t offset, int *line, int *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < offset && i < b->len; i++) {
        unsigned char c = (unsigned char)b->text[i];
        if (c == '\n') {
            ++*line;
            *column = 1;
        } else if ((c & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

/* Column of a tab in the indentation of the line, 0 where there is none. */
static int tab_in_indentation(const struct builder *b, int line)
{
    const char *at = b->text, *end = b->text + b->len;
    for (int i = 1; i < line && at; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    for (const char *c = at; c && c < end && (*c == ' ' || *c == '\t'); c++)
        if (*c == '\t')
            return (int)(c - at) + 1;
    return 0;
}

static enum wd_status syntax_error(struct builder *b, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return out_of_memory(b);
    int line = mark_line(parser->problem_mark), column = mark_column(parser->problem_mark);
    const char *problem = parser->problem ? parser->problem : "not understood";
    if (parser->error == YAML_READER_ERROR) {
        place_of_offset(b, parser->problem_offset, &line, &column);
        REPORT(b, line, column, "yaml-encoding", "the file must be UTF-8 without control characters: %s", problem);
        return WD_ERR_INVALID;
    }
    int tab = tab_in_indentation(b, line);
    if (tab)
        REPORT(b, line, tab, "yaml-tab", "a tab cannot indent: use spaces");
    else if (parser->context)
        REPORT(b, line, column, "yaml-syntax", "%s, %s (that began on line %d)", problem, parser->context,
               mark_line(parser->context_mark));
    else
        REPORT(b, line, column, "yaml-syntax", "%s", problem);
    return WD_ERR_INVALID;
}

static enum wd_status build(struct builder *b)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return out_of_memory(b);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)b->text, b->len);
    enum wd_status status = WD_OK;
    for (bool done = false; status == WD_OK && !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = syntax_error(b, &parser);
            break;
        }
        status = take_event(b, &event, &done);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status == WD_OK && b->has_findings ? WD_ERR_INVALID : status;
}

/* ---- doors ---- */

static struct wd_document *document_new(const char *name)
{
    struct wd_document *document = calloc(1, sizeof(*document));
    if (!document)
        return NULL;
    document->arena = wd_arena_new(ARENA_CAP_BYTES);
    document->name = document->arena ? wd_arena_copy(document->arena, wd_str_from(name)).data : NULL;
    if (document->name)
        return document;
    wd_document_free(document);
    return NULL;
}

enum wd_status wd_document_parse(const char *name, const char *text, size_t len, struct wd_document **out,
                                 struct wd_diagnostics *findings)
{
    *out = NULL;
    if (len > WD_DOCUMENT_BYTES_MAX) {
        wd_diagnose(findings, WD_ERROR, "too-large", name, 0, 0,
                    "the file is larger than %d MiB: split it, or move long lists to files of their own",
                    WD_DOCUMENT_BYTES_MAX >> 20);
        return WD_ERR_TOO_LARGE;
    }
    struct builder *b = calloc(1, sizeof(*b));
    struct wd_document *document = document_new(name);
    if (!b || !document) {
        wd_diagnose(findings, WD_ERROR, "out-of-memory", name, 0, 0, "no memory for this file");
        free(b);
        wd_document_free(document);
        return WD_ERR_MEMORY;
    }
    *b = (struct builder){.document = document, .findings = findings, .text = text, .len = len};
    enum wd_status status = build(b);
    free(b);
    if (status == WD_OK)
        *out = document;
    else
        wd_document_free(document);
    return status;
}

enum wd_status wd_document_load(const char *path, struct wd_document **out, struct wd_diagnostics *findings)
{
    *out = NULL;
    char *text = NULL;
    size_t len = 0;
    enum wd_status status = wd_file_read(path, (size_t)WD_DOCUMENT_BYTES_MAX + 1, &text, &len);
    if (status == WD_ERR_NOT_FOUND)
        wd_diagnose(findings, WD_ERROR, "file-not-found", path, 0, 0, "there is no such file");
    else if (status == WD_ERR_IO)
        wd_diagnose(findings, WD_ERROR, "file-unreadable", path, 0, 0, "cannot be read: %s", strerror(errno));
    else if (status == WD_ERR_MEMORY)
        wd_diagnose(findings, WD_ERROR, "out-of-memory", path, 0, 0, "no memory for this file");
    else
        status = wd_document_parse(path, text, len, out, findings);
    free(text);
    return status;
}

void wd_document_free(struct wd_document *document)
{
    if (!document)
        return;
    wd_arena_free(document->arena);
    free(document);
}

const struct wd_node *wd_document_root(const struct wd_document *document)
{
    return document->root;
}

const char *wd_document_name(const struct wd_document *document)
{
    return document->name;
}
