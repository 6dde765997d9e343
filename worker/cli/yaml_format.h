/* Gives a YAML text the indentation and blank lines of this project, comments and all. */
#ifndef WORKER_CLI_YAML_FORMAT_H
#define WORKER_CLI_YAML_FORMAT_H

#include <warden/document.h>

/* *out is malloc'ed, NUL-terminated. What it means stays the same: that is checked by reading it again. WD_ERR_INVALID:
 * `text` is no YAML that rule files may be (findings say why), or has a form that cannot be kept (`err` says so).
 * WD_ERR_MEMORY. */
enum wd_status yaml_format(const char *name, const char *text, size_t len, char **out, size_t *len_out,
                           struct wd_diagnostics *findings, struct wd_error *err) WD_MUST_USE;

#endif
