/* Texts of the kind that rules will meet, from a file: the index looks for what is rare in them. They change speed
 * only, never what matches. Neighbours: compile.c hands them to filters/patterns. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "filters/base/file.h"
#include "filters/rules/loader.h"
#include "filters/rules/utf8.h"

enum { SAMPLE_BYTES_MAX = 16 << 20, NESTED_MAX = 16 };

struct sample {
    char *text; /* what has been gathered; it is never longer than the file */
    size_t len;
};

static void add(struct sample *sample, const char *text, size_t len)
{
    if (!wd_is_utf8((struct wd_str){text, len}))
        return;
    memcpy(sample->text + sample->len, text, len);
    sample->len += len;
    sample->text[sample->len++] = '\n';
}

static bool holds_prose(const char *key)
{
    static const char *const KEYS[] = {"text", "title", "description", "displayName"};
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
        if (strcmp(key, KEYS[i]) == 0)
            return true;
    return false;
}

static void add_json(struct sample *sample, const char *text, size_t len, unsigned depth);

/* Of an event, wherever in it. */
static void add_prose(struct sample *sample, const json_t *value, unsigned depth)
{
    const char *key;
    json_t *child;
    size_t index;
    if (depth >= NESTED_MAX)
        return;
    if (json_is_array(value)) {
        json_array_foreach(value, index, child) add_prose(sample, child, depth + 1);
        return;
    }
    json_object_foreach((json_t *)value, key, child)
    {
        if (!json_is_string(child))
            add_prose(sample, child, depth + 1);
        else if (holds_prose(key))
            add(sample, json_string_value(child), json_string_length(child));
        else if (strcmp(key, "payload") == 0)
            add_json(sample, json_string_value(child), json_string_length(child), depth + 1); /* as kcat -J */
    }
}

static void add_json(struct sample *sample, const char *text, size_t len, unsigned depth)
{
    if (depth >= NESTED_MAX)
        return;
    json_t *value = json_loadb(text, len, 0, NULL);
    if (value)
        add_prose(sample, value, depth);
    json_decref(value);
}

enum wd_status wd_sample_read(const char *path, char **text_out, struct wd_error *err)
{
    char *file = NULL;
    size_t len = 0;
    enum wd_status status = wd_file_read(path, SAMPLE_BYTES_MAX + 1, &file, &len);
    if (status != WD_OK)
        return wd_fail(err, status, "the sample of messages cannot be read: %s",
                       status == WD_ERR_NOT_FOUND ? "there is no such file"
                       : status == WD_ERR_IO      ? strerror(errno)
                                                  : wd_status_name(status));
    struct sample sample = {.text = malloc(len + 2)};
    if (len > SAMPLE_BYTES_MAX)
        status = wd_fail(err, WD_ERR_TOO_LARGE, "the sample of messages has more than %d MiB; some thousand are enough",
                         SAMPLE_BYTES_MAX >> 20);
    else if (!sample.text)
        status = wd_fail(err, WD_ERR_MEMORY, "no memory for the sample of messages");
    for (size_t at = 0; status == WD_OK && at < len;) {
        const char *end = memchr(file + at, '\n', len - at);
        size_t line = end ? (size_t)(end - file) - at : len - at;
        if (file[at] == '{')
            add_json(&sample, file + at, line, 0);
        else
            add(&sample, file + at, line);
        at += line + 1;
    }
    free(file);
    if (status != WD_OK) {
        free(sample.text);
        return status;
    }
    sample.text[sample.len] = '\0';
    *text_out = sample.text;
    return WD_OK;
}
