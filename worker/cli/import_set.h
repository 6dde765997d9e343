/* Rules of other filters on their way into a rule set file: a small model that every reader fills, and what is done
 * with it. What always holds: a file that is printed loads, and passes the examples that were made for it; a condition
 * that cannot be kept costs the whole rule, so that no rule becomes wider than it was. All of it lives in the set's
 * arena. Neighbours: import_automoderator.c, import_blocklist.c and import_sigma.c read; import_print.c and
 * import_check.c go on; rules_import.c is the command. */
#ifndef WORKER_CLI_IMPORT_SET_H
#define WORKER_CLI_IMPORT_SET_H

#include <stdbool.h>
#include <stdio.h>

#include <warden/arena.h>
#include <warden/document.h>

#include "worker/cli/rule_lines.h"

enum import_kind { IMPORT_ALL, IMPORT_ANY, IMPORT_NOT, IMPORT_LEAF };

struct import_condition {
    enum import_kind kind;
    struct import_condition *first, *last, *next; /* in it; beside it */
    const char *key;                              /* LEAF: "words", "regex", "field", ... */
    const char *text;                             /* LEAF: its value, as a text */
    const char *plain;                            /* LEAF: its value, as YAML, where `text` is NULL */
    struct wd_str *values;                        /* LEAF: its value, a list, where both are NULL */
    size_t value_count;
    const char *more; /* further keys, as YAML in braces is written: "fields: [title]"; NULL: none */
};

enum { IMPORT_EXAMPLES_MAX = 4, IMPORT_ACTIONS_MAX = 8 };

struct import_examples {
    const char *match[IMPORT_EXAMPLES_MAX], *no_match[IMPORT_EXAMPLES_MAX];
    size_t match_count, no_match_count;
};

struct import_rule {
    const char *id, *title;                  /* title NULL: none */
    const char *status, *severity;           /* NULL: experimental; none */
    const char *tags, *events;               /* as YAML lists; NULL: none */
    struct import_condition *when, *excepts; /* excepts: all with which its children are exceptions; NULL: none */
    const char *actions[IMPORT_ACTIONS_MAX]; /* as YAML: "flag", "{mute: 1h}" */
    size_t action_count;
    const char *message; /* to the author, in English; NULL: none */
    struct import_examples examples;
    int line, column; /* where it stands in the file that was read */
    bool refused;     /* it cannot be printed: reported */
    int first_line;   /* where it was printed */
    struct import_rule *next;
};

struct import_set {
    struct wd_arena *arena;
    const char *name; /* of the file, for findings */
    struct wd_diagnostics *findings;
    const struct rule_lines_header *header;
    struct import_rule *rules, *last;
    size_t read, left_out; /* rules (or entries) that there were; parts of rules that were dropped */
    bool out_of_memory;
};

/* Another tool's names in warden's, where they cannot be told without asking. */
struct import_options {
    const char *karma_field; /* the field that holds it; NULL: there is none */
    const char *allow;       /* path of the list of what a blocklist allows; NULL: none */
};

/* Each reads `text` (NUL-terminated) and fills set->rules; what cannot be kept is reported at its place. */
void import_automoderator(struct import_set *set, const char *text, size_t len, const struct import_options *options);
void import_blocklist(struct import_set *set, const char *text, size_t len, const struct import_options *options);
void import_sigma(struct import_set *set, const char *text, size_t len, const struct import_options *options);

/* ---- for the readers: NULL, and out_of_memory set, where there is none ---- */

struct import_rule *import_add_rule(struct import_set *set, int line, int column);
struct import_condition *import_condition(struct import_set *set, enum import_kind kind, struct import_condition *in);
struct import_condition *import_leaf(struct import_set *set, struct import_condition *in, const char *key);
/* printf into the arena. */
const char *import_text(struct import_set *set, const char *format, ...) __attribute__((format(printf, 2, 3)));
void import_add_value(struct import_set *set, struct import_condition *leaf, const char *text, size_t len);
void import_add_action(struct import_rule *rule, const char *action);
void import_add_example(struct import_examples *examples, bool match, const char *text);

/* The whole rule is missing from what is printed. */
void import_refuse(struct import_set *set, struct import_rule *rule, int line, int column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* A part of it is; and something that makes no difference is. */
void import_leave_out(struct import_set *set, int line, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void import_note(struct import_set *set, int line, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* `text` as an expression that matches it as it stands; white space stands for any run of it. */
const char *import_escaped(struct import_set *set, const char *text, size_t len);
/* Each document of a file that separates them by lines of ---; `take` gets the root and the first comment in it. */
typedef void import_document_fn(void *context, const struct wd_node *root, const char *comment);
void import_documents(struct import_set *set, const char *text, size_t len, import_document_fn *take, void *context);

/* ---- afterwards ---- */

/* Loads what would be printed, runs its examples, refuses the rules that are wrong, until the rest loads.
 * WD_ERR_INVALID where it does not for reasons that are no rule's; WD_ERR_MEMORY. */
enum wd_status import_check(struct import_set *set, struct wd_error *err) WD_MUST_USE;
size_t import_kept(const struct import_set *set);
/* WD_ERR_IO. */
enum wd_status import_print(struct import_set *set, FILE *out) WD_MUST_USE;

#endif
