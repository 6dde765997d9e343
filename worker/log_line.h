/* One log line being written into a buffer: JSON or text, always whole and always valid UTF-8, however bad the input.
 * A field that does not fit any more is left out and counted. Used by log.c and its tests only. */
#ifndef WORKER_LOG_LINE_H
#define WORKER_LOG_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "worker/log.h"

struct log_line {
    char bytes[LOG_LINE_MAX];
    size_t used;
    unsigned left_out; /* fields that did not fit */
    bool json;
};

/* Begins the line with time, level, event and message; `message` may be NULL. */
void log_line_begin(struct log_line *line, bool json, const struct timespec *now, enum log_level level,
                    const char *event, const char *message);
void log_line_str(struct log_line *line, const char *name, const char *value); /* value NULL: null */
void log_line_int(struct log_line *line, const char *name, int64_t value);
void log_line_num(struct log_line *line, const char *name, double value);
/* Ends the line with '\n': bytes[0 .. used) is what to write. */
void log_line_end(struct log_line *line);

#endif
