/* A YAML document as a tree in which every node knows its line and column, for files that people write:
 * configuration, rule sets, action tables. Anchors and aliases are refused (nothing here needs them, and they can
 * explode); duplicate keys are findings; depth, size and node count are bounded. Immutable after loading. */
#ifndef WARDEN_DOCUMENT_H
#define WARDEN_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/diagnostics.h>
#include <warden/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wd_node_kind { WD_NODE_SCALAR, WD_NODE_LIST, WD_NODE_MAP };

enum wd_scalar_style { WD_STYLE_PLAIN, WD_STYLE_SINGLE_QUOTED, WD_STYLE_DOUBLE_QUOTED, WD_STYLE_BLOCK };

struct wd_node {
    enum wd_node_kind kind;
    const char *file; /* the document's name */
    int line, column; /* 1-based; columns count characters, not bytes */
    int end_line;     /* line of its last character */
    const char *text; /* scalar: NUL-terminated UTF-8; NULL elsewhere */
    size_t text_len;
    bool quoted; /* scalar: written with quotes or as a block, so never null, bool or number */
    enum wd_scalar_style style;
    const struct wd_node *key;   /* the key node where this is a value of a map, else NULL */
    const struct wd_node *first; /* first child of a list or map (the values) */
    const struct wd_node *next;  /* next sibling */
    size_t count;                /* number of children */
};

struct wd_document;

/* What a document may be at most; past it there is a finding and WD_ERR_TOO_LARGE. */
enum { WD_DOCUMENT_BYTES_MAX = 16 * 1024 * 1024, WD_DOCUMENT_DEPTH_MAX = 64, WD_DOCUMENT_NODES_MAX = 1000000 };

/* Reads and parses a file. Findings carry the path as given. NULL in *out unless WD_OK, which means that there was no
 * finding. An empty file gives a document whose root is NULL. WD_ERR_INVALID, WD_ERR_TOO_LARGE, WD_ERR_NOT_FOUND,
 * WD_ERR_IO and WD_ERR_MEMORY come with a finding each. */
enum wd_status wd_document_load(const char *path, struct wd_document **out,
                                struct wd_diagnostics *findings) WD_MUST_USE;
enum wd_status wd_document_parse(const char *name, const char *text, size_t len, struct wd_document **out,
                                 struct wd_diagnostics *findings) WD_MUST_USE;
void wd_document_free(struct wd_document *document);

const struct wd_node *wd_document_root(const struct wd_document *document);
const char *wd_document_name(const struct wd_document *document);

/* The value under `key` of a map, or NULL. */
const struct wd_node *wd_node_get(const struct wd_node *map, const char *key);

/* Typed readings of a plain scalar. false where it is not one: the caller reports what it wanted. */
bool wd_node_is_null(const struct wd_node *node);
bool wd_node_bool(const struct wd_node *node, bool *out);   /* true, false */
bool wd_node_int(const struct wd_node *node, int64_t *out); /* decimal, '_' allowed between digits */
bool wd_node_double(const struct wd_node *node, double *out);
bool wd_node_duration(const struct wd_node *node, int64_t *ms_out); /* 500ms, 5s, 10m, 2h, 7d; 0 */
bool wd_node_size(const struct wd_node *node, int64_t *bytes_out);  /* 512, 64KiB, 1MiB, 1GiB */

#ifdef __cplusplus
}
#endif
#endif
