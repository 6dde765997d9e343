/* Patterns made to match more, for engines that cannot take them as they are: what PCRE2 confirms may be widened. Knows
 * the syntax that rules use, not all of PCRE2's; the table of bench/match shows matches, so a loss would be seen. */
#include "bench/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct widener {
    struct wd_str pattern;
    size_t group, group_end; /* inside of the first group that captures */
    unsigned how;
    FILE *out;
};

static bool is_ascii_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Behind the class that begins at `at`. */
static size_t class_end(struct wd_str pattern, size_t at)
{
    size_t i = at + 1;
    i += i < pattern.len && pattern.data[i] == '^';
    i += i < pattern.len && pattern.data[i] == ']';
    while (i < pattern.len && pattern.data[i] != ']')
        i += pattern.data[i] == '\\' ? 2 : 1;
    return i < pattern.len ? i + 1 : pattern.len;
}

/* The closing parenthesis of the group that opens at `at`. */
static size_t group_close(struct wd_str pattern, size_t at)
{
    size_t depth = 0;
    for (size_t i = at; i < pattern.len;) {
        char c = pattern.data[i];
        if (c == '[') {
            i = class_end(pattern, i);
            continue;
        }
        depth += c == '(';
        if (c == ')' && --depth == 0)
            return i;
        i += c == '\\' ? 2 : 1;
    }
    return pattern.len;
}

static bool begins(struct wd_str pattern, size_t at, const char *with)
{
    size_t len = strlen(with);
    return pattern.len - at >= len && memcmp(pattern.data + at, with, len) == 0;
}

static bool is_look(struct wd_str pattern, size_t at)
{
    return begins(pattern, at, "(?=") || begins(pattern, at, "(?!") || begins(pattern, at, "(?<=") ||
           begins(pattern, at, "(?<!");
}

bool match_is_line_scan(struct wd_str pattern)
{
    size_t at = 0;
    while (at < pattern.len && begins(pattern, at, "(?=.*"))
        at = group_close(pattern, at) + 1;
    return pattern.len > 0 && at >= pattern.len;
}

/* An engine whose \b knows only ASCII may keep it beside an ASCII word character of the pattern itself. */
static void put_edge(const struct widener *w, size_t at)
{
    const char *p = w->pattern.data;
    bool before = at > 0 && is_ascii_word(p[at - 1]) && !(at > 1 && p[at - 2] == '\\');
    bool after = at + 2 < w->pattern.len && is_ascii_word(p[at + 2]);
    if (!(w->how & MATCH_WIDEN_CLASSES) || before || after)
        fputs("\\b", w->out);
}

static void put_escape(const struct widener *w, char c, bool in_class, bool negated)
{
    static const char past_ascii[] = "\\x{80}-\\x{10ffff}";
    bool widen = (w->how & MATCH_WIDEN_CLASSES) && strchr("wds", c) && !negated;
    fprintf(w->out, widen && !in_class ? "[\\%c%s]" : "\\%c%s", c, widen ? past_ascii : "");
}

static size_t put_class(const struct widener *w, size_t at)
{
    size_t end = class_end(w->pattern, at);
    bool negated = begins(w->pattern, at, "[^");
    for (size_t i = at; i < end; i++) {
        if (w->pattern.data[i] == '\\' && i + 1 < end)
            put_escape(w, w->pattern.data[++i], true, negated);
        else
            fputc(w->pattern.data[i], w->out);
    }
    return end;
}

static void put_range(const struct widener *w, size_t from, size_t to)
{
    for (size_t i = from; i < to;) {
        char c = w->pattern.data[i];
        if (c == '\\' && i + 1 < to) {
            char next = w->pattern.data[i + 1];
            if (next == 'b') {
                put_edge(w, i);
            } else if (next == '1' && (w->how & MATCH_WIDEN_BACKS) && w->group_end <= i) {
                fputs("(?:", w->out);
                put_range(w, w->group, w->group_end);
                fputc(')', w->out);
            } else {
                put_escape(w, next, false, false);
            }
            i += 2;
        } else if (c == '[') {
            i = put_class(w, i);
        } else if (c == '(' && (w->how & MATCH_WIDEN_LOOKS) && is_look(w->pattern, i)) {
            i = group_close(w->pattern, i) + 1;
        } else {
            fputc(c, w->out);
            i++;
        }
    }
}

char *match_widened(struct wd_str pattern, unsigned how)
{
    char *text = NULL;
    size_t len = 0;
    struct widener w = {.pattern = pattern, .group_end = SIZE_MAX, .how = how, .out = open_memstream(&text, &len)};
    if (!w.out)
        abort();
    for (size_t i = 0; i < pattern.len && w.group_end == SIZE_MAX;) {
        if (pattern.data[i] == '(' && !begins(pattern, i, "(?")) {
            w.group = i + 1;
            w.group_end = group_close(pattern, i);
        }
        i = pattern.data[i] == '[' ? class_end(pattern, i) : i + (pattern.data[i] == '\\' ? 2 : 1);
    }
    if ((how & MATCH_WIDEN_LOOKS) && match_is_line_scan(pattern))
        put_range(&w, strlen("(?=.*"), group_close(pattern, 0)); /* any one of them must be there */
    else
        put_range(&w, 0, pattern.len);
    if (fclose(w.out) != 0)
        abort();
    return text;
}
