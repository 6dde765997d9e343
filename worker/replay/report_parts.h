/* Reading the report, for the files that print it. */
#ifndef WORKER_REPLAY_REPORT_PARTS_H
#define WORKER_REPLAY_REPORT_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* 0 and "" where there is none. */
long long report_int(const json_t *json, const char *key);
const char *report_text(const json_t *json, const char *key);
/* "0.1234", "12.5", or a dash for null: into `out`. */
const char *report_real(const json_t *json, const char *key, char *out, size_t size);
/* "1,234,567": into `out`, which has room for 32. */
const char *report_count(long long value, char *out);
/* What is compared with: the report has the members *_before. */
bool report_compares(const json_t *report);

/* Indices of the rules that are worth a line (they match, matched, or are undecided), the most frequent first;
 * *count_out of them. malloc'ed; NULL: no memory. */
size_t *report_rule_order(const json_t *rules, size_t *count_out);

/* report_html_samples.c: examples with what matched marked. */
void report_html_samples(const json_t *report, FILE *out);

/* report_plot.c: SVG pictures; all texts escaped. */
void report_plot_timeline(const json_t *report, FILE *out);
void report_plot_bar(double part, FILE *out); /* 0 to 1 */
/* Escaped for HTML; what is no printable character becomes U+FFFD or a space. */
void report_escape(const char *text, size_t len, FILE *out);

#endif
