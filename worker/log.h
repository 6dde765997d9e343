/* Log lines on stderr: JSON where stderr is not a terminal, a human form where it is. Thread-safe; a line is one write
 * of at most LOG_LINE_MAX bytes, so lines of several threads never mix, not even in a pipe.
 * Secrets never come here: callers pass names and outcomes. Lines of one kind (level and event) that repeat are held
 * back: LOG_BURST at once, then one a second, the others counted in its `more_of_these`, so that an outage cannot fill
 * a disk. Debug lines are never held back. */
#ifndef WORKER_LOG_H
#define WORKER_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JSON, LOG_FORMAT_TEXT };
enum { LOG_LINE_MAX = 4096, LOG_BURST = 5 };

void log_configure(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);

/* `event` is a stable kebab-case name ("commit-failed") in static storage; fields are pairs of name and value, made by
 * the macros below:
 * log_write(LOG_WARN, "commit-failed", "text for people", LOG_STR("topic", topic), LOG_INT("partition", p), LOG_END)
 * Values may hold any bytes; what is not UTF-8 becomes U+FFFD, long values are cut. Errors of the write are ignored. */
enum log_field_kind { LOG_FIELD_END = 0, LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_NUM };
void log_write(enum log_level level, const char *event, const char *message, ...);

/* Writes what was held back and counted until now ("N more of these"). Call it before exit; while lines are written,
 * the counts of kinds that have become silent come by themselves. */
void log_flush(void);

#define LOG_STR(name, value) LOG_FIELD_STR, (const char *)(name), (const char *)(value)
#define LOG_INT(name, value) LOG_FIELD_INT, (const char *)(name), (int64_t)(value)
#define LOG_NUM(name, value) LOG_FIELD_NUM, (const char *)(name), (double)(value)
#define LOG_END LOG_FIELD_END

#endif
