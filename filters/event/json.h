/* A pull reader over the tokens of a JSON text: the caller asks for members and elements, takes the values it knows
 * and skips the rest. Every byte is checked by the time the root value is passed, skipped values too. After a problem
 * the reader only says 'no more': callers check `problem` once, at the end.
 *
 * What always holds: 0 <= at <= count, index[count] == len, depth <= JSON_MAX_DEPTH, and each token is passed once, so
 * that the time is linear. Strings without escapes point into `source`; others are unescaped into the arena. */
#ifndef FILTERS_EVENT_JSON_H
#define FILTERS_EVENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/arena.h>
#include <warden/str.h>

#include "filters/event/json_index.h"

enum { JSON_MAX_DEPTH = 64, JSON_KEY_MAX_BYTES = 512 };

enum json_problem { JSON_FINE = 0, JSON_BAD_SYNTAX, JSON_TOO_DEEP, JSON_NO_MEMORY };

struct json_reader {
    const char *text;   /* readable JSON_PADDING_BYTES past len, the first of them NUL */
    const char *source; /* the same bytes, where slices point */
    size_t len;
    const uint32_t *index; /* offsets of the tokens, then len */
    size_t count, at;      /* tokens, and the one that comes next */
    size_t last_end;       /* offset after the last token passed */
    size_t next_escape;    /* offset of the first backslash not yet passed, len where there is none */
    unsigned depth;
    bool fresh;    /* a bracket has just been opened */
    bool repaired; /* a lone surrogate or \u0000 was met in a string, taken or skipped */
    enum json_problem problem;
    size_t problem_at; /* offset */
    struct wd_arena *arena;
    char key[JSON_KEY_MAX_BYTES + JSON_PADDING_BYTES]; /* a key that had escapes */
};

/* Starts at the first of `count` tokens. `key` needs no clearing. */
void json_start(struct json_reader *reader, struct wd_arena *arena, const char *text, const char *source, size_t len,
                const uint32_t *index, size_t count);

/* Goes back to token `at`, which stood at depth `depth`. */
void json_seek(struct json_reader *reader, size_t at, unsigned depth);

/* Notes the first problem, at the next token. Always false. */
bool json_fail(struct json_reader *reader, enum json_problem problem);

/* First byte of the next token; NUL at the end of the text. */
static inline char json_peek(const struct json_reader *reader)
{
    return reader->text[reader->index[reader->at]];
}

/* Offset of the next token. */
static inline size_t json_offset(const struct json_reader *reader)
{
    return reader->index[reader->at];
}

/* Passes an opening bracket, '{' or '['. Where another value stands it skips that and returns false. */
bool json_open(struct json_reader *reader, char bracket);

/* The next member of the object that was opened: its key, with the value as next token. The key is readable eight
 * bytes past its end; it is valid until the next call. A key with escapes and over JSON_KEY_MAX_BYTES comes as absent.
 * false at the end, after the closing bracket, or after a problem. */
static inline bool json_next_member(struct json_reader *reader, struct wd_str *key_out);

/* The same for arrays: true where another value comes. */
bool json_next_element(struct json_reader *reader);

/* Passes any value. */
void json_skip(struct json_reader *reader);

/* Take a value of one kind; where it is of another kind they skip it, leave *out alone and return false. */
static inline bool json_read_string(struct json_reader *reader, struct wd_str *out);
bool json_int(struct json_reader *reader, int64_t *out);   /* an integer that fits */
bool json_double(struct json_reader *reader, double *out); /* any finite number */
bool json_bool(struct json_reader *reader, bool *out);

/* True where nothing follows the root value; otherwise notes a problem. */
bool json_finish(struct json_reader *reader);

/* ---- the usual ways, read at once ---- */

bool json_next_member_slowly(struct json_reader *reader, struct wd_str *key_out);
bool json_read_string_slowly(struct json_reader *reader, struct wd_str *out);

/* Whether token `at` opens a string without escapes that the byte before the next token closes, and whose bytes then
 * are text[*begin_out, *end_out). Past the last token stands a NUL, which opens nothing. */
static inline bool json_has_plain_string(const struct json_reader *reader, size_t at, size_t *begin_out,
                                         size_t *end_out)
{
    const char *text = reader->text;
    size_t open = reader->index[at];
    if (text[open] != '"')
        return false;
    size_t close = (size_t)reader->index[at + 1] - 1;
    *begin_out = open + 1;
    *end_out = close;
    return close > open && text[close] == '"' && reader->next_escape >= close;
}

static inline bool json_next_member(struct json_reader *reader, struct wd_str *key_out)
{
    size_t at = reader->at + !reader->fresh, begin, end;
    bool fits = !reader->problem && (reader->fresh || json_peek(reader) == ',');
    if (!fits || !json_has_plain_string(reader, at, &begin, &end) || reader->text[end + 1] != ':')
        return json_next_member_slowly(reader, key_out);
    *key_out = (struct wd_str){.data = reader->text + begin, .len = end - begin};
    reader->fresh = false;
    reader->last_end = end + 1;
    reader->at = at + 2;
    return true;
}

static inline bool json_read_string(struct json_reader *reader, struct wd_str *out)
{
    size_t begin, end;
    if (reader->problem || !json_has_plain_string(reader, reader->at, &begin, &end))
        return json_read_string_slowly(reader, out);
    *out = (struct wd_str){.data = reader->source + begin, .len = end - begin};
    reader->last_end = end + 1;
    reader->at++;
    return true;
}

#endif
