/* A growing piece of text, and JSON written into it. A failed allocation is remembered in `failed` and everything after
 * it is ignored, so that writers check once, at the end. */
#ifndef WORKER_SANDBOX_BUFFER_H
#define WORKER_SANDBOX_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include <warden/status.h>

struct buffer {
    char *data; /* NUL-terminated where not NULL */
    size_t len, cap;
    bool failed;
};

void buffer_add(struct buffer *buffer, const char *data, size_t len);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...) WD_PRINTF(2, 3);
/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. NULL is written as null. */
void buffer_json(struct buffer *buffer, const char *text);
void buffer_json_bytes(struct buffer *buffer, const char *data, size_t len);
void buffer_free(struct buffer *buffer);

#endif
