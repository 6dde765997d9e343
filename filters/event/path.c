/* wd_decode_path: a value by its dotted path, for members that only some rules ask for. */
#include <string.h>

#include "filters/event/decoder.h"

static struct wd_str first_step(struct wd_str path)
{
    const char *dot = memchr(path.data, '.', path.len);
    return (struct wd_str){.data = path.data, .len = dot ? (size_t)(dot - path.data) : path.len};
}

/* The number of a list's entry, or -1. */
static int64_t entry_number(struct wd_str step)
{
    int64_t number = 0;
    if (step.len == 0 || step.len > 9)
        return -1;
    for (size_t i = 0; i < step.len; i++) {
        if (step.data[i] < '0' || step.data[i] > '9')
            return -1;
        number = number * 10 + (step.data[i] - '0');
    }
    return number;
}

/* Token number of the value that a step leads to, 0 where there is none. Of equal names the last counts. */
static size_t step_into(struct json_reader *reader, struct wd_str step)
{
    size_t found = 0;
    struct wd_str name;
    if (json_peek(reader) == '{' && json_open(reader, '{')) {
        while (json_next_member(reader, &name)) {
            if (name.data && wd_str_equal(name, step))
                found = reader->at;
            json_skip(reader);
        }
    } else if (json_peek(reader) == '[' && json_open(reader, '[')) {
        int64_t wanted = entry_number(step);
        for (int64_t number = 0; json_next_element(reader); number++) {
            if (number == wanted)
                found = reader->at;
            json_skip(reader);
        }
    }
    return found;
}

static struct wd_str take_value(struct json_reader *reader, struct wd_arena *arena)
{
    struct wd_str text = {0};
    size_t begin = json_offset(reader);
    char first = json_peek(reader);
    if (first == '"') {
        json_read_string(reader, &text);
    } else {
        json_skip(reader);
        if (first != 'n' && !reader->problem)
            text = (struct wd_str){.data = reader->source + begin, .len = reader->last_end - begin};
    }
    return wd_arena_copy(arena, text);
}

struct wd_str wd_decode_path(struct wd_decoder *decoder, struct wd_arena *arena, struct wd_str object_json,
                             struct wd_str path)
{
    struct json_reader *reader = &decoder->reader;
    if (!object_json.data || path.len == 0 || !decoder_start(decoder, arena, object_json))
        return (struct wd_str){0};
    for (unsigned depth = 1; path.len; depth++) {
        struct wd_str step = first_step(path);
        size_t token = step_into(reader, step);
        if (token == 0 || reader->problem)
            return (struct wd_str){0};
        json_seek(reader, token, depth);
        size_t past = step.len < path.len ? step.len + 1 : step.len;
        path = (struct wd_str){.data = path.data + past, .len = path.len - past};
    }
    return take_value(reader, arena);
}
