/* Findings and test results in the forms that CI systems read: JSON, SARIF 2.1.0, JUnit's XML. */
#ifndef WORKER_CLI_MACHINE_REPORT_H
#define WORKER_CLI_MACHINE_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include <warden/diagnostics.h>

void machine_report_json(const struct wd_diagnostics *findings, FILE *out);
void machine_report_sarif(const struct wd_diagnostics *findings, FILE *out);
/* Errors are failures, and warnings where `deny_warnings`; other findings are tests that were skipped. */
void machine_report_junit(const struct wd_diagnostics *findings, bool deny_warnings, FILE *out);

/* JUnit, case by case: begin, cases, end. */
void junit_begin(const char *suite, size_t count, size_t failed, size_t skipped, FILE *out);
/* `failure` NULL: it passed. `details` may be "". */
void junit_case(const char *class_name, const char *name, const char *failure, const char *details, FILE *out);
void junit_end(FILE *out);

#endif
