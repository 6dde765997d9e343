/* `warden state export` and `state import`: all values as JSON lines, to look at, to keep, and to move between stores.
 * Neighbour: state.c. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "worker/cli/state.h"

enum { BATCH = 500, KEY_MAX = 200 };

/* ---- base64 ---- */

char *base64_text(const unsigned char *bytes, size_t len)
{
    char *text = malloc((len + 2) / 3 * 4 + 1);
    if (text)
        EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    return text;
}

unsigned char *base64_bytes(const char *text, size_t *len_out)
{
    size_t len = strlen(text);
    unsigned char *bytes = malloc(len / 4 * 3 + 1);
    int decoded = bytes && len % 4 == 0 ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) : -1;
    if (decoded < 0) {
        free(bytes);
        return NULL;
    }
    *len_out = (size_t)decoded;
    for (size_t padding = 0; padding < 2 && len > padding && text[len - 1 - padding] == '='; padding++)
        --*len_out;
    return bytes;
}

/* ---- export ---- */

struct exporting {
    const struct cli_state *state;
    int64_t now_ms;
    size_t count;
    bool failed;
};

static json_t *line_of(struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    char *text = base64_text(bytes, len);
    json_t *line = json_pack("{s:o?, s:s, s:I}", "key", json_stringn(key.data, key.len), "value", text ? text : "",
                             "forget_at_ms", (json_int_t)forget_at_ms);
    free(text);
    if (!line) { /* a key that is no UTF-8 */
        text = base64_text((const unsigned char *)key.data, key.len);
        char *value = base64_text(bytes, len);
        line = json_pack("{s:s?, s:s?, s:I}", "key_base64", text, "value", value, "forget_at_ms",
                         (json_int_t)forget_at_ms);
        free(text);
        free(value);
    }
    return line;
}

/* `about` is JSON already, and most of the line: it is put in as it is. */
static bool print_line(const char *line, const char *about)
{
    size_t len = strlen(line);
    if (!about)
        return fwrite(line, 1, len, stdout) == len && putchar('\n') != EOF;
    return fwrite(line, 1, len - 1, stdout) == len - 1 && printf(",\"about\":%s}\n", about) > 0;
}

static bool export_one(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    struct exporting *exporting = context;
    json_t *line = line_of(key, bytes, len, forget_at_ms);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    char *about = wd_value_describe(exporting->state->rules, key, bytes, len, exporting->now_ms);
    exporting->failed = !text || !print_line(text, about);
    free(about);
    free(text);
    json_decref(line);
    exporting->count++;
    return !exporting->failed;
}

static int export_all(const struct cli_arguments *arguments)
{
    struct cli_state state = {0};
    struct wd_error err = {0};
    struct exporting exporting = {.state = &state, .now_ms = (int64_t)time(NULL) * 1000};
    int code = cli_state_open(arguments, true, true, &state);
    if (code == EXIT_FINE && state_each(state.store, export_one, &exporting, &err) != WD_OK)
        code = cli_state_fail(&state, &err);
    if (code == EXIT_FINE && exporting.failed)
        code = cli_fail(arguments, EXIT_FINDINGS, "the lines cannot be written");
    if (code == EXIT_FINE)
        fprintf(stderr, "%zu values\n", exporting.count);
    cli_state_close(&state);
    return code;
}

/* ---- import ---- */

struct importing {
    struct cli_state *state;
    struct state_item items[BATCH];
    struct wd_value old[BATCH], values[BATCH];
    char keys[BATCH][KEY_MAX + 1];
    size_t count, total;
};

static void forget_batch(struct importing *importing)
{
    for (size_t i = 0; i < importing->count; i++) {
        free(importing->values[i].bytes);
        free(importing->old[i].bytes);
    }
    importing->count = 0;
}

/* What is there under the same key is replaced. */
static int store_batch(struct importing *importing)
{
    struct wd_error err = {0};
    bool conflicts = importing->count > 0;
    while (conflicts) {
        conflicts = false;
        for (size_t i = 0; i < importing->count; i++)
            importing->items[i].value = &importing->old[i];
        if (state_get_now(importing->state->store, importing->items, importing->count, &err) != WD_OK)
            return cli_state_fail(importing->state, &err);
        for (size_t i = 0; i < importing->count; i++)
            importing->items[i].value = &importing->values[i];
        if (state_put_now(importing->state->store, importing->items, importing->count, 0, &err) != WD_OK)
            return cli_state_fail(importing->state, &err);
        for (size_t i = 0; i < importing->count; i++)
            conflicts |= importing->items[i].conflict;
    }
    importing->total += importing->count;
    forget_batch(importing);
    return EXIT_FINE;
}

/* NULL, or what is wrong with the line. */
static const char *take_line(struct importing *importing, const char *text)
{
    size_t at = importing->count, len = 0, key_len = 0;
    json_t *line = json_loads(text, 0, NULL);
    const char *value = json_string_value(json_object_get(line, "value"));
    json_t *key = json_object_get(line, "key");
    const char *coded = json_string_value(json_object_get(line, "key_base64"));
    unsigned char *bytes = value ? base64_bytes(value, &len) : NULL;
    unsigned char *decoded = coded ? base64_bytes(coded, &key_len) : NULL;
    const char *name = decoded ? (const char *)decoded : json_string_value(key);
    key_len = decoded ? key_len : json_string_length(key);
    const char *problem = !line                                    ? "is not JSON"
                          : !name || !key_len || key_len > KEY_MAX ? "has no key of 1 to 200 bytes"
                          : !bytes || !len                         ? "has no value in base64"
                                                                   : NULL;
    if (!problem) {
        memcpy(importing->keys[at], name, key_len);
        importing->values[at] =
            (struct wd_value){.bytes = bytes,
                              .len = (uint32_t)len,
                              .capacity = (uint32_t)len,
                              .forget_at_ms = json_integer_value(json_object_get(line, "forget_at_ms"))};
        importing->old[at] = (struct wd_value){0};
        importing->items[at] = (struct state_item){.key = {.data = importing->keys[at], .len = key_len}};
        importing->count++;
        bytes = NULL;
    }
    free(bytes);
    free(decoded);
    json_decref(line);
    return problem;
}

static int import_lines(struct importing *importing, FILE *file)
{
    char *line = NULL;
    size_t room = 0, number = 0;
    int code = EXIT_FINE;
    while (code == EXIT_FINE && getline(&line, &room, file) > 0) {
        const char *problem = line[0] == '\n' ? NULL : take_line(importing, line);
        number++;
        if (problem)
            code = cli_fail(importing->state->arguments, EXIT_FINDINGS, "line %zu %s", number, problem);
        else if (importing->count == BATCH)
            code = store_batch(importing);
    }
    free(line);
    if (code == EXIT_FINE)
        code = store_batch(importing);
    forget_batch(importing);
    return code;
}

static int import_all(const struct cli_arguments *arguments)
{
    struct cli_state state = {0};
    struct wd_error err = {0};
    struct importing *importing = calloc(1, sizeof(*importing));
    const char *path = cli_operand_count(arguments) ? cli_operands(arguments)[0] : "-";
    if (cli_operand_count(arguments) > 1 || !importing) {
        free(importing);
        return cli_usage(arguments, "one FILE at most, - for standard input");
    }
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    int code = file ? cli_state_open(arguments, false, false, &state)
                    : cli_fail(arguments, EXIT_FINDINGS, "%s cannot be read", path);
    importing->state = &state;
    if (code == EXIT_FINE)
        code = import_lines(importing, file);
    if (code == EXIT_FINE && state_sync(state.store, &err) != WD_OK)
        code = cli_state_fail(&state, &err);
    if (code == EXIT_FINE)
        fprintf(stderr, "%zu values\n", importing->total);
    if (file && file != stdin)
        fclose(file);
    free(importing);
    cli_state_close(&state);
    return code;
}

static const struct cli_option EXPORT_OPTIONS[] = {CLI_STATE_OPTIONS, {0}};
static const struct cli_option IMPORT_OPTIONS[] = {CLI_CONFIG_OPTIONS, {0}};

const struct cli_command command_state_export = {
    .name = "state export",
    .summary = "write all that is remembered as JSON lines",
    .text = "A line a value: key, value in base64, forget_at_ms, and what is in it under 'about', for people. What "
            "changes meanwhile may be in it or not.",
    .options = EXPORT_OPTIONS,
    .run = export_all,
};

const struct cli_command command_state_import = {
    .name = "state import",
    .operands = "[FILE]",
    .summary = "read what `state export` has written",
    .text = "From FILE or standard input; a value that is there under the same key is replaced. An lmdb must not be in "
            "use meanwhile.",
    .options = IMPORT_OPTIONS,
    .run = import_all,
};
