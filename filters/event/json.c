/* The pull reader: see json.h. */
#include "filters/event/json.h"

#include <float.h>
#include <string.h>

#include "filters/event/json_text.h"

void json_start(struct json_reader *reader, struct wd_arena *arena, const char *text, const char *source, size_t len,
                const uint32_t *index, size_t count)
{
    reader->text = text;
    reader->source = source;
    reader->len = len;
    reader->index = index;
    reader->count = count;
    reader->repaired = false;
    reader->problem = JSON_FINE;
    reader->problem_at = 0;
    reader->arena = arena;
    json_seek(reader, 0, 0);
}

static size_t find_escape(const struct json_reader *reader, size_t from)
{
    const char *found = memchr(reader->text + from, '\\', reader->len - from);
    return found ? (size_t)(found - reader->text) : reader->len;
}

void json_seek(struct json_reader *reader, size_t at, unsigned depth)
{
    reader->at = at;
    reader->depth = depth;
    reader->fresh = false;
    reader->last_end = reader->index[at];
    reader->next_escape = find_escape(reader, reader->index[at]);
}

bool json_fail(struct json_reader *reader, enum json_problem problem)
{
    if (!reader->problem) {
        reader->problem = problem;
        reader->problem_at = json_offset(reader);
    }
    return false;
}

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* A scalar ends where only spaces are left before the next token. */
static inline bool ends_at(const struct json_reader *reader, size_t end)
{
    size_t next = reader->index[reader->at + 1];
    while (end < next && is_space(reader->text[end]))
        end++;
    return end == next;
}

static inline void pass(struct json_reader *reader, size_t end)
{
    reader->last_end = end;
    reader->at++;
}

/* The next token is a quote: the content of the string is text[*begin_out, *end_out). The closing quote is the last
 * byte before the next token that is no space, for anything else would be a token. */
static inline bool string_bounds(struct json_reader *reader, size_t *begin_out, size_t *end_out)
{
    size_t open = json_offset(reader);
    if (reader->text[open] != '"')
        return json_fail(reader, JSON_BAD_SYNTAX);
    size_t close = reader->index[reader->at + 1] - 1;
    while (close > open && is_space(reader->text[close]))
        close--;
    if (close == open || reader->text[close] != '"')
        return json_fail(reader, JSON_BAD_SYNTAX);
    *begin_out = open + 1;
    *end_out = close;
    return true;
}

/* Unescapes text[begin, end) to `target`, or only checks it where that is NULL. */
static bool unescape(struct json_reader *reader, size_t begin, size_t end, char *target, size_t *len_out)
{
    bool repaired = false;
    if (!json_unescape(reader->text + begin, end - begin, target, len_out, &repaired))
        return json_fail(reader, JSON_BAD_SYNTAX);
    reader->repaired |= repaired;
    reader->next_escape = find_escape(reader, end);
    return true;
}

static inline bool skip_string(struct json_reader *reader)
{
    size_t begin, end, len;
    if (!string_bounds(reader, &begin, &end))
        return false;
    if (reader->next_escape < end && !unescape(reader, begin, end, NULL, &len))
        return false;
    pass(reader, end + 1);
    return true;
}

static inline bool take_key(struct json_reader *reader, struct wd_str *out)
{
    size_t begin, end;
    if (!string_bounds(reader, &begin, &end))
        return false;
    *out = (struct wd_str){.data = reader->text + begin, .len = end - begin};
    if (reader->next_escape < end) {
        bool fits = out->len <= JSON_KEY_MAX_BYTES;
        if (!unescape(reader, begin, end, fits ? reader->key : NULL, &out->len))
            return false;
        out->data = fits ? reader->key : NULL;
        out->len = fits ? out->len : 0;
    }
    pass(reader, end + 1);
    return true;
}

static bool skip_number(struct json_reader *reader)
{
    size_t begin = json_offset(reader);
    size_t len = json_number_length(reader->text + begin);
    if (len == 0 || !ends_at(reader, begin + len))
        return json_fail(reader, JSON_BAD_SYNTAX);
    pass(reader, begin + len);
    return true;
}

static bool skip_word(struct json_reader *reader, const char *word, size_t len)
{
    size_t begin = json_offset(reader);
    if (memcmp(reader->text + begin, word, len) != 0 || !ends_at(reader, begin + len))
        return json_fail(reader, JSON_BAD_SYNTAX);
    pass(reader, begin + len);
    return true;
}

static bool enter(struct json_reader *reader)
{
    if (reader->depth == JSON_MAX_DEPTH)
        return json_fail(reader, JSON_TOO_DEEP);
    reader->depth++;
    reader->fresh = true;
    pass(reader, json_offset(reader) + 1);
    return true;
}

bool json_open(struct json_reader *reader, char bracket)
{
    if (reader->problem)
        return false;
    if (json_peek(reader) == bracket)
        return enter(reader);
    json_skip(reader);
    return false;
}

/* Before a member or element: false where the bracket closes or the comma is missing. */
static inline bool next_item(struct json_reader *reader, char close)
{
    if (reader->problem)
        return false;
    char c = json_peek(reader);
    bool first = reader->fresh;
    reader->fresh = false;
    if (c == close) {
        reader->depth--;
        pass(reader, json_offset(reader) + 1);
        return false;
    }
    if (first)
        return true;
    if (c != ',')
        return json_fail(reader, JSON_BAD_SYNTAX);
    reader->at++;
    return true;
}

static inline bool pass_colon(struct json_reader *reader)
{
    if (json_peek(reader) != ':')
        return json_fail(reader, JSON_BAD_SYNTAX);
    reader->at++;
    return true;
}

bool json_next_member_slowly(struct json_reader *reader, struct wd_str *key_out)
{
    return next_item(reader, '}') && take_key(reader, key_out) && pass_colon(reader);
}

bool json_next_element(struct json_reader *reader)
{
    return next_item(reader, ']');
}

static void skip_object(struct json_reader *reader)
{
    if (!enter(reader))
        return;
    while (next_item(reader, '}') && skip_string(reader) && pass_colon(reader))
        json_skip(reader);
}

static void skip_array(struct json_reader *reader)
{
    if (!enter(reader))
        return;
    while (next_item(reader, ']'))
        json_skip(reader);
}

/* Recursion ends at JSON_MAX_DEPTH. */
void json_skip(struct json_reader *reader)
{
    if (reader->problem)
        return;
    switch (json_peek(reader)) {
    case '"':
        skip_string(reader);
        break;
    case '{':
        skip_object(reader);
        break;
    case '[':
        skip_array(reader);
        break;
    case 't':
        skip_word(reader, "true", 4);
        break;
    case 'f':
        skip_word(reader, "false", 5);
        break;
    case 'n':
        skip_word(reader, "null", 4);
        break;
    default:
        skip_number(reader);
    }
}

bool json_read_string_slowly(struct json_reader *reader, struct wd_str *out)
{
    size_t begin, end;
    if (reader->problem)
        return false;
    if (json_peek(reader) != '"') {
        json_skip(reader);
        return false;
    }
    if (!string_bounds(reader, &begin, &end))
        return false;
    struct wd_str taken = {.data = reader->source + begin, .len = end - begin};
    if (reader->next_escape < end) {
        char *copy = wd_arena_alloc(reader->arena, taken.len);
        if (!copy)
            return json_fail(reader, JSON_NO_MEMORY);
        if (!unescape(reader, begin, end, copy, &taken.len))
            return false;
        taken.data = copy;
    }
    pass(reader, end + 1);
    *out = taken;
    return true;
}

static inline bool is_number_start(char c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

bool json_int(struct json_reader *reader, int64_t *out)
{
    size_t begin = json_offset(reader);
    bool is_number = !reader->problem && is_number_start(json_peek(reader));
    json_skip(reader);
    return !reader->problem && is_number && json_parse_int(reader->text + begin, reader->last_end - begin, out);
}

bool json_double(struct json_reader *reader, double *out)
{
    size_t begin = json_offset(reader);
    bool is_number = !reader->problem && is_number_start(json_peek(reader));
    json_skip(reader);
    return !reader->problem && is_number && json_parse_double(reader->text + begin, reader->last_end - begin, out);
}

bool json_bool(struct json_reader *reader, bool *out)
{
    char c = json_peek(reader);
    json_skip(reader);
    if (reader->problem || (c != 't' && c != 'f'))
        return false;
    *out = c == 't';
    return true;
}

bool json_finish(struct json_reader *reader)
{
    if (reader->problem)
        return false;
    return reader->at == reader->count || json_fail(reader, JSON_BAD_SYNTAX);
}
