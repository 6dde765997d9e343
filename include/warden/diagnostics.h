/* A list of findings about a file that a person wrote: all of them, not only the first. Filled by the loaders of
 * configuration and rule sets; printed as "file:line:column: CODE: message (did you mean 'x'?)". One thread. */
#ifndef WARDEN_DIAGNOSTICS_H
#define WARDEN_DIAGNOSTICS_H

#include <stddef.h>
#include <stdio.h>

#include <warden/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wd_severity { WD_NOTE, WD_WARNING, WD_ERROR };

struct wd_diagnostic {
    enum wd_severity severity;
    const char *code; /* stable, kebab-case, as in "unknown-key"; static storage */
    char *file;       /* never NULL, may be "" */
    int line, column; /* 1-based, 0 where there is none */
    char *message;    /* one line, says what is wrong and what to do */
};

struct wd_diagnostics;

struct wd_diagnostics *wd_diagnostics_new(void);
void wd_diagnostics_free(struct wd_diagnostics *list);

/* Adds a finding. Where memory is out it only counts it. `code` must have static storage; the rest is copied. */
void wd_diagnose(struct wd_diagnostics *list, enum wd_severity severity, const char *code, const char *file, int line,
                 int column, const char *format, ...) WD_PRINTF(7, 8);

/* Findings with one of these codes (NULL-terminated; must outlive the list) are dropped from now on: for checks that
 * somebody does not want, errors as well as warnings. */
void wd_diagnostics_silence(struct wd_diagnostics *list, const char *const *codes);

size_t wd_diagnostics_count(const struct wd_diagnostics *list);
size_t wd_diagnostics_errors(const struct wd_diagnostics *list);
size_t wd_diagnostics_warnings(const struct wd_diagnostics *list);
const struct wd_diagnostic *wd_diagnostics_at(const struct wd_diagnostics *list, size_t index);

/* Sorts by file, line, column; stable. */
void wd_diagnostics_sort(struct wd_diagnostics *list);

/* Prints every finding, a line each; warnings as "file:line:column: warning: CODE: message". */
void wd_diagnostics_print(const struct wd_diagnostics *list, FILE *out);

/* The candidate nearest to `word` by edit distance, or NULL where none is near enough to be a likely slip.
 * `candidates` is NULL-terminated. */
const char *wd_did_you_mean(const char *word, const char *const *candidates);

#ifdef __cplusplus
}
#endif
#endif
