/* What can be written in a rule file: shapes (maps with fixed keys) and keys, described once. The loader checks files
 * against this description, the JSON Schema and the listing for people are printed from it. Immutable tables.
 * Neighbours: keys.c holds the tables, schema.c checks nodes, schema_print.c prints. */
#ifndef FILTERS_RULES_SCHEMA_H
#define FILTERS_RULES_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <warden/document.h>

struct shape;

enum key_type {
    KEY_TEXT,       /* any scalar, not empty */
    KEY_IDENTIFIER, /* letters, digits, '.', '_', '-'; begins with a letter or digit */
    KEY_INTEGER,
    KEY_NUMBER,
    KEY_BOOLEAN,
    KEY_SCALAR,    /* text, number or boolean; may be empty */
    KEY_CHOICE,    /* one of `choices` */
    KEY_PERCENT,   /* 5% */
    KEY_DURATION,  /* 10m */
    KEY_MAP,       /* `shape` */
    KEY_LIST,      /* of `element` */
    KEY_NAMED,     /* a map from any name to `element` */
    KEY_CONDITION, /* a condition: the kinds of conditions.c */
    KEY_EITHER,    /* one of `alternatives`, told apart by scalar, list or map */
    KEY_ANYTHING,  /* JSON-like, any depth */
};

struct key {
    const char *name; /* "" for elements and alternatives */
    enum key_type type;
    bool required;
    bool may_be_empty; /* LIST: without entries is fine */
    const char *doc;
    const char *const *choices; /* NULL-terminated */
    const struct shape *shape;
    const struct key *element;
    const struct key *alternatives; /* ends with a doc of NULL */
    double low, high;               /* INTEGER, NUMBER: where low < high */
};

/* The last entries of `keys` and `alternatives`. */
#define KEYS_END                                                                                                       \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }
#define ALTERNATIVES_END                                                                                               \
    {                                                                                                                  \
        .doc = NULL                                                                                                    \
    }

struct shape {
    const char *name;        /* for the reader: "a rule" */
    const char *schema_name; /* in the JSON Schema: "rule" */
    const char *doc;
    const struct key *keys; /* ends with a name of NULL */
    bool exactly_one_key;
};

/* Findings go through here, so that a second reading of a macro can be silent. */
struct reporter {
    struct wd_diagnostics *findings;
    bool quiet;
};
void wd_report(struct reporter *reporter, const struct wd_node *node, enum wd_severity severity, const char *code,
               const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same at another column of the node's line. */
void wd_report_at(struct reporter *reporter, const struct wd_node *node, int column, const char *code,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* " (did you mean 'x'?)" or "". The buffer must hold 128 bytes. */
const char *wd_suggestion(char *buffer, size_t size, const char *word, const char *const *candidates);

/* True where the node is as described; reports everything that is not. */
bool wd_check_node(struct reporter *reporter, const struct wd_node *node, const struct key *key);
bool wd_check_shape(struct reporter *reporter, const struct wd_node *node, const struct shape *shape);

/* The whole file, and one rule of it. */
extern const struct shape wd_file_shape;
extern const struct key wd_rule_key;
/* An entry of `actions`. */
extern const struct key wd_action_element;
/* A line of a tests_file. */
extern const struct shape wd_test_line_shape;

#endif
