/* Reads escapes and bracketed classes. A class whose every member is written out is `listed`; of others only the source
 * is kept, so that PCRE2 itself can be asked what they match. */
#include "filters/patterns/syntax_class.h"

#include <string.h>

#include "filters/patterns/unicode.h"

uint32_t syntax_read_character(struct syntax_reader *reader)
{
    uint32_t len;
    uint32_t c = utf8_decode((const unsigned char *)reader->at, &len);
    reader->at += len;
    return c;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* After \x: {h..} or up to two digits. */
static bool read_hex(struct syntax_reader *reader, uint32_t *out)
{
    uint32_t value = 0;
    int digits = 0;
    bool braces = reader->at < reader->end && *reader->at == '{';
    if (braces)
        reader->at++;
    while (reader->at < reader->end && hex_digit(*reader->at) >= 0 && digits < (braces ? 8 : 2)) {
        value = value * 16 + (uint32_t)hex_digit(*reader->at++);
        digits++;
    }
    if (braces && (digits == 0 || reader->at >= reader->end || *reader->at++ != '}'))
        return false;
    *out = value;
    return value <= 0x10FFFF;
}

/* \p{..} \P{..} \pL: skipped, PCRE2 knows. */
static bool skip_property(struct syntax_reader *reader)
{
    if (reader->at >= reader->end)
        return false;
    if (*reader->at != '{') {
        reader->at++;
        return true;
    }
    const char *close = memchr(reader->at, '}', (size_t)(reader->end - reader->at));
    if (!close)
        return false;
    reader->at = close + 1;
    return true;
}

static bool control_escape(char c, uint32_t *out)
{
    switch (c) {
    case 'a':
        *out = 7;
        return true;
    case 'e':
        *out = 27;
        return true;
    case 'f':
        *out = 12;
        return true;
    case 'n':
        *out = 10;
        return true;
    case 'r':
        *out = 13;
        return true;
    case 't':
        *out = 9;
        return true;
    default:
        return false;
    }
}

static bool is_plain_punctuation(char c)
{
    unsigned char u = (unsigned char)c;
    bool alnum = (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z');
    return u < 0x80 && !alnum;
}

enum syntax_escape syntax_read_escape(struct syntax_reader *reader, const char *start, struct syntax_class *set_out,
                                      uint32_t *character_out)
{
    if (reader->at >= reader->end)
        return ESCAPE_UNKNOWN;
    char c = *reader->at++;
    if (is_plain_punctuation(c)) {
        *character_out = (unsigned char)c;
        return ESCAPE_CHARACTER;
    }
    if (control_escape(c, character_out))
        return ESCAPE_CHARACTER;
    if (c == 'x')
        return read_hex(reader, character_out) ? ESCAPE_CHARACTER : ESCAPE_UNKNOWN;
    if (!strchr("dDwWsShHvVNpP", c))
        return ESCAPE_UNKNOWN;
    if ((c == 'p' || c == 'P') && !skip_property(reader))
        return ESCAPE_UNKNOWN;
    if (c == 'N' && reader->at < reader->end && *reader->at == '{')
        return ESCAPE_UNKNOWN;
    *set_out = (struct syntax_class){.is_space = c == 's', .is_word = c == 'w', .is_nonword = c == 'W' || c == 's'};
    set_out->source = (struct wd_str){.data = start, .len = (size_t)(reader->at - start)};
    return ESCAPE_CLASS;
}

struct class_builder {
    struct syntax_class *set;
    bool all_listed, all_nonword, has_range, only_space;
    size_t items;
};

static void add_range(struct class_builder *builder, uint32_t first, uint32_t last)
{
    struct syntax_class *set = builder->set;
    builder->items++;
    builder->only_space = false;
    if (last - first > 64) {
        builder->all_nonword = false;
    } else {
        for (uint32_t c = first; c <= last; c++)
            if (c != '_' && ((unicode_flags(c) & (UNICODE_WORD | UNICODE_MIXED_WORD)) || c >= 0x80))
                builder->all_nonword = false;
    }
    if (set->range_count == sizeof set->ranges / sizeof *set->ranges) {
        builder->all_listed = false;
        return;
    }
    set->ranges[set->range_count].first = first;
    set->ranges[set->range_count++].last = last;
}

/* One member: a character in *character_out, or a class that was added to the builder. */
static enum syntax_escape read_member(struct syntax_reader *reader, struct class_builder *builder,
                                      uint32_t *character_out)
{
    if (*reader->at != '\\') {
        *character_out = syntax_read_character(reader);
        return ESCAPE_CHARACTER;
    }
    const char *start = reader->at++;
    if (reader->at < reader->end && *reader->at == 'b') {
        reader->at++;
        *character_out = 8;
        return ESCAPE_CHARACTER;
    }
    struct syntax_class inner;
    enum syntax_escape kind = syntax_read_escape(reader, start, &inner, character_out);
    if (kind == ESCAPE_CLASS) {
        builder->all_listed = false;
        builder->items++;
        if (!inner.is_nonword)
            builder->all_nonword = false;
        if (!inner.is_space)
            builder->only_space = false;
    }
    return kind;
}

static bool read_items(struct syntax_reader *reader, struct class_builder *builder)
{
    for (bool first = true; reader->at < reader->end; first = false) {
        if (*reader->at == ']' && !first) {
            reader->at++;
            return true;
        }
        if (*reader->at == '[' && reader->at + 1 < reader->end && strchr(":.=", reader->at[1]))
            return false; /* POSIX names, or what looks like them */
        uint32_t from = 0, to = 0;
        enum syntax_escape kind = read_member(reader, builder, &from);
        if (kind == ESCAPE_UNKNOWN)
            return false;
        bool dash = reader->at + 1 < reader->end && reader->at[0] == '-' && reader->at[1] != ']';
        if (kind == ESCAPE_CLASS) {
            if (dash)
                return false; /* [\d-z]: PCRE2 has its own ideas */
            continue;
        }
        to = from;
        if (dash) {
            reader->at++;
            if (reader->at[0] == '[' || read_member(reader, builder, &to) != ESCAPE_CHARACTER || to < from)
                return false;
        }
        add_range(builder, from, to);
    }
    return false;
}

bool syntax_read_class(struct syntax_reader *reader, const char *start, struct syntax_class *set_out)
{
    *set_out = (struct syntax_class){0};
    struct class_builder builder = {.set = set_out, .all_listed = true, .all_nonword = true, .only_space = true};
    if (reader->at < reader->end && *reader->at == '^') {
        set_out->negated = true;
        reader->at++;
    }
    if (!read_items(reader, &builder))
        return false;
    set_out->source = (struct wd_str){.data = start, .len = (size_t)(reader->at - start)};
    set_out->listed = builder.all_listed;
    set_out->is_space = builder.only_space && builder.items > 0 && !set_out->negated;
    set_out->is_nonword = builder.all_nonword && !set_out->negated;
    return true;
}

size_t syntax_class_size(const struct syntax_class *set)
{
    if (!set->listed || set->negated)
        return SIZE_MAX;
    size_t size = 0;
    for (size_t i = 0; i < set->range_count; i++)
        size += (size_t)set->ranges[i].last - set->ranges[i].first + 1;
    return size;
}
