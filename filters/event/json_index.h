/* Stage one of simdjson behind a C door: finds the offset of every token of a JSON text with vector instructions and
 * checks UTF-8 on the way. The grammar is checked by the reader (json.h), which turns offsets into values.
 * Implemented in C++ (json_index.cpp); no exception ever leaves it. One thread at a time. */
#ifndef FILTERS_EVENT_JSON_INDEX_H
#define FILTERS_EVENT_JSON_INDEX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes after the text that must be readable. */
enum { JSON_PADDING_BYTES = 64 };

enum json_index_status {
    JSON_INDEX_OK = 0,
    JSON_INDEX_REFUSED, /* invalid UTF-8, a control character within a string, an open string, or nothing at all */
    JSON_INDEX_MEMORY,
};

struct json_index;

/* NULL when memory is out. */
struct json_index *json_index_new(void);
void json_index_free(struct json_index *index);

/* Finds the tokens of text[0, len): brackets, colons, commas, opening quotes, first bytes of other scalars. `text` has
 * JSON_PADDING_BYTES more. *offsets_out holds *count_out offsets and `len` behind them, valid until the next call.
 * Memory grows to what the longest text needed. `len` is at most 1 GiB. */
enum json_index_status json_index_run(struct json_index *index, const char *text, size_t len,
                                      const uint32_t **offsets_out, size_t *count_out);

/* The vector unit in use, as in "haswell" or "icelake", for benchmarks. */
const char *json_index_kernel(void);

#ifdef __cplusplus
}
#endif
#endif
