/* Reads the rules and texts of bench/match. */
#include "bench/match.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static _Noreturn void stop(const char *path, size_t line, const char *why)
{
    fprintf(stderr, "match: %s:%zu: %s\n", path, line, why);
    exit(1);
}

static char *read_file(const char *path, size_t *len_out)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t len = 0, capacity = 0;
    while (file && !feof(file) && !ferror(file)) {
        capacity = capacity ? capacity * 2 : 1 << 20;
        char *grown = realloc(bytes, capacity);
        if (!grown)
            stop(path, 0, "no memory");
        bytes = grown;
        len += fread(bytes + len, 1, capacity - len - 1, file);
    }
    if (!file || ferror(file))
        stop(path, 0, strerror(errno));
    fclose(file);
    bytes[len] = '\0';
    *len_out = len;
    return bytes;
}

static void add_rule(struct match_rules *rules, char *line, const char *path, size_t number)
{
    char *fields[4] = {line};
    for (size_t i = 1; i < 4; i++) {
        char *tab = strchr(fields[i - 1], '\t');
        if (!tab)
            stop(path, number, "expected id, kind, caseless and pattern, separated by tabs");
        fields[i] = tab + 1;
    }
    struct match_rule *grown = realloc(rules->items, (rules->count + 1) * sizeof *grown);
    if (!grown)
        stop(path, number, "no memory");
    rules->items = grown;
    rules->items[rules->count++] =
        (struct match_rule){.pattern = wd_str_from(fields[3]), .caseless = fields[2][0] == '1'};
}

struct match_rules match_rules_read(const char *path)
{
    struct match_rules rules = {0};
    size_t len, number = 0;
    rules.file = read_file(path, &len);
    for (char *line = rules.file; *line;) {
        char *end = strchr(line, '\n');
        char *next = end ? end + 1 : line + strlen(line);
        if (end)
            *end = '\0';
        number++;
        if (*line && !(number == 1 && strncmp(line, "id", 2) == 0))
            add_rule(&rules, line, path, number);
        line = next;
    }
    return rules;
}

static void add_text(struct match_texts *texts, const char *line, size_t len, const char *path, size_t number)
{
    json_error_t error;
    json_t *object = json_loadb(line, len, 0, &error);
    const char *text = NULL;
    size_t text_len = 0;
    if (!object)
        stop(path, number, error.text);
    if (json_unpack(object, "{s:s%}", "text", &text, &text_len) != 0)
        stop(path, number, "expected {\"text\": \"...\"}");
    struct wd_str *grown = realloc(texts->items, (texts->count + 1) * sizeof *grown);
    char *copy = malloc(text_len + 1);
    if (!grown || !copy)
        stop(path, number, "no memory");
    memcpy(copy, text, text_len + 1);
    texts->items = grown;
    texts->items[texts->count++] = (struct wd_str){.data = copy, .len = text_len};
    json_decref(object);
}

struct match_texts match_texts_read(const char *path)
{
    struct match_texts texts = {0};
    size_t len, number = 0;
    char *file = read_file(path, &len);
    for (char *line = file; line < file + len;) {
        char *end = memchr(line, '\n', (size_t)(file + len - line));
        size_t line_len = end ? (size_t)(end - line) : (size_t)(file + len - line);
        number++;
        if (line_len > 0)
            add_text(&texts, line, line_len, path, number);
        line += line_len + 1;
    }
    free(file);
    return texts;
}

void match_rules_free(struct match_rules *rules)
{
    free(rules->items);
    free(rules->file);
}

void match_texts_free(struct match_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free((char *)texts->items[i].data);
    free(texts->items);
}
