/* For tests: reads tab-separated golden files. Lines that start with # are comments; \n, \\ and \u{X} in a field are a
 * line end, a backslash and a code point. */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN_FIELDS = 6, GOLDEN_LINE = 8192 };

struct golden_row {
    const char *file;
    int line;
    size_t count; /* of fields */
    char *fields[GOLDEN_FIELDS];
    char buffer[GOLDEN_LINE];
};

static inline char *golden_put(char *out, unsigned long c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* Undoes the escapes in place: what they stand for is never longer. */
static inline void golden_unescape(char *field)
{
    char *out = field;
    for (const char *in = field; *in;) {
        if (in[0] == '\\' && in[1] == 'u' && in[2] == '{') {
            char *end;
            out = golden_put(out, strtoul(in + 3, &end, 16));
            in = *end == '}' ? end + 1 : end;
        } else if (in[0] == '\\' && in[1]) {
            *out++ = (char)(in[1] == 'n' ? '\n' : in[1]);
            in += 2;
        } else {
            *out++ = *in++;
        }
    }
    *out = 0;
}

/* The next row of the file; false at its end. */
static inline bool golden_next(FILE *file, struct golden_row *row)
{
    while (fgets(row->buffer, sizeof row->buffer, file)) {
        row->line++;
        row->buffer[strcspn(row->buffer, "\n")] = 0;
        if (row->buffer[0] == '#' || row->buffer[0] == 0)
            continue;
        row->count = 0;
        char *rest = row->buffer;
        while (rest && row->count < GOLDEN_FIELDS)
            row->fields[row->count++] = strsep(&rest, "\t");
        for (size_t i = 0; i < row->count; i++)
            golden_unescape(row->fields[i]);
        return true;
    }
    return false;
}

#endif
