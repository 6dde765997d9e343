/* Rules as other filters keep them, a line each, and how they become a rule set file.
 *
 * What always holds: a file that is printed loads; a line that cannot be a rule is reported and left out, never
 * changed. Neighbours: rules_import.c (the command), bench/engine.c. One thread. */
#ifndef WORKER_CLI_RULE_LINES_H
#define WORKER_CLI_RULE_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <warden/diagnostics.h>
#include <warden/str.h>

/* Bytes of a file of lines. */
enum { RULE_LINES_BYTES_MAX = 64 << 20 };

struct rule_line {
    struct wd_str id, kind; /* of a table; absent in a list */
    struct wd_str text;     /* the expression, or the entry of a list */
    bool caseless;
    bool unspaced; /* in a script that puts no spaces between words: whole words cannot be told in it */
    bool refused;  /* reported: it is not printed */
    int number;    /* 1-based, in the file */
    int column;    /* 1-based, in bytes: where text begins */
};

enum rule_lines_format {
    RULE_LINES_TABLE, /* id, kind, caseless (0 or 1), PCRE2 expression, separated by tabs */
    RULE_LINES_WORDS, /* a word or phrase a line: one rule of whole words, or parts where it is unspaced */
    RULE_LINES_PARTS, /* a text a line: one rule of texts inside words, too */
};

struct rule_lines {
    const char *name; /* of the file, for findings */
    enum rule_lines_format format;
    char *bytes; /* owns what the lines point to */
    struct rule_line *items;
    size_t count;
};

/* What a printed file says of all its rules. */
struct rule_lines_header {
    const char *id;           /* of the rule set */
    const char *mode;         /* "shadow" */
    const char *const *views; /* NULL-terminated; none: the defaults */
};

/* Reads lines: empty ones, those that begin with # and a heading that begins with "id<TAB>" are skipped. Lines without
 * the right fields are reported in `findings` and marked as refused. `name` must outlive the lines. WD_ERR_IO,
 * WD_ERR_TOO_LARGE (RULE_LINES_BYTES_MAX), WD_ERR_MEMORY. */
enum wd_status rule_lines_read(struct rule_lines *lines, enum rule_lines_format format, const char *name, FILE *in,
                               struct wd_diagnostics *findings, struct wd_error *err) WD_MUST_USE;
void rule_lines_fini(struct rule_lines *lines);

/* Loads what would be printed, reports what the loader says of it by line and marks lines with errors as refused, until
 * the rest loads. WD_ERR_INVALID where it does not for reasons that are no line's; WD_ERR_MEMORY. */
enum wd_status rule_lines_check(struct rule_lines *lines, const struct rule_lines_header *header,
                                struct wd_diagnostics *findings, struct wd_error *err) WD_MUST_USE;

/* How many lines are not refused. */
size_t rule_lines_kept(const struct rule_lines *lines);

/* Prints the lines that are not refused, at most `most`, as a rule set file. WD_ERR_IO. */
enum wd_status rule_lines_print(const struct rule_lines *lines, const struct rule_lines_header *header, size_t most,
                                FILE *out) WD_MUST_USE;

/* Well-formed UTF-8: no surrogates, nothing overlong, nothing past U+10FFFF. */
bool rule_lines_is_utf8(struct wd_str text);

/* All of a file, at most RULE_LINES_BYTES_MAX; *bytes_out is malloc'ed, with a NUL behind it. */
enum wd_status rule_lines_read_whole(FILE *in, char **bytes_out, size_t *len_out, struct wd_error *err) WD_MUST_USE;

/* `text` (valid UTF-8) as a YAML scalar on one line that reads back as the same bytes: in single quotes where they can
 * hold it, else in double quotes. */
void rule_lines_quote(FILE *out, struct wd_str text);

#endif
