/* The form of log lines. What always holds: `used` never passes LOG_LINE_MAX - TAIL_BYTES before log_line_end(), so the
 * end of the line always fits; a value is either there whole (or cut at a character) or not at all. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/log_line.h"

enum {
    TAIL_BYTES = 64,  /* kept free for "left_out" and the closing brace */
    VALUE_MAX = 1024, /* bytes of one value as written, before "..." */
    REPLACEMENT = 0xfffd,
};

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};
static const char *const LABELS[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

static bool put(struct log_line *line, const char *bytes, size_t count)
{
    if (count > sizeof(line->bytes) - TAIL_BYTES - line->used)
        return false;
    memcpy(line->bytes + line->used, bytes, count);
    line->used += count;
    return true;
}

static bool put_text(struct log_line *line, const char *text)
{
    return put(line, text, strlen(text));
}

/* How many continuation bytes follow `lead`, with the smallest code point that needs that many; -1 for no lead byte. */
static int continuation_bytes(unsigned char lead, uint32_t *bits_out, uint32_t *least_out)
{
    if (lead >= 0xc2 && lead <= 0xdf) {
        *bits_out = lead & 0x1fu;
        *least_out = 0x80;
        return 1;
    }
    if ((lead & 0xf0) == 0xe0) {
        *bits_out = lead & 0x0fu;
        *least_out = 0x800;
        return 2;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *bits_out = lead & 0x07u;
        *least_out = 0x10000;
        return 3;
    }
    return -1;
}

/* The next character of a NUL-terminated text: its code point and its length in bytes; REPLACEMENT and 1 for a byte
 * that is no UTF-8 there. */
static uint32_t next_character(const char *at, size_t *length_out)
{
    const unsigned char *bytes = (const unsigned char *)at;
    *length_out = 1;
    if (bytes[0] < 0x80)
        return bytes[0];
    uint32_t code, least;
    int more = continuation_bytes(bytes[0], &code, &least);
    if (more < 0)
        return REPLACEMENT;
    for (int i = 1; i <= more; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        code = code << 6 | (bytes[i] & 0x3fu);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return REPLACEMENT;
    *length_out = (size_t)more + 1;
    return code;
}

/* Characters that could move a terminal's cursor or turn its text around: never written as they are. */
static bool is_treacherous(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029;
}

/* The written form of one character; returns its length. JSON and text share the escapes: both are read by people. */
static size_t escape(uint32_t code, const char *source, size_t source_length, char out[16])
{
    static const char SHORT[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    if (code < sizeof(SHORT) && SHORT[code]) {
        out[0] = '\\';
        out[1] = SHORT[code];
        return 2;
    }
    if (is_treacherous(code))
        return (size_t)snprintf(out, 16, "\\u%04x", (unsigned)code);
    if (code == REPLACEMENT) {
        memcpy(out, "\xef\xbf\xbd", 4);
        return 3;
    }
    memcpy(out, source, source_length);
    return source_length;
}

/* The text with everything escaped that must be, cut after VALUE_MAX bytes. */
static bool put_escaped(struct log_line *line, const char *text)
{
    size_t limit = line->used + VALUE_MAX;
    while (*text) {
        size_t length;
        char written[16];
        uint32_t code = next_character(text, &length);
        size_t count = escape(code, text, length, written);
        if (line->used + count > limit)
            return put_text(line, "...");
        if (!put(line, written, count))
            return false;
        text += length;
    }
    return true;
}

static bool put_quoted(struct log_line *line, const char *text)
{
    return put_text(line, "\"") && put_escaped(line, text) && put_text(line, "\"");
}

/* Text form: bare where nothing could be misread. */
static bool is_bare(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f || strchr("\"\\=", *text))
            return false;
    }
    return true;
}

static bool put_name(struct log_line *line, const char *name)
{
    if (line->json)
        return put_text(line, ",") && put_quoted(line, name) && put_text(line, ":");
    return put_text(line, " ") && put_escaped(line, name) && put_text(line, "=");
}

static bool put_value(struct log_line *line, const char *value)
{
    if (!value)
        return put_text(line, line->json ? "null" : "-");
    if (!line->json && is_bare(value) && strlen(value) <= VALUE_MAX)
        return put_text(line, value);
    return put_quoted(line, value);
}

/* A field is there whole or not at all. */
static void settle(struct log_line *line, size_t before, bool complete)
{
    if (complete)
        return;
    line->used = before;
    line->left_out++;
}

void log_line_begin(struct log_line *line, bool json, const struct timespec *now, enum log_level level,
                    const char *event, const char *message)
{
    line->used = 0;
    line->left_out = 0;
    line->json = json;
    struct tm tm;
    char time[32], head[64];
    gmtime_r(&now->tv_sec, &tm);
    size_t length = strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(time + length, sizeof(time) - length, ".%03dZ", (int)(now->tv_nsec / 1000000));
    if (json)
        snprintf(head, sizeof(head), "{\"time\":\"%s\",\"level\":\"%s\"", time, LEVELS[level]);
    else
        snprintf(head, sizeof(head), "%s %s", time, LABELS[level]);
    put_text(line, head);
    size_t before = line->used;
    if (json) {
        settle(line, before, put_name(line, "event") && put_quoted(line, event));
        before = line->used;
        settle(line, before, !message || (put_name(line, "message") && put_quoted(line, message)));
    } else {
        settle(line, before, put_text(line, " ") && put_escaped(line, message ? message : event));
        before = line->used;
        settle(line, before, !message || (put_name(line, "event") && put_value(line, event)));
    }
}

void log_line_str(struct log_line *line, const char *name, const char *value)
{
    size_t before = line->used;
    settle(line, before, put_name(line, name) && put_value(line, value));
}

void log_line_int(struct log_line *line, const char *name, int64_t value)
{
    size_t before = line->used;
    char digits[32];
    snprintf(digits, sizeof(digits), "%lld", (long long)value);
    settle(line, before, put_name(line, name) && put_text(line, digits));
}

void log_line_num(struct log_line *line, const char *name, double value)
{
    size_t before = line->used;
    char digits[40];
    snprintf(digits, sizeof(digits), "%.15g", value);
    if (strtod(digits, NULL) != value)
        snprintf(digits, sizeof(digits), "%.17g", value);
    bool plain = isfinite(value) || !line->json; /* JSON has no name for infinity */
    settle(line, before, put_name(line, name) && (plain ? put_text(line, digits) : put_quoted(line, digits)));
}

void log_line_end(struct log_line *line)
{
    char tail[TAIL_BYTES];
    int length = 0;
    if (line->left_out && line->json)
        length = snprintf(tail, sizeof(tail), ",\"fields_left_out\":%u", line->left_out);
    else if (line->left_out)
        length = snprintf(tail, sizeof(tail), " fields_left_out=%u", line->left_out);
    length += snprintf(tail + length, sizeof(tail) - (size_t)length, "%s\n", line->json ? "}" : "");
    memcpy(line->bytes + line->used, tail, (size_t)length);
    line->used += (size_t)length;
}
