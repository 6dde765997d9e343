/* Growing text and JSON strings. Neighbours: everything in the sandbox that answers or logs. */
#include "worker/platform/sandbox/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct buffer *buffer, size_t more)
{
    if (buffer->failed)
        return false;
    if (buffer->cap - buffer->len > more)
        return true;
    size_t cap = buffer->cap ? buffer->cap : 256;
    while (cap - buffer->len <= more)
        cap *= 2;
    char *data = realloc(buffer->data, cap);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->cap = cap;
    return true;
}

void buffer_add(struct buffer *buffer, const char *data, size_t len)
{
    if (!reserve(buffer, len))
        return;
    if (len)
        memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    buffer->data[buffer->len] = '\0';
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len < 0) {
        buffer->failed = true;
    } else if ((size_t)len < sizeof(small)) {
        buffer_add(buffer, small, (size_t)len);
    } else if (reserve(buffer, (size_t)len)) {
        va_start(args, format);
        vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, args);
        va_end(args);
        buffer->len += (size_t)len;
    }
}

/* Length of the valid UTF-8 sequence at `s`, 0 where there is none. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    size_t need = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || need > left)
        return 0;
    for (size_t i = 1; i < need; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return need;
}

static void json_escape(struct buffer *buffer, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        buffer_format(buffer, "\\%c", byte);
    else if (byte == '\n')
        buffer_text(buffer, "\\n");
    else if (byte >= 0x80)
        buffer_text(buffer, "\\ufffd");
    else
        buffer_format(buffer, "\\u%04x", byte);
}

void buffer_json_bytes(struct buffer *buffer, const char *data, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t plain = 0;
    buffer_text(buffer, "\"");
    for (size_t i = 0; i < len;) {
        bool is_plain = bytes[i] >= 0x20 && bytes[i] < 0x7F && bytes[i] != '"' && bytes[i] != '\\';
        size_t step = is_plain ? 1 : bytes[i] < 0x80 ? 0 : utf8_length(bytes + i, len - i);
        if (step) {
            i += step;
            continue;
        }
        buffer_add(buffer, data + plain, i - plain);
        json_escape(buffer, bytes[i]);
        plain = ++i;
    }
    buffer_add(buffer, data + plain, len - plain);
    buffer_text(buffer, "\"");
}

void buffer_json(struct buffer *buffer, const char *text)
{
    if (text)
        buffer_json_bytes(buffer, text, strlen(text));
    else
        buffer_text(buffer, "null");
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
