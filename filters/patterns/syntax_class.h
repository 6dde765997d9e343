/* Escapes and bracketed classes, for syntax.c. */
#ifndef FILTERS_PATTERNS_SYNTAX_CLASS_H
#define FILTERS_PATTERNS_SYNTAX_CLASS_H

#include "filters/patterns/syntax.h"

struct syntax_reader {
    const char *at, *end;
    bool failed;
    bool caseless;
};

/* The next character as it stands. */
uint32_t syntax_read_character(struct syntax_reader *reader);

enum syntax_escape { ESCAPE_CHARACTER, ESCAPE_CLASS, ESCAPE_UNKNOWN };
/* After a backslash (at `start`): one character (\n \x41 \.) or a class (\d \p{L}). */
enum syntax_escape syntax_read_escape(struct syntax_reader *reader, const char *start, struct syntax_class *set_out,
                                      uint32_t *character_out);
/* After '[' (at `start`). False: not understood. */
bool syntax_read_class(struct syntax_reader *reader, const char *start, struct syntax_class *set_out);

#endif
